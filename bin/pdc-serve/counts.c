/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "pdc-serve/counts.h"

const char *const counts_words[NHANDLERS] = {
#define X(name, word) word,
	COUNTS_HANDLERS(X)
#undef X
};

const int counts_codes[NCODES] = {
#define X(code) code,
	COUNTS_CODES(X)
#undef X
};

#define BIT(code) (1u << CODE_##code)

static const unsigned counts_possible[NHANDLERS] = {
	[HANDLER_METRICS] = BIT(200) | BIT(405) | BIT(500) | BIT(503),
	[HANDLER_JOURNAL] = BIT(200) | BIT(400) | BIT(403) | BIT(405) |
	    BIT(410) | BIT(500) | BIT(503),
	[HANDLER_LATEST] = BIT(200) | BIT(405) | BIT(500) | BIT(503),
	[HANDLER_LANDING] = BIT(200) | BIT(405),
	[HANDLER_HEALTHY] = BIT(200) | BIT(405),
	[HANDLER_READY] = BIT(200) | BIT(405) | BIT(503),
	[HANDLER_OTHER] = BIT(404),
};

int
counts_is_possible(enum counts_handler handler, enum counts_code code)
{
	return (counts_possible[handler] & 1u << code) != 0;
}

void
counts_answer(struct counts *counts, enum counts_handler handler, int code)
{
	int i;

	for (i = 0; i < NCODES; i++)
		if (counts_codes[i] == code)
			atomic_fetch_add(&counts->answers[handler][i], 1);
}
