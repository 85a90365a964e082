/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * T records.
 */

#include "store/idle.h"

#include <string.h>

#include "base/err.h"
#include "pdc.h"
#include "store/series.h"

#define IDLE_STEP_NS 1000000000 /* a record is not written more often */

static size_t
idle_size(struct value_place at)
{
	return offsetof(struct idle, used_ns) + at.k * sizeof(int64_t);
}

int64_t
pdc_idle_ns(const struct family_rec *f)
{
	return f->idle_s > 0 && f->idle_s <= TTL_MAX_S ?
	    (int64_t)(f->idle_s * 1e9) :
	    0;
}

static int64_t
idle_step(int64_t idle)
{
	return idle / 16 < IDLE_STEP_NS ? idle / 16 : IDLE_STEP_NS;
}

/* Of a new boot, or damaged: whoever may be there was used now. */
static void
idle_anew(const struct stxn *x, struct value_place at, struct idle *t)
{
	uint32_t i;

	t->boot = x->meta.boot_epoch;
	for (i = 0; i < at.k; i++)
		t->used_ns[i] = pdc_clock_mono(x->st->clock);
}

int
pdc_idle_get(struct stxn *x, const struct family_rec *f, struct value_place at,
    struct idle *t)
{
	unsigned char key[SERIES_KEY_LEN];
	const void *val;
	size_t len;
	int ret;

	if (at.k > IDLE_SERIES)
		return pdc_err_set(PDC_EFORMAT,
		    "%s/data.mdb: a value block of family %u is damaged",
		    x->st->dir, f->id);
	pdc_series_key(key, 'T', f->id, f->incarnation, at.block);
	ret = pdc_stxn_get(x, key, sizeof(key), &val, &len);
	if (ret < 0 && ret != PDC_ENOENT)
		return ret;
	t->boot = 0;
	if (ret == 0 && len == idle_size(at))
		memcpy(t, val, len);
	if (t->boot == x->meta.boot_epoch)
		return 0;
	idle_anew(x, at, t);
	return 1;
}

int
pdc_idle_put(struct stxn *x, const struct family_rec *f, struct value_place at,
    const struct idle *t)
{
	unsigned char key[SERIES_KEY_LEN];

	pdc_series_key(key, 'T', f->id, f->incarnation, at.block);
	return pdc_stxn_put(x, key, sizeof(key), t, idle_size(at));
}

int
pdc_idle_mark(const struct stxn *x, const struct family_rec *f, struct idle *t,
    uint32_t pos)
{
	int64_t now = pdc_clock_mono(x->st->clock), was = t->used_ns[pos];

	if (was != 0 && now - was < idle_step(pdc_idle_ns(f)))
		return 0;
	t->used_ns[pos] = now;
	return 1;
}

int64_t
pdc_idle_left(const struct stxn *x, const struct family_rec *f,
    const struct idle *t, uint32_t pos)
{
	int64_t idle = pdc_idle_ns(f);

	return t->used_ns[pos] + idle + idle_step(idle) -
	    pdc_clock_mono(x->st->clock);
}

int
pdc_idle_due(const struct stxn *x, const struct family_rec *f,
    const struct idle *t, uint32_t pos)
{
	return t->used_ns[pos] != 0 && pdc_idle_left(x, f, t, pos) <= 0;
}

int
pdc_idle_use(struct stxn *x, const struct family_rec *f, struct value_place at)
{
	struct idle t;
	int ret, put;

	if (pdc_idle_ns(f) == 0)
		return x->ret;
	put = pdc_idle_get(x, f, at, &t);
	if (put < 0)
		return pdc_stxn_fail(x, put);
	ret = pdc_idle_mark(x, f, &t, at.pos);
	return put || ret ? pdc_idle_put(x, f, at, &t) : x->ret;
}
