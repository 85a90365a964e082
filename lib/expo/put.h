/* SPDX-License-Identifier: ISC */
#ifndef PDC_EXPO_PUT_H
#define PDC_EXPO_PUT_H

/* What the renderers of this folder share. */

#include <stdint.h>
#include <string.h>

#include "base/num.h"
#include "base/pair.h"

/*
 * Copy and go on behind it.  Names and labels are short: two pieces, which may
 * lie one over the other, or four, are quicker than a call to another library.
 */
static inline char *
put_mem(char *p, const char *s, size_t len)
{
	if (len < 8 || len > 64) {
		memcpy(p, s, len);
	} else if (len <= 16) {
		memcpy(p, s, 8);
		memcpy(p + len - 8, s + len - 8, 8);
	} else {
		memcpy(p, s, 16);
		if (len > 32) {
			memcpy(p + 16, s + 16, 16);
			memcpy(p + len - 32, s + len - 32, 16);
		}
		memcpy(p + len - 16, s + len - 16, 16);
	}
	return p + len;
}

/*
 * Nanoseconds as seconds without loss: 1700000000.000000005, 3.5, 3.  A double
 * has not the digits for it.  Needs NUM_SIZE bytes; returns those written.
 */
static inline size_t
put_seconds(char *out, int64_t ns)
{
	uint64_t abs = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
	uint64_t frac = abs % 1000000000;
	char *p = out;
	int i, n = 9;

	if (ns < 0)
		*p++ = '-';
	p += pdc_num_u64(p, abs / 1000000000);
	if (frac == 0)
		return (size_t)(p - out);
	for (; frac % 10 == 0; frac /= 10)
		n--;
	*p++ = '.';
	for (i = n - 1; i >= 0; i--, frac /= 10)
		p[i] = (char)('0' + frac % 10);
	return (size_t)(p - out) + (size_t)n;
}

/* All of a histogram: _sum and _count.  Sums in the order of the buckets. */
static inline struct pair
put_total(const struct pair *pairs, uint32_t n)
{
	struct pair total = { 0, 0 };
	uint32_t i;

	for (i = 0; i < n; i++) {
		total.count += pairs[i].count;
		total.sum += pairs[i].sum;
	}
	return total;
}

#endif
