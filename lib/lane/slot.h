/* SPDX-License-Identifier: ISC */
#ifndef PDC_LANE_SLOT_H
#define PDC_LANE_SLOT_H

/*
 * Slots: which processes live that keep a gauge value of their own.
 *
 * A process has slot n while it holds the POSIX record lock on a file from byte
 * 1 + (n << IDENT_BITS) on, of as many bytes as are its identity's since: so
 * the process before it in the same slot is known to be dead.  The kernel gives
 * it up with the process however that ends; it is not inherited by a child, and
 * neither a stop nor the end of a thread touches it.  It has nothing to do with
 * a cells file but that a word there sees to it that no since is given twice.
 *
 * Who may write: the word of a slot, who holds its lock.  Fork: a child has
 * none until it claims one.  All but the looking may be called from a signal
 * handler, and from several threads at once: record locks are the process's,
 * and one compare-and-swap decides which slot it has.
 */

#include <sys/types.h>

#include <stdint.h>

#include "base/modes.h"
#include "lane/cells.h"

/* Of a process and file: the fork generation, then the identity it has. */
struct slot_self {
	uint64_t gen, ident;
} __attribute__((aligned(16)));

/* The identity of this process, IDENT_NONE if it has none. */
uint64_t pdc_slot_self(const struct slot_self *);
/* The same, claiming the lowest slot that is free; IDENT_NONE if none is. */
uint64_t pdc_slot_claim(struct slot_self *, const struct cells *, int fd);
/*
 * After the lock may have been lost, as by somebody who closed all
 * descriptors: take it again, or forget it if somebody has had it since.  Under
 * the write lock.
 */
void pdc_slot_renew(struct slot_self *, const struct cells *, int fd);

/*
 * Who holds slots, and since when: 0 nobody, SLOT_CLAIMED not said yet.  A
 * process that claims one meanwhile may be missing.  If they cannot be asked
 * for (fd is -1), all are claimed: nobody is taken for dead.
 */
#define SLOT_CLAIMED 1
struct slots {
	uint64_t self, since[SLOTS_MAX];
};
void pdc_slots_look(struct slots *, const struct slot_self *, int fd);
/* The process that holds a slot; 0 if it has no number here, or nobody does. */
pid_t pdc_slot_pid(int fd, uint32_t slot);
/* Of what was seen then. */
int pdc_slots_alive(const struct slots *, uint64_t ident);

#endif
