/* SPDX-License-Identifier: ISC */
#ifndef MODEL_SHAPE_H
#define MODEL_SHAPE_H

/*
 * The families of the model test.  Each has NLABELS series, "v0" and on, of a
 * label l, and perhaps one for what is beyond the store's max_series; one
 * without labels has one.  Some of what they are, and how the store is set, is
 * the seed's choice.  A number of a series is NCOMPS at most small integers:
 * the value, the states as bits, or the count of each bucket, to which one
 * value is observed, so that the sum follows from the counts.
 */

#include <stdint.h>

#include "pdc.h"

#define NLABELS 14
#define OVER NLABELS /* overflow="true" */
#define ALL (OVER + 1) /* no series, but the sum of them, see budget.c */
#define NSERS (ALL + 1)
#define NCOMPS 3
#define TTL_S 250
#define IDLE_S 90

enum fam {
	F_C,
	F_CT,
	F_C1,
	F_G,
	F_GT,
	F_S,
	F_ST,
	F_H,
	F_HT,
	F_I,
	F_B,
	F_CI,
	F_GI,
	F_HI,
	F_M,
	F_MT,
	F_MS,
	F_X,
	NFAMS
};

struct shape {
	enum pdc_type type;
	const char *name;
	int ncomps, nsers;
	double ttl_s; /* 0: the store's; -1: none */
	double idle_s;
	enum pdc_mode mode;
};

/* F_X has two of them in turn: the second is shape_other. */
extern struct shape shapes[NFAMS];
extern const struct shape shape_other;

/* What stays with the store. */
extern struct settings {
	double ttl_s; /* of families with 0 */
	uint64_t max_series; /* in each family; 0: any */
	int refresh; /* a page is a use */
} settings;

/* Let the seed choose; before there are processes. */
void shape_choose(uint64_t seed);

/* What is observed to bucket i of a histogram, or to a summary. */
extern const double shape_seen[NCOMPS];

static inline const struct shape *
shape_of(int f, int other)
{
	return f == F_X && other ? &shape_other : &shapes[f];
}

/* Its time, in ns; 0: for ever. */
static inline int64_t
shape_ttl(const struct shape *sh)
{
	double s = sh->ttl_s != 0 ? sh->ttl_s : settings.ttl_s;

	return s > 0 ? (int64_t)(s * 1e9) : 0;
}

/* One cell that is set, and no sum. */
static inline int
shape_gauge(const struct shape *sh)
{
	return sh->type == PDC_GAUGE || sh->type == PDC_INFO ||
	    sh->type == PDC_STATESET;
}

#endif
