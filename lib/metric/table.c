/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The handles of a family, found by the label values as they were given.
 *
 * Finding one takes no lock: a slot changes from NULL to a handle and, when
 * that is given up, to a mark.  A handle that nobody holds stays for the next
 * one to ask, up to IDLE_MAX of a family; then some of them are given up.
 * Those in pockets count as held: at most POCKET_SLOTS for each thread and
 * store, see pocket.c.
 *
 * What was given up, handles and tables that became too small, is freed when
 * each of the counters of those who look has been 0 since: whoever looks from
 * then on does not find it.
 *
 * refs		low half: held by so many; 0: idle; SERIES_DEAD: given up
 *		high half: counts up with each hold, so that who found a handle
 *		idle knows whether anybody had it since
 *
 * Fork: a child begins with nobody looking.
 */

#include <pthread.h>
#include <stdlib.h>

#include "base/fork.h"
#include "metric/metric.h"
#include "pdc.h"

#define TABLE_FIRST 16
#define IDLE_MAX 1024
#define HOLD (((uint64_t)1 << 32) + 1)
#define LOOK_TRIES 1000

static struct pdc_series table_mark;

/* Counters of a parent's threads are none of ours. */
static void
look_reset(struct pdc *p, uint64_t gen)
{
	int i;

	pdc_table_lock(p);
	if (atomic_load(&p->look_gen) != gen) {
		for (i = 0; i < PDC_LOOKS; i++)
			atomic_store(&p->look[i].n, 0);
		atomic_store(&p->look_gen, gen);
	}
	pdc_table_unlock(p);
}

_Atomic uint32_t *
pdc_look_begin(struct pdc *p)
{
	uint64_t gen = pdc_fork_gen();
	uintptr_t self = (uintptr_t)pthread_self();
	_Atomic uint32_t *n;

	if (atomic_load_explicit(&p->look_gen, memory_order_acquire) != gen)
		look_reset(p, gen);
	n = &p->look[(self >> 12 ^ self >> 20) % PDC_LOOKS].n;
	atomic_fetch_add(n, 1);
	return n;
}

void
pdc_look_end(_Atomic uint32_t *n)
{
	atomic_fetch_sub(n, 1);
}

/* Whether nobody is looking any more of those who were; table lock held. */
static int
look_over(struct pdc *p)
{
	int i, tries;

	if (atomic_load(&p->look_gen) != pdc_fork_gen())
		return 0;
	for (i = 0; i < PDC_LOOKS; i++) {
		for (tries = 0; atomic_load(&p->look[i].n) != 0; tries++)
			if (tries == LOOK_TRIES)
				return 0;
	}
	return 1;
}

static void
table_reclaim(struct pdc *p)
{
	struct pdc_series *s = p->dead_series;
	struct handle_table *t = p->dead_tables;

	if ((s == NULL && t == NULL) || !look_over(p))
		return;
	p->dead_series = NULL;
	p->dead_tables = NULL;
	pdc_table_bury(s, t);
}

void
pdc_table_bury(struct pdc_series *s, struct handle_table *t)
{
	struct pdc_series *next;
	struct handle_table *older;

	for (; s != NULL; s = next) {
		next = s->dead;
		pdc_series_drop(s);
	}
	for (; t != NULL; t = older) {
		older = t->older;
		free(t);
	}
}

static struct pdc_series *
table_find(const struct handle_table *t, const struct packed *k)
{
	struct pdc_series *s;
	uint32_t i;

	for (i = (uint32_t)k->hash; t != NULL; i++) {
		/* Pairs with the release in table_put(). */
		s = atomic_load_explicit(&t->slot[i & t->mask],
		    memory_order_acquire);
		if (s == NULL)
			break;
		if (s != &table_mark && packed_same(k, s))
			return s;
	}
	return NULL;
}

/* Hold it; 0 if it was given up. */
int
pdc_series_hold(struct pdc_series *s)
{
	uint64_t refs = atomic_load_explicit(&s->refs, memory_order_relaxed);

	do
		if ((uint32_t)refs == SERIES_DEAD)
			return 0;
	while (!atomic_compare_exchange_weak(&s->refs, &refs, refs + HOLD));
	if ((uint32_t)refs == 0)
		atomic_fetch_sub(&s->family->nidle, 1);
	return 1;
}

struct pdc_series *
pdc_table_find(struct pdc_family *f, const struct packed *k)
{
	_Atomic uint32_t *look = pdc_look_begin(f->pdc);
	struct pdc_series *s;

	/* Pairs with the release in pdc_table_enter(). */
	s = table_find(atomic_load_explicit(&f->table, memory_order_acquire),
	    k);
	if (s != NULL && !pdc_series_hold(s))
		s = NULL;
	pdc_look_end(look);
	return s;
}

static void
table_put(struct handle_table *t, struct pdc_series *s)
{
	uint32_t i = (uint32_t)s->hash;

	while (atomic_load_explicit(&t->slot[i & t->mask],
		   memory_order_relaxed) != NULL)
		i++;
	/* Pairs with the acquire in table_find(). */
	atomic_store_explicit(&t->slot[i & t->mask], s, memory_order_release);
	t->used++;
}

/* A handle of a slot, or NULL. */
struct pdc_series *
pdc_table_slot(const struct handle_table *t, uint32_t i)
{
	/* Pairs with the release in table_put(). */
	struct pdc_series *s = atomic_load_explicit(&t->slot[i],
	    memory_order_acquire);

	return s != &table_mark ? s : NULL;
}

static int
table_full(const struct handle_table *t)
{
	return t == NULL || t->used >= (t->mask + 1) / 2;
}

/* A table with room, and all that is in t; NULL without memory. */
static struct handle_table *
table_larger(const struct handle_table *t)
{
	uint32_t n = TABLE_FIRST, i, live = 0;
	struct handle_table *new;

	for (i = 0; t != NULL && i <= t->mask; i++)
		live += pdc_table_slot(t, i) != NULL;
	while (n < 4 * live)
		n *= 2;
	new = calloc(1, sizeof(*new) + n * sizeof(new->slot[0]));
	if (new == NULL)
		return NULL;
	new->mask = n - 1;
	for (i = 0; t != NULL && i <= t->mask; i++)
		if (pdc_table_slot(t, i) != NULL)
			table_put(new, pdc_table_slot(t, i));
	return new;
}

/* Table lock held. */
static struct handle_table *
table_grow(struct pdc_family *f, struct handle_table *old)
{
	struct handle_table *t = table_larger(old);

	if (t == NULL)
		return NULL;
	/* Pairs with the acquire in pdc_table_find(). */
	atomic_store_explicit(&f->table, t, memory_order_release);
	f->hand = 0;
	if (old != NULL) {
		old->older = f->pdc->dead_tables;
		f->pdc->dead_tables = old;
	}
	return t;
}

struct pdc_series *
pdc_table_enter(struct pdc_family *f, struct pdc_series *s,
    const struct packed *k)
{
	struct handle_table *t;
	struct pdc_series *old;

	pdc_table_lock(f->pdc);
	t = atomic_load(&f->table);
	old = table_find(t, k);
	if (old != NULL)
		(void)pdc_series_hold(old); /* none in it is given up now */
	else if (table_full(t))
		t = table_grow(f, t);
	if (old == NULL && t != NULL)
		table_put(t, s);
	table_reclaim(f->pdc);
	pdc_table_unlock(f->pdc);
	return old != NULL ? old : t != NULL ? s : NULL;
}

/* Nobody holds it and it holds no sum of this process; then it is given up. */
static int
table_give_up(struct pdc_series *s)
{
	uint64_t gen = pdc_fork_gen(), refs = atomic_load(&s->refs), owner;
	uint32_t i;

	/* Before the sums: who has it meanwhile may leave one. */
	if ((uint32_t)refs != 0)
		return 0;
	owner = atomic_load(&s->pending_gen);
	if (owner == ~gen) /* somebody is throwing a parent's away */
		return 0;
	for (i = 0; owner == gen && i < s->family->width; i++)
		if (__atomic_load_n(&s->pending[i].count, __ATOMIC_ACQUIRE) !=
		    0)
			return 0;
	return atomic_compare_exchange_strong(&s->refs, &refs, SERIES_DEAD);
}

/* Give up idle handles until half of them are left. */
static void
table_trim(struct pdc_family *f)
{
	struct handle_table *t;
	struct pdc_series *s;
	uint32_t i;

	pdc_table_lock(f->pdc);
	t = atomic_load(&f->table);
	for (i = 0; i <= t->mask && atomic_load(&f->nidle) > IDLE_MAX / 2;
	     i++) {
		f->hand = (f->hand + 1) & t->mask;
		s = pdc_table_slot(t, f->hand);
		if (s == NULL || !table_give_up(s))
			continue;
		atomic_fetch_sub(&f->nidle, 1);
		atomic_store_explicit(&t->slot[f->hand], &table_mark,
		    memory_order_release);
		s->dead = f->pdc->dead_series;
		f->pdc->dead_series = s;
	}
	table_reclaim(f->pdc);
	pdc_table_unlock(f->pdc);
}

void
pdc_series_unhold(struct pdc_series *s)
{
	struct pdc_family *f = s->family; /* s may be gone after this */
	uint64_t refs;

	refs = atomic_load_explicit(&s->refs, memory_order_relaxed);
	do
		if ((uint32_t)refs == 0 || (uint32_t)refs == SERIES_DEAD)
			return;
	while (!atomic_compare_exchange_weak(&s->refs, &refs, refs - 1));
	if ((uint32_t)refs == 1 && atomic_fetch_add(&f->nidle, 1) >= IDLE_MAX)
		table_trim(f);
}
