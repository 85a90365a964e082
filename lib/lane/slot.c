/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "lane/slot.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/fork.h"
#include "lane/atomic.h"

static off_t
slot_start(uint32_t slot)
{
	return 1 + (off_t)((uint64_t)slot << IDENT_BITS);
}

static struct flock
slot_lock(uint32_t slot, uint64_t len, short type)
{
	struct flock fl = { .l_type = type,
		.l_whence = SEEK_SET,
		.l_start = slot_start(slot),
		.l_len = (off_t)len };

	return fl;
}

static int
slot_take(int fd, uint32_t slot, uint64_t since)
{
	struct flock fl = slot_lock(slot, since, F_WRLCK);

	return fcntl(fd, F_SETLK, &fl) == 0;
}

static void
slot_give(int fd, uint32_t slot)
{
	struct flock fl = slot_lock(slot, IDENT_SINCE, F_UNLCK);

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
	now = (now - IDENT_FROM_US) & IDENT_SINCE;
	if (now <= SLOT_CLAIMED)
		now = SLOT_CLAIMED + 1;
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
	for (slot = 0; slot < SLOTS_MAX; slot++)
		if (slot_take(fd, slot, SLOT_CLAIMED))
			break;
	if (slot == SLOTS_MAX)
		return pdc_slot_self(self);
	while (was.lo != mine.lo) {
		mine.hi = ident_of(slot, slot_since(cells, slot));
		if (!atomic_cas16(w, &was, mine))
			continue;
		atomic_store(&cells->slots[slot], ident_since(mine.hi));
		(void)slot_take(fd, slot, ident_since(mine.hi));
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
	if (slot_take(fd, slot, ident_since(was.hi)) &&
	    slot_word(cells, slot) <= ident_since(was.hi)) {
		atomic_store(&cells->slots[slot], ident_since(was.hi));
		return;
	}
	slot_give(fd, slot);
	(void)atomic_cas16((struct word16 *)self, &was, none);
}

/*
 * What a lock says of the slots from..to.  That of slot 0 and the write lock
 * may have become one; somebody else's may cover many.
 */
static uint32_t
slots_note(struct slots *s, const struct flock *fl, uint32_t from, uint32_t to)
{
	uint64_t start = (uint64_t)fl->l_start, end = start, since;
	uint32_t slot = from;

	end = fl->l_len > 0 ? start + (uint64_t)fl->l_len : (uint64_t)1 << 63;
	if (start > (uint64_t)slot_start(from))
		slot = (uint32_t)((start - 1) >> IDENT_BITS);
	for (from = slot; slot < to; slot++) {
		if (end <= (uint64_t)slot_start(slot))
			break;
		since = end - (uint64_t)slot_start(slot);
		s->since[slot] = since <= IDENT_SINCE ? since : SLOT_CLAIMED;
	}
	return slot > from ? slot : from + 1;
}

/* The kernel tells one lock of a range, not the first: look on both sides. */
static int
slots_range(struct slots *s, int fd, uint32_t from, uint32_t to)
{
	struct flock fl;
	uint32_t at;

	while (from < to) {
		fl = slot_lock(from, IDENT_SINCE, F_WRLCK);
		fl.l_len = to < SLOTS_MAX ? slot_start(to) - fl.l_start : 0;
		if (fcntl(fd, F_GETLK, &fl) == -1)
			return -1;
		if (fl.l_type == F_UNLCK)
			return 0;
		at = fl.l_start > slot_start(from) ?
		    (uint32_t)(((uint64_t)fl.l_start - 1) >> IDENT_BITS) :
		    from;
		if (slots_range(s, fd, from, at) == -1)
			return -1;
		from = slots_note(s, &fl, at, to);
	}
	return 0;
}

void
pdc_slots_look(struct slots *s, const struct slot_self *self, int fd)
{
	uint32_t i;

	memset(s->since, 0, sizeof(s->since));
	s->self = pdc_slot_self(self);
	if (slots_range(s, fd, 0, SLOTS_MAX) == -1)
		for (i = 0; i < SLOTS_MAX; i++)
			s->since[i] = SLOT_CLAIMED;
}

pid_t
pdc_slot_pid(int fd, uint32_t slot)
{
	struct flock fl = slot_lock(slot, 1, F_WRLCK);

	if (fcntl(fd, F_GETLK, &fl) == -1 || fl.l_type == F_UNLCK)
		return 0;
	return fl.l_pid > 0 ? fl.l_pid : 0;
}

int
pdc_slots_alive(const struct slots *s, uint64_t ident)
{
	uint64_t since = s->since[ident_slot(ident)];

	if (ident_since(ident) == 0)
		return 0;
	return ident == s->self || since == ident_since(ident) ||
	    since == SLOT_CLAIMED;
}
