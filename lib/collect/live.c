/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "collect/live.h"

#include <stdatomic.h>
#include <string.h>

#include "store/idle.h"
#include "store/series.h"

/* base + seen, as the next checkpoint will have it. */
static void
live_stored(struct value *v, uint32_t pos, struct pair *out)
{
	size_t at = (size_t)pos * v->h.width;
	struct pair *base, *seen;
	struct value_gauge *g;
	uint32_t i;

	switch (v->h.zone) {
	case VALUE_ADD:
		out[0].sum = pdc_block_add_seen(v)[pos] +
		    pdc_block_add_base(v)[pos];
		break;
	case VALUE_GAUGE:
		g = pdc_block_gauges(v) + pos;
		out[0] = (struct pair){ value_stamp(g), g->value };
		break;
	default:
		base = pdc_block_pair_base(v) + at;
		seen = pdc_block_pair_seen(v) + at;
		for (i = 0; i < v->h.width; i++) {
			out[i].count = seen[i].count + base[i].count;
			out[i].sum = seen[i].sum + base[i].sum;
		}
	}
}

static void
live_lanes(const struct cells *c, struct value *v, uint32_t pos, uint64_t unit,
    struct pair *out)
{
	struct pair *base;
	struct gauge g;
	uint32_t i;

	switch (v->h.zone) {
	case VALUE_ADD:
		out[0].sum = pdc_cells_sum(c, unit) +
		    pdc_block_add_base(v)[pos];
		break;
	case VALUE_GAUGE:
		g = pdc_cells_gauge(c, unit);
		out[0] = (struct pair){ gauge_stamp(&g), g.value };
		break;
	default:
		base = pdc_block_pair_base(v) + (size_t)pos * v->h.width;
		for (i = 0; i < v->h.width; i++) {
			out[i] = pdc_cells_sum_pair(c, unit + i);
			out[i].count += base[i].count;
			out[i].sum += base[i].sum;
		}
	}
}

enum live
pdc_live_read(const struct cells *c, struct value *v, uint32_t pos, uint64_t id,
    struct pair *out)
{
	uint64_t unit, tag;

	if (c == NULL || v->h.unit == UNIT_NONE || v->h.epoch != c->epoch) {
		live_stored(v, pos, out);
		return LIVE_GOOD;
	}
	unit = v->h.unit + (uint64_t)pos * v->h.width;
	live_lanes(c, v, pos, unit, out);
	/*
	 * 0: the series is going, and its lanes stay for a while.  A block's
	 * lanes are read before the tag, so an own tag means they were ours.
	 */
	tag = pdc_cells_tag_get(c, v->h.zone, unit);
	return tag == id ? LIVE_GOOD : tag == 0 ? LIVE_DYING : LIVE_OTHER;
}

/* As a checkpoint does: an operation not done yet is the block's. */
static int
live_set(struct gauge cell, const struct value_gauge *g)
{
	return (int32_t)(g->seq - cell.applied) <= 0 &&
	    cell.touched != g->touched && cell.touched != 0;
}

/* Of n units of a block, whose first is at. */
static int
live_moved(const struct cells *c, struct value *v, size_t at, size_t n)
{
	struct gauge g;
	size_t i;
	int moved = 0;

	if (c == NULL || v->h.unit == UNIT_NONE || v->h.epoch != c->epoch)
		return 0;
	for (i = at; i < at + n && !moved; i++)
		switch (v->h.zone) {
		case VALUE_ADD:
			moved = pdc_cells_sum(c, v->h.unit + i) >
			    pdc_block_add_seen(v)[i];
			break;
		case VALUE_GAUGE:
			g = pdc_cells_gauge(c, v->h.unit + i);
			/* Of one that is given back, part of the time is. */
			moved = v->h.flags & VALUE_STAMPED ?
			    gauge_stamp(&g) >
				    value_stamp(pdc_block_gauges(v) + i) &&
				pdc_cells_tag_get(c, ZONE_GAUGE,
				    v->h.unit + i) != 0 :
			    live_set(g, pdc_block_gauges(v) + i);
			break;
		default:
			moved = pdc_cells_sum_pair(c, v->h.unit + i).count >
			    pdc_block_pair_seen(v)[i].count;
		}
	return moved;
}

int
pdc_live_moved(const struct cells *c, struct value *v, uint32_t pos)
{
	return live_moved(c, v, (size_t)pos * v->h.width, v->h.width);
}

int
pdc_live_idle(struct stxn *x, const struct cells *c, const struct family *f,
    struct value *v, struct value_place at)
{
	struct idle t;

	return pdc_idle_ns(&f->r) > 0 && pdc_idle_get(x, &f->r, at, &t) >= 0 &&
	    pdc_idle_due(x, &f->r, &t, at.pos) && !pdc_live_moved(c, v, at.pos);
}

int64_t
pdc_live_shown(const struct stxn *x, const struct cells *c,
    const struct family_rec *r)
{
	int64_t at, ago;

	if (c == NULL || !(x->meta.flags & META_REFRESH) ||
	    r->expires_boot != x->meta.boot_epoch)
		return -1;
	at = atomic_load(&c->head->page_mono_ns);
	ago = pdc_clock_mono(x->st->clock) - at;
	/* A page after its time did not show it. */
	return at != 0 && at < r->expires_mono_ns &&
		ago < pdc_family_ttl(x, r) ?
	    ago :
	    -1;
}

int
pdc_live_expired(struct stxn *x, const struct cells *c, const struct family *f,
    struct value *v)
{
	unsigned char key[SERIES_KEY_LEN];
	struct scur cur;
	int got, moved = 0;

	if (f->r.hidden || !pdc_family_due(x, &f->r) ||
	    pdc_live_shown(x, c, &f->r) >= 0)
		return 0;
	pdc_series_key(key, 'V', f->r.id, f->r.incarnation, 0);
	if (pdc_scur_open(&cur, x) < 0)
		return 0;
	for (got = pdc_scur_seek(&cur, key, sizeof(key)); got == 1 && !moved;
	     got = pdc_scur_next(&cur)) {
		if (cur.klen != sizeof(key) || memcmp(cur.key, key, 9) != 0)
			break;
		moved = pdc_block_parse(v, cur.val, cur.len) == 0 &&
		    live_moved(c, v, 0, (size_t)v->h.k * v->h.width);
	}
	pdc_scur_close(&cur);
	return got >= 0 && !moved;
}
