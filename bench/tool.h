/* SPDX-License-Identifier: ISC */
#ifndef BENCH_TOOL_H
#define BENCH_TOOL_H

/*
 * What the programs figures and scale share: a directory of stores on /dev/shm
 * that goes with the program, and the store to be measured.  All of them end
 * the program with a message if something fails.
 */

#include <stddef.h>
#include <stdint.h>

#include "pdc.h"

/*
 * Run work() in a child process, in which tool_path() is good; remove the
 * directory however the child ends.  Returns the status to exit with.
 */
int tool_run(int (*work)(void));

double tool_now_ns(void);
void tool_must(int ret); /* of a function of pdc.h */
int tool_by_size(const void *, const void *); /* of doubles, for qsort */
double tool_median(double *, size_t n); /* sorts them */

/* The path of a store of this name; static. */
const char *tool_path(const char *name);
struct pdc *tool_open(const char *name, const struct pdc_options *);
void tool_remove(const char *name);
struct pdc_family *tool_family(struct pdc *, enum pdc_type, const char *name,
    const char *const *labels);

/*
 * n counters in ten families, labels method and path, the value of series i of
 * a family i + 1; and a checkpoint.  all (may be NULL) gets the n handles.
 */
void tool_fill(struct pdc *, uint32_t n, struct pdc_series **all);

/* Bytes of shared memory that the cells file of a store has. */
double tool_cells_bytes(const char *name);

/* What the LMDB map of a store has; no handle of it is open here. */
struct tool_map {
	double used; /* bytes of the pages in use or free for use again */
	double tree; /* bytes of those that hold records */
	double entries;
};
void tool_map(const char *name, struct tool_map *);

#endif
