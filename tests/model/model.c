/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "model/amounts.h"
#include "model/budget.h"
#include "model/model.h"
#include "model/modes.h"

#include <stdio.h>
#include <string.h>

void
model_init(struct model *m, int64_t mono, int64_t wall)
{
	memset(m, 0, sizeof(*m));
	m->mono = mono;
	m->wall = wall;
	m->drops_known = 1;
}

static const struct shape *
model_shape(const struct model *m, int f)
{
	return shape_of(f, m->f[f].other);
}

int
model_flying(const struct mseries *s)
{
	int k;

	for (k = 0; k < NPOOLS; k++)
		if (amounts_any(&s->in[k]) || amounts_any(&s->may[k]))
			return 1;
	return 0;
}

/* Whether a lost file still matters. */
int
model_lost(const struct model *m)
{
	int k, any = 0;

	for (k = 0; k < NOLD; k++)
		any |= m->old[k] != 0;
	return any;
}

int
model_flies(const struct mfamily *f)
{
	int i;

	for (i = 0; i < NSERS; i++)
		if (model_flying(&f->s[i]))
			return 1;
	return 0;
}

int64_t
model_least(const struct mseries *s, int comp)
{
	int64_t v = s->lo.at[comp];
	int k;

	for (k = 0; k < NPOOLS; k++)
		v -= s->in[k].at[comp];
	return v > 0 ? v : 0;
}

int64_t
model_next(int op, int64_t v, int64_t amount)
{
	switch (op) {
	case DO_ADD:
		return v + amount;
	case DO_ON:
		return v | amount;
	case DO_OFF:
		return v & ~amount;
	default:
		return amount;
	}
}

int
model_lost_file(const struct model *m, uint64_t epoch)
{
	int k;

	for (k = 0; k < NOLD; k++)
		if (m->old[k] != 0 && m->old[k] == epoch)
			return 1;
	return 0;
}

/* Which pool an update goes to; POOL_NONE: it is there at once. */
static int
model_pool(const struct model *m, int proc, enum way way)
{
	int k;

	if (way == WAY_OWN)
		return POOL_OWN + proc;
	for (k = 0; k < NOLD; k++)
		if (m->old[k] != 0 &&
		    m->old[k] ==
			(way == WAY_RING ? m->p[proc].epoch :
					   m->p[proc].handles))
			return POOL_OLD + k;
	return way == WAY_RING ? POOL_RING : POOL_NONE;
}

/* A gauge's pools count operations; its value is that of one program. */
static void
model_gauge(struct mseries *s, int proc, int pool)
{
	if (!model_flying(s)) {
		s->flyer = (int8_t)proc;
		s->flight = (int8_t)pool;
	} else if (s->flyer != proc || pool != s->flight) {
		s->flyer = -1;
		s->vague = 1;
	}
	if (pool != POOL_NONE)
		s->in[pool].at[0]++;
	else
		s->unseen.at[0]++;
}

static void
model_count(struct mseries *s, int pool, int comp, int64_t amount, int sure)
{
	s->hi.at[comp] += amount;
	if (sure)
		s->lo.at[comp] += amount;
	if (!sure)
		s->may[pool].at[comp] += amount;
	else if (pool != POOL_NONE)
		s->in[pool].at[comp] += amount;
	else
		s->unseen.at[comp] += amount;
}

void
model_update(struct model *m, int proc, int f, int si, int comp, int op,
    int64_t amount, enum way way)
{
	const struct shape *sh = model_shape(m, f);
	struct mseries *s = &m->f[f].s[si];
	int pool = model_pool(m, proc, way), sure;

	if (way == WAY_DROP || m->p[proc].gen[f] != m->f[f].gen)
		return; /* dropped, and counted as such */
	if (pool == POOL_NONE) {
		s->present = YES;
		m->f[f].hidden = NO;
	} else if (m->f[f].hidden == YES) {
		m->f[f].hidden = MAYBE;
	}
	if (pool != POOL_NONE) {
		model_use(m, f, 0); /* whenever somebody brings it in */
		model_idle_from(m, s);
	}
	if (mode_family(m, f)) {
		m->f[f].stirred |= pool != POOL_NONE;
		mode_update(m, proc, f, si, pool, op, amount);
	} else if (shape_gauge(sh)) {
		m->f[f].stirred |= pool != POOL_NONE;
		model_gauge(s, proc, pool);
		s->value = model_next(op, s->value, amount);
	} else {
		sure = pool < POOL_OLD ||
		    !(s->removed_old & 1 << (pool - POOL_OLD));
		model_count(s, pool, comp, amount, sure);
		model_count(&m->f[f].s[ALL], pool, comp, amount, sure);
	}
	budget_update(m, f, si, pool, comp, amount);
}

void
model_made(struct model *m, int proc, int f, int si)
{
	struct mseries *s = &m->f[f].s[si];
	int fresh = s->present == NO && !model_flying(s);

	model_use(m, f, fresh);
	if (s->present != YES)
		model_idle_use(m, f, si, fresh);
	mode_made(m, proc, f, si);
	if (f == F_I)
		s->value = 1;
	s->present = YES;
	m->f[f].hidden = NO;
	budget_crowds(m, f);
}

void
model_arrived(struct model *m, int f, int i, int k)
{
	struct mseries *s = &m->f[f].s[i];
	int in = amounts_any(&s->in[k]), may = amounts_any(&s->may[k]);
	struct amounts came = s->in[k];

	amounts_zero(&s->in[k]);
	amounts_zero(&s->may[k]);
	if (i == ALL)
		return;
	mode_arrived(s, k);
	if (in && budget_arrived(m, f, i, &came))
		in = !(may = 1);
	if (in)
		s->present = YES;
	else if (may && s->present == NO)
		s->present = MAYBE;
	if (in || may) {
		s->stirred = 1;
		model_idle_use(m, f, i, in);
	}
}

int
model_settles(const struct model *m, int proc, int k, int drains)
{
	if (k == POOL_RING || k == POOL_OWN + proc)
		return 1;
	return !drains && k >= POOL_OLD &&
	    (m->p[proc].maps & 1 << (k - POOL_OLD));
}

static void
model_bring(struct model *m, int proc, int drains)
{
	int f, i, k, used, maybe, came, old = 0;

	for (f = 0; f < NFAMS; f++) {
		used = maybe = came = 0;
		for (i = 0; i < NSERS; i++) {
			struct mseries *s = &m->f[f].s[i];

			if (!drains && amounts_any(&s->unseen)) {
				used = 1;
				amounts_zero(&s->unseen);
				model_idle_use(m, f, i, 1);
			}
			for (k = 0; k < NPOOLS; k++) {
				if (!model_settles(m, proc, k, drains))
					continue;
				came |= amounts_any(&s->in[k]);
				maybe |= amounts_any(&s->may[k]);
				old |= k >= POOL_OLD && (came || maybe);
				model_arrived(m, f, i, k);
			}
			if (!drains)
				model_idle_stirred(m, f, i);
		}
		maybe |= came || m->f[f].stirred || m->f[f].folds > 0;
		/* Who left may have seen it before. */
		used &= !m->f[f].left;
		if (!drains) {
			m->f[f].left = 0;
			mode_seen(m, f);
			model_paged(m, f);
		}
		if (!drains && !model_lost(m) && !model_flies(&m->f[f]))
			m->f[f].stirred = 0;
		if (!model_flies(&m->f[f]))
			budget_quiet(m, f);
		if (used || came)
			m->f[f].hidden = NO;
		else if (maybe && m->f[f].hidden == YES)
			m->f[f].hidden = MAYBE;
		if (used || maybe)
			model_use(m, f, used);
	}
	/* A series may have been made by that. */
	if (old)
		mode_early(m);
}

void
model_drain(struct model *m, int proc)
{
	model_bring(m, proc, 1);
}

void
model_checkpoint(struct model *m, int proc)
{
	model_bring(m, proc, 0);
}

/*
 * It is given up.  What others have in pools has arrived already or will yet:
 * of any of it that is not known.
 */
void
model_over(int proc, struct mseries *s)
{
	int k, any = 0;

	amounts_zero(&s->lo);
	amounts_zero(&s->hi);
	for (k = 0; k < NPOOLS; k++) {
		if (proc >= 0 && (k == POOL_RING || k == POOL_OWN + proc)) {
			amounts_zero(&s->in[k]);
			amounts_zero(&s->may[k]);
		}
		amounts_add(&s->may[k], &s->in[k], 1);
		amounts_zero(&s->in[k]);
		amounts_add(&s->hi, &s->may[k], 1);
		any |= amounts_any(&s->may[k]);
	}
	amounts_zero(&s->unseen);
	s->used_lo = s->used_hi = s->from = 0;
	s->stirred = 0;
	mode_over(proc, s);
	s->value = 0;
	s->vague = (uint8_t)any;
	s->fresh = s->present == NO ? s->fresh : YES;
}

/* What comes late to a lost file is gone with the series. */
static void
series_removed(const struct model *m, struct mseries *s)
{
	int k;

	for (k = 0; k < NOLD; k++)
		if (m->old[k] != 0)
			s->removed_old |= (uint8_t)(1 << k);
}

void
model_remove(struct model *m, int proc, int f, int si)
{
	struct mseries *s = &m->f[f].s[si];
	int maybe;

	model_over(proc, s);
	budget_over(m, f, si);
	series_removed(m, s);
	maybe = model_flying(s);
	s->present = maybe ? MAYBE : NO;
	m->f[f].stirred = 1; /* its cells may have been counted */
	model_use(m, f, 0);
}

void
model_remove_all(struct model *m, int proc, int f)
{
	int i;

	for (i = 0; i < NSERS; i++)
		model_remove(m, proc, f, i);
	m->f[f].hidden = model_flies(&m->f[f]) ? MAYBE : YES;
}

/* Also a counter set by name. */
void
model_reset(struct model *m, int proc, int f, int si, int64_t v)
{
	struct mseries *s = &m->f[f].s[si];

	model_over(proc, s);
	budget_over(m, f, si);
	model_idle_named(m, f, si);
	s->lo.at[0] += v;
	s->hi.at[0] += v;
	s->fresh = YES;
	s->present = YES;
	budget_crowds(m, f);
	m->f[f].hidden = NO;
	m->f[f].stirred = 1;
	model_use(m, f, 1);
}

void
model_named(struct model *m, int f, int si, int comp, int op, int64_t amount)
{
	struct mseries *s;

	m->f[f].hidden = NO;
	model_use(m, f, 1);
	if (budget_takes(m, f)) {
		m->f[f].s[ALL].lo.at[comp] += amount;
		m->f[f].s[ALL].hi.at[comp] += amount;
		si = budget_named(m, f, si, comp, amount);
	}
	if (si == NSERS)
		return;
	s = &m->f[f].s[si];
	model_idle_named(m, f, si);
	s->stirred = 1;
	s->present = YES;
	budget_crowds(m, f);
	if (mode_family(m, f)) {
		mode_named(m, f, si, amount);
		m->f[f].stirred = 1;
		return;
	}
	if (!shape_gauge(model_shape(m, f))) {
		s->lo.at[comp] += amount;
		s->hi.at[comp] += amount;
		return;
	}
	if (model_flying(s))
		s->vague = 1;
	else if (op == DO_SET)
		s->vague = 0;
	s->value = model_next(op, s->value, amount);
	amounts_zero(&s->unseen);
	m->f[f].stirred = 1;
}

void
model_end(struct model *m, int f)
{
	int i;

	for (i = 0; i < NSERS; i++) {
		model_over(-1, &m->f[f].s[i]);
		budget_over(m, f, i);
		m->f[f].s[i].present = NO;
	}
	m->f[f].hidden = model_flies(&m->f[f]) ? MAYBE : YES;
	m->f[f].due_lo = m->f[f].due_hi = m->f[f].page = 0;
}

void
model_reshape(struct model *m, int f)
{
	struct mfamily *mf = &m->f[f];
	int i, k;

	for (i = 0; i < NSERS; i++) {
		for (k = 0; k < NPOOLS; k++) {
			amounts_zero(&mf->s[i].in[k]);
			amounts_zero(&mf->s[i].may[k]);
		}
		model_over(-1, &mf->s[i]);
		budget_over(m, f, i);
		mf->s[i].present = NO;
		mf->s[i].removed_old = 0;
	}
	mf->other = !mf->other;
	mf->hidden = NO;
	mf->gen++;
	m->reshaped = 1;
}

void
model_forked(struct model *m, int from, int to)
{
	m->p[to] = m->p[from];
	m->p[to].ident = 0;
	m->p[to].slot = 0;
}
