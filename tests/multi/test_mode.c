/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Gauges of modes: each process has its own value, a page brings them together,
 * and who is dead counts by the mode, however he died.
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/fault.h"
#include "multi/mode.h"

static void
test_life(unsigned flags)
{
	struct worker a, b, c;
	char *dir = tap_tmpdir();

	begin(dir, flags);
	are(&(struct wants){ NAN, NAN, NAN, NAN, NAN, NAN, 0, NAN },
	    "has nothing of who has written nothing");
	a = worker_new();
	b = worker_new();
	tell(&a, slow ? 'l' : 'w', 3);
	tell(&a, 'w', 3);
	tell(&b, slow ? 'l' : 'w', 5);
	tell(&b, 'w', 5);
	checkpoint();
	are(&(struct wants){ 3, 3, 5, 5, 8, 8, 5, 5 }, "of two workers");
	is_double(slot(PDC_ALL, 1), 3, "all has a's by its slot");
	is_double(slot(PDC_LIVEALL, 2), 5, "liveall has b's by its slot");
	tell(&a, 'w', 4);
	tell(&b, 'i', 1);
	are(&(struct wants){ 4, 4, 6, 6, 10, 10, 4, 4 },
	    "follows at once when the handles are mended");
	kill(b.pid, SIGSTOP);
	are(&(struct wants){ 4, 4, 6, 6, 10, 10, 4, 4 },
	    "counts who is stopped");
	kill(b.pid, SIGCONT);
	end(&b);
	are(&(struct wants){ 4, 4, 6, 4, 10, 4, 4, 4 },
	    "knows at once that b was killed");
	is_double(slot(PDC_ALL, 2), 6, "all keeps b's");
	is_double(slot(PDC_LIVEALL, 2), NAN, "liveall does not");
	checkpoint();
	are(&(struct wants){ 4, 4, 6, 4, 10, 4, 4, 4 },
	    "is the same when b has been folded");
	is_double(slot(PDC_ALL, 2), 6, "all keeps b's, folded");
	c = worker_new();
	tell(&c, slow ? 'l' : 'i', 1);
	tell(&c, 'i', 1);
	checkpoint();
	are(&(struct wants){ slow ? 1 : 2, slow ? 1 : 2, 6, 4, slow ? 11 : 12,
		slow ? 5 : 6, 4, 4 },
	    "begins from nothing in a new worker");
	is_double(slot(PDC_ALL, 2), slow ? 1 : 2, "who has b's slot now");
	end(&a);
	end(&c);
	are(&(struct wants){ slow ? 1 : 2, NAN, 6, NAN, slow ? 11 : 12, NAN, 4,
		NAN },
	    "of the dead alone");
	pdc_close(p);
	p = multi_open(dir, flags);
	checkpoint();
	checkpoint();
	are(&(struct wants){ slow ? 1 : 2, NAN, 6, NAN, slow ? 11 : 12, NAN, 4,
		NAN },
	    "of the dead alone, folded, opened again");
	finish();
}

/* A thread that ends takes nothing with it; one may fork, too. */
static void *
thread_set(void *arg)
{
	pdc_set(inherited[PDC_LIVESUM], *(double *)arg);
	return NULL;
}

/* It lives as long as its child, which would get the signal of its end. */
static _Atomic int forked;

static void *
thread_fork(void *arg)
{
	*(struct worker *)arg = worker_new();
	for (forked = 1; forked == 1;)
		multi_sleep_ms(1);
	return NULL;
}

static void
test_threads(unsigned flags)
{
	double v = 2;
	struct worker w;
	pthread_t t;

	begin(tap_tmpdir(), flags);
	if (pthread_create(&t, NULL, thread_set, &v) != 0 ||
	    pthread_join(t, NULL) != 0)
		bail_out("a thread");
	is_mode(PDC_LIVESUM, 2, "has what a thread set that has ended");
	checkpoint();
	is_mode(PDC_LIVESUM, 2, "is the same after a checkpoint");
	forked = 0;
	if (pthread_create(&t, NULL, thread_fork, &w) != 0)
		bail_out("a thread");
	while (forked == 0)
		multi_sleep_ms(1);
	tell(&w, 'l', 0);
	tell(&w, 'w', 3);
	is_mode(PDC_LIVESUM, 5, "has a child's that a thread forked");
	is_double(slot(PDC_LIVEALL, 1), 3, "which has a slot of its own");
	end(&w);
	forked = 2;
	pthread_join(t, NULL);
	is_mode(PDC_LIVESUM, 2, "is the parent's alone again");
	finish();
}

/* The cells are lost under two who live and one who is dead. */
static void
test_lost(unsigned flags)
{
	struct worker a, b, dead;
	char *dir = tap_tmpdir();

	begin(dir, flags);
	a = worker_new();
	b = worker_new();
	dead = worker_new();
	tell(&a, 'l', 0);
	tell(&b, 'l', 0);
	tell(&dead, 'l', 0);
	tell(&a, 'w', 1);
	tell(&b, 'w', 2);
	tell(&dead, 'w', 4);
	checkpoint();
	end(&dead);
	if (multi_lose(dir) != 1)
		bail_out("no cells to be lost");
	checkpoint();
	are(&(struct wants){ 1, 1, 4, 2, 7, 3, 4, 2 },
	    "is what it was when the cells were lost");
	tell(&a, 'w', 8); /* into the old ones */
	tell(&a, 'c', 0);
	tell(&b, 'l', 0);
	checkpoint();
	are(&(struct wants){ 2, 2, 8, 8, 14, 10, 8, 8 },
	    "is what the living say since");
	end(&a);
	checkpoint();
	are(&(struct wants){ 2, 2, 8, 2, 14, 2, 8, 2 },
	    "knows the dead by new cells");
	end(&b);
	finish();
}

/* Somebody closes all descriptors, and the process is taken for dead. */
static int
close_all(void *arg)
{
	struct pdc_series *s = inherited[PDC_LIVESUM];
	int fd;

	(void)arg;
	s = help_series(fam[PDC_LIVESUM], NULL);
	pdc_set(s, 5);
	for (fd = 3; fd < 64; fd++)
		close(fd);
	pdc_checkpoint(p);
	s = help_series(fam[PDC_LIVESUM], NULL);
	pdc_set(s, 6);
	if (now(PDC_LIVESUM) != 6)
		return 1;
	raise(SIGSTOP);
	return 0;
}

static void
test_closed(void)
{
	int status;
	pid_t pid;

	begin(tap_tmpdir(), 0);
	pid = multi_fork();
	if (pid == 0)
		_exit(close_all(NULL));
	if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
		bail_out("a child that closed all ended with %d", status);
	is_mode(PDC_LIVESUM, 6, "has who lost his lock and took it again");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	is_mode(PDC_LIVESUM, NAN, "has him no more");
	finish();
}

/* Pages while workers come and die and are folded: the sum never sinks. */
#define NSTORM 80
static struct storm {
	_Atomic int stop, pages, bad;
} * storm;

static void
storm_pages(void)
{
	double last = 0, v;

	while (!storm->stop) {
		v = now(PDC_SUM);
		if (v < last || v > NSTORM)
			storm->bad++;
		last = isnan(v) ? last : v;
		storm->pages++;
	}
	_exit(0);
}

static void
storm_checkpoints(void)
{
	while (!storm->stop)
		(void)pdc_checkpoint(p);
	_exit(0);
}

static int
storm_worker(void *arg)
{
	(void)arg;
	pdc_set(help_series(fam[PDC_SUM], NULL), 1);
	if (slow) /* it may have had to wait, and would be lost */
		(void)pdc_checkpoint(p);
	raise(SIGKILL);
	return 0;
}

static void
test_storm(void)
{
	pid_t child[2];
	int i;

	begin(tap_tmpdir(), 0);
	storm = multi_shared(sizeof(*storm));
	for (i = 0; i < 2; i++) {
		child[i] = multi_fork();
		if (child[i] == 0 && i == 0)
			storm_pages();
		if (child[i] == 0)
			storm_checkpoints();
	}
	for (i = 0; i < NSTORM; i++)
		(void)multi_run(storm_worker, NULL, 10000);
	storm->stop = 1;
	for (i = 0; i < 2; i++)
		(void)multi_wait(child[i], 10000);
	ok(storm->pages > 10, "%d pages while workers die", storm->pages);
	is_int(storm->bad, 0, "and in none has the sum sunk");
	checkpoint();
	is_mode(PDC_SUM, NSTORM, "has them all");
	finish();
}

#ifdef PDC_FAULTS
/* A checkpoint that fails or is killed at the nth hit of a point; 1: it was. */
struct cut {
	int point, nth, kills;
};

static int
cut_child(void *arg)
{
	const struct cut *cut = arg;

	pdc_fault_kill(cut->point, cut->nth);
	(void)pdc_checkpoint(p);
	return 0;
}

static int
cut_checkpoint(const struct cut *cut)
{
	int ret;

	if (cut->kills)
		return multi_run(cut_child, (void *)(uintptr_t)cut, 10000) != 0;
	pdc_fault_arm(cut->point, cut->nth);
	ret = pdc_checkpoint(p);
	pdc_fault_disarm();
	return ret < 0;
}

/* Whatever ends a checkpoint, the dead are folded once. */
static void
test_faults(int kills)
{
	static const int points[] = { FAULT_STXN_PUT, FAULT_STXN_COMMIT,
		FAULT_STXN_COMMITTED, FAULT_DRAIN_COMMIT, FAULT_STXN_BEGIN };
	int bad = 0, cut = 0, nth;
	double sum = 0, max = 0;
	struct worker w;
	unsigned i;

	begin(tap_tmpdir(), 0);
	for (i = 0; i < sizeof(points) / sizeof(points[0]); i++)
		for (nth = 1; nth < 24; nth += 1 + nth / 8) {
			w = worker_new();
			tell(&w, slow || nth % 2 ? 'l' : 'w', 0);
			tell(&w, 'w', nth);
			end(&w);
			sum += nth;
			max = nth > max ? nth : max;
			cut += cut_checkpoint(
			    &(struct cut){ points[i], nth, kills });
			checkpoint();
			checkpoint();
			if (now(PDC_SUM) != sum || now(PDC_MAX) != max ||
			    !isnan(now(PDC_LIVESUM)))
				bad++;
		}
	ok(cut > 10, "%d checkpoints were %s", cut,
	    kills ? "killed" : "failed");
	is_int(bad, 0, "and no value was lost or folded twice");
	finish();
}
#endif

int
main(void)
{
	alarm(50);
	test_life(0);
	test_life(PDC_ATOMIC);
	test_threads(0);
	test_threads(PDC_ATOMIC);
	test_lost(0);
	test_lost(PDC_ATOMIC);
	test_closed();
	test_storm();
#ifdef PDC_FAULTS
	test_faults(0);
	test_faults(1);
#endif
	return tap_done();
}
