/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Cells change owner, through the whole library, while workers that are
 * stopped, continued and killed at any instruction count into them.  Series are
 * reset and removed and their families end; by a clock that runs ahead the
 * grace of what is dying is over within milliseconds, and the same cells and
 * numbers are given out again and again.
 *
 * Each series counts in steps of its own prime number, so what lands in
 * another one shows.  What goes with a series is read in the transaction that
 * takes it away, so that in the end each label set must have exactly what its
 * workers did, less what full rings dropped and counted, and within the bounds
 * that kills leave.  A gauge is only ever set to numbers of its label.
 *
 *	test_storm [SECONDS [SEED]]
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

#include "checkpoint/checkpoint.h"
#include "metric/metric.h"
#include "multi/multi.h"
#include "store/dying.h"
#include "store/series.h"
#include "tap.h"

#define NWORKERS 4
#define NTHREADS 2
#define NLABELS 12
#define NKINDS 3
#define GRACE_MS 4 /* of real time */
#define NOPS 10 /* between two graces */
#define NREUSES 50 /* at least */
#define MEND 512 /* rounds of a worker between two looks at the store */

enum { COUNTER, HISTOGRAM, GAUGE };

static const double primes[NLABELS] = { 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37,
	41 };
static const enum pdc_type types[NKINDS] = { PDC_COUNTER, PDC_HISTOGRAM,
	PDC_GAUGE };
static const char *const names[NKINDS] = { "c", "h", "g" };
static char values[NLABELS][4];

/* What a thread has done; lasting is what no kill can take back. */
struct tally {
	_Atomic uint64_t begun, lasting;
};

static struct shared {
	_Atomic int stop;
	_Atomic pid_t pid[NWORKERS + 1]; /* the last one checkpoints */
	struct tally tally[NWORKERS][NTHREADS][2][NLABELS];
	_Atomic uint64_t nstops, nkills, nslow;
} * sh;

static pid_t last[NWORKERS + 1]; /* of sh->pid, also after its end */
static char *dir;
static struct pdc *p;
static uint64_t seed, nreuses, wrong, nfailed;
/* Updates that went with a series. */
static double taken[2][NLABELS];
static struct place pl;
static struct dying dying;

static struct pdc_family *
family(int kind)
{
	static const char *const labels[] = { "l", NULL };
	struct pdc_desc d = { .type = types[kind],
		.name = names[kind],
		.labels = labels };
	struct pdc_family *f;

	if (kind == HISTOGRAM) {
		d.bounds = primes;
		d.nbounds = NLABELS;
	}
	while (pdc_declare(&f, p, &d) < 0)
		continue;
	return f;
}

/* --- workers --- */

/* Whether its updates go to its cells now. */
static int
resolved(const struct pdc_series *s)
{
	return pdc_cells_tag_get(pdc_cells_now(s->pdc), s->zone,
		   atomic_load(&s->unit)) == atomic_load(&s->id);
}

/* Something of this process waits in the handle. */
static int
waits(const struct pdc_series *s)
{
	uint32_t i;

	for (i = 0; i < s->family->width; i++)
		if (__atomic_load_n(&s->pending[i].count, __ATOMIC_ACQUIRE))
			return 1;
	return 0;
}

static void
step(struct tally *t, struct pdc_series *s, int kind, int label)
{
	uint64_t id = atomic_load(&s->id);
	int before = resolved(s);

	atomic_fetch_add(&t->begun, 1);
	if (kind == COUNTER)
		pdc_inc(s, primes[label]);
	else
		pdc_observe(s, primes[label]);
	/*
	 * Ids are never given out again: it was by its cells all the time.  Or
	 * by a ring that had room.
	 */
	if ((before && resolved(s) && atomic_load(&s->id) == id) ||
	    (pdc_cells_now(p)->use > 0 && !waits(s)))
		atomic_fetch_add(&t->lasting, 1);
}

static struct pdc_series *
look(struct pdc_family *f, int label)
{
	struct pdc_series *s = NULL;

	while (s == NULL)
		s = multi_series(f, values[label]);
	return s;
}

/* By a ring rarely: it is to become empty, so that the cell is used again. */
static void
set(struct pdc_series *s, int label, uint64_t round)
{
	int direct = resolved(s) &&
	    pdc_gauge_direct(s, pdc_cells_now(p), RING_SET);

	if (round % (direct ? 61 : 65521) == 0)
		pdc_set(s, label + NLABELS * (double)(round % 1000));
}

struct thread {
	int worker, n;
};

static void *
work(void *arg)
{
	struct pdc_series *s[NKINDS][NLABELS];
	const struct thread *t = arg;
	struct pdc_family *f[NKINDS];
	uint64_t round;
	int k, l;

	for (k = 0; k < NKINDS; k++)
		for (f[k] = family(k), l = 0; l < NLABELS; l++)
			s[k][l] = look(f[k], l);
	for (round = 0; !atomic_load(&sh->stop); round++) {
		l = (int)(round % NLABELS);
		for (k = 0; k < 2; k++)
			step(&sh->tally[t->worker][t->n][k][l], s[k][l], k, l);
		set(s[GAUGE][l], l, round);
		/* So that rings are not full all the time. */
		if (!resolved(s[COUNTER][l]) || !resolved(s[HISTOGRAM][l]))
			usleep(20);
		/* Half of the threads never look at the store again. */
		if (t->n == 0 || round % MEND != 0)
			continue;
		for (k = 0, l = (int)(round / MEND % NLABELS); k < NKINDS; k++)
			pdc_series_free(look(f[k], l));
		atomic_fetch_add(&sh->nslow, 1);
	}
	return NULL;
}

/* Pending sums are credited by any write. */
static void
flush(void)
{
	struct stxn x;

	while (atomic_load(&p->pending))
		if (pdc_stxn_write(&x, p->store, 1000) == 0)
			pdc_stxn_commit(&x);
}

static void
worker(int n)
{
	struct thread t[NTHREADS];
	pthread_t id[NTHREADS];
	int i;

	for (i = 0; i < NTHREADS; i++) {
		t[i] = (struct thread){ n, i };
		if (pthread_create(&id[i], NULL, work, &t[i]) != 0)
			_exit(1);
	}
	for (i = 0; i < NTHREADS; i++)
		pthread_join(id[i], NULL);
	flush();
	_exit(0);
}

static void
start(int n)
{
	pid_t pid = multi_fork();

	alarm(0); /* in a child: a storm may be long */
	if (pid == 0 && n < NWORKERS)
		worker(n);
	if (pid == 0) {
		/* No upkeep: by this clock the grace would begin too early. */
		while (!atomic_load(&sh->stop))
			pdc_checkpoint(p);
		_exit(0);
	}
	last[n] = pid;
	atomic_store(&sh->pid[n], pid);
}

/* Stops, continues and, with kills, ends workers. */
static pid_t
stopper(int kills)
{
	uint64_t random = seed + 1;
	pid_t self = multi_fork(), pid;
	int n;

	alarm(0);
	while (self == 0) {
		n = (int)(multi_random(&random) % (NWORKERS + 1));
		pid = atomic_load(&sh->pid[n]);
		if (pid == 0)
			continue;
		kill(pid, SIGSTOP);
		usleep(2000 + multi_random(&random) % 20000);
		kill(pid, SIGCONT);
		atomic_fetch_add(&sh->nstops, 1);
		usleep(multi_random(&random) % 1000);
		if (!kills || multi_random(&random) % 4 != 0)
			continue;
		/* First that it is over: finish() may end this process here. */
		atomic_store(&sh->pid[n], 0);
		if (kill(pid, SIGKILL) == 0)
			atomic_fetch_add(&sh->nkills, 1);
	}
	return self;
}

static void
restart(int n)
{
	if (atomic_load(&sh->pid[n]) != 0)
		return;
	waitpid(last[n], NULL, 0);
	start(n);
}

/* --- what is taken away --- */

static void
begin(struct stxn *x, int kind)
{
	while (pdc_stxn_write(x, p->store, 1000) < 0)
		continue;
	pl.v = p->store->value;
	if (pdc_family_get(x, names[kind], &pl.f) < 0)
		bail_out("family %s: %s", names[kind], pdc_error());
}

static int
find(struct stxn *x, int label)
{
	return pdc_place_find(x, &pl, values[label],
		   strlen(values[label]) + 1) == 0;
}

/* So many updates are in these numbers; what is not its own is wrong. */
static double
updates(int kind, int label, const struct pair *v)
{
	double n;
	int i;

	if (kind == COUNTER) {
		n = v[0].sum / primes[label];
		wrong += n != floor(n);
		return n;
	}
	for (i = 0; i <= NLABELS; i++)
		wrong += i == label ?
		    v[i].sum != primes[label] * (double)v[i].count :
		    v[i].count != 0 || v[i].sum != 0;
	return (double)v[label].count;
}

/* What is in base, and with it what was seen. */
static void
stored(int kind, struct pair *base, struct pair *seen)
{
	size_t at = (size_t)pl.at.pos * pl.f.r.width;

	if (kind == COUNTER) {
		base[0].sum = pdc_block_add_base(pl.v)[pl.at.pos];
		seen[0].sum = pdc_block_add_seen(pl.v)[pl.at.pos];
		return;
	}
	memcpy(base, pdc_block_pair_base(pl.v) + at,
	    pl.f.r.width * sizeof(*base));
	memcpy(seen, pdc_block_pair_seen(pl.v) + at,
	    pl.f.r.width * sizeof(*seen));
}

/* The record of the run that this transaction has given up last. */
static int
given_up(struct stxn *x, uint64_t was)
{
	unsigned char key[DYING_KEY_LEN];
	const void *val;
	size_t len;

	if (x->meta.next_dying == was)
		return 0;
	pdc_dying_key(key, 'D', x->meta.next_dying - 1);
	if (pdc_stxn_get(x, key, sizeof(key), &val, &len) < 0 ||
	    !pdc_dying_parse(&dying, val, len))
		bail_out("no record of what is dying");
	return 1;
}

static void
take(int kind, int label, int reset)
{
	struct pair base[NLABELS + 1], seen[NLABELS + 1];
	struct gone g = { .why = GONE_REMOVED };
	uint64_t was;
	struct stxn x;

	begin(&x, kind);
	if (!find(&x, label)) {
		pdc_stxn_abort(&x);
		return;
	}
	was = x.meta.next_dying;
	if (kind != GAUGE)
		stored(kind, base, seen);
	if (reset)
		pdc_place_move(&x, p, &pl, 0);
	else
		pdc_place_remove(&x, p, &pl, &g);
	if (kind != GAUGE)
		taken[kind][label] += updates(kind, label, base) +
		    updates(kind, label, given_up(&x, was) ? dying.sum0 : seen);
	if (pdc_stxn_commit(&x) < 0)
		bail_out("commit: %s", pdc_error());
}

/* The family ends, with what was seen of it. */
static void
expire(int kind)
{
	struct pair base[NLABELS + 1], seen[NLABELS + 1];
	struct stxn x;
	int l;

	begin(&x, kind);
	for (l = 0; l < NLABELS && kind != GAUGE; l++)
		if (find(&x, l)) {
			stored(kind, base, seen);
			taken[kind][l] += updates(kind, l, base) +
			    updates(kind, l, seen);
		}
	pdc_family_end(&x, &pl.f, GONE_ENDED);
	if (pdc_stxn_commit(&x) < 0)
		bail_out("commit: %s", pdc_error());
}

/* What came to a removed run afterwards is dropped: note how much. */
static void
late_of_removed(void)
{
	struct pair late[NLABELS + 1];
	struct cells *c = pdc_cells_now(p);
	const struct dying_rec *d = &dying.d;
	int kind = d->zone == ZONE_ADD ? COUNTER : HISTOGRAM;
	int label = atoi(dying.values);
	uint32_t i;

	if (d->late != LATE_DROPPED || d->zone == ZONE_GAUGE ||
	    d->unit == UNIT_NONE)
		return;
	pdc_cells_bump(c, d->zone, d->unit, d->width);
	for (i = 0; i < d->width; i++) {
		if (kind == COUNTER)
			late[i].sum = pdc_cells_sum(c, d->unit);
		else
			late[i] = pdc_cells_sum_pair(c, d->unit + i);
		late[i].sum -= dying.sum0[i].sum;
		late[i].count -= dying.sum0[i].count;
	}
	taken[kind][label] += updates(kind, label, late);
}

/* The grace of all that is dying is over; its cells are free. */
static void
end_grace(void)
{
	struct scur cur;
	struct stxn x;
	int got, n;

	multi_sleep_ms(GRACE_MS);
	p->clock.mono_skew_ns += DYING_GRACE_NS + 1;
	begin(&x, COUNTER);
	if (pdc_scur_open(&cur, &x) < 0)
		bail_out("cursor: %s", pdc_error());
	for (got = pdc_scur_seek(&cur, "D", 1); got == 1 && cur.key[0] == 'D';
	     got = pdc_scur_next(&cur))
		if (pdc_dying_parse(&dying, cur.val, cur.len))
			late_of_removed();
	pdc_scur_close(&cur);
	n = pdc_dying_step(&x, p);
	if (pdc_stxn_commit(&x) < 0 || n < 0)
		bail_out("dying: %s", pdc_error());
	nreuses += (uint64_t)n;
	while (pdc_maintain(p) < 0)
		continue;
}

static void
some(uint64_t *random)
{
	int i, kind, label;

	for (i = 0; i < NOPS; i++) {
		kind = (int)(multi_random(random) % NKINDS);
		label = (int)(multi_random(random) % NLABELS);
		if (multi_random(random) % 16 == 0)
			expire(kind);
		else
			take(kind, label,
			    kind != GAUGE && multi_random(random) % 2 == 0);
	}
	for (i = 0; i <= NWORKERS; i++)
		restart(i);
}

/* --- what there is --- */

/* On any page: whole steps of each, and a gauge's own numbers. */
static void
page_check(double *counts)
{
	char *page = multi_page(p), sample[64];
	double v;
	int l;

	if (page == NULL) {
		wrong++;
		return;
	}
	for (l = 0; l < NLABELS; l++) {
		snprintf(sample, sizeof(sample), "c_total{l=\"%d\"}", l);
		v = multi_sample(page, sample) / primes[l];
		wrong += !isnan(v) && v != floor(v);
		counts[l] = isnan(v) ? 0 : v;
		snprintf(sample, sizeof(sample), "h_count{l=\"%d\"}", l);
		v = multi_sample(page, sample);
		counts[NLABELS + l] = isnan(v) ? 0 : v;
		snprintf(sample, sizeof(sample), "h_sum{l=\"%d\"}", l);
		wrong += !isnan(v) &&
		    multi_sample(page, sample) != v * primes[l];
		snprintf(sample, sizeof(sample), "g{l=\"%d\"}", l);
		v = multi_sample(page, sample);
		wrong += !isnan(v) && v != 0 && (int)v % NLABELS != l;
	}
	pdc_free(page);
}

struct sums {
	double begun, credit, missing, above;
};

static void
judge_one(struct sums *sums, int kind, int l, double there, int kills)
{
	double begun = 0, lasting = 0, v = taken[kind][l] + there;
	int w, t;

	for (w = 0; w < NWORKERS; w++)
		for (t = 0; t < NTHREADS; t++) {
			struct tally *y = &sh->tally[w][t][kind][l];

			begun += (double)atomic_load(&y->begun);
			lasting += (double)atomic_load(&y->lasting);
		}
	if (!kills)
		lasting = begun;
	sums->begun += begun;
	sums->credit += v;
	if (v < lasting)
		sums->missing += lasting - v;
	if (v > begun) {
		sums->above += v - begun;
		diag("%s %d: %.17g of %.17g", names[kind], l, v, begun);
	}
}

static void
judge(int kills, const char *how)
{
	double counts[2 * NLABELS], drops = 0;
	struct sums sums = { 0 };
	const struct cells_head *head = pdc_cells_now(p)->head;
	int i;

	is_int((long long)nfailed, 0, "%s: each process ends well", how);
	page_check(counts);
	for (i = 0; i < 2 * NLABELS; i++)
		judge_one(&sums, i / NLABELS, i % NLABELS, counts[i], kills);
	for (i = 0; i < NDROPS; i++)
		if (i != DROP_RING_FULL)
			drops += (double)atomic_load(&head->drops[i]);
	is_int((long long)wrong, 0, "nothing is in another series");
	is_double(sums.above, 0, "nothing is there twice");
	ok(sums.missing <= (double)atomic_load(&head->drops[DROP_RING_FULL]),
	    "nor lost, but for what is counted");
	is_double(drops, 0, "nor dropped for another reason");
	is_int((long long)atomic_load(&head->anomalies), 0,
	    "no checkpoint saw a count sink");
	diag("%.0f updates, %.0f credited, %.0f missing, %llu dropped, "
	     "%llu reuses, %llu stops, %llu kills, %llu looks",
	    sums.begun, sums.credit, sums.missing,
	    (unsigned long long)atomic_load(&head->drops[DROP_RING_FULL]),
	    (unsigned long long)nreuses,
	    (unsigned long long)atomic_load(&sh->nstops),
	    (unsigned long long)atomic_load(&sh->nkills),
	    (unsigned long long)atomic_load(&sh->nslow));
	ok(nreuses >= NREUSES, "cells were given out again");
}

static void
finish(pid_t stops)
{
	int n;

	kill(stops, SIGKILL);
	waitpid(stops, NULL, 0);
	atomic_store(&sh->stop, 1);
	for (n = 0; n <= NWORKERS; n++) {
		restart(n);
		kill(atomic_load(&sh->pid[n]), SIGCONT);
	}
	for (n = 0; n <= NWORKERS; n++)
		nfailed += multi_wait(atomic_load(&sh->pid[n]), 20000) != 0;
	flush();
	for (n = 0; n < 4; n++)
		end_grace();
}

static void
test_storm(double seconds, unsigned flags, int kills, const char *how)
{
	double counts[2 * NLABELS];
	int64_t until = multi_now_ms() + (int64_t)(seconds * 1000);
	uint64_t random = seed;
	pid_t stops;
	int i;

	memset(sh, 0, sizeof(*sh));
	memset(taken, 0, sizeof(taken));
	nreuses = wrong = nfailed = 0;
	dir = tap_tmpdir();
	p = multi_open(dir, flags);
	for (i = 0; i < NKINDS; i++)
		family(i);
	for (i = 0; i <= NWORKERS; i++)
		start(i);
	stops = stopper(kills);
	/* A busy machine may take longer. */
	while (multi_now_ms() < until ||
	    (nreuses < NREUSES && multi_now_ms() < until + 20000)) {
		some(&random);
		end_grace();
		page_check(counts);
	}
	finish(stops);
	judge(kills, how);
	pdc_close(p);
}

int
main(int argc, char **argv)
{
	double seconds = tap_short() ? .2 : .5;
	int i;

	seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)getpid();
	if (argc > 1)
		seconds = atof(argv[1]);
	diag("seed %llu", (unsigned long long)seed);
	for (i = 0; i < NLABELS; i++)
		snprintf(values[i], sizeof(values[i]), "%d", i);
	sh = multi_shared(sizeof(*sh));
	test_storm(seconds, 0, 0, "as it comes");
	test_storm(seconds, 0, 1, "as it comes, with kills");
	test_storm(seconds, PDC_ATOMIC, 0, "on atomic lanes");
	test_storm(seconds, PDC_ATOMIC, 1, "on atomic lanes, with kills");
	return tap_done();
}
