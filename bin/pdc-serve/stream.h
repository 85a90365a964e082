/* SPDX-License-Identifier: ISC */
#ifndef PDC_SERVE_STREAM_H
#define PDC_SERVE_STREAM_H

/* The page of an answer, made while the client takes it. */

#include <stdint.h>

#include "base/buf.h"

struct MHD_Connection;
struct MHD_Response;
struct serve;
struct stream;

/*
 * Read what the request asks for; its deadline is from now on.  NULL: out of
 * memory.
 */
struct stream *stream_new(struct serve *, struct MHD_Connection *,
    int64_t arrival_ns);
/* Make the first piece of the page: its HTTP status. */
int stream_first(struct stream *);
/* Why it is not 200. */
const char *stream_words(const struct stream *);
const char *stream_type(const struct stream *);
/* As Content-Encoding has it; NULL: as it is. */
const char *stream_coding(const struct stream *);
/* Whether the first piece is all. */
int stream_is_whole(const struct stream *);
/*
 * The answer, which frees the stream when it is sent or has failed.  A page of
 * one piece has its length; one of several breaks the connection if it cannot
 * be finished.  NULL, and the stream is freed: out of memory.
 */
struct MHD_Response *stream_response(struct stream *);
void stream_free(struct stream *);

#endif
