/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * F records: a metric and all that is said of it.
 */

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/escape.h"
#include "base/kinds.h"
#include "base/wire.h"
#include "pdc.h"
#include "store/family.h"
#include "store/native.h"

/* The next NUL-terminated string of [*p, end), or NULL. */
static const char *
family_string(const char **p, const char *end)
{
	const char *s = *p, *nul;

	nul = memchr(s, '\0', (size_t)(end - s));
	if (nul == NULL)
		return NULL;
	*p = nul + 1;
	return s;
}

static int
family_sane(const struct family_rec *r, size_t len)
{
	if (r->type < PDC_COUNTER || r->type > PDC_UNKNOWN ||
	    r->zone > VALUE_GAUGE || r->hidden > 1 ||
	    (r->flags & ~(FAMILY_EXEMPLARS | FAMILY_NATIVE)) != 0 ||
	    (family_native(r) && r->type != PDC_HISTOGRAM) ||
	    r->nlabels > LABELS_MAX || r->nbounds > BOUNDS_MAX ||
	    r->width < 1 || r->width > BOUNDS_MAX + 1)
		return 0;
	if (r->zone !=
	    (r->type == PDC_COUNTER ? VALUE_ADD :
		    r->type == PDC_SUMMARY || r->type == PDC_HISTOGRAM ?
				      VALUE_PAIR :
				      VALUE_GAUGE))
		return 0;
	if (r->mode > PDC_LIVEMOSTRECENT ||
	    (r->type != PDC_GAUGE && r->mode != PDC_SHARED))
		return 0;
	if (r->type == PDC_HISTOGRAM ? r->width != r->nbounds + 1 :
				       r->width != 1 || r->nbounds != 0)
		return 0;
	if (r->type == PDC_STATESET ?
		r->nstates < 1 || r->nstates > STATES_MAX :
		r->nstates != 0)
		return 0;
	return len >=
	    sizeof(*r) + r->strings_len + (size_t)r->nbounds * sizeof(double);
}

static int
family_rising(const double *bounds, uint32_t n)
{
	uint32_t i;

	for (i = 1; i < n && bounds[i - 1] < bounds[i]; i++)
		continue;
	return n == 0 || (i == n && bounds[n - 1] <= DBL_MAX);
}

/* What is behind the strings. */
static int
family_bounds(struct family *f, const char *p, size_t len)
{
	size_t n = f->r.nbounds * sizeof(double);

	memcpy(f->bounds, p, n);
	if (!family_rising(f->bounds, f->r.nbounds))
		return PDC_EFORMAT;
	if (!family_native(&f->r))
		return len == n ? 0 : PDC_EFORMAT;
	if (len < n + sizeof(f->native))
		return PDC_EFORMAT;
	memcpy(&f->native, p + n, sizeof(f->native));
	p += n + sizeof(f->native);
	if (!pdc_native_sane(&f->native) ||
	    len - n - sizeof(f->native) != f->native.nclassic * sizeof(double))
		return PDC_EFORMAT;
	memcpy(f->classic, p, f->native.nclassic * sizeof(double));
	return family_rising(f->classic, f->native.nclassic) ? 0 : PDC_EFORMAT;
}

/* The states of a record: no page may get two samples of one name from it. */
static int
family_states(struct family *f, const char **p, const char *end)
{
	uint32_t i, j;

	for (i = 0; i < f->r.nstates; i++) {
		f->states[i] = family_string(p, end);
		if (f->states[i] == NULL || f->states[i][0] == '\0' ||
		    !pdc_utf8_valid(f->states[i], strlen(f->states[i])))
			return PDC_EFORMAT;
		for (j = 0; j < i; j++)
			if (strcmp(f->states[j], f->states[i]) == 0)
				return PDC_EFORMAT;
	}
	if (f->r.nstates == 0)
		return 0;
	for (j = 0; j < f->r.nlabels; j++)
		if (strcmp(f->labels[j], f->name) == 0)
			return PDC_EFORMAT;
	return strchr(f->name, ':') == NULL ? 0 : PDC_EFORMAT;
}

int
pdc_family_parse(struct family *f, const void *name, size_t nlen,
    const void *val, size_t len)
{
	const char *p, *end, *name_at;
	size_t used = 0;
	uint32_t i;

	if (nlen == 0 || nlen > NAME_MAX_LEN || len < sizeof(f->r))
		return PDC_EFORMAT;
	memcpy(f->name, name, nlen);
	f->name[nlen] = '\0';
	memcpy(&f->r, val, sizeof(f->r));
	if (!family_sane(&f->r, len) || strlen(f->name) != nlen ||
	    !pdc_name_utf8(f->name))
		return PDC_EFORMAT;
	p = (const char *)val + sizeof(f->r);
	end = p + f->r.strings_len;
	f->help = family_string(&p, end);
	f->unit = f->help != NULL ? family_string(&p, end) : NULL;
	if (f->unit == NULL || !pdc_utf8_valid(f->help, (size_t)(p - f->help)))
		return PDC_EFORMAT;
	for (i = 0; i < f->r.nlabels; i++) {
		name_at = family_string(&p, end);
		if (name_at == NULL || !pdc_name_utf8(name_at) ||
		    (size_t)(p - name_at) > sizeof(f->label_names) - used)
			return PDC_EFORMAT;
		memcpy(f->label_names + used, name_at, (size_t)(p - name_at));
		f->labels[i] = f->label_names + used;
		used += (size_t)(p - name_at);
	}
	if (family_states(f, &p, end) < 0 || p != end)
		return PDC_EFORMAT;
	return family_bounds(f, end, (size_t)((const char *)val + len - end));
}

static size_t
family_key(unsigned char *key, const char *name)
{
	size_t n = strlen(name);

	if (n > NAME_MAX_LEN)
		n = NAME_MAX_LEN;
	key[0] = 'F';
	memcpy(key + 1, name, n);
	return n + 1;
}

int
pdc_family_get(struct stxn *x, const char *name, struct family *f)
{
	unsigned char key[NAME_MAX_LEN + 1];
	size_t klen = family_key(key, name), len;
	const void *val;
	int ret;

	if (klen < 2 || strlen(name) > NAME_MAX_LEN)
		return PDC_ENOENT;
	ret = pdc_stxn_get(x, key, klen, &val, &len);
	if (ret < 0)
		return ret;
	ret = pdc_family_parse(f, key + 1, klen - 1, val, len);
	if (ret < 0)
		pdc_err_set(ret,
		    "%s/data.mdb: the record of family %s is damaged",
		    x->st->dir, name);
	return ret;
}

/* The sample is called like the family, and suffix after that. */
static int
family_has(struct stxn *x, const char *sample, const char *suffix,
    struct family *f)
{
	size_t n = strlen(sample), m = strlen(suffix);
	const char *const *has;
	char name[NAME_MAX_LEN + 1];

	if (n <= m || n - m > NAME_MAX_LEN ||
	    strcmp(sample + n - m, suffix) != 0)
		return 0;
	memcpy(name, sample, n - m);
	name[n - m] = '\0';
	if (pdc_family_get(x, name, f) < 0 || f->r.hidden)
		return 0;
	for (has = pdc_kind_suffixes(f->r.type); *has != NULL; has++)
		if (strcmp(*has, suffix) == 0)
			return 1;
	return 0;
}

int
pdc_family_named(struct stxn *x, const char *sample, struct family *f)
{
	const char *const *suffix;

	for (suffix = pdc_kind_every; *suffix != NULL; suffix++)
		if (family_has(x, sample, *suffix, f))
			return 1;
	return 0;
}

int
pdc_family_by_id(struct stxn *x, uint32_t id, struct family *f)
{
	unsigned char key[5] = { 'I' };
	char name[NAME_MAX_LEN + 1];
	const void *val;
	size_t len;
	int ret;

	pdc_put_be32(key + 1, id);
	ret = pdc_stxn_get(x, key, sizeof(key), &val, &len);
	if (ret < 0)
		return ret;
	if (len == 0 || len > NAME_MAX_LEN)
		return PDC_EFORMAT;
	memcpy(name, val, len);
	name[len] = '\0';
	ret = pdc_family_get(x, name, f);
	if (ret == 0 && f->r.id != id)
		return PDC_ENOENT;
	return ret;
}

int
pdc_family_incarnation(struct stxn *x, uint32_t id, uint32_t *incarnation)
{
	struct family *f;
	int ret;

	f = malloc(sizeof(*f));
	if (f == NULL)
		return pdc_err_set(PDC_ENOMEM, "family %u", id);
	ret = pdc_family_by_id(x, id, f);
	if (ret == 0)
		*incarnation = f->r.incarnation;
	free(f);
	return ret;
}

int
pdc_family_put(struct stxn *x, const struct family *f)
{
	unsigned char key[NAME_MAX_LEN + 1], ikey[5] = { 'I' };
	struct family_rec r = f->r;
	size_t klen = family_key(key, f->name), at;
	struct buf b;
	uint32_t i;

	pdc_buf_init(&b);
	pdc_buf_put(&b, &r, sizeof(r));
	at = b.len;
	pdc_buf_put(&b, f->help, strlen(f->help) + 1);
	pdc_buf_put(&b, f->unit, strlen(f->unit) + 1);
	for (i = 0; i < r.nlabels; i++)
		pdc_buf_put(&b, f->labels[i], strlen(f->labels[i]) + 1);
	for (i = 0; i < r.nstates; i++)
		pdc_buf_put(&b, f->states[i], strlen(f->states[i]) + 1);
	r.strings_len = (uint32_t)(b.len - at);
	pdc_buf_put(&b, f->bounds, r.nbounds * sizeof(double));
	if (family_native(&r)) {
		pdc_buf_put(&b, &f->native, sizeof(f->native));
		pdc_buf_put(&b, f->classic,
		    f->native.nclassic * sizeof(double));
	}
	if (b.error < 0) {
		pdc_stxn_fail(x, pdc_err_set(PDC_ENOMEM, "family %s", f->name));
	} else {
		memcpy(b.data, &r, sizeof(r));
		pdc_put_be32(ikey + 1, r.id);
		pdc_stxn_put(x, key, klen, b.data, b.len);
		pdc_stxn_put(x, ikey, sizeof(ikey), f->name, strlen(f->name));
	}
	pdc_buf_fini(&b);
	return x->ret;
}

int
pdc_family_touch(struct stxn *x, const struct family *f)
{
	unsigned char key[NAME_MAX_LEN + 1];
	size_t klen = family_key(key, f->name), len;
	const void *val;
	struct buf b;
	int ret;

	ret = pdc_stxn_get(x, key, klen, &val, &len);
	if (ret == PDC_ENOENT || (ret == 0 && len < sizeof(f->r)))
		ret = pdc_err_set(PDC_EFORMAT,
		    "%s/data.mdb: the record of family %s is damaged",
		    x->st->dir, f->name);
	if (ret < 0)
		return pdc_stxn_fail(x, ret);
	pdc_buf_init(&b);
	pdc_buf_put(&b, val, len);
	if (b.error < 0) {
		pdc_stxn_fail(x, pdc_err_set(PDC_ENOMEM, "family %s", f->name));
	} else {
		memcpy(b.data, &f->r, sizeof(f->r));
		pdc_stxn_put(x, key, klen, b.data, b.len);
	}
	pdc_buf_fini(&b);
	return x->ret;
}

int
pdc_family_forget(struct stxn *x, const struct family *f)
{
	unsigned char key[NAME_MAX_LEN + 1], ikey[5] = { 'I' };
	size_t klen = family_key(key, f->name);

	pdc_put_be32(ikey + 1, f->r.id);
	pdc_stxn_del(x, ikey, sizeof(ikey));
	return pdc_stxn_del(x, key, klen);
}

#define EXPIRE_STEP_NS 1000000000 /* a record is not written more often */

int64_t
pdc_family_ttl(const struct stxn *x, const struct family_rec *r)
{
	double ttl_s = r->ttl_s != 0 ? r->ttl_s : x->meta.ttl_s;

	return ttl_s > 0 && ttl_s <= TTL_MAX_S ? (int64_t)(ttl_s * 1e9) : 0;
}

static int64_t
family_step(int64_t ttl)
{
	return ttl / 16 < EXPIRE_STEP_NS ? ttl / 16 : EXPIRE_STEP_NS;
}

/* The deadline by the monotonic clock of this boot; 0: none yet. */
static int64_t
family_deadline(const struct stxn *x, const struct family_rec *r, int64_t ttl)
{
	int64_t left;

	if (r->expires_mono_ns == 0 || r->expires_boot == x->meta.boot_epoch)
		return r->expires_mono_ns;
	left = r->expires_wall_ns - pdc_clock_wall(x->st->clock);
	if (left > ttl)
		left = ttl;
	return pdc_clock_mono(x->st->clock) + left;
}

int
pdc_family_due(const struct stxn *x, const struct family_rec *r)
{
	int64_t ttl = pdc_family_ttl(x, r), deadline;

	if (ttl == 0)
		return 0;
	deadline = family_deadline(x, r, ttl);
	return deadline != 0 && deadline <= pdc_clock_mono(x->st->clock);
}

int
pdc_family_awake(struct stxn *x, struct family *f)
{
	int64_t now = pdc_clock_mono(x->st->clock);
	int64_t deadline = family_deadline(x, &f->r, pdc_family_ttl(x, &f->r));

	f->r.expires_boot = x->meta.boot_epoch;
	f->r.expires_mono_ns = deadline;
	f->r.expires_wall_ns = pdc_clock_wall(x->st->clock) + deadline - now;
	return pdc_family_touch(x, f);
}

/* A step later than it has to be, so that it may be written a step late. */
void
pdc_family_live(const struct stxn *x, struct family_rec *r, int64_t ago)
{
	int64_t ttl = pdc_family_ttl(x, r), left = ttl + family_step(ttl) - ago;

	r->expires_boot = x->meta.boot_epoch;
	r->expires_mono_ns = r->expires_wall_ns = 0;
	if (ttl == 0)
		return;
	r->expires_mono_ns = pdc_clock_mono(x->st->clock) + left;
	r->expires_wall_ns = pdc_clock_wall(x->st->clock) + left;
}

int
pdc_family_use(struct stxn *x, struct family *f, int64_t ago)
{
	int64_t ttl = pdc_family_ttl(x, &f->r);

	if (ttl == 0 ? f->r.expires_mono_ns == 0 :
		       f->r.expires_boot == x->meta.boot_epoch &&
		    f->r.expires_mono_ns >=
			pdc_clock_mono(x->st->clock) + ttl - ago)
		return x->ret;
	pdc_family_live(x, &f->r, ago);
	return pdc_family_touch(x, f);
}
