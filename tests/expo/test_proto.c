/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <math.h>
#include <stdio.h>

#include "fake.h"

/* The protobuf format, byte for byte. */

static const struct expo_how how = { .media = EXPO_PROTO };
static const char *const label_a[] = { "a", NULL };
static const char *const value_x[] = { "x\"" };

static void
proto_is(const struct collect_family *family,
    const struct collect_series *series, size_t n, const char *want)
{
	struct collect collect = { .family = family, .series = series, .n = n };
	struct buf buf, hex;
	size_t i;

	pdc_buf_init(&buf);
	pdc_buf_init(&hex);
	fake_family(&how, &buf, family, &collect);
	for (i = 0; i < buf.len; i++)
		pdc_buf_fmt(&hex, "%02x", (unsigned char)buf.data[i]);
	pdc_buf_chr(&hex, '\0');
	is_str(hex.data, want, "%s is encoded byte for byte", family->name);
	pdc_buf_fini(&buf);
	pdc_buf_fini(&hex);
}

static void
test_counter(void)
{
	const struct collect_family family = { .name = "c",
		.help = "h",
		.unit = "",
		.type = PDC_COUNTER,
		.nlabels = 1,
		.labels = label_a };
	const struct collect_series series[] = { { .nlabels = 1,
	    .labels = label_a,
	    .values = value_x,
	    .value = 5,
	    .created_ns = 1700000000123000000 } };

	proto_is(&family, series, 1,
	    "310a07635f746f74616c120168180022210a070a0161120278221a160900000000"
	    "000014401a0b0880e2cfaa0610c0a9d33a");
}

static void
test_pairs(void)
{
	static const double bounds[] = { 0.5 };
	const struct pair pairs[] = { { 1, 0.5 }, { 299, 4 } };
	const struct pair minus = { 2, -0.5 };
	const struct collect_series series[] = { { .pairs = pairs,
	    .created_ns = 1000000005 } };
	const struct collect_series before[] = { { .pairs = &minus,
	    .created_ns = -1500000000 } };
	struct collect_family family = { .name = "h_seconds",
		.help = "",
		.unit = "seconds",
		.type = PDC_HISTOGRAM,
		.bounds = bounds,
		.nbounds = 1 };

	proto_is(&family, series, 1,
	    "470a09685f7365636f6e647318042a077365636f6e6473222f3a2d08ac02110000"
	    "0000000012401a0b080111000000000000e03f1a0c08ac0211000000000000f07f"
	    "7a0408011005");
	family.name = "q";
	family.unit = "";
	family.type = PDC_SUMMARY;
	family.nbounds = 0;
	proto_is(&family, before, 1,
	    "270a017118022220221e080211000000000000e0bf221108feffffffffffffffff"
	    "011080cab5ee01");
}

static void
test_gauges(void)
{
	static const char *const states[] = { "on", "off" };
	const struct collect_series states_on[] = { { .states = 1 } };
	const struct collect_series one[] = { { .nlabels = 1,
	    .labels = label_a,
	    .values = value_x,
	    .value = 1 } };
	const struct collect_series three[] = { { .value = 3 } };
	struct collect_family family = { .name = "s",
		.help = "",
		.unit = "",
		.type = PDC_STATESET,
		.states = states,
		.nstates = 2 };

	proto_is(&family, states_on, 1,
	    "320a0173180122140a070a017312026f6e120909000000000000f03f22150a080a"
	    "017312036f66661209090000000000000000");
	family.nstates = 0;
	family.name = "i";
	family.type = PDC_INFO;
	proto_is(&family, one, 1,
	    "200a06695f696e666f180122140a070a016112027822120909000000000000f03"
	    "f");
	family.name = "u";
	family.type = PDC_UNKNOWN;
	proto_is(&family, three, 1, "120a01751803220b2a09090000000000000840");
}

/* The example of the format's description, and one with a gap. */
static void
test_native(void)
{
	static const struct native_bucket minus[] = { { 0, 5 }, { 1, 3 } },
					  plus[] = { { -2, 2 }, { 1, 1 },
						  { 2, 3 }, { 3, 2 } };
	static const struct native_bucket example[] = { { -2, 3 }, { -1, 5 },
		{ 2, 1 }, { 4, 3 }, { 5, 2 } };
	static const char *const label_job[] = { "job2", NULL };
	static const char *const job[] = { "x" };
	struct collect_native native = { .zero = 0x1p-128,
		.plus = example,
		.nplus = 5 };
	const struct pair pair = { 14, 20 };
	const struct collect_series series[] = { { .nlabels = 1,
	    .labels = label_job,
	    .values = job,
	    .pairs = &pair,
	    .native = &native,
	    .created_ns = 1700000000123000000 } };
	const struct collect_family family = { .name = "nh_seconds",
		.help = "help",
		.unit = "seconds",
		.type = PDC_HISTOGRAM,
		.labels = label_job,
		.nlabels = 1,
		.native = 1 };

	proto_is(&family, series, 1,
	    "680a0a6e685f7365636f6e6473120468656c7018042a077365636f6e64732249"
	    "0a090a046a6f62321201783a3c080e1100000000000034402800310000000000"
	    "00f0376204080310026204080410016204080210026a0506040704017a0b0880"
	    "e2cfaa0610c0a9d33a");
	native.schema = -1;
	native.nzero = 300;
	native.minus = minus;
	native.nminus = 2;
	native.plus = plus;
	native.nplus = 4;
	proto_is(&family, series, 1,
	    "6e0a0a6e685f7365636f6e6473120468656c7018042a077365636f6e6473224f"
	    "0a090a046a6f62321201783a42080e1100000000000034402801310000000000"
	    "00f03738ac024a040800100252020a036204080310016204080410036a040401"
	    "04017a0b0880e2cfaa0610c0a9d33a");
}

/* A length of two bytes moves what was written. */
static void
test_long(void)
{
	char help[301], want[621];
	const struct collect_family family = { .name = "g",
		.help = help,
		.unit = "",
		.type = PDC_GAUGE };
	size_t at;

	memset(help, 'y', sizeof(help) - 1);
	help[sizeof(help) - 1] = '\0';
	at = (size_t)snprintf(want, sizeof(want), "b4020a016712ac02");
	for (; at < 616; at += 2)
		memcpy(want + at, "79", 2);
	memcpy(want + at, "1801", 5);
	proto_is(&family, NULL, 0, want);
}

/* A label on either side of the length that needs a second byte. */
static void
test_long_label(void)
{
	const struct collect_family family = { .name = "g",
		.help = "",
		.unit = "",
		.type = PDC_GAUGE };
	char value[130], want[400];
	const char *const values[] = { value };
	const struct collect_series series[] = { { .nlabels = 1,
	    .labels = label_a,
	    .values = values,
	    .value = 1 } };
	size_t at;
	int len;

	for (len = 122; len <= 123; len++) {
		memset(value, 'v', (size_t)len);
		value[len] = '\0';
		at = (size_t)snprintf(want, sizeof(want), "%s",
		    len == 122 ? "94010a01671801228c010a7f0a0161127a" :
				 "96010a01671801228e010a80010a0161127b");
		for (; len-- > 0; at += 2)
			memcpy(want + at, "76", 2);
		len = (int)strlen(value);
		snprintf(want + at, sizeof(want) - at,
		    "120909000000000000f03f");
		proto_is(&family, series, 1, want);
	}
}

int
main(void)
{
	test_counter();
	test_pairs();
	test_gauges();
	test_native();
	test_long();
	test_long_label();
	return tap_done();
}
