/* SPDX-License-Identifier: ISC */
#ifndef PDC_LANE_LANE_H
#define PDC_LANE_LANE_H

/*
 * Updates of cells.  Async-signal-safe, wait-free but for the compare-and-swap
 * of atomic lanes; no lock, no system call, no allocation.
 *
 * Each compares tag[unit] with id, in the restartable sequence or before the
 * 16-byte compare-and-swap, and returns LANE_STALE without any change when
 * they differ.
 */

#include <stddef.h>
#include <stdint.h>

#include "lane/cells.h"

enum lane_result { LANE_OK, LANE_STALE };

/* Add v to a counter's unit. */
enum lane_result pdc_lane_add(const struct cells *, uint64_t unit, uint64_t id,
    double v);

/* Add {1, v} to the pair at unit + bucket; the tag is at unit. */
enum lane_result pdc_lane_pair(const struct cells *, uint64_t unit,
    uint32_t bucket, uint64_t id, double v);

enum lane_result pdc_lane_gauge_set(const struct cells *, uint64_t unit,
    uint64_t id, double v);
enum lane_result pdc_lane_gauge_add(const struct cells *, uint64_t unit,
    uint64_t id, double v);

/*
 * The same for a cell that has, above the value, the time of its last set, in
 * ns of the monotonic clock: one of earlier does nothing.
 */
enum lane_result pdc_lane_gauge_stamp(const struct cells *, uint64_t unit,
    uint64_t id, double v, uint64_t stamp);

/* Turn states on or off; bits as base/states.h has them. */
enum lane_result pdc_lane_gauge_state(const struct cells *, uint64_t unit,
    uint64_t id, double bits, int on);

/* An operation by name: a transaction's, with its number. */
enum gauge_what { GAUGE_SET, GAUGE_ADD, GAUGE_ON, GAUGE_OFF };
struct gauge_op {
	uint32_t seq;
	enum gauge_what what;
	double amount;
};

/*
 * Do it, and applied becomes seq, unless the cell has seq or a later one
 * already (serial number arithmetic) or another tag.
 */
void pdc_lane_gauge_apply(const struct cells *, uint64_t unit, uint64_t id,
    const struct gauge_op *);
/* Of a gauge whose tag is 0: operations on it that are under way fail. */
void pdc_lane_gauge_freeze(const struct cells *, uint64_t unit);

/*
 * Sums kept by a handle of its own while its series has no cells and the
 * process no ring.  16 bytes each, private memory of a handle, shared by its
 * threads; the caller allocates them zeroed and 16-byte aligned.
 */
struct pending {
	double value;
	uint64_t
	    count; /* adds; of a gauge: LANE_PENDING_SET; states set; stamp */
} __attribute__((aligned(16)));
#define LANE_PENDING_ADD 1
#define LANE_PENDING_SET 2

void pdc_lane_pending_add(struct pending *, double v); /* count += 1 */
void pdc_lane_pending_gauge(struct pending *, int set, double v);
void pdc_lane_pending_stamp(struct pending *, double v, uint64_t stamp);
/* Of a stateset, value has those of its states, bits, that are on. */
void pdc_lane_pending_state(struct pending *, uint64_t bits, int on);
/* Put older ones back; what was set since stays. */
void pdc_lane_pending_under(struct pending *, const struct pending *older);
/* Take it out, leaving zero. */
struct pending pdc_lane_pending_take(struct pending *);

/* The thread's registration, the AVX bit and the kernel's answer. */
int pdc_rseq_usable(void); /* this process could use rseq */
ptrdiff_t pdc_rseq_area(void); /* from a thread's pointer; 0: not usable */
/*
 * Whether preemption aborts a section here: OK or BROKEN; UNKNOWN when it could
 * not be found out now.  Two threads for less than 1 ms, 100 ms at most.
 */
enum cells_rseq pdc_rseq_probe(void);

#endif
