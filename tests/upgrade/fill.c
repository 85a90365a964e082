/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 *	fill STORE
 *
 * Makes the store of which tests/upgrade/golden-1 is a dump: something of each
 * kind, by handles and by name, with as few cells as possible.
 */

#include <err.h>
#include <math.h>
#include <stdio.h>

#include "pdc.h"

#define CENTURY_S 3e9

static struct pdc *p;

static void
must(int ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, pdc_error());
}

static struct pdc_family *
family(const struct pdc_desc *d)
{
	struct pdc_family *f;

	must(pdc_declare(&f, p, d), d->name);
	return f;
}

static struct pdc_series *
series(struct pdc_family *f, const char *value)
{
	const char *const values[] = { value, NULL };
	struct pdc_series *s;

	must(pdc_labels(&s, f, value != NULL ? values : NULL), "labels");
	return s;
}

static struct pdc_series *
only(const struct pdc_desc *d)
{
	return series(family(d), NULL);
}

/* Series a has base and seen, c was removed, and there is one for the rest. */
static void
counters(void)
{
	static const char *const labels[] = { "kind", NULL };
	const struct pdc_desc d = { .type = PDC_COUNTER,
		.name = "golden_jobs",
		.help = "Jobs \\ done.",
		.labels = labels,
		.ttl_s = CENTURY_S };
	const char *const gone[] = { "c", NULL };
	const struct pdc_label is_a = { "kind", "a" };
	const struct pdc_key a = { "golden_jobs", "_total", &is_a, 1 };
	struct pdc_family *f = family(&d);
	struct pdc_txn *t;

	pdc_inc(series(f, "a"), 2.5);
	pdc_inc(series(f, "b\"\\\n"), 1);
	pdc_inc(series(f, "c"), 100);
	must(pdc_checkpoint(p), "checkpoint");
	must(pdc_remove(f, gone), "remove");
	pdc_inc(series(f, "d"), 4);
	pdc_inc(series(f, "e"), 8);
	must(pdc_begin(&t, p), "begin");
	pdc_value_set(t, &a, 10);
	must(pdc_commit(t), "commit");
	pdc_inc(series(f, "a"), 0.25);
}

static void
histograms(void)
{
	static const double bounds[] = { 0.5, 1 };
	const struct pdc_desc h = { .type = PDC_HISTOGRAM,
		.name = "golden_seconds",
		.unit = "seconds",
		.bounds = bounds,
		.nbounds = 2 };
	const struct pdc_desc n = { .type = PDC_HISTOGRAM,
		.name = "golden_native",
		.flags = PDC_NATIVE | PDC_NEGATIVE,
		.native_zero = 0.5,
		.native_max = 4 };
	const struct pdc_desc s = { .type = PDC_SUMMARY,
		.name = "golden_bytes" };
	static const double seen[] = { 0.25, 0.75, 3, 1e6, -2 };
	size_t i;

	for (i = 0; i < sizeof(seen) / sizeof(*seen); i++) {
		pdc_observe(only(&h), seen[i]);
		pdc_observe(only(&n), seen[i]);
		pdc_observe(only(&s), seen[i]);
	}
}

static void
gauges(void)
{
	static const struct {
		const char *name;
		enum pdc_mode mode;
		double value;
	} all[] = {
		{ "golden_level", PDC_SHARED, -1.5 },
		{ "golden_inf", PDC_SHARED, (double)INFINITY },
		{ "golden_all", PDC_ALL, 1 },
		{ "golden_min", PDC_MIN, 2 },
		{ "golden_max", PDC_MAX, 3 },
		{ "golden_sum", PDC_SUM, 4 },
		{ "golden_mostrecent", PDC_MOSTRECENT, 5 },
		{ "golden_livesum", PDC_LIVESUM, 6 },
	};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(*all); i++) {
		const struct pdc_desc d = { .type = PDC_GAUGE,
			.name = all[i].name,
			.mode = all[i].mode };

		pdc_set(only(&d), all[i].value);
	}
}

static void
others(void)
{
	static const char *const labels[] = { "version", NULL };
	static const char *const states[] = { "open", "shut", NULL };
	const struct pdc_desc i = { .type = PDC_INFO,
		.name = "golden_build",
		.labels = labels };
	const struct pdc_desc s = { .type = PDC_STATESET,
		.name = "golden_door",
		.states = states };
	const struct pdc_desc u = { .type = PDC_UNKNOWN,
		.name = "golden_unknown" };

	series(family(&i), "1.0");
	pdc_set_state(only(&s), 1, 1);
	pdc_set(only(&u), 7);
}

/* Of two lines of level DEBUG one stays. */
static void
journal(void)
{
	const struct pdc_retention one = { .max_count = 1 };
	const struct pdc_retention century = { .max_age_seconds = CENTURY_S,
		.max_bytes = 1 << 20 };
	const struct pdc_field f[] = {
		{ .name = "host", .kind = PDC_STRING, .text = "a" },
		{ .name = "n", .kind = PDC_INTEGER, .integer = -3 }
	};

	must(pdc_retain(p, "debug", &one), "retain");
	must(pdc_retain(p, "logs", &century), "retain");
	must(pdc_log(p, PDC_LOG_DEBUG, "first", NULL, 0), "log");
	must(pdc_log(p, PDC_LOG_DEBUG, "second", NULL, 0), "log");
	must(pdc_log(p, PDC_LOG_ERROR, "broken \"pipe\"", f, 2), "log");
	must(pdc_event(p, "deploy", f, 2), "event");
	must(pdc_measure(p, "temp", 21.5, f, 1), "measure");
	must(pdc_measure(p, "temp", -2, NULL, 0), "measure");
}

int
main(int argc, char **argv)
{
	const struct pdc_options o = { .max_series = 3 };

	if (argc != 2)
		errx(2, "usage: fill STORE");
	must(pdc_open(&p, argv[1], &o), argv[1]);
	counters();
	histograms();
	gauges();
	others();
	journal();
	must(pdc_checkpoint(p), "checkpoint");
	pdc_close(p);
	return 0;
}
