/* SPDX-License-Identifier: ISC */
#include "config.h"

/* What a line looks like, and what is refused. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "journal/line.h"
#include "metric/metric.h"
#include "pdc.h"
#include "tap.h"

static struct pdc *p;

/* 65 levels. */
#define TEN "[[[[[[[[[["
#define DEEP TEN TEN TEN TEN TEN TEN "[[[[[1"

#define STR(n, v) \
	{ \
		.name = (n), .kind = PDC_STRING, .text = (v) \
	}
#define INT(n, v) \
	{ \
		.name = (n), .kind = PDC_INTEGER, .integer = (v) \
	}
#define NUM(n, v) \
	{ \
		.name = (n), .kind = PDC_NUMBER, .number = (v) \
	}
#define BOOL(n, v) \
	{ \
		.name = (n), .kind = PDC_BOOL, .integer = (v) \
	}
#define JSON(n, v) \
	{ \
		.name = (n), .kind = PDC_JSON, .text = (v) \
	}
#define N(array) (sizeof(array) / sizeof((array)[0]))

static void
page_is(unsigned streams, const char *want, const char *how)
{
	char *page = journal_timeless(p, streams);

	is_str(page, want, "%s", how);
	free(page);
}

static void
test_forms(void)
{
	const struct pdc_field f[] = { STR("s", "a\"b\\c\n\x7f\xc3\xa4"),
		INT("i", INT64_MIN), NUM("d", 0.1), NUM("whole", 5),
		NUM("big", 1e22), NUM("nan", NAN), NUM("inf", -INFINITY),
		BOOL("t", 7), BOOL("f", 0),
		JSON("j", " { \"a\" :[1,2.50,-3e7 ,{}], \"\\u00e4\":null}\n") };

	p = journal_fresh(p);
	is_int(pdc_log(p, PDC_LOG_INFO, "h\xc3\xa9llo \"q\"\n", f, N(f)), 0,
	    "a log");
	is_int(pdc_event(p, "signup", f, 2), 0, "an event");
	is_int(pdc_measure(p, "temp", 20, f, 5), 0, "a measure");
	page_is(JOURNAL_LOGS,
	    "{\"timestamp\": 0, \"level\": \"INFO\", \"message\": "
	    "\"h\\u00e9llo \\\"q\\\"\\n\", \"attributes\": {\"s\": "
	    "\"a\\\"b\\\\c\\n\\u007f\\u00e4\", \"i\": -9223372036854775808, "
	    "\"d\": 0.1, \"whole\": 5.0, \"big\": 1e+22, \"nan\": null, "
	    "\"inf\": null, \"t\": true, \"f\": false, \"j\": {\"a\": [1, "
	    "2.50, -3e7, {}], \"\\u00e4\": null}}}\n",
	    "a log has all kinds of fields");
	page_is(1u << STREAM_EVENTS,
	    "{\"name\": \"signup\", \"timestamp\": 0, \"attributes\": {\"s\": "
	    "\"a\\\"b\\\\c\\n\\u007f\\u00e4\", \"i\": "
	    "-9223372036854775808}}\n",
	    "an event has a name");
	page_is(1u << STREAM_MEASURES,
	    "{\"name\": \"temp\", \"timestamp\": 0, \"value\": 20.0, "
	    "\"labels\": {\"s\": \"a\\\"b\\\\c\\n\\u007f\\u00e4\", \"i\": "
	    "\"-9223372036854775808\", \"d\": \"0.1\", \"whole\": \"5.0\", "
	    "\"big\": \"1e+22\"}}\n",
	    "labels of a measure are strings");
}

static void
test_levels(void)
{
	static const struct {
		int level;
		const char *word;
	} levels[] = { { 1, "TRACE" }, { 4, "TRACE" }, { 5, "DEBUG" },
		{ 9, "INFO" }, { 12, "INFO" }, { 13, "WARNING" },
		{ 17, "ERROR" }, { 21, "CRITICAL" }, { 24, "CRITICAL" } };
	char *page, want[64];
	size_t i;

	for (i = 0; i < N(levels); i++) {
		p = journal_fresh(p);
		is_int(pdc_log(p, levels[i].level, "m", NULL, 0), 0, "level %d",
		    levels[i].level);
		page = journal_all(p, JOURNAL_LOGS);
		snprintf(want, sizeof(want), "\"level\": \"%s\"",
		    levels[i].word);
		ok(strstr(page, want) != NULL, "is %s", levels[i].word);
		free(page);
	}
	is_int(pdc_log(p, 0, "m", NULL, 0), PDC_EINVAL, "0 is no level");
	is_int(pdc_log(p, 25, "m", NULL, 0), PDC_EINVAL, "nor is 25");
	is_int(pdc_log(p, -1, "m", NULL, 0), PDC_EINVAL, "nor is -1");
}

static void
test_names(void)
{
	const struct pdc_field twice[] = { INT("a", 1), INT("b", 2),
		INT("a", 3) };
	const struct pdc_field under[] = { INT("b", 7), STR("user", "u") };

	p = journal_fresh(p);
	pdc_log(p, PDC_LOG_INFO, "m", twice, 3);
	page_is(JOURNAL_LOGS,
	    "{\"timestamp\": 0, \"level\": \"INFO\", \"message\": \"m\", "
	    "\"attributes\": {\"a\": 3, \"b\": 2}}\n",
	    "of one name the last value is at the place of the first");
	p = journal_fresh(p);
	is_int(pdc_context_push(under, 2), 0, "a context is pushed");
	pdc_log(p, PDC_LOG_INFO, "m", twice, 3);
	pdc_context_pop();
	pdc_log(p, PDC_LOG_INFO, "n", NULL, 0);
	page_is(JOURNAL_LOGS,
	    "{\"timestamp\": 0, \"level\": \"INFO\", \"message\": \"m\", "
	    "\"attributes\": {\"b\": 2, \"user\": \"u\", \"a\": 3}}\n"
	    "{\"timestamp\": 0, \"level\": \"INFO\", \"message\": \"n\", "
	    "\"attributes\": {}}\n",
	    "a context is before the fields, which win, until it is popped");
}

static void
refused(const struct pdc_field *f, const char *how)
{
	is_int(pdc_log(p, PDC_LOG_INFO, "m", f, 1), PDC_EINVAL, "refused: %s",
	    how);
	ok(f->name == NULL || strstr(pdc_error(), f->name) != NULL,
	    "and named: %s", pdc_error());
}

static void
test_bad(void)
{
	static const char *const bad[] = { "", "{", "[1,]", "{\"a\":1,}",
		"{a:1}", "[1", "{\"a\"", "{\"a\":1", "01", "1.", ".5", "+1",
		"nul", "truex", "\"a", "\"\\x\"", "\"\\u12g4\"", "\"\n\"",
		"1 2", "[1}", "]", "{\"a\"}", "'a'", "NaN", "-", "1e", DEEP };
	static const char *const good[] = { "0", "-0", "1e5", "\"\"", "[]",
		"{}", " [ ] ", "[[],{}]", "\"\\u00E4\\n\"", "null",
		"{\"a\":{\"b\":[{\"c\":1}]}}" };
	struct pdc_field f = JSON("field", NULL);
	char *text, *page;
	size_t i;

	p = journal_fresh(p);
	refused(&f, "a JSON text that is NULL");
	for (i = 0; i < N(bad); i++) {
		/* On the heap, so that who reads behind it is seen. */
		text = strdup(bad[i]);
		f.text = text;
		refused(&f, "no JSON");
		free(text);
	}
	for (i = 0; i < N(good); i++) {
		f.text = good[i];
		is_int(pdc_log(p, PDC_LOG_INFO, "m", &f, 1), 0, "JSON: %s",
		    good[i]);
	}
	f = (struct pdc_field){ .name = "field" };
	refused(&f, "no kind");
	f = (struct pdc_field)STR("field", NULL);
	refused(&f, "a string that is NULL");
	f = (struct pdc_field)STR(NULL, "v");
	refused(&f, "no name");
	is_int(pdc_log(NULL, PDC_LOG_INFO, "m", NULL, 0), PDC_EINVAL,
	    "no store");
	is_int(pdc_log(p, PDC_LOG_INFO, NULL, NULL, 0), PDC_EINVAL,
	    "no message");
	is_int(pdc_event(p, NULL, NULL, 0), PDC_EINVAL, "no name of an event");
	is_int(pdc_measure(p, "m", 1, NULL, 1), PDC_EINVAL, "no labels");
	page = journal_all(p, JOURNAL_LOGS);
	is_int((long long)journal_lines(page), (long long)N(good),
	    "and only the good ones are there");
	free(page);
}

/* A line of len bytes of message, and a field behind. */
static char *
long_line(size_t len, const char *unit)
{
	char *message = malloc(len + 16);
	const struct pdc_field f[] = { STR("after", "x") };
	size_t i, n = strlen(unit);

	for (i = 0; i < len; i += n)
		memcpy(message + i, unit, n + 1);
	message[len] = '\0';
	p = journal_fresh(p);
	is_int(pdc_log(p, PDC_LOG_INFO, message, f, 1), 0, "%zu bytes", len);
	free(message);
	return journal_all(p, JOURNAL_LOGS);
}

static void
test_long(void)
{
	static const size_t lens[] = { 100, 6000, 6200, 8000, 8192, 9000, 65536,
		190000 };
	const struct pdc_field big[] = { STR("a", "1"), STR("b", NULL),
		STR("c", "3") };
	struct pdc_field f[3];
	char *page, *text;
	size_t i;

	for (i = 0; i < N(lens); i++) {
		page = long_line(lens[i], "abcdefghij");
		ok(strstr(page, "_cut") == NULL && strlen(page) > lens[i] &&
			strstr(page, "\"after\": \"x\"}}\n") != NULL,
		    "%zu bytes are whole", lens[i]);
		free(page);
	}
	page = long_line(1000000, "abc");
	ok(strlen(page) <= JOURNAL_LINE_MAX && strlen(page) > 150000,
	    "a million bytes are cut to %zu", strlen(page));
	ok(strstr(page, "\"after\": \"x\", \"_cut\": true}}\n") != NULL,
	    "it says so, and has its field");
	free(page);
	page = long_line(300000, "\xf0\x9f\x98\x80");
	ok(strstr(page, "\\ude00\", \"attributes\"") != NULL,
	    "it is cut between characters");
	free(page);
	memcpy(f, big, sizeof(f));
	text = malloc(400001);
	memset(text, 'v', 400000);
	text[400000] = '\0';
	f[1].text = text;
	p = journal_fresh(p);
	is_int(pdc_log(p, PDC_LOG_INFO, "m", f, 3), 0, "a field too long");
	page = journal_all(p, JOURNAL_LOGS);
	ok(strlen(page) <= JOURNAL_LINE_MAX &&
		strstr(page, "v\", \"_cut\": true}}\n") != NULL,
	    "is cut, and what is behind it left out");
	free(page);
	free(text);
}

static void
test_utf8(void)
{
	p = journal_fresh(p);
	pdc_log(p, PDC_LOG_INFO, "a\xff\xc3(b", NULL, 0);
	page_is(JOURNAL_LOGS,
	    "{\"timestamp\": 0, \"level\": \"INFO\", \"message\": "
	    "\"a\\ufffd\\ufffd(b\", \"attributes\": {\"_invalid_utf8\": "
	    "true}}\n",
	    "what is not UTF-8 is replaced, and the line says so");
}

/* Of len letters that at at, if it is one, is other, written as want. */
static int
one_other(size_t len, size_t at, char other, const char *want)
{
	char *s = malloc(len + 1), text[128] = "", line[512], room[LINE_MIN];
	struct pdc_field f = STR(s, s);
	struct line l = { .data = room, .room = sizeof(room) };
	size_t i;

	for (i = 0; i < len; i++) {
		s[i] = i == at ? other : (char)('a' + i % 26);
		strncat(text, i == at ? want : s + i, i == at ? 8 : 1);
	}
	s[len] = '\0';
	pdc_line_log(&l, STREAM_INFO, s);
	pdc_line_fields(&l, &f, 1);
	l.invalid = 0; /* that line has an end of its own */
	pdc_line_end(&l);
	free(s);
	snprintf(line, sizeof(line),
	    "{\"level\": \"INFO\", \"message\": \"%s\", \"attributes\": "
	    "{\"%s\": \"%s\"}}\n",
	    text, text, text);
	if (l.len == strlen(line) && memcmp(l.data, line, l.len) == 0)
		return 1;
	diag("%zu letters, \\x%02x at %zu: %.*s", len, other & 0xff, at,
	    (int)l.len, l.data);
	return 0;
}

/* Strings are copied by words; on the heap, so that reading beyond is seen. */
static void
test_lengths(void)
{
	static const struct {
		char c;
		const char *want;
	} others[] = { { '"', "\\\"" }, { '\\', "\\\\" }, { '\n', "\\n" },
		{ 1, "\\u0001" }, { 0x1f, "\\u001f" }, { 0x7f, "\\u007f" },
		{ '\x80', "\\ufffd" }, { '\xff', "\\ufffd" }, { ' ', " " },
		{ '!', "!" }, { '#', "#" }, { '[', "[" }, { ']', "]" },
		{ '~', "~" } };
	size_t at, i, len;
	int good;

	for (i = 0; i < N(others); i++) {
		good = 1;
		for (len = 0; len <= 70; len++)
			for (at = 0; at <= len; at++)
				good &= one_other(len, at, others[i].c,
				    others[i].want);
		ok(good, "\\x%02x at each place of 0 to 70 letters",
		    others[i].c & 0xff);
	}
}

static void
test_logf(void)
{
	char *page, text[3000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	p = journal_fresh(p);
	is_int(pdc_logf(p, PDC_LOG_ERROR, "%s-%d", "a", 5), 0, "pdc_logf");
	is_int(pdc_logf(p, PDC_LOG_ERROR, "%s!", text), 0, "a long one");
	page = journal_all(p, JOURNAL_LOGS);
	ok(strstr(page, "\"message\": \"a-5\"") != NULL, "formats");
	ok(strstr(page, "xxx!\"") != NULL, "whatever its length");
	free(page);
}

int
main(void)
{
	test_forms();
	test_levels();
	test_names();
	test_bad();
	test_long();
	test_utf8();
	test_lengths();
	test_logf();
	pdc_close(p);
	return tap_done();
}
