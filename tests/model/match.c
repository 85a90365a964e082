/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Whether a page is one the model allows, and what is learnt from it.
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lane/cells.h"
#include "model/budget.h"
#include "model/model.h"
#include "model/modes.h"

static char words[512];

static const char *match_say(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

static const char *
match_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	return words;
}

static const char *
match_value(const struct mseries *s, const struct view_series *v,
    const struct shape *sh)
{
	int64_t least;
	int c;

	if (shape_gauge(sh)) {
		if (s->vague || model_flying(s) || v->v.at[0] == s->value)
			return NULL;
		return match_say("is %lld, not %lld", (long long)v->v.at[0],
		    (long long)s->value);
	}
	for (c = 0; c < sh->ncomps; c++) {
		least = model_least(s, c);
		if (v->v.at[c] < least || v->v.at[c] > s->hi.at[c])
			return match_say("[%d] is %lld, not %lld to %lld", c,
			    (long long)v->v.at[c], (long long)least,
			    (long long)s->hi.at[c]);
	}
	return NULL;
}

/* Created times never go back, nor counts without a new one. */
static const char *
match_rises(const struct model *m, const struct mseries *s,
    const struct view_series *v, const struct shape *sh)
{
	int c;

	if (v->created_ns < s->created_ns)
		return match_say("created %lld, before %lld",
		    (long long)v->created_ns, (long long)s->created_ns);
	if (v->created_ns == s->created_ns && s->fresh == YES)
		return match_say("has the created time of what is gone");
	if (v->created_ns != s->created_ns && s->created_ns != 0 &&
	    s->fresh == NO)
		return match_say("has a new created time, of nothing");
	if (m->lossy || shape_gauge(sh) || v->created_ns != s->created_ns)
		return NULL;
	for (c = 0; c < sh->ncomps; c++)
		if (v->v.at[c] < s->last.at[c])
			return match_say("[%d] is %lld, was %lld", c,
			    (long long)v->v.at[c], (long long)s->last.at[c]);
	return NULL;
}

static const char *
match_gone(const struct mseries *s, const struct shape *sh)
{
	int c;

	if (s->present == YES)
		return match_say("is not there");
	for (c = 0; c < sh->ncomps && !shape_gauge(sh); c++)
		if (model_least(s, c) > 0)
			return match_say("is not there, and was at least %lld",
			    (long long)model_least(s, c));
	return NULL;
}

static const char *
match_series(const struct model *m, const struct mseries *s,
    const struct view_series *v, const struct shape *sh)
{
	const char *bad;

	if (!v->shown)
		return match_gone(s, sh);
	if (s->present == NO && !model_flying(s))
		return match_say("is there, with %lld", (long long)v->v.at[0]);
	bad = match_value(s, v, sh);
	return bad != NULL ? bad : match_rises(m, s, v, sh);
}

/* What was dropped, and why: each is known, or has no cause here. */
static const char *
match_drops(const struct model *m, const struct view *v)
{
	static const int counted[] = { DROP_AMOUNT, DROP_NAN, DROP_TYPE },
			 never[] = { DROP_PENDING, DROP_NOSPACE, DROP_DAMAGED,
				 DROP_NONFINITE, DROP_RING_FULL, DROP_NOSLOT };
	size_t i;

	for (i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (v->drops[never[i]] != 0)
			return match_say("dropped: %s %llu",
			    pdc_cells_drop_word(never[i]),
			    (unsigned long long)v->drops[never[i]]);
	if (v->drops[DROP_MAX_SERIES] != 0 && settings.max_series == 0)
		return match_say("dropped: max series %llu",
		    (unsigned long long)v->drops[DROP_MAX_SERIES]);
	if (v->drops[DROP_SHAPE] != 0 && !m->reshaped)
		return match_say("dropped: shape %llu",
		    (unsigned long long)v->drops[DROP_SHAPE]);
	for (i = 0; m->drops_known && i < 3; i++)
		if (v->drops[counted[i]] != m->drops[i])
			return match_say("dropped: %s %llu, not %llu",
			    pdc_cells_drop_word(counted[i]),
			    (unsigned long long)v->drops[counted[i]],
			    (unsigned long long)m->drops[i]);
	if (v->anomalies != 0)
		return match_say("a checkpoint saw a count sink");
	return NULL;
}

const char *
model_match(const struct model *m, const struct view *v)
{
	return model_match_nth(m, v, 0);
}

const char *
model_match_nth(const struct model *m, const struct view *v, int nth)
{
	const char *bad;
	char at[512];
	int f, i;

	if (v->wrong[0] != '\0')
		return v->wrong;
	for (f = 0; f < NFAMS; f++) {
		for (i = 0; i < ALL; i++) {
			const struct shape *sh = shape_of(f, m->f[f].other);

			if (f == F_X && v->s[f][i].shown &&
			    v->other != m->f[f].other)
				return match_say("%s has another type",
				    sh->name);
			bad = mode_family(m, f) ?
			    mode_match(m, v, f, i) :
			    match_series(m, &m->f[f].s[i], &v->s[f][i], sh);
			if (bad == NULL || nth-- > 0)
				continue;
			snprintf(at, sizeof(at), "%s", bad);
			return match_say("%s v%d %s", sh->name, i, at);
		}
		bad = budget_match(m, v, f);
		if (bad != NULL && nth-- <= 0)
			return bad;
	}
	return match_drops(m, v);
}

void
model_adopt(struct model *m, const struct view *view)
{
	int f, i, flying = 0;

	for (f = 0; f < NFAMS; f++) {
		for (i = 0; i < ALL; i++) {
			const struct view_series *v = &view->s[f][i];
			struct mseries *s = &m->f[f].s[i];
			int flies = model_flying(s);

			flying |= flies;
			if (mode_family(m, f)) {
				mode_adopt(m, view, f, i);
				continue;
			}
			if (!flies && !v->shown)
				s->used_lo = s->used_hi = 0;
			if (!flies) {
				s->present = v->shown ? YES : NO;
				s->lo = s->hi = v->v;
				s->value = v->v.at[0];
				s->vague = 0;
			}
			if (v->shown) {
				s->present = YES;
				s->fresh = NO;
				s->created_ns = v->created_ns;
				s->last = v->v;
				m->f[f].hidden = NO;
			} else {
				s->fresh = s->created_ns != 0 ? YES : MAYBE;
			}
			s->shown = (uint8_t)v->shown;
		}
		budget_adopt(m, view, f);
	}
	if (!flying && !model_lost(m))
		m->lossy = 0;
}

static void
merge_maybe(uint8_t *a, uint8_t b)
{
	if (*a != b)
		*a = MAYBE;
}

static void
merge_series(struct mseries *a, const struct mseries *b)
{
	int c, k;

	for (c = 0; c < NCOMPS; c++) {
		int64_t in, least = model_least(a, c);

		if (model_least(b, c) < least)
			least = model_least(b, c);
		if (b->hi.at[c] > a->hi.at[c])
			a->hi.at[c] = b->hi.at[c];
		a->lo.at[c] = least;
		for (k = 0; k < NPOOLS; k++) {
			in = a->in[k].at[c];
			if (b->in[k].at[c] < in)
				in = b->in[k].at[c];
			if (b->in[k].at[c] + b->may[k].at[c] >
			    a->in[k].at[c] + a->may[k].at[c])
				a->may[k].at[c] = b->in[k].at[c] +
				    b->may[k].at[c] - in;
			else
				a->may[k].at[c] += a->in[k].at[c] - in;
			a->in[k].at[c] = in;
			a->lo.at[c] += in;
		}
		if (b->unseen.at[c] > a->unseen.at[c])
			a->unseen.at[c] = b->unseen.at[c];
	}
	if (a->value != b->value || b->vague)
		a->vague = 1;
	if (a->flyer != b->flyer)
		a->flyer = -1;
	merge_maybe(&a->present, b->present);
	merge_maybe(&a->fresh, b->fresh);
	a->removed_old |= b->removed_old;
	a->open |= b->open;
	model_idle_merge(a, b);
	mode_merge(a, b);
}

void
model_merge(struct model *m, const struct model *o)
{
	int f, i;

	for (f = 0; f < NFAMS; f++) {
		struct mfamily *a = &m->f[f];
		const struct mfamily *b = &o->f[f];

		for (i = 0; i < NSERS; i++)
			merge_series(&a->s[i], &b->s[i]);
		merge_maybe(&a->hidden, b->hidden);
		a->stirred |= b->stirred;
		a->left |= b->left;
		a->crowded |= b->crowded;
		if (b->folds > a->folds)
			a->folds = b->folds;
		if (b->due_hi > a->due_hi)
			a->due_hi = b->due_hi;
		if (b->due_lo < a->due_lo)
			a->due_lo = b->due_lo;
		if (a->page != b->page)
			a->page = 0;
	}
	m->drops_known &= o->drops_known;
	m->reshaped |= o->reshaped;
	m->lossy |= o->lossy;
	m->seq = o->seq > m->seq ? o->seq : m->seq;
}
