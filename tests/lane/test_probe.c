/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <sys/time.h>

#include <sched.h>
#include <signal.h>

#include "fixture.h"
#include "lane/lane.h"

#define NPROCS 8

static _Atomic int nsignals;

static void
on_signal(int sig)
{
	(void)sig;
	nsignals++;
}

static void
test_alone(void)
{
	cpu_set_t after, before;
	double begin;

	sched_getaffinity(0, sizeof(before), &before);
	begin = fixture_now();
	is_int(pdc_rseq_probe(), CELLS_RSEQ_OK, "preemption aborts sections");
	diag("%.3f ms", (fixture_now() - begin) * 1e3);
	ok(fixture_now() - begin < 1, "it does not take long");
	sched_getaffinity(0, sizeof(after), &after);
	ok(CPU_EQUAL(&before, &after), "the affinity is as before");
}

static int
probe_pinned(void *arg)
{
	cpu_set_t set;
	int cpu;

	(void)arg;
	sched_getaffinity(0, sizeof(set), &set);
	for (cpu = CPU_SETSIZE - 1; !CPU_ISSET(cpu, &set); cpu--)
		;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	return pdc_rseq_probe() != CELLS_RSEQ_OK;
}

static int
probe_fifo(void *arg)
{
	const struct sched_param param = { .sched_priority = 1 };

	(void)arg;
	if (sched_setscheduler(0, SCHED_FIFO, &param) == -1)
		return 77;
	return pdc_rseq_probe() != CELLS_RSEQ_OK;
}

static int
probe_signals(void *arg)
{
	struct itimerval it = { { 0, 200 }, { 0, 200 } };
	int i;

	(void)arg;
	signal(SIGALRM, on_signal);
	setitimer(ITIMER_REAL, &it, NULL);
	for (i = 0; i < 5; i++)
		if (pdc_rseq_probe() != CELLS_RSEQ_OK)
			return 1;
	return nsignals == 0;
}

static void
test_kinds(void)
{
	int ret;

	is_int(fixture_child(probe_pinned, NULL), 0, "on one CPU");
	is_int(fixture_child(probe_signals, NULL), 0, "under signals");
	ret = fixture_child(probe_fifo, NULL);
	if (ret == 77)
		skip("under a real-time policy: not allowed");
	else
		is_int(ret, 0, "under a real-time policy");
}

/* On a busy machine there may be no answer, but never a wrong one. */
static void
test_crowd(void)
{
	int bad = 0, i, status;

	for (i = 0; i < NPROCS; i++)
		if (fork() == 0)
			_exit(pdc_rseq_probe() == CELLS_RSEQ_BROKEN);
	while (wait(&status) > 0)
		bad += status != 0;
	is_int(bad, 0, "%d at once", NPROCS);
}

static void
test_kept(const char *dir)
{
	struct cells *cells;

	if (fixture_make(dir) != 0)
		bail_out("%s", pdc_err_words());
	cells = fixture_open(dir, CELLS_ATOMIC);
	is_int(cells->head->rseq, CELLS_RSEQ_UNKNOWN,
	    "who uses no rseq does not ask");
	pdc_cells_close(cells);
	cells = fixture_open(dir, CELLS_RDONLY);
	is_int(cells->head->rseq, CELLS_RSEQ_UNKNOWN, "nor who reads");
	pdc_cells_close(cells);
	cells = fixture_open(dir, 0);
	is_int(cells->head->rseq, CELLS_RSEQ_OK, "others do, once");
	ok(cells->use == cells->nlanes, "and use the lanes");
	pdc_cells_close(cells);
}

int
main(void)
{
	char *dir = tap_tmpdir();

	if (!pdc_rseq_usable()) {
		is_int(pdc_rseq_probe(), CELLS_RSEQ_UNKNOWN,
		    "without rseq there is no answer");
		ok(pdc_rseq_area() == 0, "and no area");
		return tap_done();
	}
	test_alone();
	test_kinds();
	test_crowd();
	test_kept(dir);
	return tap_done();
}
