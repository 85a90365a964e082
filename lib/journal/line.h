/* SPDX-License-Identifier: ISC */
#ifndef PDC_JOURNAL_LINE_H
#define PDC_JOURNAL_LINE_H

/*
 * A line of the journal as text, but for its time: that is put in where it is
 * written into the store.  The forms, byte for byte as Python's json.dumps():
 *
 *	{"timestamp": T, "level": "INFO", "message": "m", "attributes": {}}
 *	{"name": "n", "timestamp": T, "attributes": {}}
 *	{"name": "n", "timestamp": T, "value": 1.0, "labels": {}}, whose
 *	    values are strings
 *
 * A line never grows beyond its room: a string is cut at a character, and what
 * comes after is left out; the line says so then, by a last field "_cut", or
 * "_invalid_utf8" where U+FFFD stands for bytes that were none.
 *
 * Writing allocates nothing and may be done in a signal handler.
 */

#include <stddef.h>
#include <stdint.h>

#include "journal/journal.h"

struct pdc_field;

struct line {
	char *data;
	size_t len, room;
	size_t at; /* where the time belongs */
	unsigned cut; /* so many times */
	int invalid;
	int labels; /* all values are strings */
	const char *bad; /* name of a field that is none, or "" */
};

/* Also what is put in later, "timestamp": 9999999999.999999,_ and the mark. */
#define LINE_TIME_MAX 32
#define LINE_END_MAX 64
#define LINE_MIN 512 /* room that there has to be */

void pdc_line_log(struct line *, enum journal_stream, const char *message);
/* A measure has a value; of an event it is NULL. */
void pdc_line_named(struct line *, const char *name, const double *value);
/* The context of this thread, and fields that come before it. */
void pdc_line_fields(struct line *, const struct pdc_field *, size_t n);
void pdc_line_end(struct line *);

/* The word of a stream's level, as a log has it. */
const char *pdc_level_word(enum journal_stream);

#endif
