/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Declaring families.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/kinds.h"
#include "metric/metric.h"
#include "pdc.h"

/*
 * The first help, unit, ttl, idle time and number of native buckets stay; who
 * names none wants none.
 */
static void
declare_note(struct pdc *p, const struct family *old, const struct family *new)
{
	struct cells *c = pdc_cells_now(p);

	if (c != NULL && !c->rdonly &&
	    ((new->help[0] != '\0' && strcmp(new->help, old->help) != 0) ||
		(new->unit[0] != '\0' && strcmp(new->unit, old->unit) != 0) ||
		(new->r.ttl_s != 0 && new->r.ttl_s != old->r.ttl_s) ||
		(family_native(&new->r) &&
		    new->native.nbuckets != old->native.nbuckets) ||
		(new->r.idle_s != 0 && new->r.idle_s != old->r.idle_s)))
		atomic_fetch_add(&c->head->differing, 1);
}

/* A family as it is now: one whose time has passed ends. */
static int
declare_get(struct stxn *x, const char *name, struct family *f)
{
	int ret = pdc_family_get(x, name, f);

	if (ret < 0 || f->r.hidden || !pdc_family_due(x, &f->r))
		return ret;
	ret = x->st->expire(x->st->hook_arg, x, f);
	return ret < 0 ? ret : pdc_family_get(x, name, f);
}

/* Whether family name of the store has a sample called sample. */
static int
declare_has(struct stxn *x, const char *name, const char *sample,
    struct family *other)
{
	const char *const *suffix;
	size_t n = strlen(name);

	if (declare_get(x, name, other) < 0)
		return 0;
	for (suffix = pdc_kind_suffixes(other->r.type); *suffix; suffix++)
		if (strcmp(sample + n, *suffix) == 0)
			break;
	if (*suffix == NULL || !other->r.hidden)
		return *suffix != NULL;
	pdc_family_forget(x, other); /* it gives way */
	return 0;
}

/* No sample of the new family may carry the name of another's. */
static int
declare_clash(struct stxn *x, const struct family *f, struct family *other)
{
	char sample[NAME_MAX_LEN + 16], name[NAME_MAX_LEN + 16];
	const char *const *suffix, *const *cut;
	size_t n, m;

	for (suffix = pdc_kind_suffixes(f->r.type); *suffix; suffix++) {
		snprintf(sample, sizeof(sample), "%s%s", f->name, *suffix);
		n = strlen(sample);
		for (cut = pdc_kind_every; *cut != NULL; cut++) {
			m = strlen(*cut);
			if (n <= m || strcmp(sample + n - m, *cut) != 0)
				continue;
			memcpy(name, sample, n - m);
			name[n - m] = '\0';
			if (n - m > NAME_MAX_LEN || strcmp(name, f->name) == 0)
				continue;
			if (declare_has(x, name, sample, other))
				return pdc_err_set(PDC_EEXIST,
				    "declare %s: its sample %s is one of the "
				    "%s %s in the store",
				    f->name, sample,
				    pdc_kind_word(other->r.type), other->name);
		}
	}
	return 0;
}

static int
declare_put(struct stxn *x, struct family *f)
{
	f->r.id = x->meta.next_family++;
	f->r.incarnation = 1;
	f->r.created_ns = pdc_clock_wall(x->st->clock);
	x->meta.nfamilies++;
	pdc_family_live(x, &f->r, 0);
	return pdc_family_put(x, f);
}

/* A family that had ended is shown again, with what is said of it now. */
static int
declare_again(struct stxn *x, struct family *f, const struct family *old)
{
	double ttl_s = f->r.ttl_s, idle_s = f->r.idle_s;
	uint32_t flags = f->r.flags;

	f->r = old->r;
	f->r.ttl_s = ttl_s;
	f->r.idle_s = idle_s;
	f->r.flags = flags;
	f->r.hidden = 0;
	x->meta.nfamilies++;
	pdc_family_live(x, &f->r, 0);
	return pdc_family_put(x, f);
}

/* Who asks for exemplars gets them, also where others do not. */
static int
declare_asks(const struct family *old, const struct family *f)
{
	return (f->r.flags & ~old->r.flags) != 0;
}

static int
declare_new(struct pdc *p, struct family *f, struct family *old)
{
	struct stxn x;
	int ret;

	ret = pdc_stxn_write(&x, p->store, p->store->wait_ms);
	if (ret < 0)
		return ret;
	ret = declare_get(&x, f->name, old);
	if (ret == 0 && old->r.hidden && pdc_desc_same(old, f) < 0)
		ret = pdc_family_forget(&x, old) < 0 ? x.ret : PDC_ENOENT;
	if (ret == PDC_ENOENT) {
		ret = declare_clash(&x, f, old);
		if (ret == 0)
			ret = declare_put(&x, f);
		if (ret == 0)
			ret = pdc_budget_reserve(&x, p, f->name);
	} else if (ret == 0) {
		ret = pdc_desc_same(old, f);
		f->r.id = old->r.id;
		if (ret == 0 && !old->r.hidden)
			declare_note(p, old, f);
		if (ret == 0 && !old->r.hidden && declare_asks(old, f)) {
			old->r.flags |= f->r.flags;
			ret = pdc_family_touch(&x, old);
		}
		if (ret == 0 && old->r.hidden)
			ret = declare_again(&x, f, old);
		if (ret == 0 && old->r.hidden)
			ret = pdc_budget_reserve(&x, p, f->name);
	}
	pdc_stxn_fail(&x, ret);
	return pdc_stxn_commit(&x);
}

/* Find the family in the store, or make it; fills in its id. */
static int
declare_store(struct pdc *p, struct family *f)
{
	struct family *old;
	struct stxn x;
	int ret;

	old = malloc(sizeof(*old));
	if (old == NULL)
		return pdc_err_set(PDC_ENOMEM, "declare %s", f->name);
	ret = pdc_stxn_read(&x, p->store);
	if (ret == 0) {
		ret = pdc_family_get(&x, f->name, old);
		if (ret == 0 &&
		    (old->r.hidden || pdc_family_due(&x, &old->r))) {
			ret = PDC_ENOENT;
		} else if (ret == 0) {
			ret = pdc_desc_same(old, f);
			f->r.id = old->r.id;
			if (ret == 0 && declare_asks(old, f) &&
			    !p->store->rdonly)
				ret = PDC_ENOENT; /* by the lock */
			else if (ret == 0)
				declare_note(p, old, f);
		}
		pdc_stxn_abort(&x);
		if (ret == PDC_ENOENT)
			ret = declare_new(p, f, old);
	}
	free(old);
	return ret;
}

/* The bounds of cells, and behind them those of classic buckets. */
static int
declare_buckets(struct pdc_family *h, const struct family *f)
{
	uint32_t n = f->r.nbounds, more;

	h->native = family_native(&f->r);
	more = h->native ? f->native.nclassic : 0;
	h->bounds = calloc((size_t)n + more + 1, sizeof(double));
	if (h->bounds == NULL)
		return PDC_ENOMEM;
	memcpy(h->bounds, f->bounds, n * sizeof(double));
	memcpy(h->bounds + n, f->classic, more * sizeof(double));
	h->buckets.bounds = h->bounds;
	h->buckets.n = n;
	if (pdc_bucket_index(&h->buckets.index, f->bounds, n) < 0)
		return PDC_ENOMEM;
	h->classic = h->buckets;
	if (h->native)
		h->classic = (struct buckets){ h->bounds + n, more, NULL };
	return 0;
}

static struct pdc_family *
declare_handle(struct pdc *p, const struct family *f, const uint32_t *order)
{
	struct pdc_family *h;

	h = calloc(1, sizeof(*h));
	if (h == NULL)
		return NULL;
	h->pdc = p;
	h->name = strdup(f->name);
	if (h->name == NULL || declare_buckets(h, f) < 0) {
		pdc_family_free(h);
		return NULL;
	}
	h->id = f->r.id;
	/* What is done to an unknown is what is done to a gauge. */
	h->type = f->r.type == PDC_UNKNOWN ? PDC_GAUGE : f->r.type;
	h->mode = f->r.mode;
	h->exemplars = (f->r.flags & FAMILY_EXEMPLARS) != 0;
	h->zone = f->r.zone;
	h->width = f->r.width;
	h->nlabels = f->r.nlabels;
	h->nstates = f->r.nstates;
	memcpy(h->order, order, f->r.nlabels * sizeof(*order));
	return h;
}

static struct pdc_family *
declare_known(struct pdc *p, const struct family *f, const uint32_t *order)
{
	struct pdc_family *h;

	for (h = atomic_load(&p->families); h != NULL; h = h->next)
		if (h->id == f->r.id &&
		    memcmp(h->order, order, f->r.nlabels * sizeof(*order)) == 0)
			return h;
	return NULL;
}

/* One handle for a family and an order of its labels. */
static struct pdc_family *
declare_enter(struct pdc *p, const struct family *f, const uint32_t *order)
{
	struct pdc_family *h, *new;

	h = declare_known(p, f, order);
	if (h != NULL)
		return h;
	new = declare_handle(p, f, order);
	if (new == NULL)
		return NULL;
	pdc_table_lock(p);
	h = declare_known(p, f, order);
	if (h == NULL) {
		new->next = atomic_load(&p->families);
		atomic_store_explicit(&p->families, new, memory_order_release);
	}
	pdc_table_unlock(p);
	if (h == NULL)
		return new;
	pdc_family_free(new);
	return h;
}

int
pdc_declare(struct pdc_family **fp, struct pdc *p, const struct pdc_desc *d)
{
	uint32_t order[LABELS_MAX + 1];
	struct pdc_family *h = NULL;
	struct family *f;
	int ret;

	if (fp == NULL)
		return pdc_err_set(PDC_EINVAL,
		    "declare: nowhere to put the handle");
	*fp = NULL;
	if (p == NULL || d == NULL)
		return pdc_err_set(PDC_EINVAL,
		    "declare: no store, or no description");
	f = malloc(sizeof(*f));
	if (f == NULL)
		return pdc_err_set(PDC_ENOMEM, "declare");
	ret = pdc_desc_family(f, d, order);
	if (ret == 0)
		ret = declare_store(p, f);
	if (ret == 0) {
		h = declare_enter(p, f, order);
		if (h == NULL)
			ret = pdc_err_set(PDC_ENOMEM, "declare %s", f->name);
	}
	free(f);
	*fp = h;
	return ret;
}

void
pdc_family_free(struct pdc_family *f)
{
	struct handle_table *t;
	uint32_t i;

	if (f == NULL)
		return;
	t = atomic_load(&f->table);
	for (i = 0; t != NULL && i <= t->mask; i++)
		pdc_series_drop(pdc_table_slot(t, i));
	free(t);
	free(f->name);
	free(f->bounds);
	free(f->buckets.index);
	free(f);
}
