/* SPDX-License-Identifier: ISC */
#ifndef PDC_SERVE_LATEST_H
#define PDC_SERVE_LATEST_H

/* The latest values that were measured, kept from page to page. */

#include <pthread.h>

#include "base/buf.h"

struct latest;
struct serve;

#define LATEST_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct served_latest {
	pthread_mutex_t mutex;
	struct latest *latest; /* NULL before the first page */
};

/* The status; the page, or what is wrong, into body. */
int latest_page(struct serve *, int64_t arrival_ns, struct buf *body);
void latest_fini(struct served_latest *);

#endif
