/* SPDX-License-Identifier: ISC */
#ifndef PDC_SERVE_SELF_H
#define PDC_SERVE_SELF_H

/*
 * The families of pdc-serve itself, after those of the store: collected in any
 * order, then written in the order of their names.
 */

#include <stdint.h>

#include "api/page.h"

struct buf;
struct expo;
struct serve;
struct source_use;

struct self {
	struct serve *serve;
	const struct source_use *use;
	const struct page_opts *opts; /* of this page, with taken */
	struct page_result result; /* of this page */
	int64_t start_ns; /* of this page */
};

#define SELF_FAMILIES_MAX 48

struct self_list;

struct self_family {
	const char *name, *help; /* as stored: without _total and _info */
	int type; /* enum pdc_type */
	double value; /* of its one sample, if samples is NULL */
	void (*samples)(struct expo *, const struct self_family *,
	    const struct self_list *);
};

struct self_list {
	const struct self *self;
	struct pdc_stat stat; /* of an open store, else zeros */
	struct workers *workers; /* NULL: not asked for */
	struct self_family families[SELF_FAMILIES_MAX];
	int n;
};

/* Append all of them but those whose name the store has. */
void self_append(struct buf *, const struct self *);

/* One whose samples are written by self_sample(). */
void self_add(struct self_list *, const struct self_family *);
/* names and values: n, at most 2, of words that need no escapes. */
void self_sample(struct expo *, const char *const *names,
    const char *const *values, uint32_t n, double value);
/* Add a family of one sample without labels; the words must stay. */
void self_gauge(struct self_list *, const char *name, const char *help,
    double value);
void self_counter(struct self_list *, const char *name, const char *help,
    double value);

#endif
