/* SPDX-License-Identifier: ISC */
#ifndef PDC_COLLECT_MERGE_H
#define PDC_COLLECT_MERGE_H

#include "base/buf.h"
#include "lane/slot.h"
#include "store/family.h"
#include "store/value.h"

/*
 * A gauge of which each process has its own value, as one: its series are
 * brought together by their labels (and, in a mode that shows slots, by slot)
 * by the mode's rule.  Who is dead counts as what a checkpoint will make of
 * him: a value like others, or none.
 *
 * What the dead have left, folded, is only ever written by transactions: it is
 * read from the snapshot, and not from its cell, which may have more folded in
 * by now.
 */

/* What it is read from; the snapshot is older than slots. */
struct merge_from {
	struct stxn *x;
	const struct cells *cells; /* or NULL */
	const struct slots *slots;
	const struct family *f;
	struct value *v; /* for its blocks */
	int64_t begun_ns; /* before the snapshot */
	int settle; /* take what is stored where a series has moved */
};

struct merged {
	const char *values; /* of the labels, in the snapshot */
	const char *rendered;
	uint32_t values_len, rendered_len, slot;
	double value;
	uint64_t rank; /* of the value that stands, where one does */
};

struct merge {
	struct merged *list;
	uint32_t *table; /* places in list, plus 1 */
	uint32_t n, cap, mask;
	uint64_t damaged;
	struct buf text;
};

/*
 * Read the family; what m had before is gone, but its memory.  0; 1: a series
 * has moved, again with a newer snapshot; or an error.
 */
int pdc_merge_family(struct merge *, const struct merge_from *);
/* Of these labels; NULL if there is none. */
const struct merged *pdc_merge_find(const struct merge *, const char *values,
    size_t len, uint32_t slot);
void pdc_merge_free(struct merge *);

#endif
