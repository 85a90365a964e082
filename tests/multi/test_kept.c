/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * What is kept for a cells file that was deleted, records C, K and R and
 * numbers that are not given out, stays as long as anybody maps the file, and
 * no longer.
 */

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/wire.h"
#include "checkpoint/checkpoint.h"
#include "metric/metric.h"
#include "multi/multi.h"
#include "sound.h"
#include "tap.h"

#define GRACE 61 /* seconds, a little more than DYING_GRACE_NS */
#define NSERIES 20
#define NGONE 5

static struct shared {
	_Atomic int step, done;
} * sh;

static struct pdc *p;
static char *dir;
static struct pdc_family *c;
static struct pdc_series *s[NSERIES];

/* Each series has 1. */
static void
begin(void)
{
	char value[16];
	int i;

	memset(sh, 0, sizeof(*sh));
	dir = tap_tmpdir();
	p = multi_open(dir, 0);
	c = multi_declare(p, PDC_COUNTER, "c", "l");
	for (i = 0; i < NSERIES; i++) {
		snprintf(value, sizeof(value), "%d", i);
		s[i] = multi_series(c, value);
		pdc_inc(s[i], 1);
	}
	pdc_maintain(p);
}

static void
labelled(const char *prefix, int n,
    int (*fn)(struct pdc_family *, const char *))
{
	char value[16];
	int i, bad = 0;

	for (i = 0; i < n; i++) {
		snprintf(value, sizeof(value), "%s%d", prefix, i);
		bad += fn(c, value) < 0;
	}
	if (bad != 0)
		bail_out("labels: %s", pdc_error());
}

static int
drop(struct pdc_family *f, const char *value)
{
	const char *values[] = { value, NULL };

	return pdc_remove(f, values);
}

static int
make(struct pdc_family *f, const char *value)
{
	struct pdc_series *made = multi_series(f, value);

	pdc_inc(made, 1);
	pdc_series_free(made);
	return made != NULL ? 0 : -1;
}

/* The file goes, all go on in a new one, and the first ones are removed. */
static void
lose(void)
{
	int i;

	if (multi_lose(dir) != 1)
		bail_out("no cells to delete");
	pdc_checkpoint(p);
	for (i = 0; i < NSERIES; i++)
		pdc_inc(s[i], 1);
	pdc_maintain(p);
	labelled("", NGONE, drop);
}

static void
pass(void)
{
	pdc_maintain(p);
	multi_pass(p, GRACE);
	pdc_maintain(p);
	pdc_maintain(p);
}

static uint32_t
next_n(void)
{
	struct family f;
	struct stxn x;

	if (pdc_stxn_read(&x, p->store) < 0 || pdc_family_get(&x, "c", &f) < 0)
		bail_out("family: %s", pdc_error());
	pdc_stxn_abort(&x);
	return f.r.next_n;
}

/* Another process that maps the file: it counts by the last series. */
static pid_t
other(void)
{
	pid_t pid = multi_fork();

	while (pid == 0) {
		while (atomic_load(&sh->step) == atomic_load(&sh->done))
			usleep(100);
		pdc_inc(s[NSERIES - 1], 1);
		atomic_fetch_add(&sh->done, 1);
	}
	return pid;
}

static void
step(void)
{
	int n = atomic_fetch_add(&sh->step, 1) + 1;

	while (atomic_load(&sh->done) != n)
		usleep(100);
}

static void
end(pid_t pid)
{
	kill(pid, SIGKILL);
	multi_wait(pid, 5000);
}

static int
rings(void)
{
	return pdc_cells_now(p)->use > 0;
}

static void
is_kept(int blocks, int gone, const char *when)
{
	ok((multi_records(p, 'C') > 0) == blocks, "blocks of it are %s %s",
	    blocks ? "kept" : "gone", when);
	is_int(multi_records(p, 'K'), gone, "and as many series of it");
	ok(blocks || multi_records(p, 'R') <= 1,
	    "positions of rings are, if any, of the present ones");
}

static void
test_alone(void)
{
	uint32_t n;

	begin();
	n = next_n();
	lose();
	ok(multi_records(p, 'C') > 0, "blocks of a file that is lost are kept");
	pass();
	is_kept(0, 0, "when nobody maps it");
	labelled("new", NGONE, make);
	is_int(next_n(), n, "numbers of what is gone are given out again");
	is_double(multi_now(p, "c_total{l=\"19\"}"), 2, "all is counted");
	is_double(multi_now(p, "c_total{l=\"new4\"}"), 1, "also by these");
	sound_close(p);
}

static void
test_other(void)
{
	pid_t pid;
	uint32_t n;

	begin();
	pid = other();
	n = next_n();
	lose();
	pass();
	is_kept(1, NGONE, "while a child maps it");
	labelled("new", NGONE, make);
	is_int(next_n(), n + NGONE, "no number is given out again");
	labelled("new", NGONE, drop);
	pass();
	is_kept(1, NGONE, "but nothing of what came later");
	labelled("again", NGONE, make);
	is_int(next_n(), n + NGONE, "whose numbers are given out again");
	labelled("again", NGONE, drop);
	pass();
	if (rings()) {
		step();
		pass();
		is_double(multi_now(p, "c_total{l=\"19\"}"), 3,
		    "what the child counts by it is there");
		is_kept(1, NGONE, "then");
	}
	end(pid);
	pass();
	is_kept(0, 0, "after its end");
	labelled("more", NGONE, make);
	is_int(next_n(), n + NGONE, "then they are");
	sound_close(p);
}

static int
maintain(void *arg)
{
	struct pdc *q = multi_open(arg, 0);
	int ret;

	multi_pass(q, 2 * GRACE);
	ret = pdc_maintain(q);
	pdc_close(q);
	return ret < 0;
}

/* We alone look into the file yet, for what a dead one has left there. */
static void
test_view(void)
{
	pid_t pid;

	begin();
	if (!multi_rings(p)) {
		sound_close(p);
		return;
	}
	pid = other();
	lose();
	pass();
	step();
	end(pid);
	is_int(multi_alone(maintain, dir, strlen(dir) + 1, 5000), 0,
	    "somebody who never had it cleans up");
	is_kept(1, NGONE, "while somebody may bring something in");
	pdc_checkpoint(p);
	is_double(multi_now(p, "c_total{l=\"19\"}"), 3, "which is brought in");
	pass();
	is_kept(0, 0, "after that");
	sound_close(p);
}

/* The first epoch of which blocks are kept. */
static uint64_t
first_closed(void)
{
	uint64_t epoch = 0;
	struct scur cur;
	struct stxn x;

	if (pdc_stxn_read(&x, p->store) < 0 || pdc_scur_open(&cur, &x) < 0)
		bail_out("read: %s", pdc_error());
	if (pdc_scur_seek(&cur, "C", 1) == 1 && cur.key[0] == 'C')
		epoch = pdc_get_be64(cur.key + 1);
	pdc_scur_close(&cur);
	pdc_stxn_abort(&x);
	return epoch;
}

/* Several files, the one in the middle is mapped longest. */
static void
test_several(void)
{
	pid_t pid = -1;
	int i;

	begin();
	for (i = 0; i < 3; i++) {
		if (i == 1)
			pid = other();
		multi_lose(dir);
		pdc_checkpoint(p);
		pdc_inc(s[0], 1);
		pass();
	}
	ok(multi_records(p, 'C') > 0, "of three files the second is mapped");
	is_int((long long)first_closed(), 2, "nothing of the first is kept");
	end(pid);
	pass();
	is_kept(0, 0, "in the end");
	is_double(multi_now(p, "c_total{l=\"0\"}"), 4, "all is counted");
	sound_close(p);
}

int
main(void)
{
	multi_alone_init();
	sh = multi_shared(sizeof(*sh));
	test_alone();
	test_other();
	test_view();
	test_several();
	return tap_done();
}
