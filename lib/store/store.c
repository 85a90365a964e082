/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Opening and closing the environment.
 *
 * Both happen under the write lock only: LMDB loses committed data if a
 * process is killed while it opens, and its close is not safe beside an open.
 */

#include <sys/random.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fault.h"
#include "base/fork.h"
#include "pdc.h"
#include "store/mdb.h"
#include "store/store.h"

#define MAX_READERS 2048

static const uint64_t ladder[] = { 16ULL << 30, 4ULL << 30, 1ULL << 30,
	256ULL << 20 };

int
pdc_mdb_err(const struct store *st, int rc, const char *what)
{
	if (rc <= PDC_EINVAL && rc >= PDC_ECANCELED)
		return rc;
	switch (rc) {
	case 0:
		return 0;
	case MDB_NOTFOUND:
		return PDC_ENOENT;
	case MDB_MAP_FULL:
		return pdc_err_set(PDC_ENOSPC,
		    "%s/data.mdb: %s: all %llu bytes of the map are used",
		    st->dir, what, (unsigned long long)st->map_size);
	case MDB_MAP_RESIZED:
		return pdc_err_set(PDC_ENOSPC,
		    "%s/data.mdb: %s: larger than the %llu bytes of address "
		    "space this process could have",
		    st->dir, what, (unsigned long long)st->map_size);
	case MDB_READERS_FULL:
		return pdc_err_set(PDC_EBUSY,
		    "%s/lock.mdb: %s: all %d reader slots are taken", st->dir,
		    what, MAX_READERS);
	case MDB_INVALID:
		return pdc_err_set(PDC_EFORMAT,
		    "%s/data.mdb: %s: not an LMDB 0.9 file, or a damaged one",
		    st->dir, what);
	case MDB_VERSION_MISMATCH:
		return pdc_err_set(PDC_EVERSION,
		    "%s/data.mdb: %s: written by another version of LMDB",
		    st->dir, what);
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
		return pdc_err_set(PDC_EFORMAT, "%s/data.mdb: %s: damaged: %s",
		    st->dir, what, mdb_strerror(rc));
	case EIO: /* LMDB's word for a short write */
		return pdc_err_set(PDC_ENOSPC,
		    "%s/data.mdb: %s: a short write, as on a full file "
		    "system, or an I/O error",
		    st->dir, what);
	default:
		break;
	}
	if (rc < 0)
		return pdc_err_set(PDC_ESTORE, "%s/data.mdb: %s: %s", st->dir,
		    what, mdb_strerror(rc));
	errno = rc;
	return pdc_err_sys("%s/data.mdb: %s", st->dir, what);
}

/* The descriptor is still the one of our file. */
int
pdc_mdb_guard(const struct store *st)
{
	struct stat sb;

	return fstat(st->data_fd, &sb) == 0 && sb.st_dev == st->data_dev &&
	    sb.st_ino == st->data_ino;
}

int
pdc_store_is(const struct store *st, const char *dir)
{
	char path[4096];
	struct stat sb;

	if (snprintf(path, sizeof(path), "%s/data.mdb", dir) >=
	    (int)sizeof(path))
		return 0;
	if (stat(path, &sb) == -1)
		return errno == ENOENT || errno == ENOTDIR ?
		    0 :
		    pdc_err_sys("%s", path);
	return sb.st_dev == st->data_dev && sb.st_ino == st->data_ino;
}

int
pdc_store_ours(const struct store *st)
{
	int ret = st->data_ino != 0 ? pdc_store_is(st, st->dir) : 1;

	if (ret == 0)
		return pdc_err_set(PDC_ENOENT,
		    "%s: the store has been removed or replaced", st->dir);
	return ret < 0 ? ret : 0;
}

static int
env_try(struct store *st, MDB_env **envp, uint64_t size)
{
	unsigned flags = MDB_NOTLS | MDB_NOMETASYNC;
	char path[4096];
	MDB_env *env;
	int rc;

	if (st->tmpfs)
		flags |= MDB_NOSYNC;
	if (st->rdonly)
		flags |= MDB_RDONLY;
	rc = mdb_env_create(&env);
	if (rc != 0)
		return rc;
	rc = mdb_env_set_mapsize(env, size);
	if (rc == 0)
		rc = mdb_env_set_maxreaders(env, MAX_READERS);
	if (rc == 0) {
		pdc_file_path(st, "", path, sizeof(path));
		rc = mdb_env_open(env, path, flags, st->owner.mode | 0600);
	}
	if (rc != 0) {
		mdb_env_close(env);
		return rc;
	}
	*envp = env;
	return 0;
}

/*
 * A writer that was killed after it wrote its root and before it told so leaves
 * LMDB's mutex to whoever writes next, who then puts that right.
 */
static int
env_settle(struct store *st)
{
	MDB_txn *txn;
	int rc;

	rc = mdb_txn_begin(st->env, NULL, 0, &txn);
	if (rc == 0)
		mdb_txn_abort(txn);
	return rc;
}

/*
 * A file that is shorter than the pages in use was cut off: reading it would be
 * a SIGBUS.  Pages that were freed need not have been written.
 */
static int
env_whole(struct store *st, MDB_txn *txn)
{
	mdb_filehandle_t fd;
	struct stat sb;
	MDB_stat ms;
	MDB_dbi dbi;
	uint64_t pages;
	int rc;

	rc = mdb_dbi_open(txn, NULL, 0, &dbi);
	if (rc == 0)
		rc = mdb_stat(txn, dbi, &ms);
	if (rc != 0)
		return rc;
	mdb_env_get_fd(st->env, &fd);
	if (fstat(fd, &sb) == -1)
		return errno;
	pages = ms.ms_branch_pages + ms.ms_leaf_pages + ms.ms_overflow_pages;
	if (pages == 0 || (uint64_t)sb.st_size / ms.ms_psize >= pages + 2)
		return 0;
	return MDB_CORRUPTED;
}

/* A crash between opening and sharing of another process shows here. */
static int
env_verify(struct store *st)
{
	MDB_envinfo info;
	MDB_txn *txn;
	int dead, rc;

	rc = mdb_reader_check(st->env, &dead);
	if (rc == 0 && !st->rdonly)
		rc = env_settle(st);
	if (rc == 0)
		rc = mdb_txn_begin(st->env, NULL, MDB_RDONLY, &txn);
	if (rc == EAGAIN) /* our pid lives in another pid namespace too */
		return 0;
	if (rc != 0)
		return pdc_mdb_err(st, rc, "opening");
	rc = mdb_env_info(st->env, &info);
	if (rc == 0 &&
	    mdb_txn_id(txn) + (st->rdonly ? 1 : 0) < info.me_last_txnid)
		rc = MDB_CORRUPTED;
	if (rc == 0)
		rc = env_whole(st, txn);
	if (rc == 0)
		pdc_reader_give(st, txn);
	else
		mdb_txn_abort(txn);
	return pdc_mdb_err(st, rc, "opening");
}

static int
env_open(struct store *st)
{
	struct stat sb;
	mdb_filehandle_t fd;
	size_t i;
	int rc = ENOMEM, ret;

	/* A child, or who closed all descriptors, comes here again. */
	ret = pdc_store_ours(st);
	if (ret < 0)
		return ret;
	ret = pdc_file_check(st, "data.mdb");
	if (ret == 0)
		ret = pdc_file_check(st, "lock.mdb");
	if (ret < 0)
		return ret == PDC_ENOENT ?
		    pdc_err_set(PDC_ENOENT, "%s: no store there", st->dir) :
		    ret;
	for (i = 0; i < sizeof(ladder) / sizeof(ladder[0]); i++) {
		st->map_size = ladder[i];
		rc = FAULT(ENV_MAP) ? ENOMEM : env_try(st, &st->env, ladder[i]);
		if (rc != ENOMEM && rc != EAGAIN)
			break;
	}
	if (rc != 0)
		return pdc_mdb_err(st, rc, "opening");
	mdb_env_get_fd(st->env, &fd);
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (fstat(fd, &sb) == -1)
		ret = pdc_err_sys("%s/data.mdb", st->dir);
	else
		ret = env_verify(st);
	if (ret < 0) {
		mdb_env_close(st->env);
		st->env = NULL;
		return ret;
	}
	atomic_fetch_add(&st->opened, 1);
	st->data_fd = fd;
	st->data_dev = sb.st_dev;
	st->data_ino = sb.st_ino;
	return 0;
}

/*
 * Under the write lock.  What a forked child inherited is closed before
 * anything is opened, else closing would drop the new locks; what somebody
 * closed under us is left alone, for its descriptors may be another's by now.
 */
int
pdc_mdb_reopen(struct store *st)
{
	uint64_t gen = pdc_fork_gen();
	int ret;

	if (st->env != NULL && atomic_load(&st->gen) == gen &&
	    pdc_mdb_guard(st))
		return 0;
	/* Snapshots of a parent's threads are none of ours. */
	if (atomic_load(&st->gen) != 0 && atomic_load(&st->gen) != gen)
		atomic_store(&st->reading, 0);
	pdc_reader_end(st, 1);
	if (st->env != NULL && pdc_mdb_guard(st))
		mdb_env_close(st->env);
	st->env = NULL;
	atomic_store(&st->gen, 0);
	ret = env_open(st);
	if (ret == 0)
		atomic_store_explicit(&st->gen, gen, memory_order_release);
	return ret;
}

int
pdc_store_env(struct store *st, uint32_t wait_ms)
{
	sigset_t mask;
	int ret;

	if (atomic_load_explicit(&st->gen, memory_order_acquire) ==
		pdc_fork_gen() &&
	    pdc_mdb_guard(st))
		return 0;
	ret = pdc_wlock_take(&st->wlock, st, wait_ms, &mask);
	if (ret < 0)
		return ret;
	ret = pdc_mdb_reopen(st);
	pdc_wlock_give(&st->wlock, &mask);
	return ret;
}

/*
 * LMDB maps lock.mdb and would make it sparse: the first reader on a full tmpfs
 * were a SIGBUS.  A file of this size it takes as it is.
 */
#define LOCK_SIZE ((MAX_READERS + 2) * 64)

static const char *const files[] = { "write.lock", "use.lock", "lock.mdb",
	"data.mdb" };

static int
store_files(struct store *st)
{
	size_t i;
	int ret;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		ret = pdc_file_check(st, files[i]);
		if (ret == PDC_ENOENT && !st->rdonly)
			ret = pdc_file_make(st, files[i],
			    strcmp(files[i], "lock.mdb") == 0 ? LOCK_SIZE : 0);
		if (ret == PDC_ENOENT)
			return pdc_err_set(ret,
			    "%s: no store there (%s is missing)", st->dir,
			    files[i]);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* The cells that were copied along: nobody has them mapped. */
static void
store_unlink(const struct store *st, const char *name)
{
	char path[4096];

	pdc_file_path(st, name, path, sizeof(path));
	unlink(path);
}

/* A store that was never written gets its first record. */
static int
store_first(struct store *st)
{
	struct meta *m;
	struct stxn x;
	int ret;

	ret = pdc_stxn_write(&x, st, st->wait_ms);
	if (ret < 0)
		return ret;
	m = &x.meta;
	if (m->version == 0) {
		memcpy(m->magic, STORE_MAGIC, sizeof(m->magic));
		m->version = STORE_VERSION;
		m->next_series = 1;
		m->next_family = 1;
	}
	/* Again, if who made it was killed before it was used. */
	pdc_stxn_fail(&x, pdc_file_sync(st));
	/* New, or a copy: a store of its own from here on. */
	if (m->data_ino != st->data_ino || m->data_dev != st->data_dev) {
		if (getrandom(m->uuid, sizeof(m->uuid), 0) != sizeof(m->uuid))
			pdc_stxn_fail(&x, pdc_err_sys("getrandom"));
		m->uuid[6] = (m->uuid[6] & 0x0f) | 0x40; /* version 4 */
		m->uuid[8] = (m->uuid[8] & 0x3f) | 0x80;
		m->data_ino = st->data_ino;
		m->data_dev = st->data_dev;
		if (m->cells_name[0] != '\0' && m->cells_dir[0] == '\0')
			store_unlink(st, m->cells_name);
		m->cells_name[0] = '\0';
		m->boot_id[0] = '\0';
	}
	return pdc_stxn_commit(&x);
}

static int
store_check(struct store *st)
{
	struct stxn x;
	int ret, first;

	ret = pdc_stxn_read(&x, st);
	if (ret < 0)
		return ret;
	first = x.meta.version == 0 || x.meta.data_ino != st->data_ino ||
	    x.meta.data_dev != st->data_dev;
	pdc_stxn_abort(&x);
	if (!first)
		return 0;
	if (st->rdonly)
		return pdc_err_set(PDC_ENOENT,
		    "%s: an empty store, or a copy nobody has opened for "
		    "writing yet",
		    st->dir);
	return store_first(st);
}

/*
 * Stores whose environment could not be closed, for want of the write lock: a
 * second one of the same files beside it would cost it its locks.
 */
static struct store *store_left;
static const struct clock store_clock;

static void
store_free(struct store *st)
{
	pdc_copy_leave(st);
	pdc_wlock_close(&st->wlock);
	free(st->value);
	free(st);
}

/* 0, or PDC_EBUSY: somebody keeps the lock. */
static int
store_end(struct store *st, uint32_t wait_ms)
{
	sigset_t mask;
	int ret;

	if (st->env == NULL || !pdc_mdb_guard(st))
		return 0;
	ret = pdc_wlock_take(&st->wlock, st, wait_ms, &mask);
	if (ret < 0)
		return ret;
	pdc_reader_end(st, atomic_load(&st->gen) != pdc_fork_gen());
	mdb_env_close(st->env);
	st->env = NULL;
	pdc_wlock_give(&st->wlock, &mask);
	return 0;
}

void
pdc_store_close(struct store *st)
{
	if (st == NULL)
		return;
	if (store_end(st, st->wait_ms) == 0) {
		store_free(st);
	} else {
		st->clock = &store_clock; /* the caller's goes with him */
		st->left = store_left;
		store_left = st;
	}
}

/* What an earlier close had to leave of this store is closed first. */
static int
store_clear(const struct store *st)
{
	struct store **at = &store_left, *old;
	int ret;

	while ((old = *at) != NULL) {
		ret = pdc_store_is(old, st->dir);
		if (ret < 0)
			return ret;
		if (ret == 0) {
			at = &old->left;
			continue;
		}
		if (store_end(old, st->wait_ms) < 0)
			return pdc_err_set(PDC_EBUSY,
			    "%s: an earlier pdc_close() could not get the "
			    "write lock, and it is not to be had in %u ms",
			    st->dir, st->wait_ms);
		*at = old->left;
		store_free(old);
	}
	return 0;
}

/* Whatever becomes of the working directory, and of links. */
static int
store_path(struct store *st)
{
	char *real;
	int ret = 0;

	real = realpath(st->dir, NULL);
	if (real == NULL)
		return pdc_err_sys("%s", st->dir);
	if (strlen(real) < sizeof(st->dir))
		strcpy(st->dir, real);
	else
		ret = pdc_err_set(PDC_EINVAL,
		    "%s: its whole path is longer than %zu bytes", st->dir,
		    sizeof(st->dir) - 1);
	free(real);
	return ret;
}

int
pdc_store_open(struct store **stp, const char *dir,
    const struct store_opts *opts, const struct clock *clock)
{
	struct store *st;
	sigset_t mask;
	int ret;

	if (strlen(dir) >= sizeof(st->dir))
		return pdc_err_set(PDC_EINVAL,
		    "the store's path is longer than %zu bytes",
		    sizeof(st->dir) - 1);
	st = calloc(1, sizeof(*st));
	if (st == NULL || (st->value = malloc(sizeof(*st->value))) == NULL) {
		free(st);
		return pdc_err_set(PDC_ENOMEM, "opening a store");
	}
	strcpy(st->dir, dir);
	st->rdonly = opts->rdonly;
	st->wait_ms = opts->wait_ms;
	st->clock = clock;
	st->wlock.fd = -1;
	ret = pdc_file_dir(st, opts);
	if (ret == 0)
		ret = store_path(st);
	if (ret == 0)
		ret = store_clear(st);
	if (ret == 0) {
		pdc_signals_block(&mask);
		ret = store_files(st);
		pdc_signals_restore(&mask);
	}
	if (ret == 0)
		ret = pdc_copy_enter(st);
	if (ret == 0)
		ret = pdc_wlock_open(&st->wlock, st);
	if (ret == 0)
		ret = pdc_store_env(st, st->wait_ms);
	if (ret == 0)
		ret = store_check(st);
	if (ret < 0) {
		pdc_store_close(st);
		return ret;
	}
	*stp = st;
	return 0;
}

/* LMDB takes its lock of readers for this: only under the write lock. */
int
pdc_store_readers(struct store *st, uint32_t wait_ms)
{
	sigset_t mask;
	int dead, ret;

	ret = pdc_wlock_take(&st->wlock, st, wait_ms, &mask);
	if (ret < 0)
		return ret;
	ret = pdc_mdb_reopen(st);
	if (ret == 0)
		ret = pdc_mdb_err(st, mdb_reader_check(st->env, &dead),
		    "looking for dead readers");
	pdc_wlock_give(&st->wlock, &mask);
	return ret;
}

int
pdc_store_stat(struct store *st, struct store_stat *out)
{
	MDB_envinfo info;
	MDB_stat ms;
	int rc;

	rc = mdb_env_info(st->env, &info);
	if (rc == 0)
		rc = mdb_env_stat(st->env, &ms);
	if (rc != 0)
		return pdc_mdb_err(st, rc, "asking for its state");
	out->data_bytes = (info.me_last_pgno + 1) * (uint64_t)ms.ms_psize;
	out->map_bytes = info.me_mapsize;
	out->last_txn = info.me_last_txnid;
	out->readers = info.me_numreaders;
	out->max_readers = info.me_maxreaders;
	return 0;
}
