/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Deleting the oldest lines.  A stream's floor rises line by line, and a block
 * goes with its last line, so what is left is exact.
 */

#include <string.h>
#include <strings.h>

#include "base/wire.h"
#include "journal/journal.h"
#include "journal/read.h"
#include "pdc.h"

#define NS_PER_US 1000

/* The oldest line of a stream: line i of a block. */
struct front {
	int known, none;
	struct journal_view v;
	uint32_t i;
	uint64_t seq;
};

struct trim {
	struct stxn *x;
	struct journal_rec *rec;
	int64_t now_us;
	uint64_t left; /* lines that may be deleted */
	unsigned counted; /* streams that were anew, a bit each */
	struct front front[NSTREAMS];
};

static const char *const scope_words[NSCOPES] = {
#define X(name, number, word) [STREAM_##name] = word,
	JOURNAL_LEVELS(X)
#undef X
	    [STREAM_EVENTS] = "events",
	[STREAM_MEASURES] = "measures",
	[SCOPE_LOGS] = "logs",
	[SCOPE_DEFAULT] = "default",
};

const char *
pdc_scope_word(enum journal_scope scope)
{
	return scope_words[scope];
}

int
pdc_scope_parse(const char *word)
{
	int i;

	for (i = STREAM_LOGS; i < NSCOPES; i++)
		if (strcasecmp(word, scope_words[i]) == 0)
			return i;
	return pdc_level_parse(word);
}

const struct journal_limit *
pdc_journal_limit(const struct journal_rec *rec, enum journal_stream stream)
{
	if (stream < STREAM_LOGS && !rec->limit[stream].set)
		return &rec->limit[SCOPE_DEFAULT];
	return &rec->limit[stream];
}

static uint32_t
line_len(const struct journal_view *v, uint32_t i)
{
	return pdc_journal_line(v, i).end -
	    (i == 0 ? 0 : pdc_journal_line(v, i - 1).end);
}

/* Whether the cursor is at a block of the stream, damaged or not. */
static int
block_of(const struct scur *cur, enum journal_stream stream)
{
	return cur->klen == JOURNAL_KEY_LEN && cur->key[0] == 'J' &&
	    cur->key[1] == stream;
}

static int
block_view(struct trim *t, const struct scur *cur, struct journal_view *v)
{
	return pdc_journal_block(v, t->rec, pdc_get_be64(cur->key + 2),
	    cur->val, cur->len);
}

/* The first line at or behind the floor, if the block has one. */
static int
front_in(struct front *f, uint64_t floor)
{
	for (f->i = 0; f->i < f->v.h.nlines; f->i++) {
		f->seq = f->v.h.first + pdc_journal_line(&f->v, f->i).distance;
		if (f->seq >= floor)
			return 1;
	}
	return 0;
}

/* What the stream has from the cursor's block on; some before is damaged. */
static int
stream_recount(struct trim *t, struct scur *cur, enum journal_stream stream)
{
	struct journal_stream_rec *s = &t->rec->stream[stream];
	struct front f;
	int got = 1;

	if (t->counted >> stream & 1)
		return 0;
	t->counted |= 1u << stream;
	s->nlines = s->bytes = 0;
	for (; got == 1 && block_of(cur, stream); got = pdc_scur_next(cur)) {
		if (block_view(t, cur, &f.v) < 0 || !front_in(&f, s->floor))
			continue;
		for (; f.i < f.v.h.nlines; f.i++) {
			s->nlines++;
			s->bytes += line_len(&f.v, f.i);
		}
	}
	return got < 0 ? got : 0;
}

/* Blocks that make no sense stay for who repairs them. */
static int
front_seek(struct trim *t, enum journal_stream stream, struct scur *cur)
{
	struct journal_stream_rec *s = &t->rec->stream[stream];
	struct front *f = &t->front[stream];
	unsigned char key[JOURNAL_KEY_LEN];
	int got, damaged = 0;

	pdc_journal_key(key, stream, s->floor + 1);
	got = pdc_scur_before(cur, key, sizeof(key));
	if (got == 0 || (got == 1 && !block_of(cur, stream)))
		got = pdc_scur_seek(cur, key, sizeof(key));
	for (; got == 1 && block_of(cur, stream); got = pdc_scur_next(cur)) {
		if (block_view(t, cur, &f->v) < 0)
			damaged = 1;
		else if (front_in(f, s->floor))
			return damaged ? stream_recount(t, cur, stream) : 0;
	}
	f->none = 1;
	s->nlines = s->bytes = 0;
	return got < 0 ? got : 0;
}

static int
front_find(struct trim *t, enum journal_stream stream)
{
	struct front *f = &t->front[stream];
	struct scur cur;
	int ret;

	f->known = 1;
	f->none = t->rec->stream[stream].nlines == 0;
	if (f->none)
		return 0;
	ret = pdc_scur_open(&cur, t->x);
	if (ret < 0)
		return ret;
	ret = front_seek(t, stream, &cur);
	pdc_scur_close(&cur);
	return ret;
}

/* Of these streams the one with the oldest line; 1, or 0: there is none. */
static int
trim_oldest(struct trim *t, unsigned streams, enum journal_stream *oldest)
{
	int i, ret, found = 0;

	for (i = 0; i < NSTREAMS; i++) {
		if (!(streams >> i & 1))
			continue;
		if (!t->front[i].known && (ret = front_find(t, i)) < 0)
			return ret;
		if (t->front[i].none ||
		    (found && t->front[i].seq > t->front[*oldest].seq))
			continue;
		*oldest = i;
		found = 1;
	}
	return found;
}

/* The front's block, after which nothing of the map is known. */
static int
trim_block(struct trim *t, enum journal_stream stream)
{
	struct journal_stream_rec *s = &t->rec->stream[stream];
	uint64_t first = t->front[stream].v.h.first;
	unsigned char key[JOURNAL_KEY_LEN];
	int i;

	pdc_journal_names(t->x, stream, &t->front[stream].v, 0);
	pdc_journal_key(key, stream, first);
	pdc_stxn_del(t->x, key, sizeof(key));
	if (s->last == first)
		s->last = 0;
	for (i = 0; i < NSTREAMS; i++)
		t->front[i].known = 0;
	return t->x->ret;
}

static int
trim_line(struct trim *t, enum journal_stream stream)
{
	struct journal_stream_rec *s = &t->rec->stream[stream];
	struct front *f = &t->front[stream];
	uint32_t len = line_len(&f->v, f->i);

	s->nlines -= s->nlines > 0;
	s->bytes -= s->bytes < len ? s->bytes : len;
	s->floor = f->seq + 1;
	s->deleted++;
	t->left--;
	if (++f->i == f->v.h.nlines)
		return trim_block(t, stream);
	f->seq = f->v.h.first + pdc_journal_line(&f->v, f->i).distance;
	return 0;
}

static int
trim_over(const struct trim *t, unsigned streams, const struct journal_limit *l)
{
	uint64_t count = 0, bytes = 0;
	int i;

	for (i = 0; i < NSTREAMS; i++)
		if (streams >> i & 1) {
			count += t->rec->stream[i].nlines;
			bytes += t->rec->stream[i].bytes;
		}
	return (l->max_count != 0 && count > l->max_count) ||
	    (l->max_bytes != 0 && bytes > l->max_bytes);
}

static int
trim_scope(struct trim *t, unsigned streams, const struct journal_limit *l)
{
	int by_age = l->max_age_us != 0, over, ret = 0;
	enum journal_stream oldest = 0;
	const struct front *f;

	while (ret == 0) {
		over = trim_over(t, streams, l);
		if (!over && !by_age)
			return 0;
		ret = trim_oldest(t, streams, &oldest);
		if (ret != 1)
			return ret;
		f = &t->front[oldest];
		if (!over &&
		    pdc_journal_line(&f->v, f->i).us >=
			t->now_us - l->max_age_us)
			return 0;
		if (t->left == 0)
			return 1;
		ret = trim_line(t, oldest);
	}
	return ret;
}

int
pdc_journal_trim(struct stxn *x, struct journal_rec *rec, uint64_t max)
{
	struct trim t = { .x = x, .rec = rec, .left = max };
	int i, ret = x->ret;

	t.now_us = pdc_clock_wall(x->st->clock) / NS_PER_US;
	for (i = 0; i < NSTREAMS && ret == 0; i++)
		ret = trim_scope(&t, 1u << i, pdc_journal_limit(rec, i));
	if (ret == 0)
		ret = trim_scope(&t, JOURNAL_LOGS, &rec->limit[SCOPE_LOGS]);
	return ret;
}
