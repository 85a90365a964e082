/* SPDX-License-Identifier: ISC */
#ifndef PDC_COLLECT_NATIVE_H
#define PDC_COLLECT_NATIVE_H

/*
 * From the cells of a native histogram to the buckets of a page, at the schema
 * declared, or at one so much coarser that they are no more than nbuckets.
 */

#include "collect/collect.h"
#include "store/native.h"

#define NATIVE_MOST (BOUNDS_MAX + 1)

struct native {
	struct collect_native out;
	signed char side[NATIVE_MOST]; /* of each cell: -1, 0 for zero, 1 */
	int32_t index[NATIVE_MOST]; /* its bucket */
	struct native_bucket buckets[NATIVE_MOST];
	struct pair classic[NATIVE_MOST];
};

/* Of a family that begins. */
void pdc_native_begin(struct native *, const struct family *);
/* Of one of its series; out and classic are good until the next. */
void pdc_native_series(struct native *, const struct family *,
    const struct pair *cells);

#endif
