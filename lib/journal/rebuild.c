/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The journal's record from its blocks, where it makes no sense: so that a
 * record that is damaged keeps no checkpoint from being made, and no number is
 * given twice.  Limits and floors are lost, so some lines of a block that were
 * deleted are there again.
 */

#include <string.h>

#include "base/wire.h"
#include "journal/journal.h"
#include "pdc.h"

static void
rebuild_block(struct journal_rec *rec, enum journal_stream stream,
    const struct journal_view *v)
{
	struct journal_stream_rec *s = &rec->stream[stream];
	struct journal_line l = pdc_journal_line(v, v->h.nlines - 1);

	s->nlines += v->h.nlines;
	s->bytes += v->h.text_len;
	s->last = v->h.first;
	if (v->h.first + l.distance >= rec->next)
		rec->next = v->h.first + l.distance + 1;
	if (l.us > rec->last_us)
		rec->last_us = l.us;
}

int
pdc_journal_rebuild(struct stxn *x, struct journal_rec *rec)
{
	unsigned char key[JOURNAL_KEY_LEN];
	struct journal_view v;
	struct scur cur;
	int got;

	memset(rec, 0, sizeof(*rec));
	rec->next = 1;
	got = pdc_scur_open(&cur, x);
	if (got < 0)
		return got;
	pdc_journal_key(key, 0, 0);
	for (got = pdc_scur_seek(&cur, key, sizeof(key));
	     got == 1 && cur.key[0] == 'J'; got = pdc_scur_next(&cur))
		if (cur.klen == JOURNAL_KEY_LEN && cur.key[1] < NSTREAMS &&
		    pdc_journal_view(&v, cur.val, cur.len) == 0 &&
		    v.h.first == pdc_get_be64(cur.key + 2))
			rebuild_block(rec, cur.key[1], &v);
	pdc_scur_close(&cur);
	return got < 0 ? got : 0;
}
