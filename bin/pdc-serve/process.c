/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "pdc-serve/process.h"

#include <sys/resource.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pdc-serve/self.h"

/* Fields of /proc/PID/stat, as proc(5) counts them. */
enum {
	STAT_UTIME = 14,
	STAT_STIME = 15,
	STAT_STARTTIME = 22,
	STAT_VSIZE = 23,
	STAT_RSS = 24,
	STAT_END
};

/* The file's beginning with a NUL; -1 if it cannot be read. */
static int
process_read(const char *path, char *text, size_t len)
{
	size_t have = 0;
	ssize_t n = 0;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return -1;
	while (have < len - 1) {
		n = read(fd, text + have, len - 1 - have);
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	close(fd);
	text[have] = '\0';
	return n < 0 || have == 0 ? -1 : 0;
}

/* A command's name may hold anything: fields count from its last ')'. */
static int
process_stat(const char *pid, double *fields)
{
	char text[2048], path[64], *p;
	int i;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	if (process_read(path, text, sizeof(text)) < 0)
		return -1;
	p = strrchr(text, ')');
	if (p == NULL)
		return -1;
	p = strchr(p, ' ');
	for (i = 3; i < STAT_END && p != NULL; i++) {
		fields[i] = strtod(p + 1, NULL);
		p = strchr(p + 1, ' ');
	}
	return i == STAT_END ? 0 : -1;
}

double
process_btime(void)
{
	char *line = NULL;
	size_t cap = 0;
	double btime = -1;
	FILE *f;

	f = fopen("/proc/stat", "re");
	if (f == NULL)
		return -1;
	while (btime < 0 && getline(&line, &cap, f) != -1)
		if (strncmp(line, "btime ", 6) == 0)
			btime = strtod(line + 6, NULL);
	free(line);
	fclose(f);
	return btime;
}

/* -1 if unknown; of ourselves with the one that is used to count. */
static int
process_open_fds(const char *pid)
{
	struct dirent *e;
	char path[64];
	DIR *dir;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	if (dir == NULL)
		return -1;
	while ((e = readdir(dir)) != NULL)
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

int
process_look(struct process *p, const char *pid, double btime)
{
	double field[STAT_END], ticks = (double)sysconf(_SC_CLK_TCK);

	if (ticks <= 0 || process_stat(pid, field) < 0)
		return -1;
	p->cpu_seconds = (field[STAT_UTIME] + field[STAT_STIME]) / ticks;
	p->virtual_bytes = field[STAT_VSIZE];
	p->resident_bytes = field[STAT_RSS] * (double)sysconf(_SC_PAGESIZE);
	p->start_seconds = btime < 0 ? -1 :
				       btime + field[STAT_STARTTIME] / ticks;
	p->open_fds = process_open_fds(pid);
	return 0;
}

static double
process_limit(int resource)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) == -1)
		return 0;
	if (limit.rlim_cur == RLIM_INFINITY)
		return (double)UINT64_MAX;
	return (double)limit.rlim_cur;
}

void
process_add(struct self_list *list)
{
	struct process p;

	self_gauge(list, "process_max_fds",
	    "Maximum number of open file descriptors.",
	    process_limit(RLIMIT_NOFILE));
	self_gauge(list, "process_virtual_memory_max_bytes",
	    "Maximum amount of virtual memory available in bytes.",
	    process_limit(RLIMIT_AS));
	if (process_look(&p, "self", process_btime()) < 0)
		return;
	if (p.open_fds > 0)
		self_gauge(list, "process_open_fds",
		    "Number of open file descriptors.", p.open_fds - 1);
	self_counter(list, "process_cpu_seconds",
	    "Total user and system CPU time spent in seconds.", p.cpu_seconds);
	self_gauge(list, "process_virtual_memory_bytes",
	    "Virtual memory size in bytes.", p.virtual_bytes);
	self_gauge(list, "process_resident_memory_bytes",
	    "Resident memory size in bytes.", p.resident_bytes);
	if (p.start_seconds >= 0)
		self_gauge(list, "process_start_time_seconds",
		    "Start time of the process since unix epoch in seconds.",
		    p.start_seconds);
}
