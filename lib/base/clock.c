/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "base/clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000

/* Read the line after key, or the first line when key is "". */
static int
clock_read_line(char *line, size_t size, const char *path, const char *key)
{
	size_t len = strlen(key);
	int found = 0;
	FILE *f;

	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	while (!found && fgets(line, (int)size, f) != NULL)
		found = strncmp(line, key, len) == 0;
	fclose(f);
	if (!found)
		return 0;
	memmove(line, line + len, strlen(line + len) + 1);
	line[strcspn(line, "\n")] = '\0';
	return line[0] != '\0';
}

int
pdc_clock_init(struct clock *c)
{
	const char *id = "/proc/sys/kernel/random/boot_id";
	char line[256];

	memset(c, 0, sizeof(*c));
	if (clock_read_line(line, sizeof(line), id, "") &&
	    strlen(line) < sizeof(c->boot_id))
		strcpy(c->boot_id, line);
	else if (clock_read_line(line, sizeof(line), "/proc/stat", "btime "))
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
