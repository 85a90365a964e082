/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "base/kinds.h"

#include <stddef.h>
#include <string.h>

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

static const char *const kind_words[] = {
#define X(name, word, text, om) [PDC_##name] = #word,
	PDC_KINDS(X)
#undef X
};

#define NKINDS ((int)(sizeof(kind_words) / sizeof(kind_words[0])))

const char *
pdc_kind_word(int type)
{
	return type > 0 && type < NKINDS ? kind_words[type] : "unknown";
}

int
pdc_kind_from_word(const char *word)
{
	int type;

	for (type = 1; type < NKINDS; type++)
		if (strcmp(kind_words[type], word) == 0)
			return type;
	return 0;
}
