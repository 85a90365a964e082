/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The file of the cells: making, mapping, growing.  cells.h has the format.
 *
 * What is made gets its whole size at once, as a hole, so nothing ever moves;
 * blocks come by posix_fallocate() before anybody is told of them: a full file
 * system is an error here, not a SIGBUS later.
 */

#include <sys/mman.h>
#include <sys/stat.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fault.h"
#include "lane/atomic.h"
#include "lane/cells.h"
#include "lane/lane.h"
#include "lane/rseq.h"
#include "lane/shape.h"

#define CELLS_PIECE (64 << 20)

static const char *const cells_zone_names[NZONES] = { "add", "pair", "gauge" };

static const char *const cells_drop_words[NDROPS] = {
#define X(name, word) word,
	CELLS_DROPS(X)
#undef X
};

static_assert(sizeof(struct cells_head) <= CELLS_PAGE, "the head has one page");
static_assert(NDROPS <= 32, "cells_head.drops");
static_assert(sizeof(struct fwd_entry) == 32, "the format");
static_assert(sizeof(struct ring) == 128, "the format");
static_assert(sizeof(struct gauge) == sizeof(struct word16), "the format");

/*
 * Without the right to access at first: so mlockall(MCL_FUTURE) does not give
 * all of the hole blocks.  Shared memory is no data, which may have a limit.
 */
char *
pdc_cells_map(int fd, size_t len, int prot)
{
	int saved, how = MAP_SHARED | MAP_NORESERVE;
	char *map;

	if (fd == -1)
		how |= MAP_ANONYMOUS;
	map = mmap(NULL, len, PROT_NONE, how, fd, 0);
	if (map == MAP_FAILED)
		return NULL;
	munlock(map, len);
	if (mprotect(map, len, prot) == -1) {
		saved = errno;
		munmap(map, len);
		errno = saved;
		return NULL;
	}
	madvise(map, len, MADV_DONTDUMP);
	return map;
}

/* The largest size that can be mapped and that a file may have. */
static int
cells_size(struct cells_head *h, int fd)
{
	char *map;

	for (;;) {
		map = NULL;
		if (!FAULT(CELLS_RESERVE_MAP))
			map = pdc_cells_map(fd, h->file_size,
			    PROT_READ | PROT_WRITE);
		if (map != NULL) {
			munmap(map, h->file_size);
			if (!FAULT(CELLS_TRUNCATE) &&
			    ftruncate(fd, (off_t)h->file_size) == 0)
				return 0;
		}
		/* Words of a limit on files: it has raised SIGXFSZ. */
		if (errno == EFBIG)
			(void)pdc_err_sys("cells of %llu bytes",
			    (unsigned long long)h->file_size);
		if ((errno != ENOMEM && errno != EAGAIN && errno != EFBIG) ||
		    !pdc_plan_halve(h))
			return -1;
	}
}

/* errno is set if it fails. */
static int
cells_allocate(int fd, uint64_t off, uint64_t len)
{
	uint64_t n;
	int error;

	for (; len > 0; off += n, len -= n) {
		n = len < CELLS_PIECE ? len : CELLS_PIECE;
		if (FAULT(CELLS_ALLOCATE))
			return -1;
		error = posix_fallocate(fd, (off_t)off, (off_t)n);
		if (error != 0) {
			errno = error;
			return -1;
		}
	}
	return 0;
}

/* All before the zones, and where each begins. */
static int
cells_allocate_fixed(const struct cells_head *h, int fd)
{
	int i;

	if (cells_allocate(fd, 0, pdc_plan_tags(h, 0)) == -1)
		return -1;
	for (i = 0; i < NZONES; i++)
		if (cells_allocate(fd, pdc_plan_tags(h, i), CELLS_PAGE) == -1)
			return -1;
	return 0;
}

static int
cells_own(const struct cells_make *m, int fd)
{
	struct stat st;

	if (FAULT(CELLS_OWNER) || fstat(fd, &st) == -1)
		return -1;
	if (((m->uid != (uid_t)-1 && m->uid != st.st_uid) ||
		(m->gid != (gid_t)-1 && m->gid != st.st_gid)) &&
	    fchown(fd, m->uid, m->gid) == -1 &&
	    fchown(fd, (uid_t)-1, m->gid) == -1)
		return -1;
	return fchmod(fd, m->mode & 0666);
}

static int
cells_fill(const struct cells_make *m, int fd)
{
	struct cells_head h;
	int ret;

	if (cells_own(m, fd) == -1)
		return pdc_err_sys("%s/%s: setting owner and mode", m->dir,
		    m->name);
	ret = pdc_plan_cells(&h, m, fd);
	if (ret != 0)
		return ret;
	if (cells_size(&h, fd) == -1)
		return pdc_err_sys("%s/%s: a size of %llu bytes", m->dir,
		    m->name, (unsigned long long)h.file_size);
	h.allocated = pdc_plan_used(&h);
	if (cells_allocate_fixed(&h, fd) == -1)
		return pdc_err_sys("%s/%s: reserving %llu bytes", m->dir,
		    m->name, (unsigned long long)h.allocated);
	if (FAULT(CELLS_WRITE) ||
	    pwrite(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h))
		return pdc_err_sys("%s/%s: writing the head", m->dir, m->name);
	return 0;
}

static int
cells_open_dir(const char *dir, const char *name)
{
	int fd;

	if (*name == '\0' || strchr(name, '/') != NULL)
		return pdc_err_set(PDC_EINVAL, "'%s' is no name of cells",
		    name);
	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 && errno == ENOENT)
		return pdc_err_set(PDC_ENOENT, "%s: no such directory", dir);
	return fd != -1 ? fd : pdc_err_sys("%s: opening the directory", dir);
}

int
pdc_cells_make(const struct cells_make *m)
{
	int dirfd, fd = -1, ret;

	dirfd = cells_open_dir(m->dir, m->name);
	if (dirfd < 0)
		return dirfd;
	if (!FAULT(CELLS_CREATE))
		fd = openat(dirfd, m->name,
		    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1) {
		if (errno == EEXIST)
			ret = pdc_err_set(PDC_EEXIST, "%s/%s exists", m->dir,
			    m->name);
		else
			ret = pdc_err_sys("%s/%s: making", m->dir, m->name);
		goto out;
	}
	ret = cells_fill(m, fd);
	if (ret != 0)
		unlinkat(dirfd, m->name, 0);
	close(fd);
out:
	close(dirfd);
	return ret;
}

/* Words for a file that is not safe to map, or NULL. */
static const char *
cells_distrust(const struct stat *st, const struct stat *dir)
{
	if (!S_ISREG(st->st_mode))
		return "not a regular file";
	if (st->st_uid != geteuid() && st->st_uid != 0 &&
	    st->st_uid != dir->st_uid && !(dir->st_mode & S_ISVTX) &&
	    !((dir->st_mode & S_IWGRP) && st->st_gid == dir->st_gid))
		return "its owner is not this user, root or its directory's";
	if (st->st_mode & ~dir->st_mode & (S_IWGRP | S_IWOTH))
		return "more widely writable than its directory";
	return NULL;
}

static int
cells_open_file(const char *dir, const char *name, int flags, struct stat *st)
{
	const char *reason;
	struct stat dst;
	int dirfd, fd = -1, ret = 0;

	dirfd = cells_open_dir(dir, name);
	if (dirfd < 0)
		return dirfd;
	if (!FAULT(CELLS_OPEN))
		fd = openat(dirfd, name,
		    flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1 && errno == ENOENT)
		ret = pdc_err_set(PDC_ENOENT, "%s/%s: no such file", dir, name);
	else if (fd == -1 && errno == ELOOP)
		ret = pdc_err_set(PDC_EPERM, "%s/%s: a symbolic link", dir,
		    name);
	else if (fd == -1)
		ret = pdc_err_sys("%s/%s: opening", dir, name);
	else if (FAULT(CELLS_STAT) || fstat(dirfd, &dst) == -1 ||
	    fstat(fd, st) == -1)
		ret = pdc_err_sys("%s/%s: fstat", dir, name);
	else if ((reason = cells_distrust(st, &dst)) != NULL)
		ret = pdc_err_set(PDC_EPERM, "%s/%s: %s", dir, name, reason);
	close(dirfd);
	if (ret == 0)
		return fd;
	if (fd != -1)
		close(fd);
	return ret;
}

/* Words for a head that cannot be, or NULL. */
static const char *
cells_damage(const struct cells_head *h, uint64_t size)
{
	struct cells_head want;
	int i;

	if (h->head_size != sizeof(*h))
		return "size of the head";
	if (h->nlanes < 1 || h->nlanes > CELLS_MAX_LANES || h->natomic < 1 ||
	    h->natomic > CELLS_MAX_LANES)
		return "number of lanes";
	if (h->nfwd != FWD_ENTRIES)
		return "forward table";
	if (h->nexemplars < EXEMPLARS_MIN || h->nexemplars > EXEMPLARS_MAX ||
	    (h->nexemplars & (h->nexemplars - 1)) != 0 ||
	    h->exemplars_ready > 1)
		return "places of exemplars";
	if (h->ring_size < RING_SIZE_MIN || h->ring_size > RING_SIZE_MAX ||
	    (h->ring_size & (h->ring_size - 1)) != 0)
		return "size of the rings";
	for (i = 0; i < NZONES; i++)
		if (h->zone[i].capacity < UNITS_MIN ||
		    h->zone[i].capacity > UNITS_MAX ||
		    h->zone[i].capacity % CELLS_STEP != 0 ||
		    h->zone[i].reserved % CELLS_STEP != 0 ||
		    h->zone[i].reserved > h->zone[i].capacity)
			return "capacity of a zone";
	memcpy(&want, h, sizeof(want));
	pdc_plan_layout(&want);
	if (memcmp(&want, h, sizeof(want)) != 0)
		return "offsets";
	if (h->file_size != size)
		return "size of the file";
	if (memchr(h->boot_id, '\0', sizeof(h->boot_id)) == NULL)
		return "boot id";
	if (h->rseq > CELLS_RSEQ_BROKEN)
		return "answer of the probe";
	return NULL;
}

static int
cells_read_head(struct cells_head *h, int fd, const char *dir, const char *name)
{
	ssize_t n = -1;

	if (!FAULT(CELLS_READ))
		n = pread(fd, h, sizeof(*h), 0);
	if (n == -1)
		return pdc_err_sys("%s/%s: reading the head", dir, name);
	if (n < (ssize_t)sizeof(*h) ||
	    memcmp(h->magic, CELLS_MAGIC, sizeof(h->magic)) != 0)
		return pdc_err_set(PDC_EFORMAT, "%s/%s: not a file of cells",
		    dir, name);
	if (h->version != CELLS_VERSION)
		return pdc_err_set(PDC_EVERSION,
		    "%s/%s: cells of version %u, not %u", dir, name, h->version,
		    CELLS_VERSION);
	return 0;
}

/* Take the geometry from a head that was checked, not from the mapped one. */
static void
cells_set(struct cells *cells, const struct cells_head *h)
{
	const struct cells_zone_head *zh;
	struct cells_zone *z;
	int i;

	cells->head = (struct cells_head *)cells->map;
	cells->rings = cells->map + h->ring_off;
	cells->ring_stride = h->ring_stride;
	cells->ring_size = h->ring_size;
	cells->slots = (_Atomic uint64_t *)(cells->map + h->slots_off);
	cells->fwd = (struct fwd_entry *)(cells->map + h->fwd_off);
	cells->nfwd = h->nfwd;
	cells->exemplars = cells->map + h->exemplars_off;
	cells->nexemplars = h->nexemplars;
	cells->nlanes = h->nlanes;
	cells->epoch = h->epoch;
	for (i = 0; i < NZONES; i++) {
		z = &cells->zone[i];
		zh = &h->zone[i];
		z->tags = (_Atomic uint64_t *)(cells->map + zh->tags_off);
		z->lanes = cells->map + zh->lanes_off;
		z->atomic = cells->map + zh->atomic_off;
		z->stride = zh->lane_stride;
		z->astride = zh->atomic_stride;
		z->capacity = zh->capacity;
		z->nlanes = zh->nlanes;
		z->natomic = zh->natomic;
		z->unit = (uint32_t)zh->unit;
	}
}

/* Which lanes this process updates by rseq; the first to ask has it probed. */
static void
cells_set_use(struct cells *cells, unsigned flags)
{
	uint32_t answer, i, unknown = CELLS_RSEQ_UNKNOWN;
	struct cells_zone *z;
	char **lane;

	if (!pdc_rseq_usable())
		return;
	atomic_store_explicit(&pdc_rseq_at, pdc_rseq_area(),
	    memory_order_relaxed);
	if (flags & (CELLS_RDONLY | CELLS_ATOMIC))
		return;
	answer = atomic_load(&cells->head->rseq);
	if (answer == CELLS_RSEQ_UNKNOWN) {
		answer = pdc_rseq_probe();
		if (!atomic_compare_exchange_strong(&cells->head->rseq,
			&unknown, answer))
			answer = unknown;
	}
	if (answer != CELLS_RSEQ_OK)
		return;
	/* Without memory for the table the atomic lanes will do. */
	lane = calloc(NZONES * cells->nlanes, sizeof(*lane));
	if (lane == NULL)
		return;
	cells->use = cells->nlanes;
	for (z = cells->zone; z < cells->zone + NZONES; z++) {
		z->lane = lane;
		z->use = z->nlanes;
		for (i = 0; i < z->use; i++)
			*lane++ = z->lanes + i * z->stride;
	}
}

static int
cells_open_map(struct cells *cells, const struct cells_head *h, unsigned flags)
{
	int prot = PROT_READ;

	if (!(flags & CELLS_RDONLY))
		prot |= PROT_WRITE;
	cells->rdonly = (flags & CELLS_RDONLY) != 0;
	cells->map_len = h->file_size;
	if (!FAULT(CELLS_MAP))
		cells->map = pdc_cells_map(cells->fd, cells->map_len, prot);
	if (cells->map == NULL)
		return -1;
	cells_set(cells, h);
	cells_set_use(cells, flags);
	if (!cells->rdonly)
		return pdc_cells_enter(cells);
	close(cells->fd);
	cells->fd = -1;
	return 0;
}

static int
cells_check(const struct cells_head *h, uint64_t size,
    const unsigned char *uuid, uint64_t epoch)
{
	const char *what = cells_damage(h, size);

	if (what != NULL)
		return pdc_err_set(PDC_EFORMAT, "damaged: %s", what);
	if (memcmp(h->uuid, uuid, sizeof(h->uuid)) != 0)
		return pdc_err_set(PDC_EFORMAT, "cells of another store");
	if (h->epoch != epoch)
		return pdc_err_set(PDC_EFORMAT, "epoch %llu, not %llu",
		    (unsigned long long)h->epoch, (unsigned long long)epoch);
	return 0;
}

int
pdc_cells_open(struct cells **cellsp, const struct cells_make *m)
{
	const char *dir = m->dir, *name = m->name;
	struct cells *cells = NULL;
	struct cells_head h;
	struct stat st;
	int fd, ret;

	if ((m->flags & CELLS_RDONLY) && !atomic_can_load16())
		return pdc_err_set(PDC_ENOTSUP,
		    "%s/%s: this CPU cannot read cells without AVX", dir, name);
	fd = cells_open_file(dir, name,
	    (m->flags & CELLS_RDONLY) ? O_RDONLY : O_RDWR, &st);
	if (fd < 0)
		return fd;
	ret = cells_read_head(&h, fd, dir, name);
	if (ret != 0)
		goto fail;
	ret = cells_check(&h, (uint64_t)st.st_size, m->uuid, m->epoch);
	if (ret != 0) {
		pdc_err_prefix("%s/%s", dir, name);
		goto fail;
	}
	if (!FAULT(CELLS_MEMORY))
		cells = calloc(1, sizeof(*cells));
	if (cells == NULL) {
		ret = pdc_err_set(PDC_ENOMEM, "%s/%s: no memory", dir, name);
		goto fail;
	}
	cells->fd = fd;
	cells->dev = st.st_dev;
	cells->ino = st.st_ino;
	if (cells_open_map(cells, &h, m->flags) == -1) {
		ret = pdc_err_sys("%s/%s: mapping %llu bytes", dir, name,
		    (unsigned long long)h.file_size);
		goto fail;
	}
	*cellsp = cells;
	return 0;
fail:
	free(cells);
	close(fd);
	return ret;
}

int
pdc_cells_has_fd(const struct cells *cells)
{
	struct stat st;

	return fstat(cells->fd, &st) == 0 && st.st_dev == cells->dev &&
	    st.st_ino == cells->ino;
}

void
pdc_cells_close(struct cells *cells)
{
	if (cells == NULL)
		return;
	if (cells->fd != -1 && pdc_cells_has_fd(cells))
		close(cells->fd);
	munmap(cells->map, cells->map_len);
	if (cells->mark != NULL)
		munmap(cells->mark, CELLS_MARK);
	free(cells->zone[0].lane);
	free(cells);
}

uint64_t
pdc_cells_unit_cost(const struct cells *cells, enum cells_zone_kind kind)
{
	return pdc_plan_cost(&cells->head->zone[kind]);
}

/* Call fn for the bytes of units [from, to) in each region. */
static int
cells_each_region(const struct cells *cells, enum cells_zone_kind kind,
    uint64_t from, uint64_t to, int (*fn)(int, uint64_t, uint64_t))
{
	const struct cells_zone *z = &cells->zone[kind];
	uint64_t lanes = (uint64_t)(z->lanes - cells->map);
	uint64_t atomic = (uint64_t)(z->atomic - cells->map);
	uint64_t n = to - from, tags = (uint64_t)((char *)z->tags - cells->map);
	uint32_t i;

	if (fn(cells->fd, tags + from * 8, n * 8) == -1)
		return -1;
	for (i = 0; i < z->nlanes; i++)
		if (fn(cells->fd, lanes + i * z->stride + from * z->unit,
			n * z->unit) == -1)
			return -1;
	for (i = 0; i < z->natomic; i++)
		if (fn(cells->fd, atomic + i * z->astride + from * 16,
			n * 16) == -1)
			return -1;
	return 0;
}

static int
cells_punch(int fd, uint64_t off, uint64_t len)
{
	fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off,
	    (off_t)len);
	return 0;
}

static int
cells_grow(struct cells *cells, enum cells_zone_kind kind, uint64_t from,
    uint64_t to)
{
	uint64_t cost = (to - from) * pdc_cells_unit_cost(cells, kind);
	struct cells_head *h = cells->head;
	uint64_t used = pdc_plan_used(h);
	int saved;

	if (used > h->budget || cost > h->budget - used)
		return pdc_err_set(PDC_EFULL,
		    "%s cells: %llu bytes more, %llu of %llu are in use",
		    cells_zone_names[kind], (unsigned long long)cost,
		    (unsigned long long)used, (unsigned long long)h->budget);
	if (FAULT(CELLS_GROW) ||
	    cells_each_region(cells, kind, from, to, cells_allocate) == -1) {
		saved = errno;
		cells_each_region(cells, kind, from, to, cells_punch);
		errno = saved;
		return pdc_err_sys("%s cells: reserving %llu bytes",
		    cells_zone_names[kind], (unsigned long long)cost);
	}
	atomic_store(&h->allocated, used + cost);
	/* Pairs with the acquire in pdc_cells_known(). */
	atomic_store_explicit(&h->zone[kind].reserved, to,
	    memory_order_release);
	return 0;
}

int
pdc_cells_reserve(struct cells *cells, enum cells_zone_kind kind, uint64_t upto)
{
	uint64_t capacity = cells->zone[kind].capacity, from;

	from = atomic_load_explicit(&cells->head->zone[kind].reserved,
	    memory_order_relaxed);
	if (upto <= from && from <= capacity)
		return 0;
	if (upto > capacity || from % CELLS_STEP != 0)
		return pdc_err_set(PDC_EFULL,
		    "%s cells: %llu are wanted, there is room for %llu",
		    cells_zone_names[kind], (unsigned long long)upto,
		    (unsigned long long)capacity);
	if (cells->rdonly)
		return pdc_err_set(PDC_EPERM, "cells mapped to read only");
	if (!pdc_cells_has_fd(cells)) {
		errno = EBADF;
		return pdc_err_sys("cells: somebody closed our descriptor");
	}
	return cells_grow(cells, kind, from, pdc_plan_round(upto, CELLS_STEP));
}

int
pdc_cells_exemplars(struct cells *cells)
{
	uint64_t off = (uint64_t)(cells->exemplars - cells->map);
	uint64_t cost = cells->nexemplars * EXEMPLAR_PLACE, used;
	struct cells_head *h = cells->head;

	if (atomic_load(&h->exemplars_ready))
		return 0;
	used = pdc_plan_used(h);
	if (cells->rdonly)
		return pdc_err_set(PDC_EPERM, "cells mapped to read only");
	if (used > h->budget || cost > h->budget - used)
		return pdc_err_set(PDC_EFULL,
		    "exemplars: %llu bytes more, %llu of %llu are in use",
		    (unsigned long long)cost, (unsigned long long)used,
		    (unsigned long long)h->budget);
	if (!pdc_cells_has_fd(cells)) {
		errno = EBADF;
		return pdc_err_sys("cells: somebody closed our descriptor");
	}
	if (FAULT(CELLS_GROW) || cells_allocate(cells->fd, off, cost) == -1)
		return pdc_err_sys("exemplars: reserving %llu bytes",
		    (unsigned long long)cost);
	atomic_store(&h->allocated, used + cost);
	/* Pairs with the acquires in exemplar.c. */
	atomic_store_explicit(&h->exemplars_ready, 1, memory_order_release);
	return 0;
}

void
pdc_cells_drops(const struct cells *cells, enum cells_drop reason, uint64_t n)
{
	if (!cells->rdonly && (unsigned)reason < NDROPS)
		atomic_fetch_add_explicit(&cells->head->drops[reason], n,
		    memory_order_relaxed);
}

void
pdc_cells_drop(const struct cells *cells, enum cells_drop reason)
{
	pdc_cells_drops(cells, reason, 1);
}

const char *
pdc_cells_drop_word(enum cells_drop reason)
{
	return (unsigned)reason < NDROPS ? cells_drop_words[reason] : "unknown";
}
