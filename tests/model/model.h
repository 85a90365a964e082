/* SPDX-License-Identifier: ISC */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

/*
 * What a store must show, kept outside of it.
 *
 * Of each number there is the least and the most it will be worth when all
 * that is under way has arrived.  What was counted and need not be on a page
 * yet is in a pool, which says who brings it in, and what loses it:
 *
 *	RING	records of the present file	any checkpoint; nothing
 *	OWN	pending sums of a process	its own checkpoint; its end
 *	OLD	lanes and rings of a lost	a checkpoint of a process that
 *		file				maps it; the end of the last one
 *	LATE	lanes of a run given up, before	a checkpoint 60 s later; a loss
 *		its tag was cleared		of the file
 *
 * in is what must arrive and is in lo and hi; may is what may, and is in hi
 * alone.  So a page has hi at most, and lo without the pools at least.
 *
 * Documented exceptions, and how they are bounded:
 *	- a removed series takes along what was counted before; what another
 *	  process still has in a pool may come back: in becomes may;
 *	- what is added to a lost file after the series was removed in the next
 *	  one may be gone with it: it is a may at once;
 *	- a killed process takes its pending sums along, and with the last
 *	  mapping of a lost file that file's pool goes: lo sinks by in;
 *	- a reboot takes along what no checkpoint has seen;
 *	- gauges have no order between processes while a series is made, nor
 *	  between files: when two have operations under way, or one in two
 *	  pools, it is vague until all has arrived.
 */

#include <stddef.h>
#include <stdint.h>

#include "model/shape.h"

#define NPROCS 5
#define TICK INT64_C(50000000) /* from one order to the next, by the clock */
#define NSLOTS NPROCS
#define NOLD 3
enum {
	POOL_NONE = -1,
	POOL_RING,
	POOL_LATE,
	POOL_OWN,
	POOL_OLD = POOL_OWN + NPROCS,
	NPOOLS = POOL_OLD + NOLD
};

enum maybe { NO, YES, MAYBE };

/* By which way an update went, as the process that made it found. */
enum way { WAY_LANE, WAY_RING, WAY_OWN, WAY_DROP };

struct amounts {
	int64_t at[NCOMPS];
};

/* A process, or the dead, with a value of its own: modes.c. */
struct mowner {
	int64_t value;
	uint64_t at; /* of the last update, of all that there were */
	uint16_t fly; /* bits of the pools that have some of them */
	uint8_t has, made, coming; /* enum maybe; made: without a value, too */
	uint8_t vague, unseen;
	uint8_t early; /* its series may be from before a file was lost */
	/* Dead ones that are not folded yet; and that the next boot folds. */
	uint32_t dying, kept;
};

struct mseries {
	struct amounts lo, hi;
	struct amounts in[NPOOLS], may[NPOOLS];
	struct amounts unseen; /* in lanes, since the last checkpoint */
	int64_t value; /* of a gauge, as a program would have it */
	uint8_t vague; /* its value is not known */
	int8_t flyer; /* whose operations are under way; -1: several */
	int8_t flight; /* and in which pool */
	uint8_t present, fresh; /* enum maybe; fresh: created anew */
	uint8_t removed_old; /* bits of OLD pools older than its removal */
	/* idle.c: when the store has noted its last use; 0: never */
	int64_t used_lo, used_hi;
	int64_t from; /* what is on its way may have come since; 0: now */
	uint8_t stirred; /* as that of the family */
	uint8_t open; /* something on its way found no room here, perhaps */
	struct mowner live[NPROCS], dead[NSLOTS];
	/* as last seen on a page */
	uint8_t shown;
	struct amounts last;
	int64_t created_ns;
};

struct mfamily {
	uint8_t other; /* F_X: its second shape */
	uint8_t hidden; /* enum maybe: ended, and not used since */
	uint8_t declared;
	uint8_t left; /* a process left since the last checkpoint */
	uint8_t stirred; /* gauges, by name or late: seen once more */
	uint8_t crowded; /* there was no room for all that was on its way */
	uint8_t folds; /* checkpoints that may fold dead processes */
	uint32_t gen; /* declared anew with another shape */
	int64_t due_lo, due_hi; /* when it ends, monotonic; 0: never */
	int64_t wall_lo, wall_hi; /* the same by the wall clock */
	int64_t page; /* the last one that showed it, if that is a use */
	struct mseries s[NSERS];
};

struct mproc {
	uint8_t open, atomic;
	uint8_t maps; /* bits of OLD pools */
	uint64_t epoch; /* of its present mapping */
	uint64_t handles; /* that its handles still count in */
	uint64_t ident; /* its identity; 0: none */
	int slot; /* plus 1 */
	uint32_t gen[NFAMS]; /* of its handle; 0: none */
	uint8_t other[NFAMS]; /* its shape */
	uint8_t has[NFAMS][NSERS]; /* handles */
	uint8_t over[NFAMS][NSERS]; /* that count into OVER */
	int64_t looked[NFAMS]; /* last time one of them looked for room */
	int64_t fault; /* last time that something was made to fail */
};

struct model {
	struct mfamily f[NFAMS];
	struct mproc p[NPROCS];
	uint64_t old[NOLD]; /* epochs; 0: free */
	uint64_t seq; /* updates of gauges that each process has */
	uint64_t drops[3]; /* amount, nan, type: exact while they are */
	int drops_known, reshaped;
	int64_t mono, wall; /* now */
	int torn; /* a file was lost in this boot */
	int lossy; /* a file was lost and not all has come back */
};

struct view_series {
	int shown;
	struct amounts v;
	int64_t created_ns;
	uint8_t slot_shown[NSLOTS];
	int64_t slots[NSLOTS];
};

/* A page taken apart, view.c. */
struct view {
	int other; /* F_X has its second shape there */
	struct view_series s[NFAMS][NSERS];
	uint64_t drops[32], anomalies;
	char wrong[256]; /* what does not fit together in itself, or "" */
};

int view_parse(struct view *, const char *page);

void model_init(struct model *, int64_t mono, int64_t wall);
int model_flying(const struct mseries *);
int model_lost(const struct model *);
int model_lost_file(const struct model *, uint64_t epoch);
int model_flies(const struct mfamily *);
/* Least on a page now. */
int64_t model_least(const struct mseries *, int comp);

/* What processes do. */
void model_update(struct model *, int proc, int f, int s, int comp, int op,
    int64_t amount, enum way);
void model_made(struct model *, int proc, int f, int s); /* by pdc_labels() */
/* It has this identity now; NULL, or what is wrong with that. */
const char *model_ident(struct model *, int proc, uint64_t ident);
void model_drain(struct model *, int proc); /* its rings and sums alone */
void model_checkpoint(struct model *, int proc);
void model_remove(struct model *, int proc, int f, int s);
void model_remove_all(struct model *, int proc, int f);
void model_reset(struct model *, int proc, int f, int s, int64_t v);
void model_named(struct model *, int f, int s, int comp, int op,
    int64_t amount);
void model_end(struct model *, int f); /* its time has passed */
void model_reshape(struct model *, int f);
void model_forked(struct model *, int from, int to);

/* What happens to them. */
void model_lose(struct model *, uint64_t epoch);
/* leaves: with a checkpoint of what it alone brings in. */
void model_gone(struct model *, int proc, int leaves);
void model_reboot(struct model *);
/* Lost files that matter no more. */
void model_unmap(struct model *);
/* What came late is credited: 60 s and a checkpoint. */
void model_grace(struct model *);
void model_use(struct model *, int f, int sure);
/* A page was made, by the cells of a lost file or not. */
void model_page(struct model *, int lost);
void model_paged(struct model *, int f); /* a checkpoint has written that */

/* idle.c: the uses of a series, and its end. */
void model_idle_use(struct model *, int f, int s, int sure);
void model_idle_named(struct model *, int f, int s);
void model_idle_from(struct model *, struct mseries *);
void model_idle_stirred(struct model *, int f, int s);
/* Its time has passed, and it was used again or not. */
void model_idle_end(struct model *, int f, int s, enum maybe used);
void model_idle_reboot(struct model *);
void model_idle_merge(struct mseries *, const struct mseries *);
/* From when on, and until when, it ends by itself; 0 if it does not. */
int64_t model_idle_lo(const struct model *, int f, int s);
int64_t model_idle_hi(const struct model *, int f, int s);

/* NULL if the view is allowed, else words. */
const char *model_match(const struct model *, const struct view *);
/* The same but for so many that are wrong. */
const char *model_match_nth(const struct model *, const struct view *, int nth);
/* Take from a view that matched what was not known. */
void model_adopt(struct model *, const struct view *);
/* Either of two: what both allow, and one does. */
void model_merge(struct model *, const struct model *);

/* Operations: of updates and of items of transactions. */
enum { DO_ADD, DO_SET, DO_ON, DO_OFF, DO_BAD, DO_SETNX, DO_GET };
int64_t model_next(int op, int64_t v, int64_t amount);

#endif
