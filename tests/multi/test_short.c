/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Short-lived workers leave nothing behind but what they counted.  They are
 * forked from one parent and use its handles, or they open the store anew as
 * cron jobs do; some close it, some only exit, some are killed at any
 * instruction.  What there is before and after is compared: files and their
 * sizes, records of each kind, series, reader slots.
 *
 *	test_short [WORKERS [SEED]]
 */

#include <sys/stat.h>
#include <sys/wait.h>

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/page.h"
#include "base/fault.h"
#include "metric/metric.h"
#include "multi/multi.h"
#include "tap.h"

#define NLABELS 8
#define NATONCE 4
#define NWARM 60 /* workers before the first look */
#define NFILES 16

struct tally {
	_Atomic uint64_t begun, lasting;
};

/* What a store is made of. */
struct state {
	int nfiles, ret;
	char files[NFILES][256];
	long long sizes[NFILES], blocks[NFILES];
	long long records[256]; /* by the first byte of their keys */
	struct pdc_stat st;
	double count[NLABELS], observed, gauge;
};

static struct shared {
	struct tally counter[NLABELS], observed;
	_Atomic uint64_t nkilled, ended;
	struct state before, after;
} * sh;

static struct where {
	char *dir;
	char *cells_dir; /* NULL: the same */
	int inherit;
	unsigned flags;
} w;

static uint64_t seed;

/* --- workers --- */

static struct pdc *
open_store(void)
{
	struct pdc_options o = { .flags = w.flags, .cells_dir = w.cells_dir };
	struct pdc *p;

	return pdc_open(&p, w.dir, &o) < 0 ? NULL : p;
}

struct handles {
	struct pdc_series *c, *h, *g;
};

static int
handles(struct pdc *p, int label, struct handles *s)
{
	static const char *const labels[] = { "l", NULL };
	struct pdc_desc d = { .type = PDC_COUNTER,
		.name = "jobs",
		.labels = labels };
	char value[8];
	const char *values[] = { value, NULL };
	struct pdc_family *c, *h, *g;

	snprintf(value, sizeof(value), "%d", label);
	if (pdc_declare(&c, p, &d) < 0)
		return -1;
	d = (struct pdc_desc){ .type = PDC_HISTOGRAM, .name = "seconds" };
	if (pdc_declare(&h, p, &d) < 0)
		return -1;
	d = (struct pdc_desc){ .type = PDC_GAUGE, .name = "last" };
	if (pdc_declare(&g, p, &d) < 0)
		return -1;
	return pdc_labels(&s->c, c, values) < 0 ||
		pdc_labels(&s->h, h, NULL) < 0 ||
		pdc_labels(&s->g, g, NULL) < 0 ?
	    -1 :
	    0;
}

/* Whether a kill leaves what goes by this handle. */
static int
lasting(struct pdc *p, const struct pdc_series *s)
{
	return pdc_cells_now(p)->use > 0 ||
	    pdc_cells_tag_get(pdc_cells_now(p), s->zone,
		atomic_load(&s->unit)) == atomic_load(&s->id);
}

static void
count(struct pdc *p, int label, const struct handles *s)
{
	int last;

	last = lasting(p, s->c);
	atomic_fetch_add(&sh->counter[label].begun, 1);
	pdc_inc(s->c, 1);
	atomic_fetch_add(&sh->counter[label].lasting, last);
	last = lasting(p, s->h);
	atomic_fetch_add(&sh->observed.begun, 1);
	pdc_observe(s->h, 1);
	atomic_fetch_add(&sh->observed.lasting, last);
	pdc_set(s->g, 7);
}

/* p: of the parent, or NULL. */
static int
worker(struct pdc *p, int n)
{
	int label = n % NLABELS, i;
	struct handles s;

	if (p == NULL)
		p = open_store();
	if (p == NULL || handles(p, label, &s) < 0)
		return 1;
	for (i = 0; i < 5; i++)
		count(p, label, &s);
	/* Without rseq a handle may have a sum of its own still. */
	while (atomic_load(&p->pending) != 0)
		pdc_maintain(p);
	if (n % 4 != 0)
		pdc_close(p);
	return 0;
}

/* A third of them is killed within some milliseconds. */
static int
end(pid_t pid, int killed)
{
	int status;

	if (killed) {
		usleep(multi_random(&seed) % 2500);
		kill(pid, SIGKILL);
		atomic_fetch_add(&sh->nkilled, 1);
	}
	status = multi_wait(pid, 20000);
	return status != 0 && !(killed && status == SIGKILL);
}

static int
workers(void *arg)
{
	struct pdc *p = w.inherit ? open_store() : NULL;
	int n = *(int *)arg, i, j, bad = 0;
	pid_t pids[NATONCE];
	struct handles s;

	alarm(0); /* there may be many */
	if (w.inherit && (p == NULL || handles(p, 0, &s) < 0))
		return 2;
	for (i = 0; i < n; i += NATONCE) {
		for (j = 0; j < NATONCE; j++) {
			pids[j] = multi_fork();
			if (pids[j] == 0)
				_exit(worker(p, i + j));
		}
		for (j = 0; j < NATONCE; j++)
			bad += end(pids[j], (i + j) % 3 == 0);
	}
	atomic_store(&sh->ended, 1);
	return bad > 200 ? 200 : bad;
}

/* --- what there is --- */

static int
by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void
list(struct state *k, const char *dir)
{
	char path[600];
	struct dirent *e;
	struct stat sb;
	DIR *d;
	int from = k->nfiles, i;

	d = opendir(dir);
	while (d != NULL && (e = readdir(d)) != NULL && k->nfiles < NFILES)
		if (e->d_name[0] != '.')
			snprintf(k->files[k->nfiles++], sizeof(k->files[0]),
			    "%s", e->d_name);
	if (d != NULL)
		closedir(d);
	qsort(k->files[from], (size_t)(k->nfiles - from), sizeof(k->files[0]),
	    by_name);
	for (i = from; i < k->nfiles; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, k->files[i]);
		if (stat(path, &sb) == 0) {
			k->sizes[i] = sb.st_size;
			k->blocks[i] = sb.st_blocks;
		}
	}
}

static void
records(struct state *k, struct pdc *p)
{
	struct scur c;
	struct stxn x;
	int got;

	if (pdc_stxn_read(&x, p->store) < 0 || pdc_scur_open(&c, &x) < 0)
		return;
	for (got = pdc_scur_seek(&c, "\0", 1); got == 1;
	     got = pdc_scur_next(&c))
		k->records[c.key[0]]++;
	pdc_scur_close(&c);
	pdc_stxn_abort(&x);
}

/* In a process of its own, which also maintains the store. */
static int
look(void *arg)
{
	struct state *k = arg;
	struct pdc *p = open_store();
	char *page, sample[32];
	int i;

	if (p == NULL)
		return 1;
	for (i = 0; i < 3; i++)
		if (pdc_maintain(p) < 0)
			return 2;
	list(k, w.dir);
	if (w.cells_dir != NULL)
		list(k, w.cells_dir);
	records(k, p);
	pdc_stat_get(p, &k->st);
	page = multi_page(p);
	for (i = 0; i < NLABELS; i++) {
		snprintf(sample, sizeof(sample), "jobs_total{l=\"%d\"}", i);
		k->count[i] = multi_sample(page, sample);
	}
	k->observed = multi_sample(page, "seconds_count");
	k->gauge = multi_sample(page, "last");
	return 0;
}

static int
within(double v, const struct tally *t)
{
	return v >= (double)atomic_load(&t->lasting) &&
	    v <= (double)atomic_load(&t->begun);
}

static void
compare(const struct state *a, const struct state *b)
{
	int i, wrong = a->nfiles != b->nfiles;

	is_int(a->nfiles, 5, "the store has its files and no others");

	for (i = 0; i < a->nfiles && i < b->nfiles; i++)
		if (strcmp(a->files[i], b->files[i]) != 0 ||
		    a->sizes[i] != b->sizes[i] ||
		    a->blocks[i] != b->blocks[i]) {
			diag("%s, %lld bytes, %lld blocks; then %s, %lld, %lld",
			    a->files[i], a->sizes[i], a->blocks[i], b->files[i],
			    b->sizes[i], b->blocks[i]);
			wrong++;
		}
	is_int(wrong, 0, "the same ones of the same size later");
	for (i = wrong = 0; i < 256; i++)
		if (a->records[i] != b->records[i]) {
			diag("%lld records %c, then %lld", a->records[i], i,
			    b->records[i]);
			wrong++;
		}
	is_int(wrong, 0, "as many records of each kind");
	ok(b->st.data_bytes <= a->st.data_bytes,
	    "in %llu pages' bytes, now %llu",
	    (unsigned long long)a->st.data_bytes,
	    (unsigned long long)b->st.data_bytes);
	is_int((long long)b->st.series, NLABELS + 2, "%d series", NLABELS + 2);
	ok(b->st.readers <= a->st.readers + NATONCE,
	    "%u reader slots were ever used, then %u", a->st.readers,
	    b->st.readers);
}

static void
judge(const struct state *b)
{
	uint64_t drops = b->st.anomalies;
	int i, wrong = 0;

	for (i = 0; i < NLABELS; i++)
		if (!within(b->count[i], &sh->counter[i])) {
			diag("%d: %.17g, not %llu to %llu", i, b->count[i],
			    (unsigned long long)sh->counter[i].lasting,
			    (unsigned long long)sh->counter[i].begun);
			wrong++;
		}
	is_int(wrong, 0, "each label set is exact");
	ok(within(b->observed, &sh->observed), "so is the histogram, %.17g",
	    b->observed);
	is_double(b->gauge, 7, "and the gauge is as set");
	for (i = 0; i < NDROPS; i++)
		drops += b->st.drops[i];
	is_int((long long)drops, 0, "nothing was dropped");
}

/* As long as it is there, LMDB keeps its table of readers as it is. */
static pid_t
holder(void)
{
	pid_t pid = multi_fork();

	if (pid != 0)
		return pid;
	alarm(0);
	if (open_store() == NULL)
		_exit(1);
	for (;;)
		pause();
}

static void
test_short(int n, const char *how)
{
	int warm = NWARM;
	pid_t pid;

	memset(sh, 0, sizeof(*sh));
	pid = holder();
	is_int(multi_run(workers, &warm, 60000), 0, "%s: some workers", how);
	is_int(multi_run(look, &sh->before, 20000), 0, "a look");
	is_int(multi_run(workers, &n, 3600000), 0, "%d more", n);
	diag("%llu were killed", (unsigned long long)sh->nkilled);
	is_int(multi_run(look, &sh->after, 20000), 0, "a look again");
	is_int(kill(pid, SIGKILL), 0, "somebody was there all the time");
	is_int(multi_wait(pid, 5000), SIGKILL, "until now");
	compare(&sh->before, &sh->after);
	judge(&sh->after);
}

#ifdef PDC_FAULTS
static int
killed_early(void *arg)
{
	(void)arg;
	pdc_fault_kill(FAULT_EPOCH_COMMIT, 1);
	return open_store() == NULL;
}

/* The first of them makes the cells and does not come to name them. */
static void
test_killed_early(void)
{
	w = (struct where){ .dir = tap_tmpdir_disk(),
		.cells_dir = tap_tmpdir() };
	memset(sh, 0, sizeof(*sh));
	is_int(multi_run(killed_early, NULL, 20000), 256 + SIGKILL,
	    "one is killed when he has made the cells");
	list(&sh->before, w.cells_dir);
	is_int(sh->before.nfiles, 1, "they are there");
	is_int(multi_run(look, &sh->after, 20000), 0, "the next one opens it");
	is_int(sh->after.nfiles, 5, "and has one cells file");
}
#endif

static void
test_kind(int n, int inherit, unsigned flags, const char *how)
{
	w = (struct where){ .dir = tap_tmpdir(),
		.inherit = inherit,
		.flags = flags };
	test_short(n, how);
}

int
main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : tap_short() ? 40 : 120;

	seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)getpid();
	diag("seed %llu", (unsigned long long)seed);
	sh = multi_shared(sizeof(*sh));
#ifdef PDC_FAULTS
	test_killed_early();
#endif
	test_kind(n, 1, 0, "forked from one parent");
	test_kind(n, 0, 0, "opening anew");
	test_kind(n, 1, PDC_ATOMIC, "forked, on atomic lanes");
	test_kind(n, 0, PDC_ATOMIC, "anew, on atomic lanes");
	w = (struct where){ .dir = tap_tmpdir_disk(),
		.cells_dir = tap_tmpdir() };
	test_short(n / 4, "opening anew, on a disk");
	return tap_done();
}
