/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The same at once: processes of two threads count, make and give back label
 * sets, work by name, remove, reset and checkpoint, and are killed, while a
 * reader looks at each page.  Every update is told to shared memory before and
 * after; when all is quiet a process that knows nothing has what they say.
 *
 *	test_parallel [SECONDS [SEED]]
 *
 * Of a series that is removed and reset all counts that began after the last
 * time, and none that had ended before it.  Without rings a sum may wait in its
 * process meanwhile, or be lost with it: then no more than was counted.
 */

#include <sys/wait.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collect/collect.h"
#include "metric/metric.h"
#include "multi/multi.h"
#include "tap.h"

#define NWORKERS 5 /* the first one has no rings */
#define NTHREADS 2
#define NLABELS 24
#define PHASE_MS 400

enum { CALM_C, CALM_S, CALM_G, STORM_C, STORM_S, NKINDS };

static const struct kind {
	enum pdc_type type;
	const char *name;
} kinds[NKINDS] = {
	{ PDC_COUNTER, "calm_c" },
	{ PDC_SUMMARY, "calm_s" },
	{ PDC_GAUGE, "calm_g" },
	{ PDC_COUNTER, "storm_c" },
	{ PDC_SUMMARY, "storm_s" },
};

struct tally {
	_Atomic uint64_t before, after;
	_Atomic uint64_t gone; /* counts that had ended: they are gone */
	_Atomic uint64_t open; /* those that had begun: they may be */
	_Atomic int removing;
};

static struct shared {
	struct tally t[NKINDS][NLABELS], name;
	_Atomic int stop, rings;
	_Atomic uint64_t pages, backwards, uneven, errors;
	char words[256];
	double value[NKINDS][NLABELS], names[2];
} * sh;

static char *dir;
static struct pdc *p;
static struct pdc_family *fam[NKINDS];

static void
higher(_Atomic uint64_t *at, uint64_t v)
{
	uint64_t was = atomic_load(at);

	while (was < v && !atomic_compare_exchange_weak(at, &was, v))
		continue;
}

static struct pdc_series *
series(int k, int i)
{
	char value[16];

	snprintf(value, sizeof(value), "v%d", i);
	return multi_series(fam[k], value);
}

/* Without rings what has no cells may be lost. */
static int
lasting(const struct pdc_series *s)
{
	const struct cells *c = pdc_cells_now(p);

	return c->use > 0 ||
	    pdc_cells_tag_get(c, s->zone, atomic_load(&s->unit)) ==
	    atomic_load(&s->id);
}

static void
count(int k, int i, int n)
{
	struct tally *t = &sh->t[k][i];
	struct pdc_series *s = series(k, i);

	if (s != NULL && pdc_cells_now(p)->use == 0 && k >= STORM_C &&
	    atomic_load(&sh->rings))
		n = 0; /* its sums come when they like */
	for (; s != NULL && n > 0 && lasting(s); n--) {
		atomic_fetch_add(&t->before, 1);
		if (kinds[k].type == PDC_SUMMARY)
			pdc_observe(s, 2);
		else
			pdc_inc(s, 1);
		atomic_fetch_add(&t->after, 1);
	}
	pdc_series_free(s);
}

static void
take_away(int k, int i, int reset)
{
	struct tally *t = &sh->t[k][i];
	char value[16];
	const char *values[] = { value, NULL };
	uint64_t ended = atomic_load(&t->after);
	struct pdc_series *s = NULL;
	int ret;

	snprintf(value, sizeof(value), "v%d", i);
	atomic_fetch_add(&t->removing, 1);
	if (reset && (s = series(k, i)) == NULL)
		return;
	ret = reset ? pdc_reset(s) : pdc_remove(fam[k], values);
	pdc_series_free(s);
	higher(&t->open, atomic_load(&t->before));
	if (ret == 0)
		higher(&t->gone, ended);
	else if (ret != PDC_ENOENT && ret != PDC_EBUSY)
		atomic_fetch_add(&sh->errors, 1);
	atomic_fetch_sub(&t->removing, 1);
}

static void
by_name(void)
{
	static const struct pdc_key c = { "name_c", "_total", NULL, 0 },
				    s = { "name_s", "", NULL, 0 };
	struct pdc_txn *t;
	double v;

	if (pdc_begin(&t, p) < 0)
		return;
	atomic_fetch_add(&sh->name.before, 1);
	(void)pdc_value_get(t, &c, &v);
	pdc_value_inc(t, &c, 1);
	pdc_value_observe(t, &s, 2);
	if (pdc_commit(t) == 0)
		atomic_fetch_add(&sh->name.after, 1);
	else
		atomic_fetch_sub(&sh->name.before, 1);
}

static void *
work(void *arg)
{
	uint64_t seed = *(uint64_t *)arg;
	uint32_t r;

	while (!atomic_load(&sh->stop)) {
		r = multi_random(&seed);
		count((int)(r % NKINDS), (int)(r / 8 % NLABELS),
		    1 + (int)(multi_random(&seed) % 20));
		r = multi_random(&seed) % 64;
		if (r == 0)
			take_away(STORM_C + (int)(multi_random(&seed) % 2),
			    (int)(multi_random(&seed) % NLABELS),
			    (int)(multi_random(&seed) % 2));
		else if (r < 3)
			by_name();
		else if (r == 3)
			pdc_checkpoint(p);
	}
	return NULL;
}

static void
declare_all(unsigned flags)
{
	int k;

	p = multi_open(dir, flags);
	for (k = 0; k < NKINDS; k++)
		fam[k] = multi_declare(p, kinds[k].type, kinds[k].name, "l");
	multi_declare(p, PDC_COUNTER, "name_c", NULL);
	multi_declare(p, PDC_SUMMARY, "name_s", NULL);
}

/* A child counts by what it inherited; nobody waits for its threads. */
static void
forked(uint64_t seed)
{
	int i;

	if (multi_fork() != 0)
		return;
	for (i = 0; i < 200 && !atomic_load(&sh->stop); i++)
		count((int)(multi_random(&seed) % NKINDS),
		    (int)(multi_random(&seed) % NLABELS), 3);
	while (pdc_checkpoint(p) == PDC_EBUSY)
		continue;
	_exit(0);
}

static int
worker(int who, uint64_t seed)
{
	uint64_t seeds[NTHREADS];
	pthread_t id[NTHREADS];
	int i;

	signal(SIGCHLD, SIG_IGN);
	declare_all(who == 0 ? PDC_ATOMIC : 0);
	count(CALM_C, who, 5);
	if (!SANITIZED)
		forked(seed);
	for (i = 0; i < NTHREADS; i++) {
		seeds[i] = seed * NTHREADS + (uint64_t)i;
		if (pthread_create(&id[i], NULL, work, &seeds[i]) != 0)
			return 98;
	}
	for (i = 0; i < NTHREADS; i++)
		pthread_join(id[i], NULL);
	while (pdc_checkpoint(p) == PDC_EBUSY)
		continue;
	pdc_close(p);
	return 0;
}

struct seen {
	double value;
	int64_t created_ns;
};

/* Created times rise, and counts without a new one. */
static void
look_one(struct seen *was, const struct collect_family *f,
    const struct collect_series *s)
{
	double v = f->type == PDC_SUMMARY ? (double)s->pairs[0].count :
					    s->value;

	if (f->type == PDC_SUMMARY && s->pairs[0].sum != 2 * v)
		atomic_fetch_add(&sh->uneven, 1);
	if ((s->created_ns < was->created_ns ||
		(s->created_ns == was->created_ns && v < was->value)) &&
	    atomic_fetch_add(&sh->backwards, 1) == 0)
		snprintf(sh->words, sizeof(sh->words),
		    "%s %s: %.17g of %lld, then %.17g of %lld", f->name,
		    s->values[0], was->value, (long long)was->created_ns, v,
		    (long long)s->created_ns);
	*was = (struct seen){ v, s->created_ns };
}

static int look(struct seen (*was)[NLABELS])
{
	const struct collect_family *f;
	const struct collect_series *s;
	struct stxn x;
	struct collect *co;
	int got, k;

	if (pdc_stxn_read(&x, p->store) < 0)
		return -1;
	pdc_stxn_abort(&x);
	if (pdc_collect_open(&co, p->store, pdc_cells_now(p), &p->self) < 0)
		return -1;
	got = pdc_collect_family(co, &f);
	while (got == COLLECT_NEXT) {
		for (k = 0; k < NKINDS; k++)
			if (strcmp(f->name, kinds[k].name) == 0)
				break;
		while ((got = pdc_collect_series(co, &s)) == COLLECT_NEXT)
			if (k < NKINDS)
				look_one(&was[k][atoi(s->values[0] + 1)], f, s);
		got = got == COLLECT_AGAIN ? pdc_collect_again(co, &f) :
		    got == COLLECT_END	   ? pdc_collect_family(co, &f) :
					     got;
	}
	pdc_collect_close(co);
	atomic_fetch_add(&sh->pages, 1);
	return got;
}

static int
reader(void)
{
	static struct seen was[NKINDS][NLABELS];
	int ret = 0;

	p = multi_open(dir, 0);
	while (!atomic_load(&sh->stop) && ret == 0) {
		ret = look(was);
		usleep(200);
	}
	pdc_close(p);
	return ret < 0;
}

/* What a process sees that has just come. */
static int
fresh(void *arg)
{
	char *page, sample[64];
	int k, i;
	double v;

	(void)arg;
	p = multi_open(dir, 0);
	if (pdc_checkpoint(p) < 0 || (page = multi_page(p)) == NULL)
		return 2;
	for (k = 0; k < NKINDS; k++)
		for (i = 0; i < NLABELS; i++) {
			snprintf(sample, sizeof(sample), "%s%s{l=\"v%d\"}",
			    kinds[k].name,
			    kinds[k].type == PDC_COUNTER     ? "_total" :
				kinds[k].type == PDC_SUMMARY ? "_count" :
							       "",
			    i);
			v = multi_sample(page, sample);
			sh->value[k][i] = v >= 0 ? v : 0;
		}
	sh->names[0] = multi_sample(page, "name_c_total");
	sh->names[1] = multi_sample(page, "name_s_count");
	pdc_free(page);
	pdc_close(p);
	return 0;
}

static pid_t
start(int who, uint64_t seed)
{
	pid_t pid = multi_fork();

	if (pid == 0)
		_exit(who == NWORKERS ? reader() : worker(who, seed));
	return pid;
}

/* Who was killed in a removal has perhaps done it. */
static void
settle(void)
{
	struct tally *t;
	int k, i;

	for (k = 0; k < NKINDS; k++)
		for (i = 0; i < NLABELS; i++) {
			t = &sh->t[k][i];
			if (atomic_exchange(&t->removing, 0) != 0)
				higher(&t->open, atomic_load(&t->before));
		}
}

static void
phase(uint64_t *seed, int ms)
{
	int64_t until = multi_now_ms() + ms;
	pid_t pids[NWORKERS + 1];
	int i, status;

	atomic_store(&sh->stop, 0);
	for (i = 0; i <= NWORKERS; i++)
		pids[i] = start(i, multi_random(seed));
	while (multi_now_ms() < until) {
		usleep(multi_random(seed) % 30000);
		i = (int)(multi_random(seed) % NWORKERS);
		kill(pids[i], SIGKILL);
		waitpid(pids[i], &status, 0);
		if (!WIFSIGNALED(status))
			atomic_fetch_add(&sh->errors, 1);
		pids[i] = start(i, multi_random(seed));
	}
	atomic_store(&sh->stop, 1);
	for (i = 0; i <= NWORKERS; i++)
		if (multi_wait(pids[i], 20000) != 0)
			atomic_fetch_add(&sh->errors, 1);
	multi_sleep_ms(SANITIZED ? 0 : 20); /* for children of the killed */
	settle();
}

static int
judge_one(int k, int i)
{
	const struct tally *t = &sh->t[k][i];
	double v = sh->value[k][i];
	uint64_t lo = 0, hi = atomic_load(&t->before);

	if (k < STORM_C)
		lo = atomic_load(&t->after);
	else if (atomic_load(&sh->rings)) {
		if (atomic_load(&t->after) > atomic_load(&t->open))
			lo = atomic_load(&t->after) - atomic_load(&t->open);
		hi -= atomic_load(&t->gone);
	}
	if (v >= (double)lo && v <= (double)hi)
		return 0;
	diag("%s v%d is %.17g, not %llu to %llu", kinds[k].name, i, v,
	    (unsigned long long)lo, (unsigned long long)hi);
	return 1;
}

static int
judge(void)
{
	int k, i, wrong = 0;

	for (k = 0; k < NKINDS; k++)
		for (i = 0; i < NLABELS; i++)
			wrong += judge_one(k, i);
	if (sh->names[0] != sh->names[1] ||
	    sh->names[0] < (double)atomic_load(&sh->name.after) ||
	    sh->names[0] > (double)atomic_load(&sh->name.before)) {
		diag("by name %.17g and %.17g", sh->names[0], sh->names[1]);
		wrong++;
	}
	return wrong;
}

static int
prepare(void *arg)
{
	(void)arg;
	declare_all(0);
	atomic_store(&sh->rings, pdc_cells_now(p)->use > 0);
	pdc_close(p);
	return 0;
}

static void
storm(uint64_t seed, int ms)
{
	int64_t until = multi_now_ms() + ms;
	int wrong = 0, phases = 0;
	uint64_t sum = 0;
	int k, i;

	diag("seed %llu", (unsigned long long)seed);
	dir = tap_tmpdir();
	is_int(multi_run(prepare, NULL, 10000), 0, "a store is made");
	for (; multi_now_ms() < until && wrong == 0; phases++) {
		phase(&seed, PHASE_MS);
		wrong += multi_run(fresh, NULL, 20000) != 0;
		wrong += judge();
	}
	for (k = 0; k < NKINDS; k++)
		for (i = 0; i < NLABELS; i++)
			sum += atomic_load(&sh->t[k][i].after);
	diag("%d phases, %llu updates, %llu pages", phases,
	    (unsigned long long)sum, (unsigned long long)sh->pages);
	is_int(wrong, 0, "each time all was quiet, all was what it is to be");
	is_int((long long)sh->backwards, 0, "no page went back (%s)",
	    sh->words);
	is_int((long long)sh->uneven, 0, "counts and sums belong together");
	is_int((long long)sh->errors, 0, "nobody failed");
}

int
main(int argc, char **argv)
{
	int ms = argc > 1 ? atoi(argv[1]) * 1000 : tap_short() ? 600 : 1500;

	sh = multi_shared(sizeof(*sh));
	storm(argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL),
	    ms);
	return tap_done();
}
