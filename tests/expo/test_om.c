/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <math.h>
#include <stdio.h>

#include "fake.h"

/* OpenMetrics 1.0.0, and what text 1.0.0 does otherwise than 0.0.4. */

static struct expo_how how = { .media = EXPO_OM_1_0_0 };

static const char *const label_none[] = { NULL };

static int
om(struct buf *buf, const struct collect_family *family,
    struct collect *collect)
{
	return fake_family(&how, buf, family, collect);
}

static void
test_counter(void)
{
	const struct collect_family family = { .name = "http_seconds",
		.help = "Say \"all\" \\ of\nit.",
		.unit = "seconds",
		.type = PDC_COUNTER,
		.labels = label_none };
	const struct collect_series series[] = {
		{ LABELS("a=\"q\\\"\\\\\\n\""), .value = 5,
		    .created_ns = 1700000000500000000 },
		{ LABELS("a=\"y\""), .value = 1234567, .created_ns = 1 },
		{ LABELS("a=\"z\""), .value = 0.25 },
	};

	fake_is(om, &family, series, 3,
	    "# TYPE http_seconds counter\n"
	    "# UNIT http_seconds seconds\n"
	    "# HELP http_seconds Say \\\"all\\\" \\\\ of\\nit.\n"
	    "http_seconds_total{a=\"q\\\"\\\\\\n\"} 5.0\n"
	    "http_seconds_total{a=\"y\"} 1.234567e+06\n"
	    "http_seconds_total{a=\"z\"} 0.25\n");
	how.created = 1;
	fake_is(om, &family, series, 3,
	    "# TYPE http_seconds counter\n"
	    "# UNIT http_seconds seconds\n"
	    "# HELP http_seconds Say \\\"all\\\" \\\\ of\\nit.\n"
	    "http_seconds_total{a=\"q\\\"\\\\\\n\"} 5.0\n"
	    "http_seconds_created{a=\"q\\\"\\\\\\n\"} 1700000000.5\n"
	    "http_seconds_total{a=\"y\"} 1.234567e+06\n"
	    "http_seconds_created{a=\"y\"} 0.000000001\n"
	    "http_seconds_total{a=\"z\"} 0.25\n");
	how.created = 0;
}

static void
test_numbers(void)
{
	struct collect_family family = { .name = "g",
		.help = "",
		.unit = "",
		.type = PDC_GAUGE,
		.labels = label_none };
	static const double values[] = { 0, -0.0, 100000, 1e6, 1e10, -1e6, 1e-5,
		NAN, INFINITY, -INFINITY, 5e-324, 0.1 };
	struct collect_series series[12];
	size_t i;

	memset(series, 0, sizeof(series));
	for (i = 0; i < 12; i++) {
		series[i].rendered = "";
		series[i].value = values[i];
	}
	fake_is(om, &family, series, 12,
	    "# TYPE g gauge\n"
	    "g 0.0\ng 0.0\ng 100000.0\ng 1e+06\ng 1e+10\ng -1e+06\ng 1e-05\n"
	    "g NaN\ng +Inf\ng -Inf\ng 5e-324\ng 0.1\n");
	family.type = PDC_UNKNOWN;
	fake_is(om, &family, series, 1, "# TYPE g unknown\ng 0.0\n");
	how.media = EXPO_TEXT_0_0_4;
	fake_is(om, &family, series, 1, "# TYPE g untyped\ng 0\n");
	how.media = EXPO_TEXT_1_0_0;
	fake_is(om, &family, series, 3,
	    "# TYPE g untyped\ng 0\ng 0\ng 100000\n");
	how.media = EXPO_OM_1_0_0;
}

static void
test_info_and_states(void)
{
	static const char *const states[] = { "a", "b\"" };
	struct collect_family family = { .name = "s",
		.help = "",
		.unit = "",
		.type = PDC_STATESET,
		.labels = label_none,
		.states = states,
		.nstates = 2 };
	const struct collect_series series[] = {
		{ .rendered = "", .states = 1, .value = 1 },
		{ LABELS("z=\"1\""), .states = 2, .value = 1 },
	};

	fake_is(om, &family, series, 2,
	    "# TYPE s stateset\n"
	    "s{s=\"a\"} 1\n"
	    "s{s=\"b\\\"\"} 0\n"
	    "s{z=\"1\",s=\"a\"} 0\n"
	    "s{z=\"1\",s=\"b\\\"\"} 1\n");
	family.type = PDC_INFO;
	family.nstates = 0;
	family.name = "i";
	fake_is(om, &family, series + 1, 1,
	    "# TYPE i info\ni_info{z=\"1\"} 1.0\n");
}

/* What is below 0 makes the sum no counter: it goes, and the count with it. */
static void
test_pairs(void)
{
	static const double above[] = { 0.5, 1, 1e6 }, below[] = { -1, 1 };
	const struct pair four[] = { { 1, 0.25 }, { 0, 0 }, { 2, 4 },
		{ 3, 9e6 } };
	const struct pair minus[] = { { 1, -0.25 }, { 0, 0 }, { 0, 0 },
		{ 0, 0 } };
	const struct pair odd[] = { { 2, NAN } };
	struct collect_family family = { .name = "h",
		.help = "",
		.unit = "",
		.type = PDC_HISTOGRAM,
		.labels = label_none,
		.bounds = above,
		.nbounds = 3 };
	const struct collect_series one = { .rendered = "",
		.pairs = four,
		.created_ns = 2000000000 };
	const struct collect_series less = { .rendered = "", .pairs = minus };
	const struct collect_series nan = { .rendered = "", .pairs = odd };

	how.created = 1;
	fake_is(om, &family, &one, 1,
	    "# TYPE h histogram\n"
	    "h_bucket{le=\"0.5\"} 1\n"
	    "h_bucket{le=\"1.0\"} 1\n"
	    "h_bucket{le=\"1e+06\"} 3\n"
	    "h_bucket{le=\"+Inf\"} 6\n"
	    "h_sum 9.00000425e+06\n"
	    "h_count 6\n"
	    "h_created 2\n");
	how.created = 0;
	fake_is(om, &family, &less, 1,
	    "# TYPE h histogram\n"
	    "h_bucket{le=\"0.5\"} 1\n"
	    "h_bucket{le=\"1.0\"} 1\n"
	    "h_bucket{le=\"1e+06\"} 1\n"
	    "h_bucket{le=\"+Inf\"} 1\n");
	family.bounds = below;
	family.nbounds = 2;
	fake_is(om, &family, &one, 1,
	    "# TYPE h histogram\n"
	    "h_bucket{le=\"-1.0\"} 1\n"
	    "h_bucket{le=\"1.0\"} 1\n"
	    "h_bucket{le=\"+Inf\"} 3\n");
	family.type = PDC_SUMMARY;
	family.nbounds = 0;
	fake_is(om, &family, &one, 1,
	    "# TYPE h summary\nh_sum 0.25\nh_count 1\n");
	fake_is(om, &family, &nan, 1, "# TYPE h summary\nh_count 2\n");
}

static void
test_tail(void)
{
	static const char *const want[] = {
		[EXPO_OM_1_0_0] = "# EOF\n",
		[EXPO_OM_0_0_1] = "# EOF\n",
		[EXPO_TEXT_1_0_0] = "",
		[EXPO_TEXT_0_0_4] = "",
		[EXPO_PROTO] = "",
	};
	struct expo_how each = { .escape = ESCAPE_UNDERSCORES };
	struct buf buf;
	struct expo e;
	int i;

	for (i = EXPO_TEXT_0_0_4; i <= EXPO_PROTO; i++) {
		each.media = (enum expo_media)i;
		pdc_buf_init(&buf);
		pdc_expo_init(&e, &buf, &each);
		pdc_expo_tail(&e);
		pdc_buf_chr(&buf, '\0');
		is_str(buf.data, want[i], "the end of format %d", i);
		pdc_expo_fini(&e);
		pdc_buf_fini(&buf);
	}
}

int
main(void)
{
	test_counter();
	test_numbers();
	test_info_and_states();
	test_pairs();
	test_tail();
	return tap_done();
}
