/* SPDX-License-Identifier: ISC */
#ifndef PDC_STORE_IDLE_H
#define PDC_STORE_IDLE_H

#include "store/value.h"

/*
 * Idle time: when each series of a block was last used, in a T record beside
 * its V, of families with idle_s only.
 *
 * Times are of the monotonic clock of one boot; after a reboot all series of
 * the block have been used just now.  They are written a step late, and a
 * series lives that much longer.
 */

#define IDLE_SERIES 256 /* more than a block is for */

struct idle {
	uint64_t boot; /* boot_epoch that the times are of */
	int64_t used_ns[IDLE_SERIES]; /* 0: nobody is there */
};

/* The idle time of a family's series, in ns; 0: they live as long as it. */
int64_t pdc_idle_ns(const struct family_rec *);
/* The times of a block; 0, or 1 if they have to be put, or an error. */
int pdc_idle_get(struct stxn *, const struct family_rec *, struct value_place,
    struct idle *);
int pdc_idle_put(struct stxn *, const struct family_rec *, struct value_place,
    const struct idle *);
/* The series at pos has been used now; 1 if that has to be put. */
int pdc_idle_mark(const struct stxn *, const struct family_rec *, struct idle *,
    uint32_t pos);
/* How long it lives on, in ns. */
int64_t pdc_idle_left(const struct stxn *, const struct family_rec *,
    const struct idle *, uint32_t pos);
/* Whether it is there and its time has passed. */
int pdc_idle_due(const struct stxn *, const struct family_rec *,
    const struct idle *, uint32_t pos);
/* get, mark and put, if the family has an idle time. */
int pdc_idle_use(struct stxn *, const struct family_rec *, struct value_place);

#endif
