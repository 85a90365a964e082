/* SPDX-License-Identifier: ISC */
#ifndef PDC_CHECK_BOOK_H
#define PDC_CHECK_BOOK_H

/* What a check knows on its way through the records, for lib/check alone. */

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "check/check.h"
#include "lane/cells.h"
#include "store/dying.h"
#include "store/family.h"
#include "store/value.h"

struct check_list {
	void *at;
	size_t n, cap;
};

/* An incarnation: of an F record, or with an E record to be swept up. */
struct check_life {
	uint32_t family, incarnation;
	uint32_t zone, width, nlabels,
	    nstates; /* nlabels: values, with whose */
	uint32_t next_n; /* of F; numbers of E are not all there */
	uint64_t nseries, found; /* as F says; S records */
	uint8_t type, ended;
};

/* Who has a number: S, D, K or N; and what id. */
struct check_number {
	uint32_t family, incarnation, n;
	char kind;
	uint64_t id;
};

/* Who has units of the present epoch: V or U. */
struct check_extent {
	uint64_t unit, len;
	uint32_t zone, family, incarnation, block;
	char kind;
};

/* A run to be looked at again: of a series, or of the D of this number. */
struct check_doubt {
	struct check_life life;
	uint32_t n;
	char kind; /* S, D */
	uint64_t number;
};

struct check {
	struct store *st;
	const struct cells *cells; /* NULL: none of the snapshot's epoch */
	struct stxn x;
	check_found_fn *found;
	void *arg;
	int nfound, ret;
	uint64_t nfamilies, nseries; /* that are shown */
	struct check_list lives, numbers, extents, doubts;
	struct buf text; /* rendered labels */
	struct family f; /* of the series that are looked at */
	struct dying y;
	struct check_journal *journal; /* journal.c */
	struct pair now[BOUNDS_MAX + 1]; /* of a series, with its cells */
	struct value v;
};

/* In the order of this comparison, once all are known. */
struct check_life *pdc_check_life(struct check *, uint32_t family,
    uint32_t incarnation);
int pdc_check_life_compare(const void *, const void *);
void pdc_check_add(struct check *, struct check_list *, const void *item,
    size_t size);
/* A finding; with the key of a record, or with words of its own. */
void pdc_check_key(struct check *, const struct scur *, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void pdc_check_say(struct check *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* All records of a kind whose keys have their length. */
void pdc_check_each(struct check *, char kind,
    void (*fn)(struct check *, const struct scur *));

/* The shape that places of numbers in blocks follow from. */
struct family_rec pdc_check_shape(const struct check_life *);

/* What records lie in. */
void pdc_check_pages(struct check *);
/* M F I E, in this order; then lives are known. */
void pdc_check_families(struct check *);
/* S L N V T */
void pdc_check_series(struct check *);
/* D K C U O R, and keys of no kind */
void pdc_check_others(struct check *);
/* J */
void pdc_check_journal(struct check *);
/* Numbers, ids and units have one owner each. */
void pdc_check_owners(struct check *);

/*
 * What is wrong with the cells of the series at pos in v, or with those of a
 * dying run, into words; 0 if nothing is.  With all that is owed done.
 */
#define CHECK_WORDS 160
int pdc_check_run_cells(struct check *, struct stxn *,
    const struct check_life *, struct value *, uint32_t pos, uint64_t id,
    char *words);
int pdc_check_dying_cells(struct check *, struct stxn *, const struct dying *,
    char *words);
/* Under the write lock: the doubts again, and the rings. */
void pdc_check_locked(struct check *);

#endif
