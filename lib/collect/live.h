/* SPDX-License-Identifier: ISC */
#ifndef PDC_COLLECT_LIVE_H
#define PDC_COLLECT_LIVE_H

#include "lane/cells.h"
#include "store/value.h"

/*
 * What a series is worth now: (lane 0 + lane 1 + ...) + base, base last, where
 * its run in this epoch's cells carries its tag; else base + seen.
 *
 *	cells	NULL: none mapped
 *	v	its block, pos its place there
 *	out	width pairs; a counter's or gauge's value is out[0].sum, and
 *		count the time of the last set where a gauge keeps that
 *
 * OTHER: the run carries another series' tag; look again in a newer snapshot.
 * DYING: it carries none; its lanes are good for DYING_GRACE_NS after the
 * snapshot was taken.
 */
enum live { LIVE_OTHER, LIVE_GOOD, LIVE_DYING };
enum live pdc_live_read(const struct cells *, struct value *v, uint32_t pos,
    uint64_t id, struct pair *out);

/*
 * The same of all series of a block that is of its family, and no damaged one,
 * at once: the pairs of each, and then its tag.
 */
struct live_block {
	int stored; /* what is stored: there are no tags */
	uint64_t tags[BOUNDS_MAX + 1];
	struct pair pairs[BOUNDS_MAX + 1];
};
void pdc_live_block(struct live_block *, const struct cells *, struct value *v);

static inline enum live
live_tag(uint64_t tag, uint64_t id)
{
	return tag == id ? LIVE_GOOD : tag == 0 ? LIVE_DYING : LIVE_OTHER;
}

/* How the series at pos is. */
static inline enum live
live_get(const struct live_block *b, uint32_t pos, uint64_t id)
{
	return b->stored ? LIVE_GOOD : live_tag(b->tags[pos], id);
}

/* Whether somebody has written to the cells of a series since it was seen. */
int pdc_live_moved(const struct cells *, struct value *v, uint32_t pos);
/* Whether a series' idle time has passed and nobody has used it since. */
int pdc_live_idle(struct stxn *, const struct cells *, const struct family *,
    struct value *v, struct value_place);
/*
 * How long ago, in ns, a page showed the family within its time; -1 if the last
 * one did not, or pages are no uses in this store.
 */
int64_t pdc_live_shown(const struct stxn *, const struct cells *,
    const struct family_rec *);
/*
 * Whether a family's time has passed and nobody has used it since.  v is for
 * its blocks.
 */
int pdc_live_expired(struct stxn *, const struct cells *, const struct family *,
    struct value *v);

#endif
