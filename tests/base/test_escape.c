/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "base/escape.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "tap.h"

#define FFFD "\357\277\275"

static struct buf buf;

/* What the last call appended, as a string. */
static const char *
appended(void)
{
	pdc_buf_chr(&buf, '\0');
	if (buf.error != 0)
		bail_out("no memory");
	buf.len = 0;
	return buf.data;
}

static const char *
label(const char *s)
{
	pdc_escape_label(&buf, s, strlen(s));
	return appended();
}

static const char *
help(const char *s)
{
	pdc_escape_help(&buf, s, strlen(s));
	return appended();
}

static const char *
json(const char *s)
{
	pdc_escape_json(&buf, s, strlen(s));
	return appended();
}

static void
test_text(void)
{
	is_str(label(""), "", "an empty label stays");
	is_str(label("GET /x\tä"), "GET /x\tä", "a plain label stays");
	is_str(label("\"\\\n"), "\\\"\\\\\\n", "a label has three escapes");
	is_str(label("a\\nb\"c"), "a\\\\nb\\\"c", "text between is kept");
	is_str(help("a\"b\\c\nd"), "a\"b\\\\c\\nd",
	    "HELP keeps quotes and escapes the rest");
	pdc_escape_label(&buf, "a\0b", 3);
	ok(buf.len == 3 && memcmp(buf.data, "a\0b", 3) == 0,
	    "a NUL stays as it is");
	buf.len = 0;
}

static void
test_json(void)
{
	is_str(json("plain/ ~"), "plain/ ~", "plain ASCII stays");
	is_str(json("\"\\\b\f\n\r\t"), "\\\"\\\\\\b\\f\\n\\r\\t",
	    "the short escapes are used");
	is_str(json("\1\37\177"), "\\u0001\\u001f\\u007f",
	    "other controls are numbers in lower case");
	pdc_escape_json(&buf, "a\0b", 3);
	is_str(appended(), "a\\u0000b", "a NUL is a number");
	is_str(json("aé€b"), "a\\u00e9\\u20acb", "letters are numbers");
	is_str(json("\360\237\230\261"), "\\ud83d\\ude31",
	    "what is over 16 bits is a pair");
	is_str(json("\364\217\277\277"), "\\udbff\\udfff",
	    "the last character is a pair");
	is_str(json("\360\220\200\200"), "\\ud800\\udc00",
	    "the first over 16 bits is a pair");
	is_str(json("a\xff\xe2\x82z"), "a\\ufffd\\ufffdz",
	    "invalid bytes become U+FFFD");
}

static const char *
unjson(const char *s)
{
	pdc_unescape_json(&buf, s, strlen(s));
	return appended();
}

#define HALF "\357\277\275"

static void
test_unescape(void)
{
	static const char all[] = "a\"\\/\b\f\n\r\t\1\177é€\360\237\230\261";

	pdc_escape_json(&buf, all, sizeof(all) - 1);
	is_str(unjson(appended()), all, "what was escaped comes back");
	is_str(unjson("\\/\\u00E9\\u00e9"), "/éé", "in other ways, too");
	is_str(unjson("\\ud83d"), HALF, "half of a pair");
	is_str(unjson("\\ud83dx\\ude31"), HALF "x" HALF, "and halves");
	is_str(unjson("\\ud83d-"), HALF "-", "and one before a letter");
	is_str(unjson("\\u00g1\\"), HALF "00g1\\", "what is no escape");
	is_str(unjson("\\u00"), HALF "00", "and one cut off");
}

/* The vectors of Unicode 15, tables 3-8 to 3-11, and ends cut off. */
static void
test_clean(void)
{
	static const struct {
		const char *src, *dst;
	} cases[] = {
		{ "", "" },
		{ "a\177", "a\177" },
		{ "ä€\360\237\230\261", "ä€\360\237\230\261" },
		{ "\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41",
		    FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A" },
		{ "\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41",
		    FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A" },
		{ "\xf4\x91\x92\x93\xff\x41\x80\xbf\x42",
		    FFFD FFFD FFFD FFFD FFFD "A" FFFD FFFD "B" },
		{ "\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41",
		    FFFD FFFD FFFD FFFD "A" },
		{ "\xf5\x80\x80\x80", FFFD FFFD FFFD FFFD },
		{ "\xc1\x80", FFFD FFFD },
		{ "a\xc3", "a" FFFD },
		{ "a\xe2\x82", "a" FFFD },
		{ "a\xf0\x9f\x98", "a" FFFD },
		{ "\xe2\x82\xc3\xa4", FFFD "ä" },
	};
	char out[64];
	size_t i, len;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		len = pdc_utf8_clean(out, cases[i].src, strlen(cases[i].src));
		out[len] = '\0';
		is_str(out, cases[i].dst, "sequence %zu is cleaned", i);
		is_int(pdc_utf8_valid(cases[i].src, strlen(cases[i].src)),
		    strcmp(cases[i].src, cases[i].dst) == 0,
		    "sequence %zu is judged", i);
	}
	ok(pdc_utf8_valid("a\0b", 3), "a NUL is valid");
	ok(!pdc_utf8_valid("\360\237\230\261", 3), "the length counts");
}

/* Encode without any check. */
static size_t
encode(char *s, uint32_t cp)
{
	size_t n = 1 + (cp >= 0x80) + (cp >= 0x800) + (cp >= 0x10000), i;

	for (i = n - 1; i > 0; i--, cp >>= 6)
		s[i] = (char)(0x80 | (cp & 0x3f));
	s[0] = (char)(n == 1 ? cp : cp | (0xf00u >> n & 0xff));
	return n;
}

static void
test_all_characters(void)
{
	int wrong = 0;
	uint32_t cp;
	char s[8];
	size_t n;

	for (cp = 0; cp < 0x200000; cp++) {
		n = encode(s, cp);
		wrong += pdc_utf8_valid(s, n) !=
		    (cp < 0xd800 || (cp > 0xdfff && cp <= 0x10ffff));
	}
	is_int(wrong, 0, "every character is valid and no other");
}

/* Forms longer than need be, of all characters that have them. */
static void
test_overlong(void)
{
	int valid = 0;
	uint32_t cp;
	char s[4];

	for (cp = 0; cp < 0x10000; cp++) {
		s[0] = (char)(0xf0 | cp >> 18);
		s[1] = (char)(0x80 | (cp >> 12 & 0x3f));
		s[2] = (char)(0x80 | (cp >> 6 & 0x3f));
		s[3] = (char)(0x80 | (cp & 0x3f));
		valid += pdc_utf8_valid(s, 4);
		if (cp < 0x800) {
			s[1] = (char)0xe0;
			valid += pdc_utf8_valid(s + 1, 3);
		}
		if (cp < 0x80) {
			s[2] = (char)(0xc0 | cp >> 6);
			valid += pdc_utf8_valid(s + 2, 2);
		}
	}
	is_int(valid, 0, "no overlong form is valid");
}

static void
test_names(void)
{
	static const struct {
		const char *name;
		int metric, label;
	} cases[] = {
		{ "a", 1, 1 },
		{ "_", 1, 1 },
		{ "Zz_09", 1, 1 },
		{ "__name__", 1, 1 },
		{ ":", 1, 0 },
		{ "a:b:", 1, 0 },
		{ "", 0, 0 },
		{ "9a", 0, 0 },
		{ "a b", 0, 0 },
		{ "a-b", 0, 0 },
		{ "a.b", 0, 0 },
		{ "a/", 0, 0 },
		{ "a@", 0, 0 },
		{ "a[", 0, 0 },
		{ "a`", 0, 0 },
		{ "a{", 0, 0 },
		{ "ä", 0, 0 },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		is_int(pdc_name_metric(cases[i].name), cases[i].metric,
		    "\"%s\" is judged as a metric's name", cases[i].name);
		is_int(pdc_name_label(cases[i].name), cases[i].label,
		    "\"%s\" is judged as a label's name", cases[i].name);
	}
}

static void
test_schemes(void)
{
	static const struct {
		const char *name, *underscores, *dots, *values;
	} cases[] = {
		{ "no:escaping_required", "no:escaping_required",
		    "no:escaping_required", "no:escaping_required" },
		{ "mysystem.prod.west.cpu.load", "mysystem_prod_west_cpu_load",
		    "mysystem_dot_prod_dot_west_dot_cpu_dot_load",
		    "U__mysystem_2e_prod_2e_west_2e_cpu_2e_load" },
		{ "mysystem.prod.west.cpu.load_total",
		    "mysystem_prod_west_cpu_load_total",
		    "mysystem_dot_prod_dot_west_dot_cpu_dot_load__total",
		    "U__mysystem_2e_prod_2e_west_2e_cpu_2e_load__total" },
		{ "http.status:sum", "http_status:sum", "http_dot_status:sum",
		    "U__http_2e_status:sum" },
		{ "label with \360\237\230\261", "label_with__",
		    "label__with____", "U__label_20_with_20__1f631_" },
		{ "\350\212\261\347\201\253", "__", "____", "U___82b1__706b_" },
		{ "1a1", "_a1", "__a1", "U___31_a1" },
	};
	struct buf b;
	size_t i;

	pdc_buf_init(&b);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *const want[] = { cases[i].underscores,
			cases[i].dots, cases[i].values, cases[i].name };
		int scheme;

		for (scheme = ESCAPE_UNDERSCORES; scheme <= ESCAPE_NONE;
		     scheme++) {
			pdc_buf_reset(&b);
			pdc_escape_metric(&b, cases[i].name,
			    (enum escape_scheme)scheme);
			pdc_buf_chr(&b, '\0');
			is_str(b.data, want[scheme], "%s by scheme %d",
			    cases[i].name, scheme);
		}
	}
	pdc_buf_reset(&b);
	pdc_escape_name(&b, "a:b", ESCAPE_UNDERSCORES);
	pdc_escape_name(&b, "a:b", ESCAPE_DOTS);
	pdc_escape_name(&b, "a:b", ESCAPE_VALUES);
	pdc_buf_chr(&b, '\0');
	is_str(b.data, "a_ba__bU__a_3a_b", "a label has no colon");
	pdc_buf_fini(&b);
}

int
main(void)
{
	pdc_buf_init(&buf);
	test_text();
	test_json();
	test_unescape();
	test_clean();
	test_all_characters();
	test_overlong();
	test_names();
	test_schemes();
	pdc_buf_fini(&buf);
	return tap_done();
}
