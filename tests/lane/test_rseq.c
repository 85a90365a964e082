/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <sched.h>
#include <stdlib.h>

#include "fixture.h"
#include "lane/lane.h"
#include "lane/rseq.h"

#ifndef PDC_RSEQ
int
main(void)
{
	skip_all("built without restartable sequences");
}
#else

/* Each section by itself: what it compares, and what it does. */

static ptrdiff_t area;
static uint32_t here;
static _Atomic uint64_t word = 42;
static const struct rseq_tag mine = { &word, 42 }, other = { &word, 43 };

/* A preemption may abort a try that should not be. */
#define SETTLED(result, try) \
	do { \
		int settled; \
\
		for (settled = 0; settled < RSEQ_TRIES; settled++) \
			if (((result) = (try)) != RSEQ_ABORT) \
				break; \
	} while (0)

/* Only this CPU has a lane, which is at p. */
static char **lane;
static uint32_t use;
static const struct rseq_lanes lanes = { &lane, &use };

static void
lane_at(void *p)
{
	lane[here] = p;
	use = here + 1;
}

static void
test_add(void)
{
	double cells[2] = { 7, 1 };
	enum rseq_result result;

	lane_at(cells);
	use = here;
	SETTLED(result, rseq_add(area, lanes, 1, 2, mine));
	is_int(result, RSEQ_NONE, "an add on a CPU without a lane is none");
	lane_at(cells);
	SETTLED(result, rseq_add(area, lanes, 1, 2, other));
	is_int(result, RSEQ_STALE, "with another tag it is stale");
	is_double(cells[1], 1, "neither adds");
	SETTLED(result, rseq_add(area, lanes, 1, 2, mine));
	is_int(result, RSEQ_OK, "else");
	is_double(cells[1], 3, "it does");
	is_double(cells[0], 7, "to no other cell");
}

static void
test_pair(void)
{
	struct pair pairs[2]
	    __attribute__((aligned(16))) = { { 9, 7 }, { 5, 1 } };
	enum rseq_result result;

	lane_at(pairs);
	use = here;
	SETTLED(result, rseq_pair(area, lanes, 16, 2, mine));
	is_int(result, RSEQ_NONE, "a pair on a CPU without a lane is none");
	lane_at(pairs);
	SETTLED(result, rseq_pair(area, lanes, 16, 2, other));
	is_int(result, RSEQ_STALE, "with another tag it is stale");
	ok(pairs[1].count == 5 && pairs[1].sum == 1, "neither adds");
	SETTLED(result, rseq_pair(area, lanes, 16, 2, mine));
	is_int(result, RSEQ_OK, "else");
	ok(pairs[1].count == 6 && pairs[1].sum == 3, "it does");
	pairs[1].count = UINT32_MAX;
	SETTLED(result, rseq_pair(area, lanes, 16, 2, mine));
	ok(result == RSEQ_OK && pairs[1].count == (uint64_t)UINT32_MAX + 1,
	    "beyond 32 bits, too");
	ok(pairs[0].count == 9 && pairs[0].sum == 7, "to no other pair");
}

static void
test_publish(void)
{
	_Atomic uint64_t head = 100;
	char to[16] = "";
	struct rseq_copy copy = { "abc", 3, "defgh", 5, to, 101, 108 };
	enum rseq_result result;

	is_int(rseq_publish(area, here, &head, &copy), RSEQ_ABORT,
	    "a record for another position is aborted");
	copy.pos = 100;
	is_int(rseq_publish(area, here + 1, &head, &copy), RSEQ_ABORT,
	    "and one on another CPU");
	ok(head == 100 && to[0] == '\0', "neither is copied");
	SETTLED(result, rseq_publish(area, here, &head, &copy));
	is_int(result, RSEQ_OK, "else");
	ok(head == 108, "it is published");
	is_str(to, "abcdefgh", "in one piece");
}

static void
test_wait(void)
{
	_Atomic uint32_t inside = 0, seen = 1;
	enum rseq_result result;

	SETTLED(result, rseq_wait(area, &inside, &seen, 10));
	is_int(result, RSEQ_STALE, "who sees the word leaves");
	ok(inside == 1, "after he told that he is inside");
	seen = 0;
	SETTLED(result, rseq_wait(area, &inside, &seen, 10));
	is_int(result, RSEQ_OK, "or when his turns are over");
}

int
main(void)
{
	cpu_set_t set;

	if (!pdc_rseq_usable())
		skip_all("rseq is not usable");
	area = pdc_rseq_area();
	here = rseq_cpu(area);
	CPU_ZERO(&set);
	CPU_SET(here, &set);
	if (sched_setaffinity(0, sizeof(set), &set) == -1)
		skip_all("a thread cannot be held on one CPU");
	here = rseq_cpu(area);
	lane = calloc(here + 1, sizeof(lane[0]));
	test_add();
	test_pair();
	test_publish();
	test_wait();
	free(lane);
	return tap_done();
}
#endif
