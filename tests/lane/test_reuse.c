/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include "fixture.h"
#include "lane/lane.h"

/*
 * Cells change owner while workers are stopped and continued at any
 * instruction.  There are more units than labels; a label moves to a free unit,
 * its old one is untagged, and after GRACE_S bumped, summed, credited to
 * the label it belonged to, and free.  In the end each label must have exactly
 * what its workers were told OK for.
 */

#define NWORKERS 4
#define NTHREADS 2
#define NLABELS 8
#define NUNITS 16
#define GRACE_S 0.003
#define UNIT_BITS 8

/* A handle is one word, {id, unit}: threads cannot see half of it. */
struct shared {
	_Atomic uint64_t where[NLABELS];
	_Atomic uint64_t told[NWORKERS][NTHREADS][NLABELS];
	_Atomic uint64_t nstale;
	_Atomic int stop;
};

struct storm {
	struct cells *cells;
	struct shared *shared;
	enum cells_zone_kind kind;
	uint64_t next_id, random, nreuses;
	double credit[NLABELS];
	int owner[NUNITS]; /* label, or -1 */
	double freed[NUNITS]; /* when untagged; 0: in use */
	pid_t pids[NWORKERS], stopper;
};

struct thread {
	const struct storm *s;
	int worker, n;
};

static enum lane_result
update(const struct storm *s, uint64_t where)
{
	uint64_t id = where >> UNIT_BITS, unit = where & ((1 << UNIT_BITS) - 1);

	switch (s->kind) {
	case ZONE_ADD:
		return pdc_lane_add(s->cells, unit, id, 1);
	case ZONE_PAIR:
		return pdc_lane_pair(s->cells, unit, 0, id, 1);
	default:
		return pdc_lane_gauge_add(s->cells, unit, id, 1);
	}
}

static double
total(const struct storm *s, uint64_t unit)
{
	switch (s->kind) {
	case ZONE_ADD:
		return pdc_cells_sum(s->cells, unit);
	case ZONE_PAIR:
		return (double)pdc_cells_sum_pair(s->cells, unit).count;
	default:
		return pdc_cells_gauge(s->cells, unit).value;
	}
}

static void *
count(void *arg)
{
	const struct thread *t = arg;
	struct shared *sh = t->s->shared;
	_Atomic uint64_t *told = sh->told[t->worker][t->n];
	uint64_t where[NLABELS];
	int label;

	for (label = 0; label < NLABELS; label++)
		where[label] = sh->where[label];
	for (label = 0; !sh->stop; label = (label + 1) % NLABELS) {
		if (update(t->s, where[label]) == LANE_OK)
			told[label]++;
		else {
			sh->nstale++;
			where[label] = sh->where[label];
		}
	}
	return NULL;
}

static void
work(const struct storm *s, int worker)
{
	struct thread t[NTHREADS];
	pthread_t threads[NTHREADS];
	int i;

	for (i = 0; i < NTHREADS; i++) {
		t[i] = (struct thread){ s, worker, i };
		if (pthread_create(&threads[i], NULL, count, &t[i]) != 0)
			_exit(1);
	}
	for (i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	_exit(0);
}

static void
stop_and_go(const struct storm *s)
{
	uint64_t random = 5;
	pid_t pid;

	for (;;) {
		pid = s->pids[fixture_random(&random) % NWORKERS];
		kill(pid, SIGSTOP);
		fixture_nap(0.010 + fixture_random(&random) % 20000 * 1e-6);
		kill(pid, SIGCONT);
		fixture_nap(fixture_random(&random) % 1000 * 1e-6);
	}
}

/* A run for this label; how a gauge goes on from its last owner's number. */
static void
settle(struct storm *s, int label, int unit)
{
	uint64_t id = s->next_id++;
	uint32_t applied;

	if (s->kind == ZONE_GAUGE) {
		applied = pdc_cells_gauge(s->cells, (uint64_t)unit).applied;
		pdc_cells_gauge_init(s->cells, (uint64_t)unit,
		    (struct gauge){ 0, applied, 0 });
	} else
		pdc_cells_zero(s->cells, s->kind, (uint64_t)unit, 1);
	pdc_cells_tag(s->cells, s->kind, (uint64_t)unit, id);
	s->owner[unit] = label;
	s->freed[unit] = 0;
	s->shared->where[label] = id << UNIT_BITS | (uint64_t)unit;
}

static void
collect(struct storm *s, int unit)
{
	pdc_cells_bump(s->cells, s->kind, (uint64_t)unit, 1);
	s->credit[s->owner[unit]] += total(s, (uint64_t)unit);
	s->owner[unit] = -1;
}

/* A unit that is free or whose grace is over, or -1. */
static int
find(const struct storm *s)
{
	double now = fixture_now();
	int i;

	for (i = 0; i < NUNITS; i++)
		if (s->owner[i] == -1 ||
		    (s->freed[i] != 0 && now > s->freed[i] + GRACE_S))
			return i;
	return -1;
}

static void
reuse(struct storm *s)
{
	int label = (int)(fixture_random(&s->random) % NLABELS);
	int old = (int)(s->shared->where[label] & ((1 << UNIT_BITS) - 1));
	int unit = find(s);

	if (unit == -1)
		return;
	if (s->owner[unit] != -1) {
		collect(s, unit);
		s->nreuses++;
	}
	settle(s, label, unit);
	pdc_cells_tag(s->cells, s->kind, (uint64_t)old, 0);
	s->freed[old] = fixture_now();
}

static void
start(struct storm *s)
{
	int i;

	for (i = 0; i < NUNITS; i++)
		s->owner[i] = -1;
	for (i = 0; i < NLABELS; i++)
		settle(s, i, i);
	for (i = 0; i <= NWORKERS; i++) {
		pid_t pid = fork();

		if (pid == -1)
			bail_out("fork");
		if (pid == 0 && i < NWORKERS)
			work(s, i);
		if (pid == 0)
			stop_and_go(s);
		if (i < NWORKERS)
			s->pids[i] = pid;
		else
			s->stopper = pid;
	}
}

static void
finish(struct storm *s)
{
	int i;

	kill(s->stopper, SIGKILL);
	waitpid(s->stopper, NULL, 0);
	s->shared->stop = 1;
	for (i = 0; i < NWORKERS; i++) {
		kill(s->pids[i], SIGCONT);
		waitpid(s->pids[i], NULL, 0);
	}
	for (i = 0; i < NUNITS; i++)
		if (s->owner[i] != -1)
			collect(s, i);
}

static uint64_t
tell(const struct shared *sh, int thread, int label)
{
	return sh->told[thread / NTHREADS][thread % NTHREADS][label];
}

static void
test_storm(struct cells *cells, enum cells_zone_kind kind, const char *how)
{
	struct storm s = { .cells = cells, .kind = kind, .random = 3 };
	double end, told, missing = 0, wrong = 0, all = 0;
	int i, j;

	s.next_id = 1000000 * (uint64_t)(kind + 1) + (cells->use == 0);
	s.shared = fixture_shared(sizeof(*s.shared));
	start(&s);
	end = fixture_now() + (tap_short() ? 0.2 : 0.6);
	while (fixture_now() < end) {
		for (i = 0; i < NLABELS; i++)
			reuse(&s);
		fixture_nap(20e-6);
	}
	finish(&s);
	for (i = 0; i < NLABELS; i++) {
		for (told = 0, j = 0; j < NWORKERS * NTHREADS; j++)
			told += (double)tell(s.shared, j, i);
		all += told;
		if (s.credit[i] > told)
			wrong += s.credit[i] - told;
		else
			missing += told - s.credit[i];
	}
	diag("%s: %.0f updates, %llu reuses, %llu stale", how, all,
	    (unsigned long long)s.nreuses,
	    (unsigned long long)s.shared->nstale);
	is_double(wrong, 0, "no update is credited to another label, %s", how);
	is_double(missing, 0, "and none is lost, %s", how);
	ok(s.nreuses > 20, "units were reused, %s", how);
	for (i = 0; i < NUNITS; i++)
		pdc_cells_tag(cells, kind, (uint64_t)i, 0);
	munmap(s.shared, sizeof(*s.shared));
}

int
main(void)
{
	char *dir = tap_tmpdir();
	struct cells *any, *atomic;

	any = fixture_new(dir, NUNITS);
	atomic = fixture_open(dir, CELLS_ATOMIC);
	if (any->use > 0) {
		test_storm(any, ZONE_ADD, "adds by rseq");
		test_storm(any, ZONE_PAIR, "pairs by rseq");
	} else
		skip("by rseq: it is not usable");
	test_storm(atomic, ZONE_ADD, "adds by atomic lanes");
	test_storm(atomic, ZONE_PAIR, "pairs by atomic lanes");
	test_storm(any, ZONE_GAUGE, "gauges");
	pdc_cells_close(any);
	pdc_cells_close(atomic);
	return tap_done();
}
