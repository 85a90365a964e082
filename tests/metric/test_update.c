/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Amounts: what is counted where, and what is dropped and counted as such; by
 * lanes, by rings, and by pending sums.
 */

#include <math.h>
#include <sched.h>
#include <stdint.h>

#include "help.h"
#include "metric/metric.h"

static struct pdc *p;

static uint64_t
dropped(enum cells_drop why)
{
	return atomic_load(&pdc_cells_now(p)->head->drops[why]);
}

static double
sample(const char *name)
{
	pdc_checkpoint(p);
	return help_sample(p, name);
}

/* Whether drops for this reason went up by one since the last call of all. */
static int
one_more(enum cells_drop why)
{
	static uint64_t last;
	uint64_t sum = 0;
	static uint64_t was[NDROPS];
	int i, good = dropped(why) == was[why] + 1;

	for (i = 0; i < NDROPS; i++) {
		sum += dropped((enum cells_drop)i);
		was[i] = dropped((enum cells_drop)i);
	}
	good = good && sum == last + 1;
	last = sum;
	return good;
}

static void
test_drops(struct pdc_series *c, struct pdc_series *g, struct pdc_series *s,
    struct pdc_series *h)
{
	pdc_inc(c, 1);
	pdc_inc(c, -1);
	ok(one_more(DROP_AMOUNT), "a negative amount");
	pdc_inc(c, (double)NAN);
	ok(one_more(DROP_AMOUNT), "NaN");
	pdc_inc(c, (double)INFINITY);
	ok(one_more(DROP_AMOUNT), "infinity");
	pdc_inc(c, -(double)INFINITY);
	ok(one_more(DROP_AMOUNT), "and the other one");
	pdc_inc(c, -0.0);
	pdc_inc(c, 0);
	pdc_inc(c, 5e-324);
	pdc_dec(c, 1);
	ok(one_more(DROP_TYPE), "a counter does not go down");
	pdc_set(c, 1);
	ok(one_more(DROP_TYPE), "nor is it set");
	pdc_observe(c, 1);
	ok(one_more(DROP_TYPE), "nor observed");
	pdc_observe(g, 1);
	ok(one_more(DROP_TYPE), "nor is a gauge");
	pdc_inc(s, 1);
	ok(one_more(DROP_TYPE), "a summary is only observed");
	pdc_dec(h, 1);
	ok(one_more(DROP_TYPE), "so is a histogram");
	pdc_set(h, 1);
	ok(one_more(DROP_TYPE), "and not set");
	pdc_observe(h, (double)NAN);
	ok(one_more(DROP_NAN), "NaN is not observed");
	pdc_observe(s, (double)NAN);
	ok(one_more(DROP_NAN), "in a summary neither");
	pdc_inc(NULL, 1);
	pdc_dec(NULL, 1);
	pdc_set(NULL, 1);
	pdc_observe(NULL, 1);
	is_double(sample("u_c_total"), 1, "nothing of that is counted");
	is_double(sample("u_h_count"), 0, "or observed");
}

static void
test_gauges(struct pdc_series *g)
{
	char *page;

	pdc_set(g, 3);
	pdc_inc(g, 2);
	pdc_dec(g, 7);
	pdc_inc(g, -1);
	is_double(sample("u_g"), -3, "a gauge goes up and down");
	pdc_set(g, -(double)INFINITY);
	is_double(sample("u_g"), -(double)INFINITY, "to infinity");
	pdc_set(g, (double)NAN);
	page = help_page(p);
	ok(strstr(page, "u_g NaN\n") != NULL, "and NaN");
	pdc_free(page);
}

static void
test_buckets(struct pdc_series *h, struct pdc_series *s)
{
	pdc_observe(h, 1);
	pdc_observe(h, nextafter(1, 2));
	pdc_observe(h, 2);
	pdc_observe(h, -1e300);
	pdc_observe(h, 2.5);
	is_double(sample("u_h_bucket{le=\"1.0\"}"), 2,
	    "a value at the edge is in the bucket");
	is_double(sample("u_h_bucket{le=\"2.0\"}"), 4, "at the next one too");
	is_double(sample("u_h_bucket{le=\"+Inf\"}"), 5, "all are in +Inf");
	is_double(sample("u_h_count"), 5, "which is _count");
	pdc_observe(h, (double)INFINITY);
	is_double(sample("u_h_bucket{le=\"2.0\"}"), 4, "infinity is in +Inf");
	is_double(sample("u_h_bucket{le=\"+Inf\"}"), 6, "alone");
	is_double(sample("u_h_sum"), (double)INFINITY, "and in _sum");
	pdc_observe(h, -(double)INFINITY);
	is_double(sample("u_h_bucket{le=\"1.0\"}"), 3,
	    "-infinity is in the first");
	ok(isnan(sample("u_h_sum")), "both make _sum NaN");
	is_double(sample("u_h_count"), 7, "_count goes on");
	pdc_observe(s, 1.5);
	pdc_observe(s, -4);
	is_double(sample("u_s_count"), 2, "a summary's count");
	is_double(sample("u_s_sum"), -2.5, "and sum");
}

/* Each bound, what is on either side of it, and what is far away. */
static int
wrong_buckets(const struct buckets *b)
{
	uint32_t i;
	int wrong;

	wrong = bucket_of(b, (double)-INFINITY) != 0;
	wrong += bucket_of(b, (double)INFINITY) != b->n;
	wrong += bucket_of(b, 0) != bucket_between(b->bounds, 0, b->n, 0);
	wrong += bucket_of(b, -0.0) != bucket_of(b, 0);
	for (i = 0; i < b->n; i++) {
		wrong += bucket_of(b, b->bounds[i]) != i;
		wrong += bucket_of(b, nextafter(b->bounds[i], INFINITY)) !=
		    i + 1;
		if (i > 0)
			wrong += bucket_of(b,
				     b->bounds[i - 1] / 2 + b->bounds[i] / 2) !=
			    i;
	}
	return wrong;
}

/*
 * The i-th of n bounds: whole numbers from 0 or from below; one in a power of
 * two, of both signs; many alike and one far away, which is too much for keys.
 */
static double
some_bound(int way, uint32_t i, uint32_t n)
{
	switch (way) {
	case 0:
		return i;
	case 1:
		return (double)i - 20;
	case 2:
		return i < n / 2 ? -ldexp(1, (int)(n / 2 - i)) :
				   ldexp(1, (int)(i - n / 2));
	default:
		return i < n - 1 ? 1 + ldexp(i, -40) : 1e300;
	}
}

static void
test_bucket_search(void)
{
	double bounds[BOUNDS_MAX];
	struct buckets b = { bounds, 0, NULL };
	int way, wrong = 0, indices = 0;
	uint32_t i;

	for (b.n = 1; b.n <= BOUNDS_MAX; b.n += b.n < 40 ? 1 : 59)
		for (way = 0; way < 4; way++) {
			for (i = 0; i < b.n; i++)
				bounds[i] = some_bound(way, i, b.n);
			wrong += wrong_buckets(&b);
			wrong += pdc_bucket_index(&b.index, bounds, b.n) != 0;
			wrong += wrong_buckets(&b);
			indices += b.index != NULL;
			wrong += way == 3 && b.n > 2 && b.index != NULL;
			free(b.index);
			b.index = NULL;
		}
	is_int(wrong, 0, "the bucket of a value, however many there are");
	ok(indices > 100, "most have an index (%d)", indices);
}

/* Before the first checkpoint, by whatever way there is. */
static void
test_all(unsigned flags, int64_t retry, const char *how)
{
	const double bounds[] = { 1, 2 };
	struct pdc_desc d = { .type = PDC_HISTOGRAM,
		.name = "u_h",
		.bounds = bounds,
		.nbounds = 2 };
	struct pdc_series *c, *g, *s, *h;
	struct pdc_family *f;

	diag("%s", how);
	p = help_open(tap_tmpdir(), flags);
	pdc_declare(&f, p, &d);
	c = help_series(help_family(p, PDC_COUNTER, "u_c", NULL), NULL);
	g = help_series(help_family(p, PDC_GAUGE, "u_g", NULL), NULL);
	atomic_store(&p->retry_ns, retry);
	s = help_series(help_family(p, PDC_SUMMARY, "u_s", NULL), NULL);
	h = help_series(f, NULL);
	atomic_store(&p->retry_ns, 0);
	test_buckets(h, s);
	test_gauges(g);
	pdc_inc(c, 1);
	is_double(sample("u_c_total"), 1, "%s: a counter", how);
	pdc_close(p);
}

/* The handle of a series that could not be made now. */
static struct pdc_series *
unresolved(struct pdc_family *f)
{
	struct pdc_series *s;

	atomic_store(&p->retry_ns, INT64_MAX);
	s = help_series(f, NULL);
	atomic_store(&p->retry_ns, 0);
	return s;
}

/* To this CPU: its ring is to stay the one that is full. */
static void
stay(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	if (cpu >= 0)
		CPU_SET((size_t)cpu, &set);
	if (cpu < 0 || sched_setaffinity(0, sizeof(set), &set) == -1)
		bail_out("a CPU to stay on");
}

static void
fill(struct pdc_series *s, int n)
{
	int i;

	for (i = 0; i < n; i++)
		pdc_inc(s, 1);
}

#define FILL 200000 /* updates: more than a ring holds */

static int
rings(void)
{
	p = help_open(tap_tmpdir(), 0);
	if (pdc_cells_now(p)->use != 0)
		return 1;
	skip("no rings without restartable sequences");
	pdc_close(p);
	return 0;
}

static void
test_full_ring(void)
{
	struct pdc_series *c, *s;

	if (!rings())
		return;
	c = unresolved(help_family(p, PDC_COUNTER, "u_full", NULL));
	s = unresolved(help_family(p, PDC_SUMMARY, "u_f", NULL));
	fill(c, FILL);
	pdc_observe(s, 3);
	pdc_observe(s, 4);
	is_double(sample("u_full_total"), FILL,
	    "what finds no room in a ring is counted all the same");
	is_double(help_sample(p, "u_f_count"), 2, "a summary's count");
	is_double(help_sample(p, "u_f_sum"), 7, "and sum");
	pdc_inc(c, 1);
	is_double(help_sample(p, "u_full_total"), FILL + 1,
	    "then the handle has its place");
	is_int((long long)dropped(DROP_RING_FULL), 0, "nothing was dropped");
	pdc_close(p);
}

/* What was set in a ring must not be undone by what waits for longer. */
static void
test_full_ring_gauge(void)
{
	struct pdc_series *c, *g, *h, *m;
	struct pdc_desc d = { .type = PDC_GAUGE,
		.name = "u_m",
		.mode = PDC_LIVEMOSTRECENT };
	struct pdc_family *f;
	uint64_t lost;

	if (!rings())
		return;
	pdc_declare(&f, p, &d);
	c = unresolved(help_family(p, PDC_COUNTER, "u_full", NULL));
	g = unresolved(help_family(p, PDC_GAUGE, "u_g", NULL));
	h = unresolved(help_family(p, PDC_GAUGE, "u_h", NULL));
	m = unresolved(f);
	pdc_set(h, 1);
	fill(c, FILL);
	pdc_inc(g, 3);
	pdc_dec(g, 1);
	pdc_set(m, 5);
	is_int((long long)dropped(DROP_RING_FULL), 0, "a sum of a gauge waits");
	pdc_set(h, 2);
	pdc_inc(h, 1);
	lost = dropped(DROP_RING_FULL);
	is_int((long long)lost, 2, "a set does not, nor what comes after it");
	is_double(sample("u_g"), 2, "what waited is done");
	is_double(help_sample(p, "u_m"), 5, "and what has a time");
	is_double(help_sample(p, "u_h"), 1, "the set that had room is, too");
	pdc_close(p);
}

/* A checkpoint by a process that does not have what waits in this one. */
static void
drained_by_another(void)
{
	double end = help_seconds() + 20;
	pid_t pid;
	int status;

	while (pdc_ring_backlog(pdc_cells_now(p)) != 0) {
		pid = fork();
		if (pid == 0)
			_exit(pdc_checkpoint(p) != 0);
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0 ||
		    help_seconds() > end)
			bail_out("a checkpoint in a child");
	}
}

/* A sum waits, then a set has room: the sum was before it. */
static void
test_set_after_sum(void)
{
	struct pdc_series *c, *g;

	if (!rings())
		return;
	c = unresolved(help_family(p, PDC_COUNTER, "u_full", NULL));
	g = unresolved(help_family(p, PDC_GAUGE, "u_g", NULL));
	fill(c, FILL);
	pdc_inc(g, 3);
	drained_by_another();
	pdc_set(g, 7);
	drained_by_another();
	is_double(help_sample(p, "u_g"), 7, "it is set");
	is_double(sample("u_g"), 7,
	    "and what was added before and waited is nothing");
	pdc_close(p);
}

/* A gauge that is never set need not wait for quiet rings. */
static void
test_gauge_leaves(void)
{
	struct pdc_series *c, *g, *h;
	const struct cells *cells;

	if (!rings())
		return;
	cells = pdc_cells_now(p);
	c = unresolved(help_family(p, PDC_COUNTER, "u_c", NULL));
	g = unresolved(help_family(p, PDC_GAUGE, "u_g", NULL));
	h = unresolved(help_family(p, PDC_GAUGE, "u_h", NULL));
	pdc_inc(g, 1);
	pdc_set(h, 1);
	is_double(sample("u_g"), 1, "both are made");
	pdc_inc(c, 1);
	c = unresolved(help_family(p, PDC_COUNTER, "u_d", NULL));
	pdc_inc(c, 1);
	pdc_inc(g, 1);
	pdc_set(h, 5);
	ok(pdc_ring_backlog(cells) != 0, "a ring has something");
	is_double(help_sample(p, "u_g"), 2, "the sum is in its cell");
	is_double(help_sample(p, "u_h"), 1,
	    "sets keep their order in the ring");
	is_double(sample("u_h"), 5, "till all are done");
	pdc_close(p);
}

int
main(void)
{
	const double bounds[] = { 1, 2 };
	struct pdc_desc d = { .type = PDC_HISTOGRAM,
		.name = "u_h",
		.bounds = bounds,
		.nbounds = 2 };
	struct pdc_family *f;

	p = help_open(tap_tmpdir(), 0);
	pdc_declare(&f, p, &d);
	test_drops(help_series(help_family(p, PDC_COUNTER, "u_c", NULL), NULL),
	    help_series(help_family(p, PDC_GAUGE, "u_g", NULL), NULL),
	    help_series(help_family(p, PDC_SUMMARY, "u_s", NULL), NULL),
	    help_series(f, NULL));
	pdc_close(p);
	test_bucket_search();
	test_all(0, 0, "lanes");
	test_all(0, INT64_MAX, "rings");
	test_all(PDC_ATOMIC, 0, "atomic lanes");
	test_all(PDC_ATOMIC, INT64_MAX, "pending sums");
	stay();
	test_full_ring();
	test_full_ring_gauge();
	test_set_after_sum();
	test_gauge_leaves();
	return tap_done();
}
