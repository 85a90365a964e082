/* SPDX-License-Identifier: ISC */
#ifndef PDC_LANE_CELLS_H
#define PDC_LANE_CELLS_H

/*
 * The cells file: everything that changes without a transaction.
 *
 *	head	one page and more: geometry, drop counts, the word for ids
 *	slots	a word each (slot.h)
 *	fwd	the forward table (ring.h)
 *	rings	one per rseq lane (ring.h)
 *	zones	add, pair, gauge; each: tags, rseq lanes, atomic lanes
 *	exemplars	places (exemplar.h); blocks only once one is wanted
 *
 * A zone is addressed in units.  tag[unit] is the id of the series that owns
 * the run starting there.  In an rseq lane a unit is 8 bytes (add: a double)
 * or 16 (pair: count and sum); in an atomic lane always 16.  The gauge zone
 * has no rseq lane and exactly one atomic lane, which all processes share.
 *
 * The file is sparse; a unit below zone.reserved has blocks in every region.
 * All regions stay where they are for the life of the file.
 *
 * Who may write: lanes, rings: everybody, by lane.c and ring.c alone; tags,
 * reserved, forward table: who holds the write lock; a slot's word: who holds
 * its lock; drops, next_unresolved: everybody, atomically.  Fork: the mapping
 * is inherited; nothing has an owner but slots.
 */

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "base/pair.h"

#define CELLS_MAGIC "pdccells"
#ifndef CELLS_VERSION /* as STORE_VERSION */
#define CELLS_VERSION 1
#endif
#define CELLS_MAX_LANES 1024
#define CELLS_NONE UINT64_MAX /* no unit */

enum cells_zone_kind { ZONE_ADD, ZONE_PAIR, ZONE_GAUGE, NZONES };

/* What was dropped or went wrong, by reason; counted in the head. */
#define CELLS_DROPS(X) \
	X(AMOUNT, "amount") /* counter: negative, NaN, Inf */ \
	X(NAN, "nan") /* observe(NaN) */ \
	X(TYPE, "type") /* set on a counter and the like */ \
	X(RING_FULL, "ring_full") \
	X(PENDING, "pending") /* a pending sum given up */ \
	X(NOSPACE, "no_space") /* the series could not be made */ \
	X(MAX_SERIES, "max_series") /* a gauge beyond it */ \
	X(SHAPE, "shape") /* of a family declared differently */ \
	X(DAMAGED, "damaged") /* a record that makes no sense */ \
	X(NONFINITE, "non_finite") /* a late credit that is not finite */ \
	X(NOSLOT, "no_slot") /* a gauge of a mode: no slot was free */ \
	X(EXEMPLAR, "exemplar") /* the update was counted, without it */ \
	X(LINE, "line") /* of the journal: it was refused */

enum cells_drop {
#define X(name, word) DROP_##name,
	CELLS_DROPS(X)
#undef X
	    NDROPS
};

enum cells_rseq { CELLS_RSEQ_UNKNOWN, CELLS_RSEQ_OK, CELLS_RSEQ_BROKEN };

struct cells_zone_head {
	uint64_t tags_off;
	uint64_t lanes_off, lane_stride;
	uint64_t atomic_off, atomic_stride;
	uint64_t capacity; /* units */
	_Atomic uint64_t reserved; /* units that have blocks */
	uint64_t unit; /* bytes in an rseq lane: 8, 16, 0 */
	uint32_t nlanes, natomic;
};

/*
 * Offsets, strides and file_size follow from nlanes, natomic, ring_size, nfwd
 * nexemplars and the capacities alone, so a head that says something else is
 * damaged.
 */
struct cells_head {
	char magic[8];
	uint32_t version, head_size;
	unsigned char uuid[16]; /* of the store */
	uint64_t epoch;
	char boot_id[40];
	uint32_t nlanes, natomic;
	_Atomic uint32_t rseq; /* enum cells_rseq */
	_Atomic uint32_t atomic_idle; /* 1: no atomic lane was ever added to */
	uint64_t file_size;
	uint64_t budget; /* bytes of blocks at most */
	_Atomic uint64_t allocated; /* bytes of blocks by now */
	uint64_t fwd_off, nfwd;
	uint64_t ring_off, ring_stride, ring_size;
	struct cells_zone_head zone[NZONES];
	_Atomic uint64_t next_unresolved;
	_Atomic uint64_t anomalies; /* a checkpoint saw a count sink */
	_Atomic uint64_t unresolved; /* pdc_labels() that had to go without */
	_Atomic uint64_t overflowed; /* uses of overflow series anew */
	_Atomic int64_t checkpoint_wall_ns; /* end of the last whole one */
	_Atomic int64_t checkpoint_mono_ns;
	_Atomic uint64_t checkpoints;
	_Atomic int64_t page_mono_ns; /* end of the last page, if that counts */
	_Atomic uint64_t drops[32]; /* enum cells_drop */
	_Atomic uint64_t differing; /* declarations of another help etc. */
	uint64_t slots_off; /* SLOTS_MAX words */
	uint64_t exemplars_off, nexemplars;
	_Atomic uint64_t exemplars_ready; /* the places have blocks */
};

/* A zone as mapped here; but for known it never changes. */
struct cells_zone {
	_Atomic uint64_t *tags;
	char *lanes, *atomic;
	char **lane; /* where each is that this process updates by rseq */
	size_t stride, astride;
	uint64_t capacity;
	_Atomic uint64_t known; /* units that have blocks; there may be more */
	uint32_t nlanes, natomic; /* as in the file, for sums */
	uint32_t use; /* lanes this process updates by rseq */
	uint32_t unit;
};

struct cells {
	struct cells_zone zone[NZONES];
	struct cells_head *head;
	char *map;
	size_t map_len;
	char *rings;
	size_t ring_stride, ring_size;
	_Atomic uint64_t *slots;
	struct fwd_entry *fwd;
	char *exemplars; /* nexemplars places, a power of 2 */
	uint64_t nexemplars;
	uint64_t nfwd;
	uint32_t nlanes; /* and rings */
	uint64_t epoch;
	dev_t dev;
	ino_t ino;
	int fd; /* to grow by; -1 if rdonly */
	int rdonly;
	uint32_t use; /* lanes and rings used by rseq, or 0 */
	_Atomic(struct cells *) older; /* closed mappings, for salvage */
	int64_t closed_ns; /* monotonic: its tags are 0 since; 0: not yet */
	void *mark; /* a page that goes with it or its view, or NULL */
	int view; /* of a file that is given up, */
	int spent; /* and in which nothing was found */
	int husk; /* it is mapped there no more */
};

#define CELLS_MARK 4096 /* bytes of a mark */

/* Which file; from boot_id on, but for flags, what a new one is to be. */
struct cells_make {
	const char *dir, *name; /* name: without a slash */
	const unsigned char *uuid; /* 16 bytes */
	uint64_t epoch;
	const char *boot_id;
	uint32_t max_cpus; /* 0: 64 */
	uint32_t atomic_lanes; /* 0: by rule */
	uint32_t flags; /* CELLS_* */
	uid_t uid; /* owner, group, mode of the file; */
	gid_t gid; /* (uid_t)-1 leaves it */
	mode_t mode;
};

#define CELLS_RDONLY 1 /* map without the right to write */
#define CELLS_ATOMIC 2 /* this process uses no rseq */

struct gauge { /* what a gauge cell holds */
	double value;
	uint32_t applied, touched; /* or together the time of the last set */
};

/* Top bit of touched, but not of a time: no operation begun before succeeds. */
#define GAUGE_FROZEN ((uint64_t)1 << 63)

static inline uint64_t
gauge_stamp(const struct gauge *g)
{
	return g->applied | (uint64_t)g->touched << 32;
}

/*
 * Make dir/name whole (geometry, blocks of head, forward table and rings),
 * under O_EXCL and with owner, group and mode as told; the caller has the
 * write lock.  rseq lanes = highest online CPU id + 1, at most max_cpus.  The
 * default budget is a quarter of the file system's size; capacities follow
 * from it.  On failure nothing is left.  PDC_EEXIST, PDC_ENOSPC, PDC_EPERM,
 * PDC_ENOMEM, PDC_ESYS.  Signals are blocked by the caller.
 */
int pdc_cells_make(const struct cells_make *);

/*
 * Map dir/name without following a link.  The head is checked field by field
 * against the file's size, uuid and epoch.  PDC_ENOENT if there is no such
 * file, PDC_EFORMAT, PDC_EVERSION, PDC_EPERM, PDC_ENOMEM, PDC_ESYS;
 * PDC_ENOTSUP for CELLS_RDONLY where a pair cannot be loaded without writing.
 * Runs the rseq probe if the head does not have its answer yet and this
 * process may write and use rseq.
 *
 * Refused with PDC_EPERM: a link, no regular file, more writable than dir, and
 * an owner who is neither this user, root nor the owner of dir, unless dir is
 * its group's to write, and the file is of that group.  In a sticky
 * dir, which belongs to nobody who uses it, any owner will do: there the caller
 * compares dev and ino with what he knows before he uses the cells.
 */
int pdc_cells_open(struct cells **, const struct cells_make *);
/* NULL is fine; older is left alone. */
void pdc_cells_close(struct cells *);

/*
 * Who maps a file to add to it has a shared OFD lock on it.  The mapping holds
 * it, and so do those of his children, but no view.  Used tells whether anybody
 * has such a mapping, asked by a view, or it cannot be known.
 */
int pdc_cells_enter(const struct cells *);
int pdc_cells_used(const struct cells *);

/*
 * Give up a file that was closed: first a second mapping of it, which is closed
 * as others are, or NULL; then memory where it was mapped, in which no update
 * succeeds.  Without memory for that it stays mapped, and so it is used.
 */
struct cells *pdc_cells_view(struct cells *);
void pdc_cells_husk(struct cells *);
/* Later: only the head stays, which says that there are no units. */
void pdc_cells_shrink(struct cells *);

/* Bytes of shared memory that one unit of a zone costs. */
uint64_t pdc_cells_unit_cost(const struct cells *, enum cells_zone_kind);

/*
 * Have blocks for units [0, upto) of the zone, all regions; write lock held.
 * PDC_EFULL (capacity or budget; the words have the numbers), PDC_ENOSPC,
 * PDC_EPERM if mapped to read only, PDC_ESYS (EBADF: somebody closed our
 * descriptor).  Grows to a whole page of tags, no further: what would be won by
 * fewer calls is not to be measured beside the making of the series.  Pieces of
 * at most 64 MiB; signals are blocked by the caller.
 */
int pdc_cells_reserve(struct cells *, enum cells_zone_kind, uint64_t upto);
/* The same for the places of exemplars, all of them; the write lock is held. */
int pdc_cells_exemplars(struct cells *);
/* Units that have blocks, which is known of the zone from now on. */
uint64_t pdc_cells_known(const struct cells *, enum cells_zone_kind);

/*
 * Make run [unit, unit + n) ready for series id: all lanes zero (an atomic
 * lane's version is bumped and kept), then the tag.  Write lock held; the units
 * are reserved; no handle knows the run yet.
 */
void pdc_cells_zero(struct cells *, enum cells_zone_kind, uint64_t unit,
    uint32_t n);
void pdc_cells_tag(struct cells *, enum cells_zone_kind, uint64_t unit,
    uint64_t id);
uint64_t pdc_cells_tag_get(const struct cells *, enum cells_zone_kind,
    uint64_t unit);
/* The tags of n runs of width units each, one after the other. */
void pdc_cells_tags(const struct cells *, enum cells_zone_kind, uint64_t unit,
    uint32_t width, uint32_t n, uint64_t *out);
/* Set all tags of the file to 0: nobody adds to a lane of it any more. */
void pdc_cells_untag_all(struct cells *);

/*
 * After the tag was cleared for good: make every sleeping compare-and-swap of
 * the run fail, by bumping the versions (values kept).
 */
void pdc_cells_bump(struct cells *, enum cells_zone_kind, uint64_t unit,
    uint32_t n);

/*
 * Sums of all lanes in fixed order: rseq lane 0, 1, ..., atomic lane 0, 1, ...
 * A pair is read by one 16-byte load per lane.  The caller checks the tag
 * after.  Units out of [0, reserved): zero.
 */
double pdc_cells_sum(const struct cells *, uint64_t unit);
struct pair pdc_cells_sum_pair(const struct cells *, uint64_t unit);
struct gauge pdc_cells_gauge(const struct cells *, uint64_t unit);
/*
 * The same of n units one after the other, a lane at a time: lanes are far from
 * each other, units of one side by side.  Of pdc_cells_sums() count is 0.
 */
void pdc_cells_sums(const struct cells *, uint64_t unit, uint32_t n,
    struct pair *out);
void pdc_cells_sum_pairs(const struct cells *, uint64_t unit, uint32_t n,
    struct pair *out);
void pdc_cells_gauges(const struct cells *, uint64_t unit, uint32_t n,
    struct gauge *out);

/* Set a gauge cell before its tag.  Write lock held. */
void pdc_cells_gauge_init(struct cells *, uint64_t unit, struct gauge);

/* One update, or n of them. */
void pdc_cells_drop(const struct cells *, enum cells_drop);
void pdc_cells_drops(const struct cells *, enum cells_drop, uint64_t n);
const char *pdc_cells_drop_word(enum cells_drop);

#endif
