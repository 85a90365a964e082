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

/* Whether all eight bytes stand for themselves in a JSON string. */
static inline int
line_plain(uint64_t w)
{
	uint64_t quote = w ^ ONES * '"', slash = w ^ ONES * '\\';
	uint64_t odd;

	odd = w | (w + ONES); /* 0x7f and above */
	odd |= (w - ONES * ' ') & ~w;
	odd |= (quote - ONES) & ~quote;
	odd |= (slash - ONES) & ~slash;
	return (odd & HIGH) == 0;
}

#ifdef __SSE2__
/* A bit for each byte that does not; those from 0x80 on are below 0 here. */
static inline unsigned
line_odd(__m128i v)
{
	__m128i odd = _mm_cmplt_epi8(v, _mm_set1_epi8(' '));

	odd = _mm_or_si128(odd, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
	odd = _mm_or_si128(odd, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
	odd = _mm_or_si128(odd, _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f)));
	return (unsigned)_mm_movemask_epi8(odd);
}
#endif

/* One that does not stand for itself; 0 if there is no room for it. */
static __attribute__((noinline)) size_t
line_char(struct line *l, const char *s, size_t len, size_t limit)
{
	char out[ESCAPE_JSON_MAX];
	size_t n, outlen;

	n = pdc_escape_json_next(out, &outlen, s, len);
	if (l->len + outlen > limit) {
		l->cut = 1;
		return 0;
	}
	if (n & ESCAPE_INVALID)
		l->invalid = 1;
	memcpy(l->data + l->len, out, outlen);
	l->len += outlen;
	return n & ~ESCAPE_INVALID;
}

static inline int
line_letter(char c)
{
	return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
}

/*
 * As much of s as stands for itself, up to limit; how much.  Whole words are
 * copied also where not all of one counts, if there is room for that.
 */
static inline size_t
line_run(struct line *l, const char *s, size_t len, size_t limit)
{
	char *to = l->data + l->len;
	size_t n = 0;
	uint64_t w;

	if (len > limit - l->len)
		len = limit - l->len;
#ifdef __SSE2__
	while (len - n >= sizeof(__m128i)) {
		__m128i v = _mm_loadu_si128((const __m128i *)(s + n));
		unsigned odd = line_odd(v);

		_mm_storeu_si128((__m128i *)(to + n), v);
		if (odd != 0) {
			n += (size_t)__builtin_ctz(odd);
			l->len += n;
			return n;
		}
		n += sizeof(v);
	}
#endif
	for (; len - n >= sizeof(w); n += sizeof(w)) {
		memcpy(&w, s + n, sizeof(w));
		if (!line_plain(w))
			break;
		memcpy(to + n, &w, sizeof(w));
	}
	for (; n < len && line_letter(s[n]); n++)
		to[n] = s[n];
	l->len += n;
	return n;
}

/* A string without its quotes, up to limit. */
static void
line_string(struct line *l, const char *s, size_t len, size_t limit)
{
	const char *end = s + len;
	size_t n;

	for (;;) {
		if (l->len > limit)
			break;
		s += line_run(l, s, (size_t)(end - s), limit);
		if (s == end)
			return;
		n = line_char(l, s, (size_t)(end - s), limit);
		if (n == 0)
			return;
		s += n;
	}
	l->cut = 1;
}

/* There is room for it. */
static inline __attribute__((always_inline)) void
line_put(struct line *l, const char *s, size_t len)
{
	memcpy(l->data + l->len, s, len);
	l->len += len;
}

#define LINE_PUT(l, words) line_put(l, words, sizeof(words) - 1)

void
pdc_line_log(struct line *l, enum journal_stream stream, const char *message)
{
	const char *word = pdc_level_word(stream);

	LINE_PUT(l, "{");
	l->at = l->len;
	LINE_PUT(l, "\"level\": \"");
	line_put(l, word, strlen(word));
	LINE_PUT(l, "\", \"message\": \"");
	line_string(l, message, strlen(message),
	    l->room - l->room / MESSAGE_PART);
	LINE_PUT(l, "\", \"attributes\": {");
}

void
pdc_line_named(struct line *l, const char *name, const double *value)
{
	LINE_PUT(l, "{\"name\": \"");
	line_string(l, name, strlen(name), l->room - l->room / MESSAGE_PART);
	LINE_PUT(l, "\", ");
	l->at = l->len;
	if (value == NULL) {
		LINE_PUT(l, "\"attributes\": {");
		return;
	}
	l->labels = 1;
	LINE_PUT(l, "\"value\": ");
	l->len += pdc_num_json(l->data + l->len, *value);
	LINE_PUT(l, ", \"labels\": {");
}

/* ", " but before the first. */
static void
line_comma(struct line *l)
{
	if (l->data[l->len - 1] != '{')
		LINE_PUT(l, ", ");
}

static void
line_text(struct line *l, const struct pdc_field *f, size_t limit)
{
	if (f->kind == PDC_JSON && !l->labels) {
		if (pdc_json_copy(l, f->text, limit) < 0)
			l->bad = f->name;
		return;
	}
	LINE_PUT(l, "\"");
	line_string(l, f->text, strlen(f->text), limit);
	LINE_PUT(l, "\"");
}

static void
line_number(struct line *l, const struct pdc_field *f)
{
	if (l->labels)
		LINE_PUT(l, "\"");
	if (f->kind == PDC_INTEGER)
		l->len += pdc_num_i64(l->data + l->len, f->integer);
	else if (f->kind == PDC_NUMBER)
		l->len += pdc_num_json(l->data + l->len, f->number);
	else if (f->kind == PDC_BOOL && f->integer)
		LINE_PUT(l, "true");
	else if (f->kind == PDC_BOOL)
		LINE_PUT(l, "false");
	else
		l->bad = f->name;
	if (l->labels)
		LINE_PUT(l, "\"");
}

/* Cut or not at all: half a name, half a JSON text are of no use. */
static void
line_field(struct line *l, const struct pdc_field *f)
{
	size_t was = l->len, limit = l->room - LINE_END_MAX;
	int cut = l->cut;

	if (f->name == NULL || (f->text == NULL && field_has_text(f))) {
		l->bad = f->name != NULL ? f->name : "";
		return;
	}
	if (l->len + 2 * NUM_SIZE > limit) {
		l->cut = 1;
		return;
	}
	l->cut = 0;
	line_comma(l);
	LINE_PUT(l, "\"");
	line_string(l, f->name, strlen(f->name), limit - 2 * NUM_SIZE);
	LINE_PUT(l, "\": ");
	if (!l->cut && field_has_text(f))
		line_text(l, f, limit);
	else if (!l->cut)
		line_number(l, f);
	if (l->cut && (f->kind != PDC_STRING || l->data[l->len - 1] != '"'))
		l->len = was;
	l->cut |= cut;
}

/* Names differ in their first letters as a rule. */
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

/* What the thread's context has, unless fields say something else of it. */
static void
line_context(struct line *l, const struct pdc_field *f, size_t n)
{
	const struct context *c = pdc_context_now();
	const struct pdc_field *own;
	uint32_t i;

	for (i = 0; c != NULL && i < c->nfields; i++) {
		own = line_last(f, n, c->fields[i].name);
		line_field(l, own != NULL ? own : &c->fields[i]);
	}
}

/* As in a dict of Python: at the place of the first, the value of the last. */
static int
line_was(const struct pdc_field *f, size_t i)
{
	const struct context *c = pdc_context_now();
	size_t j;

	for (j = 0; j < i; j++)
		if (f[j].name != NULL && line_same(f[j].name, f[i].name))
			return 1;
	for (j = 0; c != NULL && j < c->nfields; j++)
		if (line_same(c->fields[j].name, f[i].name))
			return 1;
	return 0;
}

void
pdc_line_fields(struct line *l, const struct pdc_field *f, size_t n)
{
	size_t i;

	line_context(l, f, n);
	for (i = 0; i < n; i++) {
		if (f[i].name == NULL)
			l->bad = "";
		else if (!line_was(f, i))
			line_field(l, line_last(f, n, f[i].name));
	}
}

void
pdc_line_end(struct line *l)
{
	if (l->cut) {
		line_comma(l);
		LINE_PUT(l, "\"_cut\": true");
	}
	if (l->invalid) {
		line_comma(l);
		LINE_PUT(l, "\"_invalid_utf8\": true");
	}
	LINE_PUT(l, "}}\n");
}
