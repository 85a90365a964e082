/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The write lock: a POSIX record lock on a file of its own, for it dies with
 * the process and is not inherited by a child, and a word for the threads of
 * this process.  The word holds the fork generation of its holder, so what a
 * child inherits from a holding parent counts as free.
 *
 * While it is held all signals are blocked; a SIGXFSZ that a write raised is
 * taken out before they are let in again.  A write that raised one has failed,
 * and that has set this thread's words (base/err.h).
 *
 * Somebody may have closed our descriptor, and another file have its number.
 * So ours stands at a position that no other does, its mark, and the lock is
 * asked for by the distance from there: the first byte from the mark, and from
 * anywhere before it none, which fails and does nothing.  Marks are far behind
 * the end of any file, and descriptors that were opened later, which only can
 * have our number unless somebody puts an older one there by dup2(), have lower
 * ones.  Where files cannot be so long, and when somebody has moved ours, the
 * descriptor is looked at each time instead.
 */

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fork.h"
#include "pdc.h"
#include "store/store.h"

#define LOCK_NAP_MIN_NS 20000
#define LOCK_NAP_MAX_NS 1000000

/* The position, or 0 where there are none; the clock itself, never a test's. */
static off_t
lock_mark(int fd)
{
	struct timespec ts;
	off_t mark;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	mark = INT64_MAX - ((int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec);
	return lseek(fd, mark, SEEK_SET) == mark ? mark : 0;
}

/* The first byte; EINVAL or EBADF when it is not our descriptor. */
static int
lock_set(const struct wlock *wl, short type)
{
	struct flock fl = { .l_type = type,
		.l_whence = wl->mark != 0 ? SEEK_CUR : SEEK_SET,
		.l_start = -wl->mark,
		.l_len = 1 };

	return fcntl(wl->fd, F_SETLK, &fl);
}

int
pdc_wlock_open(struct wlock *wl, const struct store *st)
{
	struct stat sb;
	int fd;

	fd = pdc_file_open(st, "write.lock", O_RDWR);
	if (fd < 0)
		return fd == PDC_ENOENT ?
		    pdc_err_set(PDC_ENOENT,
			"%s: no store there (write.lock is missing)", st->dir) :
		    fd;
	if (fstat(fd, &sb) == -1) {
		close(fd);
		return pdc_err_sys("%s/write.lock", st->dir);
	}
	wl->mark = lock_mark(fd);
	wl->dev = sb.st_dev;
	wl->ino = sb.st_ino;
	wl->fd = fd;
	return 0;
}

int
pdc_wlock_fd(const struct wlock *wl)
{
	int fd = wl->fd;
	struct stat sb;

	return fd != -1 && fstat(fd, &sb) == 0 && sb.st_dev == wl->dev &&
		sb.st_ino == wl->ino ?
	    fd :
	    -1;
}

void
pdc_wlock_close(struct wlock *wl)
{
	int fd = pdc_wlock_fd(wl);

	if (fd != -1)
		close(fd);
	wl->fd = -1;
}

/* A child has the same descriptor as we: its position is left alone. */
static int
lock_guard(struct wlock *wl, const struct store *st)
{
	wl->mark = 0;
	if (pdc_wlock_fd(wl) != -1)
		return 0;
	wl->fd = -1;
	return pdc_wlock_open(wl, st);
}

static int
lock_try_process(struct wlock *wl, uint64_t gen)
{
	uint64_t owner = atomic_load_explicit(&wl->owner, memory_order_relaxed);

	if (owner == gen)
		return 0;
	/* Pairs with the release in pdc_wlock_give(). */
	return atomic_compare_exchange_strong_explicit(&wl->owner, &owner, gen,
	    memory_order_acquire, memory_order_relaxed);
}

/* 1 taken, 0 somebody has it, or an error. */
static int
lock_try_file(struct wlock *wl, const struct store *st)
{
	int ret = 0, guarded = 0;

	if (wl->fd == -1 || wl->mark == 0)
		ret = lock_guard(wl, st);
	for (; ret == 0; guarded = 1) {
		if (lock_set(wl, F_WRLCK) == 0)
			return 1;
		if (errno == EAGAIN || errno == EACCES)
			return 0;
		if (guarded || (errno != EBADF && errno != EINVAL))
			return pdc_err_sys("%s/write.lock: locking", st->dir);
		ret = lock_guard(wl, st);
	}
	return ret;
}

static int
lock_try(struct wlock *wl, const struct store *st, uint64_t gen)
{
	int ret;

	if (!lock_try_process(wl, gen))
		return 0;
	ret = lock_try_file(wl, st);
	if (ret != 1)
		atomic_store_explicit(&wl->owner, 0, memory_order_release);
	return ret;
}

int
pdc_wlock_take(struct wlock *wl, const struct store *st, uint32_t wait_ms,
    sigset_t *mask)
{
	int64_t nap = LOCK_NAP_MIN_NS, start = 0, now;
	uint64_t gen = pdc_fork_gen();
	sigset_t all;
	int ret, spin = 0, cancel;

	sigfillset(&all);
	for (;;) {
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
		pthread_sigmask(SIG_SETMASK, &all, mask);
		ret = lock_try(wl, st, gen);
		if (ret == 1) {
			wl->cancel = cancel;
			wl->failures = pdc_err_count();
			return 0;
		}
		pthread_sigmask(SIG_SETMASK, mask, NULL);
		pthread_setcancelstate(cancel, NULL);
		if (ret < 0)
			return ret;
		now = pdc_clock_mono(st->clock);
		if (start == 0)
			start = now;
		if (now - start >= (int64_t)wait_ms * 1000000)
			return pdc_err_set(PDC_EBUSY,
			    "%s: the write lock was not to be had in %u ms",
			    st->dir, wait_ms);
		if (spin++ < 4) {
			sched_yield();
			continue;
		}
		pdc_clock_sleep(nap);
		if (nap < LOCK_NAP_MAX_NS)
			nap *= 2;
	}
}

void
pdc_signals_block(sigset_t *mask)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, mask);
}

/* RLIMIT_FSIZE: the write failed with EFBIG; the signal must not kill. */
static void
lock_eat_sigxfsz(const sigset_t *mask)
{
	struct timespec none = { 0, 0 };
	sigset_t pending, set;

	if (sigismember(mask, SIGXFSZ))
		return;
	sigpending(&pending);
	if (!sigismember(&pending, SIGXFSZ))
		return;
	sigemptyset(&set);
	sigaddset(&set, SIGXFSZ);
	sigtimedwait(&set, NULL, &none);
}

void
pdc_signals_restore(const sigset_t *mask)
{
	lock_eat_sigxfsz(mask);
	pthread_sigmask(SIG_SETMASK, mask, NULL);
}

void
pdc_wlock_give(struct wlock *wl, const sigset_t *mask)
{
	int saved = errno, cancel = wl->cancel;
	int failed = wl->failures != pdc_err_count();

	(void)lock_set(wl, F_UNLCK);
	/* Pairs with the acquire in lock_try_process(). */
	atomic_store_explicit(&wl->owner, 0, memory_order_release);
	if (failed)
		lock_eat_sigxfsz(mask);
	pthread_sigmask(SIG_SETMASK, mask, NULL);
	pthread_setcancelstate(cancel, NULL);
	errno = saved;
}
