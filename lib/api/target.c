/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Keys of transactions by name: which series and which of its numbers.
 */

#include <float.h>
#include <math.h>
#include <string.h>

#include "api/target.h"
#include "base/err.h"
#include "base/escape.h"
#include "base/num.h"
#include "pdc.h"

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

int
pdc_target_parse(struct target *tg, const struct family *f,
    const struct pdc_key *key)
{
	size_t want = f->r.nlabels, i;
	const char *le = NULL;
	int ret;

	tg->suffix = key->suffix != NULL ? key->suffix : "";
	if (strcmp(tg->suffix, "_bucket") == 0 && f->r.type == PDC_HISTOGRAM) {
		le = target_label(key, "le");
		if (le == NULL)
			return pdc_err_set(PDC_EINVAL,
			    "%s_bucket: the label le is missing", f->name);
		want++;
	}
	for (i = 0; i < key->nlabels; i++)
		if (key->labels[i].name == NULL || key->labels[i].value == NULL)
			return pdc_err_set(PDC_EINVAL,
			    "%s: a label without name or value", f->name);
	ret = target_values(tg, f, key);
	if (ret == 0 && key->nlabels != want)
		ret = pdc_err_set(PDC_EINVAL, "%s: %zu labels, it has %zu",
		    f->name, key->nlabels, want);
	if (ret == 0 && le != NULL)
		ret = target_le(f, tg, le);
	return ret;
}

int
pdc_target_writable(const struct family *f, const struct target *tg, double v,
    int set)
{
	const char *want = f->r.type == PDC_COUNTER ? "_total" : "";

	if (f->r.type != PDC_COUNTER && f->r.type != PDC_GAUGE)
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
		    f->name, set ? "is set to" : "grows by");
	return 0;
}

int
pdc_target_value(const struct family *f, const struct target *tg,
    const struct pair *out, int64_t created_ns, double *value)
{
	uint32_t i, upto = f->r.width;
	double count = 0, sum = 0;

	if (f->r.type != PDC_GAUGE && strcmp(tg->suffix, "_created") == 0) {
		*value = (double)created_ns / 1e9;
		return 0;
	}
	if (f->r.zone != VALUE_PAIR) {
		if (strcmp(tg->suffix,
			f->r.type == PDC_COUNTER ? "_total" : "") != 0)
			return pdc_err_set(PDC_EINVAL, "%s: no suffix \"%s\"",
			    f->name, tg->suffix);
		*value = out[0].sum;
		return 0;
	}
	if (f->r.type == PDC_HISTOGRAM && strcmp(tg->suffix, "_bucket") == 0) {
		for (upto = 0; upto < f->r.nbounds && f->bounds[upto] != tg->le;
		     upto++)
			continue;
		if (upto == f->r.nbounds && !(isinf(tg->le) && tg->le > 0))
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
