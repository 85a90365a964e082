/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "pdc.h"

#include "base/buf.h"
#include "base/escape.h"
#include "base/kinds.h"
#include "base/num.h"
#include "base/states.h"
#include "expo/expo.h"
#include "expo/put.h"

/*
 * Text exposition 0.0.4.
 *
 * A line is written into space reserved for all of it; the labels come
 * rendered and the text of each le is made once a family.
 */

/* `le="0.5"} `: what ends the labels of a bucket. */
struct text_le {
	unsigned char len;
	char text[NUM_SIZE + 7];
};

/* `NAME="open"} `: the same of each state, one behind the other. */
struct text_states {
	struct buf ends;
	size_t to[STATES_MAX]; /* where that of state i ends */
};

struct text {
	struct buf *out;
	const char *name;
	size_t name_len;
	const struct collect_family *family;
	struct text_le *le; /* nbounds + 1, of a histogram */
	const struct text_states *states; /* of a stateset */
};

static const char *
text_type(int type)
{
	static const char *const words[] = {
#define X(name, word, text, om) [PDC_##name] = text,
		PDC_KINDS(X)
#undef X
	};

	if (type < 1 || (size_t)type >= sizeof(words) / sizeof(words[0]))
		return "untyped";
	return words[type];
}

/* The HELP and TYPE lines of name and suffix. */
static void
text_head(struct buf *out, const char *name, const char *suffix,
    const char *help, const char *type)
{
	if (help != NULL && *help != '\0') {
		pdc_buf_str(out, "# HELP ");
		pdc_buf_str(out, name);
		pdc_buf_str(out, suffix);
		pdc_buf_chr(out, ' ');
		pdc_escape_help(out, help, strlen(help));
		pdc_buf_chr(out, '\n');
	}
	pdc_buf_str(out, "# TYPE ");
	pdc_buf_str(out, name);
	pdc_buf_str(out, suffix);
	pdc_buf_chr(out, ' ');
	pdc_buf_str(out, type);
	pdc_buf_chr(out, '\n');
}

/*
 * Write `name_suffix{labels} `, with room for a number and a newline after it.
 * NULL if there is no memory.
 */
static inline char *
text_start(const struct text *text, const char *suffix, size_t suffix_len,
    const struct collect_series *series)
{
	char *p;

	p = pdc_buf_reserve(text->out,
	    text->name_len + suffix_len + series->rendered_len + sizeof("{} ") +
		NUM_SIZE);
	if (p == NULL)
		return NULL;
	p = put_mem(p, text->name, text->name_len);
	p = put_mem(p, suffix, suffix_len);
	if (series->rendered_len > 0) {
		*p++ = '{';
		p = put_mem(p, series->rendered, series->rendered_len);
		*p++ = '}';
	}
	*p++ = ' ';
	return p;
}

/* End a line that was written up to p. */
static inline void
text_end(const struct text *text, char *p)
{
	*p++ = '\n';
	pdc_buf_commit(text->out,
	    (size_t)(p - (text->out->data + text->out->len)));
}

#define LITERAL(s) s, sizeof(s) - 1

static inline void
text_double(const struct text *text, const char *suffix, size_t suffix_len,
    const struct collect_series *series, double value)
{
	char *p = text_start(text, suffix, suffix_len, series);

	if (p != NULL)
		text_end(text, p + pdc_num_go(p, value));
}

/* _sum and _count */
static void
text_pair(const struct text *text, const struct collect_series *series,
    struct pair pair)
{
	char *p;

	text_double(text, LITERAL("_sum"), series, pair.sum);
	p = text_start(text, LITERAL("_count"), series);
	if (p != NULL)
		text_end(text, p + pdc_num_u64(p, pair.count));
}

static void
text_bucket(const struct text *text, const struct collect_series *series,
    const struct text_le *le, uint64_t count)
{
	char *p;

	p = pdc_buf_reserve(text->out,
	    text->name_len + sizeof("_bucket{,") + series->rendered_len +
		sizeof(le->text) + NUM_SIZE);
	if (p == NULL)
		return;
	p = put_mem(p, text->name, text->name_len);
	p = put_mem(p, LITERAL("_bucket{"));
	if (series->rendered_len > 0) {
		p = put_mem(p, series->rendered, series->rendered_len);
		*p++ = ',';
	}
	p = put_mem(p, le->text, le->len);
	text_end(text, p + pdc_num_u64(p, count));
}

static void
text_histogram(const struct text *text, const struct collect_series *series)
{
	uint32_t n = text->family->nbounds + 1, i;
	uint64_t count = 0;

	for (i = 0; i < n; i++) {
		count += series->pairs[i].count;
		text_bucket(text, series, &text->le[i], count);
	}
	text_pair(text, series, put_total(series->pairs, n));
}

static void
text_state(const struct text *text, const struct collect_series *series,
    uint32_t state)
{
	const struct text_states *states = text->states;
	size_t at = state > 0 ? states->to[state - 1] : 0;
	size_t len = states->to[state] - at;
	char *p;

	p = pdc_buf_reserve(text->out,
	    text->name_len + sizeof("{,0\n") + series->rendered_len + len);
	if (p == NULL)
		return;
	p = put_mem(p, text->name, text->name_len);
	*p++ = '{';
	if (series->rendered_len > 0) {
		p = put_mem(p, series->rendered, series->rendered_len);
		*p++ = ',';
	}
	p = put_mem(p, states->ends.data + at, len);
	*p++ = series->states >> state & 1 ? '1' : '0';
	text_end(text, p);
}

static void
text_stateset(const struct text *text, const struct collect_series *series)
{
	uint32_t i;

	for (i = 0; i < text->family->nstates; i++)
		text_state(text, series, i);
}

static void
text_series(const struct text *text, const struct collect_series *series)
{
	switch (text->family->type) {
	case PDC_COUNTER:
		text_double(text, LITERAL("_total"), series, series->value);
		break;
	case PDC_SUMMARY:
		text_pair(text, series, series->pairs[0]);
		break;
	case PDC_HISTOGRAM:
		text_histogram(text, series);
		break;
	case PDC_INFO:
		text_double(text, LITERAL("_info"), series, series->value);
		break;
	case PDC_STATESET:
		text_stateset(text, series);
		break;
	default:
		text_double(text, LITERAL(""), series, series->value);
	}
}

static void
text_le_set(struct text_le *le, const char *number, size_t len)
{
	char *p = le->text;

	p = put_mem(p, LITERAL("le=\""));
	p = put_mem(p, number, len);
	p = put_mem(p, LITERAL("\"} "));
	le->len = (unsigned char)(p - le->text);
}

/* 0, or PDC_ENOMEM, which the buffer keeps as its error. */
static int
text_le_init(struct text *text)
{
	const struct collect_family *family = text->family;
	char number[NUM_SIZE];
	uint32_t i;
	size_t len;

	text->le = calloc((size_t)family->nbounds + 1, sizeof(*text->le));
	if (text->le == NULL) {
		text->out->error = PDC_ENOMEM;
		return PDC_ENOMEM;
	}
	for (i = 0; i < family->nbounds; i++) {
		len = pdc_num_om(number, family->bounds[i]);
		text_le_set(&text->le[i], number, len);
	}
	text_le_set(&text->le[i], LITERAL("+Inf"));
	return 0;
}

/* The same, and the ends to be freed in any case. */
static int
text_states_init(struct text *text, struct text_states *states)
{
	const struct collect_family *family = text->family;
	uint32_t i;

	for (i = 0; i < family->nstates; i++) {
		pdc_buf_str(&states->ends, family->name);
		pdc_buf_str(&states->ends, "=\"");
		pdc_escape_label(&states->ends, family->states[i],
		    strlen(family->states[i]));
		pdc_buf_str(&states->ends, "\"} ");
		states->to[i] = states->ends.len;
	}
	text->states = states;
	if (states->ends.error < 0)
		text->out->error = PDC_ENOMEM;
	return states->ends.error;
}

static const char *
text_suffix(int type)
{
	switch (type) {
	case PDC_COUNTER:
		return "_total";
	case PDC_INFO:
		return "_info";
	default:
		return "";
	}
}

int
pdc_expo_text(struct buf *out, const struct collect_family *family,
    struct collect *collect)
{
	struct text text = { .out = out,
		.name = family->name,
		.name_len = strlen(family->name),
		.family = family };
	const struct collect_series *series;
	struct text_states states;
	int ret = 0;

	text_head(out, family->name, text_suffix(family->type), family->help,
	    text_type(family->type));
	pdc_buf_init(&states.ends);
	if (family->type == PDC_HISTOGRAM)
		ret = text_le_init(&text);
	else if (family->type == PDC_STATESET)
		ret = text_states_init(&text, &states);
	if (ret == 0)
		while ((ret = pdc_collect_series(collect, &series)) ==
		    COLLECT_NEXT)
			text_series(&text, series);
	pdc_buf_fini(&states.ends);
	free(text.le);
	return ret;
}

int
pdc_expo_text_created(struct buf *out, const struct collect_family *family,
    struct collect *collect)
{
	const struct text text = { .out = out,
		.name = family->name,
		.name_len = strlen(family->name),
		.family = family };
	const struct collect_series *series;
	char *p;
	int ret;

	if (family->type != PDC_COUNTER && family->type != PDC_SUMMARY &&
	    family->type != PDC_HISTOGRAM)
		return COLLECT_END;
	text_head(out, family->name, "_created", family->help,
	    text_type(PDC_GAUGE));
	while ((ret = pdc_collect_series(collect, &series)) == COLLECT_NEXT) {
		p = text_start(&text, LITERAL("_created"), series);
		if (p != NULL)
			text_end(&text, p + put_seconds(p, series->created_ns));
	}
	return ret;
}

void
pdc_expo_head(struct buf *out, const char *name, const char *help,
    const char *type)
{
	text_head(out, name, "", help, type);
}

void
pdc_expo_sample(struct buf *out, const char *name, const char *labels,
    double value)
{
	const struct text text = { .out = out,
		.name = name,
		.name_len = strlen(name) };
	struct collect_series series = { .rendered = labels };

	series.rendered_len = labels == NULL ? 0 : strlen(labels);
	text_double(&text, LITERAL(""), &series, value);
}
