/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The cold side of cells: making a run ready, giving it up, and its sums.
 * lane.c has what may run beside what.  Units come from LMDB and from other
 * processes, so each is compared with what has blocks.
 */

#include <stdatomic.h>

#include "base/bits.h"
#include "lane/atomic.h"
#include "lane/cells.h"

#define PAIR_COUNT 0xffffffffffff /* the version is above */
#define PAIR_VERSION ((uint64_t)1 << 48)

/* The rest must not be touched. */
uint64_t
pdc_cells_known(const struct cells *cells, enum cells_zone_kind kind)
{
	struct cells_zone *z = &((struct cells *)(uintptr_t)cells)->zone[kind];
	uint64_t n;

	/* Pairs with the release in pdc_cells_reserve(). */
	n = atomic_load_explicit(&cells->head->zone[kind].reserved,
	    memory_order_acquire);
	if (n > z->capacity)
		n = z->capacity;
	/* Blocks stay: one of earlier is right, too. */
	atomic_store_explicit(&z->known, n, memory_order_relaxed);
	return n;
}

static int
tag_has(const struct cells *cells, enum cells_zone_kind kind, uint64_t unit,
    uint32_t n)
{
	uint64_t reserved = pdc_cells_known(cells, kind);

	return unit < reserved && n <= reserved - unit;
}

static _Atomic uint64_t *
tag_lane_word(const struct cells_zone *z, uint32_t lane, uint64_t unit)
{
	char *at = z->lanes + lane * z->stride + unit * z->unit;

	return (_Atomic uint64_t *)at;
}

static struct word16 *
tag_atomic_cell(const struct cells_zone *z, uint32_t lane, uint64_t unit)
{
	return (struct word16 *)(z->atomic + lane * z->astride) + unit;
}

/* The same cell with the next version: of add, pair and gauge. */
static struct word16
tag_next(struct word16 w, enum cells_zone_kind kind)
{
	switch (kind) {
	case ZONE_ADD:
		w.hi++;
		break;
	case ZONE_PAIR:
		w.lo += PAIR_VERSION;
		break;
	default: /* applied, not touched above it */
		w.hi = (w.hi & 0xffffffff00000000) | (uint32_t)(w.hi + 1);
		break;
	}
	return w;
}

/* And without a value.  A gauge's applied goes on when its run is freed. */
static struct word16
tag_next_zero(struct word16 w, enum cells_zone_kind kind)
{
	if (kind != ZONE_GAUGE)
		w = tag_next(w, kind);
	if (kind == ZONE_PAIR) {
		w.lo &= ~(uint64_t)PAIR_COUNT;
		w.hi = 0;
	} else
		w.lo = 0;
	return w;
}

static void
tag_next_all(const struct cells *cells, enum cells_zone_kind kind,
    uint64_t unit, uint32_t n,
    struct word16 (*next)(struct word16, enum cells_zone_kind))
{
	const struct cells_zone *z = &cells->zone[kind];
	struct word16 *cell, old;
	uint32_t i, lane;

	for (lane = 0; lane < z->natomic; lane++)
		for (i = 0; i < n; i++) {
			cell = tag_atomic_cell(z, lane, unit + i);
			old = atomic_peek16(cell);
			/* Pairs with the loads in atomic_peek16(). */
			while (!atomic_cas16(cell, &old, next(old, kind)))
				;
		}
}

void
pdc_cells_zero(struct cells *cells, enum cells_zone_kind kind, uint64_t unit,
    uint32_t n)
{
	const struct cells_zone *z = &cells->zone[kind];
	_Atomic uint64_t *word;
	uint32_t i, lane;

	if (!tag_has(cells, kind, unit, n))
		return;
	for (lane = 0; lane < z->nlanes; lane++) {
		word = tag_lane_word(z, lane, unit);
		/*
		 * After the tag was made 0.  Pairs with the acquires in
		 * tag_add_up() and pdc_cells_sums().
		 */
		for (i = 0; i < n * (z->unit / 8); i++)
			atomic_store_explicit(&word[i], 0,
			    memory_order_release);
	}
	tag_next_all(cells, kind, unit, n, tag_next_zero);
}

void
pdc_cells_tag(struct cells *cells, enum cells_zone_kind kind, uint64_t unit,
    uint64_t id)
{
	if (!tag_has(cells, kind, unit, 1))
		return;
	/*
	 * Pairs with the acquire in lane_mine() and the comparison in
	 * rseq_add() and rseq_pair().
	 */
	atomic_store_explicit(&cells->zone[kind].tags[unit], id,
	    memory_order_release);
}

uint64_t
pdc_cells_tag_get(const struct cells *cells, enum cells_zone_kind kind,
    uint64_t unit)
{
	if (!tag_has(cells, kind, unit, 1))
		return 0;
	return atomic_load_explicit(&cells->zone[kind].tags[unit],
	    memory_order_acquire);
}

void
pdc_cells_tags(const struct cells *cells, enum cells_zone_kind kind,
    uint64_t unit, uint32_t width, uint32_t n, uint64_t *out)
{
	const _Atomic uint64_t *tags = cells->zone[kind].tags;
	uint64_t reserved = pdc_cells_known(cells, kind);

	for (; n > 0; n--, unit += width)
		*out++ = unit < reserved ?
		    atomic_load_explicit(&tags[unit], memory_order_acquire) :
		    0;
}

void
pdc_cells_untag_all(struct cells *cells)
{
	uint64_t n, unit;
	int kind;

	for (kind = 0; kind < NZONES; kind++) {
		n = pdc_cells_known(cells, kind);
		for (unit = 0; unit < n; unit++)
			pdc_cells_tag(cells, kind, unit, 0);
	}
}

void
pdc_cells_bump(struct cells *cells, enum cells_zone_kind kind, uint64_t unit,
    uint32_t n)
{
	if (tag_has(cells, kind, unit, n))
		tag_next_all(cells, kind, unit, n, tag_next);
}

/* How many of n units, from unit on, have blocks. */
static uint32_t
tag_have(const struct cells *cells, enum cells_zone_kind kind, uint64_t unit,
    uint32_t n)
{
	uint64_t reserved = pdc_cells_known(cells, kind);

	if (unit >= reserved)
		return 0;
	return n <= reserved - unit ? n : (uint32_t)(reserved - unit);
}

/* Atomic lanes that have anything. */
static uint32_t
tag_natomic(const struct cells *cells, enum cells_zone_kind kind)
{
	if (atomic_load_explicit(&cells->head->atomic_idle,
		memory_order_acquire) == 1)
		return 0;
	return cells->zone[kind].natomic;
}

void
pdc_cells_sums(const struct cells *cells, uint64_t unit, uint32_t n,
    struct pair *out)
{
	const struct cells_zone *z = &cells->zone[ZONE_ADD];
	uint32_t have = tag_have(cells, ZONE_ADD, unit, n), i, lane;
	uint32_t natomic = tag_natomic(cells, ZONE_ADD);
	_Atomic uint64_t *word;

	for (i = 0; i < n; i++)
		out[i] = (struct pair){ 0, 0 };
	/* Both loads pair with the stores in pdc_cells_zero(). */
	for (lane = 0; lane < z->nlanes; lane++) {
		word = tag_lane_word(z, lane, unit);
		for (i = 0; i < have; i++)
			out[i].sum += bits_double(atomic_load_explicit(&word[i],
			    memory_order_acquire));
	}
	for (lane = 0; lane < natomic; lane++) {
		word = (_Atomic uint64_t *)tag_atomic_cell(z, lane, unit);
		for (i = 0; i < have; i++)
			out[i].sum += bits_double(
			    atomic_load_explicit(&word[2 * i],
				memory_order_acquire));
	}
}

double
pdc_cells_sum(const struct cells *cells, uint64_t unit)
{
	struct pair sum;

	pdc_cells_sums(cells, unit, 1, &sum);
	return sum.sum;
}

void
pdc_cells_sum_pairs(const struct cells *cells, uint64_t unit, uint32_t n,
    struct pair *out)
{
	const struct cells_zone *z = &cells->zone[ZONE_PAIR];
	uint32_t have = tag_have(cells, ZONE_PAIR, unit, n), i, lane;
	uint32_t natomic = tag_natomic(cells, ZONE_PAIR);
	struct word16 *cell, w;

	for (i = 0; i < n; i++)
		out[i] = (struct pair){ 0, 0 };
	/* Both loads pair with the stores in pdc_cells_zero(). */
	for (lane = 0; lane < z->nlanes; lane++) {
		cell = (struct word16 *)tag_lane_word(z, lane, unit);
		for (i = 0; i < have; i++) {
			w = atomic_load16(&cell[i]);
			out[i].count += w.lo;
			out[i].sum += bits_double(w.hi);
		}
	}
	for (lane = 0; lane < natomic; lane++) {
		cell = tag_atomic_cell(z, lane, unit);
		for (i = 0; i < have; i++) {
			w = atomic_load16(&cell[i]);
			out[i].count += w.lo & PAIR_COUNT;
			out[i].sum += bits_double(w.hi);
		}
	}
}

struct pair
pdc_cells_sum_pair(const struct cells *cells, uint64_t unit)
{
	struct pair sum;

	pdc_cells_sum_pairs(cells, unit, 1, &sum);
	return sum;
}

void
pdc_cells_gauges(const struct cells *cells, uint64_t unit, uint32_t n,
    struct gauge *out)
{
	const struct cells_zone *z = &cells->zone[ZONE_GAUGE];
	uint32_t have = tag_have(cells, ZONE_GAUGE, unit, n), i;
	struct word16 w;

	for (i = 0; i < n; i++) {
		w = (struct word16){ 0, 0 };
		if (i < have)
			w = atomic_load16(tag_atomic_cell(z, 0, unit + i));
		out[i].value = bits_double(w.lo);
		out[i].applied = (uint32_t)w.hi;
		out[i].touched = (uint32_t)((w.hi & ~GAUGE_FROZEN) >> 32);
	}
}

struct gauge
pdc_cells_gauge(const struct cells *cells, uint64_t unit)
{
	struct gauge g;

	pdc_cells_gauges(cells, unit, 1, &g);
	return g;
}

void
pdc_cells_gauge_init(struct cells *cells, uint64_t unit, struct gauge g)
{
	struct word16 *cell, old, new;

	if (!tag_has(cells, ZONE_GAUGE, unit, 1))
		return;
	cell = tag_atomic_cell(&cells->zone[ZONE_GAUGE], 0, unit);
	new.lo = bits_of(g.value);
	new.hi = gauge_stamp(&g);
	old = atomic_peek16(cell);
	while (!atomic_cas16(cell, &old, new))
		;
}
