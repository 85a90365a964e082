/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "pdc/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "journal/member.h"

/* Of what is no line as the journal writes it, what can be told is shown. */

#define MICROS 1e6
#define HALF_MICRO 0.5e-6
#define SECONDS_MAX 1e11 /* a year of four digits */

static const struct text_level {
	const char *word, *colour;
} text_levels[] = {
	{ "\"CRITICAL\"", "\033[1;31m" },
	{ "\"ERROR\"", "\033[31m" },
	{ "\"WARNING\"", "\033[33m" },
	{ "\"INFO\"", "\033[32m" },
};

static void
text_time(struct buf *out, struct span s)
{
	double seconds = s.len > 0 && *s.s >= '0' && *s.s <= '9' ?
	    strtod(s.s, NULL) :
	    -1;
	char word[64];
	time_t whole;
	struct tm tm;
	int micros;

	if (!(seconds >= 0 && seconds < SECONDS_MAX))
		return;
	whole = (time_t)(seconds + HALF_MICRO);
	micros = (int)((seconds - (double)whole) * MICROS + 0.5);
	if (localtime_r(&whole, &tm) == NULL ||
	    strftime(word, sizeof(word), "%Y-%m-%d %H:%M:%S", &tm) == 0)
		return;
	pdc_buf_fmt(out, "%s.%06d ", word, micros < 0 ? 0 : micros);
}

static void
text_level(struct buf *out, struct span s, int colour)
{
	const char *on = "";
	size_t i;

	for (i = 0; i < sizeof(text_levels) / sizeof(text_levels[0]); i++)
		if (pdc_span_is(s, text_levels[i].word))
			on = text_levels[i].colour;
	if (s.len < 2)
		return;
	pdc_buf_fmt(out, "%s%-8.*s%s ", colour ? on : "", (int)s.len - 2,
	    s.s + 1, colour && *on != '\0' ? "\033[0m" : "");
}

/* A string without its quotes; its escapes stay, so it is one line. */
static void
text_words(struct buf *out, struct span s)
{
	if (s.len >= 2 && *s.s == '"') {
		s.s++;
		s.len -= 2;
	}
	pdc_buf_put(out, s.s, s.len);
	pdc_buf_chr(out, ' ');
}

/* name=value */
static void
text_fields(struct buf *out, struct span object)
{
	struct members rest = pdc_members(object);
	struct member m;

	while (pdc_member_next(&rest, &m)) {
		pdc_buf_put(out, m.name.s, m.name.len);
		pdc_buf_chr(out, '=');
		pdc_buf_put(out, m.value.s, m.value.len);
		pdc_buf_chr(out, ' ');
	}
}

static void
text_member(struct buf *out, const struct member *m, int colour)
{
	if (pdc_span_is(m->name, "timestamp"))
		return;
	if (pdc_span_is(m->name, "level"))
		text_level(out, m->value, colour);
	else if (m->value.len > 0 && *m->value.s == '{')
		text_fields(out, m->value);
	else
		text_words(out, m->value);
}

/* Behind the line there is its newline. */
static void
text_line(struct buf *out, struct span line, int colour)
{
	struct members rest = pdc_members(line);
	struct member m = { .name = { "", 0 } };

	while (!pdc_span_is(m.name, "timestamp"))
		if (line.len == 0 || *line.s != '{' ||
		    !pdc_member_next(&rest, &m)) {
			pdc_buf_put(out, line.s, line.len);
			pdc_buf_chr(out, '\n');
			return;
		}
	text_time(out, m.value);
	rest = pdc_members(line);
	while (pdc_member_next(&rest, &m))
		text_member(out, &m, colour);
	if (out->len > 0 && out->data[out->len - 1] == ' ')
		out->len--;
	pdc_buf_chr(out, '\n');
}

void
text_lines(struct buf *out, const char *lines, size_t len, int colour)
{
	const char *end = lines + len, *stop;

	for (; lines < end; lines = stop + 1) {
		stop = memchr(lines, '\n', (size_t)(end - lines));
		if (stop == NULL) {
			pdc_buf_put(out, lines, (size_t)(end - lines));
			return;
		}
		text_line(out, (struct span){ lines, (size_t)(stop - lines) },
		    colour);
	}
}
