/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Transactions by name, until they are committed (commit.c).
 *
 * The calls are kept as operations; what get and setnx read is kept as a stamp
 * of presence, place and base.
 */

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "api/target.h"
#include "api/txn.h"
#include "base/err.h"
#include "base/fork.h"
#include "base/hash.h"
#include "checkpoint/checkpoint.h"
#include "collect/live.h"
#include "metric/metric.h"
#include "pdc.h"
#include "store/series.h"

static struct pdc_txn *
txn_new(void)
{
	struct pdc_txn *t;

	t = aligned_alloc(16, (sizeof(*t) + 15) & ~(size_t)15);
	if (t == NULL)
		return NULL;
	t->ops = NULL;
	t->cap = 0;
	t->known.env = 0;
	return t;
}

int
pdc_begin(struct pdc_txn **tp, struct pdc *p)
{
	struct pdc_txn *t;

	if (tp == NULL)
		return pdc_err_set(PDC_EINVAL,
		    "begin: nowhere to put the transaction");
	*tp = NULL;
	if (p == NULL)
		return pdc_err_set(PDC_EINVAL, "begin: no store");
	/* Pairs with the exchange in commit_keep(). */
	t = atomic_exchange(&p->spare, NULL);
	if (t == NULL && (t = txn_new()) == NULL)
		return pdc_err_set(PDC_ENOMEM, "begin");
	t->pdc = p;
	t->gen = pdc_fork_gen();
	t->ret = 0;
	t->nops = 0;
	t->pl.v = &t->v;
	*tp = t;
	return 0;
}

void
pdc_txn_clear(struct pdc_txn *t)
{
	size_t i;

	for (i = 0; i < t->nops; i++)
		free(t->ops[i].values);
	t->nops = 0;
}

/* The store may be closed already. */
void
pdc_abort(struct pdc_txn *t)
{
	if (t == NULL)
		return;
	pdc_txn_clear(t);
	free(t->ops);
	free(t);
}

void
pdc_txn_free(struct pdc *p)
{
	pdc_abort(atomic_exchange(&p->spare, NULL));
}

/* Keep the first error; what is not there is an answer and none. */
static int
txn_fail(struct pdc_txn *t, int ret)
{
	if (ret < 0 && t->ret == 0)
		t->ret = ret;
	return ret;
}

static int
txn_usable(struct pdc_txn *t, const struct pdc_key *key)
{
	if (t == NULL)
		return pdc_err_set(PDC_EINVAL, "no transaction");
	if (t->gen != pdc_fork_gen())
		return txn_fail(t,
		    pdc_err_set(PDC_ECHILD,
			"the transaction was begun by the parent of this "
			"process"));
	if (key == NULL || key->metric == NULL ||
	    (key->nlabels > 0 && key->labels == NULL))
		return txn_fail(t, pdc_err_set(PDC_EINVAL, "no metric named"));
	return t->ret;
}

int
pdc_txn_load(struct pdc_txn *t, struct stxn *x, const char *name)
{
	int ret;

	t->known.env = 0;
	ret = pdc_family_get(x, name, &t->pl.f);
	if (ret == 0 && t->pl.f.r.nstates == 0)
		t->known = x->state;
	return ret;
}

static int
txn_knows(const struct pdc_txn *t, const char *name)
{
	return t->known.env != 0 && strcmp(t->pl.f.name, name) == 0 &&
	    pdc_stxn_still(t->pdc->store, &t->known);
}

static int
txn_find(struct pdc_txn *t, struct stxn *x, const struct pdc_key *key)
{
	int ret;

	ret = pdc_txn_load(t, x, key->metric);
	if (ret == PDC_ENOENT)
		return pdc_err_set(ret, "%s: no such metric", key->metric);
	return ret;
}

static int
txn_family(struct pdc_txn *t, struct stxn *x, const struct pdc_key *key,
    struct target *tg)
{
	int ret;

	ret = txn_find(t, x, key);
	return ret < 0 ? ret : pdc_target_parse(tg, &t->pl.f, key);
}

static struct op *
txn_op(struct pdc_txn *t, enum op_kind kind, const struct target *tg)
{
	size_t cap = t->cap ? 2 * t->cap : 8;
	struct op *ops = t->ops, *op;
	size_t len = strlen(t->pl.f.name) + 1;

	if (t->nops == t->cap) {
		ops = reallocarray(t->ops, cap, sizeof(*ops));
		if (ops == NULL)
			return NULL;
		t->ops = ops;
		t->cap = cap;
	}
	op = &ops[t->nops];
	memset(op, 0, sizeof(*op));
	op->kind = kind;
	op->family = t->pl.f.r.id;
	op->created_ns = t->pl.f.r.created_ns;
	op->values_len = (uint32_t)tg->len;
	if (tg->state < t->pl.f.r.nstates)
		op->state = (uint64_t)1 << tg->state;
	op->values = malloc(tg->len + len);
	if (op->values == NULL)
		return NULL;
	memcpy(op->values, tg->values, tg->len);
	op->name = op->values + tg->len;
	memcpy(op->name, t->pl.f.name, len);
	t->nops++;
	return op;
}

/* To the family that is in place. */
static int
txn_add(struct pdc_txn *t, const struct pdc_key *key, enum op_kind kind,
    double v)
{
	const struct family *f = &t->pl.f;
	struct target tg;
	struct op *op;
	int ret;

	ret = pdc_target_parse(&tg, f, key);
	if (ret == 0 && kind != OP_OBSERVE)
		ret = pdc_target_writable(f, &tg, v,
		    kind == OP_SET ? TARGET_SET : TARGET_INC);
	else if (ret == 0 && f->r.zone != VALUE_PAIR)
		ret = pdc_err_set(PDC_EINVAL,
		    "%s: only histograms and summaries are observed", f->name);
	if (ret == 0 && kind == OP_OBSERVE && isnan(v))
		ret = pdc_err_set(PDC_ERANGE, "%s: NaN cannot be observed",
		    f->name);
	if (ret < 0)
		return ret;
	op = txn_op(t, kind, &tg);
	if (op == NULL)
		return pdc_err_set(PDC_ENOMEM, "%s", f->name);
	op->amount = v;
	if (kind == OP_OBSERVE)
		op->bucket = bucket_between(f->bounds, 0, f->r.nbounds, v);
	return 0;
}

static int
txn_write(struct pdc_txn *t, const struct pdc_key *key, enum op_kind kind,
    double v)
{
	struct stxn x;
	int ret;

	ret = txn_usable(t, key);
	if (ret < 0)
		return ret;
	if (txn_knows(t, key->metric))
		return txn_fail(t, txn_add(t, key, kind, v));
	ret = pdc_stxn_read(&x, t->pdc->store);
	if (ret < 0)
		return txn_fail(t, ret);
	ret = txn_find(t, &x, key);
	if (ret == 0)
		ret = txn_add(t, key, kind, v);
	pdc_stxn_abort(&x);
	return txn_fail(t, ret);
}

int
pdc_value_inc(struct pdc_txn *t, const struct pdc_key *key, double amount)
{
	return txn_write(t, key, OP_INC, amount);
}

int
pdc_value_set(struct pdc_txn *t, const struct pdc_key *key, double value)
{
	return txn_write(t, key, OP_SET, value);
}

int
pdc_value_observe(struct pdc_txn *t, const struct pdc_key *key, double value)
{
	return txn_write(t, key, OP_OBSERVE, value);
}

/* Presence, place and base of a series, as one number. */
uint64_t
pdc_txn_stamp(struct place *pl, int found)
{
	const void *base;
	size_t len;

	if (found == PDC_ENOENT)
		return 0;
	if (pl->f.r.zone == VALUE_ADD) {
		base = pdc_block_add_base(pl->v) + pl->at.pos;
		len = sizeof(double);
	} else if (pl->f.r.zone == VALUE_GAUGE) {
		base = &pl->id; /* the cell is not compared */
		len = sizeof(pl->id);
	} else {
		base = pdc_block_pair_base(pl->v) +
		    (size_t)pl->at.pos * pl->f.r.width;
		len = sizeof(struct pair) * pl->f.r.width;
	}
	return pdc_hash(base, len, pl->id) | 1;
}

static int
txn_same(const struct op *op, const struct family *f, const char *values,
    size_t len)
{
	return op->family == f->r.id && op->values_len == len &&
	    memcmp(op->values, values, len) == 0;
}

/* This transaction's own operations on top; 1 if the series is there. */
static int
txn_replay(const struct pdc_txn *t, const struct target *tg, int there,
    struct pair *out)
{
	const struct op *op;
	size_t i;

	for (i = 0; i < t->nops; i++) {
		op = &t->ops[i];
		if (op->kind == OP_READ || op->kind == OP_REFRESH ||
		    !txn_same(op, &t->pl.f, tg->values, tg->len))
			continue;
		if (mode_each(t->pl.f.r.mode))
			out[0].sum = !there ? op->amount :
					      pdc_mode_merge(t->pl.f.r.mode,
						  out[0].sum, op->amount);
		else if (op->state != 0)
			out[0].sum = states_put(out[0].sum, op->state,
			    op->amount != 0);
		else if (op->kind == OP_SET)
			out[0].sum = op->amount;
		else if (op->kind == OP_INC)
			out[0].sum += op->amount;
		else {
			out[op->bucket].count++;
			out[op->bucket].sum += op->amount;
		}
		there = 1;
	}
	return there;
}

int
pdc_txn_idle(struct stxn *x, const struct cells *c, struct place *pl)
{
	return pdc_live_idle(x, c, &pl->f, pl->v, pl->at);
}

/*
 * A gauge that each process has, in as many snapshots as it takes: 1 if there
 * is a value, 0 if not.
 */
static int
txn_look_each(struct pdc_txn *t, const struct pdc_key *key, struct target *tg,
    struct pair *out)
{
	struct stxn x;
	int ret, tries = 0;

	do {
		ret = pdc_stxn_read(&x, t->pdc->store);
		if (ret < 0)
			return ret;
		ret = txn_family(t, &x, key, tg);
		if (ret == 0 &&
		    pdc_live_expired(&x, pdc_cells_now(t->pdc), &t->pl.f,
			t->pl.v))
			ret = PDC_ENOENT;
		if (ret == 0)
			ret = pdc_target_merged(tg, t->pdc, &x, &t->pl, out);
		pdc_stxn_abort(&x);
	} while (ret == 1 && tries++ < 8);
	if (ret == 1)
		return pdc_err_set(PDC_EAGAIN, "%s: its series keep moving",
		    key->metric);
	return ret == 0 ? 1 : ret == PDC_ENOENT ? 0 : ret;
}

/* As a page shows it, or not at all. */
static int
txn_sound(const struct place *pl, const struct pair *now)
{
	const struct family_rec *f = &pl->f.r;
	const char *wrong;

	wrong = pdc_block_wrong(f->type, f->nstates, pl->v, pl->at.pos, now);
	return wrong == NULL ?
	    0 :
	    pdc_err_set(PDC_EFORMAT, "%s: %s", pl->f.name, wrong);
}

/*
 * Look the series up in a snapshot and note what was seen.  Gives 1 if it is
 * there (out, created), 0 if not, or an error.
 */
static int
txn_look(struct pdc_txn *t, const struct pdc_key *key, struct target *tg,
    struct pair *out, int64_t *created)
{
	const struct cells *c;
	struct series_ref s;
	struct stxn x;
	struct op *op;
	int ret, found, tries = 0, live;

	do {
		ret = pdc_stxn_read(&x, t->pdc->store);
		if (ret < 0)
			return ret;
		(void)pdc_epoch_map(t->pdc, &x.meta);
		c = pdc_cells_now(t->pdc);
		live = 1;
		found = PDC_ENOENT;
		ret = txn_family(t, &x, key, tg);
		if (ret == 0 && mode_each(t->pl.f.r.mode)) {
			pdc_stxn_abort(&x);
			return txn_look_each(t, key, tg, out);
		}
		if (ret == 0 && !pdc_live_expired(&x, c, &t->pl.f, t->pl.v))
			found = pdc_place_find(&x, &t->pl, tg->values, tg->len);
		if (found == 0 && pdc_txn_idle(&x, c, &t->pl))
			found = PDC_ENOENT;
		if (found == 0) {
			found = pdc_series_get(&x, &t->pl.f, t->pl.n, &s);
			*created = s.created_ns;
			live = pdc_live_read(tries < 8 ? c : NULL, t->pl.v,
				   t->pl.at.pos, t->pl.id, out) != LIVE_OTHER;
			if (live && found == 0)
				found = txn_sound(&t->pl, out);
		}
		pdc_stxn_abort(&x);
		if (ret < 0 || (found < 0 && found != PDC_ENOENT))
			return ret < 0 ? ret : found;
	} while (!live && tries++ < 8);
	op = txn_op(t, OP_READ, tg);
	if (op == NULL)
		return pdc_err_set(PDC_ENOMEM, "%s", t->pl.f.name);
	op->stamp = pdc_txn_stamp(&t->pl, found);
	return found == 0;
}

int
pdc_value_get(struct pdc_txn *t, const struct pdc_key *key, double *value)
{
	struct pair out[BOUNDS_MAX + 1];
	int64_t created = 0;
	struct target tg;
	int ret;

	ret = txn_usable(t, key);
	if (ret < 0)
		return ret;
	if (value == NULL)
		return txn_fail(t,
		    pdc_err_set(PDC_EINVAL, "get: nowhere to put the value"));
	memset(out, 0, sizeof(out));
	ret = txn_look(t, key, &tg, out, &created);
	if (ret >= 0) {
		if (!txn_replay(t, &tg, ret, out))
			return pdc_err_set(PDC_ENOENT, "%s: no such series",
			    key->metric);
		ret = pdc_target_value(&t->pl.f, &tg, out, created, value);
	}
	return ret == PDC_ENOENT ? ret : txn_fail(t, ret);
}

int
pdc_value_setnx(struct pdc_txn *t, const struct pdc_key *key, double value,
    int *was_set)
{
	struct pair out[BOUNDS_MAX + 1];
	struct target tg;
	int64_t created;
	struct op *op;
	int ret, there;

	ret = txn_usable(t, key);
	if (ret < 0)
		return ret;
	memset(out, 0, sizeof(out));
	ret = txn_look(t, key, &tg, out, &created);
	if (ret >= 0) {
		there = txn_replay(t, &tg, ret, out);
		ret = pdc_target_writable(&t->pl.f, &tg, value, TARGET_SETNX);
		if (ret == 0 && !there) {
			op = txn_op(t, OP_SET, &tg);
			if (op == NULL)
				ret = pdc_err_set(PDC_ENOMEM, "%s",
				    t->pl.f.name);
			else
				op->amount = value;
		}
		if (ret == 0 && was_set != NULL)
			*was_set = !there;
	}
	return txn_fail(t, ret);
}

int
pdc_refresh_expire(struct pdc_txn *t, const char *metric)
{
	struct pdc_key key = { .metric = metric };
	struct target tg = { .len = 0 };
	struct stxn x;
	int ret;

	ret = txn_usable(t, &key);
	if (ret < 0)
		return ret;
	ret = pdc_stxn_read(&x, t->pdc->store);
	if (ret < 0)
		return txn_fail(t, ret);
	ret = txn_find(t, &x, &key);
	if (ret == 0 && txn_op(t, OP_REFRESH, &tg) == NULL)
		ret = pdc_err_set(PDC_ENOMEM, "%s", metric);
	pdc_stxn_abort(&x);
	return txn_fail(t, ret);
}
