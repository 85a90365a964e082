/* SPDX-License-Identifier: ISC */
#ifndef HELP_H
#define HELP_H

/*
 * What tests of stores have in common: it stops the test when what is not the
 * matter of a case fails.
 */

#include <sys/wait.h>

#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "pdc.h"
#include "tap.h"

/* Since boot. */
static inline double
help_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* The same numbers in each run. */
static inline uint32_t
help_random(uint64_t *state)
{
	*state = *state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)(*state >> 33);
}

static inline struct pdc *
help_open(const char *dir, unsigned flags)
{
	struct pdc_options o = { .flags = flags };
	struct pdc *p;

	if (pdc_open(&p, dir, &o) < 0)
		bail_out("open %s: %s", dir, pdc_error());
	return p;
}

/* labels: NULL, or up to three names with commas between. */
static inline struct pdc_family *
help_family(struct pdc *p, enum pdc_type type, const char *name,
    const char *labels)
{
	const char *names[4] = { NULL }, *rest = labels;
	struct pdc_desc d = { .type = type, .name = name, .labels = names };
	char words[3][32];
	struct pdc_family *f;
	size_t i, n;

	for (i = 0; i < 3 && rest != NULL && *rest != '\0'; i++) {
		n = strcspn(rest, ",");
		snprintf(words[i], sizeof(words[i]), "%.*s", (int)n, rest);
		names[i] = words[i];
		rest += n + (rest[n] == ',');
	}
	if (pdc_declare(&f, p, &d) < 0)
		bail_out("declare %s: %s", name, pdc_error());
	return f;
}

static inline struct pdc_series *
help_series(struct pdc_family *f, const char *value)
{
	const char *values[] = { value, NULL };
	struct pdc_series *s;

	if (pdc_labels(&s, f, value != NULL ? values : NULL) < 0)
		bail_out("labels: %s", pdc_error());
	return s;
}

static inline char *
help_page(struct pdc *p)
{
	char *text;
	size_t len;

	if (pdc_render(p, NULL, &text, &len, NULL) < 0)
		bail_out("render: %s", pdc_error());
	return text;
}

/* To be given to pdc_write(), with a struct buf. */
static inline int
help_append(void *arg, const void *data, size_t len)
{
	pdc_buf_put(arg, data, len);
	return 0;
}

/* The number of a sample on a page, "a_total{x=\"y\"}"; NaN if it is absent. */
static inline double
help_on_page(const char *page, const char *sample)
{
	size_t n = strlen(sample);
	const char *line, *end;

	for (line = page; *line != '\0'; line = end + 1) {
		if (strncmp(line, sample, n) == 0 && line[n] == ' ')
			return strtod(line + n + 1, NULL);
		end = strchr(line, '\n');
		if (end == NULL)
			break;
	}
	return (double)NAN;
}

static inline double
help_sample(struct pdc *p, const char *sample)
{
	char *page = help_page(p);
	double v = help_on_page(page, sample);

	pdc_free(page);
	return v;
}

/* What fn returns in a child, or 1000 and the signal that ended it. */
static inline int
help_wait(pid_t pid)
{
	int status;

	if (pid == -1 || waitpid(pid, &status, 0) != pid)
		bail_out("a child cannot be had");
	return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) :
				     WEXITSTATUS(status);
}

static inline pid_t
help_fork(int (*fn)(void *), void *arg)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(fn(arg));
	return pid;
}

static inline int
help_child(int (*fn)(void *), void *arg)
{
	return help_wait(help_fork(fn, arg));
}

/* A key without labels, or with one. */
static inline struct pdc_key
help_key(const char *metric, const char *suffix, const struct pdc_label *label)
{
	struct pdc_key k = { .metric = metric,
		.suffix = suffix,
		.labels = label,
		.nlabels = label != NULL };

	return k;
}

/* One operation in a transaction of its own. */
static inline int
help_by_name(struct pdc *p,
    int (*fn)(struct pdc_txn *, const struct pdc_key *, double),
    const struct pdc_key *k, double v)
{
	struct pdc_txn *t;
	int ret;

	ret = pdc_begin(&t, p);
	if (ret < 0)
		return ret;
	fn(t, k, v);
	return pdc_commit(t);
}

static inline double
help_get(struct pdc *p, const struct pdc_key *k)
{
	struct pdc_txn *t;
	double v = (double)NAN;

	if (pdc_begin(&t, p) == 0) {
		pdc_value_get(t, k, &v);
		pdc_abort(t);
	}
	return v;
}

#endif
