/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Making a store, declaring, resolving, and a new epoch, failing or killed at
 * each fault point: the error has words, and the next try works.
 */

#include <sys/stat.h>

#include <dirent.h>

#include "api/page.h"
#include "base/fault.h"
#include "help.h"
#include "metric/metric.h"

#define NHITS 4

static char *top;
static char dir[4000];

struct step {
	int point, nth, deadly;
};

static void
arm(const struct step *st)
{
	if (st->deadly)
		pdc_fault_kill(st->point, st->nth);
	else
		pdc_fault_arm(st->point, st->nth);
}

static int
child_makes(void *arg)
{
	const struct step *st = arg;
	struct pdc_desc d = { .type = PDC_COUNTER, .name = "made" };
	struct pdc_series *s;
	struct pdc_family *f;
	struct pdc *p;
	int ret;

	arm(st);
	ret = pdc_open(&p, dir, NULL);
	if (ret < 0)
		return p == NULL && pdc_error()[0] != '\0' ? 0 : 1;
	ret = pdc_declare(&f, p, &d);
	if (ret < 0) {
		if (f != NULL || pdc_error()[0] == '\0')
			return 2;
	} else if (pdc_labels(&s, f, NULL) < 0) {
		if (s != NULL || pdc_error()[0] == '\0')
			return 3;
	} else {
		pdc_inc(s, 1);
	}
	pdc_fault_disarm();
	pdc_close(p);
	return 0;
}

static int
entries(void)
{
	struct dirent *e;
	DIR *d = opendir(dir);
	int n = 0;

	while (d != NULL && (e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	if (d != NULL)
		closedir(d);
	return n;
}

/* 0 if a store is made, counts, and has no files too many. */
static int
try_again(const struct step *st, double least, double most)
{
	struct pdc_family *f;
	struct pdc *p;
	double v = -1;
	int n;

	if (pdc_open(&p, dir, NULL) < 0) {
		diag("%s", pdc_error());
		return 1;
	}
	f = help_family(p, PDC_COUNTER, "made", NULL);
	pdc_inc(help_series(f, NULL), 1);
	if (pdc_checkpoint(p) == 0)
		v = help_sample(p, "made_total");
	pdc_close(p);
	n = entries();
	if (v < least || v > most || (n != 5 && !st->deadly)) {
		diag("%g counted, %d files", v, n);
		return 1;
	}
	return 0;
}

static void
test_making(void)
{
	struct step st;
	int status, wrong = 0, n = 0;

	for (st.point = 0; st.point < FAULT_NPOINTS; st.point++)
		for (st.nth = 1; st.nth <= NHITS; st.nth++)
			for (st.deadly = 0; st.deadly < 2; st.deadly++) {
				snprintf(dir, sizeof(dir), "%s/%d", top, n++);
				status = help_child(child_makes, &st);
				if ((status == 0 || status == 1000 + SIGKILL) &&
				    try_again(&st, 1, 2) == 0)
					continue;
				wrong++;
				diag("%s, hit %d, %s: status %d",
				    pdc_fault_name(st.point), st.nth,
				    st.deadly ? "killed" : "failed", status);
			}
	is_int(wrong, 0, "of %d stores that were cut off, all came to be", n);
}

static int
child_renews(void *arg)
{
	const struct step *st = arg;
	struct pdc_series *s;
	struct pdc_stat stat;
	struct pdc *p;

	p = help_open(dir, 0);
	s = help_series(help_family(p, PDC_COUNTER, "made", NULL), NULL);
	pdc_inc(s, 10);
	if (pdc_stat_get(p, &stat) < 0 || unlink(stat.cells_path) == -1)
		return 1;
	pdc_inc(s, 100);
	arm(st);
	(void)pdc_checkpoint(p);
	pdc_fault_disarm();
	pdc_inc(s, 1000);
	if (pdc_checkpoint(p) < 0)
		return 2;
	pdc_inc(s, 10000);
	if (pdc_checkpoint(p) < 0)
		return 3;
	if (help_sample(p, "made_total") != 11110) {
		diag("%g, not 11110", help_sample(p, "made_total"));
		return 4;
	}
	pdc_close(p);
	return 0;
}

/* The cells file is deleted under its only user. */
static void
test_renewing(void)
{
	struct step st = { .deadly = 0 };
	int status, wrong = 0, n = 0;

	for (st.point = 0; st.point < FAULT_NPOINTS; st.point++)
		for (st.nth = 1; st.nth <= NHITS; st.nth++)
			for (st.deadly = 0; st.deadly < 2; st.deadly++) {
				snprintf(dir, sizeof(dir), "%s/e%d", top, n++);
				status = help_child(child_renews, &st);
				/* Lanes that nobody maps any more are lost. */
				if (status == 0 ||
				    (st.deadly && status == 1000 + SIGKILL &&
					try_again(&st, 1, 112) == 0))
					continue;
				wrong++;
				diag("%s, hit %d, %s: status %d",
				    pdc_fault_name(st.point), st.nth,
				    st.deadly ? "killed" : "failed", status);
			}
	is_int(wrong, 0, "of %d new epochs cut off, all came to be, exact", n);
}

int
main(void)
{
	top = tap_tmpdir();
	test_making();
	test_renewing();
	return tap_done();
}
