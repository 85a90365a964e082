/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/escape.h"
#include "journal/recode_line.h"

/* A line as ecs-logging has it; journal/recode.h says what is where. */

#define ECS_VERSION "1.6.0"
#define SEC_MAX UINT64_C(253402300799) /* the end of the year 9999 */
#define US 1000
#define US_MAX 999999

#define EVERY ~0u
#define KIND(kind) (1u << (kind))

/* What is in a line of these kinds, or means something else in ECS. */
static const struct {
	const char *name;
	unsigned kinds;
} ecs_own[] = {
	{ "@timestamp", EVERY },
	{ "log.level", EVERY },
	{ "message", EVERY },
	{ "ecs.version", EVERY },
	{ "labels", EVERY },
	{ "tags", EVERY },
	{ "event.action", KIND(RECODE_EVENT) },
	{ "event.kind", KIND(RECODE_MEASURE) },
	{ "pdc.measure.name", KIND(RECODE_MEASURE) },
	{ "pdc.measure.value", KIND(RECODE_MEASURE) },
};

/* The same, or what would be an object and a value at once. */
static int
ecs_clash(const struct recode_pair *p, const char *name)
{
	size_t len = strlen(name), least = p->len < len ? p->len : len;

	if (memcmp(p->name, name, least) != 0)
		return 0;
	return p->len == len ||
	    (p->len > len ? p->name[len] : name[p->len]) == '.';
}

/* Letters, digits, _ - and @, with points between. */
static int
ecs_dotted(const struct recode_pair *p)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-@";
	size_t i, points = 0;
	char last = '.';

	for (i = 0; i < p->len; last = p->name[i++]) {
		if (p->name[i] == '.' && last != '.')
			points++;
		else if (memchr(letters, p->name[i], sizeof(letters) - 1) ==
		    NULL)
			return 0;
	}
	return points > 0 && last != '.';
}

/* In place: it does not get longer, but for that it is not empty then. */
static void
ecs_label(struct recode_pair *p)
{
	static char none[] = "_";
	size_t i, n = 0;
	char c;

	for (i = 0; i < p->len; i++) {
		c = p->name[i];
		if (c == '\\' && p->name[i + 1] != '\\') {
			p->name[n++] = c;
			c = p->name[++i];
		} else if (c == '.' || c == '*' || c == '\\') {
			i += c == '\\';
			c = '_';
		}
		p->name[n++] = c;
	}
	p->len = n;
	if (n == 0) {
		p->name = none;
		p->len = 1;
	}
}

static void
ecs_place(struct recode *r, struct recode_pair *p)
{
	struct span name = { p->name, p->len };
	size_t i;

	if (*p->value.s == '"' &&
	    (pdc_span_is(name, "trace_id") || pdc_span_is(name, "span_id")))
		p->name[p->len - strlen("_id")] = '.';
	p->top = ecs_dotted(p);
	for (i = 0; i < sizeof(ecs_own) / sizeof(ecs_own[0]); i++)
		if ((ecs_own[i].kinds & KIND(r->kind)) != 0 &&
		    ecs_clash(p, ecs_own[i].name))
			p->top = 0;
	if (!p->top)
		ecs_label(p);
}

static void
ecs_time(struct recode *r)
{
	time_t sec = (time_t)(r->sec > SEC_MAX ? SEC_MAX : r->sec);
	uint32_t us = r->sec > SEC_MAX ? US_MAX : r->ns / US;
	struct tm tm = { 0 };

	(void)gmtime_r(&sec, &tm);
	pdc_buf_fmt(r->out,
	    "{\"@timestamp\": \"%04d-%02d-%02dT%02d:%02d:%02d.%06" PRIu32 "Z\"",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
	    tm.tm_sec, us);
}

static void
ecs_head(struct recode *r)
{
	ecs_time(r);
	pdc_buf_str(r->out, ", \"log.level\": ");
	if (r->kind == RECODE_LOG)
		pdc_recode_text(r, r->level);
	else
		pdc_buf_str(r->out, "\"INFO\"");
	pdc_buf_str(r->out, ", \"message\": ");
	pdc_recode_text(r, r->kind == RECODE_LOG ? r->message : r->name);
	pdc_buf_str(r->out, ", \"ecs.version\": \"" ECS_VERSION "\"");
	if (r->kind == RECODE_EVENT) {
		pdc_buf_str(r->out, ", \"event.action\": ");
		pdc_recode_text(r, r->name);
	} else if (r->kind == RECODE_MEASURE) {
		pdc_buf_str(r->out,
		    ", \"event.kind\": \"metric\", \"pdc.measure.name\": ");
		pdc_recode_text(r, r->name);
		pdc_buf_str(r->out, ", \"pdc.measure.value\": ");
		pdc_recode_text(r, r->value);
	}
}

/* Of a label: a string or null. */
static void
ecs_value(struct recode *r, const struct recode_pair *p)
{
	if (p->top || *p->value.s == '"' || *p->value.s == 'n') {
		pdc_recode_text(r, p->value);
		return;
	}
	pdc_buf_chr(r->out, '"');
	pdc_escape_json(r->out, p->value.s, p->value.len);
	pdc_buf_chr(r->out, '"');
}

/* Those at the top, or the labels; how many. */
static size_t
ecs_pairs(struct recode *r, int top, const char *before)
{
	const struct recode_pair *p;
	size_t i, n = 0;

	for (i = 0; i < r->npairs; i++) {
		p = &r->pairs[i];
		if (p->gone || p->top != top)
			continue;
		pdc_buf_str(r->out, n++ == 0 ? before : ", ");
		pdc_buf_chr(r->out, '"');
		pdc_recode_text(r, (struct span){ p->name, p->len });
		pdc_buf_str(r->out, "\": ");
		ecs_value(r, p);
	}
	return n;
}

void
pdc_recode_ecs(struct recode *r)
{
	size_t i;

	for (i = 0; i < r->npairs; i++)
		ecs_place(r, &r->pairs[i]);
	pdc_recode_unique(r, 0);
	ecs_head(r);
	(void)ecs_pairs(r, 1, ", ");
	if (ecs_pairs(r, 0, ", \"labels\": {") > 0)
		pdc_buf_chr(r->out, '}');
	pdc_buf_str(r->out, "}\n");
}
