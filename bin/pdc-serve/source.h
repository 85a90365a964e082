/* SPDX-License-Identifier: ISC */
#ifndef PDC_SERVE_SOURCE_H
#define PDC_SERVE_SOURCE_H

/*
 * The store as it comes and goes.
 *
 *	state	waits for		next	on error
 *	ABSENT	DIR/data.mdb to be	OPEN	FAILED
 *	FAILED	nothing: each look	OPEN	FAILED
 *		tries again
 *	OPEN	data.mdb to be another	ABSENT	-
 *		file or gone; SIGHUP
 *
 * A look is made by source_get(), so there is no watcher.  A SIGHUP that came
 * during a change is done with that change.
 *
 * Threads: the handle is used between source_get() and source_put(), counted in
 * users; whoever finds that it must change sets changing, waits until there
 * are no users, and closes and opens outside the mutex.  While changing is
 * set nobody becomes a user.
 *
 *			get	put	change
 *	get		-	-	waits for it, to the deadline
 *	put		-	-	never while one closes or opens
 *	change		-	waits	one at a time
 */

#include <sys/types.h>

#include <pthread.h>
#include <stdint.h>

struct log;
struct pdc;

#define SOURCE_WORDS 512

enum source_state { SOURCE_ABSENT, SOURCE_FAILED, SOURCE_OPEN };

struct source {
	const struct log *log;
	const char *dir; /* NULL: as pdc_open() chooses */
	pthread_mutex_t mutex; /* all below */
	pthread_cond_t cond; /* CLOCK_MONOTONIC */
	enum source_state state;
	struct pdc *pdc;
	int rdonly;
	dev_t dev;
	ino_t ino;
	unsigned users;
	int changing;
	int reopen; /* the next look closes the store first */
	int error; /* PDC_E*, of SOURCE_FAILED */
	char words[SOURCE_WORDS];
};

/* What a user gets. */
struct source_use {
	enum source_state state;
	struct pdc *pdc; /* SOURCE_OPEN only; else NULL */
	int rdonly; /* no checkpoints */
	int error; /* SOURCE_FAILED: PDC_E* */
	char words[SOURCE_WORDS]; /* why not SOURCE_OPEN */
};

/* 0 or -1 with errno.  The log and dir must live as long. */
int source_init(struct source *, const struct log *, const char *dir);
/* Nobody may use it any more. */
void source_fini(struct source *);

/*
 * Look whether the store is there and the same, then use it.  Waits for others
 * until deadline_ns (CLOCK_MONOTONIC); SOURCE_FAILED with PDC_EBUSY is that
 * running out.  With SOURCE_OPEN, source_put() ends the use.
 */
enum source_state source_get(struct source *, int64_t deadline_ns,
    struct source_use *);
void source_put(struct source *);

/*
 * Let the next look close the store and open it anew.  While somebody keeps the
 * store's lock it goes on being served, and a later look does it.
 */
void source_reopen(struct source *);

#endif
