/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * S and L records: the series of a family, by number and by label values.
 */

#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/escape.h"
#include "base/hash.h"
#include "base/wire.h"
#include "pdc.h"
#include "store/again.h"
#include "store/series.h"

#define LOOKUP_TRIES 16 /* equal 128-bit hashes, of somebody's making */

void
pdc_series_key(unsigned char *key, char kind, uint32_t family,
    uint32_t incarnation, uint32_t n)
{
	key[0] = (unsigned char)kind;
	pdc_put_be32(key + 1, family);
	pdc_put_be32(key + 5, incarnation);
	pdc_put_be32(key + 9, n);
}

int
pdc_series_overflows(const struct family *f)
{
	uint32_t i;

	for (i = 0; i < f->r.nlabels; i++)
		if (strcmp(f->labels[i], SERIES_OVERFLOW) == 0)
			return 0;
	return f->r.nlabels > 0 && f->r.zone != VALUE_GAUGE;
}

/*
 * The first NUL from p on, before end, or NULL.  Eight bytes at a time: values
 * are short.
 */
static const char *
series_nul(const char *p, const char *end)
{
	const uint64_t ones = UINT64_MAX / 255;
	uint64_t w;

	for (; end - p >= 8; p += 8) {
		memcpy(&w, p, 8);
		w = le64toh(w);
		/* The lowest bit that is left is of the first NUL. */
		w = (w - ones) & ~w & (ones << 7);
		if (w != 0)
			return p + __builtin_ctzll(w) / 8;
	}
	return memchr(p, '\0', (size_t)(end - p));
}

int
pdc_series_take(struct series_ref *s, const char **at, const void *val,
    size_t len, uint32_t nlabels)
{
	const char *p = val, *end;
	struct series_rec rec;
	uint32_t i;

	if (len < sizeof(rec))
		return PDC_EFORMAT;
	memcpy(&rec, val, sizeof(rec));
	if (len - sizeof(rec) != (size_t)rec.values_len + rec.rendered_len)
		return PDC_EFORMAT;
	s->id = rec.id;
	s->created_ns = rec.created_ns;
	s->values = p + sizeof(rec);
	s->values_len = rec.values_len;
	s->rendered = s->values + rec.values_len;
	s->rendered_len = rec.rendered_len;
	if (pdc_series_beyond(s->values, s->values_len))
		return 0;
	/* A value that ends in what is rendered does not end well. */
	p = s->values;
	end = s->rendered + s->rendered_len;
	for (i = 0; i < nlabels; i++) {
		at[i] = p;
		p = series_nul(p, end);
		if (p == NULL)
			return PDC_EFORMAT;
		p++;
	}
	return p == s->rendered ? 0 : PDC_EFORMAT;
}

int
pdc_series_parse(struct series_ref *s, const void *val, size_t len,
    uint32_t nlabels)
{
	const char *at[LABELS_MAX + 1];

	return pdc_series_take(s, at, val, len, nlabels);
}

int
pdc_series_get(struct stxn *x, const struct family *f, uint32_t n,
    struct series_ref *s)
{
	unsigned char key[SERIES_KEY_LEN];
	const void *val;
	size_t len;
	int ret;

	pdc_series_key(key, 'S', f->r.id, f->r.incarnation, n);
	ret = pdc_stxn_get(x, key, sizeof(key), &val, &len);
	if (ret < 0)
		return ret;
	return pdc_series_parse(s, val, len, family_nvalues(&f->r));
}

/* An L record's key, the number it leads to, and the id that has. */
struct lookup {
	unsigned char key[LOOKUP_KEY_LEN];
	uint32_t n;
	uint64_t id;
};

void
pdc_lookup_key(unsigned char *key, const struct family_rec *f,
    const char *values, size_t len)
{
	uint64_t h[2];

	pdc_hash128(h, values, len);
	key[0] = 'L';
	pdc_put_be32(key + 1, f->id);
	pdc_put_be32(key + 5, f->incarnation);
	pdc_put_be64(key + 9, h[0]);
	pdc_put_be64(key + 17, h[1]);
	key[25] = 0;
}

/*
 * The L record of these values; the key is left at it, or at the first free
 * place.
 */
static int
series_lookup(struct stxn *x, const struct family *f, const char *values,
    size_t len, struct lookup *l)
{
	struct series_ref s;
	const void *val;
	size_t vlen;
	int ret;

	pdc_lookup_key(l->key, &f->r, values, len);
	for (; l->key[25] < LOOKUP_TRIES; l->key[25]++) {
		ret = pdc_stxn_get(x, l->key, sizeof(l->key), &val, &vlen);
		if (ret < 0)
			return ret;
		if (vlen != sizeof(l->n))
			continue;
		memcpy(&l->n, val, sizeof(l->n));
		ret = pdc_series_get(x, f, l->n, &s);
		if (ret == 0 && s.values_len == len &&
		    memcmp(s.values, values, len) == 0) {
			l->id = s.id;
			return 0;
		}
		if (ret < 0 && ret != PDC_ENOENT && ret != PDC_EFORMAT)
			return ret;
	}
	return pdc_err_set(PDC_EFULL,
	    "family %s: too many label sets of one hash", f->name);
}

int
pdc_series_find(struct stxn *x, const struct family *f, const char *values,
    size_t len, struct series_id *s)
{
	struct lookup l;
	int ret;

	ret = series_lookup(x, f, values, len, &l);
	if (ret == 0)
		*s = (struct series_id){ .id = l.id, .n = l.n };
	return ret;
}

uint64_t
pdc_series_owner(const struct family *f, const char *values, size_t len)
{
	uint64_t ident = IDENT_NONE;

	if (pdc_mode_keeps(f->r.mode) == KEEPS_ONE || len == 0 ||
	    values[len - 1] != '\0')
		return ident;
	(void)pdc_ident_parse(&ident,
	    values + pdc_series_labels(f, values, len));
	return ident;
}

size_t
pdc_series_labels(const struct family *f, const char *values, size_t len)
{
	const char *nul;

	if (pdc_mode_keeps(f->r.mode) == KEEPS_ONE || len == 0)
		return len;
	nul = memrchr(values, '\0', len - 1);
	return nul != NULL ? (size_t)(nul + 1 - values) : 0;
}

size_t
pdc_series_own(char *values, size_t len, uint64_t ident)
{
	return len + pdc_ident_put(values + len, ident);
}

static void
series_label(struct buf *b, size_t begin, const char *name, const char *value)
{
	if (b->len > begin)
		pdc_buf_chr(b, ',');
	pdc_escape_pair(b, name, value, ESCAPE_NONE);
}

/* The label slot of a mode that shows one stands in its sorted place. */
void
pdc_series_render(struct buf *b, const struct family *f, const char *values,
    size_t len)
{
	uint64_t owner = pdc_series_owner(f, values, len);
	int slots = pdc_mode_keeps(f->r.mode) == KEEPS_SLOTS;
	size_t begin = b->len;
	char slot[16];
	uint32_t i;

	if (pdc_series_beyond(values, len)) {
		pdc_buf_str(b, SERIES_OVERFLOW "=\"true\"");
		return;
	}
	snprintf(slot, sizeof(slot), "%u", ident_slot(owner));
	for (i = 0; i < f->r.nlabels; i++) {
		if (slots && strcmp(f->labels[i], MODES_LABEL) > 0) {
			series_label(b, begin, MODES_LABEL, slot);
			slots = 0;
		}
		series_label(b, begin, f->labels[i], values);
		values += strlen(values) + 1;
	}
	if (slots)
		series_label(b, begin, MODES_LABEL, slot);
}

int
pdc_series_agrees(struct buf *text, const struct family *f,
    const struct series_ref *s)
{
	pdc_buf_reset(text);
	pdc_series_render(text, f, s->values, s->values_len);
	if (text->error < 0)
		return pdc_err_set(PDC_ENOMEM, "family %s", f->name);
	return text->len == s->rendered_len &&
	    (text->len == 0 || memcmp(text->data, s->rendered, text->len) == 0);
}

int
pdc_series_form(struct series_form *form, const struct family *f)
{
	uint32_t i;

	pdc_buf_reset(&form->text);
	for (i = 0; i < f->r.nlabels; i++) {
		series_label(&form->text, 0, f->labels[i], "");
		form->end[i] = form->text.len - 1; /* before the last quote */
	}
	return form->text.error < 0 ?
	    pdc_err_set(PDC_ENOMEM, "family %s", f->name) :
	    0;
}

static inline uint64_t
series_word(const char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return w;
}

static inline uint32_t
series_half(const char *p)
{
	uint32_t w;

	memcpy(&w, p, sizeof(w));
	return w;
}

/*
 * memcmp() == 0 of what is short, without a call; the last bytes by a word that
 * overlaps.
 */
static inline int
series_same(const char *a, const char *b, size_t n)
{
	size_t i;

	if (n >= 8) {
		for (i = 0; i < n - 8; i += 8)
			if (series_word(a + i) != series_word(b + i))
				return 0;
		return series_word(a + n - 8) == series_word(b + n - 8);
	}
	if (n >= 4)
		return series_half(a) == series_half(b) &&
		    series_half(a + n - 4) == series_half(b + n - 4);
	return n == 0 ||
	    (a[0] == b[0] && a[n / 2] == b[n / 2] && a[n - 1] == b[n - 1]);
}

/* Nothing is escaped, and there is no label besides. */
static int
series_plain(const struct series_form *form, const struct series_ref *s,
    const char *const *at, uint32_t n)
{
	const char *r = s->rendered, *text = form->text.data;
	size_t from = 0, len;
	uint32_t i;

	if (s->rendered_len != form->text.len + s->values_len - n)
		return 0;
	for (i = 0; i < n; i++) {
		len = form->end[i] - from;
		if (!series_same(r, text + from, len))
			return 0;
		r += len;
		from += len;
		len = (size_t)((i + 1 < n ? at[i + 1] : s->rendered) - at[i]) -
		    1;
		if (!series_same(r, at[i], len))
			return 0;
		r += len;
	}
	return n == 0 || *r == '"';
}

int
pdc_series_formed(struct series_form *form, const struct family *f,
    const struct series_ref *s, const char *const *at)
{
	if (!pdc_series_beyond(s->values, s->values_len) &&
	    series_plain(form, s, at, f->r.nlabels))
		return 1;
	return pdc_series_agrees(&form->again, f, s);
}

void
pdc_series_form_fini(struct series_form *form)
{
	pdc_buf_fini(&form->text);
	pdc_buf_fini(&form->again);
}

/* Later than all created times given so far, wherever the clock is. */
static int64_t
series_created(struct stxn *x)
{
	int64_t now = pdc_clock_wall(x->st->clock);

	if (now <= x->meta.last_created_ns)
		now = x->meta.last_created_ns + 1;
	x->meta.last_created_ns = now;
	return now;
}

static int
series_put(struct stxn *x, const struct family *f, const struct series_id *s,
    const char *values, size_t len)
{
	struct series_rec rec = { .id = s->id, .values_len = (uint32_t)len };
	unsigned char key[SERIES_KEY_LEN];
	struct buf b;

	rec.created_ns = series_created(x);
	pdc_buf_init(&b);
	pdc_buf_put(&b, &rec, sizeof(rec));
	pdc_buf_put(&b, values, len);
	pdc_series_render(&b, f, values, len);
	if (b.error < 0) {
		pdc_stxn_fail(x, pdc_err_set(PDC_ENOMEM, "family %s", f->name));
	} else {
		rec.rendered_len = (uint32_t)(b.len - sizeof(rec) - len);
		memcpy(b.data, &rec, sizeof(rec));
		pdc_series_key(key, 'S', f->r.id, f->r.incarnation, s->n);
		pdc_stxn_put(x, key, sizeof(key), b.data, b.len);
	}
	pdc_buf_fini(&b);
	return x->ret;
}

int
pdc_series_sane(const struct family *f, const char *values, size_t len)
{
	uint64_t ident;
	uint32_t n = 0;
	size_t i;

	if (len > LABELS_MAX_LEN || (len > 0 && values[len - 1] != '\0'))
		return 0;
	for (i = 0; i < len; i++)
		n += values[i] == '\0';
	return n == family_nvalues(&f->r) && pdc_utf8_valid(values, len) &&
	    (pdc_mode_keeps(f->r.mode) == KEEPS_ONE ||
		pdc_ident_parse(&ident,
		    values + pdc_series_labels(f, values, len)));
}

int
pdc_series_add(struct stxn *x, struct family *f, const char *values, size_t len,
    struct series_id *s)
{
	struct lookup l;
	int ret;

	if (!pdc_series_beyond(values, len) && !pdc_series_sane(f, values, len))
		return pdc_err_set(PDC_EFORMAT,
		    "family %s: label values that cannot be", f->name);
	ret = series_lookup(x, f, values, len, &l);
	if (ret == 0)
		ret = pdc_err_set(PDC_EEXIST, "family %s: the series is there",
		    f->name);
	if (ret != PDC_ENOENT)
		return pdc_stxn_fail(x, ret);
	s->n = l.n = pdc_number_take(x, f);
	s->id = x->meta.next_series++;
	if (f->r.hidden) { /* back again */
		f->r.hidden = 0;
		x->meta.nfamilies++;
	}
	f->r.nseries++;
	x->meta.nseries++;
	pdc_family_live(x, &f->r, 0);
	series_put(x, f, s, values, len);
	pdc_stxn_put(x, l.key, sizeof(l.key), &l.n, sizeof(l.n));
	return pdc_family_touch(x, f);
}

int
pdc_series_unlink(struct stxn *x, const struct family *f, const char *values,
    size_t len)
{
	unsigned char key[SERIES_KEY_LEN];
	struct lookup l;
	int ret;

	ret = series_lookup(x, f, values, len, &l);
	if (ret < 0)
		return pdc_stxn_fail(x, ret);
	pdc_series_key(key, 'S', f->r.id, f->r.incarnation, l.n);
	pdc_stxn_del(x, key, sizeof(key));
	return pdc_stxn_del(x, l.key, sizeof(l.key));
}

int
pdc_series_del(struct stxn *x, struct family *f, const char *values, size_t len)
{
	if (pdc_series_unlink(x, f, values, len) < 0)
		return x->ret;
	f->r.nseries--;
	x->meta.nseries--;
	return pdc_family_touch(x, f);
}
