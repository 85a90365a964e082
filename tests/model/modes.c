/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "model/modes.h"

#include <stdio.h>
#include <string.h>

#include "base/modes.h"
#include "model/amounts.h"

#define BIT(pool) ((uint16_t)(1 << (pool)))
#define FOLDS 3 /* checkpoints until the last record of the dead is folded */

static int
mode_of(const struct model *m, int f)
{
	return (int)shape_of(f, m->f[f].other)->mode;
}

int
mode_family(const struct model *m, int f)
{
	return pdc_mode_keeps(mode_of(m, f)) != KEEPS_ONE;
}

static int
mode_slots(const struct model *m, int f)
{
	return pdc_mode_keeps(mode_of(m, f)) == KEEPS_SLOTS;
}

/* All that has values of these labels, one after the other. */
#define NOWNERS (NPROCS + NSLOTS)
static struct mowner *
mode_owner(struct mseries *s, int i)
{
	return i < NPROCS ? &s->live[i] : &s->dead[i - NPROCS];
}

static const struct mowner *
mode_look(const struct mseries *s, int i)
{
	return i < NPROCS ? &s->live[i] : &s->dead[i - NPROCS];
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
	uint16_t fly;
	int i;

	for (i = 0; i < NOWNERS; i++) {
		o = mode_owner(s, i);
		fly = o->fly;
		if (proc >= 0)
			fly &= (uint16_t) ~(
			    BIT(POOL_RING) | BIT(POOL_OWN + proc));
		memset(o, 0, sizeof(*o));
		if (fly == 0)
			continue;
		o->fly = fly;
		o->vague = 1;
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
			if (goes && j >= NPROCS && m->f[f].folds == 0 &&
			    o->fly == 0)
				memset(o, 0, sizeof(*o));
		}
}

/*
 * What is in lanes and rings is in those of a lost file now.  Until who has the
 * slot of a dead process has told the next file so, the dead one may be taken
 * for alive.
 */
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
		if (i >= NPROCS && o->made == MAYBE && o->has == NO) {
			o->has = MAYBE;
			o->vague = 1;
		}
	}
}

void
mode_reboot(struct mseries *s)
{
	struct mowner *o;
	int i;

	for (i = 0; i < NOWNERS; i++) {
		o = mode_owner(s, i);
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
		d->value = (int64_t)pdc_mode_merge(mode, (double)d->value,
		    (double)o->value);
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
	a->has = a->has == b->has ? a->has : MAYBE;
	a->made = a->made == b->made ? a->made : MAYBE;
	if (a->fly != b->fly)
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

/* What a page makes of all; slot -1: where it shows no slots. */
struct merged {
	int64_t value;
	uint64_t at;
	int has, vague; /* enum maybe */
};

static void
merged_add(struct merged *g, const struct mowner *o, int mode)
{
	if (o->has == NO)
		return;
	g->vague |= o->vague || o->has == MAYBE;
	if (g->has == NO)
		g->value = o->value;
	else if (pdc_mode_rule(mode) != RULE_LAST)
		g->value = (int64_t)pdc_mode_merge(mode, (double)g->value,
		    (double)o->value);
	else if (o->at > g->at)
		g->value = o->value;
	g->at = o->at > g->at ? o->at : g->at;
	g->has = o->has == YES ? YES : g->has == YES ? YES : MAYBE;
}

static struct merged
merged_all(const struct model *m, int f, int i)
{
	const struct mseries *s = &m->f[f].s[i];
	struct merged g = { 0, 0, NO, 0 };
	int p;

	for (p = 0; p < NPROCS; p++)
		merged_add(&g, &s->live[p], mode_of(m, f));
	for (p = 0; p < NSLOTS; p++)
		merged_add(&g, &s->dead[p], mode_of(m, f));
	return g;
}

/* Who has the slot; NULL if nobody does. */
static const struct mowner *
slot_owner(const struct model *m, const struct mseries *s, int slot)
{
	int p;

	for (p = 0; p < NPROCS; p++)
		if (m->p[p].slot == slot + 1)
			return &s->live[p];
	return NULL;
}

static struct merged
merged_slot(const struct model *m, int f, int i, int slot)
{
	const struct mseries *s = &m->f[f].s[i];
	const struct mowner *o = slot_owner(m, s, slot);
	struct merged g = { 0, 0, NO, 0 }, dead = { 0, 0, NO, 0 };

	if (o != NULL)
		merged_add(&g, o, PDC_ALL);
	if (g.has == YES)
		return g;
	merged_add(&dead, &s->dead[slot], PDC_ALL);
	dead.vague |= g.has == MAYBE;
	if (dead.has == NO)
		dead.has = g.has;
	return dead;
}

static const char *
merged_match(const struct merged *g, int shown, int64_t v, int slot)
{
	static char words[128];

	words[0] = '\0';
	if (shown && g->has == NO)
		snprintf(words, sizeof(words), "slot %d is there, with %lld",
		    slot, (long long)v);
	else if (!shown && g->has == YES)
		snprintf(words, sizeof(words), "slot %d is not there", slot);
	else if (shown && !g->vague && v != g->value)
		snprintf(words, sizeof(words), "slot %d is %lld, not %lld",
		    slot, (long long)v, (long long)g->value);
	return words[0] != '\0' ? words : NULL;
}

const char *
mode_match(const struct model *m, const struct view *view, int f, int i)
{
	const struct view_series *v = &view->s[f][i];
	const char *bad = NULL;
	struct merged g;
	int slot;

	if (model_flying(&m->f[f].s[i]))
		return NULL;
	if (!mode_slots(m, f)) {
		g = merged_all(m, f, i);
		return merged_match(&g, v->shown, v->v.at[0], -1);
	}
	for (slot = 0; slot < NSLOTS && bad == NULL; slot++) {
		g = merged_slot(m, f, i, slot);
		bad = merged_match(&g, v->slot_shown[slot], v->slots[slot],
		    slot);
	}
	return bad;
}

int
mode_value(const struct model *m, int f, int i, int64_t *value)
{
	struct merged g = merged_all(m, f, i);

	*value = g.value;
	if (model_flying(&m->f[f].s[i]) || g.has == MAYBE || g.vague)
		return -1;
	return g.has == YES;
}

static void
owner_learn(struct mowner *o, int shown, int64_t v)
{
	if (!shown) {
		o->has = NO;
		o->vague = 0;
		o->value = 0;
		return;
	}
	o->has = YES;
	o->vague = 0;
	o->value = v;
}

static void
adopt_slot(struct model *m, const struct view_series *v, int f,
    struct mseries *s, int slot)
{
	struct mowner *o = (struct mowner *)(uintptr_t)slot_owner(m, s, slot);
	int stays = pdc_mode_dead(mode_of(m, f)) == DEAD_STAY;

	if (o != NULL && !v->slot_shown[slot])
		owner_learn(o, 0, 0);
	if (!v->slot_shown[slot] && stays)
		owner_learn(&s->dead[slot], 0, 0);
	else if (o != NULL && o->has == YES)
		owner_learn(o, 1, v->slots[slot]);
	else if ((o == NULL || o->has == NO) && stays)
		owner_learn(&s->dead[slot], 1, v->slots[slot]);
}

/* If but one is not known, the page tells it. */
static void
adopt_all(struct model *m, const struct view_series *v, int f, int i)
{
	struct mowner *o, *odd = NULL;
	int j, n = 0, others = 0;
	int64_t sum = 0;

	for (j = 0; j < NOWNERS; j++) {
		o = mode_owner(&m->f[f].s[i], j);
		/* Of the dead who go with their value nothing is learnt. */
		if (j >= NPROCS && pdc_mode_dead(mode_of(m, f)) == DEAD_GO) {
			n += 2 * (o->has != NO);
			continue;
		}
		if (!v->shown)
			owner_learn(o, 0, 0);
		if (o->has == MAYBE || (o->has == YES && o->vague)) {
			odd = o;
			n++;
		} else if (o->has == YES) {
			sum += o->value;
			others++;
		}
	}
	if (n == 1 && others == 0)
		owner_learn(odd, 1, v->v.at[0]);
	else if (n == 1 && odd->has == YES &&
	    pdc_mode_rule(mode_of(m, f)) == RULE_SUM)
		owner_learn(odd, 1, v->v.at[0] - sum);
}

void
mode_adopt(struct model *m, const struct view *view, int f, int i)
{
	const struct view_series *v = &view->s[f][i];
	struct mseries *s = &m->f[f].s[i];
	int slot;

	if (v->shown)
		m->f[f].hidden = NO;
	if (model_flying(s))
		return;
	if (!mode_slots(m, f))
		adopt_all(m, v, f, i);
	for (slot = 0; slot < NSLOTS && mode_slots(m, f); slot++)
		adopt_slot(m, v, f, s, slot);
}

void
mode_count(const struct model *m, int f, int i, uint64_t *lo, uint64_t *hi)
{
	int j;

	for (j = 0; j < NOWNERS; j++) {
		const struct mowner *o = mode_look(&m->f[f].s[i], j);

		*lo += o->made == YES;
		*hi += o->made != NO;
	}
}
