/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Declaring families.
 */

#include <ctype.h>
#include <float.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/escape.h"
#include "base/fork.h"
#include "base/kinds.h"
#include "base/native.h"
#include "base/num.h"
#include "metric/metric.h"
#include "pdc.h"
#include "store/native.h"

static const double usual_bounds[] = { .005, .01, .025, .05, .075, .1, .25, .5,
	.75, 1, 2.5, 5, 7.5, 10 };
#define NUSUAL (sizeof(usual_bounds) / sizeof(usual_bounds[0]))

static const char *const type_words[] = {
#define X(name, word, text, om) [PDC_##name] = #word,
	PDC_KINDS(X)
#undef X
};

/* It begins with pdc_, or does where it is escaped. */
static int
desc_ours(const char *name)
{
	const unsigned char *next = (const unsigned char *)name + 3;

	return strncmp(name, "pdc", 3) == 0 && *next != '\0' && *next != ':' &&
	    !(*next < 0x80 && isalnum(*next));
}

static int
desc_name(struct family *f, const struct pdc_desc *d)
{
	size_t n;

	if (d->name == NULL || !pdc_name_utf8(d->name))
		return pdc_err_set(PDC_EINVAL,
		    "declare %s: not a metric name, which is UTF-8 and not "
		    "empty",
		    d->name != NULL ? d->name : "(null)");
	n = strlen(d->name);
	if (d->type == PDC_COUNTER && n > 6 &&
	    strcmp(d->name + n - 6, "_total") == 0)
		n -= 6;
	if (d->type == PDC_INFO && n > 5 &&
	    strcmp(d->name + n - 5, "_info") == 0)
		n -= 5;
	if (n > NAME_MAX_LEN)
		return pdc_err_set(PDC_EINVAL,
		    "declare %.40s...: a name has at most %d bytes, not %zu",
		    d->name, NAME_MAX_LEN, n);
	memcpy(f->name, d->name, n);
	f->name[n] = '\0';
	if (desc_ours(f->name))
		return pdc_err_set(PDC_EINVAL,
		    "declare %s: names that begin with pdc_ are the store's "
		    "own",
		    f->name);
	return 0;
}

static int
desc_unit(struct family *f, const struct pdc_desc *d)
{
	size_t n = strlen(f->name), u;

	f->help = d->help != NULL ? d->help : "";
	f->unit = d->unit != NULL ? d->unit : "";
	if (!pdc_utf8_valid(f->help, strlen(f->help)))
		return pdc_err_set(PDC_EINVAL,
		    "declare %s: the help is not UTF-8", f->name);
	u = strlen(f->unit);
	if (u > 0 && (d->type == PDC_INFO || d->type == PDC_STATESET))
		return pdc_err_set(PDC_EINVAL,
		    "declare %s: infos and statesets have no unit", f->name);
	if (u > 0 &&
	    (n < u + 2 || f->name[n - u - 1] != '_' ||
		strcmp(f->name + n - u, f->unit) != 0))
		return pdc_err_set(PDC_EINVAL,
		    "declare %s: the name has to end in _%s, its unit", f->name,
		    f->unit);
	return 0;
}

static int
desc_label(const struct family *f, const struct pdc_desc *d, const char *label)
{
	if (!pdc_name_utf8(label))
		return pdc_err_set(PDC_EINVAL,
		    "declare %s: %s is not a label name, which is UTF-8 and "
		    "not empty",
		    f->name, label);
	if (strncmp(label, "__", 2) == 0 ||
	    (d->type == PDC_HISTOGRAM && strcmp(label, "le") == 0) ||
	    (d->type == PDC_SUMMARY && strcmp(label, "quantile") == 0) ||
	    (pdc_mode_keeps((int)d->mode) == KEEPS_SLOTS &&
		strcmp(label, MODES_LABEL) == 0))
		return pdc_err_set(PDC_EINVAL,
		    "declare %s: the label name %s is reserved", f->name,
		    label);
	if (strlen(label) > 255)
		return pdc_err_set(PDC_EINVAL,
		    "declare %s: a label name of more than 255 bytes", f->name);
	return 0;
}

/* Sorted names; order[] tells where each stands in the declaration. */
static int
desc_labels(struct family *f, const struct pdc_desc *d, uint32_t *order)
{
	uint32_t i, at, n = 0;
	int ret;

	for (i = 0; d->labels != NULL && d->labels[i] != NULL; i++) {
		if (i == LABELS_MAX)
			return pdc_err_set(PDC_EINVAL,
			    "declare %s: more than %d labels", f->name,
			    LABELS_MAX);
		ret = desc_label(f, d, d->labels[i]);
		if (ret < 0)
			return ret;
		for (at = n;
		     at > 0 && strcmp(f->labels[at - 1], d->labels[i]) >= 0;
		     at--) {
			if (strcmp(f->labels[at - 1], d->labels[i]) == 0)
				return pdc_err_set(PDC_EINVAL,
				    "declare %s: the label %s stands there "
				    "twice",
				    f->name, d->labels[i]);
			f->labels[at] = f->labels[at - 1];
			order[at] = order[at - 1];
		}
		f->labels[at] = d->labels[i];
		order[at] = i;
		n++;
	}
	f->r.nlabels = n;
	return 0;
}

/* A number for an error, whatever the locale; one at a time. */
static const char *
desc_number(char *out, double v)
{
	pdc_num_go(out, v);
	return out;
}

/* What a bucket of a native histogram is. */
static int
desc_native(struct family *f, const struct pdc_desc *d)
{
	struct native_rec *n = &f->native;
	double factor = d->native_factor;

	if (!(factor == 0 || (factor > 1 && factor <= DBL_MAX)))
		return pdc_err_set(PDC_EINVAL,
		    "declare %s: native buckets grow by a factor above 1",
		    f->name);
	n->schema = factor != 0 ? pdc_native_schema(factor) : d->native_schema;
	n->zero = d->native_zero != 0 ? d->native_zero : 0x1p-20;
	n->max = d->native_max != 0 ? d->native_max : 0x1p20;
	if (d->native_max == 0 && n->zero >= 1)
		n->max = n->zero * 0x1p40;
	n->nbuckets = d->native_buckets != 0 ? d->native_buckets : 160;
	n->nclassic = f->r.nbounds;
	n->flags = d->flags & PDC_NEGATIVE ? NATIVE_NEGATIVE : 0;
	if (n->schema < NATIVE_SCHEMA_MIN || n->schema > NATIVE_SCHEMA_MAX)
		return pdc_err_set(PDC_EINVAL,
		    "declare %s: a native schema is %d to %d, not %d", f->name,
		    NATIVE_SCHEMA_MIN, NATIVE_SCHEMA_MAX, n->schema);
	if (!pdc_native_sane(n) || n->zero < DBL_MIN)
		return pdc_err_set(PDC_EINVAL,
		    "declare %s: native_zero has to be above 0, and native_max "
		    "above that and finite",
		    f->name);
	memcpy(f->classic, f->bounds, f->r.nbounds * sizeof(double));
	f->r.nbounds = pdc_native_cells(f);
	if (f->r.nbounds > BOUNDS_MAX)
		return pdc_err_set(PDC_EINVAL,
		    "declare %s: more than %d native buckets; take a greater "
		    "native_zero, a smaller native_max or schema",
		    f->name, BOUNDS_MAX);
	return 0;
}

static int
desc_bounds(struct family *f, const struct pdc_desc *d)
{
	const double *bounds = d->bounds;
	size_t i, n = d->nbounds;
	char num[NUM_SIZE];

	if (d->type != PDC_HISTOGRAM)
		return bounds == NULL && n == 0 ?
		    0 :
		    pdc_err_set(PDC_EINVAL,
			"declare %s: bounds are for histograms", f->name);
	if (bounds == NULL && d->flags & PDC_NATIVE)
		return 0;
	if (bounds == NULL) {
		bounds = usual_bounds;
		n = NUSUAL;
	}
	if (n > 0 && isinf(bounds[n - 1]) && bounds[n - 1] > 0)
		n--;
	if (n == 0 || n > BOUNDS_MAX)
		return pdc_err_set(PDC_EINVAL,
		    "declare %s: 1 to %d finite bounds, not %zu", f->name,
		    BOUNDS_MAX, n);
	for (i = 0; i < n; i++) {
		if (!isfinite(bounds[i]) ||
		    (i > 0 && !(bounds[i] > bounds[i - 1])))
			return pdc_err_set(PDC_EINVAL,
			    "declare %s: bound %zu (%s) is not finite, or not "
			    "above the one before",
			    f->name, i + 1, desc_number(num, bounds[i]));
		f->bounds[i] = bounds[i] + 0.0;
	}
	f->r.nbounds = (uint32_t)n;
	return 0;
}

static int
desc_built(const struct pdc_desc *d)
{
	size_t i;

	if (d->type < PDC_COUNTER || d->type > PDC_UNKNOWN)
		return pdc_err_set(PDC_EINVAL, "declare: no type %d",
		    (int)d->type);
	if (d->mode > PDC_LIVEMOSTRECENT ||
	    (d->type != PDC_GAUGE && d->mode != PDC_SHARED))
		return pdc_err_set(PDC_EINVAL,
		    "declare: mode %d is not for this type", (int)d->mode);
	if (d->flags & ~(uint64_t)(PDC_EXEMPLARS | PDC_NATIVE | PDC_NEGATIVE))
		return pdc_err_set(PDC_EINVAL, "declare: flags that are none");
	if (d->flags & PDC_NATIVE && d->type != PDC_HISTOGRAM)
		return pdc_err_set(PDC_EINVAL,
		    "declare: native buckets are for histograms");
	if (!(d->flags & PDC_NATIVE) &&
	    (d->flags & PDC_NEGATIVE || d->native_factor != 0 ||
		d->native_zero != 0 || d->native_max != 0 ||
		d->native_schema != 0 || d->native_buckets != 0))
		return pdc_err_set(PDC_EINVAL,
		    "declare: what is said of native buckets needs "
		    "PDC_NATIVE");
	if (d->flags & PDC_EXEMPLARS && d->type != PDC_COUNTER &&
	    d->type != PDC_HISTOGRAM)
		return pdc_err_set(PDC_EINVAL,
		    "declare: exemplars are for counters and histograms");
	for (i = 0; i < sizeof(d->reserved) / sizeof(d->reserved[0]); i++)
		if (d->reserved[i] != 0)
			return pdc_err_set(PDC_EINVAL,
			    "declare: reserved fields have to be 0");
	if (!(d->ttl_s <= TTL_MAX_S)) /* NaN too */
		return pdc_err_set(PDC_EINVAL,
		    "declare: ttl_s is at most 3e9 seconds");
	if (!(d->idle_s >= 0 && d->idle_s <= TTL_MAX_S))
		return pdc_err_set(PDC_EINVAL,
		    "declare: idle_s is 0 to 3e9 seconds");
	return 0;
}

int
pdc_desc_family(struct family *f, const struct pdc_desc *d, uint32_t *order)
{
	int ret;

	memset(&f->r, 0, sizeof(f->r));
	ret = desc_built(d);
	if (ret == 0)
		ret = desc_name(f, d);
	if (ret == 0)
		ret = desc_unit(f, d);
	if (ret == 0)
		ret = desc_labels(f, d, order);
	if (ret == 0)
		ret = desc_bounds(f, d);
	if (ret == 0 && d->flags & PDC_NATIVE)
		ret = desc_native(f, d);
	if (ret == 0)
		ret = pdc_states_desc(f, d);
	f->r.type = (uint8_t)d->type;
	f->r.mode = (uint8_t)d->mode;
	f->r.flags = (d->flags & PDC_EXEMPLARS ? FAMILY_EXEMPLARS : 0) |
	    (d->flags & PDC_NATIVE ? FAMILY_NATIVE : 0);
	f->r.ttl_s = d->ttl_s;
	f->r.idle_s = d->idle_s;
	f->r.zone = d->type == PDC_COUNTER		       ? VALUE_ADD :
	    d->type == PDC_SUMMARY || d->type == PDC_HISTOGRAM ? VALUE_PAIR :
								 VALUE_GAUGE;
	f->r.width = d->type == PDC_HISTOGRAM ? f->r.nbounds + 1 : 1;
	return ret;
}

/* The same of what native buckets are made of. */
static int
declare_same_native(const struct family *old, const struct family *new)
{
	const struct native_rec *a = &new->native, *b = &old->native;
	char here[NUM_SIZE], there[NUM_SIZE];

	if (family_native(&new->r) != family_native(&old->r))
		return pdc_err_set(PDC_EEXIST,
		    "declare %s: native buckets %s, and none %s", new->name,
		    family_native(&new->r) ? "here" : "in the store",
		    family_native(&new->r) ? "in the store" : "here");
	if (!family_native(&new->r))
		return 0;
	if (a->schema != b->schema)
		return pdc_err_set(PDC_EEXIST,
		    "declare %s: native schema %d here, %d in the store",
		    new->name, a->schema, b->schema);
	if (a->zero != b->zero || a->max != b->max)
		return pdc_err_set(PDC_EEXIST,
		    "declare %s: native_%s %s here, %s in the store", new->name,
		    a->zero != b->zero ? "zero" : "max",
		    desc_number(here, a->zero != b->zero ? a->zero : a->max),
		    desc_number(there, a->zero != b->zero ? b->zero : b->max));
	if (a->flags != b->flags)
		return pdc_err_set(PDC_EEXIST,
		    "declare %s: buckets of negatives %s, and none %s",
		    new->name, a->flags ? "here" : "in the store",
		    a->flags ? "in the store" : "here");
	return 0;
}

/* The classic bounds on pages, or those that are there. */
static const double *
declare_bounds(const struct family *f, uint32_t *n)
{
	*n = family_native(&f->r) ? f->native.nclassic : f->r.nbounds;
	return family_native(&f->r) ? f->classic : f->bounds;
}

static int
declare_same_bounds(const struct family *old, const struct family *new)
{
	char a[NUM_SIZE], b[NUM_SIZE];
	const double *here, *there;
	uint32_t i, n, m;

	here = declare_bounds(new, &n);
	there = declare_bounds(old, &m);
	for (i = 0; i < n && i < m; i++)
		if (there[i] != here[i])
			return pdc_err_set(PDC_EEXIST,
			    "declare %s: bound %u is %s here, %s in the store",
			    new->name, i + 1, desc_number(a, here[i]),
			    desc_number(b, there[i]));
	if (n != m)
		return pdc_err_set(PDC_EEXIST,
		    "declare %s: %u bounds here, %u in the store", new->name, n,
		    m);
	return declare_same_native(old, new);
}

/* The store's family against what is declared now. */
static int
declare_same(const struct family *old, const struct family *new)
{
	char a[WORDS_LEN], b[WORDS_LEN];
	uint32_t i, first;

	if (old->r.mode != new->r.mode && old->r.type == new->r.type)
		return pdc_err_set(PDC_EEXIST,
		    "declare %s: of mode %s here, %s in the store", new->name,
		    pdc_mode_word(new->r.mode), pdc_mode_word(old->r.mode));
	if (old->r.type != new->r.type)
		return pdc_err_set(PDC_EEXIST,
		    "declare %s: a %s here, a %s in the store", new->name,
		    type_words[new->r.type], type_words[old->r.type]);
	for (i = 0; i < new->r.nlabels &&i < old->r.nlabels; i++)
		if (strcmp(old->labels[i], new->labels[i]) != 0)
			break;
	first = pdc_words_first(new->labels, i);
	if (i < new->r.nlabels || i < old->r.nlabels)
		return pdc_err_set(PDC_EEXIST,
		    "declare %s: labels%s (%s) here, (%s) in the store",
		    new->name, first > 0 ? " from some on" : "",
		    pdc_words(new->labels + first, new->r.nlabels - first, a),
		    pdc_words(old->labels + first, old->r.nlabels - first, b));
	if (declare_same_bounds(old, new) < 0)
		return PDC_EEXIST;
	return pdc_states_same(old, new);
}

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
				    f->name, sample, type_words[other->r.type],
				    other->name);
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
	if (ret == 0 && old->r.hidden && declare_same(old, f) < 0)
		ret = pdc_family_forget(&x, old) < 0 ? x.ret : PDC_ENOENT;
	if (ret == PDC_ENOENT) {
		ret = declare_clash(&x, f, old);
		if (ret == 0)
			ret = declare_put(&x, f);
		if (ret == 0)
			ret = pdc_budget_reserve(&x, p, f->name);
	} else if (ret == 0) {
		ret = declare_same(old, f);
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
			ret = declare_same(old, f);
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

void
pdc_table_lock(struct pdc *p)
{
	uint64_t gen = pdc_fork_gen(), owner;
	int spin = 0;

	for (;;) {
		owner = atomic_load_explicit(&p->table_lock,
		    memory_order_relaxed);
		/* Pairs with the release in pdc_table_unlock(). */
		if (owner != gen &&
		    atomic_compare_exchange_weak_explicit(&p->table_lock,
			&owner, gen, memory_order_acquire,
			memory_order_relaxed))
			return;
		if (++spin > 32)
			sched_yield();
	}
}

void
pdc_table_unlock(struct pdc *p)
{
	/* Pairs with the acquire in pdc_table_lock(). */
	atomic_store_explicit(&p->table_lock, 0, memory_order_release);
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
	if (n > BUCKETS_FEW &&
	    (h->buckets.index = pdc_bucket_index(f->bounds, n)) == NULL)
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
