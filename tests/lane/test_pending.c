/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <pthread.h>

#include "fixture.h"
#include "lane/lane.h"

#define NTHREADS 4

static struct pending sum;
static _Atomic int stop;

static void
test_counts(void)
{
	struct pending p = { 0, 0 }, taken;

	pdc_lane_pending_add(&p, 1.5);
	pdc_lane_pending_add(&p, 2);
	taken = pdc_lane_pending_take(&p);
	ok(taken.value == 3.5 && taken.count == 2, "adds are counted");
	taken = pdc_lane_pending_take(&p);
	ok(taken.value == 0 && taken.count == 0, "taking leaves zero");
}

static void
test_gauges(void)
{
	struct pending p = { 0, 0 }, taken;

	pdc_lane_pending_gauge(&p, 0, 2);
	pdc_lane_pending_gauge(&p, 0, 3);
	taken = pdc_lane_pending_take(&p);
	ok(taken.value == 5 && taken.count == LANE_PENDING_ADD,
	    "adds are an add");
	pdc_lane_pending_gauge(&p, 0, 2);
	pdc_lane_pending_gauge(&p, 1, 10);
	pdc_lane_pending_gauge(&p, 0, 1);
	taken = pdc_lane_pending_take(&p);
	ok(taken.value == 11 && taken.count == LANE_PENDING_SET,
	    "a set, then adds, are a set");
}

static void *
add_many(void *arg)
{
	uint64_t i, n = *(uint64_t *)arg;

	for (i = 0; i < n; i++)
		pdc_lane_pending_add(&sum, 1);
	return NULL;
}

/* Value and count are of the same adds, whenever they are taken. */
static void *
take_many(void *arg)
{
	struct pending taken, *all = arg;
	int last;

	do {
		last = stop;
		taken = pdc_lane_pending_take(&sum);
		if (taken.value != (double)taken.count)
			all->value = -1e18;
		all->value += taken.value;
		all->count += taken.count;
	} while (!last);
	return NULL;
}

static void
test_threads(void)
{
	uint64_t n = tap_short() ? 5000 : 100000;
	pthread_t threads[NTHREADS], taker;
	struct pending all = { 0, 0 };
	int i;

	pthread_create(&taker, NULL, take_many, &all);
	for (i = 0; i < NTHREADS; i++)
		pthread_create(&threads[i], NULL, add_many, &n);
	for (i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	stop = 1;
	pthread_join(taker, NULL);
	is_int((long long)all.count, (long long)n * NTHREADS,
	    "adds of threads are all taken");
	is_double(all.value, (double)(n * NTHREADS), "with their values");
}

static void
test_states(void)
{
	struct pending p = { 0, 0 }, taken, older = { 7, 15 };

	pdc_lane_pending_state(&p, 1, 1);
	pdc_lane_pending_state(&p, 2, 1);
	pdc_lane_pending_state(&p, 4, 0);
	pdc_lane_pending_state(&p, 1, 0);
	is_double(p.value, 2, "the last set of each state holds");
	is_int((long long)p.count, 7, "and which were set is known");
	p.count &= ~(uint64_t)1;
	pdc_lane_pending_under(&p, &older);
	taken = pdc_lane_pending_take(&p);
	is_double(taken.value, 3, "put back, what was set since stays");
	is_int((long long)taken.count, 15, "beside the rest");
}

int
main(void)
{
	test_counts();
	test_gauges();
	test_threads();
	test_states();
	return tap_done();
}
