/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The journal: blocks that are right, and their lines; its record, with what
 * follows from them counted anew.
 */

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/wire.h"
#include "pdc.h"
#include "repair/book.h"

/* NULL: all its lines are lines, and later than those before. */
static const char *
block_wrong(struct repair *r, struct journal_view *v, uint64_t *last)
{
	const struct repair_rec *rec = &r->rec;
	struct journal_line l;
	uint32_t i, at = 0;

	if (rec->klen != JOURNAL_KEY_LEN || rec->key[1] >= NSTREAMS)
		return "a key that cannot be";
	if (pdc_journal_view(v, rec->val.data, rec->val.len) < 0 ||
	    v->h.first != pdc_get_be64(rec->key + 2) || v->h.first == 0)
		return "no block of lines";
	if (v->h.first <= *last)
		return "numbers that were given before";
	for (i = 0; i < v->h.nlines; i++, at = l.end) {
		l = pdc_journal_line(v, i);
		if (!pdc_journal_is_line(v->text + at, l.end - at, rec->key[1]))
			return "a line that is none";
		if (l.us < 0 || l.us == INT64_MAX)
			return "a time that cannot be";
	}
	*last = v->h.first + pdc_journal_line(v, i - 1).distance;
	return NULL;
}

/* Of a block that counts; those before the floor are gone. */
static void
block_count(struct repair *r, const struct journal_view *v)
{
	struct journal_stream_rec *s = &r->journal.stream[r->rec.key[1]];
	struct journal_line l;
	uint32_t i, at = 0;

	for (i = 0; i < v->h.nlines; i++, at = l.end) {
		l = pdc_journal_line(v, i);
		if (v->h.first + l.distance >= s->floor) {
			s->nlines++;
			s->bytes += l.end - at;
			r->sums->lines++;
		}
		if (l.us > r->journal.last_us)
			r->journal.last_us = l.us;
		if (v->h.first + l.distance >= r->journal.next)
			r->journal.next = v->h.first + l.distance + 1;
	}
	s->last = v->h.first;
}

static int
blocks(struct repair *r)
{
	struct journal_view v;
	uint64_t last = 0;
	const char *wrong;
	int stream = -1;

	while (pdc_repair_next(r, &r->rec, "J", 1) == 1) {
		if (r->rec.klen == 1)
			continue;
		if (r->rec.key[1] & JOURNAL_NAMES)
			break; /* they are made by us */
		if (r->rec.key[1] != stream)
			last = 0;
		stream = r->rec.key[1];
		wrong = block_wrong(r, &v, &last);
		if (wrong == NULL) {
			block_count(r, &v);
			pdc_journal_names(&r->x, stream, &v, 1);
			continue;
		}
		if (r->rec.klen == JOURNAL_KEY_LEN)
			pdc_repair_left(r, "J %d %" PRIu64 ": %s", stream,
			    pdc_get_be64(r->rec.key + 2), wrong);
		pdc_stxn_del(&r->x, r->rec.key, r->rec.klen);
	}
	return r->x.ret;
}

/* Its counts are made anew; limits and floors are nowhere else. */
static int
record(struct repair *r)
{
	struct journal_rec *rec = &r->journal;
	int ret, i;

	ret = pdc_journal_rec(&r->x, rec);
	if (ret == PDC_EFORMAT) {
		pdc_repair_left(r, "J: limits, and what was deleted");
		ret = 0;
	}
	if (ret < 0)
		return ret;
	for (i = 0; i < NSTREAMS; i++) {
		rec->stream[i].nlines = rec->stream[i].bytes = 0;
		rec->stream[i].last = 0;
		if (rec->stream[i].floor > rec->next) {
			pdc_repair_left(r, "J: what was deleted");
			rec->stream[i].floor = 0;
		}
	}
	return 0;
}

int
pdc_repair_journal(struct repair *r)
{
	int ret = record(r);
	const void *val;
	size_t len;

	r->rec.klen = 0;
	if (ret < 0 || blocks(r) < 0)
		return ret < 0 ? ret : r->x.ret;
	if (r->sums->lines > 0 &&
	    pdc_stxn_get(&r->x, "J", 1, &val, &len) == PDC_ENOENT)
		pdc_repair_left(r, "J: limits, and what was deleted");
	else if (r->sums->lines == 0 && r->journal.next <= 1)
		return 0;
	return pdc_stxn_put(&r->x, "J", 1, &r->journal, sizeof(r->journal));
}
