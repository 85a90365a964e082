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
 * J stream+128 hash seq	nothing: the block has lines of a name with this
 *				hash; of events and measures
 *
 * A stream holds the lines of one kind and level, so who asks for some levels
 * reads no others, and each has a life of its own.  Numbers are given over all
 * streams; each line of a block has its own.  Times rise with the numbers, by a
 * microsecond at least, so a time is found by bisection, and who asks for what
 * comes after a line's time misses none.
 *
 * What a transaction appends is gathered and put at its end, in blocks that are
 * full at BLOCK_TEXT bytes, before or after one line more; it is joined to the
 * last block if that is small.  Written under the write lock only.
 *
 * Lines are deleted from the oldest on.  Those of a stream before its floor are
 * gone, also where their block is still there for others.
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

/* What a limit is for: a stream, or these. */
enum journal_scope {
	SCOPE_LOGS = NSTREAMS, /* all levels together */
	SCOPE_DEFAULT, /* each level that has no limit of its own */
	NSCOPES
};

#define JOURNAL_LINE_MAX ((size_t)256 << 10)
#define JOURNAL_KEY_LEN 10
#define JOURNAL_NAME_KEY_LEN 14
#define JOURNAL_NAMES 128 /* with a stream: of names */

struct journal_stream_rec {
	uint64_t floor; /* a line was deleted just before; 0: none ever */
	uint64_t nlines, bytes; /* that are there */
	uint64_t last; /* first number of the last block; 0: there is none */
	uint64_t deleted; /* lines */
};

struct journal_limit {
	uint64_t set; /* 0: none, so a level has the default */
	int64_t max_age_us; /* 0: no limit */
	uint64_t max_count, max_bytes; /* the same */
};

struct journal_rec {
	uint64_t next; /* number of the next line; the first is 1 */
	int64_t last_us; /* the latest time given, since 1970 */
	struct journal_stream_rec stream[NSTREAMS];
	struct journal_limit limit[NSCOPES];
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
	int64_t us; /* or what comes after the line before */
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
/* Instead of one that makes no sense. */
int pdc_journal_rebuild(struct stxn *, struct journal_rec *);
void pdc_journal_key(unsigned char *key, enum journal_stream, uint64_t seq);
/* Check and take apart a block; 0 or PDC_EFORMAT. */
struct journal_view {
	struct journal_block h;
	const unsigned char *lines; /* struct journal_line, not aligned */
	const char *text;
};
int pdc_journal_view(struct journal_view *, const void *val, size_t len);
struct journal_line pdc_journal_line(const struct journal_view *, uint32_t i);
/* The same for a block of the key of seq, whose numbers have been given. */
int pdc_journal_block(struct journal_view *, const struct journal_rec *,
    uint64_t seq, const void *val, size_t len);

/*
 * Delete what is beyond the limits by rec, which is changed, too: the oldest
 * first, no more than max lines.  1 if there may be more.
 */
int pdc_journal_trim(struct stxn *, struct journal_rec *, uint64_t max);

/*
 * The limits of a scope by its word: logs, default, a level, events, measures;
 * -1: none.
 */
int pdc_scope_parse(const char *);
const char *pdc_scope_word(enum journal_scope);
/* 0 where there is none of its own. */
const struct journal_limit *pdc_journal_limit(const struct journal_rec *,
    enum journal_stream);

/* The name of a line of events or measures, as its text has it, by its hash. */
uint32_t pdc_journal_name(const char *text, size_t len);
/* The names of a block: put what is found by them, or delete that. */
struct journal_view;
int pdc_journal_names(struct stxn *, enum journal_stream,
    const struct journal_view *, int put);
void pdc_journal_name_key(unsigned char *key, enum journal_stream,
    uint32_t hash, uint64_t seq);

/* Whether these bytes can be a line of that stream, in one piece. */
int pdc_journal_is_line(const char *text, size_t len, unsigned stream);

/* Seconds as Python's repr() has them, exact to the microsecond. */
size_t pdc_journal_time(char *out, int64_t us);

#endif
