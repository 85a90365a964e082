/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * What a checkpoint writes: the same when nothing was counted, never less than
 * before, and in slices that let others in between.
 */

#include <fcntl.h>
#include <stdint.h>

#include "help.h"
#include "lane/atomic.h"
#include "metric/metric.h"
#include "store/series.h"

#define NSERIES 200000

static struct pdc *p;

/* All records of the store, one after the other. */
static char *
records(size_t *len)
{
	struct scur c;
	struct stxn x;
	char *all = NULL;
	size_t at = 0;
	int got;

	if (pdc_stxn_read(&x, p->store) < 0 || pdc_scur_open(&c, &x) < 0)
		bail_out("%s", pdc_error());
	for (got = pdc_scur_seek(&c, "", 1); got == 1;
	     got = pdc_scur_next(&c)) {
		all = realloc(all, at + c.klen + c.len);
		if (all == NULL)
			bail_out("no memory");
		memcpy(all + at, c.key, c.klen);
		memcpy(all + at + c.klen, c.val, c.len);
		at += c.klen + c.len;
	}
	pdc_scur_close(&c);
	pdc_stxn_abort(&x);
	*len = at;
	return all;
}

static void
test_idempotent(struct pdc_series *c, struct pdc_series *g,
    struct pdc_series *h)
{
	char *first, *second, *before, *after;
	size_t nfirst, nsecond;
	int i;

	for (i = 0; i < 10; i++) {
		pdc_inc(c, .1);
		pdc_set(g, i);
		pdc_observe(h, .1 * i);
	}
	before = help_page(p);
	is_int(pdc_checkpoint(p), 0, "a checkpoint");
	after = help_page(p);
	is_str(after, before, "changes no page");
	first = records(&nfirst);
	is_int(pdc_checkpoint(p), 0, "another one");
	second = records(&nsecond);
	ok(nfirst == nsecond && memcmp(first, second, nfirst) == 0,
	    "writes the same");
	free(first);
	free(second);
	pdc_free(before);
	pdc_free(after);
}

/* The first rseq lane's number, or the first atomic one's, made less. */
static void
sink(uint64_t unit, double by)
{
	const struct cells_zone *z = &pdc_cells_now(p)->zone[ZONE_ADD];
	double *cell;
	uint32_t i;

	for (i = 0; i < z->nlanes; i++) {
		cell = (double *)(void *)(z->lanes + i * z->stride) + unit;
		if (*cell >= by) {
			*cell -= by;
			return;
		}
	}
	for (i = 0; i < z->natomic; i++) {
		cell = (double *)(void *)(z->atomic + i * z->astride +
		    unit * sizeof(struct word16));
		if (*cell >= by) {
			*cell -= by;
			return;
		}
	}
	bail_out("no lane has %g", by);
}

static void
test_anomalies(struct pdc_family *f)
{
	struct cells *c = pdc_cells_now(p);
	struct pdc_series *s = help_series(f, "sinks");
	uint64_t was = atomic_load(&c->head->anomalies);
	struct value *v = p->store->value;
	struct place pl = { .v = v };
	struct stxn x;
	double seen = -1;

	pdc_inc(s, 100);
	pdc_checkpoint(p);
	sink(atomic_load(&s->unit), 50);
	is_int(pdc_checkpoint(p), 0, "a lane sinks, a checkpoint works");
	is_int((long long)(atomic_load(&c->head->anomalies) - was), 1,
	    "and counts it");
	if (pdc_stxn_read(&x, p->store) == 0 &&
	    pdc_family_get(&x, "c", &pl.f) == 0 &&
	    pdc_place_find(&x, &pl, "sinks", 6) == 0)
		seen = pdc_block_add_seen(v)[pl.at.pos];
	pdc_stxn_abort(&x);
	is_double(seen, 100, "what had been seen stays");
	pdc_inc(s, 51);
	pdc_checkpoint(p);
	is_double(help_sample(p, "c_total{l=\"sinks\"}"), 101,
	    "and when it is exceeded all is well");
}

/* A family as if so many series of it had been counted, without their names. */
static void
make_many(struct pdc_family *f)
{
	struct cells *c = pdc_cells_now(p);
	struct value *v = p->store->value;
	struct value_place at;
	struct family fam;
	struct stxn x;
	uint32_t n;
	int ret;

	ret = pdc_stxn_write(&x, p->store, 1000);
	if (ret == 0)
		ret = pdc_family_get(&x, f->name, &fam);
	for (n = 0; ret == 0 && n < NSERIES; n += at.k) {
		at = pdc_block_place(&fam.r, n);
		pdc_block_get(&x, &fam.r, at, v);
		v->h.epoch = x.meta.epoch;
		v->h.unit = x.meta.next_unit[ZONE_ADD];
		x.meta.next_unit[ZONE_ADD] += at.k;
		ret = pdc_cells_reserve(c, ZONE_ADD, v->h.unit + at.k);
		if (ret == 0)
			ret = pdc_block_put(&x, &fam.r, at.block, v);
	}
	pdc_stxn_fail(&x, ret);
	if (pdc_stxn_commit(&x) < 0)
		bail_out("%d series: %s", NSERIES, pdc_error());
}

/* Count in all of them, by hand. */
static void
count_many(uint64_t from)
{
	struct cells *c = pdc_cells_now(p);
	uint64_t u;

	for (u = from; u < from + NSERIES; u++) {
		pdc_cells_tag(c, ZONE_ADD, u, 1);
		pdc_lane_add(c, u, 1, 1);
	}
}

/* Checkpoints in a loop, all with something to write, for a while. */
static int
child_checkpoints(void *arg)
{
	uint64_t from = *(uint64_t *)arg;
	double until = help_seconds() + (tap_short() ? .4 : 1.2);
	int n = 0;

	while (help_seconds() < until) {
		count_many(from);
		if (pdc_checkpoint(p) < 0)
			return 100;
		n++;
	}
	return n > 0 ? 0 : 101;
}

static void
test_slices(struct pdc_family *f)
{
	uint64_t from = 0;
	double worst = 0, began, waited;
	struct stxn x;
	int i, busy = 0;
	pid_t pid;

	if (pdc_stxn_read(&x, p->store) == 0) {
		from = x.meta.next_unit[ZONE_ADD];
		pdc_stxn_abort(&x);
	}
	make_many(f);
	count_many(from);
	began = help_seconds();
	is_int(pdc_checkpoint(p), 0, "a checkpoint of %d series", NSERIES);
	diag("in %.1f ms", 1000 * (help_seconds() - began));

	pid = help_fork(child_checkpoints, &from);
	for (i = 0; waitpid(pid, NULL, WNOHANG) == 0; i++) {
		began = help_seconds();
		busy += pdc_stxn_write(&x, p->store, 20) < 0;
		waited = help_seconds() - began;
		worst = waited > worst ? waited : worst;
		pdc_stxn_abort(&x);
		usleep(1000);
	}
	diag("%d times the lock was wanted for 20 ms, %d times not had, "
	     "waited for %.1f ms at most",
	    i, busy, 1000 * worst);
	ok(i > 10 && 4 * busy < i, "others get the lock in between");
}

int
main(void)
{
	struct pdc_family *f;

	p = help_open(tap_tmpdir(), 0);
	f = help_family(p, PDC_COUNTER, "c", "l");
	test_idempotent(help_series(f, "x"),
	    help_series(help_family(p, PDC_GAUGE, "g", "l"), "x"),
	    help_series(help_family(p, PDC_HISTOGRAM, "h", "l"), "x"));
	test_anomalies(f);
	test_slices(help_family(p, PDC_COUNTER, "many", "l"));
	pdc_close(p);
	return tap_done();
}
