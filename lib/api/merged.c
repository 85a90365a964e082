/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <stdlib.h>

#include "api/target.h"
#include "base/err.h"
#include "collect/merge.h"
#include "pdc.h"
#include "store/series.h"

/*
 * The slots are looked at after the snapshot was taken: whose series it has,
 * has claimed his.
 */
int
pdc_target_merged(const struct target *tg, struct pdc *p, struct stxn *x,
    struct place *pl, struct pair *out)
{
	const struct merged *g;
	struct merge m = { .n = 0 };
	struct slots *slots;
	struct merge_from from = { .x = x,
		.cells = pdc_cells_now(p),
		.f = &pl->f,
		.v = pl->v,
		.begun_ns = pdc_clock_mono(&p->clock) };
	int ret;

	slots = malloc(sizeof(*slots));
	if (slots == NULL)
		return pdc_err_set(PDC_ENOMEM, "a gauge of each process");
	from.slots = slots;
	if (from.cells != NULL && from.cells->epoch != x->meta.epoch)
		from.cells = NULL;
	pdc_slots_look(slots, &p->self, pdc_wlock_fd(&p->store->wlock));
	ret = pdc_merge_family(&m, &from);
	if (ret == 0) {
		g = pdc_merge_find(&m, tg->values,
		    pdc_series_labels(&pl->f, tg->values, tg->len),
		    ident_slot(pdc_series_owner(&pl->f, tg->values, tg->len)));
		if (g != NULL)
			out[0].sum = g->value;
		else
			ret = PDC_ENOENT;
	}
	pdc_merge_free(&m);
	free(slots);
	return ret;
}
