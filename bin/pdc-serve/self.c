/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "pdc-serve/self.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/kinds.h"
#include "expo/expo.h"
#include "expo/taken.h"
#include "lane/cells.h"
#include "pdc.h"
#include "pdc-serve/now.h"
#include "pdc-serve/process.h"
#include "pdc-serve/serve.h"
#include "pdc-serve/workers.h"

#define SELF_NAME 64
#define SELF_RENDERED 128

/* What a family of the journal's streams shows, as its value. */
enum { SELF_LINES, SELF_BYTES, SELF_FLOOR, SELF_DELETED };

/* The name that the family has in text 0.0.4. */
static const char *
self_name(char *out, const struct self_family *f)
{
	snprintf(out, SELF_NAME, "%s%s", f->name, pdc_expo_suffix(f->type));
	return out;
}

/* Whether something of the store is called like something of the family. */
static int
self_is_taken(const struct self *self, const struct self_family *f)
{
	const char *const *suffix;
	char name[SELF_NAME];

	for (suffix = pdc_kind_suffixes(f->type); *suffix != NULL; suffix++) {
		snprintf(name, sizeof(name), "%s%s", f->name, *suffix);
		if (pdc_taken_has(self->opts->taken, name) ||
		    (self->use->state == SOURCE_OPEN &&
			pdc_page_named(self->use->pdc, name)))
			return 1;
	}
	return 0;
}

void
self_add(struct self_list *list, const struct self_family *family)
{
	assert(list->n < SELF_FAMILIES_MAX);
	list->families[list->n++] = *family;
}

void
self_gauge(struct self_list *list, const char *name, const char *help,
    double value)
{
	const struct self_family f = { name, help, PDC_GAUGE, value, NULL };

	self_add(list, &f);
}

void
self_counter(struct self_list *list, const char *name, const char *help,
    double value)
{
	const struct self_family f = { name, help, PDC_COUNTER, value, NULL };

	self_add(list, &f);
}

void
self_sample(struct expo *e, const char *const *names, const char *const *values,
    uint32_t n, double value)
{
	struct collect_series series = { .labels = names,
		.values = values,
		.nlabels = n,
		.value = value };
	char rendered[SELF_RENDERED];
	size_t len = 0;
	uint32_t i;

	for (i = 0; i < n && len < sizeof(rendered); i++)
		len += (size_t)snprintf(rendered + len, sizeof(rendered) - len,
		    "%s%s=\"%s\"", i > 0 ? "," : "", names[i], values[i]);
	assert(len < sizeof(rendered));
	series.rendered = rendered;
	series.rendered_len = len;
	pdc_expo_series(e, &series);
}

static void
self_build(struct expo *e, const struct self_family *family,
    const struct self_list *list)
{
	const char *const names[] = { "version" };
	const char *const values[] = { pdc_version() };

	(void)list;
	self_sample(e, names, values, 1, family->value);
}

static void
self_info(struct self_list *list)
{
	const struct self_family build = { "pdc_build",
		"Always 1; labels tell what is running.", PDC_INFO, 1,
		self_build };

	self_gauge(list, "pdc_up",
	    "1 if the store is served, 0 if there "
	    "is none.",
	    list->self->use->state == SOURCE_OPEN);
	self_add(list, &build);
}

static void
self_store(struct self_list *list)
{
	const struct pdc_stat *st = &list->stat;

	self_gauge(list, "pdc_store_data_bytes",
	    "Size of the used pages of the database.", (double)st->data_bytes);
	self_gauge(list, "pdc_store_map_bytes",
	    "Size that the database can grow to.", (double)st->map_bytes);
	self_gauge(list, "pdc_families", "Families in the store.",
	    (double)st->families);
	self_gauge(list, "pdc_series", "Series in the store.",
	    (double)st->series);
	self_gauge(list, "pdc_store_readers",
	    "Reader slots of the database in use.", st->readers);
	self_gauge(list, "pdc_store_epoch",
	    "Number of the cells file; a new one follows a reboot.",
	    (double)st->epoch);
	self_gauge(list, "pdc_damaged_records",
	    "Records left out of this page because they make no sense.",
	    (double)list->self->result.damaged);
	self_gauge(list, "pdc_name_clashes",
	    "Families left out of this page because a name of theirs is "
	    "another's there.",
	    (double)list->self->result.clashes);
}

static void
self_drops(struct expo *e, const struct self_family *family,
    const struct self_list *list)
{
	static const char *const names[] = { "reason" };
	const char *values[1];
	int i;

	(void)family;
	for (i = 0; i < NDROPS; i++) {
		values[0] = pdc_cells_drop_word((enum cells_drop)i);
		self_sample(e, names, values, 1, (double)list->stat.drops[i]);
	}
}

/* What a family of streams has of each of them. */
static uint64_t
self_stream_value(const struct self_family *family,
    const struct journal_stream_rec *s)
{
	switch ((int)family->value) {
	case SELF_LINES:
		return s->nlines;
	case SELF_BYTES:
		return s->bytes;
	case SELF_FLOOR:
		return s->floor;
	default:
		return s->deleted;
	}
}

/* A sample for each stream that has or had lines. */
static void
self_streams(struct expo *e, const struct self_family *family,
    const struct self_list *list)
{
	static const char *const names[] = { "stream" };
	const struct journal_stream_rec *s = list->stat.journal.stream;
	const char *values[1];
	int i;

	for (i = 0; i < NSTREAMS; i++) {
		if (s[i].nlines == 0 && s[i].floor == 0)
			continue;
		values[0] = pdc_scope_word(i);
		self_sample(e, names, values, 1,
		    (double)self_stream_value(family, &s[i]));
	}
}

static void
self_journal(struct self_list *list)
{
	static const struct self_family families[] = {
		{ "pdc_journal_lines", "Lines of the journal.", PDC_GAUGE,
		    SELF_LINES, self_streams },
		{ "pdc_journal_bytes", "Size of the journal's lines.",
		    PDC_GAUGE, SELF_BYTES, self_streams },
		{ "pdc_journal_floor_sequence",
		    "Number of the first line that was not deleted, 0 before "
		    "the first time.",
		    PDC_GAUGE, SELF_FLOOR, self_streams },
		{ "pdc_journal_lines_deleted",
		    "Lines that were beyond the journal's limits.", PDC_COUNTER,
		    SELF_DELETED, self_streams },
	};
	size_t i;

	if (list->stat.journal.next <= 1)
		return;
	for (i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		self_add(list, &families[i]);
	self_gauge(list, "pdc_journal_head_sequence",
	    "Number of the journal's last line.",
	    (double)(list->stat.journal.next - 1));
}

/* Of the cells file; without one these would not be zero but unknown. */
static void
self_cells(struct self_list *list)
{
	const struct self_family drops = { "pdc_updates_dropped",
		"Updates of metrics that had to be dropped, by reason.",
		PDC_COUNTER, 0, self_drops };
	const struct pdc_stat *st = &list->stat;

	if (!st->cells_mapped)
		return;
	self_gauge(list, "pdc_cells_bytes", "Shared memory in use for cells.",
	    (double)st->cells_bytes);
	self_gauge(list, "pdc_cells_budget_bytes",
	    "Shared memory that cells may use.", (double)st->cells_budget);
	self_gauge(list, "pdc_ring_backlog_bytes",
	    "Records in rings that await a checkpoint.",
	    (double)st->ring_backlog);
	self_add(list, &drops);
	self_counter(list, "pdc_anomalies",
	    "Times a checkpoint found a count lower than before and kept the "
	    "higher one.",
	    (double)st->anomalies);
	self_counter(list, "pdc_unresolved_handles",
	    "Handles given out before their series could be made.",
	    (double)st->unresolved);
	self_counter(list, "pdc_overflow",
	    "Times a label set was beyond max_series and counted into its "
	    "family's series overflow=\"true\".",
	    (double)st->overflowed);
	self_counter(list, "pdc_declarations_differing",
	    "Declarations of a family with another help, unit or ttl than it "
	    "has.",
	    (double)st->differing);
}

/* Checkpoints by any process. */
static void
self_checkpoints(struct self_list *list)
{
	const struct pdc_stat *st = &list->stat;

	self_counter(list, "pdc_checkpoints",
	    "Checkpoints of the store by any process.",
	    (double)st->checkpoints);
	if (st->checkpoint_age_ns >= 0)
		self_gauge(list, "pdc_last_checkpoint_age_seconds",
		    "Time since the last checkpoint by any process.",
		    (double)st->checkpoint_age_ns / NOW_SECOND);
}

static void
self_checkpointer(struct self_list *list)
{
	struct checkpointer_stat own;

	checkpointer_stat_get(&list->self->serve->checkpointer, &own);
	if (own.duration_ns >= 0)
		self_gauge(list, "pdc_last_checkpoint_duration_seconds",
		    "Time that the last checkpoint by this server took.",
		    (double)own.duration_ns / NOW_SECOND);
	self_counter(list, "pdc_checkpoint_errors",
	    "Checkpoints by this server that failed.", (double)own.errors);
}

static void
self_answers(struct expo *e, const struct self_family *family,
    const struct self_list *list)
{
	static const char *const names[] = { "code", "handler" };
	struct counts *counts = &list->self->serve->counts;
	const char *values[2];
	char code[16];
	int i, j;

	(void)family;
	for (i = 0; i < NHANDLERS; i++)
		for (j = 0; j < NCODES; j++) {
			if (!counts_is_possible(i, j))
				continue;
			snprintf(code, sizeof(code), "%d", counts_codes[j]);
			values[0] = code;
			values[1] = counts_words[i];
			self_sample(e, names, values, 2,
			    (double)atomic_load(&counts->answers[i][j]));
		}
}

static void
self_requests(struct self_list *list)
{
	const struct self_family answers = { "pdc_http_requests",
		"HTTP requests answered, by status and handler.", PDC_COUNTER,
		0, self_answers };

	self_add(list, &answers);
	self_counter(list, "pdc_http_pages_broken",
	    "Pages that failed after their first part was sent.",
	    (double)atomic_load(&list->self->serve->counts.broken));
	self_gauge(list, "pdc_http_requests_in_flight",
	    "HTTP requests being answered, this one among them.",
	    atomic_load(&list->self->serve->counts.in_flight));
}

static int
self_compare(const void *a, const void *b)
{
	char name_a[SELF_NAME], name_b[SELF_NAME];

	return strcmp(self_name(name_a, a), self_name(name_b, b));
}

static void
self_write(struct expo *e, const struct self_family *f,
    const struct self_list *list)
{
	const struct collect_family family = { .name = f->name,
		.help = f->help,
		.unit = "",
		.type = f->type };

	pdc_expo_begin(e, &family);
	if (f->samples != NULL)
		f->samples(e, f, list);
	else
		self_sample(e, NULL, NULL, 0, f->value);
	pdc_expo_done(e);
}

static void
self_write_all(struct expo *e, const struct self_list *list)
{
	const struct page_opts *opts = list->self->opts;
	const struct self_family *f;
	char name[SELF_NAME];

	for (f = list->families; f < list->families + list->n; f++)
		if ((pdc_page_wants(opts, self_name(name, f)) ||
			pdc_page_wants(opts, f->name)) &&
		    !self_is_taken(list->self, f))
			self_write(e, f, list);
}

void
self_append(struct buf *b, const struct self *self)
{
	struct self_list list;
	struct expo e;

	memset(&list, 0, sizeof(list));
	list.self = self;
	self_info(&list);
	if (self->use->state == SOURCE_OPEN &&
	    pdc_stat_get(self->use->pdc, &list.stat) == 0) {
		self_store(&list);
		self_cells(&list);
		self_journal(&list);
		self_checkpoints(&list);
		if (self->serve->options->workers)
			workers_add(&list);
	}
	self_checkpointer(&list);
	self_requests(&list);
	process_add(&list);
	self_gauge(&list, "pdc_scrape_duration_seconds",
	    "Time taken to make this page.",
	    (double)(now_ns() - self->start_ns) / NOW_SECOND);
	qsort(list.families, (size_t)list.n, sizeof(list.families[0]),
	    self_compare);
	pdc_expo_init(&e, b, &self->opts->how);
	self_write_all(&e, &list);
	pdc_expo_fini(&e);
	workers_free(&list);
}
