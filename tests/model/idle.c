/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Series that end by themselves when nobody has used them for their idle time.
 *
 * The store notes a use when it sees it, and not again within a step; a series
 * ends a step after its time.  So the end is known as well as the time of the
 * use that was noted: to the length of an order, but where somebody may have
 * seen what was on its way before.
 */

#include "model/amounts.h"
#include "model/budget.h"
#include "model/model.h"

#define S INT64_C(1000000000)

static int64_t
idle_ns(const struct model *m, int f)
{
	return (int64_t)(shape_of(f, m->f[f].other)->idle_s * 1e9);
}

static int64_t
idle_step(int64_t idle)
{
	return idle / 16 < S ? idle / 16 : S;
}

int64_t
model_idle_lo(const struct model *m, int f, int i)
{
	int64_t idle = idle_ns(m, f);

	return idle == 0 || i == ALL || m->f[f].s[i].used_hi == 0 ?
	    0 :
	    m->f[f].s[i].used_lo + idle + idle_step(idle);
}

int64_t
model_idle_hi(const struct model *m, int f, int i)
{
	int64_t idle = idle_ns(m, f);

	return idle == 0 || i == ALL || m->f[f].s[i].used_hi == 0 ?
	    0 :
	    m->f[f].s[i].used_hi + idle + idle_step(idle);
}

/* Used at some time between from and to; or, if that is not sure, not. */
static void
idle_used(struct model *m, int f, int i, int64_t from, int64_t to, int sure)
{
	struct mseries *s = &m->f[f].s[i];
	int64_t step = idle_step(idle_ns(m, f));

	int stays, moves;

	stays = s->used_hi != 0 && (!sure || from - s->used_hi < step);
	moves = s->used_hi == 0 || to - s->used_lo >= step;
	/* Whoever had the number before may have been noted a step ago. */
	if (!stays)
		s->used_lo = s->used_hi == 0 ? from - step : from;
	if (moves && to > s->used_hi)
		s->used_hi = to;
}

void
model_idle_use(struct model *m, int f, int i, int sure)
{
	struct mseries *s = &m->f[f].s[i];

	idle_used(m, f, i, s->from != 0 ? s->from : m->mono, m->mono + TICK,
	    sure);
	if (!model_flying(s) && !amounts_any(&s->unseen))
		s->from = 0;
}

/* In this order, whatever is on its way. */
void
model_idle_named(struct model *m, int f, int i)
{
	idle_used(m, f, i, m->mono, m->mono + TICK, 1);
}

void
model_idle_from(struct model *m, struct mseries *s)
{
	if (s->from == 0)
		s->from = m->mono;
}

/* A gauge's cell that was set by a transaction is seen once more. */
void
model_idle_stirred(struct model *m, int f, int i)
{
	struct mseries *s = &m->f[f].s[i];

	if (s->stirred && shape_gauge(shape_of(f, m->f[f].other)))
		idle_used(m, f, i, m->mono, m->mono + TICK, 0);
	if (!model_lost(m) && !model_flying(s))
		s->stirred = 0;
}

void
model_idle_end(struct model *m, int f, int i, enum maybe used)
{
	struct mseries *s = &m->f[f].s[i];

	if (used == YES)
		return;
	if (used == MAYBE) {
		amounts_zero(&s->lo);
		s->vague = 1;
		s->present = s->fresh = MAYBE;
		m->f[f].s[ALL].vague = 1;
		return;
	}
	model_over(-1, &m->f[f].s[i]);
	budget_over(m, f, i);
	m->f[f].s[i].present = NO;
}

/* All have been used just now, says the first checkpoint. */
void
model_idle_reboot(struct model *m)
{
	struct mseries *s;
	int f, i;

	for (f = 0; f < NFAMS; f++)
		for (i = 0; i < NSERS; i++) {
			s = &m->f[f].s[i];
			s->from = 0;
			if (s->used_hi == 0)
				continue;
			s->used_lo = m->mono;
			s->used_hi = m->mono + S;
		}
}

void
model_idle_merge(struct mseries *a, const struct mseries *b)
{
	if (a->used_hi == 0 || (b->used_hi != 0 && b->used_lo < a->used_lo))
		a->used_lo = b->used_lo;
	if (b->used_hi > a->used_hi)
		a->used_hi = b->used_hi;
	a->stirred |= b->stirred;
	if (a->from == 0 || (b->from != 0 && b->from < a->from))
		a->from = b->from;
}
