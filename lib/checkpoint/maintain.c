/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The upkeep of a store, after a checkpoint: first what was counted comes in,
 * then what nobody has used ends, and lines beyond their limits go.
 *
 * In slices, as a checkpoint: each has the lock for about 5 ms, then others are
 * let in; only a family that ends takes as long as its lanes need to be
 * summed.  Cut off anywhere it has done a part, and the next one goes on.
 */

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "checkpoint/checkpoint.h"
#include "journal/journal.h"
#include "pdc.h"
#include "store/dying.h"

#define NWALKS 5
#define TRIM_LINES 4096 /* of a slice */

static const char upkeep_kinds[NWALKS + 1] = "FCRUK";

struct upkeep {
	struct walk walk[NWALKS];
	struct family f;
	struct dying y;
};

static int
upkeep_walks(struct stxn *x, struct upkeep *u)
{
	int64_t until = pdc_clock_mono(x->st->clock) + SLICE_NS;
	struct walk *w;
	int i, ret = 0;

	for (i = 0; i < NWALKS && ret == 0; i++) {
		w = &u->walk[i];
		if (!w->more)
			continue;
		w->until_ns = until;
		ret = i == 0 ? pdc_walk_some(x, w, pdc_expire_due, &u->f) :
			       pdc_walk_some(x, w, pdc_epoch_old, &u->y);
		if (w->more)
			break;
	}
	return ret;
}

static int
upkeep_more(const struct upkeep *u)
{
	int i, more = 0;

	for (i = 0; i < NWALKS; i++)
		more |= u->walk[i].more;
	return more;
}

/* Dying runs and ended families: how many records, or an error. */
static int
upkeep_sweep(struct stxn *x, struct pdc *p)
{
	int n, ended;

	n = pdc_dying_step(x, p);
	ended = n < 0 ? n : pdc_ended_step(x, p);
	return ended < 0 ? ended : n + ended;
}

/*
 * Lines that are beyond their limits: 1 if there may be more, or an error.  A
 * journal that makes no sense is left to who checks it.
 */
static int
upkeep_trim(struct stxn *x)
{
	struct journal_rec rec, was;
	int more;

	if (pdc_journal_rec(x, &rec) < 0)
		return x->ret;
	was = rec;
	more = pdc_journal_trim(x, &rec, TRIM_LINES);
	if (more >= 0 && memcmp(&rec, &was, sizeof(rec)) != 0)
		pdc_stxn_put(x, "J", 1, &rec, sizeof(rec));
	return more;
}

/* Some of the walks, if u has any, and of the sweep: as upkeep_sweep(). */
static int
upkeep_slice(struct pdc *p, struct upkeep *u, uint32_t wait_ms)
{
	struct stxn x;
	int n = 0, ret;

	ret = pdc_stxn_write(&x, p->store, wait_ms);
	if (ret < 0)
		return ret;
	if (u != NULL) {
		pdc_epoch_forget(&x, p);
		n = upkeep_walks(&x, u);
	}
	if (n == 0)
		n = upkeep_sweep(&x, p);
	if (n == 0)
		n = upkeep_trim(&x);
	pdc_stxn_fail(&x, n < 0 ? n : 0);
	ret = pdc_stxn_commit(&x);
	return ret < 0 ? ret : n;
}

int
pdc_sweep_slice(struct pdc *p, uint32_t wait_ms)
{
	return upkeep_slice(p, NULL, wait_ms);
}

static int
upkeep_run(struct pdc *p, struct upkeep *u, uint32_t wait_ms, int slices)
{
	int i, n = 0;

	for (i = 0; i < NWALKS; i++)
		pdc_walk_init(&u->walk[i], &upkeep_kinds[i], 1);
	for (i = 0; i < slices && (n > 0 || upkeep_more(u)); i++) {
		if (i > 0)
			pdc_clock_sleep(SLICE_NAP_NS);
		n = upkeep_slice(p, u, wait_ms);
		if (n < 0)
			return n;
	}
	return pdc_store_readers(p->store, wait_ms);
}

int
pdc_maintain_run(struct pdc *p, uint32_t wait_ms, int slices)
{
	struct upkeep *u;
	int ret;

	ret = pdc_checkpoint_run(p, wait_ms);
	if (ret < 0)
		return ret;
	u = malloc(sizeof(*u));
	if (u == NULL)
		return pdc_err_set(PDC_ENOMEM, "%s", p->store->dir);
	ret = upkeep_run(p, u, wait_ms, slices);
	free(u);
	return ret;
}
