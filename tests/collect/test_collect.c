/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * What a reader sees that maps the cells of another epoch than the store has,
 * or none, and in which order numbers are added up.
 */

#include <math.h>

#include "api/page.h"
#include "help.h"
#include "metric/metric.h"

static struct pdc *p;
static char *dir;
static struct pdc_key k, kg;

static struct pdc_series *
counter(void)
{
	return help_series(help_family(p, PDC_COUNTER, "e", NULL), NULL);
}

static struct pdc_series *
gauge(void)
{
	return help_series(help_family(p, PDC_GAUGE, "g", NULL), NULL);
}

/* Delete the cells, so that a new epoch begins, and count in that. */
static int
child_renews(void *arg)
{
	struct pdc_stat st;

	(void)arg;
	if (pdc_stat_get(p, &st) < 0 || unlink(st.cells_path) == -1 ||
	    pdc_checkpoint(p) < 0)
		return 1;
	pdc_inc(counter(), 7);
	pdc_set(gauge(), 3);
	return help_sample(p, "e_total") == 12 ? 0 : 2;
}

static int
child_looks(void *arg)
{
	double want = *(double *)arg;

	p = help_open(dir, PDC_RDONLY);
	if (help_sample(p, "e_total") != want)
		return 1;
	if (help_get(p, &k) != want)
		return 2;
	pdc_close(p);
	return 0;
}

static void
test_epochs(void)
{
	struct pdc_series *s = counter();
	double want = 12;
	uint64_t epoch;

	pdc_inc(s, 5);
	pdc_set(gauge(), 1);
	pdc_checkpoint(p);
	epoch = pdc_cells_now(p)->epoch;
	is_int(help_child(child_renews, NULL), 0, "another epoch begins");
	is_int((long long)pdc_cells_now(p)->epoch, (long long)epoch,
	    "which this process has not seen yet");
	is_double(help_get(p, &k), 12, "a get sees what was counted there");
	is_double(help_get(p, &kg), 3, "a gauge too");
	is_double(help_sample(p, "e_total"), 12, "a page");
	is_double(help_sample(p, "g"), 3, "all of it");
	ok(pdc_cells_now(p)->epoch > epoch, "it has the new cells now");
	pdc_inc(s, 100);
	pdc_checkpoint(p);
	pdc_inc(s, 1000);
	pdc_checkpoint(p);
	want = 1112;
	is_double(help_sample(p, "e_total"), want, "old handles go on");
	is_int(help_child(child_looks, &want), 0, "who only looks sees it too");
}

static int
child_sets(void *arg)
{
	return help_by_name(p, pdc_value_inc, arg, 1) == 0 ? 0 : 1;
}

/* Fractions in many lanes: a page and a checkpoint add them up alike. */
static void
test_order(void)
{
	struct pdc_family *f = help_family(p, PDC_HISTOGRAM, "h", NULL);
	struct pdc_family *fs = help_family(p, PDC_SUMMARY, "s", "l");
	struct pdc_series *h = help_series(f, NULL);
	struct pdc_key kh = help_key("h", "", NULL);
	char *before, *after;
	int i, same = 1;

	for (i = 0; i < 50; i++) {
		pdc_observe(h, .1 * i);
		pdc_observe(help_series(fs, "x"), 1e15 / (i + 1));
		help_by_name(p, pdc_value_observe, &kh, .3 * i);
		if (i % 10 == 9)
			(void)help_child(child_sets, &kg);
		before = help_page(p);
		pdc_checkpoint(p);
		after = help_page(p);
		same = same && strcmp(before, after) == 0;
		pdc_free(before);
		pdc_free(after);
	}
	ok(same, "fractions: 50 pages are the same after a checkpoint");
	before = help_page(p);
	pdc_close(p);
	p = help_open(dir, 0);
	after = help_page(p);
	is_str(after, before, "and when opened again");
	pdc_free(before);
	pdc_free(after);
}

/* Without cells: what the store alone has. */
static void
test_stored(void)
{
	struct pdc_stat st;
	char *before, *after;

	pdc_checkpoint(p);
	before = help_page(p);
	if (pdc_stat_get(p, &st) < 0)
		bail_out("%s", pdc_error());
	pdc_close(p);
	if (unlink(st.cells_path) == -1)
		bail_out("%s", st.cells_path);
	p = help_open(dir, 0);
	after = help_page(p);
	is_str(after, before, "without the cells the store has all");
	pdc_free(before);
	pdc_free(after);
}

int
main(void)
{
	k = help_key("e", "_total", NULL);
	kg = help_key("g", "", NULL);
	dir = tap_tmpdir();
	p = help_open(dir, 0);
	test_epochs();
	test_order();
	test_stored();
	pdc_close(p);
	return tap_done();
}
