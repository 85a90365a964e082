/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Salvage: a process that still maps the cells file of a closed epoch brings
 * in what its lanes and rings hold beyond what the store has seen of them.
 *
 * First all tags of the old file become 0, so that nobody's update ends in a
 * lane of it any more.  What the store had seen lies in the block itself if
 * nobody has brought it into a newer epoch, else in a C record.  Both are
 * absolute: salvaging again, by whomever, credits only what came since.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/wire.h"
#include "checkpoint/checkpoint.h"
#include "pdc.h"
#include "store/series.h"

struct salvage {
	struct pdc *pdc;
	const struct cells *old;
	struct value *now; /* the block as the old lanes have it */
	struct value *was; /* as the store has it */
	struct value *live; /* the block in the present epoch */
};

/* seen of v := the old lanes; 1 if that changed it. */
static int
salvage_sums(const struct cells *c, struct value *v)
{
	size_t i, n = (size_t)v->h.k * v->h.width;
	struct value_gauge *g;
	struct gauge cell;
	struct pair *seen, sum;
	double *add, d;
	int changed = 0;

	for (i = 0; i < n; i++) {
		if (v->h.zone == VALUE_ADD) {
			add = pdc_block_add_seen(v) + i;
			d = pdc_cells_sum(c, v->h.unit + i);
			changed |= d > *add;
			*add = d > *add ? d : *add;
		} else if (v->h.zone == VALUE_PAIR) {
			seen = pdc_block_pair_seen(v) + i;
			sum = pdc_cells_sum_pair(c, v->h.unit + i);
			changed |= sum.count > seen->count;
			if (sum.count > seen->count)
				*seen = sum;
		} else {
			g = pdc_block_gauges(v) + i;
			cell = pdc_cells_gauge(c, v->h.unit + i);
			/* Untouched, or by name it has been set since. */
			if (cell.touched == g->touched ||
			    (int32_t)(g->seq - cell.applied) > 0)
				continue;
			g->touched = cell.touched;
			g->value = cell.value;
			changed = 1;
		}
	}
	return changed;
}

/* Blocks nobody has brought into a newer epoch. */
static int
salvage_block(struct stxn *x, void *arg, const struct walk_rec *r)
{
	struct salvage *sv = arg;

	if (pdc_block_parse(sv->now, r->val, r->len) < 0 ||
	    sv->now->h.epoch != sv->old->epoch || sv->now->h.unit == UNIT_NONE)
		return 0;
	if (!salvage_sums(sv->old, sv->now))
		return 0;
	if (pdc_stxn_put(x, r->key, r->klen, sv->now, r->len) < 0)
		return x->ret;
	return 1;
}

static void
salvage_diff(struct value *live, struct value *now, struct value *w)
{
	size_t i, n = (size_t)live->h.k * live->h.width;
	struct value_gauge *g, *old;
	struct pair *base, *a, *b;

	for (i = 0; i < n; i++) {
		if (live->h.zone == VALUE_ADD) {
			pdc_block_add_base(live)[i] += pdc_block_add_seen(
							   now)[i] -
			    pdc_block_add_seen(w)[i];
		} else if (live->h.zone == VALUE_PAIR) {
			base = pdc_block_pair_base(live) + i;
			a = pdc_block_pair_seen(now) + i;
			b = pdc_block_pair_seen(w) + i;
			base->count += a->count - b->count;
			base->sum += a->sum - b->sum;
		} else {
			g = pdc_block_gauges(live) + i;
			old = pdc_block_gauges(now) + i;
			/* The new cell is the truth once there is one. */
			if (old->touched != pdc_block_gauges(w)[i].touched &&
			    g->seq == pdc_block_gauges(w)[i].seq &&
			    live->h.unit == UNIT_NONE)
				g->value = old->value;
		}
	}
}

/* A gauge whose block has cells again: the old value, as an operation. */
static void
salvage_gauges(struct stxn *x, struct salvage *sv, struct value *w)
{
	struct value_gauge *now, *live;
	struct owed o = { .epoch = x->meta.epoch,
		.zone = VALUE_GAUGE,
		.op = OWED_SET };
	struct cells *c = pdc_cells_now(sv->pdc);
	uint32_t i;

	if (sv->live->h.zone != VALUE_GAUGE || sv->live->h.unit == UNIT_NONE ||
	    sv->live->h.epoch != c->epoch)
		return;
	for (i = 0; i < sv->live->h.k; i++) {
		now = pdc_block_gauges(sv->now) + i;
		live = pdc_block_gauges(sv->live) + i;
		o.unit = sv->live->h.unit + i;
		if (now->touched == pdc_block_gauges(w)[i].touched ||
		    live->seq != pdc_block_gauges(w)[i].seq ||
		    pdc_cells_gauge(c, o.unit).touched != 0)
			continue;
		o.id = pdc_cells_tag_get(c, ZONE_GAUGE, o.unit);
		o.seq = ++live->seq;
		o.amount = live->value = now->value;
		pdc_owed_add(x, &o);
	}
}

struct dying {
	struct dying_rec d;
	double sum0;
	char values[LABELS_MAX_LEN];
};

static int
dying_parse(struct dying *y, const void *val, size_t len)
{
	const char *p = val;

	if (len < sizeof(y->d) + sizeof(y->sum0))
		return 0;
	memcpy(&y->d, p, sizeof(y->d));
	memcpy(&y->sum0, p + sizeof(y->d), sizeof(y->sum0));
	if (y->d.values_len > sizeof(y->values) || y->d.zone != VALUE_ADD ||
	    len != sizeof(y->d) + sizeof(y->sum0) + y->d.values_len)
		return 0;
	memcpy(y->values, p + sizeof(y->d) + sizeof(y->sum0), y->d.values_len);
	return 1;
}

static int
dying_put(struct stxn *x, const unsigned char *key, size_t klen,
    const struct dying *y)
{
	unsigned char rec[sizeof(*y)];

	memcpy(rec, &y->d, sizeof(y->d));
	memcpy(rec + sizeof(y->d), &y->sum0, sizeof(y->sum0));
	memcpy(rec + sizeof(y->d) + sizeof(y->sum0), y->values,
	    y->d.values_len);
	return pdc_stxn_put(x, key, klen, rec,
	    sizeof(y->d) + sizeof(y->sum0) + y->d.values_len);
}

/* What came after sum0 belongs to the series that has these labels now. */
static int
dying_credit(struct stxn *x, struct pdc *p, const struct cells *c,
    const unsigned char *key, struct dying *y)
{
	double sum = pdc_cells_sum(c, y->d.unit), late = sum - y->sum0;
	struct place *pl;
	int ret;

	if (!(late > 0) || y->d.removed)
		return 0;
	y->sum0 = sum;
	if (!isfinite(late)) {
		pdc_cells_drop(pdc_cells_now(p), DROP_NONFINITE);
		return 0;
	}
	pl = malloc(sizeof(*pl));
	if (pl == NULL)
		return pdc_stxn_fail(x, PDC_ENOMEM);
	pl->v = x->st->value;
	ret = pdc_family_by_id(x, pdc_get_be32(key + 1), &pl->f);
	if (ret == 0 && pl->f.r.incarnation == pdc_get_be32(key + 5))
		ret = pdc_place_make(x, pl, y->values, y->d.values_len);
	else
		ret = PDC_ENOENT;
	if (ret == 0)
		ret = pdc_credit_add(x, pl, late);
	else if (x->ret == 0)
		pdc_cells_drop(pdc_cells_now(p), DROP_SHAPE);
	free(pl);
	return x->ret;
}

/*
 * A counter that was set by name since has another number: what its old one
 * still got in the closed epoch goes by its labels.  Where D is of this epoch
 * itself, salvage_dying() does that.
 */
static int
salvage_moved(struct stxn *x, struct salvage *sv, struct place *pl, double diff)
{
	unsigned char key[SERIES_KEY_LEN];
	struct dying y;
	const void *val;
	size_t len;
	int ret;

	pdc_series_key(key, 'D', pl->f.r.id, pl->f.r.incarnation, pl->n);
	ret = pdc_stxn_get(x, key, sizeof(key), &val, &len);
	if (ret < 0 || !dying_parse(&y, val, len) || y.d.removed ||
	    y.d.epoch == sv->old->epoch || !isfinite(diff))
		return ret == PDC_ENOENT ? 0 : ret;
	ret = pdc_place_make(x, pl, y.values, y.d.values_len);
	if (ret == 0)
		ret = pdc_credit_add(x, pl, diff);
	return ret;
}

static int
salvage_dead(struct stxn *x, struct salvage *sv, const unsigned char *key)
{
	double *was = pdc_block_add_seen(sv->was);
	double *now = pdc_block_add_seen(sv->now);
	struct series_ref s;
	struct place *pl;
	uint32_t i, first;
	int ret;

	pl = malloc(sizeof(*pl));
	if (pl == NULL)
		return pdc_stxn_fail(x, pdc_err_set(PDC_ENOMEM, "a salvage"));
	pl->v = x->st->value;
	ret = pdc_family_by_id(x, pdc_get_be32(key + 9), &pl->f);
	if (ret == 0 && pl->f.r.incarnation == pdc_get_be32(key + 13)) {
		first = pdc_block_first(&pl->f.r, pdc_get_be32(key + 17));
		for (i = 0; i < sv->now->h.k && x->ret == 0; i++) {
			pl->n = first + i;
			if (!(now[i] > was[i]) ||
			    pdc_series_get(x, &pl->f, pl->n, &s) != PDC_ENOENT)
				continue;
			salvage_moved(x, sv, pl, now[i] - was[i]);
			was[i] = now[i];
		}
	}
	free(pl);
	return x->ret;
}

/* Blocks that have gone on: credit the difference to what C has. */
static int
salvage_closed(struct stxn *x, void *arg, const struct walk_rec *r)
{
	unsigned char vkey[SERIES_KEY_LEN];
	struct salvage *sv = arg;
	struct value *was = sv->was;
	const void *lval;
	size_t llen;

	if (r->klen != CLOSED_KEY_LEN ||
	    pdc_block_parse(sv->now, r->val, r->len) < 0)
		return 0;
	memcpy(was, sv->now, r->len);
	if (!salvage_sums(sv->old, sv->now))
		return 0;
	if (sv->now->h.zone == VALUE_ADD)
		salvage_dead(x, sv, r->key);
	pdc_series_key(vkey, 'V', pdc_get_be32(r->key + 9),
	    pdc_get_be32(r->key + 13), pdc_get_be32(r->key + 17));
	if (pdc_stxn_get(x, vkey, sizeof(vkey), &lval, &llen) == 0 &&
	    pdc_block_parse(sv->live, lval, llen) == 0 &&
	    sv->live->h.zone == was->h.zone && llen == r->len) {
		salvage_diff(sv->live, sv->now, was);
		salvage_gauges(x, sv, was);
		pdc_stxn_put(x, vkey, sizeof(vkey), sv->live, llen);
	}
	pdc_stxn_put(x, r->key, r->klen, sv->now, r->len);
	return x->ret < 0 ? x->ret : 1;
}

static int
salvage_dying(struct stxn *x, void *arg, const struct walk_rec *r)
{
	struct salvage *sv = arg;
	struct dying y;
	double was;

	if (r->klen != SERIES_KEY_LEN || !dying_parse(&y, r->val, r->len) ||
	    y.d.epoch != sv->old->epoch || y.d.unit == UNIT_NONE)
		return 0;
	was = y.sum0;
	if (dying_credit(x, sv->pdc, sv->old, r->key, &y) < 0)
		return x->ret;
	if (!(y.sum0 > was))
		return 0;
	return dying_put(x, r->key, r->klen, &y) < 0 ? x->ret : 1;
}

/* What was counted of drops and the like goes with the rest. */
static void
salvage_counts(struct cells_head *old, struct cells_head *now)
{
	int i;

	for (i = 0; i < NDROPS; i++)
		atomic_fetch_add(&now->drops[i],
		    atomic_exchange(&old->drops[i], 0));
	atomic_fetch_add(&now->anomalies, atomic_exchange(&old->anomalies, 0));
	atomic_fetch_add(&now->unresolved,
	    atomic_exchange(&old->unresolved, 0));
}

static int
salvage_old(struct stxn *x, struct pdc *p, struct cells *old)
{
	struct salvage sv = { .pdc = p, .old = old };
	unsigned char prefix[9] = { 'C' };
	int ret = PDC_ENOMEM;

	pdc_cells_untag_all(old);
	salvage_counts(old->head, pdc_cells_now(p)->head);
	sv.now = aligned_alloc(16, sizeof(*sv.now));
	sv.was = aligned_alloc(16, sizeof(*sv.was));
	sv.live = aligned_alloc(16, sizeof(*sv.live));
	if (sv.now != NULL && sv.was != NULL && sv.live != NULL) {
		ret = pdc_walk(x, "V", 1, salvage_block, &sv);
		pdc_put_be64(prefix + 1, old->epoch);
		if (ret == 0)
			ret = pdc_walk(x, prefix, sizeof(prefix),
			    salvage_closed, &sv);
		if (ret == 0)
			ret = pdc_walk(x, "D", 1, salvage_dying, &sv);
		while (ret == 0 && pdc_drain(x, p, old, 1, 256) > 0)
			ret = pdc_stxn_renew(x);
		if (ret == 0)
			ret = pdc_stxn_renew(x);
		if (ret == 0)
			pdc_drain_hints(x, old);
	}
	free(sv.now);
	free(sv.was);
	free(sv.live);
	return pdc_stxn_fail(x, ret);
}

int
pdc_epoch_salvage(struct stxn *x, struct pdc *p)
{
	struct cells *now = pdc_cells_now(p), *c;
	int ret = 0;

	for (c = now != NULL ? now->older : NULL; c != NULL && ret == 0;
	     c = c->older)
		if (!c->rdonly)
			ret = salvage_old(x, p, c);
	if (ret == 0 && now != NULL)
		atomic_store(&p->salvaged, now->epoch);
	return ret;
}

#define DYING_GRACE_NS 60000000000

/*
 * A dying run, by its record: its tag cleared; seen cleared by a transaction;
 * 60 s after that nobody can be in the middle of an update: credit, forget.
 */
static int
dying_one(struct stxn *x, void *arg, const struct walk_rec *r)
{
	struct pdc *p = arg;
	struct cells *c = pdc_cells_now(p);
	int64_t now = pdc_clock_mono(&p->clock);
	struct dying y;

	if (r->klen != SERIES_KEY_LEN || !dying_parse(&y, r->val, r->len) ||
	    y.d.epoch != c->epoch || y.d.unit == UNIT_NONE)
		return 0;
	if (pdc_cells_tag_get(c, y.d.zone, y.d.unit) == y.d.id) {
		pdc_cells_tag(c, y.d.zone, y.d.unit, 0);
		y.d.since_mono_ns = 0;
	} else if (y.d.since_mono_ns == 0) {
		y.d.since_mono_ns = now;
	} else if (now - y.d.since_mono_ns >= DYING_GRACE_NS) {
		pdc_cells_bump(c, y.d.zone, y.d.unit, y.d.width);
		dying_credit(x, p, c, r->key, &y);
		y.d.unit = UNIT_NONE;
		/* Older epochs of this boot may still bring something. */
		if (x->meta.epoch == x->meta.boot_epoch)
			pdc_stxn_del(x, r->key, r->klen);
		else
			dying_put(x, r->key, r->klen, &y);
		return x->ret < 0 ? x->ret : 1;
	} else {
		return 0;
	}
	return dying_put(x, r->key, r->klen, &y) < 0 ? x->ret : 1;
}

int
pdc_dying_step(struct stxn *x, struct pdc *p)
{
	return pdc_walk(x, "D", 1, dying_one, p);
}
