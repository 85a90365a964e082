/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "collect/native.h"

#include <float.h>
#include <math.h>

#include "base/bits.h"
#include "base/native.h"

/* The largest absolute value in a cell of negatives that begins above lo. */
static double
native_most(double lo)
{
	return bits_double(bits_of(-lo) - 1);
}

/*
 * The bucket of values up to most.  What is not told apart has the one behind
 * those that are, beyond; infinity has its own.
 */
static int32_t
native_bucket(const struct native_rec *n, int32_t beyond, double most)
{
	int32_t i = pdc_native_index(n->schema, most);

	return i < beyond || isinf(most) ? i : beyond;
}

/* Negatives of all sizes together are shown next to the zero bucket. */
static int32_t
native_minus(const struct native_rec *n, int32_t beyond, double most)
{
	if (n->flags & NATIVE_NEGATIVE || isinf(most))
		return native_bucket(n, beyond, most);
	return pdc_native_index(n->schema, bits_double(bits_of(n->zero) + 1));
}

void
pdc_native_begin(struct native *na, const struct family *f)
{
	const struct native_rec *n = &f->native;
	int32_t beyond = pdc_native_index(n->schema, n->max) + 1;
	double lo, hi;
	uint32_t i;

	for (i = 0; i < f->r.width; i++) {
		lo = i > 0 ? f->bounds[i - 1] : -INFINITY;
		hi = i < f->r.nbounds ? f->bounds[i] : INFINITY;
		if (hi > n->zero) {
			na->side[i] = 1;
			na->index[i] = native_bucket(n, beyond, hi);
		} else if (lo >= 0 || native_most(lo) <= n->zero) {
			na->side[i] = 0;
		} else {
			na->side[i] = -1;
			na->index[i] = native_minus(n, beyond,
			    i > 0 ? native_most(lo) : INFINITY);
		}
	}
}

/* Put count in the last bucket, or a new one. */
static void
native_put(struct native_bucket *list, uint32_t *n, int32_t index,
    uint64_t count)
{
	if (count == 0)
		return;
	if (*n > 0 && list[*n - 1].index == index)
		list[*n - 1].count += count;
	else
		list[(*n)++] = (struct native_bucket){ index, count };
}

static void
native_halve(struct native_bucket *list, uint32_t *n)
{
	uint32_t i, had = *n;

	*n = 0;
	for (i = 0; i < had; i++)
		native_put(list, n, native_coarser(list[i].index),
		    list[i].count);
}

void
pdc_native_series(struct native *na, const struct family *f,
    const struct pair *cells)
{
	struct collect_native *out = &na->out;
	struct native_bucket *minus = na->buckets, *plus;
	uint32_t i, n = f->r.width;

	pdc_native_classic(f, cells, na->classic);
	out->schema = f->native.schema;
	out->zero = f->native.zero;
	out->nzero = 0;
	out->nminus = out->nplus = 0;
	/* Negatives rise towards 0, where their buckets fall. */
	for (i = n; i-- > 0;)
		if (na->side[i] < 0)
			native_put(minus, &out->nminus, na->index[i],
			    cells[i].count);
	plus = minus + out->nminus;
	for (i = 0; i < n; i++)
		if (na->side[i] > 0)
			native_put(plus, &out->nplus, na->index[i],
			    cells[i].count);
		else if (na->side[i] == 0)
			out->nzero += cells[i].count;
	while (out->nminus + out->nplus > f->native.nbuckets &&
	    out->schema > NATIVE_SCHEMA_MIN) {
		native_halve(minus, &out->nminus);
		native_halve(plus, &out->nplus);
		out->schema--;
	}
	out->minus = minus;
	out->plus = plus;
}

uint32_t
pdc_collect_nexemplars(const struct collect_family *f)
{
	return f->native && f->nbounds == 0 ? NATIVE_PARTS : f->nbounds + 1;
}

int
pdc_collect_newest(const struct collect_family *f,
    const struct collect_series *s, uint32_t bucket, struct exemplar *e)
{
	struct exemplar other;
	uint32_t i;
	int got;

	got = pdc_collect_exemplar(f, s, bucket, e);
	/* The only bucket has all the parts. */
	for (i = 1; i < NATIVE_PARTS && f->native && f->nbounds == 0; i++)
		if (pdc_collect_exemplar(f, s, i, &other) &&
		    (!got || other.time_ns > e->time_ns)) {
			*e = other;
			got = 1;
		}
	return got;
}
