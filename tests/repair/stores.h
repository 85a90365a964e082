/* SPDX-License-Identifier: ISC */
#ifndef REPAIR_STORES_H
#define REPAIR_STORES_H

/* A store with all kinds of things, its pages and lines, and its repair. */

#include "api/page.h"
#include "check/fixture.h"
#include "journal/read.h"
#include "repair/repair.h"

#define OPENMETRICS "application/openmetrics-text; version=1.0.0"
#define PROTOBUF \
	"application/vnd.google.protobuf; " \
	"proto=io.prometheus.client.MetricFamily; encoding=delimited"

static struct repair_sums sums;

/* Gauges of each mode, an info, an unknown value, and native buckets. */
static inline void
fill_more(void)
{
	static const char *const labels[] = { "l", NULL };
	struct pdc_desc d = { .type = PDC_GAUGE, .labels = labels };
	struct pdc_family *f;
	char name[16];
	int mode;

	for (mode = PDC_SHARED; mode <= PDC_LIVEMOSTRECENT; mode++) {
		snprintf(name, sizeof(name), "mode_%d", mode);
		d.name = name;
		d.mode = (enum pdc_mode)mode;
		if (pdc_declare(&f, p, &d) < 0)
			bail_out("%s", pdc_error());
		pdc_set(help_series(f, "a \"b\"\\"), mode + .5);
	}
	f = help_family(p, PDC_INFO, "build", "version");
	pdc_set(help_series(f, "1"), 1);
	f = help_family(p, PDC_COUNTER, "many", "n");
	for (mode = 0; mode < 300; mode++) {
		snprintf(name, sizeof(name), "%d", mode);
		pdc_inc(help_series(f, name), mode);
	}
}

/* Lines in all streams, and limits. */
static inline void
fill_lines(int n)
{
	struct pdc_retention limits = { .max_count = 1000000 };
	struct pdc_field field = { .name = "k",
		.kind = PDC_STRING,
		.text = "v" };
	int i;

	for (i = 0; i < n; i++) {
		pdc_logf(p, i % 2 ? PDC_LOG_INFO : PDC_LOG_ERROR,
		    "line %d \"x\"", i);
		pdc_event(p, i % 3 ? "started" : "ended", &field, 1);
		pdc_measure(p, "speed", i, &field, 1);
	}
	pdc_retain(p, "events", &limits);
	pdc_retain(p, "logs", &limits);
}

static inline struct pdc *
fill_store(const char *dir)
{
	p = multi_open(dir, 0);
	fill();
	fill_more();
	fill_lines(60);
	if (pdc_checkpoint(p) < 0)
		bail_out("%s", pdc_error());
	return p;
}

/* All lines of a store, to be freed; NULL if they cannot be had. */
static inline char *
all_lines_try(struct pdc *q)
{
	struct journal_answer a;
	struct journal_query j;
	struct stxn x;
	struct buf b;

	pdc_buf_init(&b);
	pdc_journal_all(&j, (1u << NSTREAMS) - 1);
	if (pdc_stxn_read(&x, q->store) < 0)
		return NULL;
	if (pdc_journal_read(&x, &j, &b, &a) < 0)
		pdc_buf_fini(&b);
	else
		pdc_buf_chr(&b, '\0');
	pdc_stxn_abort(&x);
	return b.data;
}

static inline char *
all_lines(struct pdc *q)
{
	char *text = all_lines_try(q);

	if (text == NULL)
		bail_out("%s", pdc_error());
	return text;
}

static inline void
remove_store(const char *dir)
{
	static const char *const files[] = { "data.mdb", "lock.mdb",
		"write.lock", "use.lock" };
	char path[4200];
	size_t i;

	multi_lose(dir);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	rmdir(dir);
}

/* A page, but for how many it was of. */
static inline char *
all_page(struct pdc *q)
{
	char *text;
	size_t len;

	if (pdc_render(q, OPENMETRICS, &text, &len, NULL) < 0)
		bail_out("%s", pdc_error());
	return text;
}

static inline void
repair_line(void *arg, const char *line)
{
	collect(arg, line);
	diag("left out: %s", line);
}

static inline int
repair(const char *from, const char *to, unsigned flags)
{
	words[0] = '\0';
	return pdc_repair_run(&sums, from, to, flags, repair_line, NULL);
}

#endif
