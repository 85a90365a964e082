/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Limits: what is deleted, compared with a model of the whole journal line by
 * line; what readers are told; and what is refused.  The model's run is as long
 * as PDC_ROUNDS says, its seed is printed and may be given as PDC_SEED.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/page.h"
#include "api/retain.h"
#include "checkpoint/checkpoint.h"
#include "journal.h"
#include "metric/metric.h"
#include "pdc.h"
#include "tap.h"

#define STEP_S INT64_C(1000)
#define START_US INT64_C(1700000000000000)
#define LINES_MAX 200000
#define NAMES 5

static struct pdc *p;
static uint64_t seed;

/*
 * A line of the model; its text has its number, so it is found again.  Times
 * are in steps of STEP_S, limits of age between two of them: how long the test
 * takes has no influence.
 */
static struct line_of {
	int stream, gone, name;
	int64_t us;
	size_t len;
} * lines;
static int nlines;
static int64_t now_us, last_us;
static struct pdc_retention limits[NSCOPES];
static int own[NSCOPES];

static unsigned
dice(unsigned n)
{
	seed = seed * UINT64_C(6364136223846793005) +
	    UINT64_C(1442695040888963407);
	return (unsigned)(seed >> 33) % n;
}

static void
fresh(void)
{
	p = journal_fresh(p);
	nlines = 0;
	memset(own, 0, sizeof(own));
}

static void
set_clock(int64_t us)
{
	now_us = us;
	journal_clock(p, us);
}

/* One line, as line.c would make it, but that its time is given. */
static void
put(struct journal *j, int stream)
{
	struct line_of *l = &lines[nlines];
	struct journal_text t = { .stream = stream, .us = now_us };
	char text[256], time[64];

	l->stream = stream;
	l->name = (int)dice(NAMES);
	l->gone = 0;
	if (stream < STREAM_LOGS)
		t.at = 1;
	else
		t.at = (uint32_t)snprintf(text, sizeof(text),
		    "{\"name\": \"n%c\", ", 'a' + l->name);
	text[0] = '{';
	t.len = t.at +
	    (uint32_t)snprintf(text + t.at, sizeof(text) - t.at,
		"\"line\": %d, \"pad\": %0*d}\n", nlines, 1 + (int)dice(80), 1);
	t.text = text;
	last_us = now_us > last_us ? now_us : last_us + 1;
	l->us = last_us;
	l->len = t.len + pdc_journal_time(time, last_us) +
	    strlen("\"timestamp\": , ");
	nlines++;
	if (pdc_journal_add(j, &t) < 0)
		bail_out("add: %s", pdc_error());
}

static void
put_some(int n)
{
	struct journal *j;
	struct stxn x;

	if (pdc_stxn_write(&x, p->store, 1000) < 0)
		bail_out("write: %s", pdc_error());
	j = pdc_journal_begin(&x);
	while (n-- > 0)
		put(j, (int)dice(NSTREAMS));
	if (pdc_journal_end(j) < 0 || pdc_stxn_commit(&x) < 0)
		bail_out("append: %s", pdc_error());
}

static void
retain(int scope, double age, int64_t count, int64_t bytes)
{
	struct pdc_retention r = { age, count, bytes };

	if (pdc_retain(p, pdc_scope_word(scope), &r) < 0)
		bail_out("retain: %s", pdc_error());
	limits[scope] = r;
	own[scope] = 1;
}

/* In the model, the oldest of these streams until nothing is beyond. */
static void
model_trim(unsigned streams, const struct pdc_retention *r)
{
	int64_t count = 0, bytes = 0;
	int i;

	for (i = 0; i < nlines; i++)
		if (!lines[i].gone && (streams >> lines[i].stream & 1)) {
			count++;
			bytes += (int64_t)lines[i].len;
		}
	for (i = 0; i < nlines; i++) {
		if (lines[i].gone || !(streams >> lines[i].stream & 1))
			continue;
		if (!((r->max_count && count > r->max_count) ||
			(r->max_bytes && bytes > r->max_bytes) ||
			(r->max_age_seconds > 0 &&
			    lines[i].us < now_us -
				    (int64_t)r->max_age_seconds * 1000000)))
			return;
		lines[i].gone = 1;
		count--;
		bytes -= (int64_t)lines[i].len;
	}
}

static void
model(void)
{
	static const struct pdc_retention none;
	int i;

	for (i = 0; i < NSTREAMS; i++)
		model_trim(1u << i,
		    own[i] ? &limits[i] :
			i < STREAM_LOGS && own[SCOPE_DEFAULT] ?
			     &limits[SCOPE_DEFAULT] :
			     &none);
	if (own[SCOPE_LOGS])
		model_trim(JOURNAL_LOGS, &limits[SCOPE_LOGS]);
}

/* The line's number in the model, by its text. */
static int
line_number(const char *line)
{
	const char *at = strstr(line, "\"line\": ");

	at += at != NULL ? 8 : 0;
	return at == NULL ? -1 : atoi(*at == '"' ? at + 1 : at);
}

/* Lines that are there and should not be, or the other way; or not in order. */
static int
differing(const struct journal_query *q)
{
	char *page = journal_page(p, q, NULL), *line = page, *end;
	int want = 0, n, bad = 0;

	for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		n = line_number(line);
		for (; want < n; want++)
			bad += !lines[want].gone &&
			    (q->streams >> lines[want].stream & 1) &&
			    (q->name == NULL ||
				q->name[1] - 'a' == lines[want].name);
		bad += n != want || lines[n].gone;
		want = n + 1;
	}
	for (; want < nlines; want++)
		bad += !lines[want].gone &&
		    (q->streams >> lines[want].stream & 1) &&
		    (q->name == NULL || q->name[1] - 'a' == lines[want].name);
	free(page);
	return bad;
}

static void
finding(void *arg, const char *words)
{
	diag("%s", words);
	++*(int *)arg;
}

/* All streams, each by itself, each name; and what the check says. */
static int
judge(void)
{
	struct journal_query q;
	char word[] = "na";
	int i, bad, found = 0;

	pdc_journal_all(&q, ALL_STREAMS);
	bad = differing(&q);
	for (i = 0; i < NSTREAMS; i++) {
		pdc_journal_all(&q, 1u << i);
		bad += differing(&q);
	}
	for (i = 0; i < NAMES; i++) {
		pdc_journal_all(&q,
		    1u << STREAM_EVENTS | 1u << STREAM_MEASURES);
		word[1] = (char)('a' + i);
		q.name = word;
		bad += differing(&q);
	}
	if (pdc_page_check(p, finding, &found) < 0)
		bail_out("check: %s", pdc_error());
	return bad + found;
}

static void
random_limit(void)
{
	int scope = (int)dice(NSCOPES);

	if (dice(4) == 0) {
		if (pdc_retain(p, pdc_scope_word(scope), NULL) < 0)
			bail_out("retain: %s", pdc_error());
		own[scope] = 0;
	} else {
		retain(scope, dice(2) ? 0 : STEP_S * (dice(40) + 0.5),
		    dice(2) ? 0 : 1 + dice(500), dice(2) ? 0 : 1 + dice(50000));
	}
}

static void
test_model(int rounds)
{
	int i, n, bad = 0, gone = 0;

	fresh();
	diag("seed %llu", (unsigned long long)seed);
	set_clock(START_US);
	for (i = 0; i < rounds && bad == 0; i++) {
		if (dice(3) == 0)
			random_limit();
		/* Sometimes back. */
		set_clock(now_us + ((int)dice(20) - 3) * STEP_S * 1000000);
		put_some((int)dice(dice(8) == 0 ? 900 : 60));
		if (pdc_maintain(p) < 0)
			bail_out("maintain: %s", pdc_error());
		model();
		bad = judge();
		if (bad > 0)
			diag("round %d: %d lines differ", i, bad);
	}
	for (n = 0; n < nlines; n++)
		gone += lines[n].gone;
	diag("%d lines, %d deleted", nlines, gone);
	is_int(bad, 0, "what is left is what the model has");
	ok(gone > 0 && gone < nlines, "some were deleted, some not");
}

static void
log_some(int level, int n)
{
	while (n-- > 0)
		if (pdc_logf(p, level, "line %d", nlines++) < 0)
			bail_out("log: %s", pdc_error());
	if (pdc_drain_all(p, 1000) < 0)
		bail_out("drain: %s", pdc_error());
}

/* What a reader is told who has seen all up to after. */
static void
is_gap(uint64_t after, int resumes, uint64_t from, uint64_t to)
{
	struct journal_answer a;
	struct journal_query q;

	pdc_journal_all(&q, JOURNAL_LOGS);
	q.after = after;
	q.resumes = resumes;
	free(journal_page(p, &q, &a));
	ok(a.gap_from == from && a.gap_to == to,
	    "after %d lines are gone from %d to %d (%d to %d)", (int)after,
	    (int)from, (int)to, (int)a.gap_from, (int)a.gap_to);
}

static void
test_gap(void)
{
	fresh();
	log_some(PDC_LOG_INFO, 100);
	is_gap(10, 1, 0, 0);
	retain(SCOPE_LOGS, 0, 20, 0);
	log_some(PDC_LOG_INFO, 10);
	if (pdc_maintain(p) < 0)
		bail_out("maintain: %s", pdc_error());
	is_gap(10, 1, 11, 90);
	is_gap(89, 1, 90, 90);
	is_gap(90, 1, 0, 0);
	is_gap(0, 1, 1, 90);
	is_gap(0, 0, 0, 0);
	/* Of another level, behind what is there of the first. */
	log_some(PDC_LOG_ERROR, 10);
	retain(STREAM_ERROR, 0, 1, 0);
	if (pdc_maintain(p) < 0)
		bail_out("maintain: %s", pdc_error());
	is_gap(110, 1, 111, 119);
	is_gap(119, 1, 0, 0);
}

/* As many as there may be, after each transaction: a ring buffer. */
static void
test_ring(void)
{
	struct journal_query q;
	size_t most = 0, n;
	char *page;
	int i;

	fresh();
	retain(SCOPE_LOGS, 0, 7, 0);
	pdc_journal_all(&q, JOURNAL_LOGS);
	for (i = 0; i < 40; i++) {
		log_some(i % 2 ? PDC_LOG_INFO : PDC_LOG_DEBUG, i % 5);
		page = journal_page(p, &q, NULL);
		n = journal_lines(page);
		most = n > most ? n : most;
		free(page);
	}
	is_int((long long)most, 7, "never more than the ring has room for");
}

static void
is_refused(const char *what, struct pdc_retention r, const char *words)
{
	is_int(pdc_retain(p, what, &r), PDC_EINVAL, "refused");
	is_str(pdc_error(), words, "with its words");
}

static void
is_no_spec(const char *text, const char *words)
{
	struct retain_spec spec;

	is_int(pdc_retain_parse(&spec, text), PDC_EINVAL, "refused: %s", text);
	is_str(pdc_error(), words, "with its words");
}

static void
test_words(void)
{
	static const char *const good[] = {
		"default:max_age=10.0s,max_count=5,max_bytes=2048",
		"DEBUG:max_age=604800.0s", "ERROR:none", "events:max_bytes=1"
	};
	struct journal_rec rec = { .next = 1 };
	struct retain_spec spec;
	struct buf buf;
	struct stxn x;
	char all[512] = "";
	size_t i;

	fresh();
	is_refused("logs", (struct pdc_retention){ -1, 0, 0 },
	    "max_age_seconds must be positive, got -1.0");
	is_refused("logs", (struct pdc_retention){ NAN, 0, 0 },
	    "max_age_seconds must be positive, got NaN");
	is_refused("logs", (struct pdc_retention){ 0, -3, 0 },
	    "max_count must be positive, got -3");
	is_refused("logs", (struct pdc_retention){ 0, 0, -1 },
	    "max_bytes must be positive, got -1");
	is_refused("", (struct pdc_retention){ 0, 0, 0 },
	    "level name cannot be empty");
	is_refused("LOUD", (struct pdc_retention){ 0, 0, 0 },
	    "'LOUD' is none of logs, default, events, measures and is no "
	    "level");
	is_int(pdc_retain(NULL, "logs", NULL), PDC_EINVAL, "no store");
	is_no_spec("logs", "'logs' is not of the form WHAT:NAME=VALUE,...");
	is_no_spec(":none", "level name cannot be empty");
	is_no_spec("logs:max_count=0", "max_count must be positive, got 0");
	is_no_spec("logs:max_age=-1.0",
	    "max_age_seconds must be positive, got -1.0");
	is_no_spec("logs:max_count=1.5", "max_count is no whole number: '1.5'");
	is_no_spec("logs:max_bytes=1X", "max_bytes is no number: '1X'");
	is_no_spec("logs:max_age=", "max_age_seconds is no number: ''");
	is_no_spec("logs:max_size=1",
	    "'max_size' is none of max_age, max_count, max_bytes");
	is_no_spec("logs:", "'' is not of the form NAME=VALUE");
	is_int(pdc_retain_parse(&spec, "warn:max_age=2h,max_bytes=3K"), 0,
	    "units");
	ok(spec.scope == (enum journal_scope)STREAM_WARNING &&
		spec.limits.max_age_seconds == 7200 &&
		spec.limits.max_bytes == 3072,
	    "and what they stand for");
	for (i = sizeof(good) / sizeof(good[0]); i-- > 0;)
		if (pdc_retain_parse(&spec, good[i]) < 0 ||
		    pdc_retain_set(p, &spec) < 0)
			bail_out("%s: %s", good[i], pdc_error());
	if (pdc_stxn_read(&x, p->store) < 0 || pdc_journal_rec(&x, &rec) < 0)
		bail_out("read: %s", pdc_error());
	pdc_stxn_abort(&x);
	pdc_buf_init(&buf);
	pdc_retain_put(&buf, &rec);
	pdc_buf_put(&buf, "", 1);
	snprintf(all, sizeof(all), "%s\n%s\n%s\n%s\n", good[1], good[2],
	    good[3], good[0]);
	is_str(buf.data, all, "what was set is printed so that it can be set");
	pdc_buf_fini(&buf);
}

/* A block in the way that makes no sense: what is behind it is counted anew. */
static void
test_damage(void)
{
	unsigned char key[JOURNAL_KEY_LEN];
	struct journal_rec rec;
	struct stxn x;
	char *page;
	int i;

	fresh();
	for (i = 0; i < 6; i++) {
		log_some(PDC_LOG_INFO, 1);
		log_some(PDC_LOG_INFO, 300);
	}
	if (pdc_stxn_write(&x, p->store, 1000) < 0)
		bail_out("write: %s", pdc_error());
	pdc_journal_key(key, STREAM_INFO, 1);
	pdc_stxn_put(&x, key, sizeof(key), "odd", 3);
	if (pdc_stxn_commit(&x) < 0)
		bail_out("commit: %s", pdc_error());
	retain(STREAM_INFO, 0, 100, 0);
	if (pdc_maintain(p) < 0)
		bail_out("maintain: %s", pdc_error());
	if (pdc_stxn_read(&x, p->store) < 0 || pdc_journal_rec(&x, &rec) < 0)
		bail_out("read: %s", pdc_error());
	pdc_stxn_abort(&x);
	is_int((long long)rec.stream[STREAM_INFO].nlines, 100,
	    "as many are left as may be");
	page = journal_all(p, JOURNAL_LOGS);
	is_int((long long)journal_lines(page), 100, "and they are there");
	free(page);
}

/* A number of a line makes no sense: others are still deleted and shown. */
static void
test_distance(void)
{
	unsigned char key[JOURNAL_KEY_LEN], block[1 << 16];
	const struct journal_line odd = { .distance = UINT32_MAX - 1 };
	struct journal_rec rec;
	const void *val;
	struct stxn x;
	char *page;
	size_t len;

	fresh();
	log_some(PDC_LOG_INFO, 100);
	if (pdc_stxn_write(&x, p->store, 1000) < 0)
		bail_out("write: %s", pdc_error());
	pdc_journal_key(key, STREAM_INFO, 1);
	if (pdc_stxn_get(&x, key, sizeof(key), &val, &len) != 0 ||
	    len > sizeof(block))
		bail_out("no block");
	memcpy(block, val, len);
	memcpy(block + sizeof(struct journal_block) +
		99 * sizeof(struct journal_line),
	    &odd.distance, sizeof(odd.distance));
	pdc_stxn_put(&x, key, sizeof(key), block, len);
	if (pdc_stxn_commit(&x) < 0)
		bail_out("commit: %s", pdc_error());
	log_some(PDC_LOG_INFO, 300);
	retain(STREAM_INFO, 0, 20, 0);
	if (pdc_maintain(p) < 0)
		bail_out("maintain: %s", pdc_error());
	log_some(PDC_LOG_INFO, 10);
	page = journal_all(p, JOURNAL_LOGS);
	is_int((long long)journal_lines(page), 20, "the latest are shown");
	free(page);
	if (pdc_stxn_read(&x, p->store) < 0 || pdc_journal_rec(&x, &rec) < 0)
		bail_out("read: %s", pdc_error());
	pdc_stxn_abort(&x);
	ok(rec.stream[STREAM_INFO].floor < rec.next, "the floor is below them");
}

/* The journal's own record makes no sense: lines go on, none is lost. */
static void
test_record(void)
{
	struct journal_rec rec;
	struct stxn x;
	char *page;
	int found = 0;

	fresh();
	log_some(PDC_LOG_INFO, 300);
	log_some(PDC_LOG_ERROR, 300);
	if (pdc_stxn_write(&x, p->store, 1000) < 0)
		bail_out("write: %s", pdc_error());
	pdc_stxn_put(&x, "J", 1, "odd", 3);
	if (pdc_stxn_commit(&x) < 0)
		bail_out("commit: %s", pdc_error());
	is_int(pdc_maintain(p), 0, "maintenance does not fail");
	log_some(PDC_LOG_INFO, 10);
	page = journal_all(p, JOURNAL_LOGS);
	is_int((long long)journal_lines(page), 610, "old lines and new");
	free(page);
	if (pdc_stxn_read(&x, p->store) < 0 || pdc_journal_rec(&x, &rec) < 0)
		bail_out("read: %s", pdc_error());
	pdc_stxn_abort(&x);
	is_int((long long)rec.next, 611, "numbers go on");
	is_int((long long)rec.stream[STREAM_ERROR].nlines, 300, "all counted");
	if (pdc_page_check(p, finding, &found) < 0)
		bail_out("check: %s", pdc_error());
	is_int(found, 0, "and a check finds nothing");
}

/* Who sets a limit does not fail by it either: pdc-serve does each second. */
static void
test_record_limit(void)
{
	struct journal_rec rec = { .next = 1 };
	struct stxn x;

	fresh();
	log_some(PDC_LOG_INFO, 30);
	if (pdc_stxn_write(&x, p->store, 1000) < 0)
		bail_out("write: %s", pdc_error());
	pdc_stxn_put(&x, "J", 1, "odd", 3);
	if (pdc_stxn_commit(&x) < 0)
		bail_out("commit: %s", pdc_error());
	is_int(pdc_retain(p, "logs", &(struct pdc_retention){ 0, 10, 0 }), 0,
	    "a limit is set where the record makes no sense");
	if (pdc_stxn_read(&x, p->store) < 0)
		bail_out("read: %s", pdc_error());
	is_int(pdc_journal_rec(&x, &rec), 0, "which does then");
	pdc_stxn_abort(&x);
	is_int((long long)rec.limit[SCOPE_LOGS].max_count, 10, "with it");
	is_int((long long)rec.next, 31, "and numbers");
}

int
main(void)
{
	const char *word = getenv("PDC_SEED"), *rounds = getenv("PDC_ROUNDS");

	seed = word != NULL ? strtoull(word, NULL, 10) :
			      (uint64_t)time(NULL) * (uint64_t)getpid();
	lines = calloc(LINES_MAX, sizeof(*lines));
	test_model(rounds != NULL ? atoi(rounds) : 60);
	test_gap();
	test_ring();
	test_words();
	test_damage();
	test_distance();
	test_record();
	test_record_limit();
	pdc_close(p);
	free(lines);
	return tap_done();
}
