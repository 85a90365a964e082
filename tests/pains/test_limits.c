/* SPDX-License-Identifier: ISC */
#include "config.h"

/* Pains 21 to 25: containers, rights, cardinality, what is on a page. */

#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "api/page.h"
#include "metric/metric.h"
#include "multi/multi.h"
#include "pains.h"
#include "store/smallfs.h"

#define NCONTAINERS 2
#define NUPDATES 100
#define NOBODY 65534

static char *dir;
static struct pdc *p;

static struct shared {
	_Atomic int ready, denied;
	_Atomic pid_t first[NCONTAINERS]; /* as seen from outside */
} * sh;

static struct pdc_family *
gauge(void)
{
	struct pdc_desc d = { .type = PDC_GAUGE,
		.mode = PDC_LIVESUM,
		.name = "g" };
	struct pdc_family *f;

	if (pdc_declare(&f, p, &d) < 0)
		bail_out("declare: %s", pdc_error());
	return f;
}

static void
count(int n)
{
	struct pdc_series *c;
	int i;

	c = help_series(help_family(p, PDC_COUNTER, "c", NULL), NULL);
	for (i = 0; i < n; i++)
		pdc_inc(c, 1);
}

/* Process 1 of a container. */
static int
first(int number)
{
	if (getpid() != 1)
		return 1;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	p = multi_open(dir, 0);
	count(NUPDATES);
	pdc_set(help_series(gauge(), NULL), 1 << number);
	(void)pdc_checkpoint(p);
	atomic_fetch_add(&sh->ready, 1);
	for (;;)
		pause();
}

static pid_t
container(int number)
{
	pid_t pid, one;
	int status;

	pid = multi_fork();
	if (pid != 0)
		return pid;
	if ((geteuid() != 0 && smallfs_unshare_user() == -1) ||
	    unshare(CLONE_NEWPID) == -1) {
		atomic_store(&sh->denied, 1);
		_exit(1);
	}
	one = fork();
	if (one == 0)
		_exit(first(number));
	atomic_store(&sh->first[number], one);
	(void)waitpid(one, &status, 0);
	_exit(0);
}

static void
containers(int undone)
{
	pid_t keepers[NCONTAINERS];
	double both, one, peer[2];
	int i;

	dir = tap_tmpdir();
	if (undone) {
		(void)pain_peer("pids", dir, peer, 2);
		pain_says(peer[0] == peer[1], "the peer's workers have one pid",
		    "%g counted, %g on the page", peer[0], peer[1]);
		return;
	}
	sh = multi_shared(sizeof(*sh));
	for (i = 0; i < NCONTAINERS; i++)
		keepers[i] = container(i);
	while (atomic_load(&sh->ready) < NCONTAINERS) {
		if (atomic_load(&sh->denied))
			pain_skips("a namespace of processes is not allowed");
		multi_sleep_ms(1);
	}
	p = multi_open(dir, 0);
	both = multi_now(p, "g");
	kill(atomic_load(&sh->first[0]), SIGKILL);
	(void)multi_wait(keepers[0], 10000);
	one = multi_now(p, "g");
	pain_says(both == 3 && one == 2 &&
		multi_now(p, "c_total") == NCONTAINERS * NUPDATES,
	    "two containers, each a process 1; then one is killed",
	    "total %.0f of %d; livesum of 1 and 2 is %g, then %g",
	    multi_now(p, "c_total"), NCONTAINERS * NUPDATES, both, one);
	kill(atomic_load(&sh->first[1]), SIGKILL);
	(void)multi_wait(keepers[1], 10000);
	pdc_close(p);
}

/* What an application does that cannot have the store: it goes on. */
static int
denied(void *as)
{
	struct pdc_family *f;
	struct pdc_series *s;

	if (*(int *)as != 0 && (setgid(NOBODY) == -1 || setuid(NOBODY) == -1))
		return 2;
	if (pdc_open(&p, dir, NULL) == 0 || p != NULL)
		return 3;
	if (pdc_declare(&f, p, &(struct pdc_desc){ .type = PDC_COUNTER }) == 0)
		return 4;
	if (pdc_labels(&s, f, NULL) == 0)
		return 5;
	pdc_inc(s, 1);
	return pdc_error()[0] == '\0';
}

static void
rights(int undone)
{
	int none = 0, nobody = NOBODY, readonly, foreign = 0;
	double peer[1];

	dir = tap_tmpdir();
	if (geteuid() == 0)
		foreign = multi_run(denied, &nobody, 10000);
	dir = pain_mount(MS_RDONLY, "size=1m,mode=0700");
	if (undone) {
		(void)pain_peer("denied", dir, peer, 1);
		pain_says(peer[0] == 0, "the peer on a read-only file system",
		    "%g exception in the application", peer[0]);
		return;
	}
	readonly = multi_run(denied, &none, 10000);
	pain_says(readonly == 0 && foreign == 0,
	    "a read-only file system; another user's store",
	    "open says why, updates do nothing: status %d and %d", readonly,
	    foreign);
}

static void
cardinality(int undone)
{
	struct pdc_options o = { .max_series = undone ? 0 : 10 };
	int n = pain_times(500), i, before;
	struct pdc_family *f;
	char value[16], *page;
	double over;
	int series = 0;
	const char *at;

	if (pdc_open(&p, tap_tmpdir(), &o) < 0)
		bail_out("open: %s", pdc_error());
	f = multi_declare(p, PDC_COUNTER, "c", "l");
	before = multi_records(p, 'S');
	for (i = 0; i < n; i++) {
		snprintf(value, sizeof(value), "%d", i);
		pdc_inc(multi_series(f, value), 1);
	}
	page = multi_page(p);
	for (at = page; (at = strstr(at, "\nc_total{")) != NULL; at++)
		series++;
	over = multi_sample(page, "c_total{overflow=\"true\"}");
	pain_says(series == 11 && over == n - 10 &&
		multi_records(p, 'S') <= before + 11,
	    undone ? "no budget" : "a budget of 10 series in a family",
	    "%d label sets: %d series, %d records; overflow has %.0f", n,
	    series, multi_records(p, 'S'), over);
	pdc_free(page);
	pdc_close(p);
}

/* Until it is killed. */
static pid_t
observer(struct pdc_series *s)
{
	pid_t pid;

	pid = multi_fork();
	if (pid != 0)
		return pid;
	for (;;)
		pdc_observe(s, 1);
}

static void
histograms(int undone)
{
	int n = pain_times(200), bad = 0, i;
	struct pdc_series *s;
	double peer[2];
	pid_t pids[2];
	char *page;

	if (undone) {
		(void)pain_peer("torn", tap_tmpdir(), peer, 2);
		pain_says(peer[1] == 0, "the peer, one process observes 1.0",
		    "%g of %g pages with _sum that is not _count", peer[1],
		    peer[0]);
		return;
	}
	p = multi_open(tap_tmpdir(), 0);
	s = help_series(help_family(p, PDC_HISTOGRAM, "h", NULL), NULL);
	pids[0] = observer(s);
	pids[1] = observer(s);
	while (multi_now(p, "h_count") < 1)
		multi_sleep_ms(1);
	for (i = 0; i < n; i++) {
		page = multi_page(p);
		bad += multi_unequal(page, "h") != 0;
		pdc_free(page);
		if (i % 10 != 9)
			continue;
		kill(pids[i / 10 % 2], SIGKILL);
		(void)multi_wait(pids[i / 10 % 2], 10000);
		pids[i / 10 % 2] = observer(s);
	}
	pain_says(bad == 0, "pages while workers observe 1.0 and are killed",
	    "%d of %d pages with _sum, _count and +Inf that differ; %.0f "
	    "observed",
	    bad, n, multi_now(p, "h_count"));
	for (i = 0; i < 2; i++) {
		kill(pids[i], SIGKILL);
		(void)multi_wait(pids[i], 10000);
	}
	pdc_close(p);
}

/* The first series' record becomes nonsense. */
static void
spoil(void)
{
	unsigned char key[64];
	struct scur cur;
	struct stxn x;
	size_t len;

	if (pdc_stxn_write(&x, p->store, 1000) < 0 ||
	    pdc_scur_open(&cur, &x) < 0 || pdc_scur_seek(&cur, "S", 1) != 1 ||
	    cur.klen > sizeof(key))
		bail_out("no record to spoil");
	len = cur.klen;
	memcpy(key, cur.key, len);
	pdc_scur_close(&cur);
	pdc_stxn_put(&x, key, len, "nonsense", 8);
	if (pdc_stxn_commit(&x) < 0)
		bail_out("commit: %s", pdc_error());
}

static void
spoiled(int undone)
{
	struct page_opts o = { 0 };
	struct page_result r;
	struct buf b;
	struct pdc_family *f;
	double peer[1];

	if (undone) {
		(void)pain_peer("spoiled", tap_tmpdir(), peer, 1);
		pain_says(peer[0] == 2, "a key in one file of the peer",
		    "%g of 2 families on its page", peer[0]);
		return;
	}
	p = multi_open(tap_tmpdir(), 0);
	pdc_inc(help_series(help_family(p, PDC_COUNTER, "a", NULL), NULL), 1);
	f = help_family(p, PDC_COUNTER, "b", "l");
	pdc_inc(help_series(f, "\"\\\n"), 2);
	pdc_inc(help_series(f, "x"), 3);
	(void)pdc_checkpoint(p);
	spoil();
	pdc_buf_init(&b);
	if (pdc_page_write(p, &o, help_append, &b, &r) < 0)
		bail_out("no page: %s", pdc_error());
	pdc_buf_put(&b, "", 1);
	pain_says(r.damaged == 1 &&
		multi_sample((char *)b.data, "b_total{l=\"\\\"\\\\\\n\"}") ==
		    2 &&
		multi_sample((char *)b.data, "b_total{l=\"x\"}") == 3,
	    "a record is nonsense, a label has quotes and a new line",
	    "%d of 2 other series on the page, %d skipped and counted",
	    (int)r.series, (int)r.damaged);
	pdc_buf_fini(&b);
	pdc_close(p);
}

static const struct pain rows[] = {
	{ "21-a-pid-is-not-an-identity", containers },
	{ "22-no-rights-do-not-end-the-application", rights },
	{ "23-series-are-bounded", cardinality },
	{ "24-histograms-do-not-contradict-themselves", histograms },
	{ "25-one-bad-record-does-not-break-the-page", spoiled },
};

int
main(int argc, char **argv)
{
	return PAINS_RUN(rows, argc, argv);
}
