/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Sixteen processes of four threads, all in one store: totals are exact.
 */

#include <sys/wait.h>

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

#define NPROCS 16
#define NTHREADS 4
#define NLABELS 40

static char *dir;
static int rounds;
static struct pdc *p;
static _Atomic int bad;

static void
updates(struct pdc_series *c, struct pdc_series *g, struct pdc_series *m,
    struct pdc_series *h)
{
	int i;

	for (i = 0; i < rounds; i++) {
		pdc_inc(c, 1);
		pdc_inc(c, .5);
		pdc_inc(g, 3);
		pdc_dec(g, 2);
		pdc_observe(m, i % 4);
		pdc_observe(h, (i % 4) * .25);
	}
}

/* All threads of all processes make the same label sets at once. */
static void
label_sets(struct pdc_family *f)
{
	struct pdc_series *s;
	char value[16];
	int i, j;

	for (i = 0; i < NLABELS; i++) {
		snprintf(value, sizeof(value), "%d", i);
		s = multi_series(f, value);
		if (s == NULL)
			atomic_fetch_add(&bad, 1);
		for (j = 0; j < 10; j++)
			pdc_inc(s, 1);
	}
}

static void *
work(void *arg)
{
	struct pdc_series *c, *g, *m, *h;

	(void)arg;
	c = multi_series(multi_declare(p, PDC_COUNTER, "c", NULL), NULL);
	g = multi_series(multi_declare(p, PDC_GAUGE, "g", NULL), NULL);
	m = multi_series(multi_declare(p, PDC_SUMMARY, "m", NULL), NULL);
	h = multi_series(multi_declare(p, PDC_HISTOGRAM, "h", NULL), NULL);
	label_sets(multi_declare(p, PDC_COUNTER, "l", "l"));
	updates(c, g, m, h);
	return NULL;
}

static int
process(unsigned flags)
{
	/* All of them want the lock at once. */
	struct pdc_options o = { .flags = flags, .wait_ms = 30000 };
	pthread_t threads[NTHREADS];
	int i;

	if (pdc_open(&p, dir, &o) < 0)
		bail_out("%s", pdc_error());
	for (i = 0; i < NTHREADS; i++)
		if (pthread_create(&threads[i], NULL, work, NULL) != 0)
			return 2;
	for (i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	/* A handle without rseq may have a sum of its own still. */
	while (pdc_checkpoint(p) == PDC_EBUSY)
		continue;
	pdc_close(p);
	return atomic_load(&bad) != 0;
}

static void
judge_labels(const char *page)
{
	char sample[32];
	int i, wrong = 0;

	for (i = 0; i < NLABELS; i++) {
		snprintf(sample, sizeof(sample), "l_total{l=\"%d\"}", i);
		wrong += multi_sample(page, sample) != NPROCS * NTHREADS * 10;
	}
	is_int(wrong, 0, "each of %d label sets is exact", NLABELS);
}

static void
judge(void)
{
	double n = (double)NPROCS * NTHREADS * rounds;
	struct pdc_stat st;
	char *page;

	p = multi_open(dir, 0);
	page = multi_page(p);
	is_double(multi_sample(page, "c_total"), 1.5 * n, "the counter");
	is_double(multi_sample(page, "g"), n, "the gauge");
	is_double(multi_sample(page, "m_count"), n, "the summary's count");
	is_double(multi_sample(page, "m_sum"), 1.5 * n, "the summary's sum");
	is_double(multi_sample(page, "h_count"), n, "the histogram's count");
	is_double(multi_sample(page, "h_sum"), .375 * n, "its sum");
	is_double(multi_sample(page, "h_bucket{le=\"0.25\"}"), n / 2,
	    "a bucket");
	is_double(multi_sample(page, "h_bucket{le=\"+Inf\"}"), n, "and +Inf");
	judge_labels(page);
	is_double(multi_get(p, "c", "_total", NULL, NULL), 1.5 * n,
	    "by name, the counter");
	is_double(multi_get(p, "g", "", NULL, NULL), n, "the gauge");
	is_double(multi_get(p, "h", "_bucket", "le", "0.25"), n / 2,
	    "a bucket");
	is_double(multi_get(p, "h", "_sum", NULL, NULL), .375 * n, "and a sum");
	pdc_stat_get(p, &st);
	is_int((long long)st.series, 4 + NLABELS, "no series was made twice");
	is_int((long long)st.anomalies, 0, "no checkpoint saw a count sink");
	pdc_free(page);
	pdc_close(p);
}

/* One in mixed processes uses no rseq: 0 none, 1 all. */
static void
test_exact(int mixed, const char *words)
{
	pid_t pids[NPROCS];
	int i, failed = 0;

	dir = tap_tmpdir();
	for (i = 0; i < NPROCS; i++) {
		pids[i] = multi_fork();
		if (pids[i] == 0)
			_exit(process(
			    mixed != 0 && i % mixed == 0 ? PDC_ATOMIC : 0));
	}
	for (i = 0; i < NPROCS; i++)
		failed += multi_wait(pids[i], 60000) != 0;
	is_int(failed, 0, "%d processes of %d threads, %s", NPROCS, NTHREADS,
	    words);
	judge();
}

int
main(void)
{
	rounds = tap_short() ? 2000 : 60000;
	test_exact(0, "as they are");
	test_exact(3, "some without rseq");
	test_exact(1, "all without rseq");
	return tap_done();
}
