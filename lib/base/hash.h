/* SPDX-License-Identifier: ISC */
#ifndef PDC_BASE_HASH_H
#define PDC_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/*
 * Hashes that are stored: what they give for a string never changes.  They
 * spread well and are fast; against one who looks for collisions they are no
 * protection, so who finds by hash compares the whole key after.
 */
uint64_t pdc_hash(const void *, size_t len, uint64_t seed);
void pdc_hash128(uint64_t out[2], const void *, size_t len);

#endif
