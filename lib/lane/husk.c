/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Giving up a closed file.  Another thread may have looked up its mapping and
 * sleep since, so what was mapped has to stay in reach.  It becomes memory of
 * the process itself, a husk, in which an update that wakes up fails:
 *
 *	tags		0, as those of a closed file are
 *	add, pair	0: a cell that had a tag has a version, so a compare-
 *			and-swap that has loaded it does not find it again
 *	gauge		the same by a time that no gauge has
 *	rings		full, with a head that is no position
 *	ids		beyond all that were given
 *
 * Only a record whose section of some forty instructions runs at the very
 * moment, after its thread had slept for DYING_GRACE_NS before it, can be torn.
 *
 * What the file still has is read by a second mapping, the view, of which no
 * other thread knows.
 */

#include <sys/mman.h>

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lane/atomic.h"
#include "lane/cells.h"
#include "lane/shape.h"

#define HUSK_HEAD ((uint64_t)1 << 63)
#define HUSK_ID ((uint64_t)1 << 62)
#define HUSK_STAMP UINT64_MAX

static int
husk_lock(int fd, int cmd, struct flock *fl)
{
	*fl = (struct flock){ .l_type = cmd == F_OFD_GETLK ? F_WRLCK : F_RDLCK,
		.l_whence = SEEK_SET,
		.l_len = 1 };
	return fcntl(fd, cmd, fl);
}

int
pdc_cells_enter(const struct cells *cells)
{
	struct flock fl;

	return husk_lock(cells->fd, F_OFD_SETLK, &fl);
}

int
pdc_cells_used(const struct cells *cells)
{
	struct flock fl;

	return !pdc_cells_has_fd(cells) ||
	    husk_lock(cells->fd, F_OFD_GETLK, &fl) == -1 ||
	    fl.l_type != F_UNLCK;
}

static void
husk_fill(char *husk, const struct cells *cells)
{
	const struct cells_zone *z = &cells->zone[ZONE_GAUGE];
	uint64_t n = pdc_cells_known(cells, ZONE_GAUGE);
	struct word16 *cell;
	struct ring *r;
	uint32_t i;

	((struct cells_head *)husk)->next_unresolved = HUSK_ID;
	for (i = 0; i < cells->nlanes; i++) {
		r = (struct ring *)(husk + (cells->rings - cells->map) +
		    i * cells->ring_stride);
		r->head = HUSK_HEAD;
	}
	cell = (struct word16 *)(husk + (z->atomic - cells->map));
	for (; n > 0; n--)
		(cell++)->hi = HUSK_STAMP;
}

/* The same places, delta bytes further on. */
static void
view_shift(struct cells *view, ptrdiff_t delta)
{
	struct cells_zone *z;

	view->map += delta;
	view->head = (struct cells_head *)view->map;
	view->rings += delta;
	view->slots = (_Atomic uint64_t *)((char *)view->slots + delta);
	view->fwd = (struct fwd_entry *)((char *)view->fwd + delta);
	view->exemplars += delta;
	for (z = view->zone; z < view->zone + NZONES; z++) {
		z->tags = (_Atomic uint64_t *)((char *)z->tags + delta);
		z->lanes += delta;
		z->atomic += delta;
		z->lane = NULL;
		z->use = 0;
	}
	view->use = 0;
}

/*
 * The mapping keeps the description with the lock open, so the view is made by
 * another one.
 */
static int
view_open(const struct cells *cells)
{
	char path[40];

	if (!pdc_cells_has_fd(cells))
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", cells->fd);
	return open(path, O_RDWR | O_CLOEXEC);
}

struct cells *
pdc_cells_view(struct cells *cells)
{
	struct cells *view = malloc(sizeof(*view));
	int fd = view_open(cells);
	char *map = NULL;

	if (view != NULL && fd != -1)
		map = pdc_cells_map(fd, cells->map_len, PROT_READ | PROT_WRITE);
	if (map == NULL) {
		if (fd != -1)
			close(fd);
		free(view);
		return NULL;
	}
	*view = *cells;
	view_shift(view, map - cells->map);
	view->view = 1;
	view->fd = fd;
	close(cells->fd);
	cells->fd = -1;
	cells->mark = NULL; /* the view's now */
	return view;
}

void
pdc_cells_husk(struct cells *cells)
{
	size_t len = cells->map_len;
	char *husk;
	int kind;

	husk = pdc_cells_map(-1, len, PROT_READ | PROT_WRITE);
	if (husk == NULL)
		return;
	husk_fill(husk, cells);
	if (mremap(husk, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, cells->map) ==
	    MAP_FAILED) {
		munmap(husk, len);
		return;
	}
	cells->husk = 1;
	for (kind = 0; kind < NZONES; kind++)
		(void)pdc_cells_known(cells, kind); /* none, now */
}

void
pdc_cells_shrink(struct cells *cells)
{
	if (cells->husk && cells->map_len > CELLS_PAGE &&
	    munmap(cells->map + CELLS_PAGE, cells->map_len - CELLS_PAGE) == 0)
		cells->map_len = CELLS_PAGE;
}
