/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * A thread that is cancelled in a call keeps no lock: neither the write lock
 * nor the one of the list of open stores.  Each case is a child, for a lock
 * that is kept is waited for in vain.
 */

#include <pthread.h>

#include "help.h"
#include "metric/metric.h"

static char *dir;
static struct pdc *p;
static pthread_barrier_t barrier;

/* Run fn with a cancellation pending; whether the thread ended by it. */
static void *
thread_cancelled(void *arg)
{
	void (*fn)(void) = *(void (**)(void))arg;

	pthread_cancel(pthread_self());
	fn();
	pthread_testcancel();
	return NULL;
}

static int
cancelled_in(void (*fn)(void))
{
	void *end = NULL;
	pthread_t thread;

	if (pthread_create(&thread, NULL, thread_cancelled, &fn) != 0 ||
	    pthread_join(thread, &end) != 0)
		return 0;
	return end == PTHREAD_CANCELED;
}

/* 0 if the write lock is to be had, and what is written comes to be. */
static int
lock_free(void)
{
	struct stxn x;

	if (pdc_stxn_write(&x, p->store, 100) < 0)
		return 1;
	pdc_stxn_put(&x, "Z", 1, "free", 4);
	return pdc_stxn_commit(&x) < 0;
}

static void
read_once(void)
{
	struct stxn x;

	if (pdc_stxn_read(&x, p->store) == 0)
		pdc_stxn_abort(&x);
}

static void
write_once(void)
{
	struct stxn x;

	if (pdc_stxn_write(&x, p->store, 1000) == 0)
		pdc_stxn_abort(&x);
}

/* The first read of a child opens LMDB's environment, under the lock. */
static int
child_reads(void *arg)
{
	(void)arg;
	return cancelled_in(read_once) ? lock_free() : 2;
}

/* The lock's file is opened again by who has the word of this process. */
static int
child_lost_lock(void *arg)
{
	(void)arg;
	close(p->store->wlock.fd);
	return cancelled_in(write_once) ? lock_free() : 2;
}

static void
checkpoint_once(void)
{
	(void)pdc_checkpoint(p);
}

static int
child_checkpoints(void *arg)
{
	pdc_inc(arg, 1);
	return cancelled_in(checkpoint_once) ? lock_free() : 2;
}

static void *
thread_waits(void *arg)
{
	struct stxn x;

	pthread_barrier_wait(&barrier);
	if (pdc_stxn_write(&x, p->store, 30000) == 0)
		pdc_stxn_abort(&x);
	return arg;
}

/* Who waits can be cancelled: he is, and has taken nothing. */
static int
child_waits(void *arg)
{
	void *end = NULL;
	pthread_t thread;
	struct stxn x;

	(void)arg;
	if (pdc_stxn_write(&x, p->store, 1000) < 0)
		return 3;
	if (pthread_create(&thread, NULL, thread_waits, NULL) != 0)
		return 4;
	pthread_barrier_wait(&barrier);
	pthread_cancel(thread);
	pthread_join(thread, &end);
	pdc_stxn_abort(&x);
	return end == PTHREAD_CANCELED ? lock_free() : 2;
}

static struct pdc *other;

static void
open_once(void)
{
	(void)pdc_open(&other, dir, NULL);
}

static void
close_once(void)
{
	pdc_close(other);
}

/* Whether a store can be opened, used and closed; waits for ever if not. */
static int
opens(void)
{
	struct pdc *q;
	int ret;

	if (pdc_open(&q, dir, NULL) < 0)
		return 1;
	ret = pdc_checkpoint(q);
	pdc_close(q);
	return ret < 0;
}

static int
child_opens(void *arg)
{
	(void)arg;
	alarm(10);
	if (!cancelled_in(open_once) || other == NULL)
		return 2;
	return opens();
}

static int
child_closes(void *arg)
{
	(void)arg;
	alarm(10);
	if (pdc_open(&other, dir, NULL) < 0)
		return 3;
	pdc_inc(help_series(help_family(other, PDC_COUNTER, "c", "l"), "y"), 1);
	return cancelled_in(close_once) ? opens() : 2;
}

int
main(void)
{
	struct pdc_series *s;

	pthread_barrier_init(&barrier, NULL, 2);
	dir = tap_tmpdir();
	is_int(help_child(child_opens, NULL), 0,
	    "cancelled in opening: the store can be opened");
	is_int(help_child(child_closes, NULL), 0,
	    "cancelled in closing: it can be opened again");
	p = help_open(dir, 0);
	s = help_series(help_family(p, PDC_COUNTER, "c", "l"), "x");
	is_int(help_child(child_reads, NULL), 0,
	    "cancelled in the first read of a child: the lock is free");
	is_int(help_child(child_lost_lock, NULL), 0,
	    "cancelled in opening the lock anew: it is free");
	is_int(help_child(child_checkpoints, s), 0,
	    "cancelled in a checkpoint: it is free");
	if (SANITIZED) /* takes what an unwound stack had for an error */
		skip("cancelled in waiting for it: not with sanitizers");
	else
		is_int(help_child(child_waits, NULL), 0,
		    "cancelled in waiting for it: it is free");
	is_int(pdc_checkpoint(p), 0, "a checkpoint after all that");
	is_double(help_sample(p, "c_total{l=\"x\"}"), 1, "nothing is lost");
	is_double(help_sample(p, "c_total{l=\"y\"}"), 1, "nor what was closed");
	pdc_close(p);
	return tap_done();
}
