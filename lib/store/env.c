/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The environment of LMDB.
 *
 * It is opened and closed under the write lock only: LMDB loses committed data
 * if a process is killed while it opens, and its close is not safe beside an
 * open.
 */

#include <sys/mman.h>
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
		    what, STORE_READERS);
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

/*
 * The descriptor is still the one of our file, and has what LMDB looks at when
 * a transaction begins.
 */
int
pdc_mdb_guard(const struct store *st)
{
	struct stat sb;

	return fstat(st->data_fd, &sb) == 0 && sb.st_dev == st->data_dev &&
	    sb.st_ino == st->data_ino &&
	    (uint64_t)sb.st_size >= (uint64_t)TREE_METAS * st->psize;
}

/* The rest of LMDB's own test: 0 or an LMDB code. */
static int
env_metas(const struct store *st)
{
	_Alignas(8) unsigned char head[TREE_METAS * TREE_PAGE_MAX];
	struct tree t[TREE_METAS];
	struct stat sb;
	ssize_t n = -1;
	int fd, ret[TREE_METAS];

	fd = pdc_file_open(st, "data.mdb", O_RDONLY);
	if (fd < 0)
		return 0; /* LMDB tells why */
	if (fstat(fd, &sb) == 0)
		n = pread(fd, head, sizeof(head), 0);
	close(fd);
	if (n <= 0)
		return 0;
	memset(head + n, 0, sizeof(head) - (size_t)n);
	ret[0] = pdc_tree_meta(&t[0], head, (uint64_t)sb.st_size, 0, 0);
	if (ret[0] == PDC_EVERSION)
		return MDB_VERSION_MISMATCH;
	if (t[0].psize == 0)
		return MDB_INVALID;
	ret[1] = pdc_tree_meta(&t[1], head, (uint64_t)sb.st_size, 1,
	    t[0].psize);
	if (t[1].psize == 0)
		return MDB_INVALID;
	/* A commit that failed leaves the older one in two pieces. */
	return ret[t[1].txn > t[0].txn] < 0 ? MDB_INVALID : 0;
}

/* Our own view of the file that LMDB has mapped. */
static int
env_map(struct store *st, MDB_env *env)
{
	mdb_filehandle_t fd;
	MDB_stat ms;
	void *map;
	int rc;

	rc = mdb_env_stat(env, &ms);
	if (rc != 0)
		return rc;
	mdb_env_get_fd(env, &fd);
	map = mmap(NULL, st->map_size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return errno;
	st->map = map;
	st->psize = ms.ms_psize;
	return 0;
}

void
pdc_mdb_close(struct store *st)
{
	mdb_env_close(st->env);
	munmap((void *)(uintptr_t)st->map, st->map_size);
	st->env = NULL;
	st->map = NULL;
}

static const char *const lmdb_files[] = { "data.mdb", "lock.mdb" };

/*
 * LMDB opens its files with O_CREAT, and of those of others in a sticky
 * directory a system may forbid that (fs.protected_regular).
 */
static int
env_forbidden(const struct store *st)
{
	char path[4096];
	struct stat sb;
	int i;

	if (stat(st->dir, &sb) == -1 || !(sb.st_mode & S_ISVTX))
		return 0;
	for (i = 0; i < 2; i++) {
		pdc_file_path(st, lmdb_files[i], path, sizeof(path));
		if (stat(path, &sb) == 0 && sb.st_uid != geteuid() &&
		    sb.st_uid != st->owner.uid)
			return 1;
	}
	return 0;
}

/* A link to what has a name in the store now: a descriptor to be closed. */
static int
env_link(const struct store *st, const char *name, int dir)
{
	int fd = pdc_file_open(st, name, O_PATH);
	char to[40];

	snprintf(to, sizeof(to), "/proc/thread-self/fd/%d", fd);
	if (fd < 0 || symlinkat(to, dir, name) == 0)
		return fd;
	close(fd);
	return pdc_err_sys("%s: a link to its %s", st->dir, name);
}

/* All but to make the directory.  To close an O_PATH drops no locks. */
static int
env_open_in(const struct store *st, MDB_env *env, unsigned flags,
    const char *path)
{
	int fds[2] = { -1, -1 }, dir, i, rc = 0;

	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir == -1)
		return pdc_err_sys("%s", path);
	for (i = 0; i < 2 && rc == 0; i++) {
		fds[i] = env_link(st, lmdb_files[i], dir);
		rc = fds[i] < 0 ? fds[i] : 0;
	}
	if (rc == 0)
		rc = mdb_env_open(env, path, flags, 0600);
	for (i = 0; i < 2; i++)
		if (fds[i] >= 0) {
			unlinkat(dir, lmdb_files[i], 0);
			close(fds[i]);
		}
	close(dir);
	return rc;
}

/*
 * So they are opened by links, in a directory of our own that is there for so
 * long.  An LMDB code, or a PDC_E* with words.
 */
static int
env_open_links(const struct store *st, MDB_env *env, unsigned flags)
{
	char path[4096];
	int rc;

	pdc_file_path(st, ".open-XXXXXX", path, sizeof(path));
	if (mkdtemp(path) == NULL)
		return pdc_err_sys("%s: another user's, in a sticky directory: "
				   "to open it so, making %s",
		    st->dir, path);
	rc = env_open_in(st, env, flags, path);
	rmdir(path);
	return rc;
}

static int
env_create(MDB_env **envp, uint64_t size)
{
	int rc;

	*envp = NULL;
	rc = mdb_env_create(envp);
	if (rc == 0)
		rc = mdb_env_set_mapsize(*envp, size);
	if (rc == 0)
		rc = mdb_env_set_maxreaders(*envp, STORE_READERS);
	return rc;
}

static int
env_try(struct store *st, MDB_env **envp, uint64_t size)
{
	unsigned flags = MDB_NOTLS | MDB_NOMETASYNC;
	MDB_env *env;
	int rc;

	if (st->tmpfs)
		flags |= MDB_NOSYNC;
	if (st->rdonly)
		flags |= MDB_RDONLY;
	rc = env_create(&env, size);
	if (rc == 0)
		rc = FAULT(ENV_OPEN) ?
		    EACCES :
		    mdb_env_open(env, st->dir, flags, st->owner.mode | 0600);
	if (rc == EACCES && env_forbidden(st)) {
		mdb_env_close(env);
		rc = env_create(&env, size);
		if (rc == 0)
			rc = env_open_links(st, env, flags);
	}
	if (rc == 0)
		rc = env_map(st, env);
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
	rc = env_metas(st);
	if (rc != 0)
		return pdc_mdb_err(st, rc, "opening");
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
		pdc_mdb_close(st);
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
		pdc_mdb_close(st);
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
