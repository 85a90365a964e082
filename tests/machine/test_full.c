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

int
main(void)
{
	int i;

	mnt = tap_tmpdir();
	smallfs_mount(mnt, FS_BYTES);
	machine_init();
	for (i = 0; i < machine_nops; i++) {
		machine_begin(mnt, 0);
		(void)machine_apart(&machine_ops[i], &fail, may, NULL);
		is_int(machine_judged(), 0, "%s", machine_ops[i].name);
	}
	return tap_done();
}
