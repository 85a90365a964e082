/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Without memory: the nth allocation fails of all that an operation has, or all
 * from that one on.  Nothing is left behind.
 *
 *	test_memory [STEP [OPERATION]]	every so many allocations; 1: each, in
 *					both ways
 */

#include <stdlib.h>
#include <string.h>

#include "machine/machine.h"
#include "machine/memory.h"
#include "multi/multi.h"
#include "tap.h"

#define NTH_MAX 500
#define LOOP_MS 60000

static long nth, step = 11; /* nth 0: none */
static int on;

static void
arm(void)
{
	memory_arm(nth, on);
}

static const struct machine_fail fail = { arm, memory_disarm };

static int
may(int ret)
{
	return ret == PDC_ENOMEM;
}

static int
try(const struct machine_op *op)
{
	return op->child ? machine_apart(op, &fail, may, NULL) :
			   machine_try(op, &fail, may);
}

/* Whether any failed. */
static int
try_nth(const struct machine_op *op)
{
	long was = atomic_load(&memory->live);
	int failed = try(op);

	if (atomic_load(&memory->live) != was)
		machine_bad("%s: %ld allocations are left behind", op->name,
		    atomic_load(&memory->live) - was);
	if (machine->bad > 0)
		diag("%s, when the %ldth fails%s", op->name, nth,
		    on ? " and all that follow" : "");
	return failed;
}

static int
loop(void *arg)
{
	const struct machine_op *op = arg;
	int failed = 1;

	nth = 0;
	(void)try(op);
	for (nth = 1; failed && machine->bad == 0; nth += step) {
		if (nth > NTH_MAX)
			machine_bad("%s: there is no end of it", op->name);
		failed = try_nth(op);
		on = !on;
		if (step == 1 && failed)
			(void)try_nth(op);
	}
	return 0;
}

static void
test(const struct machine_op *op, unsigned flags)
{
	int status;

	machine_begin(NULL, flags);
	status = multi_run(loop, (void *)(uintptr_t)op, LOOP_MS);
	if (status != 0)
		machine_bad("it ends with %d", status);
	is_int(machine_judged(), 0, "%s%s", op->name,
	    flags != 0 ? ", without rseq" : "");
}

int
main(int argc, char **argv)
{
	const struct machine_op *op;

	if (!memory_counted())
		skip_all("the allocator is another's");
	machine_init();
	if (argc > 1)
		step = atol(argv[1]);
	for (op = machine_ops; op < machine_ops + machine_nops; op++)
		if (argc < 3 || strcmp(argv[2], op->name) == 0) {
			test(op, 0);
			test(op, PDC_ATOMIC);
		}
	return tap_done();
}
