/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Series that nobody has used for their idle time end, one by one.  What was
 * seen of their lanes is compared in the transaction that ends them; what comes
 * after that is late (store/dying.h), and makes the series anew.
 */

#include "base/wire.h"
#include "checkpoint/checkpoint.h"
#include "pdc.h"
#include "store/idle.h"
#include "store/series.h"

static int
idle_end(struct stxn *x, struct pdc *p, struct place *pl)
{
	const struct value_head *h = &pl->v->h;
	struct gone g = { .why = GONE_ENDED };
	struct series_ref s;
	int ret;

	ret = pdc_series_get(x, &pl->f, pl->n, &s);
	if (ret == PDC_ENOENT) /* it was removed */
		return 0;
	if (ret < 0) {
		pdc_cells_drop(pdc_cells_now(p), DROP_DAMAGED);
		return 0;
	}
	pl->id = s.id;
	pl->unit = UNIT_NONE;
	if (h->epoch == x->meta.epoch && h->unit != UNIT_NONE)
		pl->unit = h->unit + (uint64_t)pl->at.pos * h->width;
	return pdc_place_remove(x, p, pl, &g);
}

int
pdc_idle_step(struct stxn *x, struct pdc *p, struct place *pl, uint32_t block,
    const unsigned char *moved)
{
	uint32_t first = pdc_block_first(&pl->f.r, block), i;
	struct idle t;
	int put;

	pl->at = pdc_block_place(&pl->f.r, first);
	if (pl->at.k != pl->v->h.k)
		return x->ret;
	put = pdc_idle_get(x, &pl->f.r, pl->at, &t);
	for (i = 0; i < pl->at.k && put >= 0 && x->ret == 0; i++) {
		if (moved[i]) {
			put |= pdc_idle_mark(x, &pl->f.r, &t, i);
		} else if (pdc_idle_due(x, &pl->f.r, &t, i)) {
			pl->at.pos = i;
			pl->n = first + i;
			idle_end(x, p, pl);
			t.used_ns[i] = 0;
			put = 1;
		}
	}
	if (put > 0)
		pdc_idle_put(x, &pl->f.r, pl->at, &t);
	return x->ret < 0 ? x->ret : put;
}
