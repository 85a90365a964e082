/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Containers that share a disk, but not what they see under the name of the
 * cells' directory: two directories of one tmpfs.  While one has the store the
 * other is refused, or each would begin an epoch after the other for ever.
 */

#include <sys/stat.h>

#include <stdatomic.h>

#include "metric/metric.h"
#include "multi/multi.h"
#include "store/smallfs.h"

#define DENIED 77

static struct shared {
	_Atomic uint64_t epoch; /* of who is ready */
	_Atomic int go;
} * sh;

static char *base, shm[4200], *dir;

static void
below(char *path, size_t len, const char *name)
{
	snprintf(path, len, "%s/%s", base, name);
	if (mkdir(path, 0700) == -1)
		bail_out("%s cannot be made", path);
}

/* Into a container that sees base/name as the directory of the cells. */
static void
enter(const char *name)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/%s", base, name);
	if (smallfs_unshare() == -1 ||
	    mount(path, shm, NULL, MS_BIND, NULL) == -1)
		_exit(DENIED);
}

static int
try_open(struct pdc **pp, const char *cells_dir)
{
	struct pdc_options o = { .cells_dir = cells_dir };

	return pdc_open(pp, dir, &o);
}

static struct pdc *
must_open(const char *cells_dir)
{
	struct pdc *p;

	if (try_open(&p, cells_dir) < 0)
		bail_out("%s: %s", dir, pdc_error());
	return p;
}

static void
count(struct pdc *p, int n)
{
	struct pdc_series *s;

	s = help_series(help_family(p, PDC_COUNTER, "c", NULL), NULL);
	while (n-- > 0)
		pdc_inc(s, 1);
}

/* Have the store until told; 1 if its epoch has changed meanwhile. */
static int
stay(const char *cells_dir)
{
	struct pdc *p = must_open(cells_dir);
	uint64_t epoch = pdc_cells_now(p)->epoch;

	count(p, 5);
	if (pdc_checkpoint(p) < 0)
		return 2;
	atomic_store(&sh->epoch, epoch);
	while (!atomic_load(&sh->go))
		multi_sleep_ms(1);
	count(p, 3);
	if (pdc_checkpoint(p) < 0)
		return 3;
	epoch = pdc_cells_now(p)->epoch - epoch;
	pdc_close(p);
	return epoch != 0;
}

static int
child_stays(void *name)
{
	enter(name);
	return stay(shm);
}

/* 0 when it is refused with the reason and the directory. */
static int
child_refused(void *name)
{
	struct pdc *p;
	int ret;

	enter(name);
	ret = try_open(&p, shm);
	if (ret == PDC_EPERM && p == NULL &&
	    strstr(pdc_error(), "in use in another") != NULL &&
	    strstr(pdc_error(), shm) != NULL)
		return 0;
	diag("%d: %s", ret, pdc_error());
	fflush(stdout);
	return 1;
}

static int
child_counts(void *name)
{
	struct pdc *p;

	enter(name);
	p = must_open(shm);
	count(p, 1);
	pdc_close(p);
	return 0;
}

/* Start who has the store; 0 if he cannot be had here. */
static int
started(pid_t *pid, int (*fn)(void *), void *arg)
{
	int status;

	memset(sh, 0, sizeof(*sh));
	fflush(stdout);
	*pid = multi_fork();
	if (*pid == 0)
		_exit(fn(arg));
	while (atomic_load(&sh->epoch) == 0) {
		if (waitpid(*pid, &status, WNOHANG) == *pid) {
			if (!WIFEXITED(status) || WEXITSTATUS(status) != DENIED)
				bail_out("the first ended with %d", status);
			return 0;
		}
		multi_sleep_ms(1);
	}
	return 1;
}

static double
total(const char *cells_dir)
{
	struct pdc *p = must_open(cells_dir);
	double v = help_sample(p, "c_total");

	pdc_close(p);
	return v;
}

static int
child_looks(void *name)
{
	enter(name);
	return (int)total(shm);
}

static void
test_one_name(void)
{
	char a[] = "a", b[] = "b", path[4200];
	pid_t pid;

	below(path, sizeof(path), a);
	below(path, sizeof(path), b);
	below(shm, sizeof(shm), "shm");
	dir = tap_tmpdir_disk();
	if (!started(&pid, child_stays, a)) {
		skip("two containers: mounting is not allowed");
		return;
	}
	is_int(multi_run(child_refused, b, 10000), 0,
	    "who sees another directory is refused");
	is_int(multi_run(child_counts, a, 10000), 0,
	    "who sees the same is not");
	is_int(multi_run(child_refused, b, 10000), 0, "the other still is");
	snprintf(path, sizeof(path), "%s/%s", base, b);
	is_int(multi_lose(path), 0, "and leaves no cells");
	atomic_store(&sh->go, 1);
	is_int(multi_wait(pid, 10000), 0, "the first has kept his epoch");
	is_int(multi_run(child_counts, b, 10000), 0,
	    "when he has gone the store is the other's");
	is_int(multi_run(child_looks, b, 10000), 10,
	    "with all that was counted");
}

static int
child_has(void *cells_dir)
{
	return stay(cells_dir);
}

/*
 * The directory was made anew, so it is not the one the cells were in; who maps
 * them knows that they were deleted, whoever else has them.
 */
static void
test_made_anew(void)
{
	char c[4200], old[4300];
	struct pdc *p;
	pid_t pid;

	below(c, sizeof(c), "c");
	dir = tap_tmpdir_disk();
	if (!started(&pid, child_has, c))
		bail_out("a store without a container");
	p = must_open(c);
	is_int(multi_lose(c), 1, "cells are deleted under two processes");
	snprintf(old, sizeof(old), "%s.old", c);
	if (rename(c, old) == -1 || mkdir(c, 0700) == -1)
		bail_out("moving %s", c);
	is_int(pdc_checkpoint(p), 0, "and their directory is made anew");
	count(p, 1);
	is_int(pdc_checkpoint(p), 0, "one goes on in another epoch");
	atomic_store(&sh->go, 1);
	is_int(multi_wait(pid, 10000), 1 << 8, "the other, too");
	is_double(help_sample(p, "c_total"), 9, "and nothing is lost");
	pdc_close(p);
}

int
main(void)
{
	base = tap_tmpdir();
	if (pdc_file_tmpfs(tap_tmpdir_disk()) != 0 || pdc_file_tmpfs(base) != 1)
		skip_all("the build directory is on a tmpfs, or no other is");
	sh = multi_shared(sizeof(*sh));
	test_one_name();
	test_made_anew();
	return tap_done();
}
