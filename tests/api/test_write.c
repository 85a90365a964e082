/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * pdc_write(): pieces for programs, and what holds while they have them.
 */

#include <errno.h>

#include "api/page.h"
#include "help.h"
#include "metric/metric.h"

#define NSERIES 12000 /* pages of more than one piece */

static struct pdc *p;

struct reader {
	struct buf got;
	int calls;
	int held; /* snapshots that were out */
	int stop_at; /* the call that ends the page; 0: none */
	int (*act)(void);
};

static int
out(void *arg, const void *data, size_t len)
{
	struct reader *r = arg;

	pdc_buf_put(&r->got, data, len);
	r->held += (int)atomic_load(&p->store->reading);
	r->calls++;
	if (r->act != NULL && r->act() != 0)
		return -1;
	errno = EPIPE;
	return r->calls == r->stop_at;
}

static void
fill(void)
{
	struct pdc_family *f = help_family(p, PDC_COUNTER, "big", "n");
	char value[80];
	int i;

	for (i = 0; i < NSERIES; i++) {
		snprintf(value, sizeof(value), "%d %060d", i, i);
		pdc_series_free(help_series(f, value));
	}
	pdc_checkpoint(p);
}

static void
test_same(const char *accept)
{
	struct reader r = { 0 };
	const char *type;
	char *text;
	size_t len;

	is_int(pdc_write(p, accept, out, &r), 0, "a page for '%s'", accept);
	if (pdc_render(p, accept, &text, &len, &type) < 0)
		bail_out("%s", pdc_error());
	ok(len == r.got.len && memcmp(text, r.got.data, len) == 0,
	    "the pieces are the whole");
	is_str(pdc_content_type(accept), type, "of the same type");
	ok(r.calls > 1, "%d pieces", r.calls);
	is_int(r.held, 0, "no snapshot is held meanwhile");
	pdc_free(text);
	pdc_buf_fini(&r.got);
}

static int
act_busy(void)
{
	char *text;
	size_t len;

	pdc_inc(help_series(help_family(p, PDC_COUNTER, "small", NULL), NULL),
	    1);
	if (pdc_checkpoint(p) < 0 || pdc_maintain(p) < 0 ||
	    pdc_render(p, NULL, &text, &len, NULL) < 0)
		return -1;
	pdc_free(text);
	return 0;
}

/* The child of one piece makes a page of its own; the parent goes on. */
static int
child_page(void *arg)
{
	(void)arg;
	return act_busy() == 0 ? 0 : 1;
}

static int
act_fork(void)
{
	return help_child(child_page, NULL);
}

/* Pages that a transaction took are used again while a reader waits. */
static uint64_t grown;

static int
act_write(void)
{
	struct pdc_key k = help_key("often", "", NULL);
	struct pdc_stat before, after;
	int i;

	if (pdc_stat_get(p, &before) < 0)
		return -1;
	for (i = 0; i < 300; i++)
		if (help_by_name(p, pdc_value_set, &k, i) < 0)
			return -1;
	if (pdc_stat_get(p, &after) < 0)
		return -1;
	grown = after.data_bytes - before.data_bytes;
	return 0;
}

static void
test_meanwhile(void)
{
	struct reader r = { .act = act_busy };

	is_int(pdc_write(p, NULL, out, &r), 0,
	    "out may use the store, and page it");
	pdc_buf_fini(&r.got);
	r = (struct reader){ .act = act_fork };
	is_int(pdc_write(p, NULL, out, &r), 0, "and fork");
	pdc_buf_fini(&r.got);
	r = (struct reader){ .act = act_write };
	help_family(p, PDC_GAUGE, "often", NULL);
	is_int(pdc_write(p, NULL, out, &r), 0, "and write a lot");
	ok(grown < 300000, "which does not let the store grow: %llu",
	    (unsigned long long)grown);
	pdc_buf_fini(&r.got);
}

static void
test_stop(void)
{
	struct reader r = { .stop_at = 1 };

	is_int(pdc_write(p, NULL, out, &r), PDC_ECANCELED, "out ends a page");
	is_int(errno, EPIPE, "errno is his");
	is_int(r.calls, 1, "nothing comes after");
	pdc_buf_fini(&r.got);
	is_int(pdc_write(NULL, NULL, out, &r), PDC_EINVAL, "no store");
	is_int(pdc_write(p, NULL, NULL, &r), PDC_EINVAL, "nobody to write to");
	is_str(pdc_content_type(NULL),
	    "text/plain; version=0.0.4; "
	    "charset=utf-8",
	    "a type without being asked");
}

/* The first record in a version that nobody knows yet. */
static int
act_spoil(void)
{
	int (*hook)(void *, struct stxn *) = p->store->hook;
	struct stxn x;
	int ret;

	p->store->hook = NULL;
	ret = pdc_stxn_write(&x, p->store, 1000);
	if (ret == 0) {
		x.meta.version = STORE_VERSION + 1;
		ret = pdc_stxn_commit(&x);
	}
	p->store->hook = hook;
	return ret;
}

static void
test_spoilt(void)
{
	struct reader r = { .act = act_spoil };

	is_int(pdc_write(p, NULL, out, &r), PDC_EVERSION,
	    "damage in the middle is an error");
	is_int(r.calls, 1, "and no end");
	pdc_buf_fini(&r.got);
	r = (struct reader){ 0 };
	is_int(pdc_write(p, NULL, out, &r), PDC_EVERSION,
	    "damage from the beginning too");
	is_int(r.calls, 0, "and no piece");
	pdc_buf_fini(&r.got);
}

int
main(void)
{
	p = help_open(tap_tmpdir(), 0);
	fill();
	test_same("text/plain");
	test_same("application/openmetrics-text");
	test_same("application/vnd.google.protobuf;encoding=delimited;"
		  "proto=io.prometheus.client.MetricFamily");
	test_meanwhile();
	test_stop();
	test_spoilt();
	pdc_close(p);
	return tap_done();
}
