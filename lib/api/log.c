/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Lines of the journal: made once, then copied to a ring of this CPU; where
 * that cannot be, written by a transaction.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "checkpoint/checkpoint.h"
#include "journal/line.h"
#include "metric/metric.h"
#include "pdc.h"

#define RING_LINE_MAX (RING_RECORD_MAX - sizeof(struct ring_line))
#define FULL_WAIT_MS 50
#define LEVELS_EACH 4 /* numbers of OpenTelemetry to a word */
#define WORDS_USUAL 1024

struct log_call {
	enum journal_stream stream;
	int nowait;
	const char *words; /* the message, or the name */
	const double *value;
	const struct pdc_field *fields;
	size_t nfields;
};

/* Words are set but in a signal handler. */
static int
log_fail(const struct log_call *call, int code, const char *words)
{
	return call->nowait ? code : pdc_err_set(code, "log: %s", words);
}

static inline int
log_make(struct line *l, const struct log_call *call)
{
	if (call->stream < STREAM_LOGS)
		pdc_line_log(l, call->stream, call->words);
	else
		pdc_line_named(l, call->words, call->value);
	pdc_line_fields(l, call->fields, call->nfields);
	pdc_line_end(l);
	if (l->bad == NULL)
		return 0;
	return call->nowait ?
	    PDC_EINVAL :
	    pdc_err_set(PDC_EINVAL,
		"log: the field \"%s\" has no kind, no text or is no JSON",
		l->bad);
}

static int
log_append(struct pdc *p, const struct log_call *call, const struct line *l)
{
	struct journal_text t = { .stream = call->stream,
		.text = l->data,
		.len = (uint32_t)l->len,
		.at = (uint32_t)l->at };

	return pdc_append(p, &t, p->store->wait_ms);
}

/* Too long for a ring. */
static int
log_long(struct pdc *p, const struct log_call *call)
{
	struct line l = { .data = malloc(JOURNAL_LINE_MAX),
		.room = JOURNAL_LINE_MAX - LINE_TIME_MAX };
	int ret;

	if (l.data == NULL)
		return log_fail(call, PDC_ENOMEM, "no memory for the line");
	ret = log_make(&l, call);
	if (ret == 0)
		ret = log_append(p, call, &l);
	free(l.data);
	return ret;
}

/*
 * A file that was closed meanwhile may have been salvaged before this line came
 * into it.  That takes long after the new one is there to be seen.
 */
static inline enum ring_result
log_ring(struct pdc *p, const struct cells *c, const struct log_call *call,
    const struct line *l)
{
	struct ring_line head = { .h.kind = RING_LINE,
		.h.op = (uint16_t)call->stream,
		.len = (uint32_t)l->len,
		.at = (uint32_t)l->at };

	enum ring_result result;

	result = pdc_ring_put(c, &head.h, sizeof(head), l->data, l->len);
	if (result == RING_OK && pdc_cells_now(p) != c)
		atomic_store(&p->late, 1);
	return result;
}

/* The ring is full: empty it, or it was in vain. */
static int
log_full(struct pdc *p, const struct log_call *call, const struct line *l)
{
	int64_t until = pdc_clock_mono(&p->clock) + FULL_WAIT_MS * 1000000;
	enum ring_result result = RING_FULL;

	while (!call->nowait && result == RING_FULL &&
	    pdc_clock_mono(&p->clock) < until &&
	    pdc_drain_all(p, FULL_WAIT_MS) == 0)
		result = log_ring(p, pdc_cells_now(p), call, l);
	if (result == RING_OK)
		return 0;
	if (result == RING_NONE)
		return log_append(p, call, l);
	pdc_cells_drop(pdc_cells_now(p), DROP_LINE);
	return log_fail(call, PDC_EAGAIN, "the rings are full");
}

static int
log_put(struct pdc *p, const struct log_call *call)
{
	const struct cells *c = pdc_cells_now(p);
	char small[RING_LINE_MAX];
	struct line l = { .data = small, .room = sizeof(small) };
	int ret;

	if (c == NULL || c->rdonly)
		return log_fail(call, PDC_EPERM, "opened read-only");
	ret = log_make(&l, call);
	if (ret < 0)
		return ret;
	if (l.cut && !call->nowait)
		return log_long(p, call);
	/* What is in a closed file comes first. */
	if (pdc_salvage_due(p) && !call->nowait)
		return log_append(p, call, &l);
	switch (log_ring(p, c, call, &l)) {
	case RING_OK:
		return 0;
	case RING_FULL:
		return log_full(p, call, &l);
	default:
		if (!call->nowait)
			return log_append(p, call, &l);
	}
	pdc_cells_drop(c, DROP_LINE);
	return PDC_EAGAIN;
}

static int
log_check(struct pdc *p, const struct log_call *call)
{
	if (p == NULL || call->words == NULL ||
	    (call->nfields > 0 && call->fields == NULL))
		return log_fail(call, PDC_EINVAL,
		    "no store, no words or no fields");
	return 0;
}

static int
log_level(struct log_call *call, int level)
{
	int number = level & ~PDC_NOWAIT;

	call->nowait = (level & PDC_NOWAIT) != 0;
	if (number < PDC_LOG_TRACE ||
	    number >= PDC_LOG_TRACE + STREAM_LOGS * LEVELS_EACH)
		return log_fail(call, PDC_EINVAL, "no such level");
	call->stream = (number - PDC_LOG_TRACE) / LEVELS_EACH;
	return 0;
}

int
pdc_log(struct pdc *p, int level, const char *message,
    const struct pdc_field *fields, size_t nfields)
{
	struct log_call call = { .words = message,
		.fields = fields,
		.nfields = nfields };
	int ret = log_level(&call, level);

	if (ret == 0)
		ret = log_check(p, &call);
	return ret < 0 ? ret : log_put(p, &call);
}

int
pdc_logf(struct pdc *p, int level, const char *fmt, ...)
{
	char usual[WORDS_USUAL], *words = usual;
	va_list ap, again;
	int len, ret;

	if (fmt == NULL)
		return pdc_err_set(PDC_EINVAL, "log: no format");
	va_start(ap, fmt);
	va_copy(again, ap);
	len = vsnprintf(usual, sizeof(usual), fmt, ap);
	if (len >= (int)sizeof(usual))
		words = malloc((size_t)len + 1);
	if (len < 0)
		ret = pdc_err_set(PDC_EINVAL, "log: the format is wrong");
	else if (words == NULL)
		ret = pdc_err_set(PDC_ENOMEM, "log: no memory for the line");
	else {
		if (words != usual)
			vsnprintf(words, (size_t)len + 1, fmt, again);
		ret = pdc_log(p, level, words, NULL, 0);
	}
	va_end(again);
	va_end(ap);
	if (words != usual)
		free(words);
	return ret;
}

int
pdc_event(struct pdc *p, const char *name, const struct pdc_field *fields,
    size_t nfields)
{
	struct log_call call = { .stream = STREAM_EVENTS,
		.words = name,
		.fields = fields,
		.nfields = nfields };
	int ret = log_check(p, &call);

	return ret < 0 ? ret : log_put(p, &call);
}

int
pdc_measure(struct pdc *p, const char *name, double value,
    const struct pdc_field *labels, size_t nlabels)
{
	struct log_call call = { .stream = STREAM_MEASURES,
		.words = name,
		.value = &value,
		.fields = labels,
		.nfields = nlabels };
	int ret = log_check(p, &call);

	return ret < 0 ? ret : log_put(p, &call);
}
