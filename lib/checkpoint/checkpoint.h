/* SPDX-License-Identifier: ISC */
#ifndef PDC_CHECKPOINT_CHECKPOINT_H
#define PDC_CHECKPOINT_CHECKPOINT_H

#include "metric/metric.h"

/*
 * Carry lanes and rings into the store, in slices of at most 5 ms of lock.
 * Idempotent per block: seen is absolute.
 */
int pdc_checkpoint_run(struct pdc *, uint32_t wait_ms);

#define SLICE_NS 5000000
#define SLICE_NAP_NS 1500000 /* who waits for the lock looks every 1 ms */

/*
 * A checkpoint, and then what is due for the store as a whole, in at most so
 * many slices: families expire, what has ended is swept up, dead readers go.
 */
#define MAINTAIN_SLICES 256
int pdc_maintain_run(struct pdc *, uint32_t wait_ms, int slices);

/*
 * A batch of what has ended: how many records, a whole batch if there may be
 * more.  Dying runs after their grace; families.
 */
int pdc_dying_step(struct stxn *, struct pdc *);
int pdc_ended_step(struct stxn *, struct pdc *);
/* Whether its time has passed, if so it ends. */
int pdc_expire_family(struct stxn *, struct pdc *, struct family *);
int pdc_expire_hook(void *arg, struct stxn *, struct family *);
/* The same for all, and write by what they live on. */
int pdc_expire_all(struct pdc *, uint32_t wait_ms);
/*
 * End the series of a block, pl->v, whose idle time has passed, and note those
 * that moved; 1 if anything was written.
 */
int pdc_idle_step(struct stxn *, struct pdc *, struct place *pl, uint32_t block,
    const unsigned char *moved);
/* A transaction of both: their number; 0 if there is nothing to be done now. */
int pdc_sweep_slice(struct pdc *, uint32_t wait_ms);
/* End this incarnation of a family, which is hidden then. */
int pdc_family_end(struct stxn *, struct family *, enum gone_why);
/*
 * Drain some records of a cells file's rings into x: updates are credited,
 * lines go into the journal.  1 if there may be more.
 */
int pdc_drain(struct stxn *, struct pdc *, const struct cells *, int all);
/* Drain what the present rings have by now, in slices. */
int pdc_drain_all(struct pdc *, uint32_t wait_ms);

/*
 * Write a line that can be in no ring, behind all that is in them.  Its time is
 * that of now.
 */
struct journal_text;
int pdc_append(struct pdc *, const struct journal_text *, uint32_t wait_ms);

/* After the commit, the writers' hints: what LMDB says has been taken. */
void pdc_drain_hints(struct stxn *, const struct cells *);

/*
 * Fold what dead processes have left of gauges of modes: begin before the rings
 * are drained, end after that, then free.  NULL: no memory.
 */
struct fold;
struct fold *pdc_fold_begin(struct pdc *);
int pdc_fold_end(struct fold *, struct pdc *, uint32_t wait_ms);
void pdc_fold_free(struct fold *);

/*
 * use.lock.  Hold the lock of who maps a file of cells; whether nobody else
 * does, in place of it: 1, 0, or an error.
 */
int pdc_use_share(struct pdc *);
int pdc_use_alone(struct pdc *);
/* Have the lock of this epoch, as long as the mark is mapped. */
int pdc_use_enter(const struct pdc *, uint64_t epoch, void **mark);
void pdc_use_leave(void *mark);
/* The first epoch of these of which anybody has a lock; to: none. */
uint64_t pdc_use_oldest(struct pdc *, uint64_t from, uint64_t to);

/*
 * Epochs.  The hook of every write transaction: the process maps the cells
 * file of the store's present epoch, or makes one; what is owed is done.
 */
int pdc_epoch_hook(void *arg, struct stxn *);
/* Map the present file without a lock, if there is one. */
int pdc_epoch_map(struct pdc *, const struct meta *);
/* The same by a snapshot of its own: what is mapped then, or NULL. */
struct cells *pdc_epoch_cells(struct pdc *, uint32_t wait_ms);
/* Credit what a closed mapping of ours still got; whether to do so now. */
int pdc_epoch_salvage(struct stxn *, struct pdc *);
int pdc_salvage_wanted(const struct pdc *);
/* The view of a closed mapping when its time has come, or itself. */
struct cells *pdc_closed_view(struct pdc *, struct cells *);
/* Nothing is to be salvaged from it, and it cannot go yet. */
int pdc_closed_idle(const struct cells *);
void pdc_closed_drop(struct pdc *, struct cells *view);
/* Of who only reads. */
void pdc_closed_forget(struct pdc *);

struct walk_rec {
	const unsigned char *key;
	size_t klen;
	const void *val;
	size_t len;
};

/*
 * Walk the records that begin with prefix.  fn returns 0, an error, or 1 if it
 * wrote, after which the value it was given is gone.  Commits by renewing now
 * and then.
 */
typedef int pdc_walk_fn(struct stxn *, void *arg, const struct walk_rec *);
int pdc_walk(struct stxn *, const void *prefix, size_t plen, pdc_walk_fn *,
    void *arg);

#define WALK_KEY_MAX 512

/* The same in parts: until a time, and from there with the next call. */
struct walk {
	unsigned char key[WALK_KEY_MAX]; /* where to go on */
	size_t plen, klen;
	int64_t until_ns; /* INT64_MAX: to the end */
	uint32_t writes;
	int more;
};
void pdc_walk_init(struct walk *, const void *prefix, size_t plen);
int pdc_walk_some(struct stxn *, struct walk *, pdc_walk_fn *, void *arg);

/* For walks over F, end what has expired; arg is a struct family. */
pdc_walk_fn pdc_expire_due;
/* What nobody maps any more is known of the store from now on. */
void pdc_epoch_forget(struct stxn *, struct pdc *);
/* Over C, R, U, K, delete what is of such epochs; a struct dying. */
pdc_walk_fn pdc_epoch_old;

#endif
