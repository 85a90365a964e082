/* SPDX-License-Identifier: ISC */
#ifndef PDC_BASE_SHORTEST_H
#define PDC_BASE_SHORTEST_H

#include <stdint.h>

/*
 * Find the shortest decimal number that reads back as v, and of several the
 * nearest to v; v is finite and more than 0.
 *
 * Returns its digits, at most 17 and not ending in 0; the number is digits
 * times 10 to the power of *exp10.
 */
uint64_t pdc_shortest_digits(int *exp10, double v);

/* Take the zeros at the end of digits, which is not 0, into *exp10. */
uint64_t pdc_shortest_strip(int *exp10, uint64_t digits);

#endif
