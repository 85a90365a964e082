/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * bench_page [SERIES [ROUNDS [ACCEPT]]]: the time of a page, best of the
 * rounds: a half of its series are counters with two labels, a half gauges, and
 * there is a histogram of 15 buckets for each 100 of them.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pdc.h"

static const char *const labels[] = { "method", "path", NULL };

static double
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void
check(int ret)
{
	if (ret == 0)
		return;
	fprintf(stderr, "bench_page: %s\n", pdc_error());
	exit(1);
}

static struct pdc_family *
family(struct pdc *pdc, enum pdc_type type, const char *name)
{
	struct pdc_desc desc = { .type = type,
		.name = name,
		.help = "Some words on it.",
		.labels = labels };
	struct pdc_family *f;

	check(pdc_declare(&f, pdc, &desc));
	return f;
}

static struct pdc_series *
series(struct pdc_family *f, int i)
{
	char path[32];
	const char *values[] = { "GET", path, NULL };
	struct pdc_series *s;

	snprintf(path, sizeof(path), "/some/path/%d", i);
	check(pdc_labels(&s, f, values));
	return s;
}

static void
fill(struct pdc *pdc, int n)
{
	struct pdc_family *counter = family(pdc, PDC_COUNTER, "requests_total");
	struct pdc_family *gauge = family(pdc, PDC_GAUGE, "size_bytes");
	struct pdc_family *wait = family(pdc, PDC_HISTOGRAM, "wait_seconds");
	int i;

	for (i = 0; i < n / 2; i++) {
		pdc_inc(series(counter, i), i);
		pdc_set(series(gauge, i), i * 0.37);
		if (i % 50 == 0)
			pdc_observe(series(wait, i), i * 0.001);
	}
	check(pdc_checkpoint(pdc));
}

int
main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 10000;
	int rounds = argc > 2 ? atoi(argv[2]) : 100, i;
	const char *accept = argc > 3 ? argv[3] : NULL;
	char dir[64], rm[128], *text;
	double best = 1e18, begin, took;
	struct pdc *pdc;
	size_t len = 0;

	snprintf(dir, sizeof(dir), "/dev/shm/bench_page.%d", (int)getpid());
	check(pdc_open(&pdc, dir, NULL));
	fill(pdc, n);
	for (i = 0; i < rounds; i++) {
		begin = now_us();
		check(pdc_render(pdc, accept, &text, &len, NULL));
		took = now_us() - begin;
		if (took < best)
			best = took;
		pdc_free(text);
	}
	printf("%d series: %.0f us, %zu bytes\n", n, best, len);
	pdc_close(pdc);
	snprintf(rm, sizeof(rm), "rm -rf %s", dir);
	return system(rm) == 0 ? 0 : 1;
}
