/* SPDX-License-Identifier: ISC */
#ifndef PDC_JOURNAL_RECODE_LINE_H
#define PDC_JOURNAL_RECODE_LINE_H

/* A line that was taken apart, for those who write it in a form. */

#include <stdint.h>

#include "base/buf.h"
#include "journal/member.h"

enum recode_kind { RECODE_LOG, RECODE_EVENT, RECODE_MEASURE };

struct recode_pair {
	char *name; /* in the copy of the line, which a form may change */
	size_t len;
	struct span value;
	size_t order; /* where it was */
	int top; /* ecs: beside the labels */
	int gone; /* another one counts, or it has been used */
};

struct recode {
	struct buf *out;
	struct buf text, room; /* a copy of the line; for some of it */
	struct recode_pair *pairs; /* the fields, then of what is nested */
	size_t npairs, max;
	enum recode_kind kind;
	uint64_t sec; /* the time */
	uint32_t ns;
	int has_fields;
	struct span time, level, message, name, value; /* empty: none */
	int severity;
};

void pdc_recode_otel(struct recode *);
void pdc_recode_ecs(struct recode *);

/* Add the members of an object; its pairs are those from what npairs was. */
void pdc_recode_members(struct recode *, struct span object);
/* Of pairs from there on that have one name, leave the last. */
void pdc_recode_unique(struct recode *, size_t from);
/* JSON text as it is, but for halves of surrogate pairs. */
void pdc_recode_text(struct recode *, struct span);

#endif
