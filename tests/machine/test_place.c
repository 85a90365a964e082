/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The place of a store changes under who has it open: it is moved away, another
 * is put there, its cells are deleted, its rights are taken, a mount that may
 * only be read covers it.  Everything is tried meanwhile.
 */

#include <sys/mount.h>
#include <sys/stat.h>

#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "machine/machine.h"
#include "multi/multi.h"
#include "store/smallfs.h"

#define NOBODY 65534
#define OF_ANOTHER 1000
#define TRY_MS 30000

static char away[512], other[512];

static void
path_moves(const char *from, const char *to)
{
	if (rename(from, to) == -1)
		bail_out("%s to %s", from, to);
}

static void
move(void)
{
	path_moves(machine->dir, away);
}

static int
move_back(void)
{
	machine_remove(machine->dir);
	path_moves(away, machine->dir);
	return 1;
}

static void
replace(void)
{
	move();
	if (mkdir(machine->dir, 0700) == -1)
		bail_out("%s", machine->dir);
}

static int
make_other(void *arg)
{
	struct pdc *q = multi_open(other, 0);

	(void)arg;
	pdc_inc(multi_series(multi_declare(q, PDC_COUNTER, "c", NULL), NULL),
	    OF_ANOTHER);
	pdc_close(q);
	return 0;
}

static int
look_other(void *arg)
{
	struct pdc *q = multi_open(machine->dir, 0);

	(void)arg;
	(void)pdc_checkpoint(q);
	return multi_now(q, "c_total") != OF_ANOTHER;
}

static void
exchange(void)
{
	if (multi_run(make_other, NULL, TRY_MS) != 0)
		bail_out("%s cannot be made", other);
	move();
	path_moves(other, machine->dir);
}

static int
exchange_back(void)
{
	if (multi_run(look_other, NULL, TRY_MS) != 0)
		machine_bad("the other store has got something");
	return move_back();
}

static void
lose(void)
{
	if (multi_lose(machine->dir) < 0)
		bail_out("%s", machine->dir);
}

static int
lose_back(void)
{
	return 1;
}

static void
forbid(void)
{
	if (chmod(machine->dir, 0) == -1)
		bail_out("%s", machine->dir);
}

static int
forbid_back(void)
{
	if (chmod(machine->dir, 0700) == -1)
		bail_out("%s", machine->dir);
	return 1;
}

static int
become_nobody(void)
{
	return geteuid() == 0 &&
	    (setgroups(0, NULL) == -1 ||
		setresgid(NOBODY, NOBODY, NOBODY) == -1 ||
		setresuid(NOBODY, NOBODY, NOBODY) == -1);
}

static void
cover(void)
{
	const char *dir = machine->dir;

	if (mount(dir, dir, NULL, MS_BIND, NULL) == -1 ||
	    mount("none", dir, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) ==
		-1)
		bail_out("mount %s", dir);
}

static int
cover_back(void)
{
	if (umount2(machine->dir, MNT_DETACH) == -1)
		bail_out("umount %s", machine->dir);
	return 1;
}

static int
with_words(int ret)
{
	return ret <= PDC_EINVAL && ret >= PDC_ECANCELED;
}

static int
none(int ret)
{
	(void)ret;
	return 0;
}

static const struct change {
	const char *words;
	struct machine_fail fail;
	int (*may)(int);
	int (*enter)(void); /* before all; not 0: that is denied */
} changes[] = {
	{ "a store that is moved away", { move, move_back }, with_words, NULL },
	{ "and an empty directory is there", { replace, move_back }, with_words,
	    NULL },
	{ "and another store is there", { exchange, exchange_back }, with_words,
	    NULL },
	{ "a store that loses its cells", { lose, lose_back }, none, NULL },
	{ "a directory nobody may enter any more", { forbid, forbid_back },
	    with_words, become_nobody },
	{ "a mount that may only be read", { cover, cover_back }, with_words,
	    smallfs_unshare },
};

static const struct change *change;

static void
test(void)
{
	char *base = tap_tmpdir();
	int i, allowed = 1;

	if (geteuid() == 0 && chown(base, NOBODY, NOBODY) == -1)
		bail_out("%s", base);
	machine_begin(base, 0);
	snprintf(away, sizeof(away), "%s-away", machine->dir);
	snprintf(other, sizeof(other), "%s-other", machine->dir);
	for (i = 0; allowed && i < machine_nops; i++)
		if (!machine_ops[i].by_path)
			allowed = machine_apart(&machine_ops[i], &change->fail,
				      change->may, change->enter) >= 0;
	if (allowed)
		is_int(machine_judged(), 0, "%s", change->words);
	else
		skip("%s: not allowed", change->words);
}

int
main(void)
{
	machine_init();
	for (change = changes;
	     change < changes + sizeof(changes) / sizeof(changes[0]); change++)
		test();
	return tap_done();
}
