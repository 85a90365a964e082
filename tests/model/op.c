/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * What a process does with an order: one call of the library, or a row of
 * updates, by the clock and the boot that the order says.  Of each update it
 * tells which way it went, by what it finds before and after.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/page.h"
#include "base/fault.h"
#include "base/fork.h"
#include "collect/collect.h"
#include "metric/metric.h"
#include "model/op.h"
#include "multi/multi.h"

struct op op;
static struct order *now; /* for the clock of a store that is being opened */

static int64_t
op_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void
op_time(struct clock *c, const struct order *o)
{
	c->mono_skew_ns = o->mono - op_clock(CLOCK_MONOTONIC);
	c->wall_skew_ns = o->wall - op_clock(CLOCK_REALTIME);
	strcpy(c->boot_id, o->boot);
}

/* The linker puts these in the place of pdc_clock_init(). */
int __real_pdc_clock_init(struct clock *);
int __wrap_pdc_clock_init(struct clock *);

int
__wrap_pdc_clock_init(struct clock *c)
{
	int ret = __real_pdc_clock_init(c);

	if (now != NULL)
		op_time(c, now);
	return ret;
}

/* All of an order is before the next one. */
int64_t __real_pdc_clock_mono(const struct clock *);
int64_t __wrap_pdc_clock_mono(const struct clock *);

int64_t
__wrap_pdc_clock_mono(const struct clock *c)
{
	int64_t at = __real_pdc_clock_mono(c);

	if (now == NULL || c->mono_skew_ns == 0 || at < now->mono + TICK)
		return at;
	return now->mono + TICK - 1;
}

static const char *
op_value(int s)
{
	static char value[16];

	snprintf(value, sizeof(value), "v%d", s);
	return value;
}

static int
op_labels(struct order *o)
{
	const char *values[] = { op_value(o->s), NULL };
	struct pdc_family *f = op.families[o->f];
	int64_t looked = atomic_load(&f->overflow_ns);
	int ret;

	ret = pdc_labels(&op.series[o->f][o->s], f,
	    shapes[o->f].nsers > 1 ? values : NULL);
	o->looked = atomic_load(&f->overflow_ns) != looked;
	o->over = ret == 0 && op_over(op.series[o->f][o->s]);
	return ret;
}

static int
op_open(const struct order *o, unsigned flags)
{
	struct pdc_options opts = { .flags = flags,
		.ttl_s = o->ttl_s,
		.max_series = o->max_series };
	struct pdc *q;
	int ret;

	ret = pdc_open(&q, crew->dir, &opts);
	if (ret == 0)
		op.p = q;
	return ret;
}

static void
op_close(void)
{
	pdc_abort(op.held);
	op.held = NULL;
	pdc_close(op.p);
	op.p = NULL;
	memset(op.families, 0, sizeof(op.families));
	memset(op.series, 0, sizeof(op.series));
}

/* To remove all is to open it as fresh. */
static int
op_clear(const struct order *o)
{
	int ret = op_open(o, PDC_FRESH);

	if (ret == 0)
		pdc_close(op.p);
	return ret;
}

static int
op_declare(const struct order *o)
{
	static const char *const labels[] = { "l", NULL };
	static const char *const states[] = { "on", "up", "hot", NULL };
	static const double bounds[] = { 1, 2 };
	const struct shape *sh = shape_of(o->f, o->other);
	struct pdc_desc d = { .type = sh->type,
		.name = sh->name,
		.labels = sh->nsers > 1 ? labels : NULL,
		.states = sh->type == PDC_STATESET ? states : NULL,
		.bounds = sh->type == PDC_HISTOGRAM ? bounds : NULL,
		.nbounds = sh->type == PDC_HISTOGRAM ? 2 : 0,
		.ttl_s = sh->ttl_s,
		.idle_s = sh->idle_s,
		.mode = sh->mode };
	struct pdc_family *f;
	int ret;

	ret = pdc_declare(&f, op.p, &d);
	if (ret < 0)
		return ret;
	if (f != op.families[o->f])
		memset(op.series[o->f], 0, sizeof(op.series[o->f]));
	op.families[o->f] = f;
	op.others[o->f] = o->other;
	return 0;
}

static int
op_item(struct pdc_txn *t, struct item *it)
{
	const struct shape *sh = shape_of(it->f, op.others[it->f]);
	static const char *const states[] = { "on", "up", "hot" };
	static const char *const les[] = { "1", "2", "+Inf" };
	struct pdc_label l[2] = { { "l", op_value(it->s) } };
	struct pdc_key k = { sh->name, "", l, sh->nsers > 1 };
	int was_set = 0, ret;

	if (sh->type == PDC_COUNTER)
		k.suffix = "_total";
	else if (sh->type == PDC_INFO)
		k.suffix = "_info";
	else if (sh->type == PDC_SUMMARY)
		k.suffix = "_count";
	else if (sh->type == PDC_HISTOGRAM && it->op == DO_GET)
		k.suffix = "_bucket";
	if (sh->type == PDC_STATESET)
		l[k.nlabels++] = (struct pdc_label){ sh->name,
			states[it->comp] };
	else if (sh->type == PDC_HISTOGRAM && it->op == DO_GET)
		l[k.nlabels++] = (struct pdc_label){ "le", les[it->comp] };
	switch (it->op) {
	case DO_GET:
		return pdc_value_get(t, &k, &it->got);
	case DO_SETNX:
		ret = pdc_value_setnx(t, &k, (double)it->amount, &was_set);
		it->got = was_set;
		return ret;
	case DO_ON:
	case DO_OFF:
		return pdc_value_set(t, &k, it->op == DO_ON);
	case DO_SET:
		return pdc_value_set(t, &k, (double)it->amount);
	default:
		if (sh->type == PDC_HISTOGRAM || sh->type == PDC_SUMMARY)
			return pdc_value_observe(t, &k, shape_seen[it->comp]);
		return pdc_value_inc(t, &k, (double)it->amount);
	}
}

static int
op_txn(struct order *o)
{
	struct pdc_txn *t = o->kind == ORDER_COMMIT ? op.held : NULL;
	int i, ret;

	op.held = o->kind == ORDER_COMMIT ? NULL : op.held;
	if (t == NULL) {
		ret = pdc_begin(&t, op.p);
		if (ret < 0)
			return ret;
	}
	for (i = 0; i < o->nitems; i++)
		o->items[i].ret = op_item(t, &o->items[i]);
	if (o->kind == ORDER_READ) {
		pdc_abort(op.held);
		op.held = t;
		return 0;
	}
	if (!o->give_up)
		return pdc_commit(t);
	pdc_abort(t);
	return 0;
}

/* The times of creation and the drops, for view.c. */
static int
op_notes(char *at, size_t room)
{
	const struct collect_family *cf;
	const struct collect_series *cs;
	struct cells *c = pdc_cells_now(op.p);
	struct collect *co;
	size_t n = 0;
	int f, i, got, ret;

	ret = pdc_collect_open(&co, op.p->store, c, &op.p->self);
	if (ret < 0)
		return ret;
	while ((got = pdc_collect_family(co, &cf)) == COLLECT_NEXT) {
		for (f = 0; f < NFAMS; f++)
			if (strcmp(cf->name, shapes[f].name) == 0)
				break;
		while ((ret = pdc_collect_series(co, &cs)) == COLLECT_NEXT) {
			i = cf->nlabels > 0 ? atoi(cs->values[0] + 1) : 0;
			if (cf->nlabels > 0 &&
			    strcmp(cs->values[0], "true") == 0)
				i = OVER;
			n += (size_t)snprintf(at + n, room - n,
			    "#!created %d %d %lld\n", f, i,
			    (long long)cs->created_ns);
		}
		if (ret < 0 || ret == COLLECT_AGAIN)
			break;
	}
	pdc_collect_close(co);
	for (i = 0; i < NDROPS; i++)
		n += (size_t)snprintf(at + n, room - n, "#!drops %d %llu\n", i,
		    (unsigned long long)atomic_load(&c->head->drops[i]));
	snprintf(at + n, room - n, "#!anomalies %llu\n",
	    (unsigned long long)atomic_load(&c->head->anomalies));
	return got < 0 ? got : ret < 0 ? ret : 0;
}

static int
op_look(void)
{
	char *text;
	size_t len;
	int ret;

	ret = pdc_render(op.p, NULL, &text, &len, NULL);
	if (ret < 0)
		return ret;
	if (len > sizeof(crew->page) / 2)
		return PDC_ERANGE;
	memcpy(crew->page, text, len);
	pdc_free(text);
	return op_notes(crew->page + len, sizeof(crew->page) - len);
}

static int
op_stat(struct order *o)
{
	struct pdc_stat st;
	struct scur c;
	struct stxn x;
	int got, ret;

	memset(o->counts, 0, sizeof(o->counts));
	ret = pdc_stxn_read(&x, op.p->store);
	if (ret == 0)
		ret = pdc_scur_open(&c, &x);
	if (ret < 0)
		return ret;
	for (got = pdc_scur_seek(&c, "A", 1); got == 1; got = pdc_scur_next(&c))
		o->counts[c.key[0] & 127]++;
	pdc_scur_close(&c);
	pdc_stxn_abort(&x);
	ret = pdc_stat_get(op.p, &st);
	o->cells = st.cells_bytes;
	o->data = st.data_bytes;
	return ret;
}

/* The child goes on in another mailbox; what its parent began it cannot end. */
static int
op_fork(struct order *o)
{
	int to = o->to; /* the order may soon be another */
	pid_t pid;

	fflush(stdout);
	signal(SIGCHLD, SIG_IGN);
	pid = fork();
	if (pid != 0) {
		o->child = pid;
		return pid == -1 ? PDC_ESYS : 0;
	}
	if (op.held != NULL && pdc_commit(op.held) != PDC_ECHILD)
		_exit(97);
	op.held = NULL;
	crew_serve(to);
}

static int
op_remove(const struct order *o)
{
	const char *values[] = { op_value(o->s), NULL };

	if (o->kind == ORDER_REMOVE_ALL || shapes[o->f].nsers == 1)
		return pdc_remove(op.families[o->f], NULL);
	return pdc_remove(op.families[o->f], values);
}

static int
op_run(struct order *o)
{
	switch (o->kind) {
	case ORDER_OPEN:
		return op_open(o, o->flags);
	case ORDER_CLOSE:
		op_close();
		return 0;
	case ORDER_DECLARE:
		return op_declare(o);
	case ORDER_LABELS:
		return op_labels(o);
	case ORDER_FREE:
		pdc_series_free(op.series[o->f][o->s]);
		op.series[o->f][o->s] = NULL;
		return 0;
	case ORDER_UPDATE:
		op_updates(o);
		return 0;
	case ORDER_THREADS:
		op_threads(o);
		return 0;
	case ORDER_CHECKPOINT:
		return pdc_maintain(op.p); /* a checkpoint, and the upkeep */
	case ORDER_REMOVE:
	case ORDER_REMOVE_ALL:
		return op_remove(o);
	case ORDER_RESET:
		return pdc_reset(op.series[o->f][o->s]);
	case ORDER_TXN:
	case ORDER_READ:
	case ORDER_COMMIT:
		return op_txn(o);
	case ORDER_CLEAR:
		return op_clear(o);
	case ORDER_LOOK:
		return op_look();
	case ORDER_STAT:
		return op_stat(o);
	case ORDER_FORK:
		return op_fork(o);
	default:
		return PDC_EINVAL;
	}
}

#ifdef PDC_FAULTS
static void
op_arm(const struct order *o)
{
	if (o->hit == 0)
		return;
	if (o->deadly)
		pdc_fault_kill(o->fault, o->hit);
	else
		pdc_fault_arm(o->fault, o->hit);
}

/* Whether what was armed has fired; disarms. */
static int
op_fired(const struct order *o)
{
	int i, left = o->hit == 0 || o->deadly;

	for (i = 0; i < o->hit && !left; i++)
		left = pdc_fault_hit(o->fault);
	pdc_fault_disarm();
	return !left;
}
#else
static void
op_arm(const struct order *o)
{
	(void)o;
}

static int
op_fired(const struct order *o)
{
	(void)o;
	return 0;
}
#endif

/*
 * A page maps the present file and salvages nothing: until that is done,
 * handles go on in the file before it.
 */
static uint64_t
op_handles(void)
{
	const struct cells *c = pdc_cells_now(op.p);
	uint64_t epoch = c->epoch;

	if (!pdc_salvage_due(op.p))
		return epoch;
	for (; c != NULL; c = c->older)
		if (c->epoch >= atomic_load(&op.p->salvaged))
			epoch = c->epoch;
	return epoch;
}

void
op_do(struct order *o)
{
	struct pdc_series *s;

	now = o;
	if (op.p != NULL)
		op_time(&op.p->clock, o);
	op_arm(o);
	o->ret = op_run(o);
	o->fired = op_fired(o);
	snprintf(o->words, sizeof(o->words), "%s",
	    o->ret < 0 ? pdc_error() : "");
	o->ident = op.p != NULL ? pdc_slot_self(&op.p->self) : 0;
	o->epoch = op.p != NULL ? pdc_cells_now(op.p)->epoch : 0;
	o->handles = op.p != NULL ? op_handles() : 0;
	s = o->kind == ORDER_LABELS ? op.series[o->f][o->s] : NULL;
	o->good = s != NULL && op_good(s);
	o->way = s != NULL && op_pending(s) > 0 ? WAY_OWN : WAY_RING;
}
