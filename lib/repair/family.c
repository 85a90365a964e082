/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Families: a record that is right, whose id is its own.  What is of none of
 * them goes.
 */

#include <inttypes.h>
#include <string.h>

#include "base/wire.h"
#include "check/check.h"
#include "pdc.h"
#include "repair/book.h"

static int
family_id(struct repair *r, uint32_t id)
{
	size_t i;

	for (i = 0; i < r->nlives; i++)
		if (r->lives[i].family == id && !r->lives[i].ended)
			return 1;
	return 0;
}

/*
 * Its id is the one whose I has its name: 1.  0: none has it, and neither has
 * the id that it says another one; -1: but it has.
 */
static int
family_named(struct repair *r)
{
	const struct repair_rec *rec = &r->frec;
	unsigned char key[5] = { 'I' };
	const void *val;
	size_t len;
	int other;

	pdc_put_be32(key + 1, r->f.r.id);
	other = pdc_stxn_get(&r->x, key, sizeof(key), &val, &len) == 0;
	if (other && len == rec->klen - 1 &&
	    memcmp(val, rec->key + 1, len) == 0)
		return 1;
	r->rec.klen = 0;
	while (pdc_repair_next(r, &r->rec, "I", 1) == 1)
		if (r->rec.klen == sizeof(key) &&
		    r->rec.val.len == rec->klen - 1 &&
		    memcmp(r->rec.val.data, rec->key + 1, rec->klen - 1) == 0) {
			r->f.r.id = pdc_get_be32(r->rec.key + 1);
			return 1;
		}
	return other ? -1 : 0;
}

/* NULL: it counts. */
static const char *
family_wrong(struct repair *r)
{
	const struct repair_rec *rec = &r->frec;
	const char *wrong;
	int error;

	if (pdc_family_parse(&r->f, rec->key + 1, rec->klen - 1, rec->val.data,
		rec->val.len) < 0)
		return "no family";
	wrong = pdc_check_family(&r->f, &error);
	if (pdc_stxn_fail(&r->x, error) < 0)
		return "no memory";
	if (wrong != NULL)
		return wrong;
	if (family_named(r) < 0)
		return "no I has its name and id";
	if (r->f.r.id == 0 || r->f.r.id == UINT32_MAX)
		return "an id that cannot be";
	if (family_id(r, r->f.r.id))
		return "another family has its id";
	return NULL;
}

static int
family_put(struct repair *r)
{
	struct family_rec *f = &r->f.r;
	unsigned char key[5] = { 'I' };

	f->expires_boot = 0;
	if (f->nseries > 0)
		f->hidden = 0;
	r->x.meta.nfamilies += !f->hidden;
	r->sums->families += !f->hidden;
	pdc_put_be32(key + 1, f->id);
	pdc_stxn_put(&r->x, key, sizeof(key), r->f.name, strlen(r->f.name));
	return pdc_family_touch(&r->x, &r->f);
}

static int
family_one(struct repair *r)
{
	const char *wrong = family_wrong(r);
	int ret;

	if (wrong != NULL) {
		pdc_repair_left(r, "F %.*s: %s", (int)r->frec.klen - 1,
		    (const char *)r->frec.key + 1, wrong);
		return pdc_stxn_del(&r->x, r->frec.key, r->frec.klen);
	}
	pdc_repair_live(r, r->f.r.id, r->f.r.incarnation, 0);
	ret = pdc_repair_series(r);
	return ret < 0 ? ret : family_put(r);
}

/* Delete a record whose family is none; how much is told, once for all. */
static int
stray_one(struct repair *r, uint32_t family, uint32_t incarnation)
{
	unsigned char prefix[9] = { r->rec.key[0] };
	uint64_t n = 0;
	int got = 1;

	pdc_put_be32(prefix + 1, family);
	pdc_put_be32(prefix + 5, incarnation);
	for (; got == 1; n++) {
		pdc_stxn_del(&r->x, r->rec.key, r->rec.klen);
		got = pdc_repair_next(r, &r->rec, prefix, sizeof(prefix));
	}
	if (prefix[0] == 'S' &&
	    pdc_repair_lives(r, family, incarnation) == NULL)
		pdc_repair_left(r,
		    "S %" PRIu32 " %" PRIu32 ": %" PRIu64
		    " series of no family",
		    family, incarnation, n);
	return got;
}

static int
strays(struct repair *r, char kind)
{
	const struct repair_life *l;
	uint32_t family, incarnation;
	int got;

	r->rec.klen = 0;
	while ((got = pdc_repair_next(r, &r->rec, &kind, 1)) == 1) {
		if (r->rec.klen < SERIES_KEY_LEN) {
			pdc_stxn_del(&r->x, r->rec.key, r->rec.klen);
			continue;
		}
		family = pdc_get_be32(r->rec.key + 1);
		incarnation = pdc_get_be32(r->rec.key + 5);
		l = pdc_repair_lives(r, family, incarnation);
		if (l != NULL && !l->ended) {
			/* Behind all of it. */
			memset(r->rec.key + 9, 0xff, LOOKUP_KEY_LEN - 9);
			r->rec.klen = LOOKUP_KEY_LEN;
		} else if (stray_one(r, family, incarnation) < 0) {
			break;
		}
	}
	return r->x.ret;
}

/* Names of ids that no family has. */
static int
stray_ids(struct repair *r)
{
	r->rec.klen = 0;
	while (pdc_repair_next(r, &r->rec, "I", 1) == 1)
		if (r->rec.klen != 5 ||
		    !family_id(r, pdc_get_be32(r->rec.key + 1)))
			pdc_stxn_del(&r->x, r->rec.key, r->rec.klen);
	return r->x.ret;
}

int
pdc_repair_families(struct repair *r)
{
	while (pdc_repair_next(r, &r->frec, "F", 1) == 1)
		if (family_one(r) < 0)
			break;
	strays(r, 'S');
	strays(r, 'L');
	strays(r, 'V');
	return stray_ids(r);
}
