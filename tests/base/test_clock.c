/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "base/clock.h"

#include <sys/time.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pdc.h"
#include "tap.h"

#define S INT64_C(1000000000)

static const char *hidden[2];
static int why = ENOENT;

/* In the place of libc's: some files are not to be had. */
FILE *
fopen(const char *path, const char *mode)
{
	size_t i;
	int fd;

	for (i = 0; i < 2; i++) {
		if (hidden[i] != NULL && strcmp(hidden[i], path) == 0) {
			errno = why;
			return NULL;
		}
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd == -1 ? NULL : fdopen(fd, mode);
}

static void
test_boot_id(void)
{
	struct clock one, two;
	char *end;

	is_int(pdc_clock_init(&one), 0, "a clock is made");
	pdc_clock_init(&two);
	is_int(strlen(one.boot_id), 36, "the boot's id has 36 letters");
	is_str(two.boot_id, one.boot_id, "the boot's id stays");
	hidden[0] = "/proc/sys/kernel/random/boot_id";
	is_int(pdc_clock_init(&one), 0, "without an id a clock is made");
	ok(strncmp(one.boot_id, "btime-", 6) == 0 &&
		strtol(one.boot_id + 6, &end, 10) > 0 && *end == '\0',
	    "without an id it is the boot's time (%s)", one.boot_id);
	hidden[1] = "/proc/stat";
	is_int(pdc_clock_init(&one), 0, "without /proc a clock is made");
	is_str(one.boot_id, "unknown", "without /proc the boot is unknown");
	hidden[1] = NULL;
	why = EMFILE;
	is_int(pdc_clock_init(&one), PDC_ESYS,
	    "an id that cannot be read now is an error");
	hidden[0] = NULL;
}

static void
test_read(void)
{
	int64_t mono, wall;
	struct clock c;

	pdc_clock_init(&c);
	mono = pdc_clock_mono(&c);
	wall = pdc_clock_wall(&c);
	ok(pdc_clock_mono(&c) >= mono, "the monotonic clock does not go back");
	ok(llabs(wall / S - (int64_t)time(NULL)) <= 1,
	    "the wall clock tells the time");
	c.mono_skew_ns = 3600 * S;
	c.wall_skew_ns = -7200 * S;
	ok(llabs(pdc_clock_mono(&c) - mono - 3600 * S) < 60 * S,
	    "the monotonic clock can be moved");
	ok(llabs(pdc_clock_wall(&c) - wall + 7200 * S) < 60 * S,
	    "the wall clock can be moved");
}

static void
on_alarm(int sig)
{
	(void)sig;
}

static void
test_sleep(void)
{
	struct itimerval timer = { { 0, 10000 }, { 0, 10000 } };
	struct itimerval off = { { 0, 0 }, { 0, 0 } };
	struct sigaction sa;
	int64_t start;
	struct clock c;

	pdc_clock_init(&c);
	start = pdc_clock_mono(&c);
	pdc_clock_sleep(S / 50);
	ok(pdc_clock_mono(&c) - start >= S / 50, "a sleep takes its time");
	start = pdc_clock_mono(&c);
	pdc_clock_sleep(0);
	pdc_clock_sleep(-S);
	ok(pdc_clock_mono(&c) - start < 10 * S, "no time is no sleep");

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_alarm;
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	start = pdc_clock_mono(&c);
	pdc_clock_sleep(60 * S);
	ok(pdc_clock_mono(&c) - start < 30 * S, "a signal ends a sleep");
	setitimer(ITIMER_REAL, &off, NULL);
}

int
main(void)
{
	test_boot_id();
	test_read();
	test_sleep();
	return tap_done();
}
