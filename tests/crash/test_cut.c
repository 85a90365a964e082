/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * A store on a disk, and the power is cut.
 *
 * A process counts and makes checkpoints; what it writes to data.mdb is
 * recorded.  Then the file is made as a cut leaves it, before each write and
 * sync, with losses and tears of what was not synced; the cells are gone and
 * the boot is another.  The store has to open and to show the last checkpoint
 * that was synced, or a later one, and to go on.
 *
 *	PDC_CRASH_ROUNDS=N	checkpoints, 8 if not given
 *	PDC_CRASH_TRIES=N	of each kind of loss at each cut; else one kind
 *	PDC_CRASH_SEED=N	as it was printed
 */

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/page.h"
#include "checkpoint/checkpoint.h"
#include "crash/record.h"
#include "help.h"
#include "../journal/journal.h"
#include "metric/metric.h"
#include "multi/multi.h"
#include "store/store.h"

#define REMOVED_AFTER 3
#define BOUND 4 /* of the histogram */

static char dir[4096], *cells_dir;
static int nrounds = 8;
static struct record *rec;

/* What a replay says to its parent. */
static struct said {
	size_t next, cut; /* the case, and its cut */
	enum record_loss loss;
	int nbad; /* of this case */
	int failed, ndied, nrefused;
	int nlate; /* showed a later checkpoint than they had to */
	char words[512]; /* of the first bad one */
} * said;

static struct pdc *
crash_open(void)
{
	struct pdc_options o = { .cells_dir = cells_dir, .wait_ms = 20000 };
	struct pdc *p;

	return pdc_open(&p, dir, &o) < 0 ? NULL : p;
}

static void
must(int ret, const char *what)
{
	if (ret < 0) {
		fprintf(stderr, "%s: %s\n", what, pdc_error());
		_exit(1);
	}
}

struct families {
	struct pdc_family *a, *h, *n, *s, *g, *x, *y, *many;
};

static void
declare(struct families *f, struct pdc *p)
{
	static const double bounds[] = { BOUND };
	const struct pdc_desc h = { .type = PDC_HISTOGRAM,
		.name = "h",
		.bounds = bounds,
		.nbounds = 1 };
	const struct pdc_desc n = { .type = PDC_HISTOGRAM,
		.name = "n",
		.flags = PDC_NATIVE };

	must(pdc_declare(&f->h, p, &h), "h");
	must(pdc_declare(&f->n, p, &n), "n");
	f->a = multi_declare(p, PDC_COUNTER, "a", NULL);
	f->s = multi_declare(p, PDC_SUMMARY, "s", NULL);
	f->g = multi_declare(p, PDC_GAUGE, "g", NULL);
	f->x = multi_declare(p, PDC_GAUGE, "x", NULL);
	f->y = multi_declare(p, PDC_COUNTER, "y", NULL);
	f->many = multi_declare(p, PDC_COUNTER, "many", "n");
}

/* x and y are set together; they are never seen to differ. */
static void
set_both(struct pdc *p, int round)
{
	const struct pdc_key x = help_key("x", "", NULL),
			     y = help_key("y", "_total", NULL);
	struct pdc_txn *t;

	must(pdc_begin(&t, p), "begin");
	pdc_value_set(t, &x, round);
	pdc_value_set(t, &y, round);
	must(pdc_commit(t), "commit");
}

/* A series for a while, and a line, of which some do not fit in a page. */
static void
come_and_go(struct pdc *p, struct pdc_family *many, int round)
{
	static char text[9000];
	struct pdc_field f = { .name = "text",
		.kind = PDC_STRING,
		.text = text };
	char name[16], gone[16];
	const char *values[] = { gone, NULL };

	snprintf(name, sizeof(name), "%d", round);
	snprintf(gone, sizeof(gone), "%d", round - REMOVED_AFTER);
	pdc_inc(multi_series(many, name), round);
	if (round > REMOVED_AFTER)
		must(pdc_remove(many, values), "remove");
	memset(text, 't', sizeof(text) - 1);
	must(pdc_event(p, name, &f, round % 3 == 0), "event");
}

struct life {
	const char *boot;
	int from, to; /* rounds */
};

static int
work(void *arg)
{
	const struct life *l = arg;
	struct families f;
	struct pdc *p;
	int round;

	record_start(rec, l->boot);
	p = crash_open();
	must(p == NULL ? -1 : 0, "open");
	declare(&f, p);
	for (round = l->from; round <= l->to; round++) {
		pdc_inc(multi_series(f.a, NULL), 1);
		pdc_observe(multi_series(f.h, NULL), round);
		pdc_observe(multi_series(f.n, NULL), round);
		pdc_observe(multi_series(f.s, NULL), round);
		pdc_set(multi_series(f.g, NULL), round);
		set_both(p, round);
		come_and_go(p, f.many, round);
		must(pdc_maintain(p), "maintain");
		must(pdc_checkpoint(p), "checkpoint");
		record_mark(round);
	}
	_exit(0); /* the power goes: no pdc_close() */
}

/* --- the model: what may be there between checkpoints low and high --- */

struct model {
	int low, high, most;
	const char *page;
};

static void __attribute__((format(printf, 1, 2))) bad(const char *fmt, ...)
{
	va_list ap;

	if (said->nbad++ > 0)
		return;
	va_start(ap, fmt);
	vsnprintf(said->words, sizeof(said->words), fmt, ap);
	va_end(ap);
}

/* A number of rounds, or 0 where nothing need be there yet. */
static int
rounds(struct model *m, const char *sample)
{
	double v = multi_sample(m->page, sample);

	if (isnan(v) && m->low == 0)
		v = 0;
	if (!(v >= m->low && v <= m->high) || v != floor(v)) {
		bad("%s is %g, not one of %d to %d", sample, v, m->low,
		    m->high);
		return 0;
	}
	if ((int)v > m->most)
		m->most = (int)v;
	return (int)v;
}

static void
equal(struct model *m, const char *sample, double want)
{
	double v = multi_sample(m->page, sample);

	if (v != want && !(isnan(v) && want == 0 && m->low == 0))
		bad("%s is %g and not %g", sample, v, want);
}

static void
judge_numbers(struct model *m)
{
	int n;

	rounds(m, "a_total");
	rounds(m, "g");
	n = rounds(m, "x");
	equal(m, "y_total", n);
	n = rounds(m, "h_count");
	equal(m, "h_sum", n * (n + 1) / 2);
	equal(m, "h_bucket{le=\"4.0\"}", n < BOUND ? n : BOUND);
	equal(m, "h_bucket{le=\"+Inf\"}", n);
	n = rounds(m, "n_count");
	equal(m, "n_sum", n * (n + 1) / 2);
	n = rounds(m, "s_count");
	equal(m, "s_sum", n * (n + 1) / 2);
}

static void
judge_series(struct model *m)
{
	char sample[64];
	double v;
	int n;

	for (n = 1; n <= nrounds; n++) {
		snprintf(sample, sizeof(sample), "many_total{n=\"%d\"}", n);
		v = multi_sample(m->page, sample);
		if (isnan(v)) {
			if (n <= m->low && n + REMOVED_AFTER > m->high)
				bad("%s is not there", sample);
		} else if (n + REMOVED_AFTER <= m->low || n > m->high) {
			bad("%s is there, with %g", sample, v);
		} else if (v != n && !(v == 0 && n > m->low)) {
			bad("%s is %g", sample, v);
		}
	}
}

/* Lines 1, 2, ... without a gap, each once. */
static void
judge_lines(struct model *m, struct pdc *p)
{
	char *page = journal_all(p, 1u << STREAM_EVENTS), *at, want[64];
	int n = 0;

	for (at = page; *at != '\0'; at += *at == '\n') {
		snprintf(want, sizeof(want), "{\"name\": \"%d\", ", ++n);
		if (strncmp(at, want, strlen(want)) != 0) {
			bad("line %d is %.40s", n, at);
			break;
		}
		at += strcspn(at, "\n");
	}
	if (n < m->low || n > m->high)
		bad("%d lines, not %d to %d", n, m->low, m->high);
	free(page);
}

static void
found(void *arg, const char *words)
{
	(void)arg;
	bad("pdc check: %s", words);
}

/* Counting goes on from what was there. */
static void
judge_life(struct model *m, struct pdc *p)
{
	struct pdc_series *a;
	double was = multi_sample(m->page, "a_total");
	int ret;

	if (pdc_page_check(p, found, NULL) < 0)
		bad("pdc check: %s", pdc_error());
	a = multi_series(multi_declare(p, PDC_COUNTER, "a", NULL), NULL);
	pdc_inc(a, 1000);
	ret = pdc_checkpoint(p);
	if (ret < 0)
		bad("checkpoint: %s", pdc_error());
	was = (isnan(was) ? 0 : was) + 1000;
	if (multi_now(p, "a_total") != was)
		bad("a_total does not go on to %g", was);
	if (pdc_page_check(p, found, NULL) < 0)
		bad("pdc check: %s", pdc_error());
}

static void
judge(int low, int high)
{
	struct model m = { .low = low, .high = high };
	struct pdc *p = crash_open();
	char *page;

	if (p == NULL) {
		said->nrefused++;
		if (low > 0 || pdc_error()[0] == '\0')
			bad("it does not open: %s", pdc_error());
		return;
	}
	page = multi_page(p);
	if (page == NULL) {
		bad("no page: %s", pdc_error());
	} else {
		m.page = page;
		judge_numbers(&m);
		judge_series(&m);
		judge_lines(&m, p);
		judge_life(&m, p);
		said->nlate += m.most > low;
	}
	pdc_free(page);
	pdc_close(p);
}

/* --- replays --- */

/* The same file as before, as M has its inode. */
static void
restore(const struct record_image *im)
{
	char path[4200];
	int fd;

	snprintf(path, sizeof(path), "%s/data.mdb", dir);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd == -1 ||
	    (im->size > 0 &&
		pwrite(fd, im->data, (size_t)im->size, 0) != im->size))
		_exit(2);
	close(fd);
}

/* Cases are numbered, so that a child goes on where another died. */
struct job {
	size_t ncases, per_cut;
	int unsynced; /* as if nothing had ever been synced */
	uint64_t seed;
};

static void
job_case(const struct job *j, size_t n, uint64_t *random)
{
	size_t which = n % j->per_cut;

	*random = j->seed + n;
	help_random(random);
	said->cut = 1 +
	    (j->unsynced ? help_random(random) % rec->nops : n / j->per_cut);
	said->loss = RECORD_ALL;
	if (j->unsynced || which > 0)
		said->loss = RECORD_NONE +
		    (which > 1 ? which : help_random(random)) % (NLOSSES - 1);
}

static void
replay(const struct job *j, size_t n, struct record_image *im)
{
	int low, high;
	uint64_t random;
	size_t safe;

	job_case(j, n, &random);
	safe = record_synced(rec, said->cut);
	low = (int)record_marked(rec, safe);
	high = (int)record_marked(rec, said->cut) + 1;
	record_cut(rec, j->unsynced ? 0 : safe, said->cut, said->loss, &random,
	    im);
	restore(im);
	alarm(20);
	judge(low, high < nrounds ? high : nrounds);
}

static int
replays(void *arg)
{
	const struct job *j = arg;
	struct record_image im = { .data = malloc(RECORD_BYTES) };

	record_no_syncs(0);
	/* What is damaged on purpose may make a judge give up. */
	if (im.data == NULL ||
	    (j->unsynced && freopen("/dev/null", "w", stdout) == NULL))
		return 1;
	for (; said->next < j->ncases; said->next++) {
		replay(j, said->next, &im);
		if (said->nbad > 0 && said->failed++ < 5)
			fprintf(stderr, "# cut %zu of %zu, loss %d: %s\n",
			    said->cut, rec->nops, (int)said->loss, said->words);
		said->nbad = 0;
	}
	free(im.data);
	return 0;
}

/* All cases; how many of them were bad, and of these, died. */
static void
run(const struct job *j)
{
	int status;

	memset(said, 0, sizeof(*said));
	while (said->next < j->ncases) {
		status = multi_run(replays, (void *)(uintptr_t)j, 600000);
		if (status == 0)
			continue;
		if (said->ndied++ < 5)
			diag("cut %zu of %zu, loss %d: it died of %d",
			    said->cut, rec->nops, (int)said->loss, status);
		said->failed++;
		said->nbad = 0;
		said->next++;
	}
}

static int
number(const char *name, int otherwise)
{
	const char *s = getenv(name);

	return s != NULL && *s != '\0' ? atoi(s) : otherwise;
}

static int
recorded_whole(void)
{
	struct record_image im = { .data = malloc(RECORD_BYTES) };
	uint64_t random = 1;
	char path[4200];
	unsigned char *is = malloc(RECORD_BYTES);
	int same = 0, fd;

	snprintf(path, sizeof(path), "%s/data.mdb", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd != -1 && im.data != NULL && is != NULL) {
		record_cut(rec, rec->nops, rec->nops, RECORD_ALL, &random, &im);
		same = read(fd, is, RECORD_BYTES) == im.size &&
		    memcmp(is, im.data, (size_t)im.size) == 0;
		close(fd);
	}
	free(im.data);
	free(is);
	return same;
}

static int
count(enum record_kind kind)
{
	size_t i;
	int n = 0;

	for (i = 0; i < rec->nops; i++)
		n += rec->ops[i].kind == kind;
	return n;
}

static int
unsyncable(void *arg)
{
	struct pdc *p;

	(void)arg;
	record_no_syncs(EIO);
	if (crash_open() != NULL || strstr(pdc_error(), "syncing") == NULL)
		return 1;
	record_no_syncs(0);
	p = crash_open();
	if (p == NULL || pdc_page_check(p, found, NULL) != 0)
		return 2;
	pdc_close(p);
	return 0;
}

static void
test_record(void)
{
	struct life one = { "a boot\n", 1, nrounds / 2 },
		    two = { "another boot\n", nrounds / 2 + 1, nrounds };

	is_int(multi_run(work, &one, 50000), 0, "a process counts");
	is_int(multi_run(work, &two, 50000), 0, "and one of another boot");
	ok(!rec->full, "all it wrote is recorded");
	is_int(rec->unknown, 0, "pages are written and synced, no more");
	ok(recorded_whole(), "that is what is in the file");
	is_int(count(RECORD_MARK), nrounds, "%d checkpoints", nrounds);
	ok(count(RECORD_SYNC) >= nrounds, "at least a sync for each");
	ok(record_named(rec), "and one of the names before");
	diag("%d writes, %d syncs", count(RECORD_WRITE), count(RECORD_SYNC));
}

static void
test_cuts(uint64_t seed)
{
	int tries = number("PDC_CRASH_TRIES", 0);
	struct job j = { .seed = seed };

	j.per_cut = tries > 0 ? 1 + (size_t)tries * (NLOSSES - 1) : 2;
	j.ncases = rec->nops * j.per_cut;
	run(&j);
	is_int(said->ndied, 0, "after each cut the store is not deadly");
	is_int(said->failed, 0,
	    "it shows the last synced checkpoint, or a later one");
	ok(said->nlate > 0, "a later one, too");
	diag("%zu replays, %d showed a later checkpoint, %d of a store "
	     "that had none were refused",
	    j.ncases, said->nlate, said->nrefused);
}

/* Else this test could not see what the syncs are good for. */
static void
test_unsynced(uint64_t seed)
{
	const struct job j = { .unsynced = 1,
		.seed = seed,
		.per_cut = 1,
		.ncases = 50 };

	run(&j);
	ok(said->failed > 0, "without syncs it would be damaged");
	diag("%zu replays, %d damaged, %d of these deadly", j.ncases,
	    said->failed, said->ndied);
}

int
main(void)
{
	int seed = number("PDC_CRASH_SEED", (int)(time(NULL) & 0xffffff));
	char *disk = tap_tmpdir_disk();

	cells_dir = tap_tmpdir();
	if (pdc_file_tmpfs(disk) != 0)
		skip_all("the build directory is on a tmpfs");
	nrounds = number("PDC_CRASH_ROUNDS", nrounds);
	rec = multi_shared(sizeof(*rec));
	said = multi_shared(sizeof(*said));
	diag("PDC_CRASH_SEED=%d", seed);
	snprintf(dir, sizeof(dir), "%s/broken", disk);
	is_int(multi_run(unsyncable, NULL, 50000), 0,
	    "who cannot sync the names says so, and can do it later");
	snprintf(dir, sizeof(dir), "%s/store", disk);
	test_record();
	test_cuts((uint64_t)seed);
	test_unsynced((uint64_t)seed);
	return tap_done();
}
