/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * A process is stopped while it holds the write lock, in the middle of a
 * transaction.  Everybody else goes on; a wait without end would hang here.
 */

#include <sys/wait.h>

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

static char *dir;

static void
release(pid_t pid)
{
	is_int(multi_release(pid), 0, "the stopped process goes on");
}

static void
test_pages_and_counting(struct pdc *p, struct pdc_series *s)
{
	pid_t pid;
	int i;

	for (i = 0; i < 1000000; i++)
		pdc_inc(s, 1);
	pid = multi_holder(dir);
	for (i = 0; i < 1000000; i++)
		pdc_inc(s, 1);
	is_double(multi_now(p, "c_total"), 2000000, "a page is current");
	is_double(multi_get(p, "c", "_total", NULL, NULL), 2000000,
	    "so is a value by name");
	release(pid);
}

static void
test_labels(struct pdc *p, struct pdc_family *f)
{
	struct pdc_series *s, *again;
	int64_t start, rest;
	pid_t pid;
	int i;

	pid = multi_holder(dir);
	s = multi_series(f, "new");
	ok(s != NULL, "a new label set is given all the same");
	atomic_store(&p->retry_ns, INT64_MAX); /* as if that had been quick */
	rest = atomic_load(&p->rest_ns);
	again = multi_series(f, "other");
	ok(again != NULL && rest > 0 && atomic_load(&p->rest_ns) == rest,
	    "the next one without trying");
	atomic_store(&p->retry_ns, 0);
	for (i = 0; i < 1000; i++) {
		pdc_inc(s, 1);
		pdc_inc(again, 2);
	}
	start = multi_now_ms();
	is_int(pdc_checkpoint(p), PDC_EBUSY, "a checkpoint cannot be had");
	ok(multi_now_ms() - start >= 900, "which is known after wait_ms");
	release(pid);
	is_int(pdc_checkpoint(p), 0, "afterwards it can");
	is_double(multi_now(p, "f_total{l=\"new\"}"), 1000, "all is credited");
	is_double(multi_now(p, "f_total{l=\"other\"}"), 2000, "of both");
	for (i = 0; i < 1000; i++)
		pdc_inc(s, 1);
	is_double(multi_now(p, "f_total{l=\"new\"}"), 2000,
	    "the handle has mended: what it counts is seen at once");
	pdc_checkpoint(p);
	is_double(multi_now(p, "f_total{l=\"new\"}"), 2000, "and stays");
}

static void
test_declare(struct pdc *p)
{
	const struct pdc_desc d = { .type = PDC_COUNTER, .name = "late" };
	struct pdc_family *f;
	int64_t start;
	pid_t pid;
	int ret;

	pid = multi_holder(dir);
	ok(multi_declare(p, PDC_COUNTER, "c", NULL) != NULL,
	    "a family the store has is declared");
	start = multi_now_ms();
	ret = pdc_declare(&f, p, &d);
	is_int(ret, PDC_EBUSY, "a new one is not");
	ok(f == NULL && multi_now_ms() - start >= 900,
	    "and its handle is NULL after wait_ms");
	release(pid);
	is_int(pdc_declare(&f, p, &d), 0, "calling again does it");
}

/* In a child that inherited the store, or opens it. */
static int
child_labels(void *arg)
{
	struct pdc_series *s = multi_series(arg, "child");

	if (s == NULL)
		return 1;
	pdc_inc(s, 7);
	return 0;
}

static int
child_close(void *arg)
{
	pdc_close(arg);
	return 0;
}

static int
child_open(void *arg)
{
	struct pdc *p;
	int ret;

	ret = pdc_open(&p, arg, NULL);
	return ret == 0 ? 0 : ret == PDC_EBUSY ? 1 : 2;
}

static int
close_own(void *arg)
{
	struct pdc *p = multi_open(dir, 0);
	struct pdc_series *s = multi_series(arg, "child");
	pid_t pid;

	pdc_inc(s, 1);
	pid = multi_holder(dir);
	while (p->refs > 1)
		pdc_close(p);
	pdc_close(p);
	kill(pid, SIGKILL);
	return 0;
}

static void
test_children(struct pdc *p, struct pdc_family *f)
{
	pid_t pid = multi_holder(dir);

	is_int(multi_run(child_labels, f, 20000), 0,
	    "a forked child resolves, too");
	is_int(multi_run(child_close, p, 20000), 0, "and can close");
	is_int(multi_run(child_open, dir, 20000), 0,
	    "a child that has the store has it open");
	release(pid);
	is_int(multi_run(close_own, f, 20000), 0,
	    "who counted can close beside a stopped holder");
	pdc_checkpoint(p);
	if (multi_rings(p))
		is_double(multi_now(p, "f_total{l=\"child\"}"), 8,
		    "what the children counted is there");
}

static void
test_killed(struct pdc *p)
{
	pid_t pid = multi_holder(dir);

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	is_int(pdc_checkpoint(p), 0, "the lock of a killed holder is free");
}

/* Stopped at whatever instruction, thousands of times: nobody hangs. */
static void
test_storm(struct pdc *p)
{
	int64_t until, start, worst = 0;
	uint64_t seed = 1;
	int pages = 0, bad = 0, stops = 0;
	struct pdc *own;
	pid_t pid;

	pid = multi_fork();
	if (pid == 0) {
		own = multi_open(dir, 0);
		for (;;) {
			pdc_free(multi_page(own));
			pdc_checkpoint(own);
		}
	}
	until = multi_now_ms() + (tap_short() ? 300 : 1500);
	while (multi_now_ms() < until) {
		usleep(multi_random(&seed) % 300);
		kill(pid, SIGSTOP);
		stops++;
		start = multi_now_ms();
		bad += isnan(multi_now(p, "c_total"));
		pages++;
		start = multi_now_ms() - start;
		worst = start > worst ? start : worst;
		kill(pid, SIGCONT);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	diag("%d stops, the slowest page took %lld ms", stops,
	    (long long)worst);
	ok(bad == 0, "%d pages beside a process being stopped", pages);
}

int
main(void)
{
	struct pdc_family *f;
	struct pdc_series *s;
	struct pdc *p;

	dir = tap_tmpdir();
	p = multi_open(dir, 0);
	s = multi_series(multi_declare(p, PDC_COUNTER, "c", NULL), NULL);
	f = multi_declare(p, PDC_COUNTER, "f", "l");
	alarm(50);
	test_pages_and_counting(p, s);
	test_labels(p, f);
	test_declare(p);
	test_children(p, f);
	test_killed(p);
	test_storm(p);
	pdc_close(p);
	return tap_done();
}
