/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Heads of cells files: edits of a good one, each an offset of two bytes, a
 * length and so many bytes.  The first byte: 1, what follows from the rest of
 * the head is put right, and so is the size; 2, to be read only.
 */

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "lane/exemplar.h"
#include "lane/shape.h"
#include "lane/slot.h"

/* Each is a mapping. */
long fuzz_tries = 5000;

static char dir[64];
static struct cells_make make = {
	.dir = dir,
	.name = "cells",
	.boot_id = "boot",
	.epoch = 1,
	.max_cpus = 2,
	.atomic_lanes = 1,
	.uid = (uid_t)-1,
	.gid = (gid_t)-1,
	.mode = 0600,
};

static struct cells_head good;
static int fd = -1;

static void
leave(void)
{
	char path[80];

	snprintf(path, sizeof(path), "%s/cells", dir);
	unlink(path);
	rmdir(dir);
}

static void
arrive(void)
{
	static unsigned char uuid[16];
	char path[80];

	strcpy(dir, "/dev/shm/pdc-fuzz-XXXXXX");
	FUZZ_MUST(mkdtemp(dir) != NULL && atexit(leave) == 0);
	make.uuid = uuid;
	FUZZ_MUST(pdc_cells_make(&make) == 0);
	snprintf(path, sizeof(path), "%s/cells", dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	FUZZ_MUST(pread(fd, &good, sizeof(good), 0) == sizeof(good));
}

static void
edit(struct cells_head *h, const uint8_t *data, size_t size)
{
	size_t at, len;

	while (size > 3) {
		at = (data[0] | (size_t)data[1] << 8) % sizeof(*h);
		len = data[2];
		data += 3;
		size -= 3;
		if (len > size)
			len = size;
		if (len > sizeof(*h) - at)
			len = sizeof(*h) - at;
		memcpy((char *)h + at, data, len);
		data += len;
		size -= len;
	}
}

/* What the head says lies in the file: the first and the last of all. */
static void
touch(const struct cells *c)
{
	struct exemplar e;
	uint64_t id, unit;
	int zone;

	for (zone = 0; zone < NZONES; zone++) {
		FUZZ_MUST(pdc_cells_known(c, zone) <= c->zone[zone].capacity);
		pdc_cells_tag_get(c, zone, 0);
		pdc_cells_tag_get(c, zone, c->zone[zone].capacity - 1);
		pdc_cells_tag_get(c, zone, UINT64_MAX);
	}
	for (unit = 0; unit < 2; unit++) {
		pdc_cells_sum(c, unit - 1 + c->zone[ZONE_ADD].capacity);
		pdc_cells_sum_pair(c, unit - 1 + c->zone[ZONE_PAIR].capacity);
		pdc_cells_gauge(c, unit - 1 + c->zone[ZONE_GAUGE].capacity);
	}
	for (id = 1; id < 64; id++) {
		pdc_exemplar_get(c, id, 0, &e);
		pdc_fwd_get(c, id, &id, &unit);
	}
	pdc_ring_backlog(c);
	(void)atomic_load(&c->slots[SLOTS_MAX - 1]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cells *c = NULL;
	struct cells_head h;

	if (size == 0)
		return 0;
	if (fd == -1)
		arrive();
	h = good;
	edit(&h, data + 1, size - 1);
	if (data[0] & 1)
		pdc_plan_layout(&h);
	if (ftruncate(fd, (off_t)(data[0] & 1 ? h.file_size : good.file_size)))
		return 0;
	FUZZ_MUST(pwrite(fd, &h, sizeof(h), 0) == sizeof(h));
	make.flags = CELLS_ATOMIC | (data[0] & 2 ? CELLS_RDONLY : 0);
	if (pdc_cells_open(&c, &make) == 0)
		touch(c);
	pdc_cells_close(c);
	return 0;
}
