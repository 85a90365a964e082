/* SPDX-License-Identifier: ISC */
#include "config.h"

/* Lines in other forms, and what is none and left out. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/json.h"
#include "journal/recode.h"
#include "tap.h"

#define HEAD "{\"timestamp\": 1.5, \"level\": \"INFO\", \"message\": \"m\", "
#define EVENT "{\"name\": \"e\", \"timestamp\": 1.5, \"attributes\": {}}\n"
#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN "b7ad6b7169203331"
#define LINE_ROOM 65536

static char line[LINE_ROOM], want[LINE_ROOM];

#define PRINT(to, ...) snprintf(to, sizeof(to), __VA_ARGS__)

static void
form_is(enum recode_form form, const char *lines, const char *wanted,
    const char *how)
{
	struct buf b;

	pdc_buf_init(&b);
	pdc_recode_lines(&b, lines, strlen(lines), form);
	pdc_buf_chr(&b, '\0');
	is_str(b.data, wanted, "%s", how);
	pdc_buf_fini(&b);
}

/* record: what comes behind the times, which are those of ns. */
static void
otel_is(const char *lines, const char *ns, const char *record, const char *how)
{
	PRINT(want,
	    "{\"resourceLogs\": [{\"resource\": {\"attributes\": [{\"key\": "
	    "\"service.name\", \"value\": {\"stringValue\": "
	    "\"unknown_service\"}}]}, \"scopeLogs\": [{\"scope\": {\"name\": "
	    "\"pdc\"}, \"logRecords\": [{\"timeUnixNano\": \"%s\", "
	    "\"observedTimeUnixNano\": \"%s\", %s}]}]}]}\n",
	    ns, ns, record);
	form_is(RECODE_OTEL, lines, want, how);
}

/* Of a log with these fields: what comes behind its body. */
static void
otel_fields(const char *fields, const char *rest, const char *how)
{
	char record[LINE_ROOM / 2];

	PRINT(line, HEAD "\"attributes\": {%s}}\n", fields);
	PRINT(record,
	    "\"severityNumber\": 9, \"severityText\": \"INFO\", "
	    "\"body\": {\"stringValue\": \"m\"}, %s",
	    rest);
	otel_is(line, "1500000000", record, how);
}

/* Of a log with a field a of this value. */
static void
otel_value(const char *value, const char *any)
{
	char field[LINE_ROOM / 4], rest[LINE_ROOM / 4];

	PRINT(field, "\"a\": %s", value);
	PRINT(rest, "\"attributes\": [{\"key\": \"a\", \"value\": {%s}}]", any);
	otel_fields(field, rest, value);
}

static void
ecs_is(const char *lines, const char *time, const char *rest, const char *how)
{
	PRINT(want, "{\"@timestamp\": \"%s\", \"log.level\": \"INFO\", %s}\n",
	    time, rest);
	form_is(RECODE_ECS, lines, want, how);
}

/* Of a log with these fields: what comes behind the version. */
static void
ecs_fields(const char *fields, const char *rest)
{
	char record[LINE_ROOM / 2];

	PRINT(line, HEAD "\"attributes\": {%s}}\n", fields);
	PRINT(record, "\"message\": \"m\", \"ecs.version\": \"1.6.0\"%s", rest);
	ecs_is(line, "1970-01-01T00:00:01.500000Z", record, fields);
}

static void
test_forms_of_lines(void)
{
	form_is(RECODE_NDJSON, "any\nthing", "any\nthing", "NDJSON as it is");
	form_is(RECODE_OTEL, "", "", "no lines");
	otel_fields("", "\"attributes\": []", "a log");
	otel_is(EVENT, "1500000000", "\"eventName\": \"e\", \"attributes\": []",
	    "an event");
	otel_is("{\"name\": \"e\", \"timestamp\": 1.5, \"value\": 2.0, "
		"\"labels\": {\"a\": \"b\"}}\n",
	    "1500000000",
	    "\"eventName\": \"e\", \"body\": {\"doubleValue\": 2.0}, "
	    "\"attributes\": [{\"key\": \"a\", \"value\": {\"stringValue\": "
	    "\"b\"}}]",
	    "a measure");
	otel_is("{\"name\": \"e\", \"timestamp\": 1.5, \"value\": null, "
		"\"labels\": {}, \"_cursor\": \"c\"}\n",
	    "1500000000",
	    "\"eventName\": \"e\", \"body\": {}, \"attributes\": [{\"key\": "
	    "\"_cursor\", \"value\": {\"stringValue\": \"c\"}}]",
	    "one of no number, with a cursor");
	ecs_fields("", "");
	ecs_is(EVENT, "1970-01-01T00:00:01.500000Z",
	    "\"message\": \"e\", \"ecs.version\": \"1.6.0\", "
	    "\"event.action\": \"e\"",
	    "an event of ECS");
	ecs_is("{\"name\": \"e\", \"timestamp\": 1.5, \"value\": 2.0, "
	       "\"labels\": {\"event.kind\": \"b\"}}\n",
	    "1970-01-01T00:00:01.500000Z",
	    "\"message\": \"e\", \"ecs.version\": \"1.6.0\", "
	    "\"event.kind\": \"metric\", \"pdc.measure.name\": \"e\", "
	    "\"pdc.measure.value\": 2.0, \"labels\": {\"event_kind\": \"b\"}",
	    "a measure of ECS");
}

static void
test_values(void)
{
	char deep[JSON_DEPTH * 2 + 2], any[LINE_ROOM / 8] = "";
	int i;

	otel_value("9223372036854775807",
	    "\"intValue\": \"9223372036854775807\"");
	otel_value("-9223372036854775808",
	    "\"intValue\": \"-9223372036854775808\"");
	otel_value("9223372036854775808",
	    "\"stringValue\": \"9223372036854775808\"");
	otel_value("-0", "\"intValue\": \"0\"");
	otel_value("-0.0", "\"doubleValue\": -0.0");
	otel_value("1E5", "\"doubleValue\": 1E5");
	otel_value("1e999", "\"stringValue\": \"1e999\"");
	otel_value("true", "\"boolValue\": true");
	otel_value("null", "");
	otel_value("[]", "\"arrayValue\": {\"values\": []}");
	otel_value("[null, {}]",
	    "\"arrayValue\": {\"values\": [{}, {\"kvlistValue\": "
	    "{\"values\": []}}]}");
	otel_value("{\"b\": 1, \"c\": 2, \"b\": false}",
	    "\"kvlistValue\": {\"values\": [{\"key\": \"c\", \"value\": "
	    "{\"intValue\": \"2\"}}, {\"key\": \"b\", \"value\": "
	    "{\"boolValue\": false}}]}");
	otel_value("\"x\\ud83d\\ude00\\\\ud800\\/\"",
	    "\"stringValue\": \"x\\ud83d\\ude00\\\\ud800\\/\"");
	otel_value("\"\\ud83dx\\ude00\\ud83d\\u0041\\ud83d\"",
	    "\"stringValue\": \"\\ufffdx\\ufffd\\ufffdA\\ufffd\"");
	memset(deep, '[', JSON_DEPTH);
	memset(deep + JSON_DEPTH, ']', JSON_DEPTH);
	deep[2 * JSON_DEPTH] = '\0';
	for (i = 1; i < JSON_DEPTH; i++)
		strcat(any, "\"arrayValue\": {\"values\": [{");
	strcat(any, "\"arrayValue\": {\"values\": []}");
	for (i = 1; i < JSON_DEPTH; i++)
		strcat(any, "}]}");
	otel_value(deep, any);
}

static void
test_fields_with_a_place(void)
{
	otel_fields("\"trace_id\": \"" TRACE "\", \"span_id\": \"" SPAN "\"",
	    "\"traceId\": \"" TRACE "\", \"spanId\": \"" SPAN "\", "
	    "\"attributes\": []",
	    "ids");
	otel_fields("\"trace_id\": \"00000000000000000000000000000000\", "
		    "\"span_id\": \"" SPAN "\"",
	    "\"attributes\": [{\"key\": \"trace_id\", \"value\": "
	    "{\"stringValue\": \"00000000000000000000000000000000\"}}, "
	    "{\"key\": \"span_id\", \"value\": {\"stringValue\": \"" SPAN
	    "\"}}]",
	    "no id, and of the other one no use");
	otel_fields("\"service.name\": \"\"",
	    "\"attributes\": [{\"key\": \"service.name\", \"value\": "
	    "{\"stringValue\": \"\"}}]",
	    "a service without a name");
	otel_fields("\"a\": 1, \"b\": 2, \"a\": 3",
	    "\"attributes\": [{\"key\": \"b\", \"value\": {\"intValue\": "
	    "\"2\"}}, {\"key\": \"a\", \"value\": {\"intValue\": \"3\"}}]",
	    "of a name that comes twice the last");
	ecs_fields("\"trace_id\": \"x\", \"span_id\": 1, \"trace.id\": \"y\"",
	    ", \"trace.id\": \"y\", \"labels\": {\"span_id\": \"1\"}");
	ecs_fields("\"url.path\": {\"a\": [1]}, \"b\": {\"a\": [\"\\\"\"]}",
	    ", \"url.path\": {\"a\": [1]}, "
	    "\"labels\": {\"b\": \"{\\\"a\\\": [\\\"\\\\\\\"\\\"]}\"}");
	ecs_fields("\"message\": 1, \"message.x\": 2, \"log.level.x\": 3, "
		   "\"log.levels\": 4, \"tags.a\": null",
	    ", \"log.levels\": 4, \"labels\": {\"message\": \"1\", "
	    "\"message_x\": \"2\", \"log_level_x\": \"3\", \"tags_a\": null}");
	ecs_fields("\"\": 1, \"a*\\\\\\\"\\u20ac\": 2, \".\": 3, \"a..b\": 4, "
		   "\"a.\": 5, \"_\": 6",
	    ", \"labels\": {\"a__\\\"\\u20ac\": \"2\", \"a__b\": \"4\", "
	    "\"a_\": \"5\", \"_\": \"6\"}");
}

/* With this time, in both forms. */
static void
time_is(const char *time, const char *ns, const char *date)
{
	PRINT(line,
	    "{\"name\": \"e\", \"timestamp\": %s, \"attributes\": {}}\n", time);
	otel_is(line, ns, "\"eventName\": \"e\", \"attributes\": []", time);
	ecs_is(line, date,
	    "\"message\": \"e\", \"ecs.version\": \"1.6.0\", "
	    "\"event.action\": \"e\"",
	    date);
}

static void
test_times(void)
{
	time_is("0.0", "0", "1970-01-01T00:00:00.000000Z");
	time_is("0.000001", "1000", "1970-01-01T00:00:00.000001Z");
	time_is("951827696.25", "951827696250000000",
	    "2000-02-29T12:34:56.250000Z");
	time_is("18446744072.999999", "18446744072999999000",
	    "2554-07-21T23:34:32.999999Z");
	time_is("18446744074.0", "18446744073709551615",
	    "2554-07-21T23:34:34.000000Z");
	time_is("253402300799.5", "18446744073709551615",
	    "9999-12-31T23:59:59.500000Z");
	time_is("253402300800.0", "18446744073709551615",
	    "9999-12-31T23:59:59.999999Z");
	time_is("99999999999999999999.0", "18446744073709551615",
	    "9999-12-31T23:59:59.999999Z");
}

static void
left_out(const char *text, size_t len, const char *how)
{
	enum recode_form form;
	struct buf b;
	size_t left;

	for (form = RECODE_OTEL; form <= RECODE_ECS; form++) {
		pdc_buf_init(&b);
		left = pdc_recode_lines(&b, text, len, form);
		ok(left == 1 && b.len == 0, "left out: %s", how);
		pdc_buf_fini(&b);
	}
}

static void
test_damage_is_left_out(void)
{
#define END "\"attributes\": {}}"
#define LEVEL "\"level\": \"INFO\", \"message\": \"m\", "
	static const char *const bad[] = { "\n", "{}\n", "x\n", "{\"a\n",
		HEAD "\"attributes\": {}},\n", HEAD " " END, HEAD END " \n",
		HEAD "\"attributes\": {\"a\":1}}\n",
		HEAD "\"attributes\": {\"a\": 01}}\n",
		HEAD "\"attributes\": {\"a\": \"\xc3\xa4\"}}\n",
		HEAD "\"attributes\": {\"a\": \"\x7f\"}}\n",
		HEAD "\"attributes\": {\"a\": \"\\x\"}}\n",
		HEAD "\"attributes\": {\"a\": nul}}\n",
		HEAD "\"attributes\": [\"a\"]}\n",
		HEAD "\"attributes\": \"{}\"}\n", HEAD "\"value\": 1, " END,
		HEAD "\"name\": \"n\", " END,
		"{\"timestamp\": -1.5, " LEVEL END,
		"{\"timestamp\": 1, " LEVEL END,
		"{\"timestamp\": 1.5e3, " LEVEL END,
		"{\"timestamp\": 1.5000000001, " LEVEL END,
		"{\"timestamp\": \"1.5\", " LEVEL END, "{" LEVEL END,
		"{\"timestamp\": 1.5, \"level\": \"LOUD\", \"message\": "
		"\"m\", " END,
		"{\"timestamp\": 1.5, \"level\": 9, \"message\": \"m\", " END,
		"{\"timestamp\": 1.5, \"level\": \"INFO\", " END,
		"{\"timestamp\": 1.5, \"level\": \"INFO\", \"message\": "
		"null, " END,
		"{\"timestamp\": 1.5, \"name\": 1, " END,
		"{\"timestamp\": 1.5, \"name\": \"n\", \"value\": \"1\", " END,
		"{\"timestamp\": 1.5, \"name\": \"n\"}" };
	static const char good[] = HEAD "\"attributes\": {\"a\": [1, \"b\"]}}";
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		left_out(bad[i], strlen(bad[i]), bad[i]);
	for (i = 1; i < sizeof(good) - 1; i++)
		left_out(good, i, "a part of a line");
	left_out(HEAD END "\0x", sizeof(HEAD END "\0x") - 1, "a NUL");
	otel_is("{\"a\n" EVENT "}\n", "1500000000",
	    "\"eventName\": \"e\", \"attributes\": []",
	    "a line between two that are left out");
}

static void
test_notice(void)
{
	struct recode_notice n = { "_gap", "{\"from\": 3, \"to\": 7}",
		"lines are gone" };
	struct buf b;

	pdc_buf_init(&b);
	pdc_recode_notice(&b, &n, RECODE_NDJSON);
	pdc_buf_chr(&b, '\0');
	is_str(b.data, "{\"_gap\": {\"from\": 3, \"to\": 7}}\n",
	    "a notice in NDJSON");
	pdc_buf_reset(&b);
	pdc_recode_notice(&b, &n, RECODE_OTEL);
	pdc_buf_chr(&b, '\0');
	ok(strstr(b.data, "\"severityNumber\": 13") != NULL, "a warning");
	ok(strstr(b.data, "\"body\": {\"stringValue\": \"lines are gone\"}") !=
		NULL,
	    "with its words");
	ok(strstr(b.data,
	       "\"attributes\": [{\"key\": \"_gap\", \"value\": "
	       "{\"kvlistValue\": {\"values\": [{\"key\": \"from\", "
	       "\"value\": {\"intValue\": \"3\"}}, {\"key\": \"to\", "
	       "\"value\": {\"intValue\": \"7\"}}]}}}]}") != NULL,
	    "and numbers");
	pdc_buf_reset(&b);
	pdc_recode_notice(&b, &n, RECODE_ECS);
	pdc_buf_chr(&b, '\0');
	ok(strstr(b.data,
	       "\"log.level\": \"WARNING\", \"message\": \"lines are gone\", "
	       "\"ecs.version\": \"1.6.0\", \"labels\": {\"_gap\": "
	       "\"{\\\"from\\\": 3, \\\"to\\\": 7}\"}}\n") != NULL,
	    "the same in ECS");
	pdc_buf_fini(&b);
}

int
main(void)
{
	enum recode_form form;

	test_forms_of_lines();
	test_values();
	test_fields_with_a_place();
	test_times();
	test_damage_is_left_out();
	test_notice();
	ok(pdc_recode_parse(&form, "otel") == 0 && form == RECODE_OTEL &&
		pdc_recode_parse(&form, "OTEL") < 0,
	    "forms by their words");
	return tap_done();
}
