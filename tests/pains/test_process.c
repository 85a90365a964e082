/* SPDX-License-Identifier: ISC */
#include "config.h"

/* Pains 13 to 17: gauges of the dead, forks, threads. */

#include <sys/mman.h>
#include <sys/wait.h>

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/fork.h"
#include "help.h"
#include "multi/multi.h"
#include "pains.h"
#include "tap.h"

#define NTHREADS 4

static struct pdc *p;
static struct pdc_family *g;

static char *
begin(enum pdc_mode mode)
{
	struct pdc_desc d = { .type = PDC_GAUGE, .mode = mode, .name = "g" };
	char *dir = tap_tmpdir();

	p = multi_open(dir, 0);
	if (pdc_declare(&g, p, &d) < 0)
		bail_out("declare: %s", pdc_error());
	return dir;
}

/* Until it is in the store, also where there are no rings. */
static void
set(double v)
{
	pdc_set(help_series(g, NULL), v);
	(void)pdc_checkpoint(p);
}

/* How many samples of g a page has. */
static int
samples(void)
{
	char *page = multi_page(p);
	const char *at;
	int n = 0;

	for (at = page; at != NULL; at = strchr(at, '\n')) {
		at += *at == '\n';
		n += strncmp(at, "g{", 2) == 0 || strncmp(at, "g ", 2) == 0;
	}
	pdc_free(page);
	return n;
}

static int
setter(void *v)
{
	set(*(double *)v);
	return 0;
}

static void
dead(int undone)
{
	int n = pain_times(10), alive = 0, i;
	double v = 5, peer[1];

	if (undone) {
		(void)pain_peer("dead", tap_tmpdir(), peer, 1);
		pain_says(peer[0] == 0, "3 workers of the peer have ended",
		    "liveall has %g values", peer[0]);
		return;
	}
	(void)begin(PDC_LIVEALL);
	for (i = 0; i < n; i++)
		alive += multi_run(setter, &v, 10000) == 0;
	pain_says(alive == n && samples() == 0, "workers set a gauge and end",
	    "%d workers: liveall has %d values", n, samples());
	pdc_close(p);
}

/* Killed, and nobody has waited for him yet. */
static pid_t
killed(void)
{
	siginfo_t how;
	pid_t pid;

	pid = multi_fork();
	if (pid == 0) {
		set(3);
		raise(SIGKILL);
	}
	if (waitid(P_PID, (id_t)pid, &how, WEXITED | WNOWAIT) == -1)
		bail_out("waitid");
	return pid;
}

static void
hooks(int undone)
{
	int n = pain_times(10), i;
	double v, peer[1];

	if (undone) {
		(void)pain_peer("hooks", tap_tmpdir(), peer, 1);
		pain_says(peer[0] == 0 || isnan(peer[0]),
		    "3 workers of the peer are killed that had a hook at exit",
		    "livesum %g", peer[0]);
		return;
	}
	(void)begin(PDC_LIVESUM);
	set(1);
	for (i = 0; i < n; i++)
		(void)killed();
	v = multi_now(p, "g");
	while (wait(NULL) > 0)
		continue;
	pain_says(v == 1 && multi_now(p, "g") == 1,
	    "workers are killed, nobody has a hook or waits for them",
	    "%d killed, one lives: livesum %g", n, v);
	pdc_close(p);
}

static void
labels(int undone)
{
	int n = pain_times(20), i;
	double v = 1, peer[1];
	char *page;

	if (undone) {
		(void)pain_peer("labels", tap_tmpdir(), peer, 1);
		pain_says(peer[0] <= 1, "20 workers of the peer, one by one",
		    "%g series of a gauge", peer[0]);
		return;
	}
	(void)begin(PDC_ALL);
	for (i = 0; i < n; i++)
		(void)multi_run(setter, &v, 10000);
	page = multi_page(p);
	pain_says(samples() == 1 && strstr(page, "pid=") == NULL,
	    "workers one by one in a gauge with a value of each",
	    "%d workers: %d series, of a slot", n, samples());
	pdc_free(page);
	pdc_close(p);
}

static _Atomic int stop;

static void *
busy(void *unused)
{
	(void)unused;
	while (!atomic_load(&stop)) {
		pdc_inc(help_series(g, NULL), 1);
		(void)pdc_checkpoint(p);
		pdc_free(multi_page(p));
	}
	return NULL;
}

/* It waits for the lock, but for nothing that threads of its parent had. */
static int
forked(void *unused)
{
	struct pdc_family *f;

	(void)unused;
	pdc_inc(help_series(g, NULL), 1);
	f = multi_declare(p, PDC_COUNTER, "c", NULL);
	pdc_inc(multi_series(f, NULL), 1);
	while (pdc_checkpoint(p) < 0)
		continue;
	return isnan(multi_now(p, "c_total"));
}

static void
forks(int undone)
{
	int n = pain_times(20), hung = 0, i;
	pthread_t t[NTHREADS];
	double peer[2], count;

	if (undone) {
		(void)pain_peer("forks", tap_tmpdir(), peer, 2);
		pain_says(peer[1] == 0, "the peer forks while threads count",
		    "%g of %g children hang", peer[1], peer[0]);
		return;
	}
	if (multi_sanitized()) /* a child may hang in its allocator */
		pain_skips("not with sanitizers");
	(void)begin(PDC_SHARED);
	(void)multi_declare(p, PDC_COUNTER, "c", NULL);
	for (i = 0; i < NTHREADS; i++)
		if (pthread_create(&t[i], NULL, busy, NULL) != 0)
			bail_out("a thread");
	for (i = 0; i < n; i++)
		hung += multi_run(forked, NULL, 10000) != 0;
	atomic_store(&stop, 1);
	for (i = 0; i < NTHREADS; i++)
		pthread_join(t[i], NULL);
	count = multi_now(p, "c_total");
	pain_says(hung == 0 && count == n,
	    "forks while 4 threads count, checkpoint and make pages",
	    "%d of %d children hang; they counted %.0f", hung, n, count);
	pdc_close(p);
}

/* Undone: a child is not told that it is one. */
static void
inherited(int undone)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	double v = 2, sum;
	pid_t pid;

	(void)begin(PDC_LIVESUM);
	set(1);
	if (undone &&
	    (pdc_fork_page == NULL ||
		madvise(pdc_fork_page, size, MADV_KEEPONFORK) == -1))
		pain_skips("no memory that is wiped on fork");
	pid = multi_fork();
	if (pid == 0) {
		set(v);
		raise(SIGSTOP);
		_exit(0);
	}
	(void)waitpid(pid, NULL, WUNTRACED);
	sum = multi_now(p, "g");
	pain_says(sum == 3,
	    undone ? "a child is not told that it is one" :
		     "parent and child each set a gauge of their own",
	    "livesum of 1 and 2 is %g", sum);
	(void)multi_release(pid);
	pdc_close(p);
}

static const struct pain rows[] = {
	{ "13-gauges-of-the-dead-are-not-reported", dead },
	{ "14-no-hook-is-needed-when-a-worker-is-killed", hooks },
	{ "15-no-pid-is-a-label", labels },
	{ "16-a-fork-among-threads-does-not-hang", forks },
	{ "17-a-child-does-not-use-its-parents-place", inherited },
};

int
main(int argc, char **argv)
{
	return PAINS_RUN(rows, argc, argv);
}
