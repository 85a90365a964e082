/* SPDX-License-Identifier: ISC */
#ifndef PDC_SERVE_OPTIONS_H
#define PDC_SERVE_OPTIONS_H

/* The command line, in the manner of Prometheus exporters. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "api/retain.h"
#include "pdc-serve/log.h"

#define OPTIONS_MAX_LISTEN 16

struct options {
	const char *store; /* NULL: as pdc_open() chooses */
	const char *listen[OPTIONS_MAX_LISTEN];
	size_t nlisten; /* at least 1 */
	int systemd_socket; /* these instead */
	const char *telemetry_path;
	int exporter_metrics;
	unsigned max_requests; /* 0: no limit */
	int64_t interval_ns; /* between checkpoints; 0: only for scrapes */
	int created;
	struct retain_spec retain[NSCOPES];
	size_t nretain;
	int logs; /* serve the journal whoever may read the store */
	int workers; /* show what /proc says of them */
	enum log_level log_level;
	enum log_format log_format;
};

enum options_result {
	OPTIONS_RUN,
	OPTIONS_HELP, /* options_usage() is asked for */
	OPTIONS_VERSION,
	OPTIONS_BAD /* the words say why */
};

/*
 * Read the arguments; strings of the options point into them.
 *
 *	words	of len bytes; one line without its end, for OPTIONS_BAD
 */
enum options_result options_parse(struct options *, char *const *argv,
    char *words, size_t len);

void options_usage(FILE *);

#endif
