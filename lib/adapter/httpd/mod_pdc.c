/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Apache httpd counts its requests in a store of libpdc; mod_pdc(8).
 *
 * The parent opens the store, as the server's User, and its children inherit
 * it: of the first reading of the configuration nothing is opened.  A request
 * is counted by a filter that sees the end of its response before that goes to
 * the network, so what a client has got whole is counted, whatever happens to
 * the process then.  What never gets so far is counted when it is logged.
 */

#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <ap_mpm.h>
#include <mpm_common.h>
#include <util_filter.h>

#include <apr_strings.h>

#include <string.h>
#include <time.h>

#include "mod_pdc.h"

#define HANDLER "pdc-metrics"
#define OTHER "other" /* the label of a method that is not known */

APLOG_USE_MODULE(pdc);

/* Of a <Directory>, <Location> or server. */
struct where {
	int metrics; /* 0, 1, -1: not said */
};

/* Of a request as it came; internal redirects have that of their first. */
struct mark {
	double began; /* 0: its line was not understood */
	int counted, running;
};

static const char *store_dir;

static ap_filter_rec_t *filter;

/* --- configuration --- */

static void *
where_make(apr_pool_t *pool, char *dir)
{
	struct where *w = apr_palloc(pool, sizeof(*w));

	(void)dir;
	w->metrics = -1;
	return w;
}

static void *
where_merge(apr_pool_t *pool, void *outer, void *inner)
{
	const struct where *o = outer, *i = inner;
	struct where *w = where_make(pool, NULL);

	w->metrics = i->metrics != -1 ? i->metrics : o->metrics;
	return w;
}

static const char *
set_metrics(cmd_parms *cmd, void *where, int flag)
{
	(void)cmd;
	((struct where *)where)->metrics = flag;
	return NULL;
}

static const char *
set_store(cmd_parms *cmd, void *where, const char *dir)
{
	const char *wrong = ap_check_cmd_context(cmd, GLOBAL_ONLY);

	(void)where;
	if (wrong != NULL)
		return wrong;
	store_dir = ap_server_root_relative(cmd->pool, dir);
	return store_dir != NULL && *dir != '\0' ?
	    NULL :
	    "PdcStore takes the path of a directory";
}

static const command_rec commands[] = {
	AP_INIT_TAKE1("PdcStore", set_store, NULL, RSRC_CONF,
	    "the directory of the store; without it nothing is counted"),
	AP_INIT_FLAG("PdcMetrics", set_metrics, NULL, RSRC_CONF | ACCESS_CONF,
	    "whether requests are counted; On if not said"),
	{ .name = NULL },
};

static int
wanted(const request_rec *r)
{
	const struct where *w = ap_get_module_config(r->per_dir_config,
	    &pdc_module);

	return store.p != NULL && (w == NULL || w->metrics != 0);
}

/* --- the processes --- */

static apr_status_t
config_end(void *unused)
{
	(void)unused;
	store_close();
	return APR_SUCCESS;
}

/*
 * At a restart a server that runs goes on without metrics rather than end; at
 * its start it tells whoever starts it.
 */
static int
post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
    server_rec *s)
{
	const char *wrong;
	int again;

	(void)plog;
	(void)ptemp;
	if (store_dir == NULL ||
	    ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG)
		return OK;
	apr_pool_cleanup_register(pconf, NULL, config_end,
	    apr_pool_cleanup_null);
	wrong = store_open(store_dir);
	if (wrong == NULL)
		return OK;
	again = ap_state_query(AP_SQ_CONFIG_GEN) > 1;
	ap_log_error(APLOG_MARK, APLOG_ERR, 0, s, "PdcStore: %s%s", wrong,
	    again ? "; nothing is counted" : "");
	return again ? OK : HTTP_INTERNAL_SERVER_ERROR;
}

static int
pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
	(void)pconf;
	(void)plog;
	(void)ptemp;
	store_dir = NULL;
	return OK;
}

/* What still waits in this process goes to the store, in bounded time. */
static apr_status_t
child_end(void *unused)
{
	(void)unused;
	(void)pdc_checkpoint(store.p);
	return APR_SUCCESS;
}

static void
child_init(apr_pool_t *pchild, server_rec *s)
{
	if (store.p == NULL)
		return;
	if (pdc_labels(&store.now, store.running, NULL) < 0)
		ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
		    "requests in progress: %s", pdc_error());
	pdc_set(store.now, 0); /* so that there is a number */
	apr_pool_cleanup_register(pchild, NULL, child_end,
	    apr_pool_cleanup_null);
}

/* The upkeep, now and then, in the parent. */
static int
monitor(apr_pool_t *pool, server_rec *s)
{
	const char *wrong;

	(void)pool;
	if (store.p == NULL)
		return OK;
	wrong = store_upkeep();
	if (wrong != NULL && !store.sick)
		ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
		    "upkeep of the store: %s", wrong);
	store.sick = wrong != NULL;
	return OK;
}

/* --- counting --- */

static double
seconds_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* One of a closed set, whatever clients send. */
static const char *
method_label(const request_rec *r)
{
	static const char *const known[] = { "GET", "HEAD", "POST", "PUT",
		"DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PROPFIND",
		"PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK",
		"REPORT", "SEARCH" };
	size_t i;

	for (i = 0; r->method != NULL && i < sizeof(known) / sizeof(known[0]);
	     i++)
		if (strcmp(r->method, known[i]) == 0)
			return known[i];
	return OTHER;
}

static void
running_add(struct mark *k, int on)
{
	if (k->running == on)
		return;
	k->running = on;
	if (on)
		pdc_inc(store.now, 1);
	else
		pdc_dec(store.now, 1);
}

/*
 * r: the last of its internal redirects, which has the status.  Where the
 * client asked says whether it is wanted.
 */
static void
count(struct mark *k, const request_rec *first, const request_rec *r)
{
	const char *values[] = { method_label(first), NULL, NULL };
	struct pdc_series *s;
	char code[16];

	if (k->counted)
		return;
	k->counted = 1;
	if (wanted(first)) {
		apr_snprintf(code, sizeof(code), "%d", r->status);
		values[1] = code;
		if (pdc_labels(&s, store.total, values) == 0) {
			pdc_inc(s, 1);
			pdc_series_free(s);
		}
		pdc_observe(store.bytes,
		    r->header_only || AP_STATUS_IS_HEADER_ONLY(r->status) ?
			0 :
			(double)r->bytes_sent);
		values[1] = NULL;
		if (k->began > 0 &&
		    pdc_labels(&s, store.seconds, values) == 0) {
			pdc_observe(s, seconds_now() - k->began);
			pdc_series_free(s);
		}
	}
}

static struct mark *
mark_of(const request_rec *r)
{
	return ap_get_module_config(r->request_config, &pdc_module);
}

/* The last bytes of its body are on their way. */
static int
response_ends(const request_rec *r, apr_bucket_brigade *bb)
{
	apr_bucket *b;

	for (b = APR_BRIGADE_FIRST(bb); b != APR_BRIGADE_SENTINEL(bb);
	     b = APR_BUCKET_NEXT(b))
		if (APR_BUCKET_IS_EOS(b))
			return 1;
	return r->clength > 0 && r->bytes_sent >= r->clength;
}

static apr_status_t
response(ap_filter_t *f, apr_bucket_brigade *bb)
{
	const request_rec *first = f->r;
	struct mark *k;

	while (first->prev != NULL)
		first = first->prev;
	k = mark_of(first);
	if (k != NULL && response_ends(f->r, bb)) {
		count(k, first, f->r);
		ap_remove_output_filter(f);
	}
	return ap_pass_brigade(f->next, bb);
}

static int
create_request(request_rec *r)
{
	struct mark *k;

	if (store.p == NULL || r->main != NULL || r->prev != NULL)
		return OK;
	k = apr_pcalloc(r->pool, sizeof(*k));
	ap_set_module_config(r->request_config, &pdc_module, k);
	ap_add_output_filter_handle(filter, NULL, r, r->connection);
	return OK;
}

/* By these httpd wakes a worker that is to end. */
static int
is_dummy(request_rec *r)
{
	const char *agent = apr_table_get(r->headers_in, "User-Agent");

	return r->method_number == M_OPTIONS && r->uri != NULL &&
	    strcmp(r->uri, "*") == 0 && agent != NULL &&
	    strstr(agent, "(internal dummy connection)") != NULL;
}

static int
post_read_request(request_rec *r)
{
	struct mark *k = mark_of(r);

	if (k != NULL) {
		k->began = seconds_now();
		k->counted = is_dummy(r);
	}
	return DECLINED;
}

/* By now it is known where it belongs. */
static int
fixups(request_rec *r)
{
	struct mark *k = mark_of(r);

	if (k != NULL && wanted(r))
		running_add(k, 1);
	return DECLINED;
}

static int
log_transaction(request_rec *first)
{
	struct mark *k = mark_of(first);
	request_rec *r = first;

	while (r->next != NULL)
		r = r->next;
	if (k != NULL) {
		count(k, first, r);
		running_add(k, 0);
	}
	return DECLINED;
}

/* --- a page --- */

static int
handler(request_rec *r)
{
	const char *type;
	char *text;
	size_t len;
	int ret;

	if (r->handler == NULL || strcmp(r->handler, HANDLER) != 0)
		return DECLINED;
	r->allowed |= AP_METHOD_BIT << M_GET;
	if (r->method_number != M_GET)
		return HTTP_METHOD_NOT_ALLOWED;
	ret = ap_discard_request_body(r);
	if (ret != OK)
		return ret;
	/* So that the page has what waits in rings; without it, all else. */
	if (store.p != NULL)
		(void)pdc_checkpoint(store.p);
	if (store.p == NULL ||
	    pdc_render(store.p, apr_table_get(r->headers_in, "Accept"), &text,
		&len, &type) < 0) {
		ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "a page: %s",
		    store.p != NULL ? pdc_error() : "no PdcStore");
		return HTTP_SERVICE_UNAVAILABLE;
	}
	ap_set_content_type(r, apr_pstrdup(r->pool, type));
	ap_set_content_length(r, (apr_off_t)len);
	apr_table_setn(r->headers_out, "Cache-Control", "no-store");
	apr_table_mergen(r->headers_out, "Vary", "Accept");
	ap_rwrite(text, (int)len, r);
	pdc_free(text);
	return OK;
}

static void
hooks(apr_pool_t *pool)
{
	(void)pool;
	ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
	ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_LAST);
	ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
	ap_hook_monitor(monitor, NULL, NULL, APR_HOOK_MIDDLE);
	ap_hook_create_request(create_request, NULL, NULL,
	    APR_HOOK_REALLY_LAST);
	ap_hook_post_read_request(post_read_request, NULL, NULL,
	    APR_HOOK_REALLY_FIRST);
	ap_hook_fixups(fixups, NULL, NULL, APR_HOOK_MIDDLE);
	ap_hook_log_transaction(log_transaction, NULL, NULL, APR_HOOK_FIRST);
	ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
	filter = ap_register_output_filter("PDC", response, NULL,
	    (ap_filter_type)(AP_FTYPE_TRANSCODE - 1));
}

module AP_MODULE_DECLARE_DATA pdc_module = {
	STANDARD20_MODULE_STUFF,
	where_make,
	where_merge,
	NULL,
	NULL,
	commands,
	hooks,
	0,
};
