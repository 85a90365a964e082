/* SPDX-License-Identifier: ISC */
#ifndef PDC_SERVE_SERVE_H
#define PDC_SERVE_SERVE_H

/*
 * The server as a whole: what main() starts, and what its parts share.
 *
 * Threads: the main thread waits for signals, which are blocked in all others;
 * one thread makes checkpoints; libmicrohttpd has one for each address and one
 * for each connection.
 */

#include "pdc-serve/checkpointer.h"
#include "pdc-serve/counts.h"
#include "pdc-serve/latest.h"
#include "pdc-serve/log.h"
#include "pdc-serve/options.h"
#include "pdc-serve/source.h"

struct serve {
	const struct options *options;
	struct log log;
	struct source source;
	struct checkpointer checkpointer;
	struct counts counts;
	struct served_latest latest;
	atomic_int ending; /* who follows the journal is not waited for */
};

/* Serve until SIGTERM or SIGINT.  Returns the exit status. */
int serve_run(const struct options *);

#endif
