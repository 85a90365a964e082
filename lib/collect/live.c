/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "collect/live.h"

/* base + seen, as the next checkpoint will have it. */
static void
live_stored(struct value *v, uint32_t pos, struct pair *out)
{
	size_t at = (size_t)pos * v->h.width;
	struct pair *base, *seen;
	uint32_t i;

	switch (v->h.zone) {
	case VALUE_ADD:
		out[0].sum = pdc_block_add_seen(v)[pos] +
		    pdc_block_add_base(v)[pos];
		break;
	case VALUE_GAUGE:
		out[0].sum = pdc_block_gauges(v)[pos].value;
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
	uint32_t i;

	switch (v->h.zone) {
	case VALUE_ADD:
		out[0].sum = pdc_cells_sum(c, unit) +
		    pdc_block_add_base(v)[pos];
		break;
	case VALUE_GAUGE:
		out[0].sum = pdc_cells_gauge(c, unit).value;
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

int
pdc_live_read(const struct cells *c, struct value *v, uint32_t pos, uint64_t id,
    struct pair *out)
{
	uint64_t unit, tag;

	if (c == NULL || v->h.unit == UNIT_NONE || v->h.epoch != c->epoch) {
		live_stored(v, pos, out);
		return 1;
	}
	unit = v->h.unit + (uint64_t)pos * v->h.width;
	live_lanes(c, v, pos, unit, out);
	/*
	 * 0: the series is going, and its lanes stay for 60 s.  A block's
	 * lanes are read before the tag, so an own tag means they were ours.
	 */
	tag = pdc_cells_tag_get(c, v->h.zone, unit);
	return tag == id || tag == 0;
}
