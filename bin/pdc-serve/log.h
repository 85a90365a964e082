/* SPDX-License-Identifier: ISC */
#ifndef PDC_SERVE_LOG_H
#define PDC_SERVE_LOG_H

/*
 * Lines on stderr, each in one write(2):
 *
 *	logfmt	ts=2026-11-20T13:00:00.000Z level=info msg=listening a=b
 *	json	{"ts":"...","level":"info","msg":"listening","a":"b"}
 *
 * Any thread may log.
 */

enum log_level { LEVEL_DEBUG, LEVEL_INFO, LEVEL_WARN, LEVEL_ERROR, NLEVELS };
enum log_format { FORMAT_LOGFMT, FORMAT_JSON, NFORMATS };

extern const char *const log_levels[NLEVELS];
extern const char *const log_formats[NFORMATS];

struct log {
	enum log_level level; /* what is below is not written */
	enum log_format format;
};

/* Then pairs of key and value, both strings, and a NULL. */
void log_msg(const struct log *, enum log_level, const char *msg, ...)
    __attribute__((sentinel));

#endif
