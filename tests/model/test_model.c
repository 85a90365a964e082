/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Random operations of several processes against a model of what must come of
 * them; one at a time, so that a seed gives the same row again.
 *
 *	test_model [-v] [STEPS [SEED]]
 *
 * Without arguments for less than two seconds each with a seed that is always
 * the same and with one that is not; with them, so many steps.  -v tells each.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/modes.h"
#include "model/drive.h"
#include "multi/multi.h"
#include "tap.h"

#define RUN_MS (tap_short() ? 580 : 1550)

static struct drive d;

static void
run(uint64_t seed, uint64_t steps, int verbose)
{
	int64_t until = multi_now_ms() + RUN_MS;
	int i;

	memset(&d, 0, sizeof(d));
	d.seed = d.random = seed;
	d.verbose = verbose;
	snprintf(crew->dir, sizeof(crew->dir), "%s", tap_tmpdir());
	strcpy(d.boot, "boot-0");
	shape_choose(seed);
	model_init(&d.m, INT64_C(1000000000000), INT64_C(1700000000000000000));
	diag("seed %llu; ttl %g s%s; max_series %llu; modes %s, %s, %s",
	    (unsigned long long)seed, settings.ttl_s,
	    settings.refresh ? ", refresh" : "",
	    (unsigned long long)settings.max_series,
	    pdc_mode_word((int)shapes[F_M].mode),
	    pdc_mode_word((int)shapes[F_MT].mode),
	    pdc_mode_word((int)shapes[F_MS].mode));
	while (
	    !d.failed && (steps > 0 ? d.steps < steps : multi_now_ms() < until))
		drive_step(&d);
	drive_bounds(&d);
	diag("%llu steps, %llu orders, %llu pages, %llu cut off, %llu by "
	     "death, %llu begun again",
	    (unsigned long long)d.steps, (unsigned long long)d.orders,
	    (unsigned long long)d.pages, (unsigned long long)d.cuts,
	    (unsigned long long)d.deaths, (unsigned long long)d.agains);
	ok(!d.failed, "seed %llu: the store is what the model says",
	    (unsigned long long)seed);
	for (i = 0; i < NPROCS; i++)
		drive_kill(&d, i);
}

int
main(int argc, char **argv)
{
	int verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
	uint64_t steps = 0, seed;

	argc -= verbose;
	argv += verbose;
	if (argc > 1)
		steps = strtoull(argv[1], NULL, 10);
	seed = argc > 2 ? strtoull(argv[2], NULL, 10) :
			  (uint64_t)time(NULL) * 1000 + (uint64_t)getpid();
	crew_init();
	if (argc < 2)
		run(1, 0, verbose);
	run(seed, steps, verbose);
	return tap_done();
}
