/* SPDX-License-Identifier: ISC */
#ifndef PDC_LANE_RSEQ_H
#define PDC_LANE_RSEQ_H

/*
 * The restartable sequences, for x86-64.
 *
 * The C library registers an area per thread with the kernel: cpu_id_start at
 * 0, cpu_id at 4, rseq_cs at 8.  A section is announced by storing the address
 * of its descriptor to rseq_cs; a thread that is preempted, moved or signalled
 * within [start, start + length) goes on at the abort address instead.  So
 * what a section compared still holds when its last instruction stores: the
 * CPU, hence that nobody else works on this lane, and the tag.
 *
 * Rules: the store to rseq_cs is the instruction before start; the CPU is read
 * after it, or compared with what was read before; one store, the last
 * instruction (the ring's copy goes where nobody reads yet); no call, no lock
 * prefix, no system call.  rseq_cs is left set: the kernel forgets it.
 *
 * An area that is not registered has cpu_id below 0, which is no CPU's, nor
 * that of a lane.  Callers have the area from rseq_at(), never 0, and give up
 * after RSEQ_TRIES.
 */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define RSEQ_TRIES 64

/* A function with a section: one length, whatever else is in its file. */
#define RSEQ_ALIGNED __attribute__((aligned(64)))

/* The area, once cells were opened where there is one; else 0. */
extern _Atomic ptrdiff_t pdc_rseq_at __attribute__((visibility("hidden")));

static inline ptrdiff_t
rseq_at(void)
{
	return atomic_load_explicit(&pdc_rseq_at, memory_order_relaxed);
}

enum rseq_result { RSEQ_OK, RSEQ_ABORT, RSEQ_STALE, RSEQ_NONE };

struct rseq_tag {
	const _Atomic uint64_t *at;
	uint64_t id;
};

struct rseq_lanes {
	char **const *lane; /* where each CPU's is */
	const uint32_t *use; /* how many there are */
};

struct rseq_copy {
	const void *head;
	uint64_t head_len;
	const void *body;
	uint64_t body_len;
	void *to;
	uint64_t pos, next; /* of the ring: expected, then stored */
};

#ifdef PDC_RSEQ
#ifndef __x86_64__
#error "PDC_RSEQ is for x86-64"
#endif

#define RSEQ_INLINE static inline __attribute__((always_inline))

/* The descriptor of a section from 1: to 2: that aborts at 4:; its start. */
#define RSEQ_BEGIN \
	".pushsection __rseq_cs, \"aw\"\n\t" \
	".balign 32\n" \
	"3:\n\t" \
	".long 0, 0\n\t" \
	".quad 1f, 2f - 1f, 4f\n\t" \
	".popsection\n\t" \
	"leaq 3b(%%rip), %%rax\n\t" \
	"movq %%rax, %%fs:8(%[area])\n" \
	"1:\n\t"

/* On the CPU that was read before. */
#define RSEQ_SAME_CPU \
	"cmpl %[cpu], %%fs:4(%[area])\n\t" \
	"jnz %l[aborted]\n\t"

/* The lane of this CPU, in rcx. */
#define RSEQ_LANE \
	"movl %%fs:4(%[area]), %%ecx\n\t" \
	"cmpl %[use], %%ecx\n\t" \
	"jae %l[none]\n\t" \
	"movq %[lane], %%rax\n\t" \
	"movq (%%rax,%%rcx,8), %%rcx\n\t"

/* The signature is the operand of a ud1, so that disassemblers keep step. */
#define RSEQ_END \
	"\n2:\n\t" \
	".pushsection __rseq_fail, \"ax\"\n\t" \
	".byte 0x0f, 0xb9, 0x3d\n\t" \
	".long 0x53053053\n" \
	"4:\n\t" \
	"jmp %l[aborted]\n\t" \
	".popsection\n\t"

/*
 * The CPU this thread was on; a number no lane has if it is not registered.
 * Area 0 is not one, but can be read; then the caller has no lanes.
 */
RSEQ_INLINE uint32_t
rseq_cpu(ptrdiff_t area)
{
	uint32_t cpu;

	__asm__ volatile("movl %%fs:4(%1), %0" : "=r"(cpu) : "r"(area));
	return cpu;
}

/* The double at unit in this CPU's lane += v, if the tag is as told. */
RSEQ_INLINE enum rseq_result
rseq_add(ptrdiff_t area, struct rseq_lanes lanes, uint64_t unit, double v,
    struct rseq_tag tag)
{
	__asm__ goto(
	    RSEQ_BEGIN RSEQ_LANE "cmpq %[id], %[tag]\n\t"
				 "jnz %l[stale]\n\t"
				 "movsd (%%rcx,%[unit],8), %%xmm1\n\t"
				 "addsd %[v], %%xmm1\n\t"
				 "movsd %%xmm1, (%%rcx,%[unit],8)" RSEQ_END
	    :
	    : [area] "r"(area), [lane] "m"(*lanes.lane), [use] "m"(*lanes.use),
	    [unit] "r"(unit), [tag] "m"(*tag.at), [id] "r"(tag.id), [v] "x"(v)
	    : "memory", "cc", "rax", "rcx", "xmm1"
	    : aborted, stale, none);
	return RSEQ_OK;
aborted:
	return RSEQ_ABORT;
stale:
	return RSEQ_STALE;
none:
	return RSEQ_NONE;
}

/*
 * The pair off bytes into this CPU's lane += {1, v}, by one 16-byte store, if
 * the tag is as told.
 */
RSEQ_INLINE enum rseq_result
rseq_pair(ptrdiff_t area, struct rseq_lanes lanes, uint64_t off, double v,
    struct rseq_tag tag)
{
	__asm__ goto("pcmpeqd %%xmm3, %%xmm3\n\t" /* -1 */
		     RSEQ_BEGIN RSEQ_LANE "cmpq %[id], (%[tag])\n\t"
		     "jnz %l[stale]\n\t"
		     "movq (%%rcx,%[off]), %%xmm1\n\t"
		     "movsd 8(%%rcx,%[off]), %%xmm2\n\t"
		     "psubq %%xmm3, %%xmm1\n\t"
		     "addsd %[v], %%xmm2\n\t"
		     "punpcklqdq %%xmm2, %%xmm1\n\t"
		     "movdqa %%xmm1, (%%rcx,%[off])" RSEQ_END
		     :
		     : [area] "r"(area), [lane] "m"(*lanes.lane),
		     [use] "m"(*lanes.use), [off] "r"(off), [tag] "r"(tag.at),
		     [id] "r"(tag.id), [v] "x"(v)
		     : "memory", "cc", "rax", "rcx", "xmm1", "xmm2", "xmm3"
		     : aborted, stale, none);
	return RSEQ_OK;
aborted:
	return RSEQ_ABORT;
stale:
	return RSEQ_STALE;
none:
	return RSEQ_NONE;
}

/* If it is at pos: where that is. */
#define RSEQ_EXPECT \
	"movq %c[pos](%[copy]), %%rax\n\t" \
	"cmpq %%rax, (%[head])\n\t" \
	"jnz %l[aborted]\n\t" \
	"movq %c[to](%[copy]), %%rdi\n\t"

/*
 * Copy len bytes there, and set rdi to the end: the last 16, then 16 at a time
 * up to them.  A string instruction takes as long as this just to begin.
 */
#define RSEQ_COPY(from, len) \
	"movq %c[" from "](%[copy]), %%rsi\n\t" \
	"movq %c[" len "](%[copy]), %%rcx\n\t" \
	"cmpq $16, %%rcx\n\t" \
	"jb 8f\n\t" \
	"movdqu -16(%%rsi,%%rcx), %%xmm0\n\t" \
	"movdqu %%xmm0, -16(%%rdi,%%rcx)\n\t" \
	"addq %%rcx, %%rsi\n\t" \
	"addq %%rcx, %%rdi\n\t" \
	"negq %%rcx\n" \
	"7:\n\t" \
	"movdqu (%%rsi,%%rcx), %%xmm0\n\t" \
	"movdqu %%xmm0, (%%rdi,%%rcx)\n\t" \
	"addq $16, %%rcx\n\t" \
	"cmpq $-16, %%rcx\n\t" \
	"jle 7b\n\t" \
	"jmp 9f\n" \
	"8:\n\t" \
	"rep movsb\n" \
	"9:\n\t"

#define RSEQ_GO_ON \
	"movq %c[next](%[copy]), %%rax\n\t" \
	"movq %%rax, (%[head])"

/*
 * If *pos is copy->pos, copy head and body to copy->to and set *pos to
 * copy->next.  String stores are weakly ordered among themselves, but the one
 * after them is seen after them.
 */
RSEQ_INLINE enum rseq_result
rseq_publish(ptrdiff_t area, uint32_t cpu, _Atomic uint64_t *pos,
    const struct rseq_copy *copy)
{
	__asm__ goto(
	    RSEQ_BEGIN RSEQ_SAME_CPU RSEQ_EXPECT RSEQ_COPY("from1", "len1")
		RSEQ_COPY("from2", "len2") RSEQ_GO_ON RSEQ_END
	    :
	    : [area] "r"(area), [cpu] "r"(cpu), [head] "r"(pos),
	    [copy] "r"(copy), [pos] "i"(offsetof(struct rseq_copy, pos)),
	    [next] "i"(offsetof(struct rseq_copy, next)),
	    [to] "i"(offsetof(struct rseq_copy, to)),
	    [from1] "i"(offsetof(struct rseq_copy, head)),
	    [len1] "i"(offsetof(struct rseq_copy, head_len)),
	    [from2] "i"(offsetof(struct rseq_copy, body)),
	    [len2] "i"(offsetof(struct rseq_copy, body_len))
	    : "memory", "cc", "rax", "rcx", "rsi", "rdi", "xmm0"
	    : aborted);
	return RSEQ_OK;
aborted:
	return RSEQ_ABORT;
}

/*
 * For the probe: set *inside, then wait for *seen, by at most turns looks.
 * STALE: it was seen, so the section was not aborted; OK: it was not seen in
 * all these turns.
 */
RSEQ_INLINE enum rseq_result
rseq_wait(ptrdiff_t area, _Atomic uint32_t *inside,
    const _Atomic uint32_t *seen, uint64_t turns)
{
	uint32_t cpu = rseq_cpu(area);

	__asm__ goto(RSEQ_BEGIN RSEQ_SAME_CPU "movq %[turns], %%rcx\n\t"
					      "movl $1, (%[inside])\n"
					      "5:\n\t"
					      "cmpl $0, (%[seen])\n\t"
					      "jnz %l[stale]\n\t"
					      "pause\n\t"
					      "subq $1, %%rcx\n\t"
					      "jnz 5b" RSEQ_END
		     :
		     : [area] "r"(area), [cpu] "r"(cpu), [inside] "r"(inside),
		     [seen] "r"(seen), [turns] "r"(turns)
		     : "memory", "cc", "rax", "rcx"
		     : aborted, stale);
	return RSEQ_OK;
aborted:
	return RSEQ_ABORT;
stale:
	return RSEQ_STALE;
}

#endif
#endif
