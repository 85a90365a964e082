/* SPDX-License-Identifier: ISC */
#ifndef PDC_SERVE_SCRAPE_H
#define PDC_SERVE_SCRAPE_H

/* One page: a checkpoint if it is quick, the store's families, then our own. */

#include <stdint.h>

#include "base/buf.h"
#include "expo/expo.h"
#include "pdc-serve/source.h"

struct serve;

struct scrape {
	int64_t arrival_ns; /* CLOCK_MONOTONIC */
	int64_t deadline_ns;
	struct expo_how how;
	const char *const *names; /* as struct page_opts has them */
	struct buf page; /* of the caller */
	char words[SOURCE_WORDS]; /* why there is no page */
};

/*
 * The time to be done for a client that waits timeout seconds, which is what
 * X-Prometheus-Scrape-Timeout-Seconds says; NULL or no sensible number: 60.
 */
int64_t scrape_deadline(int64_t arrival_ns, const char *timeout);

/* Append the page.  Returns the HTTP status: 200, or 500 or 503 and words. */
int scrape_page(struct serve *, struct scrape *);

#endif
