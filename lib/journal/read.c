/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "journal/read.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/escape.h"
#include "base/num.h"
#include "base/wire.h"
#include "pdc.h"

#define AT_END UINT64_MAX
#define SCAN_BYTES ((size_t)16 << 20) /* of one page, shown or not */
#define CURSOR_VERSION "p1-"
#define MICROS 1e6

/* Where a page is in a stream: line i of a block. */
struct read_stream {
	enum journal_stream stream;
	struct scur cur; /* over blocks, or over those of a name */
	int open;
	int named;
	uint64_t bad; /* of the damaged block that was counted last, and 1 */
	struct journal_view v;
	uint32_t i;
	uint64_t seq; /* of that line */
};

struct read {
	struct stxn *x;
	const struct journal_query *q;
	struct journal_answer *a;
	struct buf *out;
	struct journal_rec rec;
	struct buf head; /* what lines of the name begin with */
	uint32_t hash; /* of the name */
	size_t scanned, start; /* bytes, and what was in out before */
	struct read_stream s[NSTREAMS];
	size_t n;
};

void
pdc_journal_all(struct journal_query *q, unsigned streams)
{
	memset(q, 0, sizeof(*q));
	q->streams = streams;
	q->since = -INFINITY;
	q->until = INFINITY;
	q->limit = UINT64_MAX;
	q->bytes = SIZE_MAX;
}

size_t
pdc_cursor_put(char *out, const struct meta *m, uint64_t seq)
{
	char *at = out + strlen(strcpy(out, CURSOR_VERSION));
	size_t i;

	for (i = 0; i < sizeof(m->uuid); i++)
		at += sprintf(at, "%02x", m->uuid[i]);
	*at++ = '-';
	return (size_t)(at - out) + pdc_num_u64(at, seq);
}

int
pdc_cursor_parse(uint64_t *seq, const struct meta *m, const char *s)
{
	char ours[CURSOR_SIZE], *end;
	size_t len = pdc_cursor_put(ours, m, 0) - 1;
	size_t version = strlen(CURSOR_VERSION);
	unsigned long long n;

	if (strncmp(s, CURSOR_VERSION, version) != 0 || strlen(s) <= len ||
	    strspn(s + version, "0123456789abcdef") != len - version - 1 ||
	    s[len - 1] != '-' || s[len] < '0' || s[len] > '9' ||
	    strlen(s) - len > 19)
		return PDC_EINVAL;
	n = strtoull(s + len, &end, 10);
	if (*end != '\0')
		return PDC_EINVAL;
	if (memcmp(s, ours, len) != 0)
		return PDC_ENOENT;
	*seq = n;
	return 0;
}

int
pdc_level_parse(const char *s)
{
	static const struct {
		const char *word;
		int number, stream;
	} levels[] = {
#define X(name, number, word) { word, number, STREAM_##name },
		JOURNAL_LEVELS(X)
#undef X
		    { "WARN", 0, STREAM_WARNING },
		{ "FATAL", 0, STREAM_CRITICAL },
	};
	size_t i;

	for (i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (strcasecmp(s, levels[i].word) == 0)
			return levels[i].stream;
	return -1;
}

/* The key of the block that the cursor is at; 0: none of what is read. */
static int
stream_key(const struct read *r, const struct read_stream *s,
    unsigned char *key)
{
	unsigned char name[JOURNAL_NAME_KEY_LEN];
	const struct scur *cur = &s->cur;

	if (!s->named) {
		memcpy(key, cur->key,
		    cur->klen < JOURNAL_KEY_LEN ? cur->klen : JOURNAL_KEY_LEN);
		return cur->klen == JOURNAL_KEY_LEN && key[0] == 'J' &&
		    key[1] == s->stream;
	}
	pdc_journal_name_key(name, s->stream, r->hash, 0);
	if (cur->klen != sizeof(name) ||
	    memcmp(cur->key, name, sizeof(name) - sizeof(uint64_t)) != 0)
		return 0;
	pdc_journal_key(key, s->stream,
	    pdc_get_be64(cur->key + sizeof(name) - sizeof(uint64_t)));
	return 1;
}

/* Take the block at the cursor, if it is of the stream; else the end. */
static int
stream_block(struct read *r, struct read_stream *s, int got)
{
	unsigned char key[JOURNAL_KEY_LEN];
	const void *val;
	size_t len;
	int ret;

	for (; got == 1 && stream_key(r, s, key);
	     got = pdc_scur_next(&s->cur)) {
		val = s->cur.val;
		len = s->cur.len;
		ret = s->named ?
		    pdc_stxn_get(r->x, key, sizeof(key), &val, &len) :
		    0;
		if (ret < 0 && ret != PDC_ENOENT)
			return ret;
		if (ret == 0 &&
		    pdc_journal_block(&s->v, &r->rec, pdc_get_be64(key + 2),
			val, len) == 0) {
			s->i = 0;
			s->seq = s->v.h.first;
			return 0;
		}
		if (pdc_get_be64(key + 2) >= s->bad) {
			s->bad = pdc_get_be64(key + 2) + 1;
			r->a->damaged++;
		}
	}
	s->seq = AT_END;
	return got < 0 ? got : 0;
}

static int
stream_next(struct read *r, struct read_stream *s)
{
	if (++s->i < s->v.h.nlines) {
		s->seq = s->v.h.first + pdc_journal_line(&s->v, s->i).distance;
		return 0;
	}
	return stream_block(r, s, pdc_scur_next(&s->cur));
}

/* The last block that begins at a number or before; 0: there is none. */
static int
stream_before(struct read *r, struct read_stream *s, uint64_t seq)
{
	unsigned char key[JOURNAL_KEY_LEN];
	int got;

	pdc_journal_key(key, s->stream, seq + 1);
	got = pdc_scur_before(&s->cur, key, sizeof(key));
	if (got != 1)
		return got;
	got = stream_block(r, s, 1);
	return got < 0 ? got : s->seq != AT_END && s->seq <= seq;
}

static double
line_time(int64_t us)
{
	return (double)us / MICROS;
}

/* Of the blocks from this one on only those of the name. */
static int
stream_by_name(struct read *r, struct read_stream *s, uint64_t block)
{
	unsigned char key[JOURNAL_NAME_KEY_LEN];

	s->named = 1;
	pdc_journal_name_key(key, s->stream, r->hash, block);
	return stream_block(r, s, pdc_scur_seek(&s->cur, key, sizeof(key)));
}

/*
 * Bisect: a number from which on, or from the block that it is in, all comes
 * that is later than since.  Times do not decrease.
 */
static int
stream_since(struct read *r, struct read_stream *s, uint64_t *after,
    uint64_t end)
{
	uint64_t low = *after + 1, high = end, mid;
	int got;

	while (low < high) {
		mid = low + (high - low) / 2;
		got = stream_before(r, s, mid);
		if (got < 0)
			return got;
		if (got == 0) {
			low = mid + 1;
		} else if (line_time(pdc_journal_line(&s->v, 0).us) >
		    r->q->since) {
			high = s->seq > low ? s->seq : low;
		} else {
			if (s->seq > *after + 1)
				*after = s->seq - 1;
			low = mid + 1;
		}
	}
	return 0;
}

static int
stream_open(struct read *r, struct read_stream *s, uint64_t end)
{
	uint64_t floor = r->rec.stream[s->stream].floor;
	uint64_t after = r->q->after;
	unsigned char key[JOURNAL_KEY_LEN];
	int got;

	got = pdc_scur_open(&s->cur, r->x);
	if (got < 0)
		return got;
	s->open = 1;
	if (floor > after + 1)
		after = floor - 1;
	if (r->q->since > -INFINITY) {
		got = stream_since(r, s, &after, end);
		if (got < 0)
			return got;
	}
	got = stream_before(r, s, after + 1);
	if (got == 0) {
		pdc_journal_key(key, s->stream, after + 1);
		got = pdc_scur_seek(&s->cur, key, sizeof(key));
		got = stream_block(r, s, got);
	}
	if (got >= 0 && r->q->name != NULL && s->seq != AT_END)
		got = stream_by_name(r, s, s->v.h.first);
	while (got >= 0 && s->seq <= after)
		got = stream_next(r, s);
	return got < 0 ? got : 0;
}

/* Whether a line is of the name that was asked for. */
static int
line_named(const struct read *r, const char *text, size_t len)
{
	return r->q->name == NULL ||
	    (len >= r->head.len &&
		memcmp(text, r->head.data, r->head.len) == 0);
}

static void
line_put(struct read *r, const char *text, size_t len, uint64_t seq)
{
	char cursor[CURSOR_SIZE];
	size_t n;

	if (!r->q->cursors || len < 2) {
		pdc_buf_put(r->out, text, len);
		return;
	}
	n = pdc_cursor_put(cursor, &r->x->meta, seq);
	pdc_buf_put(r->out, text, len - 2);
	pdc_buf_str(r->out, ", \"_cursor\": \"");
	pdc_buf_put(r->out, cursor, n);
	pdc_buf_str(r->out, "\"}\n");
}

/* Whether the page has what it may have. */
static int
read_full(const struct read *r)
{
	return r->a->nlines >= r->q->limit || r->scanned >= SCAN_BYTES ||
	    (r->a->nlines > 0 && r->out->len - r->start >= r->q->bytes);
}

/* The line where the stream is, if it is asked for; then the next. */
static int
read_line(struct read *r, struct read_stream *s)
{
	struct journal_line l = pdc_journal_line(&s->v, s->i);
	uint32_t at = s->i == 0 ? 0 : pdc_journal_line(&s->v, s->i - 1).end;
	const char *text = s->v.text + at;
	size_t len = l.end - at;

	if (line_time(l.us) > r->q->until) {
		s->seq = AT_END;
		return 0;
	}
	if (line_time(l.us) > r->q->since && line_named(r, text, len)) {
		line_put(r, text, len, s->seq);
		r->a->nlines++;
	}
	r->scanned += len;
	r->a->next = s->seq;
	return stream_next(r, s);
}

static struct read_stream *
read_least(struct read *r)
{
	struct read_stream *least = NULL;
	size_t i;

	for (i = 0; i < r->n; i++)
		if (r->s[i].seq != AT_END &&
		    (least == NULL || r->s[i].seq < least->seq))
			least = &r->s[i];
	return least;
}

static void
read_gap(struct read *r)
{
	uint64_t floor = 0;
	int i;

	for (i = 0; i < NSTREAMS; i++)
		if ((r->q->streams >> i & 1) && r->rec.stream[i].floor > floor)
			floor = r->rec.stream[i].floor;
	if (r->q->resumes && floor > r->q->after + 1) {
		r->a->gap_from = r->q->after + 1;
		r->a->gap_to = floor - 1;
	}
}

static int
read_page(struct read *r)
{
	uint64_t end = r->rec.next;
	struct read_stream *s;
	int i, ret = 0;

	for (i = 0; i < NSTREAMS && ret == 0; i++) {
		if (!(r->q->streams >> i & 1))
			continue;
		r->s[r->n].stream = i;
		ret = stream_open(r, &r->s[r->n++], end);
	}
	while (ret == 0 && (s = read_least(r)) != NULL && !read_full(r))
		ret = read_line(r, s);
	if (ret < 0)
		return ret;
	r->a->more = read_least(r) != NULL;
	if (!r->a->more && r->q->until == INFINITY && end > r->q->after)
		r->a->next = end - 1;
	return 0;
}

int
pdc_journal_read(struct stxn *x, const struct journal_query *q, struct buf *out,
    struct journal_answer *a)
{
	struct read *r = calloc(1, sizeof(*r));
	uint64_t damaged = x->damaged;
	size_t i;
	int ret;

	if (r == NULL)
		return pdc_err_set(PDC_ENOMEM, "reading the journal");
	memset(a, 0, sizeof(*a));
	a->next = q->after;
	r->x = x;
	r->q = q;
	r->a = a;
	r->out = out;
	r->start = out->len;
	if (q->name != NULL) {
		pdc_buf_str(&r->head, "{\"name\": \"");
		pdc_escape_json(&r->head, q->name, strlen(q->name));
		if (r->head.error == 0)
			r->hash = pdc_journal_name(r->head.data, r->head.len);
		pdc_buf_str(&r->head, "\", ");
	}
	ret = pdc_journal_rec(x, &r->rec);
	if (ret == 0 && r->head.error == 0) {
		a->beyond = q->resumes && q->after >= r->rec.next;
		read_gap(r);
		ret = read_page(r);
	}
	for (i = 0; i < r->n; i++)
		if (r->s[i].open)
			pdc_scur_close(&r->s[i].cur);
	a->damaged += x->damaged - damaged;
	if (ret == 0 && (r->head.error < 0 || out->error < 0))
		ret = pdc_err_set(PDC_ENOMEM, "reading the journal");
	pdc_buf_fini(&r->head);
	free(r);
	return ret;
}
