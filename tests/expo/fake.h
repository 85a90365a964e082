/* SPDX-License-Identifier: ISC */
#ifndef EXPO_FAKE_H
#define EXPO_FAKE_H

/*
 * A walk over series in memory, in place of the one over a store: it is linked
 * before the library and so taken instead of its own.  For one file of a test.
 */

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "collect/collect.h"
#include "expo/expo.h"
#include "pdc.h"
#include "tap.h"

struct collect {
	const struct collect_family *family;
	const struct collect_series *series;
	size_t n, at;
	int end; /* what comes after the last */
	struct collect_series now;
};

int
pdc_collect_series(struct collect *collect,
    const struct collect_series **series)
{
	if (collect->at == collect->n)
		return collect->end;
	collect->now = collect->series[collect->at++];
	if (collect->now.labels == NULL) {
		collect->now.labels = collect->family->labels;
		collect->now.nlabels = collect->family->nlabels;
	}
	*series = &collect->now;
	return COLLECT_NEXT;
}

typedef int (*fake_render)(struct buf *, const struct collect_family *,
    struct collect *);

/* A family in the form of how, as the page of a store writes it. */
static inline int
fake_family(const struct expo_how *how, struct buf *buf,
    const struct collect_family *family, struct collect *collect)
{
	const struct collect_series *series = NULL;
	struct expo e;
	int ret;

	pdc_expo_init(&e, buf, how);
	pdc_expo_begin(&e, family);
	while ((ret = pdc_collect_series(collect, &series)) == COLLECT_NEXT)
		pdc_expo_series(&e, series);
	pdc_expo_done(&e);
	pdc_expo_fini(&e);
	return ret;
}

/* What a renderer makes of these series; to be freed. */
static inline char *
fake_page(fake_render render, const struct collect_family *family,
    const struct collect_series *series, size_t n)
{
	struct collect collect = { .family = family, .series = series, .n = n };
	struct buf buf;

	pdc_buf_init(&buf);
	is_int(render(&buf, family, &collect), COLLECT_END,
	    "the walk over %s ends", family->name);
	pdc_buf_chr(&buf, '\0');
	if (buf.error != 0)
		bail_out("no memory");
	return buf.data;
}

static inline void
fake_is(fake_render render, const struct collect_family *family,
    const struct collect_series *series, size_t n, const char *want)
{
	char *page = fake_page(render, family, series, n);

	is_str(page, want, "%s is rendered byte for byte", family->name);
	free(page);
}

#define LABELS(text) .rendered = (text), .rendered_len = sizeof(text) - 1

#endif
