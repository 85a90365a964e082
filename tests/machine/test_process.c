/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * What a process does to itself: it changes its root, starts others, loads and
 * unloads the library, and has two copies of it.
 */

#include <sys/wait.h>

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/page.h"
#include "multi/multi.h"
#include "sound.h"
#include "tap.h"

#define NUPDATES 1000
#define NSPAWNS 20
#define NTHREADS 2
#define NLOADS 20

static struct pdc *p;
static struct pdc_series *counter;
static struct pdc_family *labelled;
static char library[512];

static void
start(const char *dir)
{
	p = multi_open(dir, 0);
	counter = multi_series(multi_declare(p, PDC_COUNTER, "c", NULL), NULL);
	labelled = multi_declare(p, PDC_COUNTER, "l", "l");
}

static int
apart(int (*fn)(void *), const char *dir)
{
	return multi_alone(fn, dir, strlen(dir) + 1, 20000);
}

static int
told(int status)
{
	diag("%s", pdc_error());
	fflush(stdout);
	return status;
}

/* Everything, and a checkpoint. */
static int
use(void)
{
	const struct pdc_key k = { "c", "_total", NULL, 0 };

	pdc_inc(counter, 1);
	pdc_inc(multi_series(labelled, "late"), 1);
	if (multi_put(p, "inc", &k, 1) < 0)
		return told(11);
	if (pdc_log(p, PDC_LOG_INFO, "a line", NULL, 0) < 0)
		return told(12);
	if (pdc_checkpoint(p) < 0)
		return told(13);
	return multi_now(p, "c_total") >= 2 ? 0 : 14;
}

/* What is to be had of the store afterwards, by somebody else. */
static void
is_left(const char *dir, double c, double l)
{
	struct pdc *q = multi_open(dir, 0);
	char *page;

	is_int(pdc_checkpoint(q), 0, "a checkpoint of another");
	page = multi_page(q);
	is_double(multi_sample(page, "c_total"), c, "all is counted");
	is_double(multi_sum(page, "l_total"), l, "of labels, too");
	pdc_free(page);
	sound_close(q);
}

/* --- another root --- */

/* A child has to open the database, which it cannot see: its lanes it has. */
static int
rooted_child(void *arg)
{
	int ret;

	(void)arg;
	pdc_inc(counter, 1);
	ret = pdc_checkpoint(p);
	return ret < 0 && pdc_error()[0] != '\0' ? 0 : 21;
}

static int
rooted(void *arg)
{
	char root[512];
	int ret;

	snprintf(root, sizeof(root), "%s", tap_tmpdir());
	start(arg);
	if (chroot(root) == -1 || chdir("/") == -1)
		return 1;
	ret = use();
	if (ret == 0)
		ret = multi_run(rooted_child, NULL, 5000);
	if (ret == 0)
		ret = use();
	pdc_close(p);
	return ret;
}

static void
test_root(void)
{
	char *dir = tap_tmpdir();

	if (geteuid() != 0) {
		skip("chroot() needs root");
		return;
	}
	is_int(apart(rooted, dir), 0, "who changes his root goes on");
	is_left(dir, 5, 2);
}

/* --- others are started --- */

static _Atomic int stop, failures;

static void *
busy(void *arg)
{
	const struct pdc_key k = { "c", "_total", NULL, 0 };
	_Atomic long *n = arg;
	int ret;

	while (!atomic_load(&stop)) {
		pdc_inc(counter, 1);
		atomic_fetch_add(n, 1);
		ret = multi_put(p, "inc", &k, 1);
		atomic_fetch_add(n, ret == 0);
		/* Where others have the CPU it may be busy. */
		atomic_fetch_add(&failures, ret < 0 && ret != PDC_EBUSY);
	}
	return NULL;
}

/* Whether it sees nothing of the store among its descriptors. */
static int
spawned(char *dir)
{
	char sh[] = "sh", c[] = "-c";
	char script[] = "! ls -l /proc/self/fd | grep -q \"$0\"";
	char *const argv[] = { sh, c, script, dir, NULL };
	int status;
	pid_t pid;

	if (posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ) != 0)
		bail_out("posix_spawn");
	if (waitpid(pid, &status, 0) != pid)
		bail_out("waitpid");
	return status == 0;
}

static void
test_spawn(void)
{
	char *dir = tap_tmpdir();
	pthread_t threads[NTHREADS];
	_Atomic long n = 0;
	int i, good = 0;

	start(dir);
	for (i = 0; i < NTHREADS; i++)
		if (pthread_create(&threads[i], NULL, busy, &n) != 0)
			bail_out("a thread");
	for (i = 0; i < NSPAWNS; i++)
		good += spawned(dir);
	atomic_store(&stop, 1);
	for (i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	is_int(good, NSPAWNS, "who is spawned inherits no descriptor");
	is_int(atomic_load(&failures), 0, "no transaction fails meanwhile");
	is_double(multi_now(p, "c_total"), (double)atomic_load(&n),
	    "all is counted");
	sound_close(p);
}

/* --- another copy of the library --- */

#define CALLS(X) \
	X(pdc_open) \
	X(pdc_close) \
	X(pdc_declare) \
	X(pdc_labels) \
	X(pdc_inc) \
	X(pdc_begin) \
	X(pdc_value_inc) \
	X(pdc_commit) \
	X(pdc_checkpoint) \
	X(pdc_error)

struct copy {
	void *handle;
#define X(name) __typeof__(name) *name;
	CALLS(X)
#undef X
	struct pdc *p;
	struct pdc_series *s;
};

static void
copy_load(struct copy *c)
{
	memset(c, 0, sizeof(*c));
	c->handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	if (c->handle == NULL)
		bail_out("%s", dlerror());
#define X(name) *(void **)&c->name = dlsym(c->handle, #name);
	CALLS(X)
#undef X
	if (c->pdc_open == NULL || c->pdc_open == pdc_open)
		bail_out("%s is no other copy", library);
}

static int
copy_open(struct copy *c, const char *dir)
{
	const struct pdc_desc d = { .type = PDC_COUNTER, .name = "c" };
	struct pdc_family *f;
	int ret;

	ret = c->pdc_open(&c->p, dir, NULL);
	if (ret == 0)
		ret = c->pdc_declare(&f, c->p, &d);
	if (ret == 0)
		ret = c->pdc_labels(&c->s, f, NULL);
	return ret;
}

static int
copy_put(struct copy *c)
{
	const struct pdc_key k = { "c", "_total", NULL, 0 };
	struct pdc_txn *t;
	int ret;

	ret = c->pdc_begin(&t, c->p);
	if (ret == 0) {
		c->pdc_value_inc(t, &k, 1);
		ret = c->pdc_commit(t);
	}
	return ret;
}

static void *
in_thread(void *arg)
{
	struct copy *c = arg;

	c->pdc_inc(c->s, 1);
	dlclose(c->handle); /* and the thread's end comes after it */
	return NULL;
}

/* Loaded, used and unloaded, with and without an end. */
static int
loads(void *dir)
{
	struct copy c;
	pthread_t t;
	int i;

	for (i = 0; i < NLOADS; i++) {
		copy_load(&c);
		if (copy_open(&c, dir) < 0 || copy_put(&c) < 0)
			return 1;
		if (i % 2 == 0)
			c.pdc_close(c.p);
		if (i % 2 == 0)
			dlclose(c.handle);
		else if (pthread_create(&t, NULL, in_thread, &c) != 0 ||
		    pthread_join(t, NULL) != 0)
			return 2;
	}
	return 0;
}

static void
test_loaded(void)
{
	char *dir = tap_tmpdir();

	is_int(apart(loads, dir), 0, "loaded and unloaded %d times", NLOADS);
	is_left(dir, NLOADS + NLOADS / 2, 0);
}

static int
copy_refused(struct copy *c, const char *dir)
{
	int ret = copy_open(c, dir);

	return ret == PDC_EBUSY && c->p == NULL &&
	    strstr(c->pdc_error(), "another copy") != NULL;
}

/* Each is refused while the other has the store. */
static int
copies(void *dir)
{
	struct copy c;

	copy_load(&c);
	start(dir);
	if (!copy_refused(&c, dir) || use() != 0)
		return 31;
	pdc_close(p);
	if (copy_open(&c, dir) < 0 || copy_put(&c) < 0)
		return 32;
	if (pdc_open(&p, dir, NULL) != PDC_EBUSY || p != NULL)
		return told(33);
	if (copy_put(&c) < 0)
		return 34;
	c.pdc_close(c.p);
	start(dir);
	if (use() != 0)
		return 35;
	pdc_close(p);
	return 0;
}

/* The other one tries while this one works in other threads, and a child. */
static int
copies_busy(void *dir)
{
	pthread_t threads[NTHREADS];
	_Atomic long n = 0;
	struct copy c;
	int i, refused = 0;

	copy_load(&c);
	start(dir);
	for (i = 0; i < NTHREADS; i++)
		if (pthread_create(&threads[i], NULL, busy, &n) != 0)
			return 1;
	for (i = 0; i < NLOADS; i++)
		refused += copy_refused(&c, dir);
	atomic_store(&stop, 1);
	for (i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	if (refused != NLOADS || atomic_load(&failures) != 0)
		return 41;
	if (multi_now(p, "c_total") != (double)atomic_load(&n))
		return 42;
	i = fork();
	if (i == 0)
		_exit(!copy_refused(&c, dir) || use() != 0);
	if (multi_wait(i, 10000) != 0)
		return 43;
	pdc_close(p);
	return copy_open(&c, dir) < 0 ? 44 : 0;
}

static void
test_copies(void)
{
	char *dir = tap_tmpdir();

	is_int(apart(copies, dir), 0,
	    "of two copies in one process one can have a store");
	is_left(dir, 6, 2);
	dir = tap_tmpdir();
	is_int(apart(copies_busy, dir), 0, "also while it is busy");
	sound_close(multi_open(dir, 0));
}

int
main(void)
{
	const char *build = getenv("top_builddir");

	snprintf(library, sizeof(library), "%s/lib/.libs/libpdc.so",
	    build != NULL ? build : ".");
	multi_alone_init();
	test_root();
	test_spawn();
	if (access(library, R_OK) == -1) {
		skip("no shared library was built");
		return tap_done();
	}
	test_loaded();
	test_copies();
	return tap_done();
}
