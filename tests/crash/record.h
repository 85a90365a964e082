/* SPDX-License-Identifier: ISC */
#ifndef RECORD_H
#define RECORD_H

/*
 * What is written to the data.mdb of a store, and what a cut of the power
 * leaves of it.
 *
 * record.c has functions in the place of libc's, so LMDB needs to know nothing.
 * A recording is made by one process of one thread.
 */

#include <stddef.h>
#include <stdint.h>

#define RECORD_OPS 4096
#define RECORD_BYTES (32u << 20)

enum record_kind {
	RECORD_WRITE,
	RECORD_SYNC,
	RECORD_MARK, /* off is its number */
	RECORD_NAME, /* a directory, or data.mdb; off is the inode it is in */
	RECORD_NAMES_SYNC /* of a directory; off is its inode */
};

struct record_op {
	enum record_kind kind;
	int64_t off, len;
	size_t at; /* in the bytes */
};

struct record {
	size_t nops, nbytes;
	int full;
	int unknown; /* of what can be done, the model does not know */
	struct record_op ops[RECORD_OPS];
	unsigned char bytes[RECORD_BYTES];
};

/*
 * What is there after a cut of the power before op n.  What was written before
 * the last sync is there; of the rest some, and not in its order.
 */
enum record_loss {
	RECORD_ALL, /* all that was written */
	RECORD_NONE, /* nothing of the rest */
	RECORD_BUT_ONE, /* all but one write */
	RECORD_SOME, /* some of the writes */
	RECORD_TORN_512, /* of each 512 bytes what they were at some time */
	RECORD_TORN_4096,
	NLOSSES
};

struct record_image {
	unsigned char *data; /* RECORD_BYTES */
	int64_t size;
};

/* From here on, in this process, which also believes to be in this boot. */
void record_start(struct record *, const char *boot);
void record_mark(int64_t number);
/*
 * From here on nothing is synced in this process, which has nothing to lose;
 * errno as of a sync that fails, or 0.
 */
void record_no_syncs(int error);

/* Whether names were synced before the first sync of what is in the file. */
int record_named(const struct record *);
/* How many ops the last sync before op n ends; 0: there was none. */
size_t record_synced(const struct record *, size_t n);
/* The number of the last mark before op n, or 0. */
int64_t record_marked(const struct record *, size_t n);
/* After a cut before op n; what is before op safe is there. */
void record_cut(const struct record *, size_t safe, size_t n, enum record_loss,
    uint64_t *random, struct record_image *);

#endif
