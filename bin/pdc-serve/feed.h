/* SPDX-License-Identifier: ISC */
#ifndef PDC_SERVE_FEED_H
#define PDC_SERVE_FEED_H

/*
 * Lines of the journal as an answer, a page of the store at a time: nothing is
 * held while the client takes it.
 */

#include "base/buf.h"

struct MHD_Connection;
struct MHD_Response;
struct feed;
struct serve;

#define FEED_TYPE "application/x-ndjson"
#define FEED_ERROR_TYPE "application/json"

enum feed_kind { FEED_LOGS, FEED_EVENTS, FEED_MEASURES };

/*
 * Read what the request asks for and make the first page.  The status; but for
 * 200 there is no feed, and words has a JSON object that says why.
 */
int feed_new(struct feed **, struct serve *, struct MHD_Connection *,
    enum feed_kind, struct buf *words);
/* Whether the first page is all. */
int feed_is_whole(const struct feed *);
/* The answer, which frees the feed in its time.  NULL: out of memory. */
struct MHD_Response *feed_response(struct feed *);

#endif
