/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "pdc-serve/scrape.h"

#include <stdio.h>
#include <string.h>

#include "api/page.h"
#include "base/num.h"
#include "pdc.h"
#include "pdc-serve/now.h"
#include "pdc-serve/self.h"
#include "pdc-serve/serve.h"

#define SCRAPE_TIMEOUT_S 60.0
#define SCRAPE_TIMEOUT_MAX_S 3600.0

int64_t
scrape_deadline(int64_t arrival_ns, const char *timeout)
{
	double s, margin;

	if (timeout == NULL ||
	    pdc_num_parse(&s, timeout, strlen(timeout)) < 0 || !(s > 0))
		s = SCRAPE_TIMEOUT_S;
	if (s > SCRAPE_TIMEOUT_MAX_S)
		s = SCRAPE_TIMEOUT_MAX_S;
	margin = s * 0.1 < 0.5 ? s * 0.1 : 0.5;
	return arrival_ns + (int64_t)((s - margin) * 1e9);
}

static int
scrape_fail(struct scrape *scrape, int error, const char *words)
{
	snprintf(scrape->words, sizeof(scrape->words), "%s", words);
	return error == PDC_EBUSY || error == PDC_EAGAIN ? 503 : 500;
}

/* The families of an open store. */
static int
scrape_store(struct serve *serve, struct scrape *scrape, struct pdc *pdc,
    struct page_result *result)
{
	struct page_opts opts;
	int ret;

	memset(&opts, 0, sizeof(opts));
	opts.format = PAGE_TEXT;
	opts.created = serve->options->created;
	opts.deadline_ns = scrape->deadline_ns;
	ret = pdc_page_render(pdc, &scrape->page, &opts, result);
	if (ret == 0)
		return 200;
	return scrape_fail(scrape, ret, pdc_error());
}

static int
scrape_all(struct serve *serve, struct scrape *scrape,
    const struct source_use *use)
{
	struct self self;
	int code;

	memset(&self, 0, sizeof(self));
	self.serve = serve;
	self.use = use;
	self.start_ns = scrape->arrival_ns;
	if (use->state == SOURCE_OPEN) {
		code = scrape_store(serve, scrape, use->pdc, &self.result);
		if (code != 200)
			return code;
	}
	if (serve->options->exporter_metrics)
		self_append(&scrape->page, &self);
	if (scrape->page.error != 0)
		return scrape_fail(scrape, PDC_ENOMEM, "out of memory");
	if (now_ns() > scrape->deadline_ns)
		return scrape_fail(scrape, PDC_EBUSY,
		    "the page was not ready in the client's time");
	return 200;
}

int
scrape_page(struct serve *serve, struct scrape *scrape)
{
	int64_t half = (scrape->deadline_ns - scrape->arrival_ns) / 2;
	struct source_use use;
	int code;

	/* The other half is for the page. */
	checkpointer_wait(&serve->checkpointer, scrape->arrival_ns + half);
	if (source_get(&serve->source, scrape->deadline_ns, &use) ==
	    SOURCE_FAILED)
		return scrape_fail(scrape, use.error, use.words);
	pdc_buf_reserve(&scrape->page, atomic_load(&serve->counts.page_len));
	code = scrape_all(serve, scrape, &use);
	if (use.state == SOURCE_OPEN)
		source_put(&serve->source);
	if (code == 200)
		atomic_store(&serve->counts.page_len, scrape->page.len);
	return code;
}
