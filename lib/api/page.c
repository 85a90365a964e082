/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Pages.
 */

#include <stdlib.h>
#include <string.h>

#include "api/emit.h"
#include "api/page.h"
#include "base/err.h"
#include "base/kinds.h"
#include "check/check.h"
#include "checkpoint/checkpoint.h"
#include "expo/expo.h"
#include "expo/taken.h"
#include "metric/metric.h"
#include "pdc.h"

/* What the next step is about, once there is a family. */
enum page_todo {
	PAGE_NEXT, /* the next family */
	PAGE_CREATED, /* the present one, for its created times */
	PAGE_REST /* the present one, for what is left of it */
};

struct page {
	const struct page_opts *opts;
	struct collect *collect; /* NULL before the first piece */
	struct buf *buf; /* of the present piece */
	struct expo expo;
	enum page_todo todo;
	int created; /* it is at created times */
	struct taken own; /* unless the caller has one */
	struct taken *taken;
	struct page_result result;
};

static size_t
page_piece(const struct page *pg)
{
	return pg->opts->piece != 0 ? pg->opts->piece : PAGE_PIECE;
}

static void
page_begin(struct page *pg, const struct collect_family *f)
{
	if (pg->todo == PAGE_REST)
		pdc_expo_rest(&pg->expo, f);
	else if (pg->todo == PAGE_CREATED)
		pdc_expo_begin_created(&pg->expo, f);
	else
		pdc_expo_begin(&pg->expo, f);
}

/* Series until there are no more, or a piece of them alone is full. */
static int
page_series(struct page *pg, const struct collect_family *f, size_t mark)
{
	size_t room = f->whole ? SIZE_MAX : page_piece(pg);
	const struct collect_series *series;
	int ret;

	while (
	    (ret = pdc_collect_series(pg->collect, &series)) == COLLECT_NEXT) {
		pdc_expo_series(&pg->expo, series);
		if (pg->buf->len - mark >= room)
			break;
	}
	return ret;
}

/* What fits of a family.  COLLECT_NEXT: there may be more of it. */
static int
page_part(struct page *pg, const struct collect_family *f)
{
	size_t mark = pg->buf->len, head;
	int ret;

	if (pg->opts->format == PAGE_KEYS)
		return pdc_expo_keys(pg->buf, f, pg->collect);
	page_begin(pg, f);
	head = pg->buf->len;
	ret = page_series(pg, f, mark);
	if (ret == COLLECT_END && pg->todo == PAGE_REST && pg->buf->len == head)
		pg->buf->len = mark; /* nothing was left */
	else if (ret == COLLECT_END || ret == COLLECT_NEXT)
		pdc_expo_done(&pg->expo);
	return ret;
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
 * record has been damaged meanwhile is left out, but not the rest of it alone.
 */
static int
page_family(struct page *pg, const struct collect_family *f)
{
	size_t mark = pg->buf->len;
	int ret;

	ret = page_part(pg, f);
	while (ret == COLLECT_AGAIN) {
		pg->buf->len = mark;
		ret = pdc_collect_again(pg->collect, &f);
		if (ret == COLLECT_NEXT)
			ret = page_part(pg, f);
	}
	if (ret == PDC_EFORMAT && pg->todo != PAGE_REST) {
		pg->buf->len = mark;
		pg->result.damaged++;
		return COLLECT_END;
	}
	pg->result.families += pg->todo == PAGE_NEXT;
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

/* Whether a family is not for this page. */
static int
page_skips(struct page *pg, const struct collect_family *f)
{
	if (pg->opts->format == PAGE_KEYS)
		return 0;
	if (!page_wants(pg, f))
		return 1;
	if (!page_clashes(pg, f))
		return 0;
	pg->result.clashes++;
	return 1;
}

static int
page_get(struct page *pg, const struct collect_family **f)
{
	int ret;

	if (pg->todo != PAGE_NEXT)
		return pdc_collect_same(pg->collect,
		    pg->todo == PAGE_REST ? COLLECT_REST : COLLECT_ALL, f);
	if (pg->opts->family == NULL)
		return pdc_collect_family(pg->collect, f);
	ret = pdc_collect_seek(pg->collect, pg->opts->family, f);
	if (ret == COLLECT_END)
		return pdc_err_set(PDC_ENOENT, "%s: no such metric",
		    pg->opts->family);
	return ret;
}

/* Done with a family. */
static int
page_next(struct page *pg)
{
	pg->todo = PAGE_NEXT;
	pg->created = 0;
	return pg->opts->family == NULL ? COLLECT_NEXT : COLLECT_END;
}

/*
 * What is to be done once a part was: COLLECT_NEXT, or COLLECT_END of all.
 *
 *	todo		a part, more	a part, the last
 *	PAGE_NEXT	PAGE_REST	PAGE_CREATED or PAGE_NEXT
 *	PAGE_REST	PAGE_REST	the same; of created times PAGE_NEXT
 *	PAGE_CREATED	PAGE_REST	PAGE_NEXT
 */
static int
page_step(struct page *pg)
{
	const struct collect_family *f;
	int ret;

	ret = page_late(pg);
	if (ret == 0)
		ret = page_get(pg, &f);
	if (ret == COLLECT_END && pg->todo != PAGE_NEXT)
		return page_next(pg); /* it has ended */
	if (ret != COLLECT_NEXT)
		return ret;
	if (pg->todo == PAGE_NEXT && page_skips(pg, f))
		return page_next(pg);
	pg->created |= pg->todo == PAGE_CREATED;
	ret = page_family(pg, f);
	if (ret < 0)
		return ret;
	if (ret == COLLECT_END &&
	    (pg->created || !pdc_expo_has_created(&pg->expo, f)))
		return page_next(pg);
	pg->todo = ret == COLLECT_END ? PAGE_CREATED : PAGE_REST;
	return COLLECT_NEXT;
}

static int
page_snapshot(struct page *pg, struct pdc *p)
{
	const struct cells *cells = pdc_epoch_cells(p, p->store->wait_ms);

	if (pg->collect != NULL)
		return pdc_collect_resume(pg->collect, p->store, cells,
		    &p->self);
	return pdc_collect_open(&pg->collect, p->store, cells, &p->self);
}

static void
page_whole(struct page *pg, struct pdc *p)
{
	pg->result.series = pdc_collect_count(pg->collect);
	pg->result.damaged += pdc_collect_damaged(pg->collect);
	if (pg->opts->family == NULL && pg->opts->names == NULL &&
	    pdc_collect_uses(pg->collect))
		page_shown(p, pdc_collect_late(pg->collect));
}

int
pdc_page_more(struct page *pg, struct pdc *p, struct buf *b)
{
	size_t start = b->len;
	int ret;

	pg->buf = pg->expo.out = b;
	ret = page_snapshot(pg, p);
	if (ret == 0)
		do
			ret = page_step(pg);
		while (ret == COLLECT_NEXT && b->error == 0 &&
		    b->len - start < page_piece(pg));
	if (ret >= 0 && b->error < 0)
		ret = pdc_err_set(PDC_ENOMEM, "a page of %zu bytes", b->len);
	if (pg->collect != NULL)
		pdc_collect_pause(pg->collect);
	if (ret != COLLECT_END)
		return ret;
	page_whole(pg, p);
	if (pg->opts->format == PAGE_METRICS && pg->opts->family == NULL)
		pdc_emit_all(p, &pg->expo, pg->taken, &pg->result.clashes);
	if (b->error < 0)
		return pdc_err_set(PDC_ENOMEM, "a page of %zu bytes", b->len);
	return ret;
}

const struct page_result *
pdc_page_result(const struct page *pg)
{
	return &pg->result;
}

int
pdc_page_open(struct page **pgp, const struct page_opts *opts)
{
	struct page *pg;

	pg = calloc(1, sizeof(*pg));
	if (pg == NULL)
		return pdc_err_set(PDC_ENOMEM, "a page");
	pg->opts = opts;
	pg->taken = opts->taken != NULL ? opts->taken : &pg->own;
	pdc_expo_init(&pg->expo, NULL, &opts->how);
	*pgp = pg;
	return 0;
}

void
pdc_page_close(struct page *pg)
{
	if (pg == NULL)
		return;
	pdc_collect_close(pg->collect);
	pdc_expo_fini(&pg->expo);
	pdc_taken_fini(&pg->own);
	free(pg);
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
