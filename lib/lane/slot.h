/* SPDX-License-Identifier: ISC */
#ifndef PDC_LANE_SLOT_H
#define PDC_LANE_SLOT_H

/*
 * Slots: which processes live that keep a gauge value of their own.
 *
 * A process has slot n while it holds the POSIX record lock on byte 1 + n of a
 * file.  The kernel gives it up with the process however that ends; it is not
 * inherited by a child, and neither a stop nor the end of a thread touches it.
 * The slot's word in the cells file says since when, so that the process
 * before it in the same slot is known to be dead.
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
 * descriptors, or with new cells: take it again and tell the cells since when,
 * or forget it.  Under the write lock.
 */
void pdc_slot_renew(struct slot_self *, const struct cells *, int fd);

/*
 * Who holds slots; a process that claims one meanwhile may be missing.  If they
 * cannot be asked for (fd is -1), all are held: nobody is taken for dead.
 */
struct slots {
	uint64_t self;
	unsigned char held[SLOTS_MAX / 8];
};
void pdc_slots_look(struct slots *, const struct slot_self *, int fd);
/* The process that holds a slot; 0 if it has no number here, or nobody does. */
pid_t pdc_slot_pid(int fd, uint32_t slot);
/* Of what was seen then; cells may be NULL. */
int pdc_slots_alive(const struct slots *, const struct cells *, uint64_t ident);

#endif
