/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "pdc-serve/latest.h"

#include <stdint.h>

#include "journal/latest.h"
#include "metric/metric.h"
#include "pdc.h"
#include "pdc-serve/now.h"
#include "pdc-serve/serve.h"

#define LATEST_WAIT_NS ((int64_t)5 * NOW_SECOND)

/* Mutex held: what came since the last page. */
static int
latest_go_on(struct served_latest *s, struct pdc *p)
{
	struct stxn x;
	int ret;

	if (s->latest == NULL)
		s->latest = pdc_latest_new();
	if (s->latest == NULL)
		return PDC_ENOMEM;
	do {
		ret = pdc_stxn_read(&x, p->store);
		if (ret < 0)
			return ret;
		ret = pdc_latest_read(s->latest, &x);
		pdc_stxn_abort(&x);
	} while (ret == 1);
	return ret;
}

int
latest_page(struct serve *serve, int64_t arrival_ns, struct buf *body)
{
	struct served_latest *s = &serve->latest;
	struct source_use use;
	int ret;

	checkpointer_wait(&serve->checkpointer, arrival_ns + LATEST_WAIT_NS);
	if (source_get(&serve->source, arrival_ns + LATEST_WAIT_NS, &use) !=
	    SOURCE_OPEN) {
		pdc_buf_fmt(body, "%s\n", use.words);
		return 503;
	}
	pthread_mutex_lock(&s->mutex);
	ret = latest_go_on(s, use.pdc);
	if (ret == 0)
		pdc_latest_put(s->latest, body);
	pthread_mutex_unlock(&s->mutex);
	source_put(&serve->source);
	if (ret == 0 && body->error == 0)
		return 200;
	pdc_buf_reset(body);
	pdc_buf_fmt(body, "%s\n", pdc_strerror(ret < 0 ? ret : PDC_ENOMEM));
	return ret == PDC_EBUSY ? 503 : 500;
}

void
latest_fini(struct served_latest *s)
{
	pdc_latest_free(s->latest);
	pthread_mutex_destroy(&s->mutex);
}
