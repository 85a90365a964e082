/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * A process is killed, or stopped for a while, at any instruction of whatever
 * it does: it is traced and steps there.  Each time other processes, which have
 * inherited nothing, find all that was counted before, what was being done as
 * done or not done, and a store that a check finds whole; and they go on.
 *
 *	test_steps [STEPS [SEED [MORE]]]
 *
 *	STEPS	so many places of each, 0: all
 *	MORE	at most so many instructions from a system call on; 4000
 *
 * Restartable sequences start over at each step, so the process counts without
 * them; tests/lane kills those.
 */

#include <sys/ptrace.h>
#include <sys/wait.h>

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/page.h"
#include "metric/metric.h"
#include "multi/multi.h"
#include "tap.h"

#define PLACES 6
#define JUDGE_MS 30000
#define STEPS_SHORT 1000
#define STEPS_MORE 4000
#define ASK_LOOK 1
#define ASK_CHECKPOINT 2
#define EXPIRY_S 1000

/* What a store shows of what is done here. */
struct world {
	double counter, gauge, count, sum, bucket, most, a, b;
	uint64_t lines; /* of the journal */
	double series; /* that were made and counted once */
};

static struct shared {
	char dir[256];
	int bad; /* findings of a judge */
	int whole; /* it was let come to its end */
	struct world now;
	const struct op *op;
	_Atomic int ask; /* of the bystander: see there */
} * sh;

static struct pdc *p;
static struct pdc_family *labelled, *modes;
static struct pdc_series *counter, *gauge, *histogram, *doomed;
static char label[32];
static uint64_t seed;
static long more = STEPS_MORE;
static int nlabels;

/* --- what is done --- */

static void
open_store(void)
{
	p = multi_open(sh->dir, PDC_ATOMIC);
	counter = multi_series(multi_declare(p, PDC_COUNTER, "c", NULL), NULL);
	gauge = multi_series(multi_declare(p, PDC_GAUGE, "g", NULL), NULL);
	histogram = multi_series(multi_declare(p, PDC_HISTOGRAM, "h", NULL),
	    NULL);
	labelled = multi_declare(p, PDC_COUNTER, "made", "l");
	multi_declare(p, PDC_COUNTER, "a", NULL);
	multi_declare(p, PDC_COUNTER, "b", NULL);
}

static void
do_inc(void)
{
	pdc_inc(counter, 1);
}

static void
do_set(void)
{
	pdc_set(gauge, sh->now.gauge + 1);
}

static void
do_observe(void)
{
	pdc_observe(histogram, 1);
}

static void
do_log(void)
{
	pdc_log(p, PDC_LOG_INFO, "stepped", NULL, 0);
}

static void
do_log_nowait(void)
{
	pdc_log(p, PDC_LOG_INFO | PDC_NOWAIT, "stepped", NULL, 0);
}

static void
do_resolve(void)
{
	pdc_inc(multi_series(labelled, label), 1);
}

static void
do_open(void)
{
	struct pdc *own;

	if (pdc_open(&own, sh->dir, NULL) == 0)
		pdc_close(own);
}

static void
do_checkpoint(void)
{
	pdc_checkpoint(p);
}

static void
do_close(void)
{
	pdc_close(p);
}

/* Both or none. */
static void
do_commit(void)
{
	const struct pdc_key a = { "a", "_total", NULL, 0 };
	const struct pdc_key b = { "b", "_total", NULL, 0 };
	struct pdc_txn *t;

	if (pdc_begin(&t, p) < 0)
		return;
	pdc_value_inc(t, &a, 1);
	pdc_value_inc(t, &b, 1);
	pdc_commit(t);
}

/* A place of this process, for gauges of which each process has a value. */
static void
do_slot(void)
{
	pdc_set(multi_series(modes, NULL), sh->now.most + 1);
}

static void
do_remove(void)
{
	const char *values[] = { label, NULL };

	pdc_remove(labelled, values);
}

/* What has ended gives its cells to others. */
static void
do_maintain(void)
{
	pdc_maintain(p);
}

/* --- and what is there before --- */

static void
with_modes(void)
{
	struct pdc_desc d = { .type = PDC_GAUGE,
		.mode = PDC_MAX,
		.name = "most" };

	open_store();
	if (pdc_declare(&modes, p, &d) < 0)
		_exit(3);
}

static void
with_counts(void)
{
	open_store();
	pdc_inc(counter, 1);
	pdc_observe(histogram, 1);
}

static void
with_series(void)
{
	open_store();
	doomed = multi_series(labelled, label);
	pdc_inc(doomed, 1);
	pdc_checkpoint(p);
}

/* A family whose time has passed, and runs of cells to be used again. */
static void
with_ended(void)
{
	const char *values[] = { label, NULL };
	struct pdc_desc d = { .type = PDC_COUNTER,
		.name = "passing",
		.ttl_s = EXPIRY_S };
	struct pdc_family *f;

	with_series();
	if (pdc_declare(&f, p, &d) < 0)
		_exit(3);
	pdc_inc(multi_series(f, NULL), 1);
	pdc_checkpoint(p);
	pdc_remove(labelled, values);
	multi_pass(p, 2 * EXPIRY_S);
}

/* The cells file is deleted: what is in it is carried over. */
static void
with_lost(void)
{
	with_counts();
	if (multi_lose(sh->dir) < 1)
		_exit(3);
}

/* And its time is over: the mapping is given back. */
static void
with_left(void)
{
	with_lost();
	pdc_checkpoint(p);
	multi_pass(p, 61);
}

#define OBSERVED .count = 1, .sum = 1, .bucket = 1

/* What is there besides where it was not done, and where it was. */
static const struct op {
	const char *name;
	void (*prepare)(void);
	void (*run)(void);
	struct world before, after;
	int loses; /* the cells file */
} ops[] = {
	{ .name = "inc",
	    .prepare = open_store,
	    .run = do_inc,
	    .after = { .counter = 1 } },
	{ .name = "set",
	    .prepare = open_store,
	    .run = do_set,
	    .after = { .gauge = 1 } },
	{ .name = "observe",
	    .prepare = open_store,
	    .run = do_observe,
	    .after = { OBSERVED } },
	{ .name = "log",
	    .prepare = open_store,
	    .run = do_log,
	    .after = { .lines = 1 } },
	/* Without a ring it is refused. */
	{ .name = "log-nowait", .prepare = open_store, .run = do_log_nowait },
	{ .name = "resolve",
	    .prepare = open_store,
	    .run = do_resolve,
	    .after = { .series = 1 } },
	{ .name = "open", .run = do_open },
	{ .name = "checkpoint",
	    .prepare = with_counts,
	    .run = do_checkpoint,
	    .before = { .counter = 1, OBSERVED },
	    .after = { .counter = 1, OBSERVED } },
	{ .name = "close",
	    .prepare = with_counts,
	    .run = do_close,
	    .before = { .counter = 1, OBSERVED },
	    .after = { .counter = 1, OBSERVED } },
	{ .name = "commit",
	    .prepare = open_store,
	    .run = do_commit,
	    .after = { .a = 1, .b = 1 } },
	{ .name = "slot",
	    .prepare = with_modes,
	    .run = do_slot,
	    .after = { .most = 1 } },
	{ .name = "remove",
	    .prepare = with_series,
	    .run = do_remove,
	    .before = { .series = 1 } },
	{ .name = "maintain", .prepare = with_ended, .run = do_maintain },
	{ .name = "salvage",
	    .prepare = with_lost,
	    .run = do_checkpoint,
	    .after = { .counter = 1, OBSERVED },
	    .loses = 1 },
	{ .name = "leave",
	    .prepare = with_left,
	    .run = do_checkpoint,
	    .before = { .counter = 1, OBSERVED },
	    .after = { .counter = 1, OBSERVED },
	    .loses = 1 },
};

#define NOPS (sizeof(ops) / sizeof(ops[0]))

/* --- judging, in processes of their own --- */

static double
or_zero(double v)
{
	return isnan(v) ? 0 : v;
}

static int
look(struct world *w)
{
	char *page = multi_page(p);

	if (page == NULL)
		return -1;
	w->counter = or_zero(multi_sample(page, "c_total"));
	w->gauge = or_zero(multi_sample(page, "g"));
	w->count = or_zero(multi_sample(page, "h_count"));
	w->sum = or_zero(multi_sample(page, "h_sum"));
	w->bucket = or_zero(multi_sample(page, "h_bucket{le=\"1.0\"}"));
	w->a = or_zero(multi_sample(page, "a_total"));
	w->b = or_zero(multi_sample(page, "b_total"));
	w->most = or_zero(multi_sample(page, "most"));
	w->series = multi_sum(page, "made_total");
	w->lines = multi_lines(p);
	pdc_free(page);
	return 0;
}

static int
differs(const char *what, double got, double before, double after)
{
	if (got == after || (got == before && !sh->whole))
		return 0;
	diag("%s is %.17g, neither %.17g nor %.17g", what, got, before, after);
	return 1;
}

static int
wrong(const struct world *w, const struct op *op)
{
	const struct world *was = &sh->now;
	int bad = 0;

#define IS(x) \
	bad += differs(#x, (double)w->x, (double)(was->x + op->before.x), \
	    (double)(was->x + op->after.x))
	IS(counter);
	IS(gauge);
	IS(count);
	IS(sum);
	IS(bucket);
	IS(a);
	IS(b);
	IS(most);
	IS(series);
	IS(lines);
#undef IS
	if (w->count != w->sum || w->count != w->bucket || w->a != w->b) {
		diag("what belongs together is not: %g %g %g, %g %g", w->count,
		    w->sum, w->bucket, w->a, w->b);
		bad++;
	}
	return bad;
}

static void
finding(void *arg, const char *words)
{
	(void)arg;
	diag("check: %s", words);
	sh->bad++;
}

/* The page while somebody is stopped, and what is counted meanwhile. */
static void
bystander_looks(void)
{
	double counted;
	struct world w;

	sh->bad += look(&w) < 0 || wrong(&w, sh->op);
	counted = w.counter;
	pdc_inc(counter, 1);
	if (look(&w) < 0 || (w.counter != counted + 1 && !sh->op->loses)) {
		diag("%s: counted on from %g to %g", sh->op->name, counted,
		    w.counter);
		sh->bad++;
	}
}

/* A process that has the store open all the time.  It is asked for 1 or 2. */
static void
bystander(void)
{
	if (multi_fork() != 0)
		return;
	alarm(0); /* as long as its parent */
	open_store();
	for (;;) {
		while (atomic_load(&sh->ask) == 0)
			usleep(100);
		if (atomic_load(&sh->ask) == ASK_LOOK)
			bystander_looks();
		while (atomic_load(&sh->ask) == ASK_CHECKPOINT &&
		    pdc_checkpoint(p) == PDC_EBUSY)
			continue;
		atomic_store(&sh->ask, 0);
	}
}

static void
ask(const struct op *op, int what)
{
	int64_t until = multi_now_ms() + JUDGE_MS;

	sh->op = op;
	atomic_store(&sh->ask, what);
	while (atomic_load(&sh->ask) != 0 && multi_now_ms() < until)
		usleep(100);
	if (atomic_load(&sh->ask) != 0)
		bail_out("%s: the bystander hangs", op->name);
}

/* After all: what is there, a check, and that all goes on. */
static int
judge_after(void *arg)
{
	const struct op *op = *(const struct op *const *)arg;
	struct world w, then;

	p = multi_open(sh->dir, 0);
	if (pdc_checkpoint(p) < 0 || look(&w) < 0) {
		diag("%s", pdc_error());
		return 1;
	}
	sh->bad += wrong(&w, op);
	if (pdc_page_check(p, finding, NULL) < 0)
		sh->bad++;
	open_store();
	do_inc();
	do_observe();
	do_log();
	if (pdc_checkpoint(p) < 0 || look(&then) < 0)
		return 1;
	if (then.counter != w.counter + 1 || then.count != w.count + 1 ||
	    then.lines != w.lines + 1) {
		diag("then %g %g %d, not one more", then.counter, then.count,
		    (int)then.lines);
		sh->bad++;
	}
	sh->now = then;
	pdc_close(p);
	pdc_close(p);
	return 0;
}

/* --- stepping --- */

/* The child, ready to be stepped into op; -1: that is not allowed. */
static pid_t
begin(const struct op *op)
{
	int status;
	pid_t pid;

	snprintf(label, sizeof(label), "%d", nlabels++);
	pid = multi_fork();
	if (pid == 0) {
		if (op->prepare != NULL)
			op->prepare();
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1)
			_exit(77);
		raise(SIGSTOP);
		op->run();
		raise(SIGSTOP);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		bail_out("waitpid: %s", strerror(errno));
	if (!WIFSTOPPED(status)) {
		if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
			return -1;
		bail_out("%s: not prepared, status %x", op->name,
		    (unsigned)status);
	}
	return pid;
}

/* So many steps; how many it was until the end. */
static long
step(pid_t pid, long n, enum __ptrace_request how)
{
	int status, sig = 0;
	long i;

	for (i = 0; i < n; i++) {
		if (ptrace(how, pid, NULL, (void *)(uintptr_t)sig) == -1 ||
		    waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
			bail_out("a step fails");
		sig = WSTOPSIG(status);
		if (sig == SIGSTOP)
			return i;
		if (sig == SIGTRAP)
			sig = 0;
	}
	return n;
}

static void
end(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid)
		bail_out("waitpid: %s", strerror(errno));
}

static void
alone(int (*fn)(void *), const struct op *op, long at)
{
	int status = multi_alone(fn, &op, sizeof(op), JUDGE_MS);

	if (status != 0) {
		diag("%s, killed at %ld: a judge ends with %d", op->name, at,
		    status);
		sh->bad++;
	}
}

/*
 * A spot is so many stops at system calls, two each, then so many
 * instructions.  What is short is stepped from the beginning.
 */
struct spot {
	long calls, steps;
};

/* From its beginning to the end; 0: it is longer than max. */
static long
length(const struct op *op, enum __ptrace_request how, long max)
{
	pid_t pid = begin(op);
	long n;

	if (pid == -1)
		skip_all("tracing is not allowed");
	n = step(pid, max, how);
	end(pid);
	sh->whole = n < max;
	alone(judge_after, op, n);
	sh->whole = 0;
	return n < max ? n + 1 : 0;
}

static void
go(const struct op *op, const struct spot *at, int stopped)
{
	pid_t pid = begin(op);

	if (step(pid, at->calls, PTRACE_SYSCALL) == at->calls)
		step(pid, at->steps, PTRACE_SINGLESTEP);
	if (stopped) {
		ask(op, ASK_LOOK);
		sh->now.counter++;
		if (ptrace(PTRACE_CONT, pid, NULL, NULL) == -1)
			bail_out("PTRACE_CONT: %s", strerror(errno));
		usleep(1000);
	}
	end(pid);
	if (stopped)
		ask(op, ASK_CHECKPOINT);
	alone(judge_after, op, at->calls);
	if (sh->bad > 0)
		diag("%s at %ld stops at system calls and %ld instructions",
		    op->name, at->calls, at->steps);
}

static long
below(long n)
{
	return n == 0 ? 0 : (long)(multi_random(&seed) % (uint32_t)n);
}

static void
test(const struct op *op, long places, int stopped)
{
	long i, ncalls, nsteps, all, n = places;
	struct spot at;

	sh->bad = 0;
	ncalls = length(op, PTRACE_SYSCALL, LONG_MAX);
	nsteps = length(op, PTRACE_SINGLESTEP, STEPS_SHORT);
	all = nsteps > 0 ? nsteps : ncalls;
	if (n == 0 || n > all)
		n = all;
	for (i = 0; i < n && sh->bad == 0; i++) {
		at.calls = nsteps > 0 ? 0 : n == all ? i : below(ncalls);
		at.steps = nsteps == 0 ? below(below(more) + 1) :
		    n == all	       ? i :
					 below(nsteps);
		go(op, &at, stopped);
	}
	is_int(sh->bad, 0, "%s, %s at %ld of %ld %s", op->name,
	    stopped ? "stopped" : "killed", i, all,
	    nsteps > 0 ? "instructions" : "places, and behind");
}

int
main(int argc, char **argv)
{
	long places = argc > 1 ? atol(argv[1]) : PLACES;
	size_t i;

	seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)getpid();
	if (argc > 3)
		more = atol(argv[3]);
	diag("seed %llu", (unsigned long long)seed);
	sh = multi_shared(sizeof(*sh));
	snprintf(sh->dir, sizeof(sh->dir), "%s", tap_tmpdir());
	multi_alone_init();
	bystander();
	for (i = 0; i < NOPS; i++) {
		test(&ops[i], places, 0);
		test(&ops[i], places / 2 + (places == 1), 1);
	}
	return tap_done();
}
