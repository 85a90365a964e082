/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "pdc-serve/compress.h"

#include <limits.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

/* Pages repeat themselves: the fast levels leave a tenth of them, too. */
#define COMPRESS_GZIP_LEVEL 1
#define COMPRESS_ZSTD_LEVEL 1
#define COMPRESS_GZIP_WINDOW (15 + 16) /* with the head and tail of gzip */
#define COMPRESS_GZIP_MEMORY 8

/* What to and body hold; 0 or -1. */
static int
compress_gzip(struct buf *to, struct buf *body)
{
	z_stream z;
	char *room;
	uLong bound;
	int ret;

	memset(&z, 0, sizeof(z));
	if (body->len > UINT_MAX / 2 ||
	    deflateInit2(&z, COMPRESS_GZIP_LEVEL, Z_DEFLATED,
		COMPRESS_GZIP_WINDOW, COMPRESS_GZIP_MEMORY,
		Z_DEFAULT_STRATEGY) != Z_OK)
		return -1;
	bound = deflateBound(&z, (uLong)body->len);
	room = pdc_buf_reserve(to, bound);
	if (room == NULL) {
		deflateEnd(&z);
		return -1;
	}
	z.next_in = (Bytef *)body->data;
	z.avail_in = (uInt)body->len;
	z.next_out = (Bytef *)room;
	z.avail_out = (uInt)bound;
	ret = deflate(&z, Z_FINISH);
	pdc_buf_commit(to, z.total_out);
	deflateEnd(&z);
	return ret == Z_STREAM_END ? 0 : -1;
}

static int
compress_zstd(struct buf *to, struct buf *body)
{
	size_t bound = ZSTD_compressBound(body->len), n;
	char *room = pdc_buf_reserve(to, bound);

	if (room == NULL)
		return -1;
	n = ZSTD_compress(room, bound, body->data, body->len,
	    COMPRESS_ZSTD_LEVEL);
	if (ZSTD_isError(n))
		return -1;
	pdc_buf_commit(to, n);
	return 0;
}

enum expo_coding
compress_body(struct buf *body, enum expo_coding coding)
{
	struct buf to;
	int ret = -1;

	pdc_buf_init(&to);
	if (coding == CODING_GZIP)
		ret = compress_gzip(&to, body);
	else if (coding == CODING_ZSTD)
		ret = compress_zstd(&to, body);
	if (ret < 0) {
		pdc_buf_fini(&to);
		return CODING_IDENTITY;
	}
	pdc_buf_fini(body);
	*body = to;
	return coding;
}
