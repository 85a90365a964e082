/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * A full file system: every call says so, nothing dies, nothing that was
 * acknowledged is lost, and when there is space again all goes on.
 */

#include <sys/stat.h>

#include "metric/metric.h"
#include "smallfs.h"

#define FS_BYTES (6UL << 20)
#define NREADERS 200
#define NNAMES 400
#define NPAGES 16

static char *mnt, dir[4200];
static struct pdc *p;
static struct pdc_series *counted;
static double expected;

static int
full(int ret)
{
	return ret == PDC_ENOSPC && strstr(pdc_error(), dir) != NULL;
}

static void
test_declarations(void)
{
	struct pdc_desc d = { .type = PDC_GAUGE };
	struct pdc_family *f;
	char name[32];
	int i, ret = 0;

	d.name = name;
	for (i = 0; i < NNAMES && ret == 0; i++) {
		snprintf(name, sizeof(name), "filler_%d", i);
		ret = pdc_declare(&f, p, &d);
	}
	ok(full(ret), "a declaration, after %d: %s", i - 1, pdc_error());
	ok(f == NULL, "gives no handle");
	is_int(pdc_declare(&f, p, &d), PDC_ENOSPC, "and again");
	snprintf(name, sizeof(name), "filler_0");
	is_int(pdc_declare(&f, p, &d), 0, "what is declared is found");
}

static struct pdc_series *unplaced[64], *first_of_zone;
static struct pdc_family *unused;

static void
test_labels(struct pdc_family *f)
{
	char value[32];
	int i, ret = 0;
	const char *values[] = { value, NULL };

	for (i = 0; i < 64 && ret == 0; i++) {
		snprintf(value, sizeof(value), "full-%d", i);
		ret = pdc_labels(&unplaced[i], f, values);
		pdc_inc(unplaced[i], 1);
	}
	is_int(ret, 0, "labels give handles that work all the same");
	/* No run of its zone has blocks, its tags neither. */
	is_int(pdc_labels(&first_of_zone, unused, NULL), 0,
	    "so does the first of a kind");
	pdc_observe(first_of_zone, 3);
	pdc_inc(counted, 1);
	expected++;
	is_double(help_sample(p, "space_total{l=\"a\"}"), expected,
	    "the old ones are on the page at once");
}

/* By name, until it fails; how often that was acknowledged. */
static int
acknowledged(void)
{
	struct pdc_label l = { "l", "by-name" };
	struct pdc_key k = help_key("space", "_total", &l);
	int i, ret = 0, n = 0;

	for (i = 0; i < 100; i++) {
		ret = help_by_name(p, pdc_value_inc, &k, 1);
		n += ret == 0;
		if (ret < 0 && !full(ret))
			bail_out("commit: %d %s", ret, pdc_error());
	}
	diag("%d of 100 transactions found space", n);
	return n;
}

/* So many records in pages of their own; the first error of it. */
static int
write_pages(int n)
{
	static char val[3000];
	char key[16];
	struct stxn x;
	int i, ret;

	ret = pdc_stxn_write(&x, p->store, 1000);
	if (ret < 0)
		return ret;
	for (i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "Z%06d", i);
		pdc_stxn_put(&x, key, strlen(key), val, sizeof(val));
	}
	return pdc_stxn_commit(&x);
}

/* Some pages of a commit find space and the rest does not: LMDB's EIO. */
static void
test_short_writes(void)
{
	int i, ret = 0, others = 0, shorts = 0;
	const void *val;
	struct stxn x;
	size_t len;

	for (i = 1; i <= NPAGES; i++) {
		smallfs_shrink(mnt, 4096);
		ret = write_pages(4 * NPAGES);
		others += !full(ret);
		shorts += strstr(pdc_error(), "a short write") != NULL;
	}
	is_int(others, 0, "with %d pages free at most: %s", NPAGES,
	    pdc_error());
	ok(shorts > 0, "%d of %d times that was a short write", shorts, NPAGES);
	if (pdc_stxn_read(&x, p->store) < 0)
		bail_out("%s", pdc_error());
	is_int(pdc_stxn_get(&x, "Z000000", 7, &val, &len), PDC_ENOENT,
	    "nothing of it is there");
	pdc_stxn_abort(&x);
	smallfs_fill(mnt);
}

static int
child_opens(void *arg)
{
	int ret;

	(void)arg;
	pdc_inc(counted, 1);
	/* In a child the first slow call opens the environment anew. */
	ret = pdc_checkpoint(p);
	if (ret < 0 && ret != PDC_ENOSPC)
		return 1;
	return isnan(help_sample(p, "space_total{l=\"a\"}")) ? 2 : 0;
}

/* Each takes a slot of its own in LMDB's file of readers. */
static int
child_reads(void *arg)
{
	static struct stxn x[NREADERS];
	int i;

	(void)arg;
	for (i = 0; i < NREADERS; i++)
		if (pdc_stxn_read(&x[i], p->store) < 0)
			return 1;
	for (i = 0; i < NREADERS; i++)
		pdc_stxn_abort(&x[i]);
	return 0;
}

static int
child_makes(void *arg)
{
	struct pdc_options o = { 0 };
	char other[4300];
	struct pdc *q;
	int ret;

	(void)arg;
	snprintf(other, sizeof(other), "%s/other", mnt);
	ret = pdc_open(&q, other, &o);
	if (ret == 0)
		return 1;
	if (ret != PDC_ENOSPC || strstr(pdc_error(), other) == NULL) {
		diag("%d: %s", ret, pdc_error());
		return 2;
	}
	smallfs_free(mnt);
	if (pdc_open(&q, other, &o) < 0) {
		diag("%s", pdc_error());
		return 3;
	}
	pdc_close(q);
	return 0;
}

static void
test_space_again(int acks)
{
	double sum = 0;
	char sample[64];
	int i;

	is_int(pdc_checkpoint(p), 0, "a checkpoint: %s", pdc_error());
	is_double(help_sample(p, "space_total{l=\"a\"}"), expected,
	    "the counter has all");
	is_double(help_sample(p, "space_total{l=\"by-name\"}"), 1 + acks,
	    "the acknowledged transactions were done, no others");
	for (i = 0; i < 64; i++) {
		snprintf(sample, sizeof(sample), "space_total{l=\"full-%d\"}",
		    i);
		pdc_inc(unplaced[i], 1);
		sum += help_sample(p, sample);
	}
	is_double(sum, 128, "handles made without space have lost nothing");
	is_double(help_sample(p, "space_summary_sum"), 3, "nor the summary");
	is_double(help_sample(p, "space_gauge"), 7, "nor the gauge");
}

static void
test_full_and_free(struct pdc_family *f, struct pdc_series *g)
{
	int acks;

	smallfs_fill(mnt);
	test_declarations();
	test_labels(f);
	acks = acknowledged();
	test_short_writes();
	pdc_set(g, 7);
	ok(help_sample(p, "space_gauge") == 7, "a gauge is current");
	is_int(help_child(child_reads, NULL), 0,
	    "%d readers at once do not fault", NREADERS);
	is_int(help_child(child_opens, NULL), 0, "a forked child goes on");
	expected++;
	is_int(help_child(child_makes, NULL), 0,
	    "another store is refused with words, then made");
	smallfs_free(mnt);
	test_space_again(acks);
}

static int
child_again(void *arg)
{
	double want = *(double *)arg, v;

	p = help_open(dir, 0);
	v = help_sample(p, "space_total{l=\"a\"}");
	pdc_close(p);
	return v == want ? 0 : 1;
}

int
main(void)
{
	struct pdc_label l = { "l", "by-name" };
	struct pdc_key k = help_key("space", "_total", &l);
	struct pdc_family *f;
	struct pdc_series *g;

	mnt = tap_tmpdir();
	smallfs_mount(mnt, FS_BYTES);
	snprintf(dir, sizeof(dir), "%s/store", mnt);
	p = help_open(dir, 0);
	f = help_family(p, PDC_COUNTER, "space", "l");
	unused = help_family(p, PDC_SUMMARY, "space_summary", NULL);
	counted = help_series(f, "a");
	g = help_series(help_family(p, PDC_GAUGE, "space_gauge", NULL), NULL);
	pdc_inc(counted, 1);
	expected = 1;
	if (help_by_name(p, pdc_value_inc, &k, 1) < 0)
		bail_out("%s", pdc_error());
	test_full_and_free(f, g);
	pdc_close(p);
	is_int(help_child(child_again, &expected), 0, "opened again, the same");
	umount2(mnt, MNT_DETACH);
	return tap_done();
}
