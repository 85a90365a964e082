/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "pdc-serve/scrape.h"

#include <stdio.h>
#include <string.h>

#include "api/page.h"
#include "base/num.h"
#include "expo/taken.h"
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

/* The families of an open store, and ours. */
static int
scrape_families(struct serve *serve, struct scrape *scrape,
    const struct source_use *use, const struct page_opts *opts)
{
	struct self self;
	int ret;

	memset(&self, 0, sizeof(self));
	self.serve = serve;
	self.use = use;
	self.opts = opts;
	self.start_ns = scrape->arrival_ns;
	if (use->state == SOURCE_OPEN) {
		ret = pdc_page_render(use->pdc, &scrape->page, opts,
		    &self.result);
		if (ret < 0)
			return scrape_fail(scrape, ret, pdc_error());
	}
	if (serve->options->exporter_metrics)
		self_append(&scrape->page, &self);
	pdc_page_end(&scrape->page, opts);
	return 200;
}

static int
scrape_all(struct serve *serve, struct scrape *scrape,
    const struct source_use *use)
{
	struct taken taken = TAKEN_EMPTY;
	struct page_opts opts;
	int code;

	memset(&opts, 0, sizeof(opts));
	opts.format = PAGE_METRICS;
	opts.how = scrape->how;
	opts.how.created = serve->options->created;
	opts.names = scrape->names;
	opts.deadline_ns = scrape->deadline_ns;
	opts.taken = &taken;
	code = scrape_families(serve, scrape, use, &opts);
	pdc_taken_fini(&taken);
	if (code != 200)
		return code;
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
