/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/wire.h"
#include "check/book.h"
#include "pdc.h"

#define WORDS_MAX 1024

void
pdc_check_add(struct check *c, struct check_list *l, const void *item,
    size_t size)
{
	size_t cap;
	void *more;

	if (l->n == l->cap) {
		cap = l->cap > 0 ? 2 * l->cap : 64;
		more = reallocarray(l->at, cap, size);
		if (more == NULL) {
			if (c->ret == 0)
				c->ret = pdc_err_set(PDC_ENOMEM, "checking %s",
				    c->st->dir);
			return;
		}
		l->at = more;
		l->cap = cap;
	}
	memcpy((char *)l->at + l->n++ * size, item, size);
}

int
pdc_check_life_compare(const void *va, const void *vb)
{
	const struct check_life *a = va, *b = vb;

	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	if (a->incarnation != b->incarnation)
		return a->incarnation < b->incarnation ? -1 : 1;
	return 0;
}

struct check_life *
pdc_check_life(struct check *c, uint32_t family, uint32_t incarnation)
{
	struct check_life want = { .family = family,
		.incarnation = incarnation };

	if (c->lives.n == 0)
		return NULL;
	return bsearch(&want, c->lives.at, c->lives.n, sizeof(want),
	    pdc_check_life_compare);
}

struct family_rec
pdc_check_shape(const struct check_life *l)
{
	return (struct family_rec){ .id = l->family,
		.incarnation = l->incarnation,
		.zone = (uint8_t)l->zone,
		.width = l->width,
		.nlabels = l->nlabels };
}

/* The key in words, after its kind. */
static int
key_words(const struct scur *cur, char *words, size_t len)
{
	const unsigned char *k = cur->key + 1;

	switch (cur->key[0]) {
	case 'F':
		return snprintf(words, len, " %.*s", (int)cur->klen - 1,
		    (const char *)k);
	case 'S':
	case 'V':
	case 'T':
	case 'N':
		return snprintf(words, len, " %u %u %u", pdc_get_be32(k),
		    pdc_get_be32(k + 4), pdc_get_be32(k + 8));
	case 'L':
		return snprintf(words, len,
		    " %u %u %016" PRIx64 "%016" PRIx64 " %u", pdc_get_be32(k),
		    pdc_get_be32(k + 4), pdc_get_be64(k + 8),
		    pdc_get_be64(k + 16), k[24]);
	case 'C':
		return snprintf(words, len, " %" PRIu64 " %u %u %u",
		    pdc_get_be64(k), pdc_get_be32(k + 8), pdc_get_be32(k + 12),
		    pdc_get_be32(k + 16));
	case 'E':
		return snprintf(words, len, " %u %u", pdc_get_be32(k),
		    pdc_get_be32(k + 4));
	case 'U':
		return snprintf(words, len, " %" PRIu64 " %u %" PRIu64,
		    pdc_get_be64(k), k[8], pdc_get_be64(k + 9));
	case 'J':
		return snprintf(words, len, " %u %" PRIu64, k[0],
		    pdc_get_be64(k + 1));
	case 'D':
	case 'K':
	case 'R':
		return snprintf(words, len, " %" PRIu64, pdc_get_be64(k));
	case 'I':
	case 'O':
		return snprintf(words, len, " %u", pdc_get_be32(k));
	default:
		return 0;
	}
}

/* Once not all could be looked at, what is missing is no finding. */
static void
say(struct check *c, char *words, int at, const char *fmt, va_list ap)
{
	if (c->ret < 0 || c->x.ret < 0)
		return;
	vsnprintf(words + at, WORDS_MAX - (size_t)at, fmt, ap);
	if (c->nfound < INT32_MAX)
		c->nfound++;
	c->found(c->arg, words);
}

void
pdc_check_key(struct check *c, const struct scur *cur, const char *fmt, ...)
{
	char words[WORDS_MAX];
	va_list ap;
	int at = 1;

	words[0] = (char)cur->key[0];
	at += key_words(cur, words + 1, NAME_MAX_LEN + 64);
	at += snprintf(words + at, 3, ": ");
	va_start(ap, fmt);
	say(c, words, at, fmt, ap);
	va_end(ap);
}

void
pdc_check_say(struct check *c, const char *fmt, ...)
{
	char words[WORDS_MAX];
	va_list ap;

	va_start(ap, fmt);
	say(c, words, 0, fmt, ap);
	va_end(ap);
}

/* The length of a key of this kind; 0: of no one length, or no kind. */
static size_t
key_len(char kind)
{
	static const char kinds[] = "MISLVTCNDKEUOR";
	static const unsigned char lens[] = { 1, 5, 13, 26, 13, 13, 21, 13, 9,
		9, 9, 18, 5, 9 };
	const char *at = strchr(kinds, kind);

	return at != NULL ? lens[at - kinds] : 0;
}

void
pdc_check_each(struct check *c, char kind,
    void (*fn)(struct check *, const struct scur *))
{
	size_t want = key_len(kind);
	struct scur cur;
	int got;

	if (c->ret < 0 || pdc_scur_open(&cur, &c->x) < 0)
		return;
	for (got = pdc_scur_seek(&cur, &kind, 1);
	     got == 1 && cur.key[0] == (unsigned char)kind && c->ret == 0;
	     got = pdc_scur_next(&cur)) {
		if (want != 0 && cur.klen != want)
			pdc_check_say(c, "%c: a key of %zu bytes, expected %zu",
			    kind, cur.klen, want);
		else
			fn(c, &cur);
	}
	pdc_scur_close(&cur);
}
