/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * What happens to processes and files, and what is lost by it.
 */

#include <string.h>

#include "base/modes.h"
#include "model/amounts.h"
#include "model/model.h"
#include "model/modes.h"

void
model_lose(struct model *m, uint64_t epoch)
{
	int k, f, i, c;

	for (k = 0; k < NOLD && m->old[k] != 0; k++)
		continue;
	m->old[k] = epoch;
	m->lossy = m->torn = 1;
	m->drops_known = 0;
	for (i = 0; i < NPROCS; i++)
		if (m->p[i].open && m->p[i].epoch == epoch)
			m->p[i].maps |= (uint8_t)(1 << k);
	for (f = 0; f < NFAMS; f++) {
		m->f[f].page = 0;
		for (i = 0; i < NSERS; i++) {
			struct mseries *s = &m->f[f].s[i];
			int flew = model_flying(s);

			s->removed_old &= (uint8_t) ~(1 << k);
			if (amounts_any(&s->unseen) && !flew)
				s->flyer = -1;
			if (amounts_any(&s->unseen))
				model_idle_from(m, s);
			if (s->flight == POOL_RING)
				s->flight = (int8_t)(POOL_OLD + k);
			for (c = POOL_RING; c <= POOL_LATE; c++) {
				amounts_add(&s->in[POOL_OLD + k], &s->in[c], 1);
				amounts_add(&s->may[POOL_OLD + k], &s->may[c],
				    1);
				amounts_zero(&s->in[c]);
				amounts_zero(&s->may[c]);
			}
			amounts_add(&s->in[POOL_OLD + k], &s->unseen, 1);
			amounts_zero(&s->unseen);
			mode_lose(s, k);
		}
	}
}

/* Whether anything is in a pool. */
static int
model_holds(const struct model *m, int k)
{
	int f, i;

	for (f = 0; f < NFAMS; f++)
		for (i = 0; i < NSERS; i++)
			if (amounts_any(&m->f[f].s[i].in[k]) ||
			    amounts_any(&m->f[f].s[i].may[k]))
				return 1;
	return 0;
}

/* Nobody brings in this pool any more. */
static void
model_forget(struct model *m, int k)
{
	int f, i;

	for (f = 0; f < NFAMS; f++)
		for (i = 0; i < NSERS; i++) {
			struct mseries *s = &m->f[f].s[i];

			if (!amounts_any(&s->in[k]) && !amounts_any(&s->may[k]))
				continue;
			amounts_add(&s->lo, &s->in[k], -1);
			amounts_zero(&s->in[k]);
			amounts_zero(&s->may[k]);
			if (i == ALL)
				continue;
			s->vague = 1;
			s->stirred = 1;
			mode_forget(s, k);
			model_idle_use(m, f, i, 0);
			if (s->present == NO)
				s->present = MAYBE;
		}
}

void
model_unmap(struct model *m)
{
	int i, k, maps = 0, now = 0, any;

	for (k = 0; k < NOLD; k++)
		for (i = 0; i < NPROCS; i++)
			if (m->p[i].open &&
			    (m->p[i].epoch == m->old[k] ||
				m->p[i].handles == m->old[k]))
				now |= 1 << k;
	for (i = 0; i < NPROCS; i++)
		if (m->p[i].open)
			maps |= m->p[i].maps;
	for (k = 0; k < NOLD; k++) {
		any = model_holds(m, POOL_OLD + k);
		if (m->old[k] == 0 || (maps & 1 << k && (any || now & 1 << k)))
			continue;
		if (any)
			model_forget(m, POOL_OLD + k);
		m->old[k] = 0;
		for (i = 0; i < NPROCS; i++)
			m->p[i].maps &= (uint8_t) ~(1 << k);
	}
}

/* Whether a checkpoint now may find that a family was used. */
static int
family_stirred(const struct mfamily *f)
{
	int i, any = f->stirred || model_flies(f);

	for (i = 0; i < NSERS; i++)
		any |= amounts_any(&f->s[i].unseen);
	return any;
}

/* It tries to make a checkpoint before it goes. */
static void
family_left(struct model *m, struct mfamily *f)
{
	int i;

	f->left = f->stirred = 1;
	for (i = 0; i < NSERS; i++)
		if (amounts_any(&f->s[i].unseen))
			model_idle_from(m, &f->s[i]);
}

void
model_gone(struct model *m, int proc, int leaves)
{
	struct mproc *p = &m->p[proc];
	int f, i, k;

	for (f = 0; f < NFAMS; f++)
		if (family_stirred(&m->f[f])) {
			model_use(m, f, 0);
			family_left(m, &m->f[f]);
		}
	for (k = POOL_OWN; leaves && k < NPOOLS; k++)
		if (model_settles(m, proc, k, 0))
			for (f = 0; f < NFAMS; f++)
				for (i = 0; i < NSERS; i++)
					model_arrived(m, f, i, k);
	mode_died(m, proc);
	memset(p, 0, sizeof(*p));
	model_forget(m, POOL_OWN + proc);
	model_unmap(m);
}

/*
 * What is left of a family's time goes on by the wall clock, from the first
 * checkpoint on.
 */
static void
model_awake(struct model *m)
{
	struct mfamily *mf;
	int64_t ttl, left;
	int f;

	for (f = 0; f < NFAMS; f++) {
		mf = &m->f[f];
		mf->page = 0;
		ttl = shape_ttl(&shapes[f]);
		if (mf->due_hi == 0 || ttl <= 0)
			continue;
		left = mf->wall_lo - m->wall;
		mf->due_lo = m->mono + (left < ttl ? left : ttl);
		left = mf->wall_hi - m->wall;
		mf->due_hi = m->mono + (left < ttl ? left : ttl) + 20 * TICK;
	}
}

void
model_reboot(struct model *m)
{
	int f, i, k, c;

	for (f = 0; f < NFAMS; f++)
		for (i = 0; i < NSERS; i++) {
			struct mseries *s = &m->f[f].s[i];

			if (i != ALL &&
			    (amounts_any(&s->unseen) || model_flying(s)))
				s->vague = 1;
			for (c = 0; c < NCOMPS; c++) {
				s->lo.at[c] -= s->unseen.at[c];
				s->unseen.at[c] = 0;
			}
			mode_reboot(&m->f[f], s);
		}
	for (k = 0; k < NPOOLS; k++)
		model_forget(m, k);
	memset(m->old, 0, sizeof(m->old));
	model_awake(m);
	model_idle_reboot(m);
	m->torn = 0;
	m->drops_known = 1;
	memset(m->drops, 0, sizeof(m->drops));
	m->lossy = 1;
}

void
model_grace(struct model *m)
{
	int f, i;

	for (f = 0; f < NFAMS; f++)
		for (i = 0; i < NSERS; i++)
			model_arrived(m, f, i, POOL_LATE);
}

/* The lowest slot that nobody has. */
static int
ident_free(const struct model *m)
{
	int slot, p, free = 0;

	for (slot = 1; !free; slot += !free)
		for (free = 1, p = 0; p < NPROCS; p++)
			free &= m->p[p].slot != slot;
	return slot;
}

const char *
model_ident(struct model *m, int proc, uint64_t ident)
{
	struct mproc *p = &m->p[proc];
	int want;

	if (ident == p->ident)
		return NULL;
	if (p->ident != 0)
		mode_died(m, proc);
	p->ident = ident;
	p->slot = 0;
	want = ident_free(m);
	p->slot = ident != 0 ? (int)ident_slot(ident) + 1 : 0;
	return ident == 0 || p->slot == want ? NULL : "has not the lowest slot";
}
