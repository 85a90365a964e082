/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * A store with records of all kinds is whole; each kind of damage that is done
 * to one of them, or to cells, is found and named, and nothing is once it is
 * undone.
 */

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
static void
collect(void *arg, const char *line)
{
	size_t at = strlen(words);

	(void)arg;
	snprintf(words + at, sizeof(words) - at, "%s\n", line);
}

static int
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

static struct rec was, now;

/* No hook: it would look at what is damaged. */
static void
begin(struct stxn *x)
{
	p->store->hook = NULL;
	p->store->done = NULL;
	if (pdc_stxn_write(x, p->store, 1000) < 0)
		bail_out("%s", pdc_error());
}

static void
end(struct stxn *x)
{
	if (pdc_stxn_commit(x) < 0)
		bail_out("%s", pdc_error());
	p->store->hook = pdc_epoch_hook;
	p->store->done = pdc_owed_done;
}

static void
put(const struct rec *r)
{
	struct stxn x;

	begin(&x);
	pdc_stxn_put(&x, r->key, r->klen, r->val, r->len);
	end(&x);
}

static void
del(const struct rec *r)
{
	struct stxn x;

	begin(&x);
	pdc_stxn_del(&x, r->key, r->klen);
	end(&x);
}

static uint32_t
family_id(struct stxn *x, const char *name)
{
	static struct family f;

	if (pdc_family_get(x, name, &f) < 0)
		bail_out("%s: %s", name, pdc_error());
	return f.r.id;
}

/* The first record of a kind, of a family if one is named. */
static void
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

enum op {
	SET, /* len bytes at off become v */
	ADD, /* v more */
	CUT, /* off bytes are cut off at the end */
	DEL, /* it is deleted */
	KEY /* it is put under another key, len bytes at off v more */
};

struct damage {
	const char *what;
	char kind;
	const char *family;
	enum op op;
	size_t off, len;
	uint64_t v;
	const char *want;
};

#define AT(type, field) \
	offsetof(struct type, field), sizeof(((struct type *)0)->field)
#define BASE sizeof(struct value_head)

static const struct damage damages[] = {
	{ "a family more", 'M', NULL, ADD, AT(meta, nfamilies), 1,
	    "M: nfamilies is " },
	{ "a series more", 'M', NULL, ADD, AT(meta, nseries), 1,
	    "M: nseries is " },
	{ "ids begin again", 'M', NULL, SET, AT(meta, next_series), 1,
	    ", expected 1 or more below 1" },
	{ "families, too", 'M', NULL, SET, AT(meta, next_family), 1,
	    ", expected 1 or more below 1" },
	{ "units that nobody has", 'M', NULL, ADD, AT(meta, next_unit[0]), 8,
	    "are nobody's, expected V or U" },
	{ "units above", 'M', NULL, SET, AT(meta, next_unit[0]), 1,
	    "expected below 1, next_unit of M" },
	{ "a D above", 'M', NULL, SET, AT(meta, next_dying), 0,
	    "expected a number below 0" },
	{ "a later boot", 'M', NULL, ADD, AT(meta, boot_epoch), 5,
	    "in a boot that began with" },
	{ "a half family", 'F', "c", CUT, 1, 0, 0, "that are no family" },
	{ "no family", 'F', "c", DEL, 0, 0, 0, "there is no F c" },
	{ "the id of another", 'F', "c", ADD, AT(family_rec, id), 1,
	    "F c: I 2 has another name" },
	{ "another incarnation", 'F', "c", ADD, AT(family_rec, incarnation), 1,
	    "no F and no E have family 1, incarnation 1" },
	{ "one series more", 'F', "c", ADD, AT(family_rec, nseries), 1,
	    "family 1: nseries of F is " },
	{ "one number more", 'F', "c", ADD, AT(family_rec, next_n), 1,
	    "are nobody's, expected S, D, K or N" },
	{ "less numbers", 'F', "c", SET, AT(family_rec, next_n), 1,
	    "expected a number below 1, next_n of F" },
	{ "hidden with series", 'F', "c", SET, AT(family_rec, hidden), 1,
	    "it has ended with " },
	{ "a time of another boot", 'F', "c", SET, AT(family_rec, expires_boot),
	    9, "expires_boot is 9, expected " },
	{ "no id", 'I', "c", DEL, 0, 0, 0, "F c: there is no I 1" },
	{ "a name that is none", 'I', "c", SET, 0, 1, 'x',
	    "I 1: there is no F x" },
	{ "no name", 'I', "c", CUT, 1, 0, 0, "I 1: a name of 0 bytes" },
	{ "no series", 'S', "c", DEL, 0, 0, 0, ", which is no series" },
	{ "half a series", 'S', "c", CUT, 1, 0, 0, "that are no series" },
	{ "the id of another series", 'S', "c", ADD, AT(series_rec, id), 2,
	    ", expected one" },
	{ "no id", 'S', "c", SET, AT(series_rec, id), 0,
	    "id is 0, expected 1 or more" },
	{ "made in the future", 'S', "c", ADD, AT(series_rec, created_ns),
	    1000000000, "created " },
	{ "other values", 'S', "c", SET, sizeof(struct series_rec), 1, 'q',
	    "no L leads to it" },
	{ "other text", 'S', "c", SET, sizeof(struct series_rec) + 5, 1, 'q',
	    "as its values are" },
	{ "no look-up", 'L', "c", DEL, 0, 0, 0, "no L leads to it" },
	{ "a look-up of another", 'L', "c", ADD, 0, 4, 1, "leads to " },
	{ "half a look-up", 'L', "c", CUT, 2, 0, 0, "2 bytes, expected 4" },
	{ "no block", 'V', "c", DEL, 0, 0, 0, "are nobody's, expected V or U" },
	{ "half a block", 'V', "c", CUT, 8, 0, 0, "that are no value block" },
	{ "a block of the future", 'V', "c", ADD, AT(value_head, epoch), 1,
	    "V 1 1 0: epoch is " },
	{ "cells of another", 'V', "c", ADD, AT(value_head, unit), 1,
	    "that are another's, too" },
	{ "cells far away", 'V', "c", ADD, AT(value_head, unit), 1u << 30,
	    ", which are reserved" },
	{ "of another width", 'V', "h", SET, AT(value_head, width), 32,
	    "expected " },
	{ "a counter below 0", 'V', "c", SET, BASE, 8, 0xbff0000000000000,
	    "a counter that is below 0" },
	{ "seen more than there is", 'V', "c", SET, BASE + 8 * 8, 8,
	    0x4340000000000000, "its lanes have " },
	{ "seen more observations", 'V', "h", ADD, BASE + 4 * 15 * 16, 8, 1000,
	    "bucket 0: its lanes have " },
	{ "an operation nobody did", 'V', "g", ADD, BASE + 8, 4, 2,
	    ", and no O owes it" },
	{ "states it has not", 'V', "st", SET, BASE, 8, 0x4120000000000000,
	    "its value has other states than the family" },
	{ "a block nobody needs", 'V', "c", KEY, 9, 4, 50,
	    "no series can have a place in it" },
	{ "times of another boot", 'T', NULL, SET, 0, 8, 9, "boot is 9, " },
	{ "half the times", 'T', NULL, CUT, 8, 0, 0, " bytes, expected " },
	{ "a number with a value", 'N', NULL, SET, 0, 1, 0,
	    "1 bytes, expected none" },
	{ "no number", 'N', NULL, DEL, 0, 0, 0,
	    "are nobody's, expected S, D, K or N" },
	{ "a number that is taken", 'N', NULL, KEY, 9, 4, UINT32_MAX,
	    " is of N and of " },
	{ "no dying run", 'D', NULL, DEL, 0, 0, 0,
	    "are nobody's, expected S, D, K or N" },
	{ "half a dying run", 'D', NULL, CUT, 1, 0, 0,
	    "that are no dying run" },
	{ "elsewhere", 'D', NULL, ADD, AT(dying_rec, unit), 1,
	    " by the block of number " },
	{ "of no family", 'D', NULL, SET, AT(dying_rec, family), 77,
	    "no F and no E have family 77" },
	{ "with no id", 'D', NULL, SET, AT(dying_rec, id), 0,
	    "id is 0, expected 1 or more" },
	{ "of the future", 'D', NULL, ADD, AT(dying_rec, epoch), 9,
	    "epoch is " },
	{ "nothing has ended", 'E', NULL, DEL, 0, 0, 0, "no F and no E have " },
	{ "half an end", 'E', NULL, CUT, 1, 0, 0, "15 bytes, expected 16" },
	{ "an end of no zone", 'E', NULL, SET, AT(ended_rec, zone), 7,
	    "zone 7, width " },
	{ "an end of what lives", 'E', NULL, KEY, 5, 4, 1, "the family lives" },
	{ "no free units", 'U', NULL, DEL, 0, 0, 0,
	    "are nobody's, expected V or U" },
	{ "more free units", 'U', NULL, ADD, 0, 8, 1,
	    "that are another's, too" },
	{ "none", 'U', NULL, SET, 0, 8, 0, "no units, expected 1 or more" },
	{ "of the future", 'U', NULL, KEY, 1, 8, 3, "expected an epoch of " },
	{ "of no zone", 'U', NULL, KEY, 9, 1, 5, "; zone 5" },
};
#define NDAMAGES (sizeof(damages) / sizeof(damages[0]))

/* For numbers in keys, which are big-endian. */
static void
key_add(unsigned char *at, size_t len, uint64_t v)
{
	if (len == 1)
		*at = (unsigned char)(*at + v);
	else if (len == 4)
		pdc_put_be32(at, pdc_get_be32(at) + (uint32_t)v);
	else
		pdc_put_be64(at, pdc_get_be64(at) + v);
}

static void
apply(const struct damage *d)
{
	uint64_t v = 0;

	if (d->op == KEY) {
		key_add(now.key + d->off, d->len, d->v);
		return;
	}
	if (d->op == CUT) {
		now.len -= d->off;
		return;
	}
	if (d->op == ADD)
		memcpy(&v, now.val + d->off, d->len);
	v += d->v;
	memcpy(now.val + d->off, &v, d->len);
	if (now.len < d->off + d->len)
		now.len = d->off + d->len;
}

static void
test_damage(const struct damage *d)
{
	int n, found;

	get(d->kind, d->family, &was);
	now = was;
	if (d->op == DEL) {
		del(&was);
	} else {
		apply(d);
		put(&now);
	}
	n = check();
	found = strstr(words, d->want) != NULL;
	if (!ok(n > 0 && found, "%c, %s: found", d->kind, d->what))
		diag("%d findings, none with \"%s\":\n%s", n, d->want, words);
	if (d->op == KEY)
		del(&now);
	put(&was);
	n = sound(p);
	if (n != 0)
		bail_out("%c, %s: it was not undone", d->kind, d->what);
}

/* A record that is not there otherwise. */
static void
test_planted(const char *what, const void *key, size_t klen, size_t len,
    const char *want)
{
	memset(&now, 0, sizeof(now));
	memcpy(now.key, key, klen);
	now.klen = klen;
	now.len = len;
	put(&now);
	check();
	if (!ok(strstr(words, want) != NULL, "%s: found", what))
		diag("none with \"%s\":\n%s", want, words);
	del(&now);
}

static void
is_found(const char *want, const char *what)
{
	check();
	if (!ok(strstr(words, want) != NULL, "%s: found", what))
		diag("none with \"%s\":\n%s", want, words);
}

static void
test_tags(struct pdc_series *s)
{
	struct cells *c = pdc_cells_now(p);
	uint64_t unit = atomic_load(&s->unit), id = atomic_load(&s->id);
	struct dying_rec d;
	char want[64];

	pdc_cells_tag(c, ZONE_ADD, unit, id + 1000);
	snprintf(want, sizeof(want),
	    "the tag of unit %llu is %llu, expected "
	    "%llu",
	    (unsigned long long)unit, (unsigned long long)id + 1000,
	    (unsigned long long)id);
	is_found(want, "the tag of another");
	pdc_cells_tag(c, ZONE_ADD, unit, 0);
	is_int(sound(p), 0, "a tag that was not set yet is fine");
	pdc_cells_tag(c, ZONE_ADD, unit, id);
	get('D', NULL, &was);
	memcpy(&d, was.val, sizeof(d));
	pdc_cells_tag(c, d.zone, d.unit, d.id);
	is_found(", expected 0, and no O owes it", "a dying run with its tag");
	pdc_cells_tag(c, d.zone, d.unit, 0);
}

/* What a process that was killed owes is no finding. */
static void
test_owed(void)
{
	struct owed o = { .op = OWED_UNTAG };
	struct cells *c = pdc_cells_now(p);
	struct dying_rec d;

	get('D', NULL, &was);
	memcpy(&d, was.val, sizeof(d));
	o.epoch = d.epoch;
	o.unit = d.unit;
	o.id = d.id;
	o.zone = d.zone;
	o.dying = pdc_get_be64(was.key + 1);
	pdc_cells_tag(c, d.zone, d.unit, d.id);
	memset(&now, 0, sizeof(now));
	now.key[0] = 'O';
	now.klen = 5;
	memcpy(now.val, &o, sizeof(o));
	now.len = sizeof(o);
	put(&now);
	is_int(sound(p), 0, "a tag whose clearing is owed is fine");
	now.val[offsetof(struct owed, op)] = 9;
	put(&now);
	is_found("op 9 make no sense", "an effect that is none");
	now.len--;
	put(&now);
	is_found("55 bytes, expected 56", "half an effect");
	del(&now);
	pdc_cells_tag(c, d.zone, d.unit, 0);
}

static void
test_head(void)
{
	struct cells_head *h = pdc_cells_now(p)->head;
	uint64_t reserved = atomic_load(&h->zone[1].reserved);

	h->epoch++;
	is_found("cells: epoch is ", "another epoch in the cells");
	h->epoch--;
	h->uuid[3] ^= 1;
	is_found("cells: uuid is not that of M", "the cells of another");
	h->uuid[3] ^= 1;
	h->magic[0] ^= 1;
	is_found("cells: the head has no magic", "no cells");
	h->magic[0] ^= 1;
	atomic_store(&h->zone[1].reserved, h->zone[1].capacity + 1);
	is_found(" units reserved, expected ", "too many units");
	atomic_store(&h->zone[1].reserved, reserved);
}

static void
test_rings(void)
{
	struct cells *c = pdc_cells_now(p);
	struct ring *r = (void *)c->rings;
	uint64_t tail, at;

	if (!multi_rings(p))
		return;
	tail = atomic_load(&r->tail);
	atomic_store(&r->tail, atomic_load(&r->head) + 8);
	is_found("position of ring 0 is ", "a hint beyond what was taken");
	atomic_store(&r->tail, tail);
	get('R', NULL, &was);
	now = was;
	memcpy(&at, now.val, sizeof(at));
	at = atomic_load(&r->head) + 8;
	memcpy(now.val, &at, sizeof(at));
	put(&now);
	is_found("position of ring 0 is ", "a position beyond the ring");
	now.len = was.len - 3;
	put(&now);
	is_found("bytes, expected 8 a ring", "half a position");
	now.len = was.len + 8;
	put(&now);
	is_found("bytes, expected ", "a ring too many");
	put(&was);
}

static struct pdc_series *
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

static void
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
static void
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

static void
removed(const char *name, const char *value)
{
	const char *values[] = { value, NULL };

	if (pdc_remove(help_family(p, PDC_COUNTER, name, "l"), values) < 0)
		bail_out("%s", pdc_error());
}

/* Records of all kinds but C, K and O. */
static struct pdc_series *
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
	return s;
}

/* What an epoch leaves in the next one of its boot. */
static void
test_epochs(void)
{
	char *dir = tap_tmpdir();

	p = multi_open(dir, 0);
	count(PDC_COUNTER, "c", 7);
	pdc_checkpoint(p);
	multi_lose(dir);
	pdc_checkpoint(p);
	count(PDC_COUNTER, "c", 8);
	pdc_checkpoint(p);
	removed("c", "v1");
	is_int(sound(p), 0, "a store is whole after it lost its cells");
	p->clock.mono_skew_ns += DYING_GRACE_NS + 1;
	pdc_maintain(p);
	is_int(sound(p), 0, "and later");
	get('K', NULL, &was);
	now = was;
	now.len--;
	put(&now);
	is_found("that are no dying run", "K, half of it");
	put(&was);
	get('C', NULL, &was);
	now = was;
	now.val[0]++;
	put(&now);
	is_found("C 1 1 1 0: epoch is 2, expected 1", "C, another epoch");
	now.len -= 8;
	put(&now);
	is_found("that are no value block", "C, half of it");
	put(&was);
	key_add(now.key + 1, 8, 1);
	put(&now);
	is_found("the epoch is not closed", "C of the present epoch");
	del(&now);
	pdc_close(p);
}

/*
 * A creation that was killed left a tag where nobody has cells yet; who gives
 * them to a series that was there before dies before its tag is set.
 */
static void
test_left_tag(void)
{
	struct pdc_label l = { "l", "v0" };
	struct pdc_key k = help_key("c", "_total", &l);
	struct pdc_series *s;
	struct stxn x;

	p = multi_open(tap_tmpdir(), 0);
	count(PDC_COUNTER, "other", 1);
	help_family(p, PDC_COUNTER, "c", "l");
	help_by_name(p, pdc_value_inc, &k, 1);
	if (pdc_stxn_read(&x, p->store) < 0)
		bail_out("%s", pdc_error());
	pdc_stxn_abort(&x);
	pdc_cells_tag(pdc_cells_now(p), ZONE_ADD, x.meta.next_unit[ZONE_ADD],
	    1000);
	is_int(sound(p), 0, "a tag that a killed creation left is fine");
	p->store->done = NULL;
	s = count(PDC_COUNTER, "c", 1);
	is_int((long long)atomic_load(&s->unit),
	    (long long)x.meta.next_unit[ZONE_ADD], "the cells get an owner");
	is_int(sound(p), 0, "and do not keep it");
	p->store->done = pdc_owed_done;
	pdc_close(p);
}

static void
test_empty(void)
{
	p = multi_open(tap_tmpdir(), 0);
	is_int(sound(p), 0, "an empty store is whole");
	pdc_close(p);
}

static void
test_rdonly(char *dir)
{
	struct store_stat before, after;

	p = help_open(dir, PDC_RDONLY);
	pdc_store_stat(p->store, &before);
	is_int(sound(p), 0, "checked by a process that only reads");
	pdc_store_stat(p->store, &after);
	ok(before.last_txn == after.last_txn, "nothing is written");
	pdc_close(p);
}

int
main(void)
{
	static const unsigned char gap[] = { 'O', 0, 0, 0, 5 };
	char *dir = tap_tmpdir();
	struct pdc_series *s;
	size_t i;

	p = multi_open(dir, 0);
	s = fill();
	is_int(sound(p), 0, "a store with all kinds of records is whole");
	for (i = 0; i < NDAMAGES; i++)
		test_damage(&damages[i]);
	test_planted("a key of no kind", "Zstop", 5, 3,
	    "begins with 0x5a, which is no kind");
	test_planted("a short key", "Sxy", 3, 3,
	    "S: a key of 3 bytes, "
	    "expected 13");
	test_planted("an effect nobody comes to", gap, sizeof(gap),
	    sizeof(struct owed), "there is no O 4");
	test_tags(s);
	test_owed();
	test_head();
	test_rings();
	is_int(sound(p), 0, "with all undone it is whole again");
	pdc_close(p);
	test_rdonly(dir);
	test_epochs();
	test_left_tag();
	test_empty();
	return tap_done();
}
