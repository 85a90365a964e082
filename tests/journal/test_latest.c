/* SPDX-License-Identifier: ISC */
#include "config.h"

/* The latest of what was measured, as Prometheus text. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "journal/latest.h"
#include "metric/metric.h"
#include "pdc.h"
#include "tap.h"

#define MANY 3000

static struct pdc *p;
static struct latest *latest;

static void
put(const char *name, double value, const char *a, const char *av,
    const char *b, const char *bv)
{
	const struct pdc_field f[] = {
		{ .name = a, .kind = PDC_STRING, .text = av },
		{ .name = b, .kind = PDC_STRING, .text = bv },
	};

	if (pdc_measure(p, name, value, f,
		(size_t)((a != NULL) + (b != NULL))) < 0)
		bail_out("measure: %s", pdc_error());
}

/* The page, with T for each time if times is 0; to be freed. */
static char *
page(int times)
{
	struct buf out;
	struct stxn x;
	char *from, *to;
	int ret;

	free(journal_all(p, 0)); /* the rings are emptied */
	do {
		if (pdc_stxn_read(&x, p->store) < 0)
			bail_out("read: %s", pdc_error());
		ret = pdc_latest_read(latest, &x);
		pdc_stxn_abort(&x);
	} while (ret == 1);
	if (ret < 0)
		bail_out("latest: %s", pdc_strerror(ret));
	pdc_buf_init(&out);
	pdc_latest_put(latest, &out);
	pdc_buf_chr(&out, '\0');
	for (to = from = out.data; !times && *from != '\0'; from++) {
		*to++ = *from;
		if (*from == ' ' && strspn(from + 1, "0123456789") == 13) {
			*to++ = 'T';
			from += 13;
		}
	}
	if (!times)
		*to = '\0';
	return out.data;
}

static void
shows(const char *want, const char *what)
{
	char *got = page(0);

	is_str(got, want, "%s", what);
	free(got);
}

static void
test_values(void)
{
	p = journal_fresh(p);
	shows("", "nothing");
	put("temp", 20, "room", "kitchen", NULL, NULL);
	put("temp", 21.5, "room", "kitchen", NULL, NULL);
	put("temp", 18, NULL, NULL, NULL, NULL);
	put("req", 1, "path", "/a\"b\\c\nd", "method", "GET");
	shows("req{method=\"GET\",path=\"/a\\\"b\\\\c\\nd\"} 1.0 T\n"
	      "temp 18.0 T\n"
	      "temp{room=\"kitchen\"} 21.5 T\n",
	    "the latest of each, with labels in their order");
	put("req", 2, "method", "GET", "path", "/a\"b\\c\nd");
	put("temp", NAN, NULL, NULL, NULL, NULL);
	put("temp1", -1e22, "é", "ü\360\237\230\261", NULL, NULL);
	shows("req{method=\"GET\",path=\"/a\\\"b\\\\c\\nd\"} 2.0 T\n"
	      "temp NaN T\n"
	      "temp{room=\"kitchen\"} 21.5 T\n"
	      "temp1{_=\"ü\360\237\230\261\"} -1e+22 T\n",
	    "labels in another order are the same; it goes on");
}

static void
test_names(void)
{
	const struct pdc_field f[] = {
		{ .name = "n", .kind = PDC_INTEGER, .integer = 5 },
		{ .name = "", .kind = PDC_STRING, .text = "x" },
		{ .name = "a.b", .kind = PDC_STRING, .text = "1" },
		{ .name = "a-b", .kind = PDC_STRING, .text = "2" },
	};

	p = journal_fresh(p);
	put("a.b", 1, NULL, NULL, NULL, NULL);
	put("a_b", 2, NULL, NULL, NULL, NULL);
	put("", 3, NULL, NULL, NULL, NULL);
	if (pdc_measure(p, "c", 4, f, 4) < 0)
		bail_out("measure: %s", pdc_error());
	shows("a_b 1.0 T\nc{a_b=\"1\",n=\"5\"} 4.0 T\n",
	    "of names that become the same the first is shown");
	put("a.b", 5, NULL, NULL, NULL, NULL);
	shows("a_b 5.0 T\nc{a_b=\"1\",n=\"5\"} 4.0 T\n", "and stays that");
}

/* The time of a line, in milliseconds. */
static void
test_time(void)
{
	char *line, *got, want[64];
	double t;

	p = journal_fresh(p);
	put("t", 1, NULL, NULL, NULL, NULL);
	line = journal_all(p, 1u << STREAM_MEASURES);
	t = strtod(strstr(line, "\"timestamp\": ") + 13, NULL);
	snprintf(want, sizeof(want), "t 1.0 %lld\n",
	    (long long)(t * 1e6 + 0.5) / 1000);
	got = page(1);
	is_str(got, want, "milliseconds");
	free(got);
	free(line);
}

static void
test_deleted(void)
{
	struct pdc_retention few = { .max_count = 2 };
	char name[32], *got;
	int i, n = 0;

	p = journal_fresh(p);
	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "m%d", i % 1000);
		put(name, i, "i", i % 2 ? "odd" : "even", NULL, NULL);
	}
	got = page(0);
	for (i = 0; got[i] != '\0'; i++)
		n += got[i] == '\n';
	is_int(n, 1000, "a thousand series");
	ok(strstr(got, "m999{i=\"odd\"} 2999.0 T\n") != NULL,
	    "with the last values");
	free(got);
	if (pdc_retain(p, "measures", &few) < 0 || pdc_maintain(p) < 0)
		bail_out("retain: %s", pdc_error());
	shows("m998{i=\"even\"} 2998.0 T\nm999{i=\"odd\"} 2999.0 T\n",
	    "what was deleted is forgotten");
	put("new", 1, NULL, NULL, NULL, NULL);
	shows("m999{i=\"odd\"} 2999.0 T\nnew 1.0 T\n", "and it goes on");
}

/* A copy, that of data.mdb or back. */
static void
copy(const char *dir, const char *from, const char *to)
{
	char command[9000];

	snprintf(command, sizeof(command), "cp '%s/%s' '%s/%s'", dir, from, dir,
	    to);
	if (system(command) != 0)
		bail_out("%s", command);
}

/* An older copy takes the place of the store; no ring has what it has not. */
static void
test_copy(void)
{
	struct pdc_options o = { .flags = PDC_ATOMIC };
	char *dir = tap_tmpdir();

	pdc_close(p);
	if (pdc_open(&p, dir, &o) < 0)
		bail_out("open: %s", pdc_error());
	put("old", 1, NULL, NULL, NULL, NULL);
	shows("old 1.0 T\n", "what the copy has, too");
	pdc_close(p);
	copy(dir, "data.mdb", "copy");
	if (pdc_open(&p, dir, &o) < 0)
		bail_out("open: %s", pdc_error());
	put("lost", 2, NULL, NULL, NULL, NULL);
	put("lost", 3, NULL, NULL, NULL, NULL);
	shows("lost 3.0 T\nold 1.0 T\n", "what it has not");
	pdc_close(p);
	copy(dir, "copy", "data.mdb");
	if (pdc_open(&p, dir, &o) < 0)
		bail_out("open: %s", pdc_error());
	shows("old 1.0 T\n", "of the copy");
	put("new", 4, NULL, NULL, NULL, NULL);
	shows("new 4.0 T\nold 1.0 T\n", "and it goes on");
}

int
main(void)
{
	latest = pdc_latest_new();
	test_values();
	test_names();
	test_time();
	test_deleted();
	test_copy();
	p = journal_fresh(p);
	shows("", "another store begins anew");
	pdc_latest_free(latest);
	pdc_close(p);
	return tap_done();
}
