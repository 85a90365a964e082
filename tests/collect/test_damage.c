/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Damaged records: skipped and counted, the rest is served; whatever is done
 * with such a store, nothing dies.
 *
 *	test_damage [ROUNDS]
 */

#include <stdint.h>

#include "api/page.h"
#include "base/wire.h"
#include "expo/expo.h"
#include "help.h"
#include "metric/metric.h"
#include "store/series.h"

#define NKEYS 64

static struct pdc *p;
static struct {
	unsigned char key[512];
	size_t klen;
	char val[4096];
	size_t len;
} kept[NKEYS];
static int nkept;
static uint64_t seed = 1;
static const char aa_y[] = "aa_total{l=\"y\"}";
static const char aa_z[] = "aa_total{l=\"z\"}";
static const char dd_x[] = "dd{l=\"x\"}";

static uint32_t
rnd(void)
{
	return help_random(&seed);
}

/* A store with all kinds of records, and what is in it. */
static void
fill(void)
{
	static const char *const names[] = { "aa", "bb", "cc" };
	const char *const labels[] = { "l", NULL };
	struct pdc_desc d = { .type = PDC_GAUGE,
		.mode = PDC_SUM,
		.name = "dd",
		.help = "of a mode",
		.labels = labels };
	struct pdc_label l = { "l", "x" };
	struct pdc_key k = help_key("aa", "_total", &l);
	struct pdc_family *f;
	struct pdc_series *s;
	char value[8];
	int i, j;

	if (pdc_declare(&f, p, &d) < 0)
		bail_out("%s", pdc_error());
	pdc_set(help_series(f, "x"), 7);
	for (i = 0; i < 3; i++) {
		f = help_family(p,
		    i == 0     ? PDC_COUNTER :
			i == 1 ? PDC_GAUGE :
				 PDC_HISTOGRAM,
		    names[i], "l");
		for (j = 0; j < 3; j++) {
			snprintf(value, sizeof(value), "%c", "xyz"[j]);
			s = help_series(f, value);
			pdc_inc(s, 2 + j);
			pdc_observe(s, 2 + j);
		}
	}
	help_by_name(p, pdc_value_set, &k, 2);
	k = help_key("bb", "", &l);
	help_by_name(p, pdc_value_inc, &k, 0);
	atomic_store(&p->retry_ns, INT64_MAX);
	s = help_series(help_family(p, PDC_COUNTER, "aa", "l"), "w");
	pdc_inc(s, 1);
	atomic_store(&p->retry_ns, 0);
	pdc_checkpoint(p);
	help_by_name(p, pdc_value_inc, &k, 0);
}

static void
keep_records(void)
{
	struct scur c;
	struct stxn x;
	int got;

	nkept = 0;
	if (pdc_stxn_read(&x, p->store) < 0 || pdc_scur_open(&c, &x) < 0)
		bail_out("%s", pdc_error());
	for (got = pdc_scur_seek(&c, "", 1); got == 1 && nkept < NKEYS;
	     got = pdc_scur_next(&c)) {
		memcpy(kept[nkept].key, c.key, c.klen);
		memcpy(kept[nkept].val, c.val, c.len);
		kept[nkept].klen = c.klen;
		kept[nkept++].len = c.len;
	}
	pdc_scur_close(&c);
	pdc_stxn_abort(&x);
}

/* Past the hook: what it would do with the damage is a case of its own. */
static void
put_raw(const void *key, size_t klen, const void *val, size_t len)
{
	int (*hook)(void *, struct stxn *) = p->store->hook;
	struct stxn x;

	p->store->hook = NULL;
	if (pdc_stxn_write(&x, p->store, 1000) < 0)
		bail_out("%s", pdc_error());
	pdc_stxn_put(&x, key, klen, val, len);
	if (pdc_stxn_commit(&x) < 0)
		bail_out("%s", pdc_error());
	p->store->hook = hook;
}

static uint64_t
damaged(void)
{
	struct page_opts o = { .format = PAGE_METRICS };
	struct page_result r = { 0 };
	struct buf b;

	pdc_buf_init(&b);
	if (pdc_page_write(p, &o, help_append, &b, &r) < 0)
		bail_out("%s", pdc_error());
	tap_page(pdc_expo_type(&o.how), b.data, b.len);
	pdc_buf_fini(&b);
	return r.damaged;
}

static int
find_key(char kind, int nth)
{
	int i;

	for (i = 0; i < nkept; i++)
		if (kept[i].key[0] == kind && nth-- == 0)
			return i;
	bail_out("no record of kind %c", kind);
}

/* Without its last byte, or with this one at a place. */
static void
test_skipped(int i, int at, char byte, const char *lost, const char *there,
    double want)
{
	char val[sizeof(kept[0].val)], *page;

	memcpy(val, kept[i].val, kept[i].len);
	if (at >= 0)
		val[at] = byte;
	put_raw(kept[i].key, kept[i].klen, val, kept[i].len - (at < 0));
	ok(damaged() > 0, "a %c that is damaged at %d is counted",
	    kept[i].key[0], at);
	page = help_page(p);
	ok(isnan(help_on_page(page, lost)), "%s is not served", lost);
	is_double(help_on_page(page, there), want, "but %s is", there);
	pdc_free(page);
	is_int(pdc_checkpoint(p), 0, "a checkpoint goes on");
	put_raw(kept[i].key, kept[i].klen, kept[i].val, kept[i].len);
	ok(damaged() == 0, "put back, nothing is damaged");
	ok(!isnan(help_sample(p, lost)), "and %s is served", lost);
}

/* The record of a series that is rendered so. */
static int
find_series(const char *name, const char *rendered)
{
	size_t n = strlen(rendered);
	struct family f;
	struct stxn r;
	int i;

	if (pdc_stxn_read(&r, p->store) < 0 || pdc_family_get(&r, name, &f) < 0)
		bail_out("%s", pdc_error());
	pdc_stxn_abort(&r);
	for (i = 0; i < nkept; i++)
		if (kept[i].key[0] == 'S' &&
		    pdc_get_be32(kept[i].key + 1) == f.r.id &&
		    memcmp(kept[i].val + kept[i].len - n, rendered, n) == 0)
			return i;
	bail_out("no series %s of %s", rendered, name);
}

/* What is no text, or another one than its values, is on no page. */
static void
test_texts(void)
{
	int help = sizeof(struct family_rec), s = sizeof(struct series_rec);
	int dd = find_series("dd", "l=\"x\""),
	    aa = find_series("aa", "l=\"y\"");
	int at, f = find_key('F', 3);

	test_skipped(f, help, '\x80', dd_x, aa_y, 3);
	test_skipped(f, help, '\0', dd_x, aa_y, 3);
	test_skipped(aa, -1, 0, aa_y, aa_z, 4);
	for (at = s; at < (int)kept[aa].len; at++) {
		test_skipped(aa, at, '\n', aa_y, aa_z, 4);
		test_skipped(aa, at, '\xff', aa_y, aa_z, 4);
	}
	for (at = s; at < (int)kept[dd].len; at++)
		test_skipped(dd, at, '\n', dd_x, aa_y, 3);
}

/* What cannot be: a counter below 0, and more than can be counted. */
static void
test_numbers(void)
{
	int v = find_key('V', 1), h = find_key('V', 3);
	size_t head = sizeof(struct value_head);
	struct pdc_label l = { "l", "y" };
	struct pdc_key k = help_key("aa", "_total", &l);
	char val[sizeof(kept[0].val)];

	test_skipped(v, (int)head + 8 + 7, '\x80' | 0x40, aa_y, aa_z, 4);
	test_skipped(h, (int)head + 7, '\xff', "cc_count{l=\"x\"}", aa_y, 3);
	memcpy(val, kept[v].val, kept[v].len);
	val[head + 8 + 7] = '\xc0';
	put_raw(kept[v].key, kept[v].klen, val, kept[v].len);
	ok(isnan(help_get(p, &k)), "nor got: %s", pdc_error());
	help_by_name(p, pdc_value_set, &k, 5);
	is_double(help_get(p, &k), 5, "a set makes it a number again");
	put_raw(kept[v].key, kept[v].klen, kept[v].val, kept[v].len);
}

/* All that one does with a store. */
static int
child_uses(void *arg)
{
	struct pdc_label l = { "l", "x" };
	struct pdc_key k = help_key("aa", "_total", &l);
	static const char *const names[] = { "aa", "bb", "cc" };
	const char *const labels[] = { "l", NULL };
	const char *const values[2][2] = { { "x", NULL }, { "new", NULL } };
	struct pdc_desc d = { .labels = labels };
	struct pdc_family *f;
	struct pdc_series *s;
	char *text;
	size_t len;
	int i, j;

	alarm(20);
	/* With an L that is damaged a series is made twice. */
	unsetenv("PDC_PAGES");
	for (i = 0; i < 3; i++) {
		d.type = i == 0 ? PDC_COUNTER :
		    i == 1	? PDC_GAUGE :
				  PDC_HISTOGRAM;
		d.name = k.metric = names[i];
		k.suffix = i == 0 ? "_total" : "";
		atomic_store(&p->retry_ns, 0);
		pdc_declare(&f, p, &d);
		for (j = 0; f != NULL && j < 2; j++) {
			pdc_labels(&s, f, values[j]);
			pdc_inc(s, 1);
			pdc_observe(s, 1);
			pdc_set(s, 1);
		}
		help_by_name(p, pdc_value_inc, &k, 1);
		help_by_name(p, pdc_value_observe, &k, 1);
		help_by_name(p, pdc_value_set, &k, 1);
		help_get(p, &k);
	}
	for (i = 0; i < 2; i++) {
		pdc_checkpoint(p);
		if (pdc_render(p, NULL, &text, &len, NULL) == 0)
			pdc_free(text);
		p->clock.mono_skew_ns += 61000000000;
	}
	/* A new epoch: everything is folded, and the old cells salvaged. */
	if (unlink(((char **)arg)[0]) == 0)
		pdc_checkpoint(p);
	pdc_checkpoint(p);
	return 0;
}

static void
change(char *val, size_t *len)
{
	uint32_t n = 1 + rnd() % 4;

	switch (rnd() % 4) {
	case 0:
		*len = rnd() % (uint32_t)*len;
		break;
	case 1:
		*len += 1 + rnd() % 64;
		break;
	default:
		while (n-- > 0)
			val[rnd() % *len] = (char)(rnd() % 3 ? rnd() : 0xff);
	}
}

static int
fuzz_once(int round)
{
	struct pdc_stat st;
	char *arg[1];
	static char val[8192];
	int i, status;
	size_t len;

	i = (int)(rnd() % (uint32_t)nkept);
	memset(val, 0, sizeof(val));
	memcpy(val, kept[i].val, kept[i].len);
	len = kept[i].len;
	change(val, &len);
	put_raw(kept[i].key, kept[i].klen, val, len);
	if (pdc_stat_get(p, &st) < 0)
		st.cells_path[0] = '\0';
	arg[0] = st.cells_path;
	status = help_child(child_uses, arg);
	if (status == 0)
		return 0;
	diag("round %d: %c record, %zu bytes: status %d", round, kept[i].key[0],
	    len, status);
	return 1;
}

int
main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : tap_short() ? 100 : 200;
	int i, wrong = 0;
	char *dir = tap_tmpdir(), path[4200];

	p = help_open(dir, 0);
	fill();
	keep_records();
	test_skipped(find_key('F', 1), -1, 0, "bb{l=\"y\"}", aa_y, 3);
	test_skipped(find_key('V', 1), -1, 0, aa_y, "bb{l=\"y\"}", 3);
	test_texts();
	test_numbers();
	pdc_close(p);

	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%d", dir, i);
		p = help_open(path, 0);
		fill();
		keep_records();
		wrong += fuzz_once(i);
		pdc_close(p);
	}
	is_int(wrong, 0, "of %d damaged stores none killed its user", n);
	return tap_done();
}
