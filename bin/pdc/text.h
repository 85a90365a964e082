/* SPDX-License-Identifier: ISC */
#ifndef PDC_TEXT_H
#define PDC_TEXT_H

/*
 * Lines of the journal for people: the time as it is here, the level, message
 * or name and value, and the fields as name=value.
 */

#include <stddef.h>

#include "base/buf.h"

void text_lines(struct buf *, const char *lines, size_t len, int colour);

#endif
