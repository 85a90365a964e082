/* SPDX-License-Identifier: ISC */
#ifndef PDC_SERVE_COMPRESS_H
#define PDC_SERVE_COMPRESS_H

/* A body in its coding, piece by piece. */

#include "base/buf.h"
#include "expo/expo.h"

struct coder;

/* NULL: no memory. */
struct coder *coder_new(enum expo_coding);
/*
 * Append a piece in its coding; all of it can be read before the next.  What
 * from holds is used up.  0 or -1.
 *
 *	last	there is no next one
 */
int coder_put(struct coder *, struct buf *to, struct buf *from, int last);
void coder_free(struct coder *);

#endif
