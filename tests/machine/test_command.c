/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The command without memory: each of them says so in a line, or does all of
 * what it says it did, and leaves nothing behind.
 *
 *	test_command [STEP]	every so many allocations; 1: each
 */

#include <sys/mman.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "machine/memory.h"
#include "multi/multi.h"
#include "pdc/cmd.h"
#include "sound.h"

#define NTH_MAX 1000
#define LOOP_MS 60000
#define WORDS_MAX 8

/* A command, and what it prints if it says that all is well. */
static const struct line {
	const char *words[WORDS_MAX];
	const char *printed;
	int counts, logs; /* so much is there then */
} lines[] = {
	{ { "inc", "c", "2" }, "", 2, 0 },
	{ { "inc", "l{a=\"x\",b=\"y\"}" }, "", 0, 0 },
	{ { "set", "g", "3" }, "", 0, 0 },
	{ { "setnx", "g", "4" }, "", 0, 0 },
	{ { "observe", "h", "1" }, "", 0, 0 },
	{ { "declare", "histogram", "d", "--buckets=1,2" }, "", 0, 0 },
	{ { "get", "g" }, "3\n", 0, 0 },
	{ { "keys" }, "last  _total:{}  7", 0, 0 },
	{ { "show" }, "\nlast_total 7", 0, 0 },
	{ { "show", "--format=openmetrics" }, "\n# EOF\n", 0, 0 },
	{ { "log", "INFO", "said", "key=value" }, "", 0, 1 },
	{ { "event", "happened", "key=value" }, "", 0, 1 },
	{ { "logs", "--limit=1" }, "said", 0, 0 },
	{ { "logs", "--format=otel", "--limit=1" }, "said", 0, 0 },
	{ { "events", "--name=happened", "--limit=1" }, "happened", 0, 0 },
	{ { "measures", "--latest" }, "measured 1", 0, 0 },
	{ { "retain", "logs:max_count=1000000" }, "", 0, 0 },
	{ { "stat" }, "\n", 0, 0 },
	{ { "stat", "--who" }, "\n", 0, 0 },
	{ { "check" }, "", 0, 0 },
	{ { "gc" }, "", 0, 0 },
};

static struct shared {
	double counted;
	uint64_t logged;
	int bad;
} * sh;

static const char *dir;
static long nth, step = 5;
static int out, tap; /* what is printed, and the standard output */

static void
complain(const struct line *l, const struct cmd *cmd, const char *why)
{
	diag("pdc %s %s, when the %ldth fails: %s (%s)", l->words[0],
	    l->words[1] != NULL ? l->words[1] : "", nth, why, cmd->error);
	sh->bad++;
}

static void
output(int fd)
{
	if (dup2(fd, STDOUT_FILENO) == -1)
		bail_out("dup2");
}

static int
printed(const char *words)
{
	static char text[1 << 16];
	ssize_t n = pread(out, text, sizeof(text) - 1, 0);

	if (n < 0 || ftruncate(out, 0) == -1 || lseek(out, 0, SEEK_SET) != 0)
		bail_out("what was printed");
	text[n] = '\0';
	return strstr(text, words) != NULL;
}

/* Its status; nth 0: nothing fails. */
static int
run(const struct line *l)
{
	char copies[WORDS_MAX + 2][128], *argv[WORDS_MAX + 3];
	struct cmd cmd = { .done = 0 };
	int argc = 2, status, failed;

	snprintf(copies[0], sizeof(copies[0]), "pdc");
	snprintf(copies[1], sizeof(copies[1]), "--store=%s", dir);
	for (; l->words[argc - 2] != NULL; argc++)
		snprintf(copies[argc], sizeof(copies[argc]), "%s",
		    l->words[argc - 2]);
	for (status = 0; status < argc; status++)
		argv[status] = copies[status];
	argv[argc] = NULL;
	output(out);
	memory_arm(nth, 0);
	status = cmd_run(&cmd, argc, argv);
	failed = memory_disarm();
	output(tap);
	if (status == CMD_TROUBLE && (!failed || cmd.error[0] == '\0'))
		complain(l, &cmd, "no trouble was to be");
	if (status == CMD_YES) {
		sh->counted += l->counts;
		sh->logged += (uint64_t)l->logs;
	}
	if (!printed(l->printed) && status == CMD_YES)
		complain(l, &cmd, "it does not print all");
	return failed;
}

/* Until nothing fails any more. */
static int
child(void *arg)
{
	const struct line *l = arg;
	struct cmd none = { .done = 0 };
	int failed = 1;
	long was;

	out = memfd_create("out", MFD_CLOEXEC);
	tap = dup(STDOUT_FILENO);
	if (out == -1 || tap == -1)
		return 1;
	for (nth = 0; failed && nth < NTH_MAX; nth += nth == 0 ? 1 : step) {
		was = atomic_load(&memory->live);
		failed = run(l) || nth == 0;
		if (nth > 0 && atomic_load(&memory->live) != was)
			complain(l, &none, "something is left behind");
	}
	return nth < NTH_MAX ? 0 : 2;
}

static void
test(const struct line *l)
{
	int status = multi_run(child, (void *)(uintptr_t)l, LOOP_MS);

	ok(status == 0 && sh->bad == 0, "pdc %s %s", l->words[0],
	    l->words[1] != NULL ? l->words[1] : "");
	if (status != 0)
		diag("it ends with %d", status);
	sh->bad = 0;
}

static void
fill(void)
{
	struct pdc *p = multi_open(dir, 0);

	multi_declare(p, PDC_COUNTER, "c", NULL);
	pdc_inc(multi_series(multi_declare(p, PDC_COUNTER, "last", NULL), NULL),
	    7);
	pdc_observe(multi_series(multi_declare(p, PDC_SUMMARY, "h", NULL),
			NULL),
	    1);
	pdc_measure(p, "measured", 1, NULL, 0);
	pdc_close(p);
}

int
main(int argc, char **argv)
{
	struct pdc *p;
	size_t i;

	if (!memory_counted())
		skip_all("the allocator is another's");
	if (argc > 1)
		step = atol(argv[1]);
	sh = multi_shared(sizeof(*sh));
	dir = tap_tmpdir();
	fill();
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		test(&lines[i]);
	p = multi_open(dir, 0);
	is_double(multi_now(p, "c_total"), sh->counted, "all is counted");
	is_int((long long)multi_lines(p), (long long)sh->logged + 1,
	    "and all lines are there");
	sound_close(p);
	return tap_done();
}
