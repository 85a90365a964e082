/* SPDX-License-Identifier: ISC */
#include "config.h"

/* Pains 1 to 7: storage that grows, and slow scrapes. */

#include <sys/stat.h>
#include <sys/wait.h>

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/page.h"
#include "base/fault.h"
#include "multi/multi.h"
#include "pains.h"
#include "store/smallfs.h"

#define GENERATIONS 3
#define NLABELS 8
#define NUPDATES 100
#define PIECE 16384

static struct pdc *p;
static struct pdc_family *labelled;
static struct pdc_series *c, *h, *labels[NLABELS];

/* A store with what workers use. */
static char *
begin(void)
{
	char *dir = tap_tmpdir(), value[8];
	int i;

	p = multi_open(dir, 0);
	c = multi_series(multi_declare(p, PDC_COUNTER, "c", NULL), NULL);
	h = multi_series(multi_declare(p, PDC_HISTOGRAM, "h", NULL), NULL);
	labelled = multi_declare(p, PDC_COUNTER, "l", "l");
	for (i = 0; i < NLABELS; i++) {
		snprintf(value, sizeof(value), "%d", i);
		labels[i] = multi_series(labelled, value);
	}
	return dir;
}

/* Workers that count, all at once; a third of them is killed by it. */
static void
generation(int workers)
{
	int i, j;
	pid_t pid;

	for (i = 0; i < workers; i++) {
		pid = multi_fork();
		if (pid != 0)
			continue;
		for (j = 0; j < NUPDATES; j++) {
			pdc_inc(c, 1);
			pdc_observe(h, 1);
			pdc_inc(labels[i % NLABELS], 1);
		}
		if (i % 3 == 0)
			raise(SIGKILL);
		_exit(0);
	}
	while (wait(NULL) > 0)
		continue;
}

struct look {
	int files, records;
	long long blocks;
};

static struct look
look(const char *dir)
{
	struct look k = { 0 };
	struct dirent *e;
	struct stat sb;
	char kind;
	DIR *d;

	(void)pdc_maintain(p);
	d = opendir(dir);
	if (d == NULL)
		bail_out("%s", dir);
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' &&
		    fstatat(dirfd(d), e->d_name, &sb, 0) == 0) {
			k.files++;
			k.blocks += sb.st_blocks;
		}
	closedir(d);
	for (kind = 'A'; kind <= 'Z'; kind++)
		k.records += multi_records(p, kind);
	return k;
}

static void
files(int undone)
{
	int n = pain_times(100), i;
	struct look a, b;
	double peer[2];
	char *dir;

	if (undone) {
		(void)pain_peer("files", tap_tmpdir(), peer, 2);
		pain_says(peer[0] == peer[1], "30 workers of the peer",
		    "%g files before, %g after", peer[0], peer[1]);
		return;
	}
	dir = begin();
	generation(10);
	(void)look(dir);
	a = look(dir);
	for (i = 0; i < GENERATIONS; i++)
		generation(n);
	b = look(dir);
	pain_says(a.files == b.files && a.blocks == b.blocks &&
		a.records == b.records,
	    "workers come and go, a third killed",
	    "%d workers x %d generations: %d files, %lld KiB, %d records "
	    "before; %d, %lld, %d after",
	    n, GENERATIONS, a.files, a.blocks / 2, a.records, b.files,
	    b.blocks / 2, b.records);
	pdc_close(p);
}

/* Also by some who are killed while they do it. */
static void
checkpoints(void)
{
#ifdef PDC_FAULTS
	static const int points[] = { FAULT_STXN_PUT, FAULT_STXN_COMMIT,
		FAULT_STXN_COMMITTED };
	unsigned i;
	pid_t pid;

	for (i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		pid = multi_fork();
		if (pid == 0) {
			pdc_fault_kill(points[i], 1);
			(void)pdc_checkpoint(p);
			_exit(0);
		}
		(void)multi_wait(pid, 10000);
	}
#endif
	(void)pdc_maintain(p);
}

static void
backwards(int undone)
{
	char *before = NULL, *after, words[256];
	int n = pain_times(10), back = 0, i;
	double total, peer[2];

	if (undone) {
		(void)pain_peer("backwards", tap_tmpdir(), peer, 2);
		pain_says(peer[1] >= peer[0], "files of the dead are removed",
		    "%g before, %g after 100 more", peer[0], peer[1]);
		return;
	}
	(void)begin();
	for (i = 0; i < GENERATIONS * 2; i++) {
		if (i % 2 == 0)
			generation(n);
		else
			checkpoints();
		after = multi_page(p);
		if (before != NULL)
			back += multi_backwards(before, after, words,
			    sizeof(words));
		pdc_free(before);
		before = after;
	}
	total = multi_sample(before, "c_total");
	pain_says(back == 0 && total == GENERATIONS * NUPDATES * n,
	    "what the dead counted is carried into the store",
	    "%d numbers went backwards; total %.0f of %d", back, total,
	    GENERATIONS * NUPDATES * n);
	pdc_free(before);
	pdc_close(p);
}

static void
full(int undone)
{
	int n = pain_times(100), refused = 0, status, i;
	char *mnt = pain_mount(0, "size=12m,mode=0700"), dir[4200], value[16];
	struct pdc_series *s;
	double total;

	if (undone) {
		smallfs_fill(mnt);
		status = pain_peer("full", mnt, NULL, 0);
		pain_says(!WIFSIGNALED(status),
		    "the peer counts on a full tmpfs", "signal %d",
		    WIFSIGNALED(status) ? WTERMSIG(status) : 0);
		return;
	}
	snprintf(dir, sizeof(dir), "%s/store", mnt);
	p = multi_open(dir, 0);
	c = multi_series(multi_declare(p, PDC_COUNTER, "c", NULL), NULL);
	labelled = multi_declare(p, PDC_COUNTER, "l", "l");
	smallfs_fill(mnt);
	for (i = 0; i < n; i++) {
		pdc_inc(c, 1);
		snprintf(value, sizeof(value), "%d", i);
		s = multi_series(labelled, value);
		refused += s == NULL || pdc_checkpoint(p) < 0;
		pdc_inc(s, 1);
	}
	total = multi_now(p, "c_total");
	smallfs_free(mnt);
	pain_says(total == n && refused > 0 && pdc_checkpoint(p) == 0,
	    "counting and new series on a tmpfs full to the last block",
	    "total %.0f of %d, %d errors, no signal; space again: works", total,
	    n, refused);
	pdc_close(p);
}

/* The least time of some pages. */
static double
page_ms(void)
{
	double least = 1e9, began, ms;
	int i;

	for (i = 0; i < 20; i++) {
		began = help_seconds();
		pdc_free(multi_page(p));
		ms = (help_seconds() - began) * 1000;
		least = ms < least ? ms : least;
	}
	return least;
}

static void
history(int undone)
{
	double peer[4], before, after;
	int n = pain_times(100);
	struct look a, b;
	char *dir;

	if (undone) {
		(void)pain_peer("scrape", tap_tmpdir(), peer, 4);
		pain_says(peer[2] <= peer[0], "50 workers of the peer",
		    "%g files to read before (%.1f ms), %g after (%.1f ms)",
		    peer[0], peer[1], peer[2], peer[3]);
		return;
	}
	dir = begin();
	generation(10);
	(void)look(dir);
	a = look(dir);
	before = page_ms();
	generation(n);
	b = look(dir);
	after = page_ms();
	pain_says(b.records <= a.records && b.blocks <= a.blocks,
	    "what a scrape has to read, when more workers have lived",
	    "%d workers: %d records before (%.3f ms), %d after (%.3f ms)", n,
	    a.records, before, b.records, after);
	pdc_close(p);
}

struct pieces {
	size_t largest, all;
};

static int
piece(void *arg, const void *data, size_t len)
{
	struct pieces *all = arg;

	(void)data;
	all->largest = len > all->largest ? len : all->largest;
	all->all += len;
	return 0;
}

static void
memory(int undone)
{
	struct page_opts o = { .piece = PIECE };
	struct pieces a = { 0 }, b = { 0 };
	int n = pain_times(1000), i;
	char value[64], *text;

	(void)begin();
	(void)pdc_page_write(p, &o, piece, &a, NULL);
	for (i = 0; i < n; i++) {
		snprintf(value, sizeof(value), "%050d", i);
		pdc_inc(multi_series(labelled, value), 1);
	}
	if (undone) {
		(void)pdc_render(p, NULL, &text, &b.all, NULL);
		pdc_free(text);
		b.largest = b.all;
	} else {
		(void)pdc_page_write(p, &o, piece, &b, NULL);
	}
	pain_says(b.largest < 2 * (size_t)PIECE && b.all > 4 * a.all,
	    undone ? "a page as one text" : "a page in pieces",
	    "%zu bytes at once of %zu; with %d series more %zu of %zu",
	    a.largest, a.all, n, b.largest, b.all);
	pdc_close(p);
}

/* A scraper that is stopped in the middle of its page; or has the lock. */
static int
stops(void *arg, const void *data, size_t len)
{
	(void)arg;
	(void)data;
	(void)len;
	return raise(SIGSTOP);
}

static pid_t
scraper(void)
{
	int status;
	pid_t pid;

	pid = multi_fork();
	if (pid == 0)
		_exit(pdc_write(p, NULL, stops, NULL) < 0);
	if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
		bail_out("the scraper ended with %d", status);
	return pid;
}

static void
blocked(int undone)
{
	struct pdc_options o = { .wait_ms = 50 };
	struct pdc_desc d = { .type = PDC_COUNTER, .name = "new" };
	char *dir = begin();
	int n = pain_times(100000), ret, carried, i;
	struct pdc_family *f;
	pid_t pid;

	pdc_close(p);
	if (pdc_open(&p, dir, &o) < 0)
		bail_out("open: %s", pdc_error());
	c = multi_series(multi_declare(p, PDC_COUNTER, "c", NULL), NULL);
	pid = undone ? multi_holder(dir) : scraper();
	for (i = 0; i < n; i++)
		pdc_inc(c, 1);
	ret = pdc_declare(&f, p, &d);
	carried = pdc_checkpoint(p);
	pain_says(multi_now(p, "c_total") == n && ret == 0 && carried == 0,
	    undone ? "somebody is stopped who has the lock" :
		     "the scraper is stopped in the middle of its page",
	    "%d increments, declare %d, checkpoint %d", n, ret, carried);
	if (multi_release(pid) != 0)
		bail_out("who was stopped does not end well");
	pdc_close(p);
}

/* Workers count, and then one is stopped, one spins, one is dead. */
enum fate { STOPPED, SPINS, KILLED, NFATES };

static void
meets(enum fate fate, _Atomic int *done)
{
	sigset_t all;
	int i;

	for (i = 0; i < NUPDATES; i++)
		pdc_inc(c, 1);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	atomic_fetch_add(done, 1);
	if (fate == STOPPED)
		raise(SIGSTOP);
	if (fate == KILLED)
		raise(SIGKILL);
	for (;;)
		continue;
}

static void
stopped(int undone)
{
	_Atomic int *done = multi_shared(sizeof(*done));
	char *dir = begin();
	int asked[NFATES][2];
	struct pollfd answer;
	double total = 0;
	pid_t pids[NFATES], holder;
	int i;

	for (i = 0; i < NFATES; i++) {
		if (pipe(asked[i]) == -1)
			bail_out("pipe");
		pids[i] = multi_fork();
		if (pids[i] == 0)
			meets((enum fate)i, done);
	}
	holder = multi_holder(dir);
	while (atomic_load(done) < NFATES)
		multi_sleep_ms(1);
	for (i = 0; undone && i < NFATES; i++) {
		answer = (struct pollfd){ asked[i][0], POLLIN, 0 };
		total += poll(&answer, 1, 50) == 1 ? NUPDATES : 0;
	}
	total = undone ? total : multi_now(p, "c_total");
	pain_says(total == NFATES * NUPDATES,
	    undone ? "the workers are asked" :
		     "one stopped, one that spins, one dead, one stopped "
		     "under the lock",
	    "%.0f of %d on the page", total, NFATES * NUPDATES);
	for (i = 0; i < NFATES; i++) {
		kill(pids[i], SIGKILL);
		(void)multi_wait(pids[i], 5000);
	}
	(void)multi_release(holder);
	pdc_close(p);
}

static const struct pain rows[] = {
	{ "01-workers-that-end-leave-no-files", files },
	{ "02-counters-of-the-dead-do-not-go-backwards", backwards },
	{ "03-a-full-tmpfs-does-not-kill", full },
	{ "04-a-scrape-does-not-grow-with-the-dead", history },
	{ "05-a-large-page-needs-no-more-memory", memory },
	{ "06-a-scrape-does-not-block-workers", blocked },
	{ "07-a-stopped-worker-does-not-stop-the-scrape", stopped },
};

int
main(int argc, char **argv)
{
	return PAINS_RUN(rows, argc, argv);
}
