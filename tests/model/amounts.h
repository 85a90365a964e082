/* SPDX-License-Identifier: ISC */
#ifndef MODEL_AMOUNTS_H
#define MODEL_AMOUNTS_H

#include <string.h>

#include "model/model.h"

static inline int
amounts_any(const struct amounts *a)
{
	return a->at[0] != 0 || a->at[1] != 0 || a->at[2] != 0;
}

static inline void
amounts_add(struct amounts *a, const struct amounts *b, int sign)
{
	int c;

	for (c = 0; c < NCOMPS; c++)
		a->at[c] += sign * b->at[c];
}

static inline void
amounts_zero(struct amounts *a)
{
	memset(a, 0, sizeof(*a));
}

/* All of a pool has arrived. */
void model_arrived(struct model *, int f, int s, int pool);
/* It is given up, by a process or (-1) by itself. */
void model_over(int proc, struct mseries *);
/* Whether a process brings in a pool; drains: without looking at lanes. */
int model_settles(const struct model *, int proc, int pool, int drains);

#endif
