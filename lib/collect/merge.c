/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "collect/merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/wire.h"
#include "collect/live.h"
#include "pdc.h"
#include "store/dying.h"
#include "store/series.h"

#define MERGE_FIRST 64
#define RANK_ALIVE ((uint64_t)1 << 63)

/* The place of these labels in the table, or a free one for them. */
static uint32_t
merge_place(const struct merge *m, const char *values, size_t len,
    uint32_t slot)
{
	const struct merged *g;
	uint32_t i = (uint32_t)pdc_hash(values, len, slot);

	for (;; i++) {
		i &= m->mask;
		if (m->table[i] == 0)
			return i;
		g = &m->list[m->table[i] - 1];
		if (g->slot == slot && g->values_len == len &&
		    memcmp(g->values, values, len) == 0)
			return i;
	}
}

const struct merged *
pdc_merge_find(const struct merge *m, const char *values, size_t len,
    uint32_t slot)
{
	uint32_t at;

	if (m->n == 0)
		return NULL;
	at = m->table[merge_place(m, values, len, slot)];
	return at != 0 ? &m->list[at - 1] : NULL;
}

static int
merge_grow(struct merge *m)
{
	uint32_t cap = m->cap != 0 ? 2 * m->cap : MERGE_FIRST, i;
	const struct merged *g;
	struct merged *list;
	uint32_t *table;

	list = reallocarray(m->list, cap, sizeof(*list));
	if (list != NULL)
		m->list = list;
	table = calloc(2 * (size_t)cap, sizeof(*table));
	if (list == NULL || table == NULL) {
		free(table);
		return pdc_err_set(PDC_ENOMEM, "a page");
	}
	free(m->table);
	m->table = table;
	m->cap = cap;
	m->mask = 2 * cap - 1;
	for (i = 0; i < m->n; i++) {
		g = &m->list[i];
		table[merge_place(m, g->values, g->values_len, g->slot)] = i +
		    1;
	}
	return 0;
}

static int
merge_add(struct merge *m, int mode, const struct merged *new)
{
	struct merged *g;
	uint32_t at;

	if (m->n == m->cap && merge_grow(m) < 0)
		return PDC_ENOMEM;
	at = merge_place(m, new->values, new->values_len, new->slot);
	if (m->table[at] == 0) {
		m->list[m->n++] = *new;
		m->table[at] = m->n;
		return 0;
	}
	g = &m->list[m->table[at] - 1];
	if (pdc_mode_rule(mode) != RULE_LAST) {
		g->value = pdc_mode_merge(mode, g->value, new->value);
	} else if (new->rank > g->rank) {
		g->value = new->value;
		g->rank = new->rank;
	}
	return 0;
}

/* Who lives comes before who is dead, and later ones before earlier ones. */
static uint64_t
merge_rank(uint64_t owner, int alive)
{
	return ident_since(owner) | (alive ? RANK_ALIVE : 0);
}

/* 1 if there is a value, 0 if none, -1 if the series has moved. */
static int
merge_read(const struct merge_from *from, uint32_t pos, uint64_t id,
    uint64_t owner, struct merged *new)
{
	const struct cells *c = ident_since(owner) != 0 ? from->cells : NULL;
	struct pair out;
	enum live live;

	live = pdc_live_read(c, from->v, pos, id, &out);
	/* Whoever was stopped for long may not trust what has no tag. */
	if (live == LIVE_OTHER ||
	    (live == LIVE_DYING &&
		pdc_clock_mono(from->x->st->clock) - from->begun_ns >=
		    DYING_GRACE_NS / 2)) {
		if (!from->settle)
			return -1;
		pdc_live_read(NULL, from->v, pos, id, &out);
	}
	new->value = out.sum;
	if (pdc_mode_stamped(from->f->r.mode))
		new->rank = out.count;
	return !value_is_none(out.sum);
}

/* The block that number n is in; *block says which v has. */
static int
merge_block(const struct merge_from *from, uint32_t n, uint32_t *block,
    uint32_t *pos)
{
	struct value_place at = pdc_block_place(&from->f->r, n);
	int ret;

	*pos = at.pos;
	if (at.block == *block)
		return 0;
	ret = pdc_block_get(from->x, &from->f->r, at, from->v);
	*block = ret == 0 ? at.block : UINT32_MAX;
	return ret;
}

static int
merge_one(struct merge *m, const struct merge_from *from,
    const struct scur *cur, uint32_t *block)
{
	const struct family *f = from->f;
	int mode = f->r.mode, alive, got;
	struct merged new;
	struct series_ref s;
	uint64_t owner;
	uint32_t pos = 0;

	if (pdc_series_parse(&s, cur->val, cur->len, family_nvalues(&f->r)) <
		0 ||
	    !pdc_series_sane(f, s.values, s.values_len) ||
	    pdc_series_agrees(&m->text, f, &s) != 1 ||
	    merge_block(from, pdc_get_be32(cur->key + 9), block, &pos) < 0) {
		m->damaged++;
		return from->x->ret;
	}
	owner = pdc_series_owner(f, s.values, s.values_len);
	if (pdc_live_idle(from->x, from->cells, f, from->v,
		pdc_block_place(&f->r, pdc_get_be32(cur->key + 9))))
		return 0;
	alive = pdc_slots_alive(from->slots, owner);
	if (pdc_mode_dead(mode) == DEAD_GO && !alive)
		return 0;
	new = (struct merged){ .rank = merge_rank(owner, alive) };
	got = merge_read(from, pos, s.id, owner, &new);
	if (got <= 0)
		return got == 0 ? 0 : 1;
	new.values = s.values;
	new.values_len = (uint32_t)pdc_series_labels(f, s.values, s.values_len);
	new.rendered = s.rendered;
	new.rendered_len = (uint32_t)s.rendered_len;
	if (pdc_mode_keeps(mode) == KEEPS_SLOTS)
		new.slot = ident_slot(owner);
	return merge_add(m, mode, &new);
}

int
pdc_merge_family(struct merge *m, const struct merge_from *from)
{
	const struct family_rec *f = &from->f->r;
	unsigned char key[SERIES_KEY_LEN];
	uint32_t block = UINT32_MAX;
	struct scur cur;
	int got, ret;

	m->n = 0;
	m->damaged = 0;
	if (m->table != NULL)
		memset(m->table, 0, ((size_t)m->mask + 1) * sizeof(*m->table));
	pdc_series_key(key, 'S', f->id, f->incarnation, 0);
	ret = pdc_scur_open(&cur, from->x);
	if (ret < 0)
		return ret;
	for (got = pdc_scur_seek(&cur, key, sizeof(key)); got == 1 && ret == 0;
	     got = ret == 0 ? pdc_scur_next(&cur) : 0) {
		if (cur.klen != sizeof(key) || memcmp(cur.key, key, 9) != 0)
			break;
		ret = merge_one(m, from, &cur, &block);
	}
	pdc_scur_close(&cur);
	return ret != 0 ? ret : got < 0 ? got : 0;
}

void
pdc_merge_free(struct merge *m)
{
	free(m->list);
	free(m->table);
	pdc_buf_fini(&m->text);
}
