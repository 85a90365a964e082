/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The long haul: workers count, log, make and drop label sets, write by name,
 * checkpoint and open anew, are killed and stopped; now and then, when all
 * wait, the cells file is deleted.  All that was done is told to shared memory
 * before and after, so each page and the end are compared with what is to be
 * there; and what a store takes has to stay within what it took at first.
 *
 *	work DIR SECONDS [SEED]
 */

#include <sys/stat.h>
#include <sys/wait.h>

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/page.h"
#include "journal/read.h"
#include "metric/metric.h"
#include "multi/multi.h"
#include "tap.h"

#define NWORKERS 8
#define NCHURN 3000 /* label values */
#define CHURN_IDLE_S 1
#define CHURN_MS 16 /* of a worker; each stays in the store for a minute */
#define KILL_MS 40
#define LOOK_MS 100
#define LOSE_FIRST_MS 1000
#define LOSE_MIN_MS 5000
#define LOSE_MAX_MS 55000
#define LOST_KEPT 14 /* in the minute until they are let go of */
#define KEEP_LINES 20000
#define PATIENCE_MS 30000
#define BOUND_S 60 /* shorter runs do not show whether something grows */
#define RECORDS_LOOKS 20 /* looks from one to the next at all records */
#define SLACK_BYTES (4 << 20)
/*
 * While an older file is mapped, a minute at least, numbers of series that have
 * ended are not given out again: each file that is lost leaves some behind.
 */
#define LOST_BYTES (1 << 20)
/* The file keeps its size, and grows while a reader is held up: load shows. */
#define DATA_MAX (512 << 20)

/* Told before an update, and after it. */
struct tally {
	_Atomic uint64_t before, after;
};

static struct shared {
	_Atomic int stop, hold;
	_Atomic int held[NWORKERS], lost[NWORKERS];
	struct tally counted, observed, named, lines;
	_Atomic uint64_t line[NWORKERS], opens, churned, refused;
} * sh;

static const char *dir;
static struct pdc *p;
static struct pdc_series *counter, *histogram, *live;
static struct pdc_family *churn;

static void
open_all(void)
{
	struct pdc_desc c = { .type = PDC_COUNTER,
		.name = "churned",
		.labels = (const char *const[]){ "l", NULL },
		.idle_s = CHURN_IDLE_S };
	struct pdc_desc m = { .type = PDC_GAUGE,
		.mode = PDC_LIVESUM,
		.name = "alive" };
	struct pdc_options o = { .wait_ms = PATIENCE_MS };
	struct pdc_family *alive;

	if (pdc_open(&p, dir, &o) < 0 || pdc_declare(&churn, p, &c) < 0 ||
	    pdc_declare(&alive, p, &m) < 0)
		bail_out("open: %s", pdc_error());
	multi_declare(p, PDC_COUNTER, "named", NULL);
	counter = multi_series(multi_declare(p, PDC_COUNTER, "counted", NULL),
	    NULL);
	histogram = multi_series(multi_declare(p, PDC_HISTOGRAM, "h", NULL),
	    NULL);
	if (pdc_labels(&live, alive, NULL) < 0)
		bail_out("labels: %s", pdc_error());
	pdc_set(live, 1);
}

static void
begin(struct tally *t)
{
	atomic_fetch_add(&t->before, 1);
}

static void
done(struct tally *t)
{
	atomic_fetch_add(&t->after, 1);
}

static void
use_labels(uint64_t *state)
{
	char value[16];
	const char *values[] = { value, NULL };
	int64_t now = multi_now_ms();
	static int64_t next;
	struct pdc_series *s;

	if (now < next)
		return;
	next = now + CHURN_MS;
	snprintf(value, sizeof(value), "%u", multi_random(state) % NCHURN);
	if (pdc_labels(&s, churn, values) < 0)
		return;
	pdc_inc(s, 1);
	pdc_series_free(s);
	atomic_fetch_add(&sh->churned, 1);
}

static void
use_name(void)
{
	const struct pdc_key k = { "named", "_total", NULL, 0 };

	begin(&sh->named);
	if (multi_put(p, "inc", &k, 1) == 0)
		done(&sh->named);
	else
		atomic_fetch_add(&sh->refused, 1);
}

/* Numbers of a worker's lines rise, whoever of its lives writes them. */
static void
use_line(int me)
{
	struct pdc_field f[] = {
		{ .name = "worker", .kind = PDC_INTEGER, .integer = me },
		{ .name = "n", .kind = PDC_INTEGER },
	};

	f[1].integer = (int64_t)atomic_fetch_add(&sh->line[me], 1);
	begin(&sh->lines);
	if (pdc_log(p, PDC_LOG_INFO, "soak", f, 2) == 0)
		done(&sh->lines);
	else
		atomic_fetch_add(&sh->refused, 1);
}

static void
use(int me, uint64_t *state)
{
	switch (multi_random(state) % 64) {
	case 0:
		use_name();
		break;
	case 1:
		/* Dear where there was another cells file. */
		if (multi_random(state) % 64 == 0)
			(void)pdc_checkpoint(p);
		break;
	case 2:
		if (multi_random(state) % 32 != 0)
			break;
		pdc_close(p);
		open_all();
		atomic_fetch_add(&sh->opens, 1);
		break;
	case 3:
	case 4:
	case 5:
		use_line(me);
		break;
	case 6:
	case 7:
		use_labels(state);
		break;
	case 8:
		usleep(multi_random(state) % 1000);
		break;
	default:
		begin(&sh->counted);
		pdc_inc(counter, 1);
		done(&sh->counted);
		begin(&sh->observed);
		pdc_observe(histogram, 1);
		done(&sh->observed);
	}
}

static pid_t
worker(int me, uint64_t state)
{
	pid_t pid = multi_fork();

	if (pid != 0)
		return pid;
	alarm(0); /* it may live for hours */
	open_all();
	while (!atomic_load(&sh->stop)) {
		while (atomic_load(&sh->hold)) {
			atomic_store(&sh->held[me], 1);
			usleep(200);
		}
		/* What was in a file that was deleted is carried over. */
		if (atomic_load(&sh->lost[me])) {
			while (pdc_checkpoint(p) == PDC_EBUSY)
				continue;
			atomic_store(&sh->lost[me], 0);
		}
		use(me, &state);
	}
	pdc_close(p);
	_exit(0);
}

/* --- what is to be there --- */

struct seen {
	uint64_t after, lines, told; /* of the journal, by number */
	int64_t last[NWORKERS];
	uint64_t pages, wrong;
	char *page;
	struct pdc_stat half, most; /* by the half of the time, and in all */
	uint64_t records, half_records; /* bytes, at most; the same by then */
	int half_losses;
	unsigned fds;
};

static void
differs(struct seen *s, const char *what, double got, const struct tally *t,
    uint64_t least)
{
	if (got >= (double)least && got <= (double)atomic_load(&t->before))
		return;
	diag("%s is %.17g, not %llu to %llu", what, got,
	    (unsigned long long)least,
	    (unsigned long long)atomic_load(&t->before));
	s->wrong++;
}

static double
sample(const char *page, const char *name)
{
	double v = multi_sample(page, name);

	return isnan(v) ? 0 : v;
}

/*
 * What had ended before a checkpoint is on the page after it.  Without rings a
 * sum may wait in its process, and goes with it.
 */
static void
look_page(struct seen *s)
{
	uint64_t counted = atomic_load(&sh->counted.after);
	uint64_t observed = atomic_load(&sh->observed.after);
	uint64_t named = atomic_load(&sh->named.after);
	char *page;

	if (pdc_cells_now(p)->use == 0)
		counted = observed = 0;
	page = pdc_checkpoint(p) == 0 ? multi_page(p) : NULL;

	if (page == NULL) {
		diag("no page: %s", pdc_error());
		s->wrong++;
		return;
	}
	differs(s, "counted", sample(page, "counted_total"), &sh->counted,
	    counted);
	differs(s, "h_count", sample(page, "h_count"), &sh->observed, observed);
	differs(s, "named", sample(page, "named_total"), &sh->named, named);
	if (sample(page, "h_count") != sample(page, "h_sum") ||
	    sample(page, "h_count") != sample(page, "h_bucket{le=\"1.0\"}")) {
		diag("a histogram contradicts itself");
		s->wrong++;
	}
	free(s->page);
	s->page = page;
	s->pages++;
}

static void
look_line(struct seen *s, const char *line, uint64_t seq)
{
	const char *at = strstr(line, "\"worker\": ");
	int w = at != NULL ? atoi(at + 10) : -1;
	int64_t n;

	at = at != NULL ? strstr(at, "\"n\": ") : NULL;
	if (at == NULL || w < 0 || w >= NWORKERS || seq <= s->after) {
		diag("an odd line: %.200s", line);
		s->wrong++;
		return;
	}
	n = atoll(at + 5);
	if (n <= s->last[w]) {
		diag("line %lld of %d comes behind %lld", (long long)n, w,
		    (long long)s->last[w]);
		s->wrong++;
	}
	s->last[w] = n;
	s->lines++;
	s->after = seq;
}

/* What is not there has been deleted, which is told. */
static void
look_lines(struct seen *s)
{
	struct journal_answer a;
	struct journal_query q;
	struct buf page;
	struct stxn x;
	char *line, *end;
	uint64_t seq;

	pdc_journal_all(&q, JOURNAL_LOGS);
	q.after = s->after;
	q.resumes = q.cursors = 1;
	q.limit = KEEP_LINES;
	if (pdc_stxn_read(&x, p->store) < 0)
		return;
	pdc_buf_init(&page);
	s->wrong += pdc_journal_read(&x, &q, &page, &a) < 0 || a.damaged > 0;
	pdc_stxn_abort(&x);
	for (line = page.data; line != NULL && line < page.data + page.len;
	     line = end + 1) {
		end = memchr(line, '\n', page.len - (size_t)(line - page.data));
		if (end == NULL)
			break;
		*end = '\0';
		seq = strtoull(strrchr(line, '-') + 1, NULL, 10);
		if (seq != s->after + 1 &&
		    (a.gap_from > s->after + 1 || a.gap_to < seq - 1)) {
			diag("lines %llu to %llu are gone without a word",
			    (unsigned long long)s->after + 1,
			    (unsigned long long)seq - 1);
			s->wrong++;
		}
		s->told += seq - s->after - 1;
		look_line(s, line, seq);
	}
	pdc_buf_fini(&page);
}

static unsigned
descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (d != NULL && readdir(d) != NULL)
		n++;
	if (d != NULL)
		closedir(d);
	return n;
}

static void
look_stat(struct seen *s)
{
	struct pdc_stat *st = calloc(1, sizeof(*st));

	if (st == NULL || pdc_stat_get(p, st) < 0)
		bail_out("stat: %s", pdc_error());
	if (st->data_bytes > s->most.data_bytes)
		s->most.data_bytes = st->data_bytes;
	if (st->cells_bytes > s->most.cells_bytes)
		s->most.cells_bytes = st->cells_bytes;
	if (st->readers > s->most.readers)
		s->most.readers = st->readers;
	s->most.epoch = st->epoch;
	free(st);
}

/* What is in the store: the bytes of its records. */
static void
look_records(struct seen *s)
{
	struct scur c;
	struct stxn x;
	uint64_t n = 0;
	int got;

	if (pdc_stxn_read(&x, p->store) < 0)
		return;
	if (pdc_scur_open(&c, &x) == 0) {
		for (got = pdc_scur_seek(&c, "", 1); got == 1;
		     got = pdc_scur_next(&c))
			n += c.klen + c.len;
		pdc_scur_close(&c);
	}
	pdc_stxn_abort(&x);
	if (n > s->records)
		s->records = n;
}

/* --- the course of it --- */

/* All wait; then the file goes, and each carries over what it had in it. */
static int
lose(void)
{
	int64_t until = multi_now_ms() + PATIENCE_MS;
	int w, n, waiting;

	for (w = 0; w < NWORKERS; w++)
		atomic_store(&sh->held[w], 0);
	atomic_store(&sh->hold, 1);
	do {
		for (w = waiting = 0; w < NWORKERS; w++)
			waiting += atomic_load(&sh->held[w]);
		usleep(200);
	} while (waiting < NWORKERS && multi_now_ms() < until);
	for (w = 0; w < NWORKERS; w++)
		atomic_store(&sh->lost[w], 1);
	n = waiting == NWORKERS ? multi_lose(dir) : -1;
	(void)pdc_checkpoint(p);
	atomic_store(&sh->hold, 0);
	/* Who dies before it has seen that takes its counts along. */
	for (until = multi_now_ms() + PATIENCE_MS; multi_now_ms() < until;) {
		for (w = waiting = 0; w < NWORKERS; w++)
			waiting += atomic_load(&sh->lost[w]);
		if (waiting == 0)
			break;
		usleep(200);
	}
	return n;
}

struct course {
	pid_t pid[NWORKERS];
	uint64_t seed;
	int kills, losses;
};

static void
disturb(struct course *c)
{
	int w = (int)(multi_random(&c->seed) % NWORKERS);

	if (multi_random(&c->seed) % 2) {
		kill(c->pid[w], SIGSTOP);
		multi_sleep_ms((int)(multi_random(&c->seed) % KILL_MS));
		kill(c->pid[w], SIGCONT);
		return;
	}
	kill(c->pid[w], SIGKILL);
	waitpid(c->pid[w], NULL, 0);
	c->pid[w] = worker(w, c->seed + (uint64_t)c->kills++);
}

static void
run(struct course *c, struct seen *s, int64_t until)
{
	int64_t now = multi_now_ms(), look = 0, next = now + LOSE_FIRST_MS;
	int64_t half = now + (until - now) / 2;
	int w, looks = 0;

	for (w = 0; w < NWORKERS; w++)
		c->pid[w] = worker(w, c->seed + (uint64_t)w * 7919);
	while ((now = multi_now_ms()) < until) {
		disturb(c);
		multi_sleep_ms((int)(multi_random(&c->seed) % KILL_MS));
		if (now >= look) {
			look_page(s);
			look_lines(s);
			look_stat(s);
			if (looks++ % RECORDS_LOOKS == 0)
				look_records(s);
			look = now + LOOK_MS;
		}
		if (now >= next) {
			c->losses += lose() == 1;
			next = now + LOSE_MIN_MS +
			    multi_random(&c->seed) %
				(LOSE_MAX_MS - LOSE_MIN_MS);
		}
		if (now < half) {
			s->half = s->most;
			s->half_records = s->records;
			s->half_losses = c->losses;
		}
	}
	atomic_store(&sh->stop, 1);
	for (w = 0; w < NWORKERS; w++)
		s->wrong += multi_wait(c->pid[w], PATIENCE_MS) != 0;
}

static void
finding(void *arg, const char *words)
{
	diag("check: %s", words);
	++*(int *)arg;
}

static void
judge(struct seen *s, int losses, double seconds)
{
	struct pdc_slot slots[SLOTS_MAX];
	int found = 0;
	double v;

	if (pdc_checkpoint(p) < 0 || pdc_maintain(p) < 0)
		bail_out("at the end: %s", pdc_error());
	look_page(s);
	look_lines(s);
	v = sample(s->page, "alive");
	is_int((long long)s->wrong, 0, "%llu pages: all that is to be there",
	    (unsigned long long)s->pages);
	ok(v == 1, "of gauges of processes only ours is left: %g", v);
	ok(pdc_stat_slots(p, slots, SLOTS_MAX) <= 2, "and no slot");
	if (pdc_page_check(p, finding, &found) < 0)
		bail_out("check: %s", pdc_error());
	is_int(found, 0, "a check finds nothing");
	is_int((long long)(s->lines + s->told), (long long)s->after,
	    "each line was seen, or told of: %llu and %llu",
	    (unsigned long long)s->lines, (unsigned long long)s->told);
	ok(s->after >= atomic_load(&sh->lines.after) &&
		s->after <= atomic_load(&sh->lines.before),
	    "as many as were acknowledged, %llu",
	    (unsigned long long)atomic_load(&sh->lines.after));
	if (seconds >= BOUND_S)
		ok(s->records <= s->half_records * 5 / 4 + SLACK_BYTES +
				(uint64_t)(losses - s->half_losses) *
				    LOST_BYTES &&
			s->most.data_bytes <= DATA_MAX &&
			s->most.cells_bytes <= s->half.cells_bytes * 5 / 4 &&
			s->most.readers <= s->half.readers + NWORKERS,
		    "nothing grows in the second half, but by lost files");
	if (losses > LOST_KEPT)
		losses = LOST_KEPT;
	ok(descriptors() <= s->fds + (unsigned)losses + 2,
	    "descriptors: %u, at first %u, and %d deleted cells files",
	    descriptors(), s->fds, losses);
}

int
main(int argc, char **argv)
{
	struct pdc_retention keep = { .max_count = KEEP_LINES };
	struct course c = { .kills = 0 };
	static struct seen s;
	int i;

	if (argc < 3)
		bail_out("work DIR SECONDS [SEED]");
	dir = argv[1];
	c.seed = argc > 3 ? strtoull(argv[3], NULL, 0) : (uint64_t)getpid();
	diag("seed %llu", (unsigned long long)c.seed);
	sh = multi_shared(sizeof(*sh));
	for (i = 0; i < NWORKERS; i++)
		s.last[i] = -1;
	open_all();
	if (pdc_retain(p, "logs", &keep) < 0)
		bail_out("retain: %s", pdc_error());
	s.fds = descriptors();
	run(&c, &s, multi_now_ms() + (int64_t)(atof(argv[2]) * 1000));
	judge(&s, c.losses, atof(argv[2]));
	diag("%llu counted, %llu by name, %llu lines, %llu label sets, "
	     "%llu refused",
	    (unsigned long long)atomic_load(&sh->counted.after),
	    (unsigned long long)atomic_load(&sh->named.after),
	    (unsigned long long)atomic_load(&sh->lines.after),
	    (unsigned long long)atomic_load(&sh->churned),
	    (unsigned long long)atomic_load(&sh->refused));
	diag("%d kills, %d cells files deleted, %llu opened anew", c.kills,
	    c.losses, (unsigned long long)atomic_load(&sh->opens));
	diag("at most %llu bytes of records, %llu by the half, in %llu of "
	     "data, %llu of cells, %u readers",
	    (unsigned long long)s.records, (unsigned long long)s.half_records,
	    (unsigned long long)s.most.data_bytes,
	    (unsigned long long)s.most.cells_bytes, s.most.readers);
	pdc_close(p);
	return tap_done();
}
