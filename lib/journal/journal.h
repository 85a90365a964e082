/* SPDX-License-Identifier: ISC */
#ifndef PDC_JOURNAL_JOURNAL_H
#define PDC_JOURNAL_JOURNAL_H

/*
 * The journal: lines of logs, events and measures, in the order of a number
 * that each gets in the transaction that writes it.
 *
 * key				value
 * J				struct journal_rec
 * J stream seq			struct journal_block, struct journal_line[n],
 *				then their texts; seq is that of the first line
 *
 * A stream holds the lines of one kind and level, so who asks for some levels
 * reads no others, and each has a life of its own.  Numbers are given over all
 * streams; each line of a block has its own.  The times of lines never decrease
 * as their numbers rise, so a time is found by bisection.
 *
 * What a transaction appends is gathered and put at its end, in blocks that are
 * full at BLOCK_TEXT bytes, before or after one line more; it is joined to the
 * last block if that is small.  Written under the write lock only.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "store/store.h"

/* Levels are those of OpenTelemetry: X(name, number, word). */
#define JOURNAL_LEVELS(X) \
	X(TRACE, 1, "TRACE") \
	X(DEBUG, 5, "DEBUG") \
	X(INFO, 9, "INFO") \
	X(WARNING, 13, "WARNING") \
	X(ERROR, 17, "ERROR") \
	X(CRITICAL, 21, "CRITICAL")

enum journal_stream {
#define X(name, number, word) STREAM_##name,
	JOURNAL_LEVELS(X)
#undef X
	    STREAM_EVENTS,
	STREAM_MEASURES,
	NSTREAMS
};

#define STREAM_LOGS STREAM_EVENTS /* so many are of logs */

#define JOURNAL_LINE_MAX ((size_t)256 << 10)
#define JOURNAL_KEY_LEN 10

struct journal_stream_rec {
	uint64_t floor; /* the first number that was not deleted */
	uint64_t nlines, bytes;
	uint64_t last; /* first number of the last block; 0: there is none */
};

struct journal_rec {
	uint64_t next; /* number of the next line; the first is 1 */
	int64_t last_us; /* the latest time given, since 1970 */
	struct journal_stream_rec stream[NSTREAMS];
	uint64_t reserved[8];
};

struct journal_block {
	uint32_t nlines, text_len;
	uint64_t first; /* number; others are distances from it */
};

struct journal_line {
	uint32_t distance;
	uint32_t end; /* of its text, in the block's */
	int64_t us;
};

/* A line without its time, which belongs at at. */
struct journal_text {
	enum journal_stream stream;
	const char *text;
	uint32_t len, at;
	int64_t us; /* the latest of it and all before is taken */
};

/*
 * Appending, in a write transaction: begin, add, end, which puts all and frees;
 * also after an error, which stays in the transaction.
 */
struct journal;
struct journal *pdc_journal_begin(struct stxn *);
int pdc_journal_add(struct journal *, const struct journal_text *);
int pdc_journal_end(struct journal *);

/* The first record; all zero but next where there is no journal yet. */
int pdc_journal_rec(struct stxn *, struct journal_rec *);
void pdc_journal_key(unsigned char *key, enum journal_stream, uint64_t seq);
/* Check and take apart a block; 0 or PDC_EFORMAT. */
struct journal_view {
	struct journal_block h;
	const unsigned char *lines; /* struct journal_line, not aligned */
	const char *text;
};
int pdc_journal_view(struct journal_view *, const void *val, size_t len);
struct journal_line pdc_journal_line(const struct journal_view *, uint32_t i);

/* Whether these bytes can be a line of that stream, in one piece. */
int pdc_journal_is_line(const char *text, size_t len, unsigned stream);

/* Seconds as Python's repr() has them, exact to the microsecond. */
size_t pdc_journal_time(char *out, int64_t us);

#endif
