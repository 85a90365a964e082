/* SPDX-License-Identifier: ISC */
#ifndef PDC_LANE_RING_H
#define PDC_LANE_RING_H

/*
 * Rings: per rseq lane a queue of records that a checkpoint drains.  A record
 * is copied and published in one restartable sequence, so a killed writer
 * leaves nothing.  Positions count bytes for ever; the buffer is a power of two
 * with room behind it for one record of the largest size, so a record is
 * always in one piece.
 *
 * ring.head	u64	next position to write; by rseq on this CPU alone
 * ring.tail	u64	a hint for writers how far the drainer got
 *
 * Which records have been taken is known by positions in LMDB alone; the
 * drainer sets the hint after its transaction.
 *
 * The forward table: {old id, new id, unit} for handles that had no cells.
 */

#include <stddef.h>
#include <stdint.h>

#include "lane/cells.h"

#define RING_RECORD_MAX 8192
#define RING_MARGIN_NS 1000000

enum ring_kind { RING_UPDATE = 1, RING_LINE };

enum ring_op { RING_ADD = 1, RING_SET, RING_OBSERVE, RING_ON, RING_OFF };

struct ring_head { /* at the start of each record */
	uint32_t len; /* with this head; a multiple of 8 */
	uint16_t kind, op;
	uint64_t stamp; /* pdc_ring_clock(), set by pdc_ring_put() */
};

struct ring_update { /* RING_UPDATE: this, then the label values */
	struct ring_head h;
	uint64_t id; /* of the handle */
	uint64_t owner; /* identity, of a gauge that each process has */
	uint32_t family, pad;
	double amount; /* for RING_ON and RING_OFF: base/states.h */
	uint32_t labels_len; /* bytes after this head */
	uint32_t bucket; /* of a histogram, for RING_OBSERVE */
};

struct ring_line { /* RING_LINE: this, then a line of the journal */
	struct ring_head h; /* op: its stream */
	uint32_t len; /* bytes after this head */
	uint32_t at; /* where its time belongs */
};

enum ring_result { RING_OK, RING_FULL, RING_NONE };

/*
 * Append head and body as one record (len, stamp filled in here; padded to 8
 * with what is behind body's end in no case: the pad is in the copy).  NONE: no
 * rseq here, no ring for this CPU, or 64 aborts.  Async-signal-safe.
 */
enum ring_result pdc_ring_put(const struct cells *, struct ring_head *head,
    size_t head_len, const void *body, size_t body_len);

/*
 * Draining, by who holds the write lock:
 *	pdc_ring_begin()	notes the clock, then all heads
 *	pdc_ring_next()		the oldest record not taken yet whose stamp is
 *				at least RING_MARGIN_NS before the clock, or
 *				NULL; bounds checked; a damaged ring is skipped
 *				to its head and counted; a copy, good until the
 *				next call
 *	pos[]			positions after what was handed out, per ring
 *	pdc_ring_done()		after the commit: the writers' hints
 *
 *	pos	of cells->head->nlanes positions, from LMDB; changed in place
 *	all	not 0: no margin (the file is closed, nobody writes any more)
 *
 * A stamp from the future (another time namespace) counts as just old enough,
 * or its ring would stand still.
 */
struct ring_drain {
	const struct cells *cells;
	uint64_t *pos;
	uint64_t until; /* stamps before this */
	uint64_t latest; /* a stamp after this is of another clock */
	uint64_t heads[CELLS_MAX_LANES];
	uint64_t stamps[CELLS_MAX_LANES]; /* of the record at pos */
	unsigned char record[RING_RECORD_MAX] __attribute__((aligned(16)));
};

void pdc_ring_begin(struct ring_drain *, const struct cells *, uint64_t *pos,
    int all);
const struct ring_head *pdc_ring_next(struct ring_drain *);
void pdc_ring_done(const struct cells *, const uint64_t *pos);
/* Of one ring: the position to write next, and the writers' hint. */
void pdc_ring_ends(const struct cells *, uint32_t lane, uint64_t *head,
    uint64_t *tail);
/* What stamps are of: ns that go on while the machine sleeps, and only on. */
uint64_t pdc_ring_clock(void);
/* Bytes not yet drained by the hints, all rings. */
uint64_t pdc_ring_backlog(const struct cells *);

/*
 * Forward table. Put: write lock held. Get: anybody; 1 if found.  If one old id
 * is put twice, new_id and unit may be of the two: an update compares the tag.
 */
void pdc_fwd_put(struct cells *, uint64_t old_id, uint64_t new_id,
    uint64_t unit);
/* 0 if there is none; else 1, or 2 where unit had this bit. */
#define FWD_BEYOND ((uint64_t)1 << 63) /* the way to what overflows */
int pdc_fwd_get(const struct cells *, uint64_t old_id, uint64_t *new_id,
    uint64_t *unit);

/* A fresh id for a handle without cells. */
#define FWD_FRESH ((uint64_t)1 << 63)
uint64_t pdc_fwd_new_id(const struct cells *);

#endif
