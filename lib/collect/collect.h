/* SPDX-License-Identifier: ISC */
#ifndef PDC_COLLECT_COLLECT_H
#define PDC_COLLECT_COLLECT_H

/*
 * The walk over families, series and samples of one page: an LMDB snapshot
 * plus live lanes.  It only reads, takes no lock, and allocates nothing per
 * series, but for gauges of which each process has a value (merge.h).
 *
 * A family whose series moved while it was read is given again from a newer
 * snapshot: pdc_collect_series() then returns COLLECT_AGAIN, the caller throws
 * away what it wrote of the family, and calls pdc_collect_again().
 *
 * Who has to wait for somebody gives the snapshot back by pdc_collect_pause()
 * and goes on with a new one: with the next family, or with what is left of the
 * present one.
 *
 * Series younger than the snapshot in which their family began are skipped, so
 * none comes twice: ids are never used again.
 */

#include <stddef.h>
#include <stdint.h>

#include "lane/cells.h"
#include "lane/exemplar.h"

struct store;
struct slot_self;
struct collect;

struct collect_family {
	const char *name; /* as stored: without _total and _info */
	const char *help, *unit; /* "" if none */
	int type; /* enum pdc_type */
	uint32_t nlabels; /* names in sorted order */
	const char *const *labels;
	const double *bounds; /* of a histogram, without +Inf */
	uint32_t nbounds;
	int native; /* its series have native buckets */
	const char *const *states; /* of a stateset, as declared */
	uint32_t nstates;
	int64_t expires_ns; /* wall clock; 0: never */
	/* Where exemplars of its series are; NULL: there are none. */
	const struct cells *exemplars;
	int whole; /* cannot go on in another snapshot */
};

struct native_bucket {
	int32_t index;
	uint64_t count;
};

/* A native histogram: its buckets that have something, by rising index. */
struct collect_native {
	int schema;
	double zero;
	uint64_t nzero;
	const struct native_bucket *minus, *plus;
	uint32_t nminus, nplus;
};

struct collect_series {
	uint64_t id;
	const char *rendered; /* a="x",b="y" escaped, sorted; "" if none */
	size_t rendered_len;
	uint32_t nlabels; /* of the family, and slot; or the one of overflow */
	const char *const *labels, *const *values; /* sorted by name */
	int64_t created_ns; /* wall clock; 0: not known */
	int64_t expires_ns; /* the same; 0: with its family */
	double value; /* counter, gauge; info: 1 */
	uint64_t states; /* of a stateset: bit i says that state i is on */
	/* summary: 1; histogram: nbounds + 1, not cumulative */
	const struct pair *pairs;
	const struct collect_native *native; /* NULL: it is none */
};

#define COLLECT_END 0
#define COLLECT_NEXT 1
#define COLLECT_AGAIN 2

/*
 * cells may be NULL: then what the store has is all there is.  self is of this
 * process, whose own slot the kernel does not tell it.
 */
int pdc_collect_open(struct collect **, struct store *, const struct cells *,
    const struct slot_self *self);
void pdc_collect_close(struct collect *);

/*
 * Between the two there is no snapshot, and nothing of the store is used.  The
 * second may give another handle of the store; PDC_EAGAIN: of another store.
 */
void pdc_collect_pause(struct collect *);
int pdc_collect_resume(struct collect *, struct store *, const struct cells *,
    const struct slot_self *self);

/* In order of name.  COLLECT_NEXT, COLLECT_END or a PDC_E*. */
int pdc_collect_family(struct collect *, const struct collect_family **);
/* Go to this family alone; COLLECT_END if there is none. */
int pdc_collect_seek(struct collect *, const char *name,
    const struct collect_family **);
/* COLLECT_NEXT, COLLECT_END, COLLECT_AGAIN or a PDC_E*. */
int pdc_collect_series(struct collect *, const struct collect_series **);
/*
 * The present family once more: all of its series, or those after the last one
 * that was given.  COLLECT_END if it has ended.
 */
enum collect_from { COLLECT_ALL, COLLECT_REST };
int pdc_collect_same(struct collect *, enum collect_from,
    const struct collect_family **);
/* The same from a new snapshot, as much of it as was wanted. */
int pdc_collect_again(struct collect *, const struct collect_family **);

/* Whether the page has a family with a sample of this name. */
int pdc_collect_named(struct collect *, const char *sample);

/*
 * How many exemplars a series may have: one of a counter, of each bucket, or of
 * parts of the range.
 */
uint32_t pdc_collect_nexemplars(const struct collect_family *);
/* One of these; 1: there is one. */
static inline int
pdc_collect_exemplar(const struct collect_family *f,
    const struct collect_series *s, uint32_t i, struct exemplar *e)
{
	return f->exemplars != NULL &&
	    pdc_exemplar_get(f->exemplars, s->id, i, e);
}

/* The newest of a counter (bucket 0) or a bucket. */
int pdc_collect_newest(const struct collect_family *,
    const struct collect_series *, uint32_t bucket, struct exemplar *);

/* Whether the store says that pages are uses. */
int pdc_collect_uses(const struct collect *);
/* Records skipped because they made no sense. */
uint64_t pdc_collect_damaged(const struct collect *);
/* Series given so far. */
uint64_t pdc_collect_count(const struct collect *);
/* Whether a family was given beyond its time, for what is not written yet. */
int pdc_collect_late(const struct collect *);

#endif
