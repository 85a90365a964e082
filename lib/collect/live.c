/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "collect/live.h"

#include <stdatomic.h>
#include <string.h>

#include "store/idle.h"
#include "store/series.h"

#define LIVE_GAUGES 32 /* at a time */

/* n units of a block, whose first is at. */
struct live_part {
	struct value *v;
	size_t at;
	uint32_t n;
};

/* base + seen, as the next checkpoint will have it. */
static void
live_stored(const struct live_part *part, struct pair *out)
{
	struct value *v = part->v;
	struct pair *base, *seen;
	struct value_gauge *g;
	uint32_t i;

	switch (v->h.zone) {
	case VALUE_ADD:
		for (i = 0; i < part->n; i++)
			out[i].sum = pdc_block_add_seen(v)[part->at + i] +
			    pdc_block_add_base(v)[part->at + i];
		break;
	case VALUE_GAUGE:
		g = pdc_block_gauges(v) + part->at;
		for (i = 0; i < part->n; i++)
			out[i] = (struct pair){ value_stamp(&g[i]),
				g[i].value };
		break;
	default:
		base = pdc_block_pair_base(v) + part->at;
		seen = pdc_block_pair_seen(v) + part->at;
		for (i = 0; i < part->n; i++) {
			out[i].count = seen[i].count + base[i].count;
			out[i].sum = seen[i].sum + base[i].sum;
		}
	}
}

static void
live_gauges(const struct cells *c, uint64_t unit, uint32_t n, struct pair *out)
{
	struct gauge g[LIVE_GAUGES];
	uint32_t i, some;

	for (; n > 0; n -= some, unit += some, out += some) {
		some = n < LIVE_GAUGES ? n : LIVE_GAUGES;
		pdc_cells_gauges(c, unit, some, g);
		for (i = 0; i < some; i++)
			out[i] = (struct pair){ gauge_stamp(&g[i]),
				g[i].value };
	}
}

static void
live_lanes(const struct cells *c, const struct live_part *part,
    struct pair *out)
{
	uint64_t unit = part->v->h.unit + part->at;
	struct pair *pairs;
	double *base;
	uint32_t i;

	switch (part->v->h.zone) {
	case VALUE_ADD:
		pdc_cells_sums(c, unit, part->n, out);
		base = pdc_block_add_base(part->v) + part->at;
		for (i = 0; i < part->n; i++)
			out[i].sum += base[i];
		break;
	case VALUE_GAUGE:
		live_gauges(c, unit, part->n, out);
		break;
	default:
		pdc_cells_sum_pairs(c, unit, part->n, out);
		pairs = pdc_block_pair_base(part->v) + part->at;
		for (i = 0; i < part->n; i++) {
			out[i].count += pairs[i].count;
			out[i].sum += pairs[i].sum;
		}
	}
}

static int
live_has(const struct cells *c, const struct value *v)
{
	return c != NULL && v->h.unit != UNIT_NONE && v->h.epoch == c->epoch;
}

enum live
pdc_live_read(const struct cells *c, struct value *v, uint32_t pos, uint64_t id,
    struct pair *out)
{
	struct live_part part = { v, (size_t)pos * v->h.width, v->h.width };

	if (!live_has(c, v)) {
		live_stored(&part, out);
		return LIVE_GOOD;
	}
	live_lanes(c, &part, out);
	return live_tag(pdc_cells_tag_get(c, v->h.zone, v->h.unit + part.at),
	    id);
}

void
pdc_live_block(struct live_block *b, const struct cells *c, struct value *v)
{
	struct live_part part = { v, 0, v->h.k * v->h.width };

	b->stored = !live_has(c, v);
	if (b->stored) {
		live_stored(&part, b->pairs);
		return;
	}
	live_lanes(c, &part, b->pairs);
	pdc_cells_tags(c, v->h.zone, v->h.unit, v->h.width, v->h.k, b->tags);
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

	if (!live_has(c, v))
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
