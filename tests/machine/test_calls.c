/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * System calls that fail: a process is traced, and the kernel says no to the
 * nth that can, in each way it can; alone, with those of its kind that follow,
 * or with all that can fail so.
 *
 *	test_calls [PLACES [OPERATION]]	so many of each, 0: all
 */

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "machine/machine.h"
#include "multi/multi.h"
#include "tap.h"

#define PLACES 3
#define DENIED 77

#ifdef __x86_64__

#define WAYS 4

/* What may fail and how. */
static const struct refusal {
	long call;
	int errors[WAYS];
} refusals[] = {
	{ SYS_openat, { EMFILE, EACCES, ENOMEM, EIO } },
#if !SANITIZED
	{ SYS_mmap, { ENOMEM } },
#endif
	{ SYS_mprotect, { ENOMEM } },
	{ SYS_ftruncate, { ENOSPC, EIO } },
	{ SYS_fallocate, { ENOSPC, EDQUOT, EINTR } },
	{ SYS_pwrite64, { ENOSPC, EDQUOT, EIO } },
	{ SYS_pwritev, { ENOSPC, EDQUOT, EIO } },
	{ SYS_write, { ENOSPC, EDQUOT, EIO } },
	{ SYS_writev, { ENOSPC, EDQUOT, EIO } },
	{ SYS_pread64, { EIO, ENOMEM } },
	{ SYS_read, { EIO } },
	{ SYS_fdatasync, { EIO, ENOSPC, EDQUOT } },
	{ SYS_fsync, { EIO, ENOSPC } },
	{ SYS_fcntl, { ENOLCK } },
	{ SYS_newfstatat, { EACCES, ENOMEM, EIO } },
	{ SYS_stat, { EACCES, ENOMEM } },
	{ SYS_lstat, { EACCES, ENOMEM } },
	{ SYS_statfs, { EIO, EACCES, ENOMEM } },
	{ SYS_fstatfs, { EIO } },
	{ SYS_readlink, { EACCES } },
	{ SYS_link, { ENOSPC, EDQUOT } },
	{ SYS_mkdir, { ENOSPC, EDQUOT, EACCES } },
	{ SYS_chmod, { EPERM } },
	{ SYS_chown, { EPERM } },
	{ SYS_fchmod, { EPERM } },
	{ SYS_fchown, { EPERM } },
	{ SYS_getrandom, { EINTR } },
	{ SYS_getdents64, { EIO } },
	{ SYS_clone3, { EAGAIN } },
	{ SYS_clone, { EAGAIN } },
};

#define NREFUSALS ((int)(sizeof(refusals) / sizeof(refusals[0])))

/* The nth call that may fail does, in one of its ways, and which from then. */
enum then { ALONE, OF_ITS_KIND, ALL, NTHENS };

static struct cut {
	int nth, way; /* nth 0: none */
	enum then then;
	int what, error; /* of refusals[]; found out */
} cut;

static int nplaces; /* calls that might have failed */

static int
find(long call)
{
	int i;

	for (i = 0; i < NREFUSALS; i++)
		if (refusals[i].call == call)
			return i;
	return -1;
}

/* --- the child --- */

static void
arm(void)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1)
		_exit(DENIED);
	raise(SIGSTOP);
}

static int
disarm(void)
{
	raise(SIGSTOP);
	return 1;
}

static const struct machine_fail fail = { arm, disarm };

static int
may(int ret)
{
	return ret <= PDC_EINVAL && ret >= PDC_ECANCELED;
}

/* --- who traces it --- */

static void
registers(pid_t pid, enum __ptrace_request how, struct user_regs_struct *r)
{
	if (ptrace(how, pid, NULL, r) == -1)
		bail_out("registers: %s", strerror(errno));
}

static int
fails_so(int what, int error)
{
	int i;

	for (i = 0; i < WAYS; i++)
		if (refusals[what].errors[i] == error)
			return 1;
	return 0;
}

/*
 * Whether it is one that cannot fail: to unlock, to ask for a lock, to look at
 * a descriptor that is open.
 */
static int
safe(pid_t pid, const struct user_regs_struct *r)
{
	long type;

	if (r->orig_rax == SYS_newfstatat)
		return (r->r10 & AT_EMPTY_PATH) != 0;
	if (r->orig_rax != SYS_fcntl)
		return 0;
	if (r->rsi != F_SETLK && r->rsi != F_OFD_SETLK)
		return 1;
	type = ptrace(PTRACE_PEEKDATA, pid, (void *)(uintptr_t)r->rdx, NULL);
	return (short)type == F_UNLCK;
}

/* Who may not read there never may, and has another name for the boot. */
static int
of_proc(pid_t pid, const struct user_regs_struct *r)
{
	long path;

	if (r->orig_rax != SYS_openat)
		return 0;
	path = ptrace(PTRACE_PEEKDATA, pid, (void *)(uintptr_t)r->rsi, NULL);
	return memcmp(&path, "/proc/", 6) == 0;
}

/* Whether the call that begins is to fail; counts it. */
static int
refuse(pid_t pid, const struct user_regs_struct *r)
{
	int what = find((long)r->orig_rax);

	if (what == -1 || safe(pid, r))
		return 0;
	nplaces++;
	if (nplaces == cut.nth) {
		cut.what = what;
		cut.error = refusals[what].errors[cut.way];
	}
	if (cut.error == EACCES && of_proc(pid, r))
		return 0;
	return cut.error != 0 &&
	    (nplaces == cut.nth ||
		(cut.then == OF_ITS_KIND && what == cut.what) ||
		(cut.then == ALL && fails_so(what, cut.error)));
}

/* A call that is refused becomes none, and then gets its error. */
static void
call(pid_t pid, int begins, int *refused)
{
	struct user_regs_struct r;

	registers(pid, PTRACE_GETREGS, &r);
	if (begins) {
		*refused = refuse(pid, &r);
		if (!*refused)
			return;
		r.orig_rax = (unsigned long long)-1;
	} else {
		if (!*refused)
			return;
		r.rax = (unsigned long long)-cut.error;
	}
	registers(pid, PTRACE_SETREGS, &r);
}

/* From one SIGSTOP to the next; a status of wait(2), or 0. */
static int
trace(pid_t pid)
{
	int status, sig = 0, begins = 1, refused = 0;

	if (ptrace(PTRACE_SETOPTIONS, pid, NULL,
		(void *)(uintptr_t)PTRACE_O_TRACESYSGOOD) == -1)
		bail_out("PTRACE_SETOPTIONS: %s", strerror(errno));
	for (;;) {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(uintptr_t)sig) ==
			-1 ||
		    waitpid(pid, &status, 0) != pid)
			bail_out("PTRACE_SYSCALL: %s", strerror(errno));
		if (!WIFSTOPPED(status))
			return status;
		sig = WSTOPSIG(status);
		if (sig == SIGSTOP)
			break;
		if (sig != (SIGTRAP | 0x80))
			continue;
		call(pid, begins, &refused);
		begins = !begins;
		sig = 0;
	}
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
	return 0;
}

static void
go(const struct machine_op *op)
{
	int status;
	pid_t pid;

	nplaces = 0;
	if (op->child)
		machine_open();
	pid = multi_fork();
	if (pid == 0) {
		(void)machine_try(op, &fail, may);
		_exit(0);
	}
	if (waitpid(pid, &status, WUNTRACED) != pid)
		bail_out("waitpid: %s", strerror(errno));
	if (!WIFSTOPPED(status)) {
		if (WIFEXITED(status) && WEXITSTATUS(status) == DENIED)
			skip_all("tracing is not allowed");
		bail_out("%s: not prepared, status %x", op->name,
		    (unsigned)status);
	}
	status = trace(pid);
	if (status == 0)
		status = multi_wait(pid, 30000);
	if (status != 0)
		machine_bad("%s ends with %x", op->name, (unsigned)status);
	if (op->child)
		machine_close();
}

/* Whether there is such a way. */
static int
test_way(const struct machine_op *op, int nth, int way, enum then then)
{
	static const char *const words[NTHENS] = { "", " of its kind",
		" of all" };

	cut = (struct cut){ .nth = nth, .way = way, .then = then };
	go(op);
	if (machine_judged() > 0) {
		machine->bad++;
		diag("%s, call %d, number %ld: %s%s", op->name, nth,
		    refusals[cut.what].call, strerror(cut.error), words[then]);
	}
	return cut.error != 0;
}

/* The nth call fails in all its ways, one after the other. */
static void
test_nth(const struct machine_op *op, int nth, int all)
{
	int way, then;

	for (way = 0; way < WAYS && machine->bad == 0; way++)
		for (then = 0; then < NTHENS && machine->bad == 0; then++) {
			if (!all && then != (nth + way) % NTHENS)
				continue;
			if (!test_way(op, nth, way, then))
				return;
		}
}

static void
test(const struct machine_op *op, int n)
{
	int i, all, every = n == 0;

	cut = (struct cut){ 0 };
	go(op);
	all = nplaces;
	if (machine_judged() > 0)
		bail_out("%s does not succeed", op->name);
	if (n == 0 || n > all)
		n = all;
	for (i = 0; i < n && machine->bad == 0; i++)
		test_nth(op, (int)((long)i * all / n) + 1, every);
	is_int(machine->bad, 0, "%s: %d of %d system calls fail", op->name, i,
	    all);
}

int
main(int argc, char **argv)
{
	int places = argc > 1 ? atoi(argv[1]) : PLACES, i, disk;

	machine_init();
	for (i = 0; i < machine_nops; i++)
		/* In memory or on a disk; both are for who has time. */
		for (disk = 0; disk < 2; disk++) {
			if (places != 0 && (i & 1) != disk)
				continue;
			if (argc > 2 &&
			    strcmp(argv[2], machine_ops[i].name) != 0)
				continue;
			machine_begin(disk ? tap_tmpdir_disk() : NULL, 0);
			test(&machine_ops[i], places);
		}
	return tap_done();
}

#else

int
main(void)
{
	skip_all("no registers of this machine are known");
}

#endif
