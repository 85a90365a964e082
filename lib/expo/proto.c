/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The protobuf format: for each family its length, then a message of
 * io.prometheus.client.MetricFamily.  We only ever encode:
 *
 *	MetricFamily	name 1, help 2, type 3, metric 4, unit 5
 *	Metric		label 1, gauge 2, counter 3, summary 4, untyped 5,
 *			histogram 7
 *	LabelPair	name 1, value 2
 *	Counter		value 1, exemplar 2, start 3
 *	Gauge, Untyped	value 1
 *	Summary		count 1, sum 2, start 4
 *	Histogram	count 1, sum 2, bucket 3, schema 5, zero threshold 6,
 *			zero count 7; of negatives span 9, delta 10; of others
 *			span 12, delta 13; start 15, exemplar 16
 *	Bucket		cumulative count 1, upper bound 2, exemplar 3
 *	BucketSpan	offset 1, length 2
 *	Exemplar	label 1, value 2, timestamp 3
 *	Timestamp	seconds 1, nanos 2
 *
 * A message is written behind one byte for its length, and moved by what the
 * length needs besides when it is known.
 */

#include <math.h>
#include <string.h>

#include "expo/form.h"
#include "expo/put.h"
#include "pdc.h"

#define VARINT_MAX 10
#define SHORT_LABEL 123 /* its length, and 4 bytes, are one byte */

enum proto_wire { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_LEN = 2 };

/* enum MetricType; an info and a stateset are gauges here. */
static unsigned
proto_type(int type)
{
	switch (type) {
	case PDC_COUNTER:
		return 0;
	case PDC_SUMMARY:
		return 2;
	case PDC_UNKNOWN:
		return 3;
	case PDC_HISTOGRAM:
		return 4;
	default:
		return 1;
	}
}

/* The message within a metric, by the type of its family. */
enum proto_metric {
	METRIC_GAUGE = 2,
	METRIC_COUNTER = 3,
	METRIC_SUMMARY = 4,
	METRIC_UNTYPED = 5,
	METRIC_HISTOGRAM = 7
};

static size_t
proto_varint(unsigned char *p, uint64_t v)
{
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		p[n++] = (unsigned char)(v | 0x80);
	p[n++] = (unsigned char)v;
	return n;
}

static void
proto_u64(struct buf *b, unsigned field, uint64_t v)
{
	unsigned char p[1 + VARINT_MAX];

	p[0] = (unsigned char)(field << 3 | WIRE_VARINT);
	pdc_buf_put(b, p, 1 + proto_varint(p + 1, v));
}

static void
proto_double(struct buf *b, unsigned field, double v)
{
	unsigned char p[9];
	uint64_t bits;
	int i;

	memcpy(&bits, &v, sizeof(bits));
	p[0] = (unsigned char)(field << 3 | WIRE_FIXED64);
	for (i = 1; i < 9; i++, bits >>= 8)
		p[i] = (unsigned char)bits;
	pdc_buf_put(b, p, sizeof(p));
}

/* Begin a message, to be ended with what this returns. */
static size_t
proto_open(struct buf *b, unsigned field)
{
	unsigned char tag[VARINT_MAX];

	pdc_buf_put(b, tag, proto_varint(tag, field << 3 | WIRE_LEN));
	pdc_buf_chr(b, 0);
	return b->len;
}

static void
proto_close(struct buf *b, size_t mark)
{
	unsigned char size[VARINT_MAX];
	size_t len = b->len - mark, n = proto_varint(size, len);

	if (pdc_buf_reserve(b, n) == NULL)
		return;
	if (n > 1)
		memmove(b->data + mark + n - 1, b->data + mark, len);
	memcpy(b->data + mark - 1, size, n);
	pdc_buf_commit(b, n - 1);
}

static void
proto_string(struct buf *b, unsigned field, const char *s, const char *suffix)
{
	size_t mark = proto_open(b, field);

	pdc_buf_str(b, s);
	pdc_buf_str(b, suffix);
	proto_close(b, mark);
}

static void
proto_label(struct expo *e, const char *name, const char *value)
{
	struct buf *b = e->out;
	size_t mark = proto_open(b, 1), at = proto_open(b, 1);

	pdc_escape_name(b, name, e->how.escape);
	proto_close(b, at);
	proto_string(b, 2, value, "");
	proto_close(b, mark);
}

/* The same of a name that is written as it is, at once if it is short. */
static void
proto_plain(struct expo *e, const char *name, const char *value)
{
	size_t n = strlen(name), m = strlen(value);
	char *p;

	if (n + m > SHORT_LABEL) {
		proto_label(e, name, value);
		return;
	}
	p = pdc_buf_reserve(e->out, n + m + 6);
	if (p == NULL)
		return;
	*p++ = 1 << 3 | WIRE_LEN;
	*p++ = (char)(n + m + 4);
	*p++ = 1 << 3 | WIRE_LEN;
	*p++ = (char)n;
	p = put_mem(p, name, n);
	*p++ = 2 << 3 | WIRE_LEN;
	*p++ = (char)m;
	put_mem(p, value, m);
	pdc_buf_commit(e->out, n + m + 6);
}

static void
proto_start(struct buf *b, unsigned field, int64_t ns)
{
	int64_t nanos = ns % 1000000000, sec = ns / 1000000000;
	size_t mark;

	if (ns == 0)
		return;
	if (nanos < 0) {
		nanos += 1000000000;
		sec--;
	}
	mark = proto_open(b, field);
	proto_u64(b, 1, (uint64_t)sec);
	proto_u64(b, 2, (uint64_t)nanos);
	proto_close(b, mark);
}

static void
proto_exemplar(struct expo *e, unsigned field, const struct exemplar *ex)
{
	const char *s;
	size_t mark;

	mark = proto_open(e->out, field);
	for (s = ex->labels; s < ex->labels + ex->len; s += strlen(s) + 1) {
		proto_label(e, s, s + strlen(s) + 1);
		s += strlen(s) + 1;
	}
	proto_double(e->out, 2, ex->value);
	proto_start(e->out, 3, ex->time_ns);
	proto_close(e->out, mark);
}

static void
proto_newest(struct expo *e, unsigned field,
    const struct collect_series *series, uint32_t bucket)
{
	struct exemplar ex;

	if (pdc_collect_newest(e->family, series, bucket, &ex) &&
	    pdc_expo_exemplar(e, &ex))
		proto_exemplar(e, field, &ex);
}

static void
proto_pair(struct buf *b, struct pair pair)
{
	proto_u64(b, 1, pair.count);
	proto_double(b, 2, pair.sum);
}

static size_t
proto_signed(unsigned char *p, int64_t v)
{
	return proto_varint(p, (uint64_t)v << 1 ^ (v < 0 ? ~(uint64_t)0 : 0));
}

/* Buckets that follow each other: the gap before them, and how many. */
static void
proto_span(struct buf *b, unsigned field, int32_t gap, uint32_t n)
{
	unsigned char p[VARINT_MAX];
	size_t mark = proto_open(b, field);

	pdc_buf_chr(b, 1 << 3 | WIRE_VARINT);
	pdc_buf_put(b, p, proto_signed(p, gap));
	proto_u64(b, 2, n);
	proto_close(b, mark);
}

/* Spans, and each count as what it is more than the one before. */
static void
proto_native_side(struct buf *b, unsigned field,
    const struct native_bucket *list, uint32_t n)
{
	unsigned char p[VARINT_MAX];
	uint32_t i, first = 0;
	int32_t next = 0;
	uint64_t before = 0;
	size_t mark;

	if (n == 0)
		return;
	for (i = 1; i <= n; i++) {
		if (i < n && list[i].index == list[i - 1].index + 1)
			continue;
		proto_span(b, field, list[first].index - next, i - first);
		next = list[i - 1].index + 1;
		first = i;
	}
	mark = proto_open(b, field + 1);
	for (i = 0; i < n; i++) {
		pdc_buf_put(b, p,
		    proto_signed(p, (int64_t)(list[i].count - before)));
		before = list[i].count;
	}
	proto_close(b, mark);
}

static void
proto_native(struct buf *b, const struct collect_native *n)
{
	unsigned char p[VARINT_MAX];

	pdc_buf_chr(b, 5 << 3 | WIRE_VARINT);
	pdc_buf_put(b, p, proto_signed(p, n->schema));
	proto_double(b, 6, n->zero);
	if (n->nzero > 0)
		proto_u64(b, 7, n->nzero);
	proto_native_side(b, 9, n->minus, n->nminus);
	proto_native_side(b, 12, n->plus, n->nplus);
}

/* All exemplars that a native histogram has. */
static void
proto_exemplars(struct expo *e, const struct collect_series *series)
{
	uint32_t i, n = pdc_collect_nexemplars(e->family);
	struct exemplar ex;

	for (i = 0; i < n && e->family->exemplars != NULL; i++)
		if (pdc_collect_exemplar(e->family, series, i, &ex) &&
		    pdc_expo_exemplar(e, &ex))
			proto_exemplar(e, 16, &ex);
}

static void
proto_buckets(struct expo *e, const struct collect_series *series)
{
	const struct collect_family *f = e->family;
	struct buf *b = e->out;
	uint64_t count = 0;
	size_t mark;
	uint32_t i;

	for (i = 0; i <= f->nbounds; i++) {
		count += series->pairs[i].count;
		mark = proto_open(b, 3);
		proto_u64(b, 1, count);
		proto_double(b, 2, i < f->nbounds ? f->bounds[i] : INFINITY);
		proto_newest(e, 3, series, i);
		proto_close(b, mark);
	}
}

static void
proto_histogram(struct expo *e, const struct collect_series *series)
{
	const struct collect_family *f = e->family;

	proto_pair(e->out, put_total(series->pairs, f->nbounds + 1));
	/* Who reads exemplars in buckets alone finds them there. */
	if (f->nbounds > 0 || !f->native || f->exemplars != NULL)
		proto_buckets(e, series);
	if (f->native)
		proto_native(e->out, series->native);
	proto_start(e->out, 15, series->created_ns);
	if (f->native)
		proto_exemplars(e, series);
}

/* One metric but its labels: a message of its own kind. */
static void
proto_value(struct expo *e, const struct collect_series *series)
{
	struct buf *b = e->out;
	size_t mark;

	switch (e->family->type) {
	case PDC_COUNTER:
		mark = proto_open(b, METRIC_COUNTER);
		proto_double(b, 1, series->value);
		proto_newest(e, 2, series, 0);
		proto_start(b, 3, series->created_ns);
		break;
	case PDC_SUMMARY:
		mark = proto_open(b, METRIC_SUMMARY);
		proto_pair(b, series->pairs[0]);
		proto_start(b, 4, series->created_ns);
		break;
	case PDC_HISTOGRAM:
		mark = proto_open(b, METRIC_HISTOGRAM);
		proto_histogram(e, series);
		break;
	case PDC_UNKNOWN:
		mark = proto_open(b, METRIC_UNTYPED);
		proto_double(b, 1, series->value);
		break;
	default:
		mark = proto_open(b, METRIC_GAUGE);
		proto_double(b, 1, series->value);
	}
	proto_close(b, mark);
}

/* Begin a metric with the labels of the series. */
static size_t
proto_metric(struct expo *e, const struct collect_series *series)
{
	size_t mark = proto_open(e->out, 4);
	uint32_t i;

	for (i = 0; i < series->nlabels; i++)
		if (e->relabel)
			proto_label(e, series->labels[i], series->values[i]);
		else
			proto_plain(e, series->labels[i], series->values[i]);
	return mark;
}

static void
proto_stateset(struct expo *e, const struct collect_series *series)
{
	struct collect_series one = *series;
	size_t mark;
	uint32_t i;

	for (i = 0; i < e->family->nstates; i++) {
		mark = proto_metric(e, series);
		proto_label(e, e->family->name, e->family->states[i]);
		one.value = series->states >> i & 1;
		proto_value(e, &one);
		proto_close(e->out, mark);
	}
}

static void
proto_series(struct expo *e, const struct collect_series *series)
{
	size_t mark;

	if (e->family->type == PDC_STATESET) {
		proto_stateset(e, series);
		return;
	}
	mark = proto_metric(e, series);
	proto_value(e, series);
	proto_close(e->out, mark);
}

void
pdc_proto_begin(struct expo *e)
{
	const struct collect_family *f = e->family;
	struct buf *b = e->out;

	e->write = proto_series;
	pdc_buf_chr(b, 0); /* the length */
	e->mark = b->len;
	proto_string(b, 1, e->base.data, pdc_expo_suffix(f->type));
	if (*f->help != '\0')
		proto_string(b, 2, f->help, "");
	proto_u64(b, 3, proto_type(f->type));
	if (*f->unit != '\0')
		proto_string(b, 5, f->unit, "");
}

void
pdc_proto_done(struct expo *e)
{
	proto_close(e->out, e->mark);
}
