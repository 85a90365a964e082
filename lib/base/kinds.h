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
	X(STATESET, stateset, "gauge", "stateset")

#endif
