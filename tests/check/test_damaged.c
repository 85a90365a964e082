/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * A store with records of all kinds is whole; each kind of damage that is done
 * to one of them is found and named, and nothing is once it is undone.
 */

#include "check/fixture.h"

static struct rec was, now;

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
	{ "a later oldest one", 'M', NULL, ADD, AT(meta, oldest_epoch), 5,
	    "oldest_epoch is 5" },
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
	{ "an epoch to come", 'F', "c", SET, AT(family_rec, epoch), 9,
	    "epoch 9 began with next_n 0, expected " },
	{ "an epoch that began later", 'F', "c", ADD, AT(family_rec, epoch_n),
	    9, "began with next_n 9, expected " },
	{ "hidden with series", 'F', "c", SET, AT(family_rec, hidden), 1,
	    "it has ended with " },
	{ "a time of another boot", 'F', "c", SET, AT(family_rec, expires_boot),
	    9, "expires_boot is 9, expected " },
	{ "another schema", 'F', "n", SET,
	    NATIVE_AT + offsetof(struct native_rec, schema), 4, 1,
	    "F n: its cells are not those of its native buckets" },
	{ "no schema", 'F', "n", SET,
	    NATIVE_AT + offsetof(struct native_rec, schema), 4, 9,
	    "that are no family" },
	{ "bounds that fall", 'F', "n", SET, NATIVE_AT - 16, 8, 0,
	    "that are no family" },
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
	{ "no block", 'V', "c", DEL, 0, 0, 0, "there is no V 0 for its " },
	{ "nor its units", 'V', "c", DEL, 0, 0, 0,
	    "are nobody's, expected V or U" },
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
	{ "seen more observations", 'V', "h", ADD, BASE + 8 * 15 * 16, 8, 1000,
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
	is_found(want, what);
	del(&now);
}

int
main(void)
{
	static const unsigned char gap[] = { 'O', 0, 0, 0, 5 };
	size_t i;

	p = multi_open(tap_tmpdir(), 0);
	fill();
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
	sound_close(p);
	return tap_done();
}
