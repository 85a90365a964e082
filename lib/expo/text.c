/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <math.h>
#include <string.h>

#include "pdc.h"

#include "base/buf.h"
#include "base/num.h"
#include "base/states.h"
#include "expo/form.h"
#include "expo/put.h"

/*
 * The text formats: samples.
 *
 * A line is written into space reserved for all of it; the names of a family's
 * samples and the text of each le and state are made once a family, and the
 * labels come rendered.
 *
 * Where a name needs quotes it stands inside the braces, before the labels:
 *
 *	name_sum{a="x"} 1	{"my.name_sum",a="x"} 1
 */

/*
 * Write the name and the labels with what stands before them and between; at
 * least extra more bytes, a number and a newline may follow.  NULL if there is
 * no memory.
 */
static inline char *
text_start(struct expo *e, enum expo_part part,
    const struct collect_series *series, size_t extra)
{
	const struct expo_name *name = &e->part[part];
	char *p;

	p = pdc_buf_reserve(e->out,
	    name->len + series->rendered_len + extra + sizeof("{,} ") +
		NUM_SIZE);
	if (p == NULL)
		return NULL;
	p = put_mem(p, e->names.data + name->at, name->len);
	if (series->rendered_len > 0) {
		*p++ = e->open;
		p = put_mem(p, series->rendered, series->rendered_len);
	}
	return p;
}

/* End a line that was written up to p. */
static inline void
text_end(const struct expo *e, char *p)
{
	*p++ = '\n';
	pdc_buf_commit(e->out, (size_t)(p - (e->out->data + e->out->len)));
}

/* A line's name and labels, up to its value. */
static inline char *
text_line(struct expo *e, enum expo_part part,
    const struct collect_series *series)
{
	char *p = text_start(e, part, series, 0);

	if (p == NULL)
		return NULL;
	if (series->rendered_len > 0 || e->open == ',')
		*p++ = '}';
	*p++ = ' ';
	return p;
}

/* The same with one label more, which the i-th of ends is. */
static inline char *
text_line_end(struct expo *e, enum expo_part part,
    const struct collect_series *series, uint32_t i)
{
	const uint32_t *end_at = (const uint32_t *)(void *)e->end_at.data;
	size_t at = i > 0 ? end_at[i - 1] : 0;
	char *p;

	p = text_start(e, part, series, end_at[i] - at);
	if (p == NULL)
		return NULL;
	*p++ = series->rendered_len > 0 ? ',' : e->open;
	return put_mem(p, e->ends.data + at, end_at[i] - at);
}

static inline void
text_double(struct expo *e, enum expo_part part,
    const struct collect_series *series, double value)
{
	char *p = text_line(e, part, series);

	if (p != NULL)
		text_end(e, p + e->form->number(p, value));
}

static void
text_created(struct expo *e, const struct collect_series *series)
{
	char *p = text_line(e, PART_CREATED, series);

	if (p != NULL)
		text_end(e, p + put_seconds(p, series->created_ns));
}

/* Behind the number of a line that was ended: ` # {a="b"} 1.0 1700000000.5`. */
static void
text_exemplar(struct expo *e, const struct collect_series *series,
    uint32_t bucket)
{
	struct buf *b = e->out;
	struct exemplar ex;
	const char *s;
	char *p;

	if (!e->form->exemplars ||
	    !pdc_collect_newest(e->family, series, bucket, &ex) ||
	    !pdc_expo_exemplar(e, &ex))
		return;
	b->len--;
	pdc_buf_str(b, " # {");
	for (s = ex.labels; s < ex.labels + ex.len; s += strlen(s) + 1) {
		if (s > ex.labels)
			pdc_buf_chr(b, ',');
		pdc_escape_pair(b, s, s + strlen(s) + 1, e->how.escape);
		s += strlen(s) + 1;
	}
	pdc_buf_str(b, "} ");
	p = pdc_buf_reserve(b, 2 * NUM_SIZE + 2);
	if (p == NULL)
		return;
	p += e->form->number(p, ex.value);
	*p++ = ' ';
	text_end(e, p + put_seconds(p, ex.time_ns));
}

/* _sum and _count */
static void
text_pair(struct expo *e, const struct collect_series *series, struct pair pair)
{
	char *p;

	text_double(e, PART_SUM, series, pair.sum);
	p = text_line(e, PART_COUNT, series);
	if (p != NULL)
		text_end(e, p + pdc_num_u64(p, pair.count));
}

/* A sum that is a counter: what was observed is never below 0. */
static int
text_sum_rises(const struct expo *e, double sum)
{
	const struct collect_family *f = e->family;

	return sum >= 0 && (f->nbounds == 0 || f->bounds[0] >= 0);
}

static void
text_summary(struct expo *e, const struct collect_series *series)
{
	struct pair pair = series->pairs[0];
	char *p;

	if (!e->form->strict || text_sum_rises(e, pair.sum)) {
		text_pair(e, series, pair);
		return;
	}
	p = text_line(e, PART_COUNT, series);
	if (p != NULL)
		text_end(e, p + pdc_num_u64(p, pair.count));
}

static void
text_histogram(struct expo *e, const struct collect_series *series)
{
	uint32_t n = e->family->nbounds + 1, i;
	struct pair total;
	uint64_t count = 0;
	char *p;

	for (i = 0; i < n && e->out->error == 0; i++) {
		count += series->pairs[i].count;
		p = text_line_end(e, PART_BUCKET, series, i);
		if (p != NULL)
			text_end(e, p + pdc_num_u64(p, count));
		if (e->family->exemplars != NULL)
			text_exemplar(e, series, i);
	}
	total = put_total(series->pairs, n);
	if (!e->form->strict || text_sum_rises(e, total.sum))
		text_pair(e, series, total);
}

static void
text_stateset(struct expo *e, const struct collect_series *series)
{
	uint32_t i;
	char *p;

	for (i = 0; i < e->family->nstates && e->out->error == 0; i++) {
		p = text_line_end(e, PART_PLAIN, series, i);
		if (p == NULL)
			return;
		*p++ = series->states >> i & 1 ? '1' : '0';
		text_end(e, p);
	}
}

static void
text_counter(struct expo *e, const struct collect_series *series)
{
	text_double(e, PART_TOTAL, series, series->value);
	if (e->family->exemplars != NULL)
		text_exemplar(e, series, 0);
}

static void
text_info(struct expo *e, const struct collect_series *series)
{
	text_double(e, PART_INFO, series, series->value);
}

static void
text_gauge(struct expo *e, const struct collect_series *series)
{
	text_double(e, PART_PLAIN, series, series->value);
}

/* And its created time beside it. */
static void
text_beside(struct expo *e, const struct collect_series *series)
{
	e->sample(e, series);
	if (series->created_ns != 0)
		text_created(e, series);
}

/* The same series with its labels rendered for this format. */
static void
text_relabel(struct expo *e, const struct collect_series *series)
{
	struct collect_series again = *series;
	uint32_t i;

	pdc_buf_reset(&e->labels);
	for (i = 0; i < series->nlabels; i++) {
		if (i > 0)
			pdc_buf_chr(&e->labels, ',');
		pdc_escape_pair(&e->labels, series->labels[i],
		    series->values[i], e->how.escape);
	}
	if (e->labels.error < 0)
		e->out->error = e->labels.error;
	again.rendered = e->labels.data;
	again.rendered_len = e->labels.len;
	e->line(e, &again);
}

/* How series are written: their samples, what else, and their labels. */
void
pdc_text_writers(struct expo *e)
{
	static const expo_write samples[] = {
		[PDC_COUNTER] = text_counter,
		[PDC_GAUGE] = text_gauge,
		[PDC_SUMMARY] = text_summary,
		[PDC_HISTOGRAM] = text_histogram,
		[PDC_INFO] = text_info,
		[PDC_STATESET] = text_stateset,
		[PDC_UNKNOWN] = text_gauge,
	};
	int type = e->family->type;

	e->sample = e->alone ? text_created : samples[type];
	e->line = e->form->beside && e->how.created &&
		(type == PDC_COUNTER || type == PDC_SUMMARY ||
		    type == PDC_HISTOGRAM) ?
	    text_beside :
	    e->sample;
	e->write = e->relabel ? text_relabel : e->line;
}
