/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "tap.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NDIRS_MAX 256

static pthread_mutex_t tap_lock = PTHREAD_MUTEX_INITIALIZER;
static int ncases, nfailed;
static struct {
	char *path;
	pid_t pid;
} dirs[NDIRS_MAX];
static int ndirs;

/* A description is one line and has no '#', which would begin a directive. */
static void
tap_words(const char *fmt, va_list ap)
{
	char words[512];
	char *s;

	vsnprintf(words, sizeof(words), fmt, ap);
	for (s = words; *s != '\0'; s++)
		if (*s == '\n' || *s == '\r' || *s == '#')
			*s = ' ';
	fputs(words, stdout);
}

static int
tap_report(int passed, const char *fmt, va_list ap)
{
	ncases++;
	if (!passed)
		nfailed++;
	printf("%s %d - ", passed ? "ok" : "not ok", ncases);
	tap_words(fmt, ap);
	putchar('\n');
	fflush(stdout);
	return passed;
}

int
tap_ok(int passed, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	pthread_mutex_lock(&tap_lock);
	va_start(ap, fmt);
	tap_report(passed, fmt, ap);
	va_end(ap);
	if (!passed)
		diag("%s:%d", file, line);
	pthread_mutex_unlock(&tap_lock);
	return passed;
}

int
tap_int(long long got, long long want, const char *file, int line,
    const char *fmt, ...)
{
	va_list ap;

	pthread_mutex_lock(&tap_lock);
	va_start(ap, fmt);
	tap_report(got == want, fmt, ap);
	va_end(ap);
	if (got != want)
		diag("%s:%d: got %lld, want %lld", file, line, got, want);
	pthread_mutex_unlock(&tap_lock);
	return got == want;
}

int
tap_str(const char *got, const char *want, const char *file, int line,
    const char *fmt, ...)
{
	va_list ap;
	int passed;

	if (got == NULL || want == NULL)
		passed = got == want;
	else
		passed = strcmp(got, want) == 0;
	pthread_mutex_lock(&tap_lock);
	va_start(ap, fmt);
	tap_report(passed, fmt, ap);
	va_end(ap);
	if (!passed) {
		diag("%s:%d", file, line);
		diag("got  %s", got == NULL ? "NULL" : got);
		diag("want %s", want == NULL ? "NULL" : want);
	}
	pthread_mutex_unlock(&tap_lock);
	return passed;
}

int
tap_double(double got, double want, const char *file, int line, const char *fmt,
    ...)
{
	va_list ap;
	int passed = got == want || (isnan(got) && isnan(want));

	pthread_mutex_lock(&tap_lock);
	va_start(ap, fmt);
	tap_report(passed, fmt, ap);
	va_end(ap);
	if (!passed)
		diag("%s:%d: got %.17g, want %.17g", file, line, got, want);
	pthread_mutex_unlock(&tap_lock);
	return passed;
}

void
skip(const char *fmt, ...)
{
	va_list ap;

	pthread_mutex_lock(&tap_lock);
	printf("ok %d # SKIP ", ++ncases);
	va_start(ap, fmt);
	tap_words(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	pthread_mutex_unlock(&tap_lock);
}

void
skip_all(const char *fmt, ...)
{
	va_list ap;

	printf("1..0 # SKIP ");
	va_start(ap, fmt);
	tap_words(fmt, ap);
	va_end(ap);
	putchar('\n');
	exit(0);
}

void
bail_out(const char *fmt, ...)
{
	va_list ap;

	printf("Bail out! ");
	va_start(ap, fmt);
	tap_words(fmt, ap);
	va_end(ap);
	putchar('\n');
	exit(1);
}

/* Each line of the words becomes a comment. */
void
diag(const char *fmt, ...)
{
	char words[8192];
	char *line, *rest = words;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	while ((line = strsep(&rest, "\n")) != NULL)
		printf("# %s\n", line);
	fflush(stdout);
}

int
tap_done(void)
{
	printf("1..%d\n", ncases);
	fflush(stdout);
	return nfailed != 0;
}

int
tap_short(void)
{
	const char *s = getenv("PDC_CHECK_SHORT");

	return s != NULL && *s != '\0' && strcmp(s, "0") != 0;
}

static int
tap_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void
tap_remove_dirs(void)
{
	int i;

	for (i = 0; i < ndirs; i++)
		if (dirs[i].pid == getpid())
			nftw(dirs[i].path, tap_remove, 16,
			    FTW_DEPTH | FTW_PHYS);
}

static char *
tap_mkdtemp(const char *parent)
{
	char template[PATH_MAX];

	if (ndirs == NDIRS_MAX)
		bail_out("too many temporary directories");
	snprintf(template, sizeof(template), "%s/pdc-test-XXXXXX", parent);
	if (mkdtemp(template) == NULL)
		bail_out("mkdtemp %s: %s", template, strerror(errno));
	if (ndirs == 0 && atexit(tap_remove_dirs) != 0)
		bail_out("atexit failed");
	dirs[ndirs].path = strdup(template);
	if (dirs[ndirs].path == NULL)
		bail_out("no memory");
	dirs[ndirs].pid = getpid();
	return dirs[ndirs++].path;
}

char *
tap_tmpdir(void)
{
	const char *parent = "/dev/shm";

	if (access(parent, W_OK | X_OK) == -1)
		parent = getenv("TMPDIR");
	if (parent == NULL || *parent == '\0')
		parent = "/tmp";
	return tap_mkdtemp(parent);
}

char *
tap_tmpdir_disk(void)
{
	char cwd[PATH_MAX - 32];

	if (getcwd(cwd, sizeof(cwd)) == NULL)
		bail_out("getcwd: %s", strerror(errno));
	return tap_mkdtemp(cwd);
}
