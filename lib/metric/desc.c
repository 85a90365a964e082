/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Descriptions: whether one makes sense, and says the same as another.
 */

#include <ctype.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/escape.h"
#include "base/kinds.h"
#include "base/native.h"
#include "base/num.h"
#include "metric/metric.h"
#include "pdc.h"
#include "store/native.h"

static const double usual_bounds[] = { .005, .01, .025, .05, .075, .1, .25, .5,
	.75, 1, 2.5, 5, 7.5, 10 };
#define NUSUAL (sizeof(usual_bounds) / sizeof(usual_bounds[0]))

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
same_native(const struct family *old, const struct family *new)
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
same_classic(const struct family *f, uint32_t *n)
{
	*n = family_native(&f->r) ? f->native.nclassic : f->r.nbounds;
	return family_native(&f->r) ? f->classic : f->bounds;
}

static int
same_bounds(const struct family *old, const struct family *new)
{
	char a[NUM_SIZE], b[NUM_SIZE];
	const double *here, *there;
	uint32_t i, n, m;

	here = same_classic(new, &n);
	there = same_classic(old, &m);
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
	return same_native(old, new);
}

int
pdc_desc_same(const struct family *old, const struct family *new)
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
		    pdc_kind_word(new->r.type), pdc_kind_word(old->r.type));
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
	if (same_bounds(old, new) < 0)
		return PDC_EEXIST;
	return pdc_states_same(old, new);
}
