/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Pages, and the state of a store in numbers.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/page.h"
#include "base/err.h"
#include "check/check.h"
#include "checkpoint/checkpoint.h"
#include "expo/expo.h"
#include "metric/metric.h"
#include "pdc.h"

struct page {
	struct buf *buf;
	const struct page_opts *opts;
	struct collect *collect;
	uint64_t families;
};

static int
page_one(struct page *pg, const struct collect_family *f)
{
	if (pg->opts->format == PAGE_KEYS)
		return pdc_expo_keys(pg->buf, f, pg->collect);
	return pdc_expo_text(pg->buf, f, pg->collect);
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

/* A family: again from a newer snapshot if one of its series moved. */
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
	pg->families++;
	return ret;
}

static int
page_created(struct page *pg, const struct collect_family *f)
{
	return pdc_expo_text_created(pg->buf, f, pg->collect);
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
		if (ret == 0)
			ret = page_family(pg, f, page_one);
		if (ret == 0 && pg->opts->created &&
		    pg->opts->format == PAGE_TEXT && f->type != PDC_GAUGE) {
			ret = pdc_collect_seek(pg->collect, f->name, &f);
			if (ret == COLLECT_NEXT)
				ret = page_family(pg, f, page_created);
		}
		if (ret != 0 || pg->opts->family != NULL)
			break;
		ret = pdc_collect_family(pg->collect, &f);
	}
	return ret;
}

int
pdc_page_render(struct pdc *p, struct buf *b, const struct page_opts *opts,
    struct page_result *result)
{
	struct page pg = { .buf = b, .opts = opts };
	int ret, late, uses;

	ret = pdc_collect_open(&pg.collect, p->store,
	    pdc_epoch_cells(p, p->store->wait_ms), &p->self);
	if (ret < 0)
		return ret;
	ret = page_walk(&pg);
	if (ret == 0 && b->error < 0)
		ret = pdc_err_set(PDC_ENOMEM, "a page of %zu bytes", b->len);
	if (ret == 0 && result != NULL) {
		result->families = pg.families;
		result->series = pdc_collect_count(pg.collect);
		result->damaged = pdc_collect_damaged(pg.collect);
	}
	late = pdc_collect_late(pg.collect);
	uses = opts->family == NULL && pdc_collect_uses(pg.collect);
	pdc_collect_close(pg.collect);
	if (ret == 0 && uses)
		page_shown(p, late);
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
	struct page_opts opts = { .format = PAGE_TEXT };
	struct buf b;
	int ret;

	(void)accept; /* whatever is asked for: there is one format yet */
	if (p == NULL || text == NULL || len == NULL)
		return pdc_err_set(PDC_EINVAL,
		    "render: no store, or nowhere to put the text");
	pdc_buf_init(&b);
	ret = pdc_page_render(p, &b, &opts, NULL);
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
		*content_type = EXPO_TEXT_TYPE;
	return 0;
}

static void
stat_uuid(char *out, size_t len, const unsigned char *u)
{
	snprintf(out, len,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x"
	    "%02x%02x",
	    u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10],
	    u[11], u[12], u[13], u[14], u[15]);
}

static void
stat_cells(struct pdc *p, struct pdc_stat *s, const struct cells *c)
{
	int64_t last = atomic_load(&c->head->checkpoint_mono_ns);
	int i;

	s->checkpoint_wall_ns = atomic_load(&c->head->checkpoint_wall_ns);
	s->checkpoints = atomic_load(&c->head->checkpoints);
	if (last != 0)
		s->checkpoint_age_ns = pdc_clock_mono(&p->clock) - last;

	s->cells_mapped = 1;
	s->cells_bytes = atomic_load(&c->head->allocated);
	s->cells_budget = c->head->budget;
	for (i = 0; i < NZONES; i++)
		s->unit_cost[i] = pdc_cells_unit_cost(c, i);
	s->lanes = c->head->nlanes;
	s->atomic_lanes = c->head->natomic;
	s->rseq = (int)atomic_load(&c->head->rseq);
	s->uses_rseq = s->rseq == CELLS_RSEQ_OK && !(p->flags & PDC_ATOMIC) &&
	    pdc_rseq_usable();
	s->ring_backlog = pdc_ring_backlog(c);
	s->anomalies = atomic_load(&c->head->anomalies);
	s->unresolved = atomic_load(&c->head->unresolved);
	s->overflowed = atomic_load(&c->head->overflowed);
	s->differing = atomic_load(&c->head->differing);
	for (i = 0; i < NDROPS; i++)
		s->drops[i] = atomic_load(&c->head->drops[i]);
}

static void
stat_meta(struct pdc *p, struct pdc_stat *s, const struct meta *m)
{
	snprintf(s->dir, sizeof(s->dir), "%s", p->store->dir);
	if (m->cells_name[0] != '\0')
		snprintf(s->cells_path, sizeof(s->cells_path), "%s/%s",
		    m->cells_dir[0] ? m->cells_dir : p->store->dir,
		    m->cells_name);
	stat_uuid(s->uuid, sizeof(s->uuid), m->uuid);
	snprintf(s->boot_id, sizeof(s->boot_id), "%s", m->boot_id);
	s->version = m->version;
	s->epoch = m->epoch;
	s->families = m->nfamilies;
	s->series = m->nseries;
	s->checkpoint_age_ns = -1;
}

int
pdc_stat_get(struct pdc *p, struct pdc_stat *s)
{
	const struct cells *c = pdc_epoch_cells(p, p->store->wait_ms);
	struct store_stat ss;
	struct stxn x;
	int ret;

	ret = pdc_stxn_read(&x, p->store);
	if (ret < 0)
		return ret;
	ret = pdc_store_stat(p->store, &ss);
	pdc_stxn_abort(&x);
	if (ret < 0)
		return ret;
	memset(s, 0, sizeof(*s));
	stat_meta(p, s, &x.meta);
	s->data_bytes = ss.data_bytes;
	s->map_bytes = ss.map_bytes;
	s->last_txn = ss.last_txn;
	s->readers = ss.readers;
	s->max_readers = ss.max_readers;
	if (c != NULL)
		stat_cells(p, s, c);
	return 0;
}

size_t
pdc_stat_slots(struct pdc *p, struct pdc_slot *out, size_t max)
{
	int fd = pdc_wlock_fd(&p->store->wlock);
	struct slots *slots;
	size_t n = 0;
	uint32_t i;

	slots = malloc(sizeof(*slots));
	if (slots == NULL)
		return 0;
	pdc_slots_look(slots, &p->self, fd);
	for (i = 0; i < SLOTS_MAX && n < max; i++) {
		if (slots->since[i] == 0)
			continue;
		out[n].slot = i;
		out[n].pid = pdc_slot_pid(fd, i);
		out[n++].since_wall_ns = slots->since[i] == SLOT_CLAIMED ?
		    0 :
		    (int64_t)(slots->since[i] + IDENT_FROM_US) * 1000;
	}
	free(slots);
	return n;
}

int
pdc_stat_cells(struct pdc *p, dev_t *dev, ino_t *ino)
{
	const struct cells *c = pdc_epoch_cells(p, p->store->wait_ms);

	if (c == NULL)
		return pdc_err_set(PDC_ENOENT, "%s: no cells are there",
		    p->store->dir);
	*dev = c->dev;
	*ino = c->ino;
	return 0;
}
