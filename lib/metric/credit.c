/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Updates that come by another way than a lane are credited in a transaction:
 * by name, from rings, from pending sums.
 *
 * What a transaction owes to shared memory stands in O records, one an effect.
 * It is done after the commit, still under the lock; if the process dies in
 * between, the next holder of the lock does it.  A gauge operation has a number
 * and is done once.
 */

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fork.h"
#include "base/wire.h"
#include "metric/metric.h"
#include "pdc.h"
#include "store/dying.h"
#include "store/idle.h"
#include "store/series.h"

#define OWED_KEY_LEN 5
#define FLUSH_NS 5000000 /* of the lock */

/* The numbers of a series have been written, by name or late. */
static int
credit_put(struct stxn *x, const struct place *pl)
{
	pdc_idle_use(x, &pl->f.r, pl->at);
	return pdc_block_put(x, &pl->f.r, pl->at.block, pl->v);
}

int
pdc_credit_add(struct stxn *x, struct place *pl, double amount)
{
	pdc_block_add_base(pl->v)[pl->at.pos] += amount;
	return credit_put(x, pl);
}

int
pdc_credit_pair(struct stxn *x, struct place *pl, uint32_t bucket,
    struct pair add)
{
	struct pair *base = pdc_block_pair_base(pl->v) +
	    (size_t)pl->at.pos * pl->f.r.width + bucket;

	base->count += add.count;
	base->sum += add.sum;
	return credit_put(x, pl);
}

static double
credit_next(enum owed_op op, double v, double amount)
{
	switch (op) {
	case OWED_ADD:
		return value_is_none(v) ? amount : v + amount;
	case OWED_ON:
	case OWED_OFF:
		return states_put(v, states_bits(amount), op == OWED_ON);
	default:
		return amount;
	}
}

int
pdc_credit_pairs(struct stxn *x, struct place *pl, const struct pair *add)
{
	struct pair *base = pdc_block_pair_base(pl->v) +
	    (size_t)pl->at.pos * pl->f.r.width;
	uint32_t i;

	for (i = 0; i < pl->f.r.width; i++) {
		base[i].count += add[i].count;
		base[i].sum += add[i].sum;
	}
	return credit_put(x, pl);
}

double
pdc_credit_look(const struct cells *c, struct place *pl)
{
	struct value_gauge *g = pdc_block_gauges(pl->v) + pl->at.pos;
	struct gauge cell;

	if (pl->unit == UNIT_NONE)
		return g->value;
	/* Operations of this transaction are not in the cell yet. */
	cell = pdc_cells_gauge(c, pl->unit);
	if ((int32_t)(g->seq - cell.applied) <= 0) {
		g->value = cell.value;
		g->seq = cell.applied;
	}
	return g->value;
}

int
pdc_credit_gauge(struct stxn *x, const struct cells *c, struct place *pl,
    enum owed_op op, double amount)
{
	struct value_gauge *g = pdc_block_gauges(pl->v) + pl->at.pos;
	struct owed o = { .epoch = x->meta.epoch,
		.unit = pl->unit,
		.id = pl->id,
		.zone = VALUE_GAUGE,
		.op = op,
		.amount = amount };

	if (pl->unit != UNIT_NONE) {
		pdc_credit_look(c, pl);
		o.seq = g->seq + 1;
		pdc_owed_add(x, &o);
	}
	g->seq++;
	g->value = credit_next(op, g->value, amount);
	return credit_put(x, pl);
}

/* The same of a gauge that keeps the time of its last set. */
static int
credit_stamp(struct stxn *x, const struct cells *c, struct place *pl,
    const struct ring_update *u)
{
	struct value_gauge *g = pdc_block_gauges(pl->v) + pl->at.pos;
	uint64_t now = pdc_ring_clock();
	struct owed o = { .epoch = x->meta.epoch,
		.unit = pl->unit,
		.id = pl->id,
		.zone = VALUE_GAUGE,
		.op = OWED_STAMP,
		.amount = u->amount,
		/* Nobody sets in the future: it would stay there. */
		.dying = u->h.stamp < now ? u->h.stamp : now };
	struct gauge cell;

	if (pl->unit != UNIT_NONE) {
		cell = pdc_cells_gauge(c, pl->unit);
		if (gauge_stamp(&cell) > value_stamp(g))
			value_stamp_set(g, cell.value, gauge_stamp(&cell));
		pdc_owed_add(x, &o);
	}
	if (o.dying >= value_stamp(g))
		value_stamp_set(g, u->amount, o.dying);
	return credit_put(x, pl);
}

int
pdc_later_add(struct stxn *x, const struct later *l)
{
	struct later *more;
	uint32_t cap;

	if (x->nlater == x->later_cap) {
		cap = x->later_cap ? 2 * x->later_cap : 16;
		more = reallocarray(x->later, cap, sizeof(*more));
		if (more == NULL)
			return pdc_stxn_fail(x,
			    pdc_err_set(PDC_ENOMEM, "a place in the cells"));
		x->later = more;
		x->later_cap = cap;
	}
	x->later[x->nlater++] = *l;
	return x->ret;
}

static void
later_do(struct cells *c, const struct later *l)
{
	if (c == NULL || l->epoch != c->epoch)
		return;
	if (l->old_id == 0)
		pdc_cells_tag(c, l->zone, l->unit, l->id);
	else if (l->old_id != l->id)
		pdc_fwd_put(c, l->old_id, l->id, l->unit);
}

int
pdc_owed_add(struct stxn *x, const struct owed *o)
{
	unsigned char key[OWED_KEY_LEN] = { 'O' };
	struct owed *more;
	uint32_t cap;

	pdc_put_be32(key + 1, x->nowed);
	if (x->nowed == x->owed_cap) {
		cap = x->owed_cap ? 2 * x->owed_cap : 16;
		more = reallocarray(x->owed, cap, sizeof(*more));
		if (more == NULL)
			return pdc_stxn_fail(x,
			    pdc_err_set(PDC_ENOMEM, "an effect on cells"));
		x->owed = more;
		x->owed_cap = cap;
	}
	x->owed[x->nowed++] = *o;
	return pdc_stxn_put(x, key, sizeof(key), o, sizeof(*o));
}

static enum gauge_what
owed_what(uint32_t op)
{
	switch (op) {
	case OWED_ADD:
		return GAUGE_ADD;
	case OWED_ON:
		return GAUGE_ON;
	case OWED_OFF:
		return GAUGE_OFF;
	default:
		return GAUGE_SET;
	}
}

/* 1 if a tag was cleared. */
static int
owed_effect(const struct cells *c, const struct owed *o)
{
	if (c == NULL || o->epoch != c->epoch)
		return 0;
	if (o->op == OWED_UNTAG) {
		if (pdc_cells_tag_get(c, o->zone, o->unit) != o->id)
			return 0;
		pdc_cells_tag((struct cells *)(uintptr_t)c, o->zone, o->unit,
		    0);
		return 1;
	} else if (o->zone == VALUE_GAUGE) {
		/* Who should have set it died after the commit. */
		if (pdc_cells_tag_get(c, o->zone, o->unit) == 0)
			pdc_cells_tag((struct cells *)(uintptr_t)c, o->zone,
			    o->unit, o->id);
		if (o->op == OWED_STAMP)
			(void)pdc_lane_gauge_stamp(c, o->unit, o->id, o->amount,
			    o->dying);
		else
			pdc_lane_gauge_apply(c, o->unit, o->id,
			    &(struct gauge_op){ o->seq, owed_what(o->op),
				o->amount });
	}
	return 0;
}

void
pdc_owed_done(void *arg, struct stxn *x)
{
	struct cells *c = pdc_cells_now(arg);
	uint32_t i;

	for (i = 0; i < x->nowed; i++)
		owed_effect(c, &x->owed[i]);
	for (i = 0; i < x->nlater; i++)
		later_do(c, &x->later[i]);
}

int
pdc_owed_redo(struct stxn *x, struct pdc *p)
{
	const struct cells *c = pdc_cells_now(p);
	unsigned char key[OWED_KEY_LEN];
	const void *val;
	struct owed o;
	size_t len;
	uint32_t i;
	int ret;

	for (i = 0; x->ret == 0; i++) {
		key[0] = 'O';
		pdc_put_be32(key + 1, i);
		ret = pdc_stxn_get(x, key, sizeof(key), &val, &len);
		if (ret < 0)
			break;
		if (len == sizeof(o)) {
			memcpy(&o, val, sizeof(o));
			if (o.zone < NZONES && owed_effect(c, &o))
				pdc_dying_since(x, o.dying,
				    pdc_clock_mono(&p->clock));
		}
		pdc_stxn_del(x, key, sizeof(key));
	}
	return x->ret;
}

static enum owed_op
credit_op(const struct ring_update *u)
{
	switch (u->h.op) {
	case RING_ADD:
		return OWED_ADD;
	case RING_ON:
		return OWED_ON;
	case RING_OFF:
		return OWED_OFF;
	default:
		return OWED_SET;
	}
}

/* Updates of one series as one: a record, or a sum of them. */
struct credit {
	const struct ring_update *u;
	const char *values;
	uint64_t n; /* so many; of a gauge's sum 1 */
};

/* The series of these labels, and of who wrote the record. */
static int
credit_make(struct stxn *x, struct place *pl, const struct credit *cr)
{
	const struct ring_update *u = cr->u;
	char own[LABELS_MAX_LEN + IDENT_MAX];
	size_t len;

	if (!mode_each(pl->f.r.mode))
		return pdc_place_make(x, pl, cr->values, u->labels_len);
	if (u->labels_len > LABELS_MAX_LEN - IDENT_MAX)
		return PDC_EFORMAT;
	memcpy(own, cr->values, u->labels_len);
	len = pdc_series_own(own, u->labels_len, u->owner);
	return pdc_place_make(x, pl, own, len);
}

static int
credit_place(struct stxn *x, struct pdc *p, struct place *pl,
    const struct credit *cr)
{
	const struct ring_update *u = cr->u;
	struct cells *c = pdc_cells_now(p);
	struct pair sum = { cr->n, u->amount };
	struct later on = { .epoch = x->meta.epoch, .old_id = u->id };
	int ret;

	ret = credit_make(x, pl, cr);
	if (ret < 0)
		return ret;
	pdc_family_use(x, &pl->f, 0);
	/* Full: the handle goes on without cells, and nothing is lost. */
	(void)pdc_place_cells(x, p, pl);
	if (pl->f.r.zone == VALUE_ADD)
		pdc_credit_add(x, pl, u->amount);
	else if (pl->f.r.zone == VALUE_PAIR)
		pdc_credit_pair(x, pl, u->bucket, sum);
	else if (pdc_mode_stamped(pl->f.r.mode))
		credit_stamp(x, c, pl, u);
	else
		pdc_credit_gauge(x, c, pl, credit_op(u), u->amount);
	on.unit = pl->unit | (pl->beyond ? FWD_BEYOND : 0);
	on.id = pl->id;
	if (x->ret == 0 && pl->unit != UNIT_NONE)
		pdc_later_add(x, &on);
	return x->ret;
}

static int
credit_sane_gauge(const struct family_rec *f, const struct ring_update *u)
{
	if (mode_each(f->mode) ? ident_since(u->owner) == 0 : u->owner != 0)
		return 0;
	switch (f->type) {
	case PDC_INFO:
		return u->h.op == RING_SET && u->amount == 1;
	case PDC_STATESET:
		return (u->h.op == RING_ON || u->h.op == RING_OFF) &&
		    states_bits(u->amount) >> f->nstates == 0;
	default:
		return (u->h.op == RING_ADD && !pdc_mode_only_set(f->mode)) ||
		    u->h.op == RING_SET;
	}
}

/* Rings are anybody's to write: what a handle never would is refused. */
static int
credit_sane(const struct family_rec *f, const struct ring_update *u)
{
	switch (f->zone) {
	case VALUE_ADD:
		return u->h.op == RING_ADD && u->amount >= 0 &&
		    u->amount <= DBL_MAX;
	case VALUE_PAIR:
		return u->h.op == RING_OBSERVE && u->bucket < f->width;
	default:
		return credit_sane_gauge(f, u);
	}
}

static int
credit_update(struct stxn *x, struct pdc *p, const struct credit *cr)
{
	const struct cells *c = pdc_cells_now(p);
	struct place *pl;
	int ret;

	pl = malloc(sizeof(*pl));
	if (pl == NULL)
		return pdc_stxn_fail(x, pdc_err_set(PDC_ENOMEM, "a credit"));
	pl->v = x->st->value;
	ret = pdc_family_by_id(x, cr->u->family, &pl->f);
	if (ret == PDC_ENOENT || ret == PDC_EFORMAT) {
		pdc_cells_drops(c, DROP_SHAPE, cr->n);
	} else if (ret < 0) {
		pdc_stxn_fail(x, ret);
	} else if (!credit_sane(&pl->f.r, cr->u)) {
		pdc_cells_drops(c, DROP_DAMAGED, cr->n);
	} else {
		ret = credit_place(x, p, pl, cr);
		if (ret == PDC_EFORMAT && x->ret == 0)
			pdc_cells_drops(c, DROP_DAMAGED, cr->n);
		else if (ret == PDC_EFULL && x->ret == 0)
			pdc_cells_drops(c, DROP_MAX_SERIES, cr->n);
		else
			pdc_stxn_fail(x, ret);
	}
	free(pl);
	return x->ret;
}

int
pdc_credit_update(struct stxn *x, struct pdc *p, const struct ring_update *u,
    const char *values)
{
	struct credit cr = { u, values, 1 };

	return credit_update(x, p, &cr);
}

/* The states that were set, some on and some off. */
static int
pending_states(struct stxn *x, struct pdc_series *s, struct ring_update *u,
    const struct pending *pend)
{
	uint64_t on = states_bits(pend->value);

	u->h.op = RING_ON;
	u->amount = (double)on;
	if (on != 0 && pdc_credit_update(x, s->pdc, u, s->values) < 0)
		return x->ret;
	u->h.op = RING_OFF;
	u->amount = (double)(pend->count & ~on);
	if (pend->count != on)
		pdc_credit_update(x, s->pdc, u, s->values);
	return x->ret;
}

static int
pending_credit(struct stxn *x, struct pdc_series *s, uint32_t bucket,
    const struct pending *pend)
{
	struct ring_update u = { .id = pdc_series_id(s, pdc_cells_now(s->pdc),
				     atomic_load(&s->id)),
		.owner = (s->how & HOW_EACH) ? atomic_load(&s->owner) :
					       IDENT_NONE,
		.family = s->family->id,
		.labels_len = s->values_len,
		.bucket = bucket,
		.amount = pend->value };
	struct credit cr = { &u, s->values, pend->count };

	if (s->type == PDC_STATESET)
		return pending_states(x, s, &u, pend);
	if (s->how & HOW_STAMPED) {
		u.h.op = RING_SET;
		u.h.stamp = pend->count;
		cr.n = 1;
	} else if (s->zone == ZONE_GAUGE) {
		u.h.op = pend->count == LANE_PENDING_SET ? RING_SET : RING_ADD;
		cr.n = 1;
	} else {
		u.h.op = s->zone == ZONE_PAIR ? RING_OBSERVE : RING_ADD;
	}
	return credit_update(x, s->pdc, &cr);
}

static void
pending_back(struct pdc_series *s, uint32_t bucket, const struct pending *pend)
{
	struct pending *at = s->pending + bucket;
	uint64_t i;

	if (s->type == PDC_STATESET) {
		pdc_lane_pending_under(at, pend);
	} else if ((s->how & HOW_STAMPED)) {
		pdc_lane_pending_stamp(at, pend->value, pend->count);
	} else if (s->zone == ZONE_GAUGE) {
		pdc_lane_pending_gauge(at, pend->count == LANE_PENDING_SET,
		    pend->value);
	} else {
		pdc_lane_pending_add(at, pend->value);
		for (i = 1; s->zone == ZONE_PAIR && i < pend->count; i++)
			pdc_lane_pending_add(at, 0);
	}
	atomic_store(&s->pdc->pending, 1);
}

/* The enum ring_op it counts as in what is aside; a stamp is no sum. */
static unsigned
pending_op(const struct pdc_series *s, const struct pending *pend)
{
	return pend->count == LANE_PENDING_ADD && s->type == PDC_GAUGE &&
		!(s->how & HOW_STAMPED) ?
	    RING_ADD :
	    RING_SET;
}

static int
pending_series(struct stxn *x, struct pdc_series *s)
{
	struct pending pend;
	uint32_t b, commits;
	unsigned op;
	int ret = 0;

	/* Pairs with the release in pending_own(). */
	if (atomic_load_explicit(&s->pending_gen, memory_order_acquire) !=
	    pdc_fork_gen())
		return 0;
	for (b = 0; b < s->family->width && ret == 0; b++) {
		if (__atomic_load_n(&s->pending[b].count, __ATOMIC_ACQUIRE) ==
		    0)
			continue;
		/* What it is is known when it has been taken. */
		pdc_aside_begin(s, RING_SET);
		pdc_aside_begin(s, RING_ADD);
		pend = pdc_lane_pending_take(s->pending + b);
		op = pending_op(s, &pend);
		pdc_aside_cancel(s, op == RING_ADD ? RING_SET : RING_ADD);
		commits = x->commits;
		ret = pending_credit(x, s, b, &pend);
		if (ret == 0)
			ret = pdc_stxn_renew(x);
		if (ret < 0 && x->commits == commits)
			pending_back(s, b, &pend);
		pdc_aside_end(s, op);
	}
	return ret;
}

int
pdc_pending_flush(struct stxn *x, struct pdc *p)
{
	struct handle_table *t;
	struct pdc_family *f;
	struct pdc_series *s;
	_Atomic uint32_t *look;
	uint32_t i, commits = x->commits;
	int64_t until;
	int ret = 0, late = 0;

	/* Pairs with the release in update_pending(). */
	if (!atomic_exchange_explicit(&p->pending, 0, memory_order_acquire))
		return 0;
	look = pdc_look_begin(p);
	until = pdc_clock_mono(&p->clock) + FLUSH_NS;
	for (f = atomic_load(&p->families); f != NULL; f = f->next) {
		t = atomic_load(&f->table);
		for (i = 0; t != NULL && i <= t->mask && ret == 0 && !late;
		     i++) {
			s = pdc_table_slot(t, i);
			if (s != NULL && pdc_series_hold(s)) {
				ret = pending_series(x, s);
				pdc_series_unhold(s);
			}
			if (x->commits == commits)
				continue;
			commits = x->commits;
			late = pdc_clock_mono(&p->clock) >= until;
		}
	}
	pdc_look_end(look);
	if (ret < 0 || late) /* the next write goes on */
		atomic_store(&p->pending, 1);
	return ret;
}

void
pdc_pending_drop(struct pdc *p)
{
	const struct cells *c = pdc_cells_now(p);
	struct handle_table *t;
	struct pdc_family *f;
	struct pdc_series *s;
	uint32_t i, b;

	for (f = atomic_load(&p->families); f != NULL; f = f->next) {
		t = atomic_load(&f->table);
		for (i = 0; t != NULL && i <= t->mask; i++) {
			s = pdc_table_slot(t, i);
			if (s == NULL || s->pending_gen != pdc_fork_gen())
				continue;
			for (b = 0; b < f->width; b++)
				if (s->pending[b].count != 0)
					pdc_cells_drop(c, DROP_PENDING);
		}
	}
}
