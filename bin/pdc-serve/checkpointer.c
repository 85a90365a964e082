/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "pdc-serve/checkpointer.h"

#include <errno.h>
#include <string.h>

#include "api/page.h"
#include "pdc.h"
#include "pdc-serve/log.h"
#include "pdc-serve/now.h"
#include "pdc-serve/options.h"
#include "pdc-serve/source.h"

#define CHECKPOINTER_TICK_MS 1000
#define CHECKPOINTER_SCRAPE_MS 100

/* For the users of a store that has to be closed. */
#define CHECKPOINTER_PATIENCE_NS ((int64_t)60 * NOW_SECOND)

/* The limits of the command line hold for any store that comes. */
static int
checkpointer_retain(const struct checkpointer *c, struct pdc *p)
{
	size_t i;
	int ret = 0;

	for (i = 0; i < c->options->nretain && ret == 0; i++)
		ret = pdc_retain_set(p, &c->options->retain[i]);
	return ret;
}

/* One, if there is a store to be written; its PDC_E* or 0. */
static int
checkpointer_run(struct checkpointer *c, uint32_t wait_ms, int *ran)
{
	struct source_use use;
	int ret;

	*ran = 0;
	if (source_get(c->source, now_ns() + CHECKPOINTER_PATIENCE_NS, &use) !=
	    SOURCE_OPEN)
		return 0;
	if (use.rdonly) {
		source_put(c->source);
		return 0;
	}
	*ran = 1;
	ret = checkpointer_retain(c, use.pdc);
	if (ret == 0)
		ret = pdc_page_maintain(use.pdc, wait_ms);
	if (ret < 0)
		log_msg(c->log, c->failing ? LEVEL_DEBUG : LEVEL_WARN,
		    "checkpoint failed", "err", pdc_error(), NULL);
	else if (c->failing)
		log_msg(c->log, LEVEL_INFO, "checkpoint succeeded", NULL);
	c->failing = ret < 0;
	source_put(c->source);
	return ret;
}

/* Mutex held, but not during the run. */
static void
checkpointer_turn(struct checkpointer *c)
{
	uint32_t wait_ms = c->wanted > c->begun ? CHECKPOINTER_SCRAPE_MS :
						  CHECKPOINTER_TICK_MS;
	int64_t start;
	int ran, ret;

	c->begun++;
	pthread_cond_broadcast(&c->change);
	pthread_mutex_unlock(&c->mutex);
	start = now_ns();
	ret = checkpointer_run(c, wait_ms, &ran);
	pthread_mutex_lock(&c->mutex);
	c->ended = c->begun;
	if (ret < 0)
		c->errors++;
	else if (ran)
		c->duration_ns = now_ns() - start;
	pthread_cond_broadcast(&c->change);
}

/* Mutex held: sleep until something is wanted or next_ns has come. */
static void
checkpointer_sleep(struct checkpointer *c, int64_t next_ns)
{
	struct timespec ts = now_timespec(next_ns);

	while (!c->stop && c->wanted <= c->begun) {
		if (c->options->interval_ns == 0)
			pthread_cond_wait(&c->wake, &c->mutex);
		else if (pthread_cond_timedwait(&c->wake, &c->mutex, &ts) ==
		    ETIMEDOUT)
			break;
	}
}

static void *
checkpointer_main(void *arg)
{
	struct checkpointer *c = arg;
	int64_t next = now_ns();

	pthread_mutex_lock(&c->mutex);
	while (!c->stop) {
		checkpointer_turn(c);
		/* Ticks missed are not made up for. */
		if (now_ns() >= next)
			next = now_ns() + c->options->interval_ns;
		checkpointer_sleep(c, next);
	}
	pthread_mutex_unlock(&c->mutex);
	return NULL;
}

int
checkpointer_start(struct checkpointer *c, struct source *source,
    const struct log *log, const struct options *options)
{
	pthread_condattr_t attr;

	memset(c, 0, sizeof(*c));
	c->log = log;
	c->source = source;
	c->options = options;

	c->duration_ns = -1;
	pthread_mutex_init(&c->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->wake, &attr);
	pthread_cond_init(&c->change, &attr);
	pthread_condattr_destroy(&attr);
	errno = pthread_create(&c->thread, NULL, checkpointer_main, c);
	return errno == 0 ? 0 : -1;
}

void
checkpointer_stop(struct checkpointer *c)
{
	pthread_mutex_lock(&c->mutex);
	c->stop = 1;
	pthread_cond_broadcast(&c->wake);
	pthread_mutex_unlock(&c->mutex);
	pthread_join(c->thread, NULL);
	pthread_cond_destroy(&c->change);
	pthread_cond_destroy(&c->wake);
	pthread_mutex_destroy(&c->mutex);
}

/* Mutex held: until *number is want; -1 when that is not so in time. */
static int
checkpointer_reach(struct checkpointer *c, const uint64_t *number,
    uint64_t want, int64_t until_ns)
{
	struct timespec ts = now_timespec(until_ns);

	while (*number < want)
		if (pthread_cond_timedwait(&c->change, &c->mutex, &ts) ==
			ETIMEDOUT &&
		    *number < want)
			return -1;
	return 0;
}

void
checkpointer_wait(struct checkpointer *c, int64_t until_ns)
{
	int64_t begin = now_ns() + CHECKPOINTER_BEGIN_NS, end;
	uint64_t want;

	pthread_mutex_lock(&c->mutex);
	want = c->begun + 1;
	if (c->wanted < want) {
		c->wanted = want;
		pthread_cond_signal(&c->wake);
	}
	if (checkpointer_reach(c, &c->begun, want,
		begin < until_ns ? begin : until_ns) == 0) {
		end = now_ns() + CHECKPOINTER_END_NS;
		checkpointer_reach(c, &c->ended, want,
		    end < until_ns ? end : until_ns);
	}
	pthread_mutex_unlock(&c->mutex);
}

void
checkpointer_stat_get(struct checkpointer *c, struct checkpointer_stat *stat)
{
	pthread_mutex_lock(&c->mutex);
	stat->errors = c->errors;
	stat->duration_ns = c->duration_ns;
	pthread_mutex_unlock(&c->mutex);
}
