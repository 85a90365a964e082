/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <string.h>

#include "checkpoint/checkpoint.h"

#define WALK_BATCH 256 /* writes of a transaction */
#define WALK_LOOKS 64 /* records between two looks at the clock */

void
pdc_walk_init(struct walk *w, const void *prefix, size_t plen)
{
	memcpy(w->key, prefix, plen);
	w->plen = w->klen = plen;
	w->until_ns = INT64_MAX;
	w->writes = 0;
	w->more = 1;
}

static int
walk_late(const struct stxn *x, const struct walk *w)
{
	return w->until_ns != INT64_MAX &&
	    pdc_clock_mono(x->st->clock) >= w->until_ns;
}

/* 1: the record at w->key was written; more tells whether to come again. */
static int
walk_on(struct stxn *x, struct walk *w, pdc_walk_fn *fn, void *arg)
{
	struct walk_rec r = { .key = w->key };
	struct scur c;
	int got, ret, n = 0;

	ret = pdc_scur_open(&c, x);
	if (ret < 0)
		return ret;
	for (got = pdc_scur_seek(&c, w->key, w->klen); ret == 0;
	     got = pdc_scur_next(&c)) {
		w->more = got == 1 && c.klen >= w->plen &&
		    c.klen < WALK_KEY_MAX &&
		    memcmp(c.key, w->key, w->plen) == 0;
		if (!w->more)
			break;
		memcpy(w->key, c.key, c.klen);
		w->klen = r.klen = c.klen;
		if (++n % WALK_LOOKS == 0 && walk_late(x, w))
			break;
		r.val = c.val;
		r.len = c.len;
		ret = fn(x, arg, &r);
	}
	pdc_scur_close(&c);
	return got < 0 ? got : ret;
}

int
pdc_walk_some(struct stxn *x, struct walk *w, pdc_walk_fn *fn, void *arg)
{
	int ret;

	for (;;) {
		/* Anew after each write: nothing is assumed of a cursor. */
		ret = walk_on(x, w, fn, arg);
		if (ret != 1)
			return ret;
		w->key[w->klen++] = 0; /* the next key after this one */
		if (++w->writes % WALK_BATCH == 0)
			ret = pdc_stxn_renew(x);
		if (ret < 0 || walk_late(x, w))
			return ret < 0 ? ret : 0;
	}
}

int
pdc_walk(struct stxn *x, const void *prefix, size_t plen, pdc_walk_fn *fn,
    void *arg)
{
	struct walk w;

	pdc_walk_init(&w, prefix, plen);
	return pdc_walk_some(x, &w, fn, arg);
}
