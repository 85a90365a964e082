/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Slots of gauges of modes: one for a process, whoever claims it in it; the
 * lowest that is free; and what there is without one.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "multi/mode.h"

/* Threads and a signal handler of one process get one slot. */
#define NRACERS 4
static _Atomic int racing;
static uint64_t raced[NRACERS + 1];
static _Atomic uint64_t signalled;

static void *
racer(void *arg)
{
	uint64_t *ident = arg;

	while (!racing)
		continue;
	*ident = pdc_mode_self(p, pdc_cells_now(p));
	while (ident == raced && signalled == 0)
		continue;
	return NULL;
}

static void
racer_signal(int sig)
{
	(void)sig;
	signalled = raced[NRACERS] = pdc_mode_self(p, pdc_cells_now(p));
}

static int
race(void *arg)
{
	pthread_t t[NRACERS];
	int i, bad = 0;

	(void)arg;
	racing = 0;
	signal(SIGUSR1, racer_signal);
	for (i = 0; i < NRACERS; i++)
		if (pthread_create(&t[i], NULL, racer, &raced[i]) != 0)
			return 2;
	racing = 1;
	pthread_kill(t[0], SIGUSR1);
	for (i = 0; i < NRACERS; i++)
		pthread_join(t[i], NULL);
	for (i = 0; i <= NRACERS; i++)
		bad |= raced[i] == 0 || raced[i] != raced[0];
	return bad;
}

/* A claim in an update, as in a signal handler, leaves errno as it was. */
static int
errno_kept(void *arg)
{
	(void)arg;
	errno = ERANGE;
	pdc_set(inherited[PDC_SUM], 1);
	return errno != ERANGE;
}

static void
test_claims(void)
{
	int i, bad = 0;

	begin(tap_tmpdir(), 0);
	for (i = 0; i < 100; i++)
		bad += multi_run(race, NULL, 10000) != 0;
	is_int(bad, 0, "threads that claim at once have one identity");
	is_int(multi_run(errno_kept, NULL, 10000), 0, "and errno as it was");
	finish();
}

/* All slots are taken: updates are dropped, and soon; the rest goes on. */
static int
slotless(void *arg)
{
	const struct cells *c = pdc_cells_now(p);
	struct pdc_series *s;
	int i, bad;

	(void)arg;
	errno = ERANGE;
	pdc_set(inherited[PDC_SUM], 1);
	bad = errno != ERANGE;
	/* A try takes thousands of system calls. */
	for (i = 0; i < 100000; i++)
		pdc_set(inherited[PDC_SUM], 1);
	bad |= (c->head->drops[DROP_NOSLOT] != 100001) << 1;
	(void)multi_series(fam[PDC_SUM], NULL);
	s = help_series(multi_declare(p, PDC_GAUGE, "other", NULL), NULL);
	pdc_set(s, 3);
	bad |= (multi_now(p, "other") != 3) << 2;
	return bad;
}

static void
test_full(void)
{
	char *dir = tap_tmpdir(), path[4096];
	struct flock fl = { .l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = 1 + ((off_t)1 << IDENT_BITS) };
	int fd, to[2], status;
	pid_t pid;
	char ch;

	begin(dir, 0);
	snprintf(path, sizeof(path), "%s/write.lock", dir);
	if (pipe(to) == -1)
		bail_out("pipe");
	pid = multi_fork();
	if (pid == 0) {
		fd = open(path, O_RDWR);
		if (fcntl(fd, F_SETLK, &fl) == 0 && write(to[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	if (read(to[0], &ch, 1) != 1)
		bail_out("no slots to be had");
	is_int(multi_run(slotless, NULL, 10000), 0,
	    "who has no slot is dropped quickly, and hinders nobody");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	close(to[0]);
	close(to[1]);
	finish();
}

/* Slots are the lowest ones that are free. */
static void
test_slots(void)
{
	struct worker w[3];
	int i;

	begin(tap_tmpdir(), 0);
	for (i = 0; i < 3; i++) {
		w[i] = worker_new();
		tell(&w[i], 'l', 0);
		tell(&w[i], 'w', i + 1);
	}
	end(&w[1]);
	w[1] = worker_new();
	tell(&w[1], slow ? 'l' : 'w', 9);
	tell(&w[1], 'w', 9);
	checkpoint();
	is_double(slot(PDC_LIVEALL, 2), 9, "a slot is used again");
	is_double(slot(PDC_LIVEALL, 4), NAN, "before a new one");
	is_mode(PDC_SUM, 1 + 2 + 3 + 9, "has the dead's, too");
	is_mode(PDC_LIVESUM, 1 + 3 + 9, "has not");
	for (i = 0; i < 3; i++)
		end(&w[i]);
	checkpoint();
	is_mode(PDC_SUM, 1 + 2 + 3 + 9, "has all, folded");
	is_int((long long)pdc_cells_now(p)->head->drops[DROP_NOSLOT], 0,
	    "and nothing was dropped");
	finish();
}

/* pdc stat --who: a line of a process, "PID SLOT"; 0 if there is none. */
static int
who(const char *dir, pid_t pid, const char *slot)
{
	const char *top = getenv("top_builddir");
	char command[8192], line[512], want[32];
	int found = 0;
	FILE *f;

	snprintf(command, sizeof(command),
	    "%s/bin/pdc/pdc -s %s stat --who 2>&1", top != NULL ? top : ".",
	    dir);
	snprintf(want, sizeof(want), "%-10d %-5s ", (int)pid, slot);
	f = popen(command, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		found += strncmp(line, want, strlen(want)) == 0;
	if (f == NULL || pclose(f) != 0)
		bail_out("%s", command);
	return found;
}

static void
test_who(void)
{
	char *dir = tap_tmpdir();
	struct worker w, none;

	begin(dir, 0);
	w = worker_new();
	none = worker_new();
	tell(&w, 'i', 1);
	is_int(who(dir, getpid(), "0"), 1, "--who has who resolved first");
	is_int(who(dir, w.pid, "1"), 1, "and a worker");
	is_int(who(dir, none.pid, "-"), 1, "and one that has no slot");
	end(&w);
	is_int(who(dir, w.pid, "1"), 0, "and none that is dead");
	end(&none);
	finish();
}

int
main(void)
{
	alarm(50);
	test_claims();
	test_slots();
	test_full();
	test_who();
	return tap_done();
}
