/* SPDX-License-Identifier: ISC */
#ifndef PDC_JOURNAL_JSON_H
#define PDC_JOURNAL_JSON_H

#include "journal/line.h"

#define JSON_DEPTH 64
#define JSON_AROUND 2 /* what a line has around the JSON text of a field */

/*
 * Copy a JSON text (RFC 8259) to the line, up to limit, as Python's
 * json.dumps() would space it, and with all but printable ASCII escaped.
 *
 * Returns 0, also when it was cut, or PDC_EINVAL for what is no JSON or more
 * than JSON_DEPTH deep; then some of it may have been written.  Sets no words.
 */
int pdc_json_copy(struct line *, const char *text, size_t limit);

/*
 * Whether the text, len bytes and a NUL, is JSON as pdc_json_copy() writes it,
 * as all of a line is.  room is for len bytes.
 */
int pdc_json_is_line(const char *text, size_t len, char *room);

#endif
