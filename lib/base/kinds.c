/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "base/kinds.h"

#include <stddef.h>

#include "pdc.h"

const char *const pdc_kind_every[] = { "", "_total", "_bucket", "_count",
	"_sum", "_created", "_info", NULL };

const char *const *
pdc_kind_suffixes(int type)
{
	static const char *const counter[] = { "_total", "_created", "", NULL };
	static const char *const plain[] = { "", NULL };
	static const char *const info[] = { "_info", "", NULL };
	static const char *const summary[] = { "_count", "_sum", "_created", "",
		NULL };
	static const char *const histogram[] = { "_bucket", "_count", "_sum",
		"_created", "", NULL };

	switch (type) {
	case PDC_COUNTER:
		return counter;
	case PDC_INFO:
		return info;
	case PDC_SUMMARY:
		return summary;
	case PDC_HISTOGRAM:
		return histogram;
	default:
		return plain;
	}
}
