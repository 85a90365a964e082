/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Names of all letters, from a store to pages: as they are in quotes, or
 * escaped; and what becomes of families that get a name of another so.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/page.h"
#include "expo/expo.h"
#include "expo/taken.h"
#include "help.h"
#include "pdc.h"

#define OM "application/openmetrics-text;version=1.0.0;escaping="
#define TEXT1 "text/plain;version=1.0.0;escaping="

static struct pdc *p;

static struct pdc_series *
make(enum pdc_type type, const char *name, const char *label)
{
	const char *const labels[] = { label, NULL };
	const char *const values[] = { "x", NULL };
	const char *const states[] = { "on", NULL };
	struct pdc_desc d = { .type = type,
		.name = name,
		.labels = label != NULL ? labels : NULL,
		.states = type == PDC_STATESET ? states : NULL };
	const double bounds[] = { 1 };
	struct pdc_family *f;
	struct pdc_series *s;

	if (type == PDC_HISTOGRAM) {
		d.bounds = bounds;
		d.nbounds = 1;
	}
	if (pdc_declare(&f, p, &d) < 0 ||
	    pdc_labels(&s, f, label != NULL ? values : NULL) < 0)
		bail_out("%s: %s", name, pdc_error());
	return s;
}

static void
page_is(const char *accept, const char *want)
{
	char *text;
	size_t len;

	if (pdc_render(p, accept, &text, &len, NULL) < 0)
		bail_out("no page: %s", pdc_error());
	is_str(text, want, "the page by %s", accept);
	pdc_free(text);
}

static void
test_schemes(void)
{
	pdc_inc(make(PDC_COUNTER, "my.hits_total", "a.b"), 1);
	pdc_observe(make(PDC_HISTOGRAM, "my.wait", NULL), 2);
	pdc_set_state(make(PDC_STATESET, "my.state", "c"), 0, 1);
	pdc_set(make(PDC_GAUGE, "q\"\n", NULL), 1);
	page_is("text/plain",
	    "# TYPE my_hits_total counter\n"
	    "my_hits_total{a_b=\"x\"} 1\n"
	    "# TYPE my_state gauge\n"
	    "my_state{c=\"x\",my_state=\"on\"} 1\n"
	    "# TYPE my_wait histogram\n"
	    "my_wait_bucket{le=\"1.0\"} 0\n"
	    "my_wait_bucket{le=\"+Inf\"} 1\n"
	    "my_wait_sum 2\n"
	    "my_wait_count 1\n"
	    "# TYPE q__ gauge\n"
	    "q__ 1\n");
	page_is(TEXT1 "allow-utf-8",
	    "# TYPE \"my.hits_total\" counter\n"
	    "{\"my.hits_total\",\"a.b\"=\"x\"} 1\n"
	    "# TYPE \"my.state\" gauge\n"
	    "{\"my.state\",c=\"x\",\"my.state\"=\"on\"} 1\n"
	    "# TYPE \"my.wait\" histogram\n"
	    "{\"my.wait_bucket\",le=\"1.0\"} 0\n"
	    "{\"my.wait_bucket\",le=\"+Inf\"} 1\n"
	    "{\"my.wait_sum\"} 2\n"
	    "{\"my.wait_count\"} 1\n"
	    "# TYPE \"q\\\"\\n\" gauge\n"
	    "{\"q\\\"\\n\"} 1\n");
	page_is(OM "dots",
	    "# TYPE my_dot_hits_ counter\n"
	    "my_dot_hits__total{a_dot_b=\"x\"} 1.0\n"
	    "# TYPE my_dot_state stateset\n"
	    "my_dot_state{c=\"x\",my_dot_state=\"on\"} 1\n"
	    "# TYPE my_dot_wait histogram\n"
	    "my_dot_wait_bucket{le=\"1.0\"} 0\n"
	    "my_dot_wait_bucket{le=\"+Inf\"} 1\n"
	    "my_dot_wait_sum 2.0\n"
	    "my_dot_wait_count 1\n"
	    "# TYPE q____ gauge\n"
	    "q____ 1.0\n"
	    "# EOF\n");
	page_is(TEXT1 "values",
	    "# TYPE U__my_2e_hits__total counter\n"
	    "U__my_2e_hits__total{U__a_2e_b=\"x\"} 1\n"
	    "# TYPE U__my_2e_state gauge\n"
	    "U__my_2e_state{c=\"x\",U__my_2e_state=\"on\"} 1\n"
	    "# TYPE U__my_2e_wait histogram\n"
	    "U__my_2e_wait_bucket{le=\"1.0\"} 0\n"
	    "U__my_2e_wait_bucket{le=\"+Inf\"} 1\n"
	    "U__my_2e_wait_sum 2\n"
	    "U__my_2e_wait_count 1\n"
	    "# TYPE U__q_22__a_ gauge\n"
	    "U__q_22__a_ 1\n");
	page_is(OM "allow-utf-8",
	    "# TYPE \"my.hits\" counter\n"
	    "{\"my.hits_total\",\"a.b\"=\"x\"} 1.0\n"
	    "# TYPE \"my.state\" stateset\n"
	    "{\"my.state\",c=\"x\",\"my.state\"=\"on\"} 1\n"
	    "# TYPE \"my.wait\" histogram\n"
	    "{\"my.wait_bucket\",le=\"1.0\"} 0\n"
	    "{\"my.wait_bucket\",le=\"+Inf\"} 1\n"
	    "{\"my.wait_sum\"} 2.0\n"
	    "{\"my.wait_count\"} 1\n"
	    "# TYPE \"q\\\"\\n\" gauge\n"
	    "{\"q\\\"\\n\"} 1.0\n"
	    "# EOF\n");
}

/* The page in text 0.0.4, and how many were left out. */
static void
left_out(enum escape_scheme scheme, uint64_t n, const char *there,
    const char *not_there)
{
	struct taken taken = TAKEN_EMPTY;
	struct page_opts opts = { .format = PAGE_METRICS, .taken = &taken };
	struct page_result result;
	struct buf b;

	opts.how.media = EXPO_TEXT_1_0_0;
	opts.how.escape = scheme;
	pdc_buf_init(&b);
	if (pdc_page_write(p, &opts, help_append, &b, &result) < 0)
		bail_out("no page: %s", pdc_error());
	tap_page(pdc_expo_type(&opts.how), b.data, b.len);
	pdc_buf_chr(&b, '\0');
	is_int((long long)result.clashes, (long long)n,
	    "what clashes is counted");
	ok(strstr(b.data, there) != NULL, "there is %s", there);
	ok(not_there == NULL || strstr(b.data, not_there) == NULL,
	    "there is no %s", not_there != NULL ? not_there : "other");
	pdc_buf_fini(&b);
	pdc_taken_fini(&taken);
}

static void
test_clashes(void)
{
	const char *const same[] = { "l.a", "l_a", NULL };
	const char *const values[] = { "1", "2", NULL };
	struct pdc_desc d = { .type = PDC_GAUGE,
		.name = "same",
		.labels = same };
	struct pdc_family *f;
	struct pdc_series *s;

	pdc_set(make(PDC_GAUGE, "one.a", NULL), 1);
	pdc_set(make(PDC_GAUGE, "one-a", NULL), 2);
	left_out(ESCAPE_UNDERSCORES, 1, "one_a 2\n", "one_a 1\n");
	left_out(ESCAPE_DOTS, 0, "one_dot_a 1\n", NULL);
	pdc_set(make(PDC_GAUGE, "one_a", NULL), 3);
	left_out(ESCAPE_UNDERSCORES, 2, "one_a 3\n", "one_a 2\n");
	/* one of the samples is enough */
	pdc_set(make(PDC_GAUGE, "my_wait_sum", NULL), 3);
	left_out(ESCAPE_UNDERSCORES, 3, "my_wait_sum 3\n", "my_wait_bucket");
	pdc_set(make(PDC_GAUGE, "my.wait_sum.", NULL), 3);
	left_out(ESCAPE_NONE, 0, "{\"my.wait_sum.\"} 3\n", NULL);
	if (pdc_declare(&f, p, &d) < 0 || pdc_labels(&s, f, values) < 0)
		bail_out("same: %s", pdc_error());
	left_out(ESCAPE_UNDERSCORES, 4, "my_wait_sum_ 3\n", "same");
	left_out(ESCAPE_NONE, 0, "same{\"l.a\"=\"1\",l_a=\"2\"} 0\n", NULL);
	make(PDC_GAUGE, "named", "..name..");
	left_out(ESCAPE_UNDERSCORES, 5, "one_a 3\n", "named");
	/* Its state is told in a label of its name. */
	make(PDC_STATESET, "my.door", "my_door");
	left_out(ESCAPE_UNDERSCORES, 6, "one_a 3\n", "my_door");
	left_out(ESCAPE_DOTS, 0, "my_dot_door{my_door=\"x\"", NULL);
}

static void
test_taken(void)
{
	struct taken taken = TAKEN_EMPTY;
	char name[32];
	int i, has = 0;

	ok(!pdc_taken_has(&taken, "a"), "an empty set has nothing");
	for (i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "name%d", i);
		if (pdc_taken_add(&taken, name) < 0)
			bail_out("no memory");
	}
	for (i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "name%d", i);
		has += pdc_taken_has(&taken, name);
	}
	is_int(has, 1000, "it has what it was given, and no more");
	pdc_taken_fini(&taken);
}

int
main(void)
{
	char dir[512];

	snprintf(dir, sizeof(dir), "%s/store", tap_tmpdir());
	if (pdc_open(&p, dir, NULL) < 0)
		bail_out("no store: %s", pdc_error());
	test_schemes();
	test_clashes();
	test_taken();
	pdc_close(p);
	return tap_done();
}
