/* SPDX-License-Identifier: ISC */
#ifndef MULTI_H
#define MULTI_H

/*
 * For tests of many processes: children that never outlive their parent,
 * waits that end, pages taken apart.
 */

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include "pdc.h"

/* Zeroed memory that children share. */
void *multi_shared(size_t);

/* fork(); the child dies with its parent and after 60 s in any case. */
pid_t multi_fork(void);

/*
 * The status of a child as wait(2) has it; one that has not ended in time is
 * killed, and -1 is returned.
 */
int multi_wait(pid_t, int timeout_ms);
/* Run fn(arg) in a child; its exit status, or 256 and more if it had none. */
int multi_run(int (*fn)(void *), void *arg, int timeout_ms);

/*
 * The same in a process that has inherited nothing: its parent was made by
 * multi_alone_init(), to be called before any store is opened.  arg is copied,
 * pointers in it are not followed.
 */
void multi_alone_init(void);
int multi_alone(int (*fn)(void *), const void *arg, size_t len, int timeout_ms);

/*
 * Whether there is a sanitizer: a child forked from many threads may hang in
 * its allocator, and it wants all address space.
 */
int multi_sanitized(void);

/*
 * A child that has stopped itself under the write lock of the store; and its
 * end.
 */
pid_t multi_holder(const char *dir);
int multi_release(pid_t);

/*
 * Whether updates of what has no cells go to rings here; if not, says that the
 * present case is skipped: they wait in their process, which is allowed.
 */
int multi_rings(const struct pdc *);

/* Delete the cells in a store's directory; how many files. */
int multi_lose(const char *dir);

int64_t multi_now_ms(void);
void multi_sleep_ms(int);
/* Rise from *state: the same row of numbers from the same start. */
uint32_t multi_random(uint64_t *state);

/* Open or bail out; flags of struct pdc_options. */
struct pdc *multi_open(const char *dir, unsigned flags);
/* Declare with at most one label (NULL: none) or bail out. */
struct pdc_family *multi_declare(struct pdc *, enum pdc_type, const char *name,
    const char *label);
/* The series with this value of the one label (NULL: none); NULL if not had. */
struct pdc_series *multi_series(struct pdc_family *, const char *value);

/* A page, or NULL; free with pdc_free(). */
char *multi_page(struct pdc *);
/* The value of a sample, such as a_total{b="c"}, NaN if it is not there. */
double multi_sample(const char *page, const char *sample);
/* The sum of all samples of a name that have labels. */
double multi_sum(const char *page, const char *name);
/* The same of a page made now. */
double multi_now(struct pdc *, const char *sample);
/* By pdc_value_get(); label may be NULL.  NaN if it is not there. */
double multi_get(struct pdc *, const char *metric, const char *suffix,
    const char *label, const char *value);
/* One call in a transaction: op "inc", "set" or "observe"; 0 or PDC_E*. */
int multi_put(struct pdc *, const char *op, const struct pdc_key *, double);

/*
 * Counters, buckets, counts and sums of two pages: how many are lower in the
 * second, or gone from it; the first of them into words.
 */
int multi_backwards(const char *before, const char *after, char *words,
    size_t len);
/*
 * Of a page whose observations all were 1.0: how many histograms and summaries
 * called name have _sum, _count and +Inf that differ.
 */
int multi_unequal(const char *page, const char *name);

/* Time passes for this process, by both clocks. */
void multi_pass(struct pdc *, double seconds);
/* How many records of a kind the store has. */
int multi_records(struct pdc *, char kind);
/* How many lines its journal has; UINT64_MAX if that cannot be read. */
uint64_t multi_lines(struct pdc *);

#endif
