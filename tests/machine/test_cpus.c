/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Processes that are moved from CPU to CPU while they count, in a store that
 * has lanes for some of the CPUs only.
 */

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "metric/metric.h"
#include "multi/multi.h"
#include "sound.h"

#define NWORKERS 4
#define NMOVES 200
#define NUPDATES 500 /* between two moves */

static struct shared {
	_Atomic int stop;
	_Atomic uint64_t lines;
} * sh;

static struct pdc *p;

/* Another CPU of those this process may have. */
static void
move(const cpu_set_t *may, uint64_t *random)
{
	cpu_set_t one;
	size_t cpu;

	do
		cpu = multi_random(random) % CPU_SETSIZE;
	while (!CPU_ISSET(cpu, may));
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one) == -1)
		_exit(3);
}

static int
work(uint64_t seed)
{
	struct pdc_series *c, *h, *g;
	cpu_set_t may;
	int i, j;

	if (sched_getaffinity(0, sizeof(may), &may) == -1)
		return 2;
	c = multi_series(multi_declare(p, PDC_COUNTER, "c", NULL), NULL);
	h = multi_series(multi_declare(p, PDC_HISTOGRAM, "h", NULL), NULL);
	g = multi_series(multi_declare(p, PDC_GAUGE, "g", NULL), NULL);
	for (i = 0; i < NMOVES; i++) {
		move(&may, &seed);
		for (j = 0; j < NUPDATES; j++) {
			pdc_inc(c, 1);
			pdc_observe(h, 1);
			pdc_inc(g, 1);
		}
		if (pdc_logf(p, PDC_LOG_INFO, "move %d", i) != 0)
			return 1;
		atomic_fetch_add(&sh->lines, 1);
	}
	return 0;
}

static void
judge(void)
{
	double want = NWORKERS * NMOVES * NUPDATES;
	char *page;

	is_int(pdc_checkpoint(p), 0, "a checkpoint");
	page = multi_page(p);
	is_double(multi_sample(page, "c_total"), want, "the counter is exact");
	is_double(multi_sample(page, "h_count"), want, "the histogram, too");
	is_int(multi_unequal(page, "h"), 0, "of one piece");
	is_double(multi_sample(page, "g"), want, "and the gauge");
	is_int((long long)multi_lines(p), (long long)atomic_load(&sh->lines),
	    "no line is lost");
	pdc_free(page);
	sound_close(p);
}

static void
test(uint32_t max_cpus, uint32_t atomic_lanes)
{
	struct pdc_options o = { .max_cpus = max_cpus,
		.atomic_lanes = atomic_lanes };
	pid_t pids[NWORKERS];
	int i, bad = 0;

	memset(sh, 0, sizeof(*sh));
	if (pdc_open(&p, tap_tmpdir(), &o) < 0)
		bail_out("open: %s", pdc_error());
	for (i = 0; i < NWORKERS; i++) {
		pids[i] = multi_fork();
		if (pids[i] == 0)
			_exit(work((uint64_t)i));
	}
	for (i = 0; i < NWORKERS; i++) {
		(void)pdc_checkpoint(p);
		bad += multi_wait(pids[i], 30000) != 0;
	}
	is_int(bad, 0, "%u lanes, %u atomic: workers are moved", max_cpus,
	    atomic_lanes);
	judge();
}

int
main(void)
{
	sh = multi_shared(sizeof(*sh));
	test(0, 0);
	test(1, 0);
	test(1, 3);
	return tap_done();
}
