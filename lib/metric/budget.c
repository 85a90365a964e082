/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The budget of a store: so many series in each family with labels.
 *
 * What is beyond goes to one series with the label overflow="true", which a
 * declaration makes before there are others.  There is none of gauges, infos
 * and statesets, for one value of many series would say nothing, and none
 * where the family has a label of that name.
 */

#include <stdatomic.h>
#include <stdlib.h>

#include "base/err.h"
#include "metric/metric.h"
#include "pdc.h"
#include "store/series.h"

int
pdc_budget_over(struct stxn *x, struct place *pl)
{
	uint64_t max = x->meta.max_series, has = pl->f.r.nseries;
	const struct family *f = &pl->f;
	struct series_id s;
	int ret;

	if (max == 0 || f->r.nlabels == 0 || has < max)
		return 0;
	pl->beyond = 1;
	if (!pdc_series_overflows(f))
		return pdc_err_set(PDC_EFULL,
		    "%s: the store's max_series, %llu of a family, are there",
		    f->name, (unsigned long long)max);
	ret = pdc_series_find(x, f, SERIES_BEYOND, sizeof(SERIES_BEYOND), &s);
	if (ret < 0 && ret != PDC_ENOENT)
		return ret;
	pl->beyond = has - (ret == 0) >= max;
	return pl->beyond;
}

int
pdc_budget_find(struct stxn *x, struct pdc *p, struct place *pl)
{
	int ret;

	ret = pdc_place_find(x, pl, SERIES_BEYOND, sizeof(SERIES_BEYOND));
	if (ret == 0) {
		pl->beyond = 1;
		atomic_fetch_add(&pdc_cells_now(p)->head->overflowed, 1);
	}
	return ret;
}

int
pdc_budget_make(struct stxn *x, struct pdc *p, struct place *pl)
{
	int ret;

	ret = pdc_budget_find(x, p, pl);
	if (ret != PDC_ENOENT)
		return ret;
	ret = pdc_place_add(x, pl, SERIES_BEYOND, sizeof(SERIES_BEYOND));
	return ret < 0 ? ret : pdc_budget_find(x, p, pl);
}

/* While there is room. */
int
pdc_budget_reserve(struct stxn *x, struct pdc *p, const char *name)
{
	struct place *pl;
	int ret;

	if (x->meta.max_series == 0)
		return x->ret;
	pl = malloc(sizeof(*pl));
	if (pl == NULL)
		return pdc_err_set(PDC_ENOMEM, "declare %s", name);
	pl->v = x->st->value;
	ret = pdc_family_get(x, name, &pl->f);
	if (ret == 0 && pdc_series_overflows(&pl->f)) {
		ret = pdc_place_find(x, pl, SERIES_BEYOND,
		    sizeof(SERIES_BEYOND));
		if (ret == PDC_ENOENT)
			ret = pdc_place_add(x, pl, SERIES_BEYOND,
			    sizeof(SERIES_BEYOND));
		if (ret == 0)
			ret = pdc_place_cells(x, p, pl);
	}
	free(pl);
	return ret;
}
