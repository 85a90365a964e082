/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Removing, resetting and clearing: what is gone, what stays, what comes late,
 * and that numbers and cells are given out again.
 */

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/remove.h"
#include "checkpoint/checkpoint.h"
#include "collect/collect.h"
#include "metric/metric.h"
#include "multi/multi.h"
#include "sound.h"
#include "store/dying.h"
#include "tap.h"

#define NKINDS 4

static struct pdc *p;

static const struct kind {
	enum pdc_type type;
	enum cells_zone_kind zone;
	const char *name, *sample;
} kinds[NKINDS] = {
	{ PDC_COUNTER, ZONE_ADD, "c", "c_total{l=\"x\"}" },
	{ PDC_GAUGE, ZONE_GAUGE, "g", "g{l=\"x\"}" },
	{ PDC_SUMMARY, ZONE_PAIR, "s", "s_sum{l=\"x\"}" },
	{ PDC_HISTOGRAM, ZONE_PAIR, "h", "h_sum{l=\"x\"}" },
};

static const char *const x_value[] = { "x", NULL };

static void
add(struct pdc_series *s, enum pdc_type type, double v)
{
	if (type == PDC_COUNTER || type == PDC_GAUGE)
		pdc_inc(s, v);
	else
		pdc_observe(s, v);
}

/* The grace of what is dying ends, and the upkeep sees it. */
static void
grace(void)
{
	p->clock.mono_skew_ns += DYING_GRACE_NS + 1;
	pdc_maintain(p);
	pdc_maintain(p);
}

static void
test_removed(const struct kind *k, unsigned flags)
{
	const char *how = flags & PDC_ATOMIC ? "pending" : "rings";
	struct pdc_family *f;
	struct pdc_series *s;

	p = multi_open(tap_tmpdir(), flags);
	f = multi_declare(p, k->type, k->name, "l");
	s = multi_series(f, "x");
	add(s, k->type, 5);
	is_double(multi_now(p, k->sample), 5, "%s, %s: counted", k->name, how);
	is_int(pdc_remove(f, x_value), 0, "it is removed");
	ok(isnan(multi_now(p, k->sample)), "and on no page");
	is_int(pdc_remove(f, x_value), PDC_ENOENT, "nor there again: %s",
	    pdc_error());
	add(s, k->type, 3);
	is_int(pdc_maintain(p), 0, "the handle goes on");
	is_double(multi_now(p, k->sample), 3, "from nothing");
	add(s, k->type, 1);
	pdc_maintain(p);
	is_double(multi_now(p, k->sample), 4, "and on");
	ok(multi_series(f, "x") == s, "the same values give the same handle");
	grace();
	is_double(multi_now(p, k->sample), 4, "nothing comes late");
	is_int(multi_records(p, 'D') + multi_records(p, 'K'), 0,
	    "nothing is dying");
	add(s, k->type, 1);
	is_double(multi_now(p, k->sample), 5, "and it counts by its cell");
	sound_close(p);
}

/*
 * Somebody who has compared the tag and sleeps: what he adds to the old cells
 * is done by the test itself.
 */
static void
late_add(const struct kind *k, uint64_t unit, uint64_t id, double v)
{
	struct cells *c = pdc_cells_now(p);

	pdc_cells_tag(c, k->zone, unit, id);
	if (k->type == PDC_COUNTER)
		pdc_lane_add(c, unit, id, v);
	else if (k->type == PDC_GAUGE)
		pdc_lane_gauge_set(c, unit, id, v);
	else
		pdc_lane_pair(c, unit, 0, id, v);
	pdc_cells_tag(c, k->zone, unit, 0);
}

static void
test_late(const struct kind *k, int removed)
{
	struct pdc_family *f;
	struct pdc_series *s;
	uint64_t unit, id;
	double want;

	p = multi_open(tap_tmpdir(), 0);
	f = multi_declare(p, k->type, k->name, "l");
	s = multi_series(f, "x");
	add(s, k->type, 5);
	unit = atomic_load(&s->unit);
	id = atomic_load(&s->id);
	if (removed)
		is_int(pdc_remove(f, x_value), 0, "%s: removed", k->name);
	else
		is_int(pdc_reset(s), 0, "%s: reset", k->name);
	late_add(k, unit, id, .5);
	pdc_maintain(p);
	ok(removed ? isnan(multi_now(p, k->sample)) :
		     multi_now(p, k->sample) == 0,
	    "what comes late is not seen at once");
	grace();
	want = removed ? (double)NAN : .5;
	is_double(multi_now(p, k->sample), want, "later it is %s",
	    removed ? "dropped" : "credited");
	grace();
	is_double(multi_now(p, k->sample), want, "once");
	sound_close(p);
}

static void
test_late_after_end(const struct kind *k)
{
	struct pdc_family *f;
	struct family *fam = malloc(sizeof(*fam));
	struct pdc_series *s;
	uint64_t unit, id;
	struct stxn x;

	p = multi_open(tap_tmpdir(), 0);
	f = multi_declare(p, k->type, k->name, "l");
	s = multi_series(f, "x");
	add(s, k->type, 5);
	pdc_maintain(p);
	unit = atomic_load(&s->unit);
	id = atomic_load(&s->id);
	if (fam == NULL || pdc_stxn_write(&x, p->store, 1000) < 0 ||
	    pdc_family_get(&x, k->name, fam) < 0)
		bail_out("%s", pdc_error());
	is_int(pdc_family_end(&x, fam, GONE_ENDED), 0, "%s: its family ends",
	    k->name);
	pdc_stxn_commit(&x);
	free(fam);
	ok(isnan(multi_now(p, k->sample)), "it is on no page");
	add(s, k->type, 2); /* its tag is still there */
	pdc_maintain(p);
	late_add(k, unit, id, 1);
	pdc_maintain(p);
	grace();
	is_double(multi_now(p, k->sample), k->type == PDC_GAUGE ? 1 : 3,
	    "what came since makes it anew");
	is_int(multi_records(p, 'E'), 0, "nothing is left to be swept");
	grace();
	is_int(multi_records(p, 'E') + multi_records(p, 'D'), 0, "nor later");
	sound_close(p);
}

static void
test_reset(void)
{
	struct pdc_series *c, *g, *h;
	char *page;
	double was;

	p = multi_open(tap_tmpdir(), 0);
	c = multi_series(multi_declare(p, PDC_COUNTER, "c", NULL), NULL);
	g = multi_series(multi_declare(p, PDC_GAUGE, "g", NULL), NULL);
	h = multi_series(multi_declare(p, PDC_HISTOGRAM, "h", NULL), NULL);
	pdc_inc(c, 7);
	pdc_observe(h, 1);
	was = multi_get(p, "h", "_created", NULL, NULL);
	is_int(pdc_reset(g), PDC_EINVAL, "no gauge: %s", pdc_error());
	is_int(pdc_reset(c), 0, "a counter");
	is_int(pdc_reset(h), 0, "a histogram");
	is_int(pdc_reset(NULL), PDC_EINVAL, "nor nothing");
	page = multi_page(p);
	is_double(multi_sample(page, "c_total"), 0, "both are 0");
	is_double(multi_sample(page, "h_count"), 0, "in all parts");
	is_double(multi_sample(page, "h_bucket{le=\"+Inf\"}"), 0, "and there");
	pdc_free(page);
	ok(multi_get(p, "h", "_created", NULL, NULL) > was,
	    "with a new created time");
	pdc_inc(c, 2);
	pdc_observe(h, .5);
	is_double(multi_now(p, "c_total"), 2, "and go on at once");
	is_double(multi_now(p, "h_sum"), .5, "by their cells");
	sound_close(p);
}

/* More than fit in one transaction. */
static void
test_reset_all(void)
{
	struct pdc_key k = { .metric = "f" };
	struct pdc_family *f;
	struct pdc_series *s = NULL;
	char name[16];
	int i;

	p = multi_open(tap_tmpdir(), 0);
	f = multi_declare(p, PDC_COUNTER, "f", "l");
	for (i = 0; i < 900; i++) {
		snprintf(name, sizeof(name), "%d", i);
		s = multi_series(f, name);
		pdc_inc(s, 1);
	}
	is_int(pdc_name_reset(p, &k), 0, "900 series are reset");
	is_int(multi_records(p, 'S'), 900, "and are there");
	is_int(multi_records(p, 'D'), 900, "each once");
	is_double(multi_now(p, "f_total{l=\"0\"}"), 0, "the first");
	is_double(multi_now(p, "f_total{l=\"899\"}"), 0, "and the last");
	pdc_inc(s, 2);
	is_double(multi_now(p, "f_total{l=\"899\"}"), 2, "and count on");
	sound_close(p);
}

static void
test_families(void)
{
	struct pdc_family *f, *other;
	struct pdc_series *a, *b, *keep;
	struct pdc_desc d = { .type = PDC_GAUGE, .name = "f" };
	int i;
	char name[16];

	p = multi_open(tap_tmpdir(), 0);
	f = multi_declare(p, PDC_COUNTER, "f", "l");
	other = multi_declare(p, PDC_COUNTER, "other", "l");
	keep = multi_series(other, "x");
	pdc_inc(keep, 1);
	for (i = 0; i < 1500; i++) {
		snprintf(name, sizeof(name), "%d", i);
		pdc_inc(multi_series(f, name), 1);
	}
	a = multi_series(f, "0");
	b = multi_series(f, "1");
	is_int(pdc_remove(f, NULL), 0, "a family of 1500 series is removed");
	ok(isnan(multi_now(p, "f_total{l=\"0\"}")), "all are gone");
	is_int(multi_records(p, 'S'), 1, "but for another family's");
	pdc_inc(a, 1);
	pdc_maintain(p);
	is_double(multi_now(p, "f_total{l=\"0\"}"), 1, "one comes back");
	is_int(pdc_remove(f, NULL), 0, "and is removed");
	is_int(pdc_declare(&f, p, &d), 0, "now another may have the name");
	pdc_set(multi_series(f, NULL), 4);
	is_double(multi_now(p, "f"), 4, "and has it");
	pdc_inc(b, 1);
	pdc_maintain(p);
	ok(isnan(multi_now(p, "f_total{l=\"1\"}")),
	    "updates of the first are dropped");
	ok(atomic_load(&pdc_cells_now(p)->head->drops[DROP_SHAPE]) > 0,
	    "and counted");
	is_double(multi_now(p, "other_total{l=\"x\"}"), 1,
	    "other families stay");
	grace();
	grace();
	is_int(multi_records(p, 'E') + multi_records(p, 'D') +
		multi_records(p, 'N'),
	    0, "after the grace nothing is left of it");
	is_int(multi_records(p, 'V'), 2, "but two families' values");
	sound_close(p);
}

static void
test_again(const struct kind *k)
{
	uint64_t units = 0, size = 0;
	struct store_stat ss;
	struct pdc_family *f;
	int i, round, wrong = 0;
	char name[16], sample[32];

	p = multi_open(tap_tmpdir(), 0);
	f = multi_declare(p, k->type, k->name, "l");
	for (round = 0; round < 12; round++) {
		for (i = 0; i < 300; i++) {
			const char *v[] = { name, NULL };

			snprintf(name, sizeof(name), "%d-%d", round, i);
			add(multi_series(f, name), k->type, 2);
			if (i % 50 == 0) {
				snprintf(sample, sizeof(sample),
				    k->type == PDC_COUNTER ?
					"%s_total{l=\"%s\"}" :
					k->type == PDC_GAUGE ?
					"%s{l=\"%s\"}" :
					"%s_sum{l=\"%s\"}",
				    k->name, name);
				wrong += multi_now(p, sample) != 2;
			}
			wrong += pdc_remove(f, v) != 0;
		}
		grace();
		pdc_store_stat(p->store, &ss);
		if (round == 2) {
			units = atomic_load(&pdc_cells_now(p)->head->allocated);
			size = ss.data_bytes;
		}
	}
	is_int(wrong, 0, "%s: 3600 series, each for a while", k->name);
	is_int((long long)atomic_load(&pdc_cells_now(p)->head->allocated),
	    (long long)units, "have the cells of 300");
	ok(ss.data_bytes <= size, "and the records: %llu bytes, then %llu",
	    (unsigned long long)size, (unsigned long long)ss.data_bytes);
	sound_close(p);
}

/* Somebody is killed while he gives out a number again. */
static void
test_again_cut_off(const struct kind *k)
{
	struct place *pl = calloc(1, sizeof(*pl));
	struct pdc_family *f;
	struct stxn x;

	p = multi_open(tap_tmpdir(), 0);
	f = multi_declare(p, k->type, k->name, "l");
	add(multi_series(f, "x"), k->type, 5);
	pdc_maintain(p);
	is_int(pdc_remove(f, x_value), 0, "%s: removed", k->name);
	grace();
	is_int(multi_records(p, 'N'), 1, "its number is free");
	if (pl == NULL || pdc_stxn_write(&x, p->store, 1000) < 0)
		bail_out("write: %s", pdc_error());
	pl->v = p->store->value;
	is_int(pdc_place_family(&x, f, pl), 0, "another one is begun");
	is_int(pdc_place_make(&x, pl, "y", 2), 0, "which empties its cells");
	pdc_stxn_abort(&x);
	free(pl);
	pdc_maintain(p);
	is_int((long long)atomic_load(&pdc_cells_now(p)->head->anomalies), 0,
	    "but not done: no count sinks, for nobody has these cells");
	add(multi_series(f, "z"), k->type, 2);
	is_int(multi_records(p, 'N'), 0, "the number is given out");
	pdc_maintain(p);
	ok(isnan(multi_now(p, k->sample)), "and all is well");
	pdc_close(p);
}

/*
 * Two runs with something late, and the second credit makes a series: not by
 * the number of the first, or its lanes would be empty when all of it has to be
 * done again.
 */
static void
test_late_cut_off(const struct kind *k, const char *other)
{
	struct pdc_series *s[2];
	uint64_t unit[2], id[2];
	struct pdc_family *f;
	struct stxn x;
	int i;

	p = multi_open(tap_tmpdir(), 0);
	f = multi_declare(p, k->type, k->name, "l");
	for (i = 0; i < 2; i++) {
		s[i] = multi_series(f, i == 0 ? "y" : "x");
		add(s[i], k->type, 5);
		unit[i] = atomic_load(&s[i]->unit);
		id[i] = atomic_load(&s[i]->id);
		is_int(pdc_reset(s[i]), 0, "%s: %d is reset", k->name, i);
		late_add(k, unit[i], id[i], .5);
	}
	is_int(pdc_remove(f, x_value), 0, "and one is removed");
	p->clock.mono_skew_ns += DYING_GRACE_NS + 1;
	if (pdc_stxn_write(&x, p->store, 1000) < 0)
		bail_out("write: %s", pdc_error());
	ok(pdc_dying_step(&x, p) == 3, "the end of three runs is begun");
	pdc_stxn_abort(&x);
	pdc_maintain(p);
	pdc_maintain(p);
	is_double(multi_now(p, other), .5, "but done later: it has its own");
	is_double(multi_now(p, k->sample), .5, "and so has what was made anew");
	pdc_close(p);
}

/* What a page gets that began before a series was removed. */
static int
old_page(struct pdc_family *f, int seconds, double *value)
{
	const struct collect_family *cf;
	const struct collect_series *cs;
	struct collect *co;
	int ret;

	pdc_inc(multi_series(f, "x"), 5);
	pdc_maintain(p);
	if (pdc_collect_open(&co, p->store, pdc_cells_now(p), &p->self) < 0 ||
	    pdc_collect_family(co, &cf) != COLLECT_NEXT)
		bail_out("collect: %s", pdc_error());
	if (pdc_remove(f, x_value) < 0)
		bail_out("remove: %s", pdc_error());
	p->clock.mono_skew_ns += seconds * INT64_C(1000000000);
	ret = pdc_collect_series(co, &cs);
	*value = ret == COLLECT_NEXT ? cs->value : (double)NAN;
	if (ret == COLLECT_AGAIN)
		ret = pdc_collect_again(co, &cf) == COLLECT_NEXT &&
			pdc_collect_series(co, &cs) == COLLECT_END ?
		    COLLECT_AGAIN :
		    -1;
	pdc_collect_close(co);
	return ret;
}

static void
test_old_snapshot(void)
{
	struct pdc_family *f;
	double v;

	p = multi_open(tap_tmpdir(), 0);
	f = multi_declare(p, PDC_COUNTER, "c", "l");
	is_int(old_page(f, 1, &v), COLLECT_NEXT,
	    "a page that began before shows it");
	is_double(v, 5, "as it was");
	is_int(old_page(f, 40, &v), COLLECT_AGAIN,
	    "but not after it was stopped for long: it looks again");
	sound_close(p);
}

static void
test_fresh(void)
{
	struct pdc_options o = { .flags = PDC_FRESH };
	char *dir = tap_tmpdir();
	struct pdc_series *s;
	struct pdc *q;

	p = multi_open(dir, 0);
	s = multi_series(multi_declare(p, PDC_COUNTER, "c", NULL), NULL);
	pdc_inc(s, 3);
	is_int(pdc_open(&q, dir, &o), 0, "opened as fresh");
	ok(isnan(multi_now(q, "c_total")), "it has nothing");
	pdc_inc(s, 1);
	pdc_maintain(p);
	is_double(multi_now(q, "c_total"), 1, "who counted before goes on");
	o.flags |= PDC_RDONLY;
	is_int(pdc_open(&q, dir, &o), PDC_EINVAL, "not to read only: %s",
	    pdc_error());
	pdc_close(p);
	sound_close(p);
}

int
main(void)
{
	int i;

	for (i = 0; i < NKINDS; i++) {
		test_removed(&kinds[i], 0);
		test_removed(&kinds[i], PDC_ATOMIC);
		test_late(&kinds[i], 1);
		if (kinds[i].type != PDC_GAUGE)
			test_late(&kinds[i], 0);
		test_late_after_end(&kinds[i]);
		test_again(&kinds[i]);
		test_again_cut_off(&kinds[i]);
	}
	test_late_cut_off(&kinds[0], "c_total{l=\"y\"}");
	test_late_cut_off(&kinds[3], "h_sum{l=\"y\"}");
	test_reset();
	test_reset_all();
	test_families();
	test_old_snapshot();
	test_fresh();
	return tap_done();
}
