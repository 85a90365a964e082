/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Blocks by the names that are in them.  A name is found by its hash, so a
 * reader still compares it.
 */

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/wire.h"
#include "journal/journal.h"
#include "pdc.h"

#define NAME_HEAD "{\"name\": \""

/* A line that has none gets the hash of "". */
uint32_t
pdc_journal_name(const char *text, size_t len)
{
	size_t head = sizeof(NAME_HEAD) - 1, end;

	if (len < head || memcmp(text, NAME_HEAD, head) != 0)
		return (uint32_t)pdc_hash("", 0, 0);
	for (end = head; end < len && text[end] != '"'; end++)
		end += text[end] == '\\';
	if (end > len)
		end = len;
	return (uint32_t)pdc_hash(text + head, end - head, 0);
}

void
pdc_journal_name_key(unsigned char *key, enum journal_stream stream,
    uint32_t hash, uint64_t seq)
{
	key[0] = 'J';
	key[1] = (unsigned char)(stream | JOURNAL_NAMES);
	pdc_put_be32(key + 2, hash);
	pdc_put_be64(key + 6, seq);
}

static int
hash_order(const void *a, const void *b)
{
	uint32_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

/* The hash of each line's name, in order. */
static void
names_sorted(struct buf *out, const struct journal_view *v)
{
	uint32_t i, hash, at = 0, end;

	for (i = 0; i < v->h.nlines; i++, at = end) {
		end = pdc_journal_line(v, i).end;
		hash = pdc_journal_name(v->text + at, end - at);
		pdc_buf_put(out, &hash, sizeof(hash));
	}
	if (out->error == 0)
		qsort(out->data, v->h.nlines, sizeof(hash), hash_order);
}

int
pdc_journal_names(struct stxn *x, enum journal_stream stream,
    const struct journal_view *v, int put)
{
	unsigned char key[JOURNAL_NAME_KEY_LEN];
	uint64_t first = v->h.first;
	uint32_t hash, last = 0;
	struct buf names;
	size_t at;

	if (stream < STREAM_LOGS)
		return x->ret;
	pdc_buf_init(&names);
	names_sorted(&names, v);
	if (names.error)
		pdc_stxn_fail(x, pdc_err_set(PDC_ENOMEM, "the journal"));
	for (at = 0; x->ret == 0 && at < names.len; at += sizeof(hash)) {
		memcpy(&hash, names.data + at, sizeof(hash));
		if (at > 0 && hash == last)
			continue;
		last = hash;
		pdc_journal_name_key(key, stream, hash, first);
		if (put)
			pdc_stxn_put(x, key, sizeof(key), "", 0);
		else
			pdc_stxn_del(x, key, sizeof(key));
	}
	pdc_buf_fini(&names);
	return x->ret;
}
