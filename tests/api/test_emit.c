/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * pdc_collect(): families that the program computes, on its own pages.
 */

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

#include "api/page.h"
#include "base/fault.h"
#include "help.h"
#include "metric/metric.h"

#define PROTO \
	"application/vnd.google.protobuf;" \
	"proto=io.prometheus.client.MetricFamily;encoding=delimited"

static struct pdc *p;
static atomic_int calls;
static int result;

static const char *const ab[] = { "b", "a", NULL };

/* All types; what is wrong is refused, and leaves nothing. */
static int
all_types(struct pdc_emit *e, void *arg)
{
	static const char *const states[] = { "on", "off", NULL };
	static const double bounds[] = { 1, 2 };
	static const uint64_t counts[] = { 1, 2, 3 };
	const char *values[] = { "y", "x\xff", NULL };
	struct pdc_desc c = { .type = PDC_COUNTER,
		.name = "comp_total",
		.help = "Computed.",
		.labels = ab };
	struct pdc_desc g = { .type = PDC_GAUGE,
		.name = "load_ratio",
		.unit = "ratio" };
	struct pdc_desc h = { .type = PDC_HISTOGRAM,
		.name = "pause_seconds",
		.bounds = bounds,
		.nbounds = 2 };
	struct pdc_desc s = { .type = PDC_STATESET,
		.name = "lamp",
		.states = states };
	struct pdc_desc q = { .type = PDC_SUMMARY, .name = "rest" };
	struct pdc_desc bad = { .type = PDC_GAUGE, .name = "pdc_x" };

	calls++;
	if (arg != NULL)
		*(int *)arg += pdc_emit(e, NULL, 1) != PDC_EINVAL;
	if (pdc_emit_family(e, &c) < 0 || pdc_emit(e, values, 5) < 0)
		return 1;
	if (pdc_emit(e, values, 6) != PDC_EEXIST ||
	    pdc_emit(e, NULL, 6) != PDC_EINVAL ||
	    pdc_emit_buckets(e, values, counts, 1) != PDC_EINVAL)
		return 2;
	values[0] = "z";
	if (pdc_emit(e, values, -1) != PDC_ERANGE ||
	    pdc_emit(e, values, (double)NAN) != PDC_ERANGE ||
	    pdc_emit(e, values, 7.5) < 0)
		return 3;
	if (pdc_emit_family(e, &bad) != PDC_EINVAL ||
	    pdc_emit(e, NULL, 1) != PDC_EINVAL)
		return 4;
	if (pdc_emit_family(e, &g) < 0 || pdc_emit(e, NULL, -0.5) < 0)
		return 5;
	if (pdc_emit_family(e, &g) != PDC_EEXIST)
		return 6;
	if (pdc_emit_family(e, &h) < 0 || pdc_emit(e, NULL, 1) != PDC_EINVAL ||
	    pdc_emit_buckets(e, NULL, counts, 9.5) < 0)
		return 7;
	if (pdc_emit_family(e, &s) < 0 || pdc_emit(e, NULL, 4) != PDC_ERANGE ||
	    pdc_emit(e, NULL, 2) < 0)
		return 8;
	if (pdc_emit_family(e, &q) < 0 ||
	    pdc_emit_buckets(e, NULL, counts, -1) < 0)
		return 9;
	return result;
}

static char *
page(const char *accept)
{
	char *text;
	size_t len;

	if (pdc_render(p, accept, &text, &len, NULL) < 0)
		bail_out("%s", pdc_error());
	return text;
}

static void
test_all(void)
{
	static int wrong;
	char *text;

	is_int(pdc_collect(p, NULL, NULL), PDC_EINVAL, "nothing to call");
	is_int(pdc_collect(p, all_types, &wrong), 0, "something");
	is_int(pdc_collect(p, all_types, &wrong), 0, "once more");
	text = page(NULL);
	is_int(calls, 1, "it is called once a page");
	is_int(wrong, 0, "nothing is given outside of a family");
	is_str(text,
	    "# TYPE own_total counter\n"
	    "own_total 3\n"
	    "# HELP comp_total Computed.\n"
	    "# TYPE comp_total counter\n"
	    "comp_total{a=\"x\xef\xbf\xbd\",b=\"y\"} 5\n"
	    "comp_total{a=\"x\xef\xbf\xbd\",b=\"z\"} 7.5\n"
	    "# TYPE load_ratio gauge\n"
	    "load_ratio -0.5\n"
	    "# TYPE pause_seconds histogram\n"
	    "pause_seconds_bucket{le=\"1.0\"} 1\n"
	    "pause_seconds_bucket{le=\"2.0\"} 3\n"
	    "pause_seconds_bucket{le=\"+Inf\"} 6\n"
	    "pause_seconds_sum 9.5\n"
	    "pause_seconds_count 6\n"
	    "# TYPE lamp gauge\n"
	    "lamp{lamp=\"on\"} 0\n"
	    "lamp{lamp=\"off\"} 1\n"
	    "# TYPE rest summary\n"
	    "rest_sum -1\n"
	    "rest_count 1\n",
	    "all types stand behind those of the store");
	pdc_free(text);
	text = page("application/openmetrics-text");
	ok(strstr(text, "\nlamp{lamp=\"off\"} 1\n") != NULL &&
		strcmp(text + strlen(text) - 6, "# EOF\n") == 0,
	    "and before the end of a page in OpenMetrics");
	pdc_free(text);
	text = page(PROTO);
	is_int(calls, 3, "and in protobuf");
	pdc_free(text);
	result = 1;
	text = page(NULL);
	is_str(text, "# TYPE own_total counter\nown_total 3\n",
	    "of one that fails nothing is there");
	pdc_free(text);
	result = 0;
}

/* What a page in this process has, in a child. */
static int
child_has(void *arg)
{
	char *text;
	int ret;

	(void)arg;
	text = page(NULL);
	ret = help_on_page(text, "load_ratio") == -0.5;
	pdc_free(text);
	return ret;
}

struct clash {
	const char *name;
	int ret;
};

static int
clashing(struct pdc_emit *e, void *arg)
{
	struct clash *c = arg;
	struct pdc_desc d = { .type = PDC_GAUGE, .name = c->name };

	c->ret = pdc_emit_family(e, &d);
	return c->ret == 0 ? pdc_emit(e, NULL, 1) : 0;
}

/* What is called like a sample of the store, or of another that is given. */
static void
test_clash(void)
{
	static struct clash clashes[] = { { "own_total", 0 }, { "own", 0 },
		{ "load_ratio_x", -1 }, { "load.ratio.x", 0 } };
	char *text;
	size_t i;

	for (i = 0; i < sizeof(clashes) / sizeof(clashes[0]); i++)
		pdc_collect(p, clashing, &clashes[i]);
	text = page(NULL);
	is_int(clashes[0].ret, PDC_EEXIST, "a sample of the store is one");
	is_int(clashes[1].ret, PDC_EEXIST, "so is a family of the store");
	ok((clashes[2].ret == 0) + (clashes[3].ret == 0) == 1 &&
		(clashes[2].ret == PDC_EEXIST) +
			(clashes[3].ret == PDC_EEXIST) ==
		    1,
	    "of two that get one name by escaping one is shown");
	is_double(help_on_page(text, "load_ratio_x"), 1, "the one");
	pdc_free(text);
}

#ifdef PDC_FAULTS
/* Each of the two buffers for names fails to grow, and then none. */
static int
poor(struct pdc_emit *e, void *arg)
{
	struct pdc_desc d = { .type = PDC_GAUGE, .name = "poor" };
	int *ret = arg, i;

	for (i = 0; i < 3; i++) {
		if (i < 2)
			pdc_fault_arm(FAULT_BUF_GROW, i + 1);
		ret[i] = pdc_emit_family(e, &d);
	}
	return 0;
}

static void
test_no_memory(void)
{
	static int ret[3];

	pdc_collect(p, poor, ret);
	pdc_free(page(NULL));
	ok(ret[0] == PDC_ENOMEM && ret[1] == PDC_ENOMEM,
	    "without memory nothing clashes");
	is_int(ret[2], 0, "and with it, neither");
}
#endif

/* Several make pages at the same time. */
static void *
renders(void *arg)
{
	int i;

	for (i = 0; i < 50; i++)
		if (!child_has(NULL))
			++*(int *)arg;
	return NULL;
}

static void
test_threads(void)
{
	pthread_t threads[3];
	int wrong[3] = { 0 }, i;

	for (i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, renders, &wrong[i]);
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	is_int(wrong[0] + wrong[1] + wrong[2], 0, "in all threads at once");
}

int
main(void)
{
	p = help_open(tap_tmpdir(), 0);
	pdc_inc(help_series(help_family(p, PDC_COUNTER, "own", NULL), NULL), 3);
	test_all();
	is_int(help_child(child_has, NULL), 1, "a child has it, too");
	test_clash();
	test_threads();
#ifdef PDC_FAULTS
	test_no_memory();
#endif
	pdc_close(p);
	return tap_done();
}
