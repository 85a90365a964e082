/* SPDX-License-Identifier: ISC */
#ifndef PDC_BASE_FAULT_H
#define PDC_BASE_FAULT_H

/*
 * Failures on demand.  if (FAULT(CELLS_WRITE) || write(...) == -1) fails when a
 * test armed that point; without PDC_FAULTS in config.h it costs nothing.  The
 * points are listed in fault_points.h.
 *
 * One point is armed at a time.  Its nth hit from then on, in whatever thread,
 * fires once and disarms it.  Fork: a child inherits the arming with the hits
 * so far, and counts its own.
 */
enum fault_point {
#define X(name, word) FAULT_##name,
#include "base/fault_points.h"
#undef X
	FAULT_NPOINTS
};

#ifdef PDC_FAULTS
#define FAULT(name) pdc_fault_hit(FAULT_##name)

/* Make the nth hit (1: the next) return 1, with errno set to EIO. */
void pdc_fault_arm(int point, int nth);
/* Make the nth hit kill this process with SIGKILL. */
void pdc_fault_kill(int point, int nth);
void pdc_fault_disarm(void);

/* Whether to fail here. */
int pdc_fault_hit(int point);

/* The word of a point, or NULL when there is no such point. */
const char *pdc_fault_name(int point);
#else
#define FAULT(name) ((void)FAULT_##name, 0)
#endif

#endif
