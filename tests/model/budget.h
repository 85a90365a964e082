/* SPDX-License-Identifier: ISC */
#ifndef MODEL_BUDGET_H
#define MODEL_BUDGET_H

/*
 * What max_series does to a family.
 */

#include "model/crew.h"
#include "model/model.h"

#define ROOM INT64_C(1000000000) /* a handle that overflows looks so often */

/* Whether a family has a limit; and a series for what is beyond. */
int budget_on(const struct model *, int f);
int budget_takes(const struct model *, int f);
/* Whether a series that is to be made may be beyond; and surely is. */
int budget_open(const struct model *, int f, int s);
int budget_full(const struct model *, int f, int s);

/* The same of what is on its way. */
int budget_doubt(const struct model *, int f, int s);

/* An update by a pool, that may be counted in OVER. */
void budget_update(struct model *, int f, int s, int pool, int comp,
    int64_t amount);
/* A series was made, beside what may be on its way; and nothing is. */
void budget_crowds(struct model *, int f);
void budget_quiet(struct model *, int f);
/* It has come; 1 if it is not known where it was counted. */
int budget_arrived(struct model *, int f, int s, const struct amounts *in);
/* A series was given up, with what may still come to it. */
void budget_over(struct model *, int f, int s);
/* By name: the series that is counted, NSERS if it is not known which. */
int budget_named(struct model *, int f, int s, int comp, int64_t amount);
/* It was made, or OVER; a process died of that. */
void budget_cut(struct model *, int proc, int f, int s);
/* Its declaration makes OVER. */
void budget_declared(struct model *, int f, int sure);

const char *budget_match(const struct model *, const struct view *, int f);
void budget_adopt(struct model *, const struct view *, int f);
const char *budget_labels(const struct model *, const struct order *, int proc);
int budget_refuses(const struct model *, const struct item *);

#endif
