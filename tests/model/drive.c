/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "model/drive.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "model/modes.h"
#include "multi/multi.h"
#include "tap.h"

static const char *const order_words[NORDERS] = { "open", "close", "declare",
	"labels", "free", "update", "threads", "checkpoint", "remove",
	"remove-all", "reset", "txn", "read", "commit", "clear", "look", "stat",
	"fork" };

uint32_t
drive_random(struct drive *d, uint32_t below)
{
	return multi_random(&d->random) % below;
}

void
drive_fail(struct drive *d, const char *fmt, ...)
{
	char words[900];
	va_list ap;

	if (d->failed)
		return;
	d->failed = 1;
	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	diag("seed %llu, order %llu, step %llu: %s",
	    (unsigned long long)d->seed, (unsigned long long)d->orders,
	    (unsigned long long)d->steps, words);
}

/* With -v all that is done is told. */
static void
drive_say(const struct drive *d, int proc, const char *how)
{
	const struct order *o = &crew->order[proc];
	int i;

	if (d->verbose < 1)
		return;
	printf("# %llu p%d %s", (unsigned long long)d->orders, proc,
	    order_words[o->kind]);
	if (o->kind == ORDER_FORK)
		printf(" p%d", o->to);
	else if (o->kind != ORDER_LOOK && o->kind != ORDER_CHECKPOINT &&
	    o->nitems == 0)
		printf(" %s v%d%s", shapes[o->f].name, o->s,
		    o->other ? " other" : "");
	for (i = 0; i < o->nitems; i++)
		printf(" %s:v%d[%d]%c%lld%c", shapes[o->items[i].f].name,
		    o->items[i].s, o->items[i].comp, "+=|~!?g"[o->items[i].op],
		    (long long)o -> items[i].amount,
		    "lrod"[o->items[i].way & 3]);
#ifdef PDC_FAULTS
	if (o->hit > 0)
		printf(" %s%s/%d",
		    o->deadly ? "kill:" : "fault:", pdc_fault_name(o->fault),
		    o->hit);
#endif
	printf(": %s %d good %d epoch %llu\n", how, o->ret, o->good,
	    (unsigned long long)o->epoch);
	fflush(stdout);
}

/* What happens without an order. */
void
drive_note(const struct drive *d, const char *what, long long n)
{
	int f;

	if (d->verbose < 1)
		return;
	printf("# %s %lld, now %.1f:", what, n, (double)d->m.mono / 1e9);
	for (f = 0; f < NFAMS; f++)
		if (d->m.f[f].due_hi != 0)
			printf(" %s %.1f to %.1f", shapes[f].name,
			    (double)d->m.f[f].due_lo / 1e9,
			    (double)d->m.f[f].due_hi / 1e9);
	printf("\n");
}

struct order *
drive_order(struct drive *d, int proc, enum order_kind kind)
{
	struct order *o = &crew->order[proc];

	memset(o, 0, sizeof(*o));
	o->kind = kind;
	d->m.mono += TICK;
	d->m.wall += TICK;
	o->mono = d->m.mono;
	o->wall = d->m.wall;
	strcpy(o->boot, d->boot);
	d->orders++;
	return o;
}

/* The first one says how the store is to be; nobody is heard after it. */
static void
drive_settings(struct drive *d, struct order *o)
{
	int first = !d->made;

	d->made = 1;
	o->ttl_s = settings.ttl_s;
	o->max_series = settings.max_series;
	if (!first && drive_random(d, 2) == 0)
		o->ttl_s *= drive_random(d, 3);
	if (!first && drive_random(d, 2) == 0)
		o->max_series *= drive_random(d, 3);
	if (settings.refresh && (first || drive_random(d, 2) == 0))
		o->flags |= PDC_REFRESH;
}

/* What each order tells of its process. */
static void
drive_told(struct drive *d, int proc)
{
	const struct order *o = &crew->order[proc];
	const char *bad;

	if (o->epoch != 0) {
		d->m.p[proc].epoch = o->epoch;
		d->m.p[proc].handles = o->handles;
	}
	if (o->hit > 0)
		d->m.p[proc].fault = o->mono;
	bad = model_ident(&d->m, proc, o->ident);
	if (bad != NULL)
		drive_fail(d, "p%d %s", proc, bad);
}

/* A fresh process, if there is none, and the store open in it. */
void
drive_ready(struct drive *d, int proc)
{
	struct order *o;

	if (d->failed)
		return;
	if (atomic_load(&crew->pid[proc]) == 0)
		crew_start(proc);
	if (d->m.p[proc].open)
		return;
	o = drive_order(d, proc, ORDER_OPEN);
	drive_settings(d, o);
	o->flags |= proc == 0 ? PDC_ATOMIC : 0;
	if (crew_do(proc) < 0 || o->ret < 0) {
		drive_fail(d, "open: %s", o->words);
		return;
	}
	drive_say(d, proc, "done");
	d->m.p[proc].open = 1;
	drive_told(d, proc);
}

int
drive_some(struct drive *d)
{
	int i, first = (int)drive_random(d, NPROCS);

	for (i = 0; i < NPROCS; i++)
		if (d->m.p[(first + i) % NPROCS].open)
			return (first + i) % NPROCS;
	drive_ready(d, first);
	return first;
}

void
drive_family(struct drive *d, int proc, int f)
{
	struct order *o;

	if (d->failed || d->m.p[proc].gen[f] != 0)
		return;
	o = drive_order(d, proc, ORDER_DECLARE);
	o->f = f;
	o->other = d->m.f[f].other;
	drive_do(d, proc);
}

void
drive_kill(struct drive *d, int proc)
{
	if (atomic_load(&crew->pid[proc]) == 0)
		return;
	crew_kill(proc);
	d->held[proc].on = 0;
	if (d->m.p[proc].open)
		model_gone(&d->m, proc, 0);
}

void
drive_look(struct drive *d, int proc)
{
	const char *bad;
	int i;

	if (d->failed)
		return;
	drive_order(d, proc, ORDER_LOOK);
	if (crew_do(proc) < 0 || crew->order[proc].ret < 0) {
		drive_fail(d, "a page: %s", crew->order[proc].words);
		return;
	}
	drive_told(d, proc);
	d->pages++;
	drive_say(d, proc, "done");
	view_parse(&d->view, crew->page);
	bad = model_match(&d->m, &d->view);
	if (bad != NULL)
		drive_fail(d, "on a page of p%d: %s", proc, bad);
	for (i = 1; bad != NULL && d->verbose && i < 20; i++) {
		bad = model_match_nth(&d->m, &d->view, i);
		diag("%s", bad != NULL ? bad : "");
	}
	model_page(&d->m, model_lost_file(&d->m, crew->order[proc].epoch));
	model_adopt(&d->m, &d->view);
}

/* What others did to what a transaction read. */
static void
drive_touch(struct drive *d, const struct order *o, int done)
{
	int i, j, sure;

	if (o->kind == ORDER_LOOK || o->kind == ORDER_UPDATE ||
	    o->kind == ORDER_THREADS || o->kind == ORDER_FREE ||
	    o->kind == ORDER_READ || o->kind == ORDER_FORK)
		return;
	for (i = 0; i < NPROCS; i++) {
		if (!d->held[i].on)
			continue;
		d->held[i].touched = 1;
		sure = 0;
		if (done != 1 || o->ret != 0)
			continue;
		if ((o->kind == ORDER_REMOVE || o->kind == ORDER_RESET) &&
		    o->f == d->held[i].f && o->s == d->held[i].s)
			sure = 1;
		for (j = 0; j < o->nitems && !o->give_up; j++)
			sure |= o->items[j].f == d->held[i].f &&
			    o->items[j].s == d->held[i].s &&
			    o->items[j].op == DO_ADD &&
			    !shape_gauge(&shapes[o->items[j].f]);
		d->held[i].changed |= sure && d->held[i].there;
	}
}

/* A page that tells which model is right; d->cut has what was done. */
static void
cut_choose(struct drive *d, int proc, enum order_kind kind, uint64_t epoch)
{
	const char *bad, *worse;
	char undone[600];

	bad = model_match(&d->m, &d->view);
	snprintf(undone, sizeof(undone), "%s", bad != NULL ? bad : "");
	worse = model_match(&d->cut, &d->view);
	if (bad != NULL && worse != NULL)
		drive_fail(d, "p%d %s was cut off: undone, %s; done, %s", proc,
		    order_words[kind], undone, worse);
	else if (bad != NULL)
		d->m = d->cut;
	else if (worse == NULL)
		model_merge(&d->m, &d->cut);
	model_page(&d->m, model_lost_file(&d->m, epoch));
	model_adopt(&d->m, &d->view);
}

/*
 * The next one to take the lock redoes what is owed.  The epoch of the page
 * that was made then.
 */
static uint64_t
cut_redo(struct drive *d)
{
	int q = drive_some(d), kind;

	memcpy(d->cut.p, d->m.p, sizeof(d->cut.p));
	for (kind = ORDER_CHECKPOINT;; kind = ORDER_LOOK) {
		drive_order(d, q, (enum order_kind)kind);
		d->cut.mono = d->m.mono;
		d->cut.wall = d->m.wall;
		if (crew_do(q) < 0 || crew->order[q].ret < 0) {
			drive_fail(d, "after a cut, p%d %s: %s", q,
			    order_words[kind], crew->order[q].words);
			return 0;
		}
		drive_say(d, q, "after a cut");
		drive_told(d, q);
		model_ident(&d->cut, q, crew->order[q].ident);
		d->cut.p[q].epoch = crew->order[q].epoch;
		d->cut.p[q].handles = crew->order[q].handles;
		if (kind == ORDER_LOOK)
			break;
		model_checkpoint(&d->m, q);
		model_checkpoint(&d->cut, q);
	}
	view_parse(&d->view, crew->page);
	return crew->order[q].epoch;
}

/* An order that was cut off was done or not. */
static int
drive_cut(struct drive *d, int proc, int died)
{
	const struct order o = crew->order[proc];
	uint64_t epoch;

	d->cuts++;
	d->deaths += (uint64_t)died;
	/* While something was brought in, perhaps. */
	if (d->m.torn)
		mode_early(&d->m);
	d->cut = d->m;
	if (died || o.ret < 0)
		result_apply(&d->cut, &o, proc, -1);
	memcpy(d->cut.p, d->m.p, sizeof(d->cut.p));
	if (died) {
		d->held[proc].on = 0;
		if (d->m.p[proc].open) {
			model_gone(&d->m, proc, 0);
			model_gone(&d->cut, proc, 0);
		}
	}
	if (o.kind == ORDER_CLOSE || o.kind == ORDER_OPEN)
		return -1;
	epoch = cut_redo(d);
	if (!d->failed)
		cut_choose(d, proc, o.kind, epoch);
	return -1;
}

int
drive_do(struct drive *d, int proc)
{
	struct order *o = &crew->order[proc];
	const char *bad;

	if (d->failed)
		return 0;
	d->steps += o->nitems > 0 ? (uint64_t)o->nitems : 1;
	if (crew_do(proc) < 0) {
		drive_say(d, proc, "died");
		if (!o->deadly)
			drive_fail(d, "p%d died", proc);
		drive_touch(d, o, 0);
		return drive_cut(d, proc, 1);
	}
	drive_say(d, proc, o->fired ? "failed" : "done");
	drive_told(d, proc);
	if (o->fired && o->ret < 0) {
		drive_touch(d, o, 0);
		return drive_cut(d, proc, 0);
	}
	drive_touch(d, o, 1);
	bad = result_wrong(&d->m, o, proc);
	if (bad != NULL)
		drive_fail(d, "p%d %s %s v%d: %s", proc, order_words[o->kind],
		    shapes[o->f].name, o->s, bad);
	if (o->ret == 0)
		result_apply(&d->m, o, proc, 1);
	if (o->ret == PDC_EAGAIN)
		d->agains++;
	if (o->fired && o->ret == 0)
		return drive_cut(d, proc, 0);
	model_unmap(&d->m);
	return o->ret == 0;
}
