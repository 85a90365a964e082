/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Lines while somebody who was stopped holds the lock, until the rings are
 * full; and readers whose lines are deleted before they come to them.
 */

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "journal/read.h"
#include "metric/metric.h"
#include "multi/multi.h"
#include "tap.h"

#define LINES_MAX 20000
#define REFUSED_MAX 3 /* each is waited for */
#define NWRITERS 3
#define KEEP 400
#define PAGES 400

static struct pdc *p;
static char *dir, pad[3000];
static unsigned char acked[LINES_MAX], seen[LINES_MAX];

static struct shared {
	_Atomic int stop;
	_Atomic uint64_t lines;
} * sh;

static void
open_with(unsigned flags)
{
	struct pdc_options o = { .wait_ms = 50, .flags = flags };

	dir = tap_tmpdir();
	if (pdc_open(&p, dir, &o) < 0)
		bail_out("open: %s", pdc_error());
}

static int
put(int n, int how)
{
	const struct pdc_field f = { .name = "pad",
		.kind = PDC_STRING,
		.text = pad };
	char words[32];

	snprintf(words, sizeof(words), "line %d.", n);
	return pdc_log(p, PDC_LOG_INFO | how, words, &f, 1);
}

/* What is there; how many lines are in disorder or there twice. */
static int
see_all(void)
{
	struct journal_answer a = { .more = 1 };
	int n, last = -1, bad = 0;
	struct journal_query q;
	struct buf page;
	struct stxn x;
	char *at;

	memset(seen, 0, sizeof(seen));
	pdc_journal_all(&q, JOURNAL_LOGS);
	if (pdc_stxn_read(&x, p->store) < 0)
		bail_out("read: %s", pdc_error());
	pdc_buf_init(&page);
	if (pdc_journal_read(&x, &q, &page, &a) < 0)
		bail_out("journal: %s", pdc_error());
	pdc_stxn_abort(&x);
	pdc_buf_chr(&page, '\0');
	for (at = page.data; (at = strstr(at, "\"line ")) != NULL; at++) {
		n = atoi(at + 6);
		bad += n <= last || n >= LINES_MAX;
		last = n;
		seen[n % LINES_MAX]++;
	}
	pdc_buf_fini(&page);
	return bad;
}

static void
test_stopped(unsigned flags, const char *how)
{
	int n = 0, refused = 0, odd = 0, lost = 0, wrong = 0, nacked = 0, i;
	int ret;
	pid_t holder;

	open_with(flags);
	memset(acked, 0, sizeof(acked));
	acked[n] = put(n, 0) == 0;
	n++;
	holder = multi_holder(dir);
	for (; n < LINES_MAX - 1 && refused < REFUSED_MAX; n++) {
		ret = put(n, 0);
		acked[n] = ret == 0;
		refused += ret != 0;
		odd += ret != 0 && ret != PDC_EAGAIN && ret != PDC_EBUSY;
	}
	/* By another CPU there may be room yet: its ring is another one. */
	do {
		ret = put(n, PDC_NOWAIT);
		acked[n++] = ret == 0;
	} while (ret == 0 && n < LINES_MAX - 1);
	is_int(multi_release(holder), 0, "%s: who held the lock is let go",
	    how);
	is_int(refused, REFUSED_MAX, "lines were refused meanwhile");
	is_int(odd, 0, "as the lock was not to be had");
	is_int(ret, PDC_EAGAIN, "at once where that is asked for");
	while (pdc_drain_all(p, 1000) < 0)
		continue;
	is_int(put(n, 0), 0, "then there is room again");
	acked[n++] = 1;
	while (pdc_drain_all(p, 1000) < 0)
		continue;
	is_int(see_all(), 0, "lines are in their order");
	for (i = 0; i < n; i++) {
		nacked += acked[i];
		lost += acked[i] && seen[i] != 1;
		wrong += !acked[i] && seen[i] != 0;
	}
	is_int(lost, 0, "each of %d that was acknowledged is there once",
	    nacked);
	is_int(wrong, 0, "and none that was refused");
	pdc_close(p);
}

static pid_t
writer(int me)
{
	pid_t pid = multi_fork();
	int n = 0;

	while (pid == 0) {
		if (atomic_load(&sh->stop))
			_exit(0);
		if (me == 0)
			pdc_maintain(p);
		else if (pdc_log(p, n++ % 3 ? PDC_LOG_INFO : PDC_LOG_DEBUG, "m",
			     NULL, 0) == 0)
			atomic_fetch_add(&sh->lines, 1);
		if (me == 0 || n % 50 == 0)
			usleep(1000);
	}
	return pid;
}

struct reader {
	uint64_t after, seen, told, untold, gaps;
};

/* Lines of this page by their cursors; what is missing has to be told. */
static void
reader_page(struct reader *r, const char *page, const struct journal_answer *a)
{
	const char *at;
	uint64_t seq, missing;

	r->gaps += a->gap_to != 0;
	for (at = page; (at = strstr(at, "\"_cursor\": \"p1-")) != NULL; at++) {
		seq = strtoull(strchr(at + 15, '-') + 1, NULL, 10);
		missing = seq - r->after - 1;
		if (seq <= r->after)
			r->untold++;
		else if (missing > 0 &&
		    (a->gap_from > r->after + 1 || a->gap_to < seq - 1))
			r->untold += missing;
		else
			r->told += missing;
		r->seen++;
		r->after = seq;
	}
}

static void
test_racing(void)
{
	struct reader r = { 0 };
	struct journal_answer a;
	struct journal_query q;
	uint64_t seed = (uint64_t)getpid();
	pid_t pid[NWRITERS];
	struct buf page;
	struct stxn x;
	int i, bad = 0;

	open_with(0);
	if (pdc_retain(p, "logs",
		&(struct pdc_retention){ .max_count = KEEP }) < 0)
		bail_out("retain: %s", pdc_error());
	for (i = 0; i < NWRITERS; i++)
		pid[i] = writer(i);
	pdc_journal_all(&q, JOURNAL_LOGS);
	q.cursors = q.resumes = 1;
	for (i = 0; i < PAGES || (r.told == 0 && i < 20 * PAGES); i++) {
		q.after = r.after;
		q.limit = multi_random(&seed) % (i % 100 == 0 ? 9999 : 30);
		bad += pdc_stxn_read(&x, p->store) < 0;
		pdc_buf_init(&page);
		bad += pdc_journal_read(&x, &q, &page, &a) < 0 || a.damaged;
		pdc_stxn_abort(&x);
		pdc_buf_chr(&page, '\0');
		reader_page(&r, page.data, &a);
		pdc_buf_fini(&page);
		usleep(multi_random(&seed) % 2000);
	}
	atomic_store(&sh->stop, 1);
	for (i = 0; i < NWRITERS; i++)
		bad += multi_wait(pid[i], 20000) != 0;
	diag("%llu lines, %llu seen, %llu gone, in %llu gaps",
	    (unsigned long long)atomic_load(&sh->lines),
	    (unsigned long long)r.seen, (unsigned long long)r.told,
	    (unsigned long long)r.gaps);
	is_int(bad, 0, "nothing fails");
	is_int((long long)r.untold, 0, "no line is gone without a word");
	ok(r.told > 0 && r.seen > 0, "some were gone, others not");
	pdc_close(p);
}

int
main(void)
{
	memset(pad, 'p', sizeof(pad) - 1);
	sh = multi_shared(sizeof(*sh));
	test_stopped(0, "by rings");
	test_stopped(PDC_ATOMIC, "by transactions");
	test_racing();
	return tap_done();
}
