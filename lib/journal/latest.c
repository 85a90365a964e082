/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "journal/latest.h"

#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/hash.h"
#include "base/num.h"
#include "journal/member.h"
#include "journal/read.h"
#include "pdc.h"

#define PAGE_BYTES ((size_t)1 << 20)
#define SLOTS_MIN 64
#define PAIRS_MAX 1024 /* of a line; others are left out */
#define MILLIS 1000

struct latest_series {
	char *head; /* name{label="value",...} */
	size_t head_len, name_len;
	uint64_t raw; /* hash of name and labels as they were */
	uint64_t seq;
	int64_t ms;
	char value[NUM_SIZE];
};

struct latest {
	unsigned char uuid[16]; /* of the store that it has read */
	uint64_t after, floor;
	struct latest_series *series;
	size_t n, max;
	uint32_t *slots; /* number of a series, and 1; 0: free */
	size_t nslots; /* a power of 2 */
	struct buf page, head, word, pairs;
	int error;
};

/* A label as it is shown, in pairs. */
struct latest_pair {
	const char *s;
	size_t name_len, len;
};

struct latest *
pdc_latest_new(void)
{
	return calloc(1, sizeof(struct latest));
}

static void
latest_clear(struct latest *l)
{
	while (l->n > 0)
		free(l->series[--l->n].head);
	free(l->series);
	free(l->slots);
	l->series = NULL;
	l->slots = NULL;
	l->max = l->nslots = 0;
	l->after = l->floor = 0;
	l->error = 0;
}

void
pdc_latest_free(struct latest *l)
{
	if (l == NULL)
		return;
	latest_clear(l);
	pdc_buf_fini(&l->page);
	pdc_buf_fini(&l->head);
	pdc_buf_fini(&l->word);
	pdc_buf_fini(&l->pairs);
	free(l);
}

/* Where a head is, or the free slot for it. */
static size_t
latest_slot(const struct latest *l, const char *head, size_t len)
{
	size_t i = pdc_hash(head, len, 0) & (l->nslots - 1);
	const struct latest_series *s;

	for (; l->slots[i] != 0; i = (i + 1) & (l->nslots - 1)) {
		s = &l->series[l->slots[i] - 1];
		if (s->head_len == len && memcmp(s->head, head, len) == 0)
			break;
	}
	return i;
}

/* All series into slots of a new size. */
static int
latest_rehash(struct latest *l, size_t nslots)
{
	uint32_t *slots = calloc(nslots, sizeof(*slots));
	size_t i;

	if (slots == NULL)
		return PDC_ENOMEM;
	free(l->slots);
	l->slots = slots;
	l->nslots = nslots;
	for (i = 0; i < l->n; i++)
		slots[latest_slot(l, l->series[i].head,
		    l->series[i].head_len)] = (uint32_t)i + 1;
	return 0;
}

static int
latest_grow(struct latest *l)
{
	struct latest_series *more;
	size_t max = l->max == 0 ? SLOTS_MIN / 2 : 2 * l->max;

	if (l->n < l->max)
		return 0;
	if (max > UINT32_MAX / 2)
		return PDC_ENOMEM;
	more = realloc(l->series, max * sizeof(*more));
	if (more == NULL)
		return PDC_ENOMEM;
	l->series = more;
	l->max = max;
	return latest_rehash(l, 2 * max);
}

/* A JSON string with its quotes, or what else is a value, with a NUL. */
static const char *
latest_word(struct latest *l, struct span s)
{
	pdc_buf_reset(&l->word);
	if (s.len >= 2 && *s.s == '"')
		pdc_unescape_json(&l->word, s.s + 1, s.len - 2);
	else
		pdc_buf_put(&l->word, s.s, s.len);
	pdc_buf_chr(&l->word, '\0');
	l->error |= l->word.error;
	return l->word.error == 0 ? l->word.data : "";
}

static int
pair_order(const void *a, const void *b)
{
	const struct latest_pair *x = a, *y = b;
	size_t len = x->name_len < y->name_len ? x->name_len : y->name_len;
	int order = memcmp(x->s, y->s, len);

	return order != 0 ?
	    order :
	    (x->name_len > y->name_len) - (x->name_len < y->name_len);
}

/* Each label as it is shown, one after the other; the raw ones' hash. */
static size_t
latest_pairs(struct latest *l, struct span labels, struct latest_pair *pair,
    uint64_t *raw)
{
	struct members m = pdc_members(labels);
	struct member member;
	struct buf name;
	size_t n = 0, at;

	pdc_buf_init(&name);
	pdc_buf_reset(&l->pairs);
	while (n < PAIRS_MAX && pdc_member_next(&m, &member)) {
		/* In any order they are the same labels. */
		*raw += pdc_hash(member.name.s, member.name.len,
		    pdc_hash(member.value.s, member.value.len, 0));
		pdc_buf_reset(&name);
		pdc_unescape_json(&name, member.name.s, member.name.len);
		pdc_buf_chr(&name, '\0');
		l->error |= name.error;
		if (name.error != 0 || name.data[0] == '\0')
			continue;
		at = l->pairs.len;
		pdc_escape_pair(&l->pairs, name.data,
		    latest_word(l, member.value), ESCAPE_UNDERSCORES);
		/* Places, until the buffer moves no more. */
		pair[n].name_len = at;
		pair[n++].len = l->pairs.len - at;
	}
	pdc_buf_fini(&name);
	for (at = 0; at < n && l->pairs.error == 0; at++) {
		pair[at].s = l->pairs.data + pair[at].name_len;
		pair[at].name_len = strcspn(pair[at].s, "=");
	}
	qsort(pair, n, sizeof(*pair), pair_order);
	return n;
}

/* The head of a line; the length of the name in it. */
static size_t
latest_head(struct latest *l, struct span name, struct span labels,
    uint64_t *raw)
{
	struct latest_pair *pair = calloc(PAIRS_MAX, sizeof(*pair));
	size_t i, n, name_len, first = 1;

	pdc_buf_reset(&l->head);
	*raw = pdc_hash(name.s, name.len, 1);
	pdc_escape_metric(&l->head, latest_word(l, name), ESCAPE_UNDERSCORES);
	name_len = l->head.len;
	if (pair == NULL) {
		l->error = PDC_ENOMEM;
		return name_len;
	}
	n = latest_pairs(l, labels, pair, raw);
	for (i = 0; i < n; i++) {
		if (i > 0 && pair_order(&pair[i - 1], &pair[i]) == 0)
			continue;
		pdc_buf_chr(&l->head, first ? '{' : ',');
		pdc_buf_put(&l->head, pair[i].s, pair[i].len);
		first = 0;
	}
	if (!first)
		pdc_buf_chr(&l->head, '}');
	free(pair);
	l->error |= l->head.error | l->pairs.error;
	return name_len;
}

/* Milliseconds of a time as a line has it. */
static int64_t
latest_ms(struct span s)
{
	int64_t ms = 0;
	size_t i;
	int digits = -1;

	for (i = 0; i < s.len && digits < 3 && ms < INT64_MAX / 100; i++) {
		if (s.s[i] == '.')
			digits = 0;
		else if (s.s[i] < '0' || s.s[i] > '9')
			break;
		else {
			ms = ms * 10 + (s.s[i] - '0');
			digits += digits >= 0;
		}
	}
	for (digits = digits < 0 ? 0 : digits; digits < 3; digits++)
		ms *= 10;
	return ms;
}

/* The series of the head, which is new if need be; NULL: of another measure. */
static struct latest_series *
latest_series(struct latest *l, size_t name_len, uint64_t raw)
{
	struct latest_series *s;
	size_t slot;

	if (latest_grow(l) < 0) {
		l->error = PDC_ENOMEM;
		return NULL;
	}
	slot = latest_slot(l, l->head.data, l->head.len);
	if (l->slots[slot] != 0) {
		s = &l->series[l->slots[slot] - 1];
		return s->raw == raw ? s : NULL;
	}
	s = &l->series[l->n];
	memset(s, 0, sizeof(*s));
	s->head = malloc(l->head.len);
	if (s->head == NULL) {
		l->error = PDC_ENOMEM;
		return NULL;
	}
	memcpy(s->head, l->head.data, l->head.len);
	s->head_len = l->head.len;
	s->name_len = name_len;
	s->raw = raw;
	l->slots[slot] = (uint32_t)++l->n;
	return s;
}

static void
latest_line(struct latest *l, struct span line, const struct meta *meta)
{
	struct span name = { "", 0 }, value = name, time = name, labels = name;
	struct members m = pdc_members(line);
	struct latest_series *s;
	struct member member;
	uint64_t seq = 0, raw;
	size_t name_len;

	while (pdc_member_next(&m, &member)) {
		if (pdc_span_is(member.name, "name"))
			name = member.value;
		else if (pdc_span_is(member.name, "value"))
			value = member.value;
		else if (pdc_span_is(member.name, "timestamp"))
			time = member.value;
		else if (pdc_span_is(member.name, "labels"))
			labels = member.value;
		else if (pdc_span_is(member.name, "_cursor") &&
		    pdc_cursor_parse(&seq, meta, latest_word(l, member.value)) <
			0)
			return;
	}
	/* A measure may have no name, a sample not. */
	if (name.len <= 2 || value.len == 0 || value.len >= NUM_SIZE)
		return;
	name_len = latest_head(l, name, labels, &raw);
	s = l->error == 0 ? latest_series(l, name_len, raw) : NULL;
	if (s == NULL)
		return;
	s->seq = seq;
	s->ms = latest_ms(time);
	memset(s->value, 0, sizeof(s->value));
	if (pdc_span_is(value, "null"))
		strcpy(s->value, "NaN");
	else
		memcpy(s->value, value.s, value.len);
}

static void
latest_page(struct latest *l, const struct meta *meta)
{
	const char *at = l->page.data, *end = at + l->page.len, *stop;

	while (at < end && l->error == 0) {
		stop = memchr(at, '\n', (size_t)(end - at));
		if (stop == NULL)
			break;
		latest_line(l, (struct span){ at, (size_t)(stop - at) }, meta);
		at = stop + 1;
	}
}

/* Forget those whose line is gone. */
static int
latest_forget(struct latest *l, uint64_t floor)
{
	size_t i, n = 0;

	if (floor == l->floor)
		return 0;
	l->floor = floor;
	for (i = 0; i < l->n; i++) {
		if (l->series[i].seq >= floor)
			l->series[n++] = l->series[i];
		else
			free(l->series[i].head);
	}
	if (n == l->n)
		return 0;
	l->n = n;
	return latest_rehash(l, l->nslots);
}

int
pdc_latest_read(struct latest *l, struct stxn *x)
{
	struct journal_answer a;
	struct journal_query q;
	struct journal_rec rec;
	int ret;

	if (l->error != 0 ||
	    memcmp(l->uuid, x->meta.uuid, sizeof(l->uuid)) != 0)
		latest_clear(l);
	memcpy(l->uuid, x->meta.uuid, sizeof(l->uuid));
	pdc_journal_all(&q, 1u << STREAM_MEASURES);
	q.after = l->after;
	q.resumes = q.cursors = 1;
	q.bytes = PAGE_BYTES;
	pdc_buf_reset(&l->page);
	ret = pdc_journal_rec(x, &rec);
	if (ret == 0)
		ret = pdc_journal_read(x, &q, &l->page, &a);
	if (ret == 0 && a.beyond && l->after > 0) {
		/* An older copy of the store has taken its place. */
		latest_clear(l);
		return 1;
	}
	if (ret == 0) {
		latest_page(l, &x->meta);
		ret = l->error;
	}
	if (ret == 0)
		ret = latest_forget(l, rec.stream[STREAM_MEASURES].floor);
	if (ret < 0) {
		l->error = ret;
		return ret;
	}
	l->after = a.next;
	return a.more;
}

static int
series_order(const void *a, const void *b)
{
	const struct latest_series *x = *(struct latest_series *const *)a;
	const struct latest_series *y = *(struct latest_series *const *)b;
	struct latest_pair p = { x->head, x->name_len, x->head_len };
	struct latest_pair q = { y->head, y->name_len, y->head_len };
	size_t len;
	int order = pair_order(&p, &q);

	if (order != 0)
		return order;
	len = p.len < q.len ? p.len : q.len;
	order = memcmp(p.s, q.s, len);
	return order != 0 ? order : (p.len > q.len) - (p.len < q.len);
}

void
pdc_latest_put(const struct latest *l, struct buf *out)
{
	const struct latest_series **s = calloc(l->n + 1, sizeof(*s));
	char ms[NUM_SIZE];
	size_t i;

	if (s == NULL) {
		out->error = PDC_ENOMEM;
		return;
	}
	for (i = 0; i < l->n; i++)
		s[i] = &l->series[i];
	qsort(s, l->n, sizeof(*s), series_order);
	for (i = 0; i < l->n; i++) {
		pdc_buf_put(out, s[i]->head, s[i]->head_len);
		pdc_buf_chr(out, ' ');
		pdc_buf_str(out, s[i]->value);
		pdc_buf_chr(out, ' ');
		pdc_buf_put(out, ms, pdc_num_i64(ms, s[i]->ms));
		pdc_buf_chr(out, '\n');
	}
	free(s);
}
