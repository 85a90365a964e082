/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * From label values to a handle.  A handle is resolved outside of the table
 * lock; two threads may do so at once and find the same.
 */

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fork.h"
#include "metric/metric.h"
#include "pdc.h"
#include "store/series.h"

#define RESOLVE_WAIT_MS 20
#define RETRY_MIN_NS 20000000 /* doubled at each failure, up to */
#define RETRY_MAX_NS 1000000000
#define ROOM_NS 1000000000 /* room for what overflows is looked for */

void
pdc_series_drop(struct pdc_series *s)
{
	if (s == NULL)
		return;
	free(s->pending);
	free(s->raw);
	free(s->values);
	free(s);
}

static uint8_t
series_how(int mode)
{
	return (uint8_t)((mode_each(mode) ? HOW_EACH : 0) |
	    (pdc_mode_stamped(mode) ? HOW_STAMPED : 0) |
	    (pdc_mode_only_set(mode) ? HOW_SET_ONLY : 0));
}

static struct pdc_series *
series_new(struct pdc_family *f, const struct packed *k)
{
	struct pdc_series *s;

	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->raw = malloc(k->len + 1);
	s->values = malloc(3 * k->len + 1);
	s->pending = aligned_alloc(16, f->width * sizeof(*s->pending));
	if (s->raw == NULL || s->values == NULL || s->pending == NULL) {
		pdc_series_drop(s);
		return NULL;
	}
	memset(s->pending, 0, f->width * sizeof(*s->pending));
	s->pending_gen = pdc_fork_gen();
	s->refs = 1;
	s->pdc = f->pdc;
	s->family = f;
	s->type = (uint8_t)f->type;
	s->zone = (uint8_t)f->zone;
	s->how = series_how(f->mode);
	s->hash = k->hash;
	s->raw_len = (uint32_t)k->len;
	memcpy(s->raw, k->raw, k->len);
	s->values_len = (uint32_t)pdc_labels_clean(f, k, s->values);
	return s;
}

static void
series_set(struct pdc_series *s, const struct place *pl, uint64_t owner)
{
	pdc_series_mended(s, pdc_cells_now(s->pdc), pl->id, pl->unit,
	    pl->beyond != 0);
	if (pl->beyond)
		atomic_store(&s->family->overflow_ns,
		    pdc_clock_mono(&s->pdc->clock));
	/* Pairs with the acquire in pdc_mode_owned(). */
	atomic_store_explicit(&s->owner, owner, memory_order_release);
}

/* The handle's tag is in its place. */
static int
series_good(const struct pdc_series *s, const struct cells *c)
{
	uint64_t unit = atomic_load_explicit(&s->unit, memory_order_relaxed);

	return c != NULL && (!(s->how & HOW_EACH) || pdc_mode_owned(s)) &&
	    pdc_cells_tag_get(c, s->zone, unit) ==
	    atomic_load_explicit(&s->id, memory_order_relaxed);
}

int
pdc_place_family(struct stxn *x, const struct pdc_family *f, struct place *pl)
{
	int ret;

	ret = pdc_family_get(x, f->name, &pl->f);
	if (ret < 0 && ret != PDC_ENOENT)
		return ret;
	if (ret == PDC_ENOENT || pl->f.r.id != f->id)
		return pdc_err_set(PDC_EEXIST,
		    "labels of %s: the family has been declared anew", f->name);
	return 0;
}

/* What is looked for: the values of the labels, and whose they are. */
struct wanted {
	uint64_t owner;
	size_t len;
	char values[LABELS_MAX_LEN];
};

static int
wanted_set(struct wanted *w, const struct pdc_series *s, struct place *pl)
{
	struct pdc *p = s->pdc;

	w->owner = IDENT_NONE;
	w->len = s->values_len;
	memcpy(w->values, s->values, w->len);
	if (!(s->how & HOW_EACH))
		return 0;
	if (p->store->rdonly)
		return PDC_ENOENT;
	w->owner = pdc_mode_self(p, pdc_cells_now(p));
	pl->beyond = w->owner == IDENT_NONE;
	if (pl->beyond)
		return pdc_err_set(PDC_EFULL,
		    "labels of %s: none of %d slots is free", s->family->name,
		    SLOTS_MAX);
	w->len = pdc_series_own(w->values, w->len, w->owner);
	return 0;
}

/* The series has cells already: a snapshot will do. */
static int
resolve_read(struct pdc_series *s, struct place *pl, struct wanted *w)
{
	struct pdc *p = s->pdc;
	struct cells *c = pdc_cells_now(p);
	struct stxn x;
	int ret, over;

	ret = pdc_stxn_read_in(&x, p->store, RESOLVE_WAIT_MS);
	if (ret < 0)
		return ret;
	ret = pdc_place_family(&x, s->family, pl);
	if (ret == 0)
		ret = wanted_set(w, s, pl);
	if (ret == 0)
		ret = pdc_place_find(&x, pl, w->values, w->len);
	if (ret == PDC_ENOENT && c != NULL && !c->rdonly) {
		over = pdc_budget_over(&x, pl);
		ret = over < 0 ? over :
		    over == 1  ? pdc_budget_find(&x, p, pl) :
				 ret;
	}
	if (ret == 0 &&
	    (c == NULL || pl->unit == UNIT_NONE || x.meta.epoch != c->epoch ||
		pdc_cells_tag_get(c, s->zone, pl->unit) != pl->id))
		ret = PDC_ENOENT;
	if (ret == 0)
		series_set(s, pl, w->owner);
	pdc_stxn_abort(&x);
	return ret;
}

static int
resolve_write(struct pdc_series *s, struct place *pl, struct wanted *w)
{
	struct pdc *p = s->pdc;
	struct stxn x;
	int ret;

	ret = pdc_stxn_write(&x, p->store, RESOLVE_WAIT_MS);
	if (ret < 0)
		return ret;
	pl->v = p->store->value;
	ret = pdc_place_family(&x, s->family, pl);
	if (ret == 0)
		ret = wanted_set(w, s, pl);
	if (ret == 0)
		ret = pdc_place_make(&x, pl, w->values, w->len);
	if (ret == 0)
		ret = pdc_place_cells(&x, p, pl);
	pdc_stxn_fail(&x, ret);
	ret = pdc_stxn_commit(&x);
	if (ret == 0)
		series_set(s, pl, w->owner);
	return ret;
}

/*
 * Not at every request while something is wrong.  What is refused for good says
 * nothing of the store.
 */
static void
resolve_note(struct pdc *p, int ret)
{
	int64_t rest = atomic_load(&p->rest_ns);

	if (ret == 0 || ret == PDC_EEXIST || ret == PDC_ENOENT ||
	    ret == PDC_EINVAL) {
		if (rest != 0)
			atomic_store(&p->rest_ns, 0);
		return;
	}
	rest = rest == 0 ? RETRY_MIN_NS : 2 * rest;
	if (rest > RETRY_MAX_NS)
		rest = RETRY_MAX_NS;
	atomic_store(&p->rest_ns, rest);
	atomic_store(&p->retry_ns, pdc_clock_mono(&p->clock) + rest);
}

static int
resolve(struct pdc_series *s)
{
	struct pdc *p = s->pdc;
	struct wanted *w;
	struct value *v;
	struct place *pl;
	int ret, beyond;

	w = malloc(sizeof(*w));
	pl = malloc(sizeof(*pl));
	v = aligned_alloc(16, sizeof(*v));
	if (w == NULL || pl == NULL || v == NULL) {
		ret = pdc_err_set(PDC_ENOMEM, "labels of %s", s->family->name);
	} else {
		pl->v = v;
		pl->beyond = 0;
		/* What waits in this process is done first: each write does. */
		if (atomic_load(&p->pending))
			ret = PDC_ENOENT;
		else
			ret = resolve_read(s, pl, w);
		if (ret == PDC_ENOENT && p->store->rdonly)
			pdc_err_set(ret,
			    "labels of %s: no such series, and the store is "
			    "opened read-only",
			    s->family->name);
		else if (ret == PDC_ENOENT)
			ret = resolve_write(s, pl, w);
	}
	/* That is no failure of the store. */
	beyond = ret == PDC_EFULL && pl != NULL && pl->beyond;
	free(w);
	free(v);
	free(pl);
	resolve_note(p, beyond ? 0 : ret);
	return ret;
}

/* It counts into the overflow series, and there may be room by now. */
static int
series_beyond(const struct pdc_series *s)
{
	const struct pdc_family *f = s->family;
	uint64_t id = atomic_load_explicit(&f->overflow, memory_order_relaxed);

	return id != 0 &&
	    atomic_load_explicit(&s->id, memory_order_relaxed) == id &&
	    pdc_clock_mono(&s->pdc->clock) - atomic_load(&f->overflow_ns) >=
	    ROOM_NS;
}

/* A handle that is not good: by the forward table, else by the store. */
static void
series_mend(struct pdc_series *s)
{
	struct pdc *p = s->pdc;
	const struct cells *c = pdc_cells_now(p);
	uint64_t id, unit;
	int got = 0;

	if (c != NULL && (!(s->how & HOW_EACH) || pdc_mode_owned(s)))
		got = pdc_fwd_get(c,
		    atomic_load_explicit(&s->id, memory_order_relaxed), &id,
		    &unit);
	if (got != 0) {
		pdc_series_mended(s, c, id, unit, got == 2);
		if (series_good(s, c) && !series_beyond(s))
			return;
	}
	if (pdc_clock_mono(&p->clock) >= atomic_load(&p->retry_ns))
		(void)resolve(s);
}

/* A handle of these values for the table; it works, resolved or not. */
static int
series_make(struct pdc_series **sp, struct pdc_family *f,
    const struct packed *k)
{
	struct cells *c = pdc_cells_now(f->pdc);
	struct pdc_series *s, *old;
	int ret;

	s = series_new(f, k);
	if (s == NULL)
		return pdc_err_set(PDC_ENOMEM, "labels of %s", f->name);
	ret = pdc_labels_fit(f, s->values_len);
	if (ret == 0)
		ret = pdc_clock_mono(&f->pdc->clock) >=
			atomic_load(&f->pdc->retry_ns) ?
		    resolve(s) :
		    PDC_EBUSY;
	if (ret < 0 &&
	    (c == NULL || c->rdonly || ret == PDC_EEXIST ||
		ret == PDC_EINVAL)) {
		pdc_series_drop(s);
		return ret;
	}
	if (ret < 0) {
		atomic_store(&s->id, pdc_fwd_new_id(c));
		atomic_fetch_add(&c->head->unresolved, 1);
	}
	old = pdc_table_enter(f, s, k);
	if (old != s)
		pdc_series_drop(s);
	if (old == NULL)
		return pdc_err_set(PDC_ENOMEM, "labels of %s", f->name);
	*sp = old;
	return 0;
}

int
pdc_labels_find(struct pdc_series **sp, struct pdc_family *f,
    const struct packed *k, struct pdc_series *s)
{
	int ret;

	if (s == NULL)
		s = pdc_table_find(f, k);
	if (s == NULL) {
		ret = series_make(&s, f, k);
		if (ret < 0)
			return ret;
	} else if (!series_good(s, pdc_cells_now(f->pdc)) || series_beyond(s)) {
		series_mend(s);
	}
	if (s->type == PDC_INFO && !series_good(s, pdc_cells_now(f->pdc)))
		pdc_update_announce(s);
	*sp = s;
	return 0;
}
