/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Gauges of modes: each process has its own value, a page brings them together,
 * and who is dead counts by the mode, however he died.
 */

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/modes.h"
#include "check/check.h"
#include "metric/metric.h"
#include "multi/multi.h"
#include "tap.h"

#define NMODES (PDC_LIVEMOSTRECENT + 1)

static struct pdc_family *
declare(struct pdc *p, int mode, const char *name, const char *label)
{
	const char *labels[] = { label, NULL };
	struct pdc_desc d = { .type = PDC_GAUGE,
		.mode = (enum pdc_mode)mode,
		.name = name,
		.labels = labels };
	struct pdc_family *f;

	if (pdc_declare(&f, p, &d) < 0)
		bail_out("declare %s: %s", name, pdc_error());
	return f;
}

static struct pdc_series *
series(struct pdc_family *f, const char *value)
{
	struct pdc_series *s = multi_series(f, value);

	if (s == NULL)
		bail_out("labels: %s", pdc_error());
	return s;
}

/* A worker: does what it is told, byte by byte, and says so. */
struct worker {
	pid_t pid;
	int to, from;
};

static struct pdc *p;
static int slow; /* no rings: a worker's updates wait for a slow call */
static struct pdc_family *fam[NMODES];
static struct pdc_series *inherited[NMODES]; /* by the parent */

/* What a worker does: 'w' value: set all; 'i' value: inc all but mostrecent. */
struct order {
	char what;
	double v;
};

static void
worker_do(const struct order *o)
{
	int m;

	for (m = 0; m < NMODES; m++)
		if (o->what == 'w')
			pdc_set(inherited[m], o->v);
		else if (o->what == 'i')
			pdc_inc(inherited[m], o->v);
	if (o->what == 'l') /* a slow call: the handles are this process's */
		for (m = 0; m < NMODES; m++)
			(void)series(fam[m], NULL);
	if (o->what == 'c')
		(void)pdc_checkpoint(p);
}

static struct worker
worker_new(void)
{
	struct worker w;
	struct order o;
	int to[2], from[2];

	if (pipe(to) == -1 || pipe(from) == -1)
		bail_out("pipe");
	w.pid = multi_fork();
	if (w.pid == 0) {
		close(to[1]);
		close(from[0]);
		while (read(to[0], &o, sizeof(o)) == sizeof(o)) {
			if (o.what == 'x')
				break;
			worker_do(&o);
			if (write(from[1], "", 1) != 1)
				break;
		}
		_exit(0);
	}
	close(to[0]);
	close(from[1]);
	w.to = to[1];
	w.from = from[0];
	return w;
}

static void
tell(const struct worker *w, char what, double v)
{
	struct order o = { what, v };
	char c;

	if (write(w->to, &o, sizeof(o)) != sizeof(o) ||
	    read(w->from, &c, 1) != 1)
		bail_out("a worker is gone");
}

static void
end(struct worker *w)
{
	int status;

	kill(w->pid, SIGKILL);
	waitpid(w->pid, &status, 0);
	close(w->to);
	close(w->from);
}

static void
checkpoint(void)
{
	if (pdc_checkpoint(p) < 0)
		bail_out("checkpoint: %s", pdc_error());
}

static void
maintain(void)
{
	if (pdc_maintain(p) < 0)
		bail_out("maintain: %s", pdc_error());
}

static void
finding(void *arg, const char *words)
{
	(void)arg;
	diag("%s", words);
}

/* The end of a case: the store is sound. */
static void
finish(void)
{
	is_int(pdc_check_run(p->store, pdc_cells_now(p), finding, NULL), 0,
	    "the store is sound");
	pdc_close(p);
}

static double
now(int mode)
{
	char name[32];

	snprintf(name, sizeof(name), "g_%s", pdc_mode_word(mode));
	return multi_now(p, name);
}

static double
slot(int mode, int n)
{
	char name[64];

	snprintf(name, sizeof(name), "g_%s{slot=\"%d\"}", pdc_mode_word(mode),
	    n);
	return multi_now(p, name);
}

static void
begin(const char *dir, unsigned flags)
{
	char name[32];
	int m;

	p = multi_open(dir, flags);
	slow = pdc_cells_now(p)->use == 0;
	for (m = 0; m < NMODES; m++) {
		snprintf(name, sizeof(name), "g_%s", pdc_mode_word(m));
		fam[m] = declare(p, m, name, NULL);
		inherited[m] = series(fam[m], NULL);
	}
}

static void
is_mode(int mode, double want, const char *when)
{
	is_double(now(mode), want, "%s %s", pdc_mode_word(mode), when);
}

/* The modes that show one number. */
struct wants {
	double min, livemin, max, livemax, sum, livesum, recent, liverecent;
};

static void
are(const struct wants *w, const char *when)
{
	is_mode(PDC_MIN, w->min, when);
	is_mode(PDC_LIVEMIN, w->livemin, when);
	is_mode(PDC_MAX, w->max, when);
	is_mode(PDC_LIVEMAX, w->livemax, when);
	is_mode(PDC_SUM, w->sum, when);
	is_mode(PDC_LIVESUM, w->livesum, when);
	is_mode(PDC_MOSTRECENT, w->recent, when);
	is_mode(PDC_LIVEMOSTRECENT, w->liverecent, when);
}

static void
test_life(unsigned flags)
{
	struct worker a, b, c;
	char *dir = tap_tmpdir();

	begin(dir, flags);
	are(&(struct wants){ NAN, NAN, NAN, NAN, NAN, NAN, 0, NAN },
	    "has nothing of who has written nothing");
	a = worker_new();
	b = worker_new();
	tell(&a, slow ? 'l' : 'w', 3);
	tell(&a, 'w', 3);
	tell(&b, slow ? 'l' : 'w', 5);
	tell(&b, 'w', 5);
	checkpoint();
	are(&(struct wants){ 3, 3, 5, 5, 8, 8, 5, 5 }, "of two workers");
	is_double(slot(PDC_ALL, 1), 3, "all has a's by its slot");
	is_double(slot(PDC_LIVEALL, 2), 5, "liveall has b's by its slot");
	tell(&a, 'w', 4);
	tell(&b, 'i', 1);
	are(&(struct wants){ 4, 4, 6, 6, 10, 10, 4, 4 },
	    "follows at once when the handles are mended");
	kill(b.pid, SIGSTOP);
	are(&(struct wants){ 4, 4, 6, 6, 10, 10, 4, 4 },
	    "counts who is stopped");
	kill(b.pid, SIGCONT);
	end(&b);
	are(&(struct wants){ 4, 4, 6, 4, 10, 4, 4, 4 },
	    "knows at once that b was killed");
	is_double(slot(PDC_ALL, 2), 6, "all keeps b's");
	is_double(slot(PDC_LIVEALL, 2), NAN, "liveall does not");
	checkpoint();
	are(&(struct wants){ 4, 4, 6, 4, 10, 4, 4, 4 },
	    "is the same when b has been folded");
	is_double(slot(PDC_ALL, 2), 6, "all keeps b's, folded");
	c = worker_new();
	tell(&c, slow ? 'l' : 'i', 1);
	tell(&c, 'i', 1);
	checkpoint();
	are(&(struct wants){ slow ? 1 : 2, slow ? 1 : 2, 6, 4, slow ? 11 : 12,
		slow ? 5 : 6, 4, 4 },
	    "begins from nothing in a new worker");
	is_double(slot(PDC_ALL, 2), slow ? 1 : 2, "who has b's slot now");
	end(&a);
	end(&c);
	are(&(struct wants){ slow ? 1 : 2, NAN, 6, NAN, slow ? 11 : 12, NAN, 4,
		NAN },
	    "of the dead alone");
	pdc_close(p);
	p = multi_open(dir, flags);
	checkpoint();
	checkpoint();
	are(&(struct wants){ slow ? 1 : 2, NAN, 6, NAN, slow ? 11 : 12, NAN, 4,
		NAN },
	    "of the dead alone, folded, opened again");
	finish();
}

/* A thread that ends takes nothing with it; one may fork, too. */
static void *
thread_set(void *arg)
{
	pdc_set(inherited[PDC_LIVESUM], *(double *)arg);
	return NULL;
}

/* It lives as long as its child, which would get the signal of its end. */
static _Atomic int forked;

static void *
thread_fork(void *arg)
{
	*(struct worker *)arg = worker_new();
	for (forked = 1; forked == 1;)
		multi_sleep_ms(1);
	return NULL;
}

static void
test_threads(unsigned flags)
{
	double v = 2;
	struct worker w;
	pthread_t t;

	begin(tap_tmpdir(), flags);
	if (pthread_create(&t, NULL, thread_set, &v) != 0 ||
	    pthread_join(t, NULL) != 0)
		bail_out("a thread");
	is_mode(PDC_LIVESUM, 2, "has what a thread set that has ended");
	checkpoint();
	is_mode(PDC_LIVESUM, 2, "is the same after a checkpoint");
	forked = 0;
	if (pthread_create(&t, NULL, thread_fork, &w) != 0)
		bail_out("a thread");
	while (forked == 0)
		multi_sleep_ms(1);
	tell(&w, 'l', 0);
	tell(&w, 'w', 3);
	is_mode(PDC_LIVESUM, 5, "has a child's that a thread forked");
	is_double(slot(PDC_LIVEALL, 1), 3, "which has a slot of its own");
	end(&w);
	forked = 2;
	pthread_join(t, NULL);
	is_mode(PDC_LIVESUM, 2, "is the parent's alone again");
	finish();
}

/* Threads and a signal handler of one process get one slot. */
#define NRACERS 4
static _Atomic int racing;
static uint64_t raced[NRACERS + 1];
static _Atomic uint64_t signalled;

static void *
racer(void *arg)
{
	uint64_t *ident = arg;

	while (!racing)
		continue;
	*ident = pdc_mode_self(p, pdc_cells_now(p));
	while (ident == raced && signalled == 0)
		continue;
	return NULL;
}

static void
racer_signal(int sig)
{
	(void)sig;
	signalled = raced[NRACERS] = pdc_mode_self(p, pdc_cells_now(p));
}

static int
race(void *arg)
{
	pthread_t t[NRACERS];
	int i, bad = 0;

	(void)arg;
	racing = 0;
	signal(SIGUSR1, racer_signal);
	for (i = 0; i < NRACERS; i++)
		if (pthread_create(&t[i], NULL, racer, &raced[i]) != 0)
			return 2;
	racing = 1;
	pthread_kill(t[0], SIGUSR1);
	for (i = 0; i < NRACERS; i++)
		pthread_join(t[i], NULL);
	for (i = 0; i <= NRACERS; i++)
		bad |= raced[i] == 0 || raced[i] != raced[0];
	return bad;
}

/* A claim in an update, as in a signal handler, leaves errno as it was. */
static int
errno_kept(void *arg)
{
	(void)arg;
	errno = ERANGE;
	pdc_set(inherited[PDC_SUM], 1);
	return errno != ERANGE;
}

static void
test_claims(void)
{
	int i, bad = 0;

	begin(tap_tmpdir(), 0);
	for (i = 0; i < 100; i++)
		bad += multi_run(race, NULL, 10000) != 0;
	is_int(bad, 0, "threads that claim at once have one identity");
	is_int(multi_run(errno_kept, NULL, 10000), 0, "and errno as it was");
	finish();
}

/* All slots are taken: updates are dropped, and soon; the rest goes on. */
static int
slotless(void *arg)
{
	const struct cells *c = pdc_cells_now(p);
	struct pdc_series *s;
	int i, bad;

	(void)arg;
	errno = ERANGE;
	pdc_set(inherited[PDC_SUM], 1);
	bad = errno != ERANGE;
	/* A try takes thousands of system calls. */
	for (i = 0; i < 100000; i++)
		pdc_set(inherited[PDC_SUM], 1);
	bad |= (c->head->drops[DROP_NOSLOT] != 100001) << 1;
	(void)multi_series(fam[PDC_SUM], NULL);
	s = series(multi_declare(p, PDC_GAUGE, "other", NULL), NULL);
	pdc_set(s, 3);
	bad |= (multi_now(p, "other") != 3) << 2;
	return bad;
}

static void
test_full(void)
{
	char *dir = tap_tmpdir(), path[4096];
	struct flock fl = { .l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = 2,
		.l_len = SLOTS_MAX - 1 };
	int fd, to[2], status;
	pid_t pid;
	char ch;

	begin(dir, 0);
	snprintf(path, sizeof(path), "%s/write.lock", dir);
	if (pipe(to) == -1)
		bail_out("pipe");
	pid = multi_fork();
	if (pid == 0) {
		fd = open(path, O_RDWR);
		if (fcntl(fd, F_SETLK, &fl) == 0 && write(to[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	if (read(to[0], &ch, 1) != 1)
		bail_out("no slots to be had");
	is_int(multi_run(slotless, NULL, 10000), 0,
	    "who has no slot is dropped quickly, and hinders nobody");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	close(to[0]);
	close(to[1]);
	finish();
}

/* Slots are the lowest ones that are free. */
static void
test_slots(void)
{
	struct worker w[3];
	int i;

	begin(tap_tmpdir(), 0);
	for (i = 0; i < 3; i++) {
		w[i] = worker_new();
		tell(&w[i], 'l', 0);
		tell(&w[i], 'w', i + 1);
	}
	end(&w[1]);
	w[1] = worker_new();
	tell(&w[1], slow ? 'l' : 'w', 9);
	tell(&w[1], 'w', 9);
	checkpoint();
	is_double(slot(PDC_LIVEALL, 2), 9, "a slot is used again");
	is_double(slot(PDC_LIVEALL, 4), NAN, "before a new one");
	is_mode(PDC_SUM, 1 + 2 + 3 + 9, "has the dead's, too");
	is_mode(PDC_LIVESUM, 1 + 3 + 9, "has not");
	for (i = 0; i < 3; i++)
		end(&w[i]);
	checkpoint();
	is_mode(PDC_SUM, 1 + 2 + 3 + 9, "has all, folded");
	is_int((long long)pdc_cells_now(p)->head->drops[DROP_NOSLOT], 0,
	    "and nothing was dropped");
	finish();
}

/* The cells are lost under two who live and one who is dead. */
static void
test_lost(unsigned flags)
{
	struct worker a, b, dead;
	char *dir = tap_tmpdir();

	begin(dir, flags);
	a = worker_new();
	b = worker_new();
	dead = worker_new();
	tell(&a, 'l', 0);
	tell(&b, 'l', 0);
	tell(&dead, 'l', 0);
	tell(&a, 'w', 1);
	tell(&b, 'w', 2);
	tell(&dead, 'w', 4);
	checkpoint();
	end(&dead);
	if (multi_lose(dir) != 1)
		bail_out("no cells to be lost");
	checkpoint();
	are(&(struct wants){ 1, 1, 4, 2, 7, 3, 4, 2 },
	    "is what it was when the cells were lost");
	tell(&a, 'w', 8); /* into the old ones */
	tell(&a, 'c', 0);
	tell(&b, 'l', 0);
	checkpoint();
	are(&(struct wants){ 2, 2, 8, 8, 14, 10, 8, 8 },
	    "is what the living say since");
	end(&a);
	checkpoint();
	are(&(struct wants){ 2, 2, 8, 2, 14, 2, 8, 2 },
	    "knows the dead by new cells");
	end(&b);
	finish();
}

/* Somebody closes all descriptors, and the process is taken for dead. */
static int
close_all(void *arg)
{
	struct pdc_series *s = inherited[PDC_LIVESUM];
	int fd;

	(void)arg;
	s = series(fam[PDC_LIVESUM], NULL);
	pdc_set(s, 5);
	for (fd = 3; fd < 64; fd++)
		close(fd);
	pdc_checkpoint(p);
	s = series(fam[PDC_LIVESUM], NULL);
	pdc_set(s, 6);
	if (now(PDC_LIVESUM) != 6)
		return 1;
	raise(SIGSTOP);
	return 0;
}

static void
test_closed(void)
{
	int status;
	pid_t pid;

	begin(tap_tmpdir(), 0);
	pid = multi_fork();
	if (pid == 0)
		_exit(close_all(NULL));
	if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
		bail_out("a child that closed all ended with %d", status);
	is_mode(PDC_LIVESUM, 6, "has who lost his lock and took it again");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	is_mode(PDC_LIVESUM, NAN, "has him no more");
	finish();
}

/* By name, removed, expired, declared otherwise. */
static void
test_names(void)
{
	struct pdc_label l = { "a", "x" };
	struct pdc_key k = { "n", "", &l, 1 },
		       live = { "g_livesum", "", NULL, 0 },
		       all = { "g_all", "", NULL, 0 };
	struct pdc_label at = { "slot", "0" };
	const char *x[] = { "x", NULL };
	struct pdc_family *f;
	struct pdc_series *s;
	struct pdc_desc d = { .type = PDC_GAUGE, .mode = PDC_MAX, .name = "n" };
	struct pdc_txn *t;
	double v = NAN;

	begin(tap_tmpdir(), 0);
	f = declare(p, PDC_SUM, "n", "a");
	s = series(f, "x");
	pdc_set(s, 3);
	is_int(multi_put(p, "set", &k, 4), 0, "by name is as by one more");
	is_int(multi_put(p, "inc", &k, 1), 0, "who has ended");
	is_double(multi_now(p, "n{a=\"x\"}"), 8, "a page has the sum");
	is_double(multi_get(p, "n", "", "a", "x"), 8, "and get, too");
	is_double(multi_get(p, "n", "", "a", "y"), NAN, "not of others");
	if (pdc_begin(&t, p) < 0)
		bail_out("begin");
	pdc_value_set(t, &k, 2);
	is_int(pdc_value_get(t, &k, &v), 0, "in a transaction");
	is_double(v, 10, "with what it is to do");
	pdc_abort(t);
	is_int(multi_put(p, "set", &live, 1), PDC_EINVAL,
	    "a live mode cannot be set by name");
	ok(strstr(pdc_error(), "livesum") != NULL, "and is told: %s",
	    pdc_error());
	is_int(multi_put(p, "set", &all, 1), PDC_EINVAL, "nor can all");
	ok(strstr(pdc_error(), "mode all") != NULL, "and is told: %s",
	    pdc_error());
	pdc_set(inherited[PDC_ALL], 7);
	is_double(multi_get(p, "g_all", "", at.name, at.value), 7,
	    "all is asked for by slot");
	is_int(pdc_remove(f, x), 0, "removed is what everybody has");
	is_double(multi_now(p, "n{a=\"x\"}"), NAN, "and what the dead left");
	is_int(pdc_remove(f, x), PDC_ENOENT, "which is nothing now");
	pdc_set(s, 1);
	pdc_set(s, 2);
	checkpoint();
	is_double(multi_now(p, "n{a=\"x\"}"), 2, "handles go on");
	is_int(pdc_declare(&f, p, &d), PDC_EEXIST, "of one mode only");
	ok(strstr(pdc_error(), "max") != NULL &&
		strstr(pdc_error(), "sum") != NULL,
	    "both are named: %s", pdc_error());
	d.name = "slotted";
	d.mode = PDC_LIVEALL;
	d.labels = (const char *const[]){ "slot", NULL };
	is_int(pdc_declare(&f, p, &d), PDC_EINVAL, "slot is a label of ours");
	d.mode = PDC_SUM;
	is_int(pdc_declare(&f, p, &d), 0, "where it is shown");
	pdc_inc(inherited[PDC_MOSTRECENT], 1);
	pdc_dec(inherited[PDC_LIVEMOSTRECENT], 1);
	is_int((long long)pdc_cells_now(p)->head->drops[DROP_TYPE], 2,
	    "the most recent is set only");
	finish();
}

/* The label slot stands in its sorted place, on pages and in keys. */
static void
test_labels(void)
{
	struct pdc_family *f;
	char *page;

	begin(tap_tmpdir(), 0);
	f = declare(p, PDC_ALL, "v", "zone");
	pdc_set(series(f, "b\"c"), 3);
	f = declare(p, PDC_ALL, "u", "area");
	pdc_set(series(f, ""), 4);
	page = multi_page(p);
	is_double(multi_sample(page, "v{slot=\"0\",zone=\"b\\\"c\"}"), 3,
	    "slot comes before zone");
	is_double(multi_sample(page, "u{area=\"\",slot=\"0\"}"), 4,
	    "slot comes after area");
	pdc_free(page);
	finish();
}

/* A family ends whole, and begins from nothing. */
static void
test_ttl(void)
{
	struct pdc_desc d = { .type = PDC_GAUGE,
		.mode = PDC_SUM,
		.name = "short",
		.ttl_s = 10 };
	struct pdc_series *s;
	struct pdc_family *f;
	struct worker w;

	begin(tap_tmpdir(), 0);
	if (pdc_declare(&f, p, &d) < 0)
		bail_out("declare: %s", pdc_error());
	s = series(f, NULL);
	pdc_set(s, 3);
	fam[PDC_SUM] = f;
	inherited[PDC_SUM] = s;
	w = worker_new();
	tell(&w, 'l', 0);
	tell(&w, 'w', 4);
	end(&w);
	checkpoint();
	is_double(multi_now(p, "short"), 7, "of one who lives and one who not");
	p->clock.mono_skew_ns += 20000000000;
	is_double(multi_now(p, "short"), NAN, "ends with its time");
	maintain();
	pdc_set(s, 5);
	checkpoint();
	is_double(multi_now(p, "short"), 5, "and begins again");
	finish();
}

/* A process writes a value, a checkpoint sees it, and it ends. */
static int
mortal(void *arg)
{
	pdc_set(series(fam[PDC_SUM], "x"), *(double *)arg);
	return pdc_checkpoint(p);
}

static void
write_and_end(double v)
{
	if (multi_run(mortal, &v, 10000) != 0)
		bail_out("a process that writes %g", v);
}

/* What has expired is not folded, for then it would be there again. */
static void
test_expired(double ttl, double idle)
{
	struct pdc_desc d = { .type = PDC_GAUGE,
		.mode = PDC_SUM,
		.name = "short",
		.labels = (const char *const[]){ "a", NULL },
		.ttl_s = ttl,
		.idle_s = idle };
	const char *what = ttl > 0 ? "a family" : "a series";

	begin(tap_tmpdir(), 0);
	if (pdc_declare(&fam[PDC_SUM], p, &d) < 0)
		bail_out("declare: %s", pdc_error());
	write_and_end(4);
	is_double(multi_now(p, "short{a=\"x\"}"), 4, "%s has its time", what);
	p->clock.mono_skew_ns += 20000000000;
	is_double(multi_now(p, "short{a=\"x\"}"), NAN, "%s ends", what);
	checkpoint();
	is_double(multi_now(p, "short{a=\"x\"}"), NAN,
	    "%s stays so, its process dead", what);
	maintain();
	write_and_end(2);
	checkpoint();
	p->clock.mono_skew_ns += 8000000000;
	write_and_end(3);
	p->clock.mono_skew_ns += 5000000000;
	checkpoint();
	is_double(multi_now(p, "short{a=\"x\"}"), ttl > 0 ? 5 : 3,
	    "%s has what was used in time", what);
	finish();
}

/* Each set is a use of it, however soon after the one before. */
static void
test_stamped_use(void)
{
	struct pdc_desc d = { .type = PDC_GAUGE,
		.mode = PDC_LIVEMOSTRECENT,
		.name = "used",
		.ttl_s = 10 };
	struct pdc_family *f;
	struct pdc_series *s;
	int i, gone = 0;

	begin(tap_tmpdir(), 0);
	if (pdc_declare(&f, p, &d) < 0)
		bail_out("declare: %s", pdc_error());
	s = series(f, NULL);
	for (i = 0; i < 6; i++) {
		pdc_set(s, i);
		maintain();
		gone += multi_now(p, "used") != i;
		p->clock.mono_skew_ns += 6000000000;
	}
	is_int(gone, 0, "a livemostrecent that is set does not expire");
	finish();
}

/* A value that came when it had been folded already. */
static void
test_late(void)
{
	struct cells *c;
	struct worker w;
	struct gauge g;
	uint64_t unit;

	begin(tap_tmpdir(), 0);
	c = pdc_cells_now(p);
	w = worker_new();
	tell(&w, 'l', 0);
	tell(&w, 'w', 3);
	end(&w);
	checkpoint();
	for (unit = 0; unit < 512; unit++) {
		g = pdc_cells_gauge(c, unit);
		if (g.value != 3 || pdc_cells_tag_get(c, ZONE_GAUGE, unit) != 0)
			continue;
		g.value = 5;
		g.touched++;
		pdc_cells_gauge_init(c, unit, g);
	}
	p->clock.mono_skew_ns += 61000000000;
	maintain();
	checkpoint();
	are(&(struct wants){ 3, NAN, 5, NAN, 5, NAN, 3, NAN },
	    "has what came late to the dead");
	is_double(slot(PDC_ALL, 1), 5, "all, too");
	is_double(slot(PDC_LIVEALL, 1), NAN, "liveall has not");
	finish();
}

/* Pages while workers come and die and are folded: the sum never sinks. */
#define NSTORM 80
static struct storm {
	_Atomic int stop, pages, bad;
} * storm;

static void
storm_pages(void)
{
	double last = 0, v;

	while (!storm->stop) {
		v = now(PDC_SUM);
		if (v < last || v > NSTORM)
			storm->bad++;
		last = isnan(v) ? last : v;
		storm->pages++;
	}
	_exit(0);
}

static void
storm_checkpoints(void)
{
	while (!storm->stop)
		(void)pdc_checkpoint(p);
	_exit(0);
}

static int
storm_worker(void *arg)
{
	(void)arg;
	pdc_set(series(fam[PDC_SUM], NULL), 1);
	if (slow) /* it may have had to wait, and would be lost */
		(void)pdc_checkpoint(p);
	raise(SIGKILL);
	return 0;
}

static void
test_storm(void)
{
	pid_t child[2];
	int i;

	begin(tap_tmpdir(), 0);
	storm = multi_shared(sizeof(*storm));
	for (i = 0; i < 2; i++) {
		child[i] = multi_fork();
		if (child[i] == 0 && i == 0)
			storm_pages();
		if (child[i] == 0)
			storm_checkpoints();
	}
	for (i = 0; i < NSTORM; i++)
		(void)multi_run(storm_worker, NULL, 10000);
	storm->stop = 1;
	for (i = 0; i < 2; i++)
		(void)multi_wait(child[i], 10000);
	ok(storm->pages > 10, "%d pages while workers die", storm->pages);
	is_int(storm->bad, 0, "and in none has the sum sunk");
	checkpoint();
	is_mode(PDC_SUM, NSTORM, "has them all");
	finish();
}

#ifdef PDC_FAULTS
/* A checkpoint that fails or is killed at the nth hit of a point; 1: it was. */
struct cut {
	int point, nth, kills;
};

static int
cut_child(void *arg)
{
	const struct cut *cut = arg;

	pdc_fault_kill(cut->point, cut->nth);
	(void)pdc_checkpoint(p);
	return 0;
}

static int
cut_checkpoint(const struct cut *cut)
{
	int ret;

	if (cut->kills)
		return multi_run(cut_child, (void *)(uintptr_t)cut, 10000) != 0;
	pdc_fault_arm(cut->point, cut->nth);
	ret = pdc_checkpoint(p);
	pdc_fault_disarm();
	return ret < 0;
}

/* Whatever ends a checkpoint, the dead are folded once. */
static void
test_faults(int kills)
{
	static const int points[] = { FAULT_STXN_PUT, FAULT_STXN_COMMIT,
		FAULT_STXN_COMMITTED, FAULT_DRAIN_COMMIT, FAULT_STXN_BEGIN };
	int bad = 0, cut = 0, nth;
	double sum = 0, max = 0;
	struct worker w;
	unsigned i;

	begin(tap_tmpdir(), 0);
	for (i = 0; i < sizeof(points) / sizeof(points[0]); i++)
		for (nth = 1; nth < 24; nth += 1 + nth / 8) {
			w = worker_new();
			tell(&w, slow || nth % 2 ? 'l' : 'w', 0);
			tell(&w, 'w', nth);
			end(&w);
			sum += nth;
			max = nth > max ? nth : max;
			cut += cut_checkpoint(
			    &(struct cut){ points[i], nth, kills });
			checkpoint();
			checkpoint();
			if (now(PDC_SUM) != sum || now(PDC_MAX) != max ||
			    !isnan(now(PDC_LIVESUM)))
				bad++;
		}
	ok(cut > 10, "%d checkpoints were %s", cut,
	    kills ? "killed" : "failed");
	is_int(bad, 0, "and no value was lost or folded twice");
	finish();
}
#endif

/* pdc stat --who: a line of a process, "PID SLOT"; 0 if there is none. */
static int
who(const char *dir, pid_t pid, const char *slot)
{
	const char *top = getenv("top_builddir");
	char command[8192], line[512], want[32];
	int found = 0;
	FILE *f;

	snprintf(command, sizeof(command),
	    "%s/bin/pdc/pdc -s %s stat --who 2>&1", top != NULL ? top : ".",
	    dir);
	snprintf(want, sizeof(want), "%-10d %-5s ", (int)pid, slot);
	f = popen(command, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		found += strncmp(line, want, strlen(want)) == 0;
	if (f == NULL || pclose(f) != 0)
		bail_out("%s", command);
	return found;
}

static void
test_who(void)
{
	char *dir = tap_tmpdir();
	struct worker w, none;

	begin(dir, 0);
	w = worker_new();
	none = worker_new();
	tell(&w, 'i', 1);
	is_int(who(dir, getpid(), "0"), 1, "--who has who resolved first");
	is_int(who(dir, w.pid, "1"), 1, "and a worker");
	is_int(who(dir, none.pid, "-"), 1, "and one that has no slot");
	end(&w);
	is_int(who(dir, w.pid, "1"), 0, "and none that is dead");
	end(&none);
	finish();
}

int
main(void)
{
	alarm(50);
	test_life(0);
	test_life(PDC_ATOMIC);
	test_threads(0);
	test_threads(PDC_ATOMIC);
	test_claims();
	test_slots();
	test_full();
	test_lost(0);
	test_lost(PDC_ATOMIC);
	test_closed();
	test_names();
	test_labels();
	test_ttl();
	test_expired(10, 0);
	test_expired(-1, 10);
	test_stamped_use();
	test_late();
	test_storm();
	test_who();
#ifdef PDC_FAULTS
	test_faults(0);
	test_faults(1);
#endif
	return tap_done();
}
