/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <sched.h>
#include <stdio.h>

#include "fixture.h"
#include "lane/ring.h"

/*
 * Writers are killed at any instruction while their rings are drained.  Each
 * numbers its records and tells the last number it had RING_OK for.  Drained
 * numbers must be whole, in order without a gap, and reach what was told, or
 * one more: the record of a kill between publishing and telling.
 */

#define NWRITERS 4
#define NBORN_MAX 4096
#define BODY_MAX 240

struct storm {
	const struct cells *cells;
	_Atomic uint64_t *told;
	pid_t pids[NWRITERS];
	uint64_t seen[NBORN_MAX];
	uint64_t nborn, nkills, ntaken, ntorn, ngaps, nfull, random;
};

static struct ring_drain d;
static uint64_t pos[CELLS_MAX_LANES];
static struct storm s;

/* What writer w's record number i looks like. */
static uint32_t
fill(char *body, uint64_t w, uint64_t i)
{
	uint32_t len = (uint32_t)((i * 7 + w) % BODY_MAX);

	memset(body, (int)(i + w), len);
	return len;
}

static void
write_records(uint64_t w)
{
	struct ring_update u;
	char body[BODY_MAX];
	uint64_t i;

	memset(&u, 0, sizeof(u));
	u.h.kind = RING_UPDATE;
	for (i = 1;; i++) {
		u.id = w;
		u.amount = (double)i;
		u.labels_len = fill(body, w, i);
		while (pdc_ring_put(s.cells, &u.h, sizeof(u), body,
			   u.labels_len) != RING_OK)
			fixture_nap(50e-6);
		atomic_store_explicit(&s.told[w], i, memory_order_relaxed);
	}
}

static void
spawn(int i)
{
	uint64_t w = s.nborn++;

	s.pids[i] = fork();
	if (s.pids[i] == -1)
		bail_out("fork");
	if (s.pids[i] == 0)
		write_records(w);
}

static void
slay(int i)
{
	kill(s.pids[i], SIGKILL);
	if (waitpid(s.pids[i], NULL, 0) != s.pids[i])
		bail_out("waitpid");
	s.nkills++;
}

static void
look(const struct ring_update *u)
{
	char body[BODY_MAX];
	uint64_t i = (uint64_t)u->amount;

	s.ntaken++;
	if (u->id >= s.nborn || fill(body, u->id, i) != u->labels_len ||
	    memcmp(u + 1, body, u->labels_len) != 0) {
		s.ntorn++;
		return;
	}
	if (i != s.seen[u->id] + 1)
		s.ngaps++;
	s.seen[u->id] = i;
}

static void
drain(int all)
{
	const struct ring_head *h;

	pdc_ring_begin(&d, s.cells, pos, all);
	while ((h = pdc_ring_next(&d)) != NULL)
		look((const struct ring_update *)h);
	pdc_ring_done(s.cells, pos);
}

static void
run(double seconds)
{
	double end = fixture_now() + seconds, next = 0;
	int i;

	for (i = 0; i < NWRITERS; i++)
		spawn(i);
	while (fixture_now() < end && s.nborn < NBORN_MAX) {
		drain(0);
		fixture_nap(200e-6);
		if (fixture_now() < next)
			continue;
		i = (int)(fixture_random(&s.random) % NWRITERS);
		slay(i);
		spawn(i);
		next = fixture_now() + 0.002;
	}
	for (i = 0; i < NWRITERS; i++)
		slay(i);
	drain(1);
}

int
main(void)
{
	struct cells *cells = fixture_new(tap_tmpdir(), 1);
	uint64_t lost = 0, more = 0, w;

	if (cells->use == 0)
		skip_all("rseq is not usable");
	s.cells = cells;
	s.told = fixture_shared(NBORN_MAX * sizeof(*s.told));
	run(tap_short() ? 0.4 : 2);
	for (w = 0; w < s.nborn; w++) {
		if (s.seen[w] < s.told[w])
			lost += s.told[w] - s.seen[w];
		else
			more += s.seen[w] - s.told[w];
	}
	diag("%llu kills, %llu records", (unsigned long long)s.nkills,
	    (unsigned long long)s.ntaken);
	ok(s.ntaken > 1000, "records are taken");
	is_int((long long)s.ntorn, 0, "none is torn");
	is_int((long long)s.ngaps, 0, "each writer's are in order");
	is_int((long long)lost, 0, "none that was told is lost");
	ok(more <= s.nkills, "and a kill adds one at most");
	is_int((long long)cells->head->drops[DROP_DAMAGED], 0, "no damage");
	pdc_cells_close(cells);
	return tap_done();
}
