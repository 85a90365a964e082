/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Idle time of series, by a clock that the test moves; and very many label
 * sets one after the other, while a worker keeps its handles: so many rounds
 * of 1000 as the argument says (10000 for ten million).
 */

#include <sys/stat.h>

#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "checkpoint/checkpoint.h"
#include "lane/cells.h"
#include "metric/metric.h"
#include "multi/multi.h"
#include "sound.h"
#include "tap.h"

#define IDLE 10
#define BATCH 1000
#define HELD 8

static struct pdc *p;

static struct pdc_family *
declare(enum pdc_type type, const char *name)
{
	const char *labels[] = { "l", NULL };
	struct pdc_desc d = { .type = type,
		.name = name,
		.labels = labels,
		.idle_s = IDLE };
	struct pdc_family *f;

	if (pdc_declare(&f, p, &d) < 0)
		bail_out("declare: %s", pdc_error());
	return f;
}

static double
now(const char *name, const char *value)
{
	char sample[64];

	snprintf(sample, sizeof(sample), "%s{l=\"%s\"}", name, value);
	return multi_now(p, sample);
}

static void
test_used(unsigned flags, const char *how)
{
	struct pdc_series *c, *g, *h;
	struct pdc_family *fc, *fg, *fh;
	double created;
	int i;

	p = multi_open(tap_tmpdir(), flags);
	fc = declare(PDC_COUNTER, "t_c");
	fg = declare(PDC_GAUGE, "t_g");
	fh = declare(PDC_HISTOGRAM, "t_h");
	c = multi_series(fc, "x");
	g = multi_series(fg, "x");
	h = multi_series(fh, "x");
	pdc_inc(multi_series(fc, "y"), 7);
	pdc_set(multi_series(fg, "y"), 7);
	pdc_observe(multi_series(fh, "y"), 7);
	for (i = 0; i < 5; i++) {
		pdc_inc(c, 1);
		pdc_set(g, 1); /* the same, time and again */
		pdc_observe(h, 1);
		pdc_maintain(p);
		multi_pass(p, IDLE - .5);
		pdc_maintain(p);
	}
	is_double(now("t_c_total", "x"), 5, "%s: what is used stays", how);
	is_double(now("t_g", "x"), 1, "also what is set to the same");
	is_double(now("t_h_count", "x"), 5, "each type");
	ok(isnan(now("t_c_total", "y")) && isnan(now("t_g", "y")) &&
		isnan(now("t_h_count", "y")),
	    "%s: their neighbours have ended", how);
	created = multi_get(p, "t_c", "_created", "l", "x");
	multi_pass(p, IDLE + 2);
	pdc_maintain(p);
	ok(isnan(now("t_c_total", "x")) && isnan(now("t_g", "x")) &&
		isnan(now("t_h_count", "x")),
	    "all end at last");
	pdc_inc(c, 2);
	pdc_set(g, 3);
	pdc_observe(h, 4);
	pdc_maintain(p);
	is_double(now("t_c_total", "x"), 2,
	    "%s: the handle brings it back, from nothing", how);
	is_double(now("t_g", "x"), 3, "each type");
	is_double(now("t_h_sum", "x"), 4, "of them");
	ok(multi_get(p, "t_c", "_created", "l", "x") > created,
	    "with a new created time");
	sound_close(p);
}

/* Nobody makes checkpoints, and who reads has to know all the same. */
static void
test_reader(void)
{
	struct pdc_series *c;

	p = multi_open(tap_tmpdir(), 0);
	c = multi_series(declare(PDC_COUNTER, "t_c"), "x");
	pdc_inc(c, 1);
	multi_pass(p, 2 * IDLE);
	is_double(now("t_c_total", "x"), 1, "what nobody saw yet is alive");
	pdc_maintain(p);
	multi_pass(p, 2 * IDLE);
	ok(isnan(now("t_c_total", "x")), "else it is on no page");
	ok(isnan(multi_get(p, "t_c", "_total", "l", "x")), "nor by name");
	pdc_inc(c, 1);
	is_double(now("t_c_total", "x"), 2, "counted before it was ended");
	is_double(multi_get(p, "t_c", "_total", "l", "x"), 2, "it lives on");
	pdc_maintain(p);
	is_double(now("t_c_total", "x"), 2, "also then");
	sound_close(p);
}

static void
test_by_name(void)
{
	struct pdc_label label = { "l", "x" };
	struct pdc_key c = { "t_c", "_total", &label, 1 };
	struct pdc_key g = { "t_g", "", &label, 1 };
	struct pdc_txn *t;
	double created;
	int i, set = 0;

	p = multi_open(tap_tmpdir(), 0);
	declare(PDC_COUNTER, "t_c");
	declare(PDC_GAUGE, "t_g");
	multi_put(p, "set", &g, 1);
	for (i = 0; i < 4; i++) {
		multi_put(p, "inc", &c, 1);
		multi_pass(p, IDLE - .5);
	}
	is_double(multi_get(p, "t_c", "_total", "l", "x"), 4,
	    "by name: what is used stays");
	ok(isnan(multi_get(p, "t_g", "", "l", "x")), "what is not, ends");
	created = multi_get(p, "t_c", "_created", "l", "x");
	multi_pass(p, 3);
	multi_put(p, "inc", &c, 1);
	is_double(multi_get(p, "t_c", "_total", "l", "x"), 1,
	    "counted anew before a checkpoint has ended it");
	ok(multi_get(p, "t_c", "_created", "l", "x") > created,
	    "with a new created time");
	if (pdc_begin(&t, p) < 0)
		bail_out("begin");
	is_int(pdc_value_setnx(t, &g, 5, &set), 0, "set if not there");
	is_int(pdc_commit(t), 0, "commit");
	is_int(set, 1, "it is not there any more");
	is_double(now("t_g", "x"), 5, "and is set");
	pdc_maintain(p);
	is_double(now("t_g", "x"), 5, "for good");
	sound_close(p);
}

static void
test_reboot(void)
{
	struct pdc_family *f;

	p = multi_open(tap_tmpdir(), 0);
	f = declare(PDC_COUNTER, "t_c");
	pdc_inc(multi_series(f, "x"), 1);
	pdc_maintain(p);
	strcpy(p->clock.boot_id, "another boot");
	multi_pass(p, 100 * IDLE);
	pdc_maintain(p);
	is_double(now("t_c_total", "x"), 1, "after a reboot all begin anew");
	multi_pass(p, IDLE - 1);
	pdc_maintain(p);
	is_double(now("t_c_total", "x"), 1, "with the whole of their time");
	multi_pass(p, 3);
	pdc_maintain(p);
	ok(isnan(now("t_c_total", "x")), "and no more");
	p->clock.wall_skew_ns += INT64_C(1000000000000000);
	pdc_inc(multi_series(f, "x"), 1);
	pdc_maintain(p);
	is_double(now("t_c_total", "x"), 1, "steps of the clock do nothing");
	sound_close(p);
}

/* The series has just been ended, and a handle still adds to its run. */
static void
test_late(void)
{
	struct pdc_series *c;
	uint64_t unit, id;

	p = multi_open(tap_tmpdir(), 0);
	c = multi_series(declare(PDC_COUNTER, "t_c"), "x");
	pdc_inc(c, 5);
	pdc_maintain(p);
	unit = atomic_load(&c->unit);
	id = atomic_load(&c->id);
	multi_pass(p, IDLE + 2);
	pdc_maintain(p);
	ok(isnan(now("t_c_total", "x")), "ended");
	/* Who was stopped between the compare and the store. */
	pdc_cells_tag(pdc_cells_now(p), ZONE_ADD, unit, id);
	pdc_inc(c, 3);
	pdc_cells_tag(pdc_cells_now(p), ZONE_ADD, unit, 0);
	multi_pass(p, 61);
	pdc_maintain(p);
	is_double(now("t_c_total", "x"), 3, "what is late is a new one's");
	sound_close(p);
}

#ifdef PDC_FAULTS
static int
checkpoint(void *arg)
{
	(void)arg;
	return pdc_maintain(p) < 0;
}

/*
 * Who ends it is killed: the series has ended or lives on, and what a handle
 * adds then is there in either case.
 */
static void
test_killed(void)
{
	static const int points[] = { FAULT_STXN_BEGIN, FAULT_STXN_PUT,
		FAULT_STXN_COMMIT, FAULT_STXN_COMMITTED,
		FAULT_CHECKPOINT_SLICE };
	struct pdc_family *f;
	struct pdc_series *c;
	int i, hit, wrong = 0, lived = 0, n = 0, status;
	char value[16];
	double got;

	p = multi_open(tap_tmpdir(), 0);
	f = declare(PDC_COUNTER, "t_c");
	for (i = 0; i < 5; i++)
		for (hit = 1; hit <= 8; hit++, n++) {
			snprintf(value, sizeof(value), "%d.%d", i, hit);
			c = multi_series(f, value);
			pdc_inc(c, 5);
			pdc_maintain(p);
			multi_pass(p, IDLE + 2);
			pdc_fault_kill(points[i], hit);
			status = multi_run(checkpoint, NULL, 10000);
			pdc_fault_disarm();
			if (status != 0 && status != 256 + SIGKILL)
				bail_out("the child ended with %d", status);
			pdc_inc(c, 3);
			pdc_maintain(p);
			got = now("t_c_total", value);
			if (isnan(got)) { /* late: its tag was still there */
				multi_pass(p, 61);
				pdc_maintain(p);
				got = now("t_c_total", value);
			}
			lived += got == 8;
			wrong += got != 8 && got != 3;
			pdc_inc(c, 1);
			pdc_maintain(p);
			wrong += now("t_c_total", value) != got + 1;
		}
	is_int(wrong, 0, "%d checkpoints killed: nothing lost or twice", n);
	ok(lived > 0 && lived < n, "%d series were not ended yet", lived);
	sound_close(p);
}
#endif

static void
test_declared(void)
{
	struct pdc_desc d = { .type = PDC_COUNTER, .name = "t_d" };
	struct pdc_family *f;

	p = multi_open(tap_tmpdir(), 0);
	d.idle_s = -1;
	is_int(pdc_declare(&f, p, &d), PDC_EINVAL, "no less than 0: %s",
	    pdc_error());
	d.idle_s = (double)NAN;
	is_int(pdc_declare(&f, p, &d), PDC_EINVAL, "no NaN");
	d.idle_s = 1e300;
	is_int(pdc_declare(&f, p, &d), PDC_EINVAL, "nor for ever");
	d.idle_s = .5;
	is_int(pdc_declare(&f, p, &d), 0, "half a second");
	pdc_inc(multi_series(f, NULL), 1);
	pdc_maintain(p);
	d.idle_s = 100;
	is_int(pdc_declare(&f, p, &d), 0, "the first one stays");
	multi_pass(p, .6);
	pdc_maintain(p);
	ok(isnan(multi_now(p, "t_d_total")), "without labels, too");
	sound_close(p);
}

struct worker {
	_Atomic int round, done;
};

/* Else what a handle adds to a series that ended waits in its process. */
static int
rings(void)
{
	return pdc_cells_now(p)->use > 0;
}

/* Counts once a round by handles that it had from the start. */
static void
work(struct worker *w, struct pdc_series *const *held, int rounds)
{
	int i, round;

	for (round = 1; round <= rounds; round++) {
		alarm(60);
		while (atomic_load(&w->round) < round)
			usleep(100);
		for (i = 0; i < HELD; i++)
			if (i % 2 == 0 || (round % 3 == 0 && rings()))
				pdc_inc(held[i], 1);
		atomic_store(&w->done, round);
	}
	_exit(0);
}

static off_t
sizes(const char *dir)
{
	char path[4096];
	struct stat sb;

	snprintf(path, sizeof(path), "%s/data.mdb", dir);
	if (stat(path, &sb) == -1)
		bail_out("stat %s", path);
	return sb.st_size +
	    (off_t)atomic_load(&pdc_cells_now(p)->head->allocated);
}

/* The sum of a family's values on a page, and how many there are. */
static double
page_sum(const char *prefix, int *n)
{
	char *page = multi_page(p), *line, *rest = page;
	double sum = 0;

	*n = 0;
	while ((line = strsep(&rest, "\n")) != NULL)
		if (strncmp(line, prefix, strlen(prefix)) == 0) {
			sum += strtod(strrchr(line, ' '), NULL);
			++*n;
		}
	pdc_free(page);
	return sum;
}

static void
churn_round(struct pdc_family *f, int round)
{
	struct pdc_series *s;
	const char *values[2] = { NULL, NULL };
	char value[32];
	int i;

	for (i = 0; i < BATCH; i++) {
		snprintf(value, sizeof(value), "%d.%d", round, i);
		values[0] = value;
		if (pdc_labels(&s, f, values) < 0)
			bail_out("labels: %s", pdc_error());
		pdc_inc(s, 1);
		pdc_series_free(s);
	}
}

static long
memory(void)
{
	long size, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f == NULL || fscanf(f, "%ld %ld", &size, &resident) != 2)
		bail_out("statm");
	fclose(f);
	return resident * sysconf(_SC_PAGESIZE);
}

static void
test_churn(int rounds)
{
	struct worker *w = multi_shared(sizeof(*w));
	struct pdc_series *held[HELD];
	char *dir = tap_tmpdir(), value[8];
	struct pdc_family *f;
	int round, i, n, wrong = 0, many = 0, settled = rounds / 2;
	int slow, nslow = 0, unjudged = 0;
	int64_t began = multi_now_ms();
	double sum, want, total = 0;
	off_t size = 0;
	long mem = 0;
	pid_t pid;

	p = multi_open(dir, 0);
	f = declare(PDC_COUNTER, "t_c");
	for (i = 0; i < HELD; i++) {
		snprintf(value, sizeof(value), "h%d", i);
		held[i] = multi_series(f, value);
	}
	pid = multi_fork();
	if (pid == 0)
		work(w, held, rounds);
	for (round = 1; round <= rounds; round++) {
		churn_round(f, round);
		atomic_store(&w->round, round);
		while (atomic_load(&w->done) < round)
			usleep(100);
		pdc_maintain(p);
		sum = page_sum("t_c_total", &n);
		/*
		 * Those of this round and of the one before; the odd held
		 * ones count each third round and end in between.
		 */
		want = 2 * BATCH + HELD / 2 * round +
		    (round % 3 != 2 && rings() ? HELD / 2 : 0);
		/* A machine that slept made them older than they should be. */
		slow = multi_now_ms() - began > IDLE * 1000 / 4;
		began = multi_now_ms();
		nslow += slow;
		if (slow)
			unjudged = round + 3;
		if (round > 3 && round > unjudged && sum != want) {
			wrong++;
			diag("round %d: %g of %g, %d samples", round, sum, want,
			    n);
		}
		many += n > 2 * BATCH + HELD;
		total = now("t_c_total", "h0");
		multi_pass(p, IDLE / 2 + 1);
		if (rounds >= 100 && round % (rounds / 10) == 0)
			diag("%d: %ld bytes of store, %ld of memory", round,
			    (long)sizes(dir), memory());
		if (round == settled) {
			size = sizes(dir);
			mem = memory();
		}
	}
	is_int(multi_wait(pid, 10000), 0, "the worker has ended");
	if (nslow > 0)
		diag("%d rounds took too long, and with 3 after each are not "
		     "judged",
		    nslow);
	is_int(wrong, 0, "%d label sets: each page had all that was counted",
	    rounds * BATCH);
	is_int(many, 0, "and no more");
	is_double(total, rounds, "a worker's own went on all the time");
	ok(sizes(dir) - size <= size / 4,
	    "the second half took no room (%ld and %ld bytes)", (long)size,
	    (long)sizes(dir));
	if (!multi_sanitized())
		ok(memory() - mem < 1 << 20, "nor memory (%ld bytes)",
		    memory() - mem);
	sound_close(p);
}

int
main(int argc, char **argv)
{
	test_used(0, "cells");
	test_used(PDC_ATOMIC, "atomic");
	test_reader();
	test_by_name();
	test_reboot();
	test_late();
#ifdef PDC_FAULTS
	test_killed();
#endif
	test_declared();
	test_churn(argc > 1 ? atoi(argv[1]) : 26);
	return tap_done();
}
