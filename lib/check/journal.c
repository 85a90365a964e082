/* SPDX-License-Identifier: ISC */
#include "config.h"

/* The journal: its blocks one by one, and what its record says of them. */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/wire.h"
#include "check/book.h"
#include "journal/journal.h"
#include "pdc.h"

struct check_journal {
	struct journal_rec rec, found; /* as it says, as it is */
	uint64_t bounds[NSTREAMS]; /* number of the last line seen */
};

/* Whether a line's block is found by its name. */
static void
name_one(struct check *c, const struct scur *cur, const char *text, size_t len)
{
	unsigned char key[JOURNAL_NAME_KEY_LEN];
	const void *val;

	pdc_journal_name_key(key, cur->key[1], pdc_journal_name(text, len),
	    pdc_get_be64(cur->key + 2));
	if (pdc_stxn_get(&c->x, key, sizeof(key), &val, &len) == PDC_ENOENT)
		pdc_check_key(c, cur, "a line is not found by its name");
}

static void
names_one(struct check *c, const struct scur *cur)
{
	enum journal_stream stream = cur->key[1] & ~JOURNAL_NAMES;
	unsigned char key[JOURNAL_KEY_LEN];
	const void *val;
	size_t len;

	pdc_journal_key(key, stream, pdc_get_be64(cur->key + 6));
	if (stream < STREAM_LOGS || stream >= NSTREAMS ||
	    pdc_stxn_get(&c->x, key, sizeof(key), &val, &len) == PDC_ENOENT)
		pdc_check_key(c, cur, "a name of a block that is not there");
}

static void
lines_one(struct check *c, const struct scur *cur, const struct journal_view *v,
    enum journal_stream stream)
{
	struct check_journal *j = c->journal;
	struct journal_stream_rec *s = &j->found.stream[stream];
	int64_t last_us = -1;
	struct journal_line l;
	uint32_t i, at = 0;
	uint64_t seq;

	for (i = 0; i < v->h.nlines; i++) {
		l = pdc_journal_line(v, i);
		seq = v->h.first + l.distance;
		if (seq <= j->bounds[stream] || seq >= j->rec.next)
			pdc_check_key(c, cur,
			    "line %u has number %" PRIu64 ", expected more "
			    "than %" PRIu64 " and less than %" PRIu64,
			    i, seq, j->bounds[stream], j->rec.next);
		if (l.us <= last_us || l.us > j->rec.last_us)
			pdc_check_key(c, cur,
			    "line %u has time %" PRId64 ", expected %" PRId64
			    " to %" PRId64,
			    i, l.us, last_us, j->rec.last_us);
		if (!pdc_journal_is_line(v->text + at, l.end - at, stream))
			pdc_check_key(c, cur, "line %u is no line", i);
		else if (stream >= STREAM_LOGS)
			name_one(c, cur, v->text + at, l.end - at);
		if (seq >= j->rec.stream[stream].floor) {
			s->nlines++;
			s->bytes += l.end - at;
		}
		j->bounds[stream] = seq;
		last_us = l.us;
		at = l.end;
	}
	if (j->bounds[stream] < j->rec.stream[stream].floor)
		pdc_check_key(c, cur,
		    "all its lines are deleted, expected number %" PRIu64
		    " or more",
		    j->rec.stream[stream].floor);
	s->last = v->h.first;
}

static void
journal_one(struct check *c, const struct scur *cur)
{
	struct check_journal *j = c->journal;
	struct journal_view v;

	if (cur->klen == 1) {
		if (pdc_journal_rec(&c->x, &j->rec) < 0)
			pdc_check_say(c, "J: %zu bytes, expected %zu", cur->len,
			    sizeof(j->rec));
	} else if (cur->klen == JOURNAL_NAME_KEY_LEN &&
	    (cur->key[1] & JOURNAL_NAMES)) {
		names_one(c, cur);
	} else if (cur->klen != JOURNAL_KEY_LEN) {
		pdc_check_say(c, "J: a key of %zu bytes, expected %d",
		    cur->klen, JOURNAL_KEY_LEN);
	} else if (cur->key[1] >= NSTREAMS) {
		pdc_check_key(c, cur, "expected a stream below %d", NSTREAMS);
	} else if (pdc_journal_view(&v, cur->val, cur->len) < 0 ||
	    v.h.first != pdc_get_be64(cur->key + 2)) {
		pdc_check_key(c, cur, "%zu bytes that are no block of lines",
		    cur->len);
	} else {
		lines_one(c, cur, &v, cur->key[1]);
	}
}

static void
totals(struct check *c)
{
	const struct check_journal *j = c->journal;
	int i;

	for (i = 0; i < NSTREAMS; i++) {
		const struct journal_stream_rec *s = &j->rec.stream[i];
		const struct journal_stream_rec *f = &j->found.stream[i];

		if (s->nlines != f->nlines || s->bytes != f->bytes)
			pdc_check_say(c,
			    "J: stream %d has %" PRIu64 " lines of %" PRIu64
			    " bytes, found %" PRIu64 " of %" PRIu64,
			    i, s->nlines, s->bytes, f->nlines, f->bytes);
		if (s->floor > j->rec.next)
			pdc_check_say(c,
			    "J: the floor of stream %d is %" PRIu64
			    ", expected at most %" PRIu64,
			    i, s->floor, j->rec.next);
		if (f->last != 0 && s->last != f->last)
			pdc_check_say(c,
			    "J: the last block of stream %d is %" PRIu64
			    ", found %" PRIu64,
			    i, s->last, f->last);
	}
}

void
pdc_check_journal(struct check *c)
{
	c->journal = calloc(1, sizeof(*c->journal));
	if (c->journal == NULL) {
		c->ret = pdc_err_set(PDC_ENOMEM, "checking %s", c->st->dir);
		return;
	}
	pdc_check_each(c, 'J', journal_one);
	if (c->ret == 0)
		totals(c);
	free(c->journal);
	c->journal = NULL;
}
