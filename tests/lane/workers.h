/* SPDX-License-Identifier: ISC */
#ifndef TESTS_LANE_WORKERS_H
#define TESTS_LANE_WORKERS_H

/* Exact sums from many processes and threads: test_lane_add, test_lane_pair. */

#include <pthread.h>

#include "fixture.h"
#include "lane/lane.h"

#define NPROCS 16
#define NTHREADS 2
#define NUNITS 8

typedef enum lane_result workers_update(const struct cells *, uint64_t unit,
    double v);

struct workers {
	struct cells *cells[2]; /* processes take them in turn */
	workers_update *update;
	uint64_t each; /* updates of each thread, of units in turn */
};

static inline void *
workers_thread(void *arg)
{
	const struct workers *w = ((void **)arg)[0];
	const struct cells *cells = ((void **)arg)[1];
	uint64_t i, bad = 0;

	for (i = 0; i < w->each; i++)
		if (w->update(cells, i % NUNITS, 1.5) != LANE_OK)
			bad++;
	return (void *)(uintptr_t)bad;
}

static inline int
workers_process(const struct workers *w, int n)
{
	void *arg[2] = { (void *)(uintptr_t)w, w->cells[n % 2] }, *bad;
	pthread_t threads[NTHREADS];
	int failed = 0, i;

	for (i = 0; i < NTHREADS; i++)
		if (pthread_create(&threads[i], NULL, workers_thread, arg) != 0)
			return 2;
	for (i = 0; i < NTHREADS; i++) {
		pthread_join(threads[i], &bad);
		failed |= bad != NULL;
	}
	return failed;
}

/* How many processes failed. */
static inline int
workers_run(const struct workers *w)
{
	int failed = 0, i, status;
	pid_t pids[NPROCS];

	for (i = 0; i < NPROCS; i++) {
		pids[i] = fork();
		if (pids[i] == -1)
			bail_out("fork");
		if (pids[i] == 0)
			_exit(workers_process(w, i));
	}
	for (i = 0; i < NPROCS; i++)
		if (waitpid(pids[i], &status, 0) != pids[i] || status != 0)
			failed++;
	return failed;
}

/*
 * The program: sums(a, b) by updates in a and b, to be found in b, each way
 * that lanes are updated; then more of each.
 */
static inline int
workers_main(void (*sums)(struct cells *a, struct cells *b, uint64_t each,
		 const char *how),
    void (*more)(struct cells *))
{
	uint64_t each = tap_short() ? 20000 : 200000;
	char *dir = tap_tmpdir();
	struct cells *any, *atomic;

	any = fixture_new(dir, NUNITS);
	atomic = fixture_open(dir, CELLS_ATOMIC);
	diag("rseq is %s", any->use > 0 ? "used" : "not used");
	is_int(atomic->use, 0, "CELLS_ATOMIC uses no rseq");
	sums(any, any, each, "by rseq where it is");
	sums(atomic, atomic, each / 4, "by atomic lanes");
	sums(any, atomic, each / 4, "by both");
	more(any);
	more(atomic);
	pdc_cells_close(any);
	pdc_cells_close(atomic);
	return tap_done();
}

#endif
