/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "metric/bucket.h"

#include <stdlib.h>

#include "pdc.h"

#define BUCKET_KEYS 16384 /* at most: enough for 1, 2, 3 to BOUNDS_MAX */
#define BITS_EXPONENT 52 /* where it begins */

static int64_t
bucket_key(double bound, uint32_t shift)
{
	return (int64_t)bits_of(bound) >> shift;
}

/* Whether two of n bounds have one key. */
static int
bucket_shared(const double *bounds, uint32_t n, uint32_t shift)
{
	uint32_t i;

	for (i = 1; i < n; i++)
		if (bucket_key(bounds[i - 1], shift) ==
		    bucket_key(bounds[i], shift))
			return 1;
	return 0;
}

int
pdc_bucket_index(struct bucket_index **xp, const double *bounds,
    uint32_t nbounds)
{
	struct bucket_index *x;
	uint32_t i, minus = 0, shift = BITS_EXPONENT;
	int64_t first, last, key;

	*xp = NULL;
	while (minus < nbounds && bounds[minus] <= 0)
		minus++;
	if (minus == nbounds)
		return 0;
	while (bucket_shared(bounds + minus, nbounds - minus, shift))
		shift--; /* they rise, so at 0 at last they differ */
	first = bucket_key(bounds[minus], shift);
	last = bucket_key(bounds[nbounds - 1], shift) - first;
	if (last >= BUCKET_KEYS)
		return 0;
	x = malloc(sizeof(*x) + (size_t)(last + 1) * sizeof(x->start[0]));
	if (x == NULL)
		return PDC_ENOMEM;
	x->first = first;
	x->last = last;
	x->shift = shift;
	x->minus = minus;
	for (i = minus, key = 0; key <= last; key++) {
		while (bucket_key(bounds[i], shift) < first + key)
			i++;
		x->start[key] = (uint16_t)i;
	}
	*xp = x;
	return 0;
}
