/* SPDX-License-Identifier: ISC */
#ifndef PDC_BASE_WIRE_H
#define PDC_BASE_WIRE_H

#include <stdint.h>
#include <string.h>

/*
 * Numbers in stored keys and on the wire: big-endian, at any alignment.
 */
static inline uint32_t
pdc_wire_swap32(uint32_t v)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return __builtin_bswap32(v);
#else
	return v;
#endif
}

static inline uint64_t
pdc_wire_swap64(uint64_t v)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return __builtin_bswap64(v);
#else
	return v;
#endif
}

static inline void
pdc_put_be32(unsigned char *p, uint32_t v)
{
	v = pdc_wire_swap32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void
pdc_put_be64(unsigned char *p, uint64_t v)
{
	v = pdc_wire_swap64(v);
	memcpy(p, &v, sizeof(v));
}

static inline uint32_t
pdc_get_be32(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return pdc_wire_swap32(v);
}

static inline uint64_t
pdc_get_be64(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return pdc_wire_swap64(v);
}

#endif
