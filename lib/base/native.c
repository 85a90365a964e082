/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "base/native.h"

#include <float.h>
#include <math.h>

/*
 * 2^(j/256) is put together of the roots 2^(1/2), 2^(1/4), ... 2^(1/256), each
 * with 127 bits below the point: all 256 come out rounded right, everywhere the
 * same, and without libm.
 */
#define ROOTS 8

struct root {
	uint64_t high, low;
};

static const struct root roots[ROOTS] = {
	{ 0xb504f333f9de6484, 0x597d89b3754abe9f },
	{ 0x9837f0518db8a96f, 0x46ad23182e42f6f6 },
	{ 0x8b95c1e3ea8bd6e6, 0xfbe4628758a53c90 },
	{ 0x85aac367cc487b14, 0xc5c95b8c2154c1b2 },
	{ 0x82cd8698ac2ba1d7, 0x3e2a475b46520bff },
	{ 0x8164d1f3bc030773, 0x7be56527bd14def4 },
	{ 0x80b1ed4fd999ab6c, 0x25335719b6e6fd20 },
	{ 0x8058d7d2d5e5f6b0, 0x94d589f608ee4aa2 },
};

/* The product, which is below 2. */
static struct root
native_times(struct root a, struct root b)
{
	unsigned __int128 p = (unsigned __int128)a.high * b.high;

	p += (uint64_t)(((unsigned __int128)a.high * b.low) >> 64);
	p += (uint64_t)(((unsigned __int128)a.low * b.high) >> 64);
	p <<= 1;
	return (struct root){ (uint64_t)(p >> 64), (uint64_t)p };
}

/* 2^(j/256), j from 0 to 255. */
static double
native_power(uint32_t j)
{
	struct root r = { (uint64_t)1 << 63, 0 };
	uint32_t i;

	for (i = 0; i < ROOTS; i++)
		if (j & (uint32_t)1 << (ROOTS - 1 - i))
			r = native_times(r, roots[i]);
	/* The nearest 53 bits; there are no ties among roots. */
	return (double)((r.high >> 11) + (r.high >> 10 & 1)) / 0x1p52;
}

double
pdc_native_bound(int schema, int32_t i)
{
	uint32_t per;

	if (schema <= 0)
		return ldexp(1, (int)(i * (int64_t)((int64_t)1 << -schema)));
	per = (uint32_t)1 << schema;
	return ldexp(native_power(
			 ((uint32_t)i & (per - 1)) << (ROOTS - schema)),
	    i >> schema);
}

int32_t
pdc_native_index(int schema, double v)
{
	int32_t lo = 0, hi, mid, per;
	double m;
	int e;

	if (isinf(v))
		return pdc_native_index(schema, DBL_MAX) + 1;
	m = 2 * frexp(v, &e);
	e--;
	if (schema <= 0) {
		per = (int32_t)1 << -schema;
		return (e + (m > 1) + per - 1) >> -schema;
	}
	per = hi = (int32_t)1 << schema;
	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (m > native_power((uint32_t)mid << (ROOTS - schema)))
			lo = mid + 1;
		else
			hi = mid;
	}
	return e * per + lo;
}

int
pdc_native_schema(double factor)
{
	int s = NATIVE_SCHEMA_MIN;

	while (s < NATIVE_SCHEMA_MAX && pdc_native_bound(s, 1) > factor)
		s++;
	return s;
}
