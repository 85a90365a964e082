/* SPDX-License-Identifier: ISC */
#ifndef PDC_BASE_FORK_H
#define PDC_BASE_FORK_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* For pdc_fork_gen(): a page that is zeroed by fork, or NULL; and if it is. */
extern uint64_t *pdc_fork_page;
uint64_t pdc_fork_find(void);

/*
 * The generation of this process: never 0, the same in all its threads, and in
 * a forked child, however it was forked, another one than any of its ancestors
 * had.  Who keeps it beside something notices when a fork came between.  Two
 * processes of which neither descends from the other may have the same.
 *
 * Threads: any.  Signals: any handler, after the first call in this process or
 * an ancestor.  Cost: two loads; a getpid() where the kernel lacks
 * MADV_WIPEONFORK (before Linux 4.14).
 */
static inline uint64_t
pdc_fork_gen(void)
{
	/* Pairs with the release in fork_place(). */
	uint64_t *page = __atomic_load_n(&pdc_fork_page, __ATOMIC_ACQUIRE);
	uint64_t word = page != NULL ? __atomic_load_n(page, __ATOMIC_RELAXED) :
				       0;

	return word != 0 ? word : pdc_fork_find();
}

/*
 * A lock that is free in a child, whoever of the parent held it: it holds the
 * generation of its holder, or 0.  For what waits for nothing.
 */
void pdc_fork_lock(_Atomic uint64_t *);
void pdc_fork_unlock(_Atomic uint64_t *);

#endif
