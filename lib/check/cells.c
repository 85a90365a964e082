/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Cells against records: tags, sums, operations on gauges, rings.
 *
 * Without the lock a cell may be of another time than its record.  Under it
 * both are of now, but for what a process that was killed owed: its O records
 * are still there; a tag that it was to set is still 0, until somebody wants
 * the series.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/wire.h"
#include "check/book.h"
#include "lane/ring.h"
#include "pdc.h"
#include "store/series.h"

#define LOCKED_BATCH 64
#define LOCKED_NAP_NS 1500000 /* who waits for the lock looks every 1 ms */

/* Whether an effect on the cells at unit is owed. */
static int
cells_owed(struct stxn *x, uint32_t zone, uint64_t unit, enum owed_op op)
{
	unsigned char key[5] = { 'O' };
	const void *val;
	struct owed o;
	uint32_t i;
	size_t len;

	for (i = 0;; i++) {
		pdc_put_be32(key + 1, i);
		if (pdc_stxn_get(x, key, sizeof(key), &val, &len) < 0)
			return 0;
		if (len != sizeof(o))
			continue;
		memcpy(&o, val, sizeof(o));
		if (o.epoch == x->meta.epoch && o.zone == zone &&
		    o.unit == unit &&
		    (o.op == OWED_UNTAG) == (op == OWED_UNTAG))
			return 1;
	}
}

/* What the store has seen is never more than what the lanes have. */
static int
cells_sums(struct check *c, struct value *v, uint32_t pos, char *words)
{
	uint64_t unit = v->h.unit + (uint64_t)pos * v->h.width;
	struct pair *seen, sum;
	double d;
	uint32_t i;

	if (v->h.zone == VALUE_ADD) {
		d = pdc_cells_sum(c->cells, unit);
		if (d >= pdc_block_add_seen(v)[pos])
			return 0;
		snprintf(words, CHECK_WORDS,
		    "its lanes have %g, expected %g at least, as seen", d,
		    pdc_block_add_seen(v)[pos]);
		return 1;
	}
	seen = pdc_block_pair_seen(v) + (size_t)pos * v->h.width;
	for (i = 0; i < v->h.width; i++) {
		sum = pdc_cells_sum_pair(c->cells, unit + i);
		if (sum.count >= seen[i].count)
			continue;
		snprintf(words, CHECK_WORDS,
		    "bucket %u: its lanes have %" PRIu64 ", expected %" PRIu64
		    " at least, as seen",
		    i, sum.count, seen[i].count);
		return 1;
	}
	return 0;
}

static int
cells_gauge(struct check *c, struct stxn *x, struct value *v, uint32_t pos,
    char *words)
{
	const struct value_gauge *g = pdc_block_gauges(v) + pos;
	uint64_t unit = v->h.unit + pos;
	struct gauge cell = pdc_cells_gauge(c->cells, unit);

	if (v->h.flags & VALUE_STAMPED ? value_stamp(g) <= gauge_stamp(&cell) :
					 (int32_t)(g->seq - cell.applied) <= 0)
		return 0;
	if (cells_owed(x, VALUE_GAUGE, unit, OWED_SET))
		return 0;
	snprintf(words, CHECK_WORDS,
	    "its cell has had operation %u, expected %u, and no O owes it",
	    cell.applied, g->seq);
	return 1;
}

/* What a page would make of it. */
static int
cells_worth(struct check *c, const struct check_life *l, struct value *v,
    uint32_t pos, char *words)
{
	uint64_t unit = v->h.unit + (uint64_t)pos * v->h.width;
	const struct pair *base;
	const char *wrong;
	uint32_t i;

	if (v->h.zone == VALUE_PAIR) {
		base = pdc_block_pair_base(v) + (size_t)pos * v->h.width;
		for (i = 0; i < v->h.width; i++) {
			c->now[i] = pdc_cells_sum_pair(c->cells, unit + i);
			c->now[i].count += base[i].count;
		}
	} else if (v->h.zone == VALUE_ADD) {
		c->now[0].sum = pdc_cells_sum(c->cells, unit) +
		    pdc_block_add_base(v)[pos];
	} else {
		c->now[0].sum = pdc_cells_gauge(c->cells, unit).value;
	}
	wrong = pdc_block_wrong(l->type, l->nstates, v, pos, c->now);
	if (wrong == NULL)
		return 0;
	snprintf(words, CHECK_WORDS, "with its cells %s", wrong);
	return 1;
}

int
pdc_check_run_cells(struct check *c, struct stxn *x, const struct check_life *l,
    struct value *v, uint32_t pos, uint64_t id, char *words)
{
	uint64_t unit, tag;

	if (c->cells == NULL || v->h.epoch != c->cells->epoch ||
	    v->h.unit == UNIT_NONE)
		return 0;
	unit = v->h.unit + (uint64_t)pos * v->h.width;
	tag = pdc_cells_tag_get(c->cells, v->h.zone, unit);
	if (tag != id && tag != 0) {
		snprintf(words, CHECK_WORDS,
		    "the tag of unit %" PRIu64 " is %" PRIu64
		    ", expected %" PRIu64,
		    unit, tag, id);
		return 1;
	}
	if (v->h.zone == VALUE_GAUGE ? cells_gauge(c, x, v, pos, words) :
				       cells_sums(c, v, pos, words))
		return 1;
	return tag == id && cells_worth(c, l, v, pos, words);
}

int
pdc_check_dying_cells(struct check *c, struct stxn *x, const struct dying *y,
    char *words)
{
	uint64_t tag;

	if (c->cells == NULL || y->d.epoch != c->cells->epoch ||
	    y->d.unit == UNIT_NONE)
		return 0;
	tag = pdc_cells_tag_get(c->cells, y->d.zone, y->d.unit);
	if (tag == 0 ||
	    (tag == y->d.id && cells_owed(x, y->d.zone, y->d.unit, OWED_UNTAG)))
		return 0;
	snprintf(words, CHECK_WORDS,
	    "the tag of unit %" PRIu64 " is %" PRIu64 ", expected 0, and no O "
	    "owes it",
	    y->d.unit, tag);
	return 1;
}

/* Its record as it is now, if it is there. */
static int
doubt_get(struct stxn *x, const struct check_doubt *d, struct scur *cur,
    unsigned char *key)
{
	if (d->kind == 'D') {
		pdc_dying_key(key, 'D', d->number);
		cur->klen = DYING_KEY_LEN;
	} else {
		pdc_series_key(key, 'S', d->life.family, d->life.incarnation,
		    d->n);
		cur->klen = SERIES_KEY_LEN;
	}
	cur->key = key;
	return pdc_stxn_get(x, key, cur->klen, &cur->val, &cur->len);
}

static void
doubt_again(struct check *c, struct stxn *x, const struct check_doubt *d)
{
	struct family_rec shape = pdc_check_shape(&d->life);
	struct value_place at = pdc_block_place(&shape, d->n);
	unsigned char key[SERIES_KEY_LEN];
	char words[CHECK_WORDS];
	struct series_ref s;
	struct scur cur;
	int wrong = 0;

	if (doubt_get(x, d, &cur, key) < 0)
		return;
	if (d->kind == 'D')
		wrong = pdc_dying_parse(&c->y, cur.val, cur.len) &&
		    pdc_check_dying_cells(c, x, &c->y, words);
	else if (pdc_series_parse(&s, cur.val, cur.len, d->life.nlabels) == 0 &&
	    pdc_block_load(x, &shape, at.block, &c->v) == 0 && c->v.h.k == at.k)
		wrong = pdc_check_run_cells(c, x, &d->life, &c->v, at.pos, s.id,
		    words);
	if (wrong)
		pdc_check_key(c, &cur, "%s", words);
}

/* What was taken lies between the writers' hint and the head of each ring. */
static void
locked_rings(struct check *c, struct stxn *x)
{
	uint32_t n = c->cells->nlanes, i;
	uint64_t head, tail, at;
	unsigned char key[9] = { 'R' };
	const void *val = NULL;
	size_t len;
	int ret;

	pdc_put_be64(key + 1, x->meta.epoch);
	ret = pdc_stxn_get(x, key, sizeof(key), &val, &len);
	if (ret == 0 && len != n * sizeof(at))
		return; /* R tells */
	for (i = 0; i < n; i++) {
		at = 0;
		if (ret == 0)
			memcpy(&at, (const char *)val + i * sizeof(at),
			    sizeof(at));
		pdc_ring_ends(c->cells, i, &head, &tail);
		if (tail > at || at > head || head - at > c->cells->ring_size ||
		    at % 8 != 0)
			pdc_check_say(c,
			    "R %" PRIu64 ": position of ring %u is %" PRIu64
			    ", expected %" PRIu64 " to %" PRIu64,
			    x->meta.epoch, i, at, tail, head);
	}
}

/* Some of them, with the lock; 1 if there is more to be done. */
static int
locked_batch(struct check *c, size_t from)
{
	const struct check_doubt *d = c->doubts.at;
	struct stxn x;
	size_t i;
	int ret;

	ret = pdc_stxn_read_locked(&x, c->st, c->st->wait_ms);
	if (ret < 0) {
		c->ret = ret;
		return 0;
	}
	if (x.meta.epoch != c->cells->epoch)
		i = c->doubts.n; /* a new cells file has been begun */
	else {
		for (i = from; i < c->doubts.n && i < from + LOCKED_BATCH; i++)
			doubt_again(c, &x, d + i);
		if (i == c->doubts.n)
			locked_rings(c, &x);
	}
	if (x.ret < 0)
		c->ret = x.ret;
	pdc_stxn_abort(&x);
	return i < c->doubts.n;
}

void
pdc_check_locked(struct check *c)
{
	size_t from = 0;

	if (c->cells == NULL || c->ret < 0)
		return;
	while (locked_batch(c, from)) {
		from += LOCKED_BATCH;
		pdc_clock_sleep(LOCKED_NAP_NS);
	}
}
