/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The walk of a page.  Three places are kept: the family by its name, the
 * series by its number, and the value block that series is in.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/wire.h"
#include "collect/collect.h"
#include "collect/live.h"
#include "collect/merge.h"
#include "collect/native.h"
#include "pdc.h"
#include "store/dying.h"
#include "store/idle.h"
#include "store/series.h"

#define COLLECT_TRIES 64

struct collect {
	struct store *store;
	const struct cells *cells;
	struct stxn x;
	struct scur fcur, scur;
	const struct slot_self *self;
	struct slots slots; /* since the snapshot, if have_slots */
	struct merge merge;
	uint32_t merge_at; /* the next one to be given */
	char slot[16]; /* its label */
	int64_t begun_ns; /* before the snapshot */
	int in_family, in_series; /* the cursors are placed */
	unsigned char key[SERIES_KEY_LEN]; /* where scur was placed */
	int have_slots;
	uint64_t youngest; /* series ids of the family are below */
	uint32_t from, last; /* numbers: its first one wanted, the last given */
	unsigned char uuid[sizeof(((struct meta *)NULL)->uuid)];
	uint32_t first; /* number of the first series in the block */
	int have_block, tries;
	uint64_t damaged, count;
	int late; /* pdc_collect_late() */
	struct family f, other;
	struct series_form form;
	struct collect_family family;
	struct collect_series series;
	const char *labels[LABELS_MAX + 1], *values[LABELS_MAX + 1];
	struct native native; /* of the family, if it is one */
	struct live_block now; /* of the block */
	struct idle times; /* the same, if the family has idle times */
	int idles;
	struct value *v;
};

/* Only cells of the snapshot's epoch mean anything. */
static int
collect_begin(struct collect *co)
{
	int ret;

	co->begun_ns = pdc_clock_mono(co->store->clock);
	ret = pdc_stxn_read(&co->x, co->store);
	if (ret < 0)
		return ret;
	ret = pdc_scur_open(&co->fcur, &co->x);
	if (ret == 0)
		ret = pdc_scur_open(&co->scur, &co->x);
	if (co->cells != NULL && co->cells->epoch != co->x.meta.epoch)
		co->cells = NULL;
	co->in_family = co->in_series = co->have_block = co->have_slots = 0;
	return ret;
}

static void
collect_end(struct collect *co)
{
	pdc_scur_close(&co->fcur);
	pdc_scur_close(&co->scur);
	co->damaged += co->x.damaged;
	co->x.damaged = 0;
	pdc_stxn_abort(&co->x);
}

int
pdc_collect_open(struct collect **cop, struct store *st,
    const struct cells *cells, const struct slot_self *self)
{
	struct collect *co;
	int ret = PDC_ENOMEM;

	co = calloc(1, sizeof(*co));
	if (co != NULL)
		co->v = aligned_alloc(16, sizeof(*co->v));
	if (co == NULL || co->v == NULL) {
		free(co);
		return pdc_err_set(ret, "a page");
	}
	co->store = st;
	co->cells = cells;
	co->self = self;
	ret = collect_begin(co);
	if (ret < 0) {
		pdc_collect_close(co);
		return ret;
	}
	memcpy(co->uuid, co->x.meta.uuid, sizeof(co->uuid));
	*cop = co;
	return 0;
}

void
pdc_collect_pause(struct collect *co)
{
	collect_end(co);
}

int
pdc_collect_resume(struct collect *co, struct store *st,
    const struct cells *cells, const struct slot_self *self)
{
	int ret;

	co->store = st;
	co->cells = cells;
	co->self = self;
	ret = collect_begin(co);
	if (ret == 0 &&
	    memcmp(co->uuid, co->x.meta.uuid, sizeof(co->uuid)) != 0)
		return pdc_err_set(PDC_EAGAIN,
		    "%s: another store than the one the page began with",
		    st->dir);
	return ret;
}

void
pdc_collect_close(struct collect *co)
{
	if (co == NULL)
		return;
	collect_end(co);
	pdc_merge_free(&co->merge);
	pdc_series_form_fini(&co->form);
	free(co->v);
	free(co);
}

int
pdc_collect_uses(const struct collect *co)
{
	return (co->x.meta.flags & META_REFRESH) != 0;
}

uint64_t
pdc_collect_damaged(const struct collect *co)
{
	return co->damaged + co->x.damaged;
}

uint64_t
pdc_collect_count(const struct collect *co)
{
	return co->count;
}

int
pdc_collect_late(const struct collect *co)
{
	return co->late;
}

/*
 * The labels of a series, names or values, and slot in its sorted place where
 * the mode shows it; how many.
 */
static uint32_t
collect_slotted(const struct collect *co, const char **out,
    const char *const *in, const char *slot)
{
	uint32_t i, n = 0;
	int more = pdc_mode_keeps(co->f.r.mode) == KEEPS_SLOTS;

	for (i = 0; i < co->f.r.nlabels; i++) {
		if (more && strcmp(co->f.labels[i], MODES_LABEL) > 0) {
			out[n++] = slot;
			more = 0;
		}
		out[n++] = in[i];
	}
	if (more)
		out[n++] = slot;
	return n;
}

static int
collect_give(struct collect *co, const struct collect_family **fp)
{
	struct collect_family *cf = &co->family;
	int ret;

	cf->name = co->f.name;
	cf->help = co->f.help;
	cf->unit = co->f.unit;
	cf->type = co->f.r.type;
	cf->nlabels = co->f.r.nlabels;
	cf->labels = co->f.labels;
	cf->native = family_native(&co->f.r);
	cf->bounds = cf->native ? co->f.classic : co->f.bounds;
	cf->exemplars = co->f.r.flags & FAMILY_EXEMPLARS ? co->cells : NULL;
	cf->nbounds = cf->native ? co->f.native.nclassic : co->f.r.nbounds;
	if (cf->native)
		pdc_native_begin(&co->native, &co->f);
	cf->states = co->f.states;
	cf->nstates = co->f.r.nstates;
	cf->whole = pdc_mode_keeps(co->f.r.mode) != KEEPS_ONE;
	cf->expires_ns = co->f.r.expires_wall_ns;
	co->idles = pdc_idle_ns(&co->f.r) > 0;
	co->in_series = co->have_block = 0;
	*fp = cf;
	ret = pdc_series_form(&co->form, &co->f);
	return ret < 0 ? ret : COLLECT_NEXT;
}

/* Also a family that nobody has ended yet is not shown after its time. */
static int
collect_shown(struct collect *co)
{
	co->have_block = 0;
	if (co->f.r.hidden ||
	    pdc_live_expired(&co->x, co->cells, &co->f, co->v))
		return 0;
	co->late |= pdc_family_due(&co->x, &co->f.r);
	return 1;
}

/* The record of this family, or the first one after it. */
static int
collect_at(struct collect *co, const char *name, int *found)
{
	unsigned char key[NAME_MAX_LEN + 1] = { 'F' };
	size_t n = strlen(name);
	int got;

	memcpy(key + 1, name, n);
	got = pdc_scur_seek(&co->fcur, key, n + 1);
	*found = n > 0 && got == 1 && co->fcur.klen == n + 1 &&
	    memcmp(co->fcur.key, key, n + 1) == 0;
	co->in_family = *found;
	return got;
}

/* The record after that of the last family; in a new snapshot, too. */
static int
collect_next(struct collect *co)
{
	int found = 1, got = 1;

	if (!co->in_family)
		got = collect_at(co, co->f.name, &found);
	co->in_family = 1;
	return got == 1 && found ? pdc_scur_next(&co->fcur) : got;
}

int
pdc_collect_family(struct collect *co, const struct collect_family **fp)
{
	int got;

	if (co->x.ret < 0)
		return co->x.ret;
	co->youngest = co->x.meta.next_series;
	co->tries = 0;
	co->from = 0;
	for (got = collect_next(co); got == 1; got = pdc_scur_next(&co->fcur)) {
		if (co->fcur.klen < 2 || co->fcur.key[0] != 'F')
			return COLLECT_END;
		if (pdc_family_parse(&co->f, co->fcur.key + 1,
			co->fcur.klen - 1, co->fcur.val, co->fcur.len) < 0)
			co->damaged++;
		else if (collect_shown(co))
			return collect_give(co, fp);
	}
	return got;
}

static int
collect_seek(struct collect *co, const char *name,
    const struct collect_family **fp)
{
	int found, got;

	co->tries = 0;
	co->from = 0;
	got = collect_at(co, name, &found);
	if (!found)
		return got < 0 ? got : COLLECT_END;
	if (pdc_family_parse(&co->f, co->fcur.key + 1, co->fcur.klen - 1,
		co->fcur.val, co->fcur.len) < 0)
		return pdc_err_set(PDC_EFORMAT,
		    "%s/data.mdb: the record of family %s is damaged",
		    co->store->dir, name);
	return collect_shown(co) ? collect_give(co, fp) : COLLECT_END;
}

int
pdc_collect_seek(struct collect *co, const char *name,
    const struct collect_family **fp)
{
	if (strlen(name) > NAME_MAX_LEN)
		return COLLECT_END;
	co->youngest = co->x.meta.next_series;
	return collect_seek(co, name, fp);
}

int
pdc_collect_same(struct collect *co, enum collect_from from,
    const struct collect_family **fp)
{
	uint32_t id = co->f.r.id, incarnation = co->f.r.incarnation;
	int ret;

	ret = collect_seek(co, co->f.name, fp);
	if (ret == COLLECT_NEXT &&
	    (co->f.r.id != id || co->f.r.incarnation != incarnation))
		return COLLECT_END;
	if (from == COLLECT_REST)
		co->from = co->last + 1;
	return ret;
}

int
pdc_collect_again(struct collect *co, const struct collect_family **fp)
{
	uint32_t id = co->f.r.id, incarnation = co->f.r.incarnation;
	uint32_t from = co->from;
	int ret, tries = co->tries;

	collect_end(co);
	ret = collect_begin(co);
	if (ret < 0)
		return ret;
	ret = collect_seek(co, co->f.name, fp);
	co->tries = tries + 1;
	co->from = from;
	/* Of another one there is no rest. */
	if (ret == COLLECT_NEXT && from > 0 &&
	    (co->f.r.id != id || co->f.r.incarnation != incarnation))
		return COLLECT_END;
	return ret;
}

int
pdc_collect_named(struct collect *co, const char *sample)
{
	co->have_block = 0;
	return pdc_family_named(&co->x, sample, &co->other) &&
	    !pdc_live_expired(&co->x, co->cells, &co->other, co->v);
}

/* The block of number n, and all that is in it. */
static int
collect_block(struct collect *co, uint32_t n)
{
	struct value_place at;
	int ret;

	if (co->have_block && n - co->first < co->v->h.k)
		return 0;
	at = pdc_block_place(&co->f.r, n);
	ret = pdc_block_get(&co->x, &co->f.r, at, co->v);
	if (ret == 0 && co->idles)
		ret = pdc_idle_get(&co->x, &co->f.r, at, &co->times);
	if (ret > 0) /* made anew: a checkpoint puts it */
		ret = 0;
	co->have_block = ret == 0;
	co->first = n - at.pos;
	if (ret == 0)
		pdc_live_block(&co->now, co->cells, co->v);
	return ret;
}

/* Also a series that nobody has ended yet is not shown after its time. */
static int
collect_idle(struct collect *co, uint32_t pos)
{
	return co->idles && pdc_idle_due(&co->x, &co->f.r, &co->times, pos) &&
	    !pdc_live_moved(co->cells, co->v, pos);
}

/* By the wall clock of now. */
static int64_t
collect_expires(struct collect *co, uint32_t pos)
{
	if (!co->idles)
		return 0;
	return pdc_clock_wall(co->store->clock) +
	    pdc_idle_left(&co->x, &co->f.r, &co->times, pos);
}

/* Whoever was stopped for long may not trust what has no tag any more. */
static int
collect_live(struct collect *co, uint32_t pos, uint64_t id)
{
	switch (live_get(&co->now, pos, id)) {
	case LIVE_GOOD:
		return 1;
	case LIVE_DYING:
		return pdc_clock_mono(co->store->clock) - co->begun_ns <
		    DYING_GRACE_NS / 2;
	default:
		return 0;
	}
}

static void
collect_labels(struct collect *co, const struct series_ref *s)
{
	static const char *const overflow[] = { SERIES_OVERFLOW };
	struct collect_series *cs = &co->series;

	cs->values = co->values;
	if (pdc_series_beyond(s->values, s->values_len)) {
		cs->nlabels = 1;
		cs->labels = overflow;
		co->values[0] = "true";
		return;
	}
	cs->nlabels = co->f.r.nlabels;
	cs->labels = co->f.labels;
}

/* Its numbers, of its pairs. */
static void
collect_numbers(struct collect *co, const struct pair *pairs)
{
	struct collect_series *cs = &co->series;

	cs->value = co->f.r.type == PDC_INFO ? 1 : pairs[0].sum;
	if (co->f.r.type == PDC_STATESET)
		cs->states = states_bits(pairs[0].sum);
	cs->pairs = pairs;
	cs->native = NULL;
	if (co->family.native) {
		pdc_native_series(&co->native, &co->f, pairs);
		cs->pairs = co->native.classic;
		cs->native = &co->native.out;
	}
}

/* One S record to a series: COLLECT_NEXT, COLLECT_AGAIN, or 0 to skip it. */
static int
collect_one(struct collect *co, uint32_t n)
{
	struct collect_series *cs = &co->series;
	struct series_ref s;
	struct pair *pairs;
	uint32_t pos;
	int ret;

	ret = pdc_series_take(&s, co->values, co->scur.val, co->scur.len,
	    co->f.r.nlabels);
	if (ret == 0 && s.id >= co->youngest)
		return 0;
	if (ret == 0 &&
	    pdc_series_formed(&co->form, &co->f, &s, co->values) != 1)
		ret = PDC_EFORMAT;
	if (ret == 0)
		ret = collect_block(co, n);
	if (ret < 0) {
		co->damaged++;
		return co->x.ret < 0 ? co->x.ret : 0;
	}
	pos = n - co->first;
	if (collect_idle(co, pos))
		return 0;
	pairs = co->now.pairs + (size_t)pos * co->v->h.width;
	if (!collect_live(co, pos, s.id)) {
		if (co->tries < COLLECT_TRIES)
			return COLLECT_AGAIN;
		pdc_live_read(NULL, co->v, pos, s.id, pairs);
	}
	if (pdc_block_wrong(co->f.r.type, co->f.r.nstates, co->v, pos, pairs) !=
	    NULL) {
		co->damaged++;
		return 0;
	}
	cs->id = s.id;
	cs->rendered = s.rendered;
	cs->rendered_len = s.rendered_len;
	collect_labels(co, &s);
	cs->created_ns = s.created_ns;
	cs->expires_ns = collect_expires(co, pos);
	collect_numbers(co, pairs);
	return COLLECT_NEXT;
}

/* All of a family that is brought together, before the first is given. */
static int
collect_merge(struct collect *co)
{
	struct merge_from from = { .x = &co->x,
		.cells = co->cells,
		.slots = &co->slots,
		.f = &co->f,
		.v = co->v,
		.begun_ns = co->begun_ns,
		.settle = co->tries >= COLLECT_TRIES };
	int ret;

	/* After the snapshot: whose series it has, has claimed his slot. */
	if (!co->have_slots)
		pdc_slots_look(&co->slots, co->self,
		    pdc_wlock_fd(&co->store->wlock));
	co->have_slots = 1;
	co->have_block = 0;
	co->merge_at = 0;
	ret = pdc_merge_family(&co->merge, &from);
	if (ret == 0)
		co->damaged += co->merge.damaged;
	return ret == 1 ? COLLECT_AGAIN : ret;
}

static int
collect_merged(struct collect *co, const struct collect_series **sp)
{
	struct collect_series *cs = &co->series;
	const char *values[LABELS_MAX], *p;
	const struct merged *g;
	uint32_t i;
	int ret;

	if (!co->in_series) {
		ret = collect_merge(co);
		if (ret != 0)
			return ret;
		co->in_series = 1;
	}
	if (co->merge_at == co->merge.n)
		return COLLECT_END;
	g = &co->merge.list[co->merge_at++];
	cs->rendered = g->rendered;
	cs->rendered_len = g->rendered_len;
	for (p = g->values, i = 0; i < co->f.r.nlabels; i++) {
		values[i] = p;
		p += strlen(p) + 1;
	}
	snprintf(co->slot, sizeof(co->slot), "%u", g->slot);
	cs->nlabels = collect_slotted(co, co->labels, co->f.labels,
	    MODES_LABEL);
	collect_slotted(co, co->values, values, co->slot);
	cs->labels = co->labels;
	cs->values = co->values;
	cs->created_ns = cs->expires_ns = 0;
	cs->value = g->value;
	*sp = cs;
	co->count++;
	return COLLECT_NEXT;
}

static int
collect_first(struct collect *co)
{
	co->in_series = 1;
	pdc_series_key(co->key, 'S', co->f.r.id, co->f.r.incarnation, co->from);
	return pdc_scur_seek(&co->scur, co->key, sizeof(co->key));
}

int
pdc_collect_series(struct collect *co, const struct collect_series **sp)
{
	uint32_t n;
	int got, ret;

	if (co->family.whole)
		return collect_merged(co, sp);
	got = co->in_series ? pdc_scur_next(&co->scur) : collect_first(co);
	for (; got == 1; got = pdc_scur_next(&co->scur)) {
		if (co->scur.klen != sizeof(co->key) ||
		    memcmp(co->scur.key, co->key, 9) != 0)
			return COLLECT_END;
		n = pdc_get_be32(co->scur.key + 9);
		ret = collect_one(co, n);
		if (ret == 0)
			continue;
		if (ret == COLLECT_NEXT) {
			*sp = &co->series;
			co->last = n;
			co->count++;
		}
		return ret;
	}
	return got;
}
