/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Gauges of modes whose processes are dead: what they have left is folded into
 * one series of the dead, or goes with them, by the mode.  Each in one
 * transaction with the removal of its series, so it is neither lost nor folded
 * twice; what comes late goes by its D (store/dying.h).
 *
 * A process that is dead may have updates in rings.  So only those are folded
 * that were dead and whose series was there before the rings were drained: all
 * they ever wrote is in their series then.
 */

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/wire.h"
#include "checkpoint/checkpoint.h"
#include "collect/live.h"
#include "pdc.h"
#include "store/series.h"

#define FOLD_BATCH 128 /* of a transaction */

struct fold_one {
	uint32_t family, incarnation, n;
	uint64_t owner;
};

/* Who is to be folded, earlier processes first. */
struct fold {
	const struct slots *before;
	struct value *v; /* for blocks */
	struct slots now;
	uint64_t upto;
	struct family f;
	struct fold_one *list;
	size_t n, cap, at;
};

/* What cannot be read now is folded another time. */
void
pdc_fold_begin(struct fold_begin *b, struct pdc *p)
{
	struct stxn x;

	pdc_slots_look(&b->slots, &p->self, pdc_wlock_fd(&p->store->wlock));
	b->upto = 0;
	if (pdc_stxn_read(&x, p->store) < 0)
		return;
	b->upto = x.meta.next_series;
	pdc_stxn_abort(&x);
}

static int
fold_dead(const struct fold *fo, const struct cells *c, uint64_t owner)
{
	return ident_since(owner) != 0 &&
	    !pdc_slots_alive(fo->before, c, owner) &&
	    !pdc_slots_alive(&fo->now, c, owner);
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

/* The series of a family whose processes are dead. */
static int
fold_family(struct fold *fo, struct stxn *x, const struct cells *c)
{
	const struct family *f = &fo->f;
	struct fold_one one = { f->r.id, f->r.incarnation, 0, 0 };
	unsigned char key[SERIES_KEY_LEN];
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
		    s.id >= fo->upto)
			continue;
		one.owner = pdc_series_owner(f, s.values, s.values_len);
		one.n = pdc_get_be32(cur.key + 9);
		if (fold_dead(fo, c, one.owner))
			ret = fold_note(fo, &one);
	}
	pdc_scur_close(&cur);
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

static int
fold_order(const void *a, const void *b)
{
	uint64_t x = ident_since(((const struct fold_one *)a)->owner);
	uint64_t y = ident_since(((const struct fold_one *)b)->owner);

	return (x > y) - (x < y);
}

/* One of the list, if it is still there. */
static int
fold_do(struct stxn *x, struct pdc *p, struct place *pl,
    const struct fold_one *one)
{
	struct gone g = { .why = GONE_REMOVED };
	struct series_ref s;
	double v;
	int ret;

	ret = pdc_family_by_id(x, one->family, &pl->f);
	if (ret == 0 && pl->f.r.incarnation != one->incarnation)
		ret = PDC_ENOENT;
	if (ret == 0)
		ret = pdc_series_get(x, &pl->f, one->n, &s);
	if (ret == 0 &&
	    (s.values_len > sizeof(g.values) ||
		pdc_series_owner(&pl->f, s.values, s.values_len) != one->owner))
		ret = PDC_ENOENT;
	if (ret == 0) {
		g.len = s.values_len;
		memcpy(g.values, s.values, g.len);
		ret = pdc_place_find(x, pl, g.values, g.len);
	}
	if (ret < 0) /* gone, or another, or damaged */
		return x->ret;
	if (pdc_live_idle(x, pdc_cells_now(p), &pl->f, pl->v, pl->at))
		return x->ret;
	v = pdc_credit_look(pdc_cells_now(p), pl);
	if (pdc_mode_dead(pl->f.r.mode) == DEAD_STAY)
		g.why = GONE_FOLDED;
	if (pdc_place_remove(x, p, pl, &g) == 0 && g.why == GONE_FOLDED)
		pdc_mode_fold(x, pl, g.values, g.len, v);
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
pdc_fold_end(const struct fold_begin *b, struct pdc *p, uint32_t wait_ms)
{
	struct fold *fo;
	int ret;

	if (b->upto == 0)
		return 0;
	fo = calloc(1, sizeof(*fo));
	if (fo != NULL)
		fo->v = aligned_alloc(16, sizeof(*fo->v));
	if (fo == NULL || fo->v == NULL) {
		free(fo);
		return pdc_err_set(PDC_ENOMEM, "a checkpoint");
	}
	fo->before = &b->slots;
	fo->upto = b->upto;
	ret = fold_find(fo, p);
	if (fo->n > 0)
		qsort(fo->list, fo->n, sizeof(*fo->list), fold_order);
	while (ret == 0 && fo->at < fo->n) {
		if (fo->at > 0)
			pdc_clock_sleep(SLICE_NAP_NS);
		ret = fold_slice(fo, p, wait_ms);
	}
	free(fo->list);
	free(fo->v);
	free(fo);
	return ret;
}
