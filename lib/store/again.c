/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * N and U records: what is free below next_n and next_unit.
 */

#include <string.h>

#include "base/wire.h"
#include "pdc.h"
#include "store/again.h"
#include "store/series.h"

#define UNITS_KEY_LEN 18
#define UNITS_LOOK 64 /* free extents looked at for one that fits */

/* The first number that can have cells in no other file than the present. */
static uint32_t
again_from(const struct stxn *x, const struct family_rec *f)
{
	if (x->meta.epoch == meta_oldest(&x->meta))
		return 0;
	return f->epoch == x->meta.epoch ? f->epoch_n : f->next_n;
}

uint32_t
pdc_number_take(struct stxn *x, struct family *f)
{
	unsigned char key[SERIES_KEY_LEN];
	uint32_t n = f->r.next_n, from = again_from(x, &f->r);
	struct scur c;

	pdc_series_key(key, 'N', f->r.id, f->r.incarnation, from);
	if (from < n && pdc_scur_open(&c, x) == 0) {
		if (pdc_scur_seek(&c, key, sizeof(key)) == 1 &&
		    c.klen == sizeof(key) && memcmp(c.key, key, 9) == 0)
			n = pdc_get_be32(c.key + 9);
		pdc_scur_close(&c);
	}
	if (n >= f->r.next_n) {
		if (f->r.epoch != x->meta.epoch)
			f->r.epoch_n = n;
		f->r.epoch = x->meta.epoch;
		f->r.next_n = n + 1;
		return n;
	}
	pdc_series_key(key, 'N', f->r.id, f->r.incarnation, n);
	pdc_stxn_del(x, key, sizeof(key));
	return n;
}

int
pdc_number_give(struct stxn *x, uint32_t family, uint32_t incarnation,
    uint32_t n)
{
	unsigned char key[SERIES_KEY_LEN];
	uint32_t now;
	int ret;

	ret = pdc_family_incarnation(x, family, &now);
	if (ret == PDC_ENOENT || (ret == 0 && now != incarnation))
		return 0;
	if (ret < 0)
		return pdc_stxn_fail(x, ret);
	pdc_series_key(key, 'N', family, incarnation, n);
	return pdc_stxn_put(x, key, sizeof(key), "", 0);
}

static void
units_key(unsigned char *key, const struct stxn *x, uint32_t zone,
    uint64_t unit)
{
	key[0] = 'U';
	pdc_put_be64(key + 1, x->meta.epoch);
	key[9] = (unsigned char)zone;
	pdc_put_be64(key + 10, unit);
}

/* The cursor is at a free extent of the same epoch and zone as key. */
static int
units_here(const struct scur *c, const unsigned char *key, uint64_t *unit,
    uint64_t *len)
{
	if (c->klen != UNITS_KEY_LEN || memcmp(c->key, key, 10) != 0 ||
	    c->len != sizeof(*len))
		return 0;
	*unit = pdc_get_be64(c->key + 10);
	memcpy(len, c->val, sizeof(*len));
	return 1;
}

static int
units_put(struct stxn *x, uint32_t zone, uint64_t unit, uint64_t len)
{
	unsigned char key[UNITS_KEY_LEN];

	units_key(key, x, zone, unit);
	return pdc_stxn_put(x, key, sizeof(key), &len, sizeof(len));
}

static int
units_del(struct stxn *x, uint32_t zone, uint64_t unit)
{
	unsigned char key[UNITS_KEY_LEN];

	units_key(key, x, zone, unit);
	return pdc_stxn_del(x, key, sizeof(key));
}

/* The first free extent of n units or more; UNIT_NONE if there is none. */
static uint64_t
units_find(struct stxn *x, uint32_t zone, uint64_t n, uint64_t *len)
{
	unsigned char key[UNITS_KEY_LEN];
	uint64_t unit, found = UNIT_NONE;
	struct scur c;
	int got, i;

	units_key(key, x, zone, 0);
	if (pdc_scur_open(&c, x) < 0)
		return UNIT_NONE;
	got = pdc_scur_seek(&c, key, sizeof(key));
	for (i = 0; i < UNITS_LOOK && got == 1; i++) {
		if (!units_here(&c, key, &unit, len))
			break;
		if (*len >= n) {
			found = unit;
			break;
		}
		got = pdc_scur_next(&c);
	}
	pdc_scur_close(&c);
	return found;
}

uint64_t
pdc_units_take(struct stxn *x, uint32_t zone, uint64_t n)
{
	uint64_t unit, len = 0;

	unit = units_find(x, zone, n, &len);
	if (unit == UNIT_NONE) {
		unit = x->meta.next_unit[zone];
		x->meta.next_unit[zone] += n;
		return unit;
	}
	units_del(x, zone, unit);
	if (len > n)
		units_put(x, zone, unit + n, len - n);
	return unit;
}

int
pdc_units_give(struct stxn *x, uint32_t zone, uint64_t unit, uint64_t n)
{
	uint64_t at, len, before = UNIT_NONE, behind = UNIT_NONE;
	unsigned char key[UNITS_KEY_LEN];
	struct scur c;

	units_key(key, x, zone, unit);
	if (pdc_scur_open(&c, x) < 0)
		return x->ret;
	if (pdc_scur_seek(&c, key, sizeof(key)) == 1 &&
	    units_here(&c, key, &at, &len) && at == unit + n) {
		behind = at;
		n += len;
	}
	if (pdc_scur_before(&c, key, sizeof(key)) == 1 &&
	    units_here(&c, key, &at, &len) && at + len == unit) {
		before = at;
		n += len;
	}
	pdc_scur_close(&c);
	if (behind != UNIT_NONE)
		units_del(x, zone, behind);
	return units_put(x, zone, before != UNIT_NONE ? before : unit, n);
}
