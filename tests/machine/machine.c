/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "machine/machine.h"

#include <dirent.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/page.h"
#include "multi/multi.h"
#include "store/store.h"
#include "tap.h"

#define JUDGE_MS 30000
#define TRY_MS 30000
#define DENIED 77
#define NO_WORDS "checkpoint: no store" /* what somebody else got */

struct machine *machine;

void
machine_init(void)
{
	machine = multi_shared(sizeof(*machine));
	multi_alone_init();
	/* To keep a page would fail, too. */
	unsetenv("PDC_PAGES");
}

void
machine_remove(const char *dir)
{
	char path[512];
	struct dirent *e;
	DIR *d = opendir(dir);

	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		(void)unlink(path);
	}
	if (closedir(d) == -1 || rmdir(dir) == -1)
		bail_out("%s is not to be removed", dir);
}

struct pdc_options
machine_options(void)
{
	struct pdc_options o = { .flags = machine->flags };

	if (machine->cells[0] != '\0')
		o.cells_dir = machine->cells;
	return o;
}

void
machine_begin(const char *base, unsigned flags)
{
	machine_remove(machine->dir);
	machine_remove(machine->other);
	memset(machine, 0, sizeof(*machine));
	if (base == NULL)
		base = tap_tmpdir();
	snprintf(machine->dir, sizeof(machine->dir), "%s/store", base);
	snprintf(machine->other, sizeof(machine->other), "%s/other", base);
	if (pdc_file_tmpfs(base) == 0)
		snprintf(machine->cells, sizeof(machine->cells), "%s",
		    tap_tmpdir());
	machine->flags = flags;
}

void
machine_bad(const char *fmt, ...)
{
	char words[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	diag("%s", words);
	machine->bad++;
}

/* What is wrong with an error, or NULL. */
static const char *
error_bad(int ret, int (*may)(int))
{
	if (ret > 0 || !may(ret))
		return "no such error was to be";
	if (strcmp(pdc_error(), NO_WORDS) == 0)
		return "the error has no words";
	return NULL;
}

int
machine_try(const struct machine_op *op, const struct machine_fail *fail,
    int (*may)(int))
{
	const char *bad = NULL;
	int ret, failed;

	if (!op->closed && !op->child)
		machine_open();
	if (op->prepare != NULL)
		op->prepare();
	(void)pdc_checkpoint(NULL);
	fail->arm();
	ret = op->run();
	failed = fail->disarm();
	if (ret != 0)
		bad = failed ? error_bad(ret, may) : "nothing had failed";
	if (bad != NULL)
		machine_bad("%s: %d, %s: %s", op->name, ret, pdc_error(), bad);
	if (ret != 0) {
		ret = op->run();
		if (ret != 0)
			machine_bad("%s, again: %d, %s", op->name, ret,
			    pdc_error());
	}
	if (op->closed)
		machine_open();
	machine_use();
	machine_close();
	return failed;
}

struct apart {
	const struct machine_op *op;
	const struct machine_fail *fail;
	int (*may)(int);
	int (*enter)(void);
};

static int
apart(void *arg)
{
	const struct apart *a = arg;

	if (a->enter != NULL && a->enter() != 0)
		return DENIED;
	return machine_try(a->op, a->fail, a->may);
}

int
machine_apart(const struct machine_op *op, const struct machine_fail *fail,
    int (*may)(int), int (*enter)(void))
{
	struct apart a = { op, fail, may, enter };
	int status;

	if (op->child)
		machine_open();
	status = multi_run(apart, &a, TRY_MS);
	if (op->child)
		machine_close();
	if (status == DENIED)
		return -1;
	if (status != 0 && status != 1)
		machine_bad("%s ends with %d", op->name, status);
	return status == 1;
}

static void
judge_is(const char *what, double got, double want)
{
	if (got != want && !(isnan(got) && want == 0))
		machine_bad("%s is %.17g, not %.17g", what, got, want);
}

static void
judge_finding(void *arg, const char *words)
{
	(void)arg;
	machine_bad("check: %s", words);
}

static int
judge(void *arg)
{
	const struct machine_want *w = &machine->want;
	struct pdc *p = multi_open(machine->dir, 0);
	static struct pdc_stat st;
	char *page;

	(void)arg;
	if (pdc_checkpoint(p) < 0)
		machine_bad("a checkpoint: %s", pdc_error());
	page = multi_page(p);
	if (page == NULL) {
		machine_bad("a page: %s", pdc_error());
		return 1;
	}
	judge_is("the counter", multi_sample(page, "c_total"), w->counter);
	judge_is("the gauge", multi_sample(page, "g"), w->gauge);
	judge_is("the count", multi_sample(page, "h_count"), w->count);
	judge_is("the sum", multi_sample(page, "h_sum"), w->count);
	judge_is("by name", multi_sample(page, "named_total"), w->named);
	judge_is("its twin", multi_sample(page, "twin_total"), w->named);
	/* A close that cannot write gives up what has no cells, and says so. */
	if (pdc_stat_get(p, &st) < 0)
		machine_bad("the state: %s", pdc_error());
	judge_is("all labels", multi_sum(page, "made_total"),
	    w->made - (double)st.drops[DROP_PENDING]);
	judge_is("the journal", (double)multi_lines(p), (double)w->lines);
	if (pdc_page_check(p, judge_finding, NULL) < 0)
		machine_bad("the check: %s", pdc_error());
	pdc_free(page);
	pdc_close(p);
	return 0;
}

int
machine_judged(void)
{
	int status = multi_alone(judge, "", 1, JUDGE_MS), bad;

	if (status != 0)
		machine_bad("a judge ends with %d", status);
	bad = machine->bad;
	machine->bad = 0;
	return bad;
}
