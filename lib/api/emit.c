/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Families computed while a page is made.  They are written as those of the
 * store are; what would make the page invalid is refused.
 */

#include "api/emit.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "api/page.h"
#include "base/err.h"
#include "base/kinds.h"
#include "metric/metric.h"
#include "pdc.h"
#include "store/series.h"

struct pdc_emit {
	struct pdc *pdc;
	struct expo *expo;
	struct taken *taken; /* names on the page */
	struct taken series; /* labels in the family */
	uint64_t *clashes;
	int open; /* a family is begun */
	struct family f;
	uint32_t order[LABELS_MAX + 1];
	struct collect_family family;
	struct buf values, rendered;
	struct pair pairs[BOUNDS_MAX + 1];
};

int
pdc_collect(struct pdc *p, int (*fn)(struct pdc_emit *, void *arg), void *arg)
{
	struct collector *c, *have;

	if (p == NULL || fn == NULL)
		return pdc_err_set(PDC_EINVAL,
		    "collect: no store, or nothing to call");
	c = malloc(sizeof(*c));
	if (c == NULL)
		return pdc_err_set(PDC_ENOMEM, "collect");
	*c = (struct collector){ NULL, fn, arg };
	pdc_table_lock(p);
	for (have = atomic_load(&p->collectors); have != NULL;
	     have = have->next)
		if (have->fn == fn && have->arg == arg)
			break;
	if (have == NULL) {
		c->next = atomic_load(&p->collectors);
		/* Pairs with the acquire in pdc_emit_all(). */
		atomic_store_explicit(&p->collectors, c, memory_order_release);
	}
	pdc_table_unlock(p);
	if (have != NULL)
		free(c);
	return 0;
}

void
pdc_emit_free(struct pdc *p)
{
	struct collector *c, *next;

	for (c = atomic_load(&p->collectors); c != NULL; c = next) {
		next = c->next;
		free(c);
	}
}

static void
emit_end(struct pdc_emit *e)
{
	if (e->open)
		pdc_expo_done(e->expo);
	e->open = 0;
	pdc_taken_fini(&e->series);
	e->series = (struct taken)TAKEN_EMPTY;
}

/* A name that the page, or the store, which may show it any time, has. */
static int
emit_is_taken(struct pdc_emit *e, const char *stored, const char *shown)
{
	return pdc_taken_has(e->taken, shown) ||
	    pdc_page_named(e->pdc, stored) || pdc_page_named(e->pdc, shown);
}

/* 1: a sample of the family has a name that is another's; else it has them. */
static int
emit_clashes(struct pdc_emit *e)
{
	const char *const *suffixes = pdc_kind_suffixes(e->f.r.type);
	const char *const *s;
	struct buf shown, stored;
	int ret = 0;

	if (!pdc_expo_labels_differ(&e->expo->how, &e->family))
		return 1;
	pdc_buf_init(&shown);
	pdc_buf_init(&stored);
	for (s = suffixes; *s != NULL && ret == 0; s++) {
		pdc_buf_reset(&shown);
		pdc_buf_reset(&stored);
		pdc_expo_base(&shown, &e->expo->how, e->f.name, e->f.r.type);
		pdc_buf_fmt(&stored, "%s%s%c", e->f.name, *s, '\0');
		pdc_buf_fmt(&shown, "%s%c", *s, '\0');
		ret = shown.error < 0 || stored.error < 0 ?
		    PDC_ENOMEM :
		    emit_is_taken(e, stored.data, shown.data);
	}
	for (s = suffixes; *s != NULL && ret == 0; s++) {
		pdc_buf_reset(&shown);
		pdc_expo_base(&shown, &e->expo->how, e->f.name, e->f.r.type);
		pdc_buf_fmt(&shown, "%s%c", *s, '\0');
		ret = shown.error < 0 ? PDC_ENOMEM :
					pdc_taken_add(e->taken, shown.data);
	}
	pdc_buf_fini(&shown);
	pdc_buf_fini(&stored);
	return ret;
}

int
pdc_emit_family(struct pdc_emit *e, const struct pdc_desc *d)
{
	struct collect_family *cf = &e->family;
	int ret;

	if (e == NULL)
		return pdc_err_set(PDC_EINVAL, "emit: no page");
	emit_end(e);
	if (d == NULL || d->flags != 0 || d->mode != PDC_SHARED)
		return pdc_err_set(PDC_EINVAL,
		    "emit: no description, or one with flags or a mode");
	ret = pdc_desc_family(&e->f, d, e->order);
	if (ret < 0)
		return ret;
	memset(cf, 0, sizeof(*cf));
	cf->name = e->f.name;
	cf->help = e->f.help;
	cf->unit = e->f.unit;
	cf->type = e->f.r.type;
	cf->nlabels = e->f.r.nlabels;
	cf->labels = e->f.labels;
	cf->bounds = e->f.bounds;
	cf->nbounds = e->f.r.nbounds;
	cf->states = e->f.states;
	cf->nstates = e->f.r.nstates;
	ret = emit_clashes(e);
	if (ret < 0)
		return pdc_err_set(ret, "emit %s", e->f.name);
	if (ret > 0) {
		++*e->clashes;
		return pdc_err_set(PDC_EEXIST,
		    "emit %s: the page has a sample of one of its names",
		    e->f.name);
	}
	pdc_expo_begin(e->expo, cf);
	e->open = 1;
	return 0;
}

/* The label values, sorted by name and UTF-8; where each is. */
static int
emit_values(struct pdc_emit *e, const char *const *values, const char **at)
{
	uint32_t i, n = e->f.r.nlabels;
	size_t len;
	char *p;

	pdc_buf_reset(&e->values);
	for (i = 0; i < n && values != NULL && values[i] != NULL; i++)
		continue;
	if (i < n || (values != NULL && values[i] != NULL))
		return pdc_err_set(PDC_EINVAL,
		    "emit %s: it has %u labels, and as many values", e->f.name,
		    n);
	for (i = 0; i < n; i++) {
		len = strlen(values[e->order[i]]);
		p = pdc_buf_reserve(&e->values, 3 * len + 1);
		if (p == NULL)
			break;
		len = pdc_utf8_clean(p, values[e->order[i]], len);
		p[len] = '\0';
		pdc_buf_commit(&e->values, len + 1);
	}
	if (e->values.error < 0)
		return pdc_err_set(PDC_ENOMEM, "emit %s", e->f.name);
	for (i = 0, p = e->values.data; i < n; i++, p += strlen(p) + 1)
		at[i] = p;
	return 0;
}

/* A series, once for its labels. */
static int
emit_series(struct pdc_emit *e, const char *const *values,
    struct collect_series *s)
{
	const char *at[LABELS_MAX];
	int ret;

	ret = emit_values(e, values, at);
	if (ret < 0)
		return ret;
	pdc_buf_reset(&e->rendered);
	pdc_series_render(&e->rendered, &e->f, e->values.data, e->values.len);
	pdc_buf_chr(&e->rendered, '\0');
	if (e->rendered.error < 0)
		return pdc_err_set(PDC_ENOMEM, "emit %s", e->f.name);
	if (pdc_taken_has(&e->series, e->rendered.data))
		return pdc_err_set(PDC_EEXIST,
		    "emit %s{%s}: it is there already", e->f.name,
		    e->rendered.data);
	if (pdc_taken_add(&e->series, e->rendered.data) < 0)
		return pdc_err_set(PDC_ENOMEM, "emit %s", e->f.name);
	s->rendered = e->rendered.data;
	s->rendered_len = e->rendered.len - 1;
	s->nlabels = e->f.r.nlabels;
	s->labels = e->f.labels;
	s->values = at;
	pdc_expo_series(e->expo, s);
	return 0;
}

/* Whether something of such a type may be given now. */
static int
emit_ready(const struct pdc_emit *e, int pairs)
{
	if (e == NULL || !e->open)
		return pdc_err_set(PDC_EINVAL, "emit: no family is begun");
	if ((e->f.r.zone == VALUE_PAIR) != pairs)
		return pdc_err_set(PDC_EINVAL,
		    "emit %s: of a summary or histogram buckets are given, of "
		    "others a value",
		    e->f.name);
	return 0;
}

int
pdc_emit(struct pdc_emit *e, const char *const *values, double value)
{
	struct collect_series s = { .value = value };
	int ret;

	ret = emit_ready(e, 0);
	if (ret < 0)
		return ret;
	if ((e->f.r.type == PDC_COUNTER && !(value >= 0)) ||
	    (e->f.r.type == PDC_INFO && value != 1) ||
	    (e->f.r.type == PDC_STATESET &&
		(states_bits(value) >> e->f.r.nstates != 0 ||
		    (double)states_bits(value) != value)))
		return pdc_err_set(PDC_ERANGE,
		    "emit %s: a counter is not negative, an info is 1, and a "
		    "stateset the sum of its states",
		    e->f.name);
	s.states = states_bits(value);
	return emit_series(e, values, &s);
}

int
pdc_emit_buckets(struct pdc_emit *e, const char *const *values,
    const uint64_t *counts, double sum)
{
	struct collect_series s = { .pairs = e->pairs };
	uint32_t i;
	int ret;

	ret = emit_ready(e, 1);
	if (ret < 0)
		return ret;
	if (counts == NULL)
		return pdc_err_set(PDC_EINVAL, "emit %s: no counts", e->f.name);
	for (i = 0; i < e->f.r.width; i++)
		e->pairs[i] = (struct pair){ counts[i], i == 0 ? sum : 0 };
	return emit_series(e, values, &s);
}

static void
emit_one(struct pdc_emit *e, const struct collector *c)
{
	struct buf *out = e->expo->out;
	size_t mark = out->len;
	int ret;

	ret = c->fn(e, c->arg);
	emit_end(e);
	if (ret != 0 && out->error == 0)
		out->len = mark;
}

void
pdc_emit_all(struct pdc *p, struct expo *expo, struct taken *taken,
    uint64_t *clashes)
{
	struct collector *c;
	struct pdc_emit *e;

	/* Pairs with the release in pdc_collect(). */
	c = atomic_load_explicit(&p->collectors, memory_order_acquire);
	if (c == NULL)
		return;
	e = calloc(1, sizeof(*e));
	if (e == NULL) {
		expo->out->error = PDC_ENOMEM;
		return;
	}
	e->pdc = p;
	e->expo = expo;
	e->taken = taken;
	e->clashes = clashes;
	pdc_buf_init(&e->values);
	pdc_buf_init(&e->rendered);
	for (; c != NULL; c = c->next)
		emit_one(e, c);
	pdc_buf_fini(&e->values);
	pdc_buf_fini(&e->rendered);
	free(e);
}
