/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Containers that share a tmpfs: namespaces of processes, mounts and IPC of
 * their own, one of users, too; all with the same pids, on one store.  And what
 * a container may be denied: rights, a writable root, room.
 */

#include <sys/prctl.h>

#include <stdatomic.h>

#include "metric/metric.h"
#include "multi/multi.h"
#include "store/smallfs.h"

#define DENIED 77
#define NCONTAINERS 3
#define NWORKERS 2
#define NUPDATES 20000
#define MIB ((unsigned long)1 << 20)

static struct shared {
	_Atomic int ready, workers_done;
} * sh;

static char *dir;

static void
count(struct pdc *p)
{
	struct pdc_series *c;
	int i;

	c = help_series(help_family(p, PDC_COUNTER, "c", NULL), NULL);
	for (i = 0; i < NUPDATES; i++)
		pdc_inc(c, 1);
}

static void
set_mine(struct pdc *p, double value)
{
	struct pdc_desc d = { .type = PDC_GAUGE,
		.name = "g",
		.mode = PDC_LIVESUM };
	struct pdc_family *f;

	if (pdc_declare(&f, p, &d) < 0)
		_exit(3);
	pdc_set(help_series(f, NULL), value);
}

/* Process 1 of a container: has workers, and is there until it is killed. */
static int
first(int number)
{
	struct pdc *p;
	pid_t pid;
	int i;

	if (getpid() != 1)
		return 4;
	p = help_open(dir, 0);
	set_mine(p, 1 << number);
	for (i = 0; i < NWORKERS; i++) {
		pid = fork();
		if (pid == 0) {
			count(p);
			atomic_fetch_add(&sh->workers_done, 1);
			_exit(0);
		}
		if (pid < 0)
			return 5;
	}
	while (wait(NULL) > 0)
		continue;
	atomic_fetch_add(&sh->ready, 1);
	for (;;)
		pause();
}

/* Its keeper is outside: when he is killed, so is all that is in it. */
static pid_t
container(int number)
{
	int status;
	pid_t pid, one;

	fflush(stdout);
	pid = multi_fork();
	if (pid != 0)
		return pid;
	/* One of them has users of its own, too; where root may, at least. */
	if (number == 1 && geteuid() == 0 && smallfs_unshare_user() == -1)
		diag("no namespace of users is allowed");
	if (smallfs_unshare() == -1 ||
	    unshare(CLONE_NEWPID | CLONE_NEWIPC) == -1)
		_exit(DENIED);
	one = fork();
	if (one == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(first(number));
	}
	if (waitpid(one, &status, 0) != one)
		_exit(6);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 7);
}

/* Whether the containers came up; 0 where that is not allowed. */
static int
are_up(pid_t *pids)
{
	double end = help_seconds() + 60;
	int status;

	while (atomic_load(&sh->ready) < NCONTAINERS) {
		if (waitpid(pids[0], &status, WNOHANG) == pids[0]) {
			if (WIFEXITED(status) && WEXITSTATUS(status) == DENIED)
				return 0;
			bail_out("a container ended with %d", status);
		}
		if (help_seconds() > end)
			bail_out("the containers do not come up");
		multi_sleep_ms(2);
	}
	return 1;
}

static void
test_shared(void)
{
	pid_t pids[NCONTAINERS];
	struct pdc *p;
	int i;

	memset(sh, 0, sizeof(*sh));
	dir = tap_tmpdir();
	for (i = 0; i < NCONTAINERS; i++)
		pids[i] = container(i);
	if (!are_up(pids)) {
		skip("a namespace of processes is not allowed");
		return;
	}
	p = help_open(dir, 0);
	pdc_checkpoint(p); /* what waited for cells is in rings */
	is_double(help_sample(p, "c_total"),
	    (double)NUPDATES * NWORKERS * NCONTAINERS,
	    "%d containers whose first process is 1 count exactly",
	    NCONTAINERS);
	is_double(help_sample(p, "g"), (1 << NCONTAINERS) - 1,
	    "all of them are alive, seen from outside");
	for (i = 0; i < NCONTAINERS; i++) {
		kill(pids[i], SIGKILL);
		multi_wait(pids[i], 10000);
		multi_sleep_ms(20);
	}
	for (i = 0; i < 500 && !isnan(help_sample(p, "g")); i++)
		multi_sleep_ms(20);
	ok(isnan(help_sample(p, "g")), "killed they are not");
	is_double(help_sample(p, "c_total"),
	    (double)NUPDATES * NWORKERS * NCONTAINERS, "nothing is lost");
	is_int(pdc_checkpoint(p), 0, "nor held up");
	pdc_close(p);
}

/* --- with little --- */

static int
child_nobody(void *unused)
{
	char path[4200];
	struct pdc *p;
	double v;

	(void)unused;
	if (smallfs_unshare() == -1 ||
	    mount("none", dir, "tmpfs", 0, "mode=0777") == -1 ||
	    mount("none", "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) ==
		-1)
		return DENIED;
	if (geteuid() == 0 && getuid() == 0 &&
	    (setgid(65534) == -1 || setuid(65534) == -1))
		return DENIED;
	if (access("/etc", W_OK) == 0)
		return 2;
	/* Made by it: the mount is for everybody, which no store may be. */
	snprintf(path, sizeof(path), "%s/store", dir);
	p = help_open(path, 0);
	count(p);
	v = help_sample(p, "c_total");
	pdc_close(p);
	return v != NUPDATES;
}

/* As docker has it, on a machine that is large. */
static int
child_small(void *unused)
{
	const struct cells *c;
	struct pdc_options o = { .max_cpus = 128 };
	struct pdc_family *f;
	char path[4200], value[32];
	struct pdc *p;
	FILE *fp;
	double v = 0;
	int i;

	(void)unused;
	smallfs_mount(dir, 64 * MIB);
	snprintf(path, sizeof(path), "%s/online", dir);
	fp = fopen(path, "w");
	if (fp == NULL || fputs("0-127\n", fp) < 0 || fclose(fp) != 0)
		bail_out("%s", path);
	if (mount(path, "/sys/devices/system/cpu/online", NULL, MS_BIND,
		NULL) == -1)
		return DENIED;
	snprintf(path, sizeof(path), "%s/store", dir);
	if (pdc_open(&p, path, &o) < 0)
		bail_out("%s", pdc_error());
	f = help_family(p, PDC_HISTOGRAM, "h", "l");
	for (i = 0; i < 500; i++) {
		snprintf(value, sizeof(value), "%d", i);
		pdc_observe(help_series(f, value), 1);
	}
	/* Some have no cells: the cells of a store take a quarter at most. */
	if (pdc_checkpoint(p) < 0)
		bail_out("%s", pdc_error());
	for (i = 0; i < 500; i++) {
		snprintf(value, sizeof(value), "h_count{l=\"%d\"}", i);
		v += help_sample(p, value);
	}
	c = pdc_cells_now(p);
	i = c->nlanes != 128 || v != 500 ||
	    atomic_load(&c->head->drops[DROP_NOSPACE]) != 0;
	pdc_close(p);
	return i;
}

static void
test_little(const char *words, int (*fn)(void *))
{
	int ret;

	dir = tap_tmpdir();
	fflush(stdout);
	ret = multi_run(fn, NULL, 30000);
	if (ret == DENIED)
		skip("mounting is not allowed");
	else
		is_int(ret, 0, "%s", words);
}

int
main(void)
{
	sh = multi_shared(sizeof(*sh));
	test_shared();
	test_little("nobody, with a root that is read-only, counts",
	    child_nobody);
	test_little("500 histograms for 128 CPUs in 64 MiB: none is lost",
	    child_small);
	return tap_done();
}
