/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <stdio.h>

#include "workers.h"

/* The units are the buckets of one run. */
static enum lane_result
update(const struct cells *cells, uint64_t bucket, double v)
{
	return pdc_lane_pair(cells, 0, (uint32_t)bucket, 77, v);
}

static void
test_exact(struct cells *a, struct cells *b, uint64_t each, const char *how)
{
	const struct workers w = { { a, b }, update, each };
	struct pair pair;
	uint64_t i, n = each / NUNITS * NPROCS * NTHREADS;
	int wrong = 0;

	pdc_cells_zero(a, ZONE_PAIR, 0, NUNITS);
	pdc_cells_tag(a, ZONE_PAIR, 0, 77);
	is_int(workers_run(&w), 0, "no update is stale, %s", how);
	for (i = 0; i < NUNITS; i++) {
		pair = pdc_cells_sum_pair(b, i);
		if (pair.count != n || pair.sum != 1.5 * (double)n)
			wrong++;
	}
	is_int(wrong, 0, "all counts and sums are exact, %s", how);
}

static void
test_versions(struct cells *cells)
{
	struct pair pair;
	int i;

	pdc_cells_zero(cells, ZONE_PAIR, 0, NUNITS);
	update(cells, 3, 2);
	for (i = 0; i < 70000; i++)
		pdc_cells_bump(cells, ZONE_PAIR, 3, 1);
	update(cells, 3, 2);
	pair = pdc_cells_sum_pair(cells, 3);
	ok(pair.count == 2 && pair.sum == 4, "versions are not counted");
	pdc_cells_zero(cells, ZONE_PAIR, 3, 1);
	pair = pdc_cells_sum_pair(cells, 3);
	ok(pair.count == 0 && pair.sum == 0, "zeroing leaves none");
	pdc_cells_tag(cells, ZONE_PAIR, 0, 78);
	is_int(update(cells, 3, 2), LANE_STALE, "the tag is the run's");
	pair = pdc_cells_sum_pair(cells, 3);
	ok(pair.count == 0 && pair.sum == 0, "stale adds nothing");
	pdc_cells_tag(cells, ZONE_PAIR, 0, 77);
}

int
main(void)
{
	return workers_main(test_exact, test_versions);
}
