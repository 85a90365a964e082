/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "pdc-serve/stream.h"

#include <sys/socket.h>

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pdc-serve/ask.h"
#include "pdc-serve/compress.h"
#include "pdc-serve/scrape.h"
#include "pdc-serve/serve.h"

#define STREAM_BLOCK ((size_t)32 * 1024)
#define STREAM_TIMEOUT "X-Prometheus-Scrape-Timeout-Seconds"

struct stream {
	struct serve *serve;
	struct MHD_Connection *connection;
	struct scrape scrape;
	struct ask ask;
	struct coder *coder;
	struct buf out; /* of the present piece; sent up to at */
	size_t at;
};

struct stream *
stream_new(struct serve *serve, struct MHD_Connection *connection,
    int64_t arrival_ns)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->serve = s->scrape.serve = serve;
	s->connection = connection;
	if (ask_read(&s->ask, connection) == 0)
		s->coder = coder_new(s->ask.coding);
	if (s->coder == NULL) {
		stream_free(s);
		return NULL;
	}
	s->scrape.start_ns = arrival_ns;
	s->scrape.deadline_ns = scrape_deadline(arrival_ns,
	    MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
		STREAM_TIMEOUT));
	s->scrape.opts.how = s->ask.how;
	s->scrape.opts.names = s->ask.names;
	return s;
}

void
stream_free(struct stream *s)
{
	if (s == NULL)
		return;
	scrape_fini(&s->scrape);
	ask_fini(&s->ask);
	coder_free(s->coder);
	pdc_buf_fini(&s->out);
	free(s);
}

const char *
stream_words(const struct stream *s)
{
	return s->scrape.words;
}

const char *
stream_type(const struct stream *s)
{
	return pdc_expo_type(&s->scrape.opts.how);
}

const char *
stream_coding(const struct stream *s)
{
	enum expo_coding coding = s->ask.coding;

	return coding == CODING_IDENTITY ? NULL : pdc_coding_word(coding);
}

/* Put what was made into its coding. */
static int
stream_code(struct stream *s, int code)
{
	pdc_buf_reset(&s->out);
	s->at = 0;
	if (code != 200 ||
	    coder_put(s->coder, &s->out, &s->scrape.piece,
		s->scrape.is_whole) == 0)
		return code;
	snprintf(s->scrape.words, sizeof(s->scrape.words), "out of memory");
	return 500;
}

int
stream_first(struct stream *s)
{
	return stream_code(s, scrape_first(&s->scrape));
}

/*
 * Without chunks the end of a connection is the end of a page: reset it, so
 * that nobody takes this for that.
 */
static ssize_t
stream_break(struct stream *s)
{
	const struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	const union MHD_ConnectionInfo *info;

	log_msg(&s->serve->log, LEVEL_WARN, "page broken off", "err",
	    s->scrape.words, NULL);
	atomic_fetch_add(&s->serve->counts.broken, 1);
	info = MHD_get_connection_info(s->connection,
	    MHD_CONNECTION_INFO_CONNECTION_FD);
	if (info != NULL)
		(void)connect(info->connect_fd, &nobody, sizeof(nobody));
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

static ssize_t
stream_read(void *cls, uint64_t pos, char *to, size_t max)
{
	struct stream *s = cls;
	size_t n;

	(void)pos;
	while (s->at == s->out.len) {
		if (s->scrape.is_whole)
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (stream_code(s, scrape_next(&s->scrape)) != 200)
			return stream_break(s);
	}
	n = s->out.len - s->at < max ? s->out.len - s->at : max;
	memcpy(to, s->out.data + s->at, n);
	s->at += n;
	return (ssize_t)n;
}

static void
stream_done(void *cls)
{
	stream_free(cls);
}

int
stream_is_whole(const struct stream *s)
{
	return s->scrape.is_whole;
}

struct MHD_Response *
stream_response(struct stream *s)
{
	struct MHD_Response *response;

	if (s->scrape.is_whole) {
		response = MHD_create_response_from_buffer(s->out.len,
		    s->out.data,
		    s->out.data == NULL ? MHD_RESPMEM_PERSISTENT :
					  MHD_RESPMEM_MUST_FREE);
		if (response != NULL)
			pdc_buf_init(&s->out); /* taken */
		stream_free(s);
		return response;
	}
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN,
	    STREAM_BLOCK, stream_read, s, stream_done);
	if (response == NULL)
		stream_free(s);
	return response;
}
