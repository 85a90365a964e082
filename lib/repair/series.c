/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The series of a family.  Its label values are there twice, once as they are
 * rendered, and their hash leads to its number: two of these three that agree
 * prove it.  Its numbers are in a block of the right shape, or it does not
 * count; that they are what was counted, nothing can prove.
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/wire.h"
#include "check/check.h"
#include "collect/live.h"
#include "pdc.h"
#include "repair/book.h"

/* Whether an L leads to the number: 1; to another one: -1; 0: there is none. */
static int
series_looked(struct repair *r, const struct series_ref *s, uint32_t n)
{
	unsigned char key[LOOKUP_KEY_LEN];
	struct series_id at;
	const void *val;
	size_t len;

	if (pdc_series_find(&r->x, &r->f, s->values, s->values_len, &at) == 0)
		return at.n == n ? 1 : -1;
	pdc_lookup_key(key, &r->f.r, s->values, s->values_len);
	return pdc_stxn_get(&r->x, key, sizeof(key), &val, &len) == 0 ? -1 : 0;
}

/* NULL: the record counts, but perhaps for what is rendered. */
static const char *
series_wrong(struct repair *r, struct series_ref *s, uint32_t n)
{
	const struct family *f = &r->f;
	int looked, agrees;

	if (pdc_series_parse(s, r->rec.val.data, r->rec.val.len,
		family_nvalues(&f->r)) < 0 ||
	    s->values_len > LABELS_MAX_LEN)
		return "no series";
	if (pdc_series_beyond(s->values, s->values_len) ?
		!pdc_series_overflows(f) :
		!pdc_series_sane(f, s->values, s->values_len))
		return "label values that cannot be";
	agrees = pdc_series_agrees(&r->text, f, s);
	looked = series_looked(r, s, n);
	if (looked < 0)
		return "L of its values leads elsewhere";
	if (looked > 0)
		return NULL;
	if (n >= r->next_n)
		return "a number that was not given out";
	if (agrees == 0)
		return "its values are not those that are rendered";
	return NULL;
}

/* Numbers of series that are not there are zero; it has no cells. */
static int
block_put(struct repair *r)
{
	struct value *v = &r->v;
	uint32_t i;

	if (!r->have_block)
		return r->x.ret;
	r->have_block = 0;
	for (i = 0; i < v->h.k; i++)
		if (!r->kept[i])
			pdc_block_zero(v, i);
	v->h.epoch = 0;
	v->h.unit = UNIT_NONE;
	return pdc_block_put(&r->x, &r->f.r, r->block, v);
}

/* NULL: its block is there. */
static const char *
block_get(struct repair *r, const struct value_place *at)
{
	int ret;

	if (r->have_block && r->block == at->block)
		return NULL;
	if (block_put(r) < 0)
		return "an error";
	ret = pdc_block_load(&r->x, &r->f.r, at->block, &r->v);
	if (ret == PDC_ENOENT)
		return "its numbers are not there";
	if (ret < 0 || r->v.h.k != at->k)
		return "its numbers are damaged";
	free(r->kept);
	r->kept = calloc(1, at->k);
	if (r->kept == NULL) {
		pdc_stxn_fail(&r->x, pdc_err_set(PDC_ENOMEM, "repairing"));
		return "an error";
	}
	r->block = at->block;
	r->have_block = 1;
	return NULL;
}

/* The sum of all is base; a gauge is as its cell was. */
static void
value_fold(struct value *v, uint32_t pos, const struct pair *now)
{
	struct pair *base = pdc_block_pair_base(v) + (size_t)pos * v->h.width;
	struct value_gauge *g = pdc_block_gauges(v) + pos;

	switch (v->h.zone) {
	case VALUE_ADD:
		pdc_block_zero(v, pos);
		pdc_block_add_base(v)[pos] = now->sum;
		break;
	case VALUE_PAIR:
		pdc_block_zero(v, pos);
		memcpy(base, now, v->h.width * sizeof(*now));
		break;
	default:
		g->seq = g->touched = 0;
		g->value = now->sum;
		if (v->h.flags & VALUE_STAMPED)
			value_stamp_set(g, now->sum, now->count);
	}
}

/* What its cells have is a value, and at least what was seen of them. */
static int
cells_sane(struct repair *r, uint32_t pos)
{
	const struct pair *stored = r->stored;
	uint32_t i;

	if (pdc_block_wrong(r->f.r.type, r->f.r.nstates, &r->v, pos,
		r->pairs) != NULL)
		return 0;
	if (r->v.h.zone == VALUE_GAUGE)
		return 1;
	if (r->v.h.zone == VALUE_ADD)
		return r->pairs[0].sum >= stored[0].sum;
	for (i = 0; i < r->v.h.width; i++)
		if (r->pairs[i].count < stored[i].count)
			return 0;
	return 1;
}

/* NULL: its numbers are in the block, as they are worth now. */
static const char *
value_wrong(struct repair *r, uint32_t n, const struct series_ref *s)
{
	struct value_place at = pdc_block_place(&r->f.r, n);
	const char *wrong = block_get(r, &at);

	if (wrong == NULL)
		wrong = pdc_block_wrong(r->f.r.type, r->f.r.nstates, &r->v,
		    at.pos, NULL);
	if (wrong != NULL)
		return wrong;
	pdc_live_read(NULL, &r->v, at.pos, s->id, r->stored);
	if ((pdc_live_read(r->cells, &r->v, at.pos, s->id, r->pairs) !=
		    LIVE_GOOD ||
		!cells_sane(r, at.pos)) &&
	    memcmp(r->pairs, r->stored, r->v.h.width * sizeof(*r->pairs)) !=
		0) {
		pdc_repair_left(r,
		    "S %" PRIu32 " %" PRIu32 " %" PRIu32
		    ": what its cells have since the last checkpoint",
		    r->f.r.id, r->f.r.incarnation, n);
		value_fold(&r->v, at.pos, r->stored);
	} else {
		value_fold(&r->v, at.pos, r->pairs);
	}
	r->kept[at.pos] = 1;
	return NULL;
}

/* Numbers that nobody has may be given out. */
static void
numbers_free(struct repair *r, uint32_t from, uint32_t to)
{
	unsigned char key[SERIES_KEY_LEN];

	for (; from < to && r->x.ret == 0; from++) {
		pdc_series_key(key, 'N', r->f.r.id, r->f.r.incarnation, from);
		pdc_stxn_put(&r->x, key, sizeof(key), "", 0);
	}
}

static int
series_put(struct repair *r, const struct series_ref *s, uint32_t n)
{
	struct series_rec rec = { .id = ++r->sums->series,
		.created_ns = s->created_ns,
		.values_len = (uint32_t)s->values_len,
		.rendered_len = (uint32_t)r->text.len };
	unsigned char key[LOOKUP_KEY_LEN];
	struct buf b;

	if (s->created_ns > r->x.meta.last_created_ns)
		r->x.meta.last_created_ns = s->created_ns;
	numbers_free(r, r->f.r.next_n, n);
	r->f.r.next_n = n + 1;
	r->f.r.nseries++;
	if (series_looked(r, s, n) == 0) {
		pdc_lookup_key(key, &r->f.r, s->values, s->values_len);
		pdc_stxn_put(&r->x, key, sizeof(key), &n, sizeof(n));
	}
	pdc_buf_init(&b);
	pdc_buf_put(&b, &rec, sizeof(rec));
	pdc_buf_put(&b, s->values, s->values_len);
	pdc_buf_put(&b, r->text.data, r->text.len);
	if (b.error < 0 || r->text.error < 0)
		pdc_stxn_fail(&r->x, pdc_err_set(PDC_ENOMEM, "repairing"));
	pdc_stxn_put(&r->x, r->rec.key, r->rec.klen, b.data, b.len);
	pdc_buf_fini(&b);
	return r->x.ret;
}

static int
series_one(struct repair *r)
{
	uint32_t n = 0;
	struct series_ref s;
	const char *wrong = "a key that cannot be";

	if (r->rec.klen == SERIES_KEY_LEN) {
		n = pdc_get_be32(r->rec.key + 9);
		wrong = series_wrong(r, &s, n);
		if (wrong == NULL)
			wrong = value_wrong(r, n, &s);
		if (wrong == NULL)
			return series_put(r, &s, n);
	}
	if (r->rec.klen == SERIES_KEY_LEN)
		pdc_repair_left(r, "S %" PRIu32 " %" PRIu32 " %" PRIu32 ": %s",
		    r->f.r.id, r->f.r.incarnation, n, wrong);
	else
		pdc_repair_left(r, "S: a key of %zu bytes", r->rec.klen);
	return pdc_stxn_del(&r->x, r->rec.key, r->rec.klen);
}

/* Look-ups that lead to a series of these values stay. */
static int
lookups(struct repair *r, unsigned char *prefix)
{
	unsigned char key[LOOKUP_KEY_LEN];
	struct series_ref s;
	uint32_t n;

	prefix[0] = 'L';
	r->rec.klen = 0;
	while (pdc_repair_next(r, &r->rec, prefix, 9) == 1) {
		if (r->rec.val.len == sizeof(n)) {
			memcpy(&n, r->rec.val.data, sizeof(n));
			if (pdc_series_get(&r->x, &r->f, n, &s) == 0) {
				pdc_lookup_key(key, &r->f.r, s.values,
				    s.values_len);
				if (r->rec.klen == sizeof(key) &&
				    memcmp(r->rec.key, key, 25) == 0)
					continue;
			}
		}
		pdc_stxn_del(&r->x, r->rec.key, r->rec.klen);
	}
	return r->x.ret;
}

/* Blocks that no series is in. */
static int
blocks(struct repair *r, unsigned char *prefix)
{
	prefix[0] = 'V';
	r->rec.klen = 0;
	while (pdc_repair_next(r, &r->rec, prefix, 9) == 1)
		if (r->rec.klen != SERIES_KEY_LEN ||
		    pdc_block_parse(&r->v, r->rec.val.data, r->rec.val.len) <
			0 ||
		    r->v.h.epoch != 0 ||
		    pdc_block_first(&r->f.r, pdc_get_be32(r->rec.key + 9)) >=
			r->f.r.next_n)
			pdc_stxn_del(&r->x, r->rec.key, r->rec.klen);
	return r->x.ret;
}

int
pdc_repair_series(struct repair *r)
{
	unsigned char prefix[SERIES_KEY_LEN];

	r->next_n = r->f.r.next_n;
	r->f.r.next_n = r->f.r.epoch_n = 0;
	r->f.r.epoch = 0;
	r->f.r.nseries = 0;
	pdc_series_key(prefix, 'S', r->f.r.id, r->f.r.incarnation, 0);
	r->rec.klen = 0;
	r->have_block = 0;
	while (pdc_repair_next(r, &r->rec, prefix, 9) == 1)
		if (series_one(r) < 0)
			break;
	block_put(r);
	lookups(r, prefix);
	return blocks(r, prefix);
}
