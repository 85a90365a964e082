/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "pains.h"

#include <sys/wait.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "multi/multi.h"
#include "store/smallfs.h"

#define ROW_MS 60000

enum said { NOTHING, WELL, ILL, SKIPPED };

static struct verdict {
	enum said said;
	char did[160], figure[240];
} * verdict;

void
pain_says(int well, const char *did, const char *fmt, ...)
{
	va_list ap;

	snprintf(verdict->did, sizeof(verdict->did), "%s", did);
	va_start(ap, fmt);
	vsnprintf(verdict->figure, sizeof(verdict->figure), fmt, ap);
	va_end(ap);
	verdict->said = well ? WELL : ILL;
}

void
pain_skips(const char *why)
{
	snprintf(verdict->did, sizeof(verdict->did), "%s", why);
	verdict->said = SKIPPED;
	exit(0);
}

int
pain_times(int n)
{
	return getenv("PDC_LONG") != NULL ? n * 10 : n;
}

static char *mounted;

/* Before the directory is removed. */
static void
pain_unmount(void)
{
	(void)umount2(mounted, MNT_DETACH);
}

char *
pain_mount(unsigned long flags, const char *options)
{
	mounted = tap_tmpdir();
	if (smallfs_unshare() == -1 ||
	    mount("none", mounted, "tmpfs", flags, options) == -1)
		pain_skips("no file system of our own");
	atexit(pain_unmount);
	return mounted;
}

int
pain_peer(const char *what, const char *dir, double *numbers, int n)
{
	const char *srcdir = getenv("srcdir");
	char command[4600];
	int i, status;
	FILE *f;

	snprintf(command, sizeof(command),
	    "exec env PYTHONDONTWRITEBYTECODE=1 PROMETHEUS_MULTIPROC_DIR='%s' "
	    "/usr/bin/python3 '%s/tests/pains/peer.py' %s",
	    dir, srcdir != NULL ? srcdir : ".", what);
	f = popen(command, "r");
	if (f == NULL)
		bail_out("%s", command);
	for (i = 0; i < n && fscanf(f, "%lf", &numbers[i]) == 1; i++)
		continue;
	status = pclose(f);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		pain_skips("python3-prometheus-client is not installed");
	if (i < n)
		bail_out("the peer says %d of %d numbers: %s", i, n, command);
	return status;
}

/* As it is, then undone: a crash is never what it should be. */
static void
pains_row(const struct pain *row, int undone)
{
	pid_t pid;
	int status;

	memset(verdict, 0, sizeof(*verdict));
	pid = multi_fork();
	if (pid == 0) {
		row->fn(undone);
		exit(0);
	}
	status = multi_wait(pid, ROW_MS);
	if (verdict->said == SKIPPED) {
		skip("%s%s: %s", row->name, undone ? ", undone" : "",
		    verdict->did);
		return;
	}
	ok(status == 0 && verdict->said == (undone ? ILL : WELL),
	    "%s%s: %s: %s", row->name, undone ? ", undone" : "", verdict->did,
	    verdict->figure);
	if (status != 0 || verdict->said == NOTHING)
		diag("ended with status %d", status);
}

int
pains_run(const struct pain *rows, size_t n, int argc, char **argv)
{
	const char *which = argc > 1 ? argv[1] : "";
	size_t i;

	verdict = multi_shared(sizeof(*verdict));
	for (i = 0; i < n; i++)
		if (strncmp(rows[i].name, which, strlen(which)) == 0) {
			pains_row(&rows[i], 0);
			pains_row(&rows[i], 1);
		}
	return tap_done();
}
