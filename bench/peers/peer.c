/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "peer.h"

#include <sys/prctl.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A worker has a pipe of its own either way: its death is the end of it. */
static struct worker {
	pid_t pid;
	int go; /* how many operations to make */
	int done; /* a byte: has begun, has made them */
} workers[PEER_WORKERS_MAX];

static unsigned nworkers;

const char *
peer_dir(void)
{
	const char *dir = getenv("BENCH_DIR");

	if (dir == NULL || *dir == '\0')
		errx(1, "BENCH_DIR is not set");
	if (strlen(dir) >= 96)
		errx(1, "BENCH_DIR is too long");
	return dir;
}

pid_t
peer_fork(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == -1)
		err(1, "fork");
	if (pid == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
			err(1, "prctl");
		if (getppid() != parent)
			_exit(1);
	}
	return pid;
}

int
peer_read(int fd, void *p, size_t len)
{
	char *at = p;
	ssize_t n;

	for (; len > 0; at += n, len -= (size_t)n)
		do {
			n = read(fd, at, len);
			if (n == 0 || (n == -1 && errno != EINTR))
				return -1;
		} while (n == -1);
	return 0;
}

int
peer_write(int fd, const void *p, size_t len)
{
	const char *at = p;
	ssize_t n;

	for (; len > 0; at += n, len -= (size_t)n)
		do {
			n = write(fd, at, len);
			if (n == -1 && errno != EINTR)
				return -1;
		} while (n == -1);
	return 0;
}

/* Until the parent closes the pipe or ends. */
static void
worker_main(const struct peer_scenario *s, unsigned number, int go, int done)
{
	uint64_t n;

	if (s->begin != NULL)
		s->begin(number);
	while (
	    peer_write(done, "", 1) == 0 && peer_read(go, &n, sizeof(n)) == 0)
		s->run(n);
	_exit(0);
}

static void
worker_fork(const struct peer_scenario *s)
{
	struct worker *w = &workers[nworkers];
	int done[2], go[2];
	unsigned i;

	if (pipe(go) == -1 || pipe(done) == -1)
		err(1, "pipe");
	w->pid = peer_fork();
	if (w->pid == 0) {
		close(STDIN_FILENO);
		for (i = 0; i < nworkers; i++) {
			close(workers[i].go);
			close(workers[i].done);
		}
		close(go[1]);
		close(done[0]);
		worker_main(s, nworkers, go[0], done[1]);
	}
	close(go[0]);
	close(done[1]);
	w->go = go[1];
	w->done = done[0];
	nworkers++;
}

static void
workers_release(uint64_t n)
{
	unsigned i;

	for (i = 0; i < nworkers; i++)
		if (peer_write(workers[i].go, &n, sizeof(n)) == -1)
			errx(1, "worker %u has ended", i);
}

static void
workers_wait(void)
{
	unsigned i;
	char c;

	for (i = 0; i < nworkers; i++)
		if (peer_read(workers[i].done, &c, 1) == -1)
			errx(1, "worker %u has ended", i);
}

static void
workers_end(void)
{
	unsigned i;
	int status;

	for (i = 0; i < nworkers; i++) {
		close(workers[i].go);
		if (waitpid(workers[i].pid, &status, 0) == -1)
			err(1, "waitpid");
		if (status != 0)
			errx(1, "worker %u failed", i);
	}
}

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t
turn(const struct peer_scenario *s, uint64_t n)
{
	uint64_t start = now_ns();

	if (s->form == PEER_WORKERS) {
		workers_release(n);
		workers_wait();
	} else {
		s->run(n);
	}
	return now_ns() - start;
}

/* A line that is one number of at most max; -1: it is something else. */
static int
number(uint64_t *np, const char *line, uint64_t max)
{
	char *end;

	errno = 0;
	*np = strtoull(line, &end, 10);
	if (*line < '0' || *line > '9' || errno != 0 || *np > max)
		return -1;
	return strcmp(end, "\n") == 0 || *end == '\0' ? 0 : -1;
}

static void
turns(const struct peer_scenario *s)
{
	char line[64];
	uint64_t n;

	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (number(&n, line, UINT64_MAX) == -1)
			errx(1, "not a number: %s", line);
		printf("%" PRIu64 "\n", turn(s, n));
		fflush(stdout);
	}
	if (ferror(stdin))
		err(1, "stdin");
}

static int
usage(const char *name, const struct peer_scenario *scenarios)
{
	const char *before = "usage:";

	for (; scenarios->name != NULL; scenarios++) {
		fprintf(stderr, "%s %s %s%s\n", before, name, scenarios->name,
		    scenarios->form == PEER_ALONE ? "" : " NUMBER");
		before = "      ";
	}
	return 2;
}

int
peer_main(int argc, char **argv, const struct peer_scenario *scenarios)
{
	const struct peer_scenario *s = scenarios;
	uint64_t arg = 0;

	while (argc > 1 && s->name != NULL && strcmp(s->name, argv[1]) != 0)
		s++;
	if (argc < 2 || s->name == NULL ||
	    argc != (s->form == PEER_ALONE ? 2 : 3))
		return usage(argv[0], scenarios);
	if (argc == 3 &&
	    number(&arg, argv[2],
		s->form == PEER_WORKERS ? PEER_WORKERS_MAX : INT32_MAX) == -1)
		return usage(argv[0], scenarios);
	if (s->form == PEER_WORKERS && arg == 0)
		return usage(argv[0], scenarios);
	signal(SIGPIPE, SIG_IGN); /* a worker that has ended */
	s->setup((unsigned)arg);
	if (s->form == PEER_WORKERS)
		for (; arg > 0; arg--)
			worker_fork(s);
	workers_wait();
	puts("ready");
	fflush(stdout);
	turns(s);
	workers_end();
	printf("total %.0f\n", s->total());
	return fflush(stdout) == 0 ? 0 : 1;
}
