/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * A store that is used and whose workers are killed is whole at any time, as
 * the check sees it: workers count, make, remove and reset series by all ways,
 * end families, make checkpoints and lose the cells; time runs fast, so that
 * numbers and cells are given out again.
 *
 *	test_load [SECONDS [SEED]]
 */

#include <sys/wait.h>

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "metric/metric.h"
#include "multi/multi.h"
#include "sound.h"
#include "store/dying.h"

#define NWORKERS 4
#define NLABELS 60
#define NKINDS 4
#define LATER_NS (DYING_GRACE_NS / 2)

static struct shared {
	_Atomic int64_t skew_ns;
} * sh;

static char *dir;
static uint64_t seed;

static const struct {
	enum pdc_type type;
	const char *name, *suffix;
} kinds[NKINDS] = {
	{ PDC_COUNTER, "c", "_total" },
	{ PDC_GAUGE, "g", "" },
	{ PDC_SUMMARY, "s", "" },
	{ PDC_HISTOGRAM, "h", "" },
};

static void
by_name(struct pdc *p, int kind, const char *value)
{
	struct pdc_label l = { "l", value };
	struct pdc_key k = { kinds[kind].name, kinds[kind].suffix, &l, 1 };

	multi_put(p, kind > 1 ? "observe" : "set", &k, 3);
}

static void
one(struct pdc *p, struct pdc_family *f, int kind, uint64_t *rnd)
{
	uint32_t what = multi_random(rnd) % 1000;
	const char *values[] = { NULL, NULL };
	struct pdc_series *s;
	char value[16];

	snprintf(value, sizeof(value), "%u", multi_random(rnd) % NLABELS);
	values[0] = value;
	s = multi_series(f, value);
	pdc_inc(s, 1);
	pdc_observe(s, 1);
	if (what < 100)
		pdc_remove(f, values);
	else if (what < 150)
		pdc_reset(s);
	else if (what < 200)
		by_name(p, kind, value);
	else if (what < 230)
		pdc_checkpoint(p);
	else if (what < 260)
		pdc_maintain(p);
	else if (what < 262)
		pdc_remove(f, NULL);
	else if (what < 263 && multi_random(rnd) % 4 == 0)
		multi_lose(dir);
	pdc_series_free(s);
}

/* The lock is wanted by many. */
static struct pdc_family *
declare(struct pdc *p, int kind)
{
	const char *labels[] = { "l", NULL };
	struct pdc_desc d = { .type = kinds[kind].type,
		.name = kinds[kind].name,
		.labels = labels };
	struct pdc_family *f;
	int ret;

	while ((ret = pdc_declare(&f, p, &d)) == PDC_EBUSY)
		continue;
	if (ret < 0)
		bail_out("declare: %s", pdc_error());
	return f;
}

static void
work(int worker, uint64_t rnd)
{
	struct pdc_options o = { .flags = worker == 0 ? PDC_ATOMIC : 0 };
	struct pdc_family *f[NKINDS];
	struct pdc *p;
	int i;

	while ((i = pdc_open(&p, dir, &o)) == PDC_EBUSY)
		continue;
	if (i < 0)
		bail_out("open: %s", pdc_error());
	for (i = 0; i < NKINDS; i++)
		f[i] = declare(p, i);
	for (;;) {
		p->clock.mono_skew_ns = atomic_load(&sh->skew_ns);
		i = (int)(multi_random(&rnd) % NKINDS);
		one(p, f[i], i, &rnd);
	}
}

static pid_t
start(int worker)
{
	uint64_t rnd = multi_random(&seed);
	pid_t pid = multi_fork();

	if (pid == 0)
		work(worker, rnd);
	return pid;
}

static void
stop(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) ||
	    WTERMSIG(status) != SIGKILL)
		bail_out("a worker ended with %x", status);
}

struct tally {
	int checks, busy, findings, kills;
};

static void
look(struct pdc *p, struct tally *t)
{
	int ret = pdc_page_check(p, sound_found, NULL);

	t->checks++;
	if (ret == PDC_EBUSY)
		t->busy++;
	else if (ret != 0)
		t->findings += ret > 0 ? ret : 1;
	if (ret < 0)
		diag("a check: %s", pdc_error());
}

static void
storm(struct pdc *p, struct tally *t, int seconds)
{
	int64_t until = multi_now_ms() + seconds * 1000;
	pid_t pid[NWORKERS];
	int i;

	for (i = 0; i < NWORKERS; i++)
		pid[i] = start(i);
	while (multi_now_ms() < until && t->findings == 0) {
		multi_sleep_ms((int)(multi_random(&seed) % 10));
		look(p, t);
		i = (int)(multi_random(&seed) % NWORKERS);
		stop(pid[i]);
		t->kills++;
		atomic_fetch_add(&sh->skew_ns, LATER_NS);
		look(p, t);
		pid[i] = start(i);
	}
	for (i = 0; i < NWORKERS; i++)
		stop(pid[i]);
}

int
main(int argc, char **argv)
{
	int seconds = argc > 1 ? atoi(argv[1]) : 2;
	struct tally t = { 0 };
	struct pdc *p;

	seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)getpid();
	diag("seed %llu", (unsigned long long)seed);
	sh = multi_shared(sizeof(*sh));
	dir = tap_tmpdir();
	p = multi_open(dir, 0);
	storm(p, &t, seconds);
	diag("%d checks, %d without the lock, %d kills", t.checks, t.busy,
	    t.kills);
	is_int(t.findings, 0, "no check finds anything");
	ok(t.checks > 2 * t.busy, "and most are made");
	p->clock.mono_skew_ns = atomic_load(&sh->skew_ns) + 2 * DYING_GRACE_NS;
	is_int(pdc_maintain(p), 0, "upkeep afterwards");
	is_int(sound(p), 0, "and all is whole");
	pdc_close(p);
	return tap_done();
}
