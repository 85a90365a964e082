/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Updates, and which way they go.
 */

#include <math.h>
#include <pthread.h>
#include <unistd.h>

#include "base/fork.h"
#include "model/op.h"
#include "store/series.h"

#define NTHREADS 3

/* The tag is there, or the way to it. */
int
op_good(struct pdc_series *s)
{
	const struct cells *c = pdc_cells_now(op.p);
	uint64_t id = atomic_load(&s->id), unit = atomic_load(&s->unit);

	if ((s->how & HOW_EACH) && !pdc_mode_owned(s))
		return 0;
	if (pdc_cells_tag_get(c, s->zone, unit) == id)
		return 1;
	return pdc_fwd_get(c, id, &id, &unit) &&
	    pdc_cells_tag_get(c, s->zone, unit) == id;
}

/* The handle itself may not know it: it was mended by a checkpoint. */
int
op_over(const struct pdc_series *s)
{
	static struct family f;
	struct series_id at;
	struct stxn x;
	uint64_t id = 0;

	if (settings.max_series == 0 || pdc_stxn_read(&x, op.p->store) < 0)
		return 0;
	if (pdc_family_get(&x, s->family->name, &f) == 0 &&
	    pdc_series_find(&x, &f, SERIES_BEYOND, sizeof(SERIES_BEYOND),
		&at) == 0)
		id = at.id;
	pdc_stxn_abort(&x);
	return id != 0 && atomic_load(&s->id) == id;
}

uint64_t
op_pending(const struct pdc_series *s)
{
	uint64_t n = 0;
	uint32_t i;

	if (atomic_load(&s->pending_gen) != pdc_fork_gen())
		return 0;
	for (i = 0; i < s->family->width; i++)
		n += s->pending[i].count;
	return n;
}

static uint64_t
op_drops(void)
{
	const struct cells *c = pdc_cells_now(op.p);

	return atomic_load(&c->head->drops[DROP_RING_FULL]);
}

static void
op_update(struct pdc_series *s, const struct item *it)
{
	const struct shape *sh = shape_of(it->f, op.others[it->f]);

	if (it->op == DO_BAD && sh->type == PDC_COUNTER)
		pdc_inc(s, -1);
	else if (it->op == DO_BAD && sh->type == PDC_HISTOGRAM)
		pdc_observe(s, (double)NAN);
	else if (it->op == DO_BAD && sh->type == PDC_SUMMARY)
		pdc_inc(s, 1);
	else if (it->op == DO_BAD)
		pdc_observe(s, 1);
	else if (sh->type == PDC_STATESET)
		pdc_set_state(s, it->comp, it->op == DO_ON);
	else if (it->op == DO_SET)
		pdc_set(s, (double)it->amount);
	else if (sh->type == PDC_GAUGE && it->amount < 0)
		pdc_dec(s, (double)-it->amount);
	else if (sh->type == PDC_GAUGE || sh->type == PDC_COUNTER)
		pdc_inc(s, (double)it->amount);
	else
		pdc_observe(s, shape_seen[it->comp]);
}

static enum way
op_way(struct pdc_series *s, struct item *it)
{
	int good = op_good(s), gauge = s->zone == ZONE_GAUGE;
	uint64_t pending = op_pending(s), drops = op_drops(), after;

	if (gauge)
		good = good &&
		    pdc_gauge_direct(s, pdc_cells_now(op.p),
			it->op == DO_ADD ? RING_ADD : RING_SET);
	op_update(s, it);
	after = op_pending(s);
	if (it->op == DO_BAD || op_drops() != drops)
		return WAY_DROP;
	if (gauge && good)
		return WAY_LANE;
	if (gauge ? after != 0 : after != pending)
		return WAY_OWN;
	return good ? WAY_LANE : WAY_RING;
}

void
op_updates(struct order *o)
{
	struct item *it;

	for (it = o->items; it < o->items + o->nitems; it++) {
		it->way = (uint8_t)op_way(op.series[it->f][it->s], it);
		it->over = (uint8_t)op_over(op.series[it->f][it->s]);
	}
}

struct share {
	struct order *o;
	int first;
};

static void *
op_thread(void *arg)
{
	struct share *sh = arg;
	int i;

	for (i = sh->first; i < sh->o->nitems; i += NTHREADS)
		if (sh->o->items[i].way != WAY_DROP)
			op_update(op.series[sh->o->items[i].f]
					   [sh->o->items[i].s],
			    &sh->o->items[i]);
	return NULL;
}

/*
 * By threads; no gauges, so all of a series go one way.  Not by a sum that was
 * its parent's: what comes while another thread throws that away is dropped
 * and counted, and nobody knows how many.
 */
void
op_threads(struct order *o)
{
	struct share sh[NTHREADS];
	pthread_t id[NTHREADS];
	uint64_t pending[NITEMS];
	struct pdc_series *s;
	int good[NITEMS], i;

	for (i = 0; i < o->nitems; i++) {
		s = op.series[o->items[i].f][o->items[i].s];
		good[i] = op_good(s);
		pending[i] = op_pending(s);
		if (!good[i] && atomic_load(&s->pending_gen) != pdc_fork_gen())
			o->items[i].way = WAY_DROP;
	}
	for (i = 0; i < NTHREADS; i++) {
		sh[i] = (struct share){ o, i };
		if (pthread_create(&id[i], NULL, op_thread, &sh[i]) != 0)
			_exit(98);
	}
	for (i = 0; i < NTHREADS; i++)
		pthread_join(id[i], NULL);
	for (i = 0; i < o->nitems; i++) {
		s = op.series[o->items[i].f][o->items[i].s];
		o->items[i].over = (uint8_t)op_over(s);
		if (good[i])
			o->items[i].way = WAY_LANE;
		else if (o->items[i].way != WAY_DROP)
			o->items[i].way = op_pending(s) != pending[i] ?
			    WAY_OWN :
			    WAY_RING;
	}
}
