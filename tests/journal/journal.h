/* SPDX-License-Identifier: ISC */
#ifndef TEST_JOURNAL_H
#define TEST_JOURNAL_H

/* For tests of the journal: what a store's has, as text. */

#include "journal/read.h"

struct pdc;

/* A new store; one from before is closed, if it is not NULL. */
struct pdc *journal_fresh(struct pdc *);

/* Let its clock of the day say that it is so many microseconds after 1970. */
void journal_clock(struct pdc *, int64_t us);

/* The page of a query, with a NUL; to be freed.  Rings are emptied first. */
char *journal_page(struct pdc *, const struct journal_query *,
    struct journal_answer *);
/* All lines of these streams. */
char *journal_all(struct pdc *, unsigned streams);
/* The same with 0 for each time. */
char *journal_timeless(struct pdc *, unsigned streams);
/* How many lines. */
size_t journal_lines(const char *page);

#define ALL_STREAMS ((1u << NSTREAMS) - 1)

#endif
