/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * What an order does to the model, and what may be told back.
 */

#include <stdio.h>
#include <string.h>

#include "model/budget.h"
#include "model/drive.h"
#include "model/modes.h"

static char words[256];

static int
any_in(const struct mseries *s, int k, int also_may)
{
	int c, any = 0;

	for (c = 0; c < NCOMPS; c++)
		any |= s->in[k].at[c] != 0 ||
		    (also_may && s->may[k].at[c] != 0);
	return any;
}

/* The same of what each process has: there is one of somebody. */
static enum maybe
result_made(const struct model *m, int f, int si, int proc)
{
	const struct mseries *s = &m->f[f].s[si];
	uint64_t lo = 0, hi = 0;

	mode_count(m, f, si, &lo, &hi);
	if (any_in(s, POOL_RING, 0) || any_in(s, POOL_OWN + proc, 0))
		return YES;
	if (model_flying(s))
		return lo > 0 ? YES : MAYBE;
	return lo > 0 ? YES : hi > 0 ? MAYBE : NO;
}

/* Whether the series is there once proc has drained. */
static enum maybe
result_there(const struct model *m, int f, int si, int proc)
{
	const struct mseries *s = &m->f[f].s[si];
	int k;

	if (mode_family(m, f))
		return result_made(m, f, si, proc);
	if (model_flying(s) && budget_doubt(m, f, si))
		return s->present == YES ? YES : MAYBE;
	if (s->present == YES || any_in(s, POOL_RING, 0) ||
	    any_in(s, POOL_OWN + proc, 0))
		return YES;
	for (k = 0; k < NPOOLS; k++)
		if (any_in(s, k, 1))
			return MAYBE;
	return (enum maybe)s->present;
}

static const char *
result_is(const struct order *o, int want)
{
	if (o->ret == want)
		return NULL;
	snprintf(words, sizeof(words), "order %d gave %d, not %d: %.150s",
	    o->kind, o->ret, want, o->words);
	return words;
}

static const char *
result_series(const struct model *m, const struct order *o, int proc)
{
	enum maybe there = result_there(m, o->f, o->s, proc);
	int want = 0;

	if (m->p[proc].gen[o->f] != m->f[o->f].gen)
		return result_is(o, PDC_EEXIST);
	if (o->kind == ORDER_RESET &&
	    shape_gauge(shape_of(o->f, m->f[o->f].other)))
		want = PDC_EINVAL;
	if (there == NO || (there == MAYBE && o->ret == PDC_ENOENT))
		want = PDC_ENOENT;
	return result_is(o, want);
}

static const char *
result_declare(const struct model *m, const struct order *o)
{
	const struct mfamily *f = &m->f[o->f];

	if (!f->declared || o->other == f->other)
		return result_is(o, 0);
	if (f->hidden == YES && !model_flies(f))
		return result_is(o, 0);
	if (f->hidden != NO && o->ret == 0)
		return NULL;
	return result_is(o, PDC_EEXIST);
}

static const char *
result_labels(const struct model *m, const struct order *o, int proc)
{
	const struct mproc *p = &m->p[proc];

	/* Of another shape there may be a handle still, which nobody holds. */
	if (p->gen[o->f] != m->f[o->f].gen && o->ret == PDC_EEXIST)
		return NULL;
	return o->ret == 0 ? budget_labels(m, o, proc) : result_is(o, 0);
}

/* A gauge that each process has: of all of them. */
static const char *
result_get_mode(const struct model *m, const struct item *it)
{
	int64_t v = 0;
	int there = mode_value(m, it->f, it->s, &v);

	if (it->ret != 0 && it->ret != PDC_ENOENT) {
		snprintf(words, sizeof(words), "get of a mode gave %d",
		    it->ret);
		return words;
	}
	if (there == -1 || (it->ret == 0 && there && (int64_t)it->got == v) ||
	    (it->ret == PDC_ENOENT && !there))
		return NULL;
	snprintf(words, sizeof(words), "get %s v%d gave %d, %lld, not %d, %lld",
	    shapes[it->f].name, it->s, it->ret, (long long)it->got, there,
	    (long long)v);
	return words;
}

/* One number of a transaction, of the model as the calls before left it. */
static const char *
result_get(const struct model *m, const struct item *it)
{
	const struct mseries *s = &m->f[it->f].s[it->s];
	const struct shape *sh = shape_of(it->f, m->f[it->f].other);
	int64_t lo = 0, hi = 0, got = (int64_t)it->got;
	int c, last = sh->type == PDC_HISTOGRAM ? it->comp : 0;

	if (mode_family(m, it->f))
		return result_get_mode(m, it);
	if (it->ret == PDC_ENOENT && s->present != YES)
		return NULL;
	if (it->ret != 0) {
		snprintf(words, sizeof(words), "get %s v%d gave %d", sh->name,
		    it->s, it->ret);
		return words;
	}
	if (shape_gauge(sh)) {
		lo = hi = sh->type == PDC_STATESET ? s->value >> it->comp & 1 :
						     s->value;
		if (s->vague || model_flying(s))
			return NULL;
	}
	for (c = 0; !shape_gauge(sh) && c <= last; c++) {
		lo += model_least(s, c);
		hi += s->hi.at[c];
	}
	if (got >= lo && got <= hi && (s->present != NO || model_flying(s)))
		return NULL;
	snprintf(words, sizeof(words), "get %s v%d is %lld, not %lld to %lld",
	    sh->name, it->s, (long long)got, (long long)lo, (long long)hi);
	return words;
}

static void
result_item(struct model *m, const struct item *it, int proc)
{
	const struct shape *sh = shape_of(it->f, m->f[it->f].other);
	int op = it->op;

	if (op == DO_GET || (op == DO_SETNX && it->got == 0))
		return;
	if (op == DO_SETNX)
		op = DO_SET;
	if (op == DO_SET && sh->type == PDC_COUNTER)
		model_reset(m, proc, it->f, it->s, it->amount);
	else
		model_named(m, it->f, it->s,
		    sh->type == PDC_HISTOGRAM ? it->comp : 0, op, it->amount);
}

static int
result_sets(const struct order *o)
{
	int i, n = 0;

	for (i = 0; i < o->nitems; i++)
		n += o->items[i].op == DO_SET || o->items[i].op == DO_ON ||
		    o->items[i].op == DO_OFF ||
		    (o->items[i].op == DO_SETNX && o->items[i].got != 0);
	return n > 0;
}

/*
 * Whether a number is read that this transaction has written before, and that
 * may be counted elsewhere: it is told as it was written.
 */
static int
result_beyond(const struct model *m, const struct order *o, int i)
{
	const struct item *it = &o->items[i], *w;

	for (w = o->items; w < it; w++)
		if (w->f == it->f && w->s == it->s && w->op != DO_GET &&
		    budget_open(m, it->f, it->s))
			return 1;
	return 0;
}

static const char *
result_txn(const struct model *m, const struct order *o, int proc)
{
	static struct model after;
	int i, reads = 0, again = 0, full = 0;
	const char *bad = NULL;

	after = *m;
	for (i = 0; i < o->nitems && bad == NULL; i++) {
		const struct item *it = &o->items[i];
		const struct mseries *s = &after.f[it->f].s[it->s];

		full |= budget_refuses(&after, it);
		reads = it->op == DO_GET || it->op == DO_SETNX;
		/* Its block comes into another epoch with any of it. */
		again |= reads && model_flies(&m->f[it->f]);
		if (reads && result_beyond(m, o, i))
			continue;
		if (it->op == DO_GET)
			bad = result_get(&after, it);
		else if (it->ret != 0)
			bad = result_is(o, 0);
		else if (it->op == DO_SETNX && !model_flying(s) &&
		    s->present != MAYBE && (it->got == 0) != s->present)
			bad = "setnx is wrong about whether it is there";
		result_item(&after, it, proc);
	}
	if (bad == NULL && o->ret == 0 && (full & 2) && !o->give_up &&
	    o->kind == ORDER_TXN)
		return "exceeds the budget";
	if (bad == NULL && (o->ret != PDC_EAGAIN || !again) &&
	    (o->ret != PDC_EFULL || full == 0))
		bad = result_is(o, 0);
	return bad;
}

const char *
result_wrong(const struct model *m, const struct order *o, int proc)
{
	switch (o->kind) {
	case ORDER_DECLARE:
		return result_declare(m, o);
	case ORDER_LABELS:
		return result_labels(m, o, proc);
	case ORDER_REMOVE:
	case ORDER_RESET:
		return result_series(m, o, proc);
	case ORDER_REMOVE_ALL:
		return result_is(o,
		    m->p[proc].gen[o->f] != m->f[o->f].gen ? PDC_EEXIST : 0);
	case ORDER_TXN:
	case ORDER_READ:
		return result_txn(m, o, proc);
	case ORDER_COMMIT: /* the drive knows what was read */
		return o->ret == PDC_EAGAIN ? NULL : result_is(o, 0);
	default:
		return result_is(o, 0);
	}
}

static void
apply_labels(struct model *m, const struct order *o, int proc, int done)
{
	struct mproc *p = &m->p[proc];

	p->has[o->f][o->s] = 1;
	if (done == 1)
		p->over[o->f][o->s] = (uint8_t)(o->good && o->over);
	if (o->looked)
		p->looked[o->f] = o->mono;
	if (p->gen[o->f] != m->f[o->f].gen)
		return;
	/* It is good in a lost file, and may be gone in the next. */
	if (o->good && model_lost_file(m, o->epoch))
		return;
	if (done < 0 && budget_open(m, o->f, o->s))
		budget_cut(m, proc, o->f, o->s);
	else if (o->good || done < 0)
		model_made(m, proc, o->f, o->good && o->over ? OVER : o->s);
	else if (o->f == F_I)
		model_update(m, proc, o->f, o->s, 0, DO_SET, 1, o->way);
}

static void
apply_declare(struct model *m, const struct order *o, int proc, int done)
{
	struct mfamily *f = &m->f[o->f];
	struct mproc *p = &m->p[proc];
	int fresh = !f->declared || o->other != f->other || f->hidden == YES;
	int maybe = f->hidden != NO;

	if (!f->declared) {
		f->declared = 1;
		f->gen = 1;
		f->other = (uint8_t)o->other;
	} else if (o->other != f->other) {
		model_reshape(m, o->f);
	} else if (f->hidden != NO) {
		f->hidden = NO;
	}
	model_use(m, o->f, 0);
	if (fresh || maybe)
		budget_declared(m, o->f, fresh);
	if (done < 0)
		return;
	if (p->gen[o->f] != f->gen) {
		memset(p->has[o->f], 0, sizeof(p->has[o->f]));
		memset(p->over[o->f], 0, sizeof(p->over[o->f]));
	}
	p->gen[o->f] = f->gen;
}

static void
apply_updates(struct model *m, const struct order *o, int proc)
{
	static const int reason[] = { [PDC_COUNTER] = 0,
		[PDC_GAUGE] = 2,
		[PDC_SUMMARY] = 2,
		[PDC_HISTOGRAM] = 1,
		[PDC_INFO] = 2,
		[PDC_STATESET] = 2 };
	const struct item *it;
	int comp, s;

	for (it = o->items; it < o->items + o->nitems; it++) {
		const struct shape *sh = shape_of(it->f,
		    m->p[proc].other[it->f]);

		comp = sh->type == PDC_HISTOGRAM ? it->comp : 0;
		s = it->over && it->way == WAY_LANE ? OVER : it->s;
		if (it->way == WAY_LANE)
			m->p[proc].over[it->f][it->s] = it->over;
		if (it->op == DO_BAD)
			m->drops[reason[sh->type]]++;
		else
			model_update(m, proc, it->f, s, comp, it->op,
			    it->amount, (enum way)it->way);
	}
}

static void
apply_txn(struct model *m, const struct order *o, int proc)
{
	int i;

	if (o->give_up || o->kind == ORDER_READ)
		return;
	if (result_sets(o))
		model_drain(m, proc);
	for (i = 0; i < o->nitems; i++)
		result_item(m, &o->items[i], proc);
}

static void
apply_clear(struct model *m, int proc)
{
	int f;

	for (f = 0; f < NFAMS; f++)
		if (m->f[f].declared)
			model_remove_all(m, proc, f);
}

/* done: 1, or -1 if the process did not live to tell. */
void
result_apply(struct model *m, const struct order *o, int proc, int done)
{
	switch (o->kind) {
	case ORDER_DECLARE:
		apply_declare(m, o, proc, done);
		m->p[proc].other[o->f] = (uint8_t)o->other;
		break;
	case ORDER_LABELS:
		apply_labels(m, o, proc, done);
		break;
	case ORDER_FREE:
		m->p[proc].has[o->f][o->s] = 0;
		break;
	case ORDER_UPDATE:
	case ORDER_THREADS:
		apply_updates(m, o, proc);
		break;
	case ORDER_CHECKPOINT:
		model_checkpoint(m, proc);
		break;
	case ORDER_REMOVE:
		model_remove(m, proc, o->f, o->s);
		break;
	case ORDER_REMOVE_ALL:
		model_remove_all(m, proc, o->f);
		break;
	case ORDER_RESET:
		model_reset(m, proc, o->f, o->s, 0);
		break;
	case ORDER_TXN:
	case ORDER_COMMIT:
		apply_txn(m, o, proc);
		break;
	case ORDER_CLEAR:
		apply_clear(m, proc);
		break;
	case ORDER_FORK:
		model_forked(m, proc, o->to);
		break;
	case ORDER_CLOSE:
		model_gone(m, proc, done == 1 && !o->fired);
		break;
	default:
		break;
	}
}
