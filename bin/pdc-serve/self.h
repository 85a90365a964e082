/* SPDX-License-Identifier: ISC */
#ifndef PDC_SERVE_SELF_H
#define PDC_SERVE_SELF_H

/* The families of pdc-serve itself, after those of the store. */

#include <stdint.h>

#include "api/page.h"

struct buf;
struct serve;
struct source_use;

struct self {
	struct serve *serve;
	const struct source_use *use;
	struct page_result result; /* of this page */
	int64_t start_ns; /* of this page */
};

/* Append all of them but those whose name the store has. */
void self_append(struct buf *, const struct self *);

/*
 * Append the head of one family unless the store has its name.  Returns 1 when
 * samples may follow, else 0.
 */
int self_head(struct buf *, const struct self *, const char *name,
    const char *help, const char *type);

/* A family of one sample without labels. */
void self_gauge(struct buf *, const struct self *, const char *name,
    const char *help, double value);
void self_counter(struct buf *, const struct self *, const char *name,
    const char *help, double value);

#endif
