/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Salvage: a process that still maps the cells file of a closed epoch brings
 * in what its lanes and rings hold beyond what the store has seen of them.
 *
 * First all tags of the old file become 0, so that nobody's update ends in a
 * lane of it any more.  What the store had seen lies in the block itself if
 * nobody has brought it into a newer epoch, else in a C record.  Both are
 * absolute: salvaging again, by whomever, credits only what came since.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/wire.h"
#include "checkpoint/checkpoint.h"
#include "lane/lane.h"
#include "pdc.h"
#include "store/dying.h"
#include "store/idle.h"
#include "store/series.h"

struct salvage {
	struct pdc *pdc;
	struct cells *old;
	struct value *now; /* the block as the old lanes have it */
	struct value *was; /* as the store has it */
	struct value *live; /* the block in the present epoch */
	unsigned char moved[IDLE_SERIES]; /* its series that were counted */
	int wrote;
};

/* What a step of a walk returns. */
static int
salvage_wrote(const struct stxn *x, struct salvage *sv)
{
	sv->wrote = 1;
	return x->ret < 0 ? x->ret : 1;
}

static int
salvage_gauge(const struct value *v, struct value_gauge *g,
    const struct gauge *cell)
{
	if (v->h.flags & VALUE_STAMPED) {
		if (gauge_stamp(cell) <= value_stamp(g))
			return 0;
		value_stamp_set(g, cell->value, gauge_stamp(cell));
		return 1;
	}
	/* Untouched, or by name it has been set since. */
	if (cell->touched == g->touched || cell->touched == 0 ||
	    (int32_t)(g->seq - cell->applied) > 0)
		return 0;
	g->touched = cell->touched;
	g->value = cell->value;
	return 1;
}

/*
 * A gauge's value cannot be put together of two files, so operations that are
 * under way are made to fail; they find no tag then.
 */
static struct gauge
salvage_cell(const struct salvage *sv, uint64_t unit)
{
	if (!(sv->now->h.flags & VALUE_STAMPED))
		pdc_lane_gauge_freeze(sv->old, unit);
	return pdc_cells_gauge(sv->old, unit);
}

static void
salvage_moved(struct salvage *sv, size_t pos)
{
	if (pos < IDLE_SERIES)
		sv->moved[pos] = 1;
}

/* seen of now := the old lanes, of k series from pos; 1 if that changed it. */
static int
salvage_sums(struct salvage *sv, uint32_t pos, uint32_t k)
{
	const struct cells *c = sv->old;
	struct value *v = sv->now;
	size_t i = (size_t)pos * v->h.width, n = i + (size_t)k * v->h.width;
	struct value_gauge *g;
	struct gauge cell;
	struct pair *seen, sum;
	double *add, d;
	int changed = 0;

	memset(sv->moved, 0, sizeof(sv->moved));
	for (; i < n; i++) {
		if (v->h.zone == VALUE_ADD) {
			add = pdc_block_add_seen(v) + i;
			d = pdc_cells_sum(c, v->h.unit + i);
			if (!(d > *add))
				continue;
			*add = d;
		} else if (v->h.zone == VALUE_PAIR) {
			seen = pdc_block_pair_seen(v) + i;
			sum = pdc_cells_sum_pair(c, v->h.unit + i);
			if (sum.count <= seen->count)
				continue;
			*seen = sum;
		} else {
			g = pdc_block_gauges(v) + i;
			cell = salvage_cell(sv, v->h.unit + i);
			if (!salvage_gauge(v, g, &cell))
				continue;
		}
		salvage_moved(sv, i / v->h.width);
		changed = 1;
	}
	return changed;
}

/* The present incarnation of a family; 0 if there is none of that id. */
static uint32_t
salvage_incarnation(struct stxn *x, uint32_t family)
{
	uint32_t now = 0;
	int ret;

	ret = pdc_family_incarnation(x, family, &now);
	if (ret < 0 && ret != PDC_ENOENT && ret != PDC_EFORMAT)
		pdc_stxn_fail(x, ret);
	return now;
}

/* Its series that were counted have been used. */
static void
salvage_idle(struct stxn *x, const struct salvage *sv,
    const struct family_rec *f, struct value_place at)
{
	struct idle t;
	uint32_t i;
	int put;

	if (pdc_idle_ns(f) == 0)
		return;
	put = pdc_idle_get(x, f, at, &t);
	for (i = 0; i < at.k && put >= 0; i++)
		if (sv->moved[i])
			put |= pdc_idle_mark(x, f, &t, i);
	if (put > 0)
		pdc_idle_put(x, f, at, &t);
}

/* The same of the family; the key of the block, from the family on. */
static void
salvage_use(struct stxn *x, const struct salvage *sv, const unsigned char *key)
{
	struct value_place at;
	struct family *f;

	f = malloc(sizeof(*f));
	if (f == NULL) {
		pdc_stxn_fail(x, pdc_err_set(PDC_ENOMEM, "a family"));
	} else if (pdc_family_by_id(x, pdc_get_be32(key), f) == 0 &&
	    f->r.incarnation == pdc_get_be32(key + 4)) {
		pdc_family_use(x, f, 0);
		at = pdc_block_place(&f->r,
		    pdc_block_first(&f->r, pdc_get_be32(key + 8)));
		if (at.k == sv->now->h.k)
			salvage_idle(x, sv, &f->r, at);
	}
	free(f);
}

/* Blocks nobody has brought into a newer epoch. */
static int
salvage_block(struct stxn *x, void *arg, const struct walk_rec *r)
{
	struct salvage *sv = arg;

	if (pdc_block_parse(sv->now, r->val, r->len) < 0 ||
	    sv->now->h.epoch != sv->old->epoch || sv->now->h.unit == UNIT_NONE)
		return 0;
	if (!salvage_sums(sv, 0, sv->now->h.k))
		return 0;
	/* What its series get late goes by their D. */
	if (salvage_incarnation(x, pdc_get_be32(r->key + 1)) !=
	    pdc_get_be32(r->key + 5))
		return x->ret;
	pdc_stxn_put(x, r->key, r->klen, sv->now, r->len);
	salvage_use(x, sv, r->key + 1);
	return salvage_wrote(x, sv);
}

/*
 * Whether what the present block says of a gauge is older than what was in the
 * old cell: no cell since then has been set.  A present one is the truth, see
 * salvage_gauges().
 */
static int
salvage_older(const struct salvage *sv, const struct value_gauge *g)
{
	const struct value_head *h = &sv->live->h;

	if (h->unit == UNIT_NONE)
		return 1;
	return h->epoch != pdc_cells_now(sv->pdc)->epoch && g->touched == 0;
}

/* What came; infinite sums stay so. */
static void
salvage_diff(struct salvage *sv, struct value *w)
{
	struct value *live = sv->live, *now = sv->now;
	size_t i, n = (size_t)live->h.k * live->h.width;
	struct value_gauge *g, *old;
	struct pair *base, *a, *b;
	double more, was;

	for (i = 0; i < n; i++) {
		if (live->h.zone == VALUE_ADD) {
			more = pdc_block_add_seen(now)[i];
			was = pdc_block_add_seen(w)[i];
			if (more > was)
				pdc_block_add_base(live)[i] += more - was;
		} else if (live->h.zone == VALUE_PAIR) {
			base = pdc_block_pair_base(live) + i;
			a = pdc_block_pair_seen(now) + i;
			b = pdc_block_pair_seen(w) + i;
			if (a->count == b->count)
				continue;
			base->count += a->count - b->count;
			base->sum += isfinite(b->sum) ? a->sum - b->sum :
							a->sum;
		} else {
			g = pdc_block_gauges(live) + i;
			old = pdc_block_gauges(now) + i;
			if (live->h.flags & VALUE_STAMPED) {
				if (value_stamp(old) > value_stamp(g))
					value_stamp_set(g, old->value,
					    value_stamp(old));
				continue;
			}
			if (old->touched != pdc_block_gauges(w)[i].touched &&
			    g->seq == pdc_block_gauges(w)[i].seq &&
			    salvage_older(sv, g))
				g->value = old->value;
		}
	}
}

/* A gauge whose block has cells again: the old value, as an operation. */
static void
salvage_gauges(struct stxn *x, struct salvage *sv, struct value *w)
{
	struct value_gauge *now, *live;
	struct owed o = { .epoch = x->meta.epoch,
		.zone = VALUE_GAUGE,
		.op = OWED_SET };
	struct cells *c = pdc_cells_now(sv->pdc);
	uint32_t i;

	if (sv->live->h.zone != VALUE_GAUGE || sv->live->h.unit == UNIT_NONE ||
	    sv->live->h.epoch != c->epoch)
		return;
	for (i = 0; i < sv->live->h.k; i++) {
		now = pdc_block_gauges(sv->now) + i;
		live = pdc_block_gauges(sv->live) + i;
		o.unit = sv->live->h.unit + i;
		if (sv->live->h.flags & VALUE_STAMPED) {
			if (value_stamp(now) ==
			    value_stamp(pdc_block_gauges(w) + i))
				continue;
			o.id = pdc_cells_tag_get(c, ZONE_GAUGE, o.unit);
			o.op = OWED_STAMP;
			o.amount = now->value;
			o.dying = value_stamp(now);
			pdc_owed_add(x, &o);
			continue;
		}
		if (now->touched == pdc_block_gauges(w)[i].touched ||
		    live->seq != pdc_block_gauges(w)[i].seq ||
		    pdc_cells_gauge(c, o.unit).touched != 0)
			continue;
		o.id = pdc_cells_tag_get(c, ZONE_GAUGE, o.unit);
		o.seq = ++live->seq;
		o.amount = live->value = now->value;
		pdc_owed_add(x, &o);
	}
}

/*
 * The series at a number of a closed block, whose records or whose D are there:
 * what it still got goes by its labels.
 */
static int
salvage_number(struct stxn *x, struct salvage *sv, struct dying *y, uint32_t i)
{
	size_t width = sv->now->h.width, at = i * width, j;
	struct pair now[BOUNDS_MAX + 1];
	struct value_gauge *g;

	for (j = 0; j < width; j++) {
		if (sv->now->h.zone == VALUE_ADD) {
			y->sum0[j].sum = pdc_block_add_seen(sv->was)[at + j];
			now[j] = (struct pair){ 0,
				pdc_block_add_seen(sv->now)[at + j] };
		} else if (sv->now->h.zone == VALUE_PAIR) {
			y->sum0[j] = pdc_block_pair_seen(sv->was)[at + j];
			now[j] = pdc_block_pair_seen(sv->now)[at + j];
		} else {
			g = pdc_block_gauges(sv->was) + at + j;
			y->sum0[j] = (struct pair){ g->touched, g->value };
			g = pdc_block_gauges(sv->now) + at + j;
			now[j] = (struct pair){ g->touched, g->value };
		}
	}
	return pdc_dying_credit(x, y, now);
}

enum number { NUMBER_LIVES, NUMBER_LABELS, NUMBER_GONE };

/* What is known of a number: a series, labels only, or nothing here. */
static enum number
salvage_known(struct stxn *x, struct dying *y, uint32_t now)
{
	unsigned char key[SERIES_KEY_LEN];
	struct series_rec rec;
	const void *val;
	size_t len;

	y->d.values_len = 0;
	pdc_series_key(key, 'S', y->d.family, y->d.incarnation, y->d.n);
	if (pdc_stxn_get(x, key, sizeof(key), &val, &len) < 0 ||
	    len < sizeof(rec))
		return NUMBER_GONE;
	if (now == y->d.incarnation)
		return NUMBER_LIVES;
	memcpy(&rec, val, sizeof(rec));
	if (rec.values_len > len - sizeof(rec) ||
	    rec.values_len > sizeof(y->values))
		return NUMBER_GONE;
	y->d.values_len = rec.values_len;
	memcpy(y->values, (const char *)val + sizeof(rec), rec.values_len);
	return NUMBER_LABELS;
}

/*
 * Of a closed block, what is not to be added to the block that has its place
 * now: the numbers of an incarnation that has ended go by their labels, those
 * of which there is nothing by their D or K.
 */
static int
salvage_gone(struct stxn *x, struct salvage *sv, const unsigned char *key)
{
	uint32_t family = pdc_get_be32(key + 9), i, first, now;
	struct family_rec shape = { .zone = sv->now->h.zone,
		.width = sv->now->h.width,
		.nlabels = sv->now->h.k > 1 };
	struct dying *y;

	y = calloc(1, sizeof(*y));
	if (y == NULL)
		return pdc_stxn_fail(x, pdc_err_set(PDC_ENOMEM, "a salvage"));
	now = salvage_incarnation(x, family);
	first = pdc_block_first(&shape, pdc_get_be32(key + 17));
	y->d = (struct dying_rec){ .family = family,
		.incarnation = pdc_get_be32(key + 13),
		.zone = sv->now->h.zone,
		.width = sv->now->h.width };
	for (i = 0; i < sv->now->h.k && x->ret == 0; i++) {
		y->d.n = first + i;
		switch (salvage_known(x, y, now)) {
		case NUMBER_LIVES:
			break;
		case NUMBER_LABELS:
			salvage_number(x, sv, y, i);
			pdc_block_copy(sv->was, sv->now, i);
			break;
		case NUMBER_GONE:
			pdc_block_copy(sv->now, sv->was, i);
		}
	}
	free(y);
	return x->ret;
}

/* Blocks that have gone on: credit the difference to what C has. */
static int
salvage_closed(struct stxn *x, void *arg, const struct walk_rec *r)
{
	unsigned char vkey[SERIES_KEY_LEN];
	struct salvage *sv = arg;
	struct value *was = sv->was;
	const void *lval;
	size_t llen;

	if (r->klen != CLOSED_KEY_LEN ||
	    pdc_block_parse(sv->now, r->val, r->len) < 0)
		return 0;
	memcpy(was, sv->now, r->len);
	if (!salvage_sums(sv, 0, was->h.k))
		return 0;
	salvage_gone(x, sv, r->key);
	pdc_series_key(vkey, 'V', pdc_get_be32(r->key + 9),
	    pdc_get_be32(r->key + 13), pdc_get_be32(r->key + 17));
	if (pdc_stxn_get(x, vkey, sizeof(vkey), &lval, &llen) == 0 &&
	    pdc_block_parse(sv->live, lval, llen) == 0 &&
	    sv->live->h.zone == was->h.zone && llen == r->len) {
		salvage_diff(sv, was);
		salvage_gauges(x, sv, was);
		pdc_stxn_put(x, vkey, sizeof(vkey), sv->live, llen);
		salvage_use(x, sv, vkey + 1);
	}
	pdc_stxn_put(x, r->key, r->klen, sv->now, r->len);
	return salvage_wrote(x, sv);
}

/* A series that died after the epoch was closed: by what C has of it. */
static int
salvage_died_since(struct stxn *x, struct salvage *sv, struct dying *y)
{
	struct family_rec shape = { .zone = y->d.zone,
		.width = y->d.width,
		.nlabels = 1 };
	unsigned char key[CLOSED_KEY_LEN];
	struct value_place at;
	const void *val;
	size_t len;

	if (y->d.values_len == 0)
		shape.nlabels = 0;
	at = pdc_block_place(&shape, y->d.n);
	pdc_closed_key(key, sv->old->epoch, y->d.family, y->d.incarnation,
	    at.block);
	if (pdc_stxn_get(x, key, sizeof(key), &val, &len) < 0 ||
	    pdc_block_parse(sv->now, val, len) < 0 || sv->now->h.k != at.k ||
	    sv->now->h.width != y->d.width || sv->now->h.zone != y->d.zone)
		return x->ret;
	if (!salvage_sums(sv, at.pos, 1))
		return 0;
	memcpy(sv->was, val, len);
	if (salvage_number(x, sv, y, at.pos) != 1)
		return x->ret;
	pdc_block_copy(sv->was, sv->now, at.pos);
	return pdc_stxn_put(x, key, sizeof(key), sv->was, len) < 0 ? x->ret : 1;
}

static int
salvage_dying(struct stxn *x, void *arg, const struct walk_rec *r)
{
	struct salvage *sv = arg;
	struct dying *y;
	int ret = 0;

	y = malloc(sizeof(*y));
	if (y == NULL)
		return pdc_stxn_fail(x, pdc_err_set(PDC_ENOMEM, "a salvage"));
	if (r->klen == DYING_KEY_LEN && pdc_dying_parse(y, r->val, r->len)) {
		if (y->d.epoch > sv->old->epoch) {
			ret = salvage_died_since(x, sv, y);
		} else if (y->d.epoch == sv->old->epoch &&
		    y->d.unit != UNIT_NONE) {
			ret = pdc_dying_late(x, sv->old, y);
			if (ret == 1)
				pdc_dying_put(x, r->key, y);
		}
	}
	free(y);
	if (ret == 1)
		return salvage_wrote(x, sv);
	return x->ret < 0 ? x->ret : ret;
}

/* What was counted of drops and the like goes with the rest. */
static void
salvage_counts(struct cells_head *old, struct cells_head *now)
{
	int i;

	for (i = 0; i < NDROPS; i++)
		atomic_fetch_add(&now->drops[i],
		    atomic_exchange(&old->drops[i], 0));
	atomic_fetch_add(&now->anomalies, atomic_exchange(&old->anomalies, 0));
	atomic_fetch_add(&now->differing, atomic_exchange(&old->differing, 0));
	atomic_fetch_add(&now->overflowed,
	    atomic_exchange(&old->overflowed, 0));
	atomic_fetch_add(&now->unresolved,
	    atomic_exchange(&old->unresolved, 0));
}

static int
salvage_walks(struct stxn *x, struct salvage *sv)
{
	unsigned char prefix[9] = { 'C' };
	int ret;

	pdc_put_be64(prefix + 1, sv->old->epoch);
	ret = pdc_walk(x, "V", 1, salvage_block, sv);
	if (ret == 0)
		ret = pdc_walk(x, "D", 1, salvage_dying, sv);
	if (ret == 0)
		ret = pdc_walk(x, "K", 1, salvage_dying, sv);
	if (ret == 0)
		ret = pdc_walk(x, prefix, sizeof(prefix), salvage_closed, sv);
	return ret;
}

/* One after the other, the oldest first: a gauge may have been set in each. */
typedef int salvage_fn(struct stxn *, struct salvage *);

static int
salvage_each(struct stxn *x, struct salvage *sv, struct cells *c,
    salvage_fn *fn)
{
	int ret;

	if (c == NULL)
		return 0;
	ret = salvage_each(x, sv, c->older, fn);
	if (ret < 0 || c->rdonly || pdc_closed_idle(c))
		return ret;
	sv->old = c;
	return fn(x, sv);
}

/*
 * What was kept for it is gone, so what it has cannot be told from what was
 * brought in.  That is only where our lock of it was not seen.
 */
static int
salvage_late(const struct stxn *x, const struct cells *c)
{
	return c->epoch < meta_oldest(&x->meta);
}

static int
salvage_lanes(struct stxn *x, struct salvage *sv)
{
	struct cells *c = pdc_closed_view(sv->pdc, sv->old);
	int was_view = c == sv->old && c->view, ret = 0;

	/* First: who uses it may still put something there, and end. */
	c->spent = c->view && (salvage_late(x, c) || !pdc_cells_used(c));
	sv->old = c;
	sv->wrote = 0;
	pdc_cells_untag_all(c);
	if (c->closed_ns == 0)
		c->closed_ns = pdc_clock_mono(&sv->pdc->clock);
	salvage_counts(c->head, pdc_cells_now(sv->pdc)->head);
	/* What is in use still gets records; lanes wait for its end. */
	if (!salvage_late(x, c) && (!was_view || c->spent))
		ret = salvage_walks(x, sv);
	if (sv->wrote)
		c->spent = 0;
	return ret;
}

/*
 * After the lanes of all: what comes out of a ring is credited to the present
 * cells, and those of a gauge begin with what the last file has of it.  Ends
 * with a commit, so a view in which nothing was found can go.
 */
static int
salvage_rings(struct stxn *x, struct salvage *sv)
{
	struct cells *c = sv->old;
	int ret = 0;

	while (ret == 0 && !salvage_late(x, c) &&
	    pdc_drain(x, sv->pdc, c, 1) > 0) {
		c->spent = 0;
		ret = pdc_stxn_renew(x);
	}
	if (ret == 0)
		ret = pdc_stxn_renew(x);
	if (ret < 0)
		return ret;
	pdc_drain_hints(x, c);
	if (c->spent)
		pdc_closed_drop(sv->pdc, c);
	return x->ret;
}

static int
salvage_all(struct stxn *x, struct pdc *p)
{
	struct cells *now = pdc_cells_now(p);
	struct salvage sv = { .pdc = p };
	int ret = 0;

	if (now == NULL || now->older == NULL)
		return 0;
	sv.now = aligned_alloc(16, sizeof(*sv.now));
	sv.was = aligned_alloc(16, sizeof(*sv.was));
	sv.live = aligned_alloc(16, sizeof(*sv.live));
	if (sv.now == NULL || sv.was == NULL || sv.live == NULL)
		ret = pdc_err_set(PDC_ENOMEM, "a salvage");
	if (ret == 0)
		ret = salvage_each(x, &sv, now->older, salvage_lanes);
	if (ret == 0)
		ret = salvage_each(x, &sv, now->older, salvage_rings);
	free(sv.now);
	free(sv.was);
	free(sv.live);
	return pdc_stxn_fail(x, ret);
}

int
pdc_epoch_salvage(struct stxn *x, struct pdc *p)
{
	uint64_t from = x->meta.fold_from, upto = x->meta.next_series;
	struct cells *now = pdc_cells_now(p);
	uint32_t late = atomic_exchange(&p->late, 0); /* before looking */
	int ret;

	/* It may take several transactions. */
	x->meta.fold_from = UINT64_MAX;
	ret = salvage_all(x, p);
	if (ret == 0 && now != NULL)
		atomic_store(&p->salvaged, now->epoch);
	else if (late)
		atomic_store(&p->late, 1);
	/* Of whose series is new there may be more in another's file. */
	if (x->meta.next_series != upto)
		from = x->meta.next_series;
	x->meta.fold_from = from;
	return ret;
}
