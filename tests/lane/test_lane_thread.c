/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <pthread.h>

#include "fixture.h"
#include "lane/lane.h"
#include "lane/ring.h"

/* All operations beside each other in threads of one process. */

#define NTHREADS 4

struct shared {
	struct cells *cells[2];
	uint64_t each;
	_Atomic int n, stop;
	_Atomic uint64_t nadds, npairs, ngauges, nrecords;
};

static void *
update(void *arg)
{
	struct ring_update u = { .h = { .kind = RING_UPDATE, .op = RING_ADD } };
	struct shared *s = arg;
	const struct cells *cells = s->cells[s->n++ % 2];
	uint64_t i;

	for (i = 0; i < s->each; i++) {
		if (pdc_lane_add(cells, 0, 1, 1) == LANE_OK)
			s->nadds++;
		if (pdc_lane_pair(cells, 0, i & 1, 2, 1) == LANE_OK)
			s->npairs++;
		if (pdc_lane_gauge_add(cells, 0, 3, 1) == LANE_OK)
			s->ngauges++;
		if (i % 4 == 0 &&
		    pdc_ring_put(cells, &u.h, sizeof(u), "", 0) == RING_OK)
			s->nrecords++;
	}
	return NULL;
}

/* Sums, and the writes of who has the lock. */
static void *
maintain(void *arg)
{
	static struct ring_drain d;
	static uint64_t pos[CELLS_MAX_LANES];
	struct shared *s = arg;
	struct cells *cells = s->cells[0];
	uint64_t taken = 0;
	int last;

	do {
		last = s->stop;
		(void)pdc_cells_sum(cells, 0);
		(void)pdc_cells_sum_pair(cells, 1);
		(void)pdc_cells_gauge(cells, 0);
		pdc_cells_tag(cells, ZONE_ADD, 0, 0);
		pdc_cells_bump(cells, ZONE_ADD, 0, 1);
		pdc_cells_zero(cells, ZONE_ADD, 1, 1);
		pdc_cells_tag(cells, ZONE_ADD, 0, 1);
		(void)pdc_ring_backlog(cells);
		pdc_ring_begin(&d, cells, pos, last);
		while (pdc_ring_next(&d) != NULL)
			taken++;
		pdc_ring_done(cells, pos);
	} while (!last);
	return (void *)(uintptr_t)taken;
}

int
main(void)
{
	struct shared s = { .each = tap_short() ? 5000 : 50000 };
	pthread_t threads[NTHREADS], maintainer;
	char *dir = tap_tmpdir();
	struct pair a, b;
	void *taken;
	int i;

	s.cells[0] = fixture_new(dir, 8);
	s.cells[1] = fixture_open(dir, CELLS_ATOMIC);
	pdc_cells_tag(s.cells[0], ZONE_ADD, 0, 1);
	pdc_cells_tag(s.cells[0], ZONE_PAIR, 0, 2);
	pdc_cells_tag(s.cells[0], ZONE_GAUGE, 0, 3);
	pthread_create(&maintainer, NULL, maintain, &s);
	for (i = 0; i < NTHREADS; i++)
		pthread_create(&threads[i], NULL, update, &s);
	for (i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	s.stop = 1;
	pthread_join(maintainer, &taken);
	a = pdc_cells_sum_pair(s.cells[0], 0);
	b = pdc_cells_sum_pair(s.cells[0], 1);
	is_double(pdc_cells_sum(s.cells[0], 0), (double)s.nadds,
	    "adds that were not stale are in the sum");
	is_int((long long)(a.count + b.count), (long long)s.npairs, "pairs");
	is_int((long long)s.npairs, (long long)s.each * NTHREADS, "all");
	is_double(pdc_cells_gauge(s.cells[0], 0).value, (double)s.ngauges,
	    "gauges");
	is_int((long long)(uintptr_t)taken, (long long)s.nrecords,
	    "records that were taken");
	pdc_cells_close(s.cells[0]);
	pdc_cells_close(s.cells[1]);
	return tap_done();
}
