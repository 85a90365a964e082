/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * A checkpoint that fails or is killed at each fault point, in a process that
 * has rings and in one that has not: the next one works, and all counts are
 * exact.
 */

#include "base/fault.h"
#include "help.h"
#include "metric/metric.h"

#define NLATE 512

static struct pdc *p;
static struct pdc_family *fc;
static struct pdc_series *sc, *sg, *sh, *late[NLATE];
static double late_want[NLATE];
static int nlate, rounds;

static const int hits[] = { 1, 2, 5 };
#define NHITS (sizeof(hits) / sizeof(hits[0]))

/* A handle that has no place: resolving is put off, as after a failure. */
static void
late_make(void)
{
	char value[16];

	snprintf(value, sizeof(value), "late%d", nlate);
	atomic_store(&p->retry_ns, INT64_MAX);
	late[nlate] = help_series(fc, value);
	atomic_store(&p->retry_ns, 0);
	late_want[nlate++] = 0;
}

static void
count_all(void)
{
	int i, from = nlate > 4 ? nlate - 4 : 0;

	rounds++;
	pdc_inc(sc, 1);
	pdc_inc(sg, 1);
	pdc_observe(sh, 1);
	for (i = from; i < nlate; i++) {
		pdc_inc(late[i], i + 1);
		late_want[i] += i + 1;
	}
}

static int
check_all(const char *what, int hit, const char *how)
{
	char *page = help_page(p), sample[64];
	int i, wrong = 0;

	wrong += help_on_page(page, "cut_total{l=\"x\"}") != rounds;
	wrong += help_on_page(page, "cut_gauge") != rounds;
	wrong += help_on_page(page, "cut_seconds_count") != rounds;
	wrong += help_on_page(page, "cut_seconds_sum") != rounds;
	if (wrong > 0)
		diag("%g %g %g, not %d",
		    help_on_page(page, "cut_total{l=\"x\"}"),
		    help_on_page(page, "cut_gauge"),
		    help_on_page(page, "cut_seconds_count"), rounds);
	for (i = 0; i < nlate; i++) {
		snprintf(sample, sizeof(sample), "cut_total{l=\"late%d\"}", i);
		if (help_on_page(page, sample) == late_want[i])
			continue;
		wrong++;
		diag("%s: %g, not %g", sample, help_on_page(page, sample),
		    late_want[i]);
	}
	pdc_free(page);
	if (wrong > 0)
		diag("%s, hit %d, %s", what, hit, how);
	return wrong;
}

static int
child_checkpoint(void *arg)
{
	(void)arg;
	/* What is a parent's alone is not credited by a child. */
	(void)pdc_checkpoint(p);
	return 0;
}

static int
cut_off(int point, int hit, int deadly)
{
	const char *name = pdc_fault_name(point);
	int ret, wrong;

	late_make();
	count_all();
	if (deadly) {
		pdc_fault_kill(point, hit);
		(void)help_child(child_checkpoint, NULL);
	} else {
		pdc_fault_arm(point, hit);
		(void)pdc_checkpoint(p);
	}
	pdc_fault_disarm();
	count_all();
	ret = pdc_checkpoint(p);
	if (ret < 0)
		diag("%s: the next one: %s", name, pdc_error());
	wrong = check_all(name, hit, deadly ? "killed" : "failed");
	return wrong + (ret < 0);
}

static void
test_each_point(const char *how)
{
	int point, deadly, wrong = 0, n = 0;
	size_t i;

	for (point = 0; point < FAULT_NPOINTS; point++)
		for (i = 0; i < NHITS; i++)
			for (deadly = 0; deadly < 2; deadly++, n++) {
				wrong += cut_off(point, hits[i], deadly);
				if (wrong > 0)
					bail_out("the rest would differ");
			}
	is_int(wrong, 0, "%s: %d checkpoints cut off, all exact after", how, n);
}

static void
run(unsigned flags, const char *how)
{
	p = help_open(tap_tmpdir(), flags);
	fc = help_family(p, PDC_COUNTER, "cut", "l");
	sc = help_series(fc, "x");
	sg = help_series(help_family(p, PDC_GAUGE, "cut_gauge", NULL), NULL);
	sh = help_series(help_family(p, PDC_HISTOGRAM, "cut_seconds", NULL),
	    NULL);
	nlate = rounds = 0;
	test_each_point(how);
	pdc_close(p);
}

int
main(void)
{
	run(0, "as it comes");
	run(PDC_ATOMIC, "without rings");
	return tap_done();
}
