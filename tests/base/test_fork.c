/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * All cases are run three times, each in a child that never asked for its
 * generation before: with the kernel's madvise(), with one that refuses all
 * advice, and with one that takes it all and follows none.
 */

#include "base/fork.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"

#define NTHREADS 8
#define NFORKS 100
#define DEPTH 6

enum advice { ADVICE_KERNEL, ADVICE_REFUSED, ADVICE_IGNORED, NADVICE };

static enum advice advice;
static uint64_t *shared; /* what children tell */
static int stop;

/* In the place of libc's. */
int
madvise(void *addr, size_t len, int what)
{
	switch (advice) {
	case ADVICE_REFUSED:
		errno = EINVAL;
		return -1;
	case ADVICE_IGNORED:
		return 0;
	default:
		return (int)syscall(SYS_madvise, addr, len, what);
	}
}

static int
child_succeeds(pid_t pid)
{
	int status;

	return pid > 0 && waitpid(pid, &status, 0) == pid &&
	    WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void *
thread_gen(void *arg)
{
	static pthread_barrier_t barrier;
	static int made;
	uint64_t *gen = arg;

	if (gen == NULL) {
		if (made)
			pthread_barrier_destroy(&barrier);
		pthread_barrier_init(&barrier, NULL, NTHREADS);
		made = 1;
		return NULL;
	}
	pthread_barrier_wait(&barrier);
	*gen = pdc_fork_gen();
	return NULL;
}

static int
threads_agree(void)
{
	uint64_t gens[NTHREADS] = { 0 };
	pthread_t threads[NTHREADS];
	int i, fine = 1;

	thread_gen(NULL);
	for (i = 0; i < NTHREADS; i++)
		if (pthread_create(&threads[i], NULL, thread_gen, &gens[i]) !=
		    0)
			return 0;
	for (i = 0; i < NTHREADS; i++) {
		pthread_join(threads[i], NULL);
		fine &= gens[i] != 0 && gens[i] == gens[0];
	}
	return fine && pdc_fork_gen() == gens[0];
}

static int
child_differs(void)
{
	uint64_t gen = pdc_fork_gen();
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		*shared = pdc_fork_gen();
		_exit(pdc_fork_gen() != *shared);
	}
	return child_succeeds(pid) && *shared != 0 && *shared != gen &&
	    pdc_fork_gen() == gen;
}

/* A clone without what libc's fork() does in the child. */
static int
clone_differs(void)
{
	uint64_t gen = pdc_fork_gen();
	pid_t pid;

	pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0) {
		*shared = pdc_fork_gen();
		syscall(SYS_exit_group, 0);
	}
	return child_succeeds(pid) && *shared != 0 && *shared != gen &&
	    pdc_fork_gen() == gen;
}

/* Each descendant has a generation that is none of its ancestors'. */
static int
chain_differs(int depth)
{
	pid_t pid;
	int i;

	shared[depth] = pdc_fork_gen();
	for (i = 0; i < depth; i++)
		if (shared[i] == shared[depth])
			return 0;
	if (depth == DEPTH)
		return 1;
	pid = fork();
	if (pid == 0)
		_exit(!chain_differs(depth + 1));
	return child_succeeds(pid);
}

/* As a child whose parent did not ask before the fork. */
static int
late_child_differs(void)
{
	uint64_t gen = pdc_fork_gen();
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		pid = fork();
		if (pid == 0) {
			*shared = pdc_fork_gen();
			_exit(*shared == gen);
		}
		_exit(!child_succeeds(pid) || pdc_fork_gen() == gen);
	}
	return child_succeeds(pid);
}

static int
child_threads_agree(void)
{
	pid_t pid;

	pid = fork();
	if (pid == 0)
		_exit(!threads_agree());
	return child_succeeds(pid);
}

static void *
thread_asks(void *arg)
{
	uint64_t *gen = arg;
	int fine = 1;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		fine &= pdc_fork_gen() == *gen;
	return fine ? arg : NULL;
}

static int
forks_beside_threads(void)
{
	uint64_t gen = pdc_fork_gen();
	pthread_t thread;
	void *ret = NULL;
	int i, fine = 1;

	stop = 0;
	if (pthread_create(&thread, NULL, thread_asks, &gen) != 0)
		return 0;
	for (i = 0; i < NFORKS; i++)
		fine &= child_differs();
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, &ret);
	return fine && ret != NULL;
}

static void
on_signal(int sig)
{
	(void)sig;
	*shared = pdc_fork_gen();
}

static int
handler_agrees(void)
{
	uint64_t gen = pdc_fork_gen();
	pid_t pid;

	signal(SIGUSR1, on_signal);
	pid = fork();
	if (pid == 0) {
		raise(SIGUSR1);
		_exit(*shared == gen || *shared != pdc_fork_gen());
	}
	return child_succeeds(pid);
}

static int
chain_differs_from_0(void)
{
	return chain_differs(0);
}

/* threads_agree is the first, so that they make the first call. */
static const struct {
	int (*run)(void);
	const char *words;
} cases[] = {
	{ threads_agree, "threads agree, the first call among them" },
	{ child_differs, "a child has another and the parent keeps its own" },
	{ clone_differs, "a bare clone has another" },
	{ chain_differs_from_0, "no descendant has one of its ancestors'" },
	{ late_child_differs, "a child of a child that never asked differs" },
	{ child_threads_agree, "the threads of a child agree" },
	{ forks_beside_threads, "children differ while a thread asks" },
	{ handler_agrees, "a signal handler in a child may ask first" },
};
#define NCASES (sizeof(cases) / sizeof(cases[0]))

/* The cases that fail, a bit each. */
static int
run_all(enum advice what)
{
	int failed = 0, status;
	size_t i;
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		advice = what;
		for (i = 0; i < NCASES; i++)
			failed |= !cases[i].run() << i;
		_exit(failed);
	}
	if (pid == -1 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

int
main(void)
{
	static const char *const words[NADVICE] = {
		"the kernel's madvise",
		"madvise refused",
		"madvise ignored",
	};
	int what, failed;
	size_t i;

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		bail_out("mmap: %s", strerror(errno));
	for (what = 0; what < NADVICE; what++) {
		failed = run_all((enum advice)what);
		for (i = 0; i < NCASES; i++)
			ok((failed >> i & 1) == 0, "%s: %s", words[what],
			    cases[i].words);
	}
	return tap_done();
}
