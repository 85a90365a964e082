/* SPDX-License-Identifier: ISC */
#ifndef PDC_STORE_DYING_H
#define PDC_STORE_DYING_H

#include "store/family.h"

/*
 * A run of cells that was given up.
 *
 *	commit		the series is deleted, D is written with what the lanes
 *			had; an owed effect clears the tag
 *	tag 0		nobody who looks at the tag adds any more
 *	60 s later	nobody can be between that look and the store (since is
 *			when the tag was cleared); a transaction bumps the
 *			versions, credits what exceeds sum0 to the series that
 *			has these labels by then, and gives the number back
 *
 * D records are in order of their numbers; since does not fall along them but
 * where a process died before it could clear the tag.  K records are those of
 * which a mapping of an older epoch may still bring something: only of series
 * that were there when the present epoch began.
 */

#define DYING_KEY_LEN 9
#define ENDED_KEY_LEN 9
#define DYING_GRACE_NS 60000000000

struct dying {
	struct dying_rec d;
	struct pair sum0[BOUNDS_MAX + 1];
	char values[LABELS_MAX_LEN];
};

static inline int
dying_kept(const struct meta *m, uint64_t epoch, uint64_t id)
{
	return meta_oldest(m) < m->epoch && epoch >= meta_oldest(m) &&
	    id < m->epoch_series;
}

void pdc_dying_key(unsigned char *key, char kind, uint64_t number);
/* 1, or 0 if it makes no sense. */
int pdc_dying_parse(struct dying *, const void *val, size_t len);
int pdc_dying_put(struct stxn *, const unsigned char *key,
    const struct dying *);
/* Its tag was cleared later than it was to be. */
int pdc_dying_since(struct stxn *, uint64_t number, int64_t now);

#endif
