/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "base/escape.h"

#include <stdint.h>
#include <string.h>

#include "base/buf.h"

#define UTF8_INVALID UINT32_MAX

/*
 * How a sequence of UTF-8 may begin: the first byte, and the second, whose
 * range keeps out overlong forms, surrogates and what is over U+10FFFF.  All
 * later bytes are 80..bf.
 */
static const struct utf8_lead {
	unsigned char first, last; /* of the first byte */
	unsigned char low, high; /* of the second byte */
	unsigned char len;
} utf8_leads[] = {
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};
#define UTF8_NLEADS (sizeof(utf8_leads) / sizeof(utf8_leads[0]))

static const struct utf8_lead *
utf8_find(unsigned char c)
{
	size_t i;

	for (i = 0; i < UTF8_NLEADS; i++)
		if (c >= utf8_leads[i].first && c <= utf8_leads[i].last)
			return &utf8_leads[i];
	return NULL;
}

/*
 * Read one character of s, of at least one byte.  Returns the bytes taken; cp
 * is UTF8_INVALID when they are a maximal subpart of none.
 */
static size_t
utf8_next(uint32_t *cp, const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;
	const struct utf8_lead *lead;
	uint32_t v;
	size_t i;

	*cp = p[0];
	if (p[0] < 0x80)
		return 1;
	*cp = UTF8_INVALID;
	lead = utf8_find(p[0]);
	if (lead == NULL || len < 2 || p[1] < lead->low || p[1] > lead->high)
		return 1;
	v = p[0] & (0x7f >> lead->len);
	v = v << 6 | (p[1] & 0x3f);
	for (i = 2; i < lead->len; i++) {
		if (i == len || (p[i] & 0xc0) != 0x80)
			return i;
		v = v << 6 | (p[i] & 0x3f);
	}
	*cp = v;
	return i;
}

size_t
pdc_utf8_clean(char *dst, const char *src, size_t len)
{
	char *start = dst;
	uint32_t cp;
	size_t n;

	for (; len > 0; src += n, len -= n) {
		n = utf8_next(&cp, src, len);
		if (cp == UTF8_INVALID) {
			memcpy(dst, "\357\277\275", 3); /* U+FFFD */
			dst += 3;
		} else {
			memcpy(dst, src, n);
			dst += n;
		}
	}
	return (size_t)(dst - start);
}

int
pdc_utf8_valid(const char *s, size_t len)
{
	uint32_t cp;
	size_t n;

	for (; len > 0; s += n, len -= n) {
		n = utf8_next(&cp, s, len);
		if (cp == UTF8_INVALID)
			return 0;
	}
	return 1;
}

/* The escape of c in the text forms, or NULL. */
static const char *
escape_text(char c, int quotes)
{
	switch (c) {
	case '\\':
		return "\\\\";
	case '\n':
		return "\\n";
	case '"':
		return quotes ? "\\\"" : NULL;
	}
	return NULL;
}

/* Append s in runs of what needs no escape. */
static void
escape_runs(struct buf *b, const char *s, size_t len, int quotes)
{
	const char *end = s + len, *run, *escape;

	for (run = s; s < end; s++) {
		escape = escape_text(*s, quotes);
		if (escape == NULL)
			continue;
		pdc_buf_put(b, run, (size_t)(s - run));
		pdc_buf_put(b, escape, 2);
		run = s + 1;
	}
	pdc_buf_put(b, run, (size_t)(end - run));
}

void
pdc_escape_label(struct buf *b, const char *s, size_t len)
{
	escape_runs(b, s, len, 1);
}

void
pdc_escape_help(struct buf *b, const char *s, size_t len)
{
	escape_runs(b, s, len, 0);
}

/* The short escape of c in JSON, or NULL. */
static const char *
json_short(uint32_t c)
{
	switch (c) {
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	case '\b':
		return "\\b";
	case '\f':
		return "\\f";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	case '\t':
		return "\\t";
	}
	return NULL;
}

static size_t
json_unit(char *out, uint32_t unit)
{
	static const char hex[] = "0123456789abcdef";

	out[0] = '\\';
	out[1] = 'u';
	out[2] = hex[unit >> 12 & 15];
	out[3] = hex[unit >> 8 & 15];
	out[4] = hex[unit >> 4 & 15];
	out[5] = hex[unit & 15];
	return 6;
}

static size_t
json_escape(char *out, uint32_t cp)
{
	const char *escape = json_short(cp);

	if (escape != NULL) {
		memcpy(out, escape, 2);
		return 2;
	}
	if (cp == UTF8_INVALID)
		return json_unit(out, 0xfffd);
	if (cp <= 0xffff)
		return json_unit(out, cp);
	cp -= 0x10000;
	json_unit(out, 0xd800 + (cp >> 10));
	json_unit(out + 6, 0xdc00 + (cp & 0x3ff));
	return 12;
}

static int
json_plain(uint32_t cp)
{
	return cp >= ' ' && cp < 0x7f && cp != '"' && cp != '\\';
}

void
pdc_escape_json(struct buf *b, const char *s, size_t len)
{
	const char *end = s + len, *run;
	char out[ESCAPE_JSON_MAX];
	uint32_t cp;
	size_t n;

	for (run = s; s < end; s += n) {
		n = utf8_next(&cp, s, (size_t)(end - s));
		if (json_plain(cp))
			continue;
		pdc_buf_put(b, run, (size_t)(s - run));
		pdc_buf_put(b, out, json_escape(out, cp));
		run = s + n;
	}
	pdc_buf_put(b, run, (size_t)(end - run));
}

size_t
pdc_escape_json_next(char *out, size_t *outlen, const char *s, size_t len)
{
	uint32_t cp;
	size_t n = utf8_next(&cp, s, len);

	if (json_plain(cp)) {
		out[0] = *s;
		*outlen = 1;
		return n;
	}
	*outlen = json_escape(out, cp);
	return cp == UTF8_INVALID ? n | ESCAPE_INVALID : n;
}

/* The four hexadecimal digits at s, or -1. */
static int32_t
json_unit_read(const char *s, const char *end)
{
	int32_t unit = 0;
	int i;

	if (end - s < 4)
		return -1;
	for (i = 0; i < 4; i++) {
		if (s[i] >= '0' && s[i] <= '9')
			unit = unit << 4 | (s[i] - '0');
		else if ((s[i] | 0x20) >= 'a' && (s[i] | 0x20) <= 'f')
			unit = unit << 4 | ((s[i] | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return unit;
}

static void
utf8_put(struct buf *b, uint32_t cp)
{
	if (cp < 0x80) {
		pdc_buf_chr(b, (char)cp);
	} else if (cp < 0x800) {
		pdc_buf_chr(b, (char)(0xc0 | cp >> 6));
	} else if (cp < 0x10000) {
		pdc_buf_chr(b, (char)(0xe0 | cp >> 12));
		pdc_buf_chr(b, (char)(0x80 | (cp >> 6 & 0x3f)));
	} else {
		pdc_buf_chr(b, (char)(0xf0 | cp >> 18));
		pdc_buf_chr(b, (char)(0x80 | (cp >> 12 & 0x3f)));
		pdc_buf_chr(b, (char)(0x80 | (cp >> 6 & 0x3f)));
	}
	if (cp >= 0x80)
		pdc_buf_chr(b, (char)(0x80 | (cp & 0x3f)));
}

/* \uXXXX at s, or two of them; how long that is. */
static size_t
json_unit_put(struct buf *b, const char *s, const char *end)
{
	int32_t unit = json_unit_read(s + 2, end), low = -1;

	if (unit >= 0xd800 && unit < 0xdc00 && end - s >= 12 && s[6] == '\\' &&
	    s[7] == 'u')
		low = json_unit_read(s + 8, end);
	if (low >= 0xdc00 && low < 0xe000) {
		utf8_put(b,
		    0x10000 + (((uint32_t)unit & 0x3ff) << 10) +
			((uint32_t)low & 0x3ff));
		return 12;
	}
	utf8_put(b,
	    unit < 0 || (unit >= 0xd800 && unit < 0xe000) ? 0xfffd :
							    (uint32_t)unit);
	return unit < 0 ? 2 : 6;
}

void
pdc_unescape_json(struct buf *b, const char *s, size_t len)
{
	static const char letters[] = "\"\\/bfnrt", what[] = "\"\\/\b\f\n\r\t";
	const char *end = s + len, *letter;

	while (s < end) {
		if (*s != '\\' || end - s < 2) {
			pdc_buf_chr(b, *s++);
		} else if (s[1] == 'u') {
			s += json_unit_put(b, s, end);
		} else {
			letter = strchr(letters, s[1]);
			pdc_buf_chr(b,
			    letter != NULL && *letter != '\0' ?
				what[letter - letters] :
				s[1]);
			s += 2;
		}
	}
}

static int
name_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* colon is ':' where colons may be, else any letter. */
static int
name_check(const char *s, char colon)
{
	if (!name_letter(*s) && *s != colon)
		return 0;
	while (*++s != '\0')
		if (!name_letter(*s) && *s != colon && (*s < '0' || *s > '9'))
			return 0;
	return 1;
}

int
pdc_name_metric(const char *s)
{
	return name_check(s, ':');
}

int
pdc_name_label(const char *s)
{
	return name_check(s, '_');
}

/* A character in a name by its scheme; plain if it is an old letter. */
static void
escape_rune(struct buf *b, uint32_t cp, enum escape_scheme scheme, int plain)
{
	if (plain && (cp != '_' || scheme == ESCAPE_UNDERSCORES))
		pdc_buf_chr(b, (char)cp);
	else if (scheme == ESCAPE_UNDERSCORES)
		pdc_buf_chr(b, '_');
	else if (scheme == ESCAPE_DOTS)
		pdc_buf_str(b, cp == '.' ? "_dot_" : "__");
	else if (cp == '_')
		pdc_buf_str(b, "__");
	else
		pdc_buf_fmt(b, "_%x_", (unsigned)cp);
}

/* colon as in name_check(). */
static void
escape_name(struct buf *b, const char *s, enum escape_scheme scheme, char colon)
{
	const char *start = s, *end = s + strlen(s);
	uint32_t cp;
	size_t n;

	if (scheme == ESCAPE_NONE || name_check(s, colon)) {
		pdc_buf_put(b, s, (size_t)(end - s));
		return;
	}
	if (scheme == ESCAPE_VALUES)
		pdc_buf_str(b, "U__");
	for (; s < end; s += n) {
		n = utf8_next(&cp, s, (size_t)(end - s));
		if (cp == UTF8_INVALID)
			cp = 0xfffd;
		escape_rune(b, cp, scheme,
		    name_letter(*s) || *s == colon ||
			(s > start && *s >= '0' && *s <= '9'));
	}
}

void
pdc_escape_metric(struct buf *b, const char *name, enum escape_scheme scheme)
{
	escape_name(b, name, scheme, ':');
}

void
pdc_escape_name(struct buf *b, const char *name, enum escape_scheme scheme)
{
	escape_name(b, name, scheme, '_');
}

void
pdc_escape_pair(struct buf *b, const char *name, const char *value,
    enum escape_scheme scheme)
{
	if (scheme == ESCAPE_NONE && !pdc_name_label(name)) {
		pdc_buf_chr(b, '"');
		pdc_escape_label(b, name, strlen(name));
		pdc_buf_chr(b, '"');
	} else {
		pdc_escape_name(b, name, scheme);
	}
	pdc_buf_put(b, "=\"", 2);
	pdc_escape_label(b, value, strlen(value));
	pdc_buf_chr(b, '"');
}

int
pdc_name_utf8(const char *s)
{
	return *s != '\0' && pdc_utf8_valid(s, strlen(s));
}
