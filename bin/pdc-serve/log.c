/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "pdc-serve/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/escape.h"

const char *const log_levels[NLEVELS] = { "debug", "info", "warn", "error" };
const char *const log_formats[NFORMATS] = { "logfmt", "json" };

/* In quotes, with the escapes that JSON has. */
static void
log_quoted(struct buf *b, const char *s)
{
	pdc_buf_chr(b, '"');
	pdc_escape_json(b, s, strlen(s));
	pdc_buf_chr(b, '"');
}

static int
log_is_plain(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	for (; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f || *p == '"' || *p == '=' ||
		    *p == '\\')
			return 0;
	return *s != '\0';
}

static void
log_pair(struct buf *b, enum log_format format, const char *key,
    const char *value)
{
	char sep = format == FORMAT_JSON ? ',' : ' ';

	if (b->len > (format == FORMAT_JSON))
		pdc_buf_chr(b, sep);
	if (format == FORMAT_JSON) {
		log_quoted(b, key);
		pdc_buf_chr(b, ':');
		log_quoted(b, value);
		return;
	}
	pdc_buf_fmt(b, "%s=", key);
	if (log_is_plain(value))
		pdc_buf_str(b, value);
	else
		log_quoted(b, value);
}

/* 2026-11-20T13:00:00.000Z */
static void
log_time(char *out, size_t len)
{
	struct timespec ts;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	n = strftime(out, len, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, len - n, ".%03dZ", (int)(ts.tv_nsec / 1000000));
}

static void
log_write(const char *p, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(STDERR_FILENO, p, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		p += n;
		len -= (size_t)n;
	}
}

void
log_msg(const struct log *log, enum log_level level, const char *msg, ...)
{
	struct buf b;
	const char *key, *value;
	char when[40];
	va_list ap;

	if (level < log->level)
		return;
	pdc_buf_init(&b);
	if (log->format == FORMAT_JSON)
		pdc_buf_chr(&b, '{');
	log_time(when, sizeof(when));
	log_pair(&b, log->format, "ts", when);
	log_pair(&b, log->format, "level", log_levels[level]);
	log_pair(&b, log->format, "msg", msg);
	va_start(ap, msg);
	while ((key = va_arg(ap, const char *)) != NULL &&
	    (value = va_arg(ap, const char *)) != NULL)
		log_pair(&b, log->format, key, value);
	va_end(ap);
	pdc_buf_str(&b, log->format == FORMAT_JSON ? "}\n" : "\n");
	if (b.error == 0)
		log_write(b.data, b.len);
	pdc_buf_fini(&b);
}
