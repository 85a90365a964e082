/* SPDX-License-Identifier: ISC */
#ifndef MODEL_DRIVE_H
#define MODEL_DRIVE_H

/*
 * Orders to the crew, and the same done in the model.
 *
 * An order that was cut off, by a kill or an error that was made to happen, was
 * done or not: two models go on until a page tells which of them is right.
 */

#include "model/crew.h"
#include "model/model.h"

struct drive {
	struct model m, cut; /* cut: scratch */
	uint64_t seed, random;
	uint64_t steps, orders, cuts, deaths, pages, agains;
	uint64_t since; /* updates by rings since the last checkpoint */
	char boot[37];
	int made; /* there is a store */
	int nboot, failed, verbose;
	int quiet; /* nothing is counted beside */
	struct {
		int on, f, s, there, touched, changed;
	} held[NPROCS]; /* transactions that have read and are not done */
	struct view view;
};

uint32_t drive_random(struct drive *, uint32_t below);
/* Say what is wrong, with the seed; the run is over. */
void drive_fail(struct drive *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

void drive_note(const struct drive *, const char *what, long long n);

/* The order of a process, to be filled in; then to be done. */
struct order *drive_order(struct drive *, int proc, enum order_kind);
/* 1 if it was done, 0 if not and so it may, -1 if it was cut off. */
int drive_do(struct drive *, int proc);

/* Any process that has the store open; it is made if there is none. */
int drive_some(struct drive *);
/* Have proc running with the store open, and the family declared in it. */
void drive_ready(struct drive *, int proc);
void drive_family(struct drive *, int proc, int f);
void drive_look(struct drive *, int proc);
void drive_kill(struct drive *, int proc);

/* time.c: a checkpoint by each: nothing is under way after it. */
void drive_settle(struct drive *);
/* Families and series whose time comes soon end, or are used once more. */
void drive_time(struct drive *, int64_t ns);

/* bounds.c: how large it is when all is quiet. */
void drive_bounds(struct drive *);

/* steps.c: something. */
void drive_step(struct drive *);

/* result.c: whether a result is one the model allows, and what it does. */
const char *result_wrong(const struct model *, const struct order *, int proc);
void result_apply(struct model *, const struct order *, int proc, int done);

#endif
