/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <math.h>
#include <stdio.h>

#include "workers.h"

static enum lane_result
update(const struct cells *cells, uint64_t unit, double v)
{
	return pdc_lane_add(cells, unit, unit + 1, v);
}

static void
test_exact(struct cells *a, struct cells *b, uint64_t each, const char *how)
{
	const struct workers w = { { a, b }, update, each };
	uint64_t i;
	int wrong = 0;

	for (i = 0; i < NUNITS; i++) {
		pdc_cells_zero(a, ZONE_ADD, i, 1);
		pdc_cells_tag(a, ZONE_ADD, i, i + 1);
	}
	is_int(workers_run(&w), 0, "no update is stale, %s", how);
	for (i = 0; i < NUNITS; i++)
		if (pdc_cells_sum(b, i) !=
		    1.5 * (double)(each / NUNITS) * NPROCS * NTHREADS)
			wrong++;
	is_int(wrong, 0, "all sums are exact, %s", how);
}

static void
test_odd_values(struct cells *cells)
{
	pdc_cells_zero(cells, ZONE_ADD, 0, 1);
	update(cells, 0, 0.1);
	update(cells, 0, 0.2);
	is_double(pdc_cells_sum(cells, 0), 0.1 + 0.2, "fractions");
	update(cells, 0, (double)INFINITY);
	is_double(pdc_cells_sum(cells, 0), (double)INFINITY, "an infinity");
	update(cells, 0, (double)-INFINITY);
	ok(isnan(pdc_cells_sum(cells, 0)), "NaN");
	pdc_cells_zero(cells, ZONE_ADD, 0, 1);
	is_double(pdc_cells_sum(cells, 0), 0, "zeroing heals");
}

int
main(void)
{
	return workers_main(test_exact, test_odd_values);
}
