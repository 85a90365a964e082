/* SPDX-License-Identifier: ISC */
#ifndef PDC_CHECKPOINT_CHECKPOINT_H
#define PDC_CHECKPOINT_CHECKPOINT_H

#include "metric/metric.h"

/*
 * Carry lanes and rings into the store, in slices of at most 5 ms of lock.
 * Idempotent per block: seen is absolute.
 */
int pdc_checkpoint_run(struct pdc *, uint32_t wait_ms);

/*
 * A batch of what has ended: how many records, a whole batch if there may be
 * more.  Dying runs after their grace; families.
 */
int pdc_dying_step(struct stxn *, struct pdc *);
int pdc_ended_step(struct stxn *, struct pdc *);
/* End the families whose time has passed; one, if so. */
int pdc_expire_step(struct stxn *);
int pdc_expire_family(struct stxn *, struct pdc *, struct family *);
int pdc_expire_hook(void *arg, struct stxn *, struct family *);
/*
 * End the series of a block, pl->v, whose idle time has passed, and note those
 * that moved; 1 if anything was written.
 */
int pdc_idle_step(struct stxn *, struct pdc *, struct place *pl, uint32_t block,
    const unsigned char *moved);
/* A transaction of both; 0 when there is nothing to be done now. */
int pdc_sweep_slice(struct pdc *, uint32_t wait_ms);
/* End this incarnation of a family, which is hidden then. */
int pdc_family_end(struct stxn *, struct family *, enum gone_why);
/* Delete what belongs to epochs of earlier boots, some at a time. */
int pdc_epoch_sweep(struct stxn *);

/* Drain at most max records of a cells file's rings into x; their number. */
int pdc_drain(struct stxn *, struct pdc *, const struct cells *, int all,
    uint32_t max);
/* Drain what the present rings have by now, in slices. */
int pdc_drain_all(struct pdc *, uint32_t wait_ms);

/* After the commit, the writers' hints: what LMDB says has been taken. */
void pdc_drain_hints(struct stxn *, const struct cells *);

/*
 * Epochs.  The hook of every write transaction: the process maps the cells
 * file of the store's present epoch, or makes one; what is owed is done.
 */
int pdc_epoch_hook(void *arg, struct stxn *);
/* Map the present file without a lock, if there is one. */
int pdc_epoch_map(struct pdc *, const struct meta *);
/* Credit what a closed mapping of ours still got. */
int pdc_epoch_salvage(struct stxn *, struct pdc *);

struct walk_rec {
	const unsigned char *key;
	size_t klen;
	const void *val;
	size_t len;
};

/*
 * Walk the records that begin with prefix; fn may write, after which the value
 * it was given is gone.  Commits by renewing now and then.
 */
typedef int pdc_walk_fn(struct stxn *, void *arg, const struct walk_rec *);
int pdc_walk(struct stxn *, const void *prefix, size_t plen, pdc_walk_fn *,
    void *arg);

#endif
