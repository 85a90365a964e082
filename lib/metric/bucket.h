/* SPDX-License-Identifier: ISC */
#ifndef PDC_METRIC_BUCKET_H
#define PDC_METRIC_BUCKET_H

/*
 * Which bucket a value is in.  It is on the way of an update, so it is in line,
 * for the reason in lane/fast.h.
 */

#include <stdint.h>

#include "base/bits.h"

/*
 * Where to look among many bounds: those between one power of two and the next.
 * start[i] bounds are below 2^(first + i), as exponents are stored, and minus
 * are below 0.
 */
struct bucket_index {
	uint32_t minus, first, n;
	uint16_t start[];
};

struct buckets {
	const double *bounds; /* rising */
	uint32_t n;
	struct bucket_index *index; /* NULL: they are few */
};

#define BUCKETS_FEW 32
/* NULL without memory. */
struct bucket_index *pdc_bucket_index(const double *bounds, uint32_t nbounds);

/*
 * How many of the bounds from lo to hi, and all before, v is above.  Where it
 * is cannot be predicted, so nothing branches on it.
 */
static inline uint32_t
bucket_between(const double *bounds, uint32_t lo, uint32_t hi, double v)
{
	uint32_t n = hi - lo, half;

	for (; n > 1; n -= half) {
		half = n / 2;
		lo += half * (v > bounds[lo + half - 1]);
	}
	return lo + (n == 1 && v > bounds[lo]);
}

#define BITS_EXPONENT 52 /* its place; the sign is above it */
#define EXPONENT_MAX 0x7ff

/*
 * Bucket of v; n for what is above all bounds.  Few are compared one by one,
 * which is predicted where values are much alike: 17 ns an observation, not 24;
 * of all sizes it is 35, not 23.
 */
static inline uint32_t
bucket_of(const struct buckets *b, double v)
{
	const struct bucket_index *x = b->index;
	uint32_t lo = 0, hi = b->n, i;

	if (hi <= BUCKETS_FEW) {
		while (lo < hi && v > b->bounds[lo])
			lo++;
		return lo;
	}
	if (x == NULL)
		return bucket_between(b->bounds, 0, hi, v);
	i = (uint32_t)(bits_of(v) >> BITS_EXPONENT);
	if (i > EXPONENT_MAX) { /* negative */
		hi = x->minus;
	} else if (i < x->first) {
		lo = x->minus;
		hi = x->start[0];
	} else if (i - x->first < x->n) {
		lo = x->start[i - x->first];
		hi = x->start[i - x->first + 1];
	} else {
		lo = x->start[x->n];
	}
	return bucket_between(b->bounds, lo, hi, v);
}

#endif
