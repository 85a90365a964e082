/* SPDX-License-Identifier: ISC */
#ifndef PDC_CHECK_CHECK_H
#define PDC_CHECK_CHECK_H

/*
 * Verify a store.  Only reads.
 *
 * Records are those of one snapshot, so they have to agree, whatever others
 * write meanwhile.  Tags, lanes and rings are read without a lock; what looks
 * wrong there is looked at again, record and cell, under the write lock, a few
 * at a time, and only then is a finding.
 */

#include "pdc.h"
#include "store/family.h"
#include "store/value.h"

struct cells;

/* Gets a line for each finding: the key as pdc-store(5) has it, what is wrong,
 * what was expected. */
typedef void check_found_fn(void *arg, const char *words);

/*
 * The number of findings, or a PDC_E*: not all could be looked at.  cells: as
 * mapped by this process, or NULL; those of another epoch are not looked at.
 */
int pdc_check_run(struct store *, const struct cells *, check_found_fn *,
    void *arg);

/*
 * In words; NULL: nothing.  error: 0, or PDC_ENOMEM, and it could not be looked
 * at.
 */
const char *pdc_check_family(const struct family *, int *error);

#endif
