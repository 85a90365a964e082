/* SPDX-License-Identifier: ISC */
#ifndef PDC_STORE_AGAIN_H
#define PDC_STORE_AGAIN_H

#include "store/family.h"

/*
 * Numbers and units that are given out again.  All in a write transaction.
 *
 * Numbers: while a file of an earlier epoch is mapped, only those that were
 * given out first in the present one.  What was counted under one of the others
 * may still be brought in, and must find no other series there.
 */

/* A number for a new series of the family, whose next_n may go up. */
uint32_t pdc_number_take(struct stxn *, struct family *);
/* Nobody has cells of it; ignored if the family has begun anew since. */
int pdc_number_give(struct stxn *, uint32_t family, uint32_t incarnation,
    uint32_t n);

/* The first of n units of the zone, some given back or the next ones. */
uint64_t pdc_units_take(struct stxn *, uint32_t zone, uint64_t n);
int pdc_units_give(struct stxn *, uint32_t zone, uint64_t unit, uint64_t n);

#endif
