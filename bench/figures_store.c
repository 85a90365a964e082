/* SPDX-License-Identifier: ISC */
#include "config.h"

/* Figures of the store itself: memory, disk, and what the dead leave. */

#include <sys/prctl.h>
#include <sys/wait.h>

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "figures.h"
#include "tool.h"

#define BUCKETS 16 /* of a default histogram, with +Inf */
#define PATHS 110
#define PAGE_ROUNDS 31

static const char *const labels[] = { "path", NULL };

/* n series, each used once; returns the mean length of their label text. */
static double
make_series(struct pdc_family *family, enum pdc_type type, uint32_t n,
    const char *prefix)
{
	char path[256];
	const char *values[] = { path, NULL };
	struct pdc_series *series;
	double text = 0;
	uint32_t i;

	for (i = 0; i < n; i++) {
		text += snprintf(path, sizeof(path), "%s/%u", prefix, i) +
		    (double)strlen("path=\"\"");
		tool_must(pdc_labels(&series, family, values));
		if (type == PDC_HISTOGRAM)
			pdc_observe(series, i * 0.001);
		else if (type == PDC_GAUGE)
			pdc_set(series, i);
		else
			pdc_inc(series, i + 1);
		pdc_series_free(series);
	}
	return text / n;
}

/* Bytes of shared memory for each of n series. */
static double
memory_each(const struct pdc_options *options, enum pdc_type type, uint32_t n)
{
	struct pdc *pdc = tool_open("memory", options);
	struct pdc_family *family = tool_family(pdc, type, "some", labels);
	double before = tool_cells_bytes("memory"), bytes;

	make_series(family, type, n, "");
	bytes = (tool_cells_bytes("memory") - before) / n;
	pdc_close(pdc);
	tool_remove("memory");
	return bytes;
}

/* numbers: of one series; each is a cell of its own. */
static void
memory_lanes(enum pdc_type type, const char *name, uint32_t n, uint32_t numbers)
{
	const struct pdc_options usual = { 0 }, one = { .max_cpus = 1 },
				 nine = { .atomic_lanes = 9 };
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	double bytes = memory_each(&usual, type, n);

	figure(bytes / numbers, "bytes", "memory, %s", name);
	if (cpus > 1 && cpus <= 64)
		figure((bytes - memory_each(&one, type, n)) / numbers /
			(double)(cpus - 1),
		    "bytes", "memory, %s, per rseq lane", name);
	figure((memory_each(&nine, type, n) - bytes) / numbers / 8, "bytes",
	    "memory, %s, per atomic lane", name);
}

void
figures_memory(int full)
{
	const struct pdc_options usual = { 0 };
	uint32_t n = full ? 50000 : 20000;

	pdc_close(tool_open("empty", NULL));
	figure(tool_cells_bytes("empty") / 1024, "KiB", "memory, empty store");
	tool_remove("empty");
	memory_lanes(PDC_COUNTER, "counter", n, 1);
	memory_lanes(PDC_HISTOGRAM, "bucket", n / 10, BUCKETS);
	figure(memory_each(&usual, PDC_GAUGE, n), "bytes", "memory, gauge");
}

/* Bytes of the map for each of n series; returns the length of their labels. */
static double
disk_each(enum pdc_type type, uint32_t n, const char *prefix,
    struct tool_map *each)
{
	struct pdc *pdc = tool_open("disk", NULL);
	struct pdc_family *family = tool_family(pdc, type, "some", labels);
	struct tool_map before, after;
	double text;

	tool_must(pdc_checkpoint(pdc));
	pdc_close(pdc);
	tool_map("disk", &before);
	pdc = tool_open("disk", NULL);
	family = tool_family(pdc, type, "some", labels);
	text = make_series(family, type, n, prefix);
	tool_must(pdc_checkpoint(pdc));
	pdc_close(pdc);
	tool_map("disk", &after);
	tool_remove("disk");
	each->used = (after.used - before.used) / n;
	each->tree = (after.tree - before.tree) / n;
	each->entries = (after.entries - before.entries) / n;
	return text;
}

static void
disk_series(enum pdc_type type, const char *name, uint32_t n)
{
	static const char more[] = "/sixty-four/bytes/more/of/the/label/"
				   "text/of/each/of/the/series/1";
	struct tool_map plain, wide;
	double grown, text, wider;

	text = disk_each(type, n, "", &plain);
	wider = disk_each(type, n, more, &wide);
	grown = (wide.tree - plain.tree) / (wider - text);
	figure(plain.used, "bytes", "disk, %s", name);
	figure(plain.used - text, "bytes", "disk, %s, beyond label text", name);
	figure(plain.tree - text, "bytes",
	    "disk, %s, beyond label text, tree alone", name);
	figure(plain.entries, "records", "disk, %s, records", name);
	figure(grown, "bytes", "disk, %s, a byte of label text", name);
	figure(plain.tree - text * grown, "bytes",
	    "disk, %s, without any label text", name);
}

void
figures_disk(int full)
{
	uint32_t n = full ? 50000 : 15000;

	disk_series(PDC_COUNTER, "counter", n);
	disk_series(PDC_HISTOGRAM, "histogram", n / 5);
}

/* With gauges of which each worker has a value there are two handles more. */
struct churn {
	const char *name;
	int gauges;
	struct pdc *pdc;
	struct pdc_series *hits[PATHS], *live, *slots;
};

static struct pdc_series *
churn_gauge(struct pdc *pdc, enum pdc_mode mode, const char *name)
{
	const struct pdc_desc desc = { .type = PDC_GAUGE,
		.mode = mode,
		.name = name };
	struct pdc_family *family;
	struct pdc_series *series;

	tool_must(pdc_declare(&family, pdc, &desc));
	tool_must(pdc_labels(&series, family, NULL));
	return series;
}

static void
churn_count(const struct churn *c)
{
	int i;

	for (i = 0; i < PATHS; i++)
		pdc_inc(c->hits[i], 1);
	pdc_set(c->live, 1);
	pdc_set(c->slots, 1);
}

static void
churn_open(struct churn *c)
{
	char path[32];
	const char *values[] = { path, NULL };
	struct pdc_family *family;
	int i;

	c->pdc = tool_open("workers", NULL);
	family = tool_family(c->pdc, PDC_COUNTER, "hits_total", labels);
	for (i = 0; i < PATHS; i++) {
		snprintf(path, sizeof(path), "/p/%d", i);
		tool_must(pdc_labels(&c->hits[i], family, values));
	}
	if (!c->gauges)
		return;
	c->live = churn_gauge(c->pdc, PDC_LIVESUM, "live");
	c->slots = churn_gauge(c->pdc, PDC_LIVEALL, "by_slot");
}

/* One worker that counts, tells so, and is killed. */
static void
churn_worker(const struct churn *c)
{
	int fds[2];
	pid_t pid;
	char b = 0;

	if (pipe(fds) == -1)
		err(1, "pipe");
	pid = fork();
	if (pid == -1)
		err(1, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		churn_count(c);
		if (write(fds[1], &b, 1) == 1)
			pause();
		_exit(1);
	}
	close(fds[1]);
	if (read(fds[0], &b, 1) != 1)
		errx(1, "a worker failed");
	close(fds[0]);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static double
churn_page_us(struct pdc *pdc, size_t *len)
{
	double ns[PAGE_ROUNDS], start;
	char *text;
	int i;

	for (i = 0; i < PAGE_ROUNDS; i++) {
		start = tool_now_ns();
		tool_must(pdc_render(pdc, NULL, &text, len, NULL));
		ns[i] = tool_now_ns() - start;
		pdc_free(text);
	}
	return tool_median(ns, PAGE_ROUNDS) / 1e3;
}

/* Page and map with so many dead so far; ends this handle of the store. */
static void
churn_tell(struct churn *c, int dead)
{
	struct tool_map map;
	double us;
	size_t len;

	tool_must(pdc_maintain(c->pdc));
	us = churn_page_us(c->pdc, &len);
	pdc_close(c->pdc);
	tool_map("workers", &map);
	figure(map.entries, "records", "%s, %d dead, records of the map",
	    c->name, dead);
	figure(map.used / 1024, "KiB", "%s, %d dead, map", c->name, dead);
	figure(tool_cells_bytes("workers") / 1024, "KiB",
	    "%s, %d dead, shared memory", c->name, dead);
	figure((double)len, "bytes", "%s, %d dead, page", c->name, dead);
	figure(us, "us", "%s, %d dead, time of a page", c->name, dead);
}

static void
churn(struct churn c, int n)
{
	int i;

	churn_open(&c);
	churn_count(&c);
	churn_tell(&c, 0);
	churn_open(&c);
	for (i = 0; i < n; i++) {
		churn_worker(&c);
		if (i % 100 == 99)
			tool_must(pdc_maintain(c.pdc));
	}
	churn_tell(&c, n);
	tool_remove("workers");
}

void
figures_workers(int full)
{
	const struct churn counters = { .name = "workers" };
	const struct churn gauges = { .name = "workers with gauges",
		.gauges = 1 };

	churn(counters, full ? 10000 : 1000);
	churn(gauges, full ? 10000 : 1000);
}
