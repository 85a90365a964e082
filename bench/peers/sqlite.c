/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * A counter in SQLite as prometheus-distributed-client has it: one table with
 * a row for each number, an upsert committed for each increment, the default
 * journal and the default syncs (on /dev/shm these cost little).  The
 * statement is prepared once, as Python's module does.
 *
 * And lines of logs as observabilipy has them: a table with two indices in WAL
 * mode, and for each line a connection that inserts, commits and is closed.
 */

#include <err.h>
#include <sqlite3.h>
#include <stdio.h>

#include "line.h"
#include "peer.h"

#define BUSY_MS 60000

static sqlite3 *db;
static sqlite3_stmt *upsert;
static unsigned burst;

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

static void
logs_open(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/logs.db", peer_dir());
	must(sqlite3_open(path, &db));
	must(sqlite3_busy_timeout(db, BUSY_MS));
}

static void
logs_close(void)
{
	must(sqlite3_close(db));
	db = NULL;
}

static void
setup_logs(unsigned arg)
{
	burst = arg > 0 ? arg : 1;
	logs_open();
	must(sqlite3_exec(db,
	    "PRAGMA journal_mode = WAL;"
	    "CREATE TABLE logs(id INTEGER PRIMARY KEY AUTOINCREMENT,"
	    " timestamp REAL NOT NULL, level TEXT NOT NULL,"
	    " message TEXT NOT NULL, attributes TEXT NOT NULL DEFAULT '{}');"
	    "CREATE INDEX by_time ON logs(timestamp);"
	    "CREATE INDEX by_level ON logs(level, timestamp);",
	    NULL, NULL, NULL));
	logs_close();
}

static void
logs_insert(void)
{
	sqlite3_stmt *insert;

	logs_open();
	must(sqlite3_prepare_v2(db,
	    "INSERT INTO logs(timestamp, level, message, attributes)"
	    " VALUES(?1, ?2, ?3, ?4)",
	    -1, &insert, NULL));
	must(sqlite3_bind_double(insert, 1, LINE_TIME));
	must(sqlite3_bind_text(insert, 2, LINE_LEVEL, -1, SQLITE_STATIC));
	must(sqlite3_bind_text(insert, 3, LINE_MESSAGE, -1, SQLITE_STATIC));
	must(sqlite3_bind_text(insert, 4, LINE_ATTRIBUTES, -1, SQLITE_STATIC));
	must(sqlite3_step(insert));
	must(sqlite3_finalize(insert));
	logs_close();
}

static void
run_logs(uint64_t n)
{
	for (n *= burst; n > 0; n--)
		logs_insert();
}

static double
total_logs(void)
{
	sqlite3_stmt *count;
	double lines;

	logs_open();
	must(sqlite3_prepare_v2(db, "SELECT count(*) FROM logs", -1, &count,
	    NULL));
	must(sqlite3_step(count));
	lines = sqlite3_column_double(count, 0);
	must(sqlite3_finalize(count));
	logs_close();
	return lines;
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
		{ .name = "log",
		    .form = PEER_ALONE,
		    .setup = setup_logs,
		    .run = run_logs,
		    .total = total_logs },
		{ .name = "burst",
		    .form = PEER_SIZED,
		    .setup = setup_logs,
		    .run = run_logs,
		    .total = total_logs },
		{ .name = NULL },
	};

	return peer_main(argc, argv, scenarios);
}
