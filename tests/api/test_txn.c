/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Transactions by name, in one process.
 */

#include <math.h>
#include <stdint.h>

#include "api/remove.h"
#include "help.h"

static struct pdc *p;
static const struct pdc_label x = { "l", "x" }, y = { "l", "y" };

static int
count_by_name(const struct pdc_key *k, double v)
{
	return help_by_name(p, pdc_value_inc, k, v);
}

static void
test_all_or_nothing(void)
{
	struct pdc_key a = help_key("nothing_a", "_total", &x);
	struct pdc_key b = help_key("nothing_b", "", NULL);
	struct pdc_key none = help_key("nothing_c", "_total", NULL);
	struct pdc_txn *t;

	help_family(p, PDC_COUNTER, "nothing_a", "l");
	help_family(p, PDC_GAUGE, "nothing_b", NULL);
	count_by_name(&a, 1);
	count_by_name(&b, 1);

	pdc_begin(&t, p);
	is_int(pdc_value_inc(t, &a, 5), 0, "an inc is kept");
	is_int(pdc_value_set(t, &b, 5), 0, "so is a set");
	is_int(pdc_value_inc(t, &none, 1), PDC_ENOENT, "an unknown metric");
	ok(strstr(pdc_error(), "nothing_c") != NULL, "named: %s", pdc_error());
	is_int(pdc_value_inc(t, &a, 5), PDC_ENOENT, "the first error stays");
	is_int(pdc_commit(t), PDC_ENOENT, "and is what commit says");
	is_double(help_get(p, &a), 1, "the counter is untouched");
	is_double(help_get(p, &b), 1, "and the gauge");

	pdc_begin(&t, p);
	pdc_value_inc(t, &a, 5);
	pdc_value_set(t, &b, 5);
	pdc_abort(t);
	is_double(help_get(p, &a), 1, "nothing of an aborted one is done");

	pdc_begin(&t, p);
	pdc_value_inc(t, &a, 5);
	pdc_value_set(t, &b, 5);
	pdc_value_inc(t, &b, -7);
	is_int(pdc_commit(t), 0, "a commit");
	is_double(help_sample(p, "nothing_a_total{l=\"x\"}"), 6, "did the inc");
	is_double(help_sample(p, "nothing_b"), -2, "the set and the inc");
}

static void
test_own_writes(void)
{
	struct pdc_key a = help_key("own_a", "_total", &x);
	struct pdc_key b = help_key("own_a", "_total", &y);
	struct pdc_key g = help_key("own_g", "", NULL);
	struct pdc_txn *t;
	double v = -1;
	int was = -1;

	help_family(p, PDC_COUNTER, "own_a", "l");
	help_family(p, PDC_GAUGE, "own_g", NULL);
	count_by_name(&a, 3);
	pdc_begin(&t, p);
	is_int(pdc_value_get(t, &b, &v), PDC_ENOENT, "no such series yet");
	is_double(v, -1, "the result is left alone");
	pdc_value_inc(t, &a, 2);
	pdc_value_get(t, &a, &v);
	is_double(v, 5, "get sees an inc");
	pdc_value_set(t, &a, 7);
	pdc_value_inc(t, &a, 1);
	pdc_value_get(t, &a, &v);
	is_double(v, 8, "and a set, in order");
	is_int(pdc_value_setnx(t, &a, 9, &was), 0, "setnx on it");
	is_int(was, 0, "finds it set");
	is_int(pdc_value_setnx(t, &b, 9, &was), 0, "setnx on another");
	is_int(was, 1, "sets it");
	is_int(pdc_value_setnx(t, &b, 10, &was), 0, "and again");
	is_int(was, 0, "finds its own");
	pdc_value_get(t, &b, &v);
	is_double(v, 9, "with its value");
	is_int(pdc_value_setnx(t, &g, 4, NULL), 0, "was_set may be NULL");
	pdc_value_inc(t, &g, -1);
	pdc_value_get(t, &g, &v);
	is_double(v, 3, "a gauge too");
	is_int(pdc_commit(t), 0, "all that commits");
	is_double(help_get(p, &a), 8, "the first series");
	is_double(help_get(p, &b), 9, "the second");
	is_double(help_get(p, &g), 3, "the gauge");
}

/* A transaction that read a, and is committed after a's inc by another. */
static int
read_then(const struct pdc_key *a, const struct pdc_key *other, int writes)
{
	struct pdc_txn *t;
	double v;
	int ret;

	pdc_begin(&t, p);
	ret = pdc_value_get(t, a, &v);
	if (ret < 0 && ret != PDC_ENOENT)
		bail_out("get: %s", pdc_error());
	if (other != NULL)
		count_by_name(other, 1);
	if (writes)
		pdc_value_set(t, a, 100);
	return pdc_commit(t);
}

static void
test_what_was_read(void)
{
	struct pdc_key a = help_key("read_a", "_total", &x);
	struct pdc_key b = help_key("read_a", "_total", &y);
	struct pdc_key h = help_key("read_h", "_count", NULL);
	struct pdc_family *f = help_family(p, PDC_COUNTER, "read_a", "l");
	struct pdc_family *fh = help_family(p, PDC_SUMMARY, "read_h", NULL);
	struct pdc_series *s = help_series(f, "x");
	struct pdc_txn *t;
	double v;
	int was;

	count_by_name(&a, 1);
	is_int(read_then(&a, &a, 1), PDC_EAGAIN, "what was read has changed");
	ok(strstr(pdc_error(), "read_a") != NULL, "in words: %s", pdc_error());
	is_double(help_get(p, &a), 2, "and nothing was done");
	is_int(read_then(&a, &a, 0), PDC_EAGAIN, "also without a write");
	is_int(read_then(&b, &b, 1), PDC_EAGAIN, "what was absent is there");
	is_int(read_then(&a, &b, 1), 0, "another series does not matter");
	is_double(help_get(p, &a), 100, "so that was done");

	pdc_begin(&t, p);
	pdc_value_get(t, &a, &v);
	pdc_inc(s, 3);
	is_int(pdc_checkpoint(p), 0, "lanes move and are checkpointed");
	pdc_inc(s, 3);
	pdc_value_inc(t, &a, 1);
	is_int(pdc_commit(t), 0, "which is no change of what was read");
	is_double(help_get(p, &a), 107, "all of it counts");

	pdc_begin(&t, p);
	pdc_value_setnx(t, &a, 1, &was);
	count_by_name(&a, 1);
	pdc_value_inc(t, &b, 1);
	is_int(pdc_commit(t), PDC_EAGAIN, "setnx reads too");

	help_series(fh, NULL);
	pdc_begin(&t, p);
	pdc_value_get(t, &h, &v);
	help_by_name(p, pdc_value_observe, &h, 2);
	pdc_value_observe(t, &h, 1);
	is_int(pdc_commit(t), PDC_EAGAIN, "and a pair's");
	is_double(help_get(p, &h), 1, "nothing was observed twice");
}

static void
test_suffixes(void)
{
	struct pdc_label le[] = { { "le", "1" }, { "l", "x" } };
	struct pdc_key k = help_key("suffix_c", "_total", NULL);
	struct pdc_key h = { "suffix_h", "_bucket", le, 2 };
	const double bounds[] = { 1, 2 };
	const char *const names[] = { "l", NULL };
	struct pdc_desc d = { .type = PDC_HISTOGRAM,
		.name = "suffix_h",
		.labels = names,
		.bounds = bounds,
		.nbounds = 2 };
	struct pdc_family *f;
	struct pdc_txn *t;
	double v = 0;

	help_family(p, PDC_COUNTER, "suffix_c", NULL);
	help_family(p, PDC_GAUGE, "suffix_g", NULL);
	pdc_declare(&f, p, &d);
	count_by_name(&k, 1);
	k.suffix = "_created";
	ok(help_get(p, &k) > 1e9, "a counter's _created is a time");
	k.suffix = "";
	is_int(count_by_name(&k, 1), PDC_EINVAL, "a counter has a suffix");
	k.suffix = "_created";
	is_int(count_by_name(&k, 1), PDC_EINVAL, "_created is not added to");
	k.suffix = "_total";
	is_int(count_by_name(&k, -1), PDC_ERANGE, "a counter never sinks");
	is_int(count_by_name(&k, INFINITY), PDC_ERANGE, "nor is infinite");
	is_int(count_by_name(&k, NAN), PDC_ERANGE, "nor NaN");
	is_int(help_by_name(p, pdc_value_set, &k, -1), PDC_ERANGE,
	    "and is not set below 0");
	is_int(help_by_name(p, pdc_value_observe, &k, 1), PDC_EINVAL,
	    "a counter is not observed");
	k.metric = "suffix_g";
	is_int(count_by_name(&k, 1), PDC_EINVAL, "a gauge has no _total");
	k.suffix = NULL;
	is_int(count_by_name(&k, -INFINITY), 0, "NULL is no suffix");
	is_double(help_get(p, &k), -INFINITY, "a gauge takes anything");

	is_int(help_by_name(p, pdc_value_set, &h, 1), PDC_EINVAL,
	    "a histogram is not set: %s", pdc_error());
	h.nlabels = 1;
	is_int(help_by_name(p, pdc_value_observe, &h, 1.5), PDC_EINVAL,
	    "a label is missing: %s", pdc_error());
	h.nlabels = 2;
	is_int(help_by_name(p, pdc_value_observe, &h, 1.5), 0,
	    "observed as a bucket");
	h.suffix = "";
	h.labels = le + 1;
	h.nlabels = 1;
	is_int(help_by_name(p, pdc_value_observe, &h, .5), 0,
	    "and without a suffix");
	is_int(help_by_name(p, pdc_value_observe, &h, NAN), PDC_ERANGE,
	    "NaN is refused");
	is_int(help_by_name(p, pdc_value_observe, &h, INFINITY), 0,
	    "infinity is not");
	h.suffix = "_count";
	is_double(help_get(p, &h), 3, "_count");
	h.suffix = "_sum";
	is_double(help_get(p, &h), INFINITY, "_sum");
	h.suffix = "_bucket";
	h.labels = le;
	h.nlabels = 2;
	is_double(help_get(p, &h), 1, "a bucket");
	le[0].value = "2.0";
	is_double(help_get(p, &h), 2, "buckets are cumulative");
	le[0].value = "+Inf";
	is_double(help_get(p, &h), 3, "up to +Inf");
	pdc_begin(&t, p);
	le[0].value = "3";
	is_int(pdc_value_get(t, &h, &v), PDC_ENOENT, "no such bucket: %s",
	    pdc_error());
	le[0].value = "x";
	is_int(pdc_value_get(t, &h, &v), PDC_EINVAL, "no number: %s",
	    pdc_error());
	pdc_abort(t);
}

static void
test_arguments(void)
{
	struct pdc_label twice[] = { { "l", "x" }, { "l", "x" } };
	struct pdc_label wrong = { "m", "x" }, null = { "l", NULL };
	struct pdc_key k = { "args_c", "_total", twice, 2 };
	char name[402], value[5000];
	struct pdc_txn *t = NULL;
	struct pdc_label large = { "l", value };
	double v;

	is_int(pdc_begin(NULL, p), PDC_EINVAL, "begin without a place");
	is_int(pdc_begin(&t, NULL), PDC_EINVAL, "begin without a store");
	ok(t == NULL, "gives no transaction");
	is_int(pdc_commit(NULL), PDC_EINVAL, "commit of nothing");
	pdc_abort(NULL);
	is_int(pdc_value_inc(NULL, &k, 1), PDC_EINVAL, "inc in nothing");
	help_family(p, PDC_COUNTER, "args_c", "l");
	is_int(count_by_name(&k, 1), PDC_EINVAL, "a label twice: %s",
	    pdc_error());
	k.nlabels = 1;
	k.labels = &wrong;
	is_int(count_by_name(&k, 1), PDC_EINVAL, "a wrong label: %s",
	    pdc_error());
	k.labels = &null;
	is_int(count_by_name(&k, 1), PDC_EINVAL, "no value: %s", pdc_error());
	k.labels = NULL;
	is_int(count_by_name(&k, 1), PDC_EINVAL, "no labels: %s", pdc_error());
	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	k.labels = &large;
	is_int(count_by_name(&k, 1), PDC_EINVAL, "too long: %s", pdc_error());
	value[4095] = '\0';
	is_int(count_by_name(&k, 1), 0, "as long as can be");
	is_double(help_get(p, &k), 1, "is a series");
	is_int(help_by_name(p, pdc_value_inc, NULL, 1), PDC_EINVAL, "no key");

	pdc_begin(&t, p);
	is_int(pdc_value_get(t, &k, NULL), PDC_EINVAL, "get to nowhere");
	is_int(pdc_commit(t), PDC_EINVAL, "is an error of the transaction");

	memset(name, 'n', sizeof(name) - 1);
	name[400] = '\0';
	help_family(p, PDC_GAUGE, name, NULL);
	k = help_key(name, "", NULL);
	is_int(count_by_name(&k, 1), 0, "a name of 400 bytes");
	name[400] = 'n';
	name[401] = '\0';
	is_int(count_by_name(&k, 1), PDC_ENOENT, "is not one of 401");
	pdc_begin(&t, p);
	k.metric = "";
	is_int(pdc_value_get(t, &k, &v), PDC_ENOENT, "nor is the empty one");
	pdc_abort(t);
}

static int
child_of_begin(void *arg)
{
	struct pdc_key k = help_key("fork_c", "_total", NULL);
	struct pdc_txn *t = arg;
	double v;

	if (pdc_value_get(t, &k, &v) != PDC_ECHILD)
		return 1;
	if (pdc_value_inc(t, &k, 1) != PDC_ECHILD)
		return 2;
	if (pdc_commit(t) != PDC_ECHILD)
		return 3;
	if (help_by_name(p, pdc_value_inc, &k, 10) != 0)
		return 4;
	return 0;
}

static int
child_aborts(void *arg)
{
	pdc_abort(arg);
	return 0;
}

/* What it began itself, too, and has nothing to do. */
static int
child_closes(void *arg)
{
	struct pdc_txn *own;

	if (pdc_begin(&own, p) != 0)
		return 1;
	pdc_close(p);
	if (pdc_commit(arg) != PDC_ECHILD)
		return 2;
	return pdc_commit(own) == 0 ? 0 : 3;
}

static void
test_forked_children(void)
{
	struct pdc_key k = help_key("fork_c", "_total", NULL);
	struct pdc_txn *t;

	help_family(p, PDC_COUNTER, "fork_c", NULL);
	pdc_begin(&t, p);
	pdc_value_inc(t, &k, 1);
	is_int(help_child(child_of_begin, t), 0,
	    "a child cannot use its parent's transaction, only its own");
	is_int(help_child(child_aborts, t), 0, "but abort it");
	is_int(help_child(child_closes, t), 0, "also when the store is closed");
	is_int(pdc_commit(t), 0, "the parent goes on");
	is_double(help_get(p, &k), 11, "with both counted once");
}

/* The same name, but a gauge without labels. */
static int
child_declares(void *arg)
{
	struct pdc_desc d = { .type = PDC_GAUGE, .name = "anew" };
	struct pdc_family *f;

	if (*(int *)arg && pdc_clear(p) != 0)
		return 1;
	return pdc_declare(&f, p, &d) == 0 ? 0 : 2;
}

/* What a call knows of a metric from the calls before is what it is now. */
static void
test_declared_anew(void)
{
	struct pdc_key k = help_key("anew", "_total", &x);
	struct pdc_txn *t;
	int i, clear;

	for (i = 0; i < 3; i++) {
		pdc_clear(p);
		help_family(p, PDC_COUNTER, "anew", "l");
		is_int(count_by_name(&k, 1), 0, "a counter by name");
		clear = i < 2;
		if (!clear) /* and nothing is to be written here */
			pdc_clear(p);
		pdc_begin(&t, p);
		if (i > 0)
			is_int(pdc_refresh_expire(t, "anew"), 0, "refreshed");
		if (i > 1) {
			is_int(pdc_commit(t), 0, "with nothing to write");
			pdc_begin(&t, p);
		}
		is_int(help_child(child_declares, &clear), 0,
		    "another process makes a gauge of it");
		is_int(pdc_value_inc(t, &k, 1), PDC_EINVAL,
		    "which is known at once");
		pdc_commit(t);
	}
}

/* One in each thread at once: all but one have to be made. */
static void
test_two_at_once(void)
{
	struct pdc_key a = help_key("two_a", "_total", &x);
	struct pdc_key b = help_key("two_b", "_total", NULL);
	struct pdc_txn *t, *u;
	int i;

	help_family(p, PDC_COUNTER, "two_a", "l");
	help_family(p, PDC_COUNTER, "two_b", NULL);
	for (i = 0; i < 2; i++) {
		pdc_begin(&t, p);
		pdc_begin(&u, p);
		is_int(pdc_value_inc(t, &a, 1), 0, "one");
		is_int(pdc_value_inc(u, &b, 2), 0, "another beside it");
		is_int(pdc_value_inc(t, &b, 4), 0, "a second of the one");
		is_int(pdc_commit(u), 0, "the other is committed");
		is_int(pdc_value_inc(t, &a, 8), 0, "the one goes on");
		is_int(pdc_commit(t), 0, "and is, too");
	}
	is_double(help_get(p, &a), 18, "all is done");
	is_double(help_get(p, &b), 12, "once");
}

/*
 * All descriptors are closed, and the directory is another's, in which the
 * metric has the same number: what was meant for the one is not done to it.
 */
static int
child_replaced(void *arg)
{
	struct pdc_key k = help_key("c", "_total", &x);
	struct pdc *was = help_open(arg, 0), *is;
	char aside[4200];
	int fd, ret;

	help_family(was, PDC_COUNTER, "c", "l");
	if (help_by_name(was, pdc_value_inc, &k, 1) != 0)
		return 1;
	snprintf(aside, sizeof(aside), "%s.aside", (char *)arg);
	if (rename(arg, aside) == -1)
		return 2;
	is = help_open(arg, 0);
	help_family(is, PDC_HISTOGRAM, "c", NULL);
	for (fd = 3; fd < 1024; fd++)
		close(fd);
	ret = help_by_name(was, pdc_value_inc, &k, 1);
	return ret == PDC_ENOENT ? 0 : 3;
}

static void
test_replaced(void)
{
	char dir[4200];

	snprintf(dir, sizeof(dir), "%s/replaced", tap_tmpdir());
	is_int(help_child(child_replaced, dir), 0,
	    "a store that has taken the place of another is left alone");
}

/* What a parent knows of a metric its child looks up itself. */
static int
child_counts(void *arg)
{
	return help_by_name(p, pdc_value_inc, arg, 10);
}

static void
test_known_to_parent(void)
{
	struct pdc_key k = help_key("parent_c", "_total", NULL);

	help_family(p, PDC_COUNTER, "parent_c", NULL);
	count_by_name(&k, 1);
	is_int(help_child(child_counts, &k), 0, "a child counts by name");
	is_int(count_by_name(&k, 1), 0, "and its parent");
	is_int(help_child(child_counts, &k), 0, "another child");
	is_double(help_get(p, &k), 22, "all is counted once");
}

static void
test_beside_lanes(void)
{
	struct pdc_key c = help_key("beside_c", "_total", &x);
	struct pdc_key h = help_key("beside_h", "_count", NULL);
	struct pdc_key g = help_key("beside_g", "", NULL);
	struct pdc_series *sc, *sh, *sg;
	int i;

	sc = help_series(help_family(p, PDC_COUNTER, "beside_c", "l"), "x");
	sh = help_series(help_family(p, PDC_HISTOGRAM, "beside_h", NULL), NULL);
	sg = help_series(help_family(p, PDC_GAUGE, "beside_g", NULL), NULL);
	for (i = 0; i < 20; i++) {
		pdc_inc(sc, 1);
		count_by_name(&c, 10);
		pdc_observe(sh, 1);
		help_by_name(p, pdc_value_observe, &h, 1);
		pdc_inc(sg, 1);
		count_by_name(&g, -3);
		if (i % 5 == 0)
			pdc_checkpoint(p);
	}
	is_double(help_get(p, &c), 220, "a counter, by lanes and by name");
	is_double(help_get(p, &h), 40, "a histogram");
	h.suffix = "_sum";
	is_double(help_get(p, &h), 40, "its sum");
	is_double(help_get(p, &g), -40, "a gauge");
	is_double(help_sample(p, "beside_h_bucket{le=\"+Inf\"}"), 40,
	    "and so on the page");
}

int
main(void)
{
	char *dir = tap_tmpdir();

	p = help_open(dir, 0);
	test_all_or_nothing();
	test_own_writes();
	test_what_was_read();
	test_suffixes();
	test_arguments();
	test_forked_children();
	test_declared_anew();
	test_two_at_once();
	test_replaced();
	test_known_to_parent();
	test_beside_lanes();
	pdc_close(p);
	return tap_done();
}
