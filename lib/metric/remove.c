/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Giving up a run: removing a series, moving it to a fresh run, ending a
 * family.  store/dying.h has the states of what is left behind.
 *
 * Handles stay: their tag is 0, so their updates go by rings or pending sums,
 * and whoever credits these makes the series anew and leaves the way to it.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/wire.h"
#include "metric/metric.h"
#include "pdc.h"
#include "store/again.h"
#include "store/dying.h"
#include "store/series.h"

/* What the lanes of a run have now, as sum0 has it. */
static void
dying_lanes(const struct cells *c, const struct dying_rec *d, struct pair *out)
{
	struct gauge g;
	uint32_t i;

	switch (d->zone) {
	case VALUE_ADD:
		out[0] = (struct pair){ 0, pdc_cells_sum(c, d->unit) };
		break;
	case VALUE_GAUGE:
		g = pdc_cells_gauge(c, d->unit);
		out[0] = (struct pair){ g.touched, g.value };
		break;
	default:
		for (i = 0; i < d->width; i++)
			out[i] = pdc_cells_sum_pair(c, d->unit + i);
	}
}

/* What the store has seen of them. */
static void
dying_seen(struct value *v, uint32_t pos, struct pair *out)
{
	struct value_gauge *g;

	if (v->h.zone == VALUE_ADD) {
		out[0] = (struct pair){ 0, pdc_block_add_seen(v)[pos] };
	} else if (v->h.zone == VALUE_GAUGE) {
		g = pdc_block_gauges(v) + pos;
		out[0] = (struct pair){ g->touched, g->value };
	} else {
		memcpy(out, pdc_block_pair_seen(v) + (size_t)pos * v->h.width,
		    v->h.width * sizeof(*out));
	}
}

static int
dying_write(struct stxn *x, struct dying *y)
{
	struct owed untag = { .epoch = y->d.epoch,
		.unit = y->d.unit,
		.id = y->d.id,
		.zone = y->d.zone,
		.op = OWED_UNTAG,
		.dying = x->meta.next_dying };
	unsigned char key[DYING_KEY_LEN];

	y->d.since_mono_ns = pdc_clock_mono(x->st->clock);
	pdc_dying_key(key, 'D', x->meta.next_dying++);
	pdc_dying_put(x, key, y);
	if (y->d.unit != UNIT_NONE && y->d.epoch == x->meta.epoch)
		pdc_owed_add(x, &untag);
	return x->ret;
}

/*
 * The run of a series that is no more, its records being deleted.  Without
 * cells nobody can be adding to it.
 */
int
pdc_dying_add(struct stxn *x, struct pdc *p, struct place *pl,
    const struct gone *g)
{
	const struct value_head *h = &pl->v->h;
	struct dying *y;

	if (h->unit == UNIT_NONE && !dying_kept(&x->meta, h->epoch, pl->id))
		return pdc_number_give(x, pl->f.r.id, pl->f.r.incarnation,
		    pl->n);
	y = malloc(sizeof(*y));
	if (y == NULL)
		return pdc_stxn_fail(x,
		    pdc_err_set(PDC_ENOMEM, "a dying series"));
	y->d = (struct dying_rec){ .id = pl->id,
		.epoch = h->epoch,
		.unit = UNIT_NONE,
		.family = pl->f.r.id,
		.incarnation = pl->f.r.incarnation,
		.n = pl->n,
		.zone = h->zone,
		.width = h->width,
		.values_len = (uint32_t)g->len,
		.late = g->why == GONE_REMOVED ? LATE_DROPPED : LATE_LABELS };
	if (h->unit != UNIT_NONE)
		y->d.unit = h->unit + (uint64_t)pl->at.pos * h->width;
	memcpy(y->values, g->values, g->len);
	dying_seen(pl->v, pl->at.pos, y->sum0);
	if (g->why != GONE_ENDED && pl->unit != UNIT_NONE)
		dying_lanes(pdc_cells_now(p), &y->d, y->sum0);
	dying_write(x, y);
	free(y);
	return x->ret;
}

int
pdc_place_remove(struct stxn *x, struct pdc *p, struct place *pl,
    struct gone *g)
{
	struct series_ref s;
	int ret;

	ret = pdc_series_get(x, &pl->f, pl->n, &s);
	if (ret < 0 || s.values_len > sizeof(g->values))
		return pdc_stxn_fail(x, ret < 0 ? ret : PDC_EFORMAT);
	g->len = s.values_len;
	memcpy(g->values, s.values, g->len);
	pdc_dying_add(x, p, pl, g);
	return pdc_series_del(x, &pl->f, g->values, g->len);
}

int
pdc_place_move(struct stxn *x, struct pdc *p, struct place *pl, double v)
{
	struct later on = { .epoch = x->meta.epoch, .old_id = pl->id };
	struct gone g = { .why = GONE_MOVED };
	int cells = pl->unit != UNIT_NONE;

	if (pdc_place_remove(x, p, pl, &g) < 0 ||
	    pdc_place_add(x, pl, g.values, g.len) < 0)
		return x->ret;
	if (pl->f.r.zone == VALUE_ADD)
		pdc_credit_add(x, pl, v);
	/* Whoever had cells goes on with cells. */
	if (cells)
		(void)pdc_place_cells(x, p, pl);
	on.unit = pl->unit;
	on.id = pl->id;
	if (pl->unit != UNIT_NONE)
		pdc_later_add(x, &on);
	return x->ret;
}

/* What is in now beyond what was in then; 1 if there is anything. */
static int
late_diff(const struct dying_rec *d, const struct pair *then,
    const struct pair *now, struct pair *late)
{
	int any = 0;
	uint32_t i;

	for (i = 0; i < d->width; i++) {
		late[i] = now[i];
		if (d->zone == VALUE_GAUGE) {
			any |= now[i].count != then[i].count;
			continue;
		}
		late[i].count = now[i].count - then[i].count;
		late[i].sum = now[i].sum - then[i].sum;
		if (d->zone == VALUE_ADD ? !(late[i].sum > 0) :
					   now[i].count <= then[i].count)
			late[i] = (struct pair){ 0, 0 };
		any |= late[i].count != 0 || late[i].sum != 0;
	}
	return any;
}

/* Only finite parts. */
static void
late_finite(struct stxn *x, const struct dying_rec *d, struct pair *late)
{
	const struct cells *c = pdc_cells_now(x->st->hook_arg);
	uint32_t i;

	for (i = 0; d->zone != VALUE_GAUGE && i < d->width; i++)
		if (!isfinite(late[i].sum)) {
			late[i].sum = 0;
			pdc_cells_drop(c, DROP_NONFINITE);
		}
}

static int
late_place(struct stxn *x, struct place *pl, const struct dying *y,
    const struct pair *late)
{
	int ret;

	/* It is not known when it was set; the next one is. */
	if (pdc_mode_stamped(pl->f.r.mode))
		return 0;
	ret = pdc_place_find(x, pl, y->values, y->d.values_len);
	/* A gauge that is there again has been set later. */
	if (ret == 0 && y->d.zone == VALUE_GAUGE)
		return 0;
	if (ret == PDC_ENOENT)
		ret = pdc_place_make(x, pl, y->values, y->d.values_len);
	if (ret < 0)
		return ret;
	if (y->d.zone == VALUE_ADD)
		return pdc_credit_add(x, pl, late->sum);
	if (y->d.zone == VALUE_PAIR)
		return pdc_credit_pairs(x, pl, late);
	return pdc_credit_gauge(x, pdc_cells_now(x->st->hook_arg), pl, OWED_SET,
	    late->sum);
}

/* To the series that has these labels now, of the family that has this id. */
static int
late_credit(struct stxn *x, const struct dying *y, struct pair *late)
{
	struct place *pl;
	int ret;

	pl = malloc(sizeof(*pl));
	if (pl == NULL)
		return pdc_stxn_fail(x, pdc_err_set(PDC_ENOMEM, "a credit"));
	pl->v = x->st->value;
	late_finite(x, &y->d, late);
	ret = pdc_family_by_id(x, y->d.family, &pl->f);
	if (ret == 0 &&
	    (pl->f.r.zone != y->d.zone || pl->f.r.width != y->d.width))
		ret = PDC_EFORMAT;
	if (ret == 0)
		ret = late_place(x, pl, y, late);
	free(pl);
	if (ret == PDC_ENOENT || ret == PDC_EFORMAT)
		pdc_cells_drop(pdc_cells_now(x->st->hook_arg), DROP_SHAPE);
	else if (ret == PDC_EFULL && x->ret == 0)
		pdc_cells_drop(pdc_cells_now(x->st->hook_arg), DROP_MAX_SERIES);
	else
		pdc_stxn_fail(x, ret);
	return x->ret;
}

int
pdc_dying_credit(struct stxn *x, struct dying *y, const struct pair *now)
{
	struct pair *late;
	int any;

	late = malloc(sizeof(y->sum0));
	if (late == NULL)
		return pdc_stxn_fail(x, pdc_err_set(PDC_ENOMEM, "a credit"));
	any = late_diff(&y->d, y->sum0, now, late);
	if (any && y->d.late != LATE_DROPPED)
		late_credit(x, y, late);
	if (any)
		memcpy(y->sum0, now, y->d.width * sizeof(*now));
	free(late);
	return x->ret < 0 ? x->ret : any;
}

int
pdc_dying_late(struct stxn *x, const struct cells *c, struct dying *y)
{
	struct pair *now;
	int ret;

	now = malloc(sizeof(y->sum0));
	if (now == NULL)
		return pdc_stxn_fail(x, pdc_err_set(PDC_ENOMEM, "a credit"));
	dying_lanes(c, &y->d, now);
	ret = pdc_dying_credit(x, y, now);
	free(now);
	return ret;
}
