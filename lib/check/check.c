/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "check/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "check/book.h"
#include "pdc.h"

static void
check_snapshot(struct check *c, const struct cells *cells)
{
	if (cells != NULL && cells->epoch == c->x.meta.epoch)
		c->cells = cells;
	pdc_check_pages(c);
	pdc_check_families(c);
	pdc_check_series(c);
	pdc_check_others(c);
	pdc_check_journal(c);
	pdc_check_owners(c);
	if (c->x.ret < 0 && c->ret == 0)
		c->ret = c->x.ret;
}

static void
check_free(struct check *c)
{
	pdc_buf_fini(&c->text);
	free(c->lives.at);
	free(c->numbers.at);
	free(c->extents.at);
	free(c->doubts.at);
	free(c);
}

int
pdc_check_run(struct store *st, const struct cells *cells,
    check_found_fn *found, void *arg)
{
	struct check *c;
	int ret;

	c = aligned_alloc(_Alignof(struct check), sizeof(*c));
	if (c == NULL)
		return pdc_err_set(PDC_ENOMEM, "checking %s", st->dir);
	memset(c, 0, sizeof(*c));
	pdc_buf_init(&c->text);
	c->st = st;
	c->found = found;
	c->arg = arg;
	c->ret = pdc_stxn_read(&c->x, st);
	if (c->ret == 0) {
		check_snapshot(c, cells);
		pdc_stxn_abort(&c->x);
		pdc_check_locked(c);
	}
	ret = c->ret < 0 ? c->ret : c->nfound;
	check_free(c);
	return ret;
}
