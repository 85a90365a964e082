/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <sys/sysmacros.h>

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/page.h"
#include "base/buf.h"
#include "base/escape.h"
#include "base/modes.h"
#include "pdc/cmd.h"

/*
 * stat --who: who has the store's cells mapped, as /proc tells, and who has a
 * slot, as the kernel tells.  Processes of others are not shown by /proc; of
 * those that have a slot there is a line all the same.
 */

struct who {
	struct buf buf;
	dev_t dev;
	ino_t ino;
	struct pdc_slot *slots; /* pid 0: printed, or it has none here */
	size_t nslots;
};

/* Whether a process maps the cells. */
static int
who_maps(const struct who *who, const char *pid)
{
	unsigned long long ino;
	unsigned major, minor;
	char path[64], *line = NULL;
	size_t cap = 0;
	int found = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.20s/maps", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	while (!found && getline(&line, &cap, f) != -1)
		found = sscanf(line, "%*s %*s %*s %x:%x %llu", &major, &minor,
			    &ino) == 3 &&
		    major == major(who->dev) && minor == minor(who->dev) &&
		    ino == who->ino;
	free(line);
	fclose(f);
	return found;
}

/* Its name; "-" if that is not to be had. */
static void
who_command(char *out, size_t len, long pid)
{
	char path[64];
	FILE *f;
	char *at;
	int utf8;

	snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
	snprintf(out, len, "-");
	f = fopen(path, "re");
	if (f == NULL)
		return;
	if (fgets(out, (int)len, f) == NULL)
		snprintf(out, len, "-");
	fclose(f);
	out[strcspn(out, "\n")] = '\0';
	if (*out == '\0')
		snprintf(out, len, "-");
	utf8 = pdc_utf8_valid(out, strlen(out));
	for (at = out; *at != '\0'; at++)
		if (iscntrl((unsigned char)*at) || (!utf8 && *at & 0x80))
			*at = '?';
}

static void
who_line(struct who *who, long pid, const struct pdc_slot *slot)
{
	char number[24] = "-", slots[16] = "-", since[32] = "-", command[64];
	struct tm tm;
	time_t sec;

	if (pid != 0)
		snprintf(number, sizeof(number), "%ld", pid);
	if (slot != NULL) {
		snprintf(slots, sizeof(slots), "%" PRIu32, slot->slot);
		sec = (time_t)(slot->since_wall_ns / 1000000000);
		if (sec != 0 && gmtime_r(&sec, &tm) != NULL)
			strftime(since, sizeof(since), "%Y-%m-%dT%H:%M:%SZ",
			    &tm);
	}
	who_command(command, sizeof(command), pid);
	pdc_buf_fmt(&who->buf, "%-10s %-5s %-21s %s\n", number, slots, since,
	    command);
}

/* A process that maps the cells, with its slot, which is done then. */
static void
who_process(struct who *who, const char *name)
{
	long pid = strtol(name, NULL, 10);
	size_t i;

	if (pid == (long)getpid() || !who_maps(who, name))
		return;
	for (i = 0; i < who->nslots; i++)
		if (who->slots[i].pid == (pid_t)pid)
			break;
	who_line(who, pid, i < who->nslots ? &who->slots[i] : NULL);
	if (i == who->nslots)
		return;
	who->nslots--;
	memmove(&who->slots[i], &who->slots[i + 1],
	    (who->nslots - i) * sizeof(who->slots[0]));
}

static int
who_all(struct cmd *cmd, struct who *who)
{
	struct dirent *e;
	size_t i;
	DIR *d;

	d = opendir("/proc");
	if (d == NULL)
		return cmd_fail(cmd, "/proc cannot be read");
	pdc_buf_fmt(&who->buf, "%-10s %-5s %-21s %s\n", "PID", "SLOT", "SINCE",
	    "COMMAND");
	while ((e = readdir(d)) != NULL)
		if (isdigit((unsigned char)e->d_name[0]))
			who_process(who, e->d_name);
	closedir(d);
	for (i = 0; i < who->nslots; i++)
		who_line(who, (long)who->slots[i].pid, &who->slots[i]);
	if (who->buf.error != 0)
		return cmd_fail(cmd, "no memory");
	return cmd_print(cmd, who->buf.data, who->buf.len);
}

int
who_print(struct cmd *cmd)
{
	struct who who;
	int ret, status;

	ret = pdc_stat_cells(cmd->pdc, &who.dev, &who.ino);
	if (ret < 0)
		return cmd_fail_pdc(cmd, ret);
	who.slots = calloc(SLOTS_MAX, sizeof(*who.slots));
	if (who.slots == NULL)
		return cmd_fail(cmd, "no memory");
	who.nslots = pdc_stat_slots(cmd->pdc, who.slots, SLOTS_MAX);
	pdc_buf_init(&who.buf);
	status = who_all(cmd, &who);
	pdc_buf_fini(&who.buf);
	free(who.slots);
	return status;
}
