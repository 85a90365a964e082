/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "pdc.h"

#include "base/buf.h"
#include "base/escape.h"
#include "base/num.h"
#include "expo/expo.h"
#include "expo/put.h"

/*
 * One line a number:
 *
 *	family  suffix:labels  value  expires when
 *
 * The labels are compact JSON, sorted by name; le of a bucket, and a
 * stateset's label for the state, stand in their sorted place.
 */
struct keys {
	struct buf *out;
	const struct collect_family *family;
	const char *extra; /* the label that numbers of a series have, too */
	int64_t expires_ns; /* that these words are of */
	char expires[64]; /* with the newline */
};

static void
keys_label(struct buf *out, const char *name, const char *value, char before)
{
	pdc_buf_chr(out, before);
	pdc_buf_chr(out, '"');
	pdc_buf_str(out, name);
	pdc_buf_str(out, "\":\"");
	pdc_escape_json(out, value, strlen(value));
	pdc_buf_chr(out, '"');
}

/* All of a line before the value; extra: of a bucket or state, else NULL. */
static void
keys_start(const struct keys *keys, const struct collect_series *series,
    const char *suffix, const char *extra)
{
	const char *const *labels = series->labels;
	struct buf *out = keys->out;
	char before = '{';
	uint32_t i;

	pdc_escape_label(out, keys->family->name, strlen(keys->family->name));
	pdc_buf_str(out, "  ");
	pdc_buf_str(out, suffix);
	pdc_buf_chr(out, ':');
	for (i = 0; i <= series->nlabels; i++) {
		if (extra != NULL &&
		    (i == series->nlabels ||
			strcmp(labels[i], keys->extra) >= 0)) {
			keys_label(out, keys->extra, extra, before);
			before = ',';
			extra = NULL;
		}
		if (i == series->nlabels)
			break;
		keys_label(out, labels[i], series->values[i], before);
		before = ',';
	}
	pdc_buf_str(out, before == '{' ? "{}  " : "}  ");
}

static void
keys_end(const struct keys *keys, const char *number, size_t len)
{
	pdc_buf_put(keys->out, number, len);
	pdc_buf_str(keys->out, keys->expires);
}

static void
keys_double(const struct keys *keys, const struct collect_series *series,
    const char *suffix, double value)
{
	char number[NUM_SIZE];

	keys_start(keys, series, suffix, NULL);
	keys_end(keys, number, pdc_num_go(number, value));
}

static void
keys_count(const struct keys *keys, const struct collect_series *series,
    const char *le, uint64_t count)
{
	char number[NUM_SIZE];

	keys_start(keys, series, le == NULL ? "_count" : "_bucket", le);
	keys_end(keys, number, pdc_num_u64(number, count));
}

static void
keys_created(const struct keys *keys, const struct collect_series *series)
{
	char number[NUM_SIZE];

	keys_start(keys, series, "_created", NULL);
	keys_end(keys, number, put_seconds(number, series->created_ns));
}

/* _sum, _count, _created */
static void
keys_pair(const struct keys *keys, const struct collect_series *series,
    struct pair pair)
{
	keys_double(keys, series, "_sum", pair.sum);
	keys_count(keys, series, NULL, pair.count);
	keys_created(keys, series);
}

static void
keys_histogram(const struct keys *keys, const struct collect_series *series)
{
	const struct collect_family *family = keys->family;
	uint64_t count = 0;
	char le[NUM_SIZE];
	uint32_t i;

	for (i = 0; i < family->nbounds; i++) {
		count += series->pairs[i].count;
		pdc_num_om(le, family->bounds[i]);
		keys_count(keys, series, le, count);
	}
	keys_count(keys, series, "+Inf", count + series->pairs[i].count);
	keys_pair(keys, series, put_total(series->pairs, family->nbounds + 1));
}

static void
keys_stateset(const struct keys *keys, const struct collect_series *series)
{
	uint32_t i;

	for (i = 0; i < keys->family->nstates; i++) {
		keys_start(keys, series, "", keys->family->states[i]);
		keys_end(keys, series->states >> i & 1 ? "1" : "0", 1);
	}
}

static void
keys_series(const struct keys *keys, const struct collect_series *series)
{
	switch (keys->family->type) {
	case PDC_COUNTER:
		keys_double(keys, series, "_total", series->value);
		keys_created(keys, series);
		break;
	case PDC_SUMMARY:
		keys_pair(keys, series, series->pairs[0]);
		break;
	case PDC_HISTOGRAM:
		keys_histogram(keys, series);
		break;
	case PDC_INFO:
		keys_double(keys, series, "_info", series->value);
		break;
	case PDC_STATESET:
		keys_stateset(keys, series);
		break;
	default:
		keys_double(keys, series, "", series->value);
	}
}

/* The time of the series or of its family, whichever comes first. */
static void
keys_expires(struct keys *keys, int64_t series_ns)
{
	int64_t ns = keys->family->expires_ns;
	struct tm tm;
	time_t sec;

	if (ns == 0 || (series_ns != 0 && series_ns < ns))
		ns = series_ns;
	if (keys->expires[0] != '\0' && ns == keys->expires_ns)
		return;
	keys->expires_ns = ns;
	sec = (time_t)(ns / 1000000000);
	if (ns == 0 || gmtime_r(&sec, &tm) == NULL ||
	    strftime(keys->expires, sizeof(keys->expires),
		"  expires %Y-%m-%dT%H:%M:%SZ\n", &tm) == 0)
		snprintf(keys->expires, sizeof(keys->expires),
		    "  expires never\n");
}

int
pdc_expo_keys(struct buf *out, const struct collect_family *family,
    struct collect *collect)
{
	struct keys keys = { .out = out, .family = family };
	const struct collect_series *series;
	int ret;

	keys.extra = family->type == PDC_STATESET ? family->name : "le";
	while ((ret = pdc_collect_series(collect, &series)) == COLLECT_NEXT) {
		keys_expires(&keys, series->expires_ns);
		keys_series(&keys, series);
	}
	return ret;
}
