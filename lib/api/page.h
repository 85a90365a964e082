/* SPDX-License-Identifier: ISC */
#ifndef PDC_API_PAGE_H
#define PDC_API_PAGE_H

/*
 * What the programs need beyond pdc.h: pages with options, and the state of a
 * store in numbers.
 */

#include <sys/types.h>

#include <stdint.h>

#include "base/buf.h"
#include "expo/expo.h"
#include "journal/journal.h"
#include "lane/cells.h"

struct page;
struct pdc;
struct taken;

enum page_format { PAGE_METRICS, PAGE_KEYS };

struct page_opts {
	enum page_format format;
	struct expo_how how; /* PAGE_METRICS: in which form */
	const char *family; /* NULL: all; else this one (stored name) */
	/* PAGE_METRICS, NULL: all; else the families to show, then NULL */
	const char *const *names;
	int64_t deadline_ns; /* CLOCK_MONOTONIC; 0: none. Late: PDC_EBUSY */
	struct taken *taken; /* NULL; or gets the names that were escaped */
	size_t piece; /* bytes; 0: PAGE_PIECE */
};

#define PAGE_PIECE ((size_t)512 * 1024)

struct page_result {
	uint64_t families, series; /* that were rendered */
	uint64_t damaged; /* records skipped */
	uint64_t clashes; /* families skipped: a name of theirs is another's */
};

/*
 * A page in pieces.  Between them nothing is held: no snapshot, no lock, no
 * pointer into the store; each piece may come from another handle of it.
 *
 * A piece ends after the family with which it is full, so it has less than two
 * of its size.  A family that is larger than a piece by itself goes on in the
 * next one, in another snapshot: each series is whole in one piece; those that
 * were there in the family's first piece and still are in their own come once,
 * others not.  A gauge of which each process has a value is never cut.
 *
 *	opts	stays the caller's, who may move the deadline between pieces
 */
int pdc_page_open(struct page **, const struct page_opts *);
/*
 * Append the next piece to the buffer.  1: there is more to come; 0: that was
 * all but the end; or a PDC_E*, and there is no such page.  PDC_ENOENT: no such
 * family.  Takes no lock; never checkpoints.
 */
int pdc_page_more(struct page *, struct pdc *, struct buf *);
/* Of a page that is whole. */
const struct page_result *pdc_page_result(const struct page *);
void pdc_page_close(struct page *);
/* Append what such a page ends with. */
void pdc_page_end(struct buf *, const struct page_opts *);

/*
 * A whole page with its end, given to out piece by piece; result may be NULL.
 * PDC_ECANCELED: out returned something else than 0.
 */
int pdc_page_write(struct pdc *, const struct page_opts *,
    int (*out)(void *arg, const void *data, size_t len), void *arg,
    struct page_result *result);

/* Whether the page is to have a family that is shown under this name. */
int pdc_page_wants(const struct page_opts *, const char *name);
/* Whether a family of the store has a sample, or itself, of this name. */
int pdc_page_named(struct pdc *, const char *sample);

/* The enum pdc_type of the family of this (stored) name, 0, or a PDC_E*. */
int pdc_page_type(struct pdc *, const char *family);

/* pdc_maintain(), waiting at most wait_ms for the lock each time. */
int pdc_page_maintain(struct pdc *, uint32_t wait_ms);

/*
 * Verify the store; found gets a line for each finding.  Their number, or a
 * PDC_E*: not all could be looked at.  PDC_EBUSY: the write lock was not to be
 * had, under which cells are compared.  Changes nothing.
 */
int pdc_page_check(struct pdc *, void (*found)(void *arg, const char *words),
    void *arg);

struct pdc_stat {
	char dir[4096], cells_path[4096];
	char uuid[37], boot_id[40];
	uint32_t version;
	uint64_t epoch;
	uint64_t families, series;
	uint64_t data_bytes; /* used pages of data.mdb */
	uint64_t map_bytes; /* its address space */
	uint64_t last_txn;
	uint32_t readers, max_readers;
	struct journal_rec journal;
	int cells_mapped; /* the rest up to drops is 0 if not */
	uint64_t cells_bytes, cells_budget;
	uint64_t unit_cost[NZONES]; /* bytes per counter, bucket, gauge */
	uint32_t lanes, atomic_lanes;
	uint64_t ring_bytes; /* of each lane */
	int rseq; /* enum cells_rseq */
	int uses_rseq; /* this process */
	uint64_t ring_backlog; /* bytes */
	uint64_t anomalies, unresolved, overflowed, differing;
	uint64_t drops[NDROPS];
	int64_t checkpoint_wall_ns; /* of the last whole one; 0: none */
	int64_t checkpoint_age_ns; /* by the monotonic clock; -1: none */
	uint64_t checkpoints;
};

int pdc_stat_get(struct pdc *, struct pdc_stat *);

/* A process that has a slot, for gauges of modes. */
struct pdc_slot {
	uint32_t slot;
	pid_t pid; /* 0: it has none here */
	int64_t since_wall_ns; /* when it claimed the slot; 0: not known */
};

/*
 * The slots that are held, rising, at most max; how many.  And the device and
 * inode of the cells as mapped here, by which who else maps them is found; 0 or
 * PDC_ENOENT.
 */
size_t pdc_stat_slots(struct pdc *, struct pdc_slot *, size_t max);
int pdc_stat_cells(struct pdc *, dev_t *, ino_t *);

#endif
