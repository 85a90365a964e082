/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * use.lock: who maps which file of cells, by shared OFD locks on its bytes.
 *
 *	0		whoever maps one; our descriptor has it
 *	1 + epoch	whoever maps the file of this epoch, or a view of it
 *
 * The lock of an epoch belongs to a description of its own, which a mapping of
 * use.lock keeps open, a page that nobody touches: so it lasts as long as
 * that, also in children, and whoever closes all descriptors does not end it.
 * It is taken before the file is opened.  So when the present file is another
 * one and nobody has a lock of an older epoch, nobody will ever add to a file
 * of it again, as those have no names any more.
 *
 * Where a mapping keeps another description than the one it was made by, as on
 * overlayfs, the lock ends with the descriptor, and who maps what is not known;
 * nor is it of a use.lock that was deleted, for others may have a new one.
 * Then nothing that is kept for a file is given up before the next boot.
 */

#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "checkpoint/checkpoint.h"
#include "pdc.h"

#define USE_PROBE ((uint64_t)1 << 62) /* from there on: no byte of an epoch */

static struct flock
use_bytes(short type, uint64_t from, uint64_t n)
{
	struct flock fl = { .l_type = type,
		.l_whence = SEEK_SET,
		.l_start = (off_t)from,
		.l_len = (off_t)n };

	return fl;
}

static int
use_lock(int fd, short type, uint64_t byte)
{
	struct flock fl = use_bytes(type, byte, 1);

	return fcntl(fd, F_OFD_SETLK, &fl);
}

static int
use_is(const struct pdc *p, int fd, struct stat *sb)
{
	return fd != -1 && fstat(fd, sb) == 0 && sb->st_dev == p->use_dev &&
	    sb->st_ino == p->use_ino;
}

static int
use_good(const struct pdc *p)
{
	struct stat sb;

	return use_is(p, p->use_fd, &sb);
}

static int
use_file(const struct pdc *p, int flags)
{
	int fd = pdc_file_open(p->store, "use.lock", flags);

	return fd == PDC_ENOENT ?
	    pdc_err_set(fd, "%s: use.lock is missing", p->store->dir) :
	    fd;
}

/* Another description of the file that we ask, whatever has its name now. */
static int
use_again(const struct pdc *p)
{
	char path[40];
	struct stat sb;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", p->use_fd);
	fd = use_good(p) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (use_is(p, fd, &sb))
		return fd;
	if (fd != -1)
		close(fd);
	return use_file(p, O_RDONLY);
}

static int
use_open(struct pdc *p)
{
	struct stat sb;
	int fd;

	fd = use_file(p, p->store->rdonly ? O_RDONLY : O_RDWR);
	if (fd < 0)
		return fd;
	if (fstat(fd, &sb) == -1) {
		close(fd);
		return pdc_err_sys("%s/use.lock", p->store->dir);
	}
	p->use_fd = fd;
	p->use_dev = sb.st_dev;
	p->use_ino = sb.st_ino;
	return 0;
}

int
pdc_use_share(struct pdc *p)
{
	int ret;

	if (!use_good(p)) {
		p->use_fd = -1;
		ret = use_open(p);
		if (ret < 0)
			return ret;
	}
	if (use_lock(p->use_fd, F_RDLCK, 0) == -1)
		return pdc_err_sys("%s/use.lock: locking", p->store->dir);
	return 0;
}

/*
 * On a new descriptor after closing one's own: a lock inherited by a child
 * would convert and prove nothing.
 */
int
pdc_use_alone(struct pdc *p)
{
	int ret;

	if (use_good(p))
		close(p->use_fd);
	p->use_fd = -1;
	ret = use_open(p);
	if (ret < 0)
		return ret;
	if (use_lock(p->use_fd, F_WRLCK, 0) == 0)
		return 1;
	if (errno == EAGAIN || errno == EACCES)
		return 0;
	return pdc_err_sys("%s/use.lock: locking", p->store->dir);
}

static int
use_map(int fd, uint64_t byte, void **mark)
{
	void *page = MAP_FAILED;

	if (use_lock(fd, F_RDLCK, byte) == 0)
		page = mmap(NULL, CELLS_MARK, PROT_NONE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return -1;
	*mark = page;
	return 0;
}

int
pdc_use_enter(const struct pdc *p, uint64_t epoch, void **mark)
{
	int fd = use_again(p), ret = 0;

	if (fd < 0)
		return fd;
	if (use_map(fd, 1 + epoch, mark) == -1)
		ret = pdc_err_sys("%s/use.lock: locking", p->store->dir);
	close(fd);
	return ret;
}

void
pdc_use_leave(void *mark)
{
	if (mark != NULL)
		munmap(mark, CELLS_MARK);
}

/* The first byte of these that somebody has; 0: none; -1: that is not known. */
static int64_t
use_first(const struct pdc *p, uint64_t from, uint64_t n)
{
	struct flock fl = use_bytes(F_WRLCK, from, n);

	if (fcntl(p->use_fd, F_OFD_GETLK, &fl) == -1)
		return -1;
	if (fl.l_type == F_UNLCK)
		return 0;
	return fl.l_start >= (off_t)from ? fl.l_start : -1; /* not one of us */
}

/* Whether a mapping keeps a lock here: by one that nobody else has. */
static int
use_kept(struct pdc *p)
{
	void *mark = NULL;
	uint64_t byte;
	int fd;

	if (p->use_kept != 0)
		return p->use_kept > 0;
	fd = use_again(p);
	if (fd < 0)
		return 0;
	if (getrandom(&byte, sizeof(byte), 0) == sizeof(byte) &&
	    use_map(fd, byte = USE_PROBE | byte >> 2, &mark) == 0) {
		close(fd);
		fd = -1;
		p->use_kept = use_first(p, byte, 1) > 0 ? 1 : -1;
	}
	if (fd != -1)
		close(fd);
	pdc_use_leave(mark);
	return p->use_kept > 0;
}

/* The same of who maps an epoch. */
static int64_t
use_who(struct pdc *p, uint64_t from, uint64_t n)
{
	struct stat sb;

	if (!use_good(p) && pdc_use_share(p) < 0)
		return -1;
	if (!use_is(p, p->use_fd, &sb) || sb.st_nlink == 0 || !use_kept(p))
		return -1;
	return use_first(p, from, n);
}

/* Which of several locks is told first is not said. */
uint64_t
pdc_use_oldest(struct pdc *p, uint64_t from, uint64_t to)
{
	int64_t byte;

	while (from < to) {
		byte = use_who(p, 1 + from, to - from);
		if (byte == 0)
			break;
		to = byte < 0 ? from : (uint64_t)byte - 1;
	}
	return to;
}
