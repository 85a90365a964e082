/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Another copy of this library in the process, as by static linking: neither
 * knows of the other's stores, and record locks are the process's.  A second
 * one of the same store would take the write lock beside the first, make
 * LMDB's file of locks anew under it, and end its locks with its own.
 *
 * So who has a store open has its use.lock mapped, a page of it which nobody
 * touches, and who finds it among the maps of the process is refused.  A child
 * inherits the page with the handle.  Pages of it that are shared are others'
 * (use.c): one may be left in a child that was forked while it was made.
 */

#include <sys/mman.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "pdc.h"
#include "store/store.h"

#define COPY_PAGE 4096
#define COPY_FILE "use.lock"

/* 1, 0, also where that is not told, or an error. */
static int
copy_mapped(const char *path)
{
	static const char maps[] = "/proc/self/maps";
	char line[4096 + 128], *at;
	int found = 0;
	FILE *f;

	f = fopen(maps, "re");
	if (f == NULL)
		return errno == ENOENT || errno == EACCES ? 0 :
							    pdc_err_sys(maps);
	while (!found && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		at = strchr(line, '/');
		found = at != NULL && strcmp(at, path) == 0 &&
		    strstr(line, " ---p ") != NULL;
	}
	fclose(f);
	return found;
}

int
pdc_copy_enter(struct store *st)
{
	char path[4096];
	void *page;
	int fd, ret;

	pdc_file_path(st, COPY_FILE, path, sizeof(path));
	ret = copy_mapped(path);
	if (ret == 1)
		return pdc_err_set(PDC_EBUSY,
		    "%s: open in this process by another copy of libpdc; a "
		    "process can have one",
		    st->dir);
	if (ret < 0)
		return ret;
	fd = pdc_file_open(st, COPY_FILE, O_RDONLY);
	if (fd < 0)
		return fd == PDC_ENOENT ?
		    pdc_err_set(fd, "%s: no store there (%s is missing)",
			st->dir, COPY_FILE) :
		    fd;
	page = mmap(NULL, COPY_PAGE, PROT_NONE, MAP_PRIVATE, fd, 0);
	if (page == MAP_FAILED)
		ret = pdc_err_sys("%s", path);
	else
		st->page = page;
	close(fd);
	return ret;
}

void
pdc_copy_leave(struct store *st)
{
	if (st->page != NULL)
		munmap(st->page, COPY_PAGE);
	st->page = NULL;
}
