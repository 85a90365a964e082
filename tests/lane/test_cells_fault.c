/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <stdio.h>

#include "base/fault.h"
#include "fixture.h"
#include "lane/lane.h"

#ifndef PDC_FAULTS
int
main(void)
{
	skip_all("built without fault points");
}
#else

static char path[512];

static void
test_make(const char *dir)
{
	int p;

	for (p = FAULT_CELLS_CREATE; p <= FAULT_CELLS_WRITE; p++) {
		pdc_fault_arm(p, 1);
		ok(fixture_make(dir) < 0, "making fails at %s",
		    pdc_fault_name(p));
		ok(access(path, F_OK) == -1, "leaves nothing at %s",
		    pdc_fault_name(p));
		is_int(fixture_make(dir), 0, "and works after %s",
		    pdc_fault_name(p));
		unlink(path);
	}
}

static void
test_open(const char *dir)
{
	struct cells *cells = NULL;
	int before, p;

	fixture_make(dir);
	before = dup(1);
	close(before);
	for (p = FAULT_CELLS_OPEN; p <= FAULT_CELLS_MAP; p++) {
		pdc_fault_arm(p, 1);
		ok(fixture_try(&cells, dir, 0) < 0 && cells == NULL,
		    "opening fails at %s", pdc_fault_name(p));
		is_int(fixture_try(&cells, dir, 0), 0, "and works after %s",
		    pdc_fault_name(p));
		pdc_cells_close(cells);
		cells = NULL;
	}
	p = dup(1);
	is_int(p, before, "no descriptor is left open");
	close(p);
	unlink(path);
}

static void
test_grow(const char *dir)
{
	struct cells *cells = fixture_new(dir, 1);
	uint64_t used = cells->head->allocated;
	int nth;

	pdc_fault_arm(FAULT_CELLS_GROW, 1);
	ok(pdc_cells_reserve(cells, ZONE_ADD, 513) < 0, "growing fails");
	for (nth = 1; nth <= 2; nth++) {
		pdc_fault_arm(FAULT_CELLS_ALLOCATE, nth);
		ok(pdc_cells_reserve(cells, ZONE_PAIR, 513) < 0,
		    "growing fails at region %d", nth);
	}
	ok(cells->head->zone[ZONE_PAIR].reserved == 512 &&
		cells->head->allocated == used,
	    "and changes nothing");
	is_int(pdc_cells_reserve(cells, ZONE_PAIR, 513), 0, "then works");
	fixture_delete(cells, path);
}

static void
test_probe(const char *dir)
{
	struct cells *cells;

	if (!pdc_rseq_usable()) {
		skip("the probe: no rseq here");
		return;
	}
	pdc_fault_arm(FAULT_RSEQ_PROBE, 1);
	cells = fixture_new(dir, 1);
	is_int(cells->head->rseq, CELLS_RSEQ_BROKEN, "a bad answer is kept");
	is_int(cells->use, 0, "and no lane is used");
	pdc_cells_tag(cells, ZONE_ADD, 0, 1);
	pdc_lane_add(cells, 0, 1, 4);
	is_double(pdc_cells_sum(cells, 0), 4, "but counting goes on");
	pdc_cells_close(cells);
	cells = fixture_open(dir, 0);
	is_int(cells->use, 0, "also for who comes later");
	fixture_delete(cells, path);
}

int
main(void)
{
	char *dir = fixture_dir(path, sizeof(path));

	test_make(dir);
	test_open(dir);
	test_grow(dir);
	test_probe(dir);
	return tap_done();
}
#endif
