/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * A signal handler that counts, in a storm of signals that interrupts all
 * functions of the library, also on handles that are stale or unresolved.
 */

#include <sys/wait.h>

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/page.h"
#include "metric/metric.h"
#include "multi/multi.h"
#include "tap.h"

static struct pdc *p;
static struct pdc_series *counter, *seconds, *gauge;
static _Atomic(struct pdc_series *) odd; /* stale or unresolved */
static _Atomic uint64_t signals, odds;
static _Atomic int stop;

static void
handler(int sig)
{
	struct pdc_series *s = atomic_load(&odd);

	(void)sig;
	pdc_inc(counter, 1);
	pdc_observe(seconds, 1);
	pdc_inc(gauge, 1);
	atomic_fetch_add(&signals, 1);
	if (s != NULL) {
		pdc_inc(s, 1);
		atomic_fetch_add(&odds, 1);
	}
}

/* Beside the timer: the pause between two signals is never the same. */
static void *
sender(void *arg)
{
	pthread_t to = *(pthread_t *)arg;
	struct timespec ts = { 0, 0 };
	uint64_t seed = 1;

	while (!atomic_load(&stop)) {
		pthread_kill(to, SIGUSR1);
		ts.tv_nsec = multi_random(&seed) % 100000;
		nanosleep(&ts, NULL);
	}
	return NULL;
}

struct storm {
	pthread_t self, sender;
	timer_t timer;
};

static void
storm_begin(struct storm *st)
{
	struct itimerspec every = { { 0, 100000 }, { 0, 100000 } };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = SIGUSR2 };
	sigset_t all, old;

	atomic_store(&stop, 0);
	st->self = pthread_self();
	/* The handler is for this thread alone. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if (pthread_create(&st->sender, NULL, sender, &st->self) != 0 ||
	    timer_create(CLOCK_MONOTONIC, &ev, &st->timer) == -1)
		bail_out("no storm");
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	timer_settime(st->timer, 0, &every, NULL);
}

static void
storm_end(struct storm *st)
{
	timer_delete(st->timer);
	atomic_store(&stop, 1);
	pthread_join(st->sender, NULL);
}

static int64_t
until(void)
{
	return multi_now_ms() + (tap_short() ? 60 : 250);
}

static void
judge(uint64_t own, const char *words)
{
	double want = (double)(own + atomic_load(&signals));

	while (pdc_checkpoint(p) == PDC_EBUSY)
		continue;
	is_double(multi_now(p, "counter_total"), want,
	    "%s: the counter is exact", words);
	is_double(multi_now(p, "seconds_sum"), want, "so is the histogram");
	is_double(multi_now(p, "gauge"), want, "and a gauge");
}

static uint64_t
count_until(int64_t end)
{
	uint64_t n = 0;
	int i;

	while (multi_now_ms() < end)
		for (i = 0; i < 1000; i++, n++) {
			pdc_inc(counter, 1);
			pdc_observe(seconds, 1);
			pdc_inc(gauge, 1);
		}
	return n;
}

static uint64_t
test_updates(void)
{
	struct storm st;
	uint64_t n;

	storm_begin(&st);
	n = count_until(until());
	storm_end(&st);
	diag("%llu signals, %llu updates", (unsigned long long)signals,
	    (unsigned long long)n);
	judge(n, "updates");
	return n;
}

static void
test_calls(uint64_t own)
{
	struct pdc_family *f = multi_declare(p, PDC_COUNTER, "labels", "l");
	struct pdc_series *s;
	struct storm st;
	char value[16];
	int64_t end = until();
	int n = 0, bad = 0;

	storm_begin(&st);
	for (; multi_now_ms() < end; n++) {
		snprintf(value, sizeof(value), "%d", n % 2000);
		s = multi_series(f, value);
		bad += s == NULL;
		pdc_inc(s, 1);
		pdc_series_free(s);
		if (n % 16 == 0)
			bad += pdc_checkpoint(p) != 0;
		if (n % 64 == 0)
			pdc_free(multi_page(p));
	}
	storm_end(&st);
	is_int(bad, 0, "%d calls in a storm of signals", n);
	judge(own, "labels, checkpoints and pages");
	is_double(multi_now(p, "labels_total{l=\"0\"}"), (n + 1999) / 2000,
	    "and so is a label set");
}

/* All that the handler counts after a set comes on top of it. */
static void
test_stale(void)
{
	static const struct pdc_key k = { "odd", "_total", NULL, 0 };
	struct pdc_family *f = multi_declare(p, PDC_COUNTER, "odd", NULL);
	int round, bad = 0;
	struct storm st;
	sigset_t all, old;

	sigfillset(&all);
	storm_begin(&st);
	for (round = 0; round < 20; round++) {
		pthread_sigmask(SIG_SETMASK, &all, &old);
		atomic_store(&odd, multi_series(f, NULL));
		atomic_store(&odds, 0);
		bad += multi_put(p, "set", &k, 1000) != 0;
		pthread_sigmask(SIG_SETMASK, &old, NULL);
		count_until(multi_now_ms() + 4);
		bad += pdc_checkpoint(p) != 0;
		count_until(multi_now_ms() + 2);
		pthread_sigmask(SIG_SETMASK, &all, NULL);
		bad += pdc_checkpoint(p) != 0;
		if (multi_now(p, "odd_total") !=
			1000 + (double)atomic_load(&odds) &&
		    bad++ == 0)
			diag("round %d: %g, not %g", round,
			    multi_now(p, "odd_total"),
			    1000 + (double)atomic_load(&odds));
		pthread_sigmask(SIG_SETMASK, &old, NULL);
	}
	atomic_store(&odd, NULL);
	storm_end(&st);
	is_int(bad, 0, "a stale handle's updates are exact, %d times", round);
}

static void
test_unresolved(const char *dir)
{
	struct pdc_family *f = multi_declare(p, PDC_COUNTER, "late", "l");
	pid_t pid = multi_holder(dir);
	struct pdc_series *s;
	struct storm st;

	atomic_store(&odds, 0);
	storm_begin(&st);
	s = multi_series(f, "x");
	ok(s != NULL && atomic_load(&s->id) >> 63, "a handle is unresolved");
	atomic_store(&odd, s);
	count_until(multi_now_ms() + 50);
	kill(pid, SIGCONT);
	is_int(multi_wait(pid, 5000), 0, "the lock is let go");
	count_until(multi_now_ms() + 20);
	while (pdc_checkpoint(p) == PDC_EBUSY)
		continue;
	count_until(multi_now_ms() + 20);
	atomic_store(&odd, NULL);
	storm_end(&st);
	while (pdc_checkpoint(p) == PDC_EBUSY)
		continue;
	is_double(multi_now(p, "late_total{l=\"x\"}"),
	    (double)atomic_load(&odds), "all that it got is there");
}

static void
test_all(unsigned flags, const char *words)
{
	char *dir = tap_tmpdir();
	struct pdc_stat st;
	uint64_t own;

	diag("%s", words);
	atomic_store(&signals, 0);
	p = multi_open(dir, flags);
	counter = multi_series(multi_declare(p, PDC_COUNTER, "counter", NULL),
	    NULL);
	seconds = multi_series(multi_declare(p, PDC_HISTOGRAM, "seconds", NULL),
	    NULL);
	gauge = multi_series(multi_declare(p, PDC_GAUGE, "gauge", NULL), NULL);
	own = test_updates();
	test_calls(own);
	test_stale();
	test_unresolved(dir);
	pdc_stat_get(p, &st);
	is_int((long long)st.drops[DROP_RING_FULL] +
		(long long)st.drops[DROP_PENDING],
	    0, "nothing was dropped");
	pdc_close(p);
}

int
main(void)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = SA_RESTART };

	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGUSR2, &sa, NULL);
	test_all(0, "as it is");
	test_all(PDC_ATOMIC, "without rseq");
	return tap_done();
}
