/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The life of cells files: deleted under their users, copied with a store,
 * gone with a boot, seen by one process and not by another.
 */

#include <sys/wait.h>

#include <fcntl.h>
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
#include "sound.h"
#include "tap.h"

#define NWORKERS 4

static struct shared {
	_Atomic int stop, step, done;
	_Atomic uint64_t total, ready;
} * sh;

static struct pdc_series *
counter(struct pdc *p, const char *name)
{
	return multi_series(multi_declare(p, PDC_COUNTER, name, NULL), NULL);
}

static int
apart(int (*fn)(void *), const char *dir)
{
	return multi_alone(fn, dir, strlen(dir) + 1, 5000);
}

/* Opens, adds n to c, closes; as another program would. */
struct visit {
	char dir[256];
	int n, lose;
};

static int
visit(void *arg)
{
	const struct visit *v = arg;
	struct pdc *p = multi_open(v->dir, 0);
	struct pdc_series *s = counter(p, "c");
	int i;

	if (v->lose) {
		if (pdc_checkpoint(p) < 0)
			return 1;
		multi_lose(v->dir);
	}
	for (i = 0; i < v->n; i++)
		pdc_inc(s, 1);
	pdc_close(p);
	return 0;
}

static int
visited(const char *dir, int n, int lose_it)
{
	struct visit v = { .n = n, .lose = lose_it };

	strcpy(v.dir, dir);
	return multi_alone(visit, &v, sizeof(v), 10000);
}

/* What a fresh process sees of c, as an exit status below 256. */
static int
look(void *arg)
{
	double v = multi_now(multi_open(arg, 0), "c_total");

	return isnan(v) ? 255 : (int)v;
}

static void
test_losses_in_a_row(void)
{
	char *dir = tap_tmpdir();
	struct pdc *p = multi_open(dir, 0);
	struct pdc_series *s = counter(p, "c");
	int i;

	for (i = 0; i < 10; i++)
		pdc_inc(s, 1);
	is_int(multi_lose(dir), 1, "the cells are deleted");
	is_int(visited(dir, 5, 0), 0, "another process begins an epoch");
	multi_lose(dir);
	is_int(visited(dir, 3, 0), 0, "and another a third one");
	for (i = 0; i < 7; i++)
		pdc_inc(s, 1);
	is_int(pdc_checkpoint(p), 0, "who has the first file checkpoints");
	is_double(multi_now(p, "c_total"), 25, "nothing is lost or doubled");
	pdc_inc(s, 1);
	pdc_checkpoint(p);
	is_double(multi_now(p, "c_total"), 26, "and counting goes on");
	pdc_inc(s, 1);
	is_double(multi_now(p, "c_total"), 27, "by a handle that has mended");
	pdc_checkpoint(p);
	pdc_checkpoint(p);
	is_double(multi_now(p, "c_total"), 27, "more checkpoints add nothing");
	multi_lose(dir);
	pdc_inc(s, 1);
	multi_lose(dir);
	is_int(pdc_checkpoint(p), 0, "a loss that nobody saw");
	is_int(apart(look, dir), 28, "is salvaged");
	sound_close(p);
	is_int(apart(look, dir), 28, "and stays so");
}

static void
test_close_salvages(void)
{
	char *dir = tap_tmpdir();

	is_int(visited(dir, 1, 0), 0, "a store is made");
	is_int(visited(dir, 10, 1), 0,
	    "who checkpointed, lost the cells, counted and closed");
	is_int(apart(look, dir), 11, "has lost nothing");
}

/* A store whose cells are deleted while the process has this of it open. */
static struct pdc *
lost_store(const char *dir)
{
	struct pdc *p = multi_open(dir, 0);

	multi_declare(p, PDC_COUNTER, "c", NULL);
	multi_declare(p, PDC_COUNTER, "named", NULL);
	multi_declare(p, PDC_GAUGE, "g", NULL);
	return p;
}

static int
add_by_name(struct pdc *p, const char *name, double v)
{
	struct pdc_key k = { .metric = name,
		.suffix = strcmp(name, "g") == 0 ? "" : "_total" };

	return multi_put(p, "inc", &k, v);
}

/* Counts in a deleted file, writes something else by name, and is killed. */
static int
writes_and_dies(void *arg)
{
	struct pdc *p = lost_store(arg);
	struct pdc_series *s = counter(p, "c");

	pdc_inc(s, 1);
	if (add_by_name(p, "named", 1) != 0 || multi_lose(arg) != 1)
		return 1;
	pdc_inc(s, 2);
	if (add_by_name(p, "named", 1) != 0)
		return 2;
	raise(SIGKILL);
	return 3;
}

/* Has counted by name alone until its cells are deleted, and not later. */
static int
counts_later(void *arg)
{
	struct pdc *p = lost_store(arg);
	struct pdc_series *s;

	if (add_by_name(p, "g", 8) != 0 || multi_lose(arg) != 1 ||
	    add_by_name(p, "g", 8) != 0)
		return 1;
	s = counter(p, "c");
	pdc_inc(s, 3);
	pdc_set(multi_series(multi_declare(p, PDC_GAUGE, "g", NULL), NULL), 9);
	if (multi_lose(arg) != 1 || add_by_name(p, "g", 1) != 0)
		return 2;
	raise(SIGKILL);
	return 3;
}

/* A call that writes by name is one after which nothing is lost. */
static void
test_lost_by_name(void)
{
	char *dir = tap_tmpdir();
	struct pdc *p;

	is_int(apart(writes_and_dies, dir), 256 + SIGKILL,
	    "the cells are deleted under one who writes by name, then he dies");
	p = multi_open(dir, 0);
	is_double(multi_now(p, "c_total"), 3, "what he counted is there");
	is_double(multi_now(p, "named_total"), 2, "and what he wrote");
	sound_close(p);
}

/* Who has nothing in the cells may go on without them. */
static void
test_only_by_name(void)
{
	char *dir = tap_tmpdir();
	struct pdc *p = lost_store(dir);
	int i;

	for (i = 0; i < 3; i++) {
		is_int(add_by_name(p, "named", 1), 0, "a counter by name");
		is_int(add_by_name(p, "g", 1), 0, "and a gauge");
		if (i < 2)
			multi_lose(dir);
		is_int(add_by_name(p, "named", 2), 0, "the counter again");
		is_int(add_by_name(p, "g", 2), 0, "and the gauge");
		if (i > 0)
			is_int(visited(dir, 5, 0), 0, "another counts");
	}
	is_double(multi_now(p, "named_total"), 9, "all is there");
	is_double(multi_now(p, "g"), 9, "of both");
	is_double(multi_now(p, "c_total"), 10, "and the other's");
	sound_close(p);
	is_int(apart(counts_later, dir), 256 + SIGKILL,
	    "who had nothing in them, has later, and loses them again");
	p = multi_open(dir, 0);
	is_double(multi_now(p, "c_total"), 13, "all he counted is there");
	is_double(multi_now(p, "g"), 10, "and the gauge");
	sound_close(p);
}

/* What was dropped stays counted when the file it was counted in is lost. */
static void
test_drops_stay(void)
{
	char *dir = tap_tmpdir();
	struct pdc *p = multi_open(dir, 0);
	struct pdc_series *s = counter(p, "c");

	pdc_inc(s, -1);
	pdc_inc(s, -1);
	multi_lose(dir);
	is_int(visited(dir, 1, 0), 0, "another process begins an epoch");
	pdc_inc(s, -1);
	pdc_checkpoint(p);
	pdc_inc(s, -1);
	is_int((long long)atomic_load(
		   &pdc_cells_now(p)->head->drops[DROP_AMOUNT]),
	    4, "drops of the lost file and of the new one are counted");
	pdc_checkpoint(p);
	is_int((long long)atomic_load(
		   &pdc_cells_now(p)->head->drops[DROP_AMOUNT]),
	    4, "once");
	sound_close(p);
}

/*
 * Handles made while the lock was held go by forward entries, which a salvage
 * stores in the file of the next epoch: no id may be there twice.
 */
static void
test_ids_of_two_epochs(void)
{
	char *dir = tap_tmpdir();
	struct pdc *p = multi_open(dir, 0);
	struct pdc_family *f = multi_declare(p, PDC_COUNTER, "m", "l");
	struct pdc_series *a, *b;
	pid_t pid = multi_holder(dir);

	a = multi_series(f, "a");
	pdc_inc(a, 1);
	is_int(multi_release(pid), 0, "a handle is made without cells");
	multi_lose(dir);
	pdc_checkpoint(p);
	atomic_store(&p->retry_ns, 0);
	pid = multi_holder(dir);
	b = multi_series(f, "b");
	pdc_inc(b, 100);
	is_int(multi_release(pid), 0, "and another in the next epoch");
	pdc_checkpoint(p);
	pdc_inc(b, 1000);
	pdc_checkpoint(p);
	is_double(multi_now(p, "m_total{l=\"a\"}"), 1, "the first has its own");
	is_double(multi_now(p, "m_total{l=\"b\"}"), 1100, "and so the other");
	sound_close(p);
}

static void
test_replaced_directory(void)
{
	char *dir = tap_tmpdir(), old[4096];
	struct pdc *p = multi_open(dir, 0);
	struct pdc_series *s = counter(p, "c");

	pdc_inc(s, 1);
	snprintf(old, sizeof(old), "%s-old", dir);
	if (rename(dir, old) == -1 || mkdir(dir, 0700) == -1)
		bail_out("moving the store");
	multi_lose(old);
	is_int(pdc_checkpoint(p), PDC_ENOENT,
	    "who has a store that was replaced is told so");
	ok(strstr(pdc_error(), "removed or replaced") != NULL, "in words");
	is_int(rmdir(dir), 0, "and nothing is put into the new directory");
	if (rename(old, dir) == -1)
		bail_out("moving the store back");
	is_int(pdc_checkpoint(p), 0, "back again it goes on");
	is_double(multi_now(p, "c_total"), 1, "and nothing is lost");
	sound_close(p);
}

/* In the next epoch: resolve it or not, then set it by name. */
static int
set_apart(void *arg)
{
	struct pdc *p = multi_open(arg, 0);
	struct pdc_key key = { "c", "_total", NULL, 0 };
	struct pdc_txn *txn;

	if (sh->step == 1 && counter(p, "c") == NULL)
		return 1;
	if (pdc_begin(&txn, p) < 0 || pdc_value_set(txn, &key, 10) < 0 ||
	    pdc_commit(txn) < 0)
		return 2;
	pdc_close(p);
	return 0;
}

/*
 * A counter is set by name while another process still counts in the file of
 * the epoch before: that is added to what it was set to, once.
 */
static void
test_set_and_old_epoch(int resolve)
{
	char *dir = tap_tmpdir();
	struct pdc *p = multi_open(dir, 0);
	struct pdc_series *s = counter(p, "c");
	int i;

	memset(sh, 0, sizeof(*sh));
	atomic_store(&sh->step, resolve);
	pdc_inc(s, 1);
	pdc_checkpoint(p);
	multi_lose(dir);
	is_int(apart(set_apart, dir), 0, "a counter is set in the next epoch");
	pdc_inc(s, 7);
	for (i = 0; i < 3; i++)
		pdc_checkpoint(p);
	is_double(multi_now(p, "c_total"), 17,
	    "what the epoch before still got is added");
	pdc_inc(s, 5);
	pdc_checkpoint(p);
	is_double(multi_now(p, "c_total"), 22, "once");
	p->clock.mono_skew_ns += 61 * (int64_t)1000000000;
	for (i = 0; i < 3; i++) {
		pdc_checkpoint(p);
		p->clock.mono_skew_ns += 61 * (int64_t)1000000000;
	}
	is_double(multi_now(p, "c_total"), 22, "also when a minute is over");
	sound_close(p);
}

static int
stale(void *arg)
{
	int step = 0, i;

	while (!atomic_load(&sh->stop)) {
		if (atomic_load(&sh->step) == step) {
			usleep(100);
			continue;
		}
		for (i = 0; i < 3000; i++)
			pdc_inc(arg, 1);
		atomic_store(&sh->done, ++step);
	}
	_exit(0);
}

static void
test_stale_process(void)
{
	char *dir = tap_tmpdir();
	struct pdc *p = multi_open(dir, 0);
	struct pdc_series *s = counter(p, "c");
	struct pdc_stat st;
	int i;
	pid_t pid;

	if (!multi_rings(p)) {
		sound_close(p);
		return;
	}
	memset(sh, 0, sizeof(*sh));
	pdc_inc(s, 1);
	pid = multi_fork();
	if (pid == 0)
		_exit(stale(s));
	multi_lose(dir);
	for (i = 1; i <= 20; i++) {
		atomic_store(&sh->step, i);
		while (atomic_load(&sh->done) != i)
			usleep(100);
		pdc_checkpoint(p);
	}
	is_double(multi_now(p, "c_total"), 60001,
	    "a process that only ever counts is salvaged by another");
	atomic_store(&sh->stop, 1);
	is_int(multi_wait(pid, 5000), 0, "it ends");
	pdc_stat_get(p, &st);
	is_int((long long)st.drops[DROP_RING_FULL], 0, "nothing is dropped");
	sound_close(p);
}

static void
churn(const char *dir, int worker)
{
	struct pdc *p = multi_open(dir, 0);
	struct pdc_family *f = multi_declare(p, PDC_COUNTER, "l", "l");
	struct pdc_series *s = counter(p, "c"), *h, *a;
	uint64_t n = 0, seed = (uint64_t)worker;
	char value[16];
	int i;

	h = multi_series(multi_declare(p, PDC_HISTOGRAM, "h", NULL), NULL);
	atomic_fetch_add(&sh->ready, 1);
	while (!atomic_load(&sh->stop)) {
		snprintf(value, sizeof(value), "%u", multi_random(&seed) % 50);
		a = multi_series(f, value);
		for (i = 0; i < 20; i++, n++) {
			pdc_inc(s, 1);
			pdc_observe(h, 1);
			pdc_inc(a, 1);
		}
		pdc_series_free(a);
		/* Before the rings are full of what stale handles got. */
		if (multi_random(&seed) % 8 == 0)
			pdc_checkpoint(p);
	}
	while (pdc_checkpoint(p) < 0)
		continue;
	atomic_fetch_add(&sh->total, n);
	pdc_close(p);
	_exit(0);
}

static double
sum_labels(const char *page)
{
	char sample[32];
	double sum = 0, v;
	int i;

	for (i = 0; i < 50; i++) {
		snprintf(sample, sizeof(sample), "l_total{l=\"%d\"}", i);
		v = multi_sample(page, sample);
		sum += isnan(v) ? 0 : v;
	}
	return sum;
}

static void
test_running(int losses)
{
	char *dir = tap_tmpdir(), *page;
	pid_t pids[NWORKERS];
	struct pdc *p;
	double want;
	int i, bad = 0;

	memset(sh, 0, sizeof(*sh));
	for (i = 0; i < NWORKERS; i++) {
		pids[i] = multi_fork();
		if (pids[i] == 0)
			churn(dir, i);
	}
	while (atomic_load(&sh->ready) < NWORKERS)
		multi_sleep_ms(1);
	for (i = 0; i < losses; i++) {
		multi_sleep_ms(40);
		multi_lose(dir);
	}
	multi_sleep_ms(40);
	atomic_store(&sh->stop, 1);
	for (i = 0; i < NWORKERS; i++)
		bad += multi_wait(pids[i], 10000) != 0;
	is_int(bad, 0, "%d losses under %d workers", losses, NWORKERS);
	p = multi_open(dir, 0);
	page = multi_page(p);
	want = (double)atomic_load(&sh->total);
	is_double(multi_sample(page, "c_total"), want, "the counter is exact");
	is_double(multi_sample(page, "h_count"), want, "the histogram, too");
	is_double(multi_sample(page, "h_sum"), want, "and its sum");
	is_double(sum_labels(page), want, "and all label sets together");
	pdc_free(page);
	sound_close(p);
}

static int
set_by_name(void *arg)
{
	static const struct pdc_key k = { "g", "", NULL, 0 };
	struct pdc *p = multi_open(arg, 0);

	return multi_put(p, "set", &k, 7) != 0;
}

static int
resolve_gauge(void *arg)
{
	struct pdc *p = multi_open(arg, 0);

	return multi_series(multi_declare(p, PDC_GAUGE, "g", NULL), NULL) ==
	    NULL;
}

static void
test_gauges(void)
{
	char *dir = tap_tmpdir();
	struct pdc *p = multi_open(dir, 0);
	struct pdc_series *s;

	s = multi_series(multi_declare(p, PDC_GAUGE, "g", NULL), NULL);
	pdc_set(s, 3);
	pdc_checkpoint(p);
	pdc_set(s, 5);
	multi_lose(dir);
	is_int(pdc_checkpoint(p), 0, "a gauge's cell is lost");
	is_double(multi_now(p, "g"), 5, "and what it was is salvaged");
	pdc_inc(s, 1);
	pdc_checkpoint(p);
	is_double(multi_now(p, "g"), 6, "the handle goes on");
	pdc_set(multi_series(multi_declare(p, PDC_GAUGE, "g", NULL), NULL), 4);
	is_double(multi_now(p, "g"), 4, "and mends");
	multi_lose(dir);
	is_int(apart(set_by_name, dir), 0, "lost again, and set by name");
	pdc_checkpoint(p);
	is_double(multi_now(p, "g"), 7, "what was set last stays");
	pdc_set(s, 8);
	pdc_checkpoint(p);
	is_double(multi_now(p, "g"), 8, "until it is set again");
	pdc_set(s, 11);
	multi_lose(dir);
	is_int(apart(resolve_gauge, dir), 0,
	    "lost once more, and resolved elsewhere");
	is_int(pdc_checkpoint(p), 0, "who set it comes later");
	is_double(multi_now(p, "g"), 11, "and what he had set is there");
	sound_close(p);
}

static void
copy(const char *from, const char *to)
{
	char command[1024];

	snprintf(command, sizeof(command), "cp -a %s/. %s/", from, to);
	if (system(command) != 0)
		bail_out("%s failed", command);
}

static void
test_copy(int open)
{
	char *dir = tap_tmpdir(), *dir2 = tap_tmpdir();
	struct pdc *p = multi_open(dir, 0), *q;
	struct pdc_series *s = counter(p, "c"), *t;
	struct pdc_stat a, b;

	pdc_inc(s, 5);
	pdc_checkpoint(p);
	if (!open)
		sound_close(p);
	else
		pdc_inc(s, 1);
	copy(dir, dir2);
	if (!open)
		p = multi_open(dir, 0);
	s = counter(p, "c");
	q = multi_open(dir2, 0);
	t = counter(q, "c");
	is_double(multi_now(q, "c_total"), 5, "a copy has the last checkpoint");
	pdc_stat_get(p, &a);
	pdc_stat_get(q, &b);
	ok(strcmp(a.uuid, b.uuid) != 0, "another uuid");
	ok(strcmp(a.cells_path, b.cells_path) != 0, "and its own cells");
	pdc_inc(t, 100);
	pdc_inc(s, 1000);
	pdc_checkpoint(p);
	pdc_checkpoint(q);
	is_double(multi_now(p, "c_total"), open ? 1006 : 1005,
	    "the original counts alone");
	is_double(multi_now(q, "c_total"), 105, "and so does the copy");
	multi_lose(dir2);
	pdc_checkpoint(q);
	is_double(multi_now(q, "c_total"), 105, "the copy loses its cells");
	is_double(multi_now(p, "c_total"), open ? 1006 : 1005,
	    "of two stores in one process the other does not care");
	pdc_close(q);
	sound_close(p);
}

/* Write into the store that it was last used in another boot. */
static int
reboot(void *arg)
{
	struct pdc *p = multi_open(arg, 0);
	struct stxn x;

	pdc_inc(counter(p, "c"), 100); /* lost: after the last checkpoint */
	if (pdc_stxn_write(&x, p->store, 1000) < 0)
		return 1;
	strcpy(x.meta.boot_id, "of-another-boot");
	return pdc_stxn_commit(&x) != 0;
}

static void
test_reboot(void)
{
	char *dir = tap_tmpdir();
	struct pdc *p;
	int round;

	is_int(visited(dir, 9, 0), 0, "a store is filled");
	for (round = 0; round < 2; round++) {
		is_int(apart(reboot, dir), 0, "the machine reboots");
		multi_lose(dir);
		is_int(apart(look, dir), 9 + round,
		    "what was checkpointed is there");
		is_int(visited(dir, 1, 0), 0, "and counting goes on");
		is_int(apart(look, dir), 10 + round, "from there");
	}
	p = multi_open(dir, 0);
	is_double(multi_get(p, "c", "_total", NULL, NULL), 11, "by name, too");
	sound_close(p);
}

static int
use(void *arg)
{
	struct pdc *p = multi_open(arg, 0);

	pdc_inc(counter(p, "c"), 1);
	atomic_store(&sh->done, 1);
	while (!atomic_load(&sh->stop))
		usleep(1000);
	_exit(0);
}

/* Write into the store that its cells lie on another device. */
static int
elsewhere(void *arg)
{
	struct pdc *p = multi_open(arg, 0);
	struct stxn x;

	if (pdc_stxn_write(&x, p->store, 1000) < 0)
		return 1;
	x.meta.cells_dev++;
	return pdc_stxn_commit(&x) != 0;
}

static int
refused(void *arg)
{
	struct pdc *p;
	int ret = pdc_open(&p, arg, NULL);

	if (ret == 0)
		return 0;
	if (ret != PDC_EPERM)
		return 2;
	return strstr(pdc_error(), "in use") != NULL ? 1 : 3;
}

static void
test_in_use(void)
{
	char *dir = tap_tmpdir();
	pid_t pid;

	memset(sh, 0, sizeof(*sh));
	pid = multi_fork();
	if (pid == 0)
		_exit(use(dir));
	while (!atomic_load(&sh->done))
		multi_sleep_ms(1);
	is_int(apart(elsewhere, dir), 0, "cells on another device");
	is_int(apart(refused, dir), 1,
	    "are refused with the reason while they are in use");
	is_int(apart(refused, dir), 1, "always");
	atomic_store(&sh->stop, 1);
	is_int(multi_wait(pid, 5000), 0, "their user ends");
	is_int(apart(refused, dir), 0, "then the store is ours");
}

int
main(void)
{
	sh = multi_shared(sizeof(*sh));
	multi_alone_init();
	test_losses_in_a_row();
	test_close_salvages();
	test_lost_by_name();
	test_only_by_name();
	test_drops_stay();
	test_set_and_old_epoch(0);
	test_set_and_old_epoch(1);
	test_replaced_directory();
	test_ids_of_two_epochs();
	test_stale_process();
	test_gauges();
	test_copy(0);
	test_copy(1);
	test_reboot();
	test_in_use();
	test_running(1);
	test_running(tap_short() ? 3 : 12);
	return tap_done();
}
