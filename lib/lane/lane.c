/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Updates.  What may run beside what, in whatever processes:
 *
 *              rseq   atomic gauge  sum    zero   untag  bump   put    drain
 *   rseq add   1      2      2      3      4      5      2      1      2
 *   atomic add 2      6      2      3      4      5      6      2      2
 *   gauge op   2      2      6      3      4      5      6      2      2
 *   sum        3      3      3      2      7      7      3      2      2
 *   zero + tag 4      4      4      7      L      L      L      2      2
 *   untag      5      5      5      7      L      L      L      2      2
 *   bump       2      6      6      3      L      L      L      2      2
 *   ring put   1      2      2      2      2      2      2      1      8
 *   drain      2      2      2      2      2      2      2      8      L
 *
 * 1  Same CPU: the section is restarted.  Other CPUs: other memory.
 * 2  Different memory, or both only read.
 * 3  One load of a number or a pair, of before or after the update.
 * 4  Not the same run: its tag was 0 for 60 s, so no rseq section is left that
 *    compared the old tag, and an atomic update that did fails: the version was
 *    bumped.  No handle has the new tag before it is stored.
 * 5  The update is done as long as the tag is not seen to be 0; what comes late
 *    is in the sum made 60 s later, after the bump.
 * 6  16-byte compare-and-swap: one fails and tries again, looking at the tag.
 * 7  The reader loads the tag after the lanes, and throws his sum away if it
 *    is not the one he wanted (tag.c).
 * 8  The head of a ring is stored after its bytes and loaded before them; the
 *    bytes up to the hint are not looked at again (ring.c).
 * L  Excluded by the write lock.
 *
 * Which lane: this CPU's rseq lane; an atomic lane if the process does not use
 * rseq, the CPU has no rseq lane, or the section was aborted RSEQ_TRIES times.
 */

#include "base/bits.h"
#include "base/modes.h"
#include "base/states.h"
#include "lane/atomic.h"
#include "lane/fast.h"
#include "lane/lane.h"

#define LANE_COLD __attribute__((noinline))

static inline int
lane_has(const struct cells *cells, enum cells_zone_kind kind, uint64_t unit)
{
	return lane_knows(cells, kind, unit) ||
	    unit < pdc_cells_known(cells, kind);
}

static LANE_COLD RSEQ_ALIGNED enum lane_result
lane_add_again(const struct cells *cells, uint64_t unit, uint64_t id, double v)
{
	enum rseq_result result;
	int i;

	for (i = 1; i < RSEQ_TRIES; i++) {
		result = lane_try_add(cells, unit, id, v);
		if (result == RSEQ_OK)
			return LANE_OK;
		if (result == RSEQ_STALE)
			return LANE_STALE;
		if (result == RSEQ_NONE)
			break;
	}
	return lane_atomic_add(cells, unit, id, v);
}

static LANE_COLD RSEQ_ALIGNED enum lane_result
lane_pair_again(const struct cells *cells, uint64_t unit, uint32_t bucket,
    uint64_t id, double v)
{
	enum rseq_result result;
	int i;

	for (i = 1; i < RSEQ_TRIES; i++) {
		result = lane_try_pair(cells, unit, bucket, id, v);
		if (result == RSEQ_OK)
			return LANE_OK;
		if (result == RSEQ_STALE)
			return LANE_STALE;
		if (result == RSEQ_NONE)
			break;
	}
	return lane_atomic_pair(cells, unit, bucket, id, v);
}

RSEQ_ALIGNED enum lane_result
pdc_lane_add(const struct cells *cells, uint64_t unit, uint64_t id, double v)
{
	if (!lane_has(cells, ZONE_ADD, unit))
		return LANE_STALE;
	switch (lane_try_add(cells, unit, id, v)) {
	case RSEQ_OK:
		return LANE_OK;
	case RSEQ_STALE:
		return LANE_STALE;
	case RSEQ_NONE:
		return lane_atomic_add(cells, unit, id, v);
	default:
		return lane_add_again(cells, unit, id, v);
	}
}

RSEQ_ALIGNED enum lane_result
pdc_lane_pair(const struct cells *cells, uint64_t unit, uint32_t bucket,
    uint64_t id, double v)
{
	const struct cells_zone *z = &cells->zone[ZONE_PAIR];

	if (!lane_has(cells, ZONE_PAIR, unit) || bucket >= z->capacity - unit)
		return LANE_STALE;
	switch (lane_try_pair(cells, unit, bucket, id, v)) {
	case RSEQ_OK:
		return LANE_OK;
	case RSEQ_STALE:
		return LANE_STALE;
	case RSEQ_NONE:
		return lane_atomic_pair(cells, unit, bucket, id, v);
	default:
		return lane_pair_again(cells, unit, bucket, id, v);
	}
}

/* A gauge's word16: lo the value, hi applied and, above it, touched. */
static uint64_t
lane_touch(uint64_t hi, uint32_t applied)
{
	return (((hi >> 32) + 1) << 32 & ~GAUGE_FROZEN) | applied;
}

static uint64_t
lane_gauge_next(uint64_t bits, enum gauge_what what, double v)
{
	switch (what) {
	case GAUGE_ADD:
		if (bits != VALUE_NONE_BITS)
			v += bits_double(bits);
		break;
	case GAUGE_ON:
	case GAUGE_OFF:
		v = states_put(bits_double(bits), states_bits(v),
		    what == GAUGE_ON);
		break;
	default:
		break;
	}
	return bits_of(v);
}

static enum lane_result
lane_gauge(const struct cells *cells, uint64_t unit, uint64_t id,
    enum gauge_what what, double v)
{
	const struct cells_zone *z = &cells->zone[ZONE_GAUGE];
	struct word16 *cell, old, new;

	if (!lane_has(cells, ZONE_GAUGE, unit))
		return LANE_STALE;
	cell = (struct word16 *)z->atomic + unit;
	old = atomic_peek16(cell);
	do {
		if (!lane_mine(z, unit, id))
			return LANE_STALE;
		new.lo = lane_gauge_next(old.lo, what, v);
		new.hi = lane_touch(old.hi, (uint32_t)old.hi);
	} while (!atomic_cas16(cell, &old, new));
	return LANE_OK;
}

enum lane_result
pdc_lane_gauge_set(const struct cells *cells, uint64_t unit, uint64_t id,
    double v)
{
	return lane_gauge(cells, unit, id, GAUGE_SET, v);
}

enum lane_result
pdc_lane_gauge_add(const struct cells *cells, uint64_t unit, uint64_t id,
    double v)
{
	return lane_gauge(cells, unit, id, GAUGE_ADD, v);
}

enum lane_result
pdc_lane_gauge_stamp(const struct cells *cells, uint64_t unit, uint64_t id,
    double v, uint64_t stamp)
{
	const struct cells_zone *z = &cells->zone[ZONE_GAUGE];
	struct word16 *cell, old, new = { bits_of(v), stamp };

	if (!lane_has(cells, ZONE_GAUGE, unit))
		return LANE_STALE;
	cell = (struct word16 *)z->atomic + unit;
	old = atomic_peek16(cell);
	do {
		if (!lane_mine(z, unit, id))
			return LANE_STALE;
		if (old.hi > stamp)
			return LANE_OK;
	} while (!atomic_cas16(cell, &old, new));
	return LANE_OK;
}

enum lane_result
pdc_lane_gauge_state(const struct cells *cells, uint64_t unit, uint64_t id,
    double bits, int on)
{
	return lane_gauge(cells, unit, id, on ? GAUGE_ON : GAUGE_OFF, bits);
}

void
pdc_lane_gauge_apply(const struct cells *cells, uint64_t unit, uint64_t id,
    const struct gauge_op *op)
{
	const struct cells_zone *z = &cells->zone[ZONE_GAUGE];
	struct word16 *cell, old, new;

	if (!lane_has(cells, ZONE_GAUGE, unit))
		return;
	cell = (struct word16 *)z->atomic + unit;
	old = atomic_peek16(cell);
	do {
		if (!lane_mine(z, unit, id) ||
		    (int32_t)(op->seq - (uint32_t)old.hi) <= 0)
			return;
		new.lo = lane_gauge_next(old.lo, op->what, op->amount);
		new.hi = lane_touch(old.hi, op->seq);
	} while (!atomic_cas16(cell, &old, new));
}

void
pdc_lane_gauge_freeze(const struct cells *cells, uint64_t unit)
{
	const struct cells_zone *z = &cells->zone[ZONE_GAUGE];
	struct word16 *cell, old, new;

	if (!lane_has(cells, ZONE_GAUGE, unit))
		return;
	cell = (struct word16 *)z->atomic + unit;
	old = atomic_peek16(cell);
	do {
		new.lo = old.lo;
		new.hi = old.hi | GAUGE_FROZEN;
	} while (!atomic_cas16(cell, &old, new));
}

/* A pending sum's word16: lo the value, hi the count. */
void
pdc_lane_pending_add(struct pending *p, double v)
{
	struct word16 *cell = (struct word16 *)p, old, new;

	old = atomic_peek16(cell);
	do {
		new.lo = bits_of(bits_double(old.lo) + v);
		new.hi = old.hi + 1;
	} while (!atomic_cas16(cell, &old, new));
}

void
pdc_lane_pending_gauge(struct pending *p, int set, double v)
{
	struct word16 *cell = (struct word16 *)p, old, new;

	old = atomic_peek16(cell);
	do {
		new.lo = bits_of(set ? v : bits_double(old.lo) + v);
		new.hi = old.hi;
		if (set)
			new.hi = LANE_PENDING_SET;
		else if (old.hi == 0)
			new.hi = LANE_PENDING_ADD;
	} while (!atomic_cas16(cell, &old, new));
}

void
pdc_lane_pending_stamp(struct pending *p, double v, uint64_t stamp)
{
	struct word16 *cell = (struct word16 *)p, old;
	struct word16 new = { bits_of(v), stamp };

	old = atomic_peek16(cell);
	while (old.hi <= stamp && !atomic_cas16(cell, &old, new))
		;
}

void
pdc_lane_pending_state(struct pending *p, uint64_t bits, int on)
{
	struct word16 *cell = (struct word16 *)p, old, new;

	old = atomic_peek16(cell);
	do {
		new.lo = bits_of(states_put(bits_double(old.lo), bits, on));
		new.hi = old.hi | bits;
	} while (!atomic_cas16(cell, &old, new));
}

void
pdc_lane_pending_under(struct pending *p, const struct pending *older)
{
	struct word16 *cell = (struct word16 *)p, old, new;

	old = atomic_peek16(cell);
	do {
		new.lo = bits_of(states_put(bits_double(old.lo),
		    states_bits(older->value) & ~old.hi, 1));
		new.hi = old.hi | older->count;
	} while (!atomic_cas16(cell, &old, new));
}

struct pending
pdc_lane_pending_take(struct pending *p)
{
	struct word16 *cell = (struct word16 *)p, old;
	const struct word16 none = { 0, 0 };
	struct pending taken;

	old = atomic_peek16(cell);
	while (!atomic_cas16(cell, &old, none))
		;
	taken.value = bits_double(old.lo);
	taken.count = old.hi;
	return taken;
}
