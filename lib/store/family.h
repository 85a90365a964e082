/* SPDX-License-Identifier: ISC */
#ifndef PDC_STORE_FAMILY_H
#define PDC_STORE_FAMILY_H

#include "base/modes.h"
#include "store/store.h"

/*
 * A family record taken apart.  help, unit and states point into the map; the
 * labels are its own, for series are made by them while other records are
 * written.
 */
struct family {
	struct family_rec r;
	char name[NAME_MAX_LEN + 1];
	const char *help, *unit;
	const char *labels[LABELS_MAX];
	char label_names[LABELS_MAX * 256];
	const char *states[STATES_MAX];
	double bounds[BOUNDS_MAX]; /* of cells */
	struct native_rec native;
	double classic[BOUNDS_MAX]; /* of a native histogram, on pages */
};

static inline int
family_native(const struct family_rec *r)
{
	return (r->flags & FAMILY_NATIVE) != 0;
}

/* Values that each of its series has: of the labels, and whose it is. */
static inline uint32_t
family_nvalues(const struct family_rec *r)
{
	return r->nlabels + (pdc_mode_keeps(r->mode) != KEEPS_ONE);
}

/* 0, or PDC_EFORMAT without words: the caller skips and counts it. */
int pdc_family_parse(struct family *, const void *name, size_t nlen,
    const void *val, size_t len);
/* 0, PDC_ENOENT, PDC_EFORMAT or an error. */
int pdc_family_get(struct stxn *, const char *name, struct family *);
int pdc_family_by_id(struct stxn *, uint32_t id, struct family *);
/* Whether a family that is shown has a sample of this name; f is that one. */
int pdc_family_named(struct stxn *, const char *sample, struct family *f);
/* Of the family that has this id now. */
int pdc_family_incarnation(struct stxn *, uint32_t id, uint32_t *);
/* Write it; its strings must not point into a page that was written. */
int pdc_family_put(struct stxn *, const struct family *);
/*
 * The ttl that counts for a family, in ns; 0: it lives for ever.  Deadlines are
 * of the monotonic clock, and of the wall clock only over a reboot; then no
 * longer than a ttl from now.
 */
int64_t pdc_family_ttl(const struct stxn *, const struct family_rec *);
/* Its deadline has passed. */
int pdc_family_due(const struct stxn *, const struct family_rec *);
/* It was used so many ns ago: move the deadline in the record. */
void pdc_family_live(const struct stxn *, struct family_rec *, int64_t ago);
/* The same in the store, if it is not far enough. */
int pdc_family_use(struct stxn *, struct family *, int64_t ago);
/* In another boot than the deadline was of: from now on it is of this one. */
int pdc_family_awake(struct stxn *, struct family *);

/* Take the record of a hidden family away: its id is nobody's any more. */
int pdc_family_forget(struct stxn *, const struct family *);
/* Only struct family_rec has changed. */
int pdc_family_touch(struct stxn *, const struct family *);

#endif
