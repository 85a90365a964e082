/* SPDX-License-Identifier: ISC */
#ifndef PDC_STORE_NATIVE_H
#define PDC_STORE_NATIVE_H

/*
 * Native histograms.  A series has a cell for each bucket that a page can make
 * of it, between the bounds of native and of classic buckets taken together: so
 * an observation is one cell, as of any histogram, and in both kinds of buckets
 * or in none.  In rising order:
 *
 *	-Inf
 *	below -max; if negatives have no buckets all that is below -zero
 *	the buckets of negatives, to max and from zero, if they have any
 *	-zero to zero
 *	the buckets, from zero and to max
 *	above max
 *	+Inf
 *
 * each cut into more cells where there is a classic bound.
 */

#include "store/family.h"

/* Whether it makes sense. */
int pdc_native_sane(const struct native_rec *);

/*
 * Make the bounds of the cells of native and classic; how many, which are not
 * all there if that is more than BOUNDS_MAX.
 */
uint32_t pdc_native_cells(struct family *);

/* Add up the cells of a series to nclassic + 1 classic buckets. */
void pdc_native_classic(const struct family *, const struct pair *cells,
    struct pair *out);

/*
 * Without classic buckets, exemplars are kept for so many parts of the range:
 * the part of a cell.
 */
#define NATIVE_PARTS 16

static inline uint32_t
native_part(uint32_t cell, uint32_t width)
{
	return (uint32_t)((uint64_t)cell * NATIVE_PARTS / width);
}

#endif
