/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * What threads gave back last, they have again without changing it; and it goes
 * with the thread, with the store, and in a child.
 */

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "help.h"
#include "metric/metric.h"
#include "metric/pocket.h"
#include "sound.h"

#define NSETS 200 /* more than a pocket has room for */
#define NTHREADS 4
#define NENDS 50
#define NFORKS 40
#define NPASSED 20000

static struct pdc *p;
static pthread_barrier_t barrier;
static struct pdc_series *
numbered(struct pdc_family *f, int i)
{
	char name[32];

	snprintf(name, sizeof(name), "set %d", i);
	return help_series(f, name);
}

static void
visit(struct pdc_family *f, int from, int to)
{
	struct pdc_series *s;

	for (; from < to; from++) {
		s = numbered(f, from);
		pdc_inc(s, 1);
		pdc_series_free(s);
	}
}

/* By anybody, pockets too. */
static uint32_t
held(const struct pdc_family *f)
{
	const struct handle_table *t = atomic_load(&f->table);
	struct pdc_series *s;
	uint32_t i, n = 0;

	for (i = 0; t != NULL && i <= t->mask; i++) {
		s = pdc_table_slot(t, i);
		n += s != NULL && pdc_series_refs(s) != 0;
	}
	return n;
}

static void
test_again(void)
{
	struct pdc_family *f = help_family(p, PDC_COUNTER, "again", "l"), *g;
	struct pdc_series *s = help_series(f, "x"), *t;
	uint64_t refs = atomic_load(&s->refs);

	g = help_family(p, PDC_COUNTER, "again2", "l");
	pdc_series_free(s);
	ok(atomic_load(&s->refs) == refs, "what is given back is still held");
	ok(help_series(f, "x") == s, "it is had again");
	is_int(pdc_series_refs(s), 1, "and held once");
	ok(help_series(f, "x") == s, "had twice");
	is_int(pdc_series_refs(s), 2, "it is held twice");
	t = help_series(g, "x");
	ok(t != s, "another family has its own");
	pdc_series_free(s);
	pdc_series_free(t);
	pdc_series_free(s);
	is_int(pdc_series_refs(s), 1, "given back twice, kept once");
	pdc_series_free(s);
	ok(help_series(f, "x") == s && pdc_series_refs(s) == 1,
	    "given back once more it is none the less had once");
	visit(f, 0, NSETS);
	is_int(pdc_series_refs(s), 1, "others do not take it away");
	pdc_series_free(s);
	ok(held(f) <= POCKET_SLOTS, "%u of %d are held, the others idle",
	    held(f), NSETS);
}

/* The order in which label names are declared makes another handle. */
static void
test_orders(void)
{
	const char *values[] = { "x", "y", NULL };
	struct pdc_family *f = help_family(p, PDC_COUNTER, "two", "a,b");
	struct pdc_family *g = help_family(p, PDC_COUNTER, "two", "b,a");
	struct pdc_series *s, *t;

	if (f == g || pdc_labels(&s, f, values) < 0)
		bail_out("two orders: %s", pdc_error());
	pdc_series_free(s);
	if (pdc_labels(&t, g, values) < 0)
		bail_out("labels: %s", pdc_error());
	ok(t->family == g, "the same values of other labels are others");
	pdc_series_free(t);
}

static void *
thread_visits(void *arg)
{
	visit(arg, 0, NSETS);
	return NULL;
}

static void
thread_start(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	if (pthread_create(thread, NULL, fn, arg) != 0)
		bail_out("no thread");
}

static void
test_ends(void)
{
	struct pdc_family *f = help_family(p, PDC_COUNTER, "ends", "l");
	pthread_t threads[NTHREADS];
	int i, j;

	for (i = 0; i < NENDS / NTHREADS; i++) {
		for (j = 0; j < NTHREADS; j++)
			thread_start(&threads[j], thread_visits, f);
		for (j = 0; j < NTHREADS; j++)
			pthread_join(threads[j], NULL);
	}
	is_int(held(f), 0, "threads that end leave nothing held");
}

/* Two threads: one has them, the other gives them back. */
struct pass {
	struct pdc_family *f;
	_Atomic(struct pdc_series *) s;
};

static void *
thread_takes(void *arg)
{
	struct pass *pass = arg;
	struct pdc_series *s;
	int i;

	for (i = 0; i < NPASSED; i++) {
		while ((s = atomic_exchange(&pass->s, NULL)) == NULL)
			sched_yield();
		pdc_inc(s, 1);
		pdc_series_free(s);
	}
	return NULL;
}

static void
test_passed(void)
{
	struct pass pass = { help_family(p, PDC_COUNTER, "passed", "l"), NULL };
	struct pdc_series *s, *none;
	pthread_t thread;
	int i;

	thread_start(&thread, thread_takes, &pass);
	for (i = 0; i < NPASSED; i++) {
		s = numbered(pass.f, i % 7);
		do {
			none = NULL;
			sched_yield();
		} while (!atomic_compare_exchange_strong(&pass.s, &none, s));
	}
	pthread_join(thread, NULL);
	is_int(held(pass.f), 0, "what one has and another gives back is idle");
}

/* A thread that has pockets of a store that another one closes. */
static void *
thread_uses(void *arg)
{
	struct pdc_family **f = arg;
	int i;

	for (i = 0; i < 2; i++) {
		visit(f[0], 0, NSETS);
		visit(f[1], 0, NSETS);
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier); /* f[0] is of a new store */
	}
	visit(f[1], 0, NSETS);
	return NULL;
}

static void
test_closed(void)
{
	struct pdc_family *f[2];
	struct pdc *other;
	pthread_t thread;
	char *dir = tap_tmpdir();
	int i;

	other = help_open(dir, 0);
	f[0] = help_family(other, PDC_COUNTER, "c", "l");
	f[1] = help_family(p, PDC_COUNTER, "closed", "l");
	pthread_barrier_init(&barrier, NULL, 2);
	thread_start(&thread, thread_uses, f);
	for (i = 0; i < 2; i++) {
		pthread_barrier_wait(&barrier);
		visit(f[0], 0, NSETS);
		pdc_close(other);
		other = help_open(dir, 0);
		f[0] = help_family(other, PDC_COUNTER, "c", "l");
		visit(f[0], 0, 3);
		pthread_barrier_wait(&barrier);
	}
	pthread_join(thread, NULL);
	is_int(held(f[1]), 0, "a thread goes on with the store still open");
	is_double(help_sample(other, "c_total{l=\"set 2\"}"), 6,
	    "what was counted in the closed one is there");
	pdc_close(other);
}

static int
npockets(void)
{
	struct pocket *k;
	int n = 0;

	for (k = pdc_pocket_mine.first; k != NULL; k = k->other)
		n++;
	return n;
}

static void
test_many_stores(void)
{
	char *dir = tap_tmpdir();
	struct pdc *other;
	int i;

	for (i = 0; i < 10; i++) {
		other = help_open(dir, 0);
		visit(help_family(other, PDC_COUNTER, "c", "l"), 0, 3);
		pdc_close(other);
	}
	ok(npockets() <= 2, "ten stores, two at once: %d pockets", npockets());
}

static int
child_counts(void *arg)
{
	struct pdc_family *f = arg;

	visit(f, 0, 1);
	return (int)held(f);
}

static void *
thread_waits(void *arg)
{
	visit(arg, NSETS / 2, NSETS + NSETS / 2);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return NULL;
}

static int
child_exits(void *arg)
{
	return (int)held(arg);
}

static void
test_fork(void)
{
	struct pdc_family *f = help_family(p, PDC_COUNTER, "forked", "l");
	pthread_t threads[NTHREADS];
	uint32_t before;
	int i;

	pthread_barrier_init(&barrier, NULL, NTHREADS + 1);
	for (i = 0; i < NTHREADS; i++)
		thread_start(&threads[i], thread_waits, f);
	pthread_barrier_wait(&barrier);
	visit(f, 0, NSETS);
	before = held(f);
	ok(before >= POCKET_SETS, "threads hold %u", before);
	is_int(help_child(child_exits, f), (int)before, "a child does, too");
	is_int(help_child(child_counts, f), 1, "until it wants one itself");
	is_int(held(f), (int)before, "which changes nothing here");
	pthread_barrier_wait(&barrier);
	for (i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	ok(held(f) <= POCKET_SLOTS, "the others end: %u are held", held(f));
}

/* The thread that forked finds its own gone. */
static int
child_thread(void *arg)
{
	struct pdc_family *f = arg;
	pthread_t thread;
	int ret;

	pthread_barrier_init(&barrier, NULL, 2);
	thread_start(&thread, thread_waits, f);
	pthread_barrier_wait(&barrier);
	visit(f, 0, NSETS);
	ret = (int)held(f);
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
	return ret <= POCKET_SLOTS || held(f) > POCKET_SLOTS;
}

static void
test_fork_alone(void)
{
	struct pdc_family *f = help_family(p, PDC_COUNTER, "alone", "l");

	visit(f, 0, NSETS / 2);
	is_int(help_child(child_thread, f), 0,
	    "in a child each thread has a pocket of its own");
}

static atomic_int churning;

static void *
thread_churns(void *arg)
{
	int i;

	for (i = 0; atomic_load(&churning); i = (i + 7) % NSETS)
		visit(arg, i, i + 7);
	return NULL;
}

/* Each of the parent's threads may lose one of two it is at. */
static int
child_churns(void *arg)
{
	int i, lost;

	for (i = 0; i < 3; i++)
		visit(arg, 0, NSETS);
	lost = (int)held(arg) - POCKET_SLOTS;
	return lost > 2 * NTHREADS;
}

static void
test_fork_meanwhile(void)
{
	struct pdc_family *f = help_family(p, PDC_COUNTER, "churned", "l");
	pthread_t threads[NTHREADS];
	int i, status = 0;

	atomic_store(&churning, 1);
	for (i = 0; i < NTHREADS; i++)
		thread_start(&threads[i], thread_churns, f);
	for (i = 0; i < NFORKS; i++)
		status |= help_child(child_churns, f);
	atomic_store(&churning, 0);
	for (i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	is_int(status, 0, "children forked meanwhile hold as much as they use");
	is_int(held(f), 0, "and here nothing is held");
}

/* There is no key with which a thread could be told to end. */
static int
child_without(void *dir)
{
	struct pdc_family *f;
	struct pdc_series *s;
	pthread_key_t key;

	while (pthread_key_create(&key, NULL) == 0)
		;
	p = help_open(dir, 0);
	f = help_family(p, PDC_COUNTER, "c", "l");
	s = help_series(f, "x");
	pdc_series_free(s);
	visit(f, 0, NSETS);
	pdc_close(p);
	return pdc_pocket_mine.first != NULL;
}

int
main(void)
{
	is_int(help_child(child_without, tap_tmpdir()), 0,
	    "where a thread's end is not told there are no pockets");
	p = help_open(tap_tmpdir(), 0);
	test_again();
	test_orders();
	test_ends();
	test_passed();
	test_closed();
	test_many_stores();
	test_fork_alone();
	if (!SANITIZED) { /* forks with threads */
		test_fork();
		test_fork_meanwhile();
	}
	sound_close(p);
	return tap_done();
}
