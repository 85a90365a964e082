/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The write lock: one holder among all threads and processes, waits that end,
 * a holder's death that frees it, and a file that stays the right one whatever
 * becomes of its descriptor.
 */

#include <sys/mman.h>

#include <fcntl.h>
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

/* Whether somebody else has byte 0 of the file of this name. */
static int
child_finds_lock(void *name)
{
	struct flock fl = { .l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_len = 1 };
	int fd = open(name, O_RDWR | O_CLOEXEC);

	if (fd == -1 || fcntl(fd, F_GETLK, &fl) == -1)
		return 2;
	return fl.l_type != F_UNLCK;
}

/* While a transaction is open the store's lock is held, and not after it. */
static int
locks(struct pdc *store)
{
	char path[4200];
	struct stxn x;
	int in;

	snprintf(path, sizeof(path), "%s/write.lock", store->store->dir);
	if (pdc_stxn_write(&x, store->store, 1000) < 0) {
		diag("%s", pdc_error());
		return 0;
	}
	in = help_wait(help_fork(child_finds_lock, path));
	pdc_stxn_abort(&x);
	return in == 1 && help_wait(help_fork(child_finds_lock, path)) == 0;
}

/* Close the store's descriptor; its number is the next to be given. */
static int
lose_number(void)
{
	int fd = p->store->wlock.fd;

	while (open("/dev/null", O_RDONLY | O_CLOEXEC) < fd)
		continue;
	close(fd);
	return fd;
}

/* Our own lock on a file that got the number of the store's descriptor. */
static void
test_number_of_another(off_t at)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = lose_number(), other;
	char path[4200];

	snprintf(path, sizeof(path), "%s/other", p->store->dir);
	other = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (other != fd)
		bail_out("the number %d was not given again", fd);
	fcntl(other, F_SETLK, &fl);
	if (lseek(other, at, SEEK_SET) != at)
		bail_out("no position %jd", (intmax_t)at);
	ok(locks(p), "the lock is the store's when another has its number");
	ok(p->store->wlock.fd != other, "which is given up");
	ok(lseek(other, 0, SEEK_CUR) == at, "and stays at %jd", (intmax_t)at);
	is_int(help_wait(help_fork(child_finds_lock, path)), 1,
	    "what was locked in it is locked");
	close(other);
	ok(locks(p), "the next is, too");
}

/* Of two stores the one has the number of the other's lock. */
static void
test_number_of_a_store(void)
{
	int fd = lose_number();
	struct pdc *q;

	q = help_open(tap_tmpdir(), 0);
	if (q->store->wlock.fd != fd)
		bail_out("the number %d was not given again", fd);
	ok(locks(p), "a store opened later has our number: ours is locked");
	ok(locks(q), "and its own");
	ok(p->store->wlock.fd != q->store->wlock.fd, "by two descriptors");
	pdc_close(q);
	ok(locks(p), "and when it is closed");
}

/* A child has the same descriptor, and may have moved it. */
static void
test_position(void)
{
	static const off_t at[] = { 0, 5 };
	size_t i;

	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		lseek(p->store->wlock.fd, at[i], SEEK_SET);
		ok(locks(p), "its position is %jd", (intmax_t)at[i]);
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
	test_number_of_another(0);
	test_number_of_another(9);
	test_number_of_another((off_t)1 << 62);
	test_number_of_a_store();
	test_position();
	pdc_close(p);
	return tap_done();
}
