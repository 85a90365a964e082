/* SPDX-License-Identifier: ISC */
#ifndef PDC_SERVE_PROCESS_H
#define PDC_SERVE_PROCESS_H

struct self_list;

/* What /proc says of a process; below 0: not known. */
struct process {
	double cpu_seconds, virtual_bytes, resident_bytes, start_seconds;
	int open_fds;
};

/* Seconds since 1970 when the system was booted; -1 if unknown. */
double process_btime(void);
/* pid in decimal, or "self"; -1 if there is none. */
int process_look(struct process *, const char *pid, double btime);

/*
 * The process_ families that exporters have, from /proc/self; what cannot be
 * read is left out.
 */
void process_add(struct self_list *);

#endif
