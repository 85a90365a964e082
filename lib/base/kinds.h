/* SPDX-License-Identifier: ISC */
#ifndef PDC_BASE_KINDS_H
#define PDC_BASE_KINDS_H

/*
 * The types of metrics, once, in the order of enum pdc_type (from 1):
 * X(name of the enumerator after PDC_, word, its word in text 0.0.4, its word
 * in OpenMetrics).
 */
#define PDC_KINDS(X) \
	X(COUNTER, counter, "counter", "counter") \
	X(GAUGE, gauge, "gauge", "gauge") \
	X(SUMMARY, summary, "summary", "summary") \
	X(HISTOGRAM, histogram, "histogram", "histogram") \
	X(INFO, info, "gauge", "info") \
	X(STATESET, stateset, "gauge", "stateset") \
	X(UNKNOWN, unknown, "untyped", "unknown")

/*
 * What the names of a page that belong to a family of this type have after its
 * own, with "" for the name of the family itself; then NULL.
 */
const char *const *pdc_kind_suffixes(int type);

/* All suffixes that any type has, then NULL. */
extern const char *const pdc_kind_every[];

/* "counter"; and the type of such a word, or 0. */
const char *pdc_kind_word(int type);
int pdc_kind_from_word(const char *);

#endif
