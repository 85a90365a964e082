/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * V and C records: base and seen of a run of series.
 */

#include <string.h>

#include "base/err.h"
#include "base/states.h"
#include "base/wire.h"
#include "pdc.h"
#include "store/series.h"
#include "store/value.h"

/*
 * A page of LMDB, as one of its own: blocks that lay between other records
 * left half of each page empty.  A record of the idle times of as many series
 * (idle.h) is less than half a page.
 */
#define VALUE_BLOCK 4032
#define VALUE_FIRST 8
#define VALUE_SECOND 32

static uint32_t
value_series_size(uint32_t zone, uint32_t width)
{
	return zone == VALUE_PAIR ? 2 * sizeof(struct pair) * width : 16;
}

static uint32_t
value_full(const struct family_rec *f)
{
	uint32_t k = (VALUE_BLOCK - sizeof(struct value_head)) /
	    value_series_size(f->zone, f->width);

	return k > 0 ? k : 1;
}

static uint32_t
value_min(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

struct value_place
pdc_block_place(const struct family_rec *f, uint32_t n)
{
	uint32_t full = value_full(f), first, second;

	if (family_nvalues(f) == 0)
		return (struct value_place){ n, 0, 1 };
	first = value_min(VALUE_FIRST, full);
	if (n < first)
		return (struct value_place){ 0, n, first };
	n -= first;
	second = value_min(VALUE_SECOND, full);
	if (n < second)
		return (struct value_place){ 1, n, second };
	n -= second;
	return (struct value_place){ 2 + n / full, n % full, full };
}

uint32_t
pdc_block_first(const struct family_rec *f, uint32_t block)
{
	uint32_t full = value_full(f), first, second;

	if (family_nvalues(f) == 0)
		return block;
	first = value_min(VALUE_FIRST, full);
	second = value_min(VALUE_SECOND, full);
	if (block < 2)
		return block * first;
	return first + second + (block - 2) * full;
}

size_t
pdc_block_size(const struct value_head *h)
{
	return sizeof(*h) + (size_t)h->k * value_series_size(h->zone, h->width);
}

int
pdc_block_head(struct value *v, const void *val, size_t len)
{
	if (len < sizeof(v->h) || len > sizeof(*v))
		return PDC_EFORMAT;
	memcpy(&v->h, val, sizeof(v->h));
	if (v->h.zone > VALUE_GAUGE || v->h.k == 0 || v->h.width == 0 ||
	    v->h.k > VALUE_BODY_MAX || v->h.width > BOUNDS_MAX + 1 ||
	    (v->h.zone != VALUE_PAIR && v->h.width != 1) ||
	    pdc_block_size(&v->h) != len)
		return PDC_EFORMAT;
	return 0;
}

int
pdc_block_parse(struct value *v, const void *val, size_t len)
{
	if (pdc_block_head(v, val, len) < 0)
		return PDC_EFORMAT;
	memcpy(v->body, (const char *)val + sizeof(v->h), len - sizeof(v->h));
	return 0;
}

int
pdc_block_load(struct stxn *x, const struct family_rec *f, uint32_t block,
    struct value *v)
{
	unsigned char key[SERIES_KEY_LEN];
	const void *val;
	size_t len;
	int ret;

	pdc_series_key(key, 'V', f->id, f->incarnation, block);
	ret = pdc_stxn_get(x, key, sizeof(key), &val, &len);
	if (ret == 0)
		ret = pdc_block_parse(v, val, len);
	if (ret == 0 && (v->h.zone != f->zone || v->h.width != f->width))
		ret = PDC_EFORMAT;
	return ret;
}

int
pdc_block_get(struct stxn *x, const struct family_rec *f, struct value_place at,
    struct value *v)
{
	int ret;

	ret = pdc_block_load(x, f, at.block, v);
	if (ret == 0 && v->h.k != at.k)
		ret = PDC_EFORMAT;
	if (ret == PDC_EFORMAT)
		pdc_err_set(ret,
		    "%s/data.mdb: a value block of family %u is damaged",
		    x->st->dir, f->id);
	if (ret != PDC_ENOENT)
		return ret;
	memset(&v->h, 0, sizeof(v->h));
	v->h.unit = UNIT_NONE;
	v->h.k = at.k;
	v->h.width = f->width;
	v->h.zone = f->zone;
	if (pdc_mode_stamped(f->mode))
		v->h.flags = VALUE_STAMPED;
	memset(v->body, 0, pdc_block_size(&v->h) - sizeof(v->h));
	return 0;
}

int
pdc_block_put(struct stxn *x, const struct family_rec *f, uint32_t block,
    const struct value *v)
{
	unsigned char key[SERIES_KEY_LEN];

	pdc_series_key(key, 'V', f->id, f->incarnation, block);
	return pdc_stxn_put(x, key, sizeof(key), v, pdc_block_size(&v->h));
}

double *
pdc_block_add_base(struct value *v)
{
	return (double *)(void *)v->body;
}

double *
pdc_block_add_seen(struct value *v)
{
	return pdc_block_add_base(v) + v->h.k;
}

struct pair *
pdc_block_pair_base(struct value *v)
{
	return (struct pair *)(void *)v->body;
}

struct pair *
pdc_block_pair_seen(struct value *v)
{
	return pdc_block_pair_base(v) + (size_t)v->h.k * v->h.width;
}

struct value_gauge *
pdc_block_gauges(struct value *v)
{
	return (struct value_gauge *)(void *)v->body;
}

/* Counts do not fall, and nobody has ever counted to 2^63. */
static int
value_counts(struct value *v, uint32_t pos, const struct pair *now)
{
	size_t i, at = (size_t)pos * v->h.width;
	const struct pair *base = pdc_block_pair_base(v) + at;
	const struct pair *seen = pdc_block_pair_seen(v) + at;
	uint64_t n, total = 0;

	for (i = 0; i < v->h.width; i++) {
		n = now != NULL ? now[i].count : base[i].count + seen[i].count;
		total += n;
		if (n < base[i].count || total > INT64_MAX || n > INT64_MAX)
			return 0;
	}
	return 1;
}

const char *
pdc_block_wrong(enum pdc_type type, uint32_t nstates, struct value *v,
    uint32_t pos, const struct pair *now)
{
	const double *base = (const double *)(const void *)v->body + pos;
	double d;

	switch (v->h.zone) {
	case VALUE_ADD:
		return *base >= 0 &&
			(now != NULL ? now->sum >= *base : base[v->h.k] >= 0) ?
		    NULL :
		    "a counter that is below 0 or no number";
	case VALUE_PAIR:
		return value_counts(v, pos, now) ?
		    NULL :
		    "more observations than can be counted";
	default:
		d = now != NULL ? now->sum : pdc_block_gauges(v)[pos].value;
		return type != PDC_STATESET ||
			(d == (double)states_bits(d) &&
			    states_bits(d) >> nstates == 0) ?
		    NULL :
		    "its value has other states than the family";
	}
}

/* Bytes of the series at pos in the first half of the body, or in all of it. */
static size_t
value_each(const struct value_head *h)
{
	return h->zone == VALUE_PAIR ? sizeof(struct pair) * h->width :
	    h->zone == VALUE_ADD     ? sizeof(double) :
				       sizeof(struct value_gauge);
}

int
pdc_block_has(const struct value *v, uint32_t pos)
{
	size_t each = value_each(&v->h), i;
	const unsigned char *at = v->body + pos * each;
	int has = 0;

	for (i = 0; i < each; i++)
		has |= at[i];
	at += v->h.k * each;
	for (i = 0; v->h.zone != VALUE_GAUGE && i < each; i++)
		has |= at[i];
	return has != 0;
}

void
pdc_block_zero(struct value *v, uint32_t pos)
{
	size_t each = value_each(&v->h);

	memset(v->body + pos * each, 0, each);
	if (v->h.zone != VALUE_GAUGE)
		memset(v->body + (v->h.k + pos) * each, 0, each);
}

void
pdc_block_copy(struct value *v, const struct value *from, uint32_t pos)
{
	size_t each = value_each(&v->h), at = pos * each;

	memcpy(v->body + at, from->body + at, each);
	at += v->h.k * each;
	if (v->h.zone != VALUE_GAUGE)
		memcpy(v->body + at, from->body + at, each);
}

void
pdc_closed_key(unsigned char *key, uint64_t epoch, uint32_t family,
    uint32_t incarnation, uint32_t block)
{
	key[0] = 'C';
	pdc_put_be64(key + 1, epoch);
	pdc_put_be32(key + 9, family);
	pdc_put_be32(key + 13, incarnation);
	pdc_put_be32(key + 17, block);
}

static void
value_fold_sums(struct value *v)
{
	struct pair *pb, *ps;
	double *ab, *as;
	size_t i, n = (size_t)v->h.k * v->h.width;

	if (v->h.zone == VALUE_ADD) {
		ab = pdc_block_add_base(v);
		as = pdc_block_add_seen(v);
		for (i = 0; i < n; i++)
			ab[i] += as[i];
		memset(as, 0, n * sizeof(*as));
	} else if (v->h.zone == VALUE_PAIR) {
		pb = pdc_block_pair_base(v);
		ps = pdc_block_pair_seen(v);
		for (i = 0; i < n; i++) {
			pb[i].count += ps[i].count;
			pb[i].sum += ps[i].sum;
		}
		memset(ps, 0, n * sizeof(*ps));
	}
}

int
pdc_block_fold(struct stxn *x, const struct family_rec *f, uint32_t block,
    struct value *v)
{
	unsigned char key[CLOSED_KEY_LEN];

	if (v->h.epoch == x->meta.epoch)
		return 0;
	if (v->h.unit != UNIT_NONE && v->h.epoch >= meta_oldest(&x->meta)) {
		pdc_closed_key(key, v->h.epoch, f->id, f->incarnation, block);
		pdc_stxn_put(x, key, sizeof(key), v, pdc_block_size(&v->h));
	}
	value_fold_sums(v);
	v->h.epoch = x->meta.epoch;
	v->h.unit = UNIT_NONE;
	return pdc_block_put(x, f, block, v);
}
