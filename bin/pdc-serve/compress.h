/* SPDX-License-Identifier: ISC */
#ifndef PDC_SERVE_COMPRESS_H
#define PDC_SERVE_COMPRESS_H

#include "base/buf.h"
#include "expo/expo.h"

/*
 * Put the body into this coding.  Returns the one it is in after: identity
 * when there was no memory for it, with the body as it was.
 */
enum expo_coding compress_body(struct buf *body, enum expo_coding);

#endif
