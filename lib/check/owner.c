/* SPDX-License-Identifier: ISC */
#include "config.h"

/* Numbers, ids and units: each has one owner, and none has none. */

#include <inttypes.h>
#include <stdlib.h>

#include "check/book.h"

static int
owner_by_number(const void *va, const void *vb)
{
	const struct check_number *a = va, *b = vb;

	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	if (a->incarnation != b->incarnation)
		return a->incarnation < b->incarnation ? -1 : 1;
	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	return a->kind - b->kind;
}

static int
owner_by_id(const void *va, const void *vb)
{
	const struct check_number *a = va, *b = vb;

	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return owner_by_number(va, vb);
}

static int
owner_by_unit(const void *va, const void *vb)
{
	const struct check_extent *a = va, *b = vb;

	if (a->zone != b->zone)
		return a->zone < b->zone ? -1 : 1;
	if (a->unit != b->unit)
		return a->unit < b->unit ? -1 : 1;
	return a->kind - b->kind;
}

/* Numbers of a family from one on to before another are nobody's. */
static void
number_gap(struct check *c, const struct check_life *l, uint32_t from,
    uint32_t to)
{
	if (l->ended || from >= to)
		return;
	pdc_check_say(c,
	    "family %u: numbers %u to %u are nobody's, expected S, D, K or N",
	    l->family, from, to - 1);
}

/* The numbers of one incarnation, from at on; where those of the next begin. */
static const struct check_number *
number_life(struct check *c, const struct check_life *l,
    const struct check_number *at, const struct check_number *end)
{
	uint64_t next = 0;
	char kind = 0;

	for (; at < end && at->family == l->family &&
	     at->incarnation == l->incarnation;
	     at++) {
		if (kind != 0 && at->n == next - 1)
			pdc_check_say(c,
			    "family %u: number %u is of %c and of %c, "
			    "expected one",
			    l->family, at->n, kind, at->kind);
		else if (at->n > next)
			number_gap(c, l, (uint32_t)next, at->n);
		next = (uint64_t)at->n + 1;
		kind = at->kind;
	}
	if (next < l->next_n)
		number_gap(c, l, (uint32_t)next, l->next_n);
	return at;
}

static void
owner_numbers(struct check *c)
{
	const struct check_number *at = c->numbers.at, *end;
	const struct check_life *l = c->lives.at;
	size_t i;

	if (c->numbers.n > 0)
		qsort(c->numbers.at, c->numbers.n, sizeof(*at),
		    owner_by_number);
	end = c->numbers.n > 0 ? at + c->numbers.n : at;
	for (i = 0; i < c->lives.n; i++)
		at = number_life(c, l + i, at, end);
}

static void
owner_ids(struct check *c)
{
	const struct check_number *n = c->numbers.at;
	size_t i;

	if (c->numbers.n < 2)
		return;
	qsort(c->numbers.at, c->numbers.n, sizeof(*n), owner_by_id);
	for (i = 1; i < c->numbers.n; i++)
		if (n[i].id != 0 && n[i].id == n[i - 1].id)
			pdc_check_say(c,
			    "id %" PRIu64 " is of %c %u %u %u and of "
			    "%c %u %u %u, expected one",
			    n[i].id, n[i - 1].kind, n[i - 1].family,
			    n[i - 1].incarnation, n[i - 1].n, n[i].kind,
			    n[i].family, n[i].incarnation, n[i].n);
}

/* Units of a zone. */
static void
unit_gap(struct check *c, uint32_t zone, uint64_t from, uint64_t to)
{
	if (from < to)
		pdc_check_say(c,
		    "zone %u: units %" PRIu64 " to %" PRIu64
		    " are nobody's, expected V or U",
		    zone, from, to - 1);
}

/* The first unit behind, if what is before next has been looked at. */
static uint64_t
unit_one(struct check *c, const struct check_extent *e, uint64_t next)
{
	uint64_t end = c->x.meta.next_unit[e->zone];

	if (e->unit > end || e->len > end - e->unit) {
		pdc_check_say(c,
		    "zone %u: %c %u %u %u has units %" PRIu64 " and %" PRIu64
		    " behind, expected below %" PRIu64 ", next_unit of M",
		    e->zone, e->kind, e->family, e->incarnation, e->block,
		    e->unit, e->len - 1, end);
		return next;
	}
	if (e->unit < next)
		pdc_check_say(c,
		    "zone %u: %c %u %u %u has units %" PRIu64 " to %" PRIu64
		    " that are another's, too",
		    e->zone, e->kind, e->family, e->incarnation, e->block,
		    e->unit,
		    (next < e->unit + e->len ? next : e->unit + e->len) - 1);
	else
		unit_gap(c, e->zone, next, e->unit);
	return e->unit + e->len > next ? e->unit + e->len : next;
}

static void
owner_units(struct check *c)
{
	const struct check_extent *e = c->extents.at;
	uint64_t next;
	uint32_t zone;
	size_t i = 0;

	if (c->extents.n > 0)
		qsort(c->extents.at, c->extents.n, sizeof(*e), owner_by_unit);
	for (zone = 0; zone < NZONES; zone++) {
		for (next = 0; i < c->extents.n && e[i].zone == zone; i++)
			next = unit_one(c, &e[i], next);
		unit_gap(c, zone, next, c->x.meta.next_unit[zone]);
	}
}

void
pdc_check_owners(struct check *c)
{
	owner_numbers(c);
	owner_ids(c);
	owner_units(c);
}
