/* SPDX-License-Identifier: ISC */
#ifndef PDC_LANE_FAST_H
#define PDC_LANE_FAST_H

/*
 * One try at an update by rseq, in line, and an update of an atomic lane.  Who
 * makes the former calls nothing and saves no registers before it has
 * succeeded: a register that is restored behind the store to the cell may have
 * to wait for where that goes, and with it the next update (measured on a Xeon:
 * 20 ns, not 7).
 */

#include <sched.h>
#include <stdatomic.h>

#include "base/bits.h"
#include "lane/atomic.h"
#include "lane/cells.h"
#include "lane/lane.h"
#include "lane/rseq.h"

#define LANE_INLINE static inline __attribute__((always_inline))

/*
 * A handle's unit may be of an older epoch, or 0 of a handle without cells:
 * tags that have no blocks are not even read, for on a full file system that
 * were a SIGBUS.
 */
LANE_INLINE int
lane_knows(const struct cells *cells, enum cells_zone_kind kind, uint64_t unit)
{
	return unit < atomic_load_explicit(&cells->zone[kind].known,
			  memory_order_relaxed);
}

#ifdef PDC_RSEQ
LANE_INLINE enum rseq_result
lane_try_add(const struct cells *cells, uint64_t unit, uint64_t id, double v)
{
	const struct cells_zone *z = &cells->zone[ZONE_ADD];
	ptrdiff_t area = rseq_at();

	if (area == 0)
		return RSEQ_NONE;
	return rseq_add(area, (struct rseq_lanes){ &z->lane, &z->use }, unit, v,
	    (struct rseq_tag){ &z->tags[unit], id });
}

LANE_INLINE enum rseq_result
lane_try_pair(const struct cells *cells, uint64_t unit, uint32_t bucket,
    uint64_t id, double v)
{
	const struct cells_zone *z = &cells->zone[ZONE_PAIR];
	ptrdiff_t area = rseq_at();

	if (area == 0)
		return RSEQ_NONE;
	return rseq_pair(area, (struct rseq_lanes){ &z->lane, &z->use },
	    (unit + bucket) * sizeof(struct word16), v,
	    (struct rseq_tag){ &z->tags[unit], id });
}
#else
LANE_INLINE enum rseq_result
lane_try_add(const struct cells *cells, uint64_t unit, uint64_t id, double v)
{
	(void)cells;
	(void)unit;
	(void)id;
	(void)v;
	return RSEQ_NONE;
}

LANE_INLINE enum rseq_result
lane_try_pair(const struct cells *cells, uint64_t unit, uint32_t bucket,
    uint64_t id, double v)
{
	(void)bucket;
	return lane_try_add(cells, unit, id, v);
}
#endif

LANE_INLINE int
lane_mine(const struct cells_zone *z, uint64_t unit, uint64_t id)
{
	/* Pairs with the release in pdc_cells_tag(). */
	return atomic_load_explicit(&z->tags[unit], memory_order_acquire) == id;
}

/* sched_getcpu() would do, but is a call. */
LANE_INLINE uint32_t
lane_cpu(void)
{
#ifdef PDC_RSEQ
	ptrdiff_t area = rseq_at();

	if (area != 0)
		return rseq_cpu(area);
#endif
	return (uint32_t)sched_getcpu();
}

LANE_INLINE struct word16 *
lane_atomic_cell(const struct cells_zone *z, uint64_t unit)
{
	uint32_t lane = 0;

	if (z->natomic > 1) {
		lane = lane_cpu();
		if (lane >= z->natomic) /* seldom, and a division is slow */
			lane %= z->natomic;
	}
	return (struct word16 *)(z->atomic + lane * z->astride) + unit;
}

/*
 * Before a sum is there to be missed: who sees it sees this.  Pairs with
 * tag_natomic().
 */
LANE_INLINE void
lane_atomic_used(const struct cells *cells)
{
	_Atomic uint32_t *idle = &cells->head->atomic_idle;

	if (atomic_load_explicit(idle, memory_order_relaxed) != 0)
		atomic_store_explicit(idle, 0, memory_order_release);
}

/*
 * The cell is loaded before the tag is compared: freeing stores the tag, then
 * bumps the version, so who sees the bump sees the tag.
 */
LANE_INLINE enum lane_result
lane_atomic_add(const struct cells *cells, uint64_t unit, uint64_t id, double v)
{
	const struct cells_zone *z = &cells->zone[ZONE_ADD];
	struct word16 *cell, old, new;

	if (unit >= z->capacity)
		return LANE_STALE;
	lane_atomic_used(cells);
	cell = lane_atomic_cell(z, unit);
	old = atomic_peek16(cell);
	do {
		if (!lane_mine(z, unit, id))
			return LANE_STALE;
		new.lo = bits_of(bits_double(old.lo) + v);
		new.hi = old.hi;
	} while (!atomic_cas16(cell, &old, new));
	return LANE_OK;
}

LANE_INLINE enum lane_result
lane_atomic_pair(const struct cells *cells, uint64_t unit, uint32_t bucket,
    uint64_t id, double v)
{
	const struct cells_zone *z = &cells->zone[ZONE_PAIR];
	struct word16 *cell, old, new;

	if (unit >= z->capacity || bucket >= z->capacity - unit)
		return LANE_STALE;
	lane_atomic_used(cells);
	cell = lane_atomic_cell(z, unit + bucket);
	old = atomic_peek16(cell);
	do {
		if (!lane_mine(z, unit, id))
			return LANE_STALE;
		new.lo = old.lo + 1;
		new.hi = bits_of(bits_double(old.hi) + v);
	} while (!atomic_cas16(cell, &old, new));
	return LANE_OK;
}

#endif
