/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Gauges of which each process has a value, on a page: one of all, or one of
 * each slot; and what a page tells of values that were not known.
 */

#include <stdio.h>

#include "base/modes.h"
#include "model/modes.h"

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
		g->value = mode_both(mode, g->value, o->value);
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
	const struct mseries *s = &m->f[f].s[i];
	int j, stays = pdc_mode_dead(mode_of(m, f)) == DEAD_STAY;

	for (j = 0; j < NOWNERS; j++) {
		const struct mowner *o = mode_look(s, j), *live;

		if (j >= NPROCS && stays && mode_slots(m, f)) {
			/* The last in his slot that has a value. */
			live = slot_owner(m, s, j - NPROCS);
			*lo += o->made == YES && o->has == YES &&
			    (live == NULL || live->has == NO);
			*hi += o->made != NO && o->has != NO &&
			    (live == NULL || live->has != YES);
			*hi += o->dying;
			continue;
		}
		*lo += o->made == YES;
		*hi += (o->made != NO) + o->kept;
	}
}
