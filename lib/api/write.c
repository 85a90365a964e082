/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Pages of pdc.h, handed over piece by piece.
 */

#include <errno.h>
#include <string.h>

#include "api/page.h"
#include "base/err.h"
#include "pdc.h"

/* What was begun is given or not at all: errno stays as out leaves it. */
static int
write_out(int (*out)(void *arg, const void *data, size_t len), void *arg,
    const struct buf *b)
{
	if (b->len == 0 || out(arg, b->data, b->len) == 0)
		return 0;
	return pdc_err_set(PDC_ECANCELED,
	    "the page was ended by who it was for");
}

/* Put the next piece behind what b has: 1 if there is more, 0, or an error. */
static int
write_piece(struct page *pg, struct pdc *p, const struct page_opts *opts,
    struct buf *b)
{
	int ret;

	ret = pdc_page_more(pg, p, b);
	if (ret == 0)
		pdc_page_end(b, opts);
	if (ret >= 0 && b->error < 0)
		ret = pdc_err_set(PDC_ENOMEM, "a page");
	return ret;
}

int
pdc_page_write(struct pdc *p, const struct page_opts *opts,
    int (*out)(void *arg, const void *data, size_t len), void *arg,
    struct page_result *result)
{
	struct page *pg;
	struct buf b;
	int ret, more = 1, saved;

	ret = pdc_page_open(&pg, opts);
	if (ret < 0)
		return ret;
	pdc_buf_init(&b);
	while (ret == 0 && more) {
		pdc_buf_reset(&b);
		ret = more = write_piece(pg, p, opts, &b);
		if (ret >= 0)
			ret = write_out(out, arg, &b);
	}
	saved = errno;
	if (ret == 0 && result != NULL)
		*result = *pdc_page_result(pg);
	pdc_buf_fini(&b);
	pdc_page_close(pg);
	errno = saved;
	return ret;
}

const char *
pdc_content_type(const char *accept)
{
	struct expo_how how;

	memset(&how, 0, sizeof(how));
	pdc_accept_format(&how, accept);
	return pdc_expo_type(&how);
}

int
pdc_write(struct pdc *p, const char *accept,
    int (*out)(void *arg, const void *data, size_t len), void *arg)
{
	struct page_opts opts = { .format = PAGE_METRICS };

	if (p == NULL || out == NULL)
		return pdc_err_set(PDC_EINVAL,
		    "write: no store, or nobody to write to");
	pdc_accept_format(&opts.how, accept);
	return pdc_page_write(p, &opts, out, arg, NULL);
}

/* All pieces in one buffer, where each was made. */
static int
write_buf(struct pdc *p, const struct page_opts *opts, struct buf *b)
{
	struct page *pg;
	int ret;

	ret = pdc_page_open(&pg, opts);
	if (ret < 0)
		return ret;
	do
		ret = write_piece(pg, p, opts, b);
	while (ret > 0);
	pdc_page_close(pg);
	pdc_buf_chr(b, '\0');
	if (ret == 0 && b->error < 0)
		ret = pdc_err_set(PDC_ENOMEM, "render");
	return ret;
}

int
pdc_render(struct pdc *p, const char *accept, char **text, size_t *len,
    const char **content_type)
{
	struct page_opts opts = { .format = PAGE_METRICS };
	struct buf b;
	int ret;

	if (p == NULL || text == NULL || len == NULL)
		return pdc_err_set(PDC_EINVAL,
		    "render: no store, or nowhere to put the text");
	pdc_buf_init(&b);
	pdc_accept_format(&opts.how, accept);
	ret = write_buf(p, &opts, &b);
	if (ret < 0) {
		pdc_buf_fini(&b);
		return ret;
	}
	*text = b.data;
	*len = b.len - 1;
	if (content_type != NULL)
		*content_type = pdc_content_type(accept);
	return 0;
}
