/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Keys of transactions by name: which series and which of its numbers.
 */

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/target.h"
#include "base/err.h"
#include "base/escape.h"
#include "base/num.h"
#include "pdc.h"
#include "store/native.h"
#include "store/series.h"

/* Of a slot it is not asked whose it is, and what the dead left is nobody's. */
static int
target_slot(struct target *tg, const struct family *f, const char *value)
{
	uint64_t ident = IDENT_NONE;
	char text[IDENT_MAX];

	if (value != NULL &&
	    (snprintf(text, sizeof(text), "%s.1", value) >= IDENT_MAX ||
		!pdc_ident_parse(&ident, text)))
		return pdc_err_set(PDC_ENOENT, "%s: no slot is called \"%s\"",
		    f->name, value);
	tg->len = pdc_series_own(tg->values, tg->len, ident);
	return 0;
}

static int
target_le(const struct family *f, struct target *tg, const char *value)
{
	if (pdc_num_parse(&tg->le, value, strlen(value)) < 0)
		return pdc_err_set(PDC_EINVAL, "%s: le=\"%s\" is not a number",
		    f->name, value);
	return 0;
}

/* The value of one of the family's labels in the key, or NULL. */
static const char *
target_label(const struct pdc_key *key, const char *name)
{
	size_t i;

	for (i = 0; i < key->nlabels; i++)
		if (key->labels[i].name != NULL &&
		    strcmp(key->labels[i].name, name) == 0)
			return key->labels[i].value;
	return NULL;
}

static int
target_values(struct target *tg, const struct family *f,
    const struct pdc_key *key)
{
	const char *v;
	uint32_t i;
	size_t n;

	tg->len = 0;
	for (i = 0; i < f->r.nlabels; i++) {
		v = target_label(key, f->labels[i]);
		if (v == NULL)
			return pdc_err_set(PDC_EINVAL,
			    "%s: the label %s is missing", f->name,
			    f->labels[i]);
		n = strlen(v);
		if (3 * n + 1 > sizeof(tg->values) - tg->len &&
		    (!pdc_utf8_valid(v, n) ||
			n + 1 > sizeof(tg->values) - tg->len))
			return pdc_err_set(PDC_EINVAL,
			    "%s: label values of more than %d bytes", f->name,
			    LABELS_MAX_LEN);
		tg->len += pdc_utf8_clean(tg->values + tg->len, v, n);
		tg->values[tg->len++] = '\0';
	}
	return 0;
}

/* The label that a number of the series has besides, or NULL. */
static const char *
target_extra(const struct family *f, const char *suffix)
{
	if (f->r.type == PDC_STATESET)
		return f->name;
	if (pdc_mode_keeps(f->r.mode) == KEEPS_SLOTS)
		return MODES_LABEL;
	return f->r.type == PDC_HISTOGRAM && strcmp(suffix, "_bucket") == 0 ?
	    "le" :
	    NULL;
}

/* The series that takes what is beyond max_series. */
static int
target_beyond(const struct family *f, const struct pdc_key *key, size_t more)
{
	const char *value = target_label(key, SERIES_OVERFLOW);

	return value != NULL && strcmp(value, "true") == 0 &&
	    key->nlabels == more + 1 && pdc_series_overflows(f);
}

/* All of the key's labels: those of a series, and so many more. */
static int
target_labels(struct target *tg, const struct family *f,
    const struct pdc_key *key, size_t more)
{
	size_t want = f->r.nlabels + more, i;
	int ret;

	for (i = 0; i < key->nlabels; i++)
		if (key->labels[i].name == NULL || key->labels[i].value == NULL)
			return pdc_err_set(PDC_EINVAL,
			    "%s: a label without name or value", f->name);
	if (target_beyond(f, key, more)) {
		tg->len = sizeof(SERIES_BEYOND);
		memcpy(tg->values, SERIES_BEYOND, tg->len);
		return 0;
	}
	ret = target_values(tg, f, key);
	if (ret == 0 && key->nlabels != want)
		ret = pdc_err_set(PDC_EINVAL, "%s: %zu labels, it has %zu",
		    f->name, key->nlabels, want);
	return ret;
}

int
pdc_target_series(struct target *tg, const struct family *f,
    const struct pdc_key *key)
{
	return target_labels(tg, f, key, 0);
}

int
pdc_target_parse(struct target *tg, const struct family *f,
    const struct pdc_key *key)
{
	const char *extra, *value = NULL;
	int ret;

	tg->suffix = key->suffix != NULL ? key->suffix : "";
	extra = target_extra(f, tg->suffix);
	if (extra != NULL) {
		value = target_label(key, extra);
		if (value == NULL && mode_each(f->r.mode))
			return pdc_err_set(PDC_EINVAL,
			    "%s: a gauge of mode %s has a value of each slot; "
			    "the label %s is missing",
			    f->name, pdc_mode_word(f->r.mode), extra);
		if (value == NULL)
			return pdc_err_set(PDC_EINVAL,
			    "%s%s: the label %s is missing", f->name,
			    tg->suffix, extra);
	}
	ret = target_labels(tg, f, key, extra != NULL);
	for (tg->state = 0; value != NULL && tg->state < f->r.nstates &&
	     strcmp(f->states[tg->state], value) != 0;
	     tg->state++)
		continue;
	if (ret == 0 && value != NULL && f->r.type == PDC_HISTOGRAM)
		ret = target_le(f, tg, value);
	if (ret == 0 && mode_each(f->r.mode))
		ret = target_slot(tg, f, value);
	return ret;
}

static const char *
target_suffix(int type)
{
	return type == PDC_COUNTER ? "_total" : type == PDC_INFO ? "_info" : "";
}

/* An info is 1; a state is 0 or 1. */
static int
target_settable(const struct family *f, const struct target *tg, double v,
    enum target_write how)
{
	if (how == TARGET_INC)
		return pdc_err_set(PDC_EINVAL, "%s: %s is set, not added to",
		    f->name, f->r.type == PDC_INFO ? "an info" : "a stateset");
	if (f->r.type == PDC_INFO)
		return v == 1 ? 0 :
				pdc_err_set(PDC_ERANGE,
				    "%s: an info is 1, nothing else", f->name);
	if (how == TARGET_SETNX)
		return pdc_err_set(PDC_EINVAL,
		    "%s: the states of a stateset are always there; set them",
		    f->name);
	if (tg->state >= f->r.nstates)
		return pdc_err_set(PDC_EINVAL, "%s: it has no such state",
		    f->name);
	if (v != 0 && v != 1)
		return pdc_err_set(PDC_ERANGE, "%s: a state is 0 or 1",
		    f->name);
	return 0;
}

/* By name it is as if a process had done it and ended. */
static int
target_mode(const struct family *f, enum target_write how)
{
	int mode = f->r.mode;
	const char *word = pdc_mode_word(mode);

	if (pdc_mode_dead(mode) == DEAD_GO ||
	    pdc_mode_keeps(mode) == KEEPS_SLOTS)
		return pdc_err_set(PDC_EINVAL,
		    "%s: a gauge of mode %s is not written by name, only by "
		    "processes that live",
		    f->name, word);
	if (how == TARGET_SETNX && mode_each(mode))
		return pdc_err_set(PDC_EINVAL,
		    "%s: a gauge of mode %s has a value of each process; set "
		    "it",
		    f->name, word);
	if (how == TARGET_INC && pdc_mode_only_set(mode))
		return pdc_err_set(PDC_EINVAL,
		    "%s: a gauge of mode %s is set, not added to", f->name,
		    word);
	return 0;
}

int
pdc_target_writable(const struct family *f, const struct target *tg, double v,
    enum target_write how)
{
	const char *want = target_suffix(f->r.type);

	if (f->r.zone == VALUE_PAIR)
		return pdc_err_set(PDC_EINVAL,
		    "%s: a %s is observed, not set or added to", f->name,
		    f->r.type == PDC_SUMMARY ? "summary" : "histogram");
	if (strcmp(tg->suffix, want) != 0)
		return pdc_err_set(PDC_EINVAL,
		    "%s: the suffix is \"%s\", not \"%s\"", f->name, want,
		    tg->suffix);
	if (f->r.type == PDC_COUNTER && !(v >= 0 && v <= DBL_MAX))
		return pdc_err_set(PDC_ERANGE,
		    "%s: a counter %s a finite number that is not negative",
		    f->name, how == TARGET_INC ? "grows by" : "is set to");
	if (f->r.type == PDC_INFO || f->r.type == PDC_STATESET)
		return target_settable(f, tg, v, how);
	return f->r.type == PDC_GAUGE ? target_mode(f, how) : 0;
}

static int
target_state(const struct family *f, const struct target *tg, double states,
    double *value)
{
	if (tg->state >= f->r.nstates)
		return pdc_err_set(PDC_ENOENT, "%s: it has no such state",
		    f->name);
	*value = (double)(states_bits(states) >> tg->state & 1);
	return 0;
}

int
pdc_target_value(const struct family *f, const struct target *tg,
    const struct pair *out, int64_t created_ns, double *value)
{
	uint32_t i, n = f->r.nbounds, upto;
	struct pair classic[BOUNDS_MAX + 1];
	const double *bounds = f->bounds;
	double count = 0, sum = 0;

	if (f->r.zone != VALUE_GAUGE && strcmp(tg->suffix, "_created") == 0) {
		*value = (double)created_ns / 1e9;
		return 0;
	}
	if (f->r.zone != VALUE_PAIR) {
		if (strcmp(tg->suffix, target_suffix(f->r.type)) != 0)
			return pdc_err_set(PDC_EINVAL, "%s: no suffix \"%s\"",
			    f->name, tg->suffix);
		if (f->r.type == PDC_STATESET)
			return target_state(f, tg, out[0].sum, value);
		*value = f->r.type == PDC_INFO ? 1 : out[0].sum;
		return 0;
	}
	if (family_native(&f->r)) { /* as on a page */
		pdc_native_classic(f, out, classic);
		out = classic;
		bounds = f->classic;
		n = f->native.nclassic;
	}
	upto = n + 1;
	if (f->r.type == PDC_HISTOGRAM && strcmp(tg->suffix, "_bucket") == 0) {
		for (upto = 0; upto < n && bounds[upto] != tg->le; upto++)
			continue;
		if (upto == n && !(isinf(tg->le) && tg->le > 0))
			return pdc_err_set(PDC_ENOENT,
			    "%s: no bucket of that le", f->name);
		upto++;
	} else if (strcmp(tg->suffix, "_count") != 0 &&
	    strcmp(tg->suffix, "_sum") != 0) {
		return pdc_err_set(PDC_EINVAL, "%s: no suffix \"%s\"", f->name,
		    tg->suffix);
	}
	for (i = 0; i < upto; i++) {
		count += (double)out[i].count;
		sum += out[i].sum;
	}
	*value = strcmp(tg->suffix, "_sum") == 0 ? sum : count;
	return 0;
}
