/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "journal.h"

#include <stdlib.h>
#include <string.h>

#include "checkpoint/checkpoint.h"
#include "metric/metric.h"
#include "pdc.h"
#include "tap.h"

struct pdc *
journal_fresh(struct pdc *p)
{
	pdc_close(p);
	if (pdc_open(&p, tap_tmpdir(), NULL) < 0)
		bail_out("open: %s", pdc_error());
	return p;
}

void
journal_clock(struct pdc *p, int64_t us)
{
	p->clock.wall_skew_ns = 0;
	p->clock.wall_skew_ns = us * 1000 - pdc_clock_wall(&p->clock);
}

char *
journal_page(struct pdc *p, const struct journal_query *q,
    struct journal_answer *a)
{
	struct journal_answer none;
	struct buf page;
	struct stxn x;
	int ret;

	if (!p->store->rdonly && pdc_drain_all(p, 1000) < 0)
		bail_out("drain: %s", pdc_error());
	if (pdc_stxn_read(&x, p->store) < 0)
		bail_out("read: %s", pdc_error());
	pdc_buf_init(&page);
	ret = pdc_journal_read(&x, q, &page, a != NULL ? a : &none);
	pdc_stxn_abort(&x);
	if (ret < 0)
		bail_out("the journal: %s", pdc_strerror(ret));
	pdc_buf_chr(&page, '\0');
	return page.data;
}

char *
journal_all(struct pdc *p, unsigned streams)
{
	struct journal_query q;

	pdc_journal_all(&q, streams);
	return journal_page(p, &q, NULL);
}

char *
journal_timeless(struct pdc *p, unsigned streams)
{
	static const char key[] = "\"timestamp\": ";
	char *page = journal_all(p, streams), *from, *to;

	for (to = from = page; *from != '\0';) {
		if (strncmp(from, key, sizeof(key) - 1) != 0) {
			*to++ = *from++;
			continue;
		}
		memmove(to, key, sizeof(key) - 1);
		to += sizeof(key) - 1;
		*to++ = '0';
		from += sizeof(key) - 1;
		from += strspn(from, "0123456789.");
	}
	*to = '\0';
	return page;
}

size_t
journal_lines(const char *page)
{
	size_t n = 0;

	for (; *page != '\0'; page++)
		n += *page == '\n';
	return n;
}
