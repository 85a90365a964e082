/* SPDX-License-Identifier: ISC */
#ifndef PDC_BASE_MODES_H
#define PDC_BASE_MODES_H

/*
 * The modes of gauges, once, in the order of enum pdc_mode: X(name of the
 * enumerator after PDC_, word, what it keeps, whether the dead count, how
 * values become one).
 *
 *	one	a value for all processes
 *	each	a value for each process, by its identity
 *	slots	the same, and a page shows one for each slot
 */

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"

enum mode_keeps { KEEPS_ONE, KEEPS_EACH, KEEPS_SLOTS };
enum mode_dead { DEAD_STAY, DEAD_GO };
enum mode_rule { RULE_LAST, RULE_MIN, RULE_MAX, RULE_SUM };

#define PDC_MODES(X) \
	X(SHARED, shared, KEEPS_ONE, DEAD_STAY, RULE_LAST) \
	X(ALL, all, KEEPS_SLOTS, DEAD_STAY, RULE_LAST) \
	X(LIVEALL, liveall, KEEPS_SLOTS, DEAD_GO, RULE_LAST) \
	X(MIN, min, KEEPS_EACH, DEAD_STAY, RULE_MIN) \
	X(LIVEMIN, livemin, KEEPS_EACH, DEAD_GO, RULE_MIN) \
	X(MAX, max, KEEPS_EACH, DEAD_STAY, RULE_MAX) \
	X(LIVEMAX, livemax, KEEPS_EACH, DEAD_GO, RULE_MAX) \
	X(SUM, sum, KEEPS_EACH, DEAD_STAY, RULE_SUM) \
	X(LIVESUM, livesum, KEEPS_EACH, DEAD_GO, RULE_SUM) \
	X(MOSTRECENT, mostrecent, KEEPS_ONE, DEAD_STAY, RULE_LAST) \
	X(LIVEMOSTRECENT, livemostrecent, KEEPS_EACH, DEAD_GO, RULE_LAST)

#define MODES_LABEL "slot" /* that pages give a mode of slots */

/* "unknown" for what is none. */
const char *pdc_mode_word(int mode);
/* -1 if it is none. */
int pdc_mode_from_word(const char *word);
enum mode_keeps pdc_mode_keeps(int mode);
enum mode_dead pdc_mode_dead(int mode);
enum mode_rule pdc_mode_rule(int mode);
/* Whether the time of each set is kept with the value. */
int pdc_mode_stamped(int mode);
/* Whether it has no inc and dec. */
int pdc_mode_only_set(int mode);
/* What was and v become; equal ones and NaN give way to what is better. */
double pdc_mode_merge(int mode, double was, double v);

/*
 * An identity: whose a value is.  The slot, and below it, in IDENT_BITS, the
 * microsecond since 2020 by the wall clock at which its process claimed the
 * slot.  No two claims of a slot have the same.  IDENT_NONE, as the owner of a
 * series: all that are dead, folded.
 */
#define SLOTS_MAX 4096
#define IDENT_BITS 51
#define IDENT_SINCE (((uint64_t)1 << IDENT_BITS) - 1)
#define IDENT_FROM_US 1577836800000000
#define IDENT_NONE 0

static inline uint64_t
ident_of(uint32_t slot, uint64_t since)
{
	return (uint64_t)slot << IDENT_BITS | since;
}

static inline uint32_t
ident_slot(uint64_t ident)
{
	return (uint32_t)(ident >> IDENT_BITS) & (SLOTS_MAX - 1);
}

static inline uint64_t
ident_since(uint64_t ident)
{
	return ident & IDENT_SINCE;
}

/* As text it is the last value of a series; "" of the dead. */
#define IDENT_MAX 20 /* with its NUL */
size_t pdc_ident_put(char *out, uint64_t ident);
/* 0 if it is none. */
int pdc_ident_parse(uint64_t *ident, const char *text);

/*
 * A series that was made for a process which has not written it yet: a NaN
 * that no computation gives.
 */
#define VALUE_NONE_BITS ((uint64_t)0x7ff8706463000001)

static inline double
value_none(void)
{
	return bits_double(VALUE_NONE_BITS);
}

static inline int
value_is_none(double v)
{
	return bits_of(v) == VALUE_NONE_BITS;
}

#endif
