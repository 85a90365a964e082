/* SPDX-License-Identifier: ISC */
#ifndef PDC_REPAIR_REPAIR_H
#define PDC_REPAIR_REPAIR_H

/*
 * Save what can be proved right of a store into a new one.
 *
 * The old one is only read, and not by LMDB: its pages are taken one by one
 * (source.c), those that are right in themselves and belong where they are, and
 * their records put into the new store.  There, what does not agree with the
 * rest goes again (family.c, series.c, journal.c), and what follows from
 * records is made anew: look-ups, names, counts.  Numbers are those of the
 * store and of its cells, if they are there; so the new store begins without
 * cells.  At last it is checked as pdc_check_run() does.
 */

#include <stdint.h>

#include "check/check.h"

#define REPAIR_FORCE 1u /* also while somebody has the store open */

struct repair_sums {
	uint64_t families, series, lines; /* that were saved */
	uint64_t left; /* findings */
};

/*
 * left gets a line for each thing that is left out.  to: a directory that is
 * not there yet, and on an error is not there afterwards.  0, PDC_EBUSY:
 * somebody has it open, PDC_EEXIST, PDC_EFORMAT: it is no store, or another
 * error.
 */
int pdc_repair_run(struct repair_sums *, const char *dir, const char *to,
    unsigned flags, check_found_fn *left, void *arg);

#endif
