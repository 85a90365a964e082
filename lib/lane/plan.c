/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The geometry of a cells file: what a new one gets, and where its parts are.
 */

#include <sys/statvfs.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fault.h"
#include "base/modes.h"
#include "lane/atomic.h"
#include "lane/cells.h"
#include "lane/lane.h"
#include "lane/shape.h"

#define UNITS_HALVED ((uint64_t)64 << 10) /* not halved further */
#define BUDGET_UNKNOWN ((uint64_t)256 << 20)
#define RINGS_TOTAL ((uint64_t)4 << 20)
#define CPUS_USUAL 64
#define ATOMIC_USUAL 16

uint64_t
pdc_plan_round(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

uint64_t
pdc_plan_cost(const struct cells_zone_head *z)
{
	return sizeof(uint64_t) + (uint64_t)z->nlanes * z->unit +
	    z->natomic * sizeof(struct word16);
}

uint64_t
pdc_plan_tags(const struct cells_head *h, enum cells_zone_kind kind)
{
	return h->zone[kind].tags_off - CELLS_SKEW;
}

/* Where the parts are: all that follows from the other fields of the head. */
void
pdc_plan_layout(struct cells_head *h)
{
	static const uint64_t unit[NZONES] = { 8, 16, 0 };
	uint64_t off = CELLS_PAGE;
	struct cells_zone_head *z;
	int i;

	h->slots_off = off;
	off += SLOTS_MAX * sizeof(uint64_t);
	h->fwd_off = off;
	off += h->nfwd * sizeof(struct fwd_entry);
	h->ring_off = off;
	h->ring_stride = sizeof(struct ring) + h->ring_size + RING_RECORD_MAX;
	h->ring_stride = pdc_plan_round(h->ring_stride, CELLS_PAGE);
	off += h->nlanes * h->ring_stride;
	for (i = 0; i < NZONES; i++) {
		z = &h->zone[i];
		z->unit = unit[i];
		z->nlanes = i == ZONE_GAUGE ? 0 : h->nlanes;
		z->natomic = i == ZONE_GAUGE ? 1 : h->natomic;
		z->tags_off = off + CELLS_SKEW;
		off += z->capacity * sizeof(uint64_t) + CELLS_PAGE;
		z->lanes_off = off;
		z->lane_stride = z->capacity * z->unit;
		off += z->nlanes * z->lane_stride;
		z->atomic_off = off;
		z->atomic_stride = z->capacity * sizeof(struct word16);
		off += z->natomic * z->atomic_stride;
	}
	h->exemplars_off = off;
	off += h->nexemplars * EXEMPLAR_PLACE;
	h->file_size = off;
}

uint64_t
pdc_plan_used(const struct cells_head *h)
{
	uint64_t sum = pdc_plan_tags(h, 0) + NZONES * CELLS_PAGE;
	int i;

	for (i = 0; i < NZONES; i++)
		sum += h->zone[i].reserved * pdc_plan_cost(&h->zone[i]);
	if (h->exemplars_ready)
		sum += h->nexemplars * EXEMPLAR_PLACE;
	return sum;
}

/* The highest CPU that is online, and 1. */
static uint32_t
plan_cpus(void)
{
	char line[1024], *s;
	FILE *f;
	long n = 0;

	f = fopen("/sys/devices/system/cpu/online", "re");
	if (f != NULL) {
		if (fgets(line, sizeof(line), f) != NULL) {
			s = line + strcspn(line, "\n");
			while (s > line && s[-1] >= '0' && s[-1] <= '9')
				s--;
			n = strtol(s, NULL, 10) + 1;
		}
		fclose(f);
	}
	if (n < 1 || n > CELLS_MAX_LANES)
		n = sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : n > CELLS_MAX_LANES ? CELLS_MAX_LANES : (uint32_t)n;
}

static uint32_t
plan_min(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void
plan_lanes(struct cells_head *h, const struct cells_make *m)
{
	uint32_t cpus = plan_cpus();

	h->nlanes = plan_min(cpus, m->max_cpus ? m->max_cpus : CPUS_USUAL);
	h->natomic = plan_min(m->atomic_lanes, CELLS_MAX_LANES);
	if (h->natomic > 0)
		return;
	h->natomic = 1;
	if ((m->flags & CELLS_ATOMIC) || !pdc_rseq_usable())
		h->natomic = plan_min(cpus, ATOMIC_USUAL);
}

/* Rings take a total that is small beside the budget; zones what they may. */
static void
plan_sizes(struct cells_head *h)
{
	uint64_t each, n;
	struct cells_zone_head *z;
	int i;

	each = RINGS_TOTAL < h->budget / 4 ? RINGS_TOTAL : h->budget / 4;
	each /= h->nlanes;
	h->ring_size = RING_SIZE_MIN;
	while (h->ring_size < RING_SIZE_MAX && h->ring_size * 2 <= each)
		h->ring_size *= 2;
	h->nfwd = FWD_ENTRIES;
	h->nexemplars = EXEMPLARS_MIN;
	while (h->nexemplars < EXEMPLARS_MAX &&
	    h->nexemplars * 2 * EXEMPLAR_PLACE <= h->budget / 8)
		h->nexemplars *= 2;
	pdc_plan_layout(h); /* for what a unit costs */
	for (i = 0; i < NZONES; i++) {
		z = &h->zone[i];
		n = h->budget / pdc_plan_cost(z) / CELLS_STEP * CELLS_STEP;
		z->capacity = n > UNITS_MAX ? UNITS_MAX : n;
		if (z->capacity < UNITS_MIN)
			z->capacity = UNITS_MIN;
	}
	pdc_plan_layout(h);
}

int
pdc_plan_cells(struct cells_head *h, const struct cells_make *m, int fd)
{
	struct statvfs fs;

	memset(h, 0, sizeof(*h));
	memcpy(h->magic, CELLS_MAGIC, sizeof(h->magic));
	h->version = CELLS_VERSION;
	h->head_size = sizeof(*h);
	memcpy(h->uuid, m->uuid, sizeof(h->uuid));
	h->epoch = m->epoch;
	atomic_store_explicit(&h->atomic_idle, 1, memory_order_relaxed);
	snprintf(h->boot_id, sizeof(h->boot_id), "%s", m->boot_id);
	/* Ids of handles outlive their file: none comes twice. */
	h->next_unresolved = (m->epoch << 32) + 1;
	if (FAULT(CELLS_STATVFS) || fstatvfs(fd, &fs) == -1)
		return pdc_err_sys("%s/%s: fstatvfs", m->dir, m->name);
	h->budget = (uint64_t)fs.f_blocks * fs.f_frsize / 4;
	if (h->budget == 0)
		h->budget = BUDGET_UNKNOWN;
	plan_lanes(h, m);
	plan_sizes(h);
	return 0;
}

/* Half the capacities; 0 if they are small already. */
int
pdc_plan_halve(struct cells_head *h)
{
	int halved = 0, i;
	uint64_t *n;

	for (i = 0; i < NZONES; i++) {
		n = &h->zone[i].capacity;
		if (*n > UNITS_HALVED) {
			*n = pdc_plan_round(*n / 2, CELLS_STEP);
			halved = 1;
		}
	}
	pdc_plan_layout(h);
	return halved;
}
