/* SPDX-License-Identifier: ISC */
#include "config.h"

/* Order, times, filters, pages and cursors. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "journal.h"
#include "metric/metric.h"
#include "pdc.h"
#include "tap.h"

#define MANY 2000
#define NS_PER_S INT64_C(1000000000)

static struct pdc *p;

/* Line i of many, of a level that goes round. */
static void
put(int i)
{
	static const int levels[] = { PDC_LOG_DEBUG, PDC_LOG_INFO,
		PDC_LOG_WARNING, PDC_LOG_ERROR };

	if (pdc_logf(p, levels[i % 4], "line %d", i) < 0)
		bail_out("log: %s", pdc_error());
}

/* The numbers of the lines of a page; how many there are. */
static int
numbers(const char *page, int *out)
{
	int n = 0;

	for (; (page = strstr(page, "\"line ")) != NULL; page++)
		out[n++] = atoi(page + 6);
	return n;
}

static void
is_run(const struct journal_query *q, int first, int step, int n,
    const char *how)
{
	char *page = journal_page(p, q, NULL);
	int *got = calloc(2 * MANY, sizeof(*got)), i, bad = 0;

	is_int(numbers(page, got), n, "%s: so many lines", how);
	for (i = 0; i < n; i++)
		bad += got[i] != first + i * step;
	is_int(bad, 0, "in their order");
	free(got);
	free(page);
}

static void
test_order(void)
{
	struct journal_query q;
	int i;

	p = journal_fresh(p);
	for (i = 0; i < MANY; i++)
		put(i);
	pdc_journal_all(&q, JOURNAL_LOGS);
	is_run(&q, 0, 1, MANY, "all levels");
	q.streams = 1u << STREAM_ERROR;
	is_run(&q, 3, 4, MANY / 4, "one level");
	q.streams = 1u << STREAM_CRITICAL;
	is_run(&q, 0, 1, 0, "a level that nobody used");
	q.streams = JOURNAL_LOGS;
	q.limit = 10;
	is_run(&q, 0, 1, 10, "the first ten");
}

/* Page by page, each after the last one's cursor. */
static void
test_pages(size_t bytes, unsigned streams, int step)
{
	int *got = calloc(2 * MANY, sizeof(*got)), n = 0, bad = 0, i, pages = 0;
	struct journal_answer a = { .more = 1 };
	struct journal_query q;
	char *page;

	pdc_journal_all(&q, streams);
	q.bytes = bytes;
	while (a.more && pages++ < 2 * MANY) {
		page = journal_page(p, &q, &a);
		n += numbers(page, got + n);
		free(page);
		q.after = a.next;
		q.resumes = 1;
	}
	for (i = 0; i < n; i++)
		bad += got[i] != i * step + (step > 1 ? 3 : 0);
	ok(n == MANY / step && bad == 0 && a.gap_to == 0,
	    "%d pages of %zu bytes have %d lines, each once", pages, bytes, n);
	free(got);
}

static void
test_times(void)
{
	struct journal_query q;
	char *page, *at;
	double times[6];
	int i;

	p = journal_fresh(p);
	for (i = 0; i < 6; i++) {
		put(i);
		if (pdc_drain_all(p, 1000) < 0)
			bail_out("drain: %s", pdc_error());
		/* The clock is put back once. */
		p->clock.wall_skew_ns += i == 2 ? -100 * NS_PER_S : NS_PER_S;
	}
	page = journal_all(p, JOURNAL_LOGS);
	for (at = page, i = 0; i < 6; i++, at++) {
		at = strstr(at, "\"timestamp\": ");
		times[i] = strtod(at + 13, NULL);
	}
	free(page);
	ok(times[0] < times[1] && times[1] < times[2],
	    "times go on with the clock");
	ok(times[2] <= times[3] && times[3] <= times[4] && times[4] <= times[5],
	    "and never back, when the clock does");
	pdc_journal_all(&q, JOURNAL_LOGS);
	q.since = times[1];
	is_run(&q, 2, 1, 4, "since a line's time, as printed, without it");
	q.since = times[5];
	is_run(&q, 0, 1, 0, "since the last one's");
	q.since = times[0];
	q.until = times[2];
	is_run(&q, 1, 1, times[3] > times[2] ? 2 : 5, "until, with it");
}

static void
test_names(void)
{
	struct journal_query q;
	char *page;
	int i;

	p = journal_fresh(p);
	for (i = 0; i < 100; i++) {
		pdc_event(p, i % 10 == 0 ? "a\"b" : "other", NULL, 0);
		pdc_measure(p, i % 10 == 0 ? "a" : "ab", i, NULL, 0);
	}
	pdc_journal_all(&q, 1u << STREAM_EVENTS);
	q.name = "a\"b";
	page = journal_page(p, &q, NULL);
	is_int((long long)journal_lines(page), 10, "events of a name");
	free(page);
	pdc_journal_all(&q, 1u << STREAM_MEASURES);
	q.name = "a";
	page = journal_page(p, &q, NULL);
	is_int((long long)journal_lines(page), 10,
	    "measures of a name, not of one that begins so");
	free(page);
}

static void
test_head(void)
{
	struct journal_answer a;
	struct journal_query q;
	int i;

	p = journal_fresh(p);
	for (i = 0; i < 40; i++)
		put(i);
	pdc_journal_all(&q, 1u << STREAM_CRITICAL);
	free(journal_page(p, &q, &a));
	is_int((long long)a.next, 40, "a filter that finds nothing goes on");
	q.after = a.next;
	q.resumes = 1;
	pdc_log(p, PDC_LOG_CRITICAL, "line 0", NULL, 0);
	is_run(&q, 0, 1, 1, "what comes after is found");
}

static void
test_cursor(void)
{
	static const char *const bad[] = { "", "x", "p1-", "p1-00-1", "1" };
	struct meta m = { .uuid = { 0xab, 1 } }, other = { .uuid = { 1 } };
	char text[CURSOR_SIZE + 32];
	uint64_t seq = 0;
	size_t i, len;

	len = pdc_cursor_put(text, &m, 123456789);
	text[len] = '\0';
	is_int(pdc_cursor_parse(&seq, &m, text), 0, "a cursor: %s", text);
	is_int((long long)seq, 123456789, "is read back");
	is_int(pdc_cursor_parse(&seq, &other, text), PDC_ENOENT,
	    "but not by another store");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_int(pdc_cursor_parse(&seq, &m, bad[i]), PDC_EINVAL,
		    "'%s' is none", bad[i]);
	strcpy(text + len, "x");
	is_int(pdc_cursor_parse(&seq, &m, text), PDC_EINVAL, "nor is %s", text);
	strcpy(text + len, "99999999999999999999");
	is_int(pdc_cursor_parse(&seq, &m, text), PDC_EINVAL, "nor is %s", text);
}

/* A second life of the process, and one who may only look. */
static void
test_again(void)
{
	struct pdc_options look = { .flags = PDC_RDONLY };
	char *dir = tap_tmpdir(), *page;

	pdc_close(p);
	if (pdc_open(&p, dir, NULL) < 0)
		bail_out("open: %s", pdc_error());
	put(0);
	pdc_close(p);
	if (pdc_open(&p, dir, NULL) < 0)
		bail_out("open: %s", pdc_error());
	put(1);
	page = journal_all(p, JOURNAL_LOGS);
	is_int((long long)journal_lines(page), 2, "lines stay");
	free(page);
	pdc_close(p);
	if (pdc_open(&p, dir, &look) < 0)
		bail_out("open: %s", pdc_error());
	page = journal_all(p, JOURNAL_LOGS);
	is_int((long long)journal_lines(page), 2, "who looks sees them");
	free(page);
	is_int(pdc_log(p, PDC_LOG_INFO, "m", NULL, 0), PDC_EPERM,
	    "but may not write");
	is_int(pdc_log(p, PDC_LOG_INFO | PDC_NOWAIT, "m", NULL, 0), PDC_EPERM,
	    "in no way");
}

/* A block that makes no sense is left out; the others are not. */
static void
test_damage(void)
{
	unsigned char key[JOURNAL_KEY_LEN];
	struct journal_answer a;
	struct journal_query q;
	struct stxn x;
	char *page;

	p = journal_fresh(p);
	put(1);
	put(5);
	if (pdc_drain_all(p, 1000) < 0 ||
	    pdc_stxn_write(&x, p->store, 1000) < 0)
		bail_out("write: %s", pdc_error());
	pdc_journal_key(key, STREAM_INFO, 1);
	pdc_stxn_put(&x, key, sizeof(key), "odd", 3);
	if (pdc_stxn_commit(&x) < 0)
		bail_out("commit: %s", pdc_error());
	put(2);
	pdc_journal_all(&q, JOURNAL_LOGS);
	page = journal_page(p, &q, &a);
	is_int((long long)journal_lines(page), 1, "the rest is there");
	is_int(a.damaged, 1, "and the damage is told");
	free(page);
}

int
main(void)
{
	static const size_t bytes[] = { 1, 100, 1000, 1 << 20 };
	size_t i;

	test_order();
	for (i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
		test_pages(bytes[i], JOURNAL_LOGS, 1);
		test_pages(bytes[i], 1u << STREAM_ERROR, 4);
	}
	test_times();
	test_names();
	test_head();
	test_cursor();
	test_again();
	test_damage();
	pdc_close(p);
	return tap_done();
}
