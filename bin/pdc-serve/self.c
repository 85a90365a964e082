/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "pdc-serve/self.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "expo/expo.h"
#include "lane/cells.h"
#include "pdc.h"
#include "pdc-serve/now.h"
#include "pdc-serve/process.h"
#include "pdc-serve/serve.h"

#define SELF_NAME 64

/* A counter is stored without _total, a gauge may be stored with it. */
static int
self_is_taken(const struct self *self, const char *name)
{
	size_t len = strlen(name), cut = strlen("_total");
	char stored[SELF_NAME];

	if (self->use->state != SOURCE_OPEN)
		return 0;
	if (pdc_page_type(self->use->pdc, name) != 0)
		return 1;
	if (len <= cut || len >= sizeof(stored) ||
	    strcmp(name + len - cut, "_total") != 0)
		return 0;
	snprintf(stored, sizeof(stored), "%.*s", (int)(len - cut), name);
	return pdc_page_type(self->use->pdc, stored) != 0;
}

static void
self_add(struct self_list *list, const struct self_family *family)
{
	assert(list->n < SELF_FAMILIES_MAX);
	list->families[list->n++] = *family;
}

void
self_gauge(struct self_list *list, const char *name, const char *help,
    double value)
{
	const struct self_family f = { name, help, "gauge", value, NULL };

	self_add(list, &f);
}

void
self_counter(struct self_list *list, const char *name, const char *help,
    double value)
{
	const struct self_family f = { name, help, "counter", value, NULL };

	self_add(list, &f);
}

static void
self_build(struct buf *b, const struct self_family *family,
    const struct self_list *list)
{
	char labels[128];

	(void)list;
	snprintf(labels, sizeof(labels), "version=\"%s\"", pdc_version());
	pdc_expo_sample(b, family->name, labels, family->value);
}

static void
self_info(struct self_list *list)
{
	const struct self_family build = { "pdc_build_info",
		"Always 1; labels tell what is running.", "gauge", 1,
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
}

static void
self_drops(struct buf *b, const struct self_family *family,
    const struct self_list *list)
{
	char labels[64];
	int i;

	for (i = 0; i < NDROPS; i++) {
		snprintf(labels, sizeof(labels), "reason=\"%s\"",
		    pdc_cells_drop_word((enum cells_drop)i));
		pdc_expo_sample(b, family->name, labels,
		    (double)list->stat.drops[i]);
	}
}

/* Of the cells file; without one these would not be zero but unknown. */
static void
self_cells(struct self_list *list)
{
	const struct self_family drops = { "pdc_updates_dropped_total",
		"Updates of metrics that had to be dropped, by reason.",
		"counter", 0, self_drops };
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
	self_counter(list, "pdc_anomalies_total",
	    "Times a checkpoint found a count lower than before and kept the "
	    "higher one.",
	    (double)st->anomalies);
	self_counter(list, "pdc_unresolved_handles_total",
	    "Handles given out before their series could be made.",
	    (double)st->unresolved);
	self_counter(list, "pdc_overflow_total",
	    "Times a label set was beyond max_series and counted into its "
	    "family's series overflow=\"true\".",
	    (double)st->overflowed);
	self_counter(list, "pdc_declarations_differing_total",
	    "Declarations of a family with another help, unit or ttl than it "
	    "has.",
	    (double)st->differing);
}

/* Checkpoints by any process. */
static void
self_checkpoints(struct self_list *list)
{
	const struct pdc_stat *st = &list->stat;

	self_counter(list, "pdc_checkpoints_total",
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
	self_counter(list, "pdc_checkpoint_errors_total",
	    "Checkpoints by this server that failed.", (double)own.errors);
}

static void
self_answers(struct buf *b, const struct self_family *family,
    const struct self_list *list)
{
	struct counts *counts = &list->self->serve->counts;
	char labels[64];
	int i, j;

	for (i = 0; i < NHANDLERS; i++)
		for (j = 0; j < NCODES; j++) {
			if (!counts_is_possible(i, j))
				continue;
			snprintf(labels, sizeof(labels),
			    "code=\"%d\",handler=\"%s\"", counts_codes[j],
			    counts_words[i]);
			pdc_expo_sample(b, family->name, labels,
			    (double)atomic_load(&counts->answers[i][j]));
		}
}

static void
self_requests(struct self_list *list)
{
	const struct self_family answers = { "pdc_http_requests_total",
		"HTTP requests answered, by status and handler.", "counter", 0,
		self_answers };

	self_add(list, &answers);
	self_gauge(list, "pdc_http_requests_in_flight",
	    "HTTP requests being answered, this one among them.",
	    atomic_load(&list->self->serve->counts.in_flight));
}

static int
self_compare(const void *a, const void *b)
{
	const struct self_family *fa = a, *fb = b;

	return strcmp(fa->name, fb->name);
}

static void
self_write(struct buf *b, const struct self_list *list)
{
	const struct self_family *f;

	for (f = list->families; f < list->families + list->n; f++) {
		if (self_is_taken(list->self, f->name))
			continue;
		pdc_expo_head(b, f->name, f->help, f->type);
		if (f->samples != NULL)
			f->samples(b, f, list);
		else
			pdc_expo_sample(b, f->name, NULL, f->value);
	}
}

void
self_append(struct buf *b, const struct self *self)
{
	struct self_list list;

	memset(&list, 0, sizeof(list));
	list.self = self;
	self_info(&list);
	if (self->use->state == SOURCE_OPEN &&
	    pdc_stat_get(self->use->pdc, &list.stat) == 0) {
		self_store(&list);
		self_cells(&list);
		self_checkpoints(&list);
	}
	self_checkpointer(&list);
	self_requests(&list);
	process_add(&list);
	self_gauge(&list, "pdc_scrape_duration_seconds",
	    "Time taken to make this page.",
	    (double)(now_ns() - self->start_ns) / NOW_SECOND);
	qsort(list.families, (size_t)list.n, sizeof(list.families[0]),
	    self_compare);
	self_write(b, &list);
}
