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
#define CELLS_STEP 512 /* units: a page of tags */
#define UNITS_MAX ((uint64_t)16 << 20)
#define UNITS_MIN 1024
#define RING_SIZE_MIN ((uint64_t)64 << 10)
#define RING_SIZE_MAX ((uint64_t)1 << 20)
#define FWD_ENTRIES 4096
#define EXEMPLAR_PLACE 1024 /* bytes */
#define EXEMPLARS_MIN 64
#define EXEMPLARS_MAX 4096

uint64_t pdc_plan_round(uint64_t n, uint64_t to);
/* Bytes of all regions for one unit. */
uint64_t pdc_plan_cost(const struct cells_zone_head *);
/* Where the parts are: all that follows from the other fields of the head. */
void pdc_plan_layout(struct cells_head *);
/* Bytes that have blocks, by what is reserved. */
uint64_t pdc_plan_used(const struct cells_head *);
/* The head of a new file, for the file system of fd. */
int pdc_plan_cells(struct cells_head *, const struct cells_make *, int fd);
/* Half the capacities; 0 if they are small already. */
int pdc_plan_halve(struct cells_head *);

#endif
