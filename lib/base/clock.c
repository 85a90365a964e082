/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"

#define NS_PER_S 1000000000

/*
 * The line after key, or the first line when key is "": 1; 0: there is none; or
 * an error, which may be of this moment only.
 */
static int
clock_read_line(char *line, size_t size, const char *path, const char *key)
{
	size_t len = strlen(key);
	int found = 0, ret;
	FILE *f;

	f = fopen(path, "re");
	if (f == NULL)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ||
			errno == EPERM ?
		    0 :
		    pdc_err_sys("%s", path);
	while (!found && fgets(line, (int)size, f) != NULL)
		found = strncmp(line, key, len) == 0;
	ret = !found && ferror(f) ? pdc_err_sys("%s", path) : found;
	fclose(f);
	if (ret <= 0)
		return ret;
	memmove(line, line + len, strlen(line + len) + 1);
	line[strcspn(line, "\n")] = '\0';
	return line[0] != '\0';
}

int
pdc_clock_init(struct clock *c)
{
	char line[256];
	int ret;

	memset(c, 0, sizeof(*c));
	ret = clock_read_line(line, sizeof(line),
	    "/proc/sys/kernel/random/boot_id", "");
	if (ret == 1 && strlen(line) < sizeof(c->boot_id)) {
		strcpy(c->boot_id, line);
		return 0;
	}
	if (ret >= 0)
		ret = clock_read_line(line, sizeof(line), "/proc/stat",
		    "btime ");
	if (ret < 0)
		return ret;
	if (ret == 1)
		snprintf(c->boot_id, sizeof(c->boot_id), "btime-%.20s", line);
	else
		strcpy(c->boot_id, "unknown");
	return 0;
}

static int64_t
clock_get(clockid_t id)
{
	struct timespec ts = { 0, 0 };

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t
pdc_clock_mono(const struct clock *c)
{
	return clock_get(CLOCK_MONOTONIC) + c->mono_skew_ns;
}

int64_t
pdc_clock_wall(const struct clock *c)
{
	return clock_get(CLOCK_REALTIME) + c->wall_skew_ns;
}

void
pdc_clock_sleep(int64_t ns)
{
	struct timespec ts;

	if (ns <= 0)
		return;
	ts.tv_sec = (time_t)(ns / NS_PER_S);
	ts.tv_nsec = (long)(ns % NS_PER_S);
	nanosleep(&ts, NULL);
}
