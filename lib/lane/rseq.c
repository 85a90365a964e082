/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Whether restartable sequences can be trusted here.  A registered area is not
 * enough: Linux 6.19 on arm64 registers, and does not abort a section when its
 * thread is preempted for another on the same CPU.  So it is tried.
 *
 * Threads: the probe has two of its own, with all signals blocked; nothing of
 * the caller's is changed.
 */

#include "lane/lane.h"
#include "lane/rseq.h"

/* Weak: a C library before glibc 2.35, or another, does not have them. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

_Atomic ptrdiff_t pdc_rseq_at;

ptrdiff_t
pdc_rseq_area(void)
{
	return pdc_rseq_usable() ? __rseq_offset : 0;
}

#ifndef PDC_RSEQ

int
pdc_rseq_usable(void)
{
	return 0;
}

enum cells_rseq
pdc_rseq_probe(void)
{
	return CELLS_RSEQ_UNKNOWN;
}

#else

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/fault.h"
#include "lane/atomic.h"

#define PROBE_TURNS (1 << 21) /* pauses: 20 to 100 ms */
#define PROBE_TRIES 3
#define PROBE_STACK (256 * 1024)
#define PROBE_NAP_NS 20000

struct probe {
	_Atomic uint32_t inside, seen, ended;
	enum cells_rseq answer;
};

int
pdc_rseq_usable(void)
{
	if (&__rseq_offset == NULL || &__rseq_size == NULL || __rseq_size == 0)
		return 0;
	return (int32_t)rseq_cpu(__rseq_offset) >= 0 && atomic_can_load16();
}

/*
 * Enter the section and stay until it is aborted.  Signals are blocked and
 * the CPU is fixed, so whatever aborts it is preemption.
 */
static RSEQ_ALIGNED void *
probe_stay(void *arg)
{
	struct probe *p = arg;

	switch (rseq_wait(pdc_rseq_area(), &p->inside, &p->seen, PROBE_TURNS)) {
	case RSEQ_ABORT:
		p->answer = CELLS_RSEQ_OK;
		break;
	case RSEQ_STALE:
		p->answer = CELLS_RSEQ_BROKEN;
		break;
	default:
		break;
	}
	atomic_store(&p->ended, 1);
	return NULL;
}

/* Wake up on the same CPU until the other one is seen inside; tell it so. */
static void *
probe_disturb(void *arg)
{
	const struct timespec nap = { 0, PROBE_NAP_NS };
	struct probe *p = arg;

	while (!atomic_load(&p->inside) && !atomic_load(&p->ended))
		nanosleep(&nap, NULL);
	atomic_store(&p->seen, 1);
	return NULL;
}

/* A real-time policy is not inherited: the one who stays would keep the CPU. */
static int
probe_attr(pthread_attr_t *attr)
{
	const struct sched_param param = { .sched_priority = 0 };
	cpu_set_t set;
	int cpu, policy = sched_getscheduler(0);

	if (sched_getaffinity(0, sizeof(set), &set) == -1)
		return -1;
	cpu = sched_getcpu();
	if (cpu < 0 || cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &set))
		for (cpu = 0; cpu < CPU_SETSIZE - 1 && !CPU_ISSET(cpu, &set);)
			cpu++;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (pthread_attr_setstacksize(attr, PROBE_STACK) != 0 ||
	    pthread_attr_setaffinity_np(attr, sizeof(set), &set) != 0)
		return -1;
	if (policy != SCHED_FIFO && policy != SCHED_RR)
		return 0;
	if (pthread_attr_setinheritsched(attr, PTHREAD_EXPLICIT_SCHED) != 0 ||
	    pthread_attr_setschedpolicy(attr, SCHED_OTHER) != 0 ||
	    pthread_attr_setschedparam(attr, &param) != 0)
		return -1;
	return 0;
}

static void
probe_run(struct probe *p, const pthread_attr_t *attr)
{
	pthread_t disturb, stay;

	if (pthread_create(&disturb, attr, probe_disturb, p) != 0)
		return;
	if (pthread_create(&stay, attr, probe_stay, p) == 0)
		pthread_join(stay, NULL);
	atomic_store(&p->ended, 1);
	pthread_join(disturb, NULL);
}

enum cells_rseq
pdc_rseq_probe(void)
{
	struct probe p = { .answer = CELLS_RSEQ_UNKNOWN };
	pthread_attr_t attr;
	sigset_t all, old;
	int i;

	if (FAULT(RSEQ_PROBE))
		return CELLS_RSEQ_BROKEN;
	if (!pdc_rseq_usable() || pthread_attr_init(&attr) != 0)
		return CELLS_RSEQ_UNKNOWN;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	/* No answer: whoever was to disturb did not get the CPU. */
	if (probe_attr(&attr) == 0)
		for (i = 0; i < PROBE_TRIES && p.answer == CELLS_RSEQ_UNKNOWN;
		     i++) {
			p = (struct probe){ .answer = CELLS_RSEQ_UNKNOWN };
			probe_run(&p, &attr);
		}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return p.answer;
}

#endif
