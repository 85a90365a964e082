/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * A process has one LMDB environment of a store at most, also when it closes
 * the store while somebody keeps the write lock: a second one beside it would
 * make LMDB lose its locks.
 */

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "multi/multi.h"
#include "tap.h"

static int once; /* descriptors of data.mdb that an environment has */

/* How many descriptors of this process are of a file of that name. */
static int
descriptors(const char *name)
{
	char link[64], path[PATH_MAX];
	size_t len = strlen(name);
	struct dirent *e;
	DIR *d;
	ssize_t n;
	int count = 0;

	d = opendir("/proc/self/fd");
	if (d == NULL)
		bail_out("/proc/self/fd");
	while ((e = readdir(d)) != NULL) {
		snprintf(link, sizeof(link), "/proc/self/fd/%.20s", e->d_name);
		n = readlink(link, path, sizeof(path) - 1);
		if (n < (ssize_t)len)
			continue;
		path[n] = '\0';
		count += strcmp(path + n - len, name) == 0;
	}
	closedir(d);
	return count;
}

static int
child_opens(void *arg)
{
	struct pdc *p;

	if (pdc_open(&p, arg, NULL) < 0)
		return 1;
	if (descriptors("/data.mdb") != once || descriptors("/lock.mdb") != 1)
		return 2;
	pdc_close(p);
	return descriptors("/data.mdb") == 0 ? 0 : 3;
}

static void
test_closed_without_lock(void)
{
	struct pdc_options o = { .wait_ms = 30 };
	char *dir = tap_tmpdir();
	struct pdc_series *s;
	struct pdc *p, *q;
	pid_t pid;

	if (pdc_open(&p, dir, &o) < 0)
		bail_out("open: %s", pdc_error());
	once = descriptors("/data.mdb");
	s = multi_series(multi_declare(p, PDC_COUNTER, "a", NULL), NULL);
	pdc_inc(s, 1);
	pid = multi_holder(dir);
	pdc_close(p);
	is_int(descriptors("/data.mdb"), once,
	    "closing leaves the environment while another has the lock");
	is_int(pdc_open(&q, dir, &o), PDC_EBUSY, "nor is it opened again: %s",
	    pdc_error());
	is_int(descriptors("/data.mdb"), once, "so it is there once");
	is_int(multi_release(pid), 0, "the holder gives the lock back");
	is_int(multi_run(child_opens, dir, 5000), 0,
	    "a child ends what it inherited, and opens its own");
	is_int(pdc_open(&q, dir, &o), 0, "then it opens");
	is_int(descriptors("/data.mdb"), once,
	    "and the first environment is gone");
	is_int(descriptors("/lock.mdb"), 1, "with its lock file");
	s = multi_series(multi_declare(q, PDC_COUNTER, "a", NULL), NULL);
	pdc_inc(s, 1);
	is_double(multi_now(q, "a_total"), 2, "nothing was lost");
	pdc_close(q);
	is_int(descriptors("/data.mdb"), 0, "all is closed in the end");
}

static void
test_replaced(void)
{
	char *dir = tap_tmpdir(), from[PATH_MAX], to[PATH_MAX];
	struct pdc *p, *q;

	snprintf(from, sizeof(from), "%s/s", dir);
	snprintf(to, sizeof(to), "%s/t", dir);
	p = multi_open(from, 0);
	pdc_inc(multi_series(multi_declare(p, PDC_COUNTER, "a", NULL), NULL),
	    1);
	if (rename(from, to) == -1)
		bail_out("rename");
	q = multi_open(from, 0);
	ok(p != q, "a store put in the place of another is another");
	ok(multi_now(q, "a_total") != multi_now(q, "a_total"),
	    "and has none of its series");
	pdc_close(q);
	q = multi_open(to, 0);
	ok(p == q, "the same store under another name is the same");
	pdc_close(q);
	pdc_close(p);
}

int
main(void)
{
	test_closed_without_lock();
	test_replaced();
	return tap_done();
}
