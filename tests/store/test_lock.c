/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The write lock: one holder among all threads and processes, waits that end,
 * and a holder's death that frees it.
 */

#include <sys/mman.h>

#include <pthread.h>
#include <stdatomic.h>

#include "help.h"
#include "metric/metric.h"

#define NPROCS 3
#define NTHREADS 3
#define NROUNDS 60

static struct pdc *p;
static struct {
	_Atomic int inside, wrong, entered;
} * shared;

static void *
thread_locks(void *arg)
{
	struct stxn x;
	int i;

	for (i = 0; i < NROUNDS; i++) {
		if (pdc_stxn_write(&x, p->store, 20000) < 0) {
			atomic_fetch_add(&shared->wrong, 1000);
			break;
		}
		if (atomic_fetch_add(&shared->inside, 1) != 0)
			atomic_fetch_add(&shared->wrong, 1);
		sched_yield();
		atomic_fetch_sub(&shared->inside, 1);
		atomic_fetch_add(&shared->entered, 1);
		pdc_stxn_abort(&x);
	}
	return arg;
}

static int
child_threads(void *arg)
{
	pthread_t threads[NTHREADS];
	int i;

	(void)arg;
	for (i = 0; i < NTHREADS; i++)
		if (pthread_create(&threads[i], NULL, thread_locks, NULL) != 0)
			return 1;
	for (i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

static void
test_exclusive(void)
{
	pid_t pids[NPROCS];
	int i;

	for (i = 0; i < NPROCS; i++)
		pids[i] = help_fork(child_threads, NULL);
	for (i = 0; i < NPROCS; i++)
		is_int(help_wait(pids[i]), 0, "a process with %d threads",
		    NTHREADS);
	is_int(atomic_load(&shared->wrong), 0, "never two were inside");
	is_int(atomic_load(&shared->entered), NPROCS * NTHREADS * NROUNDS,
	    "and all got in");
}

/* Hold it, tell, and wait to be killed. */
static int
child_holds(void *arg)
{
	struct stxn x;

	(void)arg;
	if (pdc_stxn_write(&x, p->store, 1000) < 0)
		return 1;
	pdc_stxn_put(&x, "Z", 1, "never", 5);
	atomic_store(&shared->entered, 1);
	for (;;)
		pause();
}

static void
test_holder_stopped_and_killed(struct pdc_series *s)
{
	struct pdc_desc d = { .type = PDC_GAUGE, .name = "new_one" };
	struct pdc_key k = help_key("lock_c", "_total", NULL);
	struct pdc_family *f;
	double began, v, took;
	struct stxn x;
	pid_t pid;
	int ret;

	atomic_store(&shared->entered, 0);
	pid = help_fork(child_holds, NULL);
	while (atomic_load(&shared->entered) == 0)
		usleep(100);
	kill(pid, SIGSTOP);
	began = help_seconds();
	ret = pdc_stxn_write(&x, p->store, 100);
	took = help_seconds() - began;
	is_int(ret, PDC_EBUSY, "the holder is stopped: %s", pdc_error());
	ok(strstr(pdc_error(), "100 ms") != NULL, "after so long");
	ok(took >= .1 && took < 5, "a wait ends, after %.0f ms", 1000 * took);
	pdc_inc(s, 1);
	is_double(help_sample(p, "lock_c_total"), 1,
	    "counting and pages go on");
	is_double(help_get(p, &k), 1, "and reading by name");
	p->store->wait_ms = 50;
	is_int(pdc_declare(&f, p, &d), PDC_EBUSY, "a declaration fails: %s",
	    pdc_error());
	is_int(help_by_name(p, pdc_value_inc, &k, 1), PDC_EBUSY,
	    "a transaction too: %s", pdc_error());
	is_int(pdc_checkpoint(p), PDC_EBUSY, "and a checkpoint: %s",
	    pdc_error());
	began = help_seconds();
	pdc_inc(help_series(help_family(p, PDC_COUNTER, "lock_l", "l"), "x"),
	    7);
	ok(help_seconds() - began < 2, "labels give a handle soon");
	kill(pid, SIGKILL);
	is_int(help_wait(pid), 1000 + SIGKILL, "the holder is killed");
	p->store->wait_ms = 1000;
	is_int(pdc_declare(&f, p, &d), 0, "then the lock is free");
	pdc_checkpoint(p);
	is_double(help_sample(p, "lock_l_total{l=\"x\"}"), 7,
	    "and what was counted meanwhile is credited");
	v = pdc_stxn_read(&x, p->store);
	if (v == 0) {
		const void *val;
		size_t len;

		is_int(pdc_stxn_get(&x, "Z", 1, &val, &len), PDC_ENOENT,
		    "nothing of its transaction is there");
		pdc_stxn_abort(&x);
	}
}

int
main(void)
{
	struct pdc_series *s;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		bail_out("no memory");
	p = help_open(tap_tmpdir(), 0);
	help_family(p, PDC_COUNTER, "lock_l", "l");
	s = help_series(help_family(p, PDC_COUNTER, "lock_c", NULL), NULL);
	test_exclusive();
	test_holder_stopped_and_killed(s);
	pdc_close(p);
	return tap_done();
}
