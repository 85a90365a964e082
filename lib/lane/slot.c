/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "lane/slot.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/fork.h"
#include "lane/atomic.h"

static struct flock
slot_lock(uint32_t slot, uint32_t n, short type)
{
	struct flock fl = { .l_type = type,
		.l_whence = SEEK_SET,
		.l_start = 1 + (off_t)slot,
		.l_len = (off_t)n };

	return fl;
}

static int
slot_take(int fd, uint32_t slot)
{
	struct flock fl = slot_lock(slot, 1, F_WRLCK);

	return fcntl(fd, F_SETLK, &fl) == 0;
}

static void
slot_give(int fd, uint32_t slot)
{
	struct flock fl = slot_lock(slot, 1, F_UNLCK);

	(void)fcntl(fd, F_SETLK, &fl);
}

static uint64_t
slot_word(const struct cells *cells, uint32_t slot)
{
	return cells != NULL ? atomic_load(&cells->slots[slot]) : 0;
}

uint64_t
pdc_slot_self(const struct slot_self *self)
{
	/* gen first: the identity is stored with it, at once. */
	if (__atomic_load_n(&self->gen, __ATOMIC_ACQUIRE) != pdc_fork_gen())
		return IDENT_NONE;
	return __atomic_load_n(&self->ident, __ATOMIC_RELAXED);
}

/* Now, but later than whoever had the slot before. */
static uint64_t
slot_since(const struct cells *cells, uint32_t slot)
{
	uint64_t before = slot_word(cells, slot), now;
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	now = (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
	now = (now & IDENT_SINCE) | (now == 0);
	return before >= now && before < IDENT_SINCE ? before + 1 : now;
}

uint64_t
pdc_slot_claim(struct slot_self *self, const struct cells *cells, int fd)
{
	struct word16 *w = (struct word16 *)self, was, mine;
	uint32_t slot;

	mine.hi = pdc_slot_self(self);
	if (mine.hi != IDENT_NONE)
		return mine.hi;
	mine.lo = pdc_fork_gen();
	was = atomic_peek16(w);
	for (slot = 0; slot < SLOTS_MAX && !slot_take(fd, slot); slot++)
		continue;
	if (slot == SLOTS_MAX)
		return pdc_slot_self(self);
	while (was.lo != mine.lo) {
		mine.hi = (uint64_t)slot << 52 | slot_since(cells, slot);
		if (!atomic_cas16(w, &was, mine))
			continue;
		atomic_store(&cells->slots[slot], ident_since(mine.hi));
		return mine.hi;
	}
	/* Another thread, or a signal handler, was first. */
	if (ident_slot(was.hi) != slot)
		slot_give(fd, slot);
	return was.hi;
}

void
pdc_slot_renew(struct slot_self *self, const struct cells *cells, int fd)
{
	struct word16 was = { pdc_fork_gen(), pdc_slot_self(self) };
	const struct word16 none = { 0, 0 };
	uint32_t slot = ident_slot(was.hi);

	if (was.hi == IDENT_NONE)
		return;
	if (slot_take(fd, slot) &&
	    slot_word(cells, slot) <= ident_since(was.hi)) {
		atomic_store(&cells->slots[slot], ident_since(was.hi));
		return;
	}
	slot_give(fd, slot);
	(void)atomic_cas16((struct word16 *)self, &was, none);
}

/* The kernel tells one lock of a range, not the first: look on both sides. */
static int
slots_range(struct slots *s, int fd, uint32_t from, uint32_t to)
{
	struct flock fl;
	uint32_t at, end;

	while (from < to) {
		fl = slot_lock(from, to - from, F_WRLCK);
		if (fcntl(fd, F_GETLK, &fl) == -1)
			return -1;
		if (fl.l_type == F_UNLCK)
			return 0;
		at = fl.l_start > 1 + (off_t)from ? (uint32_t)fl.l_start - 1 :
						    from;
		end = to;
		if (fl.l_len > 0 && fl.l_start + fl.l_len < 1 + (off_t)to)
			end = (uint32_t)(fl.l_start + fl.l_len) - 1;
		if (slots_range(s, fd, from, at) == -1)
			return -1;
		for (; at < end; at++)
			s->held[at / 8] |= (unsigned char)(1 << at % 8);
		from = end;
	}
	return 0;
}

void
pdc_slots_look(struct slots *s, const struct slot_self *self, int fd)
{
	memset(s->held, 0, sizeof(s->held));
	s->self = pdc_slot_self(self);
	if (slots_range(s, fd, 0, SLOTS_MAX) == -1)
		memset(s->held, 0xff, sizeof(s->held));
}

pid_t
pdc_slot_pid(int fd, uint32_t slot)
{
	struct flock fl = slot_lock(slot, 1, F_WRLCK);

	if (fcntl(fd, F_GETLK, &fl) == -1 || fl.l_type == F_UNLCK)
		return 0;
	return fl.l_pid > 0 ? fl.l_pid : 0;
}

/*
 * What is newer than the slot's word is alive too: its process has not told
 * the cells yet, as with new ones.
 */
int
pdc_slots_alive(const struct slots *s, const struct cells *cells,
    uint64_t ident)
{
	uint32_t slot = ident_slot(ident);

	if (ident_since(ident) == 0)
		return 0;
	if (ident == s->self)
		return 1;
	return (s->held[slot / 8] >> slot % 8 & 1) != 0 &&
	    ident_since(ident) >= slot_word(cells, slot);
}
