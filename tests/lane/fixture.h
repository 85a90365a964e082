/* SPDX-License-Identifier: ISC */
#ifndef TESTS_LANE_FIXTURE_H
#define TESTS_LANE_FIXTURE_H

/* What the tests of lib/lane share: a file of cells, memory, time, children. */

#include <sys/mman.h>
#include <sys/wait.h>

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "lane/cells.h"
#include "tap.h"

#define FIXTURE_NAME "cells"
#define FIXTURE_EPOCH 7

static const unsigned char fixture_uuid[] = "sixteen bytes id";

/* A directory for cells, and the path that they get there. */
static inline char *
fixture_dir(char *path, size_t len)
{
	char *dir = tap_tmpdir();

	snprintf(path, len, "%s/%s", dir, FIXTURE_NAME);
	return dir;
}

static inline struct cells_make
fixture_how(const char *dir)
{
	struct cells_make m = {
		.dir = dir,
		.name = FIXTURE_NAME,
		.uuid = fixture_uuid,
		.epoch = FIXTURE_EPOCH,
		.boot_id = "a boot",
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
		.mode = 0600,
	};

	return m;
}

static inline int
fixture_make(const char *dir)
{
	struct cells_make m = fixture_how(dir);

	return pdc_cells_make(&m);
}

static inline int
fixture_try(struct cells **cellsp, const char *dir, unsigned flags)
{
	struct cells_make m = fixture_how(dir);

	m.flags = flags;
	return pdc_cells_open(cellsp, &m);
}

static inline struct cells *
fixture_open(const char *dir, unsigned flags)
{
	struct cells *cells = NULL;

	if (fixture_try(&cells, dir, flags) != 0)
		bail_out("open: %s", pdc_err_words());
	return cells;
}

/* Made, opened, and with blocks for units of each kind. */
static inline struct cells *
fixture_new(const char *dir, uint64_t units)
{
	struct cells *cells;
	int kind;

	if (fixture_make(dir) != 0)
		bail_out("make: %s", pdc_err_words());
	cells = fixture_open(dir, 0);
	for (kind = 0; kind < NZONES; kind++)
		if (pdc_cells_reserve(cells, kind, units) != 0)
			bail_out("reserve: %s", pdc_err_words());
	return cells;
}

/* The end of a case. */
static inline void
fixture_delete(struct cells *cells, const char *path)
{
	pdc_cells_close(cells);
	unlink(path);
}

/* Zeroed memory that children share. */
static inline void *
fixture_shared(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		bail_out("mmap");
	return p;
}

static inline double
fixture_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static inline void
fixture_nap(double seconds)
{
	struct timespec ts;

	ts.tv_sec = (time_t)seconds;
	ts.tv_nsec = (long)((seconds - (double)ts.tv_sec) * 1e9);
	nanosleep(&ts, NULL);
}

/* The same numbers in each run. */
static inline uint32_t
fixture_random(uint64_t *state)
{
	*state = *state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)(*state >> 33);
}

/* Run fn in a child; its status, or -1 if it was killed. */
static inline int
fixture_child(int (*fn)(void *), void *arg)
{
	int status;
	pid_t pid;

	pid = fork();
	if (pid == -1)
		bail_out("fork");
	if (pid == 0)
		_exit(fn(arg));
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

#endif
