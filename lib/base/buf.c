/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "pdc.h"

#include "base/fault.h"

#define BUF_FIRST 256

void
pdc_buf_init(struct buf *b)
{
	memset(b, 0, sizeof(*b));
}

void
pdc_buf_fini(struct buf *b)
{
	free(b->data);
	pdc_buf_init(b);
}

void
pdc_buf_reset(struct buf *b)
{
	b->len = 0;
	b->error = 0;
}

char *
pdc_buf_grow(struct buf *b, size_t n)
{
	size_t cap = b->cap != 0 ? b->cap : BUF_FIRST;
	char *data = NULL;

	if (b->error != 0)
		return NULL;
	if (b->data != NULL && n <= b->cap - b->len)
		return b->data + b->len;
	if (n <= SIZE_MAX / 4 - b->len) {
		while (cap < b->len + n || cap == b->cap)
			cap *= 2;
		if (!FAULT(BUF_GROW))
			data = realloc(b->data, cap);
	}
	if (data == NULL) {
		b->error = PDC_ENOMEM;
		return NULL;
	}
	b->data = data;
	b->cap = cap;
	return data + b->len;
}

void
pdc_buf_fmt(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	size_t room;
	char *p;
	int n;

	p = pdc_buf_reserve(b, 1);
	if (p == NULL)
		return;
	room = b->cap - b->len;
	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(p, room, fmt, ap);
	va_end(ap);
	/* The NUL needs room too, though it is not kept. */
	if (n > 0 && (size_t)n >= room) {
		p = pdc_buf_reserve(b, (size_t)n + 1);
		if (p != NULL)
			vsnprintf(p, (size_t)n + 1, fmt, again);
	}
	va_end(again);
	if (n < 0)
		b->error = PDC_ENOMEM;
	else
		pdc_buf_commit(b, (size_t)n);
}
