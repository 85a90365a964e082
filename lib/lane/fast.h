/* SPDX-License-Identifier: ISC */
#ifndef PDC_LANE_FAST_H
#define PDC_LANE_FAST_H

/*
 * One try at an update by rseq, in line.  Who makes it calls nothing and saves
 * no registers before it has succeeded: a register that is restored behind the
 * store to the cell may have to wait for where that goes, and with it the next
 * update (measured on a Xeon: 20 ns, not 7).
 */

#include <stdatomic.h>

#include "lane/atomic.h"
#include "lane/cells.h"
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
	uint32_t cpu = rseq_cpu(area);
	double *cell;

	if (cpu >= z->use)
		return RSEQ_NONE;
	cell = (double *)z->lane[cpu] + unit;
	return rseq_add(area, cpu, cell, v,
	    (struct rseq_tag){ &z->tags[unit], id });
}

LANE_INLINE enum rseq_result
lane_try_pair(const struct cells *cells, uint64_t unit, uint32_t bucket,
    uint64_t id, double v)
{
	const struct cells_zone *z = &cells->zone[ZONE_PAIR];
	ptrdiff_t area = rseq_at();
	uint32_t cpu = rseq_cpu(area);
	struct word16 *pair;

	if (cpu >= z->use)
		return RSEQ_NONE;
	pair = (struct word16 *)z->lane[cpu] + unit + bucket;
	return rseq_pair(area, cpu, pair, v,
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

#endif
