/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "api/retain.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/num.h"
#include "metric/metric.h"

#define MICROS 1e6
#define AGE_MAX 9e12 /* seconds; more is no limit */
#define WHOLE_MAX 9e15 /* doubles are exact up to there */
#define SCOPE_SIZE 16

/* What a letter behind a number stands for. */
struct unit {
	char letter;
	double factor;
};

static const struct unit units_age[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 },
	{ 'd', 86400 }, { 0, 1 } };
static const struct unit units_count[] = { { 0, 1 } };
static const struct unit units_bytes[] = { { 'K', 1024 }, { 'M', 1048576 },
	{ 'G', 1073741824 }, { 0, 1 } };

static int
retain_positive(const char *name, double got)
{
	char number[NUM_SIZE];

	if (isfinite(got))
		pdc_num_json(number, got);
	else
		pdc_num_om(number, got);
	return pdc_err_set(PDC_EINVAL, "%s must be positive, got %s", name,
	    number);
}

static int
retain_positive_int(const char *name, int64_t got)
{
	return pdc_err_set(PDC_EINVAL, "%s must be positive, got %lld", name,
	    (long long)got);
}

/* A number and its unit, more than 0. */
static int
retain_number(const char *name, const char *word, const struct unit *unit,
    double *out)
{
	size_t len = strlen(word);

	while (unit->letter != 0 && (len == 0 || word[len - 1] != unit->letter))
		unit++;
	if (pdc_num_parse(out, word, len - (unit->letter != 0)) < 0)
		return pdc_err_set(PDC_EINVAL, "%s is no number: '%.100s'",
		    name, word);
	*out *= unit->factor;
	return 0;
}

static int
retain_whole(const char *name, const char *word, const struct unit *unit,
    int64_t *out)
{
	double n;

	if (retain_number(name, word, unit, &n) < 0)
		return PDC_EINVAL;
	if (!(fabs(n) < WHOLE_MAX) || n != (double)(int64_t)n)
		return pdc_err_set(PDC_EINVAL,
		    "%s is no whole number: '%.100s'", name, word);
	*out = (int64_t)n;
	return *out > 0 ? 0 : retain_positive_int(name, *out);
}

/* NAME=VALUE */
static int
retain_pair(struct pdc_retention *r, char *pair)
{
	char *value = strchr(pair, '=');

	if (value == NULL)
		return pdc_err_set(PDC_EINVAL,
		    "'%.100s' is not of the form NAME=VALUE", pair);
	*value++ = '\0';
	if (strcmp(pair, "max_count") == 0)
		return retain_whole(pair, value, units_count, &r->max_count);
	if (strcmp(pair, "max_bytes") == 0)
		return retain_whole(pair, value, units_bytes, &r->max_bytes);
	if (strcmp(pair, "max_age") != 0)
		return pdc_err_set(PDC_EINVAL,
		    "'%.100s' is none of max_age, max_count, max_bytes", pair);
	if (retain_number("max_age_seconds", value, units_age,
		&r->max_age_seconds) < 0)
		return PDC_EINVAL;
	return r->max_age_seconds > 0 ?
	    0 :
	    retain_positive("max_age_seconds", r->max_age_seconds);
}

static int
retain_limits(struct retain_spec *spec, const char *text)
{
	char *copy, *rest, *pair;
	int ret = 0;

	spec->own = strcmp(text, "default") != 0;
	if (!spec->own || strcmp(text, "none") == 0)
		return 0;
	copy = rest = strdup(text);
	if (copy == NULL)
		return pdc_err_set(PDC_ENOMEM, "the limits");
	while (ret == 0 && (pair = strsep(&rest, ",")) != NULL)
		ret = retain_pair(&spec->limits, pair);
	free(copy);
	return ret;
}

static int
retain_scope(struct retain_spec *spec, const char *word)
{
	int scope;

	if (*word == '\0')
		return pdc_err_set(PDC_EINVAL, "level name cannot be empty");
	scope = pdc_scope_parse(word);
	if (scope < 0)
		return pdc_err_set(PDC_EINVAL,
		    "'%.100s' is none of logs, default, events, measures and "
		    "is no level",
		    word);
	spec->scope = scope;
	return 0;
}

int
pdc_retain_parse(struct retain_spec *spec, const char *text)
{
	const char *colon = strchr(text, ':');
	char word[SCOPE_SIZE];

	memset(spec, 0, sizeof(*spec));
	if (colon == NULL)
		return pdc_err_set(PDC_EINVAL,
		    "'%.100s' is not of the form WHAT:NAME=VALUE,...", text);
	snprintf(word, sizeof(word), "%.*s", (int)(colon - text), text);
	if (retain_scope(spec, word) < 0)
		return PDC_EINVAL;
	return retain_limits(spec, colon + 1);
}

int
pdc_retain_set(struct pdc *p, const struct retain_spec *spec)
{
	const struct pdc_retention *r = &spec->limits;
	struct journal_limit limit = { .set = spec->own != 0 };
	struct journal_rec rec;
	struct stxn x;
	int ret;

	if (spec->own && r->max_age_seconds < AGE_MAX) {
		limit.max_age_us = (int64_t)(r->max_age_seconds * MICROS);
		limit.max_age_us += r->max_age_seconds > 0 &&
		    limit.max_age_us == 0;
	}
	if (spec->own) {
		limit.max_count = (uint64_t)r->max_count;
		limit.max_bytes = (uint64_t)r->max_bytes;
	}
	ret = pdc_stxn_read(&x, p->store);
	if (ret < 0)
		return ret;
	ret = pdc_journal_rec(&x, &rec);
	pdc_stxn_abort(&x);
	if (ret == 0 &&
	    memcmp(&rec.limit[spec->scope], &limit, sizeof(limit)) == 0)
		return 0;
	if (ret < 0 && ret != PDC_EFORMAT)
		return ret;
	ret = pdc_stxn_write(&x, p->store, p->store->wait_ms);
	if (ret < 0)
		return ret;
	ret = pdc_journal_rec(&x, &rec);
	if (ret == PDC_EFORMAT)
		ret = pdc_journal_rebuild(&x, &rec);
	pdc_stxn_fail(&x, ret);
	rec.limit[spec->scope] = limit;
	pdc_stxn_put(&x, "J", 1, &rec, sizeof(rec));
	return pdc_stxn_commit(&x);
}

int
pdc_retain(struct pdc *p, const char *what, const struct pdc_retention *r)
{
	struct retain_spec spec = { .own = r != NULL };

	if (p == NULL || what == NULL)
		return pdc_err_set(PDC_EINVAL, "retain: no store or no name");
	if (retain_scope(&spec, what) < 0)
		return PDC_EINVAL;
	if (r != NULL) {
		spec.limits = *r;
		if (!(r->max_age_seconds >= 0))
			return retain_positive("max_age_seconds",
			    r->max_age_seconds);
		if (r->max_count < 0)
			return retain_positive_int("max_count", r->max_count);
		if (r->max_bytes < 0)
			return retain_positive_int("max_bytes", r->max_bytes);
	}
	return pdc_retain_set(p, &spec);
}

static void
retain_put_one(struct buf *buf, const char *word, const struct journal_limit *l)
{
	char number[NUM_SIZE], sep = ':';
	size_t len;

	pdc_buf_str(buf, word);
	if (l->max_age_us != 0) {
		len = pdc_journal_time(number, l->max_age_us);
		pdc_buf_fmt(buf, "%cmax_age=%.*ss", sep, (int)len, number);
		sep = ',';
	}
	if (l->max_count != 0) {
		pdc_buf_fmt(buf, "%cmax_count=%llu", sep,
		    (unsigned long long)l->max_count);
		sep = ',';
	}
	if (l->max_bytes != 0) {
		pdc_buf_fmt(buf, "%cmax_bytes=%llu", sep,
		    (unsigned long long)l->max_bytes);
		sep = ',';
	}
	pdc_buf_str(buf, sep == ':' ? ":none\n" : "\n");
}

void
pdc_retain_put(struct buf *buf, const struct journal_rec *rec)
{
	int i;

	for (i = 0; i < NSCOPES; i++)
		if (rec->limit[i].set)
			retain_put_one(buf, pdc_scope_word(i), &rec->limit[i]);
}
