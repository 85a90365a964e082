/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * What a thread gave back last, it has at hand.
 *
 * pdc_series_free() puts the reference into a pocket of this thread, into the
 * set of its hash, and gives back the one that has to go for it.  pdc_labels()
 * takes it out again.  So who wants the same handles again and again changes
 * nothing that other threads change or read.
 *
 * A pocket is of one thread, store and process.  When the thread ends, what is
 * in it is given back; when the store is closed, that ends with it, and the
 * thread takes the pocket for the next store.  In a child no pocket is of
 * anybody, those of the thread that forked neither: the first who wants one
 * gives back what is in all of them.  Any thread of the parent may have been on
 * its way in here, so a reference is never in two places, but may be in none:
 * then the handle stays until the child closes the store.
 *
 * The lock is taken before those of tables, never after.
 */

#include <pthread.h>
#include <stdlib.h>

#include "metric/pocket.h"
#include "pdc.h"

_Thread_local struct pocket_mine pdc_pocket_mine
    __attribute__((tls_model("initial-exec")));

static _Atomic uint64_t pocket_lock; /* of what follows */
static _Atomic(struct pocket *) pockets; /* all of them */
static pthread_key_t pocket_key; /* for the end of a thread */
static _Atomic int pocket_keys; /* 0: none yet; -1: there is none */

static struct pdc *
pocket_store(const struct pocket *k)
{
	return atomic_load_explicit(&k->pdc, memory_order_relaxed);
}

/* Give back what is in it, unless the store was closed; lock held. */
static void
pocket_empty(struct pocket *k)
{
	struct pdc_series *s;
	int i;

	for (i = 0; i < POCKET_SLOTS && pocket_store(k) != NULL; i++) {
		s = atomic_exchange(&k->slot[i], NULL);
		if (s != NULL)
			pdc_series_unhold(s);
	}
}

/* Lock held. */
static void
pocket_free(struct pocket *k)
{
	_Atomic(struct pocket *) *at = &pockets;

	pocket_empty(k);
	while (atomic_load(at) != k)
		at = &atomic_load(at)->next;
	atomic_store(at, atomic_load(&k->next));
	free(k);
}

static void
pocket_thread_ends(void *arg)
{
	struct pocket *k = pdc_pocket_mine.first, *other;

	(void)arg;
	if (pdc_pocket_mine.gen != pdc_fork_gen())
		return;
	pdc_pocket_mine.gen = 0;
	pdc_fork_lock(&pocket_lock);
	for (; k != NULL; k = other) {
		other = k->other;
		pocket_free(k);
	}
	pdc_fork_unlock(&pocket_lock);
}

void
pdc_pockets_close(const struct pdc *p)
{
	struct pocket *k;

	pdc_fork_lock(&pocket_lock);
	for (k = atomic_load(&pockets); k != NULL; k = atomic_load(&k->next))
		if (pocket_store(k) == p)
			atomic_store(&k->pdc, NULL);
	pdc_fork_unlock(&pocket_lock);
}

/* Those of a parent, which are nobody's; lock held. */
static void
pocket_orphans(uint64_t gen)
{
	struct pocket *k, *next;

	for (k = atomic_load(&pockets); k != NULL; k = next) {
		next = atomic_load(&k->next);
		if (k->gen != gen)
			pocket_free(k);
	}
}

/* Whether this thread will call pocket_thread_ends(); lock held. */
static int
pocket_ends(void)
{
	if (pocket_keys == 0)
		pocket_keys = pthread_key_create(&pocket_key,
				  pocket_thread_ends) == 0 ?
		    1 :
		    -1;
	return pocket_keys > 0 &&
	    pthread_setspecific(pocket_key, &pockets) == 0;
}

static struct pocket *
pocket_new(uint64_t gen)
{
	struct pocket *k = NULL;

	if (pocket_keys < 0)
		return NULL;
	pdc_fork_lock(&pocket_lock);
	pocket_orphans(gen);
	if (pocket_ends())
		k = calloc(1, sizeof(*k));
	if (k != NULL) {
		k->gen = gen;
		atomic_store(&k->next, atomic_load(&pockets));
		atomic_store(&pockets, k);
	}
	pdc_fork_unlock(&pocket_lock);
	return k;
}

/* Take it out of this thread's list: one for the store, or for none. */
static struct pocket *
pocket_known(const struct pdc *p)
{
	struct pocket **at, **found = NULL, *k;

	for (at = &pdc_pocket_mine.first; *at != NULL; at = &(*at)->other)
		if (pocket_store(*at) == p ||
		    (found == NULL && pocket_store(*at) == NULL))
			found = at;
	if (found == NULL)
		return NULL;
	k = *found;
	*found = k->other;
	return k;
}

struct pocket *
pdc_pocket_turn(struct pdc *p)
{
	uint64_t gen = pdc_fork_gen();
	struct pocket *k;
	int i;

	if (pdc_pocket_mine.gen != gen)
		pdc_pocket_mine.first = NULL;
	k = pocket_known(p);
	if (k == NULL)
		k = pocket_new(gen);
	if (k == NULL)
		return NULL;
	if (pocket_store(k) == NULL) {
		for (i = 0; i < POCKET_SLOTS; i++)
			atomic_store(&k->slot[i], NULL);
		atomic_store(&k->pdc, p);
	}
	k->other = pdc_pocket_mine.first;
	pdc_pocket_mine.first = k;
	pdc_pocket_mine.gen = gen;
	return k;
}

/*
 * The two of a set are in the order in which they were put there.  One that a
 * thread gives back too often stays where it is: what others hold of it is not
 * known to be ours.  Two threads that do so take what is not theirs.
 */
void
pdc_series_free(struct pdc_series *s)
{
	_Atomic(struct pdc_series *) *set;
	struct pdc_series *first, *second;
	struct pocket *k;
	uint32_t refs;

	if (s == NULL)
		return;
	k = pocket_mine(s->pdc);
	refs = pdc_series_refs(s);
	if (k == NULL || refs == 0) {
		pdc_series_unhold(s);
		return;
	}
	set = pocket_set(k, s->hash);
	first = pocket_get(&set[0]);
	second = pocket_get(&set[1]);
	if (first == s || second == s) {
		if (refs > 1)
			pdc_series_unhold(s);
	} else if (first == NULL) {
		pocket_put(&set[0], s);
	} else {
		pocket_put(&set[0], s);
		pocket_put(&set[1], first);
		if (second != NULL)
			pdc_series_unhold(second);
	}
}
