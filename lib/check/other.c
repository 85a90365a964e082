/* SPDX-License-Identifier: ISC */
#include "config.h"

/* Dying runs, closed epochs, free units, what is owed, positions of rings. */

#include <inttypes.h>
#include <string.h>

#include "base/wire.h"
#include "check/book.h"
#include "pdc.h"
#include "store/series.h"

/* The record is of the present epoch or an older one. */
static uint64_t
other_epoch(struct check *c, const struct scur *cur)
{
	uint64_t epoch = pdc_get_be64(cur->key + 1);

	if (epoch == 0 || epoch > c->x.meta.epoch)
		pdc_check_key(c, cur, "expected an epoch of 1 to %" PRIu64,
		    c->x.meta.epoch);
	return epoch;
}

/* D of the present epoch has the cells that its number has. */
static void
dying_place(struct check *c, const struct scur *cur, const struct check_life *l)
{
	struct check_doubt doubt = { .life = *l, .kind = 'D' };
	struct family_rec shape = pdc_check_shape(l);
	const struct dying_rec *d = &c->y.d;
	struct value_place at = pdc_block_place(&shape, d->n);
	char words[CHECK_WORDS];
	uint64_t unit = UNIT_NONE;

	if (pdc_block_load(&c->x, &shape, at.block, &c->v) == 0 &&
	    c->v.h.k == at.k && c->v.h.epoch == d->epoch &&
	    c->v.h.unit != UNIT_NONE)
		unit = c->v.h.unit + (uint64_t)at.pos * l->width;
	if (d->unit != unit) {
		pdc_check_key(c, cur,
		    "unit is %" PRIu64 ", expected %" PRIu64
		    " by the block of number %u",
		    d->unit, unit, d->n);
		return;
	}
	doubt.number = pdc_get_be64(cur->key + 1);
	if (pdc_check_dying_cells(c, &c->x, &c->y, words))
		pdc_check_add(c, &c->doubts, &doubt, sizeof(doubt));
}

static void
dying_sane(struct check *c, const struct scur *cur)
{
	const struct dying_rec *d = &c->y.d;

	if (d->id == 0 || d->id >= c->x.meta.next_series)
		pdc_check_key(c, cur,
		    "id is %" PRIu64 ", expected 1 or more below %" PRIu64,
		    d->id, c->x.meta.next_series);
	if (d->epoch > c->x.meta.epoch)
		pdc_check_key(c, cur,
		    "epoch is %" PRIu64 ", expected %" PRIu64 " at most",
		    d->epoch, c->x.meta.epoch);
	if (pdc_get_be64(cur->key + 1) >= c->x.meta.next_dying)
		pdc_check_key(c, cur, "expected a number below %" PRIu64,
		    c->x.meta.next_dying);
}

static void
dying_one(struct check *c, const struct scur *cur)
{
	const struct dying_rec *d = &c->y.d;
	const struct check_life *l;
	struct check_number n;

	if (!pdc_dying_parse(&c->y, cur->val, cur->len)) {
		pdc_check_key(c, cur, "%zu bytes that are no dying run",
		    cur->len);
		return;
	}
	dying_sane(c, cur);
	l = pdc_check_life(c, d->family, d->incarnation);
	if (l == NULL && cur->key[0] == 'K')
		return; /* its family has ended since */
	if (l == NULL || d->zone != l->zone || d->width != l->width ||
	    (!l->ended && d->n >= l->next_n)) {
		pdc_check_key(c, cur,
		    "no F and no E have family %u, incarnation %u, with a "
		    "number %u, zone %u, width %u",
		    d->family, d->incarnation, d->n, d->zone, d->width);
		return;
	}
	n = (struct check_number){ .family = d->family,
		.incarnation = d->incarnation,
		.n = d->n,
		.kind = (char)cur->key[0],
		.id = d->id };
	pdc_check_add(c, &c->numbers, &n, sizeof(n));
	if (cur->key[0] == 'D' && d->epoch == c->x.meta.epoch &&
	    d->unit != UNIT_NONE)
		dying_place(c, cur, l);
}

static void
closed_one(struct check *c, const struct scur *cur)
{
	uint64_t epoch = other_epoch(c, cur);

	if (pdc_block_parse(&c->v, cur->val, cur->len) < 0 ||
	    c->v.h.unit == UNIT_NONE)
		pdc_check_key(c, cur,
		    "%zu bytes that are no value block with cells", cur->len);
	else if (c->v.h.epoch != epoch)
		pdc_check_key(c, cur, "epoch is %" PRIu64 ", expected %" PRIu64,
		    c->v.h.epoch, epoch);
	if (epoch == c->x.meta.epoch)
		pdc_check_key(c, cur, "the epoch is not closed");
}

static void
units_one(struct check *c, const struct scur *cur)
{
	struct check_extent e = { .zone = cur->key[9],
		.unit = pdc_get_be64(cur->key + 10),
		.kind = 'U' };
	uint64_t epoch = other_epoch(c, cur);

	if (cur->len != sizeof(e.len) || e.zone >= NZONES) {
		pdc_check_key(c, cur, "%zu bytes, expected %zu; zone %u",
		    cur->len, sizeof(e.len), e.zone);
		return;
	}
	memcpy(&e.len, cur->val, sizeof(e.len));
	if (e.len == 0)
		pdc_check_key(c, cur, "no units, expected 1 or more");
	else if (epoch == c->x.meta.epoch)
		pdc_check_add(c, &c->extents, &e, sizeof(e));
}

static void
owed_one(struct check *c, const struct scur *cur)
{
	unsigned char key[5] = { 'O' };
	uint32_t i = pdc_get_be32(cur->key + 1);
	const void *val;
	struct owed o;
	size_t len;

	if (cur->len != sizeof(o)) {
		pdc_check_key(c, cur, "%zu bytes, expected %zu", cur->len,
		    sizeof(o));
		return;
	}
	memcpy(&o, cur->val, sizeof(o));
	if (o.zone >= NZONES || o.op > OWED_STAMP || o.epoch > c->x.meta.epoch)
		pdc_check_key(c, cur,
		    "epoch %" PRIu64 ", zone %u, op %u make no sense", o.epoch,
		    o.zone, o.op);
	pdc_put_be32(key + 1, i - 1);
	if (i > 0 &&
	    pdc_stxn_get(&c->x, key, sizeof(key), &val, &len) == PDC_ENOENT)
		pdc_check_key(c, cur,
		    "there is no O %u, and so nobody "
		    "comes to it",
		    i - 1);
}

static void
ring_one(struct check *c, const struct scur *cur)
{
	uint64_t epoch = other_epoch(c, cur);
	size_t want;

	if (cur->len % sizeof(uint64_t) != 0) {
		pdc_check_key(c, cur, "%zu bytes, expected 8 a ring", cur->len);
		return;
	}
	if (c->cells == NULL || epoch != c->x.meta.epoch)
		return;
	want = c->cells->nlanes * sizeof(uint64_t);
	if (cur->len != want)
		pdc_check_key(c, cur, "%zu bytes, expected %zu", cur->len,
		    want);
}

/* Keys that no record has. */
static void
unknown_all(struct check *c)
{
	static const char kinds[] = "MFISLVTCNDKEUORJ";
	unsigned char key[1];
	struct scur cur;
	unsigned first = 0;
	int got = 1;

	if (c->ret < 0 || pdc_scur_open(&cur, &c->x) < 0)
		return;
	for (; first < 256 && got == 1; first++) {
		key[0] = (unsigned char)first;
		got = pdc_scur_seek(&cur, key, 1);
		if (got != 1)
			break;
		first = cur.key[0];
		if (first != 0 && strchr(kinds, (int)first) != NULL)
			continue;
		pdc_check_say(c,
		    "a record of %zu bytes whose key begins with 0x%02x, "
		    "which is no kind",
		    cur.len, first);
	}
	pdc_scur_close(&cur);
}

void
pdc_check_others(struct check *c)
{
	pdc_check_each(c, 'D', dying_one);
	pdc_check_each(c, 'K', dying_one);
	pdc_check_each(c, 'C', closed_one);
	pdc_check_each(c, 'U', units_one);
	pdc_check_each(c, 'O', owed_one);
	pdc_check_each(c, 'R', ring_one);
	unknown_all(c);
}
