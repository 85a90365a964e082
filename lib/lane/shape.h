/* SPDX-License-Identifier: ISC */
#ifndef PDC_LANE_SHAPE_H
#define PDC_LANE_SHAPE_H

/* What the cells file is made of, for lib/lane alone. */

#include <stdint.h>

#include "lane/cells.h"
#include "lane/ring.h"

struct ring {
	_Atomic uint64_t head;
	char pad1[56];
	_Atomic uint64_t tail;
	char pad2[56];
	char bytes[]; /* ring_size, and RING_RECORD_MAX behind */
};

struct fwd_entry {
	_Atomic uint64_t old_id; /* 0: none, or being written */
	_Atomic uint64_t new_id, unit;
	uint64_t pad;
};

#define CELLS_PAGE 4096
/*
 * An update looks at a tag and then at a cell.  Where both are at one place of
 * their pages, they want one place in a cache: on an EPYC increments took 7.1
 * ns, not 3.6, on the CPUs whose lane was so far.  So tags begin in the middle
 * of a page, which is there from the beginning.
 */
#define CELLS_SKEW (CELLS_PAGE / 2)
#define CELLS_STEP 512 /* units: a page of tags */
#define UNITS_MAX ((uint64_t)16 << 20)
#define UNITS_MIN 1024
#define RING_SIZE_MIN ((uint64_t)64 << 10)
#define RING_SIZE_MAX ((uint64_t)1 << 20)
#define FWD_ENTRIES 4096
#define EXEMPLAR_PLACE 1024 /* bytes */
#define EXEMPLARS_MIN 64
#define EXEMPLARS_MAX 4096

/* Map a file, or with -1 memory of this process; NULL with errno. */
char *pdc_cells_map(int fd, size_t len, int prot);
/* Whether the descriptor is still ours, not what somebody opened since. */
int pdc_cells_has_fd(const struct cells *);

uint64_t pdc_plan_round(uint64_t n, uint64_t to);
/* Bytes of all regions for one unit. */
uint64_t pdc_plan_cost(const struct cells_zone_head *);
/* Where the parts are: all that follows from the other fields of the head. */
void pdc_plan_layout(struct cells_head *);
/* The page in which the tags begin. */
uint64_t pdc_plan_tags(const struct cells_head *, enum cells_zone_kind);
/* Bytes that have blocks, by what is reserved. */
uint64_t pdc_plan_used(const struct cells_head *);
/* The head of a new file, for the file system of fd. */
int pdc_plan_cells(struct cells_head *, const struct cells_make *, int fd);
/* Half the capacities; 0 if they are small already. */
int pdc_plan_halve(struct cells_head *);

#endif
