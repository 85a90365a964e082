/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "fixture.h"
#include "lane/atomic.h"
#include "lane/lane.h"

/* An update that slept since it loaded a cell fails once that is given up. */

static struct word16 *
cell_of(const struct cells *cells, enum cells_zone_kind kind, uint64_t unit)
{
	return (struct word16 *)cells->zone[kind].atomic + unit;
}

static void
test_sleeper(struct cells *cells, enum cells_zone_kind kind, const char *name)
{
	struct word16 *cell = cell_of(cells, kind, 2), old, new = { 7, 7 };

	old = atomic_peek16(cell);
	pdc_cells_bump(cells, kind, 2, 1);
	ok(!atomic_cas16(cell, &old, new), "%s: after a bump", name);
	if (kind != ZONE_GAUGE) { /* begins with pdc_cells_gauge_init() */
		old = atomic_peek16(cell);
		pdc_cells_zero(cells, kind, 2, 1);
		ok(!atomic_cas16(cell, &old, new), "%s: after zeroing", name);
	}
	old = atomic_peek16(cell);
	pdc_cells_tag(cells, kind, 2, 99);
	ok(atomic_cas16(cell, &old, old), "%s: else it is done", name);
	pdc_cells_tag(cells, kind, 2, 0);
}

/* A bump keeps what lanes hold; zeroing takes it from all lanes of all. */
static void
test_values(struct cells *cells, struct cells *atomic)
{
	struct pair pair, sums[3];

	pdc_cells_tag(cells, ZONE_ADD, 1, 5);
	pdc_cells_tag(cells, ZONE_PAIR, 1, 5);
	pdc_lane_add(cells, 1, 5, 1);
	pdc_lane_pair(cells, 1, 0, 5, 1);
	is_double(pdc_cells_sum(cells, 1), 1, "a sum");
	pdc_lane_pair(atomic, 1, 0, 5, 2);
	is_int(pdc_cells_sum_pair(cells, 1).count, 2, "and of all lanes");
	pdc_lane_add(atomic, 1, 5, 2);
	pdc_cells_bump(cells, ZONE_ADD, 0, 3);
	pdc_cells_bump(cells, ZONE_PAIR, 0, 3);
	pair = pdc_cells_sum_pair(cells, 1);
	is_double(pdc_cells_sum(cells, 1), 3, "a bump keeps sums");
	ok(pair.count == 2 && pair.sum == 3, "and pairs");
	pdc_cells_zero(cells, ZONE_ADD, 0, 1);
	pdc_cells_zero(cells, ZONE_ADD, 2, 1);
	is_double(pdc_cells_sum(cells, 1), 3, "neighbours stay");
	pdc_cells_sums(cells, 0, 3, sums);
	ok(sums[0].sum == 0 && sums[1].sum == 3 && sums[2].sum == 0,
	    "a run of sums");
	pdc_cells_sum_pairs(cells, 0, 3, sums);
	ok(sums[0].count == 0 && sums[1].count == 2 && sums[1].sum == 3 &&
		sums[2].count == 0,
	    "and of pairs");
	pdc_cells_zero(cells, ZONE_ADD, 0, 3);
	pdc_cells_zero(cells, ZONE_PAIR, 0, 3);
	pair = pdc_cells_sum_pair(cells, 1);
	is_double(pdc_cells_sum(cells, 1), 0, "zeroing takes sums");
	ok(pair.count == 0 && pair.sum == 0, "and pairs");
}

static void
test_untag(struct cells *cells)
{
	int kind;

	for (kind = 0; kind < NZONES; kind++)
		pdc_cells_tag(cells, kind, 4, 8);
	pdc_cells_untag_all(cells);
	for (kind = 0; kind < NZONES; kind++)
		ok(pdc_cells_tag_get(cells, kind, 4) == 0, "zone %d", kind);
}

int
main(void)
{
	char *dir = tap_tmpdir();
	struct cells *atomic, *cells;

	cells = fixture_new(dir, 8);
	is_int(cells->head->atomic_idle, 1, "atomic lanes are idle at first");
	atomic = fixture_open(dir, CELLS_ATOMIC);
	test_sleeper(cells, ZONE_ADD, "add");
	test_sleeper(cells, ZONE_PAIR, "pair");
	test_sleeper(cells, ZONE_GAUGE, "gauge");
	test_values(cells, atomic);
	test_untag(cells);
	pdc_cells_close(cells);
	pdc_cells_close(atomic);
	return tap_done();
}
