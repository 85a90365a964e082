/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <string.h>

#include "pdc.h"

#include "base/kinds.h"
#include "base/num.h"
#include "expo/form.h"

/*
 * The text formats: what is said once a family, and what its samples' names and
 * ends are made of.
 */

static const char *const head_words_classic[] = {
#define X(name, word, text, om) [PDC_##name] = text,
	PDC_KINDS(X)
#undef X
};

static const char *const head_words_om[] = {
#define X(name, word, text, om) [PDC_##name] = om,
	PDC_KINDS(X)
#undef X
};

/* A family's name and suffix, in quotes if it needs them. */
static void
head_name(struct buf *out, const struct expo *e, const char *suffix)
{
	if (e->open == ',') {
		pdc_buf_chr(out, '"');
		pdc_escape_label(out, e->base.data, e->base.len);
		pdc_buf_str(out, suffix);
		pdc_buf_chr(out, '"');
	} else {
		pdc_buf_put(out, e->base.data, e->base.len);
		pdc_buf_str(out, suffix);
	}
}

/* `# TYPE name `, and words and the end of the line. */
static void
head_line(struct expo *e, const char *what, const char *suffix,
    const char *words)
{
	pdc_buf_str(e->out, what);
	head_name(e->out, e, suffix);
	pdc_buf_chr(e->out, ' ');
	pdc_buf_str(e->out, words);
	pdc_buf_chr(e->out, '\n');
}

static void
head_classic(struct expo *e, const char *suffix, const char *word)
{
	const char *help = e->family->help;

	if (*help != '\0') {
		pdc_buf_str(e->out, "# HELP ");
		head_name(e->out, e, suffix);
		pdc_buf_chr(e->out, ' ');
		pdc_escape_help(e->out, help, strlen(help));
		pdc_buf_chr(e->out, '\n');
	}
	head_line(e, "# TYPE ", suffix, word);
}

/* An escaped name may not end in its unit any more. */
static int
head_has_unit(const struct expo *e, const char *unit)
{
	size_t n = strlen(unit);

	return n > 0 && e->base.len > n &&
	    e->base.data[e->base.len - n - 1] == '_' &&
	    memcmp(e->base.data + e->base.len - n, unit, n) == 0;
}

/* Of the family, whose name has no suffix; quotes in HELP are escaped too. */
static void
head_om(struct expo *e, const char *suffix, const char *word)
{
	const char *help = e->family->help, *unit = e->family->unit;

	(void)suffix;
	head_line(e, "# TYPE ", "", word);
	if (head_has_unit(e, unit))
		head_line(e, "# UNIT ", "", unit);
	if (*help == '\0')
		return;
	pdc_buf_str(e->out, "# HELP ");
	head_name(e->out, e, "");
	pdc_buf_chr(e->out, ' ');
	pdc_escape_label(e->out, help, strlen(help));
	pdc_buf_chr(e->out, '\n');
}

const struct text_form pdc_text_classic = {
	.words = head_words_classic,
	.head = head_classic,
	.number = pdc_num_go,
	.tail = "",
};

const struct text_form pdc_text_om = {
	.words = head_words_om,
	.head = head_om,
	.number = pdc_num_om,
	.beside = 1,
	.exemplars = 1,
	.strict = 1,
	.tail = "# EOF\n",
};

static void
head_part(struct expo *e, enum expo_part part, const char *suffix)
{
	e->part[part].at = (uint32_t)e->names.len;
	if (e->open == ',')
		pdc_buf_chr(&e->names, '{');
	head_name(&e->names, e, suffix);
	e->part[part].len = (uint32_t)(e->names.len - e->part[part].at);
}

static void
head_parts(struct expo *e)
{
	int type = e->family->type;

	pdc_buf_reset(&e->names);
	if (type == PDC_COUNTER) {
		head_part(e, PART_TOTAL, "_total");
	} else if (type == PDC_HISTOGRAM || type == PDC_SUMMARY) {
		head_part(e, PART_BUCKET, "_bucket");
		head_part(e, PART_SUM, "_sum");
		head_part(e, PART_COUNT, "_count");
	} else {
		head_part(e, PART_INFO, "_info");
		head_part(e, PART_PLAIN, "");
	}
	head_part(e, PART_CREATED, "_created");
}

/* Note that an end is written up to here. */
static void
head_end(struct expo *e)
{
	uint32_t at;

	pdc_buf_str(&e->ends, "} ");
	at = (uint32_t)e->ends.len;
	pdc_buf_put(&e->end_at, &at, sizeof(at));
}

static void
head_le(struct expo *e, const char *number)
{
	pdc_buf_str(&e->ends, "le=\"");
	pdc_buf_str(&e->ends, number);
	pdc_buf_chr(&e->ends, '"');
	head_end(e);
}

static void
head_ends(struct expo *e)
{
	const struct collect_family *f = e->family;
	char number[NUM_SIZE];
	uint32_t i;

	pdc_buf_reset(&e->ends);
	pdc_buf_reset(&e->end_at);
	for (i = 0; i < f->nbounds; i++) {
		pdc_num_om(number, f->bounds[i]);
		head_le(e, number);
	}
	if (f->type == PDC_HISTOGRAM)
		head_le(e, "+Inf");
	for (i = 0; i < f->nstates; i++) {
		pdc_escape_pair(&e->ends, f->name, f->states[i], e->how.escape);
		head_end(e);
	}
}

void
pdc_text_begin(struct expo *e)
{
	int type = e->family->type;

	e->open = e->how.escape == ESCAPE_NONE &&
		!pdc_name_metric(e->family->name) ?
	    ',' :
	    '{';
	if (e->alone)
		e->form->head(e, "_created", e->form->words[PDC_GAUGE]);
	else
		e->form->head(e, pdc_expo_suffix(type), e->form->words[type]);
	head_parts(e);
	head_ends(e);
	pdc_text_writers(e);
	if (e->names.error < 0 || e->ends.error < 0 || e->end_at.error < 0)
		e->out->error = PDC_ENOMEM;
}
