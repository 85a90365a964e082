/* SPDX-License-Identifier: ISC */
#ifndef PDC_JOURNAL_CONTEXT_H
#define PDC_JOURNAL_CONTEXT_H

/*
 * Fields that are in every line of a thread: a stack, each of whose entries has
 * all fields there are then, each name once.  A signal handler may look at it:
 * an entry is whole before it is seen.  At the end of a thread it is freed; a
 * child of fork() has that of the thread that forked.
 */

#include <stdint.h>

#include "pdc.h"

struct context {
	struct context *below;
	uint32_t nfields;
	struct pdc_field fields[]; /* their texts are behind */
};

const struct context *pdc_context_now(void);

static inline int
field_has_text(const struct pdc_field *f)
{
	return f->kind == PDC_STRING || f->kind == PDC_JSON;
}

#endif
