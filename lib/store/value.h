/* SPDX-License-Identifier: ISC */
#ifndef PDC_STORE_VALUE_H
#define PDC_STORE_VALUE_H

#include "pdc.h"
#include "store/family.h"

/*
 * Value blocks.  The first blocks of a family with labels are small, so that a
 * family of few series costs little; later ones fill a page.
 */

struct value_place {
	uint32_t block, pos; /* n is the pos-th series of block */
	uint32_t k; /* series the block has room for */
};

struct value_place pdc_block_place(const struct family_rec *, uint32_t n);
/* The number of the first series in a block. */
uint32_t pdc_block_first(const struct family_rec *, uint32_t block);
/* Bytes of a value record of this shape. */
size_t pdc_block_size(const struct value_head *);

/* 0, PDC_ENOENT, PDC_EFORMAT (without words) or an error. */
int pdc_block_parse(struct value *, const void *val, size_t len);
/* The same but for the body, which is left alone. */
int pdc_block_head(struct value *, const void *val, size_t len);
int pdc_block_load(struct stxn *, const struct family_rec *, uint32_t block,
    struct value *);
/* Load it or make an empty one in v. */
int pdc_block_get(struct stxn *, const struct family_rec *, struct value_place,
    struct value *);
int pdc_block_put(struct stxn *, const struct family_rec *, uint32_t block,
    const struct value *);

/* The arrays of a block; pos counts series, in pairs pos * width. */
double *pdc_block_add_base(struct value *);
double *pdc_block_add_seen(struct value *);
struct pair *pdc_block_pair_base(struct value *);
struct pair *pdc_block_pair_seen(struct value *);
struct value_gauge *pdc_block_gauges(struct value *);

static inline uint64_t
value_stamp(const struct value_gauge *g)
{
	return g->seq | (uint64_t)g->touched << 32;
}

static inline void
value_stamp_set(struct value_gauge *g, double value, uint64_t stamp)
{
	g->value = value;
	g->seq = (uint32_t)stamp;
	g->touched = (uint32_t)(stamp >> 32);
}

/*
 * What is wrong with the numbers at pos, in words; NULL: nothing that shows.
 * now: what they are worth with their cells; NULL: without.
 */
const char *pdc_block_wrong(enum pdc_type, uint32_t nstates, struct value *,
    uint32_t pos, const struct pair *now);
/* Whether there is any number of the series at pos; and none any more. */
int pdc_block_has(const struct value *, uint32_t pos);
void pdc_block_zero(struct value *, uint32_t pos);
/* Make the numbers at pos those of another block of the same shape. */
void pdc_block_copy(struct value *, const struct value *, uint32_t pos);

#define CLOSED_KEY_LEN 21
/* C: what a block of a closed epoch had seen. */
void pdc_closed_key(unsigned char *key, uint64_t epoch, uint32_t family,
    uint32_t incarnation, uint32_t block);

/*
 * Bring a block into the epoch of the store: base += seen; seen of this boot
 * is kept as a C record; it has no cells then.
 */
int pdc_block_fold(struct stxn *, const struct family_rec *, uint32_t block,
    struct value *);

#endif
