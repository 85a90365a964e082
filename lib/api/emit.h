/* SPDX-License-Identifier: ISC */
#ifndef PDC_API_EMIT_H
#define PDC_API_EMIT_H

/*
 * Families that a program computes while its own pages are made.
 */

#include "base/buf.h"
#include "expo/expo.h"
#include "expo/taken.h"

struct pdc;
struct pdc_emit;

/* One that was told; kept till the store is closed. */
struct collector {
	struct collector *next;
	int (*fn)(struct pdc_emit *, void *arg);
	void *arg;
};

/*
 * Ask all of them, and put what they give behind what the page has.  clashes
 * gets how many families were left out as a name of theirs is another's.
 * Nothing of the store is held while they run.
 */
void pdc_emit_all(struct pdc *, struct expo *, struct taken *,
    uint64_t *clashes);
void pdc_emit_free(struct pdc *);

#endif
