/* SPDX-License-Identifier: ISC */
#ifndef PDC_JOURNAL_READ_H
#define PDC_JOURNAL_READ_H

/*
 * Reading the journal, a page at a time, each from one snapshot: what comes
 * after a number, in their order.
 */

#include <stddef.h>
#include <stdint.h>

#include "journal/journal.h"

#define JOURNAL_LOGS ((1u << STREAM_LOGS) - 1) /* of streams */

struct journal_query {
	unsigned streams; /* a bit each */
	int resumes; /* after is of a reader who has seen what was before */
	uint64_t after;
	double since, until; /* seconds; since itself is not shown */
	const char *name; /* of events and measures; NULL: any */
	uint64_t limit; /* lines */
	size_t bytes; /* so many, or one line */
	int cursors; /* each line gets its own */
};

/* A query of everything that has these streams. */
void pdc_journal_all(struct journal_query *, unsigned streams);

struct journal_answer {
	uint64_t next; /* the after of the next page */
	uint64_t nlines;
	int more; /* there is more by this snapshot */
	/* To who resumes: between these numbers lines are gone; or 0. */
	uint64_t gap_from, gap_to;
	int beyond; /* who resumes has seen more than there is */
	uint64_t damaged; /* blocks that were left out */
};

/* Put a page into the buf; 0 or an error. */
int pdc_journal_read(struct stxn *, const struct journal_query *, struct buf *,
    struct journal_answer *);

/*
 * A cursor as text: the store's and the number's.  Parse gives 0, PDC_EINVAL
 * for what is no cursor, PDC_ENOENT for one of another store; no words.
 */
#define CURSOR_SIZE 64
size_t pdc_cursor_put(char *out, const struct meta *, uint64_t seq);
int pdc_cursor_parse(uint64_t *seq, const struct meta *, const char *);

/*
 * The stream of a level by its word in any case; WARN and
 * FATAL are WARNING and CRITICAL; -1: none.
 */
int pdc_level_parse(const char *);

#endif
