/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <math.h>

#include "fake.h"

static const char *const labels[] = { "Z", "method", NULL };
static const char *const label_a[] = { "a", NULL };
static const char *const none[] = { NULL };

static const double bounds[] = { 0, 2 };

static void
test_counter(void)
{
	const struct collect_family family = { .name = "http_requests",
		.help = "Help.",
		.unit = "",
		.type = PDC_COUNTER,
		.nlabels = 1,
		.labels = &labels[1],
		/* 2026-11-20 13:00:00.5 */
		.expires_ns = 1795179600500000000 };
	const char *const get[] = { "GET" };
	const char *const odd[] = { "\"x\"\n\\\303\251/\t" };
	const struct collect_series series[] = {
		{ .values = get,
		    .value = 5,
		    .created_ns = 1604676851123456789 },
		{ .values = odd,
		    .value = 1e21,
		    .created_ns = 1700000000000000000,
		    .expires_ns = 1795179540000000000 },
	};

	fake_is(pdc_expo_keys, &family, series, 2,
	    "http_requests  _total:{\"method\":\"GET\"}  5"
	    "  expires 2026-11-20T13:00:00Z\n"
	    "http_requests  _created:{\"method\":\"GET\"}"
	    "  1604676851.123456789  expires 2026-11-20T13:00:00Z\n"
	    "http_requests  _total:{\"method\":\"\\\"x\\\"\\n\\\\\\u00e9/\\t\"}"
	    "  1e+21  expires 2026-11-20T12:59:00Z\n"
	    "http_requests  _created:"
	    "{\"method\":\"\\\"x\\\"\\n\\\\\\u00e9/\\t\"}"
	    "  1700000000  expires 2026-11-20T12:59:00Z\n");
}

static void
test_gauge(void)
{
	const struct collect_family bare = { .name = "temp",
		.help = "",
		.unit = "",
		.type = PDC_GAUGE,
		.labels = none };
	const struct collect_family two = { .name = "temp",
		.help = "",
		.unit = "",
		.type = PDC_GAUGE,
		.nlabels = 2,
		.labels = labels };
	const char *const values[] = { "", "b" };
	const struct collect_series series[] = { { .values = values,
	    .value = 35.6 } };
	const struct collect_series inf[] = { { .values = none,
	    .value = -INFINITY } };

	fake_is(pdc_expo_keys, &bare, inf, 1,
	    "temp  :{}  -Inf  expires never\n");
	fake_is(pdc_expo_keys, &two, series, 1,
	    "temp  :{\"Z\":\"\",\"method\":\"b\"}  35.6  expires never\n");
}

static void
test_summary(void)
{
	const struct collect_family family = { .name = "rs",
		.help = "",
		.unit = "",
		.type = PDC_SUMMARY,
		.labels = none };
	const struct pair pair = { 2000000, 1e6 };
	const struct collect_series series[] = {
		{ .values = none, .pairs = &pair, .created_ns = 1500000000 }
	};

	fake_is(pdc_expo_keys, &family, series, 1,
	    "rs  _sum:{}  1e+06  expires never\n"
	    "rs  _count:{}  2000000  expires never\n"
	    "rs  _created:{}  1.5  expires never\n");
}

static void
test_le_stands_in_its_sorted_place(void)
{
	struct collect_family family = { .name = "lat",
		.help = "",
		.unit = "",
		.type = PDC_HISTOGRAM,
		.nlabels = 2,
		.labels = labels,
		.bounds = bounds,
		.nbounds = 2 };
	const char *const values[] = { "a", "GET" };
	const struct pair pairs[] = { { 1, -1 }, { 2, 2.5 }, { 0, 0 } };
	const struct collect_series series[] = {
		{ .values = values, .pairs = pairs, .created_ns = 1000000000 }
	};

	fake_is(pdc_expo_keys, &family, series, 1,
	    "lat  _bucket:{\"Z\":\"a\",\"le\":\"0.0\",\"method\":\"GET\"}"
	    "  1  expires never\n"
	    "lat  _bucket:{\"Z\":\"a\",\"le\":\"2.0\",\"method\":\"GET\"}"
	    "  3  expires never\n"
	    "lat  _bucket:{\"Z\":\"a\",\"le\":\"+Inf\",\"method\":\"GET\"}"
	    "  3  expires never\n"
	    "lat  _sum:{\"Z\":\"a\",\"method\":\"GET\"}  1.5  expires never\n"
	    "lat  _count:{\"Z\":\"a\",\"method\":\"GET\"}  3  expires never\n"
	    "lat  _created:{\"Z\":\"a\",\"method\":\"GET\"}"
	    "  1  expires never\n");
	family.nlabels = 1;
	family.labels = label_a;
	family.nbounds = 0;
	fake_is(pdc_expo_keys, &family, series, 1,
	    "lat  _bucket:{\"a\":\"a\",\"le\":\"+Inf\"}  1  expires never\n"
	    "lat  _sum:{\"a\":\"a\"}  -1  expires never\n"
	    "lat  _count:{\"a\":\"a\"}  1  expires never\n"
	    "lat  _created:{\"a\":\"a\"}  1  expires never\n");
	family.nlabels = 0;
	family.labels = none;
	fake_is(pdc_expo_keys, &family, series, 1,
	    "lat  _bucket:{\"le\":\"+Inf\"}  1  expires never\n"
	    "lat  _sum:{}  -1  expires never\n"
	    "lat  _count:{}  1  expires never\n"
	    "lat  _created:{}  1  expires never\n");
}

static void
test_family_without_series(void)
{
	const struct collect_family family = { .name = "x",
		.help = "",
		.unit = "",
		.type = PDC_COUNTER,
		.labels = none };

	fake_is(pdc_expo_keys, &family, NULL, 0, "");
}

static void
test_info_and_stateset(void)
{
	static const char *const states[] = { "open", "\"" };
	const char *const get[] = { "GET", "x" };
	struct collect_family family = { .name = "build",
		.help = "",
		.unit = "",
		.type = PDC_INFO,
		.nlabels = 2,
		.labels = labels,
		.states = states };
	const struct collect_series series[] = {
		{ .values = get, .value = 1, .states = 2 }
	};

	fake_is(pdc_expo_keys, &family, series, 1,
	    "build  _info:{\"Z\":\"GET\",\"method\":\"x\"}  1  "
	    "expires never\n");
	family.type = PDC_STATESET;
	family.nstates = 2;
	family.name = "door";
	fake_is(pdc_expo_keys, &family, series, 1,
	    "door  :{\"Z\":\"GET\",\"door\":\"open\",\"method\":\"x\"}  "
	    "0  expires never\n"
	    "door  :{\"Z\":\"GET\",\"door\":\"\\\"\",\"method\":\"x\"}  "
	    "1  expires never\n");
}

int
main(void)
{
	test_counter();
	test_gauge();
	test_summary();
	test_le_stands_in_its_sorted_place();
	test_family_without_series();
	test_info_and_stateset();
	return tap_done();
}
