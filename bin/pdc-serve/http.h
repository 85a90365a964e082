/* SPDX-License-Identifier: ISC */
#ifndef PDC_SERVE_HTTP_H
#define PDC_SERVE_HTTP_H

/* Routes and answers, by libmicrohttpd; one daemon for each address. */

#include <stddef.h>

struct MHD_Daemon;
struct serve;

struct http {
	struct MHD_Daemon *daemon;
	int fd; /* listening */
	int down; /* closed for new connections */
};

/*
 * Serve on fd, which is taken over, with at most limit connections at a time.
 * Returns 0 or -1; then fd is closed.
 */
int http_start(struct http *, struct serve *, int fd, unsigned limit);

/* Take no new connections; those that are go on. */
void http_quiesce(struct http *);
/* End the connections, whatever they do. */
void http_stop(struct http *);

#endif
