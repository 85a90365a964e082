/* SPDX-License-Identifier: ISC */
#ifndef PDC_API_TXN_H
#define PDC_API_TXN_H

#include "metric/metric.h"
#include "store/value.h"

enum op_kind { OP_READ, OP_INC, OP_SET, OP_OBSERVE, OP_REFRESH };

struct op {
	enum op_kind kind;
	uint32_t family;
	uint32_t bucket, values_len;
	int64_t created_ns; /* of the family, too: another store has that id */
	uint64_t state; /* its bit, of a stateset */
	double amount;
	uint64_t stamp; /* OP_READ: of what was seen */
	char *values; /* allocated, and name behind them */
	char *name;
};

/*
 * One that was committed is kept, one a store, with the last family that it had
 * in place: as long as the store is in the state of then it is that family, and
 * a call that only writes takes no snapshot.
 */
struct pdc_txn {
	struct pdc *pdc;
	uint64_t gen; /* of the process that began it */
	int ret; /* the first error */
	struct op *ops;
	size_t nops, cap;
	struct store_state known; /* in which pl.f is what its name means */
	struct place pl; /* scratch of the present call */
	struct value v;
};

/*
 * The family of this name in place; PDC_ENOENT without words.  The states of a
 * stateset are in the map: it is not known after.
 */
int pdc_txn_load(struct pdc_txn *, struct stxn *, const char *name);
/* Presence, place and base of a series, as one number; found: 0, PDC_ENOENT. */
uint64_t pdc_txn_stamp(struct place *, int found);
/* Whether the series in place is there no more, for it was not used. */
int pdc_txn_idle(struct stxn *, const struct cells *, struct place *);
/* Its operations are gone. */
void pdc_txn_clear(struct pdc_txn *);
/* At the end of the store: what was kept. */
void pdc_txn_free(struct pdc *);

#endif
