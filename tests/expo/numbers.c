/* SPDX-License-Identifier: ISC */

/*
 * numbers SEED N: write N doubles, eight bytes each: bits at random, powers of
 * two, decimals and whole numbers.
 * numbers: read them, and write what tests/expo/numbers.go writes.
 */
#include "config.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

static uint64_t state;

static uint64_t
next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1du;
}

static double
number(uint64_t i)
{
	uint64_t bits = next();
	double v;

	switch (i % 5) {
	case 0:
		return (double)(bits >> bits % 64);
	case 1:
		return (double)(int64_t)(bits % 2000000000 - 1000000000) / 1000;
	case 2:
		return ldexp(bits & 1 ? 1 : -1, (int)(i / 5 % 2098) - 1074);
	default:
		memcpy(&v, &bits, sizeof(v));
		return v;
	}
}

static void
make(uint64_t seed, uint64_t n)
{
	uint64_t i;
	double v;

	state = seed * 0x9e3779b97f4a7c15u + 1;
	for (i = 0; i < n; i++) {
		v = number(i);
		fwrite(&v, sizeof(v), 1, stdout);
	}
}

static void
show(const double *list, size_t n, size_t (*write)(char *, double))
{
	char text[NUM_SIZE];
	size_t i;

	puts("# TYPE g gauge");
	for (i = 0; i < n; i++) {
		write(text, list[i]);
		printf("g %s\n", text);
	}
}

int
main(int argc, char **argv)
{
	size_t n = 0, cap = 1 << 24;
	double *list;

	if (argc == 3) {
		make(strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10));
		return fflush(stdout) == 0 ? 0 : 1;
	}
	list = calloc(cap, sizeof(*list));
	if (list == NULL)
		return 1;
	while (n < cap && fread(&list[n], sizeof(*list), 1, stdin) == 1)
		n++;
	show(list, n, pdc_num_go);
	show(list, n, pdc_num_om);
	free(list);
	return fflush(stdout) == 0 ? 0 : 1;
}
