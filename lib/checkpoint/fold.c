/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Gauges of modes whose processes are dead: what they have left is folded into
 * one series of the dead, or goes with them, by the mode.  Each in one
 * transaction with the removal of its series, so it is neither lost nor folded
 * twice.
 *
 * A process that is dead may have updates in rings.  So only those are folded
 * that were dead and whose series was there before the rings were drained: all
 * they ever wrote is in their series then.  But not what they wrote to a file
 * that is lost, as long as somebody maps that who has not brought it in:
 * fold_from tells which series that may be.  The next boot folds them.
 *
 * Where each slot has a value the last process that had the slot counts: who
 * was there before it goes, or has written nothing.  Should something of his
 * come yet, he is before it still.
 */

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/wire.h"
#include "checkpoint/checkpoint.h"
#include "collect/live.h"
#include "pdc.h"
#include "store/series.h"

#define FOLD_BATCH 128 /* of a transaction */

struct fold_one {
	uint32_t family, incarnation, n;
	uint32_t by; /* number of who has had the slot after it, or n */
	uint64_t owner, id;
	uint64_t labels; /* their hash, where slots have values */
};

/* Who is to be folded. */
struct fold {
	struct slots before, now;
	uint64_t upto; /* ids of series that were there before */
	struct value *v; /* for blocks */
	struct family f;
	struct fold_one *list;
	size_t n, cap, at;
};

struct fold *
pdc_fold_begin(struct pdc *p)
{
	struct fold *fo;
	struct stxn x;

	fo = calloc(1, sizeof(*fo));
	if (fo == NULL)
		return NULL;
	fo->v = aligned_alloc(16, sizeof(*fo->v));
	if (fo->v == NULL) {
		free(fo);
		return NULL;
	}
	pdc_slots_look(&fo->before, &p->self, pdc_wlock_fd(&p->store->wlock));
	/* What cannot be read now is folded another time. */
	if (pdc_stxn_read(&x, p->store) == 0) {
		fo->upto = x.meta.next_series;
		pdc_stxn_abort(&x);
	}
	return fo;
}

void
pdc_fold_free(struct fold *fo)
{
	if (fo == NULL)
		return;
	free(fo->list);
	free(fo->v);
	free(fo);
}

static int
fold_dead(const struct fold *fo, uint64_t owner)
{
	return ident_since(owner) != 0 &&
	    !pdc_slots_alive(&fo->before, owner) &&
	    !pdc_slots_alive(&fo->now, owner);
}

/* Whether the last in a slot counts, of dead ones too. */
static int
fold_slots(const struct family *f)
{
	return pdc_mode_keeps(f->r.mode) == KEEPS_SLOTS &&
	    pdc_mode_dead(f->r.mode) == DEAD_STAY;
}

/* An older file may still have something of it, and it would be too late. */
static int
fold_early(const struct stxn *x, const struct family *f, uint64_t id)
{
	return pdc_mode_dead(f->r.mode) == DEAD_STAY && !fold_slots(f) &&
	    id < x->meta.fold_from;
}

static int
fold_note(struct fold *fo, const struct fold_one *one)
{
	size_t cap = fo->cap != 0 ? 2 * fo->cap : 64;
	struct fold_one *more;

	if (fo->n == fo->cap) {
		more = reallocarray(fo->list, cap, sizeof(*more));
		if (more == NULL)
			return pdc_err_set(PDC_ENOMEM, "a checkpoint");
		fo->list = more;
		fo->cap = cap;
	}
	fo->list[fo->n++] = *one;
	return 0;
}

static int
fold_order(const void *a, const void *b)
{
	const struct fold_one *x = a, *y = b;

	if (x->labels != y->labels)
		return (x->labels > y->labels) - (x->labels < y->labels);
	return (x->owner > y->owner) - (x->owner < y->owner);
}

/* Whether nobody has written a series; what cannot be read is no series. */
static int
fold_none(struct fold *fo, struct stxn *x, const struct cells *c,
    const struct fold_one *one)
{
	struct value_place at = pdc_block_place(&fo->f.r, one->n);
	struct pair out;

	if (pdc_block_get(x, &fo->f.r, at, fo->v) < 0)
		return 1;
	(void)pdc_live_read(c, fo->v, at.pos, one->id, &out);
	return value_is_none(out.sum);
}

static int
fold_same(const struct fold_one *a, const struct fold_one *b)
{
	return a->labels == b->labels &&
	    ident_slot(a->owner) == ident_slot(b->owner);
}

/* Of all series of a family, from so many of the list on: who goes. */
static void
fold_before(struct fold *fo, struct stxn *x, const struct cells *c, size_t from)
{
	struct fold_one *one;
	size_t i, n = from;

	if (fo->n > from)
		qsort(fo->list + from, fo->n - from, sizeof(*fo->list),
		    fold_order);
	for (i = from; i < fo->n; i++) {
		one = &fo->list[i];
		if (!fold_dead(fo, one->owner))
			continue;
		if (i + 1 < fo->n && fold_same(one, one + 1) &&
		    !fold_none(fo, x, c, one + 1))
			one->by = one[1].n;
		else if (!fold_none(fo, x, c, one))
			continue;
		fo->list[n++] = *one;
	}
	fo->n = n;
}

/* The series of a family whose processes are dead. */
static int
fold_family(struct fold *fo, struct stxn *x, const struct cells *c)
{
	const struct family *f = &fo->f;
	struct fold_one one = { .family = f->r.id,
		.incarnation = f->r.incarnation };
	unsigned char key[SERIES_KEY_LEN];
	size_t from = fo->n;
	struct series_ref s;
	struct scur cur;
	int got, ret;

	pdc_series_key(key, 'S', f->r.id, f->r.incarnation, 0);
	ret = pdc_scur_open(&cur, x);
	if (ret < 0)
		return ret;
	for (got = pdc_scur_seek(&cur, key, sizeof(key)); got == 1 && ret == 0;
	     got = pdc_scur_next(&cur)) {
		if (cur.klen != sizeof(key) || memcmp(cur.key, key, 9) != 0)
			break;
		if (pdc_series_parse(&s, cur.val, cur.len,
			family_nvalues(&f->r)) < 0 ||
		    s.id >= fo->upto || fold_early(x, f, s.id))
			continue;
		one.owner = pdc_series_owner(f, s.values, s.values_len);
		one.n = one.by = pdc_get_be32(cur.key + 9);
		one.id = s.id;
		if (fold_slots(f))
			one.labels = pdc_hash(s.values,
			    pdc_series_labels(f, s.values, s.values_len), 0);
		if (fold_slots(f) || fold_dead(fo, one.owner))
			ret = fold_note(fo, &one);
	}
	pdc_scur_close(&cur);
	if (ret == 0 && fold_slots(f))
		fold_before(fo, x, c, from);
	return ret;
}

/* What has expired ends as it is: folded, it would be there again. */
static int
fold_wants(struct fold *fo, struct stxn *x, const struct cells *c)
{
	return pdc_mode_keeps(fo->f.r.mode) != KEEPS_ONE &&
	    !pdc_live_expired(x, c, &fo->f, fo->v);
}

static int
fold_find(struct fold *fo, struct pdc *p)
{
	const struct cells *c = pdc_cells_now(p);
	struct scur cur;
	struct stxn x;
	int got, ret;

	ret = pdc_stxn_read(&x, p->store);
	if (ret < 0)
		return ret;
	pdc_slots_look(&fo->now, &p->self, pdc_wlock_fd(&p->store->wlock));
	ret = pdc_scur_open(&cur, &x);
	for (got = pdc_scur_seek(&cur, "F", 1); got == 1 && ret == 0;
	     got = pdc_scur_next(&cur)) {
		if (cur.klen < 2 || cur.key[0] != 'F')
			break;
		if (pdc_family_parse(&fo->f, cur.key + 1, cur.klen - 1, cur.val,
			cur.len) == 0 &&
		    fold_wants(fo, &x, c))
			ret = fold_family(fo, &x, c);
	}
	pdc_scur_close(&cur);
	pdc_stxn_abort(&x);
	return ret < 0 ? ret : got < 0 ? got : 0;
}

/* Whether somebody has had the slot after it, with the same labels. */
static int
fold_later(struct stxn *x, const struct family *f, const struct gone *g,
    const struct fold_one *one)
{
	size_t len = pdc_series_labels(f, g->values, g->len);
	struct series_ref s;
	uint64_t owner;

	if (pdc_series_get(x, f, one->by, &s) < 0)
		return 0;
	owner = pdc_series_owner(f, s.values, s.values_len);
	return owner > one->owner &&
	    ident_slot(owner) == ident_slot(one->owner) &&
	    pdc_series_labels(f, s.values, s.values_len) == len &&
	    memcmp(s.values, g->values, len) == 0;
}

/* One of the list, if it is still there: its values; 0, or why not. */
static int
fold_look(struct stxn *x, struct place *pl, const struct fold_one *one,
    struct gone *g)
{
	struct series_ref s;
	int ret;

	ret = pdc_family_by_id(x, one->family, &pl->f);
	if (ret == 0 && pl->f.r.incarnation != one->incarnation)
		ret = PDC_ENOENT;
	if (ret == 0)
		ret = pdc_series_get(x, &pl->f, one->n, &s);
	if (ret < 0)
		return ret;
	if (fold_early(x, &pl->f, s.id) || s.values_len > sizeof(g->values) ||
	    pdc_series_owner(&pl->f, s.values, s.values_len) != one->owner)
		return PDC_ENOENT;
	g->len = s.values_len;
	memcpy(g->values, s.values, g->len);
	if (fold_slots(&pl->f) && one->by != one->n &&
	    !fold_later(x, &pl->f, g, one))
		return PDC_ENOENT;
	return pdc_place_find(x, pl, g->values, g->len);
}

static int
fold_do(struct stxn *x, struct pdc *p, struct place *pl,
    const struct fold_one *one)
{
	struct gone g = { .why = GONE_REMOVED };
	double v;

	if (fold_look(x, pl, one, &g) < 0) /* gone, or another, or damaged */
		return x->ret;
	if (pdc_live_idle(x, pdc_cells_now(p), &pl->f, pl->v, pl->at))
		return x->ret;
	v = pdc_credit_look(pdc_cells_now(p), pl);
	if (fold_slots(&pl->f)) {
		g.why = GONE_MOVED;
		if (one->by != one->n || value_is_none(v))
			pdc_place_remove(x, p, pl, &g);
	} else if (pdc_place_remove(x, p, pl, &g) == 0 &&
	    pdc_mode_dead(pl->f.r.mode) == DEAD_STAY) {
		pdc_mode_fold(x, pl, g.values, g.len, v);
	}
	return x->ret;
}

/* A transaction. */
static int
fold_slice(struct fold *fo, struct pdc *p, uint32_t wait_ms)
{
	int64_t until = pdc_clock_mono(&p->clock) + SLICE_NS;
	struct place *pl;
	struct stxn x;
	int i, ret;

	pl = malloc(sizeof(*pl));
	if (pl == NULL)
		return pdc_err_set(PDC_ENOMEM, "a checkpoint");
	ret = pdc_stxn_write(&x, p->store, wait_ms);
	if (ret == 0) {
		pl->v = p->store->value;
		for (i = 0; i < FOLD_BATCH && fo->at < fo->n && x.ret == 0; i++)
			if (i > 0 && pdc_clock_mono(&p->clock) >= until)
				break;
			else
				fold_do(&x, p, pl, &fo->list[fo->at++]);
		ret = pdc_stxn_commit(&x);
	}
	free(pl);
	return ret;
}

int
pdc_fold_end(struct fold *fo, struct pdc *p, uint32_t wait_ms)
{
	int ret;

	if (fo->upto == 0)
		return 0;
	ret = fold_find(fo, p);
	while (ret == 0 && fo->at < fo->n) {
		if (fo->at > 0)
			pdc_clock_sleep(SLICE_NAP_NS);
		ret = fold_slice(fo, p, wait_ms);
	}
	return ret;
}
