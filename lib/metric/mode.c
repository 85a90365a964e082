/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Gauges of modes: of the process that writes them, and of the dead.
 *
 * owner of a handle is the identity whose series its id and unit lead to.
 * After a fork that is the parent's: the child's first update takes a new id,
 * which no tag and no entry of the forward table has, and goes by a ring or the
 * pending sum; the checkpoint that credits it to a series of the child leaves
 * the way from that id.
 */

#include <errno.h>
#include <string.h>

#include "metric/metric.h"
#include "pdc.h"
#include "store/idle.h"
#include "store/series.h"

#define SLOT_RETRY_NS 1000000000

uint64_t
pdc_mode_self(struct pdc *p, const struct cells *c)
{
	uint64_t self = pdc_slot_self(&p->self);
	int64_t now;
	int fd, saved;

	if (self != IDENT_NONE || c == NULL || c->rdonly)
		return self;
	/* A try that finds none asks for each of them. */
	now = pdc_clock_mono(&p->clock);
	if (now < atomic_load(&p->slot_ns))
		return IDENT_NONE;
	saved = errno; /* of whom a signal handler interrupted */
	fd = pdc_wlock_fd(&p->store->wlock);
	if (fd != -1) {
		self = pdc_slot_claim(&p->self, c, fd);
		if (self == IDENT_NONE)
			atomic_store(&p->slot_ns, now + SLOT_RETRY_NS);
	}
	errno = saved;
	return self;
}

int
pdc_mode_owned(const struct pdc_series *s)
{
	/* Pairs with the releases in pdc_mode_own() and series_set(). */
	uint64_t owner = atomic_load_explicit(&s->owner, memory_order_acquire);

	return owner != IDENT_NONE && owner == pdc_slot_self(&s->pdc->self);
}

int
pdc_mode_own(struct pdc_series *s, const struct cells *c)
{
	uint64_t self;

	if (pdc_mode_owned(s))
		return 1;
	self = pdc_mode_self(s->pdc, c);
	if (self == IDENT_NONE)
		return 0;
	atomic_store_explicit(&s->id, pdc_fwd_new_id(c), memory_order_relaxed);
	/* Pairs with the acquire in pdc_mode_owned(). */
	atomic_store_explicit(&s->owner, self, memory_order_release);
	return 1;
}

int
pdc_mode_credit(struct stxn *x, struct place *pl, double v)
{
	const struct cells *c = pdc_cells_now(x->st->hook_arg);
	double was = pdc_credit_look(c, pl), now;

	if (value_is_none(v))
		return x->ret;
	if (value_is_none(was))
		return pdc_credit_gauge(x, c, pl, OWED_SET, v);
	if (pdc_mode_rule(pl->f.r.mode) == RULE_SUM)
		return pdc_credit_gauge(x, c, pl, OWED_ADD, v);
	now = pdc_mode_merge(pl->f.r.mode, was, v);
	if (memcmp(&now, &was, sizeof(now)) == 0)
		return x->ret;
	return pdc_credit_gauge(x, c, pl, OWED_SET, now);
}

/*
 * What the dead had left has expired: it ends, should nobody have done that
 * yet.  Only transactions write it, so its time is all there is to look at.
 */
static int
mode_renew(struct stxn *x, struct place *pl)
{
	struct gone g = { .why = GONE_REMOVED };
	struct idle t;

	if (pdc_idle_ns(&pl->f.r) == 0 ||
	    pdc_idle_get(x, &pl->f.r, pl->at, &t) < 0 ||
	    !pdc_idle_due(x, &pl->f.r, &t, pl->at.pos))
		return 0;
	if (pdc_place_remove(x, x->st->hook_arg, pl, &g) < 0)
		return x->ret;
	return pdc_place_add(x, pl, g.values, g.len);
}

int
pdc_mode_fold(struct stxn *x, struct place *pl, const char *values, size_t len,
    double v)
{
	char dead[LABELS_MAX_LEN + IDENT_MAX];
	int ret;

	len = pdc_series_labels(&pl->f, values, len);
	memcpy(dead, values, len);
	len = pdc_series_own(dead, len, IDENT_NONE);
	/* No budget: one series goes, one may come. */
	ret = pdc_place_find(x, pl, dead, len);
	if (ret == 0)
		ret = mode_renew(x, pl);
	else if (ret == PDC_ENOENT)
		ret = pdc_place_add(x, pl, dead, len);
	if (ret < 0)
		return pdc_stxn_fail(x, ret);
	return pdc_mode_credit(x, pl, v);
}
