/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * A counter in LMDB alone: a write transaction for each increment, never
 * synced.  The total is read by a transaction of its own.  The flags are those
 * of a store of pdc.  With MDB_WRITEMAP, which lets every stray pointer of
 * every process write into the store, a transaction takes a quarter or fifth.
 */

#include <err.h>
#include <lmdb.h>
#include <string.h>

#include "peer.h"

static MDB_env *env;
static MDB_dbi dbi;

static void
must(int rc)
{
	if (rc != 0)
		errx(1, "lmdb: %s", mdb_strerror(rc));
}

static void
store_open(void)
{
	MDB_txn *txn;

	must(mdb_env_create(&env));
	must(mdb_env_set_mapsize(env, 64 << 20));
	must(mdb_env_open(env, peer_dir(), MDB_NOSYNC | MDB_NOTLS, 0600));
	must(mdb_txn_begin(env, NULL, 0, &txn));
	must(mdb_dbi_open(txn, NULL, 0, &dbi));
	must(mdb_txn_commit(txn));
}

static void
setup_alone(unsigned arg)
{
	(void)arg;
	store_open();
}

/* An environment is not for use in a child: this process opens it at last. */
static void
setup_same(unsigned arg)
{
	(void)arg;
	peer_dir();
}

static void
begin_same(unsigned worker)
{
	(void)worker;
	store_open();
}

static double
hits_get(MDB_txn *txn)
{
	MDB_val key = { 4, (void *)(uintptr_t) "hits" }, val;
	double hits = 0;
	int rc;

	rc = mdb_get(txn, dbi, &key, &val);
	if (rc == 0)
		memcpy(&hits, val.mv_data, sizeof(hits));
	else if (rc != MDB_NOTFOUND)
		must(rc);
	return hits;
}

static void
run(uint64_t n)
{
	MDB_val key = { 4, (void *)(uintptr_t) "hits" }, val;
	MDB_txn *txn;
	double hits;

	for (; n > 0; n--) {
		must(mdb_txn_begin(env, NULL, 0, &txn));
		hits = hits_get(txn) + 1;
		val = (MDB_val){ sizeof(hits), &hits };
		must(mdb_put(txn, dbi, &key, &val, 0));
		must(mdb_txn_commit(txn));
	}
}

static double
total(void)
{
	MDB_txn *txn;
	double hits;

	if (env == NULL)
		store_open();
	must(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn));
	hits = hits_get(txn);
	mdb_txn_abort(txn);
	mdb_env_close(env);
	return hits;
}

int
main(int argc, char **argv)
{
	const struct peer_scenario scenarios[] = {
		{ .name = "inc",
		    .form = PEER_ALONE,
		    .setup = setup_alone,
		    .run = run,
		    .total = total },
		{ .name = "same",
		    .form = PEER_WORKERS,
		    .setup = setup_same,
		    .begin = begin_same,
		    .run = run,
		    .total = total },
		{ .name = NULL },
	};

	return peer_main(argc, argv, scenarios);
}
