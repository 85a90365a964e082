/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Where locks in use.lock do not tell who maps which cells file, nothing that
 * is kept for one is deleted, and nothing is counted twice.
 */

#include <sys/stat.h>

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "metric/metric.h"
#include "multi/multi.h"
#include "store/smallfs.h"

#define GRACE 61 /* seconds, a little more than DYING_GRACE_NS */
#define DENIED 77
#define FILES 4

static char *dir, *cells;
static struct pdc *p;
static struct pdc_series *s;

static void
begin_in(char *d, char *cells_dir)
{
	struct pdc_options o = { .cells_dir = cells_dir };

	dir = d;
	cells = cells_dir;
	if (pdc_open(&p, dir, &o) < 0)
		bail_out("%s: %s", dir, pdc_error());
	s = multi_series(multi_declare(p, PDC_COUNTER, "c", "l"), "a");
	pdc_inc(s, 1);
	pdc_maintain(p);
}

static void
begin(void)
{
	char *d = tap_tmpdir();

	begin_in(d, d);
}

static int
opens(void *arg)
{
	pdc_close(multi_open(arg, 0));
	return 0;
}

static void
no_name(void)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/use.lock", dir);
	if (unlink(path) == -1)
		bail_out("%s cannot be deleted", path);
}

/* Some files are lost, each a minute after the other; 2 are counted at each. */
static void
lose(void)
{
	int i;

	for (i = 0; i < FILES; i++) {
		multi_lose(cells);
		pdc_inc(s, 1);
		pdc_checkpoint(p);
		pdc_inc(s, 1);
		pdc_maintain(p);
		multi_pass(p, GRACE);
		pdc_maintain(p);
		pdc_maintain(p);
	}
}

static double
counted(void)
{
	return multi_now(p, "c_total{l=\"a\"}");
}

static void
test_deleted(void)
{
	begin();
	no_name();
	multi_lose(dir);
	is_int(pdc_checkpoint(p), 0, "without use.lock who has it goes on");
	lose();
	is_double(counted(), 1 + 2 * FILES, "and all is counted once");
	pdc_close(p);
}

static void
test_replaced(void)
{
	begin();
	no_name();
	is_int(multi_alone(opens, dir, strlen(dir) + 1, 5000), 0,
	    "somebody else makes it anew");
	lose();
	is_double(counted(), 1 + 2 * FILES, "and all is counted once");
	pdc_close(p);
}

/* A child that was forked while another thread made one has it for ever. */
static void
test_left(void)
{
	void *mark = NULL;

	begin();
	is_int(pdc_use_enter(p, 1, &mark), 0, "a lock is left");
	pdc_close(p);
	is_int(pdc_open(&p, dir, NULL), 0, "the store can be opened again");
	pdc_use_leave(mark);
	pdc_close(p);
}

static void
below(char *path, size_t len, const char *base, const char *name)
{
	snprintf(path, len, "%s/%s", base, name);
	if (mkdir(path, 0700) == -1)
		_exit(DENIED);
}

/* A mapping has another description there than the descriptor. */
static int
child_overlay(void *arg)
{
	char lower[4200], upper[4200], work[4200], to[4200], o[16384];
	char shm[4200], store[4300];
	pid_t pid;

	below(lower, sizeof(lower), arg, "lower");
	below(upper, sizeof(upper), arg, "upper");
	below(work, sizeof(work), arg, "work");
	below(to, sizeof(to), arg, "to");
	snprintf(o, sizeof(o), "lowerdir=%s,upperdir=%s,workdir=%s", lower,
	    upper, work);
	if (smallfs_unshare() == -1 ||
	    mount("overlay", to, "overlay", 0, o) == -1)
		_exit(DENIED);
	below(shm, sizeof(shm), arg, "shm");
	below(store, sizeof(store), to, "store");
	begin_in(store, shm);
	pid = multi_fork();
	while (pid == 0)
		pause();
	lose();
	if (multi_records(p, 'C') == 0)
		return 1;
	kill(pid, SIGKILL);
	multi_wait(pid, 5000);
	return counted() != 1 + 2 * FILES;
}

static void
test_overlay(void)
{
	int ret = multi_run(child_overlay, tap_tmpdir(), 20000);

	if (ret == DENIED)
		skip("no overlay may be mounted");
	else
		is_int(ret, 0, "on an overlay it stays, and is counted once");
}

int
main(void)
{
	multi_alone_init();
	test_deleted();
	test_replaced();
	test_left();
	test_overlay();
	return tap_done();
}
