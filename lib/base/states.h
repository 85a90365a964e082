/* SPDX-License-Identifier: ISC */
#ifndef PDC_BASE_STATES_H
#define PDC_BASE_STATES_H

/*
 * Which states of a stateset are on: bit i for state i, kept as a whole number
 * in the double of a gauge, which holds 53 bits exactly.
 */

#include <stdint.h>

#define STATES_MAX 53

/* What is no such number has no state on. */
static inline uint64_t
states_bits(double v)
{
	return v >= 0 && v < (double)((uint64_t)1 << STATES_MAX) ? (uint64_t)v :
								   0;
}

static inline double
states_put(double v, uint64_t bits, int on)
{
	uint64_t was = states_bits(v);

	return (double)(on ? was | bits : was & ~bits);
}

#endif
