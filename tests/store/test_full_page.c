/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * A page of 100 000 series, served while the disk is full.
 */

#include "smallfs.h"

#define FS_BYTES (256UL << 20)
#define NSERIES 100000
#define BATCH 10000
#define NLIVE 200

static struct pdc *p;

static void
make_series(void)
{
	char value[16];
	struct pdc_label l = { "l", value };
	struct pdc_key k = help_key("many", "_total", &l);
	struct pdc_txn *t = NULL;
	int i, ret = 0;

	for (i = 0; i < NSERIES && ret == 0; i++) {
		if (i % BATCH == 0)
			ret = pdc_begin(&t, p);
		snprintf(value, sizeof(value), "%d", i);
		pdc_value_inc(t, &k, 1);
		if (i % BATCH == BATCH - 1)
			ret = pdc_commit(t);
	}
	is_int(ret, 0, "%d series are made: %s", NSERIES, pdc_error());
}

/* Their number and the sum of their values. */
static int
count_page(const char *page, double *sum)
{
	const char *line, *end;
	int n = 0;

	*sum = 0;
	for (line = page; (end = strchr(line, '\n')) != NULL; line = end + 1)
		if (strncmp(line, "many_total{", 11) == 0) {
			n++;
			*sum += strtod(memchr(line, ' ', (size_t)(end - line)),
			    NULL);
		}
	return n;
}

static void
serve(double want, const char *when)
{
	double began = help_seconds(), sum;
	char *page = help_page(p);
	int n;

	diag("%s: %zu bytes in %.0f ms", when, strlen(page),
	    1000 * (help_seconds() - began));
	n = count_page(page, &sum);
	ok(n == NSERIES && sum == want, "%s: %d series, %g in all", when, n,
	    sum);
	pdc_free(page);
}

static int
child_serves(void *arg)
{
	double sum;
	char *page = help_page(p);

	return count_page(page, &sum) == NSERIES && sum == *(double *)arg ? 0 :
									    1;
}

int
main(void)
{
	struct pdc_series *live[NLIVE];
	char *dir = tap_tmpdir(), value[16];
	double began = help_seconds(), want = NSERIES;
	struct pdc_family *f;
	int i, ret;

	smallfs_mount(dir, FS_BYTES);
	p = help_open(dir, 0);
	f = help_family(p, PDC_COUNTER, "many", "l");
	make_series();
	diag("made in %.0f ms", 1000 * (help_seconds() - began));
	for (i = 0; i < NLIVE; i++) {
		snprintf(value, sizeof(value), "%d", i * 499);
		live[i] = help_series(f, value);
	}
	smallfs_fill(dir);
	for (i = 0; i < NLIVE; i++)
		pdc_inc(live[i], 2);
	want += 2 * NLIVE;
	serve(want, "on a full disk");
	ret = pdc_checkpoint(p);
	ok(ret == 0 || ret == PDC_ENOSPC, "a checkpoint: %d, %s", ret,
	    pdc_error());
	for (i = 0; i < NLIVE; i++)
		pdc_inc(live[i], 1);
	want += NLIVE;
	serve(want, "after that");
	is_int(help_child(child_serves, &want), 0, "in a forked child");
	smallfs_free(dir);
	is_int(pdc_checkpoint(p), 0, "with space again, a checkpoint");
	serve(want, "and at last");
	pdc_close(p);
	umount2(dir, MNT_DETACH);
	return tap_done();
}
