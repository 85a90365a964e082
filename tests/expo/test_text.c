/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <math.h>
#include <stdio.h>

#include "fake.h"

static const char *const label_a[] = { "a", NULL };
static const char *const label_none[] = { NULL };

static int
classic(struct buf *buf, const struct collect_family *family,
    struct collect *collect)
{
	const struct expo_how how = { .media = EXPO_TEXT_0_0_4 };

	return fake_family(&how, buf, family, collect);
}

static int
classic_created(struct buf *buf, const struct collect_family *family,
    struct collect *collect)
{
	const struct expo_how how = { .media = EXPO_TEXT_0_0_4, .created = 1 };
	const struct collect_series *series = NULL;
	struct expo e;
	int ret;

	pdc_expo_init(&e, buf, &how);
	if (pdc_expo_has_created(&e, family))
		pdc_expo_begin_created(&e, family);
	else
		collect->n = 0;
	while ((ret = pdc_collect_series(collect, &series)) == COLLECT_NEXT)
		pdc_expo_series(&e, series);
	pdc_expo_done(&e);
	pdc_expo_fini(&e);
	return ret;
}

static const double bounds[] = { 0.5, 1, 1000000 };

static void
test_counter(void)
{
	const struct collect_family family = { .name = "http_requests",
		.help = "Say \"all\" \\ of\nit.",
		.unit = "",
		.type = PDC_COUNTER,
		.nlabels = 1,
		.labels = label_a };
	const struct collect_series series[] = {
		{ LABELS("a=\"\""), .value = 0 },
		{ LABELS("a=\"q\\\"\\\\\\n\""), .value = 5 },
		{ LABELS("a=\"x\",b=\"y\""), .value = 1234567 },
	};

	fake_is(classic, &family, series, 3,
	    "# HELP http_requests_total Say \"all\" \\\\ of\\nit.\n"
	    "# TYPE http_requests_total counter\n"
	    "http_requests_total{a=\"\"} 0\n"
	    "http_requests_total{a=\"q\\\"\\\\\\n\"} 5\n"
	    "http_requests_total{a=\"x\",b=\"y\"} 1.234567e+06\n");
}

static void
test_gauge(void)
{
	const struct collect_family family = { .name = "temp",
		.help = "",
		.unit = "",
		.type = PDC_GAUGE,
		.labels = label_none };
	const struct collect_series series[] = { { .rendered = "",
	    .value = 35.6 } };
	const struct collect_series odd[] = {
		{ LABELS("a=\"1\""), .value = NAN },
		{ LABELS("a=\"2\""), .value = INFINITY },
		{ LABELS("a=\"3\""), .value = -INFINITY },
		{ LABELS("a=\"4\""), .value = -0.0 },
		{ LABELS("a=\"5\""), .value = 0.00001 },
		{ LABELS("a=\"6\""), .value = -2.5 },
	};

	fake_is(classic, &family, series, 1, "# TYPE temp gauge\ntemp 35.6\n");
	fake_is(classic, &family, odd, 6,
	    "# TYPE temp gauge\n"
	    "temp{a=\"1\"} NaN\n"
	    "temp{a=\"2\"} +Inf\n"
	    "temp{a=\"3\"} -Inf\n"
	    "temp{a=\"4\"} 0\n"
	    "temp{a=\"5\"} 1e-05\n"
	    "temp{a=\"6\"} -2.5\n");
}

static void
test_summary(void)
{
	const struct collect_family family = { .name = "rs",
		.help = "Sizes.",
		.unit = "",
		.type = PDC_SUMMARY,
		.labels = label_none };
	const struct pair big = { 18446744073709551615u, 1e6 };
	const struct pair small = { 2, -0.75 };
	const struct collect_series series[] = {
		{ .rendered = "", .pairs = &small },
		{ LABELS("a=\"x\""), .pairs = &big },
	};

	fake_is(classic, &family, series, 2,
	    "# HELP rs Sizes.\n"
	    "# TYPE rs summary\n"
	    "rs_sum -0.75\n"
	    "rs_count 2\n"
	    "rs_sum{a=\"x\"} 1e+06\n"
	    "rs_count{a=\"x\"} 18446744073709551615\n");
}

static void
test_histogram(void)
{
	const struct collect_family family = { .name = "lat_seconds",
		.help = "Latency.",
		.unit = "seconds",
		.type = PDC_HISTOGRAM,
		.labels = label_none,
		.bounds = bounds,
		.nbounds = 3 };
	const struct pair one[] = { { 1, 0.25 }, { 0, 0 }, { 2000000, 4 },
		{ 3, 9e6 } };
	const struct pair two[] = { { 1, -INFINITY }, { 0, 0 }, { 0, 0 },
		{ 1, INFINITY } };
	const struct collect_series series[] = {
		{ .rendered = "", .pairs = one },
		{ LABELS("z=\"a\""), .pairs = two },
	};

	fake_is(classic, &family, series, 2,
	    "# HELP lat_seconds Latency.\n"
	    "# TYPE lat_seconds histogram\n"
	    "lat_seconds_bucket{le=\"0.5\"} 1\n"
	    "lat_seconds_bucket{le=\"1.0\"} 1\n"
	    "lat_seconds_bucket{le=\"1e+06\"} 2000001\n"
	    "lat_seconds_bucket{le=\"+Inf\"} 2000004\n"
	    "lat_seconds_sum 9.00000425e+06\n"
	    "lat_seconds_count 2000004\n"
	    "lat_seconds_bucket{z=\"a\",le=\"0.5\"} 1\n"
	    "lat_seconds_bucket{z=\"a\",le=\"1.0\"} 1\n"
	    "lat_seconds_bucket{z=\"a\",le=\"1e+06\"} 1\n"
	    "lat_seconds_bucket{z=\"a\",le=\"+Inf\"} 2\n"
	    "lat_seconds_sum{z=\"a\"} NaN\n"
	    "lat_seconds_count{z=\"a\"} 2\n");
}

/* 2^53 + 1 - 2^53 in order is 0; in another order it would be 1. */
static void
test_info(void)
{
	const struct collect_family family = { .name = "build",
		.help = "What runs.",
		.unit = "",
		.type = PDC_INFO,
		.labels = label_none };
	const struct collect_series series[] = {
		{ .rendered = "", .value = 1 },
		{ LABELS("v=\"2\""), .value = 1 },
	};

	fake_is(classic, &family, series, 2,
	    "# HELP build_info What runs.\n"
	    "# TYPE build_info gauge\n"
	    "build_info 1\n"
	    "build_info{v=\"2\"} 1\n");
	fake_is(classic_created, &family, series, 2, "");
}

static void
test_stateset(void)
{
	static const char *const states[] = { "open", "q\"\\\n", "c" };
	const struct collect_family family = { .name = "door",
		.help = "Doors.",
		.unit = "",
		.type = PDC_STATESET,
		.labels = label_none,
		.states = states,
		.nstates = 3 };
	const struct collect_series series[] = {
		{ .rendered = "", .states = 5 },
		{ LABELS("a=\"x\""), .states = 2 },
	};

	fake_is(classic, &family, series, 2,
	    "# HELP door Doors.\n"
	    "# TYPE door gauge\n"
	    "door{door=\"open\"} 1\n"
	    "door{door=\"q\\\"\\\\\\n\"} 0\n"
	    "door{door=\"c\"} 1\n"
	    "door{a=\"x\",door=\"open\"} 0\n"
	    "door{a=\"x\",door=\"q\\\"\\\\\\n\"} 1\n"
	    "door{a=\"x\",door=\"c\"} 0\n");
	fake_is(classic_created, &family, series, 2, "");
}

static void
test_sum_goes_in_the_order_of_buckets(void)
{
	const struct collect_family family = { .name = "h",
		.help = "",
		.unit = "",
		.type = PDC_HISTOGRAM,
		.labels = label_none,
		.bounds = bounds,
		.nbounds = 2 };
	const struct pair pairs[] = { { 1, 9007199254740992 }, { 1, 1 },
		{ 1, -9007199254740992 } };
	const struct collect_series series[] = { { .rendered = "",
	    .pairs = pairs } };
	char *page = fake_page(classic, &family, series, 1);

	ok(strstr(page, "h_sum 0\n") != NULL,
	    "the sum adds the buckets in their order");
	free(page);
}

static void
test_family_without_series(void)
{
	struct collect_family family = { .name = "x",
		.help = "None yet.",
		.unit = "",
		.type = PDC_HISTOGRAM,
		.labels = label_none,
		.bounds = bounds,
		.nbounds = 3 };

	fake_is(classic, &family, NULL, 0,
	    "# HELP x None yet.\n# TYPE x histogram\n");
	family.nbounds = 0;
	family.bounds = NULL;
	fake_is(classic, &family, NULL, 0,
	    "# HELP x None yet.\n# TYPE x histogram\n");
}

static void
test_created(void)
{
	struct collect_family family = { .name = "x",
		.help = "Some.",
		.unit = "",
		.type = PDC_COUNTER,
		.labels = label_none };
	const struct collect_series series[] = {
		{ .rendered = "", .created_ns = 1700000000000000000 },
		{ LABELS("a=\"1\""), .created_ns = 1604676851123456789 },
		{ LABELS("a=\"2\""), .created_ns = 1700000000500000000 },
		{ LABELS("a=\"3\""), .created_ns = 1700000000000000001 },
		{ LABELS("a=\"4\""), .created_ns = 0 },
		{ LABELS("a=\"5\""), .created_ns = -1500000000 },
	};

	fake_is(classic_created, &family, series, 6,
	    "# HELP x_created Some.\n"
	    "# TYPE x_created gauge\n"
	    "x_created 1700000000\n"
	    "x_created{a=\"1\"} 1604676851.123456789\n"
	    "x_created{a=\"2\"} 1700000000.5\n"
	    "x_created{a=\"3\"} 1700000000.000000001\n"
	    "x_created{a=\"4\"} 0\n"
	    "x_created{a=\"5\"} -1.5\n");
	family.type = PDC_GAUGE;
	fake_is(classic_created, &family, series, 6, "");
}

static void
test_end_is_passed_on(void)
{
	const struct collect_family family = { .name = "x",
		.help = "",
		.unit = "",
		.type = PDC_GAUGE,
		.labels = label_none };
	struct collect again = { .end = COLLECT_AGAIN };
	struct collect fail = { .end = PDC_ESTORE };
	struct buf buf;

	pdc_buf_init(&buf);
	is_int(classic(&buf, &family, &again), COLLECT_AGAIN,
	    "a family to be taken again is told");
	is_int(classic(&buf, &family, &fail), PDC_ESTORE,
	    "an error of the walk is told");
	is_int(pdc_expo_keys(&buf, &family, &again), COLLECT_AGAIN,
	    "a family to be taken again is told by the keys");
	is_int(pdc_expo_keys(&buf, &family, &fail), PDC_ESTORE,
	    "an error of the walk is told by the keys");
	pdc_buf_fini(&buf);
}

static void
test_no_memory_is_quiet(void)
{
	const struct collect_family family = { .name = "x",
		.help = "Some.",
		.unit = "",
		.type = PDC_HISTOGRAM,
		.labels = label_none,
		.bounds = bounds,
		.nbounds = 3 };
	const struct pair pairs[4] = { { 1, 1 } };
	const struct collect_series series[] = { { .rendered = "",
	    .pairs = pairs } };
	struct collect collect = { .family = &family,
		.series = series,
		.n = 1 };
	struct buf buf;

	pdc_buf_init(&buf);
	buf.error = PDC_ENOMEM;
	is_int(classic(&buf, &family, &collect), COLLECT_END,
	    "a buffer without memory does not stop the walk");
	is_int((long long)buf.len, 0, "and gets nothing");
	is_int(buf.error, PDC_ENOMEM, "and keeps its error");
	pdc_buf_fini(&buf);
}

#define MANY 20000

static void
test_many_series(void)
{
	static const char last[] = "many{a=\"19999\"} 19999\n";
	const struct collect_family family = { .name = "many",
		.help = "",
		.unit = "",
		.type = PDC_GAUGE,
		.nlabels = 1,
		.labels = label_a };
	struct collect_series *series = calloc(MANY, sizeof(*series));
	char(*labels)[16] = calloc(MANY, sizeof(*labels));
	char *page, *pos;
	int i, n = 0;

	if (series == NULL || labels == NULL)
		bail_out("no memory");
	for (i = 0; i < MANY; i++) {
		snprintf(labels[i], sizeof(labels[i]), "a=\"%d\"", i);
		series[i].rendered = labels[i];
		series[i].rendered_len = strlen(labels[i]);
		series[i].value = i;
	}
	page = fake_page(classic, &family, series, MANY);
	for (pos = page; (pos = strchr(pos, '\n')) != NULL; pos++)
		n++;
	is_int(n, MANY + 1, "each of many series has its line");
	is_str(page + strlen(page) - strlen(last), last, "up to the last");
	free(page);
	free(series);
	free(labels);
}

int
main(void)
{
	test_counter();
	test_gauge();
	test_summary();
	test_histogram();
	test_info();
	test_stateset();
	test_sum_goes_in_the_order_of_buckets();
	test_family_without_series();
	test_created();
	test_end_is_passed_on();
	test_no_memory_is_quiet();
	test_many_series();
	return tap_done();
}
