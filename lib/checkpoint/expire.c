/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Expiry: a family whose time has passed ends, all suffixes of all series at
 * once.  Whoever counts into it meanwhile only makes it live longer, or brings
 * it back: sums are compared in the transaction that ends it, and what comes
 * after that is late (store/dying.h).
 */

#include <stdlib.h>

#include "base/err.h"
#include "checkpoint/checkpoint.h"
#include "collect/live.h"
#include "pdc.h"

int
pdc_expire_family(struct stxn *x, struct pdc *p, struct family *f)
{
	const struct cells *c = pdc_cells_now(p);
	int64_t ago = pdc_live_shown(x, c, &f->r);

	if (f->r.hidden || !pdc_family_due(x, &f->r))
		return x->ret;
	if (pdc_live_expired(x, c, f, x->st->value))
		return pdc_family_end(x, f, GONE_ENDED);
	return pdc_family_use(x, f, ago >= 0 ? ago : 0);
}

int
pdc_expire_hook(void *arg, struct stxn *x, struct family *f)
{
	return pdc_expire_family(x, arg, f);
}

int
pdc_expire_due(struct stxn *x, void *arg, const struct walk_rec *r)
{
	struct pdc *p = x->st->hook_arg;
	struct family *f = arg;
	int64_t ago;

	if (pdc_family_parse(f, r->key + 1, r->klen - 1, r->val, r->len) < 0 ||
	    f->r.hidden)
		return x->ret;
	ago = pdc_live_shown(x, pdc_cells_now(p), &f->r);
	if (pdc_family_due(x, &f->r))
		pdc_expire_family(x, p, f);
	else if (ago >= 0)
		pdc_family_use(x, f, ago);
	else if (pdc_family_ttl(x, &f->r) != 0 && f->r.expires_mono_ns == 0)
		pdc_family_use(x, f, 0); /* its store has got a ttl since */
	else if (pdc_family_ttl(x, &f->r) != 0 &&
	    f->r.expires_boot != x->meta.boot_epoch)
		pdc_family_awake(x, f);
	else
		return x->ret;
	return x->ret < 0 ? x->ret : 1;
}

int
pdc_expire_all(struct pdc *p, uint32_t wait_ms)
{
	struct family *f;
	struct stxn x;
	int ret;

	f = malloc(sizeof(*f));
	if (f == NULL)
		return pdc_err_set(PDC_ENOMEM, "%s", p->store->dir);
	ret = pdc_stxn_write(&x, p->store, wait_ms);
	if (ret == 0) {
		pdc_stxn_fail(&x, pdc_walk(&x, "F", 1, pdc_expire_due, f));
		ret = pdc_stxn_commit(&x);
	}
	free(f);
	return ret;
}
