/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The files of a store: all take owner, group and mode from the directory, are
 * made whole before they have their name, and are never opened with O_CREAT
 * or through a link.
 */

#include <sys/stat.h>
#include <sys/statfs.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fault.h"
#include "pdc.h"
#include "store/store.h"

#define FS_TMPFS 0x01021994
#define FS_RAMFS 0x858458f6
#define FS_NFS 0x6969
#define FS_SMB 0x517b
#define FS_CIFS 0xff534d42
#define FS_SMB2 0xfe534d42
#define FS_9P 0x01021997
#define FS_FUSE 0x65735546

void
pdc_file_path(const struct store *st, const char *name, char *buf, size_t len)
{
	snprintf(buf, len, "%s/%s", st->dir, name);
}

static int
file_mkdir(const struct store *st, const struct store_opts *opts)
{
	mode_t mode = opts->perm ? opts->perm : 0700;
	gid_t gid = (gid_t)-1;
	struct group *gr;

	if (opts->group != NULL) {
		gr = getgrnam(opts->group);
		if (gr == NULL)
			return pdc_err_set(PDC_EINVAL,
			    "group %s: no such group", opts->group);
		gid = gr->gr_gid;
	}
	if (mkdir(st->dir, 0700) == -1) {
		if (errno == EEXIST)
			return 0;
		return pdc_err_sys("%s: making the store's directory", st->dir);
	}
	if (chown(st->dir, (uid_t)-1, gid) == -1 || chmod(st->dir, mode) == -1)
		return pdc_err_sys("%s: setting group or mode", st->dir);
	return 0;
}

static int
file_sync(const char *dir)
{
	int fd, ret = 0;

	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return errno == EACCES ? 0 : pdc_err_sys("%s", dir);
	if (fsync(fd) == -1 && errno != EINVAL)
		ret = pdc_err_sys("%s: syncing it", dir);
	close(fd);
	return ret;
}

int
pdc_file_sync(const struct store *st)
{
	char parent[4096];
	int ret;

	if (st->tmpfs)
		return 0;
	pdc_file_path(st, "..", parent, sizeof(parent));
	ret = file_sync(parent);
	return ret < 0 ? ret : file_sync(st->dir);
}

int
pdc_file_tmpfs(const char *dir)
{
	struct statfs fs;

	if (statfs(dir, &fs) == -1)
		return pdc_err_sys("%s: asking for its file system", dir);
	return (unsigned long)fs.f_type == FS_TMPFS ||
	    ((unsigned long)fs.f_type & 0xffffffffUL) == FS_RAMFS;
}

/* Of the store, or of the directory it is to be made in. */
static int
file_fs(struct store *st, const char *dir)
{
	struct statfs fs;

	if (statfs(dir, &fs) == -1)
		return pdc_err_sys("%s: asking for the file system of %s",
		    st->dir, dir);
	switch ((unsigned long)fs.f_type & 0xffffffffUL) {
	case FS_TMPFS:
	case FS_RAMFS:
		st->tmpfs = 1;
		return 0;
	case FS_NFS:
	case FS_SMB:
	case FS_CIFS:
	case FS_SMB2:
	case FS_9P:
	case FS_FUSE:
		return pdc_err_set(PDC_ENOTSUP,
		    "%s: network and FUSE file systems cannot hold a store "
		    "(type 0x%lx)",
		    st->dir, (unsigned long)fs.f_type);
	default:
		return 0;
	}
}

int
pdc_file_dir(struct store *st, const struct store_opts *opts)
{
	char parent[sizeof(st->dir) + 4];
	struct stat sb;
	int ret;

	if (stat(st->dir, &sb) == -1) {
		if (errno != ENOENT || opts->rdonly)
			return pdc_err_sys("%s", st->dir);
		snprintf(parent, sizeof(parent), "%s", st->dir);
		ret = file_fs(st, dirname(parent));
		if (ret == 0)
			ret = file_mkdir(st, opts);
		if (ret < 0)
			return ret;
		if (stat(st->dir, &sb) == -1)
			return pdc_err_sys("%s", st->dir);
	}
	if (!S_ISDIR(sb.st_mode))
		return pdc_err_set(PDC_EINVAL, "%s: not a directory", st->dir);
	if (sb.st_mode & S_IWOTH)
		return pdc_err_set(PDC_EPERM,
		    "%s: everybody may write there (mode %04o); a store wants "
		    "0770 or less",
		    st->dir, (unsigned)sb.st_mode & 07777);
	st->owner.uid = sb.st_uid;
	st->owner.gid = sb.st_gid;
	st->owner.mode = sb.st_mode & 0666;
	return file_fs(st, st->dir);
}

/* Of the right owner and mode, given its name when it is so. */
int
pdc_file_make(struct store *st, const char *name, size_t size)
{
	char path[4096], tmp[4096];
	int fd, ret = 0;

	pdc_file_path(st, name, path, sizeof(path));
	snprintf(tmp, sizeof(tmp), "%s/.make-%d-%llx", st->dir, (int)getpid(),
	    (unsigned long long)pdc_clock_mono(st->clock));
	fd = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    0600);
	if (fd == -1)
		return pdc_err_sys("%s: making it", path);
	if (geteuid() != st->owner.uid || getegid() != st->owner.gid)
		/* Not allowed to give it away: the group must do then. */
		if (fchown(fd, st->owner.uid, st->owner.gid) == -1 &&
		    fchown(fd, (uid_t)-1, st->owner.gid) == -1)
			ret = errno == EPERM ?
			    0 :
			    pdc_err_sys("%s: giving it to %d:%d", path,
				(int)st->owner.uid, (int)st->owner.gid);
	if (ret == 0 && size > 0 &&
	    (errno = posix_fallocate(fd, 0, (off_t)size)) != 0)
		ret = pdc_err_sys("%s: %zu bytes", path, size);
	if (ret == 0 && fchmod(fd, st->owner.mode | 0600) == -1)
		ret = pdc_err_sys("%s: setting its mode", path);
	if (ret == 0 &&
	    (FAULT(FILE_LINK) || (link(tmp, path) == -1 && errno != EEXIST)))
		ret = pdc_err_sys("%s: giving it its name", path);
	unlink(tmp);
	close(fd);
	return ret;
}

/*
 * The two files that LMDB and we lock may also be written by those who only
 * read the rest: somebody has given them that right on purpose.
 */
static mode_t
file_allowed(const struct store *st, const char *path)
{
	const char *name = strrchr(path, '/');
	mode_t allowed = st->owner.mode | 0600;

	if (name != NULL &&
	    (strcmp(name, "/lock.mdb") == 0 ||
		strcmp(name, "/write.lock") == 0))
		allowed |= (st->owner.mode & 044) >> 1;
	return allowed;
}

static int
file_judge(const struct store *st, const char *path, const struct stat *sb)
{
	mode_t allowed = file_allowed(st, path);

	if (!S_ISREG(sb->st_mode))
		return pdc_err_set(PDC_EFORMAT, "%s: not a regular file", path);
	/* A member of the group cannot give away what he makes. */
	if (sb->st_uid != geteuid() && sb->st_uid != 0 &&
	    sb->st_uid != st->owner.uid &&
	    !((st->owner.mode & S_IWGRP) && sb->st_gid == st->owner.gid))
		return pdc_err_set(PDC_EPERM,
		    "%s: belongs to user %d, neither us, root nor the owner of "
		    "the directory",
		    path, (int)sb->st_uid);
	if (sb->st_mode & 066 & ~allowed)
		return pdc_err_set(PDC_EPERM,
		    "%s: mode %04o is wider than its directory's", path,
		    (unsigned)sb->st_mode & 07777);
	return 0;
}

/* By name, without opening it: closing would drop LMDB's POSIX locks. */
int
pdc_file_check(const struct store *st, const char *name)
{
	char path[4096];
	struct stat sb;

	pdc_file_path(st, name, path, sizeof(path));
	if (lstat(path, &sb) == -1) {
		if (errno == ENOENT)
			return PDC_ENOENT;
		return pdc_err_sys("%s", path);
	}
	return file_judge(st, path, &sb);
}

int
pdc_file_open(const struct store *st, const char *name, int flags)
{
	char path[4096];
	struct stat sb;
	int fd, ret;

	pdc_file_path(st, name, path, sizeof(path));
	fd = open(path, flags | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return errno == ENOENT ? PDC_ENOENT : pdc_err_sys("%s", path);
	if (fstat(fd, &sb) == -1)
		ret = pdc_err_sys("%s", path);
	else
		ret = file_judge(st, path, &sb);
	if (ret < 0) {
		close(fd);
		return ret;
	}
	return fd;
}
