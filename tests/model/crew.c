/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "model/crew.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "multi/multi.h"
#include "tap.h"

#define HANG_MS 30000

struct crew *crew;
static int fds[NPROCS]; /* pidfds, or -1 */

static void
futex_wait(_Atomic int *word, int value, int ms)
{
	struct timespec ts = { ms / 1000, (ms % 1000) * 1000000L };

	syscall(SYS_futex, word, FUTEX_WAIT, value, &ts, NULL, 0);
}

static void
state_set(int proc, int state)
{
	atomic_store(&crew->state[proc], state);
	syscall(SYS_futex, &crew->state[proc], FUTEX_WAKE, 8, NULL, NULL, 0);
}

void
crew_init(void)
{
	int i;

	crew = multi_shared(sizeof(*crew));
	crew->driver = getpid();
	for (i = 0; i < NPROCS; i++)
		fds[i] = -1;
	/* Children of children are ours when their parent is dead. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal(SIGCHLD, SIG_IGN);
}

void
crew_serve(int proc)
{
	atomic_store(&crew->pid[proc], getpid());
	for (;;) {
		while (atomic_load(&crew->state[proc]) != CREW_TOLD) {
			futex_wait(&crew->state[proc],
			    atomic_load(&crew->state[proc]), 1000);
			if (kill(crew->driver, 0) == -1)
				_exit(0);
		}
		op_do(&crew->order[proc]);
		state_set(proc, CREW_DONE);
	}
}

void
crew_start(int proc)
{
	int pid;

	state_set(proc, CREW_IDLE);
	pid = fork();
	if (pid == -1)
		bail_out("fork: %s", strerror(errno));
	if (pid == 0)
		crew_serve(proc);
	atomic_store(&crew->pid[proc], pid);
	fds[proc] = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fds[proc] == -1)
		bail_out("pidfd_open: %s", strerror(errno));
}

static int
crew_dead(int proc, int wait_ms)
{
	struct pollfd p = { fds[proc], POLLIN, 0 };

	return poll(&p, 1, wait_ms) == 1;
}

static void
crew_end(int proc)
{
	close(fds[proc]);
	fds[proc] = -1;
	atomic_store(&crew->pid[proc], 0);
	atomic_store(&crew->state[proc], CREW_IDLE); /* it may have been told */
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
}

static int
crew_wait(int proc)
{
	int64_t until = multi_now_ms() + HANG_MS;

	while (atomic_load(&crew->state[proc]) != CREW_DONE) {
		futex_wait(&crew->state[proc], CREW_TOLD, 2);
		if (atomic_load(&crew->state[proc]) == CREW_DONE)
			break;
		if (crew_dead(proc, 0) &&
		    atomic_load(&crew->state[proc]) != CREW_DONE) {
			crew_end(proc);
			return -1;
		}
		if (multi_now_ms() > until)
			bail_out("a process hangs at order %d",
			    crew->order[proc].kind);
	}
	return 0;
}

int
crew_do(int proc)
{
	struct order *o = &crew->order[proc];

	state_set(proc, CREW_TOLD);
	if (crew_wait(proc) < 0)
		return -1;
	if (o->kind == ORDER_FORK && o->ret == 0) {
		atomic_store(&crew->pid[o->to], o->child);
		fds[o->to] = (int)syscall(SYS_pidfd_open, o->child, 0);
		if (fds[o->to] == -1)
			bail_out("pidfd_open: %s", strerror(errno));
	}
	return 0;
}

void
crew_kill(int proc)
{
	syscall(SYS_pidfd_send_signal, fds[proc], SIGKILL, NULL, 0);
	if (!crew_dead(proc, HANG_MS))
		bail_out("a process cannot be killed");
	crew_end(proc);
}
