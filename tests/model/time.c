/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Time passes.  What is due soon is not left to the steps between: all that is
 * under way is brought in, the clocks go on to when the next one is surely
 * over, and what has ended must be gone from the next page; but for what is
 * used once more before anybody has ended it.  Now and then there is a page
 * just before a series is due, too.
 */

#include "base/modes.h"
#include "model/budget.h"
#include "model/drive.h"

#define S INT64_C(1000000000)
#define SOON (3 * S)
#define EARLY (6 * TICK) /* longer than a checkpoint between two pages */

struct due {
	int family[NFAMS], series[NFAMS][NSERS];
};

void
drive_settle(struct drive *d)
{
	int i;

	for (i = 0; i < NPROCS && !d->failed; i++)
		if (d->m.p[i].open) {
			drive_order(d, i, ORDER_CHECKPOINT);
			drive_do(d, i);
		}
	d->since = 0;
}

/* When a family ends: not before this, but for pages. */
static int64_t
time_family(const struct mfamily *f, int other, int k)
{
	int64_t paged = f->page + shape_ttl(shape_of(k, other));

	return f->page != 0 && paged > f->due_lo ? paged : f->due_lo;
}

/*
 * Whether anything may end between from and to; the latest time at which it
 * may.
 */
static int64_t
time_next(const struct model *m, int64_t from, int64_t to)
{
	const struct mfamily *mf;
	int64_t last = 0, hi;
	int f, i;

	for (f = 0; f < NFAMS; f++) {
		mf = &m->f[f];
		if (mf->due_hi > last && mf->due_hi >= from &&
		    time_family(mf, mf->other, f) <= to)
			last = mf->due_hi;
		for (i = 0; i < NSERS; i++) {
			hi = model_idle_hi(m, f, i);
			if (hi > last && hi >= from &&
			    model_idle_lo(m, f, i) <= to)
				last = hi;
		}
	}
	return last;
}

/* Move the clocks until no deadline is near. */
static void
time_clear(struct drive *d, int64_t ns)
{
	struct model *m = &d->m;
	int64_t last;

	do {
		m->mono += ns;
		m->wall += ns;
		last = time_next(m, m->mono, m->mono + SOON);
		ns = last + TICK - m->mono;
	} while (last != 0);
}

static int
family_unseen(const struct mfamily *f)
{
	int i, c, any = 0;

	for (i = 0; i < NSERS; i++)
		for (c = 0; c < NCOMPS; c++)
			any |= f->s[i].unseen.at[c] != 0;
	return any;
}

/* Whether it was used again: surely, or perhaps. */
static enum maybe
series_used(const struct mseries *s)
{
	int c, k, any = 0;

	for (c = 0; c < NCOMPS; c++) {
		any |= s->unseen.at[c] != 0;
		for (k = 0; k < NPOOLS; k++)
			any |= s->in[k].at[c] != 0;
	}
	return any ? YES : model_flying(s) ? MAYBE : NO;
}

/* What has had its time; whether there is anything. */
static int
time_due(const struct model *m, struct due *due)
{
	int f, i, any = 0;
	int64_t hi;

	for (f = 0; f < NFAMS; f++) {
		due->family[f] = m->f[f].due_hi != 0 &&
		    m->f[f].due_hi < m->mono;
		any |= due->family[f];
		for (i = 0; i < NSERS; i++) {
			hi = model_idle_hi(m, f, i);
			due->series[f][i] = hi != 0 && hi < m->mono;
			any |= due->series[f][i];
		}
	}
	return any;
}

static uint8_t
time_op(int f)
{
	if (pdc_mode_only_set((int)shapes[f].mode))
		return DO_SET;
	return f == F_B ? DO_ON : DO_ADD;
}

static void
time_use(struct drive *d, int p, int f, int s)
{
	struct order *o;

	if (f == F_I || !d->m.p[p].has[f][s])
		return;
	/* What finds no room is no use. */
	if (budget_open(&d->m, f, s) && !budget_takes(&d->m, f))
		return;
	o = drive_order(d, p, ORDER_UPDATE);
	o->nitems = 1;
	o->items[0] = (struct item){ .f = (uint8_t)f,
		.s = (uint8_t)s,
		.op = time_op(f),
		.amount = 1 };
	drive_do(d, p);
}

/* Some of those whose time has passed are counted before anybody ends them. */
static void
time_revive(struct drive *d, int p, const struct due *due)
{
	int f, i, s = (int)drive_random(d, NSERS);

	for (f = 0; f < NFAMS && !d->quiet; f++) {
		if (due->family[f] && drive_random(d, 3) == 0)
			time_use(d, p, f, s);
		for (i = 0; i < NSERS; i++)
			if (due->series[f][i] && drive_random(d, 6) == 0)
				time_use(d, p, f, i);
	}
}

/* In the model they end, as the next page has it. */
static void
time_end(struct model *m, const struct due *due)
{
	int f, i;

	for (f = 0; f < NFAMS; f++) {
		if (due->family[f] && !model_flies(&m->f[f]) &&
		    !family_unseen(&m->f[f]))
			model_end(m, f);
		for (i = 0; i < NSERS; i++)
			if (due->series[f][i])
				model_idle_end(m, f, i,
				    series_used(&m->f[f].s[i]));
	}
}

static void
time_pages(struct drive *d, int p)
{
	int f, flies = 0;

	for (f = 0; f < NFAMS; f++)
		flies |= model_flies(&d->m.f[f]);
	/* At the end of a run no page lets others live on. */
	if (d->quiet && settings.refresh)
		flies = 1;
	/* What a ring has is drained before the family ends: it goes on. */
	if (!flies)
		drive_look(d, p);
	drive_order(d, p, ORDER_CHECKPOINT);
	drive_do(d, p);
	if (!d->quiet || !settings.refresh)
		drive_look(d, p);
}

/* A page before a series is due, if nothing else ends then; it is there. */
static void
time_early(struct drive *d, int64_t until)
{
	int f = F_CI + (int)drive_random(d, F_HI - F_CI + 1);
	int s = (int)drive_random(d, NSERS), p;
	struct model *m = &d->m;
	int64_t at = model_idle_lo(m, f, s) - EARLY;
	struct due due;

	if (at <= m->mono + EARLY || at >= until ||
	    time_next(m, at - TICK, at + EARLY - 1) != 0)
		return;
	p = drive_some(d);
	m->wall += at - m->mono;
	m->mono = at;
	drive_note(d, "time, early", (long long)(at / S));
	time_due(m, &due);
	time_end(m, &due);
	time_pages(d, p);
}

void
drive_time(struct drive *d, int64_t ns)
{
	int64_t until = d->m.mono + ns;
	int f, any, p;
	struct due due;

	any = time_next(&d->m, d->m.mono, until + SOON) != 0;
	for (f = 0; f < NFAMS && ns > 0; f++)
		any |= model_flies(&d->m.f[f]) &&
		    (shape_ttl(&shapes[f]) > 0 || shapes[f].idle_s > 0);
	if (any)
		drive_settle(d);
	if (ns > 0)
		time_early(d, until);
	time_clear(d, until > d->m.mono ? until - d->m.mono : 0);
	if (ns > 0 || any)
		drive_note(d, "time", (long long)(ns / S));
	if (!time_due(&d->m, &due) || d->failed)
		return;
	p = drive_some(d);
	time_revive(d, p, &due);
	time_end(&d->m, &due);
	time_pages(d, p);
}
