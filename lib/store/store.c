/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Opening and closing a store.
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

/*
 * LMDB maps lock.mdb and would make it sparse: the first reader on a full tmpfs
 * were a SIGBUS.  A file of this size it takes as it is.
 */
#define LOCK_SIZE ((STORE_READERS + 2) * 64)

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
	pdc_sure_free(&st->sure);
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
	pdc_mdb_close(st);
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
