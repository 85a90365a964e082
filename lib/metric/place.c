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
	struct series_ref s;
	int ret;

	ret = pdc_series_find(x, &pl->f, values, len, &pl->n);
	if (ret == 0)
		ret = pdc_series_get(x, &pl->f, pl->n, &s);
	if (ret < 0)
		return ret;
	pl->id = s.id;
	return place_value(x, pl);
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
		pdc_cells_gauge_init(c, pl->unit, 0, 0);
	pdc_cells_tag(c, pl->f.r.zone, pl->unit, pl->id);
}

/* A block's place is new with its series: nothing of an older one in it. */
static int
place_add(struct stxn *x, struct pdc *p, struct place *pl, const char *values,
    size_t len)
{
	int ret;

	pl->n = pl->f.r.next_n;
	ret = pdc_series_add(x, &pl->f, values, len, &pl->id);
	if (ret == 0)
		ret = place_value(x, pl);
	if (ret == 0)
		place_fresh_run(p, pl);
	return ret;
}

int
pdc_place_make(struct stxn *x, struct place *pl, const char *values, size_t len)
{
	int ret;

	ret = pdc_place_find(x, pl, values, len);
	if (ret != PDC_ENOENT)
		return ret;
	return place_add(x, x->st->hook_arg, pl, values, len);
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
	struct value_gauge *g;
	struct series_ref s;

	if (pdc_series_get(x, &pl->f, n, &s) < 0)
		return;
	if (f->zone == VALUE_GAUGE) {
		g = pdc_block_gauges(pl->v) + pos;
		pdc_cells_gauge_init(c, unit, g->value, g->seq);
	}
	if (s.id >= x->was.next_series)
		pdc_cells_tag(c, f->zone, unit, s.id);
	else
		place_tag_later(x, f->zone, unit, s.id);
}

int
pdc_place_cells(struct stxn *x, struct pdc *p, struct place *pl)
{
	struct cells *c = pdc_cells_now(p);
	uint32_t zone = pl->f.r.zone, i, first;
	uint64_t unit, units;
	int ret;

	if (pl->unit != UNIT_NONE) {
		if (pdc_cells_tag_get(c, zone, pl->unit) != pl->id)
			place_tag_later(x, zone, pl->unit, pl->id);
		return x->ret;
	}
	pdc_block_fold(x, &pl->f.r, pl->at.block, pl->v);
	units = (uint64_t)pl->at.k * pl->f.r.width;
	unit = x->meta.next_unit[zone];
	ret = pdc_cells_reserve(c, zone, unit + units);
	if (ret < 0) /* it is worth base + seen, then */
		return ret;
	x->meta.next_unit[zone] = unit + units;
	pl->v->h.unit = unit;
	pdc_cells_zero(c, zone, unit, (uint32_t)units);
	first = pl->n - pl->at.pos;
	for (i = 0; i < pl->at.k; i++)
		place_tag(x, c, pl, first + i, i);
	place_unit(x, pl);
	return pdc_block_put(x, &pl->f.r, pl->at.block, pl->v);
}

/* What the old run's lanes come to now; late credits are what exceeds it. */
static int
place_dying(struct stxn *x, struct pdc *p, struct place *pl, const char *values,
    size_t len)
{
	unsigned char key[SERIES_KEY_LEN],
	    rec[sizeof(struct dying_rec) + sizeof(double) + LABELS_MAX_LEN];
	struct dying_rec d = { .id = pl->id,
		.epoch = pl->v->h.epoch,
		.zone = pl->f.r.zone,
		.width = 1,
		.values_len = (uint32_t)len };
	struct owed untag = { .epoch = d.epoch,
		.id = pl->id,
		.zone = d.zone,
		.op = OWED_UNTAG };
	double sum0 = pdc_block_add_seen(pl->v)[pl->at.pos];

	d.unit = UNIT_NONE;
	if (pl->v->h.unit != UNIT_NONE)
		d.unit = pl->v->h.unit + pl->at.pos;
	untag.unit = d.unit;
	if (d.epoch == x->meta.epoch && d.unit != UNIT_NONE)
		sum0 = pdc_cells_sum(pdc_cells_now(p), d.unit);
	memcpy(rec, &d, sizeof(d));
	memcpy(rec + sizeof(d), &sum0, sizeof(sum0));
	memcpy(rec + sizeof(d) + sizeof(sum0), values, len);
	pdc_series_key(key, 'D', pl->f.r.id, pl->f.r.incarnation, pl->n);
	pdc_stxn_put(x, key, sizeof(key), rec, sizeof(d) + sizeof(sum0) + len);
	return pdc_owed_add(x, &untag);
}

int
pdc_place_move(struct stxn *x, struct pdc *p, struct place *pl, double v)
{
	char values[LABELS_MAX_LEN];
	struct later on = { .epoch = x->meta.epoch, .old_id = pl->id };
	struct series_ref s;
	size_t len;
	int ret;

	ret = pdc_series_get(x, &pl->f, pl->n, &s);
	if (ret < 0 || s.values_len > sizeof(values))
		return pdc_stxn_fail(x, ret < 0 ? ret : PDC_EFORMAT);
	len = s.values_len;
	memcpy(values, s.values, len);
	/* Also for those who still map an older epoch: whose these are. */
	if (pl->v->h.unit != UNIT_NONE || x->meta.epoch > x->meta.boot_epoch)
		place_dying(x, p, pl, values, len);
	pdc_series_del(x, &pl->f, values, len);
	if (x->ret < 0)
		return x->ret;
	ret = place_add(x, p, pl, values, len);
	if (ret < 0)
		return ret;
	pdc_block_add_base(pl->v)[pl->at.pos] = v;
	pdc_block_add_seen(pl->v)[pl->at.pos] = 0;
	pdc_block_put(x, &pl->f.r, pl->at.block, pl->v);
	on.unit = pl->unit;
	on.id = pl->id;
	if (pl->unit != UNIT_NONE)
		pdc_later_add(x, &on);
	return x->ret;
}
