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

#endif
