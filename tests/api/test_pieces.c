/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Pages in pieces: what belongs together is together, whatever happens to the
 * store between two of them.
 *
 *	test_pieces [SEED [ROUNDS]]
 */

#include "api/page.h"
#include "help.h"
#include "metric/metric.h"

#define PIECE 2000
#define NSERIES 400

static struct pdc *p;
static struct buf page;
static uint64_t seed = 1;

static const struct expo_how text = { .media = EXPO_TEXT_0_0_4 };
static const struct expo_how om = { .media = EXPO_OM_1_0_0 };
static const struct expo_how proto = { .media = EXPO_PROTO };

/* The next piece, at the end of page; whether there is more. */
static int
more(struct page *pg)
{
	int ret = pdc_page_more(pg, p, &page);

	if (ret < 0)
		bail_out("a piece: %s", pdc_error());
	return ret;
}

static struct page *
begin(struct page_opts *opts, const struct expo_how *how)
{
	struct page *pg;

	memset(opts, 0, sizeof(*opts));
	opts->how = *how;
	opts->piece = PIECE;
	pdc_buf_reset(&page);
	if (pdc_page_open(&pg, opts) < 0)
		bail_out("a page: %s", pdc_error());
	return pg;
}

static const char *
as_text(void)
{
	pdc_buf_chr(&page, '\0');
	page.len--;
	return page.data;
}

/* How often it stands there. */
static int
count(const char *where, const char *what)
{
	int n = 0;

	for (; (where = strstr(where, what)) != NULL; where += strlen(what))
		n++;
	return n;
}

static struct pdc_series *
numbered(struct pdc_family *f, int i)
{
	char value[16];

	snprintf(value, sizeof(value), "%d", i);
	return help_series(f, value);
}

static void
remove_numbered(struct pdc_family *f, int i)
{
	char value[16];
	const char *values[] = { value, NULL };

	snprintf(value, sizeof(value), "%d", i);
	(void)pdc_remove(f, values);
}

static struct pdc_family *
fill(enum pdc_type type, const char *name)
{
	struct pdc_family *f = help_family(p, type, name, "n");
	struct pdc_series *s;
	int i;

	for (i = 0; i < NSERIES; i++) {
		s = numbered(f, i);
		pdc_inc(s, i);
		pdc_observe(s, i);
		pdc_series_free(s);
	}
	return f;
}

static void
clear(void)
{
	pdc_close(help_open(p->store->dir, PDC_FRESH));
}

/* Small families are never cut, and a page is the same in what pieces ever. */
static void
test_whole(void)
{
	struct page_opts opts;
	struct page *pg;
	char name[16], *all;
	size_t len;
	int i, n = 0, torn = 0;

	clear();
	for (i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "small_%d", i);
		pdc_observe(help_series(help_family(p, PDC_HISTOGRAM, name,
					    NULL),
				NULL),
		    i);
	}
	fill(PDC_HISTOGRAM, "big");
	fill(PDC_COUNTER, "zero");
	pdc_checkpoint(p);
	pg = begin(&opts, &text);
	while (more(pg)) {
		n++;
		as_text();
		torn += page.data[page.len - 1] != '\n' ||
		    count(page.data, "_bucket{") !=
			15 * count(page.data, "_count");
	}
	is_int((long long)pdc_page_result(pg)->families, 62,
	    "each family is counted once");
	is_int((long long)pdc_page_result(pg)->series, 60 + 2 * NSERIES,
	    "and each series");
	pdc_page_close(pg);
	ok(n > 60, "a page of %d pieces", n);
	is_int(torn, 0, "no series is in two");
	if (pdc_render(p, NULL, &all, &len, NULL) < 0)
		bail_out("%s", pdc_error());
	is_str(as_text(), all, "together they are the page as it is in one");
	pdc_free(all);
	pg = begin(&opts, &text);
	opts.piece = 100 * 1000;
	more(pg);
	ok(page.len >= 100 * 1000 && page.len < 102 * 1000,
	    "a family is cut where it is a piece: %zu bytes", page.len);
	pdc_page_close(pg);
	pg = begin(&opts, &text);
	opts.piece = 1000 * 1000;
	more(pg);
	is_int(count(as_text(), "# TYPE"), 62, "and is whole where it is none");
	pdc_page_close(pg);
}

/* The created times of text 0.0.4 are a walk of their own. */
static void
test_created(void)
{
	struct expo_how how = text;
	struct page_opts opts;
	struct page *pg;
	char line[64];
	int i, missing = 0;

	how.created = 1;
	pg = begin(&opts, &how);
	while (more(pg))
		;
	pdc_page_close(pg);
	as_text();
	is_int(count(page.data, "big_created{"), NSERIES,
	    "so many created times as series");
	is_int(count(page.data, "# TYPE big_created gauge\n"), 1,
	    "under one head");
	for (i = 0; i < NSERIES; i++) {
		snprintf(line, sizeof(line), "\nzero_created{n=\"%d\"} ", i);
		missing += count(page.data, line) != 1;
	}
	is_int(missing, 0, "each once");
}

/* A varint at *at, which is moved on. */
static size_t
varint(size_t *at)
{
	size_t v = 0;
	int shift = 0;

	while (*at < page.len) {
		v |= (size_t)(page.data[*at] & 0x7f) << shift;
		shift += 7;
		if ((page.data[(*at)++] & 0x80) == 0)
			break;
	}
	return v;
}

/* Messages from *at on, which must end where the page ends: their metrics. */
static int
metrics(size_t *at, int *heads)
{
	size_t end, len, tag;
	int n = 0;

	while (*at < page.len) {
		len = varint(at);
		end = *at + len;
		for (*heads += 1; *at < end && end <= page.len;) {
			tag = varint(at);
			n += tag == (4 << 3 | 2);
			len = varint(at); /* the type, too */
			if ((tag & 7) == 2)
				*at += len;
		}
		if (*at != end)
			return -1;
	}
	return n;
}

static void
test_proto(void)
{
	struct page_opts opts;
	struct page *pg = begin(&opts, &proto);
	int n = 0, heads = 0, pieces = 0, again;
	size_t at = 0;

	do {
		pieces++;
		again = more(pg);
		n += metrics(&at, &heads);
	} while (again);
	pdc_page_close(pg);
	is_int(n, 60 + 2 * NSERIES, "protobuf: all metrics are there");
	ok(pieces > 50 && heads > pieces,
	    "%d messages in %d pieces, each whole", heads, pieces);
}

/* Those that a round did nothing to are on the page once, no other twice. */
static void
round_changes(struct pdc_family *f, int *touched)
{
	int i, j;

	for (j = 0; j < 6; j++) {
		i = (int)(help_random(&seed) % (NSERIES + 50));
		switch (help_random(&seed) % 4) {
		case 0:
			remove_numbered(f, i);
			break;
		case 1:
			remove_numbered(f, i);
			pdc_series_free(numbered(f, i));
			break;
		case 2:
			pdc_reset(numbered(f, i));
			break;
		default:
			pdc_inc(numbered(f, i), 1);
			if (i < NSERIES)
				continue;
		}
		touched[i] = 1;
	}
	if (help_random(&seed) % 3 == 0)
		pdc_maintain(p);
	if (help_random(&seed) % 8 == 0)
		p->clock.mono_skew_ns += INT64_C(61) * 1000000000;
}

static void
test_changes(const struct expo_how *how, int rounds)
{
	int touched[NSERIES + 50], twice = 0, missing = 0, i, n;
	struct page_opts opts;
	struct pdc_family *f;
	struct page *pg;
	char line[64];

	for (; rounds > 0; rounds--) {
		clear();
		memset(touched, 0, sizeof(touched));
		f = fill(PDC_COUNTER, "big");
		help_series(help_family(p, PDC_GAUGE, "last", NULL), NULL);
		pg = begin(&opts, how);
		while (more(pg))
			round_changes(f, touched);
		pdc_page_close(pg);
		as_text();
		for (i = 0; i < NSERIES + 50; i++) {
			snprintf(line, sizeof(line), "big_total{n=\"%d\"} ", i);
			n = count(page.data, line);
			twice += n > 1;
			missing += i < NSERIES && !touched[i] && n != 1;
		}
		missing += count(page.data, "\nlast ") != 1;
	}
	is_int(twice, 0, "no series is there twice");
	is_int(missing, 0, "who lived through is there once");
}

/* Tags of other series in a later part: again and again from where it began. */
static void
test_again(void)
{
	struct cells *c = pdc_cells_now(p);
	struct pdc_family *f;
	struct pdc_series *s;
	struct page_opts opts;
	struct page *pg;
	char line[64];
	int i, wrong = 0;

	clear();
	f = fill(PDC_COUNTER, "big");
	pdc_checkpoint(p);
	pg = begin(&opts, &text);
	more(pg);
	more(pg);
	for (i = NSERIES / 2; i < NSERIES; i += 50) {
		s = numbered(f, i);
		pdc_cells_tag(c, s->zone, s->unit, 1);
	}
	while (more(pg))
		;
	pdc_page_close(pg);
	as_text();
	is_int(count(page.data, "# TYPE"), 1, "again: one head");
	for (i = 0; i < NSERIES; i++) {
		snprintf(line, sizeof(line), "\nbig_total{n=\"%d\"} %d\n", i,
		    i);
		wrong += count(page.data, line) != 1;
	}
	is_int(wrong, 0, "each series once, with its number");
}

/* What ends in the middle ends there, and what comes after it comes. */
static void
test_ends(void)
{
	struct pdc_family *f;
	struct page_opts opts;
	struct page *pg;
	int i, n;

	for (i = 0; i < 3; i++) {
		clear();
		f = fill(PDC_COUNTER, "big");
		help_series(help_family(p, PDC_GAUGE, "c_next", NULL), NULL);
		pg = begin(&opts, i == 2 ? &om : &text);
		more(pg);
		n = count(as_text(), "big_total{");
		if (pdc_remove(f, NULL) < 0)
			bail_out("%s", pdc_error());
		if (i == 1)
			fill(PDC_COUNTER, "big");
		else if (i == 2)
			fill(PDC_GAUGE, "big");
		while (more(pg))
			;
		pdc_page_close(pg);
		as_text();
		ok(n > 0 && n < NSERIES, "%d series of a family, which ends",
		    n);
		is_int(count(page.data, "big_total{"), n, "no more of it");
		is_int(count(page.data, "\nc_next 0"), 1, "then the next");
	}
}

static void
test_modes(void)
{
	const char *const labels[] = { "n", NULL };
	struct pdc_desc d = { .type = PDC_GAUGE,
		.mode = PDC_SUM,
		.name = "each",
		.labels = labels };
	struct page_opts opts;
	struct pdc_family *f;
	struct page *pg;
	int i;

	clear();
	if (pdc_declare(&f, p, &d) < 0)
		bail_out("%s", pdc_error());
	for (i = 0; i < NSERIES; i++)
		pdc_set(numbered(f, i), i);
	pg = begin(&opts, &text);
	more(pg);
	is_int(count(as_text(), "each{"), NSERIES,
	    "gauges that are brought together are in one piece");
	pdc_page_close(pg);
}

static void
test_errors(const char *other)
{
	struct pdc *first = p, *second = help_open(other, 0);
	struct page_opts opts;
	struct page *pg;

	clear();
	fill(PDC_COUNTER, "big");
	pg = begin(&opts, &text);
	more(pg);
	is_int(pdc_page_more(pg, second, &page), PDC_EAGAIN,
	    "another store does not go on with the page");
	pdc_page_close(pg);
	pdc_close(second);
	pg = begin(&opts, &text);
	more(pg);
	opts.deadline_ns = 1;
	is_int(pdc_page_more(pg, first, &page), PDC_EBUSY,
	    "a deadline may come later");
	pdc_page_close(pg);
}

/* Past the hook. */
static void
put_raw(const char *key, const void *val, size_t len)
{
	int (*hook)(void *, struct stxn *) = p->store->hook;
	struct stxn x;

	p->store->hook = NULL;
	if (pdc_stxn_write(&x, p->store, 1000) < 0)
		bail_out("%s", pdc_error());
	pdc_stxn_put(&x, key, strlen(key), val, len);
	if (pdc_stxn_commit(&x) < 0)
		bail_out("%s", pdc_error());
	p->store->hook = hook;
}

/* The last case: the store is of no use then. */
static void
test_damage(void)
{
	struct page_opts opts;
	struct page *pg;
	int ret;

	clear();
	fill(PDC_COUNTER, "big");
	help_family(p, PDC_GAUGE, "other", NULL);
	pg = begin(&opts, &text);
	more(pg);
	put_raw("Fother", "bad", 3);
	while ((ret = pdc_page_more(pg, p, &page)) == 1)
		;
	is_int(ret, 0, "a damaged family is left out");
	is_int((long long)pdc_page_result(pg)->damaged, 1, "and counted");
	pdc_page_close(pg);
	pg = begin(&opts, &text);
	more(pg);
	put_raw("Fbig", "bad", 3);
	is_int(pdc_page_more(pg, p, &page), PDC_EFORMAT,
	    "but no page has the half of one");
	pdc_page_close(pg);
}

int
main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[2]) : 3;

	if (argc > 1)
		seed = (uint64_t)strtoull(argv[1], NULL, 10);
	diag("seed %llu", (unsigned long long)seed);
	p = help_open(tap_tmpdir(), 0);
	pdc_buf_init(&page);
	test_whole();
	test_created();
	test_proto();
	test_changes(&text, rounds);
	test_changes(&om, rounds);
	test_again();
	test_ends();
	test_modes();
	test_errors(tap_tmpdir());
	test_damage();
	pdc_buf_fini(&page);
	pdc_close(p);
	return tap_done();
}
