/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "journal/json.h"

#include <string.h>

#include "base/escape.h"
#include "pdc.h"

#define UTF8_MAX 4

/*
 * What may come next:
 *	VALUE	a value
 *	FIRST	a value, or the end of an array that is empty
 *	NAME	the name of a member
 *	NONE	the same, or the end of an object that is empty
 *	AFTER	a comma, the end of what it is in, or of all
 */
enum json_next { NEXT_VALUE, NEXT_FIRST, NEXT_NAME, NEXT_NONE, NEXT_AFTER };

struct json {
	struct line *line;
	const char *s;
	size_t limit;
	enum json_next next;
	unsigned depth, most;
	char object[JSON_DEPTH + JSON_AROUND]; /* each level; or an array */
};

static void
json_blanks(struct json *j)
{
	j->s += strspn(j->s, " \t\n\r");
}

static int
json_put(struct json *j, const char *s, size_t len)
{
	if (j->line->len + len > j->limit) {
		j->line->cut = 1;
		return -1;
	}
	memcpy(j->line->data + j->line->len, s, len);
	j->line->len += len;
	return 0;
}

/* The n bytes at s as they are. */
static int
json_take(struct json *j, size_t n)
{
	const char *s = j->s;

	j->s += n;
	return json_put(j, s, n);
}

static int
json_bad(void)
{
	return PDC_EINVAL;
}

/* Behind the backslash: the length of what is legal, or 0. */
static size_t
json_escaped(const char *s)
{
	if (*s == 'u')
		return strspn(s + 1, "0123456789abcdefABCDEF") >= 4 ? 5 : 0;
	return *s != '\0' && strchr("\"\\/bfnrt", *s) != NULL ? 1 : 0;
}

/* How many bytes stand for themselves in a string. */
static size_t
json_plain(const char *s)
{
	size_t n = 0;

	while (s[n] >= ' ' && s[n] < 0x7f && s[n] != '"' && s[n] != '\\')
		n++;
	return n;
}

static int
json_string(struct json *j)
{
	char out[ESCAPE_JSON_MAX];
	size_t n, outlen;

	if (json_take(j, 1) < 0)
		return 0;
	for (;;) {
		if (json_take(j, json_plain(j->s)) < 0)
			return 0;
		if (*j->s == '"')
			break;
		if ((unsigned char)*j->s < ' ')
			return json_bad();
		if (*j->s == '\\') {
			n = json_escaped(j->s + 1);
			if (n == 0)
				return json_bad();
			if (json_take(j, n + 1) < 0)
				return 0;
			continue;
		}
		n = pdc_escape_json_next(out, &outlen, j->s,
		    strnlen(j->s, UTF8_MAX));
		if (n & ESCAPE_INVALID)
			j->line->invalid = 1;
		j->s += n & ~ESCAPE_INVALID;
		if (json_put(j, out, outlen) < 0)
			return 0;
	}
	json_take(j, 1);
	return 0;
}

static size_t
json_digits(const char *s)
{
	return strspn(s, "0123456789");
}

/* The length of the number at s, or 0. */
static size_t
json_number(const char *s)
{
	const char *start = s;
	size_t n;

	s += *s == '-';
	n = json_digits(s);
	if (n == 0 || (n > 1 && *s == '0'))
		return 0;
	s += n;
	if (*s == '.') {
		n = json_digits(++s);
		if (n == 0)
			return 0;
		s += n;
	}
	if (*s == 'e' || *s == 'E') {
		s++;
		s += *s == '-' || *s == '+';
		n = json_digits(s);
		if (n == 0)
			return 0;
		s += n;
	}
	return (size_t)(s - start);
}

static int
json_open(struct json *j, int object)
{
	if (j->depth == j->most)
		return json_bad();
	j->object[j->depth++] = (char)object;
	j->next = object ? NEXT_NONE : NEXT_FIRST;
	json_take(j, 1);
	return 0;
}

static int
json_close(struct json *j, int object)
{
	if (j->depth == 0 || j->object[j->depth - 1] != object)
		return json_bad();
	j->depth--;
	j->next = NEXT_AFTER;
	json_take(j, 1);
	return 0;
}

static int
json_scalar(struct json *j)
{
	static const char *const words[] = { "true", "false", "null" };
	size_t i, n = 0;

	for (i = 0; n == 0 && i < 3; i++)
		if (strncmp(j->s, words[i], strlen(words[i])) == 0)
			n = strlen(words[i]);
	if (n == 0)
		n = json_number(j->s);
	if (n == 0)
		return json_bad();
	json_take(j, n);
	return 0;
}

static int
json_value(struct json *j)
{
	if (*j->s == '{' || *j->s == '[')
		return json_open(j, *j->s == '{');
	j->next = NEXT_AFTER;
	return *j->s == '"' ? json_string(j) : json_scalar(j);
}

static int
json_member(struct json *j)
{
	int ret;

	if (*j->s != '"')
		return json_bad();
	ret = json_string(j);
	json_blanks(j);
	if (ret < 0 || j->line->cut)
		return ret;
	if (*j->s != ':')
		return json_bad();
	j->s++;
	json_put(j, ": ", 2);
	j->next = NEXT_VALUE;
	return 0;
}

static int
json_comma(struct json *j)
{
	if (j->depth == 0 || *j->s != ',')
		return json_bad();
	j->s++;
	json_put(j, ", ", 2);
	j->next = j->object[j->depth - 1] ? NEXT_NAME : NEXT_VALUE;
	return 0;
}

static int
json_step(struct json *j)
{
	int end = *j->s == '}' || *j->s == ']';

	if (end &&
	    (j->next == NEXT_AFTER || j->next == NEXT_FIRST ||
		j->next == NEXT_NONE))
		return json_close(j, *j->s == '}');
	switch (j->next) {
	case NEXT_VALUE:
	case NEXT_FIRST:
		return json_value(j);
	case NEXT_NAME:
	case NEXT_NONE:
		return json_member(j);
	default:
		return json_comma(j);
	}
}

static int
json_copy(struct line *line, const char *text, size_t limit, unsigned most)
{
	struct json j;
	int ret = 0;

	j.line = line;
	j.s = text;
	j.limit = limit;
	j.next = NEXT_VALUE;
	j.depth = 0;
	j.most = most;
	json_blanks(&j);
	while (
	    ret == 0 && !line->cut && (j.next != NEXT_AFTER || j.depth > 0)) {
		ret = json_step(&j);
		json_blanks(&j);
	}
	return ret == 0 && !line->cut && *j.s != '\0' ? json_bad() : ret;
}

int
pdc_json_copy(struct line *line, const char *text, size_t limit)
{
	return json_copy(line, text, limit, JSON_DEPTH);
}

int
pdc_json_is_line(const char *text, size_t len, char *room)
{
	struct line l = { .data = room, .room = len };

	return json_copy(&l, text, len, JSON_DEPTH + JSON_AROUND) == 0 &&
	    !l.cut && l.len == len && memcmp(room, text, len) == 0;
}
