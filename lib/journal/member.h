/* SPDX-License-Identifier: ISC */
#ifndef PDC_JOURNAL_MEMBER_H
#define PDC_JOURNAL_MEMBER_H

/*
 * Taking a line apart as journal/line.h writes it: ", " and ": " between.  Of
 * bytes that are no line it gives something or nothing, and nothing that is
 * not within them.
 */

#include <stddef.h>

struct span {
	const char *s;
	size_t len;
};

struct member {
	struct span name; /* without its quotes; escapes stay */
	struct span value;
};

/* What is left of an object or an array. */
struct members {
	const char *at, *end;
};

/* Of a text with its brackets. */
struct members pdc_members(struct span);
/* 1, or 0 at the end, or at what is none. */
int pdc_member_next(struct members *, struct member *);
int pdc_element_next(struct members *, struct span *);

int pdc_span_is(struct span, const char *);

#endif
