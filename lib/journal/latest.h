/* SPDX-License-Identifier: ISC */
#ifndef PDC_JOURNAL_LATEST_H
#define PDC_JOURNAL_LATEST_H

/*
 * Of each name and labels that were measured the latest value, as text 0.0.4
 * with its time, ordered by name and labels.  It goes on from where it has read
 * to; what the journal has no more is forgotten.
 *
 * Names have underscores for what Prometheus's old names cannot have; of two
 * that become the same the one that came first is shown.
 */

#include "base/buf.h"
#include "store/store.h"

struct latest;

struct latest *pdc_latest_new(void); /* NULL: no memory */
void pdc_latest_free(struct latest *);
/*
 * Take what has come; 1 if there is more, for another snapshot; 0; or an error,
 * after which it begins anew.
 */
int pdc_latest_read(struct latest *, struct stxn *);
void pdc_latest_put(const struct latest *, struct buf *);

#endif
