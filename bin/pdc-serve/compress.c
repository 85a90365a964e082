/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "pdc-serve/compress.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

/* Pages repeat themselves: the fast levels leave a tenth of them, too. */
#define COMPRESS_GZIP_LEVEL 1
#define COMPRESS_ZSTD_LEVEL 1
#define COMPRESS_GZIP_WINDOW (15 + 16) /* with the head and tail of gzip */
#define COMPRESS_GZIP_MEMORY 8
#define COMPRESS_ROOM ((size_t)16 * 1024) /* to go on with at least */

struct coder {
	enum expo_coding coding;
	z_stream gzip;
	ZSTD_CCtx *zstd;
};

struct coder *
coder_new(enum expo_coding coding)
{
	struct coder *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->coding = coding;
	if (coding == CODING_GZIP &&
	    deflateInit2(&c->gzip, COMPRESS_GZIP_LEVEL, Z_DEFLATED,
		COMPRESS_GZIP_WINDOW, COMPRESS_GZIP_MEMORY,
		Z_DEFAULT_STRATEGY) != Z_OK)
		goto fail;
	if (coding == CODING_ZSTD) {
		c->zstd = ZSTD_createCCtx();
		if (c->zstd == NULL ||
		    ZSTD_isError(ZSTD_CCtx_setParameter(c->zstd,
			ZSTD_c_compressionLevel, COMPRESS_ZSTD_LEVEL)))
			goto fail;
	}
	return c;
fail:
	coder_free(c);
	return NULL;
}

void
coder_free(struct coder *c)
{
	if (c == NULL)
		return;
	if (c->coding == CODING_GZIP)
		deflateEnd(&c->gzip);
	ZSTD_freeCCtx(c->zstd);
	free(c);
}

/* Until there is room left: then nothing is held back any more. */
static int
coder_gzip(z_stream *z, struct buf *to, struct buf *from, int last)
{
	uLong was;
	int ret;

	if (from->len > UINT_MAX)
		return -1;
	z->next_in = (Bytef *)from->data;
	z->avail_in = (uInt)from->len;
	do {
		z->next_out = (Bytef *)pdc_buf_reserve(to, COMPRESS_ROOM);
		if (z->next_out == NULL)
			return -1;
		z->avail_out = (uInt)(to->cap - to->len > UINT_MAX ?
			UINT_MAX :
			to->cap - to->len);
		was = z->total_out;
		ret = deflate(z, last ? Z_FINISH : Z_SYNC_FLUSH);
		pdc_buf_commit(to, z->total_out - was);
	} while (ret == Z_OK && z->avail_out == 0);
	if (last)
		return ret == Z_STREAM_END ? 0 : -1;
	return ret == Z_OK || ret == Z_BUF_ERROR ? 0 : -1;
}

static int
coder_zstd(ZSTD_CCtx *zstd, struct buf *to, struct buf *from, int last)
{
	ZSTD_inBuffer in = { from->data, from->len, 0 };
	ZSTD_outBuffer out;
	size_t left;

	do {
		out.dst = pdc_buf_reserve(to, COMPRESS_ROOM);
		if (out.dst == NULL)
			return -1;
		out.size = to->cap - to->len;
		out.pos = 0;
		left = ZSTD_compressStream2(zstd, &out, &in,
		    last ? ZSTD_e_end : ZSTD_e_flush);
		if (ZSTD_isError(left))
			return -1;
		pdc_buf_commit(to, out.pos);
	} while (left > 0);
	return 0;
}

int
coder_put(struct coder *c, struct buf *to, struct buf *from, int last)
{
	struct buf all;

	if (c->coding == CODING_GZIP)
		return coder_gzip(&c->gzip, to, from, last);
	if (c->coding == CODING_ZSTD)
		return coder_zstd(c->zstd, to, from, last);
	if (to->len > 0) {
		pdc_buf_put(to, from->data, from->len);
		return to->error;
	}
	all = *from;
	*from = *to;
	*to = all;
	return 0;
}
