/* SPDX-License-Identifier: ISC */
#ifndef PDC_EXPO_EXPO_H
#define PDC_EXPO_EXPO_H

#include "base/buf.h"
#include "collect/collect.h"

/*
 * Renderers of a family: all its series, taken with pdc_collect_series() until
 * it gives something else than COLLECT_NEXT, which is returned.  They append
 * and cannot fail; the caller checks buf.error, and drops what was appended on
 * COLLECT_AGAIN.
 */

/* Text exposition 0.0.4: HELP, TYPE, samples. */
#define EXPO_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"
int pdc_expo_text(struct buf *, const struct collect_family *,
    struct collect *);
/* The gauge family NAME_created of a counter, summary or histogram. */
int pdc_expo_text_created(struct buf *, const struct collect_family *,
    struct collect *);

/*
 * One line a number, as `pdc keys` prints them:
 * http_requests  _total:{"method":"GET"}  5  expires never
 */
int pdc_expo_keys(struct buf *, const struct collect_family *,
    struct collect *);

/*
 * A family of one's own in text 0.0.4, for a server's metrics.  Labels come
 * rendered (a="x") or NULL.
 */
void pdc_expo_head(struct buf *, const char *name, const char *help,
    const char *type);
void pdc_expo_sample(struct buf *, const char *name, const char *labels,
    double value);

#endif
