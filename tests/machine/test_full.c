/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * A file system that is full to the last block while a process works: a tmpfs
 * of our own, on which everything is tried.
 */

#include "machine/machine.h"
#include "multi/multi.h"
#include "store/smallfs.h"

#define FS_BYTES (24UL << 20)
#define TRY_MS 30000

static const char *mnt;

static void
arm(void)
{
	smallfs_fill(mnt);
}

static int
disarm(void)
{
	smallfs_free(mnt);
	return 1;
}

static const struct machine_fail fail = { arm, disarm };

static int
may(int ret)
{
	return ret == PDC_ENOSPC;
}

static int
child(void *op)
{
	(void)machine_try(op, &fail, may);
	return 0;
}

static void
test(const struct machine_op *op)
{
	int status;

	machine_begin(mnt, 0);
	if (op->child)
		machine_open();
	status = multi_run(child, (void *)(uintptr_t)op, TRY_MS);
	if (op->child)
		machine_close();
	if (status != 0)
		machine_bad("it ends with %d", status);
	is_int(machine_judged(), 0, "%s", op->name);
}

int
main(void)
{
	int i;

	mnt = tap_tmpdir();
	smallfs_mount(mnt, FS_BYTES);
	machine_init();
	for (i = 0; i < machine_nops; i++)
		test(&machine_ops[i]);
	return tap_done();
}
