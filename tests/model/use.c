/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The uses of families: when they end.
 */

#include "model/model.h"

#define SLACK INT64_C(2000000000) /* of a deadline: steps, and late looks */

void
model_use(struct model *m, int f, int sure)
{
	struct mfamily *mf = &m->f[f];
	int64_t ttl = shape_ttl(shape_of(f, m->f[f].other));

	if (ttl <= 0)
		return;
	if (sure || mf->due_hi == 0) {
		mf->due_lo = m->mono + ttl - SLACK;
		mf->wall_lo = m->wall + ttl - SLACK;
		mf->wall_hi = m->wall + ttl + SLACK;
	}
	mf->due_hi = m->mono + ttl + SLACK;
	if (m->wall + ttl - SLACK < mf->wall_lo)
		mf->wall_lo = m->wall + ttl - SLACK;
	if (m->wall + ttl + SLACK > mf->wall_hi)
		mf->wall_hi = m->wall + ttl + SLACK;
}

/* It is written with the next checkpoint, and lost with the file until then. */
void
model_page(struct model *m, int lost)
{
	struct mfamily *mf;
	int64_t ttl;
	int f;

	for (f = 0; f < NFAMS && settings.refresh; f++) {
		mf = &m->f[f];
		ttl = shape_ttl(shape_of(f, m->f[f].other));
		if (ttl == 0 || mf->due_hi == 0 || mf->hidden == YES)
			continue;
		if (!lost && mf->hidden == NO && m->mono < mf->due_lo)
			mf->page = m->mono;
		mf->due_hi = m->mono + ttl + SLACK;
		if (m->wall + ttl + SLACK > mf->wall_hi)
			mf->wall_hi = m->wall + ttl + SLACK;
	}
}

/* A checkpoint has written it. */
void
model_paged(struct model *m, int f)
{
	struct mfamily *mf = &m->f[f];
	int64_t ttl = shape_ttl(shape_of(f, m->f[f].other)),
		due = mf->page + ttl;

	int64_t wall = m->wall + due - m->mono;

	if (mf->page == 0)
		return;
	if (due - SLACK > mf->due_lo)
		mf->due_lo = due - SLACK;
	if (wall - SLACK < mf->wall_lo)
		mf->wall_lo = wall - SLACK;
	if (wall + SLACK > mf->wall_hi)
		mf->wall_hi = wall + SLACK;
	mf->page = 0;
}
