/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Transactions by name are committed.
 *
 * pdc_commit() takes the lock, compares the stamps of what was read, does the
 * operations, and commits.  Lanes and gauge cells are not compared: they are
 * other workers' business.
 */

#include <stdatomic.h>

#include "api/txn.h"
#include "base/err.h"
#include "base/fork.h"
#include "checkpoint/checkpoint.h"
#include "collect/live.h"
#include "pdc.h"

#define OPS_KEPT 64 /* room for so many operations */

/* The operation's family as it is now; PDC_EAGAIN: there is another. */
static int
commit_family(struct pdc_txn *t, struct stxn *x, const struct op *op)
{
	int ret;

	ret = pdc_txn_load(t, x, op->name);
	if (ret == PDC_ENOENT ||
	    (ret == 0 &&
		(t->pl.f.r.id != op->family ||
		    t->pl.f.r.created_ns != op->created_ns)))
		return pdc_err_set(PDC_EAGAIN,
		    "%s: declared anew since the transaction began", op->name);
	return ret;
}

static int
commit_read(struct pdc_txn *t, struct stxn *x, const struct op *op)
{
	int ret;

	ret = commit_family(t, x, op);
	if (ret < 0)
		return ret;
	ret = PDC_ENOENT;
	if (!pdc_live_expired(x, pdc_cells_now(t->pdc), &t->pl.f, t->pl.v))
		ret = pdc_place_find(x, &t->pl, op->values, op->values_len);
	if (ret == 0 && pdc_txn_idle(x, pdc_cells_now(t->pdc), &t->pl))
		ret = PDC_ENOENT;
	if (ret < 0 && ret != PDC_ENOENT)
		return ret;
	if (pdc_txn_stamp(&t->pl, ret) != op->stamp)
		return pdc_err_set(PDC_EAGAIN,
		    "%s: what was read has changed; begin again", op->name);
	return 0;
}

static int
commit_gauge(struct stxn *x, const struct cells *c, struct place *pl,
    const struct op *op)
{
	if (mode_each(pl->f.r.mode))
		return pdc_mode_credit(x, pl, op->amount);
	if (op->state != 0)
		return pdc_credit_gauge(x, c, pl,
		    op->amount != 0 ? OWED_ON : OWED_OFF, (double)op->state);
	return pdc_credit_gauge(x, c, pl,
	    op->kind == OP_INC ? OWED_ADD : OWED_SET, op->amount);
}

/* The series in place is taken away, for it was not used. */
static int
commit_idle(struct pdc_txn *t, struct stxn *x)
{
	struct gone gone = { .why = GONE_ENDED };
	int ret;

	ret = pdc_place_remove(x, t->pdc, &t->pl, &gone);
	return ret < 0 ? ret : PDC_ENOENT;
}

static int
commit_write(struct pdc_txn *t, struct stxn *x, const struct op *op)
{
	const struct cells *c = pdc_cells_now(t->pdc);
	struct place *pl = &t->pl;
	int ret, found;

	ret = commit_family(t, x, op);
	if (ret == 0)
		ret = pdc_expire_family(x, t->pdc, &pl->f);
	if (ret == 0 && !pl->f.r.hidden)
		ret = pdc_family_use(x, &pl->f, 0);
	if (ret < 0 || op->kind == OP_REFRESH)
		return ret;
	found = pdc_place_find(x, pl, op->values, op->values_len);
	if (found == 0 && pdc_txn_idle(x, c, pl))
		found = commit_idle(t, x);
	ret = found == PDC_ENOENT ?
	    pdc_place_make(x, pl, op->values, op->values_len) :
	    found;
	if (ret == 0 && pl->beyond && op->kind == OP_SET)
		ret = pdc_err_set(PDC_EFULL,
		    "%s: the series to be set is beyond the store's "
		    "max_series",
		    op->name);
	if (ret < 0)
		return ret;
	if (op->kind == OP_OBSERVE)
		return pdc_credit_pair(x, pl, op->bucket,
		    (struct pair){ 1, op->amount });
	if (pl->f.r.zone == VALUE_GAUGE)
		return commit_gauge(x, c, pl, op);
	if (op->kind == OP_SET && found == 0)
		return pdc_place_move(x, t->pdc, pl, op->amount);
	return pdc_credit_add(x, pl, op->amount);
}

static int
commit_ops(struct pdc_txn *t, struct stxn *x)
{
	int ret = 0;
	size_t i;

	/* All that was read is compared before anything is written. */
	for (i = 0; i < t->nops && ret == 0; i++)
		if (t->ops[i].kind == OP_READ)
			ret = commit_read(t, x, &t->ops[i]);
	for (i = 0; i < t->nops && ret == 0; i++)
		if (t->ops[i].kind != OP_READ)
			ret = commit_write(t, x, &t->ops[i]);
	return ret;
}

static int
commit_has(const struct pdc_txn *t, enum op_kind kind)
{
	size_t i;

	for (i = 0; i < t->nops; i++)
		if (t->ops[i].kind == kind)
			return 1;
	return 0;
}

/* What was counted before a set, by rings, must not be added after it. */
static int
commit_drain(struct pdc_txn *t)
{
	if (!commit_has(t, OP_SET) || pdc_cells_now(t->pdc) == NULL)
		return 0;
	return pdc_drain_all(t->pdc, t->pdc->store->wait_ms);
}

static int
commit_locked(struct pdc_txn *t)
{
	struct stxn x;
	int ret;

	ret = commit_drain(t);
	if (ret == 0)
		ret = pdc_stxn_write(&x, t->pdc->store, t->pdc->store->wait_ms);
	if (ret < 0)
		return ret;
	pdc_stxn_fail(&x, commit_ops(t, &x));
	ret = pdc_stxn_commit(&x);
	if (ret == 0 && t->pl.f.r.nstates == 0)
		t->known = x.state;
	return ret;
}

/* Nothing to write: whether what was read fits together is all. */
static int
commit_unlocked(struct pdc_txn *t)
{
	struct stxn x;
	int ret;

	ret = pdc_stxn_read(&x, t->pdc->store);
	if (ret < 0)
		return ret;
	ret = commit_ops(t, &x);
	pdc_stxn_abort(&x);
	return ret;
}

/* It is for the next one, unless there is one or it is large. */
static void
commit_keep(struct pdc_txn *t)
{
	struct pdc_txn *none = NULL;

	pdc_txn_clear(t);
	/* Pairs with the exchange in pdc_begin(). */
	if (t->cap > OPS_KEPT ||
	    !atomic_compare_exchange_strong(&t->pdc->spare, &none, t))
		pdc_abort(t);
}

int
pdc_commit(struct pdc_txn *t)
{
	int ret;

	if (t == NULL)
		return pdc_err_set(PDC_EINVAL, "commit: no transaction");
	ret = t->ret;
	if (ret == 0 && t->gen != pdc_fork_gen())
		ret = pdc_err_set(PDC_ECHILD,
		    "commit: begun by the parent of this process");
	if (ret == 0 &&
	    (commit_has(t, OP_INC) || commit_has(t, OP_SET) ||
		commit_has(t, OP_OBSERVE) || commit_has(t, OP_REFRESH)))
		ret = commit_locked(t);
	else if (ret == 0 && t->nops > 0)
		ret = commit_unlocked(t);
	/* Else the store may be closed: it is not looked at. */
	if (ret == 0 && t->nops > 0)
		commit_keep(t);
	else
		pdc_abort(t);
	return ret;
}
