/* SPDX-License-Identifier: ISC */
#ifndef PDC_JOURNAL_RECODE_H
#define PDC_JOURNAL_RECODE_H

/*
 * Lines of the journal for who wants another form than that of
 * journal/line.h; each line becomes one line, a JSON object in printable ASCII.
 *
 * otel: an object LogsData of OTLP's JSON encoding, as its file exporter writes
 * it and a collector takes it at /v1/logs.
 *
 *	timestamp	timeUnixNano, and observedTimeUnixNano
 *	level		severityNumber, severityText
 *	message		body
 *	name		eventName, also of a measure
 *	value		body, a doubleValue
 *	a field		an attribute
 *	trace_id	traceId, if it is 32 hexadecimal digits and not all 0
 *	span_id		spanId, if it is 16 of them and there is a traceId
 *	service.name	of the resource; unknown_service if there is none
 *
 * An integer that is in no int64, and a number that is in no double, is a
 * string; null is an empty value.
 *
 * ecs: ecs-logging, of ECS 1.6.
 *
 *	timestamp	@timestamp
 *	level		log.level; INFO where a line has none
 *	message		message; of an event or a measure, its name
 *	name		event.action; of a measure pdc.measure.name
 *	value		pdc.measure.value; then event.kind is metric
 *	trace_id	trace.id, if it is a string
 *	span_id		span.id, if it is a string
 *	a.b		a.b: a name with points is one of ECS, or a user's own,
 *			if it does not contradict one of those above
 *	a field		in labels, its value as a string; . * \ in its name
 *			become _
 *
 * In both, other members of the line, as _cursor, are taken as fields behind
 * them; of names that come twice the last counts; half of a surrogate pair
 * becomes U+FFFD; a time that is later than what the form can say is the latest
 * that it can.
 *
 * A line that is not, byte for byte, as journal/line.h says it is left out.
 */

#include <stddef.h>

#include "base/buf.h"

#define RECODE_FORMS(X) \
	X(NDJSON, "ndjson") \
	X(OTEL, "otel") \
	X(ECS, "ecs")

enum recode_form {
#define X(name, word) RECODE_##name,
	RECODE_FORMS(X)
#undef X
};

/* 0, or PDC_EINVAL for the word of none; sets no words. */
int pdc_recode_parse(enum recode_form *, const char *word);

/* Put the lines as that form has them; how many were left out. */
size_t pdc_recode_lines(struct buf *out, const char *lines, size_t len,
    enum recode_form);

/*
 * Put what the reader has to know beside the lines: an object of one member,
 * whose value is JSON text as the journal writes it.  Where lines have another
 * form it is a WARNING of now, with these words, which are plain ASCII, and the
 * member as a field.
 */
struct recode_notice {
	const char *name, *value, *words;
};
void pdc_recode_notice(struct buf *out, const struct recode_notice *,
    enum recode_form);

#endif
