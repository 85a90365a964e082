/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "journal/recode_line.h"

/* A line as OTLP has it in JSON; journal/recode.h says what is where. */

#define SECOND UINT64_C(1000000000)
#define TRACE_DIGITS 32
#define SPAN_DIGITS 16

static void otel_value(struct recode *, struct span);

/* A list of KeyValue. */
static void
otel_pairs(struct recode *r, size_t from)
{
	const char *comma = "";
	size_t i, end = r->npairs;
	struct recode_pair p;

	for (i = from; i < end; i++) {
		p = r->pairs[i];
		if (p.gone)
			continue;
		pdc_buf_str(r->out, comma);
		pdc_buf_str(r->out, "{\"key\": \"");
		pdc_recode_text(r, (struct span){ p.name, p.len });
		pdc_buf_str(r->out, "\", \"value\": ");
		otel_value(r, p.value);
		pdc_buf_chr(r->out, '}');
		comma = ", ";
	}
}

static void
otel_object(struct recode *r, struct span v)
{
	size_t from = r->npairs;

	pdc_recode_members(r, v);
	pdc_recode_unique(r, from);
	pdc_buf_str(r->out, "{\"kvlistValue\": {\"values\": [");
	otel_pairs(r, from);
	pdc_buf_str(r->out, "]}}");
	r->npairs = from;
}

static void
otel_array(struct recode *r, struct span v)
{
	struct members rest = pdc_members(v);
	const char *comma = "";
	struct span each;

	pdc_buf_str(r->out, "{\"arrayValue\": {\"values\": [");
	while (pdc_element_next(&rest, &each)) {
		pdc_buf_str(r->out, comma);
		otel_value(r, each);
		comma = ", ";
	}
	pdc_buf_str(r->out, "]}}");
}

/* Behind a number there is something that is not of it. */
static void
otel_number(struct recode *r, struct span v)
{
	int integer = memchr(v.s, '.', v.len) == NULL &&
	    memchr(v.s, 'e', v.len) == NULL && memchr(v.s, 'E', v.len) == NULL;
	double number;
	long long n;

	errno = 0;
	n = strtoll(v.s, NULL, 10);
	if (integer && errno == 0) {
		pdc_buf_fmt(r->out, "{\"intValue\": \"%lld\"}", n);
		return;
	}
	if (!integer && pdc_num_parse(&number, v.s, v.len) == 0) {
		pdc_buf_str(r->out, "{\"doubleValue\": ");
		pdc_buf_put(r->out, v.s, v.len);
		pdc_buf_chr(r->out, '}');
		return;
	}
	pdc_buf_str(r->out, "{\"stringValue\": \"");
	pdc_buf_put(r->out, v.s, v.len);
	pdc_buf_str(r->out, "\"}");
}

static void
otel_value(struct recode *r, struct span v)
{
	switch (*v.s) {
	case '"':
		pdc_buf_str(r->out, "{\"stringValue\": ");
		pdc_recode_text(r, v);
		pdc_buf_chr(r->out, '}');
		break;
	case '{':
		otel_object(r, v);
		break;
	case '[':
		otel_array(r, v);
		break;
	case 't':
	case 'f':
		pdc_buf_str(r->out, "{\"boolValue\": ");
		pdc_buf_put(r->out, v.s, v.len);
		pdc_buf_chr(r->out, '}');
		break;
	case 'n':
		pdc_buf_str(r->out, "{}");
		break;
	default:
		otel_number(r, v);
	}
}

/* The field of a name that is not empty text; NULL: there is none. */
static struct recode_pair *
otel_field(struct recode *r, const char *name)
{
	struct recode_pair *p;
	size_t i;

	for (i = 0; i < r->npairs; i++) {
		p = &r->pairs[i];
		if (!p->gone &&
		    pdc_span_is((struct span){ p->name, p->len }, name))
			return *p->value.s == '"' && p->value.len > 2 ? p :
									NULL;
	}
	return NULL;
}

/* Whether there is an id of so many digits; then it is put. */
static int
otel_id(struct recode *r, const char *field, size_t digits, const char *key)
{
	struct recode_pair *p = otel_field(r, field);
	struct span s;

	if (p == NULL || p->value.len != digits + 2)
		return 0;
	s.s = p->value.s + 1;
	if (strspn(s.s, "0123456789abcdefABCDEF") != digits ||
	    strspn(s.s, "0") == digits)
		return 0;
	p->gone = 1;
	pdc_buf_fmt(r->out, ", \"%s\": \"%.*s\"", key, (int)digits, s.s);
	return 1;
}

static void
otel_head(struct recode *r)
{
	struct recode_pair *service = otel_field(r, "service.name");
	uint64_t ns = UINT64_MAX;

	pdc_buf_str(r->out,
	    "{\"resourceLogs\": [{\"resource\": {\"attributes\": [{\"key\": "
	    "\"service.name\", \"value\": ");
	if (service != NULL) {
		otel_value(r, service->value);
		service->gone = 1;
	} else {
		pdc_buf_str(r->out, "{\"stringValue\": \"unknown_service\"}");
	}
	if (r->sec < UINT64_MAX / SECOND)
		ns = r->sec * SECOND + r->ns;
	pdc_buf_fmt(r->out,
	    "}]}, \"scopeLogs\": [{\"scope\": {\"name\": \"pdc\"}, "
	    "\"logRecords\": [{\"timeUnixNano\": \"%" PRIu64 "\", "
	    "\"observedTimeUnixNano\": \"%" PRIu64 "\"",
	    ns, ns);
}

static void
otel_what(struct recode *r)
{
	if (r->kind == RECODE_LOG) {
		pdc_buf_fmt(r->out,
		    ", \"severityNumber\": %d, "
		    "\"severityText\": ",
		    r->severity);
		pdc_recode_text(r, r->level);
		pdc_buf_str(r->out, ", \"body\": ");
		otel_value(r, r->message);
		return;
	}
	pdc_buf_str(r->out, ", \"eventName\": ");
	pdc_recode_text(r, r->name);
	if (r->kind == RECODE_MEASURE) {
		pdc_buf_str(r->out, ", \"body\": ");
		otel_value(r, r->value);
	}
}

void
pdc_recode_otel(struct recode *r)
{
	pdc_recode_unique(r, 0);
	otel_head(r);
	otel_what(r);
	if (otel_id(r, "trace_id", TRACE_DIGITS, "traceId"))
		(void)otel_id(r, "span_id", SPAN_DIGITS, "spanId");
	pdc_buf_str(r->out, ", \"attributes\": [");
	otel_pairs(r, 0);
	pdc_buf_str(r->out, "]}]}]}]}\n");
}
