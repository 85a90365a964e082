/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Limits that somebody sets while a process works: no more descriptors, files
 * that may not grow, no more addresses.
 */

#include <sys/resource.h>

#include <stdio.h>
#include <unistd.h>

#include "machine/machine.h"
#include "multi/multi.h"
#include "tap.h"

static const struct limit {
	const char *words;
	__rlimit_resource_t what;
	int error; /* what fails, fails with this */
} limits[] = {
	{ "no descriptor more", RLIMIT_NOFILE, PDC_ESYS },
	{ "no file may grow", RLIMIT_FSIZE, PDC_ENOSPC },
	{ "no addresses more", RLIMIT_AS, PDC_ENOMEM },
};

static const struct limit *limit;
static struct rlimit was;

/* Bytes of addresses that are in use. */
static rlim_t
addresses(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long pages;

	if (f == NULL || fscanf(f, "%lu", &pages) != 1)
		bail_out("/proc/self/statm");
	fclose(f);
	return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

static void
arm(void)
{
	struct rlimit now;

	if (getrlimit(limit->what, &was) == -1)
		bail_out("getrlimit");
	now = was;
	now.rlim_cur = limit->what == RLIMIT_AS ? addresses() : 0;
	if (setrlimit(limit->what, &now) == -1)
		bail_out("setrlimit");
}

static int
disarm(void)
{
	if (setrlimit(limit->what, &was) == -1)
		bail_out("setrlimit");
	return 1;
}

static const struct machine_fail fail = { arm, disarm };

static int
may(int ret)
{
	return ret == limit->error;
}

static void
test(unsigned flags)
{
	int i;

	machine_begin(NULL, flags);
	for (i = 0; i < machine_nops; i++)
		(void)machine_apart(&machine_ops[i], &fail, may, NULL);
	is_int(machine_judged(), 0, "%s: %d operations%s", limit->words,
	    machine_nops, flags != 0 ? " without rseq" : "");
}

int
main(void)
{
	machine_init();
	for (limit = limits; limit < limits + 3; limit++) {
		if (limit->what == RLIMIT_AS && multi_sanitized())
			continue;
		test(0);
		test(PDC_ATOMIC);
	}
	return tap_done();
}
