/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Cells files are deleted again and again: what a process has of the old ones
 * is given back after their time, and counts that come late are not lost.
 *
 *	test_closed [ROUNDS]
 */

#include <sys/resource.h>

#include <dirent.h>
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "journal/journal.h"
#include "lane/lane.h"
#include "lane/ring.h"
#include "metric/metric.h"
#include "multi/multi.h"
#include "sound.h"
#include "tap.h"

#define GRACE 61 /* seconds, a little more than DYING_GRACE_NS */
#define NTHREADS 3

static struct shared {
	_Atomic int step, done, stop;
} * sh;

static struct pdc *p;
static char *dir;
static struct pdc_series *c, *g, *h;

static void
begin_in(char *d)
{
	dir = d;
	p = multi_open(dir, 0);
	c = multi_series(multi_declare(p, PDC_COUNTER, "c", NULL), NULL);
	g = multi_series(multi_declare(p, PDC_GAUGE, "g", NULL), NULL);
	h = multi_series(multi_declare(p, PDC_HISTOGRAM, "h", NULL), NULL);
	if (c == NULL || g == NULL || h == NULL)
		bail_out("series: %s", pdc_error());
}

static void
begin(void)
{
	memset(sh, 0, sizeof(*sh));
	begin_in(tap_tmpdir());
}

/* A child's: for the next thing it is asked to do. */
static void
wait_step(void)
{
	while (atomic_load(&sh->step) == atomic_load(&sh->done))
		usleep(100);
}

/* Have a child do it. */
static void
step(void)
{
	int n = atomic_fetch_add(&sh->step, 1) + 1;

	while (atomic_load(&sh->done) != n)
		usleep(100);
}

/* Deleted files that are mapped, but for what memory alone has. */
static int
mapped_deleted(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[4096];
	int n = 0;

	if (f == NULL)
		bail_out("/proc/self/maps");
	while (fgets(line, sizeof(line), f) != NULL)
		n += strstr(line, "/pdc-") != NULL &&
		    strstr(line, "(deleted)") != NULL;
	fclose(f);
	return n;
}

static int
descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	if (d == NULL)
		bail_out("/proc/self/fd");
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static void
lose(void)
{
	if (multi_lose(dir) != 1)
		bail_out("no cells to delete");
}

/* Until the old file is let go of. */
static void
pass(void)
{
	pdc_checkpoint(p);
	multi_pass(p, GRACE);
	pdc_checkpoint(p);
}

static void
count(int n)
{
	for (; n > 0; n--) {
		pdc_inc(c, 1);
		pdc_observe(h, 1);
		pdc_inc(g, 1);
	}
}

static void
counted(int n, const char *when)
{
	char *page = multi_page(p);

	is_double(multi_sample(page, "c_total"), n, "the counter is right %s",
	    when);
	is_double(multi_sample(page, "h_count"), n, "the histogram, too");
	is_double(multi_sample(page, "g"), n, "and the gauge");
	pdc_free(page);
}

static void
test_bounded(int rounds)
{
	int before, i;

	begin();
	count(1);
	before = descriptors();
	for (i = 0; i < rounds; i++) {
		lose();
		count(1);
		pass();
	}
	counted(1 + rounds, "after many files");
	is_int(mapped_deleted(), 0, "no deleted file is mapped any more");
	is_int(descriptors(), before, "nor open");
	ok(pdc_cells_now(p)->older == NULL, "and there is none to look into");
	sound_close(p);
}

/* What a thread does that had looked up the mapping and slept since. */
static void
test_sleeper(void)
{
	struct ring_line line = { .h.kind = RING_LINE, .len = 4 };
	const struct cells *old;
	uint64_t unit, id, gunit, gid;

	begin();
	count(1);
	old = pdc_cells_now(p);
	unit = atomic_load(&c->unit);
	id = atomic_load(&c->id);
	gunit = atomic_load(&g->unit);
	gid = atomic_load(&g->id);
	ok(pdc_lane_add(old, unit, id, 1) == LANE_OK, "at first it succeeds");
	lose();
	pass();
	ok(pdc_lane_add(old, unit, id, 1) == LANE_STALE,
	    "an increment finds nothing there");
	ok(pdc_lane_gauge_set(old, gunit, gid, 1) == LANE_STALE,
	    "nor does a gauge");
	ok(pdc_ring_put(old, &line.h, sizeof(line), "late", 4) != RING_OK,
	    "and a ring takes no line");
	is_double(pdc_cells_sum(old, unit), 0, "there is nothing to be summed");
	is_double(multi_now(p, "c_total"), 2, "what was counted is there once");
	multi_pass(p, 3600);
	lose();
	pass();
	is_int((long long)old->map_len, 4096, "an hour later it is small");
	count(1);
	pdc_checkpoint(p);
	is_double(multi_now(p, "c_total"), 3, "and a handle of then counts on");
	sound_close(p);
}

/* What is mapped in its place is no data of the process. */
static void
test_limit(void)
{
	const struct cells *old;
	struct rlimit was, limit;

	begin();
	count(1);
	old = pdc_cells_now(p);
	if (getrlimit(RLIMIT_DATA, &was) == -1)
		bail_out("getrlimit");
	limit = was;
	limit.rlim_cur = old->map_len / 2;
	if (!multi_sanitized())
		setrlimit(RLIMIT_DATA, &limit);
	lose();
	pass();
	setrlimit(RLIMIT_DATA, &was);
	ok(old->husk, "a limit on data is no hindrance");
	counted(1, "within it");
	sound_close(p);
}

/* Somebody closed our descriptors, or there is no /proc to open it by. */
static void
test_no_descriptor(void)
{
	begin();
	count(1);
	lose();
	pdc_checkpoint(p);
	close(pdc_cells_now(p)->older->fd);
	pass();
	ok(!pdc_salvage_wanted(p), "no transaction looks into it in vain");
	is_int(mapped_deleted(), 1, "it stays mapped");
	counted(1, "without a descriptor");
	sound_close(p);
}

/* What has ended does not come back with a file. */
static void
test_ended(void)
{
	const char *const labels[] = { "l", NULL };
	struct pdc_desc d = { .type = PDC_GAUGE,
		.name = "idle",
		.labels = labels,
		.idle_s = 10 };
	struct pdc_family *f;

	begin();
	if (pdc_declare(&f, p, &d) < 0)
		bail_out("declare: %s", pdc_error());
	pdc_set(multi_series(f, "a"), 1);
	pdc_checkpoint(p);
	multi_pass(p, 11);
	pdc_set(multi_series(f, "b"), 2);
	pdc_maintain(p);
	pdc_checkpoint(p);
	ok(isnan(multi_now(p, "idle{l=\"a\"}")), "a series has ended");
	lose();
	pdc_checkpoint(p);
	ok(isnan(multi_now(p, "idle{l=\"a\"}")), "and stays so");
	is_double(multi_now(p, "idle{l=\"b\"}"), 2, "another one is there");
	sound_close(p);
}

static void
only_counts(void)
{
	for (;;) {
		wait_step();
		count(100);
		atomic_fetch_add(&sh->done, 1);
	}
}

/* Another process that makes no slow call stays in the old file. */
static void
test_only_counts(void)
{
	pid_t pid;
	int i;

	begin();
	if (!multi_rings(p)) {
		sound_close(p);
		return;
	}
	count(1);
	pid = multi_fork();
	if (pid == 0)
		only_counts();
	lose();
	for (i = 0; i < 4; i++) {
		step();
		pass();
	}
	counted(401, "though it was counted in the old file");
	is_int(mapped_deleted(), 1, "which stays mapped for it");
	step();
	kill(pid, SIGKILL);
	multi_wait(pid, 5000);
	pdc_checkpoint(p);
	pdc_checkpoint(p);
	counted(501, "after its end");
	is_int(mapped_deleted(), 0, "then it is let go of");
	sound_close(p);
}

static void
only_reads(int files)
{
	int i;

	for (i = 0; i < files; i++) {
		wait_step();
		if (i == 0)
			p = multi_open(dir, PDC_RDONLY);
		pdc_free(multi_page(p));
		multi_pass(p, GRACE);
		atomic_fetch_add(&sh->done, 1);
	}
	if (mapped_deleted() > 1 || multi_now(p, "c_total") != files)
		_exit(1);
	_exit(0);
}

/* Another process that may only read has one old file at most. */
static void
test_only_reads(int files)
{
	pid_t pid;
	int i;

	memset(sh, 0, sizeof(*sh));
	dir = tap_tmpdir();
	pid = multi_fork();
	if (pid == 0)
		only_reads(files);
	begin_in(dir);
	for (i = 0; i < files; i++) {
		if (i > 0)
			lose();
		count(1);
		pdc_checkpoint(p);
		step();
	}
	is_int(multi_wait(pid, 5000), 0, "who only reads goes along");
	sound_close(p);
}

static void
makes_the_next(void)
{
	wait_step();
	p = multi_open(dir, 0);
	pdc_close(p);
	atomic_fetch_add(&sh->done, 1);
	_exit(0);
}

/*
 * Who has looked at the new file of another process only, still adds to the
 * old one: the time of that begins when its tags are 0.
 */
static void
test_tagged(void)
{
	const struct cells *old;
	pid_t pid;

	memset(sh, 0, sizeof(*sh));
	dir = tap_tmpdir();
	pid = multi_fork();
	if (pid == 0)
		makes_the_next();
	begin_in(dir);
	old = pdc_cells_now(p);
	lose();
	step();
	pdc_epoch_cells(p, 1000);
	multi_pass(p, GRACE);
	count(1);
	is_double(pdc_cells_sum(old, atomic_load(&c->unit)), 1,
	    "a minute later it is counted in the old file");
	pdc_checkpoint(p);
	ok(!old->husk, "which stays while threads may be at that");
	pass();
	ok(old->husk, "and then goes");
	counted(1, "after that");
	multi_wait(pid, 5000);
	sound_close(p);
}

static void *
hammer(void *arg)
{
	uint64_t *lines = arg, *turns = lines + 1;
	int ret;

	while (!atomic_load(&sh->stop)) {
		ret = pdc_log(p, PDC_LOG_INFO, "x", NULL, 0);
		if (ret < 0 && ret != PDC_EAGAIN && ret != PDC_EBUSY)
			bail_out("log: %s", pdc_error());
		*lines += ret == 0;
		count(20);
		*turns += 1;
	}
	return NULL;
}

/* How many lines the journal ever had. */
static uint64_t
written(void)
{
	struct journal_rec rec;
	struct stxn x;

	if (pdc_stxn_read(&x, p->store) < 0 || pdc_journal_rec(&x, &rec) < 0)
		bail_out("the journal: %s", pdc_error());
	pdc_stxn_abort(&x);
	return rec.next - 1;
}

/* Threads update all the time while files come and go, slowly or not. */
static void
test_threads(int rounds, int slowly)
{
	uint64_t done[NTHREADS][2] = { { 0 } }, lines = 0, turns = 0;
	pthread_t id[NTHREADS];
	int i;

	begin();
	for (i = 0; i < NTHREADS; i++)
		if (pthread_create(&id[i], NULL, hammer, done[i]) != 0)
			bail_out("pthread_create");
	for (i = 0; i < rounds; i++) {
		multi_sleep_ms(5);
		lose();
		if (slowly)
			pass();
		else
			pdc_checkpoint(p);
	}
	atomic_store(&sh->stop, 1);
	for (i = 0; i < NTHREADS; i++) {
		pthread_join(id[i], NULL);
		lines += done[i][0];
		turns += done[i][1];
	}
	pdc_checkpoint(p);
	counted((int)(20 * turns), "whoever counts meanwhile");
	is_int((long long)written(), (long long)lines, "and no line is lost");
	sound_close(p);
}

static int
begin_anew(void *arg)
{
	struct pdc *q = multi_open(arg, 0);
	struct pdc_family *many = multi_declare(q, PDC_COUNTER, "many", "l");
	struct pdc_family *much = multi_declare(q, PDC_HISTOGRAM, "much", "l");

	pdc_inc(multi_series(many, "b"), 1);
	pdc_observe(multi_series(much, "b"), 1);
	pdc_checkpoint(q);
	pdc_close(q);
	return 0;
}

/* What is infinite stays so when others of its block are brought in. */
static void
test_infinite(void)
{
	struct pdc_family *many, *much;
	struct pdc_series *a[2], *b[2];
	char *page;

	begin();
	many = multi_declare(p, PDC_COUNTER, "many", "l");
	much = multi_declare(p, PDC_HISTOGRAM, "much", "l");
	a[0] = multi_series(many, "a");
	a[1] = multi_series(much, "a");
	b[0] = multi_series(many, "b");
	b[1] = multi_series(much, "b");
	pdc_inc(a[0], DBL_MAX);
	pdc_inc(a[0], DBL_MAX);
	pdc_observe(a[1], (double)INFINITY);
	pdc_inc(b[0], 1);
	pdc_observe(b[1], 1);
	pdc_maintain(p);
	lose();
	is_int(multi_alone(begin_anew, dir, strlen(dir) + 1, 5000), 0,
	    "another one begins a file");
	pdc_inc(b[0], 1);
	pdc_observe(b[1], 1);
	pdc_checkpoint(p);
	page = multi_page(p);
	is_double(multi_sample(page, "many_total{l=\"a\"}"), (double)INFINITY,
	    "a sum that is infinite");
	is_double(multi_sample(page, "much_sum{l=\"a\"}"), (double)INFINITY,
	    "and one of observations");
	is_double(multi_sample(page, "many_total{l=\"b\"}"), 3,
	    "beside others that came late");
	is_double(multi_sample(page, "much_count{l=\"b\"}"), 3, "as these");
	pdc_free(page);
	sound_close(p);
}

int
main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 5;

	multi_alone_init();
	sh = multi_shared(sizeof(*sh));
	test_bounded(rounds);
	test_sleeper();
	test_limit();
	test_no_descriptor();
	test_ended();
	test_only_counts();
	test_only_reads(rounds);
	test_tagged();
	test_infinite();
	test_threads(4 * rounds, 1);
	test_threads(8 * rounds, 0);
	return tap_done();
}
