/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Expiry of families, by a clock that the test moves.
 */

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "checkpoint/checkpoint.h"
#include "metric/metric.h"
#include "multi/multi.h"
#include "sound.h"
#include "tap.h"

#define TTL 10
#define S INT64_C(1000000000)

static struct pdc *p;

static struct pdc_family *
declare(enum pdc_type type, const char *name, double ttl_s)
{
	const char *labels[] = { "l", NULL };
	struct pdc_desc d = { .type = type,
		.name = name,
		.labels = labels,
		.ttl_s = ttl_s };
	struct pdc_family *f;

	if (pdc_declare(&f, p, &d) < 0)
		bail_out("declare: %s", pdc_error());
	return f;
}

/* How many samples of families whose name begins so are on a page. */
static int
samples(const char *prefix)
{
	char *page = multi_page(p), *line, *rest = page;
	int n = 0;

	while ((line = strsep(&rest, "\n")) != NULL)
		n += line[0] != '#' &&
		    strncmp(line, prefix, strlen(prefix)) == 0;
	pdc_free(page);
	return n;
}

static void
test_used(unsigned flags, const char *how)
{
	struct pdc_series *c, *g, *h, *other;
	double created;
	int i;

	p = multi_open(tap_tmpdir(), flags);
	c = multi_series(declare(PDC_COUNTER, "t_c", TTL), "x");
	g = multi_series(declare(PDC_GAUGE, "t_g", TTL), "x");
	h = multi_series(declare(PDC_HISTOGRAM, "t_h", TTL), "x");
	other = multi_series(declare(PDC_COUNTER, "other", 0), "x");
	pdc_inc(other, 1);
	for (i = 0; i < 5; i++) {
		pdc_inc(c, 1);
		pdc_set(g, 1); /* the same, time and again */
		pdc_observe(h, 1);
		pdc_maintain(p);
		multi_pass(p, TTL - .5);
		pdc_maintain(p);
	}
	is_int(samples("t_"), 1 + 1 + 17, "%s: what is used stays", how);
	is_double(multi_now(p, "t_c_total{l=\"x\"}"), 5, "with its value");
	created = multi_get(p, "t_c", "_created", "l", "x");
	multi_pass(p, 2);
	is_int(samples("t_"), 0, "%s: after its time it is on no page", how);
	ok(isnan(multi_get(p, "t_c", "_total", "l", "x")) &&
		isnan(multi_get(p, "t_c", "_created", "l", "x")),
	    "nor there by name, in any part");
	pdc_maintain(p);
	is_int(samples("t_"), 0, "upkeep ends it");
	is_double(multi_now(p, "other_total{l=\"x\"}"), 1, "others stay");
	pdc_inc(c, 2);
	pdc_observe(h, 3);
	pdc_set(g, 4);
	pdc_maintain(p);
	is_double(multi_now(p, "t_c_total{l=\"x\"}"), 2,
	    "%s: the handle brings it back, from nothing", how);
	is_double(multi_now(p, "t_h_sum{l=\"x\"}"), 3, "each type");
	is_double(multi_now(p, "t_g{l=\"x\"}"), 4, "of them");
	ok(multi_get(p, "t_c", "_created", "l", "x") > created,
	    "with a new created time");
	sound_close(p);
}

/* Nobody sees to it, and a page has to know all the same. */
static void
test_reader(void)
{
	struct pdc_series *c;

	p = multi_open(tap_tmpdir(), 0);
	c = multi_series(declare(PDC_COUNTER, "t_c", TTL), "x");
	pdc_inc(c, 1);
	multi_pass(p, 2 * TTL);
	is_int(samples("t_"), 1, "what lanes have and nobody saw is alive");
	pdc_maintain(p);
	multi_pass(p, 2 * TTL);
	is_int(samples("t_"), 0, "else it is not");
	pdc_inc(c, 1);
	is_double(multi_now(p, "t_c_total{l=\"x\"}"), 2,
	    "counted before anybody has ended it, it lives on");
	pdc_maintain(p);
	is_double(multi_now(p, "t_c_total{l=\"x\"}"), 2, "also then");
	sound_close(p);
}

static int
inc_by_name(const char *metric, double amount)
{
	struct pdc_label label = { "l", "x" };
	struct pdc_key k = { metric, "_total", &label, 1 };

	return multi_put(p, "inc", &k, amount);
}

static void
test_by_name(void)
{
	struct pdc_txn *t;
	double created;
	int i;

	p = multi_open(tap_tmpdir(), 0);
	declare(PDC_COUNTER, "t_c", TTL);
	for (i = 0; i < 4; i++) {
		inc_by_name("t_c", 1);
		multi_pass(p, TTL - .5);
	}
	is_double(multi_get(p, "t_c", "_total", "l", "x"), 4,
	    "by name: what is used stays");
	created = multi_get(p, "t_c", "_created", "l", "x");
	if (pdc_begin(&t, p) < 0)
		bail_out("begin");
	is_int(pdc_refresh_expire(t, "t_c"), 0, "its time is refreshed");
	is_int(pdc_refresh_expire(t, "none"), PDC_ENOENT, "not another's");
	pdc_abort(t);
	pdc_begin(&t, p);
	pdc_refresh_expire(t, "t_c");
	is_int(pdc_commit(t), 0, "in a transaction");
	multi_pass(p, TTL - .5);
	is_double(multi_get(p, "t_c", "_total", "l", "x"), 4, "it counts");
	multi_pass(p, 2);
	ok(isnan(multi_get(p, "t_c", "_total", "l", "x")), "then it is gone");
	is_int(inc_by_name("t_c", 1), 0, "and is counted anew");
	is_double(multi_get(p, "t_c", "_total", "l", "x"), 1, "from nothing");
	ok(multi_get(p, "t_c", "_created", "l", "x") > created,
	    "with a new created time");
	sound_close(p);
}

static void
test_clocks(void)
{
	struct pdc_series *c;

	p = multi_open(tap_tmpdir(), 0);
	c = multi_series(declare(PDC_COUNTER, "t_c", TTL), "x");
	pdc_inc(c, 1);
	pdc_maintain(p);
	p->clock.wall_skew_ns += 1000000 * S;
	pdc_maintain(p);
	is_int(samples("t_"), 1, "the wall clock may step forward");
	p->clock.wall_skew_ns -= 2000000 * S;
	pdc_maintain(p);
	is_int(samples("t_"), 1, "and back");
	p->clock.wall_skew_ns = 0;
	pdc_inc(c, 1);
	multi_pass(p, 1.5);
	pdc_maintain(p);
	strcpy(p->clock.boot_id, "another boot");
	p->clock.mono_skew_ns = -pdc_clock_mono(&p->clock) + 5 * S;
	p->clock.wall_skew_ns += 3 * S;
	pdc_maintain(p);
	is_int(samples("t_"), 1, "after a reboot the rest of its time is left");
	p->clock.wall_skew_ns += 1000000 * S;
	pdc_maintain(p);
	is_int(samples("t_"), 1, "the wall clock may step there, too");
	p->clock.wall_skew_ns -= 1000000 * S;
	multi_pass(p, 5);
	pdc_maintain(p);
	is_int(samples("t_"), 1, "a part of it");
	multi_pass(p, 4);
	pdc_maintain(p);
	is_int(samples("t_"), 0, "and then no more");
	pdc_inc(c, 1);
	pdc_maintain(p);
	is_int(samples("t_"), 1, "used again");
	strcpy(p->clock.boot_id, "a third boot");
	p->clock.wall_skew_ns += 100 * S;
	pdc_maintain(p);
	is_int(samples("t_"), 0, "too long ago, by the wall clock");
	sound_close(p);
}

static void
test_store(void)
{
	struct pdc_options o = { .ttl_s = TTL };
	char *dir = tap_tmpdir();
	struct pdc_series *a, *b, *c;

	if (pdc_open(&p, dir, &o) < 0)
		bail_out("open: %s", pdc_error());
	a = multi_series(declare(PDC_COUNTER, "t_a", 0), "x");
	b = multi_series(declare(PDC_COUNTER, "t_b", -1), "x");
	c = multi_series(declare(PDC_COUNTER, "t_c", 3 * TTL), "x");
	pdc_inc(a, 1);
	pdc_inc(b, 1);
	pdc_inc(c, 1);
	pdc_maintain(p);
	multi_pass(p, TTL + 2);
	pdc_maintain(p);
	ok(isnan(multi_now(p, "t_a_total{l=\"x\"}")), "the store's time");
	is_double(multi_now(p, "t_c_total{l=\"x\"}"), 1, "a longer one");
	multi_pass(p, 3 * TTL);
	pdc_maintain(p);
	ok(isnan(multi_now(p, "t_c_total{l=\"x\"}")), "that ends too");
	is_double(multi_now(p, "t_b_total{l=\"x\"}"), 1, "and none");
	sound_close(p);
	o.ttl_s = 5 * TTL;
	if (pdc_open(&p, dir, &o) < 0)
		bail_out("open: %s", pdc_error());
	inc_by_name("t_a", 1);
	multi_pass(p, TTL + 2);
	ok(isnan(multi_get(p, "t_a", "_total", "l", "x")),
	    "a store has its first time");
	sound_close(p);
	o.ttl_s = -1;
	is_int(pdc_open(&p, dir, &o), PDC_EINVAL, "none below 0: %s",
	    pdc_error());
	o.ttl_s = (double)NAN;
	is_int(pdc_open(&p, dir, &o), PDC_EINVAL, "and no NaN");
}

static void
test_reading(void)
{
	struct pdc_options o = { .ttl_s = TTL, .flags = PDC_REFRESH };
	struct pdc_series *c, *g;
	char *dir = tap_tmpdir();
	int i;

	if (pdc_open(&p, dir, NULL) < 0)
		bail_out("open: %s", pdc_error());
	is_int(samples("t_"), 0, "a page that is no use");
	is_int(pdc_cells_now(p)->head->page_mono_ns, 0, "is not noted");
	sound_close(p);
	if (pdc_open(&p, dir, &o) < 0)
		bail_out("open: %s", pdc_error());
	c = multi_series(declare(PDC_COUNTER, "t_c", 0), "x");
	g = multi_series(declare(PDC_GAUGE, "t_g", 3 * TTL), "x");
	pdc_inc(c, 1);
	pdc_set(g, 1);
	for (i = 0; i < 6; i++) {
		multi_pass(p, TTL - 2);
		is_int(samples("t_"), 2, "each page lets them live");
		pdc_maintain(p);
	}
	multi_pass(p, TTL - 2);
	pdc_maintain(p);
	multi_pass(p, TTL - 2);
	ok(isnan(multi_get(p, "t_c", "_total", "l", "x")),
	    "what nobody looks at ends");
	is_int(samples("t_"), 1, "each at its time");
	is_int(samples("t_"), 1, "and is not brought back");
	pdc_maintain(p);
	pdc_inc(c, 1);
	pdc_maintain(p);
	is_double(multi_now(p, "t_c_total{l=\"x\"}"), 1, "it has ended");
	multi_pass(p, TTL - 2);
	is_double(multi_get(p, "t_c", "_total", "l", "x"), 1, "there");
	for (i = 0; i < 4; i++) {
		is_int(samples("t_c"), 1, "each page, if there are only pages");
		multi_pass(p, TTL - 2);
	}
	multi_pass(p, TTL);
	is_int(samples("t_c"), 0, "it ends after the last one");
	pdc_maintain(p);
	pdc_inc(c, 1);
	pdc_maintain(p);
	sound_close(p);
	o.flags = 0;
	if (pdc_open(&p, dir, &o) < 0)
		bail_out("open: %s", pdc_error());
	is_int(samples("t_"), 2, "a store remembers it");
	pdc_maintain(p);
	multi_pass(p, TTL - 2);
	is_int(samples("t_"), 2, "whoever opens it");
	sound_close(p);
}

/* Two versions of a program, and what each declares after expiry. */
static void
test_declared_anew(void)
{
	static const double bounds[] = { 1, 2 };
	struct pdc_desc d = { .type = PDC_HISTOGRAM,
		.name = "t_h",
		.bounds = bounds,
		.nbounds = 2,
		.ttl_s = TTL };
	struct pdc_family *f, *same;
	struct pdc_series *old, *new;
	char *page;

	p = multi_open(tap_tmpdir(), 0);
	old = multi_series(declare(PDC_COUNTER, "t_h", TTL), "x");
	pdc_inc(old, 1);
	pdc_maintain(p);
	is_int(pdc_declare(&f, p, &d), PDC_EEXIST,
	    "while it lives no other has its name: %s", pdc_error());
	multi_pass(p, TTL + 2);
	pdc_maintain(p);
	is_int(pdc_declare(&f, p, &d), 0, "then another may");
	new = multi_series(f, NULL);
	pdc_observe(new, 1.5);
	pdc_inc(old, 1);
	pdc_maintain(p);
	is_double(multi_now(p, "t_h_sum"), 1.5, "and is not mixed with it");
	ok(isnan(multi_now(p, "t_h_total{l=\"x\"}")), "which is gone");
	ok(atomic_load(&pdc_cells_now(p)->head->drops[DROP_SHAPE]) > 0,
	    "what it still counts is dropped and counted");
	multi_pass(p, TTL + 2);
	pdc_maintain(p);
	is_int(pdc_declare(&same, p, &d), 0, "declared as it was");
	ok(same == f, "it is the same");
	page = multi_page(p);
	ok(strstr(page, "# TYPE t_h histogram") != NULL, "and is shown");
	pdc_free(page);
	pdc_observe(new, 2.5);
	pdc_maintain(p);
	is_double(multi_now(p, "t_h_sum"), 2.5, "its handles are good");
	sound_close(p);
}

/* Nobody has made a checkpoint, and a declaration has to know all the same. */
static void
test_declared_early(void)
{
	struct pdc_desc d = { .type = PDC_GAUGE, .name = "t_c", .ttl_s = TTL };
	struct pdc_series *c;
	struct pdc_family *f;

	p = multi_open(tap_tmpdir(), 0);
	c = multi_series(declare(PDC_COUNTER, "t_c", TTL), "x");
	pdc_inc(c, 1);
	pdc_maintain(p);
	multi_pass(p, 2 * TTL);
	pdc_inc(c, 1);
	is_int(pdc_declare(&f, p, &d), PDC_EEXIST,
	    "used before its end was noticed, it lives: %s", pdc_error());
	pdc_maintain(p);
	multi_pass(p, 2 * TTL);
	is_int(samples("t_"), 0, "its time has passed");
	is_int(pdc_declare(&f, p, &d), 0, "and another may have its name");
	pdc_set(multi_series(f, NULL), 5);
	is_double(multi_now(p, "t_c"), 5, "and has it");
	multi_pass(p, 2 * TTL);
	d.type = PDC_COUNTER;
	is_int(pdc_declare(&f, p, &d), PDC_EEXIST, "which was set since: %s",
	    pdc_error());
	pdc_maintain(p);
	pdc_close(p);
}

/* What is counted while a family ends is in one life of it or the next. */
static void
test_nothing_lost(unsigned flags, const char *how)
{
	struct pdc_series *s;
	double before = 0, v;
	int i, lives = 0;

	p = multi_open(tap_tmpdir(), flags);
	s = multi_series(declare(PDC_COUNTER, "t_c", TTL), "x");
	for (i = 0; i < 40; i++) {
		pdc_inc(s, 1);
		if (i % 3 == 0)
			pdc_maintain(p);
		if (i % 2 == 0) {
			v = multi_now(p, "t_c_total{l=\"x\"}");
			multi_pass(p, TTL + 2);
			pdc_maintain(p);
			if (isnan(multi_now(p, "t_c_total{l=\"x\"}"))) {
				before += v;
				lives++;
			}
		}
	}
	pdc_maintain(p);
	v = multi_now(p, "t_c_total{l=\"x\"}");
	is_double(before + (isnan(v) ? 0 : v), 40,
	    "%s: 40 increments in %d lives", how, lives);
	ok(lives > 2, "which were some");
	sound_close(p);
}

struct stranger {
	char dir[256];
	int count; /* in the family before it ends */
};

/* Has no mapping of the first file; for it the family's time passes. */
static int
stranger(void *arg)
{
	const struct stranger *who = arg;

	p = multi_open(who->dir, 0);
	if (who->count)
		pdc_inc(multi_series(declare(PDC_COUNTER, "t_c", TTL), "x"), 1);
	pdc_maintain(p);
	multi_pass(p, 3 * TTL);
	pdc_maintain(p);
	pdc_maintain(p);
	return samples("t_");
}

/* Somebody counts into a lost file while the family ends in the next one. */
static void
test_old_epoch(int count)
{
	struct stranger who = { .count = count };
	struct pdc_series *s;

	strcpy(who.dir, tap_tmpdir());
	p = multi_open(who.dir, 0);
	s = multi_series(declare(PDC_COUNTER, "t_c", TTL), "x");
	pdc_inc(s, 5);
	pdc_maintain(p);
	multi_lose(who.dir);
	is_int(multi_alone(stranger, &who, sizeof(who), 20000), 0,
	    "the family ends in a new epoch%s",
	    count ? ", after it was counted there" : "");
	pdc_inc(s, 2);
	is_int(pdc_maintain(p), 0, "who has the old file notices");
	is_double(multi_now(p, "t_c_total{l=\"x\"}"), 2,
	    "what he counted since is in the next life");
	pdc_maintain(p);
	pdc_inc(s, 1);
	pdc_maintain(p);
	is_double(multi_now(p, "t_c_total{l=\"x\"}"), 3,
	    "once, and he goes on");
	sound_close(p);
}

/* The same, and nothing is used when the block gets its cells. */
static void
test_gauge_placed(void)
{
	const char *values[] = { "x", NULL };
	char *dir = tap_tmpdir();
	struct pdc_family *f;

	p = multi_open(dir, 0);
	f = declare(PDC_GAUGE, "t_g", TTL);
	pdc_set(multi_series(f, "x"), 1);
	pdc_set(multi_series(f, "y"), 1);
	pdc_maintain(p);
	is_int(pdc_remove(f, values), 0, "a gauge is removed");
	pdc_maintain(p);
	multi_lose(dir);
	pdc_maintain(p);
	multi_pass(p, TTL - 2);
	if (multi_series(f, "y") == NULL)
		bail_out("%s", pdc_error());
	pdc_maintain(p);
	is_int(samples("t_g"), 1, "another has cells again");
	multi_pass(p, 4);
	is_int(samples("t_g"), 0, "that is no use of the family");
	pdc_close(p);
}

/* Nor when its cells have been another family's. */
static void
test_gauge_reused(void)
{
	struct pdc_family *f;
	char value[8];
	int i;

	p = multi_open(tap_tmpdir(), 0);
	f = declare(PDC_GAUGE, "other", 0);
	for (i = 0; i < 8; i++) {
		snprintf(value, sizeof(value), "%d", i);
		pdc_set(multi_series(f, value), 1);
	}
	is_int(pdc_remove(f, NULL), 0, "gauges are removed");
	for (i = 0; i < 3; i++) {
		multi_pass(p, 65);
		pdc_maintain(p);
	}
	f = declare(PDC_GAUGE, "t_g", 100);
	if (multi_series(f, "x") == NULL)
		bail_out("%s", pdc_error());
	multi_pass(p, 60);
	pdc_maintain(p);
	is_int(samples("t_g"), 1, "another family has their cells");
	multi_pass(p, 45);
	is_int(samples("t_g"), 0, "what was in them is no use of it");
	pdc_close(p);
}

/* To give cells back is not to use the family. */
static void
test_given_back(enum pdc_type type, enum pdc_mode mode)
{
	const char *values[] = { "x", NULL }, *labels[] = { "l", NULL };
	struct pdc_desc d = { .type = type,
		.mode = mode,
		.name = "t_f",
		.labels = labels,
		.ttl_s = 100 };
	struct pdc_family *f;

	p = multi_open(tap_tmpdir(), 0);
	if (pdc_declare(&f, p, &d) < 0)
		bail_out("declare: %s", pdc_error());
	if (multi_series(f, "x") == NULL || multi_series(f, "y") == NULL)
		bail_out("%s", pdc_error());
	if (mode != PDC_SHARED)
		pdc_set(multi_series(f, "y"), 1);
	pdc_maintain(p);
	ok(samples("t_f") > 0, "they are there");
	is_int(pdc_remove(f, values), 0, "a series of two is removed");
	multi_pass(p, 65);
	pdc_maintain(p);
	pdc_maintain(p);
	multi_pass(p, 40);
	is_int(samples("t_f"), 0, "its cells' end is no use of the family");
	pdc_close(p);
}

/* Begins the next epoch. */
static int
toucher(void *arg)
{
	pdc_close(multi_open(arg, 0));
	return 0;
}

/* What comes from a lost file is a use like any other. */
static void
test_salvaged(enum pdc_type type, const char *sample)
{
	char *dir = tap_tmpdir();
	struct pdc_series *s;

	p = multi_open(dir, 0);
	s = multi_series(declare(type, "t_c", TTL), "x");
	if (type == PDC_COUNTER)
		pdc_inc(s, 5);
	else
		pdc_observe(s, 5);
	pdc_maintain(p);
	multi_lose(dir);
	is_int(multi_alone(toucher, dir, strlen(dir) + 1, 10000), 0,
	    "a new epoch begins");
	multi_pass(p, TTL - 1);
	if (type == PDC_COUNTER)
		pdc_inc(s, 2);
	else
		pdc_observe(s, 2);
	multi_pass(p, 3);
	is_int(pdc_maintain(p), 0, "who counts into the old file notices");
	is_double(multi_now(p, sample), 7, "the family was used in time");
	pdc_close(p);
}

/* A gauge is removed, and its family's block has cells again after that. */
static void
test_gauge_removed(void)
{
	const char *values[] = { "x", NULL };
	struct pdc_label l = { "l", "x" };
	struct pdc_key k = { "t_g", "", &l, 1 };
	char *dir = tap_tmpdir();
	struct pdc_family *f;

	p = multi_open(dir, 0);
	f = declare(PDC_GAUGE, "t_g", TTL);
	pdc_set(multi_series(f, "x"), 1);
	multi_put(p, "set", &k, 2);
	pdc_set(multi_series(f, "y"), 1);
	pdc_maintain(p);
	is_int(pdc_remove(f, values), 0, "a gauge that was set is removed");
	multi_lose(dir);
	pdc_maintain(p);
	pdc_set(multi_series(f, "y"), 3);
	pdc_maintain(p);
	is_int(samples("t_g"), 1, "another of its family is set");
	multi_pass(p, TTL + 2);
	is_int(samples("t_g"), 0, "the family ends all the same");
	pdc_close(p);
}

int
main(void)
{
	multi_alone_init();
	test_used(0, "rings");
	test_used(PDC_ATOMIC, "pending sums");
	test_reader();
	test_by_name();
	test_clocks();
	test_store();
	test_reading();
	test_declared_anew();
	test_declared_early();
	test_old_epoch(0);
	test_old_epoch(1);
	test_gauge_removed();
	test_gauge_placed();
	test_gauge_reused();
	test_given_back(PDC_COUNTER, PDC_SHARED);
	test_given_back(PDC_GAUGE, PDC_SHARED);
	test_given_back(PDC_GAUGE, PDC_LIVEMAX);
	test_given_back(PDC_GAUGE, PDC_LIVEMOSTRECENT);
	test_given_back(PDC_SUMMARY, PDC_SHARED);
	test_salvaged(PDC_COUNTER, "t_c_total{l=\"x\"}");
	test_salvaged(PDC_SUMMARY, "t_c_sum{l=\"x\"}");
	test_nothing_lost(0, "rings");
	test_nothing_lost(PDC_ATOMIC, "pending sums");
	return tap_done();
}
