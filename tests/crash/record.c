/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "crash/record.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "help.h"

static struct record *rec;
static const char *boot_id;
static int no_syncs, sync_error;

static int
is_data_path(const char *path, size_t len)
{
	static const char name[] = "/data.mdb";
	size_t n = sizeof(name) - 1;

	return len >= n && memcmp(path + len - n, name, n) == 0;
}

static int
is_data(int fd)
{
	char link[64], path[PATH_MAX];
	ssize_t n;

	if (rec == NULL)
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path));
	return n > 0 && is_data_path(path, (size_t)n);
}

static void
put(enum record_kind kind, int64_t off, const void *data, size_t len)
{
	struct record_op *op = &rec->ops[rec->nops];

	if (rec->nops == RECORD_OPS || len > RECORD_BYTES - rec->nbytes) {
		rec->full = 1;
		return;
	}
	op->kind = kind;
	op->off = off;
	op->len = (int64_t)len;
	op->at = rec->nbytes;
	if (len > 0)
		memcpy(rec->bytes + rec->nbytes, data, len);
	rec->nbytes += len;
	rec->nops++;
}

/* What has been written there; with O_DSYNC it would be safe at once. */
static void
written(int fd, int64_t off, const void *data, ssize_t len)
{
	if (len <= 0 || !is_data(fd))
		return;
	if (fcntl(fd, F_GETFL) & O_DSYNC)
		rec->unknown++;
	put(RECORD_WRITE, off, data, (size_t)len);
}

static void
written_all(int fd, int64_t off, const struct iovec *iov, int niov, ssize_t n)
{
	ssize_t part;
	int i;

	for (i = 0; i < niov && n > 0; i++) {
		part = (ssize_t)iov[i].iov_len < n ? (ssize_t)iov[i].iov_len :
						     n;
		written(fd, off, iov[i].iov_base, part);
		off += part;
		n -= part;
	}
}

static int
synced(int fd, long number)
{
	struct stat sb;
	int ret = 0;

	if (!no_syncs) {
		ret = (int)syscall(number, fd);
	} else if (sync_error != 0) {
		errno = sync_error;
		ret = -1;
	}
	if (ret != 0 || rec == NULL)
		return ret;
	if (is_data(fd))
		put(RECORD_SYNC, 0, NULL, 0);
	else if (fstat(fd, &sb) == 0 && S_ISDIR(sb.st_mode))
		put(RECORD_NAMES_SYNC, (int64_t)sb.st_ino, NULL, 0);
	return ret;
}

static void
named(const char *path)
{
	char copy[PATH_MAX];
	struct stat sb;

	if (rec == NULL)
		return;
	snprintf(copy, sizeof(copy), "%s", path);
	if (stat(dirname(copy), &sb) == 0)
		put(RECORD_NAME, (int64_t)sb.st_ino, NULL, 0);
}

/* LMDB is to find these. */
#pragma GCC visibility push(default)

ssize_t
pwrite(int fd, const void *data, size_t len, off_t off)
{
	ssize_t n = syscall(SYS_pwrite64, fd, data, len, off);

	written(fd, off, data, n);
	return n;
}

ssize_t
write(int fd, const void *data, size_t len)
{
	off_t off = rec != NULL ? lseek(fd, 0, SEEK_CUR) : 0;
	ssize_t n = syscall(SYS_write, fd, data, len);

	written(fd, off, data, n);
	return n;
}

ssize_t
writev(int fd, const struct iovec *iov, int niov)
{
	off_t off = rec != NULL ? lseek(fd, 0, SEEK_CUR) : 0;
	ssize_t n = syscall(SYS_writev, fd, iov, niov);

	written_all(fd, off, iov, niov, n);
	return n;
}

ssize_t
pwritev(int fd, const struct iovec *iov, int niov, off_t off)
{
	ssize_t n = syscall(SYS_pwritev, fd, iov, niov, off, 0);

	written_all(fd, off, iov, niov, n);
	return n;
}

int
fdatasync(int fd)
{
	return synced(fd, SYS_fdatasync);
}

int
fsync(int fd)
{
	return synced(fd, SYS_fsync);
}

int
msync(void *at, size_t len, int flags)
{
	if (rec != NULL)
		rec->unknown++;
	return (int)syscall(SYS_msync, at, len, flags);
}

int
ftruncate(int fd, off_t len)
{
	if (is_data(fd))
		rec->unknown++;
	return (int)syscall(SYS_ftruncate, fd, len);
}

int
link(const char *from, const char *to)
{
	int ret = (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);

	if (ret == 0 && is_data_path(to, strlen(to)))
		named(to);
	return ret;
}

int
mkdir(const char *path, mode_t mode)
{
	int ret = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);

	if (ret == 0)
		named(path);
	return ret;
}

/* For the kernel's word on the boot. */
FILE *
fopen(const char *path, const char *mode)
{
	int fd;

	if (boot_id != NULL &&
	    strcmp(path, "/proc/sys/kernel/random/boot_id") == 0)
		return fmemopen((void *)(uintptr_t)boot_id, strlen(boot_id),
		    "r");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd == -1 ? NULL : fdopen(fd, mode);
}

#pragma GCC visibility pop

void
record_start(struct record *r, const char *boot)
{
	rec = r;
	boot_id = boot;
}

void
record_mark(int64_t number)
{
	put(RECORD_MARK, number, NULL, 0);
}

void
record_no_syncs(int error)
{
	no_syncs = 1;
	sync_error = error;
}

/* Whether op i is followed by a sync of its directory before that of data. */
static int
name_safe(const struct record *r, size_t i)
{
	int64_t in = r->ops[i].off;

	for (; i < r->nops && r->ops[i].kind != RECORD_SYNC; i++)
		if (r->ops[i].kind == RECORD_NAMES_SYNC && r->ops[i].off == in)
			return 1;
	return 0;
}

int
record_named(const struct record *r)
{
	int n = 0;
	size_t i;

	for (i = 0; i < r->nops; i++)
		if (r->ops[i].kind == RECORD_NAME && ++n && !name_safe(r, i))
			return 0;
	return n > 0;
}

size_t
record_synced(const struct record *r, size_t n)
{
	while (n > 0 && r->ops[n - 1].kind != RECORD_SYNC)
		n--;
	return n;
}

int64_t
record_marked(const struct record *r, size_t n)
{
	while (n > 0 && r->ops[n - 1].kind != RECORD_MARK)
		n--;
	return n > 0 ? r->ops[n - 1].off : 0;
}

static void
image_grow(struct record_image *im, int64_t size)
{
	if (size > im->size) {
		memset(im->data + im->size, 0, (size_t)(size - im->size));
		im->size = size;
	}
}

static void
image_put(struct record_image *im, const struct record *r,
    const struct record_op *op, int64_t from, int64_t to)
{
	image_grow(im, to);
	memcpy(im->data + from, r->bytes + op->at + (from - op->off),
	    (size_t)(to - from));
}

/* The op up to which a block of the file has come: from safe to n. */
static size_t
block_until(uint64_t seed, int64_t block, size_t safe, size_t n)
{
	uint64_t state = seed ^
	    ((uint64_t)block * UINT64_C(0x9e3779b97f4a7c15));

	help_random(&state);
	return safe + help_random(&state) % (n - safe + 1);
}

struct tear {
	uint64_t seed;
	int64_t unit;
	size_t safe, n;
};

static void
image_torn(struct record_image *im, const struct record *r, size_t i,
    const struct tear *t)
{
	const struct record_op *op = &r->ops[i];
	int64_t from, to;

	for (from = op->off; from < op->off + op->len; from = to) {
		to = (from / t->unit + 1) * t->unit;
		if (to > op->off + op->len)
			to = op->off + op->len;
		if (i < block_until(t->seed, from / t->unit, t->safe, t->n))
			image_put(im, r, op, from, to);
	}
}

/* Whether a whole write has come to the disk. */
static int
op_kept(enum record_loss loss, size_t i, size_t victim, uint64_t *random)
{
	switch (loss) {
	case RECORD_NONE:
		return 0;
	case RECORD_BUT_ONE:
		return i != victim;
	case RECORD_SOME:
		return (int)(help_random(random) & 1);
	default:
		return 1;
	}
}

void
record_cut(const struct record *r, size_t safe, size_t n, enum record_loss loss,
    uint64_t *random, struct record_image *im)
{
	size_t victim = n > safe ? safe + help_random(random) % (n - safe) : 0;
	struct tear t = { .unit = loss == RECORD_TORN_512 ? 512 : 4096,
		.safe = safe,
		.n = n };
	const struct record_op *op;
	int64_t end = 0;
	size_t i;

	t.seed = ((uint64_t)help_random(random) << 32) | help_random(random);
	im->size = 0;
	for (i = 0; i < n; i++) {
		op = &r->ops[i];
		if (op->kind != RECORD_WRITE)
			continue;
		if (op->off + op->len > end)
			end = op->off + op->len;
		if (i >= safe &&
		    (loss == RECORD_TORN_512 || loss == RECORD_TORN_4096))
			image_torn(im, r, i, &t);
		else if (i < safe || op_kept(loss, i, victim, random))
			image_put(im, r, op, op->off, op->off + op->len);
	}
	/* The size may be on the disk before what was written. */
	if (loss > RECORD_NONE && (help_random(random) & 1))
		image_grow(im, end);
}
