/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * scale SERIES [ATOMIC_LANES]: one store of so many counters with two labels,
 * as lines NAME <tab> VALUE for scale.py.  The lanes for restartable sequences
 * are as many as the system says it has CPUs, up to 1024.
 */

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/page.h"
#include "pdc.h"
#include "tool.h"

#define ROUNDS 7

static struct pdc_options options = { .max_cpus = 1024 };
static uint32_t nseries;

static void
tell(const char *name, double value)
{
	printf("%s\t%.10g\n", name, value);
	fflush(stdout);
}

static double
checkpoint_ns(struct pdc *pdc, struct pdc_series **all)
{
	double ns[ROUNDS], start;
	uint32_t i;
	int round;

	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; all != NULL && i < nseries; i++)
			pdc_inc(all[i], 1);
		start = tool_now_ns();
		tool_must(pdc_checkpoint(pdc));
		ns[round] = tool_now_ns() - start;
	}
	return tool_median(ns, ROUNDS);
}

static int
take(void *arg, const void *data, size_t len)
{
	(void)data;
	*(double *)arg += (double)len;
	return 0;
}

static double
page_ns(struct pdc *pdc, double *bytes)
{
	double ns[ROUNDS], start;
	int round;

	for (round = 0; round < ROUNDS; round++) {
		*bytes = 0;
		start = tool_now_ns();
		tool_must(pdc_write(pdc, NULL, take, bytes));
		ns[round] = tool_now_ns() - start;
	}
	return tool_median(ns, ROUNDS);
}

static int
scale(void)
{
	struct pdc_series **all = calloc(nseries, sizeof(*all));
	struct pdc *pdc = tool_open("scale", &options);
	double bytes, empty = tool_cells_bytes("scale"), start;
	static struct pdc_stat st;
	struct tool_map map;

	if (all == NULL)
		err(1, "memory");
	start = tool_now_ns();
	tool_fill(pdc, nseries, all);
	tell("first_ns", (tool_now_ns() - start) / nseries);
	tool_must(pdc_stat_get(pdc, &st));
	tell("lanes", st.lanes);
	tell("atomic_lanes", st.atomic_lanes);
	tell("empty_bytes", empty);
	tell("cells_bytes", tool_cells_bytes("scale"));
	tell("budget_bytes", (double)st.cells_budget);
	tell("map_limit_bytes", (double)st.map_bytes);
	tell("changed_ns", checkpoint_ns(pdc, all));
	tell("idle_ns", checkpoint_ns(pdc, NULL));
	tell("page_ns", page_ns(pdc, &bytes));
	tell("page_bytes", bytes);
	pdc_close(pdc);
	tool_map("scale", &map);
	tell("map_bytes", map.used);
	free(all);
	return 0;
}

int
main(int argc, char **argv)
{
	nseries = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
	options.atomic_lanes = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) :
					  1;
	if (argc < 2 || argc > 3 || nseries < 10 || nseries % 10 != 0) {
		fprintf(stderr, "usage: scale SERIES [ATOMIC_LANES]\n");
		return 2;
	}
	return tool_run(scale);
}
