/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "peer.h"

#include <sys/prctl.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * A process or thread.  It has a pipe of its own either way: its death is the
 * end of it.
 */
static struct worker {
	const struct peer_scenario *scenario;
	pid_t pid;
	pthread_t thread;
	int go[2]; /* how many operations to make */
	int done[2]; /* a byte: has begun, has made them */
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

/* Until the other end is closed or its process ends. */
static void *
worker_main(void *arg)
{
	const struct worker *w = arg;
	uint64_t n;

	if (w->scenario->begin != NULL)
		w->scenario->begin((unsigned)(w - workers));
	while (peer_write(w->done[1], "", 1) == 0 &&
	    peer_read(w->go[0], &n, sizeof(n)) == 0)
		w->scenario->run(n);
	return NULL;
}

static void
worker_process(struct worker *w)
{
	unsigned i;

	if (freopen("/dev/null", "r", stdin) == NULL)
		err(1, "/dev/null");
	for (i = 0; i <= nworkers; i++) {
		close(workers[i].go[1]);
		close(workers[i].done[0]);
	}
	worker_main(w);
	_exit(0);
}

static void
worker_start(const struct peer_scenario *s)
{
	struct worker *w = &workers[nworkers];

	w->scenario = s;
	if (pipe(w->go) == -1 || pipe(w->done) == -1)
		err(1, "pipe");
	if (s->form == PEER_THREADS) {
		errno = pthread_create(&w->thread, NULL, worker_main, w);
		if (errno != 0)
			err(1, "pthread_create");
	} else {
		w->pid = peer_fork();
		if (w->pid == 0)
			worker_process(w);
		close(w->go[0]);
		close(w->done[1]);
	}
	nworkers++;
}

static void
workers_release(uint64_t n)
{
	unsigned i;

	for (i = 0; i < nworkers; i++)
		if (peer_write(workers[i].go[1], &n, sizeof(n)) == -1)
			errx(1, "worker %u has ended", i);
}

static void
workers_wait(void)
{
	unsigned i;
	char c;

	for (i = 0; i < nworkers; i++)
		if (peer_read(workers[i].done[0], &c, 1) == -1)
			errx(1, "worker %u has ended", i);
}

static void
worker_end(struct worker *w)
{
	int status;

	close(w->go[1]);
	if (w->scenario->form == PEER_THREADS) {
		pthread_join(w->thread, NULL);
		return;
	}
	if (waitpid(w->pid, &status, 0) == -1)
		err(1, "waitpid");
	if (status != 0)
		errx(1, "worker %u failed", (unsigned)(w - workers));
}

static void
workers_end(void)
{
	unsigned i;

	for (i = 0; i < nworkers; i++)
		worker_end(&workers[i]);
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
	uint64_t start;

	if (s->before != NULL)
		s->before();
	start = now_ns();
	if (nworkers > 0) {
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

/* Workers are at least one. */
static int
argument(uint64_t *argp, const struct peer_scenario *s, const char *text)
{
	switch (s->form) {
	case PEER_WORKERS:
	case PEER_THREADS:
		if (text == NULL || number(argp, text, PEER_WORKERS_MAX) == -1)
			return -1;
		return *argp > 0 ? 0 : -1;
	case PEER_SIZED:
		return text != NULL ? number(argp, text, INT32_MAX) : -1;
	default:
		return text == NULL ? 0 : -1;
	}
}

int
peer_main(int argc, char **argv, const struct peer_scenario *scenarios)
{
	const struct peer_scenario *s = scenarios;
	uint64_t arg = 0, i;

	while (argc > 1 && s->name != NULL && strcmp(s->name, argv[1]) != 0)
		s++;
	if (argc < 2 || argc > 3 || s->name == NULL ||
	    argument(&arg, s, argv[2]) == -1)
		return usage(argv[0], scenarios);
	signal(SIGPIPE, SIG_IGN); /* a worker that has ended */
	s->setup((unsigned)arg);
	if (s->form == PEER_WORKERS || s->form == PEER_THREADS)
		for (i = 0; i < arg; i++)
			worker_start(s);
	workers_wait();
	puts("ready");
	fflush(stdout);
	turns(s);
	workers_end();
	printf("total %.0f\n", s->total());
	return fflush(stdout) == 0 ? 0 : 1;
}
