/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "base/hash.h"

#include <string.h>

/*
 * The string is taken 16 bytes at a time, the last 1 to 16 of them with an
 * overlap or gaps filled by bytes taken twice.  Two words are mixed by one
 * multiplication of 64 by 64 bits, whose halves are folded into the factors
 * again: so a factor of 0 does not swallow the other.
 *
 * The constants are the fractions of square roots of primes, odd; seeds of the
 * two halves of 128 bits likewise.
 */
#define HASH_A UINT64_C(0x6a09e667f3bcc909) /* 2 */
#define HASH_B UINT64_C(0xbb67ae8584caa73b) /* 3 */
#define HASH_C UINT64_C(0x3c6ef372fe94f82b) /* 5 */
#define HASH_LOW UINT64_C(0xa54ff53a5f1d36f1) /* 7 */
#define HASH_HIGH UINT64_C(0x510e527fade682d1) /* 11 */

static uint64_t
hash_get64(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v;
}

static uint64_t
hash_get32(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
	v = __builtin_bswap32(v);
#endif
	return v;
}

static uint64_t
hash_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 m = (unsigned __int128)a * b;

	return (a ^ (uint64_t)m) ^ (b ^ (uint64_t)(m >> 64));
}

uint64_t
pdc_hash(const void *data, size_t len, uint64_t seed)
{
	const unsigned char *p = data;
	uint64_t a = 0, b = 0, h = hash_mix(seed ^ HASH_A, HASH_B);
	size_t left;

	for (left = len; left > 16; left -= 16, p += 16)
		h = hash_mix(hash_get64(p) ^ HASH_B, hash_get64(p + 8) ^ h);
	if (left >= 8) {
		a = hash_get64(p);
		b = hash_get64(p + left - 8);
	} else if (left >= 4) {
		a = hash_get32(p);
		b = hash_get32(p + left - 4);
	} else if (left > 0) {
		a = (uint64_t)p[0] << 16 | (uint64_t)p[left / 2] << 8 |
		    p[left - 1];
	}
	h = hash_mix(a ^ HASH_B, b ^ h);
	return hash_mix(h ^ HASH_C, len ^ HASH_A);
}

void
pdc_hash128(uint64_t out[2], const void *data, size_t len)
{
	out[0] = pdc_hash(data, len, HASH_LOW);
	out[1] = pdc_hash(data, len, HASH_HIGH);
}
