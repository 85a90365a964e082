/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "base/fault.h"

#ifdef PDC_FAULTS

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

/*
 * The one armed point, or -1; what is left of its hits; whether to die of it.
 * Arming is not for two threads at once; hits are.
 */
static int fault_armed = -1;
static int fault_left;
static int fault_deadly;

static const char *const fault_names[] = {
#define X(name, word) word,
#include "base/fault_points.h"
#undef X
};

static void
fault_set(int point, int nth, int deadly)
{
	__atomic_store_n(&fault_armed, -1, __ATOMIC_RELAXED);
	__atomic_store_n(&fault_left, nth, __ATOMIC_RELAXED);
	__atomic_store_n(&fault_deadly, deadly, __ATOMIC_RELAXED);
	/* Pairs with the acquire in pdc_fault_hit(). */
	__atomic_store_n(&fault_armed, point, __ATOMIC_RELEASE);
}

void
pdc_fault_arm(int point, int nth)
{
	fault_set(point, nth, 0);
}

void
pdc_fault_kill(int point, int nth)
{
	fault_set(point, nth, 1);
}

void
pdc_fault_disarm(void)
{
	fault_set(-1, 0, 0);
}

int
pdc_fault_hit(int point)
{
	/* Pairs with the release in fault_set(). */
	if (__atomic_load_n(&fault_armed, __ATOMIC_ACQUIRE) != point)
		return 0;
	if (__atomic_fetch_sub(&fault_left, 1, __ATOMIC_RELAXED) != 1)
		return 0;
	if (__atomic_load_n(&fault_deadly, __ATOMIC_RELAXED))
		kill(getpid(), SIGKILL);
	__atomic_store_n(&fault_armed, -1, __ATOMIC_RELAXED);
	errno = EIO;
	return 1;
}

const char *
pdc_fault_name(int point)
{
	if (point < 0 || point >= FAULT_NPOINTS)
		return NULL;
	return fault_names[point];
}

#endif
