/* SPDX-License-Identifier: ISC */
#include "config.h"

/* Pains 18 to 20: what other clients lack when there are many processes. */

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "help.h"
#include "multi/multi.h"
#include "pains.h"
#include "tap.h"

#define OPENMETRICS "application/openmetrics-text"

static struct pdc *p;

static struct pdc_family *
declare(const struct pdc_desc *d)
{
	struct pdc_family *f;

	if (pdc_declare(&f, p, d) < 0)
		bail_out("declare %s: %s", d->name, pdc_error());
	return f;
}

static char *
page(void)
{
	char *text;
	size_t len;

	if (pdc_render(p, OPENMETRICS, &text, &len, NULL) < 0)
		bail_out("render: %s", pdc_error());
	return text;
}

/* How often the words are on it. */
static int
times(const char *text, const char *words)
{
	int n = 0;

	while ((text = strstr(text, words)) != NULL) {
		text += strlen(words);
		n++;
	}
	return n;
}

static struct pdc_series *observed;

static int
observer(void *number)
{
	double v = pow(10, -*(int *)number);
	struct pdc_label l = { "trace_id", "0af7651916cd43dd" };

	pdc_observe_exemplar(observed, v, &l, 1);
	return raise(SIGKILL);
}

static void
exemplars(int undone)
{
	struct pdc_desc d = { .type = PDC_HISTOGRAM,
		.name = "h",
		.flags = PDC_EXEMPLARS };
	double peer[1];
	char *text;
	int i, n;

	if (undone) {
		(void)pain_peer("exemplars", tap_tmpdir(), peer, 1);
		pain_says(peer[0] == 3, "3 workers of the peer give exemplars",
		    "%g on the page", peer[0]);
		return;
	}
	p = multi_open(tap_tmpdir(), 0);
	observed = help_series(declare(&d), NULL);
	for (i = 0; i < 3; i++)
		(void)multi_run(observer, &i, 10000);
	text = page();
	n = times(text, " # {trace_id=\"0af7651916cd43dd\"}");
	pain_says(n == 3, "3 workers observe with exemplars, and are killed",
	    "%d on the page", n);
	pdc_free(text);
	pdc_close(p);
}

static int
records(void)
{
	char kind;
	int n = 0;

	for (kind = 'A'; kind <= 'Z'; kind++)
		n += multi_records(p, kind);
	return n;
}

/* Somebody else removes what we have handles of, and count in. */
static int
remover(void *family)
{
	const char *values[] = { NULL, NULL };
	char value[16];
	int i, bad = 0;

	for (i = 0; i < 100; i++) {
		snprintf(value, sizeof(value), "%d", i);
		values[0] = value;
		bad += pdc_remove(family, values) < 0;
	}
	return bad;
}

static void
churn(struct pdc_family *f)
{
	struct pdc_series *s[100];
	char value[16];
	int i;

	for (i = 0; i < 100; i++) {
		snprintf(value, sizeof(value), "%d", i);
		s[i] = help_series(f, value);
		pdc_inc(s[i], 1);
	}
	if (multi_run(remover, f, 10000) != 0)
		bail_out("nothing is removed");
	for (i = 0; i < 100; i++)
		pdc_series_free(s[i]);
	/* What they gave up is free when nobody can be adding to it. */
	(void)pdc_maintain(p);
	multi_pass(p, 100);
	(void)pdc_maintain(p);
}

static void
removed(int undone)
{
	int rounds = pain_times(2), before, after, left, i;
	double peer[1];
	struct pdc_family *f;
	char *text;

	if (undone) {
		(void)pain_peer("removed", tap_tmpdir(), peer, 1);
		pain_says(peer[0] == 0, "the peer removes a label set",
		    "%g on the page", peer[0]);
		return;
	}
	p = multi_open(tap_tmpdir(), 0);
	f = multi_declare(p, PDC_COUNTER, "c", "l");
	churn(f);
	before = records();
	for (i = 0; i < rounds; i++)
		churn(f);
	after = records();
	text = page();
	left = times(text, "c_total{");
	pain_says(left == 0 && after <= before,
	    "another process removes label sets that are in use",
	    "%d removed: %d on the page; %d records before, %d after",
	    100 * (rounds + 1), left, before, after);
	pdc_free(text);
	pdc_close(p);
}

static int
features(void *unused)
{
	static const char *const names[] = { "version", NULL },
				 *const states[] = { "on", "off", NULL };
	struct pdc_desc info = { .type = PDC_INFO,
		.name = "i",
		.labels = names },
			set = { .type = PDC_STATESET,
				.name = "s",
				.states = states },
			native = { .type = PDC_HISTOGRAM,
				.name = "n",
				.flags = PDC_NATIVE };

	(void)unused;
	(void)help_series(declare(&info), "1");
	pdc_set_state(help_series(declare(&set), NULL), 0, 1);
	pdc_observe(help_series(declare(&native), NULL), 1);
	pdc_inc(help_series(multi_declare(p, PDC_COUNTER, "c", NULL), NULL), 1);
	(void)pdc_checkpoint(p);
	return raise(SIGKILL);
}

static void
kinds(int undone)
{
	char *text;
	double peer[1];
	int i, n;

	if (undone) {
		(void)pain_peer("kinds", tap_tmpdir(), peer, 1);
		pain_says(peer[0] == 4, "a worker of the peer", "%g of 4",
		    peer[0]);
		return;
	}
	p = multi_open(tap_tmpdir(), 0);
	for (i = 0; i < 3; i++)
		(void)multi_run(features, NULL, 10000);
	text = page();
	n = times(text, "\ni_info{version=\"1\"} 1") +
	    times(text, "\ns{s=\"on\"} 1\n") + times(text, "\nn_count 3\n") +
	    (multi_get(p, "c", "_created", NULL, NULL) > 0);
	pain_says(n == 4,
	    "workers have an info, a stateset, a native "
	    "histogram and created times",
	    "%d of 4 are there", n);
	pdc_free(text);
	pdc_close(p);
}

static const struct pain rows[] = {
	{ "18-exemplars-of-many-processes-are-shown", exemplars },
	{ "19-what-is-removed-is-gone-everywhere", removed },
	{ "20-nothing-is-missing-with-many-processes", kinds },
};

int
main(int argc, char **argv)
{
	return PAINS_RUN(rows, argc, argv);
}
