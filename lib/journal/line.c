/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "journal/line.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include <string.h>

#include "base/escape.h"
#include "base/num.h"
#include "journal/context.h"
#include "journal/json.h"
#include "pdc.h"

#define ONES UINT64_C(0x0101010101010101)
#define HIGH (ONES << 7)
#define MESSAGE_PART 4 /* at most 3/4 of a line, so that fields have room */

const char *
pdc_level_word(enum journal_stream stream)
{
	static const char *const words[] = {
#define X(name, number, word) word,
		JOURNAL_LEVELS(X)
#undef X
	};

	return words[stream];
}

static inline int
line_letter(char c)
{
	return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
}

static inline size_t
line_letters(const char *s, size_t len)
{
	size_t n;

	for (n = 0; n < len && line_letter(s[n]); n++)
		continue;
	return n;
}

/* Not 0 where a byte of two words does not stand for itself in JSON. */
#ifdef __SSE2__
static inline unsigned
line_odd(uint64_t first, uint64_t last)
{
	__m128i v = _mm_set_epi64x((int64_t)last, (int64_t)first), odd;

	/* 0x7f is below all then, as those from 0x80 on are. */
	odd = _mm_add_epi8(v, _mm_set1_epi8(1));
	odd = _mm_cmpgt_epi8(_mm_set1_epi8('!'), odd);
	odd = _mm_or_si128(odd, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
	odd = _mm_or_si128(odd, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
	return (unsigned)_mm_movemask_epi8(odd);
}
#else
static inline uint64_t
line_odd8(uint64_t w)
{
	uint64_t quote = w ^ ONES * '"', slash = w ^ ONES * '\\';
	uint64_t odd;

	odd = w | (w + ONES); /* 0x7f and above */
	odd |= (w - ONES * ' ') & ~w;
	odd |= (quote - ONES) & ~quote;
	odd |= (slash - ONES) & ~slash;
	return odd & HIGH;
}

static inline uint64_t
line_odd(uint64_t first, uint64_t last)
{
	return line_odd8(first) | line_odd8(last);
}
#endif

/* Copy less than 16, by two words or halves that may overlap. */
static inline int
line_copy_few(char *to, const char *s, size_t len)
{
	uint64_t first, last;
	uint32_t a, b;
	size_t n;

	if (len >= sizeof(first)) {
		memcpy(&first, s, sizeof(first));
		memcpy(&last, s + len - sizeof(last), sizeof(last));
		memcpy(to, &first, sizeof(first));
		memcpy(to + len - sizeof(last), &last, sizeof(last));
		return line_odd(first, last) == 0;
	}
	if (len >= sizeof(a)) {
		memcpy(&a, s, sizeof(a));
		memcpy(&b, s + len - sizeof(b), sizeof(b));
		memcpy(to, &a, sizeof(a));
		memcpy(to + len - sizeof(b), &b, sizeof(b));
		first = (uint64_t)a << 32 | b;
		return line_odd(first, first) == 0;
	}
	for (n = 0; n < len && line_letter(s[n]); n++)
		to[n] = s[n];
	return n == len;
}

/* Copy 16; whether they stand for themselves. */
static inline int
line_copy16(char *to, const char *s)
{
	uint64_t w[2];

	memcpy(w, s, sizeof(w));
	memcpy(to, w, sizeof(w));
	return line_odd(w[0], w[1]) == 0;
}

/*
 * Copy all, for which there is room; how many stand for themselves before one
 * that does not.
 */
static inline __attribute__((always_inline)) size_t
line_copy(char *to, const char *s, size_t len)
{
	size_t n;

	if (len < 16)
		return line_copy_few(to, s, len) ? len : line_letters(s, len);
	for (n = 0; len - n > 16; n += 16)
		if (!line_copy16(to + n, s + n))
			return n + line_letters(s + n, 16);
	n = len - 16;
	return line_copy16(to + n, s + n) ? len : n + line_letters(s + n, 16);
}

/* One that does not stand for itself; 0 if there is no room for it. */
static size_t
line_char(struct line *l, char **to, const char *s, size_t len, const char *end)
{
	char out[ESCAPE_JSON_MAX];
	size_t n, outlen;

	n = pdc_escape_json_next(out, &outlen, s, len);
	if (outlen > (size_t)(end - *to)) {
		l->cut++;
		return 0;
	}
	if (n & ESCAPE_INVALID)
		l->invalid = 1;
	memcpy(*to, out, outlen);
	*to += outlen;
	return n & ~ESCAPE_INVALID;
}

/* Also where it is not plain, or has to be cut. */
static __attribute__((noinline)) char *
line_string_slow(struct line *l, char *to, const char *s, size_t len,
    const char *end)
{
	size_t n, room;

	if (to > end) {
		l->cut++;
		return to;
	}
	for (; len > 0; s += n, len -= n) {
		room = (size_t)(end - to);
		n = line_copy(to, s, len < room ? len : room);
		to += n;
		if (n == 0)
			n = line_char(l, &to, s, len, end);
		if (n == 0)
			break;
	}
	return to;
}

/* A string without its quotes, up to end; returns where it ends. */
static inline __attribute__((always_inline)) char *
line_string(struct line *l, char *to, const char *s, const char *end)
{
	size_t len = strlen(s), n = 0;

	if (end - to >= (ptrdiff_t)len) {
		n = line_copy(to, s, len);
		if (n == len)
			return to + n;
	}
	return line_string_slow(l, to + n, s + n, len - n, end);
}

/* There is room for it. */
#define LINE_PUT(to, words) \
	((char *)memcpy(to, words, sizeof(words) - 1) + sizeof(words) - 1)

/* Where a message or name has to end. */
static const char *
line_words_end(const struct line *l)
{
	return l->data + l->room - l->room / MESSAGE_PART;
}

void
pdc_line_log(struct line *l, enum journal_stream stream, const char *message)
{
	static const struct {
		char text[48];
		size_t len;
	} heads[] = {
#define X(name, number, word) { HEAD(word), sizeof(HEAD(word)) - 1 },
#define HEAD(word) "{\"level\": \"" word "\", \"message\": \""
		JOURNAL_LEVELS(X)
#undef HEAD
#undef X
	};
	char *to = l->data + heads[stream].len;

	memcpy(l->data, heads[stream].text, sizeof(heads[stream].text));
	l->at = 1;
	to = line_string(l, to, message, line_words_end(l));
	to = LINE_PUT(to, "\", \"attributes\": {");
	l->len = (size_t)(to - l->data);
}

void
pdc_line_named(struct line *l, const char *name, const double *value)
{
	char *to = LINE_PUT(l->data, "{\"name\": \"");

	to = line_string(l, to, name, line_words_end(l));
	to = LINE_PUT(to, "\", ");
	l->at = (size_t)(to - l->data);
	if (value == NULL) {
		to = LINE_PUT(to, "\"attributes\": {");
	} else {
		l->labels = 1;
		to = LINE_PUT(to, "\"value\": ");
		to += pdc_num_json(to, *value);
		to = LINE_PUT(to, ", \"labels\": {");
	}
	l->len = (size_t)(to - l->data);
}

/* ", " but before the first. */
static inline char *
line_comma(char *to)
{
	return to[-1] != '{' ? LINE_PUT(to, ", ") : to;
}

static char *
line_json(struct line *l, char *to, const struct pdc_field *f, const char *end)
{
	unsigned cut = l->cut;

	l->len = (size_t)(to - l->data);
	l->cut = 0;
	if (pdc_json_copy(l, f->text, (size_t)(end - l->data)) < 0)
		l->bad = f->name;
	l->cut += cut;
	return l->data + l->len;
}

static char *
line_number(struct line *l, char *to, const struct pdc_field *f)
{
	if (f->kind == PDC_INTEGER)
		return to + pdc_num_i64(to, f->integer);
	if (f->kind == PDC_NUMBER)
		return to + pdc_num_json(to, f->number);
	if (f->kind != PDC_BOOL)
		l->bad = f->name;
	return f->integer ? LINE_PUT(to, "true") : LINE_PUT(to, "false");
}

static inline char *
line_value(struct line *l, char *to, const struct pdc_field *f, const char *end)
{
	int quoted = l->labels || f->kind == PDC_STRING;

	if (f->kind == PDC_JSON && !quoted)
		return line_json(l, to, f, end);
	if (quoted)
		*to++ = '"';
	if (field_has_text(f))
		to = line_string(l, to, f->text, end);
	else
		to = line_number(l, to, f);
	if (quoted)
		*to++ = '"';
	return to;
}

/* Cut or not at all: half a name, half a JSON text are of no use. */
static inline char *
line_field(struct line *l, char *was, const struct pdc_field *f,
    const char *end)
{
	char *to = was;
	unsigned cut = l->cut;

	if (f->name == NULL || (f->text == NULL && field_has_text(f))) {
		l->bad = f->name != NULL ? f->name : "";
		return was;
	}
	if (end - to < 2 * NUM_SIZE) {
		l->cut++;
		return was;
	}
	to = line_comma(to);
	*to++ = '"';
	to = line_string(l, to, f->name, end - 2 * NUM_SIZE);
	to = LINE_PUT(to, "\": ");
	if (l->cut != cut)
		return was;
	to = line_value(l, to, f, end);
	return l->cut == cut || f->kind == PDC_STRING ? to : was;
}

static void
line_row(struct line *l, const struct pdc_field *f, size_t n)
{
	const char *end = l->data + l->room - LINE_END_MAX;
	char *to = l->data + l->len;

	for (; n > 0; n--, f++)
		to = line_field(l, to, f, end);
	l->len = (size_t)(to - l->data);
}

static inline int
line_same(const char *a, const char *b)
{
	return a == b || (a[0] == b[0] && strcmp(a, b) == 0);
}

/* The last of the fields of this name. */
static const struct pdc_field *
line_last(const struct pdc_field *f, size_t n, const char *name)
{
	while (n > 0)
		if (f[--n].name != NULL && line_same(f[n].name, name))
			return &f[n];
	return NULL;
}

/* Whether there was one of the name of f[i] before. */
static int
line_was(const struct context *c, const struct pdc_field *f, size_t i)
{
	size_t j;

	for (j = 0; j < i; j++)
		if (f[j].name != NULL && line_same(f[j].name, f[i].name))
			return 1;
	for (j = 0; c != NULL && j < c->nfields; j++)
		if (line_same(c->fields[j].name, f[i].name))
			return 1;
	return 0;
}

/* A bit of 64 by the first letter. */
static inline uint64_t
line_bit(const char *name)
{
	return (uint64_t)1 << (name[0] & 63);
}

/* Whether a name is there twice; few are looked at more than once. */
static int
line_doubled(const struct context *c, const struct pdc_field *f, size_t n)
{
	uint64_t bit, seen = 0;
	size_t i;

	for (i = 0; c != NULL && i < c->nfields; i++)
		seen |= line_bit(c->fields[i].name);
	for (i = 0; i < n; i++) {
		if (f[i].name == NULL)
			continue;
		bit = line_bit(f[i].name);
		if ((seen & bit) != 0 && line_was(c, f, i))
			return 1;
		seen |= bit;
	}
	return 0;
}

/*
 * As in a dict of Python: at the place of the first, the value of the last.
 * What the thread's context has comes first.
 */
static void
line_fields_doubled(struct line *l, const struct context *c,
    const struct pdc_field *f, size_t n)
{
	const struct pdc_field *own;
	size_t i;

	for (i = 0; c != NULL && i < c->nfields; i++) {
		own = line_last(f, n, c->fields[i].name);
		line_row(l, own != NULL ? own : &c->fields[i], 1);
	}
	for (i = 0; i < n; i++) {
		if (f[i].name == NULL)
			l->bad = "";
		else if (!line_was(c, f, i))
			line_row(l, line_last(f, n, f[i].name), 1);
	}
}

void
pdc_line_fields(struct line *l, const struct pdc_field *f, size_t n)
{
	const struct context *c = pdc_context_now();

	if (line_doubled(c, f, n)) {
		line_fields_doubled(l, c, f, n);
		return;
	}
	if (c != NULL)
		line_row(l, c->fields, c->nfields);
	line_row(l, f, n);
}

void
pdc_line_end(struct line *l)
{
	char *to = l->data + l->len;

	if (l->cut)
		to = LINE_PUT(line_comma(to), "\"_cut\": true");
	if (l->invalid)
		to = LINE_PUT(line_comma(to), "\"_invalid_utf8\": true");
	to = LINE_PUT(to, "}}\n");
	l->len = (size_t)(to - l->data);
}
