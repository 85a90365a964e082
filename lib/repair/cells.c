/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The cells of the old store, if they are there: what was counted since the
 * last checkpoint.
 */

#include <inttypes.h>
#include <sys/stat.h>

#include "base/err.h"
#include "pdc.h"
#include "repair/book.h"

/* Operations by name that no cell has had yet. */
static void
cells_owed(struct repair *r)
{
	const struct owed *o;
	struct gauge g;
	int done;
	size_t i;

	for (i = 0; i < r->nowed; i++) {
		o = &r->owed[i];
		if (o->epoch != r->cells->epoch || o->zone != VALUE_GAUGE ||
		    o->op == OWED_UNTAG)
			continue;
		g = pdc_cells_gauge(r->cells, o->unit);
		done = o->op == OWED_STAMP ? o->dying <= gauge_stamp(&g) :
					     (int32_t)(o->seq - g.applied) <= 0;
		if (!done)
			pdc_repair_left(r,
			    "O: an operation by name that the gauge of unit "
			    "%" PRIu64 " has not had",
			    o->unit);
	}
}

int
pdc_repair_cells(struct repair *r)
{
	const struct meta *m = &r->meta;
	struct cells_make mk = { .dir = m->cells_dir[0] != '\0' ? m->cells_dir :
								  r->old->dir,
		.name = m->cells_name,
		.uuid = m->uuid,
		.epoch = m->epoch,
		.boot_id = m->boot_id,
		.flags = CELLS_RDONLY };
	int ret;

	if (m->version == 0 || m->cells_name[0] == '\0')
		return 0;
	ret = pdc_cells_open(&r->cells, &mk);
	if (ret == PDC_ENOMEM)
		return ret;
	if (ret < 0) {
		r->cells = NULL;
		if (ret != PDC_ENOENT)
			pdc_repair_left(r,
			    "cells: what came since the last checkpoint: %s",
			    pdc_err_words());
		return 0;
	}
	if (r->cells->dev != m->cells_dev || r->cells->ino != m->cells_ino) {
		pdc_cells_close(r->cells);
		r->cells = NULL;
		return 0;
	}
	cells_owed(r);
	return pdc_repair_rings(r);
}
