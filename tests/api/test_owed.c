/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Transactions that owe effects to shared memory, and fail or die before,
 * at, or after their commit.
 */

#include <errno.h>
#include <fcntl.h>

#include "base/fault.h"
#include "help.h"
#include "metric/metric.h"
#include "sound.h"

#define MINUTE_NS 61000000000

static struct pdc *p;
static struct pdc_key g, c;
static struct pdc_series *sg, *sc;

struct step {
	int point, nth, deadly;
};

static const int points[] = { FAULT_STXN_BEGIN, FAULT_STXN_PUT,
	FAULT_STXN_COMMIT, FAULT_STXN_COMMITTED };
#define NPOINTS (sizeof(points) / sizeof(points[0]))

/* One transaction of all kinds of effects; the present values go up by one. */
static int
step_commit(void)
{
	struct pdc_key h = help_key("owed_h", "", NULL);
	struct pdc_txn *t;

	pdc_begin(&t, p);
	pdc_value_inc(t, &g, 5);
	pdc_value_inc(t, &g, -4);
	pdc_value_inc(t, &c, 1);
	pdc_value_observe(t, &h, 1);
	return pdc_commit(t);
}

static int
child_step(void *arg)
{
	const struct step *st = arg;
	int ret;

	if (st->deadly)
		pdc_fault_kill(st->point, st->nth);
	else
		pdc_fault_arm(st->point, st->nth);
	ret = step_commit();
	pdc_fault_disarm();
	return ret < 0 ? 1 : 0;
}

/* Gauge, counter and observations have all been done or none. */
static int
step_check(double *was)
{
	struct pdc_key h = help_key("owed_h", "_count", NULL);
	double vg, vc, vh;

	/* Whoever takes the lock next redoes what is owed. */
	pdc_maintain(p);
	vg = help_sample(p, "owed_g");
	vc = help_get(p, &c);
	vh = help_get(p, &h);
	if (vg != vc || vc != vh || vc < *was || vc > *was + 1) {
		diag("gauge %g, counter %g, histogram %g, before %g", vg, vc,
		    vh, *was);
		return 0;
	}
	*was = vc;
	return 1;
}

static void
test_each_point(void)
{
	struct step st;
	double was = 0;
	int status;
	size_t i;

	for (i = 0; i < NPOINTS; i++)
		for (st.nth = 1; st.nth <= 9; st.nth++)
			for (st.deadly = 0; st.deadly < 2; st.deadly++) {
				st.point = points[i];
				status = help_child(child_step, &st);
				if (!ok(step_check(&was),
					"%s, hit %d, %s: once or not at all",
					pdc_fault_name(st.point), st.nth,
					st.deadly ? "killed" : "failed"))
					bail_out("the rest would differ");
				if (status != 0 && status != 1 &&
				    status != 1000 + SIGKILL)
					bail_out("status %d", status);
			}
	ok(was >= 20, "of the transactions %g were done", was);
}

/* The effect is owed; meanwhile others write the cell. */
static int
child_sets(void *arg)
{
	(void)arg;
	pdc_fault_kill(FAULT_STXN_COMMITTED, 1);
	help_by_name(p, pdc_value_set, &g, 1000);
	return 0;
}

static void
test_owed_beside_lanes(void)
{
	int i;

	for (i = 0; i < 5; i++) {
		pdc_set(sg, 1);
		is_int(help_child(child_sets, NULL), 1000 + SIGKILL,
		    "killed after the commit");
		pdc_inc(sg, 1);
		is_int(help_by_name(p, pdc_value_inc, &g, 5), 0,
		    "the next holder of the lock");
		is_double(help_sample(p, "owed_g"), 1005,
		    "has done the set before its own");
	}
}

static int
child_moves(void *arg)
{
	const struct step *st = arg;

	pdc_fault_kill(st->point, st->nth);
	help_by_name(p, pdc_value_set, &c, 7000);
	return 0;
}

/* set on a counter, killed anywhere: the old total or the new one. */
static void
test_move_killed(void)
{
	struct step st = { .deadly = 1 };
	int done, status, n = 0;
	double base, v;
	size_t i;

	for (i = 0; i < NPOINTS; i++)
		for (st.nth = 1; st.nth <= 8; st.nth++) {
			st.point = points[i];
			help_by_name(p, pdc_value_set, &c, 10);
			pdc_inc(sc, 1);
			pdc_maintain(p);
			base = help_get(p, &c);
			status = help_child(child_moves, &st);
			pdc_inc(sc, 1);
			pdc_maintain(p);
			pdc_inc(sc, 1);
			/* What came before the tag was cleared is late. */
			pdc_maintain(p);
			p->clock.mono_skew_ns += MINUTE_NS;
			pdc_maintain(p);
			v = help_get(p, &c);
			done = v >= 7000;
			if (base == 11 && v == (done ? 7002 : 13) &&
			    (status == 0 ? done : status == 1000 + SIGKILL))
				n++;
			else
				diag("%s, hit %d: status %d, %g, then %g",
				    pdc_fault_name(st.point), st.nth, status,
				    base, v);
		}
	is_int(n, NPOINTS * 8, "a set that is killed is done or not");
}

/* Hold the write lock until the pipe is closed. */
static int
child_holds(void *arg)
{
	int *fds = arg;
	struct stxn x;
	char byte = 0;

	close(fds[1]);
	if (pdc_stxn_write(&x, p->store, 1000) < 0)
		return 1;
	if (write(fds[3], &byte, 1) != 1)
		return 2;
	while (read(fds[0], &byte, 1) == -1 && errno == EINTR)
		continue;
	pdc_stxn_abort(&x);
	return 0;
}

/* A handle that had to be given out without a place. */
static struct pdc_series *
unresolved(struct pdc_family *f, const char *value)
{
	struct pdc_series *s;
	int fds[4];
	char byte;
	pid_t pid;

	if (pipe(fds) == -1 || pipe(fds + 2) == -1)
		bail_out("pipe");
	pid = help_fork(child_holds, fds);
	if (read(fds[2], &byte, 1) != 1)
		bail_out("the child has no lock");
	s = help_series(f, value);
	close(fds[1]);
	if (help_wait(pid) != 0)
		bail_out("the child that held the lock");
	close(fds[0]);
	close(fds[2]);
	close(fds[3]);
	return s;
}

static int
checkpoint_with(int point, int nth)
{
	int ret;

	pdc_fault_arm(point, nth);
	ret = pdc_maintain(p);
	pdc_fault_disarm();
	return ret;
}

/*
 * Until the checkpoint that makes its series is committed, a handle must not
 * count in cells that are not its own yet.
 */
static void
test_unresolved_handles(void)
{
	static const int fails[] = { FAULT_STXN_COMMIT, FAULT_DRAIN_COMMIT,
		FAULT_STXN_PUT, FAULT_STXN_BEGIN, FAULT_STXN_COMMITTED,
		FAULT_CHECKPOINT_SLICE };
	struct pdc_family *f = help_family(p, PDC_COUNTER, "late", "l");
	struct pdc_family *other = help_family(p, PDC_COUNTER, "other", "l");
	char value[16], sample[64];
	struct pdc_series *s, *so;
	double got, got_other;
	size_t i;
	int nth, n = 0, wrong = 0;

	for (i = 0; i < sizeof(fails) / sizeof(fails[0]); i++)
		for (nth = 1; nth <= 6; nth++, n++) {
			snprintf(value, sizeof(value), "v%d", n);
			atomic_store(&p->retry_ns, 0);
			s = unresolved(f, value);
			pdc_inc(s, 1);
			checkpoint_with(fails[i], nth);
			pdc_inc(s, 10);
			atomic_store(&p->retry_ns, 0);
			so = help_series(other, value);
			pdc_inc(so, 7);
			pdc_inc(s, 100);
			pdc_maintain(p);
			pdc_inc(s, 1000);
			pdc_maintain(p);
			snprintf(sample, sizeof(sample), "late_total{l=\"%s\"}",
			    value);
			got = help_sample(p, sample);
			snprintf(sample, sizeof(sample),
			    "other_total{l=\"%s\"}", value);
			got_other = help_sample(p, sample);
			if (got == 1111 && got_other == 7)
				continue;
			wrong++;
			diag("%s, hit %d: %g, not 1111; %g, not 7",
			    pdc_fault_name(fails[i]), nth, got, got_other);
		}
	is_int(wrong, 0, "of %d checkpoints that failed, none lost a count", n);
}

int
main(void)
{
	p = help_open(tap_tmpdir(), 0);
	g = help_key("owed_g", "", NULL);
	c = help_key("owed_c", "_total", NULL);
	sg = help_series(help_family(p, PDC_GAUGE, "owed_g", NULL), NULL);
	sc = help_series(help_family(p, PDC_COUNTER, "owed_c", NULL), NULL);
	help_series(help_family(p, PDC_HISTOGRAM, "owed_h", NULL), NULL);
	test_each_point();
	test_owed_beside_lanes();
	test_move_killed();
	test_unresolved_handles();
	sound_close(p);
	return tap_done();
}
