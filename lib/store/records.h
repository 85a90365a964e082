/* SPDX-License-Identifier: ISC */
#ifndef PDC_STORE_RECORDS_H
#define PDC_STORE_RECORDS_H

/*
 * What lies in data.mdb: one unnamed database; the first byte of a key says
 * what the record is.  Numbers in keys are big-endian, in values little-endian
 * (the machine's).  pdc-store(5) has the offset tables.
 *
 * key				value
 * M				struct meta
 * F name			struct family_rec, strings, bounds, native_rec
 * I family			name of the family
 * S family incarnation n	struct series_rec, values, rendered
 * L family incarnation hash i	n: find a series by its values
 * V family incarnation block	struct value: base and seen of a run of n
 * T family incarnation block	boot, i64[]: when each of them was used (idle.h)
 * C epoch family inc. block	struct value of a closed epoch, when folded
 * N family incarnation n	nothing: this number may be given out again
 * D number			struct dying_rec: a run that was given up
 * K number			the same, while its file is mapped
 * E family incarnation		struct ended_rec: all of it is to be deleted
 * U epoch zone unit		so many units may be given out again
 * O number			struct owed: an effect on cells to be redone
 * R epoch			u64[]: positions of the rings
 *
 * A series of a family is numbered n = 0, 1, ...; n gives its place in the
 * value blocks, and in the cells of an epoch: a block has one extent of units,
 * n's run lies at the same place in it.  Numbers and units are given out again
 * when nobody can be adding to their cells any more (dying.h).  F is the
 * metric's key; S, L, V are its continuation and count only under the
 * incarnation F names.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/pair.h"
#include "base/states.h"

#define STORE_MAGIC "pdcstore"
#ifndef STORE_VERSION /* tests/upgrade has programs of the next one */
#define STORE_VERSION 1
#endif

#define NAME_MAX_LEN 400 /* of a metric */
#define LABELS_MAX 64 /* label names of a family */
#define LABELS_MAX_LEN 4096 /* label values of a series, with their NULs */
#define BOUNDS_MAX 1024 /* a series has one bucket more */
#define DIR_MAX 256 /* cells_dir */
#define TTL_MAX_S 3e9 /* 95 years, in ns below 2^63 */

#define UNIT_NONE UINT64_MAX

#define META_REFRESH 1u /* of flags: pages are uses */

struct meta {
	char magic[8];
	uint32_t version, flags;
	unsigned char uuid[16];
	uint64_t data_dev, data_ino; /* of data.mdb: a copy is noticed */
	uint64_t epoch; /* 0: no cells yet */
	uint64_t boot_epoch; /* first epoch of this boot */
	char boot_id[40];
	char cells_dir[DIR_MAX]; /* "": the store's directory */
	char cells_name[40];
	uint64_t cells_dev, cells_ino;
	uint64_t next_series, next_unit[3];
	uint32_t next_family, pad;
	int64_t last_created_ns; /* the latest created time given */
	uint64_t nfamilies, nseries;
	double ttl_s;
	uint64_t max_series;
	uint64_t cells_dir_ino; /* 0: not known */
	uint64_t next_dying;
	uint64_t fold_from; /* series before: fold.c; never above next_series */
	uint64_t oldest_epoch; /* see meta_oldest() */
	uint64_t epoch_series; /* next_series when the epoch began */
	uint64_t reserved[3];
};

/* The first epoch of which anybody may map the file. */
static inline uint64_t
meta_oldest(const struct meta *m)
{
	return m->oldest_epoch > m->boot_epoch && m->oldest_epoch <= m->epoch ?
	    m->oldest_epoch :
	    m->boot_epoch;
}

/*
 * Then: help, unit, label names (sorted), states (as declared), each with its
 * NUL; then bounds; and of a native histogram struct native_rec and the classic
 * bounds.
 */
struct family_rec {
	uint32_t id, incarnation;
	uint8_t type, mode, zone;
	uint8_t hidden; /* ended: without series until the next update */
	uint32_t width; /* units of a run */
	uint32_t nlabels, nbounds;
	uint32_t next_n, strings_len;
	uint64_t nseries;
	double ttl_s, idle_s;
	int64_t expires_mono_ns, expires_wall_ns; /* 0: never */
	int64_t created_ns;
	uint64_t expires_boot; /* boot_epoch that expires_mono_ns is of */
	uint32_t nstates; /* of a stateset, at most STATES_MAX */
	uint32_t flags; /* FAMILY_EXEMPLARS, FAMILY_NATIVE */
	uint64_t epoch; /* the last one in which next_n went up */
	uint32_t epoch_n, reserved; /* next_n before it did */
};

#define FAMILY_EXEMPLARS 1u
#define FAMILY_NATIVE 2u

/*
 * A native histogram: what its buckets on a page are made of.  The bounds of
 * its cells are all of native and classic buckets together (native.h).
 */
struct native_rec {
	double zero, max; /* of absolute values: told apart are those between */
	int32_t schema;
	uint32_t nbuckets; /* at most so many on a page */
	uint32_t nclassic, flags; /* NATIVE_NEGATIVE */
};

#define NATIVE_NEGATIVE 1u /* negative values have buckets, too */

/* Then: values, each with its NUL, by sorted name; then the rendered labels. */
struct series_rec {
	uint64_t id;
	int64_t created_ns;
	uint32_t values_len, rendered_len;
};

/* The zones of lane/cells.h. */
enum value_zone { VALUE_ADD, VALUE_PAIR, VALUE_GAUGE };

struct value_head {
	uint64_t epoch; /* of seen and unit; 0: never had cells */
	uint64_t unit; /* first unit of the extent, UNIT_NONE */
	uint32_t k, width; /* series in the block, units of each */
	uint32_t zone;
	uint32_t flags; /* VALUE_STAMPED */
};

struct value_gauge {
	double value; /* as last seen, or set without cells */
	uint32_t seq; /* number of the last operation by name */
	uint32_t touched;
};

/*
 * Of mode livemostrecent seq and, above it, touched are one number: the time of
 * the last set in ns, by the monotonic clock.  Its cells are the same.
 */
#define VALUE_STAMPED 1

#define VALUE_BODY_MAX ((BOUNDS_MAX + 1) * 32)

/* ADD: double base[k], seen[k].  PAIR: struct pair.  GAUGE: value_gauge[k]. */
struct value {
	struct value_head h;
	unsigned char body[VALUE_BODY_MAX];
} __attribute__((aligned(16)));

/*
 * Then: struct pair sum0[width], what its lanes had when it was given up (of a
 * counter the sum, of a gauge the value and touched); then the values.
 */
struct dying_rec {
	uint64_t id, epoch, unit;
	int64_t since_mono_ns; /* its tag is 0 */
	uint32_t family, incarnation, n;
	uint32_t zone, width, values_len;
	uint32_t late; /* what becomes of what comes late: enum dying_late */
	uint32_t pad;
};

/* Goes to who has the labels; is dropped; is folded (checkpoint/fold.c). */
enum dying_late { LATE_LABELS, LATE_DROPPED };

/* An incarnation of a family that has ended. */
struct ended_rec {
	uint32_t zone, width, nlabels, late; /* as of its D */
};

/* A gauge operation by name: set, add, states on or off; or clear the tag. */
enum owed_op {
	OWED_SET,
	OWED_ADD,
	OWED_UNTAG,
	OWED_ON,
	OWED_OFF,
	OWED_STAMP /* set, unless it was later than that */
};

struct owed {
	uint64_t epoch, unit, id;
	uint32_t zone, op;
	uint32_t seq, pad;
	double amount; /* of states: their bits, as base/states.h has them */
	uint64_t dying; /* OWED_UNTAG: number of the D record; or the stamp */
};

#endif
