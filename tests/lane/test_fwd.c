/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <pthread.h>

#include "fixture.h"
#include "lane/ring.h"

#define NTHREADS 4

static struct cells *cells;
static _Atomic int stop, nwrong;
static _Atomic uint64_t newest;

static void
test_table(void)
{
	uint64_t i, id = 1, mine = 0, old, unit = 2;

	ok(!pdc_fwd_get(cells, 77, &id, &unit), "nothing at first");
	ok(id == 1 && unit == 2, "and nothing is written");
	pdc_fwd_put(cells, 77, 1000, 5);
	ok(pdc_fwd_get(cells, 77, &id, &unit) && id == 1000 && unit == 5,
	    "what was put is found");
	ok(!pdc_fwd_get(cells, 78, &id, &unit), "and nothing else");
	ok(!pdc_fwd_get(cells, 0, &id, &unit), "0 is no id");
	pdc_fwd_put(cells, 77, 2000, 6);
	pdc_fwd_put(cells, 77, 3000, 7 | FWD_BEYOND);
	ok(pdc_fwd_get(cells, 77, &id, &unit) == 2 && id == 3000 && unit == 7,
	    "the way to what overflows is known as such");
	pdc_fwd_put(cells, 77, 2000, 6);
	ok(pdc_fwd_get(cells, 77, &id, &unit) == 1 && id == 2000 && unit == 6,
	    "the last one is found");
	for (i = 0; i < 1000; i++) {
		old = pdc_fwd_new_id(cells);
		pdc_fwd_put(cells, old, i, i);
	}
	old -= 999;
	for (i = 0; i < 1000; i++)
		mine += pdc_fwd_get(cells, old + i, &id, &unit) && id == i;
	ok(mine > 700, "ids in a row spread (%llu of 1000 found)",
	    (unsigned long long)mine);
}

/* Entry i is {i, i + 1, 3 * i}; old ids are never put twice. */
static void *
read_table(void *arg)
{
	uint64_t i, id, n = 0, unit;

	(void)arg;
	while (!stop) {
		i = newest - n++ % 64;
		if (pdc_fwd_get(cells, i, &id, &unit) &&
		    (id != i + 1 || unit != i * 3))
			nwrong++;
	}
	return NULL;
}

static void
test_race(void)
{
	double end = fixture_now() + (tap_short() ? 0.1 : 0.5);
	pthread_t threads[NTHREADS];
	uint64_t i;
	int t;

	newest = 64;
	for (t = 0; t < NTHREADS; t++)
		pthread_create(&threads[t], NULL, read_table, NULL);
	for (i = 65; i % 1000 != 0 || fixture_now() < end; i++) {
		newest = i;
		pdc_fwd_put(cells, i, i + 1, i * 3);
	}
	stop = 1;
	for (t = 0; t < NTHREADS; t++)
		pthread_join(threads[t], NULL);
	is_int(nwrong, 0, "readers never see half of an entry");
}

static void *
take_ids(void *arg)
{
	uint64_t *ids = arg;
	int i;

	for (i = 0; i < 1000; i++)
		ids[i] = pdc_fwd_new_id(cells);
	return NULL;
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void
test_ids(void)
{
	static uint64_t ids[NTHREADS * 1000];
	pthread_t threads[NTHREADS];
	int i, same = 0, top = 0;

	for (i = 0; i < NTHREADS; i++)
		pthread_create(&threads[i], NULL, take_ids, &ids[i * 1000]);
	for (i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	qsort(ids, NTHREADS * 1000, sizeof(*ids), compare);
	for (i = 0; i < NTHREADS * 1000; i++) {
		top += ids[i] >> 63 == 1;
		same += i > 0 && ids[i] == ids[i - 1];
	}
	is_int(top, NTHREADS * 1000, "fresh ids have the top bit");
	is_int(same, 0, "and each is given once");
}

int
main(void)
{
	cells = fixture_new(tap_tmpdir(), 1);
	test_table();
	test_ids();
	pdc_cells_close(cells);
	cells = fixture_new(tap_tmpdir(), 1);
	test_race();
	pdc_cells_close(cells);
	return tap_done();
}
