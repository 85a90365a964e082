/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * What has ended is swept up, some at a time: dying runs, incarnations of
 * families, and what belongs to epochs whose files nobody maps any more.
 *
 * An incarnation that has ended, by its E record:
 *	its series		each becomes a D, with what the store had seen
 *	none, but D		wait
 *	neither			its blocks and numbers go, units are given back,
 *				then E
 */

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/wire.h"
#include "checkpoint/checkpoint.h"
#include "pdc.h"
#include "store/again.h"
#include "store/dying.h"
#include "store/series.h"

#define SWEEP_BATCH 512 /* records of a transaction */

/* Runs that end in one transaction. */
struct dying_batch {
	struct dying y; /* the present one */
	uint32_t n, nfree;
	struct dying_rec free[SWEEP_BATCH]; /* their numbers */
};

/*
 * The grace of a run is over.  Where an older epoch may still bring something,
 * its record stays, and so its number is not given out.
 */
static int
dying_end(struct stxn *x, struct pdc *p, const unsigned char *key,
    struct dying_batch *b)
{
	unsigned char keep[DYING_KEY_LEN];
	struct cells *c = pdc_cells_now(p);
	struct dying *y = &b->y;

	if (y->d.epoch == x->meta.epoch && y->d.unit != UNIT_NONE) {
		pdc_cells_bump(c, y->d.zone, y->d.unit, y->d.width);
		pdc_dying_late(x, c, y);
		y->d.unit = UNIT_NONE;
	}
	pdc_stxn_del(x, key, DYING_KEY_LEN);
	if (!dying_kept(&x->meta, y->d.epoch, y->d.id)) {
		b->free[b->nfree++] = y->d;
		return x->ret;
	}
	memcpy(keep, key, sizeof(keep));
	keep[0] = 'K';
	return pdc_dying_put(x, keep, y);
}

static int
dying_due(const struct stxn *x, const struct dying *y)
{
	return y->d.epoch != x->meta.epoch || y->d.unit == UNIT_NONE ||
	    pdc_clock_mono(x->st->clock) - y->d.since_mono_ns >= DYING_GRACE_NS;
}

/* The first D record: 1 and its key, or 0. */
static int
dying_first(struct stxn *x, unsigned char *key, struct dying *y)
{
	struct scur c;
	int got, sane = 1;

	if (pdc_scur_open(&c, x) < 0)
		return x->ret;
	got = pdc_scur_seek(&c, "D", 1);
	if (got == 1 && (c.klen != DYING_KEY_LEN || c.key[0] != 'D'))
		got = 0;
	if (got == 1) {
		memcpy(key, c.key, DYING_KEY_LEN);
		sane = pdc_dying_parse(y, c.val, c.len);
	}
	pdc_scur_close(&c);
	if (sane)
		return got;
	pdc_cells_drop(pdc_cells_now(x->st->hook_arg), DROP_DAMAGED);
	y->d = (struct dying_rec){ .unit = UNIT_NONE, .family = UINT32_MAX };
	return got;
}

/*
 * The number of runs that ended; SWEEP_BATCH if there may be more.  Their
 * numbers are given back when all late credits are done: one of these may make
 * a series, and would empty lanes that are read again if this transaction does
 * not come to be.
 */
int
pdc_dying_step(struct stxn *x, struct pdc *p)
{
	unsigned char key[DYING_KEY_LEN];
	struct dying_batch *b;
	uint32_t i;
	int n;

	b = malloc(sizeof(*b));
	if (b == NULL)
		return pdc_stxn_fail(x, pdc_err_set(PDC_ENOMEM, "dying"));
	b->nfree = 0;
	for (b->n = 0; b->n < SWEEP_BATCH && x->ret == 0; b->n++) {
		if (dying_first(x, key, &b->y) != 1 || !dying_due(x, &b->y))
			break;
		dying_end(x, p, key, b);
	}
	for (i = 0; i < b->nfree; i++)
		pdc_number_give(x, b->free[i].family, b->free[i].incarnation,
		    b->free[i].n);
	n = (int)b->n;
	free(b);
	return x->ret < 0 ? x->ret : n;
}

static void
ended_key(unsigned char *key, char kind, const struct family_rec *f)
{
	key[0] = (unsigned char)kind;
	pdc_put_be32(key + 1, f->id);
	pdc_put_be32(key + 5, f->incarnation);
}

int
pdc_family_end(struct stxn *x, struct family *f, enum gone_why why)
{
	struct ended_rec e = { .zone = f->r.zone,
		.width = f->r.width,
		.nlabels = family_nvalues(&f->r),
		.late = why == GONE_REMOVED ? LATE_DROPPED : LATE_LABELS };
	unsigned char key[ENDED_KEY_LEN];

	ended_key(key, 'E', &f->r);
	if (f->r.next_n > 0)
		pdc_stxn_put(x, key, sizeof(key), &e, sizeof(e));
	x->meta.nseries -= f->r.nseries;
	x->meta.nfamilies -= f->r.hidden ? 0 : 1;
	f->r.incarnation++;
	f->r.nseries = 0;
	f->r.next_n = f->r.epoch_n = 0;
	f->r.hidden = 1;
	return pdc_family_touch(x, f);
}

/* A series of an incarnation that has ended becomes a D. */
static int
ended_series(struct stxn *x, struct pdc *p, struct place *pl, int removed)
{
	struct gone g = { .why = removed ? GONE_REMOVED : GONE_ENDED };
	unsigned char key[SERIES_KEY_LEN];
	struct series_rec rec;
	const void *val;
	size_t len;

	pdc_series_key(key, 'S', pl->f.r.id, pl->f.r.incarnation, pl->n);
	if (pdc_stxn_get(x, key, sizeof(key), &val, &len) < 0)
		return x->ret;
	memset(&rec, 0, sizeof(rec));
	memcpy(&rec, val, len < sizeof(rec) ? len : sizeof(rec));
	pl->at = pdc_block_place(&pl->f.r, pl->n);
	if (len < sizeof(rec) || rec.values_len > len - sizeof(rec) ||
	    rec.values_len > sizeof(g.values) ||
	    pdc_block_get(x, &pl->f.r, pl->at, pl->v) < 0) {
		pdc_cells_drop(pdc_cells_now(p), DROP_DAMAGED);
		return pdc_stxn_del(x, key, sizeof(key));
	}
	g.len = rec.values_len;
	memcpy(g.values, (const char *)val + sizeof(rec), g.len);
	pl->id = rec.id;
	pl->unit = UNIT_NONE;
	if (pl->v->h.epoch == x->meta.epoch && pl->v->h.unit != UNIT_NONE)
		pl->unit = pl->v->h.unit +
		    (uint64_t)pl->at.pos * pl->v->h.width;
	pdc_dying_add(x, p, pl, &g);
	return pdc_series_unlink(x, &pl->f, g.values, g.len);
}

/* The first record of this kind of the incarnation: 1 and its number, or 0. */
static int
ended_first(struct stxn *x, char kind, const struct family_rec *f, uint32_t *n)
{
	unsigned char key[ENDED_KEY_LEN];
	struct scur c;
	int got;

	ended_key(key, kind, f);
	if (pdc_scur_open(&c, x) < 0)
		return x->ret;
	got = pdc_scur_seek(&c, key, sizeof(key));
	if (got == 1 &&
	    (c.klen != SERIES_KEY_LEN || memcmp(c.key, key, sizeof(key)) != 0))
		got = 0;
	if (got == 1)
		*n = pdc_get_be32(c.key + 9);
	pdc_scur_close(&c);
	return got;
}

/* Whether a run of the incarnation is dying. */
static int
ended_waits(struct stxn *x, const struct family_rec *f)
{
	struct dying *y;
	struct scur c;
	int got, waits = 0;

	y = malloc(sizeof(*y));
	if (y == NULL || pdc_scur_open(&c, x) < 0) {
		free(y);
		return 1;
	}
	for (got = pdc_scur_seek(&c, "D", 1); got == 1 && !waits;
	     got = pdc_scur_next(&c)) {
		if (c.klen != DYING_KEY_LEN || c.key[0] != 'D')
			break;
		waits = pdc_dying_parse(y, c.val, c.len) &&
		    y->d.family == f->id && y->d.incarnation == f->incarnation;
	}
	pdc_scur_close(&c);
	free(y);
	return waits;
}

static int
ended_del(struct stxn *x, char kind, const struct family_rec *f, uint32_t n)
{
	unsigned char key[SERIES_KEY_LEN];

	pdc_series_key(key, kind, f->id, f->incarnation, n);
	return pdc_stxn_del(x, key, sizeof(key)) < 0 ? x->ret : 1;
}

/* A block of it, its times, a number, or at the end E; 0 when that is gone. */
static int
ended_rest(struct stxn *x, const struct place *pl)
{
	const struct family_rec *f = &pl->f.r;
	unsigned char key[ENDED_KEY_LEN];
	uint64_t units;
	uint32_t n;

	if (ended_first(x, 'V', f, &n) == 1) {
		if (pdc_block_load(x, f, n, pl->v) == 0 &&
		    pl->v->h.epoch == x->meta.epoch &&
		    pl->v->h.unit != UNIT_NONE) {
			units = (uint64_t)pl->v->h.k * pl->v->h.width;
			pdc_units_give(x, f->zone, pl->v->h.unit, units);
		}
		return ended_del(x, 'V', f, n);
	}
	if (ended_first(x, 'T', f, &n) == 1)
		return ended_del(x, 'T', f, n);
	if (ended_first(x, 'N', f, &n) == 1)
		return ended_del(x, 'N', f, n);
	ended_key(key, 'E', f);
	return pdc_stxn_del(x, key, ENDED_KEY_LEN);
}

static int
ended_one(struct stxn *x, struct pdc *p, struct place *pl, int removed)
{
	int i;

	for (i = 0; i < SWEEP_BATCH && x->ret == 0; i++)
		if (ended_first(x, 'S', &pl->f.r, &pl->n) != 1)
			break;
		else
			ended_series(x, p, pl, removed);
	if (i > 0)
		return i;
	if (ended_waits(x, &pl->f.r))
		return 0;
	for (i = 0; i < SWEEP_BATCH && x->ret == 0; i++)
		if (ended_rest(x, pl) != 1)
			break;
	return i;
}

/* Of each incarnation that has ended, a batch; how many records. */
static int
ended_walk(struct stxn *x, struct pdc *p, struct place *pl)
{
	unsigned char key[ENDED_KEY_LEN + 1] = { 'E' };
	size_t klen = 1;
	struct ended_rec e;
	struct scur c;
	int got, n = 0;

	while (n < SWEEP_BATCH && x->ret == 0) {
		if (pdc_scur_open(&c, x) < 0)
			break;
		got = pdc_scur_seek(&c, key, klen);
		if (got == 1 && c.klen == ENDED_KEY_LEN && c.key[0] == 'E' &&
		    c.len == sizeof(e)) {
			memcpy(key, c.key, c.klen);
			memcpy(&e, c.val, sizeof(e));
		} else {
			got = 0;
		}
		pdc_scur_close(&c);
		if (got != 1)
			break;
		key[ENDED_KEY_LEN] = 0; /* the next one is behind this */
		klen = ENDED_KEY_LEN + 1;
		memset(&pl->f.r, 0, sizeof(pl->f.r));
		pl->f.r.id = pdc_get_be32(key + 1);
		pl->f.r.incarnation = pdc_get_be32(key + 5);
		pl->f.r.zone = (uint8_t)e.zone;
		pl->f.r.width = e.width;
		pl->f.r.nlabels = e.nlabels;
		if (e.zone <= VALUE_GAUGE && e.width >= 1 &&
		    e.width <= BOUNDS_MAX + 1)
			n += ended_one(x, p, pl, e.late == LATE_DROPPED);
	}
	return x->ret < 0 ? x->ret : n;
}

int
pdc_ended_step(struct stxn *x, struct pdc *p)
{
	struct place *pl;
	int n;

	pl = calloc(1, sizeof(*pl));
	if (pl == NULL)
		return pdc_stxn_fail(x, pdc_err_set(PDC_ENOMEM, "a family"));
	pl->v = x->st->value;
	n = ended_walk(x, p, pl);
	free(pl);
	return n;
}

void
pdc_epoch_forget(struct stxn *x, struct pdc *p)
{
	struct meta *m = &x->meta;
	uint64_t oldest = meta_oldest(m), to = m->epoch;
	const struct cells *c;

	if (oldest == m->epoch)
		return;
	for (c = pdc_cells_now(p)->older; c != NULL; c = c->older)
		if (!c->rdonly && c->epoch < to)
			to = c->epoch;
	m->oldest_epoch = pdc_use_oldest(p, oldest, to);
}

int
pdc_epoch_old(struct stxn *x, void *arg, const struct walk_rec *r)
{
	struct dying *y = arg;

	if (r->klen < 9)
		return 0;
	if (r->key[0] == 'K') {
		if (!pdc_dying_parse(y, r->val, r->len))
			y->d = (struct dying_rec){ .family = UINT32_MAX };
		if (dying_kept(&x->meta, y->d.epoch, y->d.id))
			return 0;
		pdc_number_give(x, y->d.family, y->d.incarnation, y->d.n);
	} else if (pdc_get_be64(r->key + 1) >= meta_oldest(&x->meta)) {
		return 0;
	}
	return pdc_stxn_del(x, r->key, r->klen) < 0 ? x->ret : 1;
}
