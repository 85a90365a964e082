/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * A store on a disk: its cells lie elsewhere, in /dev/shm or where the user
 * says, and end with a boot.
 */

#include <sys/stat.h>

#include <limits.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/page.h"
#include "metric/metric.h"
#include "multi/multi.h"
#include "store/store.h"
#include "tap.h"

#define NWORKERS 4
#define NUPDATES 2000 /* all fit in a ring, if the store was busy */
#define NMADE 64

/* Of one case: the store, and the cells_dir option, NULL for the default. */
static char *dir;
static const char *cells_dir;
static double want;

/* All cells files that were seen, to be deleted at the end. */
static char made[NMADE][PATH_MAX];
static int nmade;
static pid_t maker;

static void
note(const char *path)
{
	if (nmade > 0 && strcmp(made[nmade - 1], path) == 0)
		return;
	if (nmade == NMADE)
		bail_out("more than %d cells files", NMADE);
	snprintf(made[nmade++], PATH_MAX, "%s", path);
}

static void
clean(void)
{
	while (getpid() == maker && nmade > 0)
		unlink(made[--nmade]);
}

static struct pdc *
disk_open(void)
{
	struct pdc_options o = { .cells_dir = cells_dir, .wait_ms = 20000 };
	struct pdc *p;

	if (pdc_open(&p, dir, &o) < 0)
		bail_out("pdc_open %s: %s", dir, pdc_error());
	return p;
}

/* Where the cells are now. */
static const char *
disk_cells(struct pdc *p)
{
	struct pdc_stat st;

	if (pdc_stat_get(p, &st) < 0)
		bail_out("pdc_stat_get: %s", pdc_error());
	note(st.cells_path);
	return made[nmade - 1];
}

static struct pdc_series *
counter(struct pdc *p)
{
	return multi_series(multi_declare(p, PDC_COUNTER, "c", NULL), NULL);
}

static struct pdc_series *
histogram(struct pdc *p)
{
	return multi_series(multi_declare(p, PDC_HISTOGRAM, "h", NULL), NULL);
}

static void
count(struct pdc *p, int n)
{
	struct pdc_series *c = counter(p), *h = histogram(p);
	int i;

	if (c == NULL || h == NULL)
		bail_out("no handle: %s", pdc_error());
	for (i = 0; i < n; i++) {
		pdc_inc(c, 1);
		pdc_observe(h, 1);
	}
}

static int
work(void *arg)
{
	struct pdc *p = disk_open();

	(void)arg;
	count(p, NUPDATES);
	pdc_close(p);
	return 0;
}

static void
exact(struct pdc *p, const char *what)
{
	char *page = multi_page(p);

	if (page == NULL)
		bail_out("no page: %s", pdc_error());
	is_double(multi_sample(page, "c_total"), want, "%s: the counter", what);
	is_double(multi_sample(page, "h_count"), want, "the histogram's count");
	is_double(multi_sample(page, "h_sum"), want, "and its sum");
	pdc_free(page);
}

static void
test_workers(void)
{
	pid_t pids[NWORKERS];
	int i, bad = 0;
	struct pdc *p;

	for (i = 0; i < NWORKERS; i++) {
		pids[i] = multi_fork();
		if (pids[i] == 0)
			_exit(work(NULL));
	}
	for (i = 0; i < NWORKERS; i++)
		bad += multi_wait(pids[i], 20000) != 0;
	is_int(bad, 0, "%d workers end well", NWORKERS);
	want += NWORKERS * NUPDATES;
	p = disk_open();
	disk_cells(p);
	/* Who found the lock busy has counted by a ring. */
	is_int(pdc_checkpoint(p), 0, "a checkpoint");
	exact(p, "their counts");
	pdc_close(p);
}

static void
test_place(const char *where)
{
	struct pdc *p = disk_open();
	const char *path = disk_cells(p);
	size_t n = strlen(where);
	struct stat st;

	ok(strncmp(path, where, n) == 0 && strncmp(path + n, "/pdc-", 5) == 0,
	    "the cells are %s, in %s", path, where);
	is_int(stat(path, &st), 0, "the file is there");
	is_int(multi_lose(dir), 0, "and none is in the store");
	pdc_close(p);
}

static void
test_reopen(void)
{
	struct pdc *p = disk_open();
	char before[PATH_MAX];

	strcpy(before, disk_cells(p));
	count(p, 10);
	want += 10;
	is_int(pdc_checkpoint(p), 0, "a checkpoint");
	pdc_close(p);
	p = disk_open();
	is_str(disk_cells(p), before, "opened again: the same cells");
	exact(p, "the same totals");
	pdc_close(p);
}

static void
test_loss(void)
{
	struct pdc *p = disk_open();
	char before[PATH_MAX];
	uint64_t epoch;

	count(p, 7);
	want += 7;
	is_int(pdc_checkpoint(p), 0, "a checkpoint");
	strcpy(before, disk_cells(p));
	epoch = pdc_cells_now(p)->epoch;
	pdc_close(p);
	is_int(unlink(before), 0, "the cells are deleted");
	p = disk_open();
	ok(pdc_cells_now(p)->epoch > epoch, "there is a new epoch");
	ok(strcmp(disk_cells(p), before) != 0, "in a file of another name");
	exact(p, "what was checkpointed is kept");
	count(p, 5);
	want += 5;
	exact(p, "and counting goes on");
	unlink(disk_cells(p));
	count(p, 3);
	want += 3;
	is_int(pdc_checkpoint(p), 0, "deleted under a user, and a checkpoint");
	disk_cells(p);
	exact(p, "nothing is lost");
	pdc_close(p);
}

/* Count what is lost, and note that the store was last used in another boot. */
static int
reboot(void *arg)
{
	struct pdc *p = disk_open();
	struct stxn x;

	(void)arg;
	count(p, 100);
	if (pdc_stxn_write(&x, p->store, 1000) < 0)
		return 1;
	strcpy(x.meta.boot_id, "of-another-boot");
	return pdc_stxn_commit(&x) != 0;
}

static void
test_reboot(int emptied)
{
	struct pdc *p = disk_open();
	char before[PATH_MAX];

	count(p, 4);
	want += 4;
	is_int(pdc_checkpoint(p), 0, "a checkpoint");
	strcpy(before, disk_cells(p));
	pdc_close(p);
	is_int(multi_run(reboot, NULL, 5000), 0, "the machine reboots");
	if (emptied)
		is_int(unlink(before), 0, "with the cells gone");
	p = disk_open();
	ok(strcmp(disk_cells(p), before) != 0, "there are other cells");
	exact(p, "totals are those of the last checkpoint");
	count(p, 2);
	want += 2;
	exact(p, "and counting goes on from there");
	pdc_close(p);
}

static void
test_store(const char *where)
{
	dir = tap_tmpdir_disk();
	want = 0;
	test_workers();
	test_place(where);
	test_reopen();
	test_loss();
	test_reboot(1);
	test_reboot(0);
}

static void
test_refused(void)
{
	char *disk = tap_tmpdir_disk();
	struct pdc_options o = { .cells_dir = disk };
	struct pdc *p;

	dir = tap_tmpdir_disk();
	want = 0;
	is_int(pdc_open(&p, dir, &o), PDC_ENOTSUP,
	    "a cells_dir on a disk is refused");
	ok(p == NULL && strstr(pdc_error(), disk) != NULL,
	    "with words that name it: %s", pdc_error());
	is_int(multi_lose(disk), 0, "nothing was made there");
	p = disk_open();
	disk_cells(p);
	count(p, 1);
	want += 1;
	exact(p, "opened as it should be, the store works");
	is_int(pdc_checkpoint(p), 0, "a checkpoint");
	pdc_close(p);
}

int
main(void)
{
	if (pdc_file_tmpfs(tap_tmpdir_disk()) != 0)
		skip_all("the build directory is on a tmpfs");
	maker = getpid();
	atexit(clean);
	test_store("/dev/shm");
	cells_dir = tap_tmpdir();
	test_store(cells_dir);
	test_refused();
	return tap_done();
}
