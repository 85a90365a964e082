/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Removing and resetting series and families, and clearing a store.
 *
 * What was counted before goes with them: rings and pending sums are drained
 * first, else they would bring the series back.
 */

#include <stdlib.h>
#include <string.h>

#include "api/remove.h"
#include "api/target.h"
#include "base/err.h"
#include "checkpoint/checkpoint.h"
#include "metric/metric.h"
#include "pdc.h"
#include "store/series.h"

/* What is to be done to which series; without values, to all of the family. */
struct remove {
	struct pdc *pdc;
	const struct pdc_family *family; /* a handle, or */
	const struct pdc_key *key; /* a name */
	int (*one)(struct stxn *, struct pdc *, struct place *);
	int all;
	uint64_t upto; /* ids of series that were there */
	struct target target;
	int owners; /* all series of these labels, whosever they are */
	size_t labels_len, done;
	char labels[LABELS_MAX_LEN];
	struct place pl;
};

static int
remove_one(struct stxn *x, struct pdc *p, struct place *pl)
{
	struct gone g = { .why = GONE_REMOVED };

	return pdc_place_remove(x, p, pl, &g);
}

static int
reset_one(struct stxn *x, struct pdc *p, struct place *pl)
{
	if (pl->f.r.zone == VALUE_GAUGE)
		return pdc_err_set(PDC_EINVAL, "%s: %s is set, not reset",
		    pl->f.name,
		    pl->f.r.type == PDC_INFO	     ? "an info" :
			pl->f.r.type == PDC_STATESET ? "a stateset" :
						       "a gauge");
	return pdc_place_move(x, p, pl, 0);
}

static struct remove *
remove_new(struct pdc *p,
    int (*one)(struct stxn *, struct pdc *, struct place *))
{
	struct remove *r;

	r = calloc(1, sizeof(*r));
	if (r == NULL) {
		pdc_err_set(PDC_ENOMEM, "%s", p->store->dir);
		return NULL;
	}
	r->pdc = p;
	r->one = one;
	return r;
}

/* The family's record, and from a key its values. */
static int
remove_family(struct stxn *x, struct remove *r)
{
	int ret;

	r->pl.v = x->st->value;
	if (r->family != NULL)
		return pdc_place_family(x, r->family, &r->pl);
	ret = pdc_family_get(x, r->key->metric, &r->pl.f);
	if (ret == 0 && r->pl.f.r.hidden)
		ret = PDC_ENOENT;
	if (ret == PDC_ENOENT)
		return pdc_err_set(ret, "%s: no such metric", r->key->metric);
	r->all = r->key->nlabels == 0 && r->pl.f.r.nlabels > 0;
	if (ret == 0 && !r->all)
		ret = pdc_target_series(&r->target, &r->pl.f, r->key);
	return ret;
}

static int
remove_each(struct stxn *x, void *arg, const struct walk_rec *rec)
{
	struct remove *r = arg;
	struct series_ref s;
	int ret;

	/* Those made on the way are done already. */
	if (pdc_series_parse(&s, rec->val, rec->len,
		family_nvalues(&r->pl.f.r)) < 0 ||
	    s.id >= r->upto || s.values_len > LABELS_MAX_LEN)
		return 0;
	if (r->owners &&
	    (pdc_series_labels(&r->pl.f, s.values, s.values_len) !=
		    r->labels_len ||
		memcmp(s.values, r->labels, r->labels_len) != 0))
		return 0;
	memcpy(r->target.values, s.values, s.values_len);
	r->target.len = s.values_len;
	ret = pdc_place_find(x, &r->pl, r->target.values, r->target.len);
	if (ret == 0)
		ret = r->one(x, r->pdc, &r->pl);
	r->done++;
	return ret < 0 ? pdc_stxn_fail(x, ret) : 1;
}

static int
remove_walk(struct stxn *x, struct remove *r)
{
	unsigned char key[SERIES_KEY_LEN];

	r->upto = x->meta.next_series;
	pdc_series_key(key, 'S', r->pl.f.r.id, r->pl.f.r.incarnation, 0);
	return pdc_walk(x, key, 9, remove_each, r);
}

/* All series of the family: it ends, or each is reset. */
static int
remove_all(struct stxn *x, struct remove *r)
{
	if (r->one == remove_one)
		return pdc_family_end(x, &r->pl.f, GONE_REMOVED);
	return remove_walk(x, r);
}

static int
remove_none(const struct remove *r)
{
	return pdc_err_set(PDC_ENOENT, "%s: no such series", r->pl.f.name);
}

/* The series of these labels; of some gauges, that of each process. */
static int
remove_series(struct stxn *x, struct remove *r)
{
	int ret;

	if (mode_each(r->pl.f.r.mode)) {
		r->owners = 1;
		r->labels_len = r->target.len;
		memcpy(r->labels, r->target.values, r->target.len);
		ret = remove_walk(x, r);
		return ret == 0 && r->done == 0 ? remove_none(r) : ret;
	}
	ret = pdc_place_find(x, &r->pl, r->target.values, r->target.len);
	if (ret == PDC_ENOENT)
		return remove_none(r);
	return ret == 0 ? r->one(x, r->pdc, &r->pl) : ret;
}

/* Nobody counts into what has ended, from here on. */
static int
remove_swept(struct pdc *p)
{
	int n;

	do
		n = pdc_sweep_slice(p, p->store->wait_ms);
	while (n > 0);
	return n;
}

static int
remove_run(struct remove *r)
{
	struct pdc *p = r->pdc;
	struct stxn x;
	int ret;

	ret = pdc_drain_all(p, p->store->wait_ms);
	if (ret == 0)
		ret = pdc_stxn_write(&x, p->store, p->store->wait_ms);
	if (ret < 0)
		return ret;
	ret = remove_family(&x, r);
	if (ret == 0 && r->all) {
		ret = remove_all(&x, r);
	} else if (ret == 0) {
		ret = remove_series(&x, r);
	}
	pdc_stxn_fail(&x, ret);
	ret = pdc_stxn_commit(&x);
	if (ret == 0 && r->all)
		ret = remove_swept(p);
	return ret;
}

static int
remove_usable(const struct pdc *p)
{
	if (pdc_cells_now(p) != NULL && !p->store->rdonly)
		return 0;
	return pdc_err_set(PDC_EPERM, "%s: opened read-only", p->store->dir);
}

static int
remove_name(struct pdc *p, const struct pdc_key *key,
    int (*one)(struct stxn *, struct pdc *, struct place *))
{
	struct remove *r;
	int ret;

	ret = remove_usable(p);
	if (ret < 0)
		return ret;
	r = remove_new(p, one);
	if (r == NULL)
		return PDC_ENOMEM;
	r->key = key;
	ret = remove_run(r);
	free(r);
	return ret;
}

int
pdc_name_remove(struct pdc *p, const struct pdc_key *key)
{
	return remove_name(p, key, remove_one);
}

int
pdc_name_reset(struct pdc *p, const struct pdc_key *key)
{
	return remove_name(p, key, reset_one);
}

int
pdc_remove(struct pdc_family *f, const char *const *values)
{
	struct remove *r;
	int ret;

	if (f == NULL)
		return pdc_err_set(PDC_EINVAL, "remove: no family");
	ret = remove_usable(f->pdc);
	if (ret < 0)
		return ret;
	r = remove_new(f->pdc, remove_one);
	if (r == NULL)
		return PDC_ENOMEM;
	r->family = f;
	r->all = values == NULL && f->nlabels > 0;
	if (!r->all)
		ret = pdc_labels_values(f, values, r->target.values,
		    &r->target.len);
	if (ret == 0)
		ret = remove_run(r);
	free(r);
	return ret;
}

int
pdc_reset(struct pdc_series *s)
{
	struct remove *r;
	int ret;

	if (s == NULL)
		return pdc_err_set(PDC_EINVAL, "reset: no series");
	ret = remove_usable(s->pdc);
	if (ret < 0)
		return ret;
	r = remove_new(s->pdc, reset_one);
	if (r == NULL)
		return PDC_ENOMEM;
	r->family = s->family;
	memcpy(r->target.values, s->values, s->values_len);
	r->target.len = s->values_len;
	ret = remove_run(r);
	free(r);
	return ret;
}

static int
clear_family(struct stxn *x, void *arg, const struct walk_rec *rec)
{
	struct family *f = arg;

	if (pdc_family_parse(f, rec->key + 1, rec->klen - 1, rec->val,
		rec->len) < 0 ||
	    f->r.hidden)
		return 0;
	return pdc_family_end(x, f, GONE_REMOVED) < 0 ? x->ret : 1;
}

int
pdc_clear(struct pdc *p)
{
	struct family *f;
	struct stxn x;
	int ret;

	ret = remove_usable(p);
	if (ret < 0)
		return ret;
	f = malloc(sizeof(*f));
	if (f == NULL)
		return pdc_err_set(PDC_ENOMEM, "%s", p->store->dir);
	ret = pdc_drain_all(p, p->store->wait_ms);
	if (ret == 0)
		ret = pdc_stxn_write(&x, p->store, p->store->wait_ms);
	if (ret == 0) {
		pdc_stxn_fail(&x, pdc_walk(&x, "F", 1, clear_family, f));
		ret = pdc_stxn_commit(&x);
	}
	free(f);
	return ret < 0 ? ret : remove_swept(p);
}
