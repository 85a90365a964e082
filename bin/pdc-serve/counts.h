/* SPDX-License-Identifier: ISC */
#ifndef PDC_SERVE_COUNTS_H
#define PDC_SERVE_COUNTS_H

/* What was asked for and answered.  Any thread counts, without a lock. */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define COUNTS_HANDLERS(X) \
	X(METRICS, "metrics") \
	X(JOURNAL, "journal") \
	X(LATEST, "latest") \
	X(LANDING, "landing") \
	X(HEALTHY, "healthy") \
	X(READY, "ready") \
	X(OTHER, "other")

enum counts_handler {
#define X(name, word) HANDLER_##name,
	COUNTS_HANDLERS(X)
#undef X
	    NHANDLERS
};

#define COUNTS_CODES(X) X(200) X(400) X(403) X(404) X(405) X(410) X(500) X(503)

enum counts_code {
#define X(code) CODE_##code,
	COUNTS_CODES(X)
#undef X
	    NCODES
};

struct counts {
	_Atomic uint64_t answers[NHANDLERS][NCODES];
	atomic_uint in_flight; /* requests, until the last byte is sent */
	atomic_uint scrapes; /* of these, the pages */
	_Atomic uint64_t broken; /* pages, after their first piece */
};

extern const char *const counts_words[NHANDLERS];
extern const int counts_codes[NCODES];

/* Answers that this handler can give; the others have no series. */
int counts_is_possible(enum counts_handler, enum counts_code);
void counts_answer(struct counts *, enum counts_handler, int code);

#endif
