/* SPDX-License-Identifier: ISC */
#include "config.h"

/* All functions of pdc.h that can fail, and the updates that must not. */

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "api/page.h"
#include "journal/read.h"
#include "machine/machine.h"
#include "metric/metric.h"
#include "multi/multi.h"
#include "tap.h"

#define EXPIRY_S 1000
#define SWEPT_S 61 /* then what has ended is swept up */
#define LONG_LINE 20000
#define LONG_WORDS 2000

static struct pdc *p;
static struct pdc_family *made, *own;
static struct pdc_series *counter, *gauge, *histogram, *owned;
static char name[32]; /* of this try */
static const char *const values[] = { name, NULL };

void
machine_open(void)
{
	struct pdc_options o = machine_options();

	if (pdc_open(&p, machine->dir, &o) < 0)
		bail_out("open %s: %s", machine->dir, pdc_error());
	multi_pass(p, machine->passed);
	counter = multi_series(multi_declare(p, PDC_COUNTER, "c", NULL), NULL);
	gauge = multi_series(multi_declare(p, PDC_GAUGE, "g", NULL), NULL);
	histogram = multi_series(multi_declare(p, PDC_HISTOGRAM, "h", NULL),
	    NULL);
	multi_declare(p, PDC_COUNTER, "named", NULL);
	multi_declare(p, PDC_COUNTER, "twin", NULL);
	made = multi_declare(p, PDC_COUNTER, "made", "l");
	snprintf(name, sizeof(name), "n%ld", machine->number++);
}

void
machine_close(void)
{
	pdc_close(p);
	p = NULL;
}

/* --- what is there before --- */

static void
with_counts(void)
{
	pdc_inc(counter, 1);
	pdc_observe(histogram, 1);
	pdc_set(gauge, machine->want.gauge + 1);
	machine->want.counter++;
	machine->want.count++;
	machine->want.gauge++;
}

/* A series without cells: what it counts waits for the next transaction. */
static void
with_late(void)
{
	struct pdc_series *s;

	with_counts();
	atomic_store(&p->retry_ns, INT64_MAX);
	s = multi_series(made, name);
	atomic_store(&p->retry_ns, 0);
	if (s == NULL)
		bail_out("labels: %s", pdc_error());
	pdc_inc(s, 1);
	machine->want.made++;
}

static void
with_lost(void)
{
	with_late();
	if (pdc_log(p, PDC_LOG_INFO, "to be salvaged", NULL, 0) == 0)
		machine->want.lines++;
	if (multi_lose(
		machine->cells[0] != '\0' ? machine->cells : machine->dir) < 1)
		bail_out("no cells to be lost");
}

static int
counts_and_dies(void *arg)
{
	(void)arg;
	machine_open();
	with_counts();
	raise(SIGKILL);
	return 0;
}

/* Nobody has the store, and lanes hold what no checkpoint has carried. */
static void
with_dead(void)
{
	if (multi_run(counts_and_dies, NULL, 10000) != 256 + SIGKILL)
		bail_out("a worker does not die");
}

static void
with_leaving(void)
{
	machine_open();
	with_late();
}

static void
declare_own(struct pdc_desc d)
{
	static const char *const labels[] = { "l", NULL };

	d.labels = labels;
	if (pdc_declare(&own, p, &d) < 0)
		bail_out("declare: %s", pdc_error());
	owned = multi_series(own, name);
}

static void
pass(double seconds)
{
	machine->passed += seconds;
	multi_pass(p, seconds);
}

static void
with_own(void)
{
	pass(SWEPT_S);
	if (pdc_maintain(p) < 0)
		bail_out("maintain: %s", pdc_error());
	declare_own((struct pdc_desc){ .type = PDC_COUNTER, .name = "own" });
	pdc_inc(owned, 1);
	if (pdc_checkpoint(p) < 0)
		bail_out("checkpoint: %s", pdc_error());
}

/* A family whose time has passed, and a series that was removed. */
static void
with_ended(void)
{
	struct pdc_desc d = { .type = PDC_COUNTER,
		.name = "passing",
		.ttl_s = EXPIRY_S,
		.idle_s = EXPIRY_S / 2 };

	declare_own(d);
	pdc_inc(owned, 1);
	snprintf(name, sizeof(name), "n%ld", machine->number++);
	with_own();
	if (pdc_remove(own, values) < 0 || pdc_maintain(p) < 0)
		bail_out("remove: %s", pdc_error());
	pass(EXPIRY_S);
	with_late();
}

static void
with_native(void)
{
	declare_own((struct pdc_desc){ .type = PDC_HISTOGRAM,
	    .name = "native",
	    .flags = PDC_NATIVE | PDC_EXEMPLARS });
}

static void
with_mode(void)
{
	declare_own((struct pdc_desc){ .type = PDC_GAUGE,
	    .name = "mode",
	    .mode = PDC_LIVEMAX });
}

static void
without_other(void)
{
	machine_remove(machine->other);
}

/* One with something in it. */
static void
with_other(void)
{
	struct pdc_options o = machine_options();
	struct pdc *q;

	if (pdc_open(&q, machine->other, &o) < 0)
		bail_out("open %s: %s", machine->other, pdc_error());
	machine->passed += SWEPT_S;
	multi_pass(q, machine->passed);
	if (pdc_maintain(q) < 0)
		bail_out("maintain: %s", pdc_error());
	pdc_inc(multi_series(multi_declare(q, PDC_COUNTER, "x", "l"), name), 1);
	pdc_close(q);
}

/* --- what is done --- */

static int
run_open(void)
{
	const struct pdc_desc d = { .type = PDC_COUNTER, .name = "c" };
	struct pdc_options o = machine_options();
	struct pdc_series *s;
	struct pdc_family *f;
	struct pdc *q;
	int ret;

	ret = pdc_open(&q, machine->dir, &o);
	if (ret == 0 && p != NULL && q != p)
		machine_bad("open: it is open twice");
	if (ret == 0)
		ret = pdc_declare(&f, q, &d);
	if (ret == 0)
		ret = pdc_labels(&s, f, NULL);
	if (ret == 0) {
		pdc_inc(s, 1);
		machine->want.counter++;
	}
	pdc_close(q);
	return ret;
}

static int
run_other(unsigned flags, const char *dir)
{
	struct pdc_options o = machine_options();
	char *text;
	size_t len;
	struct pdc *q;
	int ret;

	o.flags = flags;
	ret = pdc_open(&q, dir, &o);
	if (ret == 0)
		ret = pdc_render(q, NULL, &text, &len, NULL);
	if (ret == 0)
		pdc_free(text);
	pdc_close(q);
	return ret;
}

static int
run_look_only(void)
{
	return run_other(PDC_RDONLY, machine->dir);
}

static int
run_make(void)
{
	return run_other(machine->flags, machine->other);
}

static int
run_fresh(void)
{
	return run_other(machine->flags | PDC_FRESH, machine->other);
}

static int
run_declare(void)
{
	static const char *const labels[] = { "b", "a", NULL };
	static const double bounds[] = { 1, 2, 3 };
	const struct pdc_desc d = { .type = PDC_HISTOGRAM,
		.name = name,
		.help = "help",
		.labels = labels,
		.bounds = bounds,
		.nbounds = 3,
		.flags = PDC_EXEMPLARS };
	struct pdc_family *f;

	return pdc_declare(&f, p, &d);
}

static int
run_labels(void)
{
	struct pdc_series *s;
	int ret;

	ret = pdc_labels(&s, made, values);
	if (ret == 0) {
		pdc_inc(s, 1);
		machine->want.made++;
	}
	pdc_series_free(s);
	return ret;
}

/* In cells of their own, or where the first of a kind is to get them. */
static int
run_owned(void)
{
	const struct pdc_label l = { "trace_id", "1" };
	char another[sizeof(name) + 1];
	struct pdc_series *s;
	int ret;

	snprintf(another, sizeof(another), "x%s", name);
	ret = pdc_labels(&s, own, (const char *const[]){ another, NULL });
	if (ret == 0) {
		pdc_set(s, 1);
		pdc_observe_exemplar(s, 1, &l, 1);
		pdc_series_free(s);
		ret = pdc_checkpoint(p);
	}
	return ret;
}

static int
run_checkpoint(void)
{
	return pdc_checkpoint(p);
}

static int
run_maintain(void)
{
	return pdc_maintain(p);
}

static int
run_close(void)
{
	machine_close();
	return 0;
}

static int
run_render(void)
{
	static const char *const accept[] = {
		"text/plain", "application/openmetrics-text",
		("application/vnd.google.protobuf;"
		 "proto=io.prometheus.client.MetricFamily;encoding=delimited")
	};
	char *text;
	size_t len, i;
	int ret = 0;

	for (i = 0; ret == 0 && i < sizeof(accept) / sizeof(accept[0]); i++) {
		ret = pdc_render(p, accept[i], &text, &len, NULL);
		if (ret == 0)
			pdc_free(text);
	}
	return ret;
}

static int
emit(struct pdc_emit *e, void *arg)
{
	static const char *const labels[] = { "l", NULL };
	const struct pdc_desc d = { .type = PDC_GAUGE,
		.name = "emitted",
		.labels = labels };
	int ret = pdc_emit_family(e, &d);

	(void)arg;
	return ret < 0 ? ret : pdc_emit(e, values, 1);
}

static int
run_collect(void)
{
	int ret = pdc_collect(p, emit, NULL);

	return ret < 0 ? ret : run_render();
}

/* All of it or nothing. */
static int
run_commit(void)
{
	const struct pdc_key c = { "named", "_total", NULL, 0 };
	const struct pdc_key twin = { "twin", "_total", NULL, 0 };
	const struct pdc_key h = { "h", "", NULL, 0 }, g = { "g", "", NULL, 0 };
	struct machine_want *w = &machine->want;
	struct pdc_txn *t;
	double was;
	int ret;

	ret = pdc_begin(&t, p);
	if (ret < 0)
		return ret;
	(void)pdc_value_get(t, &c, &was);
	(void)pdc_value_inc(t, &c, 1);
	(void)pdc_value_observe(t, &h, 1);
	(void)pdc_value_set(t, &g, w->gauge + 1);
	(void)pdc_value_setnx(t, &c, 1000, NULL);
	(void)pdc_refresh_expire(t, "made");
	(void)pdc_value_inc(t, &twin, 1);
	ret = pdc_commit(t);
	if (ret == 0) {
		w->named++;
		w->count++;
		w->gauge++;
	}
	return ret;
}

static int
run_get(void)
{
	const struct pdc_key c = { "c", "_total", NULL, 0 };
	struct pdc_txn *t;
	double v;
	int ret;

	ret = pdc_begin(&t, p);
	if (ret < 0)
		return ret;
	ret = pdc_value_get(t, &c, &v);
	if (ret == 0 && v != machine->want.counter)
		machine_bad("get: %.17g", v);
	return pdc_commit(t);
}

static int
run_reset(void)
{
	return pdc_reset(owned);
}

static int
run_remove(void)
{
	return pdc_remove(own, values);
}

static int
run_remove_all(void)
{
	return pdc_remove(own, NULL);
}

static int
line_is(int ret)
{
	machine->want.lines += ret == 0;
	return ret;
}

static int
run_lines(void)
{
	static char text[LONG_LINE + 1];
	const struct pdc_field f = { .name = "text",
		.kind = PDC_STRING,
		.text = text };
	int ret;

	memset(text, 'x', LONG_LINE);
	ret = line_is(pdc_log(p, PDC_LOG_INFO, "short", NULL, 0));
	if (ret == 0)
		ret = line_is(pdc_log(p, PDC_LOG_ERROR, "long", &f, 1));
	if (ret == 0)
		ret = line_is(
		    pdc_logf(p, PDC_LOG_INFO, "%.*s", LONG_WORDS, text));
	if (ret == 0)
		ret = line_is(pdc_event(p, name, &f, 1));
	if (ret == 0)
		ret = line_is(pdc_measure(p, name, 1, NULL, 0));
	return ret;
}

static int
run_context(void)
{
	const struct pdc_field f = { .name = "request",
		.kind = PDC_INTEGER,
		.integer = 1 };
	int ret;

	ret = pdc_context_push(&f, 1);
	if (ret == 0)
		ret = pdc_context_set(&f, 1);
	if (ret == 0)
		ret = line_is(pdc_log(p, PDC_LOG_INFO, "in context", NULL, 0));
	pdc_context_clear();
	return ret;
}

static int
run_retain(void)
{
	const struct pdc_retention r = { .max_count = INT32_MAX,
		.max_bytes = machine->number };

	return pdc_retain(p, "debug", &r);
}

static void
found(void *arg, const char *words)
{
	(void)arg;
	machine_bad("found: %s", words);
}

/* What the programs ask. */
static int
run_ask(void)
{
	static struct pdc_stat st;
	struct journal_answer a;
	struct journal_query q;
	struct stxn x;
	struct buf b;
	int ret;

	ret = pdc_page_check(p, found, NULL);
	if (ret == 0)
		ret = pdc_stat_get(p, &st);
	if (ret == 0)
		ret = pdc_stxn_read(&x, p->store);
	if (ret < 0)
		return ret;
	pdc_buf_init(&b);
	pdc_journal_all(&q, (1u << NSTREAMS) - 1);
	ret = pdc_journal_read(&x, &q, &b, &a);
	pdc_buf_fini(&b);
	pdc_stxn_abort(&x);
	return ret;
}

const struct machine_op machine_ops[] = {
	{ .name = "open",
	    .prepare = with_dead,
	    .run = run_open,
	    .by_path = 1,
	    .closed = 1 },
	{ .name = "open again", .run = run_open, .by_path = 1 },
	{ .name = "open to look",
	    .prepare = with_dead,
	    .run = run_look_only,
	    .by_path = 1,
	    .closed = 1 },
	{ .name = "make", .prepare = without_other, .run = run_make },
	{ .name = "make afresh", .prepare = with_other, .run = run_fresh },
	{ .name = "declare", .run = run_declare },
	{ .name = "labels", .run = run_labels },
	{ .name = "a native histogram",
	    .prepare = with_native,
	    .run = run_owned },
	{ .name = "a mode", .prepare = with_mode, .run = run_owned },
	{ .name = "checkpoint", .prepare = with_late, .run = run_checkpoint },
	{ .name = "maintain", .prepare = with_ended, .run = run_maintain },
	{ .name = "close",
	    .prepare = with_leaving,
	    .run = run_close,
	    .closed = 1 },
	{ .name = "render", .prepare = with_native, .run = run_render },
	{ .name = "collect", .run = run_collect },
	{ .name = "commit", .prepare = with_late, .run = run_commit },
	{ .name = "get", .prepare = with_counts, .run = run_get },
	{ .name = "reset", .prepare = with_own, .run = run_reset },
	{ .name = "remove", .prepare = with_own, .run = run_remove },
	{ .name = "remove all", .prepare = with_own, .run = run_remove_all },
	{ .name = "lines", .run = run_lines },
	{ .name = "context", .run = run_context },
	{ .name = "retain", .run = run_retain },
	{ .name = "ask", .run = run_ask },
	{ .name = "checkpoint of a child",
	    .prepare = with_late,
	    .run = run_checkpoint,
	    .child = 1 },
	{ .name = "salvage by a checkpoint",
	    .prepare = with_lost,
	    .run = run_checkpoint },
	{ .name = "salvage by a commit",
	    .prepare = with_lost,
	    .run = run_commit },
};

const int machine_nops = sizeof(machine_ops) / sizeof(machine_ops[0]);

/* --- and what must go on --- */

static void
must(const char *what, int ret)
{
	if (ret != 0)
		machine_bad("%s, afterwards: %d, %s", what, ret, pdc_error());
}

void
machine_use(void)
{
	double v;

	snprintf(name, sizeof(name), "n%ld", machine->number++);
	with_counts();
	must("labels", run_labels());
	must("commit", run_commit());
	must("log", line_is(pdc_log(p, PDC_LOG_INFO, "used", NULL, 0)));
	must("checkpoint", pdc_checkpoint(p));
	v = multi_now(p, "c_total");
	if (v != machine->want.counter)
		machine_bad("afterwards the counter is %.17g, not %.17g", v,
		    machine->want.counter);
}
