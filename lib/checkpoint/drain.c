/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Draining rings: their updates are credited, their lines go into the journal,
 * and how far that got is stored in the same transaction.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fault.h"
#include "base/wire.h"
#include "checkpoint/checkpoint.h"
#include "journal/journal.h"
#include "pdc.h"

/* What a transaction takes: an update is as much work as so many lines. */
#define DRAIN_UPDATE 8
#define DRAIN_MAX (1024 * DRAIN_UPDATE)
#define DRAIN_SLICES 4096
#define NS_PER_US 1000

/* Of one transaction. */
struct drain {
	struct stxn *x;
	struct pdc *p;
	struct journal *journal; /* NULL: no line yet */
	uint64_t now; /* of the rings */
	int64_t wall_ns; /* at the same time */
};

static size_t
drain_key(unsigned char *key, uint64_t epoch)
{
	key[0] = 'R';
	pdc_put_be64(key + 1, epoch);
	return 9;
}

static int
drain_positions(struct stxn *x, const struct cells *c, uint64_t *pos)
{
	size_t n = c->nlanes * sizeof(*pos), klen, len;
	unsigned char key[9];
	const void *val;
	int ret;

	memset(pos, 0, n);
	klen = drain_key(key, c->epoch);
	ret = pdc_stxn_get(x, key, klen, &val, &len);
	if (ret == 0 && len == n)
		memcpy(pos, val, n);
	return ret == PDC_ENOENT ? 0 : ret;
}

/* No handle has the id 0. */
static int
drain_update_sane(const struct ring_update *u)
{
	return u->id != 0 && !(u->h.op == RING_OBSERVE && isnan(u->amount));
}

/* A stamp from the future is of another clock. */
static int64_t
drain_time(const struct drain *d, uint64_t stamp)
{
	uint64_t ago = stamp < d->now ? d->now - stamp : 0;

	return (d->wall_ns - (int64_t)ago) / NS_PER_US;
}

static void
drain_line(struct drain *d, const struct ring_line *l)
{
	struct journal_text t = { .stream = l->h.op,
		.text = (const char *)(l + 1),
		.len = l->len,
		.at = l->at,
		.us = drain_time(d, l->h.stamp) };

	if (d->journal == NULL)
		d->journal = pdc_journal_begin(d->x);
	if (d->journal != NULL)
		pdc_journal_add(d->journal, &t);
}

/* How much of DRAIN_MAX it was. */
static uint32_t
drain_record(struct drain *d, const struct ring_head *h)
{
	const struct ring_update *u = (const void *)h;
	const struct ring_line *l = (const void *)h;

	if (h->kind == RING_LINE &&
	    pdc_journal_is_line((const char *)(l + 1), l->len, h->op)) {
		drain_line(d, l);
		return 1;
	}
	if (h->kind == RING_UPDATE && drain_update_sane(u))
		pdc_credit_update(d->x, d->p, u, (const char *)(u + 1));
	else
		pdc_cells_drop(pdc_cells_now(d->p), DROP_DAMAGED);
	return DRAIN_UPDATE;
}

/* Records, and the positions after them; 1 if there may be more. */
static int
drain_some(struct drain *d, struct ring_drain *r, const struct cells *c,
    uint64_t *pos, int all)
{
	size_t size = c->nlanes * sizeof(uint64_t);
	uint64_t *was = pos + c->nlanes;
	const struct ring_head *h;
	unsigned char key[9];
	uint32_t work = 0;

	memcpy(was, pos, size);
	d->now = pdc_ring_clock();
	d->wall_ns = pdc_clock_wall(&d->p->clock);
	pdc_ring_begin(r, c, pos, all);
	while (work < DRAIN_MAX && d->x->ret == 0 &&
	    (h = pdc_ring_next(r)) != NULL)
		work += drain_record(d, h);
	if (d->journal != NULL)
		pdc_journal_end(d->journal);
	/* Also when all there was had to be skipped. */
	if (memcmp(was, pos, size) != 0)
		pdc_stxn_put(d->x, key, drain_key(key, c->epoch), pos, size);
	return d->x->ret < 0 ? d->x->ret : work >= DRAIN_MAX;
}

int
pdc_drain(struct stxn *x, struct pdc *p, const struct cells *c, int all)
{
	struct drain d = { .x = x, .p = p };
	struct ring_drain *r;
	uint64_t *pos;
	int more = 0;

	if (c->nlanes == 0)
		return 0;
	pos = calloc(2 * (size_t)c->nlanes, sizeof(*pos));
	r = malloc(sizeof(*r));
	if (pos == NULL || r == NULL) {
		pdc_stxn_fail(x, pdc_err_set(PDC_ENOMEM, "draining rings"));
	} else if (drain_positions(x, c, pos) == 0) {
		more = drain_some(&d, r, c, pos, all);
	}
	free(r);
	free(pos);
	return x->ret < 0 ? x->ret : more;
}

void
pdc_drain_hints(struct stxn *x, const struct cells *c)
{
	uint64_t *pos;

	if (c->nlanes == 0)
		return;
	pos = calloc(c->nlanes, sizeof(*pos));
	if (pos != NULL && drain_positions(x, c, pos) == 0)
		pdc_ring_done(c, pos);
	free(pos);
}

/* Some records; the transaction itself has begun with some pending sums. */
static int
drain_slice(struct pdc *p, uint32_t wait_ms, int *more)
{
	struct stxn x;
	int ret;

	ret = pdc_stxn_write(&x, p->store, wait_ms);
	if (ret < 0)
		return ret;
	*more = pdc_drain(&x, p, pdc_cells_now(p), 0);
	if (*more >= 0 && !FAULT(DRAIN_COMMIT))
		pdc_stxn_renew(&x);
	else
		pdc_stxn_fail(&x, PDC_ESTORE);
	if (x.ret == 0)
		pdc_drain_hints(&x, pdc_cells_now(p));
	ret = x.ret;
	pdc_stxn_abort(&x);
	return ret;
}

/* Until no record that is in a ring now is too young; signals end a sleep. */
static void
drain_margin(void)
{
	uint64_t start = pdc_ring_clock(), ago;

	while ((ago = pdc_ring_clock() - start) <= RING_MARGIN_NS)
		pdc_clock_sleep((int64_t)(RING_MARGIN_NS - ago) + 1);
}

/*
 * What comes meanwhile is not waited for, or who counts fast would keep us here
 * for ever.  No record is smaller than the head of a line.
 */
int
pdc_drain_all(struct pdc *p, uint32_t wait_ms)
{
	/* Others may have begun an epoch that this process has not seen yet. */
	uint64_t backlog = pdc_ring_backlog(pdc_epoch_cells(p, wait_ms)), left;
	int i, more = backlog != 0 || pdc_salvage_due(p), ret = 0;

	left = backlog / (DRAIN_MAX / DRAIN_UPDATE * sizeof(struct ring_line));
	left++;
	if (more)
		drain_margin();
	for (i = 0; i < DRAIN_SLICES && ret == 0 &&
	     ((more && left > 0) || atomic_load(&p->pending));
	     i++) {
		if (i > 0)
			pdc_clock_sleep(SLICE_NAP_NS);
		ret = drain_slice(p, wait_ms, &more);
		left -= left > 0;
	}
	return ret;
}

/* All that was in the rings before comes before. */
int
pdc_append(struct pdc *p, const struct journal_text *t, uint32_t wait_ms)
{
	struct journal_text now = *t;
	uint32_t commits;
	struct journal *j;
	struct stxn x;
	int ret;

	if (pdc_ring_backlog(pdc_epoch_cells(p, wait_ms)) != 0)
		drain_margin();
	ret = pdc_stxn_write(&x, p->store, wait_ms);
	if (ret < 0)
		return ret;
	while (pdc_drain(&x, p, pdc_cells_now(p), 0) == 1)
		if (pdc_stxn_renew(&x) < 0)
			break;
	j = x.ret == 0 ? pdc_journal_begin(&x) : NULL;
	if (j != NULL) {
		now.us = pdc_clock_wall(&p->clock) / NS_PER_US;
		pdc_journal_add(j, &now);
		pdc_journal_end(j);
	}
	commits = x.commits;
	if (x.ret == 0 && pdc_stxn_renew(&x) == 0)
		pdc_drain_hints(&x, pdc_cells_now(p));
	/* It is there, also where it could not go on after the commit. */
	ret = x.commits > commits ? 0 : x.ret;
	pdc_stxn_abort(&x);
	return ret;
}
