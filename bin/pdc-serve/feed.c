/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "pdc-serve/feed.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <arpa/inet.h>
#include <math.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/escape.h"
#include "base/num.h"
#include "journal/read.h"
#include "journal/recode.h"
#include "metric/metric.h"
#include "pdc.h"
#include "pdc-serve/checkpointer.h"
#include "pdc-serve/now.h"
#include "pdc-serve/serve.h"

#define FEED_PAGE ((size_t)256 << 10)
#define FEED_BLOCK ((size_t)64 << 10)
#define FEED_LOOK_NS 50000000 /* between looks at a store that has no more */
#define FEED_WAIT_NS ((int64_t)5 * NOW_SECOND)
#define FEED_LINES_MAX 1e18
#define FEED_CURSOR "X-PDC-Next-Cursor"

struct feed {
	struct serve *serve;
	struct MHD_Connection *connection;
	struct MHD_Response *response;
	struct journal_query q;
	uint64_t left; /* lines */
	uint64_t told; /* the end of the last gap that was */
	int damaged; /* blocks are, and that was told */
	char *name;
	char after[CURSOR_SIZE]; /* as it came, then of each page; "": none */
	enum recode_form form;
	int follow;
	int ended; /* the page is the last one */
	struct buf page; /* sent up to at */
	size_t at;
	enum feed_kind kind;
	struct buf *words; /* of what is wrong with the request */
	int code;
};

/* A JSON object, for people and programs. */
static void
feed_wrong(struct feed *f, int code, const char *param, const char *words)
{
	if (f->code != 200)
		return;
	f->code = code;
	pdc_buf_str(f->words, "{\"error\": \"");
	pdc_escape_json(f->words, words, strlen(words));
	if (param != NULL) {
		pdc_buf_str(f->words, "\", \"parameter\": \"");
		pdc_escape_json(f->words, param, strlen(param));
	}
	pdc_buf_str(f->words, "\"}\n");
}

static void
feed_number(struct feed *f, const char *param, const char *value, double *out)
{
	if (pdc_num_parse(out, value, strlen(value)) < 0 || isnan(*out))
		feed_wrong(f, 400, param, "not a number of seconds");
}

static void
feed_limit(struct feed *f, const char *param, const char *value)
{
	double n;

	if (pdc_num_parse(&n, value, strlen(value)) < 0 || !(n >= 0) ||
	    (n < FEED_LINES_MAX && n != (double)(uint64_t)n))
		feed_wrong(f, 400, param, "not a number of lines");
	else
		f->left = n < FEED_LINES_MAX ? (uint64_t)n : UINT64_MAX;
}

static void
feed_flag(struct feed *f, const char *param, const char *value, int *flag)
{
	if (strcmp(value, "1") != 0 && strcmp(value, "0") != 0)
		feed_wrong(f, 400, param, "neither 0 nor 1");
	*flag = *value == '1';
}

static void
feed_level(struct feed *f, const char *param, const char *value)
{
	int level = pdc_level_parse(value);

	if (f->kind != FEED_LOGS)
		feed_wrong(f, 400, param, "only lines of logs have levels");
	else if (level < 0)
		feed_wrong(f, 400, param,
		    "none of TRACE, DEBUG, INFO, WARNING, ERROR, CRITICAL");
	else if (strcmp(param, "level") == 0)
		f->q.streams &= 1u << level;
	else
		f->q.streams &= JOURNAL_LOGS << level;
}

static void
feed_name(struct feed *f, const char *param, const char *value)
{
	if (f->kind == FEED_LOGS) {
		feed_wrong(f, 400, param, "lines of logs have no names");
		return;
	}
	free(f->name);
	f->name = strdup(value);
	f->q.name = f->name;
	if (f->name == NULL)
		feed_wrong(f, 500, NULL, "out of memory");
}

/* The store is asked later whether it is one of its own. */
static void
feed_after(struct feed *f, const char *param, const char *value)
{
	size_t len = strlen(value);

	if (len == 0 || len >= sizeof(f->after))
		feed_wrong(f, 400, param, "not a cursor");
	else
		memcpy(f->after, value, len + 1);
}

static void
feed_format(struct feed *f, const char *param, const char *value)
{
	if (pdc_recode_parse(&f->form, value) < 0)
		feed_wrong(f, 400, param, "none of ndjson, otel, ecs");
}

static enum MHD_Result
feed_param(void *cls, enum MHD_ValueKind kind, const char *key,
    const char *value)
{
	struct feed *f = cls;

	(void)kind;
	if (value == NULL)
		value = "";
	if (strcmp(key, "since") == 0)
		feed_number(f, key, value, &f->q.since);
	else if (strcmp(key, "until") == 0)
		feed_number(f, key, value, &f->q.until);
	else if (strcmp(key, "limit") == 0)
		feed_limit(f, key, value);
	else if (strcmp(key, "level") == 0 || strcmp(key, "min_level") == 0)
		feed_level(f, key, value);
	else if (strcmp(key, "name") == 0)
		feed_name(f, key, value);
	else if (strcmp(key, "after") == 0)
		feed_after(f, key, value);
	else if (strcmp(key, "format") == 0)
		feed_format(f, key, value);
	else if (strcmp(key, "cursors") == 0)
		feed_flag(f, key, value, &f->q.cursors);
	else if (strcmp(key, "follow") == 0)
		feed_flag(f, key, value, &f->follow);
	else
		feed_wrong(f, 400, key, "unknown parameter");
	return f->code == 200 ? MHD_YES : MHD_NO;
}

static int
feed_is_loopback(const struct sockaddr *sa)
{
	const struct sockaddr_in6 *six = (const void *)sa;
	const struct sockaddr_in *four = (const void *)sa;

	if (sa->sa_family == AF_UNIX)
		return 1;
	if (sa->sa_family == AF_INET)
		return ntohl(four->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	if (sa->sa_family != AF_INET6)
		return 0;
	if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
		return six->sin6_addr.s6_addr[12] == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
}

/*
 * Lines have secrets.  They are for who is on this machine, and where the one
 * who runs the server says so, or the store's directory is open to a group of
 * the server's.
 */
static void
feed_allowed(struct feed *f, const char *dir)
{
	const union MHD_ConnectionInfo *info;
	struct stat sb;

	info = MHD_get_connection_info(f->connection,
	    MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (info == NULL || !feed_is_loopback(info->client_addr))
		feed_wrong(f, 403, NULL,
		    "the journal is only for clients on this machine");
	else if (!f->serve->options->logs &&
	    (stat(dir, &sb) == -1 || !(sb.st_mode & S_IRGRP) ||
		(sb.st_gid != getegid() && !group_member(sb.st_gid))))
		feed_wrong(f, 403, NULL,
		    "the journal is served with --web.logs, or where the "
		    "server's group may read the store");
}

/* The store may be another one at each page. */
static void
feed_resume(struct feed *f, const struct meta *meta)
{
	int ret;

	if (f->after[0] == '\0')
		return;
	ret = pdc_cursor_parse(&f->q.after, meta, f->after);
	if (ret == PDC_ENOENT)
		feed_wrong(f, 410, "after", "a cursor of another store");
	else if (ret < 0)
		feed_wrong(f, 400, "after", "not a cursor");
	f->q.resumes = 1;
}

static void
feed_gap(struct feed *f, const struct journal_answer *a)
{
	char value[128];
	struct recode_notice n = { "_gap", value, "lines are gone" };

	if (a->gap_to <= f->told)
		return;
	f->told = a->gap_to;
	snprintf(value, sizeof(value), "{\"from\": %llu, \"to\": %llu}",
	    (unsigned long long)a->gap_from, (unsigned long long)a->gap_to);
	pdc_recode_notice(&f->page, &n, f->form);
}

/* Lines of the store as the client wants them. */
static void
feed_lines(struct feed *f, const struct buf *lines, uint64_t blocks)
{
	char value[NUM_SIZE];
	struct recode_notice n = { "_damaged", value,
		"damaged lines are left out" };
	uint64_t left;

	left = pdc_recode_lines(&f->page, lines->data, lines->len, f->form);
	/* A follower comes to the last one again and again. */
	if (!f->damaged)
		left += blocks;
	f->damaged |= blocks > 0;
	pdc_num_u64(value, left);
	if (left > 0)
		pdc_recode_notice(&f->page, &n, f->form);
}

/* A page of the store in use. */
static void
feed_read(struct feed *f, struct pdc *p)
{
	struct journal_answer a;
	struct buf lines;
	struct stxn x;
	int ret;

	ret = pdc_stxn_read(&x, p->store);
	if (ret < 0) {
		feed_wrong(f, ret == PDC_EBUSY ? 503 : 500, NULL, pdc_error());
		return;
	}
	feed_resume(f, &x.meta);
	pdc_buf_init(&lines);
	f->q.limit = f->left;
	if (f->code == 200)
		ret = pdc_journal_read(&x, &f->q, &lines, &a);
	if (f->code == 200 && ret == 0 && a.beyond)
		feed_wrong(f, 400, "after", "a cursor behind the last line");
	if (f->code == 200 && ret == 0)
		f->after[pdc_cursor_put(f->after, &x.meta, a.next)] = '\0';
	pdc_stxn_abort(&x);
	if (f->code == 200 && ret == 0) {
		feed_gap(f, &a);
		feed_lines(f, &lines, a.damaged);
		f->left -= a.nlines;
		f->ended = f->left == 0 || (!a.more && !f->follow);
		ret = f->page.error;
	}
	pdc_buf_fini(&lines);
	if (ret < 0)
		feed_wrong(f, 500, NULL, pdc_strerror(ret));
}

static void
feed_page(struct feed *f, int first)
{
	struct source_use use;

	pdc_buf_reset(&f->page);
	f->at = 0;
	if (source_get(&f->serve->source, now_ns() + FEED_WAIT_NS, &use) !=
	    SOURCE_OPEN) {
		feed_wrong(f, 503, NULL, use.words);
		return;
	}
	if (first)
		feed_allowed(f, use.pdc->store->dir);
	if (f->code == 200)
		feed_read(f, use.pdc);
	source_put(&f->serve->source);
}

static void
feed_free(void *cls)
{
	struct feed *f = cls;

	pdc_buf_fini(&f->page);
	free(f->name);
	free(f);
}

int
feed_new(struct feed **fp, struct serve *serve,
    struct MHD_Connection *connection, enum feed_kind kind, struct buf *words)
{
	static const unsigned streams[] = { JOURNAL_LOGS, 1u << STREAM_EVENTS,
		1u << STREAM_MEASURES };
	struct feed *f = calloc(1, sizeof(*f));
	int code;

	if (f == NULL) {
		pdc_buf_str(words, "{\"error\": \"out of memory\"}\n");
		return 500;
	}
	f->serve = serve;
	f->connection = connection;
	f->kind = kind;
	f->words = words;
	f->code = 200;
	f->left = UINT64_MAX;
	pdc_journal_all(&f->q, streams[kind]);
	f->q.bytes = FEED_PAGE;
	MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, feed_param,
	    f);
	if (f->follow && f->q.until < INFINITY)
		feed_wrong(f, 400, "until", "who follows sees no end");
	if (f->code == 200) {
		checkpointer_wait(&serve->checkpointer,
		    now_ns() + FEED_WAIT_NS);
		feed_page(f, 1);
	}
	code = f->code;
	if (code == 200)
		*fp = f;
	else
		feed_free(f);
	return code;
}

/* A follower that waits is not written to: look whether it is still there. */
static int
feed_gone(const struct feed *f)
{
	const union MHD_ConnectionInfo *info;
	char byte;

	info = MHD_get_connection_info(f->connection,
	    MHD_CONNECTION_INFO_CONNECTION_FD);
	return info == NULL ||
	    recv(info->connect_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* The next page that has something; 0, or -1 if there will be none. */
static int
feed_more(struct feed *f)
{
	struct buf words;

	pdc_buf_init(&words);
	f->words = &words;
	while (!f->ended && f->at == f->page.len && f->code == 200) {
		/* Also for who is far behind, or he would be cut off later. */
		if (f->follow && atomic_load(&f->serve->ending)) {
			f->ended = 1;
			break;
		}
		feed_page(f, 0);
		if (f->page.len > 0 || !f->follow)
			continue;
		if (feed_gone(f))
			f->ended = 1;
		else
			pdc_clock_sleep(FEED_LOOK_NS);
	}
	pdc_buf_fini(&words);
	return f->code == 200 && f->at < f->page.len ? 0 : -1;
}

static ssize_t
feed_give(void *cls, uint64_t pos, char *to, size_t max)
{
	struct feed *f = cls;
	size_t n;

	(void)pos;
	if (f->at == f->page.len && feed_more(f) < 0) {
		if (f->code != 200)
			return MHD_CONTENT_READER_END_WITH_ERROR;
		MHD_add_response_footer(f->response, FEED_CURSOR, f->after);
		return MHD_CONTENT_READER_END_OF_STREAM;
	}
	n = f->page.len - f->at < max ? f->page.len - f->at : max;
	memcpy(to, f->page.data + f->at, n);
	f->at += n;
	return (ssize_t)n;
}

int
feed_is_whole(const struct feed *f)
{
	return f->ended;
}

struct MHD_Response *
feed_response(struct feed *f)
{
	struct MHD_Response *r;

	if (f->ended) {
		r = MHD_create_response_from_buffer(f->page.len, f->page.data,
		    MHD_RESPMEM_MUST_COPY);
		if (r != NULL)
			MHD_add_response_header(r, FEED_CURSOR, f->after);
		feed_free(f);
	} else {
		r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN,
		    FEED_BLOCK, feed_give, f, feed_free);
		if (r == NULL)
			feed_free(f);
		else
			f->response = r;
	}
	if (r == NULL)
		return NULL;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(r, "X-Accel-Buffering", "no");
	return r;
}
