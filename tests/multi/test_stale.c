/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Who still maps a lost cells file, while others count in the next one: his
 * first call takes in what lies in the present rings, as it says it does.
 */

#include <math.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "metric/metric.h"
#include "multi/multi.h"
#include "tap.h"

static struct pdc *p;

/* Count by the rings of the new file, and leave it at that. */
static int
stranger(void *arg)
{
	struct pdc *q = multi_open(arg, 0);
	struct pdc_family *f = multi_declare(q, PDC_COUNTER, "c", "l");

	atomic_store(&q->retry_ns, INT64_MAX);
	pdc_inc(multi_series(f, "x"), 3);
	_exit(0);
}

/* The store with a series worth 5, whose cells another has lost. */
static struct pdc_family *
start(void)
{
	char *dir = tap_tmpdir();
	struct pdc_family *f;

	p = multi_open(dir, 0);
	f = multi_declare(p, PDC_COUNTER, "c", "l");
	pdc_inc(multi_series(f, "x"), 5);
	pdc_checkpoint(p);
	multi_lose(dir);
	is_int(multi_alone(stranger, dir, strlen(dir) + 1, 10000), 0,
	    "another process counts by a ring of the next file");
	return f;
}

static void
test_checkpoint(void)
{
	start();
	is_int(pdc_checkpoint(p), 0, "who has the old file checkpoints");
	is_double(multi_now(p, "c_total{l=\"x\"}"), 8,
	    "what the ring had is counted then");
	pdc_close(p);
}

static void
test_remove(void)
{
	const char *values[] = { "x", NULL };

	is_int(pdc_remove(start(), values), 0, "who has the old file removes");
	pdc_checkpoint(p);
	ok(isnan(multi_now(p, "c_total{l=\"x\"}")),
	    "what the ring had does not bring it back");
	pdc_close(p);
}

static void
test_set(void)
{
	struct pdc_label l = { "l", "x" };
	struct pdc_key k = { "c", "_total", &l, 1 };

	start();
	is_int(multi_put(p, "set", &k, 1), 0, "who has the old file sets");
	pdc_checkpoint(p);
	is_double(multi_now(p, "c_total{l=\"x\"}"), 1,
	    "what the ring had was counted before");
	pdc_close(p);
}

static int
toucher(void *arg)
{
	pdc_close(multi_open(arg, 0));
	return 0;
}

/* What he set lies in the rings of two files that are lost. */
static void
test_two_files(void)
{
	char *dir = tap_tmpdir();
	struct pdc_series *s;
	int i;

	p = multi_open(dir, 0);
	atomic_store(&p->retry_ns, INT64_MAX);
	s = multi_series(multi_declare(p, PDC_GAUGE, "g", "l"), "x");
	for (i = 1; i <= 2; i++) {
		pdc_set(s, i);
		multi_lose(dir);
		is_int(multi_alone(toucher, dir, strlen(dir) + 1, 10000), 0,
		    "a gauge is set in file %d, which is lost", i);
		(void)multi_now(p, "g");
	}
	is_int(pdc_checkpoint(p), 0, "both are salvaged");
	is_double(multi_now(p, "g{l=\"x\"}"), 2, "the older one first");
	pdc_close(p);
}

/* Has the gauge's cell in the next file. */
static int
placer(void *arg)
{
	struct pdc *q = multi_open(arg, 0);

	if (multi_series(multi_declare(q, PDC_GAUGE, "g", "l"), "x") == NULL)
		return 1;
	_exit(0);
}

/* Set in a file that was lost, as was the next one, where nobody set it. */
static void
test_set_in_first(void)
{
	char *dir = tap_tmpdir();
	struct pdc_series *s;

	p = multi_open(dir, 0);
	s = multi_series(multi_declare(p, PDC_GAUGE, "g", "l"), "x");
	pdc_set(s, 1);
	pdc_checkpoint(p);
	multi_lose(dir);
	is_int(multi_alone(placer, dir, strlen(dir) + 1, 10000), 0,
	    "a gauge has its place in the next file");
	pdc_set(s, 5);
	multi_lose(dir);
	is_int(pdc_checkpoint(p), 0, "who set it in the first one notices");
	is_double(multi_now(p, "g{l=\"x\"}"), 5, "it is what it was set to");
	pdc_close(p);
}

static void
pass(double seconds)
{
	p->clock.mono_skew_ns += (int64_t)(seconds * 1e9);
	p->clock.wall_skew_ns += (int64_t)(seconds * 1e9);
}

/* Counting into a lost file is a use of the series, in time. */
static void
test_idle(enum pdc_type type, const char *sample, const char *other)
{
	const char *labels[] = { "l", NULL };
	struct pdc_desc d = { .type = type,
		.name = "i",
		.labels = labels,
		.idle_s = 10 };
	char *dir = tap_tmpdir();
	struct pdc_family *f;
	struct pdc_series *s;

	p = multi_open(dir, 0);
	if (pdc_declare(&f, p, &d) < 0)
		bail_out("declare: %s", pdc_error());
	s = multi_series(f, "x");
	pdc_set(s, 3);
	pdc_inc(s, 5);
	pdc_observe(s, 5);
	if (multi_series(f, "y") == NULL)
		bail_out("labels: %s", pdc_error());
	pdc_maintain(p);
	multi_lose(dir);
	is_int(multi_alone(toucher, dir, strlen(dir) + 1, 10000), 0,
	    "the next file begins");
	pass(9);
	pdc_set(s, 5);
	pdc_inc(s, 2);
	pdc_observe(s, 2);
	pass(3);
	is_int(pdc_maintain(p), 0, "what came to the old one is salvaged");
	is_double(multi_now(p, sample), 7, "its series was used");
	ok(isnan(multi_now(p, other)), "its neighbour was not");
	pdc_close(p);
}

int
main(void)
{
	int rings;

	multi_alone_init();
	p = multi_open(tap_tmpdir(), 0);
	rings = pdc_cells_now(p)->use > 0;
	pdc_close(p);
	test_idle(PDC_COUNTER, "i_total{l=\"x\"}", "i_total{l=\"y\"}");
	test_idle(PDC_GAUGE, "i{l=\"x\"}", "i{l=\"y\"}");
	test_idle(PDC_SUMMARY, "i_sum{l=\"x\"}", "i_sum{l=\"y\"}");
	test_set_in_first();
	if (!rings) {
		skip("no rings without restartable sequences");
		return tap_done();
	}
	test_checkpoint();
	test_remove();
	test_set();
	test_two_files();
	return tap_done();
}
