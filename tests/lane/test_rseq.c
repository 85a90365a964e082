/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <sched.h>

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

static void
test_add(void)
{
	double cell = 1;
	enum rseq_result result;

	is_int(rseq_add(area, here + 1, &cell, 2, mine), RSEQ_ABORT,
	    "an add on another CPU is aborted");
	SETTLED(result, rseq_add(area, here, &cell, 2, other));
	is_int(result, RSEQ_STALE, "with another tag it is stale");
	is_double(cell, 1, "neither adds");
	SETTLED(result, rseq_add(area, here, &cell, 2, mine));
	is_int(result, RSEQ_OK, "else");
	is_double(cell, 3, "it does");
}

static void
test_pair(void)
{
	struct pair pair __attribute__((aligned(16))) = { 5, 1 };
	enum rseq_result result;

	is_int(rseq_pair(area, here + 1, &pair, 2, mine), RSEQ_ABORT,
	    "a pair on another CPU is aborted");
	SETTLED(result, rseq_pair(area, here, &pair, 2, other));
	is_int(result, RSEQ_STALE, "with another tag it is stale");
	ok(pair.count == 5 && pair.sum == 1, "neither adds");
	SETTLED(result, rseq_pair(area, here, &pair, 2, mine));
	is_int(result, RSEQ_OK, "else");
	ok(pair.count == 6 && pair.sum == 3, "it does");
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
	test_add();
	test_pair();
	test_publish();
	test_wait();
	return tap_done();
}
#endif
