/* SPDX-License-Identifier: ISC */
#ifndef PDC_STORE_STORE_H
#define PDC_STORE_STORE_H

/*
 * The border to LMDB: one directory, one environment, transactions.
 *
 *	data.mdb lock.mdb	LMDB's
 *	write.lock		POSIX lock around every write transaction and
 *				every open and close of the environment
 *	use.lock		OFD locks of those who map the cells (use.c)
 *
 * Fork: in a child the first transaction closes what it inherited, then opens
 * anew.  A transaction belongs to the thread that began it.
 * All waits are bounded.
 */

#include <sys/types.h>

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "store/records.h"
#include "store/sure.h"

struct MDB_env;
struct MDB_txn;
struct MDB_cursor;
struct stxn;
struct family;

struct store_opts {
	const char *group;
	unsigned perm;
	int rdonly;
	uint32_t wait_ms;
};

/* In this process: free, or held by the generation that wrote it. */
struct wlock {
	_Atomic int fd;
	dev_t dev;
	ino_t ino;
	off_t mark; /* see lock.c; 0: none */
	_Atomic uint64_t owner;
	int cancel; /* of the holder, as it was */
	unsigned failures; /* the same: pdc_err_count() */
};

/* Files of a store take these from its directory. */
struct store_owner {
	uid_t uid;
	gid_t gid;
	mode_t mode; /* rw bits of the directory */
};

/*
 * A state of the store as this process has it open: the same until somebody
 * commits what he has changed.  env 0: none.
 */
struct store_state {
	uint64_t env, txn;
};

#define STORE_IDLE 8

struct store {
	char dir[4096 - 64];
	struct store_owner owner;
	int rdonly, tmpfs;
	uint32_t wait_ms;
	const struct clock *clock;
	struct wlock wlock;
	struct MDB_env *env;
	_Atomic(struct MDB_txn *) idle[STORE_IDLE]; /* readers, see stxn.c */
	_Atomic uint64_t gen; /* fork generation env belongs to; 0: none */
	_Atomic uint32_t reading; /* snapshots that are out, see stxn.c */
	_Atomic uint64_t opened; /* how often env was */
	int data_fd;
	dev_t data_dev;
	ino_t data_ino;
	uint64_t map_size;
	const unsigned char *map; /* of data.mdb, to read it without LMDB */
	uint32_t psize; /* bytes of its pages; 0: not known yet */
	struct sure sure; /* of the write transaction */
	struct value *value; /* scratch of the write transaction */
	struct store *left; /* the next one that could not be closed */
	void *page; /* see copy.c */
	/*
	 * Set by lib/api: hook runs in each write transaction before anything
	 * else, done after each commit, still under the lock.
	 */
	int (*hook)(void *arg, struct stxn *);
	void (*done)(void *arg, struct stxn *);
	/* End a family whose time has passed, unless it was used since. */
	int (*expire)(void *arg, struct stxn *, struct family *);
	void *hook_arg;
};

/*
 * To be stored in the cells after the commit: the tag of a run or, with an
 * old id, an entry of the forward table.  Whoever needs it and does not find
 * it does it again.
 */
struct later {
	uint64_t epoch, unit, id, old_id;
	uint32_t zone;
};

/*
 * A transaction.  The first error stays in ret, later calls do nothing and
 * return it; pdc_stxn_commit() does too.
 */
struct stxn {
	struct store *st;
	struct MDB_txn *txn;
	unsigned dbi;
	int write, ret;
	int dirty; /* some record differs from the state it began with */
	uint32_t commits; /* that succeeded: renew may fail after one */
	int locked; /* holds the write lock */
	int reading; /* is counted in the store */
	struct tree tree; /* that it began with */
	uint64_t damaged; /* pages and values that a cursor passed over */
	struct meta meta; /* changed in place by a write transaction */
	struct meta was;
	/* Of a snapshot, or of what was committed; else none. */
	struct store_state state;
	struct owed *owed; /* effects of this transaction, for done */
	uint32_t nowed, owed_cap;
	struct later *later; /* and what need not be redone */
	uint32_t nlater, later_cap;
	sigset_t mask;
};

/*
 * A process has one environment of a store at most.  Opening and closing
 * exclude each other by their caller.  PDC_EBUSY: also, that an earlier close
 * could not get the write lock, and it still cannot be had.
 */
int pdc_store_open(struct store **, const char *dir, const struct store_opts *,
    const struct clock *);
/* Without the write lock in wait_ms the environment stays for the next open. */
void pdc_store_close(struct store *);
/* Free the places of readers that were killed.  PDC_EBUSY as below. */
int pdc_store_readers(struct store *, uint32_t wait_ms);
/* Whether dir has the store's files now: 1, 0, or that cannot be told. */
int pdc_store_is(const struct store *, const char *dir);
/* 0, or PDC_ENOENT with words: another is where it was, or none. */
int pdc_store_ours(const struct store *);
/* The environment is gone or there is none yet of this process: open it. */
int pdc_store_env(struct store *, uint32_t wait_ms);

/*
 * A snapshot.  PDC_E*.  The first one of a process opens the environment, which
 * takes the write lock: PDC_EBUSY when it is not had in wait_ms.
 */
int pdc_stxn_read(struct stxn *, struct store *);
int pdc_stxn_read_in(struct stxn *, struct store *, uint32_t wait_ms);
/* The last state, with the write lock held until the end; no hook runs. */
int pdc_stxn_read_locked(struct stxn *, struct store *, uint32_t wait_ms);
/* Write: PDC_EBUSY when the lock is not had in wait_ms. */
int pdc_stxn_write(struct stxn *, struct store *, uint32_t wait_ms);
/* Commit, and go on under the same lock. */
int pdc_stxn_renew(struct stxn *);
int pdc_stxn_commit(struct stxn *);
void pdc_stxn_abort(struct stxn *);
/* Whether this is the state still; takes no lock. */
int pdc_stxn_still(struct store *, const struct store_state *);
/* Keep the first error; returns ret. */
int pdc_stxn_fail(struct stxn *, int ret);

/* Values point into the map, to be copied out before the next write. */
/*
 * 0, PDC_ENOENT, or an error.  PDC_EFORMAT: it is on a damaged page, which ends
 * no transaction.
 */
int pdc_stxn_get(struct stxn *, const void *key, size_t klen, const void **val,
    size_t *len);
int pdc_stxn_put(struct stxn *, const void *key, size_t klen, const void *val,
    size_t len);
int pdc_stxn_del(struct stxn *, const void *key, size_t klen);

struct scur {
	struct stxn *x;
	struct MDB_cursor *cur; /* NULL: to read only */
	struct tree_cur tree;
	unsigned char at[512]; /* its key, of a write transaction */
	const unsigned char *key;
	size_t klen;
	const void *val;
	size_t len;
};
/*
 * 0 or error; close before the transaction ends.  To read only, what is on a
 * damaged page is passed over and counted; in a write transaction it is an
 * error.
 */
int pdc_scur_open(struct scur *, struct stxn *);
void pdc_scur_close(struct scur *);
/* The first record at or after key; 1, 0 at the end, or an error. */
int pdc_scur_seek(struct scur *, const void *key, size_t klen);
int pdc_scur_next(struct scur *);
/* Another value, as long, for the record of this key, where the cursor is. */
int pdc_scur_put(struct scur *, const void *key, size_t klen, const void *val);
/* The last record before key; 1, 0 if there is none, or an error. */
int pdc_scur_before(struct scur *, const void *key, size_t klen);

struct store_stat {
	uint64_t data_bytes, map_bytes, last_txn;
	uint32_t readers, max_readers;
};
int pdc_store_stat(struct store *, struct store_stat *);
/* file.c: making and judging the store's files. */
int pdc_file_dir(struct store *, const struct store_opts *);
/* Whether dir is in memory: 1, 0 or an error. */
int pdc_file_tmpfs(const char *dir);
/* An empty file, or one of size bytes that have their blocks. */
int pdc_file_make(struct store *, const char *name, size_t size);
/*
 * Have the name of the directory and those in it on the disk.  A directory that
 * may not be read, or a file system that cannot do it, is left as it is.
 */
int pdc_file_sync(const struct store *);
/* Open for locking without O_CREAT; checked.  An fd or a PDC_E*. */
int pdc_file_open(const struct store *, const char *name, int flags);
int pdc_file_check(const struct store *, const char *name);
void pdc_file_path(const struct store *, const char *name, char *buf,
    size_t len);

/* copy.c: PDC_EBUSY if another copy of the library has the store open. */
int pdc_copy_enter(struct store *);
void pdc_copy_leave(struct store *);

/* lock.c */
int pdc_wlock_open(struct wlock *, const struct store *);
void pdc_wlock_close(struct wlock *);
/*
 * 0 or PDC_EBUSY; on 0 all signals are blocked, mask has the old set, and the
 * thread cannot be cancelled: opening LMDB would be a place for it.
 */
int pdc_wlock_take(struct wlock *, const struct store *, uint32_t wait_ms,
    sigset_t *mask);
void pdc_wlock_give(struct wlock *, const sigset_t *mask);
/*
 * Its descriptor, or -1 if somebody closed that.  Bytes behind the first are
 * slots (lane/slot.h): another descriptor of the file must not be closed.
 */
int pdc_wlock_fd(const struct wlock *);
/* All signals, and back; a SIGXFSZ of our own writes is taken out. */
void pdc_signals_block(sigset_t *mask);
void pdc_signals_restore(const sigset_t *mask);

#endif
