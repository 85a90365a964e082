/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "base/fork.h"

#include <sys/mman.h>

#include <sched.h>
#include <stddef.h>
#include <unistd.h>

/*
 * The word is the generation: a count in the high half, the process id it was
 * made for in the low half.  It lies in a page that the kernel gives zeroed to
 * every child that has a memory of its own (MADV_WIPEONFORK); fork_count lies
 * in ordinary memory, so a child counts on from its parent.  The process id is
 * in it for a thread that counts while another forks: the child may then have
 * the count of before.
 *
 * Without such pages the word is fork_word, and another process id than the
 * one in it means a fork.
 *
 * The word is relaxed: threads of one process need only agree on it, which one
 * compare-and-swap decides.
 */
uint64_t *pdc_fork_page; /* fork_wiped, if that is a page */
static uint64_t *fork_wiped; /* NULL until the first call */
static uint64_t fork_word;
static uint32_t fork_count;

static size_t
fork_page_size(void)
{
	long size = sysconf(_SC_PAGESIZE);

	return size > 0 ? (size_t)size : 4096;
}

/*
 * Some emulators take every advice and follow none: one that takes advice
 * which does not exist is not believed.
 */
static uint64_t *
fork_map(void)
{
#ifdef MADV_WIPEONFORK
	size_t size = fork_page_size();
	void *page;

	page = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return &fork_word;
	if (madvise(page, size, -1) != 0 &&
	    madvise(page, size, MADV_WIPEONFORK) == 0)
		return page;
	munmap(page, size);
#endif
	return &fork_word;
}

/* Where the word is; threads that come first together agree on one place. */
static uint64_t *
fork_place(void)
{
	uint64_t *place = fork_map(), *old = NULL;

	/* Pairs with the acquire in pdc_fork_find(). */
	if (__atomic_compare_exchange_n(&fork_wiped, &old, place, 0,
		__ATOMIC_RELEASE, __ATOMIC_ACQUIRE)) {
		/* Pairs with the acquire in pdc_fork_gen(). */
		if (place != &fork_word)
			__atomic_store_n(&pdc_fork_page, place,
			    __ATOMIC_RELEASE);
		return place;
	}
	if (place != &fork_word)
		munmap(place, fork_page_size());
	return old;
}

static uint64_t
fork_renew(uint64_t *place, uint64_t old)
{
	uint64_t new;

	new = __atomic_add_fetch(&fork_count, 1, __ATOMIC_RELAXED);
	new = new << 32 | (uint32_t)getpid();
	if (__atomic_compare_exchange_n(place, &old, new, 0, __ATOMIC_RELAXED,
		__ATOMIC_RELAXED))
		return new;
	return old;
}

uint64_t
pdc_fork_find(void)
{
	uint64_t *place, word;

	/* Pairs with the release in fork_place(). */
	place = __atomic_load_n(&fork_wiped, __ATOMIC_ACQUIRE);
	if (place == NULL)
		place = fork_place();
	word = __atomic_load_n(place, __ATOMIC_RELAXED);
	if (word == 0)
		return fork_renew(place, word);
	if (place == &fork_word && (uint32_t)word != (uint32_t)getpid())
		return fork_renew(place, word);
	return word;
}

void
pdc_fork_lock(_Atomic uint64_t *lock)
{
	uint64_t gen = pdc_fork_gen(), owner;
	int spin = 0;

	for (;;) {
		owner = atomic_load_explicit(lock, memory_order_relaxed);
		/* Pairs with the release in pdc_fork_unlock(). */
		if (owner != gen &&
		    atomic_compare_exchange_weak_explicit(lock, &owner, gen,
			memory_order_acquire, memory_order_relaxed))
			return;
		if (++spin > 32)
			sched_yield();
	}
}

void
pdc_fork_unlock(_Atomic uint64_t *lock)
{
	/* Pairs with the acquire in pdc_fork_lock(). */
	atomic_store_explicit(lock, 0, memory_order_release);
}
