/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "store/native.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/bits.h"
#include "base/native.h"

int
pdc_native_sane(const struct native_rec *n)
{
	return n->schema >= NATIVE_SCHEMA_MIN &&
	    n->schema <= NATIVE_SCHEMA_MAX && n->zero > 0 && n->max > n->zero &&
	    n->max <= DBL_MAX && n->nbuckets > 0 && n->nclassic <= BOUNDS_MAX &&
	    (n->flags & ~NATIVE_NEGATIVE) == 0;
}

/* Bounds in rising order, with the classic ones in their places. */
struct bounds {
	double *at;
	const double *classic, *end;
	uint32_t n;
};

static void
bounds_put(struct bounds *b, double v)
{
	if (b->n < BOUNDS_MAX)
		b->at[b->n] = v;
	b->n++;
}

static void
bounds_add(struct bounds *b, double v)
{
	while (b->classic < b->end && *b->classic <= v) {
		if (*b->classic != v)
			bounds_put(b, *b->classic);
		b->classic++;
	}
	bounds_put(b, v);
}

/*
 * A cell has its upper bound, and a bucket of negatives the lower one: so that
 * belongs to the cell above the number before it.
 */
static double
native_minus(double v)
{
	return -bits_double(bits_of(v) + 1);
}

uint32_t
pdc_native_cells(struct family *f)
{
	const struct native_rec *n = &f->native;
	struct bounds b = { f->bounds, f->classic, f->classic + n->nclassic,
		0 };
	int32_t first = pdc_native_index(n->schema, n->zero);
	int32_t last = pdc_native_index(n->schema, n->max), i;
	double v;

	if (last - first > BOUNDS_MAX)
		return (uint32_t)(last - first);
	if (pdc_native_bound(n->schema, first) <= n->zero)
		first++;
	bounds_add(&b, -INFINITY);
	for (i = last; n->flags & NATIVE_NEGATIVE && i >= first; i--) {
		v = pdc_native_bound(n->schema, i);
		if (v < DBL_MAX)
			bounds_add(&b, native_minus(v));
	}
	bounds_add(&b, native_minus(n->zero));
	bounds_add(&b, n->zero);
	for (i = first; i <= last; i++) {
		v = pdc_native_bound(n->schema, i);
		if (v < DBL_MAX)
			bounds_add(&b, v);
	}
	bounds_add(&b, DBL_MAX);
	return b.n;
}

void
pdc_native_classic(const struct family *f, const struct pair *cells,
    struct pair *out)
{
	uint32_t i, at = 0, n = f->native.nclassic;

	memset(out, 0, (n + 1) * sizeof(*out));
	for (i = 0; i < f->r.width; i++) {
		/* The cell that begins with a classic bound is above it. */
		while (i > 0 && at < n && f->bounds[i - 1] >= f->classic[at])
			at++;
		out[at].count += cells[i].count;
		out[at].sum += cells[i].sum;
	}
}
