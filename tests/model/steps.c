/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * What happens at random.
 */

#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "base/modes.h"
#include "model/drive.h"
#include "model/modes.h"
#include "multi/multi.h"

#define S INT64_C(1000000000)
#define RING_ROOM 300 /* updates by rings without a checkpoint */

/* One of NPROCS, with the store open. */
static int
step_proc(struct drive *d)
{
	int proc = (int)drive_random(d, NPROCS);

	drive_ready(d, proc);
	return proc;
}

static struct order *
step_series(struct drive *d, int proc, enum order_kind kind)
{
	int f = (int)drive_random(d, NFAMS);
	struct order *o;

	drive_family(d, proc, f);
	o = drive_order(d, proc, kind);
	o->f = f;
	o->s = (int)drive_random(d, (uint32_t)shapes[f].nsers);
	return o;
}

/* Perhaps cut it off. */
static void
step_arm(struct drive *d, struct order *o)
{
#ifdef PDC_FAULTS
	if (drive_random(d, 24) != 0)
		return;
	o->fault = (int)drive_random(d, FAULT_NPOINTS);
	/* Those that all orders come by are taken more often. */
	if (drive_random(d, 2) == 0)
		o->fault = FAULT_STXN_BEGIN +
		    (int)drive_random(d, FAULT_NPOINTS - FAULT_STXN_BEGIN);
	o->hit = 1 + (int)drive_random(d, drive_random(d, 2) ? 2 : 9);
	/* Nobody lives on between a commit and its effects. */
	o->deadly = drive_random(d, 2) == 0 || o->fault == FAULT_STXN_COMMITTED;
#else
	(void)d;
	(void)o;
#endif
}

static void
step_do(struct drive *d, int proc)
{
	step_arm(d, &crew->order[proc]);
	drive_do(d, proc);
}

/* An update that fits the handle of its process. */
static int
item_fill(struct drive *d, int proc, struct item *it)
{
	int f = (int)drive_random(d, NFAMS);
	int s = (int)drive_random(d, (uint32_t)shapes[f].nsers);
	const struct shape *sh = shape_of(f, d->m.p[proc].other[f]);

	*it = (struct item){ .f = (uint8_t)f,
		.s = (uint8_t)s,
		.op = DO_ADD,
		.amount = 1 };
	if (sh->type == PDC_STATESET || sh->type == PDC_HISTOGRAM)
		it->comp = (uint8_t)drive_random(d, NCOMPS);
	if (sh->type == PDC_STATESET) {
		it->op = drive_random(d, 2) ? DO_ON : DO_OFF;
		it->amount = 1 << it->comp;
	} else if (sh->type == PDC_GAUGE) {
		it->op = drive_random(d, 2) ? DO_ADD : DO_SET;
		if (pdc_mode_only_set((int)sh->mode))
			it->op = DO_SET;
		it->amount = (int)drive_random(d, 20) - 10;
	} else if (sh->type == PDC_COUNTER) {
		it->amount = 1 + (int)drive_random(d, 5);
	}
	return d->m.p[proc].has[f][s];
}

static int
ring_room(struct drive *d, int proc, int n)
{
	d->since += (uint64_t)n;
	if (d->since < RING_ROOM)
		return 1;
	drive_order(d, proc, ORDER_CHECKPOINT);
	drive_do(d, proc);
	d->since = 0;
	return 0;
}

static void
step_update(struct drive *d)
{
	int proc = step_proc(d), i, n = 1 + (int)drive_random(d, NITEMS - 8);
	struct order *o;
	struct item it;

	if (!ring_room(d, proc, n))
		return;
	o = drive_order(d, proc, ORDER_UPDATE);
	for (i = 0; i < n; i++) {
		if (!item_fill(d, proc, &it) || it.f == F_I)
			continue;
		if (drive_random(d, 400) == 0)
			it.op = DO_BAD;
		o->items[o->nitems++] = it;
	}
	if (o->nitems > 0)
		drive_do(d, proc);
}

static void
step_threads(struct drive *d)
{
	int proc = step_proc(d), i;
	struct order *o;
	struct item it;

	if (!ring_room(d, proc, NITEMS))
		return;
	o = drive_order(d, proc, ORDER_THREADS);
	for (i = 0; i < NITEMS; i++)
		if (item_fill(d, proc, &it) &&
		    !shape_gauge(shape_of(it.f, d->m.p[proc].other[it.f])))
			o->items[o->nitems++] = it;
	if (o->nitems > 0)
		drive_do(d, proc);
}

/* An operation by name; 0 if it is not one the model can follow. */
static int
name_fill(struct drive *d, int proc, struct item *it)
{
	const struct shape *sh;

	(void)item_fill(d, proc, it);
	if (d->m.p[proc].gen[it->f] == 0 ||
	    d->m.p[proc].gen[it->f] != d->m.f[it->f].gen)
		return 0;
	sh = shape_of(it->f, d->m.f[it->f].other);
	if (it->f == F_I)
		it->op = DO_SET;
	if (sh->type == PDC_COUNTER && drive_random(d, 3) == 0)
		it->op = DO_SET;
	if (it->op == DO_SET && drive_random(d, 3) == 0 &&
	    sh->type != PDC_STATESET && !mode_family(&d->m, it->f))
		it->op = DO_SETNX;
	if (drive_random(d, 3) == 0 || pdc_mode_dead((int)sh->mode) == DEAD_GO)
		it->op = DO_GET;
	return pdc_mode_keeps((int)sh->mode) != KEEPS_SLOTS;
}

static void
step_txn(struct drive *d)
{
	int proc = step_proc(d), i, n = 1 + (int)drive_random(d, 4), nx = 0;
	struct order *o = drive_order(d, proc, ORDER_TXN);
	struct item it;

	for (i = 0; i < n; i++)
		if (name_fill(d, proc, &it)) {
			nx |= it.op == DO_SETNX;
			o->items[o->nitems++] = it;
		}
	o->give_up = drive_random(d, 8) == 0;
	if (o->nitems == 0)
		return;
	if (!nx && !o->give_up)
		step_arm(d, o);
	drive_do(d, proc);
}

/* Read in a transaction that is done later. */
static void
step_read(struct drive *d)
{
	int proc = step_proc(d);
	struct order *o = drive_order(d, proc, ORDER_READ);

	/* Of what is put together from many nothing is compared. */
	if (!name_fill(d, proc, &o->items[0]) ||
	    mode_family(&d->m, o->items[0].f))
		return;
	o->items[0].op = DO_GET;
	o->nitems = 1;
	if (drive_do(d, proc) == 1) {
		d->held[proc].on = 1;
		d->held[proc].f = o->items[0].f;
		d->held[proc].s = o->items[0].s;
		d->held[proc].changed = 0;
		d->held[proc].there = o->items[0].ret == 0;
		d->held[proc].touched = model_flying(
		    &d->m.f[o->items[0].f].s[o->items[0].s]);
	}
}

static void
step_commit(struct drive *d)
{
	int proc = step_proc(d), ret;
	struct order *o;
	struct item it;

	if (!d->held[proc].on || !name_fill(d, proc, &it) ||
	    shape_gauge(shape_of(it.f, d->m.f[it.f].other)))
		return;
	/* Whatever comes in now changes what was read. */
	d->held[proc].touched |= model_flies(&d->m.f[d->held[proc].f]);
	o = drive_order(d, proc, ORDER_COMMIT);
	it.op = DO_ADD;
	o->items[0] = it;
	o->nitems = 1;
	d->held[proc].on = 0;
	drive_do(d, proc);
	ret = o->ret;
	if (ret == 0 && d->held[proc].changed)
		drive_fail(d, "p%d commits what was changed", proc);
	if (ret == PDC_EAGAIN && !d->held[proc].touched)
		drive_fail(d, "p%d may not commit what nobody changed", proc);
}

static void
step_remove(struct drive *d)
{
	int proc = step_proc(d);

	step_series(d, proc, ORDER_REMOVE);
	step_do(d, proc);
}

static void
step_remove_all(struct drive *d)
{
	int proc = step_proc(d);
	struct order *o = step_series(d, proc, ORDER_REMOVE_ALL);

	if (drive_random(d, 2) == 0) {
		drive_family(d, proc, F_X);
		o = drive_order(d, proc, ORDER_REMOVE_ALL);
		o->f = F_X;
	}
	if (shapes[o->f].nsers == 1)
		o->kind = ORDER_REMOVE;
	step_do(d, proc);
}

static void
step_reset(struct drive *d)
{
	int proc = step_proc(d);
	struct order *o = step_series(d, proc, ORDER_RESET);

	if (d->m.p[proc].has[o->f][o->s])
		step_do(d, proc);
}

static void
step_labels(struct drive *d)
{
	int proc = step_proc(d), i, n = 1 + (int)drive_random(d, 6);

	for (i = 0; i < n && !d->failed && d->m.p[proc].open; i++) {
		step_series(d, proc, ORDER_LABELS);
		step_do(d, proc);
	}
}

static void
step_free(struct drive *d)
{
	int proc = step_proc(d);
	struct order *o = step_series(d, proc, ORDER_FREE);

	if (d->m.p[proc].has[o->f][o->s])
		drive_do(d, proc);
}

static void
step_declare(struct drive *d)
{
	int proc = step_proc(d);
	struct order *o = step_series(d, proc, ORDER_DECLARE);

	if (drive_random(d, 2) == 0)
		o->f = F_X;
	o->other = d->m.f[o->f].other;
	if (o->f == F_X)
		o->other = (int)drive_random(d, 2);
	/* No page would tell whether an empty family has another shape. */
	if (o->other != d->m.f[o->f].other)
		drive_do(d, proc);
	else
		step_do(d, proc);
}

static void
step_checkpoint(struct drive *d)
{
	int proc = step_proc(d);

	drive_order(d, proc, ORDER_CHECKPOINT);
	step_do(d, proc);
	d->since = 0;
}

static void
step_clear(struct drive *d)
{
	int proc = step_proc(d);

	drive_order(d, proc, ORDER_CLEAR);
	step_do(d, proc);
}

static void
step_look(struct drive *d)
{
	drive_look(d, step_proc(d));
}

/* A process that has never seen the store. */
static void
step_fresh(struct drive *d)
{
	int proc = (int)drive_random(d, NPROCS);

	drive_kill(d, proc);
	drive_ready(d, proc);
	drive_look(d, proc);
}

static void
step_kill(struct drive *d)
{
	drive_kill(d, (int)drive_random(d, NPROCS));
}

static void
step_close(struct drive *d)
{
	int proc = step_proc(d);

	if (d->failed)
		return;
	drive_order(d, proc, ORDER_CLOSE);
	d->held[proc].on = 0;
	step_do(d, proc);
}

static void
step_fork(struct drive *d)
{
	int proc = step_proc(d), to = (int)drive_random(d, NPROCS);
	struct order *o;

	if (to == proc)
		return;
	drive_kill(d, to);
	o = drive_order(d, proc, ORDER_FORK);
	o->to = to;
	d->held[to].on = 0;
	drive_do(d, proc);
}

static void
step_time(struct drive *d)
{
	static const int s[] = { 5, 61, 61, 130, 300 };

	drive_time(d, s[drive_random(d, 5)] * S);
}

/*
 * The wall clock is set.  A deadline is written every second at most, so a use
 * soon after that would be by the clock before.
 */
static void
step_wall(struct drive *d)
{
	int64_t by = (int64_t)drive_random(d, 2001) - 1000;

	d->m.wall += (by + 3) * S;
	d->m.mono += 3 * S;
	drive_note(d, "the wall clock steps by", (long long)by);
}

static void
step_lose(struct drive *d)
{
	uint64_t epoch = 0;
	int i, busy = 1;

	for (i = 0; i < NOLD; i++)
		busy &= d->m.old[i] != 0;
	for (i = 0; i < NPROCS; i++)
		if (d->m.p[i].open && d->m.p[i].epoch > epoch)
			epoch = d->m.p[i].epoch;
	for (i = 0; i < NOLD; i++)
		busy |= d->m.old[i] == epoch;
	if (busy || epoch == 0)
		return;
	multi_lose(crew->dir);
	model_lose(&d->m, epoch);
	drive_note(d, "lost the file of epoch", (long long)epoch);
	for (i = 0; i < NPROCS; i++)
		d->held[i].touched = 1;
}

static void
step_reboot(struct drive *d)
{
	int i;

	for (i = 0; i < NPROCS && !d->failed; i++) {
		if (drive_random(d, 2) == 0 && d->m.p[i].open) {
			drive_order(d, i, ORDER_CLOSE);
			drive_do(d, i);
		}
		drive_kill(d, i);
	}
	multi_lose(crew->dir);
	snprintf(d->boot, sizeof(d->boot), "boot-%d", ++d->nboot);
	d->m.mono = 5 * S;
	d->m.wall += 30 * S;
	model_reboot(&d->m);
	drive_note(d, "boot", d->nboot);
	/* Until somebody looks, the wall clock counts. */
	drive_ready(d, (int)drive_random(d, NPROCS));
	drive_settle(d);
}

static const struct step {
	int weight;
	void (*fn)(struct drive *);
} steps[] = {
	{ 300, step_update },
	{ 20, step_threads },
	{ 150, step_labels },
	{ 30, step_free },
	{ 80, step_checkpoint },
	{ 120, step_txn },
	{ 20, step_read },
	{ 30, step_commit },
	{ 50, step_remove },
	{ 6, step_remove_all },
	{ 30, step_reset },
	{ 12, step_declare },
	{ 50, step_look },
	{ 6, step_fresh },
	{ 6, step_kill },
	{ 6, step_close },
	{ 10, step_fork },
	{ 8, step_time },
	{ 3, step_wall },
	{ 5, step_lose },
	{ 1, step_reboot },
	{ 1, step_clear },
	{ 1, drive_bounds },
};
#define NSTEPS (sizeof(steps) / sizeof(steps[0]))

void
drive_step(struct drive *d)
{
	uint32_t sum = 0, pick;
	size_t i;

	for (i = 0; i < NSTEPS; i++)
		sum += (uint32_t)steps[i].weight;
	pick = drive_random(d, sum);
	drive_time(d, 0);
	for (i = 0; pick >= (uint32_t)steps[i].weight; i++)
		pick -= (uint32_t)steps[i].weight;
	if (!d->failed)
		steps[i].fn(d);
}
