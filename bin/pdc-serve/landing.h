/* SPDX-License-Identifier: ISC */
#ifndef PDC_SERVE_LANDING_H
#define PDC_SERVE_LANDING_H

/* The page at /, for people. */

struct buf;

#define LANDING_TYPE "text/html; charset=UTF-8"

void landing_page(struct buf *, const char *telemetry_path);

#endif
