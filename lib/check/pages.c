/* SPDX-License-Identifier: ISC */
#include "config.h"

/* The pages of data.mdb, below the records. */

#include <inttypes.h>

#include "base/err.h"
#include "check/book.h"
#include "pdc.h"
#include "store/pages.h"

static void
page_record(void *arg, const struct tree_node *nd)
{
	(void)arg;
	(void)nd;
}

static void
page_wrong(void *arg, uint64_t pgno, const char *words)
{
	pdc_check_say(arg, "page %" PRIu64 ": %s", pgno, words);
}

static void
page_counts(struct check *c, const struct pages *p)
{
	const struct tree_db *is = &p->found, *says = &c->x.tree.db[TREE_MAIN];
	uint64_t n;

	if (is->branches != says->branches || is->leaves != says->leaves ||
	    is->overflows != says->overflows || is->entries != says->entries)
		pdc_check_say(c,
		    "pages: %" PRIu64 " branches, %" PRIu64 " leaves, %" PRIu64
		    " of long values, %" PRIu64 " records, found %" PRIu64
		    ", %" PRIu64 ", %" PRIu64 ", %" PRIu64,
		    says->branches, says->leaves, says->overflows,
		    says->entries, is->branches, is->leaves, is->overflows,
		    is->entries);
	n = pdc_pages_strays(p);
	if (n > 0)
		pdc_check_say(c,
		    "pages: %" PRIu64 " are in no tree and not free", n);
}

void
pdc_check_pages(struct check *c)
{
	struct pages p = { .t = &c->x.tree,
		.record = page_record,
		.wrong = page_wrong,
		.arg = c };
	int before = c->nfound;

	if (pdc_pages_begin(&p) < 0) {
		c->ret = pdc_err_set(PDC_ENOMEM, "checking %s", c->st->dir);
	} else {
		pdc_pages_walk(&p);
		if (c->nfound == before)
			page_counts(c, &p);
	}
	pdc_pages_end(&p);
}
