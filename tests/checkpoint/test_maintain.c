/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The upkeep of a store by pdc_maintain(): what it does beyond a checkpoint,
 * that it does so in slices, and what it says where it cannot.
 */

#include <lmdb.h>

#include "checkpoint/checkpoint.h"
#include "help.h"
#include "metric/metric.h"
#include "multi/multi.h"
#include "sound.h"
#include "store/dying.h"

#define MANY 1500
#define FAMILIES 200
#define TTL 10

static char *dir;
static struct pdc *p;

static void
pass(int64_t ns)
{
	p->clock.mono_skew_ns += ns;
	p->clock.wall_skew_ns += ns;
}

static int
reader_line(const char *line, void *arg)
{
	long long *pid = arg;

	if (strtoll(line, NULL, 10) == *pid)
		*pid = -1;
	return 0;
}

/* Whether a process has a place in LMDB's table of readers. */
static int
is_reader(pid_t pid)
{
	long long found = pid;

	mdb_reader_list(p->store->env, reader_line, &found);
	return found == -1;
}

static int
child_killed(void *arg)
{
	struct stxn x;

	(void)arg;
	if (pdc_stxn_read(&x, p->store) < 0)
		return 1;
	return raise(SIGKILL);
}

static void
test_readers(void)
{
	pid_t pid = help_fork(child_killed, NULL);

	is_int(help_wait(pid), 1000 + SIGKILL, "a reader is killed");
	ok(is_reader(pid), "its place is taken");
	pdc_checkpoint(p);
	ok(is_reader(pid), "also after a checkpoint");
	is_int(pdc_maintain(p), 0, "upkeep");
	ok(!is_reader(pid), "frees it");
}

static void
test_expiry(void)
{
	struct pdc_desc d = { .type = PDC_COUNTER, .name = "t", .ttl_s = TTL };
	struct pdc_family *f;

	if (pdc_declare(&f, p, &d) < 0)
		bail_out("%s", pdc_error());
	pdc_inc(help_series(f, NULL), 1);
	pdc_maintain(p);
	is_int(multi_records(p, 'S'), 1, "what is used stays");
	pass((TTL + 2) * INT64_C(1000000000));
	pdc_checkpoint(p);
	is_int(multi_records(p, 'S'), 1, "a checkpoint ends nothing");
	pdc_maintain(p);
	is_int(multi_records(p, 'S') + multi_records(p, 'E'), 1, "upkeep does");
	is_int(multi_records(p, 'D'), 1, "its cells are given up");
	pass(DYING_GRACE_NS + 1);
	pdc_checkpoint(p);
	is_int(multi_records(p, 'D'), 1, "and stay so with checkpoints");
	pdc_maintain(p);
	is_int(multi_records(p, 'D') + multi_records(p, 'E') +
		multi_records(p, 'V'),
	    0, "but come back with upkeep");
	is_int(multi_records(p, 'U'), 1, "to be used again");
}

static void
test_again(void)
{
	static const char *const x[] = { "x", NULL };
	struct pdc_family *f = help_family(p, PDC_COUNTER, "again", "l");

	pdc_inc(help_series(f, "x"), 1);
	pdc_remove(f, x);
	is_int(multi_records(p, 'N'), 0,
	    "a number that was just given up waits");
	pass(DYING_GRACE_NS + 1);
	pdc_maintain(p);
	is_int(multi_records(p, 'N'), 1, "and is free after upkeep");
}

static uint64_t
last_txn(void)
{
	struct store_stat ss;

	if (pdc_store_stat(p->store, &ss) < 0)
		bail_out("%s", pdc_error());
	return ss.last_txn;
}

/* A family of many series ends, and nobody has swept it. */
static void
many(void)
{
	struct pdc_family *f = help_family(p, PDC_COUNTER, "many", "l");
	struct family *fam = malloc(sizeof(*fam));
	struct stxn x;
	char name[16];
	int i;

	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "%d", i);
		pdc_inc(help_series(f, name), 1);
	}
	if (fam == NULL || pdc_stxn_write(&x, p->store, 1000) < 0 ||
	    pdc_family_get(&x, "many", fam) < 0)
		bail_out("%s", pdc_error());
	pdc_family_end(&x, fam, GONE_ENDED);
	pdc_stxn_commit(&x);
	free(fam);
}

static void
test_slices(void)
{
	int before = multi_records(p, 'S'), left;
	uint64_t txn;

	many();
	is_int(multi_records(p, 'S'), before + MANY, "%d series have ended",
	    MANY);
	is_int(pdc_maintain_run(p, 1000, 1), 0, "one slice");
	left = multi_records(p, 'S') - before;
	ok(left > 0 && left < MANY, "does a part: %d are left", left);
	is_int(pdc_maintain(p), 0, "upkeep");
	is_int(multi_records(p, 'S'), before, "does the rest");
	pass(DYING_GRACE_NS + 1);
	pdc_maintain(p);
	is_int(multi_records(p, 'D') + multi_records(p, 'E'), 0,
	    "and later its cells");
	txn = last_txn();
	is_int(pdc_maintain(p), 0, "with nothing to do");
	ok(last_txn() == txn, "nothing is written");
}

static int
walk_count(struct stxn *x, void *arg, const struct walk_rec *r)
{
	int *n = arg;

	(void)x;
	(void)r;
	++*n;
	return 0;
}

/* A walk whose time is over at once goes on where it was. */
static void
test_walks(void)
{
	struct stxn x;
	struct walk w;
	char name[16];
	int i, n = 0, parts = 0, had = multi_records(p, 'F');

	for (i = 0; i < FAMILIES; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		help_family(p, PDC_GAUGE, name, NULL);
	}
	if (pdc_stxn_write(&x, p->store, 1000) < 0)
		bail_out("%s", pdc_error());
	pdc_walk_init(&w, "F", 1);
	w.until_ns = 0;
	for (; w.more && parts < 100; parts++)
		if (pdc_walk_some(&x, &w, walk_count, &n) < 0)
			bail_out("%s", pdc_error());
	pdc_stxn_abort(&x);
	is_int(n, had + FAMILIES, "a walk in parts comes by each record once");
	ok(parts > 2 && parts < 100, "in %d parts", parts);
}

static int
child_maintains(void *arg)
{
	(void)arg;
	return pdc_maintain(p) != 0;
}

static void
test_refused(void)
{
	pid_t pid;

	is_int(pdc_maintain(NULL), PDC_EINVAL, "no store: %s", pdc_error());
	is_int(help_child(child_maintains, NULL), 0, "a child may");
	is_int(pdc_maintain(p), 0, "and its parent after it");
	pid = multi_holder(dir);
	is_int(pdc_maintain_run(p, 20, 1), PDC_EBUSY,
	    "not while somebody keeps the lock: %s", pdc_error());
	multi_release(pid);
	is_int(pdc_maintain_run(p, 1000, 1), 0, "then again");
	sound_close(p);
	p = help_open(dir, PDC_RDONLY);
	is_int(pdc_maintain(p), PDC_EPERM, "nor to read only: %s", pdc_error());
}

int
main(void)
{
	dir = tap_tmpdir();
	p = help_open(dir, 0);
	test_readers();
	test_expiry();
	test_again();
	test_slices();
	test_walks();
	test_refused();
	sound_close(p);
	return tap_done();
}
