/* SPDX-License-Identifier: ISC */
#ifndef PDC_METRIC_METRIC_H
#define PDC_METRIC_METRIC_H

/*
 * The handles of pdc.h.
 *
 * A handle of a series is {id, unit}: the unit its run starts at and the tag
 * it must find there.  Threads mend it without a lock: whatever old and new
 * halves another thread reads, the tag differs unless both are right.
 *
 * Fork: handles, tables and the mapping are the child's own copies and go on.
 * Locks of a parent's thread count as free in the child: they hold the fork
 * generation of their holder.
 */

#include <sys/types.h>

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/fork.h"
#include "lane/cells.h"
#include "lane/lane.h"
#include "lane/ring.h"
#include "lane/slot.h"
#include "metric/bucket.h"
#include "store/family.h"
#include "store/store.h"
#include "store/value.h"

struct pdc_desc;

struct pdc_series {
	_Atomic uint64_t id, unit;
	_Atomic(const struct cells *) cells; /* that unit is of; NULL: none */
	uint8_t type, zone;
	uint8_t how; /* HOW_*, of a gauge's mode */
	_Atomic uint8_t shared; /* the id may be that of what overflows */
	struct pdc *pdc;
	struct pdc_family *family;
	struct pending *pending; /* width of them */
	_Atomic uint64_t pending_gen; /* the process they are of */
	_Atomic uint64_t aside[2]; /* of a gauge, see pdc_gauge_direct() */
	_Atomic uint64_t owner; /* whose series it is, see mode.c */
	uint64_t hash;
	_Atomic uint64_t refs; /* table.c */
	struct pdc_series *dead; /* the next one that was given up */
	uint32_t raw_len, values_len;
	char *raw; /* values as given, packed */
	char *values; /* the same, clean, by sorted label name */
};

#define SERIES_DEAD UINT32_MAX /* low half of refs */

#define ASIDE_SUMS 0
#define ASIDE_SETS 1

#define HOW_EACH 1 /* each process has its own series */
#define HOW_STAMPED 2 /* with the time of its last set */
#define HOW_SET_ONLY 4

/*
 * Label values as given, each with its NUL and more of them up to a whole word,
 * and a hash of them and the family's id, which is of no use elsewhere.
 */
#define PACK_WORD sizeof(uint64_t)
struct packed {
	uint64_t hash;
	size_t len;
	char raw[LABELS_MAX_LEN + LABELS_MAX * PACK_WORD];
};

static inline int
packed_same(const struct packed *k, const struct pdc_series *s)
{
	uint64_t a, b;
	size_t i;

	if (s->hash != k->hash || s->raw_len != k->len)
		return 0;
	for (i = 0; i < k->len; i += PACK_WORD) {
		memcpy(&a, s->raw + i, PACK_WORD);
		memcpy(&b, k->raw + i, PACK_WORD);
		if (a != b)
			return 0;
	}
	return 1;
}

struct handle_table {
	uint32_t mask, used;
	struct handle_table *older; /* the next one that is to be freed */
	_Atomic(struct pdc_series *) slot[];
};

struct pdc_family {
	struct pdc *pdc;
	struct pdc_family *next;
	char *name;
	uint32_t id;
	int type, mode;
	int exemplars; /* they are kept */
	uint32_t zone, width, nlabels, nstates;
	double *bounds;
	struct buckets buckets; /* of cells */
	/* Those that keep exemplars; of a native histogram, if any. */
	struct buckets classic;
	int native;
	uint32_t order[LABELS_MAX]; /* sorted place -> place as declared */
	_Atomic(struct handle_table *) table;
	_Atomic uint32_t nidle; /* handles that nobody holds */
	uint32_t hand; /* where giving up goes on */
	_Atomic uint64_t overflow; /* id of the overflow series, when met */
	_Atomic int64_t overflow_ns; /* when room was looked for */
};

/* How many threads are looking into tables, by a hash of the thread. */
#define PDC_LOOKS 16
struct look {
	_Atomic uint32_t n;
} __attribute__((aligned(64)));

struct pdc {
	struct store *store;
	_Atomic(struct cells *) cells;
	struct cells *husks; /* where closed files were mapped */
	struct clock clock;
	unsigned flags;
	uint32_t max_cpus, atomic_lanes;
	char *cells_dir;
	int use_fd; /* holds the in-use lock, or -1 */
	dev_t use_dev;
	ino_t use_ino;
	int use_kept; /* a mapping keeps its locks: 1; -1: no; 0: not known */
	_Atomic uint64_t table_lock; /* fork generation of its holder, or 0 */
	_Atomic(struct pdc_family *) families;
	_Atomic(struct collector *) collectors; /* lib/api/emit.h */
	_Atomic(struct pdc_txn *) spare; /* lib/api/txn.h */
	_Atomic uint64_t salvaged; /* epoch whose older mappings were */
	_Atomic uint32_t late; /* a line came into one of them since */
	_Atomic uint32_t pending; /* some handle has a pending sum */
	struct look look[PDC_LOOKS];
	_Atomic uint64_t look_gen; /* the process these are of */
	struct pdc_series *dead_series; /* given up, to be freed */
	struct handle_table *dead_tables;
	struct slot_self self; /* whose gauges of modes this process writes */
	_Atomic int64_t slot_ns; /* no claim before, as none was free */
	_Atomic int64_t retry_ns; /* no resolving before, after a failure */
	_Atomic int64_t rest_ns; /* how long the last such rest was; 0: none */
	/* The registry of open stores, lib/api/open.c. */
	struct pdc *next;
	unsigned refs;
};

static inline struct cells *
pdc_cells_now(const struct pdc *p)
{
	/* Pairs with the release in epoch_swap(). */
	return atomic_load_explicit(&p->cells, memory_order_acquire);
}

/* The short lock of tables and lists: nothing that waits is done under it. */
static inline void
pdc_table_lock(struct pdc *p)
{
	pdc_fork_lock(&p->table_lock);
}

static inline void
pdc_table_unlock(struct pdc *p)
{
	pdc_fork_unlock(&p->table_lock);
}

/*
 * The handle of these values, held, or NULL; and the same after entering it,
 * which gives another thread's if that was first, or NULL without memory.
 */
struct pdc_series *pdc_table_find(struct pdc_family *, const struct packed *);
struct pdc_series *pdc_table_enter(struct pdc_family *, struct pdc_series *,
    const struct packed *);
/* To walk a table without its lock: between the two nothing is freed. */
_Atomic uint32_t *pdc_look_begin(struct pdc *);
void pdc_look_end(_Atomic uint32_t *);
struct pdc_series *pdc_table_slot(const struct handle_table *, uint32_t);
/* Hold a handle that was found so; 0 if it was given up. */
int pdc_series_hold(struct pdc_series *);
/* Give it back; pdc_series_free() may put it into a pocket instead. */
void pdc_series_unhold(struct pdc_series *);
/* All that pockets have of a store ends. */
void pdc_pockets_close(const struct pdc *);

/* By how many it is held, pockets too; 0 also when it was given up. */
static inline uint32_t
pdc_series_refs(const struct pdc_series *s)
{
	uint32_t refs = (uint32_t)atomic_load_explicit(&s->refs,
	    memory_order_relaxed);

	return refs != SERIES_DEAD ? refs : 0;
}

/* Free what nobody looks at. */
void pdc_table_bury(struct pdc_series *, struct handle_table *);

/*
 * A place: a series found or made in a write transaction, or found in a
 * snapshot.  v holds its value block, to be changed and put by the caller.
 */
struct place {
	struct family f;
	uint32_t n;
	uint64_t id;
	struct value_place at;
	uint64_t unit; /* of the run in the present epoch, UNIT_NONE */
	int beyond; /* the one asked for is beyond max_series, or has no slot */
	struct value *v;
};

/* The record of a handle's family; PDC_EEXIST if it is another's now. */
int pdc_place_family(struct stxn *, const struct pdc_family *, struct place *);
/*
 * The handle of these values, made if need be; or s, held already, which has
 * them and may not be good.
 */
int pdc_labels_find(struct pdc_series **, struct pdc_family *,
    const struct packed *, struct pdc_series *s);
/* UTF-8, sorted by label name; at most three times as long. */
size_t pdc_labels_clean(const struct pdc_family *, const struct packed *,
    char *values);
/* Whether there is room for so many bytes; PDC_EINVAL. */
int pdc_labels_fit(const struct pdc_family *, size_t len);
/* The same by one, into LABELS_MAX_LEN bytes. */
int pdc_labels_values(const struct pdc_family *, const char *const *given,
    char *values, size_t *len);
/* f is filled in by the caller.  0, PDC_ENOENT, or an error. */
int pdc_place_find(struct stxn *, struct place *, const char *values,
    size_t len);
/*
 * Find or make; write transaction.  PDC_EFULL for a gauge that is beyond the
 * store's max_series; for others that is the overflow series.
 */
int pdc_place_make(struct stxn *, struct place *, const char *values,
    size_t len);
/* Whether one more series is beyond max_series: 1, 0, or an error. */
int pdc_budget_over(struct stxn *, struct place *);
/* The overflow series, which is used now. */
int pdc_budget_find(struct stxn *, struct pdc *, struct place *);
int pdc_budget_make(struct stxn *, struct pdc *, struct place *);
/* Have it, in a store with max_series, of a family just put. */
int pdc_budget_reserve(struct stxn *, struct pdc *, const char *name);
/*
 * Have cells for the place's block in this epoch: a block of an older one is
 * folded, units are reserved, zeroed and tagged, the block is put.
 */
int pdc_place_cells(struct stxn *, struct pdc *, struct place *);
/* Make a series that is not there. */
int pdc_place_add(struct stxn *, struct place *, const char *values,
    size_t len);

/* A series that is given up, and why; its values are filled in. */
enum gone_why {
	GONE_MOVED, /* what comes late is the new one's */
	GONE_REMOVED, /* what comes late is dropped */
	GONE_ENDED /* with its family: what comes after seen is late */
};
struct gone {
	enum gone_why why;
	size_t len;
	char values[LABELS_MAX_LEN];
};

/* Take the series away; its run is dying. */
int pdc_place_remove(struct stxn *, struct pdc *, struct place *,
    struct gone *);
/* Move a series to a fresh run, a counter worth v. */
int pdc_place_move(struct stxn *, struct pdc *, struct place *, double v);
/* D of a series of pl whose records are deleted. */
int pdc_dying_add(struct stxn *, struct pdc *, struct place *,
    const struct gone *);

/*
 * Gauges of modes.  A gauge of which each process has its own value is a series
 * for each, whose last value is the identity of that process (base/modes.h).
 */
static inline int
mode_each(int mode)
{
	return mode != 0 && pdc_mode_keeps(mode) != KEEPS_ONE;
}

/* The identity of this process, claimed if need be; IDENT_NONE: no slot. */
uint64_t pdc_mode_self(struct pdc *, const struct cells *);
/*
 * Make the handle this process's, which it is not after a fork: its updates
 * find no cell then, and what credits them mends it.  0: no slot.
 */
int pdc_mode_own(struct pdc_series *, const struct cells *);
int pdc_mode_owned(const struct pdc_series *);
/* Bring a value into a place by the mode's rule, in a write transaction. */
int pdc_mode_credit(struct stxn *, struct place *, double v);
/* The same into what the dead have left, for the values of one of them. */
int pdc_mode_fold(struct stxn *, struct place *, const char *values, size_t len,
    double v);

struct dying;
/*
 * Credit what now has beyond sum0, which becomes now; 1 if there was anything.
 * The second reads now from the lanes.
 */
int pdc_dying_credit(struct stxn *, struct dying *, const struct pair *now);
int pdc_dying_late(struct stxn *, const struct cells *, struct dying *);

/*
 * Credit an update to a place, in a write transaction: a sum goes to base, a
 * gauge without cells to its block, a gauge with cells by an owed effect.
 */
int pdc_credit_add(struct stxn *, struct place *, double amount);
int pdc_credit_pair(struct stxn *, struct place *, uint32_t bucket,
    struct pair);
int pdc_credit_pairs(struct stxn *, struct place *, const struct pair *);
/* What a gauge's place is worth now, which its block has then, too. */
double pdc_credit_look(const struct cells *, struct place *);
int pdc_credit_gauge(struct stxn *, const struct cells *, struct place *,
    enum owed_op, double amount);
/* By the words of a ring record or a handle; drops are counted in cells. */
int pdc_credit_update(struct stxn *, struct pdc *, const struct ring_update *,
    const char *values);

/* After the commit, before the effects below; nothing if it fails. */
int pdc_later_add(struct stxn *, const struct later *);

/* Effects on cells owed by this transaction: O records, run by done. */
int pdc_owed_add(struct stxn *, const struct owed *);
/* The store's done hook; arg is the struct pdc. */
void pdc_owed_done(void *arg, struct stxn *);
/* Redo what O records owe, and delete them. */
int pdc_owed_redo(struct stxn *, struct pdc *);

/* Credit the pending sums of this process's handles; commits by renewing. */
int pdc_pending_flush(struct stxn *, struct pdc *);
/* The store is closed: what still waits in its handles is dropped, counted. */
void pdc_pending_drop(struct pdc *);

/* Shape of a family from its declaration. */
int pdc_desc_family(struct family *, const struct pdc_desc *, uint32_t *order);
/* The store's family against what is declared now: 0, or PDC_EEXIST. */
int pdc_desc_same(const struct family *old, const struct family *new);
/* Its states, and PDC_EEXIST where two families have others. */
int pdc_states_desc(struct family *, const struct pdc_desc *);
int pdc_states_same(const struct family *old, const struct family *new);
/* "a,b,c" for an error, in WORDS_LEN bytes; what has no room is "...". */
#define WORDS_LEN 300
const char *pdc_words(const char *const *words, uint32_t n, char *out);
/* The first to be shown, if they differ at that one: of long lists not all. */
uint32_t pdc_words_first(const char *const *words, uint32_t differs);
void pdc_family_free(struct pdc_family *);
void pdc_series_drop(struct pdc_series *);

/*
 * Whether an update of this gauge (enum ring_op) may go by its cell: what went
 * by a ring or the pending sum has been done there.  Else a set would be undone
 * by one before it; a sum waits for sets alone.  Between processes there is no
 * such order while a series is made.
 */
int pdc_gauge_direct(struct pdc_series *, const struct cells *, unsigned op);
/* A handle goes on there; beyond: where what overflows is counted. */
void pdc_series_mended(struct pdc_series *, const struct cells *, uint64_t id,
    uint64_t unit, unsigned beyond);
/*
 * The id of a record of this handle, whose present one is id: whoever credits
 * it leaves the way from there.  The id of what overflows is that of many, who
 * go different ways from there: then it takes one of its own.
 */
uint64_t pdc_series_id(struct pdc_series *, const struct cells *, uint64_t id);
/*
 * An info without cells has no updates to make its series: tell the next
 * checkpoint to.
 */
void pdc_update_announce(struct pdc_series *);
/* Around what goes another way: enum ring_op. */
void pdc_aside_begin(struct pdc_series *, unsigned op);
void pdc_aside_end(struct pdc_series *, unsigned op);
void pdc_aside_cancel(struct pdc_series *, unsigned op); /* it was none */

/* A closed mapping may still hold what this process counted. */
static inline int
pdc_salvage_due(const struct pdc *p)
{
	const struct cells *c = pdc_cells_now(p);

	return c != NULL && c->older != NULL &&
	    (atomic_load(&p->salvaged) != c->epoch || atomic_load(&p->late));
}

#endif
