/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "pdc-serve/self.h"

#include <stdio.h>
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

int
self_head(struct buf *b, const struct self *self, const char *name,
    const char *help, const char *type)
{
	if (self_is_taken(self, name))
		return 0;
	pdc_expo_head(b, name, help, type);
	return 1;
}

void
self_gauge(struct buf *b, const struct self *self, const char *name,
    const char *help, double value)
{
	if (self_head(b, self, name, help, "gauge"))
		pdc_expo_sample(b, name, NULL, value);
}

void
self_counter(struct buf *b, const struct self *self, const char *name,
    const char *help, double value)
{
	if (self_head(b, self, name, help, "counter"))
		pdc_expo_sample(b, name, NULL, value);
}

static void
self_info(struct buf *b, const struct self *self)
{
	char labels[128];

	self_gauge(b, self, "pdc_up",
	    "1 if the store is served, 0 if there "
	    "is none.",
	    self->use->state == SOURCE_OPEN);
	if (!self_head(b, self, "pdc_build_info",
		"Always 1; labels tell what is running.", "gauge"))
		return;
	snprintf(labels, sizeof(labels), "version=\"%s\"", pdc_version());
	pdc_expo_sample(b, "pdc_build_info", labels, 1);
}

static void
self_store(struct buf *b, const struct self *self, const struct pdc_stat *st)
{
	self_gauge(b, self, "pdc_store_data_bytes",
	    "Size of the used pages of the database.", (double)st->data_bytes);
	self_gauge(b, self, "pdc_store_map_bytes",
	    "Size that the database can grow to.", (double)st->map_bytes);
	self_gauge(b, self, "pdc_families", "Families in the store.",
	    (double)st->families);
	self_gauge(b, self, "pdc_series", "Series in the store.",
	    (double)st->series);
	self_gauge(b, self, "pdc_store_readers",
	    "Reader slots of the database in use.", st->readers);
	self_gauge(b, self, "pdc_store_epoch",
	    "Number of the cells file; a new one follows a reboot.",
	    (double)st->epoch);
	self_gauge(b, self, "pdc_damaged_records",
	    "Records left out of this page because they make no sense.",
	    (double)self->result.damaged);
}

static void
self_drops(struct buf *b, const struct self *self, const struct pdc_stat *st)
{
	const char *name = "pdc_updates_dropped_total";
	char labels[64];
	int i;

	if (!self_head(b, self, name,
		"Updates of metrics that had to be dropped, by reason.",
		"counter"))
		return;
	for (i = 0; i < NDROPS; i++) {
		snprintf(labels, sizeof(labels), "reason=\"%s\"",
		    pdc_cells_drop_word((enum cells_drop)i));
		pdc_expo_sample(b, name, labels, (double)st->drops[i]);
	}
}

/* Of the cells file; without one these would not be zero but unknown. */
static void
self_cells(struct buf *b, const struct self *self, const struct pdc_stat *st)
{
	if (!st->cells_mapped)
		return;
	self_gauge(b, self, "pdc_cells_bytes",
	    "Shared memory in use for cells.", (double)st->cells_bytes);
	self_gauge(b, self, "pdc_cells_budget_bytes",
	    "Shared memory that cells may use.", (double)st->cells_budget);
	self_gauge(b, self, "pdc_ring_backlog_bytes",
	    "Records in rings that await a checkpoint.",
	    (double)st->ring_backlog);
	self_drops(b, self, st);
	self_counter(b, self, "pdc_anomalies_total",
	    "Times a checkpoint found a count lower than before and kept the "
	    "higher one.",
	    (double)st->anomalies);
	self_counter(b, self, "pdc_unresolved_handles_total",
	    "Handles given out before their series could be made.",
	    (double)st->unresolved);
}

static void
self_checkpoints(struct buf *b, const struct self *self,
    const struct pdc_stat *st)
{
	struct checkpointer_stat own;

	checkpointer_stat_get(&self->serve->checkpointer, &own);
	if (st != NULL) {
		self_counter(b, self, "pdc_checkpoints_total",
		    "Checkpoints of the store by any process.",
		    (double)st->checkpoints);
		if (st->checkpoint_age_ns >= 0)
			self_gauge(b, self, "pdc_last_checkpoint_age_seconds",
			    "Time since the last checkpoint by any process.",
			    (double)st->checkpoint_age_ns / NOW_SECOND);
	}
	if (own.duration_ns >= 0)
		self_gauge(b, self, "pdc_last_checkpoint_duration_seconds",
		    "Time that the last checkpoint by this server took.",
		    (double)own.duration_ns / NOW_SECOND);
	self_counter(b, self, "pdc_checkpoint_errors_total",
	    "Checkpoints by this server that failed.", (double)own.errors);
}

static void
self_requests(struct buf *b, const struct self *self)
{
	struct counts *counts = &self->serve->counts;
	const char *name = "pdc_http_requests_total";
	char labels[64];
	int i, j;

	if (self_head(b, self, name,
		"HTTP requests answered, by status and handler.", "counter"))
		for (i = 0; i < NHANDLERS; i++)
			for (j = 0; j < NCODES; j++) {
				if (!counts_is_possible(i, j))
					continue;
				snprintf(labels, sizeof(labels),
				    "code=\"%d\",handler=\"%s\"",
				    counts_codes[j], counts_words[i]);
				pdc_expo_sample(b, name, labels,
				    (double)atomic_load(
					&counts->answers[i][j]));
			}
	self_gauge(b, self, "pdc_http_requests_in_flight",
	    "HTTP requests being answered, this one among them.",
	    atomic_load(&counts->in_flight));
}

void
self_append(struct buf *b, const struct self *self)
{
	struct pdc_stat st;
	int has_stat;

	has_stat = self->use->state == SOURCE_OPEN &&
	    pdc_stat_get(self->use->pdc, &st) == 0;
	self_info(b, self);
	if (has_stat) {
		self_store(b, self, &st);
		self_cells(b, self, &st);
	}
	self_checkpoints(b, self, has_stat ? &st : NULL);
	self_requests(b, self);
	process_append(b, self);
	self_gauge(b, self, "pdc_scrape_duration_seconds",
	    "Time taken to make this page.",
	    (double)(now_ns() - self->start_ns) / NOW_SECOND);
}
