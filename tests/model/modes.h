/* SPDX-License-Identifier: ISC */
#ifndef MODEL_MODES_H
#define MODEL_MODES_H

/*
 * Gauges of which each process has a value of its own: what each of those who
 * live has written, and what the dead have left, by slot where pages show
 * slots, else all in the first.  Of dead processes the page has the same
 * before and after a checkpoint folds them.
 */

#include "model/model.h"

/* Whether a family is one of them; and shows slots. */
int mode_family(const struct model *, int f);
int mode_slots(const struct model *, int f);
int mode_of(const struct model *, int f);
/* Two values as one. */
int64_t mode_both(int mode, int64_t a, int64_t b);

/* All that has values of some labels, one after the other. */
#define NOWNERS (NPROCS + NSLOTS)
static inline struct mowner *
mode_owner(struct mseries *s, int i)
{
	return i < NPROCS ? &s->live[i] : &s->dead[i - NPROCS];
}

static inline const struct mowner *
mode_look(const struct mseries *s, int i)
{
	return i < NPROCS ? &s->live[i] : &s->dead[i - NPROCS];
}

void mode_update(struct model *, int proc, int f, int s, int pool, int op,
    int64_t amount);
void mode_made(struct model *, int proc, int f, int s);
void mode_named(struct model *, int f, int s, int64_t amount);
/* All of a pool has arrived; or nobody brings it in any more. */
void mode_arrived(struct mseries *, int pool);
void mode_forget(struct mseries *, int pool);
/* It is given up by a process, or (-1) by itself. */
void mode_over(int proc, struct mseries *);
/* A checkpoint was made; who had died before is folded by the second. */
void mode_seen(struct model *, int f);
/* What is there now is not folded before the next boot. */
void mode_early(struct model *);
void mode_lose(struct mseries *, int old);
void mode_reboot(struct mfamily *, struct mseries *);
/* A process has no identity any more. */
void mode_died(struct model *, int proc);
void mode_merge(struct mseries *, const struct mseries *);

/* merged.c: what a page makes of them. */
const char *mode_match(const struct model *, const struct view *, int f, int s);
void mode_adopt(struct model *, const struct view *, int f, int s);
/* The value of all by name: 1 and it, 0 if there is none, -1: not known. */
int mode_value(const struct model *, int f, int s, int64_t *value);
/* How many series there are of these labels, at least and at most. */
void mode_count(const struct model *, int f, int s, uint64_t *lo, uint64_t *hi);

#endif
