/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * max_series: so many series in each family, and one for what is beyond.
 */

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "lane/cells.h"
#include "metric/metric.h"
#include "multi/multi.h"
#include "sound.h"
#include "tap.h"

#define MAX 10

static struct pdc *p;

static void
open_store(const char *dir, uint64_t max, unsigned flags)
{
	struct pdc_options o = { .max_series = max, .flags = flags };

	if (pdc_open(&p, dir, &o) < 0)
		bail_out("open: %s", pdc_error());
}

static struct pdc_series *
series(struct pdc_family *f, int i)
{
	const char *values[2] = { NULL, NULL };
	struct pdc_series *s;
	char value[16];

	snprintf(value, sizeof(value), "v%d", i);
	values[0] = value;
	if (pdc_labels(&s, f, values) < 0)
		bail_out("labels: %s", pdc_error());
	return s;
}

/* How many samples a page has that begin so. */
static int
samples(const char *prefix)
{
	char *page = multi_page(p), *line, *rest = page;
	int n = 0;

	while ((line = strsep(&rest, "\n")) != NULL)
		n += strncmp(line, prefix, strlen(prefix)) == 0;
	pdc_free(page);
	return n;
}

static unsigned long long
dropped(enum cells_drop why)
{
	return (unsigned long long)atomic_load(
	    &pdc_cells_now(p)->head->drops[why]);
}

static void
test_sums(unsigned flags, const char *how)
{
	struct pdc_family *c, *h, *s, *bare;
	struct pdc_series *many[3 * MAX];
	int i;

	open_store(tap_tmpdir(), MAX, flags);
	c = multi_declare(p, PDC_COUNTER, "t_c", "l");
	h = multi_declare(p, PDC_HISTOGRAM, "t_h", "l");
	s = multi_declare(p, PDC_SUMMARY, "t_s", "l");
	bare = multi_declare(p, PDC_COUNTER, "bare", NULL);
	is_double(multi_now(p, "t_c_total{overflow=\"true\"}"), 0,
	    "%s: the series is there from the first", how);
	for (i = 0; i < 3 * MAX; i++) {
		many[i] = series(c, i);
		pdc_inc(many[i], 1);
		pdc_observe(series(h, i), 2);
		pdc_observe(series(s, i), 3);
	}
	pdc_inc(multi_series(bare, NULL), 1);
	is_int(samples("t_c_total"), MAX + 1, "so many series");
	is_double(multi_now(p, "t_c_total{overflow=\"true\"}"), 2 * MAX,
	    "%s: what is beyond is in one, at once", how);
	is_double(multi_now(p, "t_c_total{l=\"v3\"}"), 1, "others are right");
	is_double(multi_now(p, "t_h_count{overflow=\"true\"}"), 2 * MAX,
	    "of histograms");
	is_double(multi_now(p, "t_h_sum{overflow=\"true\"}"), 4 * MAX,
	    "with their sum");
	is_double(multi_now(p, "t_s_sum{overflow=\"true\"}"), 6 * MAX,
	    "and summaries");
	is_double(multi_now(p, "bare_total"), 1, "without labels none is so");
	pdc_maintain(p);
	is_int(samples("t_c_total"), MAX + 1, "also after a checkpoint");
	for (i = 0; i < 3 * MAX; i++)
		pdc_inc(many[i], 1);
	is_double(multi_now(p, "t_c_total{overflow=\"true\"}"), 4 * MAX,
	    "%s: handles go on there", how);
	is_int(series(c, 2 * MAX) == many[2 * MAX], 1, "and are the same");
	ok(atomic_load(&pdc_cells_now(p)->head->overflowed) >= 6 * MAX,
	    "how often is counted");
	sound_close(p);
}

/* Whether t_c has a series of its own of this number. */
static int
there(int i)
{
	char sample[32];

	snprintf(sample, sizeof(sample), "t_c_total{l=\"v%d\"}", i);
	return samples(sample) > 0;
}

/* A store that was busy, so that all went by rings or pending sums. */
static void
test_unresolved(unsigned flags, const char *how)
{
	struct pdc_family *c, *h;
	struct pdc_series *sc[2 * MAX], *sh[2 * MAX];
	char value[16];
	const char *values[] = { value, NULL };
	int i;

	open_store(tap_tmpdir(), MAX, flags);
	c = multi_declare(p, PDC_COUNTER, "t_c", "l");
	h = multi_declare(p, PDC_HISTOGRAM, "t_h", "l");
	p->retry_ns = INT64_MAX;
	for (i = 0; i < 2 * MAX; i++) {
		sc[i] = series(c, i);
		sh[i] = series(h, i);
		pdc_inc(sc[i], 1);
		pdc_observe(sh[i], 1);
		pdc_observe(sh[i], 1);
		pdc_observe(sh[i], 1);
	}
	pdc_maintain(p);
	p->retry_ns = 0;
	is_int(samples("t_c_total"), MAX + 1, "%s: so many", how);
	is_double(multi_now(p, "t_c_total{overflow=\"true\"}"), MAX,
	    "%s: the rest is in one", how);
	is_double(multi_now(p, "t_h_count{overflow=\"true\"}"), 3 * MAX,
	    "and nothing lost");
	for (i = 0; i < 2 * MAX; i++)
		pdc_inc(sc[i], 1);
	is_double(multi_now(p, "t_c_total{overflow=\"true\"}"), 2 * MAX,
	    "%s: handles are mended", how);
	for (i = 0; i < 2 * MAX; i++)
		pdc_inc(series(c, i), 1);
	is_double(multi_now(p, "t_c_total{overflow=\"true\"}"), 3 * MAX,
	    "%s: so or so", how);
	for (i = 0; i < 2 * MAX && !there(i); i++)
		continue;
	snprintf(value, sizeof(value), "v%d", i);
	is_int(pdc_remove(c, values), 0, "one goes");
	multi_pass(p, 2);
	for (i++; i < 2 * MAX && there(i); i++)
		continue;
	pdc_inc(series(c, i), 5);
	ok(there(i), "%s: and another has its place", how);
	sound_close(p);
}

static void
test_gauges(unsigned flags, const char *how)
{
	struct pdc_family *g, *other;
	struct pdc_series *s[2 * MAX];
	const char *values[] = { "v0", NULL };
	int i;

	open_store(tap_tmpdir(), MAX, flags);
	g = multi_declare(p, PDC_GAUGE, "t_g", "l");
	other = multi_declare(p, PDC_GAUGE, "t_other", "l");
	for (i = 0; i < 2 * MAX; i++) {
		s[i] = series(g, i);
		pdc_set(s[i], i + 1);
	}
	pdc_maintain(p);
	is_int(samples("t_g{"), MAX, "%s: so many gauges", how);
	is_int(dropped(DROP_MAX_SERIES), MAX, "the others are counted as lost");
	pdc_set(series(other, 1), 1);
	is_double(multi_now(p, "t_other{l=\"v1\"}"), 1, "each family has room");
	is_int(pdc_remove(g, values), 0, "room is made");
	pdc_set(s[2 * MAX - 1], 7);
	pdc_maintain(p);
	is_double(multi_now(p, "t_g{l=\"v19\"}"), 7, "%s: and taken", how);
	sound_close(p);
}

/* Removing makes room, and a handle comes to have its own series again. */
static void
test_room(void)
{
	const char *values[] = { "v0", NULL };
	struct pdc_family *c;
	struct pdc_series *s, *gone;
	int i;

	open_store(tap_tmpdir(), MAX, 0);
	c = multi_declare(p, PDC_COUNTER, "t_c", "l");
	for (i = 0; i < MAX; i++)
		pdc_inc(series(c, i), 1);
	gone = series(c, 0);
	s = series(c, 50);
	pdc_inc(s, 5);
	is_int(pdc_reset(s), PDC_ENOENT, "there is none to be reset");
	is_int(pdc_remove(c, values), 0, "one goes");
	pdc_inc(s, 1);
	is_double(multi_now(p, "t_c_total{overflow=\"true\"}"), 6,
	    "a handle goes on in the overflow series");
	multi_pass(p, 2);
	is_int(series(c, 50) == s, 1, "asked for again, it is the same");
	pdc_inc(s, 3);
	is_double(multi_now(p, "t_c_total{l=\"v50\"}"), 3, "and has its own");
	is_double(multi_now(p, "t_c_total{overflow=\"true\"}"), 6,
	    "what was counted stays there");
	pdc_inc(gone, 2);
	pdc_maintain(p);
	is_double(multi_now(p, "t_c_total{overflow=\"true\"}"), 8,
	    "what comes back too late is beyond");
	is_double(multi_get(p, "t_c", "_total", "overflow", "true"), 8,
	    "it can be had by name");
	is_int(pdc_remove(c, NULL), 0, "all go");
	pdc_inc(gone, 2);
	pdc_maintain(p);
	is_double(multi_now(p, "t_c_total{l=\"v0\"}"), 2, "and there is room");
	sound_close(p);
}

/* Handles that overflow have one id; what mends one is no way for others. */
static void
test_shared(unsigned flags, const char *how)
{
	struct pdc_series *a, *b;
	struct pdc_family *c;
	int i;

	open_store(tap_tmpdir(), MAX, flags);
	c = multi_declare(p, PDC_COUNTER, "t_c", "l");
	for (i = 0; i < MAX; i++)
		pdc_inc(series(c, i), 1);
	a = series(c, 50);
	b = series(c, 51);
	pdc_inc(a, 1);
	pdc_inc(b, 1);
	is_double(multi_now(p, "t_c_total{overflow=\"true\"}"), 2,
	    "%s: two overflow", how);
	is_int(pdc_remove(c, NULL), 0, "all go, and there is room");
	pdc_inc(a, 2);
	pdc_maintain(p);
	pdc_inc(b, 3);
	pdc_maintain(p);
	pdc_inc(a, 10);
	pdc_inc(b, 20);
	pdc_maintain(p);
	is_double(multi_now(p, "t_c_total{l=\"v50\"}"), 12,
	    "%s: the first has what was counted to it", how);
	is_double(multi_now(p, "t_c_total{l=\"v51\"}"), 23, "and the second");
	sound_close(p);
}

static void
test_by_name(void)
{
	struct pdc_label label = { "l", "new" };
	struct pdc_key c = { "t_c", "_total", &label, 1 };
	struct pdc_key g = { "t_g", "", &label, 1 };
	struct pdc_key h = { "t_h", "", &label, 1 };
	struct pdc_family *fc, *fg, *fh;
	int i;

	open_store(tap_tmpdir(), MAX, 0);
	fc = multi_declare(p, PDC_COUNTER, "t_c", "l");
	fg = multi_declare(p, PDC_GAUGE, "t_g", "l");
	fh = multi_declare(p, PDC_HISTOGRAM, "t_h", "l");
	for (i = 0; i < MAX; i++) {
		pdc_inc(series(fc, i), 1);
		pdc_set(series(fg, i), 1);
		pdc_observe(series(fh, i), 1);
	}
	is_int(multi_put(p, "inc", &c, 2), 0, "by name: inc");
	is_double(multi_now(p, "t_c_total{overflow=\"true\"}"), 2, "overflows");
	is_int(multi_put(p, "observe", &h, 2), 0, "so does observe");
	is_double(multi_now(p, "t_h_sum{overflow=\"true\"}"), 2, "there");
	is_int(multi_put(p, "set", &c, 2), PDC_EFULL, "set cannot: %s",
	    pdc_error());
	is_int(multi_put(p, "set", &g, 2), PDC_EFULL, "nor can a gauge: %s",
	    pdc_error());
	is_double(multi_now(p, "t_c_total{overflow=\"true\"}"), 2,
	    "nothing is done then");
	sound_close(p);
}

/* A label called so: there is no series that could not be mistaken. */
static void
test_label(void)
{
	struct pdc_family *f;
	int i;

	open_store(tap_tmpdir(), MAX, 0);
	f = multi_declare(p, PDC_COUNTER, "t_c", "overflow");
	for (i = 0; i < 2 * MAX; i++)
		pdc_inc(series(f, i), 1);
	pdc_inc(multi_series(f, "true"), 1);
	pdc_maintain(p);
	is_int(samples("t_c_total"), MAX, "a label called overflow");
	is_int(dropped(DROP_MAX_SERIES), MAX + 1, "what is beyond is lost");
	sound_close(p);
}

/* The first one says it, and it stays. */
static void
test_store(void)
{
	char *dir = tap_tmpdir();
	struct pdc_family *f;
	int i;

	open_store(dir, 0, 0);
	f = multi_declare(p, PDC_COUNTER, "t_c", "l");
	for (i = 0; i < 2 * MAX; i++)
		pdc_inc(series(f, i), 1);
	sound_close(p);
	open_store(dir, MAX, 0);
	f = multi_declare(p, PDC_COUNTER, "t_c", "l");
	for (i = 0; i < 3 * MAX; i++)
		pdc_inc(series(f, i), 1);
	is_int(samples("t_c_total"), 2 * MAX + 1, "those that were there stay");
	is_double(multi_now(p, "t_c_total{overflow=\"true\"}"), MAX,
	    "no more come");
	sound_close(p);
	open_store(dir, 100 * MAX, 0);
	f = multi_declare(p, PDC_COUNTER, "t_c", "l");
	pdc_inc(series(f, 100), 1);
	is_double(multi_now(p, "t_c_total{overflow=\"true\"}"), MAX + 1,
	    "the first number stays");
	sound_close(p);
}

/*
 * A transaction that is refused has begun with a cell that had another series
 * before: that is no use of the family.
 */
static void
test_refused(void)
{
	struct pdc_desc d = { .type = PDC_GAUGE,
		.name = "short",
		.labels = (const char *const[]){ "l", NULL },
		.ttl_s = 100 };
	struct pdc_label x = { "l", "x" };
	struct pdc_key k = { "short", "", &x, 1 }, full = { "full", "", &x, 1 };
	struct pdc_family *f;
	struct pdc_txn *t;

	open_store(tap_tmpdir(), 2, 0);
	if (pdc_declare(&f, p, &d) < 0)
		bail_out("declare: %s", pdc_error());
	pdc_set(series(f, 0), 1);
	pdc_set(series(f, 1), 3);
	f = multi_declare(p, PDC_GAUGE, "full", "l");
	(void)series(f, 0);
	(void)series(f, 1);
	if (pdc_declare(&f, p, &d) < 0)
		bail_out("declare: %s", pdc_error());
	pdc_maintain(p);
	is_int(pdc_remove(f, (const char *[]){ "v1", NULL }), 0,
	    "a cell is free");
	multi_pass(p, 61);
	pdc_maintain(p);
	is_int(multi_records(p, 'N'), 1, "and its number is to be had");
	if (pdc_begin(&t, p) < 0)
		bail_out("begin");
	pdc_value_set(t, &k, 2);
	pdc_value_set(t, &full, 1);
	is_int(pdc_commit(t), PDC_EFULL, "who takes it is refused");
	multi_pass(p, 30);
	pdc_maintain(p);
	multi_pass(p, 30);
	pdc_maintain(p);
	is_double(multi_now(p, "short{l=\"v0\"}"), NAN,
	    "and the family ends in time");
	sound_close(p);
}

int
main(void)
{
	test_sums(0, "cells");
	test_sums(PDC_ATOMIC, "atomic");
	test_unresolved(0, "rings");
	test_unresolved(PDC_ATOMIC, "pending sums");
	test_gauges(0, "cells");
	test_gauges(PDC_ATOMIC, "atomic");
	test_room();
	test_shared(0, "rings");
	test_shared(PDC_ATOMIC, "pending sums");
	test_by_name();
	test_label();
	test_store();
	test_refused();
	return tap_done();
}
