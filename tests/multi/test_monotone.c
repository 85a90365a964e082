/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Consecutive pages never go backwards, whatever goes on beside them: label
 * sets are made, other series of the family are set by name and move to other
 * cells, checkpoints run, processes come and go.
 */

#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "metric/metric.h"
#include "multi/multi.h"
#include "tap.h"

#define NREADERS 2

static struct shared {
	_Atomic int stop;
	_Atomic uint64_t pages, backwards, unequal, missing, failed;
	char words[512];
} * sh;

static char *dir;

/* Without the lines of series that are set. */
static char *
without_set(char *page)
{
	char *from = page, *to = page, *end;
	size_t n;

	for (; *from != '\0'; from = end) {
		end = strchrnul(from, '\n');
		end += *end == '\n';
		n = (size_t)(end - from);
		if (memmem(from, n, "l=\"set", 6) != NULL)
			continue;
		memmove(to, from, n);
		to += n;
	}
	*to = '\0';
	return page;
}

static int
reader(void)
{
	struct pdc *p = multi_open(dir, 0);
	char *before = NULL, *page;
	int n, set, seen = 0;

	while (!atomic_load(&sh->stop)) {
		page = multi_page(p);
		if (page == NULL) {
			atomic_fetch_add(&sh->failed, 1);
			continue;
		}
		atomic_fetch_add(&sh->pages, 1);
		set = strstr(page, "churn_total{l=\"set0\"}") != NULL;
		atomic_fetch_add(&sh->missing, seen && !set);
		seen = set;
		atomic_fetch_add(&sh->unequal, multi_unequal(page, "seconds"));
		without_set(page);
		if (before != NULL) {
			n = multi_backwards(before, page, sh->words,
			    sizeof(sh->words));
			if (atomic_fetch_add(&sh->backwards, n) + n > 0)
				break;
		}
		pdc_free(before);
		before = page;
	}
	pdc_free(before);
	pdc_close(p);
	return 0;
}

static int
worker(uint64_t seed, unsigned flags)
{
	struct pdc *p = multi_open(dir, flags);
	struct pdc_family *f = multi_declare(p, PDC_COUNTER, "churn", "l"),
			  *h = multi_declare(p, PDC_HISTOGRAM, "seconds", "l");
	struct pdc_series *s, *o;
	char value[16];
	int i;

	while (!atomic_load(&sh->stop)) {
		snprintf(value, sizeof(value), "%u", multi_random(&seed) % 200);
		s = multi_series(f, value);
		o = multi_series(h, value);
		for (i = 0; i < 100; i++) {
			pdc_inc(s, .1);
			pdc_observe(o, 1);
		}
		pdc_series_free(s);
		pdc_series_free(o);
		if (multi_random(&seed) % 32 == 0)
			usleep(1000);
	}
	pdc_close(p);
	return 0;
}

/* Sets series of the same family, and adds to others by name. */
static int
setter(void)
{
	struct pdc *p = multi_open(dir, 0);
	struct pdc_label l = { "l", NULL };
	struct pdc_key k = { "churn", "_total", &l, 1 };
	uint64_t seed = 7;
	char value[16];

	multi_declare(p, PDC_COUNTER, "churn", "l");
	l.value = value;
	while (!atomic_load(&sh->stop)) {
		snprintf(value, sizeof(value), "set%u",
		    multi_random(&seed) % 4);
		if (multi_put(p, "set", &k, 5) != 0)
			atomic_fetch_add(&sh->failed, 1);
		snprintf(value, sizeof(value), "%u", multi_random(&seed) % 200);
		if (multi_put(p, "inc", &k, .3) != 0)
			atomic_fetch_add(&sh->failed, 1);
		usleep(multi_random(&seed) % 2000);
	}
	pdc_close(p);
	return 0;
}

static int
checkpointer(void)
{
	struct pdc *p = multi_open(dir, 0);
	uint64_t seed = 9;

	while (!atomic_load(&sh->stop)) {
		pdc_checkpoint(p);
		usleep(multi_random(&seed) % 3000);
	}
	pdc_close(p);
	return 0;
}

static int
role(int i)
{
	switch (i) {
	case 0:
		return setter();
	case 1:
		return checkpointer();
	case 2:
		return worker(1, PDC_ATOMIC);
	case 3:
	case 4:
		return worker((uint64_t)i, 0);
	default:
		return reader();
	}
}

int
main(void)
{
	pid_t pids[5 + NREADERS];
	int i, failed = 0;

	sh = multi_shared(sizeof(*sh));
	dir = tap_tmpdir();
	for (i = 0; i < 5 + NREADERS; i++) {
		pids[i] = multi_fork();
		if (pids[i] == 0)
			_exit(role(i));
	}
	multi_sleep_ms(tap_short() ? 800 : 3000);
	atomic_store(&sh->stop, 1);
	for (i = 0; i < 5 + NREADERS; i++)
		failed += multi_wait(pids[i], 10000) != 0;
	is_int(failed, 0, "all processes end well");
	is_int((long long)atomic_load(&sh->failed), 0, "and no call failed");
	diag("%llu pages", (unsigned long long)atomic_load(&sh->pages));
	ok(atomic_load(&sh->pages) > 100, "there were many pages");
	is_int((long long)atomic_load(&sh->backwards), 0,
	    "none went backwards (%s)", sh->words);
	is_int((long long)atomic_load(&sh->unequal), 0,
	    "sum, count and +Inf of observations of 1 agreed");
	is_int((long long)atomic_load(&sh->missing), 0,
	    "a series that is set by name is on every page");
	return tap_done();
}
