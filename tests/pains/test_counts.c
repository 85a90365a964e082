/* SPDX-License-Identifier: ISC */
#include "config.h"

/* Pains 8 to 12: counters that are lost, wiped, or come back. */

#include <sys/socket.h>
#include <sys/wait.h>

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "multi/multi.h"
#include "pains.h"
#include "tap.h"

#define NWORKERS 10
#define NUPDATES 100

static struct pdc *p;
static struct pdc_series *c;

static char *
begin(void)
{
	char *dir = tap_tmpdir();

	p = multi_open(dir, 0);
	c = multi_series(multi_declare(p, PDC_COUNTER, "c", NULL), NULL);
	return dir;
}

static double
total(void)
{
	return multi_now(p, "c_total");
}

/* Begun and done, as told around each increment. */
static struct tally {
	_Atomic uint64_t begun, done;
} * tally;

/* Undone: a sum of one's own, which would be pushed in the end. */
static pid_t
counter(int undone)
{
	double own = 0;
	pid_t pid;

	pid = multi_fork();
	if (pid != 0)
		return pid;
	for (;;) {
		atomic_fetch_add(&tally->begun, 1);
		if (undone)
			own += 1;
		else
			pdc_inc(c, 1);
		atomic_fetch_add(&tally->done, 1);
		if (own > 1e12)
			pdc_inc(c, own);
	}
}

/* Some of them at once, killed after a moment. */
static void
crowd(int undone)
{
	uint64_t before = atomic_load(&tally->done);
	pid_t pids[NWORKERS];
	int i;

	for (i = 0; i < NWORKERS; i++)
		pids[i] = counter(undone);
	while (atomic_load(&tally->done) < before + NWORKERS)
		multi_sleep_ms(1);
	multi_sleep_ms(20);
	for (i = 0; i < NWORKERS; i++) {
		kill(pids[i], SIGKILL);
		(void)multi_wait(pids[i], 5000);
	}
}

static void
killed(int undone)
{
	int n = pain_times(1), i;
	double got;

	tally = multi_shared(sizeof(*tally));
	(void)begin();
	for (i = 0; i < n; i++)
		crowd(undone);
	got = total();
	pain_says(got >= (double)tally->done && got <= (double)tally->begun,
	    undone ? "killed workers would have pushed in the end" :
		     "workers are killed at any instruction",
	    "%d killed; %llu increments had returned, total %.0f", n * NWORKERS,
	    (unsigned long long)tally->done, got);
	pdc_close(p);
}

static void
count(int n)
{
	int i;

	for (i = 0; i < n; i++)
		pdc_inc(c, 1);
}

/* A process that has inherited nothing but the name of the directory. */
static int
stranger(void *dir)
{
	p = multi_open(dir, 0);
	c = multi_series(multi_declare(p, PDC_COUNTER, "c", NULL), NULL);
	count(NUPDATES);
	pdc_close(p);
	return 0;
}

static int
child(void *n)
{
	count(*(int *)n);
	return total() < *(int *)n; /* each of them has a page of all */
}

static void
mode(int undone)
{
	char *dir = tap_tmpdir();
	int i, bad = 0, n = NUPDATES;
	struct pdc *none;
	double peer[2];

	if (undone) {
		(void)pain_peer("late", dir, peer, 2);
		pain_says(peer[0] == peer[1],
		    "the peer's variable is set after its import",
		    "%g counted, %g on the page", peer[0], peer[1]);
		return;
	}
	for (i = 0; i < 3; i++)
		bad += multi_run(stranger, dir, 10000) != 0;
	p = multi_open(dir, 0);
	c = multi_series(multi_declare(p, PDC_COUNTER, "c", NULL), NULL);
	count(NUPDATES);
	for (i = 0; i < 3; i++)
		bad += multi_run(child, &n, 10000) != 0;
	pain_says(bad == 0 && total() == 7 * NUPDATES &&
		pdc_open(&none, "/proc/none", NULL) < 0 && none == NULL,
	    "three strangers, one process, its three children",
	    "%.0f of %d on one page; where no store can be: \"%s\"", total(),
	    7 * NUPDATES, pdc_error());
	pdc_close(p);
}

/* What a datagram socket takes of so many, as nobody listens. */
static int
datagrams(int n)
{
	int pair[2], taken = 0, i;

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair) == -1)
		bail_out("socketpair");
	for (i = 0; i < n; i++)
		taken += send(pair[0], "c:1|c", 5, 0) == 5;
	close(pair[0]);
	close(pair[1]);
	return taken;
}

static int
burst(void *n)
{
	count(*(int *)n);
	return raise(SIGKILL);
}

static void
forgotten(int undone)
{
	int n = pain_times(100000);
	double got;

	(void)begin();
	if (!undone)
		(void)multi_run(burst, &n, 10000);
	got = undone ? datagrams(n) : total();
	pain_says(got == n,
	    undone ? "the same by datagrams" :
		     "a burst while nobody looks, then SIGKILL",
	    "%d sent, %.0f there", n, got);
	pdc_close(p);
}

static void *
racer(void *n)
{
	count(*(int *)n);
	return NULL;
}

/* Two threads of each process. */
static int
racers(void *n)
{
	pthread_t t;

	if (pthread_create(&t, NULL, racer, n) != 0)
		return 1;
	racer(n);
	return pthread_join(t, NULL) != 0;
}

/* Somebody reads, another one counts, he writes what he makes of it. */
static double
get_and_put(int n)
{
	const struct pdc_key k = { "g", "", NULL, 0 };
	double v;
	int i;

	(void)multi_declare(p, PDC_GAUGE, "g", NULL);
	(void)multi_put(p, "set", &k, 0);
	for (i = 0; i < n / 2; i++) {
		v = multi_get(p, "g", "", NULL, NULL);
		(void)multi_put(p, "inc", &k, 1);
		(void)multi_put(p, "set", &k, v + 1);
	}
	return multi_now(p, "g");
}

static void
raced(int undone)
{
	int n = undone ? NUPDATES : pain_times(20000), i, all;
	pid_t pids[4];
	double got;

	(void)begin();
	all = undone ? n : 8 * n;
	for (i = 0; !undone && i < 4; i++) {
		pids[i] = multi_fork();
		if (pids[i] == 0)
			_exit(racers(&n));
	}
	for (i = 0; !undone && i < 4; i++)
		(void)multi_wait(pids[i], 30000);
	got = undone ? get_and_put(n) : total();
	pain_says(got == all,
	    undone ? "get, then put, while another one counts" :
		     "4 processes of 2 threads count in one series",
	    "%.0f of %d", got, all);
	pdc_close(p);
}

static void
restarted(int undone)
{
	char *dir = begin();
	double kept, created, fresh, renewed;

	count(NUPDATES);
	created = multi_get(p, "c", "_created", NULL, NULL);
	pdc_close(p);
	p = multi_open(dir, 0);
	kept = total();
	pdc_close(p);
	p = multi_open(dir, undone ? 0 : PDC_FRESH);
	fresh = total();
	c = multi_series(multi_declare(p, PDC_COUNTER, "c", NULL), NULL);
	count(1);
	renewed = multi_get(p, "c", "_created", NULL, NULL);
	pain_says(kept == NUPDATES && isnan(fresh) && total() == 1 &&
		renewed > created,
	    undone ? "opened again, both times as it is" :
		     "opened again as it is, then afresh",
	    "total %.0f, then %.0f; created %.3f s later", kept, fresh,
	    renewed - created);
	pdc_close(p);
}

static const struct pain rows[] = {
	{ "08-counts-do-not-die-with-their-worker", killed },
	{ "09-there-is-no-second-mode", mode },
	{ "10-nothing-is-lost-on-the-way", forgotten },
	{ "11-no-update-is-lost-in-a-race", raced },
	{ "12-a-restart-neither-wipes-nor-resurrects", restarted },
};

int
main(int argc, char **argv)
{
	return PAINS_RUN(rows, argc, argv);
}
