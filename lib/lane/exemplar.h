/* SPDX-License-Identifier: ISC */
#ifndef PDC_LANE_EXEMPLAR_H
#define PDC_LANE_EXEMPLAR_H

/*
 * Exemplars: of a counter or a bucket, one update with labels of its own, as
 * the last that was told.
 *
 * The cells file has a table of places for all of them.  A place is found by
 * the series' id and the bucket, among EXEMPLAR_PROBES behind their hash; where
 * none is free, the one that has been quiet for longest gives way.  So it is a
 * cache: what is counted stays, of exemplars the newest.
 *
 * A place has two buffers.  Who writes claims the one that is not the newest,
 * by compare-and-swap; a claim of more than a second ago is of somebody dead or
 * stopped.  A buffer ends with a hash of its content and of whose it is: what a
 * killed or late writer leaves behind is not shown.
 *
 * Async-signal-safe; no lock, no system call, no allocation.
 */

#include "lane/cells.h"

#define EXEMPLAR_POINTS 128 /* code points of names and values at most */
#define EXEMPLAR_LEN 464 /* bytes of them, each with its NUL */

struct exemplar {
	int64_t time_ns; /* wall clock */
	double value;
	uint64_t len;
	char labels[EXEMPLAR_LEN]; /* name, value, name, value, ... */
};

/*
 * Whether its labels may be shown: names, none empty or there twice, each with
 * a value, all in UTF-8 and with their ends, and not too many code points.
 */
int pdc_exemplar_sound(const char *labels, size_t len);
/* Keep it, if there are places; 0, or -1 if not. */
int pdc_exemplar_put(const struct cells *, uint64_t id, uint32_t bucket,
    const struct exemplar *);
/* The newest that is sound; 1, or 0 if there is none. */
int pdc_exemplar_get(const struct cells *, uint64_t id, uint32_t bucket,
    struct exemplar *);

#endif
