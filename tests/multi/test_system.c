/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * What a server does to its process: it drops its rights, closes all
 * descriptors, and has limits.
 */

#include <sys/resource.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "metric/metric.h"
#include "multi/multi.h"
#include "tap.h"

#define NOBODY 65534
#define NFILES 40

static struct pdc_family *labels;
static struct pdc_series *counter;
static struct pdc *p;

static void
start(const char *dir, unsigned flags)
{
	p = multi_open(dir, flags);
	counter = multi_series(multi_declare(p, PDC_COUNTER, "c", NULL), NULL);
	labels = multi_declare(p, PDC_COUNTER, "l", "l");
}

static int
apart(int (*fn)(void *), const char *dir)
{
	return multi_alone(fn, dir, strlen(dir) + 1, 10000);
}

/* What was said, for who reads the log; the status. */
static int
told(int status)
{
	diag("%s", pdc_error());
	fflush(stdout);
	return status;
}

static int
become_nobody(void)
{
	return setgroups(0, NULL) == -1 ||
	    setresgid(NOBODY, NOBODY, NOBODY) == -1 ||
	    setresuid(NOBODY, NOBODY, NOBODY) == -1;
}

/* The store's directory is closed to him now. */
static int
drop_forked(void *arg)
{
	int i;

	(void)arg;
	if (become_nobody())
		return 1;
	for (i = 0; i < 100; i++) {
		pdc_inc(counter, 1);
		pdc_inc(multi_series(labels, "ring"), 1);
	}
	return pdc_checkpoint(p) == 0 ? 2 : 0;
}

static int
drop_opened(void *arg)
{
	start(arg, 0);
	if (become_nobody())
		return 1;
	pdc_inc(counter, 1);
	pdc_inc(multi_series(labels, "open"), 1);
	if (pdc_checkpoint(p) != 0)
		return told(2);
	pdc_close(p);
	return 0;
}

static void
test_setuid(void)
{
	char *dir = tap_tmpdir();

	if (geteuid() != 0) {
		skip("setuid() needs root");
		return;
	}
	start(dir, 0);
	is_int(multi_run(drop_forked, NULL, 5000), 0,
	    "a child without its rights counts");
	is_int(apart(drop_opened, dir), 0,
	    "who opened the store before he dropped his rights has it");
	pdc_checkpoint(p);
	is_double(multi_now(p, "c_total"), 101, "all is counted");
	if (multi_rings(p))
		is_double(multi_now(p, "l_total{l=\"ring\"}"), 100,
		    "also in series that only the ring could take");
	is_double(multi_now(p, "l_total{l=\"open\"}"), 1, "or made late");
	pdc_close(p);
}

static int
nobody_counts(void *arg)
{
	if (become_nobody())
		return 1;
	start(arg, 0);
	pdc_inc(counter, 1);
	pdc_inc(multi_series(labels, "nobody"), 1);
	if (pdc_checkpoint(p) != 0)
		return told(2);
	pdc_close(p);
	return 0;
}

static int refused; /* LMDB's own way to open its files */

static int
root_counts(void *arg)
{
#ifdef PDC_FAULTS
	if (refused)
		pdc_fault_arm(FAULT_ENV_OPEN, 1);
#endif
	start(arg, 0);
	pdc_inc(counter, 1);
	pdc_inc(multi_series(labels, "root"), 1);
	if (pdc_checkpoint(p) != 0)
		return told(2);
	pdc_close(p);
	return 0;
}

static double
look(const char *dir, const char *sample)
{
	struct pdc *q = multi_open(dir, PDC_RDONLY);
	double v = multi_now(q, sample);

	pdc_close(q);
	return v;
}

static int
files_named(const char *dir, const char *prefix)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int n = 0;

	if (d == NULL)
		bail_out("%s: %s", dir, strerror(errno));
	while ((e = readdir(d)) != NULL)
		n += strncmp(e->d_name, prefix, strlen(prefix)) == 0;
	closedir(d);
	return n;
}

static int
protected_regular(void)
{
	FILE *f = fopen("/proc/sys/fs/protected_regular", "r");
	int how = 0;

	if (f == NULL)
		return 0;
	if (fscanf(f, "%d", &how) != 1)
		how = 0;
	fclose(f);
	return how;
}

static int
outsider_reads(void *arg)
{
	struct pdc *q;
	double v;
	int ret;

	if (setgroups(0, NULL) == -1 || setresgid(1, 1, 1) == -1 ||
	    setresuid(1, 1, 1) == -1)
		return 1;
	ret = pdc_open(&q, arg, &(struct pdc_options){ .flags = PDC_RDONLY });
	if (ret < 0) /* he has nowhere to make links */
		return protected_regular() > 1 &&
			strstr(pdc_error(), "sticky") ?
		    0 :
		    told(2);
	v = multi_now(q, "c_total");
	pdc_close(q);
	return v == 1 ? 0 : 3;
}

/* A sticky directory where others read. */
static void
test_outsider(void)
{
	char *dir = tap_tmpdir(), command[512];

	if (geteuid() != 0) {
		skip("another group needs root");
		return;
	}
	if (chown(dir, 0, NOBODY) == -1 || chmod(dir, 03775) == -1)
		bail_out("%s: %s", dir, strerror(errno));
	is_int(apart(nobody_counts, dir), 0, "a member of the group counts");
	snprintf(command, sizeof(command),
	    "chmod o+w %s/write.lock %s/lock.mdb", dir, dir);
	ok(system(command) == 0, "others may lock");
	is_int(apart(outsider_reads, dir), 0, "and read");
}

static void
test_group(int root_first)
{
	char *dir = tap_tmpdir();
	struct stat sb;
	char path[512];

	if (geteuid() != 0) {
		skip("another group needs root");
		return;
	}
	/* Sticky: some systems forbid O_CREAT of another's file there. */
	if (chown(dir, 0, NOBODY) == -1 || chmod(dir, 03770) == -1)
		bail_out("%s: %s", dir, strerror(errno));
	if (root_first)
		is_int(apart(root_counts, dir), 0, "root makes a store");
	is_int(apart(nobody_counts, dir), 0, "a member of its group uses it");
	is_int(apart(root_counts, dir), 0, "root, too");
	is_int(apart(nobody_counts, dir), 0, "in turn");
	refused = 1;
	is_int(apart(root_counts, dir), 0, "also where that is forbidden");
	refused = 0;
	is_double(look(dir, "c_total"), 4 + root_first, "all is counted");
	is_int(files_named(dir, ".open"), 0, "nothing is left of it");
	snprintf(path, sizeof(path), "%s/data.mdb", dir);
	ok(stat(path, &sb) == 0 && sb.st_gid == NOBODY &&
		(sb.st_mode & 07777) == 0660,
	    "the files are the group's");
}

static int
other_files(const char *dir, int *fds)
{
	char path[512];
	int i;

	for (i = 0; i < NFILES; i++) {
		snprintf(path, sizeof(path), "%s/other-%d", dir, i);
		fds[i] = open(path, O_RDWR | O_CREAT, 0600);
		if (fds[i] == -1)
			return -1;
	}
	return 0;
}

static int
use_all(void)
{
	struct pdc_key k = { "c", "_total", NULL, 0 };

	pdc_inc(counter, 1);
	if (isnan(multi_now(p, "c_total")))
		return 11;
	pdc_inc(multi_series(labels, "after"), 1);
	if (multi_put(p, "inc", &k, 1) != 0)
		return 12;
	multi_declare(p, PDC_GAUGE, "after", NULL);
	pdc_set(multi_series(multi_declare(p, PDC_GAUGE, "after", NULL), NULL),
	    3);
	return pdc_checkpoint(p) != 0 ? 13 : 0;
}

/* Nothing but ours is written, locked or closed. */
static int
untouched(const int *fds)
{
	struct stat sb;
	int i;

	for (i = 0; i < NFILES; i++)
		if (fstat(fds[i], &sb) == -1 || sb.st_size != 0)
			return 0;
	return 1;
}

static int
close_all(void *arg)
{
	int fds[NFILES], fd, ret, round;

	start(arg, 0);
	pdc_inc(counter, 1);
	for (round = 0; round < 3; round++) {
		for (fd = 3; fd < 1024; fd++)
			close(fd);
		if (round > 0 && other_files(arg, fds) == -1)
			return 1;
		ret = use_all();
		if (ret != 0)
			return told(ret);
		if (round > 0 && !untouched(fds))
			return 2;
	}
	pdc_close(p);
	return untouched(fds) ? 0 : 3;
}

static void
test_closefrom(void)
{
	char *dir = tap_tmpdir();

	is_int(apart(close_all, dir), 0,
	    "who closed all descriptors goes on, and leaves others' alone");
	is_double(look(dir, "c_total"), 7, "all is counted");
	is_double(look(dir, "l_total{l=\"after\"}"), 3, "in new series, too");
}

static int
file_limit(void *arg)
{
	struct rlimit rl = { 0, RLIM_INFINITY };
	struct stat sb;
	char path[512], value[16];
	int i, ret;

	start(arg, 0);
	snprintf(path, sizeof(path), "%s/data.mdb", (char *)arg);
	if (stat(path, &sb) == -1)
		return 1;
	rl.rlim_cur = (rlim_t)sb.st_size;
	if (setrlimit(RLIMIT_FSIZE, &rl) == -1)
		return 2;
	for (i = 0, ret = 0; i < 3000 && ret == 0; i++) {
		snprintf(value, sizeof(value), "%d", i);
		pdc_inc(multi_series(labels, value), 1);
		ret = pdc_checkpoint(p);
	}
	if (ret == 0 || strstr(pdc_error(), "data.mdb") == NULL)
		return told(3);
	told(0);
	pdc_inc(counter, 1);
	if (multi_now(p, "c_total") != 1)
		return 4;
	rl.rlim_cur = RLIM_INFINITY;
	if (setrlimit(RLIMIT_FSIZE, &rl) == -1 || pdc_checkpoint(p) != 0)
		return told(5);
	snprintf(path, sizeof(path), "l_total{l=\"%d\"}", i - 1);
	return multi_now(p, path) != 1 ? 6 : 0;
}

static int
space_limit(void *arg)
{
	struct rlimit rl = { (rlim_t)2 << 30, (rlim_t)2 << 30 };

	if (setrlimit(RLIMIT_AS, &rl) == -1)
		return 1;
	start(arg, 0);
	pdc_inc(counter, 1);
	pdc_inc(multi_series(labels, "small"), 1);
	if (pdc_checkpoint(p) != 0)
		return told(2);
	pdc_close(p);
	return 0;
}

/* Lanes of many CPUs may be more than that. */
static int
space_short(void *arg)
{
	struct rlimit rl = { (rlim_t)2 << 30, (rlim_t)2 << 30 };
	struct pdc *q;
	int ret;

	if (setrlimit(RLIMIT_AS, &rl) == -1)
		return 1;
	ret = pdc_open(&q, arg, NULL);
	if (ret == 0)
		return space_limit(arg);
	told(0);
	return ret != PDC_ENOMEM || strstr(pdc_error(), "bytes") == NULL;
}

static void
test_limits(void)
{
	char *dir = tap_tmpdir();

	is_int(apart(file_limit, tap_tmpdir()), 0,
	    "a limit of file sizes is an error with words, and no more");
	if (multi_sanitized())
		return;
	is_int(apart(space_limit, dir), 0, "2 GiB of addresses suffice");
	is_int(apart(root_counts, dir), 0, "and who has more goes on");
	is_double(look(dir, "c_total"), 2, "from there");
	dir = tap_tmpdir();
	is_int(apart(root_counts, dir), 0, "a store made without a limit");
	is_int(apart(space_short, dir), 0,
	    "is one for 2 GiB as well, or the error says what is missing");
}

static int
read_only(void *arg)
{
	const struct pdc_desc d = { .type = PDC_COUNTER, .name = "other" };
	struct pdc_family *f;
	struct pdc *q;

	if (geteuid() == 0 && become_nobody())
		return 1;
	if (pdc_open(&q, arg, &(struct pdc_options){ .flags = PDC_RDONLY }) < 0)
		return told(2);
	if (multi_now(q, "c_total") != 5)
		return 3;
	pdc_inc(multi_series(multi_declare(q, PDC_COUNTER, "c", NULL), NULL),
	    1);
	if (multi_now(q, "c_total") != 5 ||
	    multi_get(q, "c", "_total", NULL, NULL) != 5)
		return 4;
	if (pdc_checkpoint(q) != PDC_EPERM || pdc_declare(&f, q, &d) == 0)
		return 5;
	pdc_close(q);
	return 0;
}

static int
read_refused(void *arg)
{
	struct pdc *q;
	int ret;

	if (become_nobody())
		return 1;
	ret = pdc_open(&q, arg, &(struct pdc_options){ .flags = PDC_RDONLY });
	if (ret == 0)
		return 2;
	return ret == PDC_EPERM && strstr(pdc_error(), ".lock") ? 0 : told(3);
}

static int
read_missing(void *arg)
{
	struct pdc *q;

	return pdc_open(&q, arg, &(struct pdc_options){ .flags = PDC_RDONLY }) <
		    0 &&
		q == NULL ?
	    0 :
	    1;
}

static void
test_rdonly(void)
{
	char *dir = tap_tmpdir(), command[512];
	int i;

	is_int(apart(read_missing, dir), 0,
	    "a store that is not there is not made to be read");
	if ((geteuid() == 0 && chown(dir, 0, NOBODY) == -1) ||
	    chmod(dir, 02750) == -1)
		bail_out("%s: %s", dir, strerror(errno));
	start(dir, 0);
	for (i = 0; i < 5; i++)
		pdc_inc(counter, 1);
	if (geteuid() == 0)
		is_int(apart(read_refused, dir), 0,
		    "who may not write the lock files is told so");
	snprintf(command, sizeof(command),
	    "chmod g+w %s/write.lock %s/lock.mdb", dir, dir);
	ok(system(command) == 0, "the lock files are opened to the group");
	is_int(apart(read_only, dir), 0,
	    "then a reader sees what is counted at once, and changes nothing");
	is_int(pdc_checkpoint(p), 0, "the writer goes on");
	is_int(apart(read_only, dir), 0, "and the reader");
	pdc_close(p);
	is_int(apart(read_only, dir), 0, "also alone");
}

int
main(void)
{
	multi_alone_init();
	test_setuid();
	test_group(0);
	test_group(1);
	test_outsider();
	test_closefrom();
	test_limits();
	test_rdonly();
	return tap_done();
}
