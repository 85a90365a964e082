/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Transactions by name of several processes, and what set() on a counter does
 * to those who count on its handles.
 */

#include <stdint.h>

#include "help.h"
#include "metric/metric.h"
#include "sound.h"

#define NPROCS 4
#define NROUNDS 50
#define MINUTE_NS 61000000000

static struct pdc *p;
static const struct pdc_label x = { "l", "x" };

/* Read, add one, write, until it held; NROUNDS times. */
static int
child_modify(void *arg)
{
	struct pdc_key k = help_key("modify", "_total", &x);
	struct pdc_txn *t;
	int i, ret, tries = 0;
	double v;

	(void)arg;
	for (i = 0; i < NROUNDS; i += ret == 0) {
		if (tries++ > 100 * NROUNDS || pdc_begin(&t, p) < 0)
			return 1;
		ret = pdc_value_get(t, &k, &v);
		if (ret < 0) {
			pdc_abort(t);
			return 2;
		}
		pdc_value_set(t, &k, v + 1);
		ret = pdc_commit(t);
		if (ret < 0 && ret != PDC_EAGAIN && ret != PDC_EBUSY)
			return 3;
	}
	return 0;
}

static void
test_read_modify_write(void)
{
	struct pdc_key k = help_key("modify", "_total", &x);
	pid_t pids[NPROCS];
	int i;

	help_family(p, PDC_COUNTER, "modify", "l");
	help_by_name(p, pdc_value_inc, &k, 0);
	for (i = 0; i < NPROCS; i++)
		pids[i] = help_fork(child_modify, NULL);
	for (i = 0; i < NPROCS; i++)
		is_int(help_wait(pids[i]), 0, "a process that reads and sets");
	is_double(help_get(p, &k), NPROCS * NROUNDS, "none took another's");
}

/* 1 if it was this process that set it. */
static int
child_setnx(void *arg)
{
	struct pdc_key k = help_key(arg, "", NULL);
	int was = -1, ret = PDC_EAGAIN, tries = 0;
	struct pdc_txn *t;

	while ((ret == PDC_EAGAIN || ret == PDC_EBUSY) && tries++ < 1000) {
		if (pdc_begin(&t, p) < 0)
			return 100;
		pdc_value_setnx(t, &k, (double)getpid(), &was);
		ret = pdc_commit(t);
	}
	return ret < 0 ? 101 : was;
}

static void
test_setnx(void)
{
	pid_t pids[NPROCS];
	int i, j, n, status, wrong = 0;
	struct pdc_key k;
	char name[16];
	double v;

	for (j = 0; j < 20; j++) {
		snprintf(name, sizeof(name), "first_%d", j);
		help_family(p, PDC_GAUGE, name, NULL);
		k = help_key(name, "", NULL);
		for (i = 0; i < NPROCS; i++)
			pids[i] = help_fork(child_setnx, name);
		v = 0;
		for (n = i = 0; i < NPROCS; i++) {
			status = help_wait(pids[i]);
			wrong += status > 1;
			if (status == 1) {
				n++;
				v = pids[i];
			}
		}
		wrong += n != 1 || v != help_get(p, &k);
	}
	is_int(wrong, 0, "of %d processes one sets, and its value stays",
	    NPROCS);
}

/* An increment that was under way when the run was given up. */
static void
count_late(struct pdc_series *s, uint64_t unit, uint64_t id, double v)
{
	struct cells *c = pdc_cells_now(p);

	(void)s;
	pdc_cells_tag(c, ZONE_ADD, unit, id);
	if (pdc_lane_add(c, unit, id, v) != LANE_OK)
		bail_out("the late increment");
	pdc_cells_tag(c, ZONE_ADD, unit, 0);
}

static void
test_set_on_a_counter(void)
{
	struct pdc_key k = help_key("moved", "_total", &x), kc = k;
	uint64_t unit, id, drops;
	struct pdc_series *s;
	double created;
	int i;

	kc.suffix = "_created";
	s = help_series(help_family(p, PDC_COUNTER, "moved", "l"), "x");
	pdc_inc(s, 1000);
	created = help_get(p, &kc);
	unit = atomic_load(&s->unit);
	id = atomic_load(&s->id);
	is_int(help_by_name(p, pdc_value_set, &k, 5), 0, "set to 5");
	is_double(help_get(p, &k), 5, "the old total is gone");
	is_double(help_sample(p, "moved_total{l=\"x\"}"), 5, "on the page too");
	ok(help_get(p, &kc) > created, "with a new created time");
	pdc_inc(s, 1);
	pdc_inc(s, 1);
	pdc_maintain(p);
	is_double(help_get(p, &k), 7, "the old handle counts on");
	pdc_inc(s, 1);
	is_double(help_get(p, &k), 8, "at once, now");
	ok(atomic_load(&s->id) != id, "it has been mended");

	count_late(s, unit, id, 20);
	pdc_maintain(p);
	is_double(help_get(p, &k), 8, "what comes late has to wait");
	p->clock.mono_skew_ns += MINUTE_NS / 2;
	pdc_maintain(p);
	is_double(help_get(p, &k), 8, "half a minute is too early");
	count_late(s, unit, id, 100);
	p->clock.mono_skew_ns += MINUTE_NS;
	for (i = 0; i < 3; i++)
		pdc_maintain(p);
	is_double(help_get(p, &k), 128, "after a minute it is credited");
	p->clock.mono_skew_ns += MINUTE_NS;
	for (i = 0; i < 3; i++)
		pdc_maintain(p);
	is_double(help_get(p, &k), 128, "once");
	drops = 0;
	for (i = 0; i < NDROPS; i++)
		drops += atomic_load(&pdc_cells_now(p)->head->drops[i]);
	is_int((long long)drops, 0, "and nothing was dropped");
}

static void
test_set_and_set(void)
{
	struct pdc_key k = help_key("twice", "_total", &x);
	struct pdc_series *s;
	struct pdc_txn *t;
	int i;

	s = help_series(help_family(p, PDC_COUNTER, "twice", "l"), "x");
	pdc_inc(s, 1000);
	pdc_begin(&t, p);
	pdc_value_set(t, &k, 1);
	pdc_value_set(t, &k, 2);
	pdc_value_inc(t, &k, 3);
	is_int(pdc_commit(t), 0, "set twice in one transaction");
	pdc_inc(s, 1);
	pdc_maintain(p);
	pdc_inc(s, 1);
	is_double(help_get(p, &k), 7, "the last one and what follows");
	for (i = 0; i < 300; i++) {
		help_by_name(p, pdc_value_set, &k, i);
		pdc_inc(s, 1);
		if (i % 7 == 0)
			pdc_maintain(p);
	}
	pdc_maintain(p);
	is_double(help_get(p, &k), 300, "set 300 times, beside increments");
}

/* Count on a handle while the parent sets; what was counted, in the end. */
static int
child_counts(void *arg)
{
	struct pdc_series *s = arg;
	int i;

	for (i = 0; i < 2000; i++) {
		pdc_inc(s, 1);
		if (i % 20 == 0)
			usleep(100);
	}
	return pdc_maintain(p) == 0 ? 0 : 1;
}

/* Each set starts over, so what is there at last is less than all counted. */
static void
test_set_while_counting(void)
{
	struct pdc_key k = help_key("beside", "_total", &x);
	pid_t pids[2];
	struct pdc_series *s;
	double before, v;
	int i, ret;

	s = help_series(help_family(p, PDC_COUNTER, "beside", "l"), "x");
	for (i = 0; i < 2; i++)
		pids[i] = help_fork(child_counts, s);
	for (i = 0; i < 10; i++) {
		usleep(1000);
		ret = help_by_name(p, pdc_value_set, &k, 1e6);
		if (ret < 0)
			diag("set: %s", pdc_error());
	}
	before = help_get(p, &k);
	for (i = 0; i < 2; i++)
		is_int(help_wait(pids[i]), 0, "a process that counts");
	for (i = 0; i < 4; i++) {
		pdc_maintain(p);
		p->clock.mono_skew_ns += MINUTE_NS;
	}
	v = help_get(p, &k);
	ok(before >= 1e6 && v >= before && v <= 1e6 + 4000,
	    "not less than was set, not more than was counted: %g, %g", before,
	    v);
}

int
main(void)
{
	char *dir = tap_tmpdir();

	p = help_open(dir, 0);
	test_set_on_a_counter();
	test_set_and_set();
	test_read_modify_write();
	test_setnx();
	test_set_while_counting();
	sound_close(p);
	return tap_done();
}
