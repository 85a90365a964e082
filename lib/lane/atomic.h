/* SPDX-License-Identifier: ISC */
#ifndef PDC_LANE_ATOMIC_H
#define PDC_LANE_ATOMIC_H

/*
 * Sixteen bytes at once: what a cell of an atomic lane, a gauge and a pending
 * sum are made of.  No call into libatomic, which may take locks of its own
 * process alone.
 *
 * An aligned 16-byte load is one access only on CPUs with AVX (the word of
 * Intel and AMD); on others a compare-and-swap loads, so the memory must be
 * writable.  In a build without assembly of its own (no PDC_RSEQ) the compiler
 * has the same instructions; on other machines all goes by compare-and-swap.
 */

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#ifdef __x86_64__
#include <emmintrin.h>
#endif

struct word16 {
	uint64_t lo, hi;
} __attribute__((aligned(16)));

/* Unless all is compiled for it, clang makes a call of the builtin. */
#if defined(PDC_RSEQ) || (defined(__clang__) && defined(__x86_64__))
#define ATOMIC_ASM 1
#endif

/*
 * If *p is *old, make it want and return 1; else set *old to what it is.  A
 * full barrier.
 */
#ifdef ATOMIC_ASM
static inline int
atomic_cas16(struct word16 *p, struct word16 *old, struct word16 want)
{
	int same;

	__asm__ volatile("lock cmpxchg16b %1"
			 : "=@ccz"(same), "+m"(*p), "+a"(old->lo), "+d"(old->hi)
			 : "b"(want.lo), "c"(want.hi)
			 : "memory");
	return same;
}
#else
#ifdef __x86_64__
__attribute__((target("cx16")))
#endif
static inline int
atomic_cas16(struct word16 *p, struct word16 *old, struct word16 want)
{
	unsigned __int128 was, now, then;
	int same;

	memcpy(&was, old, sizeof(was));
	memcpy(&now, &want, sizeof(now));
	then = __sync_val_compare_and_swap((unsigned __int128 *)p, was, now);
	same = then == was;
	memcpy(old, &then, sizeof(then));
	return same;
}
#endif

/*
 * Two loads, lo first: enough to begin a loop of atomic_cas16() with, which
 * fails if they are not of one time.
 */
static inline struct word16
atomic_peek16(const struct word16 *p)
{
	struct word16 w;

	/* Pairs with the atomic_cas16() in tag_next_all(). */
	w.lo = atomic_load_explicit((const _Atomic uint64_t *)&p->lo,
	    memory_order_acquire);
	w.hi = atomic_load_explicit((const _Atomic uint64_t *)&p->hi,
	    memory_order_acquire);
	return w;
}

/* Whether atomic_load16() only reads. */
static inline int
atomic_can_load16(void)
{
#ifdef __x86_64__
	return __builtin_cpu_supports("avx") != 0;
#else
	return 0;
#endif
}

/* One load; nothing after it is done before it. */
#ifdef __x86_64__
#ifndef PDC_RSEQ
__attribute__((no_sanitize("thread")))
#endif
static inline struct word16
atomic_movdqa(const struct word16 *p)
{
	struct word16 w;
	__m128i v;

#ifdef PDC_RSEQ
	__asm__ volatile("movdqa %1, %0" : "=x"(v) : "m"(*p) : "memory");
#else
	v = *(const volatile __m128i *)p;
	atomic_signal_fence(memory_order_acquire);
#endif
	memcpy(&w, &v, sizeof(w));
	return w;
}
#endif

static inline struct word16
atomic_load16(const struct word16 *p)
{
	struct word16 w = { 0, 0 };

#ifdef __x86_64__
	if (atomic_can_load16())
		return atomic_movdqa(p);
#endif
	(void)atomic_cas16((struct word16 *)(uintptr_t)p, &w, w);
	return w;
}

#endif
