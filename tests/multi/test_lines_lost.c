/* SPDX-License-Identifier: ISC */
#include "config.h"

/* Lines of processes whose cells file is deleted under them. */

#include <sys/mman.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "journal/read.h"
#include "metric/metric.h"
#include "multi/multi.h"
#include "tap.h"

static struct pdc *p;
static char *slow; /* who reads it waits */
static _Atomic int reading, go_on;

static void
put(const char *message)
{
	is_int(pdc_log(p, PDC_LOG_INFO, message, NULL, 0), 0, "%s is written",
	    message);
}

/* The messages of the journal, one after the other. */
static void
messages_are(const char *want, const char *how)
{
	static const char key[] = "\"message\": \"";
	struct journal_answer a;
	struct journal_query q;
	char got[64] = "", *at;
	struct buf page;
	struct stxn x;
	size_t n = 0;

	if (pdc_drain_all(p, 1000) < 0 || pdc_stxn_read(&x, p->store) < 0)
		bail_out("read: %s", pdc_error());
	pdc_journal_all(&q, JOURNAL_LOGS);
	pdc_buf_init(&page);
	if (pdc_journal_read(&x, &q, &page, &a) < 0)
		bail_out("the journal");
	pdc_stxn_abort(&x);
	pdc_buf_chr(&page, '\0');
	for (at = page.data; (at = strstr(at, key)) != NULL && n < 60;) {
		at += sizeof(key) - 1;
		got[n++] = *at;
	}
	is_str(got, want, "%s", how);
	pdc_buf_fini(&page);
}

/* Another process begins an epoch if it has to, and empties the rings. */
static int
visit(void *dir)
{
	struct pdc *other = multi_open(dir, 0);
	int ret = pdc_checkpoint(other);

	pdc_close(other);
	return ret < 0;
}

static void
visited(const char *dir)
{
	is_int(multi_alone(visit, dir, strlen(dir) + 1, 5000), 0,
	    "another process checkpoints");
}

/* Two lines, the cells deleted between them; the new ones are seen then. */
static void
lose_and_see(const char *dir)
{
	p = multi_open(dir, 0);
	put("1");
	pdc_checkpoint(p);
	is_int(multi_lose(dir), 1, "the cells are deleted");
	visited(dir);
	put("2");
	pdc_free(multi_page(p));
}

/* Who has seen the new file, but has not emptied the old one, writes on. */
static void
test_order(void)
{
	char *dir = tap_tmpdir();

	lose_and_see(dir);
	put("3");
	visited(dir);
	is_int(pdc_checkpoint(p), 0, "and so do we");
	messages_are("123", "all lines are there in their order");
	pdc_close(p);
}

/* Who has seen the new file, and closes while a checkpoint is young. */
static void
test_close(void)
{
	char *dir = tap_tmpdir();

	lose_and_see(dir);
	pdc_close(p);
	p = multi_open(dir, 0);
	messages_are("12", "who closes then leaves nothing behind");
	pdc_close(p);
}

static void
on_fault(int sig)
{
	(void)sig;
	atomic_store(&reading, 1);
	while (!atomic_load(&go_on))
		usleep(1000);
	if (mprotect(slow, 4096, PROT_READ) == -1)
		_exit(99);
}

static void *
write_slowly(void *arg)
{
	const struct pdc_field f = { .name = "f",
		.kind = PDC_STRING,
		.text = slow };
	int *ret = arg;

	*ret = pdc_log(p, PDC_LOG_INFO, "2", &f, 1);
	return NULL;
}

/* The old file is emptied while a thread is about to write into it. */
static void
test_late(void)
{
	struct sigaction sa = { .sa_handler = on_fault };
	char *dir = tap_tmpdir();
	pthread_t id;
	int ret = -1;

	slow = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (slow == MAP_FAILED || sigaction(SIGSEGV, &sa, NULL) == -1)
		bail_out("mmap");
	p = multi_open(dir, 0);
	put("1");
	if (pthread_create(&id, NULL, write_slowly, &ret) != 0)
		bail_out("pthread_create");
	while (!atomic_load(&reading))
		usleep(1000);
	is_int(multi_lose(dir), 1, "the cells are deleted");
	multi_declare(p, PDC_COUNTER, "c", NULL);
	ok(pdc_cells_now(p)->older != NULL && !pdc_salvage_due(p),
	    "and salvaged");
	atomic_store(&go_on, 1);
	pthread_join(id, NULL);
	is_int(ret, 0, "a line is accepted that began before");
	messages_are("12", "the next checkpoint finds it");
	put("3");
	messages_are("123", "once");
	pdc_close(p);
	signal(SIGSEGV, SIG_DFL);
	munmap(slow, 4096);
}

int
main(void)
{
	multi_alone_init();
	test_order();
	test_close();
	test_late();
	return tap_done();
}
