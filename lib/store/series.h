/* SPDX-License-Identifier: ISC */
#ifndef PDC_STORE_SERIES_H
#define PDC_STORE_SERIES_H

#include <string.h>

#include "base/buf.h"
#include "store/family.h"

/*
 * The series that takes what is beyond max_series has one label and, in place
 * of label values, a byte that is in no UTF-8.
 */
#define SERIES_OVERFLOW "overflow"
#define SERIES_BEYOND "\xff"
static inline int
pdc_series_beyond(const char *values, size_t len)
{
	return len == sizeof(SERIES_BEYOND) &&
	    memcmp(values, SERIES_BEYOND, len) == 0;
}
/* Whether a family may have one: not gauges, nor where a label is called so. */
int pdc_series_overflows(const struct family *);

/* A series as stored; values and rendered point into the map. */
struct series_ref {
	uint64_t id;
	int64_t created_ns;
	const char *values;
	size_t values_len;
	const char *rendered;
	size_t rendered_len;
};

#define SERIES_KEY_LEN 13
void pdc_series_key(unsigned char *key, char kind, uint32_t family,
    uint32_t incarnation, uint32_t n);

#define LOOKUP_KEY_LEN 26
/* The first L of these values. */
void pdc_lookup_key(unsigned char *key, const struct family_rec *,
    const char *values, size_t len);
/*
 * One value for each label, each with its NUL, and UTF-8; then whose it is, if
 * each process has its own.
 */
int pdc_series_sane(const struct family *, const char *values, size_t len);

/* 0 or PDC_EFORMAT, without words. */
int pdc_series_parse(struct series_ref *, const void *val, size_t len,
    uint32_t nlabels);
/* And where each of its values is, but of the one that takes what is beyond. */
int pdc_series_take(struct series_ref *, const char **at, const void *val,
    size_t len, uint32_t nlabels);
int pdc_series_get(struct stxn *, const struct family *, uint32_t n,
    struct series_ref *);

/* The labels of these values as the text exposition has them. */
void pdc_series_render(struct buf *, const struct family *, const char *values,
    size_t len);
/*
 * Whether the rendered labels of a series are its values, which tells damage of
 * either; text is what they are to be.  1, 0, or PDC_ENOMEM with words.
 */
int pdc_series_agrees(struct buf *text, const struct family *,
    const struct series_ref *);
/* The same, faster, by what a family has around the values. */
struct series_form {
	struct buf text; /* up to each value, the next one from end on */
	size_t end[LABELS_MAX];
	struct buf again;
};
/* 0 or PDC_ENOMEM.  Zeroed before the first one. */
int pdc_series_form(struct series_form *, const struct family *);
/* at as of pdc_series_take(). */
int pdc_series_formed(struct series_form *, const struct family *,
    const struct series_ref *, const char *const *at);
void pdc_series_form_fini(struct series_form *);
/*
 * Of a family of which each process has its own series: bytes of values without
 * whose it is, else all; whose it is; and values of labels with that added.
 * There are IDENT_MAX bytes for it.
 */
size_t pdc_series_labels(const struct family *, const char *values, size_t len);
uint64_t pdc_series_owner(const struct family *, const char *values,
    size_t len);
size_t pdc_series_own(char *values, size_t len, uint64_t ident);

struct series_id {
	uint64_t id;
	uint32_t n;
};

/* The series with these values: 0, PDC_ENOENT or an error. */
int pdc_series_find(struct stxn *, const struct family *, const char *values,
    size_t len, struct series_id *);

/*
 * A new series; its created time is later than all given before.  Writes the
 * family too, which is shown again if it had ended.  PDC_EFORMAT, with nothing
 * done, if the values are not what they should be.  The caller sees to its
 * place in the values, where something of an earlier n may be.
 */
int pdc_series_add(struct stxn *, struct family *, const char *values,
    size_t len, struct series_id *);
/* Take the records of these values away: S and L. */
int pdc_series_unlink(struct stxn *, const struct family *, const char *values,
    size_t len);
/* The same of a family that lives, which is written. */
int pdc_series_del(struct stxn *, struct family *, const char *values,
    size_t len);

#endif
