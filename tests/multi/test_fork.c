/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Forks from a process whose threads are anywhere in the library.
 */

#include <sys/wait.h>

#include <math.h>
#include <pthread.h>
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

#define NTHREADS 5
#define HANG_S 5

static const struct pdc_key name = { "name", "_total", NULL, 0 };

static struct shared {
	_Atomic uint64_t counted, named, fresh[8], errors;
} * sh;

static struct pdc *p;
static struct pdc_series *counter, *seconds;
static struct pdc_family *labels;
static _Atomic int stop;

static void
count(int n)
{
	int i;

	for (i = 0; i < n; i++) {
		pdc_inc(counter, 1);
		pdc_observe(seconds, 1);
	}
	atomic_fetch_add(&sh->counted, (uint64_t)n);
}

static void
fresh(unsigned i)
{
	struct pdc_series *s;
	char value[16];

	snprintf(value, sizeof(value), "%u", i);
	s = multi_series(labels, value);
	if (s == NULL) {
		atomic_fetch_add(&sh->errors, 1);
		return;
	}
	pdc_inc(s, 1);
	atomic_fetch_add(&sh->fresh[i % 8], 1);
	pdc_series_free(s);
}

static void
by_name(void)
{
	if (multi_put(p, "inc", &name, 1) == 0)
		atomic_fetch_add(&sh->named, 1);
}

static void *
thread(void *arg)
{
	int what = (int)(intptr_t)arg;
	uint64_t seed = (uint64_t)what;

	while (!atomic_load(&stop)) {
		usleep(multi_random(&seed) % 1000);
		switch (what) {
		case 0:
			count(1000);
			break;
		case 1:
			fresh(multi_random(&seed) % 4000);
			break;
		case 2:
			pdc_checkpoint(p);
			break;
		case 3:
			by_name();
			break;
		default:
			pdc_free(multi_page(p));
		}
	}
	return NULL;
}

static int
child_work(int round)
{
	char *page;

	count(1000);
	fresh((unsigned)round % 4000);
	fresh(4000 + (unsigned)round);
	by_name();
	/* A handle without rseq may have a sum of its own still. */
	while (atomic_load(&p->pending) != 0)
		pdc_checkpoint(p);
	page = multi_page(p);
	if (page == NULL || multi_unequal(page, "seconds") != 0)
		return 2;
	return isnan(multi_sample(page, "counter_total"));
}

static int
child(int round)
{
	pid_t pid;
	int ret, status;

	alarm(HANG_S);
	ret = child_work(round);
	if (ret == 0 && round % 8 == 0) {
		pid = fork();
		if (pid == 0) {
			alarm(HANG_S);
			_exit(child_work(round + 1000));
		}
		if (waitpid(pid, &status, 0) != pid || status != 0)
			return 3;
	}
	if (ret == 0 && round % 3 == 0)
		pdc_close(p);
	return ret;
}

static void
start(const char *dir, unsigned flags)
{
	memset(sh, 0, sizeof(*sh));
	p = multi_open(dir, flags);
	counter = multi_series(multi_declare(p, PDC_COUNTER, "counter", NULL),
	    NULL);
	seconds = multi_series(multi_declare(p, PDC_HISTOGRAM, "seconds", NULL),
	    NULL);
	labels = multi_declare(p, PDC_COUNTER, "labels", "l");
	multi_declare(p, PDC_COUNTER, "name", NULL);
}

static double
sum_labels(const char *page)
{
	double sum = 0;

	for (; page != NULL; page = strchr(page, '\n')) {
		page += *page == '\n';
		if (strncmp(page, "labels_total{", 13) == 0)
			sum += strtod(strrchr(strndupa(page,
						  strcspn(page, "\n")),
					  ' '),
			    NULL);
	}
	return sum;
}

static void
judge(void)
{
	uint64_t n = 0, dropped;
	struct pdc_stat st;
	char *page;
	int i;

	while (pdc_checkpoint(p) == PDC_EBUSY)
		continue;
	page = multi_page(p);
	for (i = 0; i < 8; i++)
		n += atomic_load(&sh->fresh[i]);
	is_double(multi_sample(page, "counter_total"),
	    (double)atomic_load(&sh->counted), "the counter is exact");
	is_double(multi_sample(page, "seconds_count"),
	    (double)atomic_load(&sh->counted), "the histogram is exact");
	pdc_stat_get(p, &st);
	dropped = st.drops[DROP_RING_FULL];
	diag("%llu handles unresolved, %llu updates dropped",
	    (unsigned long long)st.unresolved, (unsigned long long)dropped);
	is_double(sum_labels(page) + (double)dropped, (double)n,
	    "the label sets are exact");
	is_double(multi_sample(page, "name_total"),
	    (double)atomic_load(&sh->named), "the transactions are exact");
	is_int((long long)atomic_load(&sh->errors), 0, "no call failed");
	pdc_free(page);
}

static void
test_storm(int forks, unsigned flags, const char *words)
{
	pthread_t threads[NTHREADS];
	int nthreads = multi_sanitized() ? 0 : NTHREADS;
	int i, status, failed = 0, hung = 0;
	pid_t pid;

	start(tap_tmpdir(), flags);
	atomic_store(&stop, 0);
	for (i = 0; i < nthreads; i++)
		pthread_create(&threads[i], NULL, thread, (void *)(intptr_t)i);
	for (i = 0; i < forks; i++) {
		pid = multi_fork();
		if (pid == 0)
			_exit(child(i));
		status = multi_wait(pid, 1000 * HANG_S + 2000);
		hung += status == -1 ||
		    (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM);
		if (status != 0 && failed++ == 0)
			diag("child %d ended with 0x%x", i, status);
		if (hung > 2)
			break;
	}
	atomic_store(&stop, 1);
	for (i = 0; i < nthreads; i++)
		pthread_join(threads[i], NULL);
	is_int(hung, 0, "%d forks from %s: no child hangs", forks, words);
	is_int(failed, 0, "and all did their work");
	judge();
	pdc_close(p);
}

/* What the parent's handle has pending is the parent's alone. */
static void
test_pending(void)
{
	char *dir = tap_tmpdir();
	pid_t pid;

	start(dir, PDC_ATOMIC);
	pdc_inc(counter, 10);
	atomic_store(&counter->id, pdc_fwd_new_id(pdc_cells_now(p)));
	pdc_inc(counter, 5);
	is_double(multi_now(p, "counter_total"), 10,
	    "what an unresolved handle got is pending");
	pid = multi_fork();
	if (pid == 0) {
		pdc_inc(counter, 100);
		_exit(pdc_checkpoint(p) != 0);
	}
	is_int(multi_wait(pid, 5000), 0, "a child counts and checkpoints");
	is_int(pdc_checkpoint(p), 0, "so does the parent");
	is_double(multi_now(p, "counter_total"), 115,
	    "what was pending is counted once");
	pdc_close(p);
}

static void
test_transaction(void)
{
	struct pdc_txn *t;
	double v;
	pid_t pid;
	int ret;

	start(tap_tmpdir(), 0);
	is_int(pdc_begin(&t, p), 0, "a transaction begins");
	is_int(pdc_value_inc(t, &name, 3), 0, "has something to do");
	pid = multi_fork();
	if (pid == 0) {
		ret = pdc_value_inc(t, &name, 1) != PDC_ECHILD ||
		    pdc_value_get(t, &name, &v) != PDC_ECHILD;
		pdc_abort(t);
		_exit(ret);
	}
	is_int(multi_wait(pid, 5000), 0,
	    "a child gets PDC_ECHILD of it, and can abort it");
	pid = multi_fork();
	if (pid == 0)
		_exit(pdc_commit(t) != PDC_ECHILD);
	is_int(multi_wait(pid, 5000), 0, "another cannot commit it");
	is_int(pdc_commit(t), 0, "the parent can");
	is_double(multi_now(p, "name_total"), 3, "once");
	pdc_close(p);
}

static int
open_after(void *arg)
{
	struct pdc *q = multi_open(arg, 0);

	if (q != p || q->refs != 2)
		return 1;
	pdc_inc(multi_series(multi_declare(q, PDC_COUNTER, "counter", NULL),
		    NULL),
	    1);
	pdc_close(q);
	pdc_inc(counter, 1);
	pdc_close(p);
	q = multi_open(arg, 0);
	pdc_inc(multi_series(multi_declare(q, PDC_COUNTER, "counter", NULL),
		    NULL),
	    1);
	return 0;
}

static void
test_open_after(void)
{
	char *dir = tap_tmpdir();

	start(dir, 0);
	is_int(multi_run(open_after, dir, 5000), 0,
	    "a child opens what it inherited, closes both, opens anew");
	is_double(multi_now(p, "counter_total"), 3, "and has counted");
	pdc_close(p);
}

int
main(void)
{
	sh = multi_shared(sizeof(*sh));
	test_pending();
	test_transaction();
	test_open_after();
	test_storm(tap_short() ? 60 : 200, 0, "a busy parent");
	test_storm(tap_short() ? 20 : 60, PDC_ATOMIC, "one without rseq");
	return tap_done();
}
