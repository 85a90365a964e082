/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * A checkpoint that fails or is killed at each fault point, in a process that
 * has rings and in one that has not, with its cells there and with its cells
 * deleted, so that the same call begins an epoch: the next checkpoint works,
 * all counts are exact, and the store is whole.  A point that is said to be
 * come by must fire.
 */

#include <dirent.h>
#include <fcntl.h>

#include "base/fault.h"
#include "help.h"
#include "lane/rseq.h"
#include "metric/metric.h"
#include "sound.h"

#define NLATE 512
#define NLATEST 8

/* How a checkpoint is cut off. */
enum way {
	FAILED, /* an error in this process */
	CHILD_FAILED, /* an error in a child that inherited everything */
	KILLED, /* such a child dies */
	NWAYS
};

struct cut {
	int point, hit, lost;
	enum way way;
};

static const char *const ways[] = { "failed", "failed in a child", "killed" };

static char *dir;
static struct pdc *p;
static struct pdc_family *fc;
static struct pdc_series *sc, *sg, *sh, *late[NLATE];
static double late_want[NLATE];
static int nlate, rounds, rings, probes;

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

static void
lose(void)
{
	struct dirent *e;
	DIR *d = opendir(dir);

	if (d == NULL)
		bail_out("%s cannot be listed", dir);
	while ((e = readdir(d)) != NULL)
		if (strncmp(e->d_name, "pdc-", 4) == 0)
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
}

static int
check_one(const char *page, const char *sample, double want)
{
	double v = help_on_page(page, sample);

	if (v == want)
		return 0;
	diag("%s: %.17g, not %.17g", sample, v, want);
	return 1;
}

/* The handles that came late from the given one on, and all others. */
static int
check_from(int from)
{
	char *page = help_page(p), sample[64];
	int i, wrong = 0;

	wrong += check_one(page, "cut_total{l=\"x\"}", rounds);
	wrong += check_one(page, "cut_gauge", rounds);
	wrong += check_one(page, "cut_seconds_count", rounds);
	wrong += check_one(page, "cut_seconds_sum", rounds);
	for (i = from > 0 ? from : 0; i < nlate; i++) {
		snprintf(sample, sizeof(sample), "cut_total{l=\"late%d\"}", i);
		wrong += check_one(page, sample, late_want[i]);
	}
	pdc_free(page);
	return wrong;
}

/* Whether what was armed has not fired; disarms. */
static int
unspent(const struct cut *cut)
{
	int i, left = 0;

	for (i = 0; i < cut->hit && !left; i++)
		left = pdc_fault_hit(cut->point);
	pdc_fault_disarm();
	return left;
}

static int
child_checkpoint(void *arg)
{
	const struct cut *cut = arg;

	/* What is a parent's alone is not credited by a child. */
	(void)pdc_checkpoint(p);
	if (cut->way == KILLED)
		return 0;
	return !unspent(cut);
}

/* Whether the fault fired. */
static int
cut_off(struct cut *cut)
{
	int status;

	if (cut->way == KILLED)
		pdc_fault_kill(cut->point, cut->hit);
	else
		pdc_fault_arm(cut->point, cut->hit);
	if (cut->way == FAILED) {
		(void)pdc_checkpoint(p);
		return !unspent(cut);
	}
	status = help_child(child_checkpoint, cut);
	pdc_fault_disarm();
	if (status != 0 && status != (cut->way == KILLED ? 1000 + SIGKILL : 1))
		bail_out("a child ended with %d", status);
	return status != 0;
}

/* Whether a checkpoint comes by this point. */
static int
comes_by(const struct cut *cut)
{
	switch (cut->point) {
	case FAULT_FILE_LINK: /* use.lock is there since the store is */
		return 0;
	case FAULT_ENV_MAP: /* a child opens anew */
	case FAULT_ENV_OPEN:
		return cut->way != FAILED;
	case FAULT_BUF_GROW: /* a late handle's series is made */
		return rings || cut->way == FAILED;
	case FAULT_CELLS_GROW: /* and its block gets cells */
		return cut->lost && (rings || cut->way == FAILED);
	case FAULT_RSEQ_PROBE:
		return cut->lost && probes;
	case FAULT_STXN_BEGIN:
	case FAULT_STXN_PUT:
	case FAULT_STXN_COMMIT:
	case FAULT_STXN_COMMITTED:
	case FAULT_DRAIN_COMMIT:
	case FAULT_CHECKPOINT_SLICE:
		return 1;
	default: /* where an epoch is made */
		return cut->lost;
	}
}

/* Whether it does so five times at least, however the machine is. */
static int
comes_often(const struct cut *cut)
{
	switch (cut->point) {
	case FAULT_STXN_PUT: /* without a late handle there are four */
		return cut->lost && (rings || cut->way == FAILED);
	case FAULT_STXN_BEGIN:
	case FAULT_STXN_COMMIT:
	case FAULT_STXN_COMMITTED:
		return cut->lost;
	default:
		return 0;
	}
}

static int
judge(const struct cut *cut, int fired)
{
	int must = comes_by(cut) && (cut->hit == 1 || comes_often(cut));
	int may = comes_by(cut);

	if ((fired || !must) && (!fired || may))
		return 0;
	diag("%s, hit %d, cells %s, %s: it did %sfire",
	    pdc_fault_name(cut->point), cut->hit, cut->lost ? "lost" : "there",
	    ways[cut->way], fired ? "" : "not ");
	return 1;
}

/* How many counts are wrong after it. */
static int
one(struct cut *cut, int *fired)
{
	int ret, wrong;

	late_make();
	count_all();
	if (cut->lost)
		lose();
	*fired = cut_off(cut);
	count_all();
	ret = pdc_checkpoint(p);
	if (ret < 0)
		diag("the next one: %s", pdc_error());
	wrong = check_from(nlate - NLATEST) + (ret < 0) + (sound(p) != 0);
	if (wrong > 0)
		diag("%s, hit %d, cells %s, %s", pdc_fault_name(cut->point),
		    cut->hit, cut->lost ? "lost" : "there", ways[cut->way]);
	return wrong;
}

static void
test_each_point(int lost, enum way way, const char *how)
{
	struct cut cut = { .lost = lost, .way = way };
	int wrong = 0, unlike = 0, n = 0, nfired = 0, fired;
	size_t i;

	for (; cut.point < FAULT_NPOINTS; cut.point++)
		for (i = 0, fired = 1; i < NHITS; i++) {
			cut.hit = hits[i];
			/* What is not hit once is not hit twice. */
			if (!fired && !comes_by(&cut))
				break;
			n++;
			wrong += one(&cut, &fired);
			if (wrong > 0)
				bail_out("the rest would differ");
			unlike += judge(&cut, fired);
			nfired += fired;
		}
	wrong += check_from(0);
	is_int(wrong, 0, "%s, cells %s, %d of %d checkpoints %s: exact", how,
	    lost ? "lost" : "there", nfired, n, ways[way]);
	is_int(unlike, 0, "and the points that fire are those written down");
}

static void
run(unsigned flags, const char *how)
{
	int way;

	dir = tap_tmpdir();
	p = help_open(dir, flags);
	fc = help_family(p, PDC_COUNTER, "cut", "l");
	sc = help_series(fc, "x");
	sg = help_series(help_family(p, PDC_GAUGE, "cut_gauge", NULL), NULL);
	sh = help_series(help_family(p, PDC_HISTOGRAM, "cut_seconds", NULL),
	    NULL);
	nlate = rounds = 0;
	rings = pdc_cells_now(p)->use > 0;
	probes = !(flags & PDC_ATOMIC) && pdc_rseq_usable();
	for (way = 0; way < NWAYS; way++) {
		test_each_point(0, way, how);
		test_each_point(1, way, how);
	}
	pdc_close(p);
}

int
main(void)
{
	run(0, "as it comes");
	run(PDC_ATOMIC, "without rings");
	return tap_done();
}
