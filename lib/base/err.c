/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/errors.h"

#define X(name, value, text) \
	_Static_assert(name == (value), #name " differs in pdc.h");
PDC_ERRORS(X)
#undef X

/* initial-exec: no allocation at a thread's first use, and cheap. */
static _Thread_local char err_words[ERR_WORDS]
    __attribute__((tls_model("initial-exec")));
static _Thread_local unsigned err_count
    __attribute__((tls_model("initial-exec")));

/* Make the words; they may be made of the present ones. */
static void
err_put(const char *fmt, va_list ap)
{
	char words[ERR_WORDS];

	err_count++;
	if (vsnprintf(words, sizeof(words), fmt, ap) < 0)
		words[0] = '\0';
	memcpy(err_words, words, strlen(words) + 1);
}

/* Put ": " and a string at the end. */
static void
err_append(const char *s)
{
	size_t len = strlen(err_words);

	snprintf(err_words + len, sizeof(err_words) - len, ": %s", s);
}

int
pdc_err_set(int code, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	va_start(ap, fmt);
	err_put(fmt, ap);
	va_end(ap);
	errno = saved;
	return code;
}

static int
err_code(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
	case EROFS:
		return PDC_EPERM;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return PDC_ENOSPC;
	case ENOMEM:
		return PDC_ENOMEM;
	}
	return PDC_ESYS;
}

/* strerror_r() is of one of two kinds; either gives the text or leaves it. */
static const char *
err_text_gnu(const char *text, const char *buf)
{
	(void)buf;
	return text;
}

static const char *
err_text_posix(int ret, const char *buf)
{
	return ret == 0 ? buf : "unknown error";
}

#define err_text(ret, buf) \
	_Generic((ret), int : err_text_posix, default : err_text_gnu)(ret, buf)

int
pdc_err_sys(const char *fmt, ...)
{
	int saved = errno;
	char buf[128] = "";
	va_list ap;

	va_start(ap, fmt);
	err_put(fmt, ap);
	va_end(ap);
	err_append(err_text(strerror_r(saved, buf, sizeof(buf)), buf));
	errno = saved;
	return err_code(saved);
}

void
pdc_err_prefix(const char *fmt, ...)
{
	int saved = errno;
	char old[ERR_WORDS];
	va_list ap;

	memcpy(old, err_words, strlen(err_words) + 1);
	va_start(ap, fmt);
	err_put(fmt, ap);
	va_end(ap);
	if (old[0] != '\0')
		err_append(old);
	errno = saved;
}

unsigned
pdc_err_count(void)
{
	return err_count;
}

const char *
pdc_err_words(void)
{
	return err_words;
}

const char *
pdc_err_name(int code)
{
	if (code == 0)
		return "no error";
	switch ((enum pdc_error)code) {
#define X(name, value, text) \
	case name: \
		return text;
		PDC_ERRORS(X)
#undef X
	}
	return "unknown error";
}
