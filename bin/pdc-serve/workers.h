/* SPDX-License-Identifier: ISC */
#ifndef PDC_SERVE_WORKERS_H
#define PDC_SERVE_WORKERS_H

struct self_list;

/*
 * The pdc_worker_ families: of each process that has a slot of the open store,
 * from /proc, by slot.  Whom /proc does not show here is left out.
 */
void workers_add(struct self_list *);
/* After the page. */
void workers_free(struct self_list *);

#endif
