/* SPDX-License-Identifier: ISC */
#ifndef SMALLFS_H
#define SMALLFS_H

/*
 * A tmpfs of a test's own, in a mount namespace of its own, to be filled up.
 */

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <fcntl.h>
#include <sched.h>

#include "help.h"

static inline void
smallfs_write(const char *path, const char *fmt, unsigned id)
{
	char line[64];
	int fd;

	snprintf(line, sizeof(line), fmt, id);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd == -1 || write(fd, line, strlen(line)) == -1)
		diag("%s", path);
	if (fd != -1)
		close(fd);
}

/* Be 0 in a namespace of users of one's own, and nobody else; -1 if denied. */
static inline int
smallfs_unshare_user(void)
{
	unsigned uid = geteuid(), gid = getegid();

	if (unshare(CLONE_NEWUSER) == -1)
		return -1;
	smallfs_write("/proc/self/setgroups", "deny", 0);
	smallfs_write("/proc/self/uid_map", "0 %u 1", uid);
	smallfs_write("/proc/self/gid_map", "0 %u 1", gid);
	return 0;
}

/* Mount from here on for this process and its children alone; -1 if denied. */
static inline int
smallfs_unshare(void)
{
	if (unshare(CLONE_NEWNS) == -1 &&
	    (smallfs_unshare_user() == -1 || unshare(CLONE_NEWNS) == -1))
		return -1;
	return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

/* Mount one of so many bytes on dir; skips the whole test if that is denied. */
static inline void
smallfs_mount(const char *dir, unsigned long size)
{
	char options[64];

	snprintf(options, sizeof(options), "size=%lu,mode=0700", size);
	if (smallfs_unshare() == -1 ||
	    mount("none", dir, "tmpfs", 0, options) == -1)
		skip_all("no file system of our own to fill up");
}

static inline void
smallfs_path(char *path, size_t len, const char *dir)
{
	snprintf(path, len, "%s/ballast", dir);
}

/* Take all that is free, to the last block. */
static inline void
smallfs_fill(const char *dir)
{
	static char block[1 << 16];
	size_t n = sizeof(block);
	char path[4200];
	int fd;

	smallfs_path(path, sizeof(path), dir);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd == -1)
		bail_out("%s", path);
	for (; n >= 512; n /= 2)
		while (write(fd, block, n) > 0)
			continue;
	close(fd);
}

/* Give so many bytes of it back. */
static inline void
smallfs_shrink(const char *dir, off_t by)
{
	char path[4200];
	struct stat sb;

	smallfs_path(path, sizeof(path), dir);
	if (stat(path, &sb) == -1 || truncate(path, sb.st_size - by) == -1)
		bail_out("%s", path);
}

static inline void
smallfs_free(const char *dir)
{
	char path[4200];

	smallfs_path(path, sizeof(path), dir);
	unlink(path);
}

#endif
