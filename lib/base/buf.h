/* SPDX-License-Identifier: ISC */
#ifndef PDC_BASE_BUF_H
#define PDC_BASE_BUF_H

#include <stddef.h>
#include <string.h>

/*
 * Memory that grows while one writes to it.  The first failure stays in error
 * and every later call does nothing, so a writer asks once, at its end.
 *
 * data is malloc'ed, or NULL before the first byte; it has no NUL at its end.
 * Who takes data away calls pdc_buf_init() after.
 */
struct buf {
	char *data;
	size_t len, cap;
	int error; /* 0 or PDC_ENOMEM */
};

void pdc_buf_init(struct buf *);
void pdc_buf_fini(struct buf *);

/* Forget contents and error; keep the memory. */
void pdc_buf_reset(struct buf *);

/*
 * Have room for n more bytes.  Returns where they go, or NULL; what was
 * written there counts after pdc_buf_commit().
 */
char *pdc_buf_grow(struct buf *, size_t n);

void pdc_buf_fmt(struct buf *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static inline char *
pdc_buf_reserve(struct buf *b, size_t n)
{
	if (b->error == 0 && b->data != NULL && n <= b->cap - b->len)
		return b->data + b->len;
	return pdc_buf_grow(b, n);
}

/* n is not more than what was reserved; after a failure nothing happens. */
static inline void
pdc_buf_commit(struct buf *b, size_t n)
{
	if (b->error == 0)
		b->len += n;
}

static inline void
pdc_buf_put(struct buf *b, const void *data, size_t len)
{
	char *p = pdc_buf_reserve(b, len);

	if (p == NULL || len == 0)
		return;
	memcpy(p, data, len);
	b->len += len;
}

static inline void
pdc_buf_str(struct buf *b, const char *s)
{
	pdc_buf_put(b, s, strlen(s));
}

static inline void
pdc_buf_chr(struct buf *b, char c)
{
	char *p = pdc_buf_reserve(b, 1);

	if (p == NULL)
		return;
	*p = c;
	b->len++;
}

#endif
