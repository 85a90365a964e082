/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "pdc/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/*
 * The lines are ours, so their form is known: members in their order, ", " and
 * ": " between, the fields in one object at the end.  Of anything else the line
 * is shown as it is.
 */

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

/* The end of the value at s: of a string, an object, an array, a word. */
static const char *
text_skip(const char *s, const char *end)
{
	int depth = 0, quoted = 0;

	for (; s < end; s++) {
		if (quoted) {
			if (*s == '\\')
				s++;
			else
				quoted = *s != '"';
		} else if (*s == '"') {
			quoted = 1;
		} else if (*s == '{' || *s == '[') {
			depth++;
		} else if (*s == '}' || *s == ']') {
			if (depth-- == 0)
				return s;
		} else if (*s == ',' && depth == 0) {
			return s;
		}
	}
	return end;
}

static void
text_time(struct buf *out, const char *s)
{
	double seconds = *s >= '0' && *s <= '9' ? strtod(s, NULL) : -1;
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
text_level(struct buf *out, const char *s, size_t len, int colour)
{
	const char *on = "";
	size_t i;

	for (i = 0; i < sizeof(text_levels) / sizeof(text_levels[0]); i++)
		if (strncmp(s, text_levels[i].word,
			strlen(text_levels[i].word)) == 0)
			on = text_levels[i].colour;
	if (len < 2)
		return;
	pdc_buf_fmt(out, "%s%-8.*s%s ", colour ? on : "", (int)len - 2, s + 1,
	    colour && *on != '\0' ? "\033[0m" : "");
}

/* A string without its quotes; its escapes stay, so it is one line. */
static void
text_words(struct buf *out, const char *s, size_t len)
{
	if (len >= 2 && *s == '"') {
		s++;
		len -= 2;
	}
	pdc_buf_put(out, s, len);
	pdc_buf_chr(out, ' ');
}

/* name=value, of an object from behind its brace. */
static void
text_fields(struct buf *out, const char *s, const char *end)
{
	const char *stop;

	while (s < end && *s == '"') {
		stop = text_skip(s, end);
		s++;
		while (s < stop && *s != '"') {
			if (*s == '\\' && s + 1 < stop)
				pdc_buf_chr(out, *s++);
			pdc_buf_chr(out, *s++);
		}
		pdc_buf_chr(out, '=');
		if (s + 3 <= stop)
			pdc_buf_put(out, s + 3, (size_t)(stop - s) - 3);
		pdc_buf_chr(out, ' ');
		s = stop + 2;
	}
}

static void
text_member(struct buf *out, const char *name, const char *s, const char *end,
    int colour)
{
	size_t len = (size_t)(end - s);

	if (strncmp(name, "timestamp\"", 10) == 0)
		return;
	if (strncmp(name, "level\"", 6) == 0)
		text_level(out, s, len, colour);
	else if (*s == '{')
		text_fields(out, s + 1, end);
	else
		text_words(out, s, len);
}

/* Behind its end there is its newline. */
static void
text_line(struct buf *out, const char *s, const char *end, int colour)
{
	const char *time = memmem(s, (size_t)(end - s), "\"timestamp\": ", 13);
	const char *stop, *value;

	if (*s != '{' || time == NULL) {
		pdc_buf_put(out, s, (size_t)(end - s));
		pdc_buf_chr(out, '\n');
		return;
	}
	text_time(out, time + 13);
	for (s++; s < end && *s == '"'; s = stop + 2) {
		stop = text_skip(s, end);
		value = memmem(s, (size_t)(stop - s), "\": ", 3);
		if (value == NULL)
			break;
		text_member(out, s + 1, value + 3, stop, colour);
	}
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
		text_line(out, lines, stop, colour);
	}
}
