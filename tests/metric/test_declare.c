/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Declarations and label values: what is refused, and in which words.
 */

#include <assert.h>
#include <math.h>
#include <stdint.h>

#include "base/errors.h"
#include "base/kinds.h"
#include "help.h"
#include "metric/metric.h"

/* pdc.h and the lists within say the same. */
enum {
#define X(name, value, text) LIST_##name = value,
	PDC_ERRORS(X)
#undef X
};
#define X(name, value, text) \
	static_assert((int)name == (int)LIST_##name, "pdc.h: " #name);
PDC_ERRORS(X)
#undef X
enum {
	LIST_NONE,
#define X(name, word, text, om) LIST_##name,
	PDC_KINDS(X)
#undef X
};
#define X(name, word, text, om) \
	static_assert((int)PDC_##name == (int)LIST_##name, "pdc.h: " #name);
PDC_KINDS(X)
#undef X

static struct pdc *p;

static int
declare(const struct pdc_desc *d)
{
	struct pdc_family *f = (struct pdc_family *)&p;
	int ret;

	ret = pdc_declare(&f, p, d);
	if (ret < 0 && f != NULL)
		bail_out("a handle though it failed");
	return ret;
}

static void
refused(const struct pdc_desc *d, int want, const char *words)
{
	int ret = declare(d);

	ok(ret == want && strstr(pdc_error(), words) != NULL, "%d: %s", ret,
	    ret < 0 ? pdc_error() : "");
}

static void
test_names(void)
{
	static const char *const bad[] = { "", "\xc3", "a\xff", "\xed\xa0\x80",
		"\xc0\xaf" };
	static const char *const ours[] = { "pdc_own", "pdc.own", "pdc own",
		"pdc\xc3\xa9" };
	static const char *const good[] = { "1a", "a-b", "a b", "\xc3\xa9",
		"a\n", "\"", "pdc", "pdc1.a", "pdcx_a", "a.b" };
	struct pdc_desc d = { .type = PDC_GAUGE };
	char name[420];
	size_t i;

	refused(&d, PDC_EINVAL, "not a metric name");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		d.name = bad[i];
		refused(&d, PDC_EINVAL, "not a metric name");
	}
	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		d.name = ours[i];
		refused(&d, PDC_EINVAL, "the store's own");
	}
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		d.name = good[i];
		is_int(declare(&d), 0, "%s is a name", good[i]);
	}
	memset(name, 'a', sizeof(name));
	name[401] = '\0';
	d.name = name;
	refused(&d, PDC_EINVAL, "at most 400 bytes, not 401");
	name[400] = '\0';
	is_int(declare(&d), 0, "400 bytes will do");
	d.name = "a:b";
	is_int(declare(&d), 0, "colons too");
	d.type = PDC_COUNTER;
	memcpy(name + 400, "_total", 7);
	name[0] = 'b';
	d.name = name;
	is_int(declare(&d), 0, "_total does not count");
	d.name = "_total";
	is_int(declare(&d), 0, "a counter may be called _total");
}

static void
test_labels_and_units(void)
{
	static const char *const le[] = { "le", NULL };
	static const char *const quantile[] = { "quantile", NULL };
	static const char *const under[] = { "__a", NULL };
	static const char *const twice[] = { "a", "b", "a", NULL };
	static const char *const bad[] = { "a\xff", NULL };
	static const char *const empty[] = { "", NULL };
	static const char *const utf8[] = { "a:b", "a.b", "\xc3\xa9", NULL };
	char words[66][8];
	const char *many[66], *longest[2] = { NULL };
	char large[300];
	struct pdc_desc d = { .type = PDC_HISTOGRAM, .name = "lab_h" };
	int i;

	d.labels = le;
	refused(&d, PDC_EINVAL, "le is reserved");
	d.type = PDC_SUMMARY;
	d.labels = quantile;
	refused(&d, PDC_EINVAL, "quantile is reserved");
	d.labels = under;
	refused(&d, PDC_EINVAL, "__a is reserved");
	d.labels = bad;
	refused(&d, PDC_EINVAL, "is not a label");
	d.labels = empty;
	refused(&d, PDC_EINVAL, "is not a label");
	d.labels = utf8;
	d.name = "lab_utf8";
	is_int(declare(&d), 0, "labels of all letters");
	d.labels = twice;
	refused(&d, PDC_EINVAL, "twice");
	for (i = 0; i < 65; i++) {
		snprintf(words[i], sizeof(words[i]), "l%d", i);
		many[i] = words[i];
	}
	many[65] = NULL;
	d.labels = many;
	refused(&d, PDC_EINVAL, "more than 64");
	many[64] = NULL;
	d.name = "lab_many";
	is_int(declare(&d), 0, "64 labels");
	memset(large, 'a', sizeof(large));
	large[256] = '\0';
	longest[0] = large;
	d.labels = longest;
	d.name = "lab_long";
	refused(&d, PDC_EINVAL, "more than 255");
	d = (struct pdc_desc){ .type = PDC_COUNTER, .name = "lab_c" };
	d.labels = le;
	is_int(declare(&d), 0, "a counter may have le");

	d = (struct pdc_desc){ .type = PDC_COUNTER,
		.name = "unit_total",
		.unit = "seconds" };
	refused(&d, PDC_EINVAL, "_seconds, its unit");
	d.name = "seconds_total";
	refused(&d, PDC_EINVAL, "_seconds, its unit");
	d.name = "unit_seconds_total";
	is_int(declare(&d), 0, "a unit before _total");
	d.help = "\xff";
	d.name = "unit_help_seconds";
	refused(&d, PDC_EINVAL, "UTF-8");
}

static void
test_bounds(void)
{
	const double down[] = { 1, 2, 2 }, nan[] = { 1, (double)NAN },
		     inf[] = { 1, 2, (double)INFINITY },
		     only[] = { (double)INFINITY },
		     low[] = { -(double)INFINITY, 1 };
	double many[1025];
	struct pdc_desc d = { .type = PDC_HISTOGRAM, .name = "bounds" };
	int i;

	d.bounds = down;
	d.nbounds = 3;
	refused(&d, PDC_EINVAL, "bound 3 (2)");
	d.bounds = nan;
	d.nbounds = 2;
	refused(&d, PDC_EINVAL, "bound 2 (NaN)");
	d.bounds = low;
	refused(&d, PDC_EINVAL, "bound 1 (-Inf)");
	d.bounds = only;
	d.nbounds = 1;
	refused(&d, PDC_EINVAL, "1 to 1024 finite bounds, not 0");
	d.nbounds = 0;
	refused(&d, PDC_EINVAL, "not 0");
	for (i = 0; i < 1025; i++)
		many[i] = i;
	d.bounds = many;
	d.nbounds = 1025;
	refused(&d, PDC_EINVAL, "not 1025");
	d.nbounds = 1024;
	d.name = "bounds_1024";
	is_int(declare(&d), 0, "1024 bounds");
	d.bounds = inf;
	d.nbounds = 3;
	d.name = "bounds";
	is_int(declare(&d), 0, "own bounds with +Inf");
	d.nbounds = 2;
	is_int(declare(&d), 0, "are the same as without");
	d.nbounds = 1;
	refused(&d, PDC_EEXIST, "1 bounds here, 2 in the store");
	d.bounds = NULL;
	refused(&d, PDC_EEXIST, "bound 1");
	d = (struct pdc_desc){ .type = PDC_SUMMARY, .name = "s" };
	d.bounds = inf;
	d.nbounds = 3;
	refused(&d, PDC_EINVAL, "for histograms");
}

static void
test_not_built(void)
{
	struct pdc_desc d = { .type = PDC_GAUGE, .name = "x" };

	d.mode = PDC_LIVESUM;
	is_int(declare(&d), 0, "a gauge has modes");
	d.mode = PDC_SUM;
	refused(&d, PDC_EEXIST, "of mode sum here, livesum in the store");
	d.mode = (enum pdc_mode)11;
	refused(&d, PDC_EINVAL, "mode 11");
	d.type = PDC_COUNTER;
	d.mode = PDC_SUM;
	refused(&d, PDC_EINVAL, "mode 7");
	d.mode = PDC_SHARED;
	d.ttl_s = 4e9;
	refused(&d, PDC_EINVAL, "ttl_s");
	d.ttl_s = 0;
	d.idle_s = -1;
	refused(&d, PDC_EINVAL, "idle_s");
	d.idle_s = 0;
	d.reserved[2] = 1;
	refused(&d, PDC_EINVAL, "reserved");
	d.reserved[2] = 0;
	d.type = (enum pdc_type)0;
	refused(&d, PDC_EINVAL, "no type 0");
	d.type = (enum pdc_type)8;
	refused(&d, PDC_EINVAL, "no type 8");
	is_int(pdc_declare(NULL, p, &d), PDC_EINVAL, "nowhere to put it");
	is_int(declare(NULL), PDC_EINVAL, "no description");
}

static void
test_contradictions(void)
{
	static const char *const ab[] = { "a", "b", NULL };
	static const char *const ba[] = { "b", "a", NULL };
	static const char *const ac[] = { "a", "c", NULL };
	struct pdc_desc d = { .type = PDC_COUNTER,
		.name = "same_total",
		.help = "one",
		.labels = ab };
	const char *many[21] = { NULL };
	struct pdc_family *f, *g;
	char words[20][32];
	char *page;
	int i;

	is_int(pdc_declare(&f, p, &d), 0, "a counter with _total");
	is_int(pdc_declare(&g, p, &d), 0, "again");
	ok(f == g, "is the same handle");
	d.name = "same";
	d.help = "another";
	is_int(pdc_declare(&g, p, &d), 0, "and without _total");
	ok(f == g, "too");
	d.labels = ba;
	is_int(declare(&d), 0, "labels in another order");
	d.labels = ac;
	refused(&d, PDC_EEXIST, "(a,c) here, (a,b) in the store");
	d.labels = NULL;
	refused(&d, PDC_EEXIST, "() here, (a,b) in the store");
	for (i = 0; i < 20; i++) {
		snprintf(words[i], sizeof(words[i]), "a_label_of_many_%02d", i);
		many[i] = words[i];
	}
	d.name = "many";
	d.labels = many;
	is_int(declare(&d), 0, "many labels");
	many[19] = "a_label_of_none";
	refused(&d, PDC_EEXIST, "a_label_of_many_19");
	refused(&d, PDC_EEXIST, "a_label_of_none");
	d.name = "same";
	d.labels = ab;
	d.type = PDC_SUMMARY;
	refused(&d, PDC_EEXIST, "a summary here, a counter in the store");
	page = help_page(p);
	ok(strstr(page, "HELP same_total one\n") != NULL,
	    "the first help stays");
	pdc_free(page);
}

/* An old and a new version of a program, or one of two that says less. */
static void
test_differing(void)
{
	struct pdc_desc d = { .type = PDC_GAUGE,
		.name = "two_seconds",
		.help = "one",
		.unit = "seconds",
		.ttl_s = 1000 };
	_Atomic uint64_t *n = &pdc_cells_now(p)->head->differing;
	uint64_t before;

	is_int(declare(&d), 0, "the first version");
	before = atomic_load(n);
	is_int(declare(&d), 0, "again");
	d.help = d.unit = NULL;
	d.ttl_s = 0;
	is_int(declare(&d), 0, "and one that says less");
	is_int((long long)(atomic_load(n) - before), 0, "do not differ");
	d.help = "two";
	is_int(declare(&d), 0, "another help");
	d.help = NULL;
	d.ttl_s = 5;
	is_int(declare(&d), 0, "another ttl");
	is_int((long long)(atomic_load(n) - before), 2, "do, and are counted");
}

static void
clash(enum pdc_type type, const char *name, const char *words)
{
	struct pdc_desc d = { .type = type, .name = name };

	refused(&d, PDC_EEXIST, words);
}

static void
test_clashes(void)
{
	help_family(p, PDC_COUNTER, "clash_a", NULL);
	clash(PDC_GAUGE, "clash_a_total", "clash_a_total");
	clash(PDC_GAUGE, "clash_a_created", "clash_a_created");
	help_family(p, PDC_GAUGE, "clash_b_total", NULL);
	clash(PDC_COUNTER, "clash_b", "clash_b_total");
	help_family(p, PDC_HISTOGRAM, "clash_c", NULL);
	clash(PDC_GAUGE, "clash_c_bucket", "clash_c");
	clash(PDC_GAUGE, "clash_c_count", "clash_c");
	clash(PDC_GAUGE, "clash_c_sum", "clash_c");
	clash(PDC_SUMMARY, "clash_c", "a summary here");
	help_family(p, PDC_GAUGE, "clash_d_sum", NULL);
	clash(PDC_SUMMARY, "clash_d", "clash_d_sum");
	clash(PDC_HISTOGRAM, "clash_d", "clash_d_sum");
	help_family(p, PDC_GAUGE, "clash_e_created", NULL);
	clash(PDC_COUNTER, "clash_e", "clash_e_created");
	help_family(p, PDC_GAUGE, "clash_c_buckets", NULL);
	clash(PDC_COUNTER, "clash_c_bucket", "clash_c_bucket");
	help_family(p, PDC_GAUGE, "clash_f_bucket", NULL);
	help_family(p, PDC_SUMMARY, "clash_f", NULL);
	ok(1, "what only looks like one is none");
}

static int
labels(struct pdc_family *f, const char *a, const char *b, const char *c)
{
	const char *values[] = { a, b, c, NULL };
	struct pdc_series *s = (struct pdc_series *)&p;
	int ret;

	ret = pdc_labels(&s, f, values);
	if (ret < 0 && s != NULL)
		bail_out("a handle though it failed");
	return ret;
}

static void
test_label_values(void)
{
	const char *ab[] = { "1", "2", NULL }, *ba[] = { "2", "1", NULL };
	const char *empty[] = { "", "", NULL };
	struct pdc_family *f = help_family(p, PDC_COUNTER, "val", "a,b");
	struct pdc_family *g = help_family(p, PDC_COUNTER, "val", "b,a");
	struct pdc_family *one = help_family(p, PDC_COUNTER, "val_one", "l");
	struct pdc_series *s, *t;
	char large[4200];

	is_int(labels(f, "1", NULL, NULL), PDC_EINVAL, "%s", pdc_error());
	is_int(labels(f, "1", "2", "3"), PDC_EINVAL, "%s", pdc_error());
	is_int(pdc_labels(&s, f, NULL), PDC_EINVAL, "%s", pdc_error());
	is_int(pdc_labels(NULL, f, ab), PDC_EINVAL, "%s", pdc_error());
	is_int(pdc_labels(&s, NULL, ab), PDC_EINVAL, "%s", pdc_error());
	pdc_labels(&s, f, ab);
	pdc_labels(&t, f, ab);
	ok(s == t, "the same values give the same handle");
	pdc_inc(s, 1);
	pdc_labels(&t, g, ba);
	pdc_inc(t, 1);
	is_double(help_sample(p, "val_total{a=\"1\",b=\"2\"}"), 2,
	    "in another order they are the same series");
	pdc_labels(&s, f, empty);
	pdc_inc(s, 3);
	is_double(help_sample(p, "val_total{a=\"\",b=\"\"}"), 3,
	    "empty values are values");
	pdc_inc(help_series(one,
		    "\xff"
		    "a\xc3"),
	    4);
	is_double(help_sample(p,
		      "val_one_total{l=\"\xef\xbf\xbd"
		      "a\xef\xbf\xbd\"}"),
	    4, "what is not UTF-8 is replaced");
	pdc_inc(help_series(one,
		    "\xfe"
		    "a\xc3"),
	    4);
	is_double(help_sample(p,
		      "val_one_total{l=\"\xef\xbf\xbd"
		      "a\xef\xbf\xbd\"}"),
	    8, "and what then is the same is the same series");
	memset(large, 'x', sizeof(large));
	large[4096] = '\0';
	is_int(labels(one, large, NULL, NULL), PDC_EINVAL, "%s", pdc_error());
	large[4095] = '\0';
	is_int(labels(one, large, NULL, NULL), 0, "4095 bytes and a NUL");
	memset(large, 0xff, 4095);
	is_int(labels(one, large, NULL, NULL), PDC_EINVAL,
	    "too long when replaced: %s", pdc_error());
	pdc_series_free(NULL);
	pdc_series_free(s);
	pdc_inc(s, 1);
	is_double(help_sample(p, "val_total{a=\"\",b=\"\"}"), 4,
	    "given back, a handle another holds is good");
}

int
main(void)
{
	p = help_open(tap_tmpdir(), 0);
	test_names();
	test_labels_and_units();
	test_bounds();
	test_not_built();
	test_contradictions();
	test_differing();
	test_clashes();
	test_label_values();
	pdc_close(p);
	return tap_done();
}
