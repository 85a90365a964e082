/* SPDX-License-Identifier: ISC */
#ifndef PAINS_H
#define PAINS_H

/*
 * What users of other clients suffer from, one row each: a short, direct
 * demonstration that it does not happen here, with a figure.  The depth is in
 * the other tests.
 *
 * A row runs twice, each time in a process of its own: as it is, when the pain
 * must be absent, and undone, when the very same question must find it: by a
 * peer that has the pain, or by doing the one thing otherwise.  So each row
 * shows at each run that it can fail.
 */

#include <stddef.h>

struct pain {
	const char *name; /* 07-a-stopped-worker-does-not-stop-the-scrape */
	void (*fn)(int undone);
};

/* Last in a row: whether all is well, what was done, and the figure. */
void pain_says(int well, const char *did, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* It cannot be tried here, and why; ends the row. */
void pain_skips(const char *why) __attribute__((noreturn));

/* So many; ten times as many with PDC_LONG. */
int pain_times(int n);

/*
 * A directory with a tmpfs of the row's own, by flags and options of mount(2);
 * the row is skipped where that is denied.
 */
char *pain_mount(unsigned long flags, const char *options);

/*
 * Let prometheus_client do what peer.py has under that name, with its files in
 * dir; it says n numbers.  Its status as wait(2) has it.
 */
int pain_peer(const char *what, const char *dir, double *numbers, int n);

/* For main(): all rows, or those whose names begin with the argument. */
int pains_run(const struct pain *, size_t n, int argc, char **argv);
#define PAINS_RUN(rows, argc, argv) \
	pains_run((rows), sizeof(rows) / sizeof((rows)[0]), (argc), (argv))

#endif
