/* SPDX-License-Identifier: ISC */

/*
 * libmicrohttpd calls http_access() at least twice for a request: after its
 * head, for each piece of its body, which is thrown away, and at its end, when
 * the answer is given.  http_completed() comes when the answer is sent or the
 * connection has failed.  All of it runs in the thread of the connection.
 */
#include "config.h"

#include "pdc-serve/http.h"

#include <sys/socket.h>

#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "pdc-serve/feed.h"
#include "pdc-serve/landing.h"
#include "pdc-serve/now.h"
#include "pdc-serve/serve.h"
#include "pdc-serve/stream.h"

#define HTTP_IDLE_S 30
#define HTTP_BODY_MAX (1 << 20)
#define HTTP_WORDS_TYPE "text/plain; charset=utf-8"

struct http_request {
	int64_t arrival_ns;
	enum counts_handler handler;
	enum feed_kind feed; /* of HANDLER_JOURNAL */
	int is_scrape; /* counted in counts.scrapes */
	size_t body_len;
};

struct http_answer {
	int code;
	const char *type;
	const char *coding; /* NULL: as it is */
	int varies; /* by what was accepted */
	int chunks; /* GET gets it in some, and this is HEAD */
	struct stream *stream; /* of a page, or NULL */
	struct feed *feed; /* of the journal; else NULL, and it is body */
	struct buf body;
};

static enum counts_handler
http_route(const struct serve *serve, const char *path, enum feed_kind *feed)
{
	static const char *const feeds[] = { "/logs", "/events", "/measures" };
	int i;

	if (strcmp(path, serve->options->telemetry_path) == 0)
		return HANDLER_METRICS;
	for (i = 0; i < 3; i++)
		if (strcmp(path, feeds[i]) == 0) {
			*feed = (enum feed_kind)i;
			return HANDLER_JOURNAL;
		}
	if (strcmp(path, "/measures/latest") == 0)
		return HANDLER_LATEST;
	if (strcmp(path, "/") == 0)
		return HANDLER_LANDING;
	if (strcmp(path, "/-/healthy") == 0)
		return HANDLER_HEALTHY;
	if (strcmp(path, "/-/ready") == 0)
		return HANDLER_READY;
	return HANDLER_OTHER;
}

static void
http_words(struct http_answer *answer, int code, const char *words)
{
	answer->code = code;
	answer->type = HTTP_WORDS_TYPE;
	answer->coding = NULL;
	pdc_buf_reset(&answer->body);
	pdc_buf_fmt(&answer->body, "%s\n", words);
}

static void
http_metrics(struct serve *serve, struct MHD_Connection *connection,
    struct http_request *request, struct http_answer *answer)
{
	unsigned max = serve->options->max_requests, others;
	struct stream *stream;

	answer->varies = 1;
	others = atomic_fetch_add(&serve->counts.scrapes, 1);
	if (max != 0 && others >= max) {
		atomic_fetch_sub(&serve->counts.scrapes, 1);
		http_words(answer, 503, "too many scrapes at a time");
		return;
	}
	request->is_scrape = 1;
	stream = stream_new(serve, connection, request->arrival_ns);
	if (stream == NULL) {
		http_words(answer, 500, "out of memory");
		return;
	}
	answer->code = stream_first(stream);
	if (answer->code == 200) {
		answer->type = stream_type(stream);
		answer->coding = stream_coding(stream);
		answer->stream = stream;
		return;
	}
	log_msg(&serve->log, LEVEL_WARN, "scrape failed", "err",
	    stream_words(stream), NULL);
	http_words(answer, answer->code, stream_words(stream));
	stream_free(stream);
}

static void
http_ready(struct serve *serve, struct http_request *request,
    struct http_answer *answer)
{
	struct source_use use;

	if (source_get(&serve->source, request->arrival_ns + NOW_SECOND,
		&use) == SOURCE_OPEN) {
		source_put(&serve->source);
		http_words(answer, 200, "pdc-serve is Ready.");
		return;
	}
	http_words(answer, 503, "");
	pdc_buf_reset(&answer->body);
	pdc_buf_fmt(&answer->body, "pdc-serve is Not Ready: %s\n", use.words);
}

static void
http_answer_make(struct serve *serve, struct MHD_Connection *connection,
    struct http_request *request, struct http_answer *answer)
{
	switch (request->handler) {
	case HANDLER_METRICS:
		http_metrics(serve, connection, request, answer);
		break;
	case HANDLER_JOURNAL:
		answer->code = feed_new(&answer->feed, serve, connection,
		    request->feed, &answer->body);
		answer->type = answer->code == 200 ? FEED_TYPE :
						     FEED_ERROR_TYPE;
		break;
	case HANDLER_LATEST:
		answer->code = latest_page(serve, request->arrival_ns,
		    &answer->body);
		answer->type = answer->code == 200 ? LATEST_TYPE :
						     HTTP_WORDS_TYPE;
		break;
	case HANDLER_LANDING:
		answer->code = 200;
		answer->type = LANDING_TYPE;
		landing_page(&answer->body, serve->options->telemetry_path);
		break;
	case HANDLER_HEALTHY:
		http_words(answer, 200, "pdc-serve is Healthy.");
		break;
	case HANDLER_READY:
		http_ready(serve, request, answer);
		break;
	default:
		http_words(answer, 404, "404 page not found");
		break;
	}
}

/* What is in the answer is taken. */
static struct MHD_Response *
http_response(struct http_answer *answer)
{
	struct MHD_Response *response = NULL;

	if (answer->stream != NULL)
		return stream_response(answer->stream);
	if (answer->feed != NULL)
		return feed_response(answer->feed);
	if (answer->body.error == 0)
		response = MHD_create_response_from_buffer(answer->body.len,
		    answer->body.data,
		    answer->body.data == NULL ? MHD_RESPMEM_PERSISTENT :
						MHD_RESPMEM_MUST_FREE);
	if (response == NULL)
		pdc_buf_fini(&answer->body);
	return response;
}

/* Hand the answer over. */
static enum MHD_Result
http_send(struct MHD_Connection *connection, struct http_answer *answer)
{
	struct MHD_Response *response = http_response(answer);
	enum MHD_Result ret;

	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
	    answer->type);
	if (answer->coding != NULL)
		MHD_add_response_header(response,
		    MHD_HTTP_HEADER_CONTENT_ENCODING, answer->coding);
	if (answer->varies)
		MHD_add_response_header(response, MHD_HTTP_HEADER_VARY,
		    "Accept, Accept-Encoding");
	/* Or libmicrohttpd would send the last chunk behind the head. */
	if (answer->chunks)
		MHD_set_response_options(response, MHD_RF_HTTP_VERSION_1_0_ONLY,
		    MHD_RO_END);
	if (answer->code == 405)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW,
		    "GET, HEAD");
	ret = MHD_queue_response(connection, (unsigned)answer->code, response);
	MHD_destroy_response(response);
	return ret;
}

static enum MHD_Result
http_answer(struct serve *serve, struct MHD_Connection *connection,
    struct http_request *request, const char *method)
{
	struct http_answer answer;

	memset(&answer, 0, sizeof(answer));
	pdc_buf_init(&answer.body);
	if (request->handler != HANDLER_OTHER &&
	    strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
	    strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		http_words(&answer, 405, "405 method not allowed");
	else
		http_answer_make(serve, connection, request, &answer);
	answer.chunks = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0 &&
	    ((answer.stream != NULL && !stream_is_whole(answer.stream)) ||
		(answer.feed != NULL && !feed_is_whole(answer.feed)));
	counts_answer(&serve->counts, request->handler, answer.code);
	return http_send(connection, &answer);
}

static struct http_request *
http_begin(struct serve *serve, const char *url)
{
	struct http_request *request = calloc(1, sizeof(*request));

	if (request == NULL)
		return NULL;
	request->arrival_ns = now_ns();
	request->handler = http_route(serve, url, &request->feed);
	atomic_fetch_add(&serve->counts.in_flight, 1);
	return request;
}

static enum MHD_Result
http_access(void *cls, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *len,
    void **con_cls)
{
	struct http_request *request = *con_cls;
	struct serve *serve = cls;

	(void)version;
	(void)data;
	if (request == NULL) {
		*con_cls = http_begin(serve, url);
		return *con_cls == NULL ? MHD_NO : MHD_YES;
	}
	if (*len > 0) {
		request->body_len += *len;
		*len = 0;
		return request->body_len > HTTP_BODY_MAX ? MHD_NO : MHD_YES;
	}
	log_msg(&serve->log, LEVEL_DEBUG, "request", "method", method, "path",
	    url, NULL);
	return http_answer(serve, connection, request, method);
}

static void
http_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
    enum MHD_RequestTerminationCode toe)
{
	struct http_request *request = *con_cls;
	struct serve *serve = cls;

	(void)connection;
	(void)toe;
	if (request == NULL)
		return;
	if (request->is_scrape)
		atomic_fetch_sub(&serve->counts.scrapes, 1);
	atomic_fetch_sub(&serve->counts.in_flight, 1);
	free(request);
	*con_cls = NULL;
}

/* A path with %00 in it would be another path as a string: leave it escaped. */
static size_t
http_unescape(void *cls, struct MHD_Connection *connection, char *s)
{
	(void)cls;
	(void)connection;
	if (strstr(s, "%00") != NULL)
		return strlen(s);
	return MHD_http_unescape(s);
}

static void
http_log(void *cls, const char *fmt, va_list ap)
{
	const struct serve *serve = cls;
	char words[256];

	vsnprintf(words, sizeof(words), fmt, ap);
	words[strcspn(words, "\n")] = '\0';
	log_msg(&serve->log, LEVEL_DEBUG, "http", "err", words, NULL);
}

int
http_start(struct http *http, struct serve *serve, int fd, unsigned limit)
{
	http->fd = fd;
	http->down = 0;
	http->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD |
		MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL | MHD_USE_ITC |
		MHD_USE_ERROR_LOG,
	    0, NULL, NULL, http_access, serve, MHD_OPTION_EXTERNAL_LOGGER,
	    http_log, serve, MHD_OPTION_LISTEN_SOCKET, fd,
	    MHD_OPTION_NOTIFY_COMPLETED, http_completed, serve,
	    MHD_OPTION_UNESCAPE_CALLBACK, http_unescape, NULL,
	    MHD_OPTION_CONNECTION_LIMIT, limit, MHD_OPTION_CONNECTION_TIMEOUT,
	    (unsigned)HTTP_IDLE_S, MHD_OPTION_END);
	if (http->daemon != NULL)
		return 0;
	close(fd);
	return -1;
}

void
http_quiesce(struct http *http)
{
	if (MHD_quiesce_daemon(http->daemon) == MHD_INVALID_SOCKET)
		return;
	/* Ours to close, but only after the threads have ended. */
	http->down = 1;
	shutdown(http->fd, SHUT_RDWR);
}

void
http_stop(struct http *http)
{
	MHD_stop_daemon(http->daemon);
	if (http->down)
		close(http->fd);
}
