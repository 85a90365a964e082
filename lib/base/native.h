/* SPDX-License-Identifier: ISC */
#ifndef PDC_BASE_NATIVE_H
#define PDC_BASE_NATIVE_H

/*
 * The buckets of native histograms.  Of schema s, bucket i takes what is above
 * 2^((i - 1) / 2^s) and not above 2^(i / 2^s); a negative value has the bucket
 * of its absolute value among those for negatives.
 */

#include <stdint.h>

#define NATIVE_SCHEMA_MIN (-4)
#define NATIVE_SCHEMA_MAX 8

/* The upper bound of bucket i, rounded to nearest; or infinity. */
double pdc_native_bound(int schema, int32_t i);
/* The bucket of v, which is above 0; of infinity the one after DBL_MAX. */
int32_t pdc_native_index(int schema, double v);
/* The coarsest schema whose buckets grow by no more than factor, or the finest.
 */
int pdc_native_schema(double factor);

/* Bucket i of a schema is in this one of the next coarser schema. */
static inline int32_t
native_coarser(int32_t i)
{
	return i / 2 + (i > 0 && i % 2 != 0);
}

#endif
