/* SPDX-License-Identifier: ISC */
/*
 * For nginx: a module whose workers count with libpdc, to be copied.  It has no
 * directive; the store is $PDC_STORE, which "env PDC_STORE;" lets workers see.
 *
 * A request is counted with the last part of its answer before that is sent,
 * so the metrics never know of less than the clients do.
 */
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <pdc.h>

extern ngx_module_t ngx_http_pdc_module;

struct answer {
	off_t size; /* of the body so far */
};

static ngx_http_output_header_filter_pt next_header_filter;
static ngx_http_output_body_filter_pt next_body_filter;
static struct pdc_family *requests;
static struct pdc_series *seconds, *bytes;

/* A store that cannot be opened is no reason not to serve. */
static ngx_int_t
pdc_begin_worker(ngx_cycle_t *cycle)
{
	struct pdc_family *durations, *sizes;
	struct pdc *pdc;
	const struct pdc_desc counter = { .type = PDC_COUNTER,
		.name = "http_requests",
		.help = "Answered requests.",
		.labels = (const char *[]){ "code", "method", NULL } };
	const struct pdc_desc histogram = { .type = PDC_HISTOGRAM,
		.name = "http_request_duration_seconds",
		.help = "Time from a request to its answer." };
	const struct pdc_desc summary = { .type = PDC_SUMMARY,
		.name = "http_response_size_bytes",
		.help = "Sizes of bodies." };

	if (pdc_open(&pdc, NULL, NULL) < 0 ||
	    pdc_declare(&requests, pdc, &counter) < 0 ||
	    pdc_declare(&durations, pdc, &histogram) < 0 ||
	    pdc_declare(&sizes, pdc, &summary) < 0 ||
	    pdc_labels(&seconds, durations, NULL) < 0 ||
	    pdc_labels(&bytes, sizes, NULL) < 0)
		ngx_log_error(NGX_LOG_ERR, cycle->log, 0, "no metrics: %s",
		    pdc_error());
	return NGX_OK;
}

static void
count(ngx_http_request_t *r, off_t size)
{
	const char *method = "other";
	ngx_time_t *now = ngx_timeofday();
	struct pdc_series *request;
	u_char code[NGX_INT_T_LEN + 1];

	if (r->method == NGX_HTTP_GET)
		method = "GET";
	else if (r->method == NGX_HTTP_HEAD)
		method = "HEAD";
	*ngx_sprintf(code, "%ui", r->headers_out.status) = '\0';
	pdc_labels(&request, requests,
	    (const char *[]){ (char *)code, method, NULL });
	pdc_inc(request, 1);
	pdc_series_free(request);
	pdc_observe(bytes, (double)size);
	pdc_observe(seconds,
	    (double)(now->sec - r->start_sec) +
		((double)now->msec - (double)r->start_msec) / 1000);
}

static ngx_int_t
header_filter(ngx_http_request_t *r)
{
	struct answer *answer;

	if (r != r->main)
		return next_header_filter(r);
	if (r->header_only || r->method == NGX_HTTP_HEAD ||
	    r->headers_out.status == NGX_HTTP_NO_CONTENT ||
	    r->headers_out.status == NGX_HTTP_NOT_MODIFIED) {
		count(r, 0); /* there will be no body */
		return next_header_filter(r);
	}
	answer = ngx_pcalloc(r->pool, sizeof(*answer));
	if (answer == NULL)
		return NGX_ERROR;
	ngx_http_set_ctx(r, answer, ngx_http_pdc_module);
	return next_header_filter(r);
}

static ngx_int_t
body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
	struct answer *answer = ngx_http_get_module_ctx(r, ngx_http_pdc_module);
	ngx_chain_t *link;

	for (link = in; link != NULL && answer != NULL; link = link->next) {
		answer->size += ngx_buf_size(link->buf);
		if (link->buf->last_buf) {
			count(r, answer->size);
			ngx_http_set_ctx(r, NULL, ngx_http_pdc_module);
			break;
		}
	}
	return next_body_filter(r, in);
}

static ngx_int_t
add_filters(ngx_conf_t *cf)
{
	(void)cf;
	next_header_filter = ngx_http_top_header_filter;
	ngx_http_top_header_filter = header_filter;
	next_body_filter = ngx_http_top_body_filter;
	ngx_http_top_body_filter = body_filter;
	return NGX_OK;
}

static ngx_http_module_t context = { .postconfiguration = add_filters };

ngx_module_t ngx_http_pdc_module = { NGX_MODULE_V1, &context, NULL,
	NGX_HTTP_MODULE, NULL, NULL, pdc_begin_worker, NULL, NULL, NULL, NULL,
	NGX_MODULE_V1_PADDING };
