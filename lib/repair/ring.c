/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Lines that wait in the rings of the old store, from where the last checkpoint
 * got.  They are copied while nobody can take them, and come behind those that
 * are in the journal.
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "lane/ring.h"
#include "pdc.h"
#include "repair/book.h"

#define NS_PER_US 1000

/* A line that was copied, and its text behind it. */
struct kept_line {
	struct ring_line l;
	int64_t us;
};

/* From ring to ring in the order of their stamps. */
static uint64_t
rings_take(struct repair *r, struct ring_drain *d, uint64_t *pos)
{
	uint64_t now = pdc_ring_clock(), updates = 0;
	int64_t wall = pdc_clock_wall(r->old->clock);
	const struct ring_head *h;
	const struct ring_line *l;
	struct kept_line k;

	pdc_ring_begin(d, r->cells, pos, 1);
	while ((h = pdc_ring_next(d)) != NULL) {
		l = (const void *)h;
		if (h->kind != RING_LINE ||
		    !pdc_journal_is_line((const char *)(l + 1), l->len,
			h->op)) {
			updates++;
			continue;
		}
		k.l = *l;
		k.us = wall / NS_PER_US;
		if (h->stamp < now)
			k.us -= (int64_t)(now - h->stamp) / NS_PER_US;
		pdc_buf_put(&r->lines, &k, sizeof(k));
		pdc_buf_put(&r->lines, l + 1, l->len);
	}
	return updates;
}

int
pdc_repair_rings(struct repair *r)
{
	size_t n = r->cells->nlanes * sizeof(uint64_t);
	struct ring_drain *d;
	uint64_t *pos, updates;

	if (n == 0)
		return 0;
	pos = calloc(1, n);
	d = malloc(sizeof(*d));
	if (pos == NULL || d == NULL) {
		free(pos);
		free(d);
		return pdc_err_set(PDC_ENOMEM, "repairing");
	}
	if (r->taken_epoch == r->cells->epoch && r->taken.len == n)
		memcpy(pos, r->taken.data, n);
	updates = rings_take(r, d, pos);
	if (updates > 0)
		pdc_repair_left(r,
		    "rings: %" PRIu64 " updates of what had no cells", updates);
	free(pos);
	free(d);
	return r->lines.error;
}

int
pdc_repair_lines(struct repair *r)
{
	struct journal_text t;
	struct kept_line k;
	struct journal *j;
	size_t at = 0;

	if (r->lines.len == 0)
		return r->x.ret;
	j = pdc_journal_begin(&r->x);
	if (j == NULL)
		return r->x.ret;
	while (at < r->lines.len) {
		memcpy(&k, r->lines.data + at, sizeof(k));
		at += sizeof(k);
		t = (struct journal_text){ .stream = k.l.h.op,
			.text = r->lines.data + at,
			.len = k.l.len,
			.at = k.l.at,
			.us = k.us };
		pdc_journal_add(j, &t);
		at += k.l.len;
		r->sums->lines++;
	}
	return pdc_journal_end(j);
}
