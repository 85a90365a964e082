/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "base/err.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/errors.h"
#include "base/kinds.h"
#include "tap.h"

#define KIND(name, lower, text, om) KIND_##name,
enum { KIND_NONE, PDC_KINDS(KIND) };
#undef KIND

static void
test_set(void)
{
	is_str(pdc_err_words(), "", "a thread begins without words");
	errno = EINTR;
	is_int(pdc_err_set(PDC_EBUSY, "%s: %d", "lock", 7), PDC_EBUSY,
	    "setting the words returns the code");
	is_int(errno, EINTR, "setting the words keeps errno");
	is_str(pdc_err_words(), "lock: 7", "the words are formatted");
	pdc_err_set(PDC_EBUSY, "before");
	errno = EINTR;
	is_int(pdc_err_set(PDC_EBUSY, "%ls", L"\x20ac"), PDC_EBUSY,
	    "words that cannot be made still have a code");
	is_int(errno, EINTR, "they keep errno");
	is_str(pdc_err_words(), "", "they are empty");
}

static void
test_sys(void)
{
	static const struct {
		int error, code;
	} cases[] = {
		{ EACCES, PDC_EPERM },
		{ EPERM, PDC_EPERM },
		{ EROFS, PDC_EPERM },
		{ ENOSPC, PDC_ENOSPC },
		{ EDQUOT, PDC_ENOSPC },
		{ EFBIG, PDC_ENOSPC },
		{ ENOMEM, PDC_ENOMEM },
		{ EIO, PDC_ESYS },
		{ ENOENT, PDC_ESYS },
	};
	char want[128];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		errno = cases[i].error;
		is_int(pdc_err_sys("%s", "/x"), cases[i].code,
		    "%s has its code", strerror(cases[i].error));
		is_int(errno, cases[i].error, "errno is kept");
		snprintf(want, sizeof(want), "/x: %s",
		    strerror(cases[i].error));
		is_str(pdc_err_words(), want, "the words end in errno's");
	}
}

static void
test_prefix(void)
{
	pdc_err_set(PDC_EEXIST, "is a gauge");
	errno = EINTR;
	pdc_err_prefix("declare %s", "http_requests");
	is_int(errno, EINTR, "a prefix keeps errno");
	is_str(pdc_err_words(), "declare http_requests: is a gauge",
	    "a prefix goes before the words");
	pdc_err_set(PDC_EINVAL, "%s", "");
	pdc_err_prefix("open");
	is_str(pdc_err_words(), "open", "without words a prefix is all");
	pdc_err_set(PDC_EINVAL, "bad");
	pdc_err_prefix("%s", pdc_err_words());
	is_str(pdc_err_words(), "bad: bad", "the words may be in the prefix");
}

static void
test_cut(void)
{
	char big[2 * ERR_WORDS];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	pdc_err_set(PDC_EINVAL, "%s", big);
	is_int(strlen(pdc_err_words()), ERR_WORDS - 1, "long words are cut");
	errno = EIO;
	pdc_err_sys("%s", big);
	is_int(strlen(pdc_err_words()), ERR_WORDS - 1,
	    "words cut leave no room for errno's");
	pdc_err_prefix("open");
	ok(strlen(pdc_err_words()) == ERR_WORDS - 1 &&
		strncmp(pdc_err_words(), "open: xxx", 9) == 0,
	    "a prefix pushes the end out");
}

static void *
thread_words(void *arg)
{
	(void)arg;
	if (pdc_err_words()[0] != '\0')
		return NULL;
	pdc_err_set(PDC_EINVAL, "theirs");
	return strcmp(pdc_err_words(), "theirs") == 0 ? (void *)"" : NULL;
}

static void
test_threads(void)
{
	pthread_t thread;
	void *fine = NULL;

	pdc_err_set(PDC_EINVAL, "ours");
	if (pthread_create(&thread, NULL, thread_words, NULL) != 0)
		bail_out("no thread");
	pthread_join(thread, &fine);
	ok(fine != NULL, "another thread has its own words");
	is_str(pdc_err_words(), "ours", "our words are not another's");
}

static void
test_names(void)
{
	int last = -1000, steps = 0, n = 0;

#define X(name, value, text) \
	steps += value == last - 1; \
	last = value; \
	n++; \
	is_str(pdc_err_name(name), text, "%s has its text", #name);
	PDC_ERRORS(X)
#undef X
	is_int(n, 17, "all errors of pdc.h are there");
	is_int(steps, n, "the codes go down from -1001 one by one");
	is_str(pdc_err_name(0), "no error", "0 has a text");
	is_str(pdc_err_name(-1), "unknown error", "an unknown code has a text");
	is_str(pdc_err_name(last - 1), "unknown error",
	    "the code after the last is unknown");
}

static void
test_kinds(void)
{
#define X(name, lower, text, om) \
	is_int(KIND_##name, PDC_##name, "type %s has pdc.h's value", #lower);
	PDC_KINDS(X)
#undef X
}

int
main(void)
{
	test_set();
	test_sys();
	test_prefix();
	test_cut();
	test_threads();
	test_names();
	test_kinds();
	return tap_done();
}
