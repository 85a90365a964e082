/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Workers and a checkpointer are killed every few milliseconds, at whatever
 * instruction they are.  Each worker tells shared memory before it counts and
 * after, so what the store has lies between the two sums.  Then the same with
 * a crowd of many threads, each with tallies of its own.
 *
 *	test_kill [SECONDS]
 */

#include <sys/wait.h>

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/page.h"
#include "metric/metric.h"
#include "multi/multi.h"
#include "tap.h"

#define NWORKERS 6
#define NLABELS 300
#define NCROWD 16
#define NTHREADS 4
#define BURST 8192
#define NKILLS 50

struct tally {
	_Atomic uint64_t before, after;
};

static struct shared {
	struct tally handle[NWORKERS], seen[NWORKERS], labels[NLABELS], name;
	_Atomic uint64_t pages, backwards, unequal, nopage, errors;
	_Atomic int stop;
	int lossy;
	char words[512];
	struct tally crowd[NCROWD * NTHREADS], crowd_seen[NCROWD * NTHREADS];
} * sh;

static char *dir;
static int all_ms; /* for all the storms */

static void
tell(struct tally *t, struct pdc_series *s)
{
	atomic_fetch_add(&t->before, 1);
	pdc_inc(s, 1);
	atomic_fetch_add(&t->after, 1);
}

/* Without rseq what an unresolved handle gets may be lost to a kill. */
static int
resolved(const struct pdc_series *s)
{
	const struct cells *c = pdc_cells_now(s->pdc);

	return pdc_cells_tag_get(c, s->zone, atomic_load(&s->unit)) ==
	    atomic_load(&s->id);
}

static struct pdc_series *
must(struct pdc_family *f)
{
	struct pdc_series *s = NULL;

	while (s == NULL || !resolved(s))
		s = multi_series(f, NULL);
	return s;
}

/* Whether a kill leaves what this handle gets: in its cells or in a ring. */
static int
lasting(const struct pdc_series *s)
{
	return pdc_cells_now(s->pdc)->use > 0 || resolved(s);
}

static void
fresh(struct pdc_family *f, uint64_t *seed)
{
	uint32_t i = multi_random(seed) % NLABELS;
	struct pdc_series *s;
	char value[16];

	snprintf(value, sizeof(value), "v%u", i);
	s = multi_series(f, value);
	if (s == NULL)
		return;
	if (lasting(s)) {
		tell(&sh->labels[i], s);
	} else {
		atomic_fetch_add(&sh->labels[i].before, 1);
		pdc_inc(s, 1);
	}
	pdc_series_free(s);
}

/* A counter and a summary in one transaction. */
static void
by_name(struct pdc *p)
{
	static const struct pdc_key k = { "name", "_total", NULL, 0 },
				    o = { "name_seen", "", NULL, 0 };
	struct pdc_txn *t;

	if (pdc_begin(&t, p) < 0)
		return;
	atomic_fetch_add(&sh->name.before, 1);
	pdc_value_inc(t, &k, 1);
	pdc_value_observe(t, &o, 1);
	if (pdc_commit(t) == 0)
		atomic_fetch_add(&sh->name.after, 1);
	else
		atomic_fetch_sub(&sh->name.before, 1);
}

static void
work(int worker, uint64_t seed)
{
	struct pdc *p = multi_open(dir, worker == 0 ? PDC_ATOMIC : 0);
	struct pdc_family *labels;
	struct pdc_series *s, *h, *m;
	int i;

	s = must(multi_declare(p, PDC_COUNTER, "handle", NULL));
	h = must(multi_declare(p, PDC_HISTOGRAM, "seconds", NULL));
	m = must(multi_declare(p, PDC_SUMMARY, "bytes", NULL));
	labels = multi_declare(p, PDC_COUNTER, "labels", "l");
	multi_declare(p, PDC_COUNTER, "name", NULL);
	multi_declare(p, PDC_SUMMARY, "name_seen", NULL);
	for (;;) {
		for (i = 0; i < 64; i++) {
			tell(&sh->handle[worker], s);
			atomic_fetch_add(&sh->seen[worker].before, 1);
			pdc_observe(h, 1);
			pdc_observe(m, 1);
			atomic_fetch_add(&sh->seen[worker].after, 1);
		}
		fresh(labels, &seed);
		if (multi_random(&seed) % 4 == 0)
			by_name(p);
	}
}

static void
checkpoint(void)
{
	struct pdc *p = multi_open(dir, 0);

	for (;;) {
		pdc_checkpoint(p);
		usleep(500);
	}
}

static int
watch(void *arg)
{
	struct pdc *p = multi_open(dir, 0);
	char *before = NULL, *page;
	int bad;

	(void)arg;
	while (!atomic_load(&sh->stop)) {
		page = multi_page(p);
		if (page == NULL) {
			atomic_fetch_add(&sh->nopage, 1);
			continue;
		}
		atomic_fetch_add(&sh->pages, 1);
		atomic_fetch_add(&sh->unequal,
		    multi_unequal(page, "seconds") +
			multi_unequal(page, "bytes") +
			multi_unequal(page, "name_seen"));
		if (before != NULL && !sh->lossy &&
		    (bad = multi_backwards(before, page, sh->words,
			 sizeof(sh->words))) > 0) {
			atomic_fetch_add(&sh->backwards, bad);
			break;
		}
		pdc_free(before);
		before = page;
		usleep(500);
	}
	return 0;
}

static pid_t
start(int who, uint64_t seed)
{
	pid_t pid = multi_fork();

	if (pid != 0)
		return pid;
	if (who == NWORKERS)
		checkpoint();
	else
		work(who, seed);
	_exit(0);
}

static int
storm(int ms, int loss_ms)
{
	pid_t pids[NWORKERS + 1], watcher;
	int64_t until = multi_now_ms() + ms, end = until + 10000;
	int64_t loss = multi_now_ms() + loss_ms;
	uint64_t seed = (uint64_t)getpid();
	int i, status, kills = 0;

	sh->lossy = loss_ms > 0;
	watcher = multi_fork();
	if (watcher == 0)
		_exit(watch(NULL));
	for (i = 0; i <= NWORKERS; i++)
		pids[i] = start(i, seed + (uint64_t)i);
	/* On a busy machine it takes longer. */
	while (multi_now_ms() < (kills <= NKILLS ? end : until)) {
		usleep(multi_random(&seed) % 6000);
		if (loss_ms > 0 && multi_now_ms() >= loss) {
			multi_lose(dir);
			loss = multi_now_ms() + loss_ms;
		}
		i = (int)(multi_random(&seed) % (NWORKERS + 1));
		kill(pids[i], SIGKILL);
		waitpid(pids[i], &status, 0);
		if (!WIFSIGNALED(status))
			atomic_fetch_add(&sh->errors, 1);
		pids[i] = start(i, multi_random(&seed));
		kills++;
	}
	for (i = 0; i <= NWORKERS; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], &status, 0);
	}
	atomic_store(&sh->stop, 1);
	if (multi_wait(watcher, 5000) != 0)
		atomic_fetch_add(&sh->errors, 1);
	return kills;
}

static int
within(double v, uint64_t after, uint64_t before)
{
	return v >= (double)after && v <= (double)before;
}

static void
judge_labels(const char *page)
{
	uint64_t after, before, missed = 0, sum = 0;
	char sample[64];
	int i, bad = 0;
	double v;

	for (i = 0; i < NLABELS; i++) {
		snprintf(sample, sizeof(sample), "labels_total{l=\"v%d\"}", i);
		v = multi_sample(page, sample);
		v = isnan(v) ? 0 : v;
		after = atomic_load(&sh->labels[i].after);
		before = atomic_load(&sh->labels[i].before);
		sum += after;
		missed += before - after;
		if (!within(v, after, before) && bad++ == 0)
			diag("%s is %.17g, not %llu to %llu", sample, v,
			    (unsigned long long)after,
			    (unsigned long long)before);
	}
	diag("label sets: %llu updates, %llu cut", (unsigned long long)sum,
	    (unsigned long long)missed);
	is_int(bad, 0, "each label set's count is within its bounds");
}

/* The sum of n tallies, as a case. */
static void
judge_sum(double v, struct tally *t, int n, const char *what)
{
	uint64_t after = 0, before = 0;
	int i;

	for (i = 0; i < n; i++) {
		after += atomic_load(&t[i].after);
		before += atomic_load(&t[i].before);
	}
	ok(within(v, after, before), "the %s, %.17g, is within %llu to %llu",
	    what, v, (unsigned long long)after, (unsigned long long)before);
}

static void
judge_handles(struct pdc *p, const char *page)
{
	double v = multi_sample(page, "handle_total");

	judge_sum(v, sh->handle, NWORKERS, "counter");
	is_double(multi_get(p, "handle", "_total", NULL, NULL), v,
	    "by name it is the same");
	judge_sum(multi_sample(page, "seconds_count"), sh->seen, NWORKERS,
	    "histogram's count");
	judge_sum(multi_sample(page, "bytes_sum"), sh->seen, NWORKERS,
	    "summary's sum");
	is_int(multi_unequal(page, "seconds") + multi_unequal(page, "bytes"), 0,
	    "counts, sums and buckets agree at the end");
	v = multi_sample(page, "name_total");
	judge_sum(v, &sh->name, 1, "transactions' counter");
	is_double(multi_sample(page, "name_seen_count"), v,
	    "a transaction did all or nothing");
}

/* What the store alone has: the cells are deleted first. */
static int
store_alone(void *arg)
{
	char words[512], *page;
	struct pdc *p;

	if (multi_lose(dir) < 0)
		return 2;
	p = multi_open(dir, 0);
	page = multi_page(p);
	if (page == NULL)
		return 3;
	return multi_backwards(arg, page, words, sizeof(words)) +
	    multi_backwards(page, arg, words, sizeof(words));
}

/* What holds of any page after kills alone. */
static void
judge_store(struct pdc *p, char *page)
{
	struct pdc_stat st;

	pdc_stat_get(p, &st);
	is_int((long long)st.anomalies, 0, "no checkpoint saw a count sink");
	is_int((long long)(st.drops[DROP_DAMAGED] + st.drops[DROP_RING_FULL] +
		   st.drops[DROP_SHAPE]),
	    0, "nothing was dropped");
	is_int(multi_run(store_alone, page, 5000), 0,
	    "the store alone has the same");
}

static void
judge(void)
{
	struct pdc *p = multi_open(dir, 0);
	char *page;

	is_int(pdc_checkpoint(p), 0, "a fresh process can checkpoint");
	page = multi_page(p);
	judge_handles(p, page);
	judge_labels(page);
	judge_store(p, page);
	pdc_free(page);
	pdc_close(p);
}

static void
test_kills(void)
{
	int kills;

	dir = tap_tmpdir();
	kills = storm(all_ms * 2 / 5, 0);
	diag("%d kills, %llu pages", kills,
	    (unsigned long long)atomic_load(&sh->pages));
	ok(kills > NKILLS, "workers were killed");
	is_int((long long)atomic_load(&sh->errors), 0,
	    "nobody ended of himself");
	is_int((long long)atomic_load(&sh->nopage), 0, "every page came");
	is_int((long long)atomic_load(&sh->backwards), 0,
	    "no counter went backwards (%s)", sh->words);
	is_int((long long)atomic_load(&sh->unequal), 0,
	    "on every page sum, count and +Inf of observations of 1 agreed");
	judge();
}

/* The sum of the tallies before, against what there is: nothing twice. */
static void
judge_upper(double v, struct tally *t, int n, const char *what)
{
	uint64_t before = 0;
	int i;

	for (i = 0; i < n; i++)
		before += atomic_load(&t[i].before);
	ok(v <= (double)before, "the %s, %.17g, is not above %llu", what, v,
	    (unsigned long long)before);
}

/*
 * Who is killed before he noticed takes along what he added to lost cells; the
 * rest holds.
 */
static void
test_kills_and_losses(void)
{
	struct pdc *p;
	char *page;
	int kills;

	memset(sh, 0, sizeof(*sh));
	dir = tap_tmpdir();
	kills = storm(all_ms / 5, 30);
	diag("%d kills", kills);
	is_int((long long)atomic_load(&sh->errors), 0,
	    "killed and losing cells, nobody ends of himself");
	is_int((long long)atomic_load(&sh->nopage), 0, "every page comes");
	is_int((long long)atomic_load(&sh->unequal), 0,
	    "sums, counts and +Inf agree");
	p = multi_open(dir, 0);
	is_int(pdc_checkpoint(p), 0, "a fresh process can checkpoint");
	page = multi_page(p);
	judge_upper(multi_sample(page, "handle_total"), sh->handle, NWORKERS,
	    "counter");
	judge_upper(multi_sample(page, "seconds_count"), sh->seen, NWORKERS,
	    "histogram's count");
	judge_sum(multi_sample(page, "name_total"), &sh->name, 1,
	    "transactions' counter");
	is_double(multi_sample(page, "name_seen_count"),
	    multi_sample(page, "name_total"),
	    "a transaction did all or nothing");
	pdc_free(page);
	pdc_close(p);
}

/* One thread of the crowd. */
struct member {
	struct pdc_series *s, *h;
	struct tally *t, *seen;
};

static void *
member_work(void *arg)
{
	const struct member *m = arg;
	int i;

	for (;; usleep(1000)) /* so that the killer gets his turn */
		for (i = 0; i < BURST; i++) {
			tell(m->t, m->s);
			atomic_fetch_add(&m->seen->before, 1);
			pdc_observe(m->h, 1);
			atomic_fetch_add(&m->seen->after, 1);
		}
	return NULL;
}

static void
crowd_work(int who, unsigned flags)
{
	/* 64 threads may keep a new process from the lock for a second. */
	struct pdc_options o = { .flags = flags, .wait_ms = 20000 };
	struct member m[NTHREADS];
	struct pdc *p;
	pthread_t id;
	int i;

	if (pdc_open(&p, dir, &o) < 0)
		bail_out("pdc_open %s: %s", dir, pdc_error());
	m[0].s = must(multi_declare(p, PDC_COUNTER, "handle", NULL));
	m[0].h = must(multi_declare(p, PDC_HISTOGRAM, "seconds", NULL));
	for (i = NTHREADS - 1; i >= 0; i--) {
		m[i].s = m[0].s;
		m[i].h = m[0].h;
		m[i].t = &sh->crowd[who * NTHREADS + i];
		m[i].seen = &sh->crowd_seen[who * NTHREADS + i];
		if (i > 0 && pthread_create(&id, NULL, member_work, &m[i]) != 0)
			_exit(98);
	}
	member_work(&m[0]);
}

static pid_t
crowd_start(int who, unsigned flags)
{
	pid_t pid = multi_fork();

	if (pid == 0 && who == NCROWD)
		checkpoint();
	if (pid == 0)
		crowd_work(who, flags);
	return pid;
}

/* Make the series, so that the crowd only has to find them. */
static int
crowd_prepare(void *arg)
{
	struct pdc *p = multi_open(arg, 0);

	must(multi_declare(p, PDC_COUNTER, "handle", NULL));
	must(multi_declare(p, PDC_HISTOGRAM, "seconds", NULL));
	pdc_close(p);
	return 0;
}

/* Start those anew that have ended; how many of them were not killed. */
static int
crowd_renew(pid_t *pids, int *killed, unsigned flags)
{
	int i, status, bad = 0;

	for (i = 0; i <= NCROWD; i++) {
		if (waitpid(pids[i], &status, WNOHANG) == 0)
			continue;
		bad += !killed[i] || !WIFSIGNALED(status) ||
		    WTERMSIG(status) != SIGKILL;
		killed[i] = 0;
		pids[i] = crowd_start(i, flags);
	}
	return bad;
}

/* Members of the crowd that have never got to count. */
static int
crowd_idle(void)
{
	int i, idle = 0;

	for (i = 0; i < NCROWD * NTHREADS; i++)
		idle += atomic_load(&sh->crowd_seen[i].after) == 0;
	return idle;
}

/* How many were killed; the checkpointer is one of them. */
static int
crowd_storm(unsigned flags, int ms)
{
	int64_t until = multi_now_ms() + ms, end = until + 10000;
	int i, status, killed[NCROWD + 1] = { 0 }, kills = 0, bad = 0;
	uint64_t seed = (uint64_t)getpid();
	pid_t pids[NCROWD + 1];

	for (i = 0; i <= NCROWD; i++)
		pids[i] = crowd_start(i, flags);
	while (multi_now_ms() <
	    (kills < NKILLS || crowd_idle() > 0 ? end : until)) {
		usleep(1000 + multi_random(&seed) % 4000);
		i = (int)(multi_random(&seed) % (NCROWD + 1));
		if (!killed[i]) {
			kill(pids[i], SIGKILL);
			killed[i] = 1;
			kills++;
		}
		bad += crowd_renew(pids, killed, flags);
	}
	for (i = 0; i <= NCROWD; i++)
		kill(pids[i], SIGKILL);
	for (i = 0; i <= NCROWD; i++)
		bad += waitpid(pids[i], &status, 0) != pids[i] ||
		    !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL;
	is_int(bad, 0, "nobody ended of himself");
	return kills;
}

static void
judge_crowd(void)
{
	struct pdc *p = multi_open(dir, 0);
	char *page;

	is_int(pdc_checkpoint(p), 0, "a fresh process can checkpoint");
	page = multi_page(p);
	judge_sum(multi_sample(page, "handle_total"), sh->crowd,
	    NCROWD * NTHREADS, "counter");
	judge_sum(multi_sample(page, "seconds_count"), sh->crowd_seen,
	    NCROWD * NTHREADS, "histogram's count");
	judge_sum(multi_sample(page, "seconds_sum"), sh->crowd_seen,
	    NCROWD * NTHREADS, "histogram's sum");
	is_int(multi_unequal(page, "seconds"), 0,
	    "its count, sum and +Inf agree");
	judge_store(p, page);
	pdc_free(page);
	pdc_close(p);
}

static void
test_crowd(unsigned flags, const char *how)
{
	int kills;

	memset(sh, 0, sizeof(*sh));
	dir = tap_tmpdir();
	is_int(multi_run(crowd_prepare, dir, 5000), 0,
	    "%d processes of %d threads, %s", NCROWD, NTHREADS, how);
	kills = crowd_storm(flags, all_ms / 5);
	ok(kills >= NKILLS, "%d were killed", kills);
	ok(crowd_idle() < NCROWD * NTHREADS / 2,
	    "all threads have counted, but for %d", crowd_idle());
	judge_crowd();
}

int
main(int argc, char **argv)
{
	all_ms = argc > 1 ? atoi(argv[1]) * 1000 : tap_short() ? 3000 : 4500;
	sh = multi_shared(sizeof(*sh));
	test_kills();
	test_kills_and_losses();
	test_crowd(0, "as it comes");
	test_crowd(PDC_ATOMIC, "on atomic lanes");
	return tap_done();
}
