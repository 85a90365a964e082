/* SPDX-License-Identifier: ISC */
#ifndef PDC_API_TARGET_H
#define PDC_API_TARGET_H

#include "metric/metric.h"

struct pdc_key;

/* A key taken apart by the family it names. */
struct target {
	char
	    values[LABELS_MAX_LEN + IDENT_MAX]; /* with whose they are, if so */
	size_t len;
	double le; /* of a _bucket */
	uint32_t state; /* of a stateset; as many as it has: none of them */
	const char *suffix;
};

/* PDC_EINVAL with words if the key does not fit the family. */
int pdc_target_parse(struct target *, const struct family *,
    const struct pdc_key *);
/*
 * The same of a whole series: no le, no state, whatever the suffix; of a gauge
 * that each process has, of all of them.
 */
int pdc_target_series(struct target *, const struct family *,
    const struct pdc_key *);
/*
 * Of a gauge that each process has, what a page would show, with pl for its
 * family and blocks: 0, PDC_ENOENT, an error; or 1, to try a newer snapshot.
 */
int pdc_target_merged(const struct target *, struct pdc *, struct stxn *,
    struct place *pl, struct pair *out);
/* What the suffix and the type allow. */
enum target_write { TARGET_INC, TARGET_SET, TARGET_SETNX };
int pdc_target_writable(const struct family *, const struct target *, double v,
    enum target_write);
/* The number the suffix names, of a series worth out[]. */
int pdc_target_value(const struct family *, const struct target *,
    const struct pair *out, int64_t created_ns, double *value);

#endif
