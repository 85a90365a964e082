/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Queries of all kinds together, compared with the whole journal filtered line
 * by line: names that need escapes or have equal hashes, times, numbers, limits
 * while lines are deleted.  As long as PDC_ROUNDS says; the seed is printed and
 * may be given as PDC_SEED.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/page.h"
#include "base/buf.h"
#include "checkpoint/checkpoint.h"
#include "journal.h"
#include "metric/metric.h"
#include "pdc.h"
#include "tap.h"

#define START_US INT64_C(1700000000000000)
#define LINES_MAX 400000
#define NAMES 9
#define COLLIDE 200000
#define QUERIES 40 /* a round */
#define ROUNDS 10
#define PAGES_MAX 100000

static struct pdc *p;
static uint64_t seed;
static int64_t now_us;
static char equal[2][16];
static const char *names[NAMES] = { "", "a", "ab", "a\"b", "a\\", "\n\x01",
	"\xff\xfe", equal[0], equal[1] };

/* By number. */
static struct {
	int stream, name;
} * made;
static uint64_t nmade;

/* What is there. */
static struct there {
	uint64_t seq;
	double time;
	const char *text;
	size_t len;
} * there;
static size_t nthere;

static unsigned
dice(unsigned n)
{
	seed = seed * UINT64_C(6364136223846793005) +
	    UINT64_C(1442695040888963407);
	return (unsigned)(seed >> 33) % n;
}

struct hashed {
	uint32_t hash;
	unsigned n;
};

static int
hash_order(const void *a, const void *b)
{
	const struct hashed *x = a, *y = b;

	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

/* Two names that an index cannot tell apart. */
static void
collide(void)
{
	struct hashed *h = calloc(COLLIDE, sizeof(*h));
	char text[64];
	unsigned i;
	int len;

	for (i = 0; i < COLLIDE; i++) {
		len = snprintf(text, sizeof(text), "{\"name\": \"x%u\", ", i);
		h[i].hash = pdc_journal_name(text, (size_t)len);
		h[i].n = i;
	}
	qsort(h, COLLIDE, sizeof(*h), hash_order);
	for (i = 1; i < COLLIDE && h[i].hash != h[i - 1].hash; i++)
		continue;
	if (i == COLLIDE)
		bail_out("no names of equal hashes");
	snprintf(equal[0], sizeof(equal[0]), "x%u", h[i - 1].n);
	snprintf(equal[1], sizeof(equal[1]), "x%u", h[i].n);
	free(h);
}

static void
set_clock(int64_t us)
{
	now_us = us;
	journal_clock(p, us);
}

static void
put_one(void)
{
	static char pad[100000];
	static const int levels[] = { PDC_LOG_TRACE, PDC_LOG_DEBUG,
		PDC_LOG_INFO, PDC_LOG_WARNING, PDC_LOG_ERROR,
		PDC_LOG_CRITICAL };
	struct pdc_field f = { .name = "pad", .kind = PDC_STRING, .text = pad };
	size_t len = dice(200) == 0 ? dice(90000) :
	    dice(20) == 0	    ? dice(9000) :
				      dice(60);
	int stream = (int)dice(NSTREAMS), name = (int)dice(NAMES), ret;

	memset(pad, 'p', len);
	pad[len] = '\0';
	if (stream == STREAM_EVENTS)
		ret = pdc_event(p, names[name], &f, 1);
	else if (stream == STREAM_MEASURES)
		ret = pdc_measure(p, names[name], dice(9), &f, 1);
	else
		ret = pdc_log(p, levels[stream], "m", &f, 1);
	if (ret == PDC_EINVAL && name == 0)
		return;
	if (ret < 0)
		bail_out("line: %s", pdc_error());
	nmade++;
	made[nmade].stream = stream;
	made[nmade].name = name;
}

static void
put_some(unsigned n)
{
	while (n-- > 0) {
		put_one();
		if (dice(30) == 0 && pdc_drain_all(p, 1000) < 0)
			bail_out("drain: %s", pdc_error());
	}
	if (pdc_drain_all(p, 1000) < 0)
		bail_out("drain: %s", pdc_error());
}

/* All that is there, with numbers by cursors; the text has to be freed. */
static char *
look(void)
{
	struct journal_query q;
	struct journal_answer a;
	char *page, *all = NULL, *at, *end, *mark;
	size_t len = 0, n;

	pdc_journal_all(&q, ALL_STREAMS);
	q.cursors = 1;
	do {
		page = journal_page(p, &q, &a);
		n = strlen(page);
		all = realloc(all, len + n + 1);
		memcpy(all + len, page, n + 1);
		len += n;
		free(page);
		q.after = a.next;
	} while (a.more);
	nthere = 0;
	for (at = all; (end = strchr(at, '\n')) != NULL; at = end + 1) {
		struct there *t = &there[nthere++];

		*end = '\0';
		mark = strstr(at, ", \"_cursor\": \"");
		t->seq = strtoull(strrchr(mark, '-') + 1, NULL, 10);
		t->time = strtod(strstr(at, "\"timestamp\": ") + 13, NULL);
		t->text = at;
		t->len = (size_t)(mark - at);
	}
	return all;
}

static int
wanted(const struct journal_query *q, int name, const struct there *t)
{
	return (q->streams >> made[t->seq].stream & 1) && t->seq > q->after &&
	    t->time > q->since && !(t->time > q->until) &&
	    (name < 0 || made[t->seq].name == name);
}

static double
some_time(void)
{
	static const double odd[] = { -1e308, 0, 1e308, 1e17, -INFINITY,
		INFINITY };

	if (nthere == 0 || dice(10) == 0)
		return odd[dice(6)];
	return there[dice((unsigned)nthere)].time + (dice(3) == 0 ? 5e-7 : 0);
}

static uint64_t
some_number(const struct journal_rec *rec)
{
	uint64_t floor = rec->stream[dice(NSTREAMS)].floor;

	switch (dice(6)) {
	case 0:
		return 0;
	case 1:
		return floor > 0 ? floor - 1 : 0;
	case 2:
		return floor;
	case 3:
		return rec->next - 1;
	case 4:
		return floor + 1;
	default:
		return dice((unsigned)rec->next + 3);
	}
}

static int
is_gap(const struct journal_query *q, const struct journal_answer *a,
    const struct journal_rec *rec)
{
	uint64_t floor = 0;
	int i;

	for (i = 0; i < NSTREAMS; i++)
		if ((q->streams >> i & 1) && rec->stream[i].floor > floor)
			floor = rec->stream[i].floor;
	if (!q->resumes || floor <= q->after + 1)
		return a->gap_to == 0;
	return a->gap_from == q->after + 1 && a->gap_to == floor - 1;
}

/* What is asked for, and how far that was seen. */
struct asked {
	struct journal_query q; /* as it was at first */
	int name; /* or -1 */
	uint64_t left; /* lines */
	size_t at; /* in what is there */
};

static void
ask(struct asked *k, const struct journal_rec *rec)
{
	struct journal_query *q = &k->q;

	k->at = 0;
	k->name = -1;
	pdc_journal_all(q, 1 + dice(ALL_STREAMS));
	if (dice(2) == 0) {
		k->name = (int)dice(NAMES);
		q->streams = (1 + dice(3)) << STREAM_EVENTS;
		q->name = names[k->name];
	}
	if (dice(2) == 0)
		q->since = some_time();
	if (dice(3) == 0)
		q->until = some_time();
	if (dice(2) == 0)
		q->after = some_number(rec);
	q->resumes = (int)dice(2);
	if (dice(3) == 0)
		q->bytes = dice(20000);
	k->left = dice(3) == 0 ? dice(50) : UINT64_MAX;
}

/* To the next line that the query has to give. */
static int
wanted_next(struct asked *k)
{
	while (k->at < nthere && !wanted(&k->q, k->name, &there[k->at]))
		k->at++;
	return k->at < nthere;
}

/* The lines of a page; how many are wrong. */
static int
judge(struct asked *k, const char *line, uint64_t n)
{
	const struct there *t;
	const char *end;

	for (; (end = strchr(line, '\n')) != NULL; line = end + 1, n--) {
		if (!wanted_next(k))
			return 1;
		t = &there[k->at++];
		if ((size_t)(end - line) != t->len + 1 ||
		    memcmp(line, t->text, t->len) != 0)
			return 1;
	}
	return n != 0;
}

/* Pages of a random query; how many are wrong. */
static int
query(const struct journal_rec *rec)
{
	struct journal_answer a;
	struct journal_query q;
	struct asked k;
	int bad = 0, pages = 0;
	char *page;

	ask(&k, rec);
	q = k.q;
	do {
		q.limit = dice(2) ? k.left : 1 + dice(30);
		if (q.limit > k.left)
			q.limit = k.left;
		page = journal_page(p, &q, &a);
		bad += judge(&k, page, a.nlines);
		free(page);
		bad += !is_gap(&q, &a, rec) || a.next < q.after ||
		    a.nlines > q.limit;
		k.left -= k.left == UINT64_MAX ? 0 : a.nlines;
		q.after = a.next;
		q.resumes = 1;
	} while (a.more && k.left > 0 && bad == 0 && ++pages < PAGES_MAX);
	bad += k.left > 0 && (a.more || wanted_next(&k));
	if (bad > 0)
		diag("streams %x name %d since %.6f until %.6f after %llu: "
		     "at %zu of %zu",
		    k.q.streams, k.name, k.q.since, k.q.until,
		    (unsigned long long)k.q.after, k.at, nthere);
	return bad;
}

static void
limit_some(void)
{
	struct pdc_retention r = { dice(2) ? 0 : 1000 * (dice(40) + 0.5),
		dice(2) ? 0 : 1 + dice(500), dice(2) ? 0 : 1 + dice(50000) };
	int scope = (int)dice(NSCOPES);

	if (pdc_retain(p, pdc_scope_word(scope), dice(4) ? &r : NULL) < 0)
		bail_out("retain: %s", pdc_error());
}

/* A block that makes no sense. */
static void
damage(void)
{
	unsigned char key[JOURNAL_KEY_LEN];
	struct journal_block h;
	struct scur cur;
	struct stxn x;
	int ret;

	if (pdc_stxn_write(&x, p->store, 1000) < 0)
		bail_out("write: %s", pdc_error());
	pdc_journal_key(key, dice(NSTREAMS), nmade > 0 ? dice(nmade) : 0);
	if (pdc_scur_open(&cur, &x) < 0)
		bail_out("cursor");
	ret = pdc_scur_seek(&cur, key, sizeof(key));
	if (ret == 1 && cur.klen == JOURNAL_KEY_LEN && cur.key[0] == 'J') {
		memcpy(key, cur.key, sizeof(key));
		memset(&h, 0xff, sizeof(h));
		pdc_scur_close(&cur);
		pdc_stxn_put(&x, key, sizeof(key), &h, sizeof(h));
	} else {
		pdc_scur_close(&cur);
	}
	if (pdc_stxn_commit(&x) < 0)
		bail_out("commit: %s", pdc_error());
}

static void
finding(void *arg, const char *words)
{
	diag("%s", words);
	++*(int *)arg;
}

static void
look_record(struct journal_rec *rec)
{
	struct stxn x;

	if (pdc_stxn_read(&x, p->store) < 0 || pdc_journal_rec(&x, rec) < 0)
		bail_out("read: %s", pdc_error());
	pdc_stxn_abort(&x);
	if (rec->next != nmade + 1)
		bail_out("%llu is next after %llu lines",
		    (unsigned long long)rec->next, (unsigned long long)nmade);
}

static void
run(int rounds, int damaged)
{
	struct journal_rec rec;
	int i, j, bad = 0, found = 0;
	char *all;

	pdc_close(p);
	if (pdc_open(&p, tap_tmpdir(), NULL) < 0)
		bail_out("open: %s", pdc_error());
	nmade = 0;
	set_clock(START_US);
	for (i = 0; i < rounds && bad == 0 && nmade < LINES_MAX - 1000; i++) {
		if (dice(3) == 0)
			limit_some();
		/* Sometimes back. */
		set_clock(now_us + ((int)dice(20) - 3) * INT64_C(1000000000));
		put_some(dice(dice(8) == 0 ? 900 : 60));
		if (dice(2) && pdc_maintain(p) < 0)
			bail_out("maintain: %s", pdc_error());
		if (damaged && dice(4) == 0)
			damage();
		look_record(&rec);
		all = look();
		for (j = 0; j < QUERIES && bad == 0; j++)
			bad += query(&rec);
		free(all);
		if (!damaged && pdc_page_check(p, finding, &found) < 0)
			bail_out("check: %s", pdc_error());
	}
	diag("%d rounds, %llu lines, %zu there", i, (unsigned long long)nmade,
	    nthere);
	is_int(bad, 0, "each query gives what it asks for%s",
	    damaged ? ", but for damaged blocks" : "");
	is_int(found, 0, "and the check finds nothing");
}

int
main(void)
{
	const char *word = getenv("PDC_SEED"), *rounds = getenv("PDC_ROUNDS");
	int n = rounds != NULL ? atoi(rounds) : ROUNDS;

	seed = word != NULL ? strtoull(word, NULL, 10) :
			      (uint64_t)time(NULL) * (uint64_t)getpid();
	diag("seed %llu", (unsigned long long)seed);
	made = calloc(LINES_MAX, sizeof(*made));
	there = calloc(LINES_MAX, sizeof(*there));
	collide();
	run(n, 0);
	run(n, 1);
	pdc_close(p);
	free(made);
	free(there);
	return tap_done();
}
