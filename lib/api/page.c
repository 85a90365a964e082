/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Pages.
 */

#include <stdlib.h>
#include <string.h>

#include "api/page.h"
#include "base/err.h"
#include "base/kinds.h"
#include "check/check.h"
#include "checkpoint/checkpoint.h"
#include "expo/expo.h"
#include "expo/taken.h"
#include "metric/metric.h"
#include "pdc.h"

struct page {
	struct buf *buf;
	const struct page_opts *opts;
	struct collect *collect;
	struct expo expo;
	struct taken own; /* unless the caller has one */
	struct taken *taken;
	struct page_result result;
};

/* The series of a family, begun. */
static int
page_series(struct page *pg)
{
	const struct collect_series *series;
	int ret;

	while ((ret = pdc_collect_series(pg->collect, &series)) == COLLECT_NEXT)
		pdc_expo_series(&pg->expo, series);
	if (ret == COLLECT_END)
		pdc_expo_done(&pg->expo);
	return ret;
}

static int
page_metrics(struct page *pg, const struct collect_family *f)
{
	pdc_expo_begin(&pg->expo, f);
	return page_series(pg);
}

static int
page_created(struct page *pg, const struct collect_family *f)
{
	pdc_expo_begin_created(&pg->expo, f);
	return page_series(pg);
}

static int
page_keys(struct page *pg, const struct collect_family *f)
{
	return pdc_expo_keys(pg->buf, f, pg->collect);
}

#define SHOWN_WAIT_MS 20

/*
 * That they were shown lets families live.  Who lives by the page before alone,
 * as nobody has written that, would not live by this one in its place: it is
 * written first.
 */
static void
page_shown(struct pdc *p, int late)
{
	struct cells *c = pdc_cells_now(p);

	if (c == NULL || c->rdonly ||
	    (late && pdc_expire_all(p, SHOWN_WAIT_MS) < 0))
		return;
	atomic_store(&c->head->page_mono_ns, pdc_clock_mono(&p->clock));
}

/*
 * A family: again from a newer snapshot if one of its series moved.  One whose
 * record has been damaged meanwhile is left out.
 */
static int
page_family(struct page *pg, const struct collect_family *f,
    int (*render)(struct page *, const struct collect_family *))
{
	size_t mark = pg->buf->len;
	int ret;

	ret = render(pg, f);
	while (ret == COLLECT_AGAIN) {
		pg->buf->len = mark;
		ret = pdc_collect_again(pg->collect, &f);
		if (ret == COLLECT_NEXT)
			ret = render(pg, f);
	}
	if (ret == PDC_EFORMAT) {
		pg->buf->len = mark;
		pg->result.damaged++;
		return COLLECT_END;
	}
	pg->result.families++;
	return ret;
}

static int
page_late(const struct page *pg)
{
	static const struct clock real;

	if (pg->opts->deadline_ns == 0 ||
	    pdc_clock_mono(&real) < pg->opts->deadline_ns)
		return 0;
	return pdc_err_set(PDC_EBUSY, "the page was not done in time");
}

int
pdc_page_wants(const struct page_opts *opts, const char *name)
{
	const char *const *want;

	if (opts->names == NULL)
		return 1;
	for (want = opts->names; *want != NULL; want++)
		if (strcmp(*want, name) == 0)
			return 1;
	return 0;
}

/* A family is asked for as it is stored or shown, with or without _total. */
static int
page_wants(const struct page *pg, const struct collect_family *f)
{
	const char *suffix = pdc_expo_suffix(f->type);
	int ret;
	struct buf b;

	if (pg->opts->names == NULL)
		return 1;
	pdc_buf_init(&b);
	pdc_expo_base(&b, &pg->opts->how, f->name, f->type);
	pdc_buf_fmt(&b, "%s%c%s%s", suffix, '\0', f->name, suffix);
	pdc_buf_chr(&b, '\0');
	ret = b.error < 0 || pdc_page_wants(pg->opts, f->name) ||
	    pdc_page_wants(pg->opts, b.data) ||
	    pdc_page_wants(pg->opts, b.data + strlen(b.data) + 1);
	if (!ret && *suffix != '\0') {
		b.data[strlen(b.data) - strlen(suffix)] = '\0';
		ret = pdc_page_wants(pg->opts, b.data);
	}
	pdc_buf_fini(&b);
	return ret;
}

/*
 * Two samples of a page must not have one name, which can come of escaping: a
 * family of the old letters stays, of others the first.  1: it has to be left
 * out.
 */
static int
page_clashes(struct page *pg, const struct collect_family *f)
{
	const char *const *suffixes = pdc_kind_suffixes(f->type), *const * s;
	struct buf b;
	size_t base;
	int ret = 0;

	if (!pdc_expo_labels_differ(&pg->opts->how, f))
		return 1;
	if (pg->opts->how.escape == ESCAPE_NONE || pdc_name_metric(f->name))
		return 0;
	pdc_buf_init(&b);
	pdc_expo_base(&b, &pg->opts->how, f->name, f->type);
	base = b.len;
	for (s = suffixes; *s != NULL && ret == 0; s++) {
		b.len = base;
		pdc_buf_put(&b, *s, strlen(*s) + 1);
		if (b.error == 0)
			ret = pdc_taken_has(pg->taken, b.data) ||
			    pdc_collect_named(pg->collect, b.data);
	}
	for (s = suffixes; *s != NULL && ret == 0; s++) {
		b.len = base;
		pdc_buf_put(&b, *s, strlen(*s) + 1);
		if (b.error == 0)
			b.error = pdc_taken_add(pg->taken, b.data);
	}
	if (b.error < 0) /* no page rather than one that lacks something */
		pg->buf->error = b.error;
	pdc_buf_fini(&b);
	return ret;
}

/* One of the families of a page of metrics. */
static int
page_one(struct page *pg, const struct collect_family *f)
{
	int ret;

	if (!page_wants(pg, f))
		return 0;
	if (page_clashes(pg, f)) {
		pg->result.clashes++;
		return 0;
	}
	ret = page_family(pg, f, page_metrics);
	if (ret != 0 || !pdc_expo_has_created(&pg->expo, f))
		return ret;
	ret = pdc_collect_seek(pg->collect, f->name, &f);
	return ret == COLLECT_NEXT ? page_family(pg, f, page_created) : ret;
}

static int
page_walk(struct page *pg)
{
	const struct collect_family *f;
	int ret;

	if (pg->opts->family != NULL) {
		ret = pdc_collect_seek(pg->collect, pg->opts->family, &f);
		if (ret == COLLECT_END)
			return pdc_err_set(PDC_ENOENT, "%s: no such metric",
			    pg->opts->family);
	} else {
		ret = pdc_collect_family(pg->collect, &f);
	}
	while (ret == COLLECT_NEXT) {
		ret = page_late(pg);
		if (ret == 0 && pg->opts->format == PAGE_KEYS)
			ret = page_family(pg, f, page_keys);
		else if (ret == 0)
			ret = page_one(pg, f);
		if (ret != 0 || pg->opts->family != NULL)
			break;
		ret = pdc_collect_family(pg->collect, &f);
	}
	return ret;
}

/* All of a page but its end, which the caller may write something before. */
static int
page_write(struct page *pg)
{
	int ret;

	pdc_expo_init(&pg->expo, pg->buf, &pg->opts->how);
	ret = page_walk(pg);
	pdc_expo_fini(&pg->expo);
	if (ret == 0 && pg->buf->error < 0)
		ret = pdc_err_set(PDC_ENOMEM, "a page of %zu bytes",
		    pg->buf->len);
	pg->result.series = pdc_collect_count(pg->collect);
	pg->result.damaged += pdc_collect_damaged(pg->collect);
	return ret;
}

int
pdc_page_render(struct pdc *p, struct buf *b, const struct page_opts *opts,
    struct page_result *result)
{
	struct page pg = { .buf = b, .opts = opts, .own = TAKEN_EMPTY };
	int ret, late, uses;

	pg.taken = opts->taken != NULL ? opts->taken : &pg.own;
	ret = pdc_collect_open(&pg.collect, p->store,
	    pdc_epoch_cells(p, p->store->wait_ms), &p->self);
	if (ret < 0)
		return ret;
	ret = page_write(&pg);
	if (ret == 0 && result != NULL)
		*result = pg.result;
	late = pdc_collect_late(pg.collect);
	uses = opts->family == NULL && opts->names == NULL &&
	    pdc_collect_uses(pg.collect);
	pdc_collect_close(pg.collect);
	pdc_taken_fini(&pg.own);
	if (ret == 0 && uses)
		page_shown(p, late);
	return ret;
}

void
pdc_page_end(struct buf *b, const struct page_opts *opts)
{
	struct expo e;

	if (opts->format == PAGE_KEYS)
		return;
	pdc_expo_init(&e, b, &opts->how);
	pdc_expo_tail(&e);
	pdc_expo_fini(&e);
}

int
pdc_page_named(struct pdc *p, const char *sample)
{
	struct family *f;
	struct stxn x;
	int ret = 1;

	f = malloc(sizeof(*f));
	if (f == NULL)
		return ret;
	if (pdc_stxn_read(&x, p->store) == 0) {
		ret = pdc_family_named(&x, sample, f);
		pdc_stxn_abort(&x);
	}
	free(f);
	return ret;
}

int
pdc_page_type(struct pdc *p, const char *family)
{
	struct family *f;
	struct stxn x;
	int ret;

	f = malloc(sizeof(*f));
	if (f == NULL)
		return pdc_err_set(PDC_ENOMEM, "%s", family);
	ret = pdc_stxn_read(&x, p->store);
	if (ret == 0) {
		ret = pdc_family_get(&x, family, f);
		pdc_stxn_abort(&x);
		ret = ret == 0 ? f->r.type : ret == PDC_ENOENT ? 0 : ret;
	}
	free(f);
	return ret;
}

int
pdc_page_maintain(struct pdc *p, uint32_t wait_ms)
{
	return pdc_maintain_run(p, wait_ms, MAINTAIN_SLICES);
}

int
pdc_page_check(struct pdc *p, void (*found)(void *arg, const char *words),
    void *arg)
{
	return pdc_check_run(p->store, pdc_epoch_cells(p, p->store->wait_ms),
	    found, arg);
}

int
pdc_render(struct pdc *p, const char *accept, char **text, size_t *len,
    const char **content_type)
{
	struct page_opts opts = { .format = PAGE_METRICS };
	struct buf b;
	int ret;

	if (p == NULL || text == NULL || len == NULL)
		return pdc_err_set(PDC_EINVAL,
		    "render: no store, or nowhere to put the text");
	pdc_accept_format(&opts.how, accept);
	pdc_buf_init(&b);
	ret = pdc_page_render(p, &b, &opts, NULL);
	pdc_page_end(&b, &opts);
	pdc_buf_chr(&b, '\0');
	if (ret == 0 && b.error < 0)
		ret = pdc_err_set(PDC_ENOMEM, "render");
	if (ret < 0) {
		pdc_buf_fini(&b);
		return ret;
	}
	*text = b.data;
	*len = b.len - 1;
	if (content_type != NULL)
		*content_type = pdc_expo_type(&opts.how);
	return 0;
}
