/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The mappings of closed files.
 *
 * state	until			what is done
 * closed	tags 0 for		salvage; threads of ours may still
 *		DYING_GRACE_NS		use it
 * view		nobody uses the file	salvage when its rings have something
 *		and nothing is in it	or it could go
 *
 * Then the view is closed, and the memory is given back with it, as the file
 * was deleted.  A process that only ever counts goes on in the old file, and
 * the views of others are all that brings this in.  An hour later still, of
 * where the file was mapped only the head stays: handles that were not used
 * since look there, and no thread sleeps for so long.  Of who only reads, a
 * mapping goes when the next one is closed.  Write lock held, but for who only
 * reads.
 */

#include <stdlib.h>

#include "checkpoint/checkpoint.h"
#include "lane/ring.h"
#include "store/dying.h"

#define HUSK_NS INT64_C(3600000000000)

static int
closed_due(const struct pdc *p, const struct cells *c)
{
	return !c->view && c->closed_ns != 0 &&
	    pdc_clock_mono(&p->clock) - c->closed_ns >= DYING_GRACE_NS;
}

int
pdc_salvage_wanted(const struct pdc *p)
{
	const struct cells *c = pdc_cells_now(p);

	if (pdc_salvage_due(p))
		return 1;
	for (c = c != NULL ? c->older : NULL; c != NULL; c = c->older)
		if (closed_due(p, c) || (c->view && !pdc_closed_idle(c)))
			return 1;
	return 0;
}

int
pdc_closed_idle(const struct cells *c)
{
	return c->view && pdc_ring_backlog(c) == 0 && pdc_cells_used(c);
}

/* Put to in the place of c, or take c out; 0 if it is not there any more. */
static int
closed_replace(struct pdc *p, struct cells *c, struct cells *to)
{
	_Atomic(struct cells *) *at;

	pdc_table_lock(p);
	at = &pdc_cells_now(p)->older;
	while (*at != NULL && *at != c)
		at = &(*at)->older;
	if (*at == c) {
		*at = to != NULL ? to : c->older;
		if (!c->view) {
			c->older = p->husks;
			p->husks = c;
		}
		c = NULL;
	}
	pdc_table_unlock(p);
	return c == NULL;
}

/*
 * With each that comes, those of long ago become small.  What there was no
 * memory for is tried again: all who use the store keep things for its file.
 */
static void
closed_husks(struct pdc *p)
{
	int64_t now = pdc_clock_mono(&p->clock);
	struct cells *c;

	for (c = p->husks; c != NULL; c = c->older)
		if (!c->husk)
			pdc_cells_husk(c);
		else if (now - c->closed_ns >= HUSK_NS)
			pdc_cells_shrink(c);
}

struct cells *
pdc_closed_view(struct pdc *p, struct cells *c)
{
	struct cells *view;

	if (!closed_due(p, c))
		return c;
	view = pdc_cells_view(c);
	if (view == NULL) {
		/* Not at each transaction: that looks into the whole store. */
		c->closed_ns = pdc_clock_mono(&p->clock);
		return c;
	}
	/* First: who forks in between has the view. */
	closed_replace(p, c, view);
	closed_husks(p);
	return view;
}

void
pdc_closed_drop(struct pdc *p, struct cells *view)
{
	closed_replace(p, view, NULL);
	pdc_cells_close(view);
}

void
pdc_closed_forget(struct pdc *p)
{
	struct cells *c = pdc_cells_now(p)->older, *older;

	for (; c != NULL; c = older) {
		older = c->older;
		/* Who takes it out is the one who does it. */
		if (closed_due(p, c) && closed_replace(p, c, NULL))
			pdc_cells_husk(c);
	}
}
