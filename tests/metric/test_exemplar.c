/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Updates with exemplars, and what a page shows of them.
 */

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "metric/metric.h"
#include "multi/multi.h"
#include "sound.h"
#include "tap.h"

#define OM "application/openmetrics-text"

static struct pdc *p;

static struct pdc_family *
declare(enum pdc_type type, const char *name, uint64_t flags)
{
	static const double bounds[] = { 1, 2 };
	struct pdc_desc d = { .type = type,
		.name = name,
		.labels = (const char *const[]){ "l", NULL },
		.flags = flags };
	struct pdc_family *f;

	if (type == PDC_HISTOGRAM) {
		d.bounds = bounds;
		d.nbounds = 2;
	}
	if (pdc_declare(&f, p, &d) < 0)
		bail_out("declare: %s", pdc_error());
	return f;
}

/* The line of a page that begins so, up to the time of its exemplar. */
static const char *
line(const char *accept, const char *begin)
{
	static char words[2048];
	char *text, *at, *end;
	size_t len;

	if (pdc_render(p, accept, &text, &len, NULL) < 0)
		bail_out("render: %s", pdc_error());
	at = strstr(text, begin);
	words[0] = '\0';
	if (at != NULL) {
		snprintf(words, sizeof(words), "%.*s", (int)strcspn(at, "\n"),
		    at);
		end = strstr(words, " # ");
		if (end != NULL)
			*strrchr(end, ' ') = '\0';
	}
	pdc_free(text);
	return words;
}

static long long
drops(void)
{
	return (long long)atomic_load(
	    &pdc_cells_now(p)->head->drops[DROP_EXEMPLAR]);
}

static void
test_shown(void)
{
	struct pdc_label trace[] = { { "trace_id", "abc\"\n" },
		{ "span_id", "\xc3\xa9" } };
	struct pdc_series *s;

	p = multi_open(tap_tmpdir(), 0);
	s = multi_series(declare(PDC_COUNTER, "c", PDC_EXEMPLARS), "x");
	pdc_inc_exemplar(s, 2, trace, 2);
	is_str(line(OM, "c_total{"),
	    "c_total{l=\"x\"} 2.0 # {trace_id=\"abc\\\"\\n\","
	    "span_id=\"\xc3\xa9\"} 2.0",
	    "a counter's stands behind its number");
	is_str(line(NULL, "c_total{"), "c_total{l=\"x\"} 2",
	    "text 0.0.4 has none");
	pdc_inc(s, 1);
	pdc_inc_exemplar(s, 1, NULL, 0);
	is_str(line(OM, "c_total{"), "c_total{l=\"x\"} 4.0 # {} 1.0",
	    "the newest counts, also without labels");
	s = multi_series(declare(PDC_HISTOGRAM, "h", PDC_EXEMPLARS), "x");
	pdc_observe_exemplar(s, 1.5, trace + 1, 1);
	pdc_observe_exemplar(s, 70, trace + 1, 1);
	is_str(line(OM, "h_bucket{l=\"x\",le=\"1.0\"}"),
	    "h_bucket{l=\"x\",le=\"1.0\"} 0", "a bucket without one");
	is_str(line(OM, "h_bucket{l=\"x\",le=\"2.0\"}"),
	    "h_bucket{l=\"x\",le=\"2.0\"} 1 # {span_id=\"\xc3\xa9\"} 1.5",
	    "a bucket's is of its own observations");
	is_str(line(OM, "h_bucket{l=\"x\",le=\"+Inf\"}"),
	    "h_bucket{l=\"x\",le=\"+Inf\"} 2 # {span_id=\"\xc3\xa9\"} 70.0",
	    "and the last bucket's");
	is_int(pdc_reset(s), 0, "what is reset");
	is_str(line(OM, "h_bucket{l=\"x\",le=\"2.0\"}"),
	    "h_bucket{l=\"x\",le=\"2.0\"} 0", "has none");
	is_int(drops(), 0, "none was dropped");
	sound_close(p);
}

/* The line, with an exemplar of these labels, as shown in a scheme. */
static const char *
escaped(struct pdc_series *s, const struct pdc_label *l, const char *scheme)
{
	char accept[80];

	pdc_inc_exemplar(s, 0, l, 2);
	snprintf(accept, sizeof(accept),
	    "application/openmetrics-text;escaping=%s", scheme);
	return line(accept, "c_total");
}

/* Names that are not the same until they are escaped. */
static void
test_escaped(void)
{
	const struct pdc_label same[2] = { { "a.b", "1" }, { "a_b", "2" } },
			       far[2] = { { "a.b", "1" }, { "c", "2" } },
			       name[2] = { { "..name..", "1" }, { "c", "2" } };
	struct pdc_label longer[2] = { { "c", "2" } };
	char points[123];
	struct pdc_series *s;
	int i;

	p = multi_open(tap_tmpdir(), 0);
	s = multi_series(declare(PDC_COUNTER, "c", PDC_EXEMPLARS), "x");
	is_str(escaped(s, far, "underscores"),
	    "c_total{l=\"x\"} 0.0 # {a_b=\"1\",c=\"2\"} 0.0",
	    "names are escaped");
	is_str(escaped(s, same, "underscores"), "c_total{l=\"x\"} 0.0",
	    "two that are one then are not shown");
	is_str(escaped(s, same, "dots"),
	    "c_total{l=\"x\"} 0.0 # {a_dot_b=\"1\",a_b=\"2\"} 0.0",
	    "where they are two they are");
	is_str(escaped(s, name, "underscores"), "c_total{l=\"x\"} 0.0",
	    "nor is one that is reserved then");
	for (i = 0; i < 122; i++)
		points[i] = i % 2 ? '.' : 'p';
	points[122] = '\0';
	longer[1] = (struct pdc_label){ points, "1" };
	is_str(strstr(escaped(s, longer, "underscores"), " # ") != NULL ?
		"shown" :
		"not",
	    "shown", "a long name is shown");
	is_str(escaped(s, longer, "values"), "c_total{l=\"x\"} 0.0",
	    "where it gets too long it is not");
	sound_close(p);
}

static void
test_dropped(void)
{
	char points[129], names[] = "n", bad[] = "\xff", wide[470];
	struct pdc_label l[2] = { { names, points }, { names, "" } };
	struct pdc_family *f;
	struct pdc_series *s;

	p = multi_open(tap_tmpdir(), 0);
	f = declare(PDC_COUNTER, "c", 0);
	s = multi_series(f, "x");
	memset(points, 'p', sizeof(points));
	points[127] = '\0';
	pdc_inc_exemplar(s, 1, l, 1);
	is_int(drops(), 1, "who has not asked for exemplars has none");
	is_double(multi_now(p, "c_total{l=\"x\"}"), 1, "but is counted");
	f = declare(PDC_COUNTER, "c2", PDC_EXEMPLARS);
	s = multi_series(f, "x");
	pdc_inc_exemplar(s, 1, l, 1);
	is_int(drops(), 1, "128 code points are kept");
	points[127] = 'p';
	points[128] = '\0';
	pdc_inc_exemplar(s, 1, l, 1);
	is_int(drops(), 2, "129 are not");
	points[1] = '\0';
	pdc_inc_exemplar(s, 1, l, 2);
	is_int(drops(), 3, "nor a name that comes twice");
	l[0].name = "__name__";
	pdc_inc_exemplar(s, 1, l, 1);
	is_int(drops(), 4, "nor one that is reserved");
	l[0].name = names;
	l[0].value = bad;
	pdc_inc_exemplar(s, 1, l, 1);
	is_int(drops(), 5, "nor what is no UTF-8");
	memset(wide, 'w', sizeof(wide));
	wide[469] = '\0';
	l[0].value = wide;
	pdc_inc_exemplar(s, 1, l, 1);
	l[0].value = NULL;
	pdc_inc_exemplar(s, 1, l, 1);
	l[0].name = "";
	l[0].value = "";
	pdc_inc_exemplar(s, 1, l, 1);
	pdc_inc_exemplar(s, 1, NULL, 1);
	is_int(drops(), 9, "nor too many bytes, no value, no name, no labels");
	is_double(multi_now(p, "c2_total{l=\"x\"}"), 9, "all are counted");
	pdc_inc_exemplar(s, -1, l, 0);
	pdc_inc_exemplar(s, NAN, l, 0);
	is_double(multi_now(p, "c2_total{l=\"x\"}"), 9,
	    "what is no amount is not");
	pdc_inc_exemplar(NULL, 1, l, 0);
	pdc_observe_exemplar(NULL, 1, l, 0);
	sound_close(p);
}

static int
other(void *arg)
{
	struct pdc_label l = { "who", "child" };

	pdc_observe_exemplar(arg, 0.5, &l, 1);
	return 0;
}

/* One place for all processes; and who does not ask changes nothing. */
static void
test_shared(void)
{
	char *dir = tap_tmpdir();
	struct pdc_desc d = { .type = PDC_SUMMARY,
		.name = "s",
		.flags = PDC_EXEMPLARS };
	struct pdc_family *f;
	struct pdc_series *s;

	p = multi_open(dir, 0);
	(void)multi_series(declare(PDC_HISTOGRAM, "h", 0), "x");
	s = multi_series(declare(PDC_HISTOGRAM, "h2", PDC_EXEMPLARS), "x");
	(void)declare(PDC_HISTOGRAM, "h2", 0);
	(void)multi_series(declare(PDC_HISTOGRAM, "h3", 0), "x");
	is_int(multi_run(other, s, 10000), 0, "a child observes");
	is_str(line(OM, "h2_bucket{l=\"x\",le=\"1.0\"}"),
	    "h2_bucket{l=\"x\",le=\"1.0\"} 1 # {who=\"child\"} 0.5",
	    "its exemplar is everybody's");
	pdc_close(p);
	p = multi_open(dir, 0);
	s = multi_series(declare(PDC_HISTOGRAM, "h", PDC_EXEMPLARS), "x");
	is_int(multi_run(other, s, 10000), 0, "a new version asks for them");
	is_str(line(OM, "h_bucket{l=\"x\",le=\"1.0\"}"),
	    "h_bucket{l=\"x\",le=\"1.0\"} 1 # {who=\"child\"} 0.5",
	    "and has them");
	is_int(pdc_declare(&f, p, &d), PDC_EINVAL, "a summary has none");
	ok(strstr(pdc_error(), "exemplars") != NULL, "which is told: %s",
	    pdc_error());
	d.flags = 8;
	is_int(pdc_declare(&f, p, &d), PDC_EINVAL, "no other flag is known");
	sound_close(p);
	p = multi_open(dir, PDC_RDONLY);
	(void)declare(PDC_HISTOGRAM, "h3", PDC_EXEMPLARS);
	pdc_close(p);
}

/* How often words stand on a page of protobuf. */
static int
times(const char *words)
{
	char *text;
	size_t len, i, n = strlen(words);
	int found = 0;

	if (pdc_render(p,
		"application/vnd.google.protobuf;proto=io.prometheus.client."
		"MetricFamily;encoding=delimited",
		&text, &len, NULL) < 0)
		bail_out("render: %s", pdc_error());
	for (i = 0; i + n <= len; i++)
		found += memcmp(text + i, words, n) == 0;
	pdc_free(text);
	return found;
}

static void
test_native(void)
{
	const struct pdc_label low[] = { { "who", "low-one" } },
			       high[] = { { "who", "high-one" } };
	struct pdc_desc d = { .type = PDC_HISTOGRAM,
		.name = "n",
		.flags = PDC_NATIVE | PDC_EXEMPLARS };
	struct pdc_family *f;
	struct pdc_series *s;

	p = multi_open(tap_tmpdir(), 0);
	if (pdc_declare(&f, p, &d) < 0)
		bail_out("declare: %s", pdc_error());
	s = multi_series(f, NULL);
	pdc_observe_exemplar(s, 1000, high, 1);
	pdc_observe_exemplar(s, 0.001, low, 1);
	is_str(line(OM, "n_bucket{le=\"+Inf\"}"),
	    "n_bucket{le=\"+Inf\"} 2 # {who=\"low-one\"} 0.001",
	    "the only bucket has the newest of a native histogram");
	is_int(times("low-one"), 2, "protobuf has it there and beside");
	is_int(times("high-one"), 1, "where the others are");
	sound_close(p);
}

int
main(void)
{
	alarm(50);
	test_shown();
	test_dropped();
	test_escaped();
	test_shared();
	test_native();
	return tap_done();
}
