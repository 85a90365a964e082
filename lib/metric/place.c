/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Where a series is: its record, its place in a value block, its run of cells.
 *
 * A block has no cells until somebody resolves one of its series in the
 * present epoch; then it gets one extent for all of them.  Shared memory is
 * written first (zeroes, and the tags of series that are new), then the
 * transaction is committed, and only then are handles given out.  What an
 * aborted transaction left behind lies above next_unit and is written again.
 *
 * A series that was there before has handles, in any process, that may count
 * as soon as they find its tag: these tags, and the ways on to new runs, are
 * stored after the commit.  If the process dies in between, the next one that
 * needs the run does it.
 */

#include <string.h>

#include "base/err.h"
#include "metric/metric.h"
#include "pdc.h"
#include "store/again.h"
#include "store/idle.h"
#include "store/series.h"

static void
place_unit(struct stxn *x, struct place *pl)
{
	const struct value_head *h = &pl->v->h;

	pl->unit = UNIT_NONE;
	if (h->epoch == x->meta.epoch && h->unit != UNIT_NONE)
		pl->unit = h->unit + (uint64_t)pl->at.pos * h->width;
}

static int
place_value(struct stxn *x, struct place *pl)
{
	int ret;

	pl->at = pdc_block_place(&pl->f.r, pl->n);
	ret = pdc_block_get(x, &pl->f.r, pl->at, pl->v);
	if (ret == 0)
		place_unit(x, pl);
	return ret;
}

int
pdc_place_find(struct stxn *x, struct place *pl, const char *values, size_t len)
{
	struct series_id s;
	int ret;

	pl->beyond = 0;
	ret = pdc_series_find(x, &pl->f, values, len, &s);
	if (ret < 0)
		return ret;
	pl->n = s.n;
	pl->id = s.id;
	return place_value(x, pl);
}

/*
 * A gauge's cell begins with its value.  Numbers of operations go on from those
 * of whoever had the cell before, so that what slept since then fails; times do
 * that by themselves.
 */
static void
place_gauge(struct cells *c, uint64_t unit, struct value *v, uint32_t pos)
{
	struct value_gauge *g = pdc_block_gauges(v) + pos;
	uint32_t applied = pdc_cells_gauge(c, unit).applied;

	if (!(v->h.flags & VALUE_STAMPED)) {
		if ((int32_t)(applied - g->seq) > 0)
			g->seq = applied;
		g->touched = 0;
	}
	pdc_cells_gauge_init(c, unit,
	    (struct gauge){ g->value, g->seq, g->touched });
}

/* A series new in a block that has cells already. */
static void
place_fresh_run(struct pdc *p, struct place *pl)
{
	struct cells *c = pdc_cells_now(p);

	if (pl->unit == UNIT_NONE)
		return;
	pdc_cells_zero(c, pl->f.r.zone, pl->unit, pl->f.r.width);
	if (pl->f.r.zone == VALUE_GAUGE)
		place_gauge(c, pl->unit, pl->v, pl->at.pos);
	pdc_cells_tag(c, pl->f.r.zone, pl->unit, pl->id);
}

/* Nothing of an earlier series of this number is left in its block. */
static int
place_clear(struct stxn *x, struct place *pl)
{
	if (!pdc_block_has(pl->v, pl->at.pos) && pl->unit == UNIT_NONE)
		return x->ret;
	pdc_block_fold(x, &pl->f.r, pl->at.block, pl->v);
	pdc_block_zero(pl->v, pl->at.pos);
	place_unit(x, pl);
	return x->ret;
}

int
pdc_place_add(struct stxn *x, struct place *pl, const char *values, size_t len)
{
	struct series_id s;
	int ret;

	ret = pdc_series_add(x, &pl->f, values, len, &s);
	if (ret < 0)
		return ret;
	pl->n = s.n;
	pl->id = s.id;
	ret = place_value(x, pl);
	if (ret == 0)
		ret = place_clear(x, pl);
	if (ret < 0)
		return ret;
	if (mode_each(pl->f.r.mode))
		pdc_block_gauges(pl->v)[pl->at.pos].value = value_none();
	place_fresh_run(x->st->hook_arg, pl);
	pdc_idle_use(x, &pl->f.r, pl->at);
	if (pl->v->h.epoch != 0 || mode_each(pl->f.r.mode))
		pdc_block_put(x, &pl->f.r, pl->at.block, pl->v);
	return x->ret;
}

int
pdc_place_make(struct stxn *x, struct place *pl, const char *values, size_t len)
{
	int ret;

	ret = pdc_place_find(x, pl, values, len);
	if (ret != PDC_ENOENT)
		return ret;
	ret = pdc_series_beyond(values, len) ? 0 : pdc_budget_over(x, pl);
	if (ret == 1)
		return pdc_budget_make(x, x->st->hook_arg, pl);
	return ret < 0 ? ret : pdc_place_add(x, pl, values, len);
}

static void
place_tag_later(struct stxn *x, uint32_t zone, uint64_t unit, uint64_t id)
{
	struct later l = { .epoch = x->meta.epoch,
		.unit = unit,
		.id = id,
		.zone = zone };

	pdc_later_add(x, &l);
}

/* Tag the run of series n with its id; a gauge starts with what it was. */
static void
place_tag(struct stxn *x, struct cells *c, struct place *pl, uint32_t n,
    uint32_t pos)
{
	const struct family_rec *f = &pl->f.r;
	uint64_t unit = pl->v->h.unit + (uint64_t)pos * f->width;
	struct series_ref s;

	if (pdc_series_get(x, &pl->f, n, &s) < 0) {
		/* A cell that nobody has is as it was. */
		if (f->zone == VALUE_GAUGE)
			pdc_block_gauges(pl->v)[pos]
			    .touched = pdc_cells_gauge(c, unit).touched;
		return;
	}
	if (f->zone == VALUE_GAUGE)
		place_gauge(c, unit, pl->v, pos);
	if (s.id >= x->was.next_series) {
		pdc_cells_tag(c, f->zone, unit, s.id);
	} else {
		/* What an aborted transaction left there is no series'. */
		pdc_cells_tag(c, f->zone, unit, 0);
		place_tag_later(x, f->zone, unit, s.id);
	}
}

int
pdc_place_cells(struct stxn *x, struct pdc *p, struct place *pl)
{
	struct cells *c = pdc_cells_now(p);
	uint32_t zone = pl->f.r.zone, i, first;
	uint64_t unit, units;
	int ret;

	/* Without room for exemplars it goes on without them. */
	if (pl->f.r.flags & FAMILY_EXEMPLARS)
		(void)pdc_cells_exemplars(c);
	if (pl->unit != UNIT_NONE) {
		if (pdc_cells_tag_get(c, zone, pl->unit) != pl->id)
			place_tag_later(x, zone, pl->unit, pl->id);
		return x->ret;
	}
	pdc_block_fold(x, &pl->f.r, pl->at.block, pl->v);
	units = (uint64_t)pl->at.k * pl->f.r.width;
	unit = pdc_units_take(x, zone, units);
	ret = pdc_cells_reserve(c, zone, unit + units);
	if (ret < 0) { /* it is worth base + seen, then */
		pdc_units_give(x, zone, unit, units);
		return ret;
	}
	pl->v->h.unit = unit;
	pdc_cells_zero(c, zone, unit, (uint32_t)units);
	first = pl->n - pl->at.pos;
	for (i = 0; i < pl->at.k; i++)
		place_tag(x, c, pl, first + i, i);
	place_unit(x, pl);
	return pdc_block_put(x, &pl->f.r, pl->at.block, pl->v);
}
