/* SPDX-License-Identifier: ISC */
#ifndef PDC_SERVE_NOW_H
#define PDC_SERVE_NOW_H

/* The monotonic clock and points in it. */

#include <stdint.h>
#include <time.h>

#define NOW_SECOND 1000000000

static inline int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * NOW_SECOND + ts.tv_nsec;
}

static inline struct timespec
now_timespec(int64_t ns)
{
	struct timespec ts;

	ts.tv_sec = (time_t)(ns / NOW_SECOND);
	ts.tv_nsec = (long)(ns % NOW_SECOND);
	return ts;
}

#endif
