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
#include "lane/cells.h"

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
};

struct page_result {
	uint64_t families, series; /* that were rendered */
	uint64_t damaged; /* records skipped */
	uint64_t clashes; /* families skipped: a name of theirs is another's */
};

/*
 * Append one page without its end to the buffer; result may be NULL.
 * PDC_ENOENT: no such family.  Takes no lock; never checkpoints.
 */
int pdc_page_render(struct pdc *, struct buf *, const struct page_opts *,
    struct page_result *);
/* Append what such a page ends with. */
void pdc_page_end(struct buf *, const struct page_opts *);

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
	int cells_mapped; /* the rest up to drops is 0 if not */
	uint64_t cells_bytes, cells_budget;
	uint64_t unit_cost[NZONES]; /* bytes per counter, bucket, gauge */
	uint32_t lanes, atomic_lanes;
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
