/* SPDX-License-Identifier: ISC */
#ifndef PDC_METRIC_POCKET_H
#define PDC_METRIC_POCKET_H

/* What a thread gave back last, it has at hand: see pocket.c. */

#include "base/fork.h"
#include "metric/metric.h"

#define POCKET_SETS 32
#define POCKET_SLOTS (2 * POCKET_SETS)

struct pocket {
	_Atomic(struct pocket *) next; /* of all */
	struct pocket *other; /* of this thread, for another store */
	_Atomic(struct pdc *) pdc; /* NULL: that was closed */
	uint64_t gen; /* the process this is of */
	_Atomic(struct pdc_series *) slot[POCKET_SLOTS];
};

/*
 * This thread's pockets, that of the store used last first.  There is one if
 * gen is that of this process; else they may have been freed.  initial-exec: no
 * allocation at a thread's first use, and cheap.
 */
struct pocket_mine {
	uint64_t gen;
	struct pocket *first;
};
extern _Thread_local struct pocket_mine pdc_pocket_mine
    __attribute__((tls_model("initial-exec")));

/* This thread's pocket for the store becomes the first; NULL: there is none. */
struct pocket *pdc_pocket_turn(struct pdc *);

static inline struct pocket *
pocket_mine(struct pdc *p)
{
	struct pocket *k = pdc_pocket_mine.first;

	if (pdc_pocket_mine.gen == pdc_fork_gen() &&
	    atomic_load_explicit(&k->pdc, memory_order_relaxed) == p)
		return k;
	return pdc_pocket_turn(p);
}

static inline _Atomic(struct pdc_series *) *
pocket_set(struct pocket *k, uint64_t hash)
{
	return &k->slot[hash % POCKET_SETS * 2];
}

static inline struct pdc_series *
pocket_get(_Atomic(struct pdc_series *) *slot)
{
	return atomic_load_explicit(slot, memory_order_relaxed);
}

/* In order: for a child that another thread forks meanwhile. */
static inline void
pocket_put(_Atomic(struct pdc_series *) *slot, struct pdc_series *s)
{
	atomic_store_explicit(slot, s, memory_order_release);
}

/* The handle of these values, with the reference that was there; or NULL. */
static inline struct pdc_series *
pocket_take(struct pdc_family *f, const struct packed *values)
{
	struct pocket *k = pocket_mine(f->pdc);
	_Atomic(struct pdc_series *) *slot;
	struct pdc_series *s;
	int i;

	if (k == NULL)
		return NULL;
	slot = pocket_set(k, values->hash);
	for (i = 0; i < 2; i++, slot++) {
		s = pocket_get(slot);
		if (s != NULL && s->family == f && packed_same(values, s)) {
			pocket_put(slot, NULL);
			return s;
		}
	}
	return NULL;
}

#endif
