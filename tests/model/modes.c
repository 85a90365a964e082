/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "model/modes.h"

#include <stdio.h>
#include <string.h>

#include "base/modes.h"
#include "model/amounts.h"

#define BIT(pool) ((uint16_t)(1 << (pool)))
#define FOLDS 3 /* checkpoints until the last record of the dead is folded */

int
mode_of(const struct model *m, int f)
{
	return (int)shape_of(f, m->f[f].other)->mode;
}

int
mode_family(const struct model *m, int f)
{
	return pdc_mode_keeps(mode_of(m, f)) != KEEPS_ONE;
}

int
mode_slots(const struct model *m, int f)
{
	return pdc_mode_keeps(mode_of(m, f)) == KEEPS_SLOTS;
}

/* Two values as one. */
int64_t
mode_both(int mode, int64_t a, int64_t b)
{
	switch (mode) {
	case PDC_MIN:
	case PDC_LIVEMIN:
		return a < b ? a : b;
	case PDC_MAX:
	case PDC_LIVEMAX:
		return a > b ? a : b;
	case PDC_SUM:
	case PDC_LIVESUM:
		return a + b;
	default:
		return b;
	}
}

void
mode_update(struct model *m, int proc, int f, int i, int pool, int op,
    int64_t amount)
{
	struct mseries *s = &m->f[f].s[i];
	struct mowner *o = &s->live[proc];
	uint16_t bit = pool == POOL_NONE ? 0 : BIT(pool);

	if (op == DO_ADD && o->has == MAYBE)
		o->vague = 1;
	if (op == DO_SET && o->fly == 0)
		o->vague = 0;
	/* Time tells what was set last; else only one way keeps the order. */
	if (o->fly != 0 && o->fly != bit && !pdc_mode_stamped(mode_of(m, f)))
		o->vague = 1;
	o->value = model_next(op, o->value, amount);
	o->at = ++m->seq;
	o->early |= pool >= POOL_OLD;
	if (pool == POOL_NONE) {
		o->has = o->made = YES;
		o->unseen = 1;
		s->unseen.at[0]++;
		return;
	}
	o->coming = YES;
	o->fly |= bit;
	s->in[pool].at[0]++;
}

void
mode_made(struct model *m, int proc, int f, int i)
{
	m->f[f].s[i].live[proc].made = YES;
}

static void
owner_maybe(uint8_t *what)
{
	*what = *what == NO ? MAYBE : *what;
}

void
mode_arrived(struct mseries *s, int k)
{
	struct mowner *o;
	int i;

	for (i = 0; i < NOWNERS; i++) {
		o = mode_owner(s, i);
		if (!(o->fly & BIT(k)))
			continue;
		o->fly &= (uint16_t)~BIT(k);
		if (o->coming == YES)
			o->has = o->made = YES;
		else
			owner_maybe(&o->has);
	}
}

void
mode_forget(struct mseries *s, int k)
{
	struct mowner *o;
	int i;

	for (i = 0; i < NOWNERS; i++) {
		o = mode_owner(s, i);
		if (!(o->fly & BIT(k)))
			continue;
		o->fly &= (uint16_t)~BIT(k);
		o->vague = 1;
		owner_maybe(&o->has);
		if (o->has != YES)
			o->made = MAYBE;
	}
}

void
mode_over(int proc, struct mseries *s)
{
	struct mowner *o;
	uint32_t kept;
	uint16_t fly;
	int i;

	for (i = 0; i < NOWNERS; i++) {
		o = mode_owner(s, i);
		fly = o->fly;
		kept = o->kept + o->dying;
		if (proc >= 0)
			fly &= (uint16_t) ~(
			    BIT(POOL_RING) | BIT(POOL_OWN + proc));
		memset(o, 0, sizeof(*o));
		if (fly == 0)
			continue;
		o->fly = fly;
		o->kept = kept;
		o->vague = o->early = 1;
		o->has = o->made = o->coming = MAYBE;
	}
}

void
mode_seen(struct model *m, int f)
{
	int i, j, goes = pdc_mode_dead(mode_of(m, f)) == DEAD_GO;

	if (m->f[f].folds > 0 && !model_lost(m))
		m->f[f].folds--;
	for (i = 0; i < NSERS; i++)
		for (j = 0; j < NOWNERS; j++) {
			struct mowner *o = mode_owner(&m->f[f].s[i], j);

			o->unseen = 0;
			if (m->f[f].folds == 0)
				o->dying = 0;
			if (goes && j >= NPROCS && m->f[f].folds == 0 &&
			    o->fly == 0)
				memset(o, 0, sizeof(*o));
		}
}

static void
series_early(struct mseries *s)
{
	struct mowner *o;
	int i;

	for (i = 0; i < NOWNERS; i++) {
		o = mode_owner(s, i);
		o->early |= o->made != NO || o->fly != 0;
		o->kept += o->dying;
		o->dying = 0;
	}
}

void
mode_early(struct model *m)
{
	int f, i;

	for (f = 0; f < NFAMS; f++)
		for (i = 0; i < NSERS; i++)
			series_early(&m->f[f].s[i]);
}

/* What is in lanes and rings is in those of a lost file now. */
void
mode_lose(struct mseries *s, int k)
{
	struct mowner *o;
	int i;

	for (i = 0; i < NOWNERS; i++) {
		o = mode_owner(s, i);
		if (o->unseen || (o->fly & BIT(POOL_RING))) {
			o->coming = o->coming == MAYBE ? MAYBE : YES;
			o->fly |= BIT(POOL_OLD + k);
		}
		o->fly &= (uint16_t)~BIT(POOL_RING);
		o->unseen = 0;
	}
	series_early(s);
}

void
mode_reboot(struct mfamily *f, struct mseries *s)
{
	struct mowner *o;
	int i;

	for (i = 0; i < NOWNERS; i++) {
		o = mode_owner(s, i);
		if (o->kept > 0)
			f->folds = FOLDS;
		o->dying += o->kept;
		o->kept = o->early = 0;
		if (!o->unseen && o->fly == 0)
			continue;
		o->vague = 1;
		o->has = o->made = MAYBE;
		o->unseen = 0;
		o->fly = 0;
	}
}

/* A value that is there, or will be, or may be, becomes one of the dead's. */
static void
dead_add(struct mowner *d, const struct mowner *o, int mode)
{
	int sure = o->has == YES || (o->fly != 0 && o->coming == YES);

	if (!sure || (d->has == MAYBE && pdc_mode_rule(mode) != RULE_LAST))
		d->vague = 1;
	if (pdc_mode_rule(mode) == RULE_LAST && sure)
		d->vague = o->vague;
	else
		d->vague |= o->vague;
	if (d->has == NO && d->fly == 0)
		d->value = o->value;
	else
		d->value = mode_both(mode, d->value, o->value);
	if (o->has == YES)
		d->has = YES;
	else if (!sure)
		owner_maybe(&d->has);
	d->coming = sure ? YES : MAYBE;
}

static void
dead_take(struct model *m, int f, struct mowner *d, struct mowner *o)
{
	int mode = mode_of(m, f);

	if (o->made == NO && o->has == NO && o->fly == 0)
		return;
	m->f[f].folds = FOLDS;
	if (pdc_mode_dead(mode) == DEAD_GO) {
		d->made = MAYBE;
	} else {
		if (o->has != NO || o->fly != 0)
			dead_add(d, o, mode);
		if (d->made != YES)
			d->made = o->made;
		d->fly |= o->fly;
		d->unseen |= o->unseen;
		if (o->early && pdc_mode_rule(mode) != RULE_LAST)
			d->kept++;
		else
			d->dying++;
	}
	memset(o, 0, sizeof(*o));
}

void
mode_died(struct model *m, int proc)
{
	int slot = m->p[proc].slot - 1, f, i;
	struct mseries *s;

	for (f = 0; f < NFAMS; f++)
		for (i = 0; i < NSERS && mode_family(m, f); i++) {
			s = &m->f[f].s[i];
			dead_take(m, f,
			    &s->dead[mode_slots(m, f) && slot >= 0 ? slot : 0],
			    &s->live[proc]);
		}
}

void
mode_named(struct model *m, int f, int i, int64_t amount)
{
	struct mowner one = { .value = amount, .has = YES, .made = YES };

	dead_add(&m->f[f].s[i].dead[0], &one, mode_of(m, f));
	m->f[f].s[i].dead[0].made = YES;
}

static void
owner_merge(struct mowner *a, const struct mowner *b)
{
	if (a->value != b->value || a->at != b->at)
		a->vague = 1;
	a->vague |= b->vague;
	a->unseen |= b->unseen;
	a->early |= b->early;
	a->dying = a->dying > b->dying ? a->dying : b->dying;
	a->kept = a->kept > b->kept ? a->kept : b->kept;
	a->has = a->has == b->has ? a->has : MAYBE;
	a->made = a->made == b->made ? a->made : MAYBE;
	if (a->fly != b->fly || a->coming != b->coming)
		a->coming = MAYBE;
	a->fly |= b->fly;
}

void
mode_merge(struct mseries *a, const struct mseries *b)
{
	int i;

	for (i = 0; i < NOWNERS; i++)
		owner_merge(mode_owner(a, i), mode_look(b, i));
}
