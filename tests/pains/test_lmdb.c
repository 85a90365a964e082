/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Pains 26 to 33, which LMDB would bring along.  Undone is as a rule LMDB as it
 * is, on a database of its own.
 */

#include <sys/vfs.h>
#include <sys/wait.h>

#include <lmdb.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "metric/metric.h"
#include "multi/multi.h"
#include "pains.h"
#include "tap.h"

#define NFS_MAGIC 0x6969
#define MAP_BYTES ((size_t)16 << 20)

static struct pdc *p;
static struct pdc_series *c;

static char *
begin(void)
{
	char *dir = tap_tmpdir();

	p = multi_open(dir, 0);
	c = multi_series(multi_declare(p, PDC_COUNTER, "c", NULL), NULL);
	return dir;
}

static void
raw(int rc)
{
	if (rc != 0)
		bail_out("LMDB: %s", mdb_strerror(rc));
}

/* LMDB with its defaults. */
static MDB_env *
raw_open(const char *dir, unsigned flags)
{
	MDB_env *env;

	raw(mdb_env_create(&env));
	raw(mdb_env_set_mapsize(env, MAP_BYTES));
	raw(mdb_env_open(env, dir, flags, 0600));
	return env;
}

static int
raw_read(MDB_env *env)
{
	MDB_txn *txn;
	int rc;

	rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
	if (rc == 0)
		mdb_txn_abort(txn);
	return rc;
}

/* Somebody who reads, and is killed or stopped in it. */
static pid_t
reader(MDB_env *env, int signal)
{
	struct stxn x;
	MDB_txn *txn;
	int status;
	pid_t pid;

	pid = multi_fork();
	if (pid != 0) {
		(void)waitpid(pid, &status, WUNTRACED);
		return pid;
	}
	if (env != NULL)
		(void)mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
	else
		(void)pdc_stxn_read(&x, p->store);
	raise(signal);
	_exit(0);
}

static void
readers(int undone)
{
	char *dir = undone ? tap_tmpdir() : begin();
	MDB_env *env = undone ? raw_open(dir, 0) : NULL;
	int n = pain_times(130), rc, i;
	struct store_stat st = { 0 };
	MDB_envinfo info;
	struct stxn x;

	for (i = 0; i < n; i++) {
		(void)reader(env, SIGKILL);
		if (!undone && i % 10 == 9)
			(void)pdc_maintain(p);
	}
	if (undone) {
		rc = raw_read(env);
		raw(mdb_env_info(env, &info));
		st.max_readers = info.me_maxreaders;
		st.readers = info.me_numreaders;
		mdb_env_close(env);
	} else {
		rc = pdc_stxn_read(&x, p->store);
		pdc_stxn_abort(&x);
		(void)pdc_store_stat(p->store, &st);
		pdc_close(p);
	}
	pain_says(rc == 0 && st.readers < 20,
	    undone ? "LMDB as it is" : "readers are killed, the store kept up",
	    "%d killed: the next one gets %d; %u of %u places in use", n, rc,
	    st.readers, st.max_readers);
}

/* In the middle of a page, which a client does not take. */
static int
stops(void *arg, const void *data, size_t len)
{
	(void)arg;
	(void)data;
	(void)len;
	return raise(SIGSTOP);
}

static pid_t
scraper(void)
{
	int status;
	pid_t pid;

	pid = multi_fork();
	if (pid == 0)
		_exit(pdc_write(p, NULL, stops, NULL) < 0);
	(void)waitpid(pid, &status, WUNTRACED);
	return pid;
}

/* Undone: his snapshot is kept as long as the page. */
static void
pinned(int undone)
{
	const struct pdc_key k = { "c", "_total", NULL, 0 };
	int n = pain_times(200), i;
	struct store_stat a, b;
	pid_t pid;

	(void)begin();
	for (i = 0; i < 10; i++)
		(void)multi_put(p, "inc", &k, 1);
	(void)pdc_store_stat(p->store, &a);
	pid = undone ? reader(NULL, SIGSTOP) : scraper();
	for (i = 0; i < n; i++)
		(void)multi_put(p, "inc", &k, 1);
	(void)pdc_store_stat(p->store, &b);
	pain_says(b.data_bytes < a.data_bytes + 65536,
	    undone ? "somebody is stopped who keeps his snapshot" :
		     "a scraper is stopped in the middle of its page",
	    "%d commits: data.mdb grew from %llu to %llu KiB", n,
	    (unsigned long long)a.data_bytes / 1024,
	    (unsigned long long)b.data_bytes / 1024);
	(void)multi_release(pid);
	pdc_close(p);
}

/* Undone: he is stopped only. */
static void
writer(int undone)
{
	struct pdc_desc d = { .type = PDC_COUNTER, .name = "new" };
	char *dir = begin();
	struct pdc_family *f;
	int left, ret;
	pid_t pid;

	pdc_inc(c, 1);
	pid = multi_holder(dir);
	if (!undone) {
		kill(pid, SIGKILL);
		(void)multi_wait(pid, 10000);
	}
	p->store->wait_ms = 50;
	ret = pdc_declare(&f, p, &d);
	left = multi_records(p, 'Z');
	pain_says(ret == 0 && left == 0 && multi_now(p, "c_total") == 1,
	    undone ? "a writer is stopped in his transaction" :
		     "a writer is killed in his transaction",
	    "the next one gets %d; %d records of the first are left", ret,
	    left);
	if (undone)
		(void)multi_release(pid);
	pdc_close(p);
}

/* How often this process maps such a file, with what permissions at most. */
static int
maps(const char *file, char *perm, size_t len)
{
	char line[4400], how[8];
	FILE *f = fopen("/proc/self/maps", "r");
	int n = 0;

	if (f == NULL)
		bail_out("/proc/self/maps");
	while (fgets(line, sizeof(line), f) != NULL)
		if (strstr(line, file) != NULL &&
		    sscanf(line, "%*s %7s", how) == 1) {
			if (n++ == 0 || how[1] == 'w')
				snprintf(perm, len, "%s", how);
		}
	fclose(f);
	return n;
}

static void
twice(int undone)
{
	char *dir = undone ? tap_tmpdir() : begin(), how[8] = "";
	MDB_env *env[2] = { NULL, NULL };
	struct pdc *q = NULL;
	int n;

	if (undone) {
		env[0] = raw_open(dir, 0);
		env[1] = raw_open(dir, 0);
	} else {
		q = multi_open(dir, 0);
	}
	/* Of data.mdb there is a view of our own. */
	n = maps("/lock.mdb", how, sizeof(how));
	if (undone) {
		mdb_env_close(env[0]);
		mdb_env_close(env[1]);
	} else {
		pdc_close(q);
		pdc_inc(c, 1);
	}
	pain_says(n == 1 && multi_now(p, "c_total") == 1,
	    undone ? "LMDB as it is" :
		     "a store is opened twice, and closed once",
	    "environments of it in the process: %d", n);
	pdc_close(p);
}

static double
labelled(void)
{
	char *page = multi_page(p);
	double sum = multi_sum(page, "l_total");

	pdc_free(page);
	return sum;
}

/* Undone: each increment is a transaction. */
static void
map_full(int undone)
{
	char value[128];
	struct pdc_label l = { "l", value };
	const struct pdc_key k = { "l", "_total", &l, 1 };
	int n = pain_times(300), errors = 0, i;
	struct pdc_family *f;
	struct store_stat st;
	struct pdc_series *s;

	(void)begin();
	f = multi_declare(p, PDC_COUNTER, "l", "l");
	(void)pdc_store_stat(p->store, &st);
	raw(mdb_env_set_mapsize(p->store->env, st.data_bytes + 65536));
	for (i = 0; i < n; i++) {
		snprintf(value, sizeof(value), "%0100d", i);
		pdc_inc(c, 1);
		if (undone) {
			errors += multi_put(p, "inc", &k, 1) < 0;
			continue;
		}
		s = multi_series(f, value);
		errors += s == NULL || pdc_checkpoint(p) < 0;
		pdc_inc(s, 1);
	}
	raw(mdb_env_set_mapsize(p->store->env, st.map_bytes));
	(void)pdc_maintain(p);
	pain_says(multi_now(p, "c_total") == n && labelled() == n && errors > 0,
	    undone ? "each new series by a transaction" :
		     "new series until the map is full, and on; then room",
	    "%d label sets, %d errors: a counter has %.0f, the labels %.0f", n,
	    errors, multi_now(p, "c_total"), labelled());
	pdc_close(p);
}

static void
writable(int undone)
{
	MDB_env *env = NULL;
	char how[8] = "";
	int n;

	if (undone)
		env = raw_open(tap_tmpdir(), MDB_WRITEMAP);
	else
		(void)begin();
	n = maps("/data.mdb", how, sizeof(how));
	pain_says(n >= 1 && how[1] == '-',
	    undone ? "LMDB with MDB_WRITEMAP" :
		     "no wild store of a worker hits data.mdb",
	    "it is mapped %s", how);
	if (undone)
		mdb_env_close(env);
	else
		pdc_close(p);
}

/* Put a zero under a key; where the value of "c" is then. */
static void *
raw_put(MDB_env *env, char *key)
{
	uint64_t zero = 0;
	char first[] = "c";
	MDB_val k = { 1, key }, v = { sizeof(zero), &zero };
	MDB_txn *txn;
	MDB_dbi dbi;

	raw(mdb_txn_begin(env, NULL, 0, &txn));
	raw(mdb_dbi_open(txn, NULL, 0, &dbi));
	raw(mdb_put(txn, dbi, &k, &v, 0));
	raw(mdb_txn_commit(txn));
	k.mv_data = first;
	raw(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn));
	raw(mdb_get(txn, dbi, &k, &v));
	mdb_txn_abort(txn);
	return v.mv_data;
}

/* Count where the value was, while others commit; what it is in the end. */
static double
raw_moved(int n)
{
	MDB_env *env = raw_open(tap_tmpdir(), MDB_WRITEMAP);
	char keys[3][2] = { "c", "d", "e" };
	uint64_t v;
	void *place;

	(void)raw_put(env, keys[0]);
	place = raw_put(env, keys[1]);
	(void)raw_put(env, keys[2]);
	memcpy(&v, place, sizeof(v));
	v += (uint64_t)n;
	memcpy(place, &v, sizeof(v));
	memcpy(&v, raw_put(env, keys[1]), sizeof(v));
	mdb_env_close(env);
	return (double)v;
}

static void
moved(int undone)
{
	int n = pain_times(1000000), commits = 0, i;
	double got;
	pid_t pid;

	(void)begin();
	pid = undone ? 0 : multi_fork();
	if (!undone && pid == 0) {
		for (i = 0; i < n; i++)
			pdc_inc(c, 1);
		_exit(0);
	}
	while (!undone && waitpid(pid, NULL, WNOHANG) == 0)
		commits += pdc_checkpoint(p) == 0;
	commits += undone;
	got = undone ? raw_moved(n) : multi_now(p, "c_total");
	pain_says(got == n,
	    undone ? "added where LMDB had the value before a commit" :
		     "increments while another process commits",
	    "%d commits, total %.0f of %d", commits, got, n);
	pdc_close(p);
}

/* What file systems say that they are. */
static long pretend;
int __real_statfs(const char *, struct statfs *);
int __wrap_statfs(const char *, struct statfs *);

int
__wrap_statfs(const char *path, struct statfs *fs)
{
	int ret = __real_statfs(path, fs);

	if (pretend != 0)
		fs->f_type = pretend;
	return ret;
}

static void
network(int undone)
{
	struct pdc *q = NULL;
	int ret;

	pretend = undone ? 0 : NFS_MAGIC;
	ret = pdc_open(&q, tap_tmpdir(), NULL);
	pain_says(ret == PDC_ENOTSUP && q == NULL &&
		strstr(pdc_error(), "network") != NULL,
	    undone ? "the same directory, of a tmpfs" : "a directory of an NFS",
	    "open is %d: %s", ret,
	    ret < 0 ? strrchr(pdc_error(), ':') + 2 : "-");
	pdc_close(q);
}

static const struct pain rows[] = {
	{ "26-killed-readers-do-not-use-up-the-places", readers },
	{ "27-a-slow-reader-does-not-make-the-store-grow", pinned },
	{ "28-a-writer-killed-in-a-transaction-holds-nothing", writer },
	{ "29-one-environment-of-a-store-in-a-process", twice },
	{ "30-a-full-map-is-an-error-only", map_full },
	{ "31-nobody-can-scribble-over-the-database", writable },
	{ "32-no-increment-is-lost-to-a-page-that-moves", moved },
	{ "33-a-network-file-system-is-refused", network },
};

int
main(int argc, char **argv)
{
	return PAINS_RUN(rows, argc, argv);
}
