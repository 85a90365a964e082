/* SPDX-License-Identifier: ISC */
#ifndef MACHINE_H
#define MACHINE_H

/*
 * What a process does with a store, one operation each, while the machine
 * refuses something; and who judges it afterwards.
 *
 * A try is one process's: it opens the store, prepares, and runs the operation
 * while something fails.  That has to be an error with words, or none.  Then
 * nothing fails any more: the operation succeeds, and so does all else.  A
 * judge, who has inherited nothing, finds what was acknowledged and no more,
 * and a store that a check finds whole.
 */

#include <stdint.h>

#include "pdc.h"

struct machine_op {
	const char *name;
	void (*prepare)(void); /* nothing fails yet; may be NULL */
	int (*run)(void); /* 0 or a PDC_E* */
	int by_path; /* run opens the store */
	int closed; /* which nobody has open then */
	int child; /* of a process that has the store open */
};

extern const struct machine_op machine_ops[];
extern const int machine_nops;

/* What was acknowledged. */
struct machine_want {
	double counter, gauge, count, named, made;
	uint64_t lines;
};

extern struct machine {
	char dir[256], other[256]; /* the store, and where there is none */
	char cells[256]; /* of the cells, if not in the store */
	unsigned flags; /* of pdc_open() */
	struct machine_want want;
	long number; /* no label or name comes twice */
	double passed; /* seconds, for all who open it */
	int bad; /* complaints */
} * machine;

/* Let something fail from now on; and no more: whether anything did. */
struct machine_fail {
	void (*arm)(void);
	int (*disarm)(void);
};

/*
 * For main(), before all else; and another store, one after the other: in a
 * directory, NULL: one of its own in memory.
 */
void machine_init(void);
void machine_begin(const char *base, unsigned flags);
struct pdc_options machine_options(void);
/* What a store has in its directory, and that. */
void machine_remove(const char *dir);

/*
 * One try in this process: whether anything failed.  may tells whether a
 * failure may be of this code.
 */
int machine_try(const struct machine_op *, const struct machine_fail *,
    int (*may)(int ret));
/*
 * The same in a process of its own, which has inherited the store if that is
 * for the operation; -1: enter, called there before all else, did not return 0.
 */
int machine_apart(const struct machine_op *, const struct machine_fail *,
    int (*may)(int ret), int (*enter)(void));
/* A complaint. */
void machine_bad(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The judge: how many complaints there were, which are forgotten. */
int machine_judged(void);

/* Of ops.c: open the store with all handles, use all of it, close it. */
void machine_open(void);
void machine_use(void);
void machine_close(void);

#endif
