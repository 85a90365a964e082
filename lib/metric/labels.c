/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Label values as they are given: packed, to find a handle by them, and clean.
 *
 * Packing copies and hashes a value by words of 8 bytes.  The first of them is
 * put together byte by byte until there is a NUL, which most have: to call
 * strlen() and memcpy() would take longer.
 */

#include <string.h>

#include "base/err.h"
#include "base/escape.h"
#include "lane/fast.h"
#include "metric/metric.h"
#include "metric/pocket.h"
#include "pdc.h"

#define PACK_FACTOR UINT64_C(0x9b05688c2b3e6c1f)

/* In memory the first byte comes first; those behind the NUL are 0. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define PACK_BYTE(c, i) ((uint64_t)(c) << 8 * (i))
#define PACK_LAST(word, n) ((word) >> 8 * (PACK_WORD - (n)))
#else
#define PACK_BYTE(c, i) ((uint64_t)(c) << 8 * (PACK_WORD - 1 - (i)))
#define PACK_LAST(word, n) ((word) << 8 * (PACK_WORD - (n)))
#endif

/* Bytes of values; whose they are needs some, too. */
static size_t
labels_most(const struct pdc_family *f)
{
	return LABELS_MAX_LEN - (mode_each(f->mode) ? IDENT_MAX : 0);
}

static int
labels_long(const struct pdc_family *f, const char *how)
{
	return pdc_err_set(PDC_EINVAL, "labels of %s: more than %zu bytes%s",
	    f->name, labels_most(f), how);
}

/* There are n values, or more than labels. */
static int
labels_wrong(const struct pdc_family *f, uint32_t n)
{
	if (n < f->nlabels)
		return pdc_err_set(PDC_EINVAL,
		    "labels of %s: %u values, it has %u labels", f->name, n,
		    f->nlabels);
	return pdc_err_set(PDC_EINVAL,
	    "labels of %s: more values than its %u labels", f->name, n);
}

static inline void
pack_put(struct packed *k, uint64_t word)
{
	uint64_t a = k->hash ^ word;
	unsigned __int128 m = (unsigned __int128)a * PACK_FACTOR;

	memcpy(k->raw + k->len, &word, PACK_WORD);
	k->len += PACK_WORD;
	/* a again: a product says nothing of the high bits of a factor */
	k->hash = a ^ (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* Up to 8 bytes; how many with the NUL, or 0 if there is none among them. */
static inline size_t
pack_short(struct packed *k, const char *v)
{
	uint64_t word = 0;
	unsigned char c;
	size_t i;

#pragma GCC unroll 8
	for (i = 0; i < PACK_WORD; i++) {
		c = (unsigned char)v[i];
		word |= PACK_BYTE(c, i);
		if (c == '\0') {
			pack_put(k, word);
			return i + 1;
		}
	}
	pack_put(k, word);
	return 0;
}

/* The rest of n bytes with the NUL; what is before v is of the value, too. */
static void
pack_rest(struct packed *k, const char *v, size_t n)
{
	uint64_t word;

	for (; n > PACK_WORD; n -= PACK_WORD, v += PACK_WORD) {
		memcpy(&word, v, PACK_WORD);
		pack_put(k, word);
	}
	memcpy(&word, v + n - PACK_WORD, PACK_WORD);
	pack_put(k, PACK_LAST(word, n));
}

static int
labels_pack(struct packed *k, const struct pdc_family *f,
    const char *const *values)
{
	size_t left = labels_most(f), n;
	uint32_t i;

	k->hash = f->id;
	k->len = 0;
	for (i = 0; i < f->nlabels; i++) {
		if (values == NULL || values[i] == NULL)
			return labels_wrong(f, i);
		n = pack_short(k, values[i]);
		if (n == 0) {
			n = strlen(values[i]) + 1;
			if (n <= left)
				pack_rest(k, values[i] + PACK_WORD,
				    n - PACK_WORD);
		}
		if (n > left)
			return labels_long(f, "");
		left -= n;
	}
	if (values != NULL && values[i] != NULL)
		return labels_wrong(f, i);
	return 0;
}

size_t
pdc_labels_clean(const struct pdc_family *f, const struct packed *k,
    char *values)
{
	const char *v[LABELS_MAX], *raw = k->raw;
	size_t len = 0;
	uint32_t i;

	for (i = 0; i < f->nlabels; i++) {
		v[i] = raw;
		raw += (strlen(raw) / PACK_WORD + 1) * PACK_WORD;
	}
	for (i = 0; i < f->nlabels; i++) {
		len += pdc_utf8_clean(values + len, v[f->order[i]],
		    strlen(v[f->order[i]]));
		values[len++] = '\0';
	}
	return len;
}

int
pdc_labels_fit(const struct pdc_family *f, size_t len)
{
	return len <= labels_most(f) ? 0 : labels_long(f, " as UTF-8");
}

int
pdc_labels_values(const struct pdc_family *f, const char *const *given,
    char *values, size_t *len)
{
	char clean[3 * LABELS_MAX_LEN];
	struct packed k;
	size_t n;
	int ret;

	ret = labels_pack(&k, f, given);
	if (ret < 0)
		return ret;
	n = pdc_labels_clean(f, &k, clean);
	ret = pdc_labels_fit(f, n);
	if (ret < 0)
		return ret;
	memcpy(values, clean, n);
	*len = n;
	return 0;
}

/* Its tag is in its place, and nothing else can be wrong with it. */
static inline int
labels_ready(const struct pdc_series *s)
{
	const struct cells *c = pdc_cells_now(s->pdc);
	uint64_t id = atomic_load_explicit(&s->id, memory_order_relaxed),
		 unit = atomic_load_explicit(&s->unit, memory_order_relaxed);

	return c != NULL && !(s->how & HOW_EACH) &&
	    lane_knows(c, s->zone, unit) &&
	    atomic_load_explicit(&c->zone[s->zone].tags[unit],
		memory_order_relaxed) == id &&
	    atomic_load_explicit(&s->family->overflow, memory_order_relaxed) !=
	    id;
}

int
pdc_labels(struct pdc_series **sp, struct pdc_family *f,
    const char *const *values)
{
	struct pdc_series *s;
	struct packed k;
	int ret;

	if (sp == NULL)
		return pdc_err_set(PDC_EINVAL,
		    "labels: nowhere to put the handle");
	*sp = NULL;
	if (f == NULL)
		return pdc_err_set(PDC_EINVAL, "labels: no family");
	ret = labels_pack(&k, f, values);
	if (ret < 0)
		return ret;
	s = pocket_take(f, &k);
	if (s == NULL || !labels_ready(s))
		return pdc_labels_find(sp, f, &k, s);
	*sp = s;
	return 0;
}
