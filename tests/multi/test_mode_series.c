/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Series of gauges of modes: by name, their labels, removed, declared
 * otherwise, and expired.
 */

#include <stdint.h>
#include <string.h>

#include "multi/mode.h"

/* By name, removed, expired, declared otherwise. */
static void
test_names(void)
{
	struct pdc_label l = { "a", "x" };
	struct pdc_key k = { "n", "", &l, 1 },
		       live = { "g_livesum", "", NULL, 0 },
		       all = { "g_all", "", NULL, 0 };
	struct pdc_label at = { "slot", "0" };
	const char *x[] = { "x", NULL };
	struct pdc_family *f;
	struct pdc_series *s;
	struct pdc_desc d = { .type = PDC_GAUGE, .mode = PDC_MAX, .name = "n" };
	struct pdc_txn *t;
	double v = NAN;

	begin(tap_tmpdir(), 0);
	f = declare(p, PDC_SUM, "n", "a");
	s = help_series(f, "x");
	pdc_set(s, 3);
	is_int(multi_put(p, "set", &k, 4), 0, "by name is as by one more");
	is_int(multi_put(p, "inc", &k, 1), 0, "who has ended");
	is_double(multi_now(p, "n{a=\"x\"}"), 8, "a page has the sum");
	is_double(multi_get(p, "n", "", "a", "x"), 8, "and get, too");
	is_double(multi_get(p, "n", "", "a", "y"), NAN, "not of others");
	if (pdc_begin(&t, p) < 0)
		bail_out("begin");
	pdc_value_set(t, &k, 2);
	is_int(pdc_value_get(t, &k, &v), 0, "in a transaction");
	is_double(v, 10, "with what it is to do");
	pdc_abort(t);
	is_int(multi_put(p, "set", &live, 1), PDC_EINVAL,
	    "a live mode cannot be set by name");
	ok(strstr(pdc_error(), "livesum") != NULL, "and is told: %s",
	    pdc_error());
	is_int(multi_put(p, "set", &all, 1), PDC_EINVAL, "nor can all");
	ok(strstr(pdc_error(), "mode all") != NULL, "and is told: %s",
	    pdc_error());
	pdc_set(inherited[PDC_ALL], 7);
	is_double(multi_get(p, "g_all", "", at.name, at.value), 7,
	    "all is asked for by slot");
	is_int(pdc_remove(f, x), 0, "removed is what everybody has");
	is_double(multi_now(p, "n{a=\"x\"}"), NAN, "and what the dead left");
	is_int(pdc_remove(f, x), PDC_ENOENT, "which is nothing now");
	pdc_set(s, 1);
	pdc_set(s, 2);
	checkpoint();
	is_double(multi_now(p, "n{a=\"x\"}"), 2, "handles go on");
	is_int(pdc_declare(&f, p, &d), PDC_EEXIST, "of one mode only");
	ok(strstr(pdc_error(), "max") != NULL &&
		strstr(pdc_error(), "sum") != NULL,
	    "both are named: %s", pdc_error());
	d.name = "slotted";
	d.mode = PDC_LIVEALL;
	d.labels = (const char *const[]){ "slot", NULL };
	is_int(pdc_declare(&f, p, &d), PDC_EINVAL, "slot is a label of ours");
	d.mode = PDC_SUM;
	is_int(pdc_declare(&f, p, &d), 0, "where it is shown");
	pdc_inc(inherited[PDC_MOSTRECENT], 1);
	pdc_dec(inherited[PDC_LIVEMOSTRECENT], 1);
	is_int((long long)pdc_cells_now(p)->head->drops[DROP_TYPE], 2,
	    "the most recent is set only");
	finish();
}

/* The label slot stands in its sorted place, on pages and in keys. */
static void
test_labels(void)
{
	struct pdc_family *f;
	char *page;

	begin(tap_tmpdir(), 0);
	f = declare(p, PDC_ALL, "v", "zone");
	pdc_set(help_series(f, "b\"c"), 3);
	f = declare(p, PDC_ALL, "u", "area");
	pdc_set(help_series(f, ""), 4);
	page = multi_page(p);
	is_double(multi_sample(page, "v{slot=\"0\",zone=\"b\\\"c\"}"), 3,
	    "slot comes before zone");
	is_double(multi_sample(page, "u{area=\"\",slot=\"0\"}"), 4,
	    "slot comes after area");
	pdc_free(page);
	finish();
}

/* A family ends whole, and begins from nothing. */
static void
test_ttl(void)
{
	struct pdc_desc d = { .type = PDC_GAUGE,
		.mode = PDC_SUM,
		.name = "short",
		.ttl_s = 10 };
	struct pdc_series *s;
	struct pdc_family *f;
	struct worker w;

	begin(tap_tmpdir(), 0);
	if (pdc_declare(&f, p, &d) < 0)
		bail_out("declare: %s", pdc_error());
	s = help_series(f, NULL);
	pdc_set(s, 3);
	fam[PDC_SUM] = f;
	inherited[PDC_SUM] = s;
	w = worker_new();
	tell(&w, 'l', 0);
	tell(&w, 'w', 4);
	end(&w);
	checkpoint();
	is_double(multi_now(p, "short"), 7, "of one who lives and one who not");
	multi_pass(p, 20);
	is_double(multi_now(p, "short"), NAN, "ends with its time");
	maintain();
	pdc_set(s, 5);
	checkpoint();
	is_double(multi_now(p, "short"), 5, "and begins again");
	finish();
}

/* A process writes a value, a checkpoint sees it, and it ends. */
static int
mortal(void *arg)
{
	pdc_set(help_series(fam[PDC_SUM], "x"), *(double *)arg);
	return pdc_checkpoint(p);
}

static void
write_and_end(double v)
{
	if (multi_run(mortal, &v, 10000) != 0)
		bail_out("a process that writes %g", v);
}

/* What has expired is not folded, for then it would be there again. */
static void
test_expired(double ttl, double idle)
{
	struct pdc_desc d = { .type = PDC_GAUGE,
		.mode = PDC_SUM,
		.name = "short",
		.labels = (const char *const[]){ "a", NULL },
		.ttl_s = ttl,
		.idle_s = idle };
	const char *what = ttl > 0 ? "a family" : "a series";

	begin(tap_tmpdir(), 0);
	if (pdc_declare(&fam[PDC_SUM], p, &d) < 0)
		bail_out("declare: %s", pdc_error());
	write_and_end(4);
	is_double(multi_now(p, "short{a=\"x\"}"), 4, "%s has its time", what);
	multi_pass(p, 20);
	is_double(multi_now(p, "short{a=\"x\"}"), NAN, "%s ends", what);
	checkpoint();
	is_double(multi_now(p, "short{a=\"x\"}"), NAN,
	    "%s stays so, its process dead", what);
	maintain();
	write_and_end(2);
	checkpoint();
	multi_pass(p, 8);
	write_and_end(3);
	multi_pass(p, 5);
	checkpoint();
	is_double(multi_now(p, "short{a=\"x\"}"), ttl > 0 ? 5 : 3,
	    "%s has what was used in time", what);
	finish();
}

/* Each set is a use of it, however soon after the one before. */
static void
test_stamped_use(void)
{
	struct pdc_desc d = { .type = PDC_GAUGE,
		.mode = PDC_LIVEMOSTRECENT,
		.name = "used",
		.ttl_s = 10 };
	struct pdc_family *f;
	struct pdc_series *s;
	int i, gone = 0;

	begin(tap_tmpdir(), 0);
	if (pdc_declare(&f, p, &d) < 0)
		bail_out("declare: %s", pdc_error());
	s = help_series(f, NULL);
	for (i = 0; i < 6; i++) {
		pdc_set(s, i);
		maintain();
		gone += multi_now(p, "used") != i;
		multi_pass(p, 6);
	}
	is_int(gone, 0, "a livemostrecent that is set does not expire");
	finish();
}

int
main(void)
{
	alarm(50);
	test_names();
	test_labels();
	test_ttl();
	test_expired(10, 0);
	test_expired(-1, 10);
	test_stamped_use();
	return tap_done();
}
