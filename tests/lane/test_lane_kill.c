/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <stdio.h>

#include "fixture.h"
#include "lane/lane.h"

/*
 * Workers are killed at any instruction.  Each tells in memory of its own what
 * it has done, after doing it; so per kill one update may be counted that was
 * not told, and never the other way round.
 */

#define NWORKERS 6
#define NUNITS 8
#define NTALLIES 4096

struct tally {
	_Atomic uint64_t n;
	char pad[56];
};

struct storm {
	struct cells *cells;
	struct tally *tallies;
	pid_t pids[NWORKERS];
	uint64_t nborn, nkills, ntorn, nlooks, random;
};

static void
worker(const struct cells *cells, struct tally *tally)
{
	uint64_t i;

	for (i = 0;; i++) {
		if (i & 1)
			pdc_lane_pair(cells, 0, i / 2 % NUNITS, 5, 1);
		else
			pdc_lane_add(cells, 0, 6, 1);
		atomic_store_explicit(&tally->n, i + 1, memory_order_relaxed);
	}
}

static void
spawn(struct storm *s, int i)
{
	struct tally *tally = &s->tallies[s->nborn++];

	s->pids[i] = fork();
	if (s->pids[i] == -1)
		bail_out("fork");
	if (s->pids[i] == 0)
		worker(s->cells, tally);
}

static void
slay(struct storm *s, int i)
{
	kill(s->pids[i], SIGKILL);
	if (waitpid(s->pids[i], NULL, 0) != s->pids[i])
		bail_out("waitpid");
	s->nkills++;
}

/* A pair that was cut has another sum than count: all values are 1. */
static void
look(struct storm *s)
{
	struct pair pair;
	uint64_t i;

	for (i = 0; i < NUNITS; i++) {
		pair = pdc_cells_sum_pair(s->cells, i);
		if ((double)pair.count != pair.sum)
			s->ntorn++;
		s->nlooks++;
	}
}

static void
run(struct storm *s, double seconds)
{
	double end = fixture_now() + seconds, next = fixture_now();
	int i;

	for (i = 0; i < NWORKERS; i++)
		spawn(s, i);
	while (fixture_now() < end && s->nborn < NTALLIES) {
		look(s);
		if (fixture_now() < next)
			continue;
		i = (int)(fixture_random(&s->random) % NWORKERS);
		slay(s, i);
		spawn(s, i);
		next = fixture_now() + 0.001 +
		    fixture_random(&s->random) % 2000 * 1e-6;
		fixture_nap(0.0002);
	}
	for (i = 0; i < NWORKERS; i++)
		slay(s, i);
	look(s);
}

static void
test_storm(struct cells *cells, const char *how)
{
	struct storm s = { .cells = cells, .random = 1 };
	uint64_t counted, i, told = 0;

	s.tallies = fixture_shared(NTALLIES * sizeof(*s.tallies));
	pdc_cells_zero(cells, ZONE_PAIR, 0, NUNITS);
	pdc_cells_zero(cells, ZONE_ADD, 0, 1);
	pdc_cells_tag(cells, ZONE_PAIR, 0, 5);
	pdc_cells_tag(cells, ZONE_ADD, 0, 6);
	run(&s, tap_short() ? 0.3 : 1.3);
	counted = (uint64_t)pdc_cells_sum(cells, 0);
	for (i = 0; i < NUNITS; i++)
		counted += pdc_cells_sum_pair(cells, i).count;
	for (i = 0; i < s.nborn; i++)
		told += s.tallies[i].n;
	diag("%s: %llu kills, %llu updates, %llu looks", how,
	    (unsigned long long)s.nkills, (unsigned long long)told,
	    (unsigned long long)s.nlooks);
	ok(counted >= told, "nothing told is lost, %s", how);
	ok(counted - told <= s.nkills, "nothing is counted twice, %s", how);
	is_int((long long)s.ntorn, 0, "no pair is ever torn, %s", how);
	munmap(s.tallies, NTALLIES * sizeof(*s.tallies));
}

int
main(void)
{
	char *dir = tap_tmpdir();
	struct cells *any, *atomic;

	any = fixture_new(dir, NUNITS);
	atomic = fixture_open(dir, CELLS_ATOMIC);
	diag("rseq is %s", any->use > 0 ? "used" : "not used");
	test_storm(any, "by rseq where it is");
	test_storm(atomic, "by atomic lanes");
	pdc_cells_close(any);
	pdc_cells_close(atomic);
	return tap_done();
}
