/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "pdc-serve/scrape.h"

#include <stdio.h>
#include <string.h>

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

/* Our own families and the end. */
static void
scrape_end(struct scrape *scrape, const struct source_use *use)
{
	struct self self;

	memset(&self, 0, sizeof(self));
	self.serve = scrape->serve;
	self.use = use;
	self.opts = &scrape->opts;
	self.start_ns = scrape->start_ns;
	if (scrape->page != NULL)
		self.result = *pdc_page_result(scrape->page);
	if (scrape->serve->options->exporter_metrics)
		self_append(&scrape->piece, &self);
	pdc_page_end(&scrape->piece, &scrape->opts);
	scrape->is_whole = 1;
}

/* A piece of the store that is in use, or of none. */
static int
scrape_piece(struct scrape *scrape, const struct source_use *use)
{
	int ret = 0;

	pdc_buf_reset(&scrape->piece);
	scrape->opts.deadline_ns = scrape->deadline_ns;
	if (scrape->page != NULL)
		ret = pdc_page_more(scrape->page, use->pdc, &scrape->piece);
	if (ret < 0)
		return scrape_fail(scrape, ret, pdc_error());
	if (ret == 0)
		scrape_end(scrape, use);
	if (scrape->piece.error != 0)
		return scrape_fail(scrape, PDC_ENOMEM, "out of memory");
	scrape->made_ns = now_ns();
	if (scrape->made_ns > scrape->deadline_ns)
		return scrape_fail(scrape, PDC_EBUSY,
		    "the page was not ready in the client's time");
	return 200;
}

int
scrape_first(struct scrape *scrape)
{
	struct serve *serve = scrape->serve;
	int64_t half = (scrape->deadline_ns - scrape->start_ns) / 2;
	struct source_use use;
	int code = 200;

	/* The other half is for the page. */
	checkpointer_wait(&serve->checkpointer, scrape->start_ns + half);
	if (source_get(&serve->source, scrape->deadline_ns, &use) ==
	    SOURCE_FAILED)
		return scrape_fail(scrape, use.error, use.words);
	scrape->opts.format = PAGE_METRICS;
	scrape->opts.how.created = serve->options->created;
	scrape->opts.taken = &scrape->taken;
	if (use.state == SOURCE_OPEN &&
	    pdc_page_open(&scrape->page, &scrape->opts) < 0)
		code = scrape_fail(scrape, PDC_ENOMEM, "out of memory");
	if (code == 200)
		code = scrape_piece(scrape, &use);
	if (use.state == SOURCE_OPEN)
		source_put(&serve->source);
	return code;
}

int
scrape_next(struct scrape *scrape)
{
	struct source *source = &scrape->serve->source;
	int64_t waited = now_ns() - scrape->made_ns;
	struct source_use use;
	int code;

	scrape->start_ns += waited;
	scrape->deadline_ns += waited;
	if (source_get(source, scrape->deadline_ns, &use) != SOURCE_OPEN)
		return scrape_fail(scrape, use.error, use.words);
	code = scrape_piece(scrape, &use);
	source_put(source);
	return code;
}

void
scrape_fini(struct scrape *scrape)
{
	pdc_page_close(scrape->page);
	pdc_taken_fini(&scrape->taken);
	pdc_buf_fini(&scrape->piece);
}
