/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "journal/recode.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/escape.h"
#include "journal/journal.h"
#include "journal/json.h"
#include "journal/line.h"
#include "journal/recode_line.h"
#include "pdc.h"

#define SEC_DIGITS 18 /* more are not read; far later than any form says */
#define NS_DIGITS 9
#define US 1000
#define UNICODE_LEN 6 /* \u and four digits */

int
pdc_recode_parse(enum recode_form *form, const char *word)
{
	static const char *const words[] = {
#define X(name, word) word,
		RECODE_FORMS(X)
#undef X
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i]) == 0) {
			*form = (enum recode_form)i;
			return 0;
		}
	return PDC_EINVAL;
}

static void
recode_pair(struct recode *r, const struct member *m)
{
	struct recode_pair *p;
	size_t max;

	if (r->npairs == r->max) {
		max = r->max == 0 ? 16 : 2 * r->max;
		p = realloc(r->pairs, max * sizeof(*p));
		if (p == NULL) {
			r->out->error = PDC_ENOMEM;
			return;
		}
		r->pairs = p;
		r->max = max;
	}
	p = &r->pairs[r->npairs];
	memset(p, 0, sizeof(*p));
	p->name = r->text.data + (m->name.s - r->text.data);
	p->len = m->name.len;
	p->value = m->value;
	p->order = r->npairs++;
}

void
pdc_recode_members(struct recode *r, struct span object)
{
	struct members rest = pdc_members(object);
	struct member m;

	while (pdc_member_next(&rest, &m))
		recode_pair(r, &m);
}

/* By their names, and of one name as they were. */
static int
recode_by_name(const void *a, const void *b)
{
	const struct recode_pair *p = a, *q = b;
	int diff;

	if (p->top != q->top)
		return p->top - q->top;
	if (p->len != q->len)
		return p->len < q->len ? -1 : 1;
	diff = memcmp(p->name, q->name, p->len);
	if (diff != 0)
		return diff;
	return p->order < q->order ? -1 : 1;
}

static int
recode_by_order(const void *a, const void *b)
{
	const struct recode_pair *p = a, *q = b;

	return p->order < q->order ? -1 : 1;
}

void
pdc_recode_unique(struct recode *r, size_t from)
{
	struct recode_pair *p = r->pairs + from;
	size_t n = r->npairs - from, i;

	if (n < 2)
		return;
	qsort(p, n, sizeof(*p), recode_by_name);
	for (i = 0; i + 1 < n; i++)
		p[i].gone = p[i].top == p[i + 1].top &&
		    p[i].len == p[i + 1].len &&
		    memcmp(p[i].name, p[i + 1].name, p[i].len) == 0;
	qsort(p, n, sizeof(*p), recode_by_order);
}

/* The escape at s, with others of \u behind it; how long that is. */
static size_t
recode_escape(struct recode *r, const char *s, const char *end)
{
	size_t n = 0, left = (size_t)(end - s);

	if (s[1] != 'u') {
		pdc_buf_put(r->out, s, 2);
		return 2;
	}
	while (left - n >= UNICODE_LEN && s[n] == '\\' && s[n + 1] == 'u')
		n += UNICODE_LEN;
	pdc_buf_reset(&r->room);
	pdc_unescape_json(&r->room, s, n);
	pdc_escape_json(r->out, r->room.data, r->room.len);
	if (r->room.error != 0)
		r->out->error = r->room.error;
	return n;
}

void
pdc_recode_text(struct recode *r, struct span text)
{
	const char *s = text.s, *end = s + text.len, *stop;

	while ((stop = memchr(s, '\\', (size_t)(end - s))) != NULL) {
		pdc_buf_put(r->out, s, (size_t)(stop - s));
		s = stop + recode_escape(r, stop, end);
	}
	pdc_buf_put(r->out, s, (size_t)(end - s));
}

static size_t
recode_digits(struct span s)
{
	size_t n = 0;

	while (n < s.len && s.s[n] >= '0' && s.s[n] <= '9')
		n++;
	return n;
}

/* Seconds, a point, and at most nine digits; 1 if it is so. */
static int
recode_time(struct recode *r)
{
	struct span s = r->time;
	size_t n = recode_digits(s), i;

	if (n == 0 || n == s.len || s.s[n] != '.')
		return 0;
	r->sec = n > SEC_DIGITS ? UINT64_MAX : strtoull(s.s, NULL, 10);
	s.s += n + 1;
	s.len -= n + 1;
	n = recode_digits(s);
	if (n != s.len || n > NS_DIGITS)
		return 0;
	r->ns = 0;
	for (i = 0; i < NS_DIGITS; i++)
		r->ns = r->ns * 10 + (i < n ? (uint32_t)(s.s[i] - '0') : 0);
	return 1;
}

static int
recode_level(struct recode *r)
{
	static const struct {
		const char *word;
		int number;
	} levels[] = {
#define X(name, number, word) { "\"" word "\"", number },
		JOURNAL_LEVELS(X)
#undef X
	};
	size_t i;

	for (i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (pdc_span_is(r->level, levels[i].word)) {
			r->severity = levels[i].number;
			return 1;
		}
	return 0;
}

static int
recode_begins(struct span s, const char *letters)
{
	return s.len > 0 && strchr(letters, *s.s) != NULL;
}

/* Whether it has all that a line of one kind has, and nothing of another. */
static int
recode_sort(struct recode *r)
{
	if (!r->has_fields || !recode_time(r))
		return 0;
	if (r->level.len > 0) {
		r->kind = RECODE_LOG;
		return recode_level(r) && recode_begins(r->message, "\"") &&
		    r->name.len == 0 && r->value.len == 0;
	}
	r->kind = r->value.len > 0 ? RECODE_MEASURE : RECODE_EVENT;
	return recode_begins(r->name, "\"") && r->message.len == 0 &&
	    (r->value.len == 0 || recode_begins(r->value, "-0123456789n"));
}

/* 0 for a member that cannot be. */
static int
recode_member(struct recode *r, const struct member *m)
{
	const struct {
		const char *name;
		struct span *to;
	} known[] = {
		{ "timestamp", &r->time },
		{ "level", &r->level },
		{ "message", &r->message },
		{ "name", &r->name },
		{ "value", &r->value },
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (pdc_span_is(m->name, known[i].name)) {
			*known[i].to = m->value;
			return 1;
		}
	if (!pdc_span_is(m->name, "attributes") &&
	    !pdc_span_is(m->name, "labels")) {
		recode_pair(r, m);
		return 1;
	}
	if (*m->value.s != '{')
		return 0;
	pdc_recode_members(r, m->value);
	r->has_fields = 1;
	return 1;
}

/* Take a line without its newline apart; 0: it is none. */
static int
recode_take(struct recode *r, const char *line, size_t len)
{
	static const struct span none;
	struct members rest;
	struct member m;
	char *room;

	pdc_buf_reset(&r->text);
	pdc_buf_reset(&r->room);
	pdc_buf_put(&r->text, line, len);
	pdc_buf_chr(&r->text, '\0');
	room = pdc_buf_reserve(&r->room, len);
	if (r->text.error != 0 || r->room.error != 0) {
		r->out->error = PDC_ENOMEM;
		return 0;
	}
	if (len == 0 || *line != '{' ||
	    !pdc_json_is_line(r->text.data, len, room))
		return 0;
	r->npairs = 0;
	r->has_fields = 0;
	r->time = r->level = r->message = r->name = r->value = none;
	rest = pdc_members((struct span){ r->text.data, len });
	while (pdc_member_next(&rest, &m))
		if (!recode_member(r, &m))
			return 0;
	return recode_sort(r);
}

size_t
pdc_recode_lines(struct buf *out, const char *lines, size_t len,
    enum recode_form form)
{
	struct recode r = { .out = out };
	const char *end = lines + len, *stop;
	size_t left = 0;

	if (form == RECODE_NDJSON) {
		pdc_buf_put(out, lines, len);
		return 0;
	}
	for (; lines < end && out->error == 0; lines = stop + 1) {
		stop = memchr(lines, '\n', (size_t)(end - lines));
		if (stop == NULL)
			stop = end;
		if (!recode_take(&r, lines, (size_t)(stop - lines)))
			left += out->error == 0;
		else if (form == RECODE_OTEL)
			pdc_recode_otel(&r);
		else
			pdc_recode_ecs(&r);
	}
	pdc_buf_fini(&r.text);
	pdc_buf_fini(&r.room);
	free(r.pairs);
	return left;
}

void
pdc_recode_notice(struct buf *out, const struct recode_notice *n,
    enum recode_form form)
{
	const struct clock now = { 0 };
	char time[LINE_TIME_MAX];
	struct buf line;

	if (form == RECODE_NDJSON) {
		pdc_buf_fmt(out, "{\"%s\": %s}\n", n->name, n->value);
		return;
	}
	pdc_buf_init(&line);
	time[pdc_journal_time(time, pdc_clock_wall(&now) / US)] = '\0';
	pdc_buf_fmt(&line,
	    "{\"timestamp\": %s, \"level\": \"WARNING\", \"message\": \"%s\", "
	    "\"attributes\": {\"%s\": %s}}",
	    time, n->words, n->name, n->value);
	if (line.error != 0)
		out->error = line.error;
	else
		pdc_recode_lines(out, line.data, line.len, form);
	pdc_buf_fini(&line);
}
