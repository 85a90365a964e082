/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Something to count the instructions of: check.py runs it under callgrind.
 *
 *	counts CASE N DIR
 *
 * A case is set up and tried in the store DIR, which is made; then N of its
 * operations are made within counted(), and only there callgrind counts.
 *
 * What the count must not depend on: how quick this machine is, so the clock
 * goes on by 1 ns each time it is read; and how many CPUs it has, so there is
 * one lane, and that is the atomic one.
 */

#include <err.h>
#include <pdc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SERIES 10000
#define VALUES 1024
#define WARM_UP 8 /* operations not counted */

static const char *const codes[] = { "200", "304", "404", "500" };

static struct {
	struct pdc *pdc;
	struct pdc_family *family;
	struct pdc_series *one, *many[SERIES];
	double values[VALUES]; /* to be observed */
} c;

/* That of the C library is not asked, by libpdc.so neither. */
__attribute__((visibility("default"))) int
clock_gettime(clockid_t id, struct timespec *ts)
{
	static long ns;

	ts->tv_sec = id == CLOCK_REALTIME ? 1700000000 : 1000000;
	ts->tv_nsec = ns++;
	return 0;
}

static void
must(int ret)
{
	if (ret < 0)
		errx(1, "%s", pdc_error());
}

static struct pdc_family *
declare(enum pdc_type type, const char *name, const char *const *labels)
{
	const struct pdc_desc desc = { .type = type,
		.name = name,
		.help = "Some words on it.",
		.labels = labels };
	struct pdc_family *family;

	must(pdc_declare(&family, c.pdc, &desc));
	return family;
}

static struct pdc_family *
declare_labelled(enum pdc_type type, const char *name)
{
	static const char *const labels[] = { "method", "path", NULL };

	return declare(type, name, labels);
}

static struct pdc_series *
numbered(struct pdc_family *family, int i)
{
	char path[32];
	const char *values[] = { "GET", path, NULL };
	struct pdc_series *s;

	snprintf(path, sizeof(path), "/some/path/%d", i);
	must(pdc_labels(&s, family, values));
	return s;
}

/* --- the cases --- */

static void
setup_resolve(void)
{
	static const char *const labels[] = { "method", "code", NULL };

	c.family = declare(PDC_COUNTER, "requests_total", labels);
}

static void
run_resolve(uint64_t n)
{
	const char *values[] = { "GET", NULL, NULL };
	struct pdc_series *s;

	for (; n > 0; n--) {
		values[1] = codes[n % 4];
		must(pdc_labels(&s, c.family, values));
		pdc_series_free(s);
	}
}

static void
setup_inc(void)
{
	must(
	    pdc_labels(&c.one, declare(PDC_COUNTER, "hits_total", NULL), NULL));
}

static void
run_inc(uint64_t n)
{
	for (; n > 0; n--)
		pdc_inc(c.one, 1);
}

static void
setup_observe(void)
{
	int i;

	for (i = 0; i < VALUES; i++) /* the bounds are 0.005 to 10 */
		c.values[i] = 0.001 * (double)(i * 389 % VALUES);
	must(pdc_labels(&c.one, declare(PDC_HISTOGRAM, "wait_seconds", NULL),
	    NULL));
}

static void
run_observe(uint64_t n)
{
	for (; n > 0; n--)
		pdc_observe(c.one, c.values[n % VALUES]);
}

static void
setup_set(void)
{
	must(pdc_labels(&c.one, declare(PDC_GAUGE, "level", NULL), NULL));
}

static void
run_set(uint64_t n)
{
	for (; n > 0; n--)
		pdc_set(c.one, (double)n);
}

static void
setup_checkpoint(void)
{
	struct pdc_family *f;
	int i;

	f = declare_labelled(PDC_COUNTER, "requests_total");
	for (i = 0; i < SERIES; i++)
		c.many[i] = numbered(f, i);
}

static void
before_checkpoint(void)
{
	int i;

	for (i = 0; i < SERIES; i++)
		pdc_inc(c.many[i], 1);
}

static void
run_checkpoint(uint64_t n)
{
	for (; n > 0; n--)
		must(pdc_checkpoint(c.pdc));
}

static void
setup_log(void)
{
}

/* The atomic lane has no ring, so these are made, and dropped. */
static void
run_log(uint64_t n)
{
	const struct pdc_field fields[] = {
		{ .name = "user", .kind = PDC_STRING, .text = "alice@example" },
		{ .name = "n", .kind = PDC_INTEGER, .integer = 123456 },
	};

	for (; n > 0; n--)
		if (pdc_log(c.pdc, PDC_LOG_INFO | PDC_NOWAIT,
			"a request of 0.17 s was answered by 200, and 4711 "
			"bytes were sent to 192.0.2.1:80",
			fields, 2) != PDC_EAGAIN)
			errx(1, "a line was not dropped");
}

/* Half counters, half gauges, and a histogram for each 100. */
static void
setup_render(void)
{
	struct pdc_family *counter, *gauge, *wait;
	int i;

	counter = declare_labelled(PDC_COUNTER, "requests_total");
	gauge = declare_labelled(PDC_GAUGE, "size_bytes");
	wait = declare_labelled(PDC_HISTOGRAM, "wait_seconds");
	for (i = 0; i < SERIES / 2; i++) {
		pdc_inc(numbered(counter, i), i);
		pdc_set(numbered(gauge, i), i * 0.37);
		if (i % 50 == 0)
			pdc_observe(numbered(wait, i), i * 0.001);
	}
	must(pdc_checkpoint(c.pdc));
}

static void
run_render(uint64_t n)
{
	char *text;
	size_t len;

	for (; n > 0; n--) {
		must(pdc_render(c.pdc, NULL, &text, &len, NULL));
		pdc_free(text);
	}
}

struct count {
	const char *name;
	void (*setup)(void);
	void (*before)(void); /* or NULL: each operation, not counted */
	void (*run)(uint64_t n);
};

static const struct count counts[] = {
	{ "resolve", setup_resolve, NULL, run_resolve },
	{ "inc", setup_inc, NULL, run_inc },
	{ "observe", setup_observe, NULL, run_observe },
	{ "set", setup_set, NULL, run_set },
	{ "log", setup_log, NULL, run_log },
	{ "checkpoint", setup_checkpoint, before_checkpoint, run_checkpoint },
	{ "render", setup_render, NULL, run_render },
};

/* callgrind has to find it by name. */
void counted(const struct count *count, uint64_t n);

__attribute__((noinline)) void
counted(const struct count *count, uint64_t n)
{
	count->run(n);
}

static void
count_all(const struct count *count, uint64_t n)
{
	count->setup();
	if (count->before == NULL) {
		count->run(WARM_UP);
		counted(count, n);
		return;
	}
	count->before();
	count->run(1);
	for (; n > 0; n--) {
		count->before();
		counted(count, 1);
	}
}

int
main(int argc, char **argv)
{
	const struct pdc_options options = { .flags = PDC_ATOMIC,
		.max_cpus = 1,
		.atomic_lanes = 1 };
	size_t i;

	if (argc != 4)
		errx(2, "usage: counts CASE N DIR");
	must(pdc_open(&c.pdc, argv[3], &options));
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		if (strcmp(counts[i].name, argv[1]) == 0) {
			count_all(&counts[i], strtoull(argv[2], NULL, 10));
			pdc_close(c.pdc);
			return 0;
		}
	errx(2, "%s: no such case", argv[1]);
}
