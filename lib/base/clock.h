/* SPDX-License-Identifier: ISC */
#ifndef PDC_BASE_CLOCK_H
#define PDC_BASE_CLOCK_H

#include <stdint.h>

/*
 * The two clocks of a store, in nanoseconds, and the boot that the monotonic
 * one counts from.  Tests move them by the skews.
 */
struct clock {
	int64_t mono_skew_ns, wall_skew_ns;
	char boot_id[37]; /* with NUL */
};

/*
 * No skew, and the id of this boot: the kernel's, else "btime-SECONDS", else
 * "unknown".  0, or an error, if that is there and cannot be read: who took a
 * store for one of another boot would give up what is in its cells.
 */
int pdc_clock_init(struct clock *);

int64_t pdc_clock_mono(const struct clock *); /* since boot */
int64_t pdc_clock_wall(const struct clock *); /* since 1970 */

/* Sleep ns of real time once; a signal ends it early.  Not over 0: no sleep. */
void pdc_clock_sleep(int64_t ns);

#endif
