/* SPDX-License-Identifier: ISC */
#ifndef TAP_H
#define TAP_H

/*
 * The Test Anything Protocol for the tests.
 *
 *	int
 *	main(void)
 *	{
 *		char *dir = tap_tmpdir();
 *
 *		ok(dir != NULL, "a temporary directory is made");
 *		return tap_done();
 *	}
 *
 * The plan is printed by tap_done().  Fork: a child must not report; it ends
 * with _exit() and its parent tells what its status means.  Threads: any may
 * report.
 */

#include <stddef.h>

/* Each returns whether the case passed. */
#define ok(cond, ...) tap_ok(!!(cond), __FILE__, __LINE__, __VA_ARGS__)
#define is_int(got, want, ...) \
	tap_int((got), (want), __FILE__, __LINE__, __VA_ARGS__)
#define is_str(got, want, ...) \
	tap_str((got), (want), __FILE__, __LINE__, __VA_ARGS__)
#define is_double(got, want, ...) /* the same value, or both NaN */ \
	tap_double((got), (want), __FILE__, __LINE__, __VA_ARGS__)

int tap_ok(int, const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
int tap_int(long long got, long long want, const char *file, int line,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));
int tap_str(const char *got, const char *want, const char *file, int line,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));
int tap_double(double got, double want, const char *file, int line,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* One case that could not be tried here, and why. */
void skip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The whole program cannot be tried here; before any case.  Exits. */
void skip_all(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), noreturn));

/* Stop at once: the rest would mean nothing. */
void bail_out(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), noreturn));

void diag(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Print the plan; the status for main() to return. */
int tap_done(void);

/* Whether long tests should be short ones: PDC_CHECK_SHORT is set. */
int tap_short(void);

/*
 * Directories of this test alone, mode 0700, removed with all that is in them
 * when the process that made them exits.  tap_tmpdir() is in /dev/shm, else
 * in $TMPDIR, else in /tmp; tap_tmpdir_disk() in the current directory.  Both
 * stop the test on failure and never return NULL; do not free.
 */
char *tap_tmpdir(void);
char *tap_tmpdir_disk(void);

/*
 * Keep a page of a content type for tests/serve/test_pages.sh.  Those of
 * pdc_render() are kept already.
 */
void tap_page(const char *type, const char *data, size_t len);

/* Whether this is built with a sanitizer of addresses or threads. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#endif
