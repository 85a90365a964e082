/* SPDX-License-Identifier: ISC */
#ifndef PDC_SERVE_CHECKPOINTER_H
#define PDC_SERVE_CHECKPOINTER_H

/*
 * One thread makes all checkpoints, so there is never more than one: every
 * interval, and when a scrape wants one.  A scrape takes one that began after
 * it came, so scrapes that come together share it.
 *
 *	begun	number of the run that began last
 *	ended	number of the run that ended last; begun if none runs
 *	wanted	a run of this number is to begin now
 *
 * Each is a pdc_maintain(): upkeep of the store and all.
 *
 * What a scrape wants waits 100 ms for the write lock, a tick 1000 ms.
 */

#include <pthread.h>
#include <stdint.h>

struct log;
struct options;
struct source;

/* For how long a scrape waits at most: for a run to begin, and to end. */
#define CHECKPOINTER_BEGIN_NS 100000000
#define CHECKPOINTER_END_NS 1000000000

struct checkpointer {
	const struct log *log;
	struct source *source;
	const struct options *options;
	pthread_t thread;
	int failing; /* the last run failed; the thread's own */
	pthread_mutex_t mutex; /* all below */
	pthread_cond_t wake; /* the thread; CLOCK_MONOTONIC */
	pthread_cond_t change; /* scrapes; CLOCK_MONOTONIC */
	uint64_t begun, ended, wanted;
	uint64_t errors;
	int64_t duration_ns; /* of the last that succeeded; -1: none */
	int stop;
};

struct checkpointer_stat {
	uint64_t errors;
	int64_t duration_ns;
};

/* 0 or -1 with errno.  All it is given must live as long. */
int checkpointer_start(struct checkpointer *, struct source *,
    const struct log *, const struct options *);
/* Ends the thread after its run. */
void checkpointer_stop(struct checkpointer *);

/*
 * Wait for a checkpoint that begins from now on, but not past until_ns
 * (CLOCK_MONOTONIC).  How it ended does not matter to a page.
 */
void checkpointer_wait(struct checkpointer *, int64_t until_ns);

void checkpointer_stat_get(struct checkpointer *, struct checkpointer_stat *);

#endif
