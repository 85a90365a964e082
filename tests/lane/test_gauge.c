/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <math.h>
#include <string.h>

#include "fixture.h"
#include "lane/atomic.h"
#include "lane/lane.h"

#define ID 9
#define NPROCS 8

static struct cells *cells;

static void
test_operations(void)
{
	struct gauge g;

	pdc_cells_gauge_init(cells, 0, (struct gauge){ 2.5, 10, 0 });
	is_int(pdc_lane_gauge_set(cells, 0, ID, 1), LANE_STALE,
	    "without a tag it is stale");
	pdc_cells_tag(cells, ZONE_GAUGE, 0, ID);
	g = pdc_cells_gauge(cells, 0);
	ok(g.value == 2.5 && g.applied == 10 && g.touched == 0,
	    "it begins as told");
	is_int(pdc_lane_gauge_add(cells, 0, ID, -4), LANE_OK, "a dec");
	is_double(pdc_cells_gauge(cells, 0).value, -1.5, "is done");
	is_int(pdc_lane_gauge_set(cells, 0, ID, 7), LANE_OK, "a set");
	is_int(pdc_lane_gauge_set(cells, 0, ID, 7), LANE_OK, "the same");
	g = pdc_cells_gauge(cells, 0);
	ok(g.value == 7 && g.applied == 10, "is done");
	is_int(g.touched, 3, "and each is seen");
	pdc_lane_gauge_set(cells, 0, ID, (double)NAN);
	ok(isnan(pdc_cells_gauge(cells, 0).value), "NaN is a value");
	pdc_lane_gauge_set(cells, 0, ID, 0);
	is_double(pdc_cells_gauge(cells, 0).value, 0, "and set heals it");
}

/* No operation that has the cell in hand succeeds, and that is all there is. */
static void
test_freeze(void)
{
	const struct word16 *cell;
	struct word16 was;
	struct gauge g;

	pdc_cells_gauge_init(cells, 0, (struct gauge){ 7, 1, INT32_MAX });
	pdc_cells_tag(cells, ZONE_GAUGE, 0, ID);
	pdc_lane_gauge_set(cells, 0, ID, 7);
	g = pdc_cells_gauge(cells, 0);
	ok(g.value == 7 && g.applied == 1 && g.touched == 0,
	    "the number of updates has 31 bits");
	pdc_cells_tag(cells, ZONE_GAUGE, 0, 0);
	cell = (const struct word16 *)cells->zone[ZONE_GAUGE].atomic;
	was = *cell;
	pdc_lane_gauge_freeze(cells, 0);
	ok(memcmp(cell, &was, sizeof(was)) != 0, "frozen, the cell differs");
	g = pdc_cells_gauge(cells, 0);
	ok(g.value == 7 && g.applied == 1 && g.touched == 0,
	    "and nobody has set it");
	pdc_cells_gauge_init(cells, 0, (struct gauge){ 0, 0, 0 });
	pdc_cells_tag(cells, ZONE_GAUGE, 0, ID);
}

static void
apply(uint64_t unit, uint64_t id, uint32_t seq, enum gauge_what what, double v)
{
	struct gauge_op op = { seq, what, v };

	pdc_lane_gauge_apply(cells, unit, id, &op);
}

static void
test_apply(void)
{
	struct gauge g;

	pdc_cells_gauge_init(cells, 0, (struct gauge){ 1, UINT32_MAX - 1, 0 });
	apply(0, ID, UINT32_MAX, GAUGE_ADD, 5);
	apply(0, ID, UINT32_MAX, GAUGE_ADD, 5);
	is_double(pdc_cells_gauge(cells, 0).value, 6, "applied once");
	apply(0, ID, UINT32_MAX - 7, GAUGE_SET, 100);
	is_double(pdc_cells_gauge(cells, 0).value, 6, "an old one never");
	apply(0, ID, 1, GAUGE_SET, 3);
	g = pdc_cells_gauge(cells, 0);
	ok(g.value == 3 && g.applied == 1, "numbers go on after the last");
	is_int(g.touched, 2, "and it is touched");
	apply(0, ID + 1, 2, GAUGE_SET, 4);
	is_double(pdc_cells_gauge(cells, 0).value, 3, "no other's");
	pdc_cells_bump(cells, ZONE_GAUGE, 0, 1);
	g = pdc_cells_gauge(cells, 0);
	ok(g.value == 3 && g.applied == 2 && g.touched == 2,
	    "a bump raises applied and keeps the value");
	pdc_cells_zero(cells, ZONE_GAUGE, 0, 1);
	g = pdc_cells_gauge(cells, 0);
	ok(g.value == 0 && g.applied == 2, "zeroing clears the value alone");
}

/* Each has some by number, of which others have the same. */
static int
add_many(void *arg)
{
	uint32_t i, n = *(uint32_t *)arg;

	for (i = 0; i < n; i++) {
		if (pdc_lane_gauge_add(cells, 1, ID, 1) != LANE_OK)
			return 1;
		apply(1, ID, i + 1, GAUGE_ADD, 1000000);
	}
	return 0;
}

static void
test_many(void)
{
	uint32_t n = tap_short() ? 5000 : 50000;
	int failed = 0, i, status;
	struct gauge g;

	pdc_cells_gauge_init(cells, 1, (struct gauge){ 0, 0, 0 });
	pdc_cells_tag(cells, ZONE_GAUGE, 1, ID);
	for (i = 0; i < NPROCS; i++)
		if (fork() == 0)
			_exit(add_many(&n));
	while (wait(&status) > 0)
		failed += status != 0;
	is_int(failed, 0, "none is stale");
	g = pdc_cells_gauge(cells, 1);
	is_int((long long)g.value % 1000000, (long long)n * NPROCS,
	    "all adds of many processes are there");
	ok(g.applied == n && g.value <= 1000000.0 * n + (double)n * NPROCS,
	    "no number is applied twice");
}

/* A cell that has the time of its last set. */
static void
test_stamp(void)
{
	struct pending pend = { 0, 0 };
	struct gauge g;

	pdc_cells_gauge_init(cells, 2, (struct gauge){ 0, 0, 0 });
	is_int(pdc_lane_gauge_stamp(cells, 2, ID, 1, 5), LANE_STALE,
	    "without a tag there is none");
	pdc_cells_tag(cells, ZONE_GAUGE, 2, ID);
	is_int(pdc_lane_gauge_stamp(cells, 2, ID, 1, (uint64_t)5 << 32),
	    LANE_OK, "a set");
	is_int(pdc_lane_gauge_stamp(cells, 2, ID, 2, UINT32_MAX), LANE_OK,
	    "one of earlier");
	g = pdc_cells_gauge(cells, 2);
	ok(g.value == 1 && gauge_stamp(&g) == (uint64_t)5 << 32,
	    "does nothing");
	pdc_lane_gauge_stamp(cells, 2, ID, 3, ((uint64_t)5 << 32) + 1);
	g = pdc_cells_gauge(cells, 2);
	ok(g.value == 3 && gauge_stamp(&g) == ((uint64_t)5 << 32) + 1,
	    "one of later does");
	pdc_lane_pending_stamp(&pend, 1, 8);
	pdc_lane_pending_stamp(&pend, 2, 7);
	ok(pend.value == 1 && pend.count == 8, "the same where it waits");
}

int
main(void)
{
	cells = fixture_new(tap_tmpdir(), 8);
	test_operations();
	test_freeze();
	test_apply();
	test_stamp();
	test_many();
	pdc_cells_close(cells);
	return tap_done();
}
