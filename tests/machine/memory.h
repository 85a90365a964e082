/* SPDX-License-Identifier: ISC */
#ifndef MEMORY_H
#define MEMORY_H

/*
 * Allocations of the whole process are counted, and the nth from now on fails.
 * A program that is linked with it has this allocator: the C library and LMDB
 * have it, too.
 */

#include <stdatomic.h>

struct memory {
	_Atomic long live; /* allocations that are there */
	_Atomic long left; /* until one fails; 0: none does */
	_Atomic int failed; /* one did */
	_Atomic int on; /* then all others fail, too */
};

/* Where that stands: may be put into memory that others share. */
extern struct memory *memory;

/* Whether there is such an allocator: not beside that of a sanitizer. */
int memory_counted(void);

/* From now on, and no more: whether one failed. */
void memory_arm(long nth, int on);
int memory_disarm(void);

#endif
