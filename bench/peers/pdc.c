/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * pdc itself, by pdc.h alone:
 *
 *	pdc cell	as it is
 *	pdc atomic	in a store opened with PDC_ATOMIC
 *	pdc apart	a series for each worker, where others share one
 *	pdc name	a transaction for each increment
 *
 * Each takes a scenario of peer.h as its argument.
 */

#include <sys/wait.h>

#include <err.h>
#include <pdc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peer.h"

#define FAMILIES 10
#define CHURN_SERIES 110

static const char *const codes[] = { "200", "304", "404", "500" };
static const double bounds[] = { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75,
	1, 1.5, 2, 2.5, 5, 7.5, 10 };

static unsigned store_flags;
static struct pdc *pdc;
static struct pdc_family *family;
static struct pdc_series *series, **many;
static unsigned nmany;
static unsigned made; /* new series of the scenario "first" */
static double values[1024];
static double done; /* operations, where no page tells */

static void
must(int ret)
{
	if (ret < 0)
		errx(1, "%s", pdc_error());
}

static struct pdc *
store_open(const char *name)
{
	const struct pdc_options options = { .flags = store_flags };
	struct pdc *p;
	char dir[128];

	snprintf(dir, sizeof(dir), "%s/%s", peer_dir(), name);
	must(pdc_open(&p, dir, &options));
	return p;
}

static struct pdc_family *
declare(enum pdc_type type, const char *name, const char *const *labels)
{
	const struct pdc_desc desc = { .type = type,
		.name = name,
		.help = "What it counts.",
		.labels = labels,
		.bounds = type == PDC_HISTOGRAM ? bounds : NULL,
		.nbounds = type == PDC_HISTOGRAM ?
		    sizeof(bounds) / sizeof(bounds[0]) :
		    0 };
	struct pdc_family *f;

	must(pdc_declare(&f, pdc, &desc));
	return f;
}

static void
setup_one(enum pdc_type type, const char *name)
{
	pdc = store_open("store");
	family = declare(type, name, NULL);
	must(pdc_labels(&series, family, NULL));
}

static void
setup_inc(unsigned arg)
{
	(void)arg;
	setup_one(PDC_COUNTER, "hits");
}

static void
run_inc(uint64_t n)
{
	for (; n > 0; n--)
		pdc_inc(series, 1);
}

/* The sum of the values of this name on the page, whatever their labels. */
static double
page_sum(const char *name)
{
	char *page, *line;
	size_t len, n = strlen(name);
	double sum = 0;

	must(pdc_render(pdc, NULL, &page, &len, NULL));
	for (line = strtok(page, "\n"); line != NULL; line = strtok(NULL, "\n"))
		if (strncmp(line, name, n) == 0 &&
		    (line[n] == ' ' || line[n] == '{'))
			sum += strtod(strrchr(line, ' '), NULL);
	pdc_free(page);
	return sum;
}

static double
total_hits(void)
{
	return page_sum("hits_total");
}

static double
total_requests(void)
{
	return page_sum("requests_total");
}

static double
total_observations(void)
{
	return page_sum("wait_seconds_count");
}

static double
total_done(void)
{
	return done;
}

static double
total_page(void)
{
	char *page;
	size_t len;

	must(pdc_render(pdc, NULL, &page, &len, NULL));
	pdc_free(page);
	return (double)len;
}

static void
setup_labels(unsigned arg)
{
	const char *const labels[] = { "method", "code", NULL };
	const char *wanted[] = { "GET", NULL, NULL };
	int i;

	(void)arg;
	pdc = store_open("store");
	family = declare(PDC_COUNTER, "requests", labels);
	for (i = 0; i < 4; i++) {
		wanted[1] = codes[i];
		must(pdc_labels(&series, family, wanted));
		pdc_series_free(series);
	}
}

static void
run_labels(uint64_t n)
{
	const char *wanted[] = { "GET", NULL, NULL };
	struct pdc_series *s;

	for (; n > 0; n--) {
		wanted[1] = codes[n % 4];
		must(pdc_labels(&s, family, wanted));
		pdc_inc(s, 1);
		pdc_series_free(s);
	}
}

static void
run_resolve(uint64_t n)
{
	const char *wanted[] = { "GET", NULL, NULL };
	struct pdc_series *s;

	done += (double)n;
	for (; n > 0; n--) {
		wanted[1] = codes[n % 4];
		must(pdc_labels(&s, family, wanted));
		pdc_series_free(s);
	}
}

static void
setup_observe(unsigned arg)
{
	int i;

	(void)arg;
	for (i = 0; i < 1024; i++)
		values[i] = 0.001 * (double)(i * 389 % 1024);
	setup_one(PDC_HISTOGRAM, "wait_seconds");
}

static void
run_observe(uint64_t n)
{
	for (; n > 0; n--)
		pdc_observe(series, values[n % 1024]);
}

static void
setup_set(unsigned arg)
{
	(void)arg;
	setup_one(PDC_GAUGE, "level");
}

static void
run_set(uint64_t n)
{
	done += (double)n;
	for (; n > 0; n--)
		pdc_set(series, (double)n);
}

/* One series for each worker. */
static void
setup_own(unsigned arg)
{
	const char *const labels[] = { "worker", NULL };
	const char *wanted[] = { NULL, NULL };
	char number[16];
	unsigned i;

	pdc = store_open("store");
	family = declare(PDC_COUNTER, "hits", labels);
	many = calloc(arg, sizeof(many[0]));
	for (i = 0; i < arg; i++) {
		snprintf(number, sizeof(number), "%u", i);
		wanted[0] = number;
		must(pdc_labels(&many[i], family, wanted));
	}
}

static void
begin_own(unsigned worker)
{
	series = many[worker];
}

static void
run_page(uint64_t n)
{
	char *page;
	size_t len;

	for (; n > 0; n--) {
		must(pdc_render(pdc, NULL, &page, &len, NULL));
		pdc_free(page);
	}
}

static void
add_paths(struct pdc_family *f, const char *const *before, const char *form,
    unsigned n)
{
	const char *wanted[] = { NULL, NULL, NULL };
	struct pdc_series *s;
	char path[32];
	unsigned i;

	wanted[0] = before != NULL ? before[0] : path;
	if (before != NULL)
		wanted[1] = path;
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), form, i);
		must(pdc_labels(&s, f, wanted));
		pdc_inc(s, before != NULL ? i + 1 : 1);
		pdc_series_free(s);
	}
}

static void
setup_scrape(unsigned arg)
{
	const char *const labels[] = { "method", "path", NULL };
	const char *const get[] = { "GET", NULL };
	char name[32];
	int i;

	pdc = store_open("store");
	for (i = 0; i < FAMILIES; i++) {
		snprintf(name, sizeof(name), "family%d", i);
		add_paths(declare(PDC_COUNTER, name, labels), get,
		    "/some/path/%u", arg / FAMILIES);
	}
}

/* Each is killed when it has counted. */
static void
setup_churn(unsigned arg)
{
	const char *const labels[] = { "path", NULL };
	int tell[2];
	pid_t pid;
	char c;

	pdc = store_open("store");
	family = declare(PDC_COUNTER, "churned", labels);
	add_paths(family, NULL, "/p/%u", CHURN_SERIES);
	if (pipe(tell) == -1)
		err(1, "pipe");
	for (; arg > 0; arg--) {
		pid = peer_fork();
		if (pid == 0) {
			add_paths(family, NULL, "/p/%u", CHURN_SERIES);
			if (peer_write(tell[1], "", 1) == 0)
				pause();
			_exit(1);
		}
		if (peer_read(tell[0], &c, 1) == -1)
			errx(1, "a worker failed");
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

static void
run_name(uint64_t n)
{
	const struct pdc_key key = { .metric = "hits", .suffix = "_total" };
	struct pdc_txn *txn;

	for (; n > 0; n--) {
		must(pdc_begin(&txn, pdc));
		must(pdc_value_inc(txn, &key, 1));
		must(pdc_commit(txn));
	}
}

static void
setup_open(unsigned arg)
{
	(void)arg;
	pdc_close(store_open("store"));
}

static void
run_open(uint64_t n)
{
	done += (double)n;
	for (; n > 0; n--)
		pdc_close(store_open("store"));
}

static void
setup_first(unsigned arg)
{
	const char *const labels[] = { "path", NULL };

	(void)arg;
	pdc = store_open("store");
	family = declare(PDC_COUNTER, "new", labels);
}

static void
run_first(uint64_t n)
{
	const char *wanted[] = { NULL, NULL };
	struct pdc_series *s;
	char path[32];

	done += (double)n;
	for (; n > 0; n--) {
		snprintf(path, sizeof(path), "/p/%u", made++);
		wanted[0] = path;
		must(pdc_labels(&s, family, wanted));
		pdc_series_free(s);
	}
}

static void
setup_checkpoint(unsigned arg)
{
	setup_own(arg);
	nmany = arg;
	must(pdc_checkpoint(pdc));
}

/* That all have changed is no part of the time. */
static void
change_all(void)
{
	unsigned i;

	for (i = 0; i < nmany; i++)
		pdc_inc(many[i], 1);
}

static void
run_checkpoint(uint64_t n)
{
	done += (double)n;
	for (; n > 0; n--)
		must(pdc_checkpoint(pdc));
}

/* A family that nobody has used for its second; as large each time. */
static void
let_expire(void)
{
	const char *const labels[] = { "path", NULL };
	const struct pdc_desc desc = { .type = PDC_COUNTER,
		.name = "gone",
		.labels = labels,
		.ttl_s = 1 };

	must(pdc_declare(&family, pdc, &desc));
	add_paths(family, NULL, "/p/%u", nmany);
	must(pdc_checkpoint(pdc));
	usleep(1500000);
}

static void
setup_expire(unsigned arg)
{
	nmany = arg;
	pdc = store_open("store");
}

static void
run_expire(uint64_t n)
{
	done += (double)n;
	for (; n > 0; n--)
		must(pdc_checkpoint(pdc));
	if (page_sum("gone_total") != 0)
		errx(1, "it has not expired");
}

#define ALONE(name, setup, run, total) \
	{ \
		name, PEER_ALONE, setup, NULL, run, total, NULL \
	}
#define SIZED(name, setup, run, total, before) \
	{ \
		name, PEER_SIZED, setup, NULL, run, total, before \
	}
#define WORKERS(name, setup, begin, run, total) \
	{ \
		name, PEER_WORKERS, setup, begin, run, total, NULL \
	}

static const struct peer_scenario cell[] = {
	ALONE("inc", setup_inc, run_inc, total_hits),
	ALONE("labels", setup_labels, run_labels, total_requests),
	ALONE("observe", setup_observe, run_observe, total_observations),
	WORKERS("same", setup_inc, NULL, run_inc, total_hits),
	WORKERS("own", setup_own, begin_own, run_inc, total_hits),
	SIZED("churn", setup_churn, run_page, total_page, NULL),
	SIZED("scrape", setup_scrape, run_page, total_page, NULL),
	ALONE("set", setup_set, run_set, total_done),
	ALONE("open", setup_open, run_open, total_done),
	ALONE("first", setup_first, run_first, total_done),
	ALONE("resolve", setup_labels, run_resolve, total_done),
	SIZED("checkpoint", setup_checkpoint, run_checkpoint, total_done,
	    change_all),
	SIZED("expire", setup_expire, run_expire, total_done, let_expire),
	{ .name = NULL },
};

static const struct peer_scenario atomic[] = {
	ALONE("inc", setup_inc, run_inc, total_hits),
	ALONE("observe", setup_observe, run_observe, total_observations),
	WORKERS("same", setup_inc, NULL, run_inc, total_hits),
	WORKERS("own", setup_own, begin_own, run_inc, total_hits),
	{ .name = NULL },
};

static const struct peer_scenario apart[] = {
	WORKERS("same", setup_own, begin_own, run_inc, total_hits),
	{ .name = NULL },
};

static const struct peer_scenario name[] = {
	ALONE("inc", setup_inc, run_name, total_hits),
	WORKERS("same", setup_inc, NULL, run_name, total_hits),
	{ .name = NULL },
};

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		unsigned flags;
		const struct peer_scenario *scenarios;
	} forms[] = {
		{ "cell", 0, cell },
		{ "atomic", PDC_ATOMIC, atomic },
		{ "apart", 0, apart },
		{ "name", 0, name },
	};
	size_t i;

	for (i = 0; argc > 1 && i < sizeof(forms) / sizeof(forms[0]); i++)
		if (strcmp(argv[1], forms[i].name) == 0) {
			store_flags = forms[i].flags;
			return peer_main(argc - 1, argv + 1,
			    forms[i].scenarios);
		}
	fprintf(stderr,
	    "usage: pdc cell|atomic|apart|name SCENARIO [NUMBER]\n");
	return 2;
}
