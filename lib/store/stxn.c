/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Transactions on the one database of a store.
 */

#include <sys/stat.h>

#include <errno.h>
#include <lmdb.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fault.h"
#include "base/fork.h"
#include "pdc.h"
#include "store/mdb.h"
#include "store/store.h"

#define READER_WAIT_MS 2
#define READERS_END_MS 50 /* for snapshots to end, before a close */

int
pdc_stxn_fail(struct stxn *x, int ret)
{
	if (ret < 0 && x->ret == 0)
		x->ret = ret;
	return x->ret;
}

/* No first record: a store nobody has written yet, or somebody else's. */
static int
stxn_empty(struct stxn *x)
{
	MDB_stat st;
	int rc;

	x->was = x->meta;
	rc = mdb_stat(x->txn, x->dbi, &st);
	if (rc != 0)
		return pdc_stxn_fail(x, pdc_mdb_err(x->st, rc, "reading"));
	if (st.ms_entries == 0)
		return 0;
	return pdc_stxn_fail(x,
	    pdc_err_set(PDC_EFORMAT,
		"%s/data.mdb: not a pdc store, but a database of something "
		"else",
		x->st->dir));
}

/* Version 0 means a store nobody has written yet. */
static int
stxn_meta(struct stxn *x)
{
	const void *val;
	size_t len;
	int ret;

	memset(&x->meta, 0, sizeof(x->meta));
	ret = pdc_stxn_get(x, "M", 1, &val, &len);
	if (ret == PDC_ENOENT)
		return stxn_empty(x);
	if (ret < 0)
		return ret;
	if (len < 12 || memcmp(val, STORE_MAGIC, 8) != 0)
		return pdc_stxn_fail(x,
		    pdc_err_set(PDC_EFORMAT, "%s/data.mdb: not a pdc store",
			x->st->dir));
	memcpy(&x->meta, val, len < sizeof(x->meta) ? len : sizeof(x->meta));
	if (x->meta.version != STORE_VERSION)
		return pdc_stxn_fail(x,
		    pdc_err_set(PDC_EVERSION,
			"%s/data.mdb: a store of format %u; this is libpdc "
			"%s, which knows format %u",
			x->st->dir, x->meta.version, PACKAGE_VERSION,
			STORE_VERSION));
	if (len != sizeof(x->meta))
		return pdc_stxn_fail(x,
		    pdc_err_set(PDC_EFORMAT,
			"%s/data.mdb: its first record has %zu bytes, not %zu",
			x->st->dir, len, sizeof(x->meta)));
	x->meta.cells_dir[sizeof(x->meta.cells_dir) - 1] = '\0';
	x->meta.cells_name[sizeof(x->meta.cells_name) - 1] = '\0';
	x->meta.boot_id[sizeof(x->meta.boot_id) - 1] = '\0';
	x->was = x->meta;
	return 0;
}

static int
stxn_begin(struct stxn *x, unsigned flags)
{
	int rc;

	x->ret = 0;
	rc = mdb_txn_begin(x->st->env, NULL, flags, &x->txn);
	if (rc == MDB_READERS_FULL) {
		mdb_reader_check(x->st->env, NULL);
		rc = mdb_txn_begin(x->st->env, NULL, flags, &x->txn);
	}
	if (rc != 0) {
		x->txn = NULL;
		return rc;
	}
	rc = mdb_dbi_open(x->txn, NULL, 0, &x->dbi);
	if (rc != 0) {
		mdb_txn_abort(x->txn);
		x->txn = NULL;
	}
	return rc;
}

void
pdc_reader_give(struct store *st, MDB_txn *txn)
{
	MDB_txn *none;
	int i;

	/* Of an environment that was lost meanwhile: its slot is another's. */
	if (mdb_txn_env(txn) != st->env)
		return;
	mdb_txn_reset(txn);
	for (i = 0; i < STORE_IDLE; i++) {
		none = NULL;
		/* Pairs with the exchange in reader_take(). */
		if (atomic_compare_exchange_strong(&st->idle[i], &none, txn))
			return;
	}
	mdb_txn_abort(txn);
}

static MDB_txn *
reader_take(struct store *st)
{
	MDB_txn *txn;
	int i;

	for (i = 0; i < STORE_IDLE; i++) {
		/* Pairs with the exchange in pdc_reader_give(). */
		txn = atomic_exchange(&st->idle[i], NULL);
		if (txn != NULL)
			return txn;
	}
	return NULL;
}

void
pdc_reader_end(struct store *st, int forget)
{
	MDB_txn *txn;

	while ((txn = reader_take(st)) != NULL)
		if (!forget)
			mdb_txn_abort(txn);
}

/*
 * The environment is not closed under a snapshot: who has counted itself and
 * still finds the generation is waited for, who does not goes back.
 */
static int
reader_enter(struct stxn *x, uint32_t wait_ms)
{
	struct store *st = x->st;
	int ret;

	for (;;) {
		ret = pdc_store_env(st, wait_ms);
		if (ret < 0)
			return ret;
		atomic_fetch_add(&st->reading, 1);
		if (atomic_load(&st->gen) == pdc_fork_gen())
			break;
		atomic_fetch_sub(&st->reading, 1);
	}
	x->reading = 1;
	return 0;
}

/* Write lock held; new snapshots wait for it.  1 when none is left. */
static int
readers_ended(struct store *st)
{
	int i;

	atomic_store(&st->gen, 0);
	for (i = 0; i < READERS_END_MS; i++) {
		if (atomic_load(&st->reading) == 0)
			return 1;
		pdc_clock_sleep(1000000);
	}
	atomic_store(&st->gen, pdc_fork_gen());
	return 0;
}

/*
 * Begin under the write lock.  Where an earlier commit broke off badly LMDB has
 * given its environment up: it is opened anew.  An LMDB code, or a PDC_E*.
 */
static int
stxn_begin_anew(struct stxn *x, unsigned flags)
{
	struct store *st = x->st;
	int rc = stxn_begin(x, flags);

	if (rc != MDB_PANIC)
		return rc;
	if (!readers_ended(st))
		return pdc_err_set(PDC_EBUSY,
		    "%s/data.mdb: to be opened again, but pages are being read",
		    st->dir);
	pdc_reader_end(st, 0);
	rc = pdc_mdb_reopen(st);
	return rc != 0 ? rc : stxn_begin(x, flags);
}

/* A reader more, when all that are kept are in use. */
static int
reader_new(struct stxn *x, uint32_t wait_ms)
{
	struct store *st = x->st;
	sigset_t mask;
	int ret;

	/* Who has the lock may wait for all that are counted. */
	atomic_fetch_sub(&st->reading, 1);
	x->reading = 0;
	ret = pdc_wlock_take(&st->wlock, st, wait_ms, &mask);
	if (ret < 0)
		return ret;
	ret = pdc_mdb_reopen(st);
	if (ret == 0)
		ret = stxn_begin_anew(x, MDB_RDONLY);
	if (ret == 0) {
		atomic_fetch_add(&st->reading, 1);
		x->reading = 1;
	}
	pdc_wlock_give(&st->wlock, &mask);
	return ret;
}

/* An LMDB code, or a PDC_E* with words. */
static int
reader_begin(struct stxn *x, uint32_t wait_ms)
{
	const struct clock *clock = x->st->clock;
	int64_t until = pdc_clock_mono(clock) + wait_ms * INT64_C(1000000);
	MDB_txn *txn;
	int rc;

	for (;;) {
		txn = reader_take(x->st);
		if (txn != NULL) {
			rc = mdb_txn_renew(txn);
			if (rc == 0)
				rc = mdb_dbi_open(txn, NULL, 0, &x->dbi);
			x->txn = rc == 0 ? txn : NULL;
			if (rc == MDB_BAD_RSLOT)
				continue; /* not ours any more: forget it */
			if (rc == MDB_PANIC) {
				mdb_txn_abort(txn);
				continue;
			}
			if (rc != 0)
				pdc_reader_give(x->st, txn);
			return rc;
		}
		rc = reader_new(x, READER_WAIT_MS);
		if (rc != PDC_EBUSY || pdc_clock_mono(clock) >= until)
			return rc;
		do
			rc = reader_enter(x, READER_WAIT_MS);
		while (rc == PDC_EBUSY && pdc_clock_mono(clock) < until);
		if (rc < 0)
			return rc;
	}
}

/*
 * The state that transaction txn has left, by its meta page.  EAGAIN: that is
 * of another one by now.
 */
static int
stxn_tree(struct stxn *x, uint64_t txn)
{
	const struct store *st = x->st;
	struct stat sb;

	if (fstat(st->data_fd, &sb) == -1)
		return errno;
	if (pdc_tree_meta(&x->tree, st->map, (uint64_t)sb.st_size,
		(int)(txn & 1), st->psize) < 0)
		return MDB_CORRUPTED;
	return x->tree.txn == txn ? 0 : EAGAIN;
}

/* The same under the write lock. */
static int
stxn_tree_last(struct stxn *x, int written)
{
	int rc = stxn_tree(x, mdb_txn_id(x->txn) - (written ? 1 : 0));

	return rc == EAGAIN ? MDB_CORRUPTED : rc;
}

/*
 * A reader preempted while it copied the root may have a torn one; it shows by
 * being two transactions behind.  Begin again then.
 */
static int
stxn_snapshot(struct stxn *x, uint32_t wait_ms)
{
	MDB_envinfo info;
	int i, rc;

	for (i = 0; i < 16; i++) {
		rc = reader_begin(x, wait_ms);
		if (rc != 0)
			return rc;
		rc = mdb_env_info(x->st->env, &info);
		x->state.env = atomic_load(&x->st->opened);
		x->state.txn = mdb_txn_id(x->txn);
		if (rc == 0)
			rc = stxn_tree(x, x->state.txn);
		if (rc == 0 && info.me_last_txnid < x->state.txn + 2)
			return 0;
		pdc_reader_give(x->st, x->txn);
		x->txn = NULL;
	}
	return rc != 0 ? rc : EAGAIN;
}

int
pdc_stxn_still(struct store *st, const struct store_state *was)
{
	MDB_envinfo info;
	int still = 0;

	/* In a child that has not opened it yet, that clears the count. */
	if (was->env == 0 || atomic_load(&st->gen) != pdc_fork_gen())
		return 0;
	/* As reader_enter() does. */
	atomic_fetch_add(&st->reading, 1);
	if (atomic_load(&st->gen) == pdc_fork_gen() &&
	    atomic_load(&st->opened) == was->env && pdc_mdb_guard(st))
		still = mdb_env_info(st->env, &info) == 0 &&
		    info.me_last_txnid == was->txn;
	atomic_fetch_sub(&st->reading, 1);
	return still;
}

static int
stxn_lock(struct stxn *x, uint32_t wait_ms)
{
	struct store *st = x->st;
	int ret;

	ret = pdc_wlock_take(&st->wlock, st, wait_ms, &x->mask);
	if (ret < 0)
		return ret;
	x->locked = 1;
	return pdc_mdb_reopen(st);
}

static void
stxn_unlock(struct stxn *x)
{
	if (x->reading)
		atomic_fetch_sub(&x->st->reading, 1);
	x->reading = 0;
	free(x->owed);
	x->owed = NULL;
	x->nowed = x->owed_cap = 0;
	free(x->later);
	x->later = NULL;
	x->nlater = x->later_cap = 0;
	if (!x->locked)
		return;
	if (x->write)
		pdc_sure_free(&x->st->sure);
	x->locked = 0;
	pdc_wlock_give(&x->st->wlock, &x->mask);
}

/*
 * LMDB knows readers by pid: when an equal pid of another pid namespace holds
 * our place, read under the write lock instead.
 */
static int
stxn_locked(struct stxn *x, uint32_t wait_ms)
{
	int ret, rc;

	x->state.env = 0;
	ret = stxn_lock(x, wait_ms);
	if (ret == 0) {
		rc = stxn_begin_anew(x, x->st->rdonly ? MDB_RDONLY : 0);
		if (rc == 0)
			rc = stxn_tree_last(x, !x->st->rdonly);
		ret = pdc_mdb_err(x->st, rc, "reading");
	}
	if (ret < 0)
		pdc_stxn_abort(x);
	return ret;
}

/* What could not be begun is ended, and keeps why. */
static int
stxn_begun(struct stxn *x, int ret)
{
	if (ret < 0) {
		pdc_stxn_abort(x);
		x->ret = ret;
	}
	return ret;
}

int
pdc_stxn_read(struct stxn *x, struct store *st)
{
	return pdc_stxn_read_in(x, st, st->wait_ms);
}

int
pdc_stxn_read_in(struct stxn *x, struct store *st, uint32_t wait_ms)
{
	int ret, rc;

	memset(x, 0, sizeof(*x));
	x->st = st;
	ret = reader_enter(x, wait_ms);
	if (ret < 0)
		return x->ret = ret;
	rc = stxn_snapshot(x, wait_ms);
	if (rc == EAGAIN)
		ret = stxn_locked(x, wait_ms);
	else
		ret = pdc_mdb_err(st, rc, "reading");
	if (ret == 0)
		ret = stxn_meta(x);
	return stxn_begun(x, ret);
}

int
pdc_stxn_read_locked(struct stxn *x, struct store *st, uint32_t wait_ms)
{
	int ret;

	memset(x, 0, sizeof(*x));
	x->st = st;
	ret = stxn_locked(x, wait_ms);
	if (ret == 0)
		ret = stxn_meta(x);
	return stxn_begun(x, ret);
}

static int
stxn_begin_write(struct stxn *x)
{
	int rc;

	x->state.env = 0; /* what is read now may not be committed */
	x->dirty = 0;
	rc = FAULT(STXN_BEGIN) ? ENOMEM : stxn_begin_anew(x, 0);
	if (rc == 0)
		rc = stxn_tree_last(x, 1);
	if (rc != 0)
		return pdc_mdb_err(x->st, rc, "beginning a transaction");
	rc = pdc_sure_begin(&x->st->sure, &x->tree);
	if (rc == PDC_ENOMEM)
		return pdc_err_set(rc, "beginning a transaction");
	if (rc < 0)
		return pdc_stxn_unsure(x, "free pages");
	return stxn_meta(x);
}

int
pdc_stxn_write(struct stxn *x, struct store *st, uint32_t wait_ms)
{
	int ret;

	memset(x, 0, sizeof(*x));
	x->st = st;
	x->write = 1;
	if (st->rdonly)
		return x->ret = pdc_err_set(PDC_EPERM, "%s: opened read-only",
			   st->dir);
	ret = stxn_lock(x, wait_ms);
	if (ret == 0)
		ret = stxn_begin_write(x);
	if (ret == 0)
		ret = st->hook != NULL ? st->hook(st->hook_arg, x) : 0;
	return stxn_begun(x, ret);
}

/* The last committed: none is added where nothing was written. */
static void
stxn_committed(struct stxn *x)
{
	MDB_envinfo info;

	x->commits++;
	if (mdb_env_info(x->st->env, &info) == 0)
		x->state = (struct store_state){ atomic_load(&x->st->opened),
			info.me_last_txnid };
}

static int
stxn_commit(struct stxn *x)
{
	int rc;

	if (x->ret == 0 && memcmp(&x->meta, &x->was, sizeof(x->meta)) != 0)
		pdc_stxn_put(x, "M", 1, &x->meta, sizeof(x->meta));
	if (x->ret == 0 && x->dirty && pdc_sure_end(&x->st->sure) < 0)
		pdc_stxn_fail(x, pdc_stxn_unsure(x, "commit"));
	if (x->ret == 0 && FAULT(STXN_COMMIT))
		pdc_stxn_fail(x, pdc_mdb_err(x->st, MDB_MAP_FULL, "commit"));
	if (x->ret < 0) {
		mdb_txn_abort(x->txn);
	} else {
		rc = mdb_txn_commit(x->txn);
		pdc_stxn_fail(x, pdc_mdb_err(x->st, rc, "commit"));
		if (rc == 0)
			stxn_committed(x);
	}
	x->txn = NULL;
	if (x->ret == 0 && !FAULT(STXN_COMMITTED) && x->st->done != NULL)
		x->st->done(x->st->hook_arg, x);
	x->nowed = x->nlater = 0;
	return x->ret;
}

int
pdc_stxn_renew(struct stxn *x)
{
	int ret;

	ret = stxn_commit(x);
	if (ret == 0)
		ret = stxn_begin_write(x);
	return pdc_stxn_fail(x, ret);
}

int
pdc_stxn_commit(struct stxn *x)
{
	int ret;

	if (x->txn == NULL)
		ret = x->ret;
	else
		ret = stxn_commit(x);
	stxn_unlock(x);
	return ret;
}

void
pdc_stxn_abort(struct stxn *x)
{
	if (x->txn != NULL && !x->write && !x->locked)
		pdc_reader_give(x->st, x->txn);
	else if (x->txn != NULL)
		mdb_txn_abort(x->txn);
	x->txn = NULL;
	stxn_unlock(x);
}
