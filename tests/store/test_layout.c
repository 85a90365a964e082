/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * pdc-store(5) tells the truth: each of its tables is compared with the
 * struct it is of, row by row, and no table or row is missing.
 *
 * What is read: ".Vt struct NAME", "is SIZE bytes", and then the rows
 * ".It OFFSET Ta LENGTH Ta Va FIELD Ta ..." until ".El".
 */

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/journal.h"
#include "lane/shape.h"
#include "pdc.h"
#include "store/series.h"
#include "store/value.h"
#include "tap.h"

#define X(s, f) { #f, offsetof(struct s, f), sizeof(((struct s *)0)->f) },

#define META(X) \
	X(meta, magic) \
	X(meta, version) \
	X(meta, flags) \
	X(meta, uuid) \
	X(meta, data_dev) \
	X(meta, data_ino) \
	X(meta, epoch) \
	X(meta, boot_epoch) \
	X(meta, boot_id) \
	X(meta, cells_dir) \
	X(meta, cells_name) \
	X(meta, cells_dev) \
	X(meta, cells_ino) \
	X(meta, next_series) \
	X(meta, next_unit) \
	X(meta, next_family) \
	X(meta, pad) \
	X(meta, last_created_ns) \
	X(meta, nfamilies) \
	X(meta, nseries) \
	X(meta, ttl_s) \
	X(meta, max_series) \
	X(meta, cells_dir_ino) \
	X(meta, next_dying) \
	X(meta, fold_from) \
	X(meta, oldest_epoch) \
	X(meta, epoch_series) \
	X(meta, reserved)

#define FAMILY_REC(X) \
	X(family_rec, id) \
	X(family_rec, incarnation) \
	X(family_rec, type) \
	X(family_rec, mode) \
	X(family_rec, zone) \
	X(family_rec, hidden) \
	X(family_rec, width) \
	X(family_rec, nlabels) \
	X(family_rec, nbounds) \
	X(family_rec, next_n) \
	X(family_rec, strings_len) \
	X(family_rec, nseries) \
	X(family_rec, ttl_s) \
	X(family_rec, idle_s) \
	X(family_rec, expires_mono_ns) \
	X(family_rec, expires_wall_ns) \
	X(family_rec, created_ns) \
	X(family_rec, expires_boot) \
	X(family_rec, nstates) \
	X(family_rec, flags) \
	X(family_rec, epoch) \
	X(family_rec, epoch_n) \
	X(family_rec, reserved)

#define NATIVE_REC(X) \
	X(native_rec, zero) \
	X(native_rec, max) \
	X(native_rec, schema) \
	X(native_rec, nbuckets) \
	X(native_rec, nclassic) \
	X(native_rec, flags)

#define SERIES_REC(X) \
	X(series_rec, id) \
	X(series_rec, created_ns) \
	X(series_rec, values_len) \
	X(series_rec, rendered_len)

#define VALUE_HEAD(X) \
	X(value_head, epoch) \
	X(value_head, unit) \
	X(value_head, k) \
	X(value_head, width) \
	X(value_head, zone) \
	X(value_head, flags)

#define VALUE_GAUGE_REC(X) \
	X(value_gauge, value) \
	X(value_gauge, seq) \
	X(value_gauge, touched)

#define PAIR(X) \
	X(pair, count) \
	X(pair, sum)

#define DYING_REC(X) \
	X(dying_rec, id) \
	X(dying_rec, epoch) \
	X(dying_rec, unit) \
	X(dying_rec, since_mono_ns) \
	X(dying_rec, family) \
	X(dying_rec, incarnation) \
	X(dying_rec, n) \
	X(dying_rec, zone) \
	X(dying_rec, width) \
	X(dying_rec, values_len) \
	X(dying_rec, late) \
	X(dying_rec, pad)

#define ENDED_REC(X) \
	X(ended_rec, zone) \
	X(ended_rec, width) \
	X(ended_rec, nlabels) \
	X(ended_rec, late)

#define OWED(X) \
	X(owed, epoch) \
	X(owed, unit) \
	X(owed, id) \
	X(owed, zone) \
	X(owed, op) \
	X(owed, seq) \
	X(owed, pad) \
	X(owed, amount) \
	X(owed, dying)

#define CELLS_HEAD(X) \
	X(cells_head, magic) \
	X(cells_head, version) \
	X(cells_head, head_size) \
	X(cells_head, uuid) \
	X(cells_head, epoch) \
	X(cells_head, boot_id) \
	X(cells_head, nlanes) \
	X(cells_head, natomic) \
	X(cells_head, rseq) \
	X(cells_head, atomic_idle) \
	X(cells_head, file_size) \
	X(cells_head, budget) \
	X(cells_head, allocated) \
	X(cells_head, fwd_off) \
	X(cells_head, nfwd) \
	X(cells_head, ring_off) \
	X(cells_head, ring_stride) \
	X(cells_head, ring_size) \
	X(cells_head, zone) \
	X(cells_head, next_unresolved) \
	X(cells_head, anomalies) \
	X(cells_head, unresolved) \
	X(cells_head, overflowed) \
	X(cells_head, checkpoint_wall_ns) \
	X(cells_head, checkpoint_mono_ns) \
	X(cells_head, checkpoints) \
	X(cells_head, page_mono_ns) \
	X(cells_head, drops) \
	X(cells_head, differing) \
	X(cells_head, slots_off) \
	X(cells_head, exemplars_off) \
	X(cells_head, nexemplars) \
	X(cells_head, exemplars_ready)

#define CELLS_ZONE_HEAD(X) \
	X(cells_zone_head, tags_off) \
	X(cells_zone_head, lanes_off) \
	X(cells_zone_head, lane_stride) \
	X(cells_zone_head, atomic_off) \
	X(cells_zone_head, atomic_stride) \
	X(cells_zone_head, capacity) \
	X(cells_zone_head, reserved) \
	X(cells_zone_head, unit) \
	X(cells_zone_head, nlanes) \
	X(cells_zone_head, natomic)

#define GAUGE(X) \
	X(gauge, value) \
	X(gauge, applied) \
	X(gauge, touched)

#define FWD_ENTRY(X) \
	X(fwd_entry, old_id) \
	X(fwd_entry, new_id) \
	X(fwd_entry, unit) \
	X(fwd_entry, pad)

#define RING(X) \
	X(ring, head) \
	X(ring, pad1) \
	X(ring, tail) \
	X(ring, pad2)

#define RING_HEAD(X) \
	X(ring_head, len) \
	X(ring_head, kind) \
	X(ring_head, op) \
	X(ring_head, stamp)

#define RING_UPDATE_REC(X) \
	X(ring_update, h) \
	X(ring_update, id) \
	X(ring_update, owner) \
	X(ring_update, family) \
	X(ring_update, pad) \
	X(ring_update, amount) \
	X(ring_update, labels_len) \
	X(ring_update, bucket)

#define RING_LINE_REC(X) \
	X(ring_line, h) \
	X(ring_line, len) \
	X(ring_line, at)

#define JOURNAL_REC(X) \
	X(journal_rec, next) \
	X(journal_rec, last_us) \
	X(journal_rec, stream) \
	X(journal_rec, limit) \
	X(journal_rec, reserved)

#define JOURNAL_STREAM_REC(X) \
	X(journal_stream_rec, floor) \
	X(journal_stream_rec, nlines) \
	X(journal_stream_rec, bytes) \
	X(journal_stream_rec, last) \
	X(journal_stream_rec, deleted)

#define JOURNAL_LIMIT(X) \
	X(journal_limit, set) \
	X(journal_limit, max_age_us) \
	X(journal_limit, max_count) \
	X(journal_limit, max_bytes)

#define JOURNAL_BLOCK(X) \
	X(journal_block, nlines) \
	X(journal_block, text_len) \
	X(journal_block, first)

#define JOURNAL_LINE(X) \
	X(journal_line, distance) \
	X(journal_line, end) \
	X(journal_line, us)

#define TABLES(T) \
	T(meta, META) \
	T(family_rec, FAMILY_REC) \
	T(native_rec, NATIVE_REC) \
	T(series_rec, SERIES_REC) \
	T(value_head, VALUE_HEAD) \
	T(pair, PAIR) \
	T(value_gauge, VALUE_GAUGE_REC) \
	T(dying_rec, DYING_REC) \
	T(ended_rec, ENDED_REC) \
	T(owed, OWED) \
	T(journal_rec, JOURNAL_REC) \
	T(journal_stream_rec, JOURNAL_STREAM_REC) \
	T(journal_limit, JOURNAL_LIMIT) \
	T(journal_block, JOURNAL_BLOCK) \
	T(journal_line, JOURNAL_LINE) \
	T(cells_head, CELLS_HEAD) \
	T(cells_zone_head, CELLS_ZONE_HEAD) \
	T(gauge, GAUGE) \
	T(fwd_entry, FWD_ENTRY) \
	T(ring, RING) \
	T(ring_head, RING_HEAD) \
	T(ring_update, RING_UPDATE_REC) \
	T(ring_line, RING_LINE_REC)

struct field {
	const char *name;
	size_t off, len;
};

#define T(s, list) static const struct field s##_fields[] = { list(X) };
TABLES(T)
#undef T

struct table {
	const char *name;
	size_t size;
	const struct field *fields;
	size_t nfields;
};

static const struct table tables[] = {
#define T(s, list) \
	{ #s, sizeof(struct s), s##_fields, \
		sizeof(s##_fields) / sizeof(s##_fields[0]) },
	TABLES(T)
#undef T
};

#define NTABLES (sizeof(tables) / sizeof(tables[0]))

/* What else the manual says in numbers. */
_Static_assert(STORE_VERSION == 1 && CELLS_VERSION == 1, "versions");
_Static_assert(NAME_MAX_LEN == 400 && LABELS_MAX == 64, "names and labels");
_Static_assert(LABELS_MAX_LEN == 4096 && BOUNDS_MAX == 1024, "limits");
_Static_assert(RING_RECORD_MAX == 8192, "rings");
_Static_assert(SERIES_KEY_LEN == 13 && CLOSED_KEY_LEN == 21, "keys");
_Static_assert(VALUE_ADD == 0 && VALUE_PAIR == 1 && VALUE_GAUGE == 2, "zones");
_Static_assert((int)ZONE_PAIR == VALUE_PAIR, "zones");
_Static_assert(OWED_SET == 0 && OWED_ADD == 1 && OWED_UNTAG == 2, "effects");
_Static_assert(RING_ADD == 1 && RING_SET == 2 && RING_OBSERVE == 3, "records");
_Static_assert(CELLS_RSEQ_OK == 1 && CELLS_RSEQ_BROKEN == 2, "the probe");
_Static_assert(STREAM_CRITICAL == 5 && NSTREAMS == 8, "streams");
_Static_assert(CELLS_MAX_LANES == 1024, "lanes");

static char *
read_manual(void)
{
	const char *dir = getenv("srcdir");
	char path[4096], *text = NULL;
	size_t len = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/lib/store/pdc-store.5",
	    dir != NULL ? dir : ".");
	f = fopen(path, "r");
	if (f == NULL)
		bail_out("%s cannot be read", path);
	if (getdelim(&text, &len, '\0', f) == -1)
		bail_out("%s is empty", path);
	fclose(f);
	return text;
}

/* Every byte of the struct belongs to a field that is known here. */
static int
is_whole(const struct table *t)
{
	size_t at = 0, i;

	for (i = 0; i < t->nfields; i++) {
		if (t->fields[i].off != at)
			return 0;
		at += t->fields[i].len;
	}
	return at == t->size;
}

/* The rows of the manual from *line on against the fields of t. */
static int
same_rows(const struct table *t, char *line)
{
	char name[64];
	const struct field *f;
	size_t off, len, row = 0;

	for (; line != NULL; line = strtok(NULL, "\n")) {
		if (strncmp(line, ".El", 3) == 0)
			return row == t->nfields;
		if (sscanf(line, ".It %zu Ta %zu Ta Va %63s", &off, &len,
			name) != 3)
			continue;
		f = &t->fields[row];
		if (row == t->nfields || strcmp(f->name, name) != 0 ||
		    f->off != off || f->len != len) {
			diag("the manual has: %s", line);
			if (row < t->nfields)
				diag("it is: %zu, %zu, %s", f->off, f->len,
				    f->name);
			return 0;
		}
		row++;
	}
	return 0;
}

static void
test_table(const struct table *t, const char *manual)
{
	char *text = strdup(manual), *line, head[64];
	size_t size = 0;
	int same = 0;

	snprintf(head, sizeof(head), ".Vt struct %s", t->name);
	line = text != NULL ? strtok(text, "\n") : NULL;
	while (line != NULL && strcmp(line, head) != 0)
		line = strtok(NULL, "\n");
	if (line != NULL && (line = strtok(NULL, "\n")) != NULL &&
	    sscanf(line, "is %zu bytes", &size) == 1)
		same = same_rows(t, strtok(NULL, "\n"));
	ok(is_whole(t), "struct %s: all its bytes are known", t->name);
	is_int((long long)size, (long long)t->size,
	    "struct %s: the manual has its size", t->name);
	ok(same, "struct %s: the manual has its fields", t->name);
	free(text);
}

/* Series of the first, the second and the later blocks of a family. */
static void
test_blocks(void)
{
	struct family_rec f = { .zone = VALUE_ADD, .width = 1, .nlabels = 1 };

	is_int(pdc_block_place(&f, 7).k, 8, "8 counters in the first block");
	is_int(pdc_block_place(&f, 8).k, 32, "32 counters in the second");
	is_int(pdc_block_place(&f, 40).k, 250, "250 counters in the others");
	is_int(pdc_block_place(&f, 40).block, 2, "which begin at number 40");
	f.zone = VALUE_PAIR;
	is_int(pdc_block_place(&f, 40).k, 125, "125 summaries in the others");
	f.width = 15;
	is_int(pdc_block_place(&f, 0).k, 8, "8 histograms of 15 buckets");
	f.nlabels = 0;
	is_int(pdc_block_place(&f, 0).k, 1, "1 series of no labels");
}

/* The memory formula of README.md and pdc(3). */
static void
test_costs(void)
{
	static const uint32_t cpus[] = { 2, 16, 64, 128 };
	static const uint64_t add[] = { 40, 152, 536, 1048 };
	static const uint64_t pair[] = { 56, 280, 1048, 2072 };
	struct cells_zone_head *zone;
	struct cells_head head = { .zone[ZONE_ADD].unit = 8,
		.zone[ZONE_PAIR].unit = 16,
		.zone[ZONE_GAUGE].natomic = 1 };
	struct cells c = { .head = &head };
	size_t i;

	for (i = 0; i < sizeof(cpus) / sizeof(cpus[0]); i++) {
		for (zone = head.zone; zone < &head.zone[ZONE_GAUGE]; zone++) {
			zone->nlanes = cpus[i];
			zone->natomic = 1;
		}
		is_int((long long)pdc_cells_unit_cost(&c, ZONE_ADD),
		    (long long)add[i], "bytes of a counter, %u lanes", cpus[i]);
		is_int((long long)pdc_cells_unit_cost(&c, ZONE_PAIR),
		    (long long)pair[i], "bytes of a bucket, %u lanes", cpus[i]);
	}
	is_int((long long)pdc_cells_unit_cost(&c, ZONE_GAUGE), 24,
	    "bytes of a gauge");
}

int
main(void)
{
	char *manual = read_manual();
	size_t i;

	for (i = 0; i < NTABLES; i++)
		test_table(&tables[i], manual);
	test_blocks();
	test_costs();
	free(manual);
	return tap_done();
}
