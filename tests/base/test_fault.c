/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "base/fault.h"

#include <sys/wait.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"

#define NTHREADS 4
#define NHITS 10000

static void
test_arm(void)
{
	ok(!FAULT(BUF_GROW), "a point that is not armed does not fire");
	pdc_fault_arm(FAULT_BUF_GROW, 1);
	ok(!pdc_fault_hit(FAULT_NPOINTS), "another point does not fire");
	errno = 0;
	ok(FAULT(BUF_GROW), "an armed point fires");
	is_int(errno, EIO, "a point that fires sets errno");
	ok(!FAULT(BUF_GROW), "it fires once");
	pdc_fault_arm(FAULT_BUF_GROW, 3);
	ok(!FAULT(BUF_GROW) && !FAULT(BUF_GROW) && FAULT(BUF_GROW) &&
		!FAULT(BUF_GROW),
	    "the third hit fires and no other");
	pdc_fault_arm(FAULT_BUF_GROW, 1);
	pdc_fault_disarm();
	ok(!FAULT(BUF_GROW), "a disarmed point does not fire");
}

static void
test_names(void)
{
	int point, wrong = 0;

	for (point = 0; point < FAULT_NPOINTS; point++)
		wrong += pdc_fault_name(point) == NULL;
	is_int(wrong, 0, "every point has a word");
	is_str(pdc_fault_name(FAULT_BUF_GROW), "buf_grow",
	    "a point has its own word");
	ok(pdc_fault_name(-1) == NULL && pdc_fault_name(FAULT_NPOINTS) == NULL,
	    "no point has no word");
}

/* The status of a child that hits the point twice. */
static int
child_hits(void)
{
	int status = -1;
	pid_t pid;

	pid = fork();
	if (pid == -1)
		bail_out("fork: %s", strerror(errno));
	if (pid == 0)
		_exit(FAULT(BUF_GROW) << 1 | FAULT(BUF_GROW));
	if (waitpid(pid, &status, 0) != pid)
		bail_out("waitpid: %s", strerror(errno));
	return status;
}

static void
test_fork(void)
{
	int status;

	pdc_fault_arm(FAULT_BUF_GROW, 2);
	status = child_hits();
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 1,
	    "a child inherits the arming");
	ok(!FAULT(BUF_GROW) && FAULT(BUF_GROW), "a child's hits are its own");
	pdc_fault_kill(FAULT_BUF_GROW, 2);
	status = child_hits();
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	    "a deadly point kills");
	pdc_fault_kill(FAULT_BUF_GROW, 3);
	status = child_hits();
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "a deadly point does not kill before its hit");
	pdc_fault_disarm();
}

static void *
thread_hits(void *arg)
{
	int *fired = arg, i;

	for (i = 0; i < NHITS; i++)
		*fired += FAULT(BUF_GROW);
	return NULL;
}

static void
test_threads(void)
{
	pthread_t threads[NTHREADS];
	int fired[NTHREADS] = { 0 }, i, sum = 0;

	pdc_fault_arm(FAULT_BUF_GROW, NHITS);
	for (i = 0; i < NTHREADS; i++)
		if (pthread_create(&threads[i], NULL, thread_hits, &fired[i]) !=
		    0)
			bail_out("no thread");
	for (i = 0; i < NTHREADS; i++) {
		pthread_join(threads[i], NULL);
		sum += fired[i];
	}
	is_int(sum, 1, "of many threads one hit fires");
}

int
main(void)
{
	test_arm();
	test_names();
	test_fork();
	test_threads();
	return tap_done();
}
