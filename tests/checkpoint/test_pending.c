/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * What a handle without a place has gathered is credited once, by the process
 * that counted it, and of many handles some at a time.
 */

#include <stdint.h>

#include "help.h"
#include "metric/metric.h"

#define NMANY 60 /* handles of each family */
#define NMEANWHILE 40
#define STEP_NS 1000000

static struct pdc *p;

static struct pdc_series *
unplaced(struct pdc_family *f, const char *value)
{
	struct pdc_series *s;

	atomic_store(&p->retry_ns, INT64_MAX);
	s = help_series(f, value);
	atomic_store(&p->retry_ns, 0);
	return s;
}

static int
child_counts(void *arg)
{
	struct pdc_series **s = arg;

	pdc_inc(s[0], 10);
	pdc_set(s[1], 10);
	pdc_observe(s[2], 10);
	return pdc_checkpoint(p) == 0 ? 0 : 1;
}

static void
test_forked(unsigned flags, const char *how)
{
	struct pdc_series *s[3];

	p = help_open(tap_tmpdir(), flags);
	s[0] = unplaced(help_family(p, PDC_COUNTER, "a", "l"), "x");
	s[1] = unplaced(help_family(p, PDC_GAUGE, "b", "l"), "x");
	s[2] = unplaced(help_family(p, PDC_SUMMARY, "c", "l"), "x");
	pdc_inc(s[0], 1);
	pdc_inc(s[1], 1);
	pdc_observe(s[2], 1);
	is_int(help_child(child_counts, s), 0, "%s: a child counts", how);
	pdc_inc(s[0], 100);
	pdc_observe(s[2], 100);
	is_int(pdc_checkpoint(p), 0, "then its parent");
	is_double(help_sample(p, "a_total{l=\"x\"}"), 111,
	    "%s: each increment once", how);
	is_double(help_sample(p, "c_count{l=\"x\"}"), 3,
	    "%s: each observation once", how);
	is_double(help_sample(p, "c_sum{l=\"x\"}"), 111, "%s: its sum", how);
	pdc_inc(s[0], 1);
	pdc_observe(s[2], 1);
	pdc_checkpoint(p);
	pdc_checkpoint(p);
	is_double(help_sample(p, "a_total{l=\"x\"}"), 112, "%s: and on", how);
	is_double(help_sample(p, "c_count{l=\"x\"}"), 4, "%s: and on", how);
	pdc_close(p);
}

static int
child_closes(void *arg)
{
	pdc_inc(arg, 1);
	pdc_close(p);
	return 0;
}

static void
test_closed(unsigned flags, const char *how)
{
	struct pdc_series *s;

	p = help_open(tap_tmpdir(), flags);
	s = unplaced(help_family(p, PDC_COUNTER, "a", "l"), "x");
	pdc_inc(s, 1);
	is_int(help_child(child_closes, s), 0, "%s: a child closes", how);
	pdc_checkpoint(p);
	is_double(help_sample(p, "a_total{l=\"x\"}"), 2,
	    "%s: what it had counted is there", how);
	pdc_close(p);
}

/* The hooks of a store's transactions, with what is watched around them. */
static struct {
	int (*hook)(void *, struct stxn *);
	void (*done)(void *, struct stxn *);
	struct pdc_series **meanwhile; /* something is counted in them */
	int nmeanwhile, nwrites, ncommits, most;
} watch;

/* Of one transaction: how many commits the flush before its work had. */
static int
watch_hook(void *arg, struct stxn *x)
{
	int before = watch.ncommits, ret;

	ret = watch.hook(arg, x);
	watch.nwrites++;
	if (watch.ncommits - before > watch.most)
		watch.most = watch.ncommits - before;
	return ret;
}

/* Each commit takes a millisecond at least. */
static void
watch_done(void *arg, struct stxn *x)
{
	watch.done(arg, x);
	watch.ncommits++;
	p->clock.mono_skew_ns += STEP_NS;
	if (watch.nmeanwhile > 0)
		pdc_inc(watch.meanwhile[--watch.nmeanwhile], 1);
}

static void
watch_on(struct pdc_series **meanwhile)
{
	watch.hook = p->store->hook;
	watch.done = p->store->done;
	watch.meanwhile = meanwhile;
	watch.nmeanwhile = NMEANWHILE;
	p->store->hook = watch_hook;
	p->store->done = watch_done;
}

static void
watch_off(void)
{
	p->store->hook = watch.hook;
	p->store->done = watch.done;
}

/* All the handles of a family, each of which has gathered something. */
static void
many(struct pdc_series **s, struct pdc_family *f)
{
	char value[16];
	int i, j;

	for (i = 0; i < NMANY; i++) {
		snprintf(value, sizeof(value), "%d", i);
		s[i] = unplaced(f, value);
		for (j = 0; j < 3; j++)
			if (f->type == PDC_SUMMARY)
				pdc_observe(s[i], i);
			else
				pdc_inc(s[i], i);
	}
}

/* How many of the samples are not so many times their number, plus one. */
static int
unequal(const char *format, int times, int plus)
{
	char *page = help_page(p), sample[64];
	int i, wrong = 0;

	for (i = 0; i < NMANY; i++) {
		snprintf(sample, sizeof(sample), format, i);
		wrong += help_on_page(page, sample) !=
		    times * i + (i < plus ? 1 : 0);
	}
	pdc_free(page);
	return wrong;
}

/* No transaction has the lock until all are credited, and none is left out. */
static void
test_slices(void)
{
	struct pdc_series *a[NMANY], *b[NMANY], *c[NMANY];
	struct pdc_family *fa, *fb, *fc;
	struct stxn x;
	int i;

	p = help_open(tap_tmpdir(), PDC_ATOMIC);
	fa = help_family(p, PDC_COUNTER, "a", "l");
	fb = help_family(p, PDC_GAUGE, "b", "l");
	fc = help_family(p, PDC_SUMMARY, "c", "l");
	many(a, fa);
	many(b, fb);
	many(c, fc);
	watch_on(a);
	is_int(pdc_stxn_write(&x, p->store, 1000), 0, "a write");
	ok(x.commits > 0 && x.commits <= 6,
	    "credits some of %d pending sums, %u", 3 * NMANY, x.commits);
	ok(atomic_load(&p->pending), "and leaves the others to the next");
	pdc_stxn_abort(&x);
	is_int(pdc_checkpoint(p), 0, "a checkpoint");
	is_int((int)atomic_load(&p->pending), 0, "leaves none");
	ok(watch.most <= 6, "in no transaction more than six, %d", watch.most);
	ok(watch.nwrites >= 3 * NMANY / 6, "so it gave the lock back, %d times",
	    watch.nwrites);
	is_int(watch.nmeanwhile, 0, "while %d handles counted", NMEANWHILE);
	watch_off();
	for (i = 0; i < 2; i++) {
		is_int(unequal("a_total{l=\"%d\"}", 3, NMEANWHILE), 0,
		    "each increment once");
		is_int(unequal("b{l=\"%d\"}", 3, 0), 0, "each gauge once");
		is_int(unequal("c_sum{l=\"%d\"}", 3, 0), 0, "each sum once");
		pdc_checkpoint(p);
	}
	pdc_close(p);
}

int
main(void)
{
	test_forked(0, "rings");
	test_forked(PDC_ATOMIC, "pending sums");
	test_closed(0, "rings");
	test_closed(PDC_ATOMIC, "pending sums");
	test_slices();
	return tap_done();
}
