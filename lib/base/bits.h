/* SPDX-License-Identifier: ISC */
#ifndef PDC_BASE_BITS_H
#define PDC_BASE_BITS_H

/* The 64 bits of a double, and back. */

#include <stdint.h>
#include <string.h>

static inline uint64_t
bits_of(double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	return bits;
}

static inline double
bits_double(uint64_t bits)
{
	double v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

#endif
