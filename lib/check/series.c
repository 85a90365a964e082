/* SPDX-License-Identifier: ISC */
#include "config.h"

/* Series, the index of their label values, free numbers, value blocks. */

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "base/err.h"
#include "base/escape.h"
#include "base/hash.h"
#include "base/wire.h"
#include "check/book.h"
#include "pdc.h"
#include "store/series.h"

/* Of the keys that begin so: the incarnation, or a finding. */
static struct check_life *
series_life(struct check *c, const struct scur *cur)
{
	uint32_t family = pdc_get_be32(cur->key + 1);
	uint32_t incarnation = pdc_get_be32(cur->key + 5);
	struct check_life *l = pdc_check_life(c, family, incarnation);

	if (l == NULL)
		pdc_check_key(c, cur,
		    "no F and no E have family %u, incarnation %u", family,
		    incarnation);
	return l;
}

static void
series_number(struct check *c, const struct scur *cur,
    const struct check_life *l, uint64_t id)
{
	struct check_number n = { .family = l->family,
		.incarnation = l->incarnation,
		.n = pdc_get_be32(cur->key + 9),
		.kind = (char)cur->key[0],
		.id = id };

	if (!l->ended && n.n >= l->next_n)
		pdc_check_key(c, cur, "expected a number below %u, next_n of F",
		    l->next_n);
	pdc_check_add(c, &c->numbers, &n, sizeof(n));
}

/* The family of the series with its names; of one that has ended a shape. */
static int
series_family(struct check *c, const struct check_life *l)
{
	if (!l->ended && c->f.r.id == l->family &&
	    c->f.r.incarnation == l->incarnation && c->f.name[0] != '\0')
		return 0;
	if (!l->ended)
		return pdc_family_by_id(&c->x, l->family, &c->f);
	c->f.name[0] = '\0';
	c->f.r = pdc_check_shape(l);
	return 0;
}

static void
series_text(struct check *c, const struct scur *cur, const struct series_ref *s)
{
	int ret = pdc_series_agrees(&c->text, &c->f, s);

	if (ret < 0)
		c->ret = ret;
	else if (ret == 0)
		pdc_check_key(c, cur,
		    "rendered is %.*s, expected %.*s as its values are",
		    (int)s->rendered_len, s->rendered, (int)c->text.len,
		    c->text.len > 0 ? c->text.data : "");
}

static void
series_found(struct check *c, const struct scur *cur,
    const struct series_ref *s)
{
	uint32_t n = pdc_get_be32(cur->key + 9);
	struct series_id at;
	int ret;

	ret = pdc_series_find(&c->x, &c->f, s->values, s->values_len, &at);
	if (ret == PDC_ENOENT)
		pdc_check_key(c, cur, "no L leads to it");
	else if (ret == 0 && at.n != n)
		pdc_check_key(c, cur, "L of its values leads to %u", at.n);
}

/* Its place in the block, and its cells. */
static void
series_place(struct check *c, const struct scur *cur,
    const struct check_life *l, uint64_t id)
{
	struct family_rec shape = pdc_check_shape(l);
	struct check_doubt doubt = { .life = *l, .kind = 'S' };
	char words[CHECK_WORDS];
	struct value_place at;
	const char *wrong;
	int ret;

	doubt.n = pdc_get_be32(cur->key + 9);
	at = pdc_block_place(&shape, doubt.n);
	ret = pdc_block_load(&c->x, &shape, at.block, &c->v);
	if (ret == PDC_ENOENT)
		pdc_check_key(c, cur, "there is no V %u for its numbers",
		    at.block);
	if (ret < 0 || c->v.h.k != at.k)
		return; /* V tells */
	wrong = pdc_block_wrong(l->type, l->nstates, &c->v, at.pos, NULL);
	if (wrong != NULL)
		pdc_check_key(c, cur, "%s", wrong);
	if (pdc_check_run_cells(c, &c->x, l, &c->v, at.pos, id, words))
		pdc_check_add(c, &c->doubts, &doubt, sizeof(doubt));
}

/* Of a gauge that each process has, the last value is an identity. */
static void
series_whose(struct check *c, const struct scur *cur,
    const struct series_ref *s, const struct check_life *l)
{
	uint64_t ident;

	if (l->ended || series_family(c, l) != 0 ||
	    pdc_mode_keeps(c->f.r.mode) == KEEPS_ONE)
		return;
	if (!pdc_ident_parse(&ident,
		s->values + pdc_series_labels(&c->f, s->values, s->values_len)))
		pdc_check_key(c, cur, "no process has its last value");
}

static void
series_one(struct check *c, const struct scur *cur)
{
	struct check_life *l = series_life(c, cur);
	struct series_ref s;

	if (l == NULL)
		return;
	if (pdc_series_parse(&s, cur->val, cur->len, l->nlabels) < 0 ||
	    s.values_len > LABELS_MAX_LEN) {
		pdc_check_key(c, cur, "%zu bytes that are no series", cur->len);
		return;
	}
	l->found++;
	series_number(c, cur, l, s.id);
	if (s.id == 0 || s.id >= c->x.meta.next_series)
		pdc_check_key(c, cur,
		    "id is %" PRIu64 ", expected 1 or more below %" PRIu64,
		    s.id, c->x.meta.next_series);
	if (s.created_ns > c->x.meta.last_created_ns)
		pdc_check_key(c, cur,
		    "created %" PRId64 ", expected %" PRId64 " at most",
		    s.created_ns, c->x.meta.last_created_ns);
	if (!pdc_series_beyond(s.values, s.values_len) &&
	    !pdc_utf8_valid(s.values, s.values_len))
		pdc_check_key(c, cur, "its values are not UTF-8");
	series_whose(c, cur, &s, l);
	if (series_family(c, l) == 0) {
		if (!l->ended)
			series_text(c, cur, &s);
		series_found(c, cur, &s);
	}
	series_place(c, cur, l, s.id);
}

static void
series_lookup(struct check *c, const struct scur *cur)
{
	const struct check_life *l = series_life(c, cur);
	unsigned char key[SERIES_KEY_LEN];
	struct series_ref s;
	const void *val;
	uint64_t h[2];
	uint32_t n;
	size_t len;

	if (l == NULL)
		return;
	if (cur->len != sizeof(n)) {
		pdc_check_key(c, cur, "%zu bytes, expected %zu", cur->len,
		    sizeof(n));
		return;
	}
	memcpy(&n, cur->val, sizeof(n));
	pdc_series_key(key, 'S', l->family, l->incarnation, n);
	if (pdc_stxn_get(&c->x, key, sizeof(key), &val, &len) < 0) {
		pdc_check_key(c, cur, "leads to %u, which is no series", n);
		return;
	}
	if (pdc_series_parse(&s, val, len, l->nlabels) < 0)
		return; /* S tells */
	pdc_hash128(h, s.values, s.values_len);
	if (h[0] != pdc_get_be64(cur->key + 9) ||
	    h[1] != pdc_get_be64(cur->key + 17))
		pdc_check_key(c, cur, "leads to %u, which has other values", n);
}

static void
series_free_number(struct check *c, const struct scur *cur)
{
	const struct check_life *l = series_life(c, cur);

	if (l == NULL)
		return;
	if (cur->len != 0)
		pdc_check_key(c, cur, "%zu bytes, expected none", cur->len);
	series_number(c, cur, l, 0);
}

/* Series that the block has room for; 0 if there can be none. */
static uint32_t
block_room(struct check *c, const struct scur *cur, const struct check_life *l)
{
	struct family_rec shape = pdc_check_shape(l);
	uint32_t block = pdc_get_be32(cur->key + 9), first;
	struct value_place at;

	first = pdc_block_first(&shape, block);
	at = pdc_block_place(&shape, first);
	if (at.block == block && (l->ended || first < l->next_n))
		return at.k;
	pdc_check_key(c, cur, "no series can have a place in it");
	return 0;
}

/* The block is of the size that its number tells. */
static int
block_fits(struct check *c, const struct scur *cur, const struct check_life *l)
{
	const struct value_head *h = &c->v.h;
	uint32_t k = block_room(c, cur, l);

	if (k == 0)
		return 0;
	if (h->zone != l->zone || h->width != l->width || h->k != k) {
		pdc_check_key(c, cur,
		    "zone %u, width %u, %u series, expected %u, %u, %u",
		    h->zone, h->width, h->k, l->zone, l->width, k);
		return 0;
	}
	return 1;
}

static void
block_extent(struct check *c, const struct scur *cur)
{
	const struct value_head *h = &c->v.h;
	struct check_extent e = { .unit = h->unit,
		.len = (uint64_t)h->k * h->width,
		.zone = h->zone,
		.family = pdc_get_be32(cur->key + 1),
		.incarnation = pdc_get_be32(cur->key + 5),
		.block = pdc_get_be32(cur->key + 9),
		.kind = 'V' };
	uint64_t reserved;

	pdc_check_add(c, &c->extents, &e, sizeof(e));
	if (c->cells == NULL)
		return;
	reserved = atomic_load(&c->cells->head->zone[h->zone].reserved);
	if (e.unit > reserved || e.len > reserved - e.unit)
		pdc_check_key(c, cur,
		    "units %" PRIu64 " and %" PRIu64 " behind, expected below "
		    "%" PRIu64 ", which are reserved",
		    e.unit, e.len - 1, reserved);
}

static void
block_one(struct check *c, const struct scur *cur)
{
	const struct check_life *l = series_life(c, cur);

	if (l == NULL)
		return;
	if (pdc_block_parse(&c->v, cur->val, cur->len) < 0) {
		pdc_check_key(c, cur, "%zu bytes that are no value block",
		    cur->len);
		return;
	}
	if (!block_fits(c, cur, l))
		return;
	if (c->v.h.epoch > c->x.meta.epoch)
		pdc_check_key(c, cur,
		    "epoch is %" PRIu64 ", expected %" PRIu64 " at most",
		    c->v.h.epoch, c->x.meta.epoch);
	if (c->v.h.epoch == c->x.meta.epoch && c->v.h.unit != UNIT_NONE)
		block_extent(c, cur);
}

/* When the series of a block were used. */
static void
block_times(struct check *c, const struct scur *cur)
{
	const struct check_life *l = series_life(c, cur);
	uint64_t boot;
	uint32_t k;

	if (l == NULL)
		return;
	k = block_room(c, cur, l);
	if (k == 0)
		return;
	if (cur->len != sizeof(boot) + k * sizeof(int64_t)) {
		pdc_check_key(c, cur, "%zu bytes, expected %zu", cur->len,
		    sizeof(boot) + k * sizeof(int64_t));
		return;
	}
	memcpy(&boot, cur->val, sizeof(boot));
	if (boot > c->x.meta.boot_epoch)
		pdc_check_key(c, cur,
		    "boot is %" PRIu64 ", expected %" PRIu64 " at most", boot,
		    c->x.meta.boot_epoch);
}

static void
series_counted(struct check *c)
{
	const struct check_life *l = c->lives.at;
	size_t i;

	for (i = 0; i < c->lives.n; i++, l++)
		if (!l->ended && l->found != l->nseries)
			pdc_check_say(c,
			    "family %u: nseries of F is %" PRIu64
			    ", expected %" PRIu64,
			    l->family, l->nseries, l->found);
}

void
pdc_check_series(struct check *c)
{
	c->f.name[0] = '\0'; /* of no family yet */
	pdc_check_each(c, 'S', series_one);
	series_counted(c);
	pdc_check_each(c, 'L', series_lookup);
	pdc_check_each(c, 'N', series_free_number);
	pdc_check_each(c, 'V', block_one);
	pdc_check_each(c, 'T', block_times);
}
