/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The budget of the store: so many series in each family, and what is beyond is
 * counted in one more, OVER, or dropped where the family has none.
 *
 * What a process counts into OVER it tells.  Only of what comes by a ring or a
 * sum it is not known where it will be counted, if there may be no room by
 * then: it may be in both, and ALL, the sum of the family, has it once.
 */

#include <stdio.h>

#include "model/amounts.h"
#include "model/budget.h"

int
budget_on(const struct model *m, int f)
{
	return settings.max_series > 0 && shape_of(f, m->f[f].other)->nsers > 1;
}

int
budget_takes(const struct model *m, int f)
{
	return budget_on(m, f) && !shape_gauge(shape_of(f, m->f[f].other));
}

/* Series of labels that are there, but for one; also those that may be. */
static uint64_t
budget_count(const struct model *m, int f, int but, int maybe)
{
	const struct mseries *s = m->f[f].s;
	uint64_t n = 0;
	int i;

	for (i = 0; i < NLABELS; i++)
		n += i != but &&
		    (s[i].present == YES ||
			(maybe && (s[i].present != NO || model_flying(&s[i]))));
	return n;
}

int
budget_open(const struct model *m, int f, int i)
{
	return budget_on(m, f) && i < NLABELS && m->f[f].s[i].present != YES &&
	    budget_count(m, f, i, 1) >= settings.max_series;
}

int
budget_doubt(const struct model *m, int f, int i)
{
	return budget_open(m, f, i) || (m->f[f].s[i].open && m->f[f].crowded);
}

int
budget_full(const struct model *m, int f, int i)
{
	const struct mseries *s = &m->f[f].s[i];

	return budget_on(m, f) && i < NLABELS && s->present == NO &&
	    !model_flying(s) && budget_count(m, f, i, 0) >= settings.max_series;
}

static void
budget_maybe(struct mseries *s)
{
	if (s->present == NO)
		s->present = MAYBE;
}

void
budget_crowds(struct model *m, int f)
{
	if (budget_on(m, f) && model_flies(&m->f[f]) &&
	    budget_count(m, f, -1, 1) > settings.max_series)
		m->f[f].crowded = 1;
}

void
budget_quiet(struct model *m, int f)
{
	int i;

	m->f[f].crowded = 0;
	for (i = 0; i < NSERS; i++)
		m->f[f].s[i].open = 0;
}

void
budget_update(struct model *m, int f, int i, int pool, int comp, int64_t amount)
{
	struct mseries *s = m->f[f].s;

	if (!budget_on(m, f) || pool == POOL_NONE || i >= NLABELS)
		return;
	budget_crowds(m, f);
	if (s[i].present == YES)
		return;
	s[i].open = 1;
	if (!budget_takes(m, f))
		return;
	s[OVER].hi.at[comp] += amount;
	s[OVER].may[pool].at[comp] += amount;
	model_idle_from(m, &s[OVER]);
}

int
budget_arrived(struct model *m, int f, int i, const struct amounts *in)
{
	struct mseries *s = m->f[f].s;

	if (!budget_doubt(m, f, i))
		return 0;
	if (!budget_takes(m, f)) {
		if (s[i].present != YES)
			s[i].present = budget_full(m, f, i) ? NO : MAYBE;
		s[i].vague = 1;
		return 1;
	}
	amounts_add(&s[i].lo, in, -1);
	budget_maybe(&s[i]);
	budget_maybe(&s[OVER]);
	return 1;
}

void
budget_over(struct model *m, int f, int i)
{
	struct mseries *s = m->f[f].s;
	int k;

	s[ALL].vague = 1;
	if (!budget_takes(m, f) || i >= NLABELS)
		return;
	for (k = 0; k < NPOOLS; k++) {
		amounts_add(&s[OVER].may[k], &s[i].may[k], 1);
		amounts_add(&s[OVER].hi, &s[i].may[k], 1);
	}
}

int
budget_named(struct model *m, int f, int i, int comp, int64_t amount)
{
	struct mseries *s = m->f[f].s;

	if (!budget_takes(m, f) || !budget_open(m, f, i))
		return i;
	if (budget_full(m, f, i))
		return OVER;
	s[i].hi.at[comp] += amount;
	s[OVER].hi.at[comp] += amount;
	budget_maybe(&s[i]);
	budget_maybe(&s[OVER]);
	model_idle_use(m, f, i, 0);
	model_idle_use(m, f, OVER, 0);
	budget_crowds(m, f);
	return NSERS;
}

void
budget_cut(struct model *m, int proc, int f, int i)
{
	struct mseries *s = m->f[f].s;
	int full = budget_full(m, f, i);

	if (full && budget_takes(m, f)) {
		model_made(m, proc, f, OVER);
	} else if (!full) {
		budget_maybe(&s[i]);
		model_idle_use(m, f, i, 0);
		if (budget_takes(m, f)) {
			budget_maybe(&s[OVER]);
			model_idle_use(m, f, OVER, 0);
		}
	}
}

void
budget_declared(struct model *m, int f, int sure)
{
	struct mseries *s = &m->f[f].s[OVER];

	if (!budget_takes(m, f) || s->present == YES)
		return;
	s->present = sure ? YES : MAYBE;
	model_idle_use(m, f, OVER, sure);
}

const char *
budget_match(const struct model *m, const struct view *v, int f)
{
	static char words[160];
	const struct mseries *all = &m->f[f].s[ALL];
	struct amounts sum = { { 0, 0, 0 } };
	uint64_t n = 0;
	int i, c;

	for (i = 0; i < NLABELS; i++)
		n += (uint64_t)v->s[f][i].shown;
	for (i = 0; i <= OVER; i++)
		amounts_add(&sum, &v->s[f][i].v, 1);
	if (budget_on(m, f) && n > settings.max_series) {
		snprintf(words, sizeof(words), "%s: %llu series",
		    shapes[f].name, (unsigned long long)n);
		return words;
	}
	for (c = 0; c < NCOMPS && budget_takes(m, f) && !all->vague; c++)
		if (sum.at[c] < model_least(all, c) ||
		    sum.at[c] > all->hi.at[c]) {
			snprintf(words, sizeof(words),
			    "%s: [%d] is %lld in all, not %lld to %lld",
			    shapes[f].name, c, (long long)sum.at[c],
			    (long long)model_least(all, c),
			    (long long)all->hi.at[c]);
			return words;
		}
	return NULL;
}

void
budget_adopt(struct model *m, const struct view *v, int f)
{
	struct mseries *all = &m->f[f].s[ALL];
	int i;

	if (!budget_takes(m, f) || model_flies(&m->f[f]))
		return;
	amounts_zero(&all->lo);
	for (i = 0; i <= OVER; i++)
		amounts_add(&all->lo, &v->s[f][i].v, 1);
	all->hi = all->lo;
	all->vague = 0;
}

/* What pdc_labels() gave. */
const char *
budget_labels(const struct model *m, const struct order *o, int proc)
{
	int was = m->p[proc].over[o->f][o->s];

	if (!o->good)
		return NULL;
	if (!o->over)
		return budget_full(m, o->f, o->s) ? "exceeds the budget" : NULL;
	if (!budget_takes(m, o->f))
		return "overflows where nothing does";
	if (o->looked || !was)
		return budget_open(m, o->f, o->s) ? NULL :
						    "overflows, and has room";
	/* Now and then it has to look for room. */
	return o->hit == 0 && o->mono - m->p[proc].fault > 3 * ROOM &&
		o->mono - m->p[proc].looked[o->f] >= ROOM + TICK ?
	    "did not look for room" :
	    NULL;
}

/* 1 if an item of a transaction may be refused, 2 if it has to be. */
int
budget_refuses(const struct model *m, const struct item *it)
{
	const struct shape *sh = shape_of(it->f, m->f[it->f].other);
	int sets = shape_gauge(sh) || it->op == DO_SET ||
	    (it->op == DO_SETNX && it->got != 0);

	if (it->op == DO_GET || (it->op == DO_SETNX && it->got == 0) || !sets)
		return 0;
	return budget_full(m, it->f, it->s) ? 2 :
	    budget_open(m, it->f, it->s)    ? 1 :
					      0;
}
