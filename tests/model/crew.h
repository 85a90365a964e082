/* SPDX-License-Identifier: ISC */
#ifndef MODEL_CREW_H
#define MODEL_CREW_H

/*
 * Processes that do as they are told, one order at a time, by mailboxes in
 * memory they share with their driver.  The driver itself never opens a store,
 * so what it starts has inherited nothing; but an order makes a process fork,
 * with all its handles, and the child serves another mailbox.
 */

#include <stdatomic.h>
#include <stdint.h>

#include "model/model.h"

#define NITEMS 48
#define PAGE_SIZE_MAX (1 << 20)

enum order_kind {
	ORDER_OPEN,
	ORDER_CLOSE,
	ORDER_DECLARE,
	ORDER_LABELS,
	ORDER_FREE,
	ORDER_UPDATE,
	ORDER_THREADS,
	ORDER_CHECKPOINT,
	ORDER_REMOVE,
	ORDER_REMOVE_ALL,
	ORDER_RESET,
	ORDER_TXN,
	ORDER_READ,
	ORDER_COMMIT,
	ORDER_CLEAR,
	ORDER_LOOK,
	ORDER_STAT,
	ORDER_FORK,
	NORDERS
};

struct item {
	uint8_t f, s, comp, op;
	uint8_t way; /* enum way, told back */
	uint8_t over; /* the handle is that of OVER */
	int64_t amount;
	int ret;
	double got;
};

struct order {
	enum order_kind kind;
	int f, s, other, to;
	unsigned flags; /* of pdc_open() */
	double ttl_s;
	uint64_t max_series;
	int give_up; /* ORDER_TXN: abort it */
	int nitems;
	struct item items[NITEMS];
	int64_t mono, wall; /* it is this time */
	char boot[37];
	int fault, hit, deadly; /* hit 0: none */
	/* told back */
	int ret, good, fired, child;
	int over, looked; /* ORDER_LABELS: of OVER; that was looked up now */
	enum way way; /* ORDER_LABELS: of an info that has to be told */
	uint64_t epoch, handles; /* as of struct mproc */
	uint64_t ident; /* the identity of the process, 0: none */
	uint64_t counts[128]; /* ORDER_STAT: records by the first byte */
	uint64_t cells, data;
	char words[200];
};

struct crew {
	char dir[256];
	_Atomic int pid[NPROCS];
	_Atomic int state[NPROCS]; /* enum crew_state */
	struct order order[NPROCS];
	int driver;
	char page[PAGE_SIZE_MAX];
};

enum crew_state { CREW_IDLE, CREW_TOLD, CREW_DONE };
extern struct crew *crew;

void crew_init(void);
/* A new process for a mailbox. */
void crew_start(int proc);
/* Have it do its order; 0, or -1 if it died of it. */
int crew_do(int proc);
void crew_kill(int proc);

/* op.c: what a process does with the order of its mailbox. */
void op_do(struct order *);
/* The child of ORDER_FORK serves on as another. */
void crew_serve(int proc) __attribute__((noreturn));

#endif
