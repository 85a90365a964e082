/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "base/shortest.h"

#include "base/bits.h"

/*
 * The shortest digits of a double, after R. Giulietti, "The Schubfach way to
 * render doubles" (2020).  A double v = c * 2^q stands for all real numbers
 * nearer to it than to its neighbours, and for the two in the middle when c is
 * even.  With 10^k the largest power of ten not longer than that interval, one
 * or two multiples of 10^k lie in it, and at most one of 10^(k+1), which is
 * then the shortest.  To compare, v and the ends of the interval, times four to
 * be integers, are divided by 10^k, that is, multiplied by a power of ten of
 * 128 bits rounded up; what is lost below the point only has to be known to be
 * zero or not, which is the lowest bit of the result ("round to odd").
 *
 * The powers 10^-k, k from -324 to 292, are put together from each 27th of
 * them in 192 bits and a power of five.  Against integers of any length all 617
 * are found to be rounded up right.
 */
#define POW_STEP 27
#define POW_FIRST (-297)

struct pow10_wide {
	uint64_t high, mid, low;
};

struct pow10_128 {
	uint64_t high, low;
};

/* 10^(POW_FIRST + POW_STEP * i), the highest bit set, rounded down. */
static const struct pow10_wide pow10_wide[] = {
	{ 0xa76c582338ed2621, 0xaf2af2b80af6f24e, 0x657c8f4d43323a36 },
	{ 0x873e4f75e2224e68, 0x5a7744a6e804a291, 0xcc35eddfcf0996d7 },
	{ 0xda7f5bf590966848, 0xaf39a475506a899e, 0xa30294cc2934e662 },
	{ 0xb080392cc4349dec, 0xbd8d794d96aacfb3, 0xfe13a5c86af64418 },
	{ 0x8e938662882af53e, 0x547eb47b7282ee9c, 0x41b0230e1421487d },
	{ 0xe65829b3046b0afa, 0x0cb4a5a3112a5112, 0xa3b561b1cb208396 },
	{ 0xba121a4650e4ddeb, 0x92f34d62616ce413, 0x21a0183e10583cd3 },
	{ 0x964e858c91ba2655, 0x3a6a07f8d510f86f, 0xe9082f25e9c5e9ec },
	{ 0xf2d56790ab41c2a2, 0xfae27299423fb9c3, 0x3695dad7e8858901 },
	{ 0xc428d05aa4751e4c, 0xaa97e14c3c26b886, 0x96842dc95323f5a8 },
	{ 0x9e74d1b791e07e48, 0x775ea264cf55347d, 0xca49f1c05120c9c7 },
	{ 0x8000000000000000, 0x0000000000000000, 0x0000000000000000 },
	{ 0xcecb8f27f4200f3a, 0x0000000000000000, 0x0000000000000000 },
	{ 0xa70c3c40a64e6c51, 0x999090b65f67d924, 0x0000000000000000 },
	{ 0x86f0ac99b4e8dafd, 0x69a028bb3ded71a3, 0xdf9f915627c04e28 },
	{ 0xda01ee641a708de9, 0xe80e6f4820cc9495, 0xd74baad03bc1d8d3 },
	{ 0xb01ae745b101e9e4, 0x5ec05dcff72e7f8f, 0xc04c79ffe324301f },
	{ 0x8e41ade9fbebc27d, 0x14588f13be847307, 0x23bd6a2059c002f5 },
	{ 0xe5d3ef282a242e81, 0x8f1668c8a86da5fa, 0xf0b5ccf5176ecc7c },
	{ 0xb9a74a0637ce2ee1, 0x6d953e2bd7173692, 0x88efb0037ac08bde },
	{ 0x95f83d0a1fb69cd9, 0x4abdaf101564f98e, 0x0d5a4af7b3a98e47 },
	{ 0xf24a01a73cf2dccf, 0xbc633b39673c8cec, 0x3d9c44cd2f36917c },
	{ 0xc3b8358109e84f07, 0x0a862f80ec4700c8, 0x02606ea01029dc37 },
	{ 0x9e19db92b4e31ba9, 0x6c07a2c26a8346d1, 0x4944d9f52cd0dec2 },
};

static const uint64_t pow5[POW_STEP] = {
	1u,
	5u,
	25u,
	125u,
	625u,
	3125u,
	15625u,
	78125u,
	390625u,
	1953125u,
	9765625u,
	48828125u,
	244140625u,
	1220703125u,
	6103515625u,
	30517578125u,
	152587890625u,
	762939453125u,
	3814697265625u,
	19073486328125u,
	95367431640625u,
	476837158203125u,
	2384185791015625u,
	11920928955078125u,
	59604644775390625u,
	298023223876953125u,
	1490116119384765625u,
};

/* floor(log2(10^e)), |e| < 1234 */
static int
floor_log2_pow10(int e)
{
	return (e * 1741647) >> 19;
}

/* floor(log10(2^e)), |e| < 1651 */
static int
floor_log10_pow2(int e)
{
	return (e * 1262611) >> 22;
}

/* floor(log10(3/4 * 2^e)), |e| < 1501 */
static int
floor_log10_pow2_34(int e)
{
	return (e * 1262611 - 524031) >> 22;
}

/* 10^e in 128 bits, the highest set, rounded up; e from -292 to 324. */
static struct pow10_128
pow10_get(int e)
{
	int i = (e - POW_FIRST) / POW_STEP, off = (e - POW_FIRST) % POW_STEP;
	int shift = floor_log2_pow10(e) - floor_log2_pow10(e - off) - off;
	const struct pow10_wide *w = &pow10_wide[i];
	unsigned __int128 low, mid, high, top;
	struct pow10_128 p;

	low = (unsigned __int128)w->low * pow5[off];
	mid = (unsigned __int128)w->mid * pow5[off] + (uint64_t)(low >> 64);
	high = (unsigned __int128)w->high * pow5[off] + (uint64_t)(mid >> 64);
	/* The power is high, the low half of mid, the low half of low. */
	p.high = (uint64_t)(high >> shift);
	top = high << 64 | (uint64_t)mid;
	p.low = (uint64_t)(top >> shift);
	if ((uint64_t)low != 0 || ((uint64_t)top & ((1ull << shift) - 1)) != 0)
		p.low++; /* never from its largest value */
	return p;
}

/* The highest 64 bits of p * c, with the lowest set when others are. */
static uint64_t
round_to_odd(const struct pow10_128 *p, uint64_t c)
{
	uint64_t low = (uint64_t)(((unsigned __int128)p->low * c) >> 64);
	unsigned __int128 v = (unsigned __int128)p->high * c + low;

	return (uint64_t)(v >> 64) | ((uint64_t)v > 1);
}

uint64_t
pdc_shortest_strip(int *exp10, uint64_t digits)
{
	static const uint32_t powers[] = { 10000, 100, 10 };
	int i, zeros = 4;

	while (digits % 100000000 == 0) {
		digits /= 100000000;
		*exp10 += 8;
	}
	for (i = 0; i < 3; i++, zeros /= 2) {
		if (digits % powers[i] != 0)
			continue;
		digits /= powers[i];
		*exp10 += zeros;
	}
	return digits;
}

/*
 * The multiple of 10 in the interval, else of 1, else the nearest of 1; all are
 * given times four.
 */
static uint64_t
shortest_choose(int *exp10, uint64_t v, uint64_t low, uint64_t high)
{
	uint64_t s = v / 4, tens = s / 10;
	int under, over;

	under = low <= 40 * tens;
	over = 40 * tens + 40 <= high;
	if (s >= 10 && under != over) {
		++*exp10;
		return pdc_shortest_strip(exp10, tens + (uint64_t)over);
	}
	under = low <= 4 * s;
	over = 4 * s + 4 <= high;
	if (under == over)
		over = v > 4 * s + 2 || (v == 4 * s + 2 && (s & 1) != 0);
	return pdc_shortest_strip(exp10, s + (uint64_t)over);
}

uint64_t
pdc_shortest_digits(int *exp10, double v)
{
	uint64_t bits = bits_of(v), c, odd, low, high;
	struct pow10_128 p;
	int exp, q, h, closer;

	c = bits & ((UINT64_C(1) << 52) - 1);
	exp = (int)(bits >> 52);
	/* A power of two is twice as near to the double below it. */
	closer = c == 0 && exp > 1;
	if (exp != 0)
		c |= UINT64_C(1) << 52;
	q = (exp != 0 ? exp : 1) - 1075;
	odd = c & 1;

	*exp10 = closer ? floor_log10_pow2_34(q) : floor_log10_pow2(q);
	p = pow10_get(-*exp10);
	h = q + floor_log2_pow10(-*exp10) + 1;
	low = round_to_odd(&p, (4 * c - 2 + (uint64_t)closer) << h) + odd;
	high = round_to_odd(&p, (4 * c + 2) << h) - odd;
	return shortest_choose(exp10, round_to_odd(&p, 4 * c << h), low, high);
}
