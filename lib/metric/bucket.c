/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "metric/bucket.h"

#include <stdlib.h>

struct bucket_index *
pdc_bucket_index(const double *bounds, uint32_t nbounds)
{
	struct bucket_index *x;
	uint32_t i, at, minus, last = 0, first = EXPONENT_MAX;

	minus = bucket_between(bounds, 0, nbounds, 0);
	for (i = minus; i < nbounds; i++) {
		at = (uint32_t)(bits_of(bounds[i]) >> BITS_EXPONENT);
		first = at < first ? at : first;
		last = at > last ? at : last;
	}
	at = first <= last ? last - first + 1 : 0;
	x = calloc(1, sizeof(*x) + (at + 1) * sizeof(x->start[0]));
	if (x == NULL)
		return NULL;
	x->minus = minus;
	x->first = first;
	x->n = at;
	for (i = 0, at = minus; i <= x->n; i++) {
		while (at < nbounds &&
		    bits_of(bounds[at]) >> BITS_EXPONENT < first + i)
			at++;
		x->start[i] = (uint16_t)at;
	}
	return x;
}
