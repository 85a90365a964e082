/* SPDX-License-Identifier: ISC */
#ifndef MODEL_OP_H
#define MODEL_OP_H

/*
 * What a process of the crew has.
 */

#include "metric/metric.h"
#include "model/crew.h"

extern struct op {
	struct pdc *p; /* NULL: not open */
	struct pdc_family *families[NFAMS];
	struct pdc_series *series[NFAMS][NSERS];
	int others[NFAMS]; /* the shape of the handle */
	struct pdc_txn *held; /* ORDER_READ, not done yet */
} op;

/* The tag is there, or the way to it. */
int op_good(struct pdc_series *);
/* It counts into what is beyond the budget. */
int op_over(const struct pdc_series *);
/* What its sums hold of this process: how many updates, or anything. */
uint64_t op_pending(const struct pdc_series *);
/* Do them, and tell of each its way; the second by several threads. */
void op_updates(struct order *);
void op_threads(struct order *);

#endif
