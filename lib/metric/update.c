/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Updates: void, async-signal-safe, never a lock, an allocation or a write to
 * LMDB.
 *
 *	a gauge has updates under way	a ring, or the pending sum
 *	tag is the handle's id		the lane
 *	forward table knows the id	mend the handle, the lane
 *	a ring on this CPU has room	a record; the checkpoint credits it
 *	else				the handle's pending sum
 *
 * A gauge that is set may not: a sum that waits longer than the ring would undo
 * a later set.
 */

#include <float.h>
#include <math.h>

#include "base/fork.h"
#include "lane/fast.h"
#include "metric/bucket.h"
#include "metric/metric.h"
#include "pdc.h"

#define RELAXED memory_order_relaxed

static enum lane_result
update_lane(const struct cells *c, const struct pdc_series *s, uint64_t unit,
    uint64_t id, const struct ring_update *u)
{
	switch (s->zone) {
	case ZONE_ADD:
		return pdc_lane_add(c, unit, id, u->amount);
	case ZONE_PAIR:
		return pdc_lane_pair(c, unit, u->bucket, id, u->amount);
	default:
		if (s->how & HOW_STAMPED)
			return pdc_lane_gauge_stamp(c, unit, id, u->amount,
			    u->h.stamp);
		if (u->h.op == RING_ON || u->h.op == RING_OFF)
			return pdc_lane_gauge_state(c, unit, id, u->amount,
			    u->h.op == RING_ON);
		if (u->h.op == RING_SET)
			return pdc_lane_gauge_set(c, unit, id, u->amount);
		return pdc_lane_gauge_add(c, unit, id, u->amount);
	}
}

/*
 * What a child inherited is its parent's to credit: the first update in a
 * child throws it away.  Who comes while another is at that (a signal handler
 * may not wait for whom it interrupted) gets 0.
 */
static int
pending_own(struct pdc_series *s)
{
	uint64_t gen = pdc_fork_gen(), was;
	uint32_t i;

	/* Pairs with the release below. */
	was = atomic_load_explicit(&s->pending_gen, memory_order_acquire);
	while (was != gen) {
		if (was == ~gen)
			return 0;
		if (!atomic_compare_exchange_strong(&s->pending_gen, &was,
			~gen))
			continue;
		for (i = 0; i < s->family->width; i++)
			(void)pdc_lane_pending_take(s->pending + i);
		/* Pairs with the acquires above and in pending_series(). */
		atomic_store_explicit(&s->pending_gen, gen,
		    memory_order_release);
		break;
	}
	return 1;
}

/* Of a gauge: this process's pending sum is not empty. */
static int
pending_waits(struct pdc_series *s)
{
	return __atomic_load_n(&s->pending->count, __ATOMIC_ACQUIRE) != 0 &&
	    atomic_load(&s->pending_gen) == pdc_fork_gen();
}

static void
update_pending(struct pdc_series *s, const struct cells *c,
    const struct ring_update *u)
{
	if (!pending_own(s)) {
		pdc_cells_drop(c, DROP_PENDING);
		return;
	}
	if (s->type == PDC_STATESET)
		pdc_lane_pending_state(s->pending, states_bits(u->amount),
		    u->h.op == RING_ON);
	else if (s->how & HOW_STAMPED)
		pdc_lane_pending_stamp(s->pending, u->amount, u->h.stamp);
	else if (s->zone == ZONE_GAUGE)
		pdc_lane_pending_gauge(s->pending, u->h.op == RING_SET,
		    u->amount);
	else
		pdc_lane_pending_add(s->pending + u->bucket, u->amount);
	/* Pairs with the exchange in pdc_pending_flush(). */
	atomic_store_explicit(&s->pdc->pending, 1, memory_order_release);
}

/*
 * aside counts what was begun, in its high half, and what was done, in its low
 * half; it becomes 0 again when nothing is under way and rings and pending sum
 * are empty.  Sums and sets are counted apart, for a sum may pass others.  A
 * thread that is killed in between, or its forked child, leaves the gauge on
 * the slower way.
 */
#define ASIDE_BEGUN ((uint64_t)1 << 32)

static _Atomic uint64_t *
aside_of(struct pdc_series *s, unsigned op)
{
	return &s->aside[op == RING_ADD ? ASIDE_SUMS : ASIDE_SETS];
}

void
pdc_aside_begin(struct pdc_series *s, unsigned op)
{
	if (s->zone == ZONE_GAUGE)
		atomic_fetch_add(aside_of(s, op), ASIDE_BEGUN);
}

void
pdc_aside_end(struct pdc_series *s, unsigned op)
{
	_Atomic uint64_t *aside = aside_of(s, op);
	uint64_t w, next;

	if (s->zone != ZONE_GAUGE)
		return;
	w = atomic_load(aside);
	do
		next = (w & ~(ASIDE_BEGUN - 1)) | (uint32_t)(w + 1);
	while (!atomic_compare_exchange_weak(aside, &w, next));
}

void
pdc_aside_cancel(struct pdc_series *s, unsigned op)
{
	if (s->zone == ZONE_GAUGE)
		atomic_fetch_sub(aside_of(s, op), ASIDE_BEGUN);
}

static int
aside_none(struct pdc_series *s, const struct cells *c, unsigned op)
{
	_Atomic uint64_t *aside = aside_of(s, op);
	/* Before the rings: what is done by then, they have or had. */
	uint64_t w = atomic_load(aside);

	if (w == 0)
		return 1;
	if ((uint32_t)(w >> 32) != (uint32_t)w || pdc_salvage_due(s->pdc) ||
	    pdc_ring_backlog(c) != 0)
		return 0;
	if (pending_waits(s))
		return 0;
	return atomic_compare_exchange_strong(aside, &w, 0);
}

int
pdc_gauge_direct(struct pdc_series *s, const struct cells *c, unsigned op)
{
	return aside_none(s, c, RING_SET) &&
	    (op == RING_ADD || aside_none(s, c, RING_ADD));
}

void
pdc_series_mended(struct pdc_series *s, const struct cells *c, uint64_t id,
    uint64_t unit, unsigned beyond)
{
	if (beyond) {
		atomic_store(&s->shared, 1);
		atomic_store(&s->family->overflow, id);
	}
	atomic_store_explicit(&s->unit, unit, RELAXED);
	/* Whoever mixes old and new finds no such tag there, or the run. */
	atomic_store_explicit(&s->cells, c, memory_order_release);
	/* Pairs with the fence in pdc_series_id(). */
	atomic_store_explicit(&s->id, id, memory_order_release);
}

/* The tag differs: another process may have left the way to the cell. */
static enum lane_result
update_forward(struct pdc_series *s, const struct cells *c, uint64_t id,
    const struct ring_update *u)
{
	uint64_t new_id, unit;
	int got;

	got = pdc_fwd_get(c, id, &new_id, &unit);
	if (got == 0 || update_lane(c, s, unit, new_id, u) != LANE_OK)
		return LANE_STALE;
	pdc_series_mended(s, c, new_id, unit, got == 2);
	return LANE_OK;
}

/*
 * Whether it may wait in the pending sum when the ring is full: it may be done
 * in any order, or it knows its time.
 */
static int
update_waits(struct pdc_series *s, const struct ring_update *u)
{
	if (s->zone != ZONE_GAUGE || (s->how & HOW_STAMPED))
		return 1;
	return u->h.op == RING_ADD && atomic_load(&s->aside[ASIDE_SETS]) == 0;
}

/* A set is in the ring: what was added before and waits is nothing now. */
static void
update_forget(struct pdc_series *s, const struct ring_update *u)
{
	if (s->zone == ZONE_GAUGE && u->h.op == RING_SET &&
	    !(s->how & HOW_STAMPED) && pending_waits(s))
		(void)pdc_lane_pending_take(s->pending);
}

uint64_t
pdc_series_id(struct pdc_series *s, const struct cells *c, uint64_t id)
{
	uint64_t own;

	/* Pairs with the release above: shared is stored first. */
	atomic_thread_fence(memory_order_acquire);
	if (!atomic_load(&s->shared) || (id & FWD_FRESH))
		return id;
	own = pdc_fwd_new_id(c);
	(void)atomic_compare_exchange_strong(&s->id, &id, own);
	return own;
}

/* By a ring, or the pending sum. */
static void
update_aside(struct pdc_series *s, const struct cells *c, uint64_t id,
    struct ring_update *u)
{
	pdc_aside_begin(s, u->h.op);
	u->h.kind = RING_UPDATE;
	u->id = pdc_series_id(s, c, id);
	if (s->how & HOW_EACH)
		u->owner = atomic_load_explicit(&s->owner, RELAXED);
	u->family = s->family->id;
	u->labels_len = s->values_len;
	switch (pdc_ring_put(c, &u->h, sizeof(*u), s->values, s->values_len)) {
	case RING_OK:
		update_forget(s, u);
		break;
	case RING_FULL:
		if (update_waits(s, u))
			update_pending(s, c, u);
		else
			pdc_cells_drop(c, DROP_RING_FULL);
		break;
	case RING_NONE:
		update_pending(s, c, u);
	}
	pdc_aside_end(s, u->h.op);
}

static void
update_general(struct pdc_series *s, const struct cells *c, enum ring_op op,
    uint32_t bucket, double amount)
{
	struct ring_update u = { .h = { .op = (uint16_t)op },
		.amount = amount,
		.bucket = bucket };
	uint64_t id = atomic_load_explicit(&s->id, RELAXED);
	uint64_t unit = atomic_load_explicit(&s->unit, RELAXED);

	if (s->how & HOW_STAMPED)
		u.h.stamp = pdc_ring_clock();
	if (s->zone == ZONE_GAUGE && !pdc_gauge_direct(s, c, op))
		update_aside(s, c, id, &u);
	else if (update_lane(c, s, unit, id, &u) != LANE_OK &&
	    update_forward(s, c, id, &u) != LANE_OK)
		update_aside(s, c, id, &u);
}

/* A gauge; of some modes each process has its own, and some are only set. */
static void
update_gauge(struct pdc_series *s, const struct cells *c, enum ring_op op,
    double amount)
{
	if (op == RING_ADD && (s->how & HOW_SET_ONLY))
		pdc_cells_drop(c, DROP_TYPE);
	else if ((s->how & HOW_EACH) && !pdc_mode_own(s, c))
		pdc_cells_drop(c, DROP_NOSLOT);
	else
		update_general(s, c, op, 0, amount);
}

/* Where updates can go at all: not from a process that only looks. */
static inline const struct cells *
update_cells(const struct pdc_series *s)
{
	const struct cells *c = pdc_cells_now(s->pdc);

	return c == NULL || c->rdonly ? NULL : c;
}

/* Those that the handle's unit is of. */
static inline const struct cells *
update_unit(const struct pdc_series *s)
{
	/* Pairs with the release in pdc_series_mended(). */
	return atomic_load_explicit(&s->cells, memory_order_acquire);
}

static void
update_drop(const struct pdc_series *s, enum cells_drop why)
{
	const struct cells *c = update_cells(s);

	if (c != NULL)
		pdc_cells_drop(c, why);
}

static __attribute__((noinline)) void
inc_slow(struct pdc_series *s, double amount)
{
	const struct cells *c;

	if (s == NULL || (c = update_cells(s)) == NULL)
		return;
	if (s->type == PDC_GAUGE)
		update_gauge(s, c, RING_ADD, amount);
	else if (s->type != PDC_COUNTER)
		update_drop(s, DROP_TYPE);
	else if (!(amount >= 0 && amount <= DBL_MAX))
		pdc_cells_drop(c, DROP_AMOUNT);
	else
		update_general(s, c, RING_ADD, 0, amount);
}

/* Out of line, so that pdc_inc() has nothing to save: see lane/fast.h. */
static __attribute__((noinline)) void
inc_atomic(struct pdc_series *s, const struct cells *c, double amount)
{
	if (c->rdonly ||
	    lane_atomic_add(c, atomic_load_explicit(&s->unit, RELAXED),
		atomic_load_explicit(&s->id, RELAXED), amount) != LANE_OK)
		inc_slow(s, amount);
}

RSEQ_ALIGNED void
pdc_inc(struct pdc_series *s, double amount)
{
	const struct cells *c;
	uint64_t unit;

	/* As bits, what is not finite or has a sign is above; -0 is right. */
	if (s == NULL || (c = update_unit(s)) == NULL ||
	    s->type != PDC_COUNTER || bits_of(amount) > bits_of(DBL_MAX) ||
	    !lane_knows(c, ZONE_ADD,
		unit = atomic_load_explicit(&s->unit, RELAXED))) {
		inc_slow(s, amount);
		return;
	}
	switch (lane_try_add(c, unit, atomic_load_explicit(&s->id, RELAXED),
	    amount)) {
	case RSEQ_OK:
		return;
	case RSEQ_NONE:
		inc_atomic(s, c, amount);
		return;
	default:
		inc_slow(s, amount);
	}
}

void
pdc_dec(struct pdc_series *s, double amount)
{
	const struct cells *c;

	if (s == NULL || (c = update_cells(s)) == NULL)
		return;
	if (s->type == PDC_GAUGE)
		update_gauge(s, c, RING_ADD, -amount);
	else
		update_drop(s, DROP_TYPE);
}

/* Of no mode, and all that was begun is done: its cell will do. */
static int
gauge_plain(struct pdc_series *s)
{
	return s->type == PDC_GAUGE && s->how == 0 &&
	    atomic_load(&s->aside[ASIDE_SUMS]) == 0 &&
	    atomic_load(&s->aside[ASIDE_SETS]) == 0;
}

void
pdc_set(struct pdc_series *s, double value)
{
	const struct cells *c;

	if (s != NULL && (c = update_unit(s)) != NULL && !c->rdonly &&
	    gauge_plain(s) &&
	    pdc_lane_gauge_set(c, atomic_load_explicit(&s->unit, RELAXED),
		atomic_load_explicit(&s->id, RELAXED), value) == LANE_OK)
		return;
	if (s == NULL || (c = update_cells(s)) == NULL)
		return;
	if (s->type == PDC_GAUGE)
		update_gauge(s, c, RING_SET, value);
	else
		update_drop(s, DROP_TYPE);
}

void
pdc_set_state(struct pdc_series *s, size_t state, int on)
{
	const struct cells *c;

	if (s == NULL || (c = update_cells(s)) == NULL)
		return;
	if (s->type != PDC_STATESET)
		update_drop(s, DROP_TYPE);
	else if (state >= s->family->nstates)
		update_drop(s, DROP_AMOUNT);
	else
		update_general(s, c, on ? RING_ON : RING_OFF, 0,
		    (double)((uint64_t)1 << state));
}

void
pdc_update_announce(struct pdc_series *s)
{
	struct ring_update u = { .h = { .op = RING_SET }, .amount = 1 };
	const struct cells *c = update_cells(s);

	if (c != NULL)
		update_aside(s, c, atomic_load_explicit(&s->id, RELAXED), &u);
}

static __attribute__((noinline)) void
observe_slow(struct pdc_series *s, double value)
{
	const struct cells *c;

	if (s == NULL || (c = update_cells(s)) == NULL)
		return;
	if (isnan(value))
		pdc_cells_drop(c, DROP_NAN);
	else if (s->type != PDC_HISTOGRAM && s->type != PDC_SUMMARY)
		update_drop(s, DROP_TYPE);
	else
		update_general(s, c, RING_OBSERVE,
		    bucket_of(&s->family->buckets, value), value);
}

static __attribute__((noinline)) void
observe_atomic(struct pdc_series *s, const struct cells *c, uint32_t bucket,
    double value)
{
	if (c->rdonly ||
	    lane_atomic_pair(c, atomic_load_explicit(&s->unit, RELAXED), bucket,
		atomic_load_explicit(&s->id, RELAXED), value) != LANE_OK)
		observe_slow(s, value);
}

RSEQ_ALIGNED void
pdc_observe(struct pdc_series *s, double value)
{
	const struct cells *c;
	uint32_t bucket;
	uint64_t unit;

	/* A summary has no bounds. */
	if (s == NULL || (c = update_unit(s)) == NULL || s->zone != ZONE_PAIR ||
	    isnan(value) ||
	    !lane_knows(c, ZONE_PAIR,
		unit = atomic_load_explicit(&s->unit, RELAXED))) {
		observe_slow(s, value);
		return;
	}
	bucket = bucket_of(&s->family->buckets, value);
	if (bucket >= c->zone[ZONE_PAIR].capacity - unit) {
		observe_slow(s, value);
		return;
	}
	switch (lane_try_pair(c, unit, bucket,
	    atomic_load_explicit(&s->id, RELAXED), value)) {
	case RSEQ_OK:
		return;
	case RSEQ_NONE:
		observe_atomic(s, c, bucket, value);
		return;
	default:
		observe_slow(s, value);
	}
}
