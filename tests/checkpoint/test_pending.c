/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * What a handle without a place has gathered is credited once, by the process
 * that counted it.
 */

#include <stdint.h>

#include "help.h"
#include "metric/metric.h"

static struct pdc *p;

static struct pdc_series *
unplaced(struct pdc_family *f, const char *value)
{
	struct pdc_series *s;

	atomic_store(&p->retry_ns, INT64_MAX);
	s = help_series(f, value);
	atomic_store(&p->retry_ns, 0);
	return s;
}

static int
child_counts(void *arg)
{
	struct pdc_series **s = arg;

	pdc_inc(s[0], 10);
	pdc_set(s[1], 10);
	pdc_observe(s[2], 10);
	return pdc_checkpoint(p) == 0 ? 0 : 1;
}

static void
test_forked(unsigned flags, const char *how)
{
	struct pdc_series *s[3];

	p = help_open(tap_tmpdir(), flags);
	s[0] = unplaced(help_family(p, PDC_COUNTER, "a", "l"), "x");
	s[1] = unplaced(help_family(p, PDC_GAUGE, "b", "l"), "x");
	s[2] = unplaced(help_family(p, PDC_SUMMARY, "c", "l"), "x");
	pdc_inc(s[0], 1);
	pdc_inc(s[1], 1);
	pdc_observe(s[2], 1);
	is_int(help_child(child_counts, s), 0, "%s: a child counts", how);
	pdc_inc(s[0], 100);
	pdc_observe(s[2], 100);
	is_int(pdc_checkpoint(p), 0, "then its parent");
	is_double(help_sample(p, "a_total{l=\"x\"}"), 111,
	    "%s: each increment once", how);
	is_double(help_sample(p, "c_count{l=\"x\"}"), 3,
	    "%s: each observation once", how);
	is_double(help_sample(p, "c_sum{l=\"x\"}"), 111, "%s: its sum", how);
	pdc_inc(s[0], 1);
	pdc_observe(s[2], 1);
	pdc_checkpoint(p);
	pdc_checkpoint(p);
	is_double(help_sample(p, "a_total{l=\"x\"}"), 112, "%s: and on", how);
	is_double(help_sample(p, "c_count{l=\"x\"}"), 4, "%s: and on", how);
	pdc_close(p);
}

static int
child_closes(void *arg)
{
	pdc_inc(arg, 1);
	pdc_close(p);
	return 0;
}

static void
test_closed(unsigned flags, const char *how)
{
	struct pdc_series *s;

	p = help_open(tap_tmpdir(), flags);
	s = unplaced(help_family(p, PDC_COUNTER, "a", "l"), "x");
	pdc_inc(s, 1);
	is_int(help_child(child_closes, s), 0, "%s: a child closes", how);
	pdc_checkpoint(p);
	is_double(help_sample(p, "a_total{l=\"x\"}"), 2,
	    "%s: what it had counted is there", how);
	pdc_close(p);
}

int
main(void)
{
	test_forked(0, "rings");
	test_forked(PDC_ATOMIC, "pending sums");
	test_closed(0, "rings");
	test_closed(PDC_ATOMIC, "pending sums");
	return tap_done();
}
