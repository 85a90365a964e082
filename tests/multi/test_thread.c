/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Eight threads that do everything on one store, with one and the same handle
 * and with handles each of its own; the cells are lost under them, too.
 */

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/page.h"
#include "metric/metric.h"
#include "multi/multi.h"
#include "tap.h"

#define NTHREADS 8
#define NLABELS 30

static struct pdc *p;
static struct pdc_family *labels;
static struct pdc_series *counter, *gauge, *summary, *seconds;
static _Atomic int stop, failed, pages;
static int gentle;
static _Atomic uint64_t counted, labelled, named, reads;

static const struct pdc_key name = { "name", "_total", NULL, 0 },
			    name_gauge = { "name_gauge", "", NULL, 0 };

static void
fail(int ret)
{
	if (ret != 0 && ret != PDC_EBUSY && ret != PDC_EAGAIN &&
	    atomic_fetch_add(&failed, 1) == 0)
		diag("%s: %s", pdc_strerror(ret), pdc_error());
}

static void
by_name(void)
{
	struct pdc_txn *t;
	double v;
	int ret;

	ret = pdc_begin(&t, p);
	fail(ret);
	if (ret < 0)
		return;
	fail(pdc_value_inc(t, &name, 1));
	fail(pdc_value_inc(t, &name_gauge, 2));
	if (pdc_value_get(t, &name, &v) == 0)
		atomic_fetch_add(&reads, 1);
	ret = pdc_commit(t);
	fail(ret);
	if (ret == 0)
		atomic_fetch_add(&named, 1);
}

static void
updates(void)
{
	int i;

	for (i = 0; i < 50; i++) {
		pdc_inc(counter, 1);
		pdc_inc(gauge, 1);
		pdc_observe(summary, 1);
		pdc_observe(seconds, 1);
	}
	atomic_fetch_add(&counted, 50);
}

static void
label_set(uint64_t *seed)
{
	struct pdc_series *s;
	char value[16];

	snprintf(value, sizeof(value), "%u", multi_random(seed) % NLABELS);
	s = multi_series(labels, value);
	if (s == NULL) {
		fail(PDC_EINVAL);
		return;
	}
	pdc_inc(s, 1);
	atomic_fetch_add(&labelled, 1);
	pdc_series_free(s);
}

static void
page(void)
{
	char *text = multi_page(p);

	if (text == NULL)
		fail(PDC_EINVAL);
	else if (multi_unequal(text, "seconds") != 0)
		fail(PDC_EFORMAT);
	pdc_free(text);
	atomic_fetch_add(&pages, 1);
}

static void *
work(void *arg)
{
	uint64_t seed = (uint64_t)(uintptr_t)arg;

	while (!atomic_load(&stop)) {
		/* Stale handles fill the rings until somebody drains them. */
		if (gentle)
			usleep(300);
		updates();
		label_set(&seed);
		switch (multi_random(&seed) % 16) {
		case 0:
			page();
			break;
		case 1:
			fail(pdc_checkpoint(p));
			break;
		case 2:
			by_name();
			break;
		case 3:
			multi_declare(p, PDC_COUNTER, "counter", NULL);
			break;
		default:
			break;
		}
	}
	return NULL;
}

static void
start(const char *dir, unsigned flags)
{
	atomic_store(&stop, 0);
	atomic_store(&counted, 0);
	atomic_store(&labelled, 0);
	atomic_store(&named, 0);
	p = multi_open(dir, flags);
	counter = multi_series(multi_declare(p, PDC_COUNTER, "counter", NULL),
	    NULL);
	gauge = multi_series(multi_declare(p, PDC_GAUGE, "gauge", NULL), NULL);
	summary = multi_series(multi_declare(p, PDC_SUMMARY, "bytes", NULL),
	    NULL);
	seconds = multi_series(multi_declare(p, PDC_HISTOGRAM, "seconds", NULL),
	    NULL);
	labels = multi_declare(p, PDC_COUNTER, "labels", "l");
	multi_declare(p, PDC_COUNTER, "name", NULL);
	multi_declare(p, PDC_GAUGE, "name_gauge", NULL);
}

static double
sum_labels(const char *text)
{
	char sample[32];
	double sum = 0, v;
	int i;

	for (i = 0; i < NLABELS; i++) {
		snprintf(sample, sizeof(sample), "labels_total{l=\"%d\"}", i);
		v = multi_sample(text, sample);
		sum += isnan(v) ? 0 : v;
	}
	return sum;
}

/* In the files that were lost, too; those of full rings apart. */
static uint64_t
dropped(uint64_t *full)
{
	const struct cells *c;
	uint64_t n = 0;
	int i;

	*full = 0;
	for (c = pdc_cells_now(p); c != NULL; c = c->older)
		for (i = 0; i < NDROPS; i++)
			*(i == DROP_RING_FULL ? full : &n) += atomic_load(
			    &c->head->drops[i]);
	return n;
}

/* Exact but for what a full ring dropped, which is counted. */
static void
judge_sum(const char *what, double v, uint64_t want, uint64_t full)
{
	double n = (double)want;

	ok(v <= n && v >= n - (double)full, "%s: %.17g of %.17g", what, v, n);
}

static void
judge(int lossy)
{
	uint64_t n = atomic_load(&counted), full, other;
	struct pdc_stat st;
	char *text;

	fail(pdc_checkpoint(p));
	text = multi_page(p);
	other = dropped(&full);
	is_int(atomic_load(&failed), 0, "no call failed");
	judge_sum("counter_total", multi_sample(text, "counter_total"), n,
	    full);
	judge_sum("bytes_sum", multi_sample(text, "bytes_sum"), n, full);
	judge_sum("seconds_count", multi_sample(text, "seconds_count"), n,
	    full);
	if (!lossy)
		judge_sum("gauge", multi_sample(text, "gauge"), n, full);
	if (lossy && full > 0)
		diag("%llu dropped, for rings were full",
		    (unsigned long long)full);
	judge_sum("the label sets", sum_labels(text), atomic_load(&labelled),
	    full);
	is_double(multi_sample(text, "name_total"), (double)atomic_load(&named),
	    "transactions");
	if (!lossy)
		is_double(multi_sample(text, "name_gauge"),
		    2 * (double)atomic_load(&named), "and their gauge");
	pdc_stat_get(p, &st);
	is_int((long long)(other + (lossy ? 0 : full) + st.anomalies), 0,
	    "nothing else was dropped or sank");
	pdc_free(text);
}

static void
test_threads(unsigned flags, int losses, const char *words)
{
	int ms = tap_short() ? 300 : 1200, i;
	pthread_t threads[NTHREADS];
	char *dir = tap_tmpdir();

	diag("%s", words);
	gentle = losses > 0;
	start(dir, flags);
	for (i = 0; i < NTHREADS; i++)
		if (pthread_create(&threads[i], NULL, work,
			(void *)(intptr_t)i) != 0)
			bail_out("no thread");
	for (i = 0; i <= losses; i++) {
		multi_sleep_ms(ms / (losses + 1));
		if (i < losses)
			multi_lose(dir);
	}
	atomic_store(&stop, 1);
	for (i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	diag("%llu updates, %d pages, %llu transactions",
	    (unsigned long long)counted, pages, (unsigned long long)named);
	judge(losses);
	pdc_close(p);
}

int
main(void)
{
	test_threads(0, 0, "as it is");
	test_threads(PDC_ATOMIC, 0, "without rseq");
	test_threads(0, 5, "losing its cells");
	test_threads(PDC_ATOMIC, 5, "losing its cells without rseq");
	return tap_done();
}
