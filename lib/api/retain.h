/* SPDX-License-Identifier: ISC */
#ifndef PDC_API_RETAIN_H
#define PDC_API_RETAIN_H

/*
 * Limits of the journal as text, for command lines:
 *
 *	logs:max_age=7d,max_count=100000,max_bytes=1G
 *	DEBUG:none	a level's own: no limit
 *	DEBUG:default	none of its own
 */

#include "base/buf.h"
#include "journal/journal.h"
#include "pdc.h"

struct retain_spec {
	enum journal_scope scope;
	int own; /* 0: none, limits are not looked at */
	struct pdc_retention limits;
};

/* 0 or PDC_EINVAL with words. */
int pdc_retain_parse(struct retain_spec *, const char *text);
int pdc_retain_set(struct pdc *, const struct retain_spec *);
/* Those of a journal that have any, a line each. */
void pdc_retain_put(struct buf *, const struct journal_rec *);

#endif
