/* SPDX-License-Identifier: ISC */
#ifndef PDC_BASE_PAIR_H
#define PDC_BASE_PAIR_H

#include <stdint.h>

/* What a bucket or a summary adds up to. */
struct pair {
	uint64_t count;
	double sum;
};

#endif
