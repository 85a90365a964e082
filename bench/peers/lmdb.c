/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * A counter in LMDB alone: a write transaction for each increment, never
 * synced.
 *
 *	lmdb bare SCENARIO	a record, which is read and written
 *	lmdb calls SCENARIO	the calls that a transaction of pdc makes
 *	lmdb lines SCENARIO	a line of a journal under the next number
 *
 * Those are whether the store is as it was, what a transaction looks up, and
 * the record it writes, with keys and values as long as in a store of one
 * counter.  The total is read by a transaction of its own.  The flags are those
 * of a store of pdc.  With MDB_WRITEMAP, which lets every stray pointer of
 * every process write into the store, a transaction takes a quarter or fifth.
 */

#include <err.h>
#include <lmdb.h>
#include <stdio.h>
#include <string.h>

#include "line.h"
#include "peer.h"

static MDB_env *env;
static MDB_dbi dbi;
static uint64_t nlines;
static unsigned burst;

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
	must(mdb_env_set_mapsize(env, (size_t)1 << 30));
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

/* What is looked up: M, F, L, S and V of pdc-store(5), but for the hits. */
static const struct record {
	const char *key;
	size_t klen, len;
} records[] = {
	{ "M", 1, 560 },
	{ "Fhits", 5, 129 },
	{ "L the hash of its labels..", 26, 4 },
	{ "S the numbers", 13, 24 },
	{ "V the numbers", 13, 48 },
};
#define NRECORDS (sizeof(records) / sizeof(records[0]))

static void
records_put(MDB_txn *txn)
{
	static char zeros[560];
	MDB_val key, val;
	size_t i;

	for (i = 0; i < NRECORDS; i++) {
		key = (MDB_val){ records[i].klen,
			(void *)(uintptr_t)records[i].key };
		val = (MDB_val){ records[i].len, zeros };
		must(mdb_put(txn, dbi, &key, &val, 0));
	}
}

static void
setup_calls(unsigned arg)
{
	MDB_txn *txn;

	(void)arg;
	store_open();
	must(mdb_txn_begin(env, NULL, 0, &txn));
	records_put(txn);
	must(mdb_txn_commit(txn));
}

static void
get(MDB_txn *txn, size_t i, MDB_val *val)
{
	MDB_val key = { records[i].klen, (void *)(uintptr_t)records[i].key };

	must(mdb_get(txn, dbi, &key, val));
}

static void
run_calls(uint64_t n)
{
	MDB_val key = { records[NRECORDS - 1].klen,
		(void *)(uintptr_t)records[NRECORDS - 1].key };
	MDB_val val;
	MDB_envinfo info;
	MDB_txn *txn;
	char value[48];
	double hits;
	size_t i;

	for (; n > 0; n--) {
		must(mdb_env_info(env, &info));
		must(mdb_txn_begin(env, NULL, 0, &txn));
		for (i = 0; i < NRECORDS; i++)
			get(txn, i, &val);
		memcpy(value, val.mv_data, sizeof(value));
		memcpy(&hits, value, sizeof(hits));
		hits++;
		memcpy(value, &hits, sizeof(hits));
		val.mv_data = value;
		must(mdb_put(txn, dbi, &key, &val, 0));
		must(mdb_txn_commit(txn));
	}
}

static double
total_calls(void)
{
	MDB_txn *txn;
	MDB_val val;
	double hits;

	must(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn));
	get(txn, NRECORDS - 1, &val);
	memcpy(&hits, val.mv_data, sizeof(hits));
	mdb_txn_abort(txn);
	mdb_env_close(env);
	return hits;
}

static void
setup_lines(unsigned arg)
{
	burst = arg > 0 ? arg : 1;
	store_open();
}

static void
line_put(void)
{
	unsigned char number[8];
	MDB_val key = { sizeof(number), number };
	MDB_val val = { LINE_LEN, (void *)(uintptr_t)LINE_TEXT };
	MDB_txn *txn;
	int i;

	nlines++;
	for (i = 0; i < 8; i++)
		number[i] = (unsigned char)(nlines >> (56 - 8 * i));
	must(mdb_txn_begin(env, NULL, 0, &txn));
	must(mdb_put(txn, dbi, &key, &val, MDB_APPEND));
	must(mdb_txn_commit(txn));
}

static void
run_lines(uint64_t n)
{
	for (n *= burst; n > 0; n--)
		line_put();
}

static double
total_lines(void)
{
	MDB_txn *txn;
	MDB_stat st;

	must(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn));
	must(mdb_stat(txn, dbi, &st));
	mdb_txn_abort(txn);
	mdb_env_close(env);
	return (double)st.ms_entries;
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

static const struct peer_scenario bare[] = {
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

static const struct peer_scenario calls[] = {
	{ .name = "inc",
	    .form = PEER_ALONE,
	    .setup = setup_calls,
	    .run = run_calls,
	    .total = total_calls },
	{ .name = NULL },
};

static const struct peer_scenario lines[] = {
	{ .name = "log",
	    .form = PEER_ALONE,
	    .setup = setup_lines,
	    .run = run_lines,
	    .total = total_lines },
	{ .name = "burst",
	    .form = PEER_SIZED,
	    .setup = setup_lines,
	    .run = run_lines,
	    .total = total_lines },
	{ .name = NULL },
};

int
main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "bare") == 0)
		return peer_main(argc - 1, argv + 1, bare);
	if (argc > 1 && strcmp(argv[1], "calls") == 0)
		return peer_main(argc - 1, argv + 1, calls);
	if (argc > 1 && strcmp(argv[1], "lines") == 0)
		return peer_main(argc - 1, argv + 1, lines);
	fprintf(stderr, "usage: lmdb bare|calls|lines SCENARIO [NUMBER]\n");
	return 2;
}
