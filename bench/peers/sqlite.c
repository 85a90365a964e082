/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * A counter in SQLite as prometheus-distributed-client has it: one table with
 * a row for each number, an upsert committed for each increment, the default
 * journal and the default syncs (on /dev/shm these cost little).  The
 * statement is prepared once, as Python's module does.
 */

#include <err.h>
#include <sqlite3.h>
#include <stdio.h>

#include "peer.h"

#define BUSY_MS 60000

static sqlite3 *db;
static sqlite3_stmt *upsert;

static void
must(int rc)
{
	if (rc != SQLITE_OK && rc != SQLITE_DONE && rc != SQLITE_ROW)
		errx(1, "sqlite: %s",
		    db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
}

static void
store_open(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/metrics.db", peer_dir());
	must(sqlite3_open(path, &db));
	must(sqlite3_busy_timeout(db, BUSY_MS));
	must(sqlite3_exec(db,
	    "CREATE TABLE IF NOT EXISTS metrics(metric_key TEXT, subkey TEXT,"
	    " value REAL, PRIMARY KEY(metric_key, subkey))",
	    NULL, NULL, NULL));
	must(sqlite3_prepare_v2(db,
	    "INSERT INTO metrics(metric_key, subkey, value)"
	    " VALUES('hits', '_total:{}', ?1)"
	    " ON CONFLICT(metric_key, subkey)"
	    " DO UPDATE SET value = value + ?1",
	    -1, &upsert, NULL));
}

static void
store_close(void)
{
	must(sqlite3_finalize(upsert));
	must(sqlite3_close(db));
	db = NULL;
}

static void
setup_alone(unsigned arg)
{
	(void)arg;
	store_open();
}

/* The table is there before the workers; no connection is, across fork(). */
static void
setup_same(unsigned arg)
{
	(void)arg;
	store_open();
	store_close();
}

static void
begin_same(unsigned worker)
{
	(void)worker;
	store_open();
}

/* Outside of BEGIN each statement is a transaction and commits. */
static void
run(uint64_t n)
{
	for (; n > 0; n--) {
		must(sqlite3_bind_double(upsert, 1, 1));
		must(sqlite3_step(upsert));
		must(sqlite3_reset(upsert));
	}
}

static double
total(void)
{
	sqlite3_stmt *sum;
	double hits;

	if (db == NULL)
		store_open();
	must(sqlite3_prepare_v2(db, "SELECT total(value) FROM metrics", -1,
	    &sum, NULL));
	must(sqlite3_step(sum));
	hits = sqlite3_column_double(sum, 0);
	must(sqlite3_finalize(sum));
	store_close();
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
