/* SPDX-License-Identifier: ISC */
#include "config.h"

/* The store, its families, and what has ended of them. */

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/escape.h"
#include "base/wire.h"
#include "check/book.h"
#include "pdc.h"
#include "store/native.h"

static void
check_meta(struct check *c)
{
	const struct meta *m = &c->x.meta;

	if (m->next_series == 0 || m->next_family == 0)
		pdc_check_say(c,
		    "M: next_series is %" PRIu64 ", next_family %u, expected "
		    "1 or more",
		    m->next_series, m->next_family);
	if (m->epoch < m->boot_epoch || (m->epoch > 0 && m->boot_epoch == 0))
		pdc_check_say(c,
		    "M: epoch is %" PRIu64
		    " in a boot that began with %" PRIu64,
		    m->epoch, m->boot_epoch);
	if (m->oldest_epoch > m->epoch)
		pdc_check_say(c,
		    "M: oldest_epoch is %" PRIu64 ", epoch %" PRIu64,
		    m->oldest_epoch, m->epoch);
	if (!(m->ttl_s >= 0 && m->ttl_s <= TTL_MAX_S))
		pdc_check_say(c, "M: ttl_s is %g, expected 0 to %g", m->ttl_s,
		    TTL_MAX_S);
}

/* The head as it is now, for it was good when it was mapped. */
static void
check_head(struct check *c)
{
	const struct meta *m = &c->x.meta;
	const struct cells_head *h;
	uint64_t n;
	int i;

	if (c->cells == NULL)
		return;
	h = c->cells->head;
	if (memcmp(h->magic, CELLS_MAGIC, sizeof(h->magic)) != 0 ||
	    h->version != CELLS_VERSION)
		pdc_check_say(c, "cells: the head has no magic and version");
	if (h->epoch != m->epoch)
		pdc_check_say(c,
		    "cells: epoch is %" PRIu64 ", expected %" PRIu64 " as in M",
		    h->epoch, m->epoch);
	if (memcmp(h->uuid, m->uuid, sizeof(h->uuid)) != 0)
		pdc_check_say(c, "cells: uuid is not that of M");
	for (i = 0; i < NZONES; i++) {
		n = atomic_load(&h->zone[i].reserved);
		if (n > c->cells->zone[i].capacity)
			pdc_check_say(c,
			    "cells: zone %d has %" PRIu64
			    " units reserved, expected %" PRIu64 " at most",
			    i, n, c->cells->zone[i].capacity);
	}
}

/* Label names are sorted, else look-ups would miss. */
static int
family_sorted(const struct family *f)
{
	uint32_t i;

	for (i = 0; i < f->r.nlabels; i++)
		if (!pdc_name_utf8(f->labels[i]) ||
		    (i > 0 && strcmp(f->labels[i - 1], f->labels[i]) >= 0))
			return 0;
	return 1;
}

/* The cells of a native histogram are those of its buckets. */
static int
family_cells(const struct family *f, int *error)
{
	struct family *again;
	int ret;

	if (!family_native(&f->r))
		return 1;
	again = malloc(sizeof(*again));
	if (again == NULL) {
		*error = pdc_err_set(PDC_ENOMEM, "family %s", f->name);
		return 1;
	}
	*again = *f;
	ret = pdc_native_cells(again) == f->r.nbounds &&
	    memcmp(again->bounds, f->bounds, f->r.nbounds * sizeof(double)) ==
		0;
	free(again);
	return ret;
}

const char *
pdc_check_family(const struct family *f, int *error)
{
	*error = 0;
	if (!family_sorted(f))
		return "labels are not in order";
	if (!family_cells(f, error))
		return "its cells are not those of its native buckets";
	return NULL;
}

static void
family_named(struct check *c, const struct scur *cur, uint32_t id)
{
	unsigned char key[5] = { 'I' };
	const void *val;
	size_t len;
	int ret;

	pdc_put_be32(key + 1, id);
	ret = pdc_stxn_get(&c->x, key, sizeof(key), &val, &len);
	if (ret == PDC_ENOENT)
		pdc_check_key(c, cur, "there is no I %u", id);
	else if (ret == 0 &&
	    (len != cur->klen - 1 || memcmp(val, cur->key + 1, len) != 0))
		pdc_check_key(c, cur, "I %u has another name", id);
}

static void
family_one(struct check *c, const struct scur *cur)
{
	const struct family_rec *r = &c->f.r;
	const char *wrong;
	struct check_life l;
	int ret;

	if (pdc_family_parse(&c->f, cur->key + 1, cur->klen - 1, cur->val,
		cur->len) < 0) {
		pdc_check_key(c, cur, "%zu bytes that are no family", cur->len);
		return;
	}
	if (r->id == 0 || r->id >= c->x.meta.next_family)
		pdc_check_key(c, cur, "id is %u, expected 1 or more below %u",
		    r->id, c->x.meta.next_family);
	wrong = pdc_check_family(&c->f, &ret);
	if (ret < 0)
		c->ret = ret;
	else if (wrong != NULL)
		pdc_check_key(c, cur, "%s", wrong);
	if (r->expires_boot > c->x.meta.boot_epoch)
		pdc_check_key(c, cur,
		    "expires_boot is %" PRIu64 ", expected %" PRIu64 " at most",
		    r->expires_boot, c->x.meta.boot_epoch);
	if (r->epoch > c->x.meta.epoch || r->epoch_n > r->next_n)
		pdc_check_key(c, cur,
		    "epoch %" PRIu64 " began with next_n %u, expected %" PRIu64
		    " and %u at most",
		    r->epoch, r->epoch_n, c->x.meta.epoch, r->next_n);
	if (r->hidden && r->nseries > 0)
		pdc_check_key(c, cur,
		    "it has ended with %" PRIu64 " series, expected none",
		    r->nseries);
	family_named(c, cur, r->id);
	c->nfamilies += !r->hidden;
	c->nseries += r->nseries;
	l = (struct check_life){ .family = r->id,
		.incarnation = r->incarnation,
		.zone = r->zone,
		.width = r->width,
		.nlabels = family_nvalues(r),
		.nstates = r->nstates,
		.next_n = r->next_n,
		.nseries = r->nseries,
		.type = r->type };
	pdc_check_add(c, &c->lives, &l, sizeof(l));
}

static void
family_id(struct check *c, const struct scur *cur)
{
	uint32_t id = pdc_get_be32(cur->key + 1);
	unsigned char key[NAME_MAX_LEN + 1] = { 'F' };
	const void *val;
	size_t len;

	if (cur->len == 0 || cur->len > NAME_MAX_LEN) {
		pdc_check_key(c, cur, "a name of %zu bytes", cur->len);
		return;
	}
	memcpy(key + 1, cur->val, cur->len);
	if (pdc_stxn_get(&c->x, key, cur->len + 1, &val, &len) == PDC_ENOENT) {
		pdc_check_key(c, cur, "there is no F %.*s", (int)cur->len,
		    (const char *)cur->val);
		return;
	}
	if (pdc_family_by_id(&c->x, id, &c->f) == PDC_ENOENT)
		pdc_check_key(c, cur, "F %s has the id %u", c->f.name,
		    c->f.r.id);
}

static void
family_ended(struct check *c, const struct scur *cur)
{
	struct ended_rec e;
	struct check_life l = { .family = pdc_get_be32(cur->key + 1),
		.incarnation = pdc_get_be32(cur->key + 5),
		.ended = 1 };
	uint32_t now;

	if (cur->len != sizeof(e)) {
		pdc_check_key(c, cur, "%zu bytes, expected %zu", cur->len,
		    sizeof(e));
		return;
	}
	memcpy(&e, cur->val, sizeof(e));
	if (e.zone > VALUE_GAUGE || e.width < 1 || e.width > BOUNDS_MAX + 1 ||
	    (e.zone != VALUE_PAIR && e.width != 1) ||
	    e.nlabels > LABELS_MAX + 1 || e.late > LATE_DROPPED) {
		pdc_check_key(c, cur, "zone %u, width %u, %u values, late %u",
		    e.zone, e.width, e.nlabels, e.late);
		return;
	}
	if (pdc_family_incarnation(&c->x, l.family, &now) == 0 &&
	    l.incarnation >= now) {
		pdc_check_key(c, cur, "the family lives, as incarnation %u",
		    now);
		return;
	}
	l.zone = e.zone;
	l.width = e.width;
	l.nlabels = e.nlabels;
	pdc_check_add(c, &c->lives, &l, sizeof(l));
}

void
pdc_check_families(struct check *c)
{
	check_meta(c);
	check_head(c);
	pdc_check_each(c, 'F', family_one);
	pdc_check_each(c, 'I', family_id);
	pdc_check_each(c, 'E', family_ended);
	if (c->nfamilies != c->x.meta.nfamilies)
		pdc_check_say(c,
		    "M: nfamilies is %" PRIu64 ", expected %" PRIu64,
		    c->x.meta.nfamilies, c->nfamilies);
	if (c->nseries != c->x.meta.nseries)
		pdc_check_say(c, "M: nseries is %" PRIu64 ", expected %" PRIu64,
		    c->x.meta.nseries, c->nseries);
	if (c->lives.n > 1)
		qsort(c->lives.at, c->lives.n, sizeof(struct check_life),
		    pdc_check_life_compare);
}
