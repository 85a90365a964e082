/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * A root page that cannot be written: LMDB gives its environment up, which is
 * opened again, but not under the snapshots of other threads.
 */

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "help.h"

#define NREADERS 3
#define NSERIES 2000
#define TIMES 20

static struct pdc *p;
static atomic_int broken, stop, pages;

/* LMDB's: what is short and at the front is a root. */
__attribute__((visibility("default"))) ssize_t
pwrite64(int fd, const void *buf, size_t n, off_t at)
{
	static ssize_t (*real)(int, const void *, size_t, off_t);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "pwrite64");
	if (broken && n < 4096 && at < 8192) {
		errno = EIO;
		return -1;
	}
	return real(fd, buf, n, at);
}

__attribute__((visibility("default"))) ssize_t
pwrite(int fd, const void *buf, size_t n, off_t at)
{
	return pwrite64(fd, buf, n, at);
}

static void *
reader(void *arg)
{
	char *text;
	size_t len;

	(void)arg;
	while (!stop)
		if (pdc_render(p, NULL, &text, &len, NULL) == 0) {
			pages++;
			pdc_free(text);
		}
	return NULL;
}

int
main(void)
{
	pthread_t threads[NREADERS];
	struct pdc_series *s;
	struct pdc_family *f;
	char value[16];
	int i, ret = 0, failed = 0;

	p = help_open(tap_tmpdir(), 0);
	f = help_family(p, PDC_COUNTER, "panic", "l");
	for (i = 0; i < NSERIES; i++) {
		snprintf(value, sizeof(value), "%d", i);
		s = help_series(f, value);
	}
	pdc_checkpoint(p);
	for (i = 0; i < NREADERS; i++)
		if (pthread_create(&threads[i], NULL, reader, NULL) != 0)
			bail_out("no thread");
	for (i = 0; i < TIMES; i++) {
		pdc_inc(s, 1);
		broken = 1;
		failed += pdc_checkpoint(p) < 0;
		broken = 0;
		usleep(1000);
		ret = pdc_checkpoint(p);
		usleep(5000);
	}
	stop = 1;
	for (i = 0; i < NREADERS; i++)
		pthread_join(threads[i], NULL);
	is_int(failed, TIMES, "checkpoints failed");
	ok(ret == 0 || ret == PDC_EBUSY, "then they did not: %s", pdc_error());
	ok(pages > 0, "%d pages", pages);
	is_int(pdc_checkpoint(p), 0, "without readers: %s", pdc_error());
	pdc_inc(s, 1);
	broken = 1;
	ok(pdc_checkpoint(p) < 0, "once more");
	broken = 0;
	is_double(help_sample(p, "panic_total{l=\"1999\"}"), TIMES + 1,
	    "all there, before anybody writes again");
	pdc_close(p);
	return tap_done();
}
