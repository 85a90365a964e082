/* SPDX-License-Identifier: ISC */
#ifndef PDC_SERVE_SCRAPE_H
#define PDC_SERVE_SCRAPE_H

/*
 * One page, piece by piece: a checkpoint if it is quick, the store's families,
 * then our own.  Between the pieces nothing of the store is in use.
 */

#include <stdint.h>

#include "api/page.h"
#include "base/buf.h"
#include "expo/taken.h"
#include "pdc-serve/source.h"

struct serve;

struct scrape {
	struct serve *serve;
	int64_t start_ns; /* CLOCK_MONOTONIC */
	int64_t deadline_ns;
	int64_t made_ns; /* when the last piece was */
	struct page_opts opts; /* how and names are the caller's to set */
	struct taken taken;
	struct page *page; /* NULL: there is no store */
	int is_whole; /* this is the last piece */
	struct buf piece; /* the present one */
	char words[SOURCE_WORDS]; /* why there is none */
};

/*
 * The time to be done for a client that waits timeout seconds, which is what
 * X-Prometheus-Scrape-Timeout-Seconds says; NULL or no sensible number: 60.
 */
int64_t scrape_deadline(int64_t arrival_ns, const char *timeout);

/*
 * Make the first piece, or the next one: the HTTP status 200; or 500 or 503,
 * and words.  The time from one piece to the next, which is the client's, moves
 * the deadline.
 */
int scrape_first(struct scrape *);
int scrape_next(struct scrape *);
void scrape_fini(struct scrape *);

#endif
