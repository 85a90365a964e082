/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The checkpoint: rings first, then block after block, in slices.
 *
 * A slice holds the lock for at most 5 ms or 2 MiB of blocks and then lets
 * others in.  Lanes are read after the transaction began and are summed in one
 * order; seen is that sum.  A checkpoint cut off anywhere leaves some blocks
 * older and none wrong.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fault.h"
#include "base/wire.h"
#include "checkpoint/checkpoint.h"
#include "pdc.h"
#include "store/idle.h"
#include "store/series.h"

#define SLICE_BYTES (2 << 20)

struct slice {
	struct stxn *x;
	unsigned char key[SERIES_KEY_LEN]; /* where to go on */
	int more;
	uint32_t family; /* that pl.f is of */
	int lives; /* there is such a family */
	int used; /* and it was told so */
	int ended; /* series of the last block have ended: that took long */
	int64_t until_ns;
	size_t bytes;
	struct place pl;
	unsigned char moved[IDLE_SERIES]; /* series of the block that were */
};

static void
slice_moved(struct slice *sl, uint32_t pos)
{
	if (pos < IDLE_SERIES)
		sl->moved[pos] = 1;
}

/*
 * A count that sank is kept.  Lanes that nobody has may be empty: who was to
 * give out their number again did not come to commit.
 */
static void
slice_sank(const struct cells *c, struct slice *sl, uint32_t pos)
{
	uint32_t block = pdc_get_be32(sl->key + 9);
	struct series_ref s;

	if (pdc_series_get(sl->x, &sl->pl.f,
		pdc_block_first(&sl->pl.f.r, block) + pos, &s) != PDC_ENOENT)
		atomic_fetch_add(&c->head->anomalies, 1);
}

/* What a block is to be written for, and whether its family was used. */
#define SEEN 1
#define USED 2

#define BLOCK_SUMS 64 /* units read at a time */

/* Units to be read of those that are left. */
static uint32_t
block_some(size_t left)
{
	return left < BLOCK_SUMS ? (uint32_t)left : BLOCK_SUMS;
}

static int
block_add(const struct cells *c, struct value *v, struct slice *sl)
{
	double *seen = pdc_block_add_seen(v), sum;
	struct pair sums[BLOCK_SUMS];
	uint32_t i;
	int changed = 0;

	for (i = 0; i < v->h.k; i++) {
		if (i % BLOCK_SUMS == 0)
			pdc_cells_sums(c, v->h.unit + i, block_some(v->h.k - i),
			    sums);
		sum = sums[i % BLOCK_SUMS].sum;
		if (sum == seen[i])
			continue;
		if (sum < seen[i] || sum != sum) {
			slice_sank(c, sl, i);
			continue;
		}
		seen[i] = sum;
		slice_moved(sl, i);
		changed = SEEN | USED;
	}
	return changed;
}

static int
block_pair(const struct cells *c, struct value *v, struct slice *sl)
{
	struct pair *seen = pdc_block_pair_seen(v), sum;
	size_t i, n = (size_t)v->h.k * v->h.width;
	struct pair sums[BLOCK_SUMS];
	int changed = 0;

	for (i = 0; i < n; i++) {
		if (i % BLOCK_SUMS == 0)
			pdc_cells_sum_pairs(c, v->h.unit + i, block_some(n - i),
			    sums);
		sum = sums[i % BLOCK_SUMS];
		if (sum.count == seen[i].count)
			continue;
		if (sum.count < seen[i].count) {
			slice_sank(c, sl, (uint32_t)(i / v->h.width));
			continue;
		}
		seen[i] = sum;
		slice_moved(sl, (uint32_t)(i / v->h.width));
		changed = SEEN | USED;
	}
	return changed;
}

/*
 * Whether somebody has set the cell.  A fresh one, also of a transaction that
 * was refused then, is not touched.  Applied goes on also when it is given
 * back, and where that is a part of its time, only a tag tells.
 */
static int
gauge_used(const struct cells *c, const struct value_head *h, uint32_t pos,
    const struct gauge *cell, const struct value_gauge *g)
{
	if (!(h->flags & VALUE_STAMPED))
		return cell->touched != g->touched && cell->touched != 0;
	return gauge_stamp(cell) != value_stamp(g) &&
	    pdc_cells_tag_get(c, h->zone, h->unit + pos) != 0;
}

static int
block_gauge(const struct cells *c, struct value *v, struct slice *sl)
{
	struct value_gauge *g = pdc_block_gauges(v);
	struct gauge cell;
	uint32_t i;
	int changed = 0;

	for (i = 0; i < v->h.k; i++) {
		cell = pdc_cells_gauge(c, v->h.unit + i);
		/* An operation not done yet: the block knows better. */
		if (v->h.flags & VALUE_STAMPED ?
			value_stamp(&g[i]) > gauge_stamp(&cell) :
			(int32_t)(g[i].seq - cell.applied) > 0)
			continue;
		if (cell.touched == g[i].touched && cell.applied == g[i].seq &&
		    memcmp(&cell.value, &g[i].value, sizeof(double)) == 0)
			continue;
		changed |= SEEN;
		if (gauge_used(c, &v->h, i, &cell, &g[i])) {
			slice_moved(sl, i);
			changed |= USED;
		}
		g[i].value = cell.value;
		g[i].touched = cell.touched;
		g[i].seq = cell.applied;
	}
	return changed;
}

/* What an incarnation that has ended gets is late, and not seen. */
static int
slice_lives(struct stxn *x, struct slice *sl)
{
	uint32_t family = pdc_get_be32(sl->key + 1);
	int ret;

	if (family != sl->family || family == 0) {
		sl->family = family;
		sl->used = 0;
		ret = pdc_family_by_id(x, family, &sl->pl.f);
		sl->lives = ret == 0;
		if (ret < 0 && ret != PDC_ENOENT && ret != PDC_EFORMAT)
			pdc_stxn_fail(x, ret);
	}
	return sl->lives && sl->pl.f.r.incarnation == pdc_get_be32(sl->key + 5);
}

/* Bring a block of this epoch up to date; SEEN and USED if that did. */
static int
slice_sums(const struct cells *c, struct value *v, struct slice *sl)
{
	memset(sl->moved, 0, sizeof(sl->moved));
	if (v->h.epoch != c->epoch || v->h.unit == UNIT_NONE)
		return 0;
	if (v->h.zone == VALUE_ADD)
		return block_add(c, v, sl);
	if (v->h.zone == VALUE_PAIR)
		return block_pair(c, v, sl);
	return block_gauge(c, v, sl);
}

/* Whether n units from unit on have what was seen of them, still in the map. */
static int
still_add(const struct cells *c, uint64_t unit, uint32_t n, const char *at)
{
	struct pair sums[BLOCK_SUMS];
	double seen;
	uint32_t i;

	pdc_cells_sums(c, unit, n, sums);
	for (i = 0; i < n; i++) {
		memcpy(&seen, at + i * sizeof(seen), sizeof(seen));
		if (sums[i].sum != seen)
			return 0;
	}
	return 1;
}

static int
still_pair(const struct cells *c, uint64_t unit, uint32_t n, const char *at)
{
	struct pair sums[BLOCK_SUMS], seen;
	uint32_t i;

	pdc_cells_sum_pairs(c, unit, n, sums);
	for (i = 0; i < n; i++) {
		memcpy(&seen, at + i * sizeof(seen), sizeof(seen));
		if (sums[i].count != seen.count)
			return 0;
	}
	return 1;
}

#define STILL_SUMS 16 /* read in vain if something was counted */

/*
 * Whether a block, of which v has but the head, can stay as it is: nobody has
 * counted, and its series do not expire.  Most blocks are not even copied.
 */
static int
slice_still(const struct cells *c, const struct value *v, const char *val,
    const struct slice *sl)
{
	size_t i, n = (size_t)v->h.k * v->h.width, each;
	int pair = v->h.zone == VALUE_PAIR, still = 1;
	uint32_t some;

	if (v->h.zone == VALUE_GAUGE || pdc_idle_ns(&sl->pl.f.r) > 0)
		return 0;
	if (v->h.epoch != c->epoch || v->h.unit == UNIT_NONE)
		return 1;
	each = pair ? sizeof(struct pair) : sizeof(double);
	val += sizeof(v->h) + n * each; /* behind all that is base */
	for (i = 0; still && i < n; i += some) {
		some = n - i < STILL_SUMS ? (uint32_t)(n - i) : STILL_SUMS;
		still = pair ?
		    still_pair(c, v->h.unit + i, some, val + i * each) :
		    still_add(c, v->h.unit + i, some, val + i * each);
	}
	return still;
}

/* 1: other records were written, too. */
static int
slice_block(struct stxn *x, struct pdc *p, struct scur *cur, struct slice *sl)
{
	struct value *v = x->st->value;
	int changed, more = 0;

	sl->ended = 0;
	if (pdc_block_head(v, cur->val, cur->len) < 0 || !slice_lives(x, sl))
		return x->ret;
	sl->bytes += cur->len;
	if (slice_still(pdc_cells_now(p), v, cur->val, sl))
		return x->ret;
	pdc_block_parse(v, cur->val, cur->len);
	changed = slice_sums(pdc_cells_now(p), v, sl);
	if (changed)
		pdc_scur_put(cur, sl->key, sizeof(sl->key), v);
	if ((changed & USED) && !sl->used) { /* once a slice */
		pdc_family_use(x, &sl->pl.f, 0);
		sl->used = more = 1;
	}
	if (x->ret == 0 && pdc_idle_ns(&sl->pl.f.r) > 0) {
		sl->pl.v = v;
		sl->ended = pdc_idle_step(x, p, &sl->pl,
		    pdc_get_be32(sl->key + 9), sl->moved);
		more |= changed != 0 || sl->ended;
	}
	return x->ret < 0 ? x->ret : more;
}

static int
slice_late(const struct pdc *p, const struct slice *sl)
{
	return sl->bytes >= SLICE_BYTES ||
	    pdc_clock_mono(&p->clock) >= sl->until_ns;
}

/* Blocks from sl->key on, until the slice is over or there are no more. */
static int
slice_walk(struct stxn *x, struct pdc *p, struct slice *sl)
{
	int got, ret = 0, n = 0;
	struct scur cur;

	sl->x = x;
	sl->family = 0;
	sl->ended = 0;
	sl->until_ns = pdc_clock_mono(&p->clock) + SLICE_NS;
	sl->bytes = 0;
	ret = pdc_scur_open(&cur, x);
	if (ret < 0)
		return ret;
	for (got = pdc_scur_seek(&cur, sl->key, sizeof(sl->key));; n++) {
		sl->more = got == 1 && cur.klen == sizeof(sl->key) &&
		    cur.key[0] == 'V';
		if (got < 0 || !sl->more)
			break;
		memcpy(sl->key, cur.key, sizeof(sl->key));
		if ((sl->ended || (n > 0 && n % 16 == 0)) && slice_late(p, sl))
			break;
		ret = slice_block(x, p, &cur, sl);
		if (ret < 0)
			break;
		/* After another's put the cursor is asked by key again. */
		got = ret == 1 ? pdc_scur_seek(&cur, sl->key, sizeof(sl->key)) :
				 1;
		if (got == 1)
			got = pdc_scur_next(&cur);
	}
	pdc_scur_close(&cur);
	return got < 0 ? got : ret < 0 ? ret : 0;
}

static int
checkpoint_slice(struct pdc *p, struct slice *sl, uint32_t wait_ms)
{
	struct stxn x;
	int ret;

	ret = pdc_stxn_write(&x, p->store, wait_ms);
	if (ret < 0)
		return ret;
	ret = slice_walk(&x, p, sl);
	if (ret == 0 && FAULT(CHECKPOINT_SLICE))
		ret = pdc_err_set(PDC_ESTORE, "fault");
	pdc_stxn_fail(&x, ret);
	return pdc_stxn_commit(&x);
}

/* In shared memory: a store that nobody changes is not written. */
static void
checkpoint_note(struct pdc *p)
{
	struct cells_head *head = pdc_cells_now(p)->head;

	atomic_store(&head->checkpoint_wall_ns, pdc_clock_wall(&p->clock));
	atomic_store(&head->checkpoint_mono_ns, pdc_clock_mono(&p->clock));
	atomic_fetch_add(&head->checkpoints, 1);
}

/* What a whole checkpoint ends with. */
static int
checkpoint_end(struct pdc *p, uint32_t wait_ms)
{
	struct stxn x;
	int ret;

	ret = pdc_stxn_write(&x, p->store, wait_ms);
	if (ret < 0)
		return ret;
	pdc_stxn_fail(&x, pdc_epoch_salvage(&x, p));
	ret = pdc_stxn_commit(&x);
	if (ret == 0)
		checkpoint_note(p);
	return ret;
}

int
pdc_checkpoint_run(struct pdc *p, uint32_t wait_ms)
{
	struct slice *sl;
	struct fold *fold;
	int ret;

	if (pdc_cells_now(p) == NULL || p->store->rdonly)
		return pdc_err_set(PDC_EPERM, "%s: opened read-only",
		    p->store->dir);
	sl = calloc(1, sizeof(*sl));
	fold = pdc_fold_begin(p);
	if (sl == NULL || fold == NULL) {
		free(sl);
		pdc_fold_free(fold);
		return pdc_err_set(PDC_ENOMEM, "a checkpoint");
	}
	sl->key[0] = 'V';
	sl->more = 1;
	ret = pdc_drain_all(p, wait_ms);
	if (ret == 0)
		ret = pdc_fold_end(fold, p, wait_ms);
	pdc_fold_free(fold);
	while (ret == 0 && sl->more) {
		ret = checkpoint_slice(p, sl, wait_ms);
		if (ret == 0 && sl->more)
			pdc_clock_sleep(SLICE_NAP_NS);
	}
	free(sl);
	if (ret == 0)
		ret = checkpoint_end(p, wait_ms);
	return ret;
}
