/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The last set of a gauge stays, also while its handle changes from rings or a
 * pending sum to its cell.
 */

#include <stdint.h>

#include "checkpoint/checkpoint.h"
#include "help.h"
#include "metric/metric.h"

#define TRIES 100

static struct pdc *p;

static struct pdc_series *
unplaced(struct pdc_family *f, const char *value)
{
	struct pdc_series *s;

	atomic_store(&p->retry_ns, INT64_MAX);
	s = help_series(f, value);
	atomic_store(&p->retry_ns, 0);
	return s;
}

/* Drain what is older than the margin; 1 if that was some and not all. */
static int
drain_once(void)
{
	uint64_t before = pdc_ring_backlog(pdc_cells_now(p)), after;
	struct stxn x;
	int ret;

	if (pdc_stxn_write(&x, p->store, 1000) < 0)
		bail_out("write: %s", pdc_error());
	ret = pdc_drain(&x, p, pdc_cells_now(p), 0);
	if (pdc_stxn_renew(&x) == 0)
		pdc_drain_hints(&x, pdc_cells_now(p));
	pdc_stxn_abort(&x);
	if (ret < 0)
		bail_out("drain: %s", pdc_error());
	after = pdc_ring_backlog(pdc_cells_now(p));
	return after > 0 && after < before;
}

/*
 * One record is old enough to be credited, which makes the cell; the next is
 * not.  A set after that must not be undone by it.
 */
static void
test_young_record(void)
{
	struct pdc_family *f;
	char name[32], sample[32];
	struct pdc_series *s;
	int i, n = 0;

	p = help_open(tap_tmpdir(), 0);
	f = help_family(p, PDC_GAUGE, "g", "l");
	if (pdc_cells_now(p)->use == 0) {
		skip("no rings without restartable sequences");
		pdc_close(p);
		return;
	}
	for (i = 0; i < TRIES && n != 1; i++) {
		snprintf(name, sizeof(name), "%d", i);
		s = unplaced(f, name);
		pdc_set(s, 1);
		usleep(1500);
		pdc_set(s, 2);
		n = drain_once();
	}
	is_int(n, 1, "one of two records was old enough, after %d tries", i);
	pdc_set(s, 3);
	pdc_inc(s, 1);
	pdc_checkpoint(p);
	pdc_checkpoint(p);
	snprintf(sample, sizeof(sample), "g{l=\"%d\"}", i - 1);
	is_double(help_sample(p, sample), 4, "the last set stays");
	pdc_set(s, 5);
	is_double(help_sample(p, sample), 5, "and then it goes by the cell");
	pdc_close(p);
}

static int
child_sets(void *arg)
{
	struct pdc_series **s = arg;
	int i;

	for (i = 1; i <= 200; i++) {
		if (i == 20) /* a slow call mends the handle, if it may */
			help_series(s[0]->family, s[0]->raw);
		pdc_set(s[0], i);
		pdc_inc(s[0], .5);
		if (i % 3 == 0)
			usleep(20);
	}
	return pdc_checkpoint(p) == 0 ? 0 : 1;
}

static int
child_checkpoints(void *arg)
{
	int i;

	for (i = 0; i < 1000000; i++)
		pdc_checkpoint(p);
	return arg != NULL;
}

static void
test_beside_checkpoints(unsigned flags, const char *how)
{
	struct pdc_series *s;
	char name[32], sample[32];
	struct pdc_family *f;
	int i, wrong = 0;
	pid_t pid;

	p = help_open(tap_tmpdir(), flags);
	f = help_family(p, PDC_GAUGE, "g", "l");
	pid = help_fork(child_checkpoints, NULL);
	for (i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "%d", i);
		s = unplaced(f, name);
		if (help_child(child_sets, &s) != 0)
			bail_out("a child");
		pdc_checkpoint(p);
		pdc_checkpoint(p);
		snprintf(sample, sizeof(sample), "g{l=\"%d\"}", i);
		if (help_sample(p, sample) != 200.5) {
			diag("%s: %g", sample, help_sample(p, sample));
			wrong++;
		}
	}
	kill(pid, SIGKILL);
	help_wait(pid);
	is_int(wrong, 0, "%s: the last set stays, beside checkpoints", how);
	pdc_close(p);
}

static int
sets_for_ever(void *arg)
{
	double v = 0;

	for (;;)
		pdc_set(arg, v++);
	return 0;
}

/* A checkpoint takes what rings have when it begins, not what comes then. */
static void
test_busy_rings(void)
{
	uint64_t slices, before;
	struct pdc_series *s;
	struct store_stat ss;
	pid_t pids[2];
	int i;

	p = help_open(tap_tmpdir(), 0);
	if (pdc_cells_now(p)->use == 0) {
		skip("no rings without restartable sequences");
		pdc_close(p);
		return;
	}
	s = unplaced(help_family(p, PDC_GAUGE, "g", "l"), "x");
	pdc_set(s, 1);
	for (i = 0; i < 2; i++)
		pids[i] = help_fork(sets_for_ever, s);
	slices = pdc_cells_now(p)->nlanes * pdc_cells_now(p)->ring_size /
		sizeof(struct ring_update) / 1024 +
	    1;
	usleep(20000);
	pdc_store_stat(p->store, &ss);
	before = ss.last_txn;
	is_int(pdc_checkpoint(p), 0, "a checkpoint while rings are written");
	pdc_store_stat(p->store, &ss);
	ok(ss.last_txn - before < 2 * slices + 20,
	    "ends: %llu transactions for %llu slices of rings",
	    (unsigned long long)(ss.last_txn - before),
	    (unsigned long long)slices);
	for (i = 0; i < 2; i++) {
		kill(pids[i], SIGKILL);
		is_int(help_wait(pids[i]), 1000 + SIGKILL, "writer %d ends", i);
	}
	pdc_close(p);
}

int
main(void)
{
	test_young_record();
	test_busy_rings();
	test_beside_checkpoints(0, "rings");
	test_beside_checkpoints(PDC_ATOMIC, "pending sums");
	return tap_done();
}
