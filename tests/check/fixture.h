/* SPDX-License-Identifier: ISC */
#ifndef CHECK_FIXTURE_H
#define CHECK_FIXTURE_H

/* A store with records of all kinds, and ways to damage it. */

#include <stddef.h>

#include "base/wire.h"
#include "checkpoint/checkpoint.h"
#include "help.h"
#include "lane/shape.h"
#include "metric/metric.h"
#include "multi/multi.h"
#include "sound.h"
#include "store/dying.h"
#include "store/series.h"

#define WORDS 65536

static struct pdc *p;
static char words[WORDS];

/* All findings, a line each, into words; how many. */
static inline void
collect(void *arg, const char *line)
{
	size_t at = strlen(words);

	(void)arg;
	snprintf(words + at, sizeof(words) - at, "%s\n", line);
}

static inline int
check(void)
{
	words[0] = '\0';
	return pdc_page_check(p, collect, NULL);
}

/* A record as it is, to be changed and put back. */
struct rec {
	unsigned char key[512], val[20000];
	size_t klen, len;
};

/* No hook: it would look at what is damaged. */
static inline void
begin(struct stxn *x)
{
	p->store->hook = NULL;
	p->store->done = NULL;
	if (pdc_stxn_write(x, p->store, 1000) < 0)
		bail_out("%s", pdc_error());
}

static inline void
end(struct stxn *x)
{
	if (pdc_stxn_commit(x) < 0)
		bail_out("%s", pdc_error());
	p->store->hook = pdc_epoch_hook;
	p->store->done = pdc_owed_done;
}

static inline void
put(const struct rec *r)
{
	struct stxn x;

	begin(&x);
	pdc_stxn_put(&x, r->key, r->klen, r->val, r->len);
	end(&x);
}

static inline void
del(const struct rec *r)
{
	struct stxn x;

	begin(&x);
	pdc_stxn_del(&x, r->key, r->klen);
	end(&x);
}

static inline uint32_t
family_id(struct stxn *x, const char *name)
{
	static struct family f;

	if (pdc_family_get(x, name, &f) < 0)
		bail_out("%s: %s", name, pdc_error());
	return f.r.id;
}

/* The first record of a kind, of a family if one is named. */
static inline void
get(char kind, const char *name, struct rec *r)
{
	struct scur c;
	struct stxn x;
	uint32_t id = 0;
	int got;

	if (pdc_stxn_read(&x, p->store) < 0 || pdc_scur_open(&c, &x) < 0)
		bail_out("%s", pdc_error());
	if (name != NULL && kind != 'F')
		id = family_id(&x, name);
	for (got = pdc_scur_seek(&c, &kind, 1); got == 1 && c.key[0] == kind;
	     got = pdc_scur_next(&c))
		if (name == NULL ||
		    (kind == 'F' ? c.klen == strlen(name) + 1 &&
				memcmp(c.key + 1, name, c.klen - 1) == 0 :
				   pdc_get_be32(c.key + 1) == id))
			break;
	if (got != 1 || c.key[0] != kind || c.len > sizeof(r->val))
		bail_out("there is no %c of %s", kind, name ? name : "any");
	memcpy(r->key, c.key, c.klen);
	memcpy(r->val, c.val, c.len);
	r->klen = c.klen;
	r->len = c.len;
	pdc_scur_close(&c);
	pdc_stxn_abort(&x);
}

/* For numbers in keys, which are big-endian. */
static inline void
key_add(unsigned char *at, size_t len, uint64_t v)
{
	if (len == 1)
		*at = (unsigned char)(*at + v);
	else if (len == 4)
		pdc_put_be32(at, pdc_get_be32(at) + (uint32_t)v);
	else
		pdc_put_be64(at, pdc_get_be64(at) + v);
}

static inline void
is_found(const char *want, const char *what)
{
	check();
	if (!ok(strstr(words, want) != NULL, "%s: found", what))
		diag("none with \"%s\":\n%s", want, words);
}

static inline struct pdc_series *
count(enum pdc_type type, const char *name, int n)
{
	struct pdc_family *f = help_family(p, type, name, "l");
	struct pdc_series *s = NULL;
	char value[16];
	int i;

	for (i = 0; i < n; i++) {
		snprintf(value, sizeof(value), "v%d", i);
		s = help_series(f, value);
		pdc_inc(s, 2);
		pdc_observe(s, .5);
	}
	return s;
}

static inline void
states(void)
{
	static const char *const names[] = { "on", "off", NULL };
	static const char *const labels[] = { "l", NULL };
	struct pdc_desc d = { .type = PDC_STATESET,
		.name = "st",
		.states = names,
		.labels = labels };
	struct pdc_desc t = { .type = PDC_COUNTER,
		.name = "idle",
		.labels = labels,
		.idle_s = 1e6 };
	struct pdc_family *f;

	if (pdc_declare(&f, p, &d) < 0)
		bail_out("%s", pdc_error());
	pdc_set_state(help_series(f, "x"), 1, 1);
	if (pdc_declare(&f, p, &t) < 0)
		bail_out("%s", pdc_error());
	pdc_inc(help_series(f, "x"), 1);
}

/* A family ends, and nobody has swept it up. */
static inline void
ends(const char *name)
{
	static struct family f;
	struct stxn x;

	if (pdc_stxn_write(&x, p->store, 1000) < 0 ||
	    pdc_family_get(&x, name, &f) < 0)
		bail_out("%s", pdc_error());
	pdc_family_end(&x, &f, GONE_ENDED);
	pdc_stxn_commit(&x);
}

static inline void
removed(const char *name, const char *value)
{
	const char *values[] = { value, NULL };

	if (pdc_remove(help_family(p, PDC_COUNTER, name, "l"), values) < 0)
		bail_out("%s", pdc_error());
}

/* Of schema 0: its record ends in bounds and a struct native_rec. */
static inline void
native(void)
{
	struct pdc_desc d = { .type = PDC_HISTOGRAM,
		.name = "n",
		.flags = PDC_NATIVE };
	struct pdc_family *f;

	if (pdc_declare(&f, p, &d) < 0)
		bail_out("%s", pdc_error());
	pdc_observe(help_series(f, NULL), 1);
}

#define NATIVE_BOUNDS 44
#define NATIVE_AT \
	(sizeof(struct family_rec) + 2 + NATIVE_BOUNDS * sizeof(double))

/* Records of all kinds but C, K and O. */
static inline struct pdc_series *
fill(void)
{
	struct pdc_label l = { "l", "v0" };
	struct pdc_key k = help_key("g", "", &l);
	struct pdc_series *s, *late;

	s = count(PDC_COUNTER, "c", 7);
	count(PDC_GAUGE, "g", 3);
	count(PDC_HISTOGRAM, "h", 20);
	count(PDC_SUMMARY, "s", 3);
	states();
	help_by_name(p, pdc_value_inc, &k, 1);
	count(PDC_COUNTER, "u", 20); /* comes back as U */
	count(PDC_COUNTER, "c2", 3);
	ends("u");
	removed("c", "v1");
	pdc_maintain(p);
	p->clock.mono_skew_ns += DYING_GRACE_NS + 1;
	pdc_maintain(p); /* and v1 as N */
	removed("c", "v2"); /* D */
	count(PDC_COUNTER, "e", 3);
	atomic_store(&p->retry_ns, INT64_MAX);
	late = help_series(help_family(p, PDC_COUNTER, "c2", "l"), "late");
	atomic_store(&p->retry_ns, 0);
	pdc_inc(late, 1);
	pdc_checkpoint(p); /* R */
	ends("e"); /* E */
	native();
	return s;
}

#endif
