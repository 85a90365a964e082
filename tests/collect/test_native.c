/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Native histograms of random shapes: what a page has of random observations,
 * against the same observations put in buckets one by one, by the definition.
 */

#include <float.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "api/page.h"
#include "base/native.h"
#include "collect/collect.h"
#include "help.h"
#include "metric/metric.h"

#define NVALUES 300
#define NBUCKETS 3000

static uint64_t seed = 20261127;
static struct pdc *p;
static double values[NVALUES];

static double
unit(void)
{
	return (double)help_random(&seed) / 0x1p31;
}

/* What is to be on the page. */
struct want {
	int schema;
	uint64_t nzero;
	struct native_bucket minus[NBUCKETS], plus[NBUCKETS];
	uint32_t nminus, nplus;
};

static void
want_add(struct native_bucket *list, uint32_t *n, int32_t index)
{
	uint32_t i, at;

	for (at = 0; at < *n && list[at].index < index; at++)
		continue;
	if (at == *n || list[at].index != index) {
		for (i = *n; i > at; i--)
			list[i] = list[i - 1];
		list[at] = (struct native_bucket){ index, 0 };
		(*n)++;
	}
	list[at].count++;
}

/* The bucket of an absolute value above zero, at the schema declared. */
static int32_t
want_index(const struct pdc_desc *d, double v)
{
	int32_t last = pdc_native_index(d->native_schema, d->native_max) + 1;
	int32_t i = pdc_native_index(d->native_schema, v);

	return i < last || isinf(v) ? i : last;
}

static void
want_value(struct want *w, const struct pdc_desc *d, double v)
{
	int32_t i;
	int s;

	if (fabs(v) <= d->native_zero) {
		w->nzero++;
		return;
	}
	i = want_index(d, fabs(v));
	if (v < 0 && !isinf(v) && !(d->flags & PDC_NEGATIVE))
		i = want_index(d, nextafter(d->native_zero, 1e300));
	for (s = d->native_schema; s > w->schema; s--)
		i = native_coarser(i);
	if (v < 0)
		want_add(w->minus, &w->nminus, i);
	else
		want_add(w->plus, &w->nplus, i);
}

static void
want_all(struct want *w, const struct pdc_desc *d)
{
	uint32_t i;

	w->schema = d->native_schema + 1;
	do {
		w->schema--;
		w->nzero = w->nminus = w->nplus = 0;
		for (i = 0; i < NVALUES; i++)
			want_value(w, d, values[i]);
	} while (w->nminus + w->nplus > d->native_buckets &&
	    w->schema > NATIVE_SCHEMA_MIN);
}

static int
same_side(const struct native_bucket *a, uint32_t na,
    const struct native_bucket *b, uint32_t nb)
{
	uint32_t i;

	for (i = 0; i < na && i < nb; i++)
		if (a[i].index != b[i].index || a[i].count != b[i].count) {
			diag("bucket %d has %llu, not %d %llu", a[i].index,
			    (unsigned long long)a[i].count, b[i].index,
			    (unsigned long long)b[i].count);
			return 0;
		}
	if (na != nb)
		diag("%u buckets, not %u", na, nb);
	return na == nb;
}

static int
same_classic(const struct pdc_desc *d, const struct pair *pairs)
{
	uint64_t count = 0, want;
	size_t i, j;

	for (i = 0; i <= d->nbounds; i++) {
		count += pairs[i].count;
		for (j = 0, want = 0; j < NVALUES; j++)
			want += i == d->nbounds || values[j] <= d->bounds[i];
		if (count != want)
			return 0;
	}
	return 1;
}

static int
same_page(const struct pdc_desc *d)
{
	static struct want w;
	const struct collect_family *f;
	const struct collect_series *s;
	const struct collect_native *n;
	struct collect *co;
	int ret = 0;

	want_all(&w, d);
	if (pdc_collect_open(&co, p->store, pdc_cells_now(p), &p->self) < 0)
		return 0;
	if (pdc_collect_seek(co, d->name, &f) == COLLECT_NEXT &&
	    pdc_collect_series(co, &s) == COLLECT_NEXT && s->native != NULL) {
		n = s->native;
		ret = n->schema == w.schema && n->zero == d->native_zero &&
		    n->nzero == w.nzero && f->nbounds == d->nbounds &&
		    same_side(n->minus, n->nminus, w.minus, w.nminus) &&
		    same_side(n->plus, n->nplus, w.plus, w.nplus) &&
		    same_classic(d, s->pairs);
	}
	pdc_collect_close(co);
	return ret;
}

/* Of all sizes, and where two buckets meet. */
static double
random_value(const struct pdc_desc *d)
{
	double v = exp2(unit() * 60 - 30);
	static const double odd[] = { 0, INFINITY, DBL_MAX, DBL_TRUE_MIN, 1e25,
		1e-25 };

	switch (help_random(&seed) % 8) {
	case 0:
		v = odd[help_random(&seed) % 6];
		break;
	case 1:
	case 2:
		v = pdc_native_bound(d->native_schema,
		    pdc_native_index(d->native_schema, v));
		break;
	case 3:
		v = d->native_zero;
		break;
	case 4:
		v = d->nbounds > 0 ? d->bounds[0] : d->native_max;
	}
	if (help_random(&seed) % 4 == 0)
		v = nextafter(v, help_random(&seed) % 2 ? 0 : INFINITY);
	return help_random(&seed) % 3 == 0 ? -v : v;
}

static void
random_desc(struct pdc_desc *d, double *bounds)
{
	size_t i;

	d->flags = PDC_NATIVE | (help_random(&seed) % 2 ? PDC_NEGATIVE : 0);
	d->native_schema = (int32_t)(help_random(&seed) % 13) - 4;
	d->native_zero = exp2(unit() * 20 - 20);
	d->native_max = d->native_zero * exp2(1 + unit() * 40);
	if (d->native_schema > 3)
		d->native_max = d->native_zero * (1 + unit());
	d->native_buckets = 1 + (uint32_t)(help_random(&seed) % 200);
	d->nbounds = help_random(&seed) % 8;
	d->bounds = d->nbounds > 0 ? bounds : NULL;
	for (i = 0; i < d->nbounds; i++)
		bounds[i] = i == 0 ? unit() * 4 - 2 :
				     bounds[i - 1] + unit() + 1e-3;
	/* One that is a native bound, too. */
	if (d->nbounds > 4)
		bounds[d->nbounds - 1] = pdc_native_bound(d->native_schema,
		    pdc_native_index(d->native_schema, bounds[d->nbounds - 1]));
}

/* By the handle, or every third by name. */
static void
observe_all(struct pdc_series *s, const struct pdc_desc *d)
{
	const struct pdc_key k = { d->name, "", NULL, 0 };
	struct pdc_txn *t;
	int i;

	pdc_begin(&t, p);
	for (i = 0; i < NVALUES; i++) {
		values[i] = random_value(d);
		if (i % 3 == 0)
			pdc_value_observe(t, &k, values[i]);
		else
			pdc_observe(s, values[i]);
	}
	if (pdc_commit(t) < 0)
		bail_out("%s", pdc_error());
}

static void
test_random(void)
{
	char name[16];
	double bounds[8];
	struct pdc_desc d = { .type = PDC_HISTOGRAM, .name = name };
	struct pdc_family *f;
	struct pdc_series *s;
	int round, bad = 0;

	for (round = 0; round < 200; round++) {
		snprintf(name, sizeof(name), "h%d", round);
		random_desc(&d, bounds);
		if (pdc_declare(&f, p, &d) < 0 || pdc_labels(&s, f, NULL) < 0)
			bail_out("%s", pdc_error());
		observe_all(s, &d);
		if (round % 2)
			pdc_checkpoint(p);
		if (!same_page(&d)) {
			bad++;
			diag("schema %d zero %g max %g buckets %u flags %d",
			    d.native_schema, d.native_zero, d.native_max,
			    d.native_buckets, (int)d.flags);
		}
	}
	is_int(bad, 0, "%d shapes are on a page as they were observed", round);
}

static void
found(void *arg, const char *words)
{
	diag("%s", words);
	++*(int *)arg;
}

/* What workers have begun and what they have done. */
struct crew {
	_Atomic uint64_t begun, done;
};

static int
child_observes(void *arg)
{
	struct crew *crew = arg;
	struct pdc_series *s;
	uint64_t own = (uint64_t)getpid();
	struct pdc_desc d = { .type = PDC_HISTOGRAM,
		.name = "killed",
		.flags = PDC_NATIVE | PDC_NEGATIVE,
		.native_factor = 1.1 };
	struct pdc_family *f;

	if (pdc_declare(&f, p, &d) < 0 || pdc_labels(&s, f, NULL) < 0)
		return 1;
	for (;;) {
		atomic_fetch_add(&crew->begun, 1);
		pdc_observe(s,
		    exp2(help_random(&own) % 50 - 25.) *
			(help_random(&own) % 4 ? 1 : -1));
		atomic_fetch_add(&crew->done, 1);
	}
}

/* All buckets of a page of "killed" together; -1: they contradict its count. */
static long long
page_total(void)
{
	const struct collect_family *f;
	const struct collect_series *s;
	struct collect *co;
	long long total = 0;
	uint64_t n = 0;
	uint32_t i;

	if (pdc_collect_open(&co, p->store, pdc_cells_now(p), &p->self) < 0)
		return -1;
	if (pdc_collect_seek(co, "killed", &f) == COLLECT_NEXT &&
	    pdc_collect_series(co, &s) == COLLECT_NEXT) {
		n = s->native->nzero;
		for (i = 0; i < s->native->nminus; i++)
			n += s->native->minus[i].count;
		for (i = 0; i < s->native->nplus; i++)
			n += s->native->plus[i].count;
		total = n == s->pairs[0].count ? (long long)n : -1;
	}
	pdc_collect_close(co);
	return total;
}

static void
test_killed(void)
{
	struct crew *crew = mmap(NULL, sizeof(*crew), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid[3] = { 0 };
	long long now, before = 0, begun, done;
	double late = help_seconds() + 20;
	int i, kills = 0, bad = 0;

	pid[0] = help_fork(child_observes, crew);
	while (atomic_load(&crew->done) == 0 && help_seconds() < late)
		usleep(1000);
	for (i = 0; i < 120; i++) {
		if (pid[i % 3] > 0) {
			kill(pid[i % 3], SIGKILL);
			help_wait(pid[i % 3]);
			kills++;
		}
		pid[i % 3] = help_fork(child_observes, crew);
		usleep(3000);
		now = page_total();
		bad += now < before;
		before = now;
	}
	for (i = 0; i < 3; i++) {
		kill(pid[i], SIGKILL);
		help_wait(pid[i]);
	}
	pdc_checkpoint(p);
	now = page_total();
	begun = (long long)atomic_load(&crew->begun);
	done = (long long)atomic_load(&crew->done);
	is_int(bad, 0, "with %d killed each page is whole, and none falls",
	    kills);
	ok(now >= done && now <= begun && done > 0,
	    "%lld observations, of %lld to %lld", now, done, begun);
	munmap(crew, sizeof(*crew));
}

static void
test_check(void)
{
	int n = 0;

	is_int(pdc_page_check(p, found, &n), 0, "the store is checked");
	is_int(n, 0, "and nothing found");
}

/* By name there are the buckets of a page and no others. */
static void
test_get(void)
{
	static const double bounds[] = { 1.5, 3 };
	const struct pdc_desc d = { .type = PDC_HISTOGRAM,
		.name = "got",
		.bounds = bounds,
		.nbounds = 2,
		.flags = PDC_NATIVE };
	const struct pdc_label classic = { "le", "3" }, native = { "le", "2" };
	struct pdc_key k = help_key("got", "_bucket", &classic);
	struct pdc_family *f;
	struct pdc_series *s;
	struct pdc_txn *t;
	double v;

	if (pdc_declare(&f, p, &d) < 0 || pdc_labels(&s, f, NULL) < 0)
		bail_out("%s", pdc_error());
	pdc_observe(s, 1);
	pdc_observe(s, 2.5);
	pdc_observe(s, 9);
	is_double(help_get(p, &k), 2, "a classic bucket by name");
	k.labels = &native;
	pdc_begin(&t, p);
	is_int(pdc_value_get(t, &k, &v), PDC_ENOENT,
	    "a native bound is none of its le");
	pdc_abort(t);
	k = help_key("got", "_count", NULL);
	is_double(help_get(p, &k), 3, "its count");
}

static void
test_refused(void)
{
	static const struct {
		struct pdc_desc d;
		const char *words;
	} bad[] = {
		{ { .type = PDC_COUNTER, .flags = PDC_NATIVE },
		    "native buckets are for histograms" },
		{ { .type = PDC_HISTOGRAM, .native_factor = 2 },
		    "needs PDC_NATIVE" },
		{ { .type = PDC_HISTOGRAM, .flags = PDC_NEGATIVE },
		    "needs PDC_NATIVE" },
		{ { .type = PDC_HISTOGRAM,
		      .flags = PDC_NATIVE,
		      .native_factor = 1 },
		    "factor above 1" },
		{ { .type = PDC_HISTOGRAM,
		      .flags = PDC_NATIVE,
		      .native_factor = NAN },
		    "factor above 1" },
		{ { .type = PDC_HISTOGRAM,
		      .flags = PDC_NATIVE,
		      .native_schema = 9 },
		    "-4 to 8, not 9" },
		{ { .type = PDC_HISTOGRAM,
		      .flags = PDC_NATIVE,
		      .native_zero = -1 },
		    "native_zero has to be above 0" },
		{ { .type = PDC_HISTOGRAM,
		      .flags = PDC_NATIVE,
		      .native_zero = 2,
		      .native_max = 1 },
		    "native_max above that" },
		{ { .type = PDC_HISTOGRAM,
		      .flags = PDC_NATIVE,
		      .native_schema = 8 },
		    "more than 1024 native buckets" },
	};
	struct pdc_family *f;
	struct pdc_desc d;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		d = bad[i].d;
		d.name = "refused";
		ok(pdc_declare(&f, p, &d) == PDC_EINVAL &&
			strstr(pdc_error(), bad[i].words) != NULL,
		    "refused: %s", bad[i].words);
	}
}

static void
test_differing(void)
{
	struct pdc_desc d = { .type = PDC_HISTOGRAM,
		.name = "same",
		.flags = PDC_NATIVE,
		.native_factor = 1.1 };
	struct pdc_family *f, *again;
	struct pdc_desc other;
	struct pdc_stat st;

	is_int(pdc_declare(&f, p, &d), 0, "a native histogram is declared");
	other = d;
	other.native_factor = 0;
	other.native_schema = 3;
	ok(pdc_declare(&again, p, &other) == 0 && again == f,
	    "by its schema it is the same");
	other.native_schema = 2;
	ok(pdc_declare(&again, p, &other) == PDC_EEXIST &&
		strstr(pdc_error(), "schema 2 here, 3 in") != NULL,
	    "another schema is refused");
	other = d;
	other.native_max = 5;
	ok(pdc_declare(&again, p, &other) == PDC_EEXIST &&
		strstr(pdc_error(), "native_max 5 here, 1.048576e+06 in") !=
		    NULL,
	    "another range is refused");
	other = d;
	other.flags |= PDC_NEGATIVE;
	ok(pdc_declare(&again, p, &other) == PDC_EEXIST, "negatives too");
	other.flags = 0;
	other.native_factor = 0;
	ok(pdc_declare(&again, p, &other) == PDC_EEXIST, "and a classic one");
	other = d;
	other.native_buckets = 20;
	is_int(pdc_declare(&again, p, &other), 0,
	    "another number of buckets is not");
	is_int(pdc_stat_get(p, &st), 0, "which");
	is_int((long long)st.differing, 1, "is counted");
}

int
main(void)
{
	char *dir = tap_tmpdir();

	p = help_open(dir, 0);
	test_random();
	test_get();
	test_refused();
	test_differing();
	test_killed();
	test_check();
	pdc_close(p);
	return tap_done();
}
