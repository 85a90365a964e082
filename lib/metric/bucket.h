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
 * Where to look.  The bits of numbers above 0 rise as they do, and a key is the
 * high ones of them: the exponent, and so much of the fraction that no two
 * bounds have the same.
 */
struct bucket_index {
	int64_t first; /* key of the lowest bound above 0 */
	int64_t last; /* of the highest, from first on */
	uint32_t shift;
	uint32_t minus; /* bounds that are not above 0 */
	uint16_t start[]; /* for each key from first on: bounds below it */
};

struct buckets {
	const double *bounds; /* rising */
	uint32_t n;
	struct bucket_index *index; /* NULL: all have to be searched */
};

/*
 * 0 or PDC_ENOMEM.  There is none, NULL, without a bound above 0, or if it were
 * too large.
 */
int pdc_bucket_index(struct bucket_index **, const double *bounds,
    uint32_t nbounds);

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

/*
 * Bucket of v; n for what is above all bounds.  One bound decides: that of the
 * key of v, or if there is none the next one, as the last key has one.  Nothing
 * branches on where v is but for its sign.
 */
static inline __attribute__((always_inline)) uint32_t
bucket_of(const struct buckets *b, double v)
{
	const struct bucket_index *x = b->index;
	int64_t bits = (int64_t)bits_of(v), key;
	uint32_t at;

	if (x == NULL)
		return bucket_between(b->bounds, 0, b->n, v);
	if (bits <= 0)
		return bucket_between(b->bounds, 0, x->minus, v);
	key = (bits >> x->shift) - x->first;
	key = key > 0 ? key : 0;
	key = key < x->last ? key : x->last;
	at = x->start[key];
	return at + (v > b->bounds[at]);
}

#endif
