/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Numbers as Go and OpenMetrics write them, and read back; random ones too.
 *
 *	test_num [NUMBERS]
 */

#include "base/num.h"

#include <errno.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pdc.h"

#include "tap.h"

struct vector {
	double v;
	const char *go, *om;
};

/* What Go 1.19 printed, and more by the same rule. */
static const struct vector vectors[] = {
	{ 0, "0", "0.0" },
	{ -0.0, "0", "0.0" },
	{ 1, "1", "1.0" },
	{ -1, "-1", "-1.0" },
	{ 5, "5", "5.0" },
	{ 0.5, "0.5", "0.5" },
	{ 1.7, "1.7", "1.7" },
	{ 10, "10", "10.0" },
	{ 0.999, "0.999", "0.999" },
	{ 0.001, "0.001", "0.001" },
	{ 0.0001, "0.0001", "0.0001" },
	{ 0.00001, "1e-05", "1e-05" },
	{ 0.000123, "0.000123", "0.000123" },
	{ 1e-9, "1e-09", "1e-09" },
	{ 1e-10, "1e-10", "1e-10" },
	{ 12.5, "12.5", "12.5" },
	{ 123456, "123456", "123456.0" },
	{ 100000, "100000", "100000.0" },
	{ 999999, "999999", "999999.0" },
	{ 999999.9, "999999.9", "999999.9" },
	{ 1000000, "1e+06", "1e+06" },
	{ 1234567, "1.234567e+06", "1.234567e+06" },
	{ 2500000.5, "2.5000005e+06", "2.5000005e+06" },
	{ 1605281325.123, "1.605281325123e+09", "1.605281325123e+09" },
	{ 1e10, "1e+10", "1e+10" },
	{ 9007199254740991.0, "9.007199254740991e+15",
	    "9.007199254740991e+15" },
	{ 9007199254740992.0, "9.007199254740992e+15",
	    "9.007199254740992e+15" },
	{ 123456789012345678.0, "1.2345678901234568e+17",
	    "1.2345678901234568e+17" },
	{ 1e20, "1e+20", "1e+20" },
	{ 1e23, "1e+23", "1e+23" },
	{ 1.1e23, "1.1e+23", "1.1e+23" },
	{ 1e100, "1e+100", "1e+100" },
	{ -1000000, "-1e+06", "-1e+06" },
	{ 5e-324, "5e-324", "5e-324" },
	{ DBL_MIN, "2.2250738585072014e-308", "2.2250738585072014e-308" },
	{ DBL_MAX, "1.7976931348623157e+308", "1.7976931348623157e+308" },
	{ -DBL_MAX, "-1.7976931348623157e+308", "-1.7976931348623157e+308" },
	{ 0x1p-44, "5.684341886080802e-14", "5.684341886080802e-14" },
	{ NAN, "NaN", "NaN" },
	{ -NAN, "NaN", "NaN" },
	{ INFINITY, "+Inf", "+Inf" },
	{ -INFINITY, "-Inf", "-Inf" },
};
#define NVECTORS (sizeof(vectors) / sizeof(vectors[0]))

static void
test_vectors(void)
{
	char out[NUM_SIZE];
	double v;
	size_t i, len;

	for (i = 0; i < NVECTORS; i++) {
		len = pdc_num_go(out, vectors[i].v);
		is_str(out, vectors[i].go, "%s is written as Go does",
		    vectors[i].go);
		is_int(len, strlen(out), "the length is told");
		is_int(pdc_num_parse(&v, out, len), 0, "it is read");
		is_double(v, vectors[i].v, "it is the same number");
		len = pdc_num_om(out, vectors[i].v);
		is_str(out, vectors[i].om, "%s is written for OpenMetrics",
		    vectors[i].om);
		is_int(len, strlen(out), "the length is told");
	}
}

static void
test_u64(void)
{
	char out[NUM_SIZE], want[NUM_SIZE];
	uint64_t power = 1, v;
	int i, off, wrong = 0;
	size_t len;

	for (i = 0; i < 20; i++, power *= 10) {
		for (off = -1; off <= 1; off++) {
			v = power + (uint64_t)off;
			len = pdc_num_u64(out, v);
			snprintf(want, sizeof(want), "%llu",
			    (unsigned long long)v);
			wrong += strcmp(out, want) != 0 || len != strlen(want);
		}
	}
	is_int(wrong, 0, "integers around all powers of ten are written");
	pdc_num_u64(out, UINT64_MAX);
	is_str(out, "18446744073709551615", "the largest integer is written");
}

/*
 * The slow way: of the shortest texts of printf() that are read as v, or would
 * be with the last digit one higher, the first; then the rule of layout.
 */
static void
slow_one_more(char *digits, int *exp)
{
	size_t i = strlen(digits);

	while (i > 0 && digits[i - 1] == '9')
		digits[--i] = '0';
	if (i > 0) {
		digits[i - 1]++;
	} else {
		digits[0] = '1';
		++*exp;
	}
}

static int
slow_reads_as(const char *digits, int exp, double v)
{
	char text[64];

	snprintf(text, sizeof(text), "%c.%se%d", digits[0], digits + 1, exp);
	return strtod(text, NULL) == v;
}

static int
slow_digits(char *digits, double v)
{
	char text[64];
	int n, exp;

	for (n = 1; n <= 17; n++) {
		snprintf(text, sizeof(text), "%.*e", n - 1, v);
		exp = atoi(strchr(text, 'e') + 1);
		digits[0] = text[0];
		memcpy(digits + 1, text + 2, (size_t)n - 1);
		digits[n] = '\0';
		if (slow_reads_as(digits, exp, v))
			break;
		slow_one_more(digits, &exp);
		if (slow_reads_as(digits, exp, v))
			break;
	}
	for (n = (int)strlen(digits); n > 1 && digits[n - 1] == '0'; n--)
		digits[n - 1] = '\0';
	return exp;
}

/* v is more than 0 and finite. */
static void
slow_go(char *out, double v)
{
	char digits[32];
	int exp = slow_digits(digits, v), n = (int)strlen(digits);

	if (exp < -4 || exp >= 6)
		sprintf(out, "%c%s%se%c%02d", digits[0], n > 1 ? "." : "",
		    digits + 1, exp < 0 ? '-' : '+', abs(exp));
	else if (exp < 0)
		sprintf(out, "0.%.*s%s", -exp - 1, "000", digits);
	else if (exp >= n - 1)
		sprintf(out, "%s%.*s", digits, exp - n + 1, "00000");
	else
		sprintf(out, "%.*s.%s", exp + 1, digits, digits + exp + 1);
}

static uint64_t
random_u64(void)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 2685821657736338717u;
}

static int nwrong, ntried;

static void
try_number(double v)
{
	char out[NUM_SIZE], want[64];
	double back;
	size_t len;

	v = fabs(v);
	if (!isfinite(v) || v == 0)
		return;
	ntried++;
	len = pdc_num_go(out, v);
	slow_go(want, v);
	if (strcmp(out, want) == 0 && pdc_num_parse(&back, out, len) == 0 &&
	    back == v)
		return;
	if (nwrong++ < 10)
		diag("%a: got %s, want %s", v, out, want);
}

static void
try_with_neighbours(double v)
{
	try_number(v);
	try_number(nextafter(v, 0));
	try_number(nextafter(v, INFINITY));
}

static double
random_bits(void)
{
	uint64_t bits = random_u64();
	double v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

static void
test_against_slow(int n)
{
	char text[32];
	int i;

	for (i = -1074; i < 1024; i++)
		try_with_neighbours(ldexp(1, i));
	is_int(nwrong, 0, "powers of two and their neighbours are shortest");
	for (i = -323; i < 309; i++) {
		snprintf(text, sizeof(text), "1e%d", i);
		try_with_neighbours(strtod(text, NULL));
	}
	is_int(nwrong, 0, "powers of ten and their neighbours are shortest");
	for (i = 0; i < n; i++) {
		try_number(random_bits());
		try_number((double)(random_u64() >> random_u64() % 64));
		try_number((double)(random_u64() % 100000000) / 1000);
		try_number(
		    ldexp((double)random_u64(), -(int)(random_u64() % 100)));
	}
	is_int(nwrong, 0, "%d numbers are written as the slow way does",
	    ntried);
}

/* Numbers read exactly as strtod() reads them, however many digits. */
static void
test_parse_against_strtod(int n)
{
	char text[2000];
	int i, j, wrong = 0, len;
	double v;

	for (i = 0; i < n; i++) {
		len = snprintf(text, sizeof(text), "%s", i % 2 ? "0.0" : "");
		for (j = 0; j < i % 40 || (j < 1900 && i % 1000 == 41); j++)
			text[len++] = (char)('0' + random_u64() % 10);
		len += snprintf(text + len, sizeof(text) - (size_t)len,
		    "%d.%de%d", i, i % 77, (int)(random_u64() % 340) - 320);
		if (i % 2)
			*strrchr(text, '.') = '5';
		if (pdc_num_parse(&v, text, (size_t)len) == 0)
			wrong += v != strtod(text, NULL);
		else
			wrong += !isinf(strtod(text, NULL));
	}
	is_int(wrong, 0, "%d texts are read as strtod() does", n);
}

/* Halfway between two doubles, and just over it with the last of many. */
static void
test_parse_halfway(void)
{
	char text[1300];
	double v;

	is_int(pdc_num_parse(&v, "9007199254740993", 16), 0, "a tie is read");
	is_double(v, 9007199254740992.0, "a tie goes to the even one");
	memset(text, '0', sizeof(text));
	memcpy(text, "9007199254740993.", 17);
	text[sizeof(text) - 1] = '1';
	is_int(pdc_num_parse(&v, text, sizeof(text)), 0,
	    "1300 digits are read");
	is_double(v, 9007199254740994.0, "the last of 1300 digits decides");
	text[16] = '0';
	text[sizeof(text) - 1] = '0';
	is_int(pdc_num_parse(&v, text, sizeof(text)), PDC_EINVAL,
	    "an integer of 1300 digits is too large");
	memset(text, '0', sizeof(text));
	text[0] = '.';
	memcpy(text + sizeof(text) - 6, "1e1293", 6);
	is_int(pdc_num_parse(&v, text, sizeof(text)), 0,
	    "many zeros and a large exponent are read");
	is_double(v, 0.1, "they outweigh each other");
}

static void
test_parse_forms(void)
{
	static const struct {
		const char *s;
		double v;
	} cases[] = {
		{ "0", 0 },
		{ "00012", 12 },
		{ "+5", 5 },
		{ "-5", -5 },
		{ ".5", 0.5 },
		{ "5.", 5 },
		{ "-.5e1", -5 },
		{ "1e5", 1e5 },
		{ "1E+05", 1e5 },
		{ "1e-05", 1e-5 },
		{ "1e0000000000000000000000002", 100 },
		{ "0e99999999999999999999", 0 },
		{ "1e-99999999999999999999", 0 },
		{ "inf", INFINITY },
		{ "+Inf", INFINITY },
		{ "-INF", -INFINITY },
		{ "Infinity", INFINITY },
		{ "-infinity", -INFINITY },
		{ "nan", NAN },
		{ "NaN", NAN },
	};
	size_t i;
	double v;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		is_int(pdc_num_parse(&v, cases[i].s, strlen(cases[i].s)), 0,
		    "\"%s\" is a number", cases[i].s);
		is_double(v, cases[i].v, "\"%s\" has its value", cases[i].s);
	}
	is_int(pdc_num_parse(&v, "-0", 2), 0, "-0 is read");
	ok(v == 0 && signbit(v), "-0 keeps its sign");
	is_int(pdc_num_parse(&v, "12345", 3), 0, "the length ends the number");
	is_double(v, 123, "what is after it is not read");
	errno = EINTR;
	pdc_num_parse(&v, "1e-320", 6);
	is_int(errno, EINTR, "errno is kept");
}

static void
test_parse_refused(void)
{
	static const char *const cases[] = { "", " ", " 1", "1 ", "+", "-", ".",
		"-.", "e5", ".e5", "1e", "1e+", "1e5.", "1e5x", "1..2", "1.2.3",
		"0x10", "0x1p4", "1_000", "1,5", "++1", "+-1", "in", "infi",
		"infinityx", "+nan", "-nan", "nan(1)", "1e309", "-1e309",
		"1e99999999999999999999", "1.7976931348623159e308" };
	double v = 42;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_int(pdc_num_parse(&v, cases[i], strlen(cases[i])),
		    PDC_EINVAL, "\"%s\" is refused", cases[i]);
	is_int(pdc_num_parse(&v, "1\0", 2), PDC_EINVAL, "a NUL is refused");
	is_double(v, 42, "what is refused sets nothing");
}

/* Whether a locale with a comma is set now. */
static int
set_comma(void)
{
	static const char *const names[] = { "de_DE.UTF-8", "de_DE.utf8",
		"de_DE", "fr_FR.UTF-8", "fr_FR", "nl_NL.UTF-8" };
	char command[512], *dir = tap_tmpdir();
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (setlocale(LC_ALL, names[i]) != NULL)
			return strcmp(localeconv()->decimal_point, ",") == 0;
	/* A small set of characters takes a quarter of the time of UTF-8. */
	snprintf(command, sizeof(command),
	    "localedef --no-archive -i de_DE "
	    "-f ISO-8859-1 '%s/de_DE' >/dev/null 2>&1",
	    dir);
	if (system(command) == -1 || setenv("LOCPATH", dir, 1) != 0 ||
	    setlocale(LC_ALL, "de_DE") == NULL)
		return 0;
	return strcmp(localeconv()->decimal_point, ",") == 0;
}

static void
test_locale(void)
{
	char out[NUM_SIZE];
	int wrong = 0;
	double v;
	size_t i;

	if (!set_comma()) {
		skip("no locale with a comma can be had");
		return;
	}
	for (i = 0; i < NVECTORS; i++) {
		pdc_num_go(out, vectors[i].v);
		wrong += strcmp(out, vectors[i].go) != 0;
		pdc_num_om(out, vectors[i].v);
		wrong += strcmp(out, vectors[i].om) != 0;
		wrong += pdc_num_parse(&v, out, strlen(out)) != 0 ||
		    (v != vectors[i].v && !isnan(v));
	}
	is_int(wrong, 0, "a locale with a comma changes nothing");
	is_int(pdc_num_parse(&v, "1,5", 3), PDC_EINVAL, "its comma is refused");
	setlocale(LC_ALL, "C");
}

/* What Python printed; tests/journal/test_python.sh has random ones. */
static void
test_json(void)
{
	static const struct {
		double v;
		const char *want;
	} v[] = { { 0, "0.0" }, { -0.0, "-0.0" }, { 5, "5.0" }, { 0.1, "0.1" },
		{ 1e15, "1000000000000000.0" }, { 1e16, "1e+16" },
		{ 123456789012345680.0, "1.2345678901234568e+17" },
		{ 1234567890123456.7, "1234567890123456.8" },
		{ 1e-4, "0.0001" }, { 1e-5, "1e-05" }, { 5e-324, "5e-324" },
		{ -2.5e300, "-2.5e+300" }, { NAN, "null" },
		{ INFINITY, "null" } };
	char out[NUM_SIZE];
	size_t i, len;

	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		len = pdc_num_json(out, v[i].v);
		is_str(out, v[i].want, "JSON: %s", v[i].want);
		is_int((long long)len, (long long)strlen(out), "its length");
	}
	pdc_num_i64(out, INT64_MIN);
	is_str(out, "-9223372036854775808", "the least integer");
}

int
main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : tap_short() ? 2000 : 8000;

	test_vectors();
	test_u64();
	test_json();
	test_against_slow(n);
	test_parse_against_strtod(n / 2);
	test_parse_halfway();
	test_parse_forms();
	test_parse_refused();
	test_locale();
	return tap_done();
}
