/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Somebody closes all descriptors of the process, and other files get their
 * numbers: a write finds the cells again by their name, keeps no descriptor of
 * what is not ours, and closes none.  Each case is a child, whose status is the
 * number of what went wrong first.
 */

#include <sys/stat.h>

#include <fcntl.h>

#include "help.h"
#include "metric/metric.h"

#define NFDS 1024 /* more than are open here */

static char *dir, *aside;
static struct pdc *p;
static char cells[4200];
static struct stat other, foreign;
static int nothers;

/* How many descriptors there are of a file. */
static int
open_of(const struct stat *sb)
{
	struct stat now;
	int fd, n = 0;

	for (fd = 0; fd < NFDS; fd++)
		n += fstat(fd, &now) == 0 && now.st_dev == sb->st_dev &&
		    now.st_ino == sb->st_ino;
	return n;
}

static int
open_of_name(const char *name)
{
	char path[4200];
	struct stat sb;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return stat(path, &sb) == 0 ? open_of(&sb) : -1;
}

/* Another's file of nine bytes. */
static int
make(const char *path, struct stat *sb)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd == -1 || write(fd, "another's", 9) != 9 || fstat(fd, sb) == -1)
		bail_out("%s cannot be made", path);
	return fd;
}

/* A store in which 1 is stored and 2 more are in the cells. */
static void
start(void)
{
	struct pdc_series *s;
	struct stxn x;

	p = help_open(dir, 0);
	s = help_series(help_family(p, PDC_COUNTER, "c", NULL), NULL);
	pdc_inc(s, 1);
	if (pdc_checkpoint(p) < 0 || pdc_stxn_read(&x, p->store) < 0)
		bail_out("%s", pdc_error());
	snprintf(cells, sizeof(cells), "%s/%s", dir, x.meta.cells_name);
	pdc_stxn_abort(&x);
	pdc_inc(s, 2);
}

/* All descriptors are another's now. */
static void
close_all(void)
{
	char path[4200];
	struct stat sb;
	int fd, last = 0;

	for (fd = 3; fd < NFDS; fd++)
		if (fstat(fd, &sb) == 0) {
			last = fd;
			close(fd);
		}
	snprintf(path, sizeof(path), "%s/other", aside);
	fd = make(path, &other);
	for (nothers = 1; fd < last; nothers++)
		fd = dup(fd);
	unlink(path);
}

/* 0 when the store works, and nothing of another's is taken or changed. */
static int
go_on(void)
{
	struct stat sb;

	if (pdc_checkpoint(p) < 0) {
		diag("%s", pdc_error());
		return 1;
	}
	if (help_sample(p, "c_total") != 3)
		return 2;
	if (fstat(pdc_cells_now(p)->fd, &sb) == -1 || open_of(&sb) != 1 ||
	    sb.st_nlink != 1)
		return 3;
	if (open_of_name("use.lock") != 1)
		return 4;
	pdc_close(p);
	if (open_of(&sb) != 0 || open_of_name("use.lock") != 0)
		return 5;
	if (open_of(&other) != nothers)
		return 6;
	return fstat(3, &sb) == -1 || sb.st_ino != other.st_ino ||
	    sb.st_size != 9;
}

static int
child_named(void *arg)
{
	(void)arg;
	start();
	close_all();
	return go_on();
}

static int
child_deleted(void *arg)
{
	(void)arg;
	start();
	close_all();
	unlink(cells);
	return go_on();
}

/* Another's file has the name of the cells, too. */
static int
child_replaced(void *arg)
{
	char path[4200];
	struct stat sb;
	int ret;

	(void)arg;
	start();
	close_all();
	snprintf(path, sizeof(path), "%s/cells", aside);
	if (rename(cells, path) == -1)
		bail_out("%s cannot be moved", cells);
	close(make(cells, &foreign));
	if (pdc_checkpoint(p) < 0)
		return 10;
	if (open_of(&foreign) != 0)
		return 11;
	ret = go_on();
	if (ret != 0)
		return ret;
	if (open_of(&foreign) != 0)
		return 12;
	return stat(cells, &sb) == -1 || sb.st_ino != foreign.st_ino ||
	    sb.st_size != 9;
}

static void
test(int (*fn)(void *), const char *words)
{
	dir = tap_tmpdir();
	aside = tap_tmpdir();
	is_int(help_child(fn, NULL), 0, "%s", words);
	p = help_open(dir, 0);
	is_double(help_sample(p, "c_total"), 3, "another finds all of it");
	pdc_close(p);
}

int
main(void)
{
	test(child_named, "descriptors are another's, the cells are there");
	test(child_deleted, "and the cells are deleted");
	test(child_replaced, "and their name is another's, too");
	return tap_done();
}
