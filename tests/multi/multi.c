/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "multi/multi.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "journal/journal.h"
#include "metric/metric.h"
#include "tap.h"

#define LIFE_S 60

void *
multi_shared(size_t len)
{
	void *mem;

	mem = mmap(NULL, len, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		bail_out("mmap: %s", strerror(errno));
	return mem;
}

pid_t
multi_fork(void)
{
	pid_t parent = getpid(), pid;

	fflush(stdout);
	pid = fork();
	if (pid == -1)
		bail_out("fork: %s", strerror(errno));
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(99);
		alarm(LIFE_S);
	}
	return pid;
}

int64_t
multi_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void
multi_sleep_ms(int ms)
{
	struct timespec ts = { ms / 1000, (ms % 1000) * 1000000L };

	while (nanosleep(&ts, &ts) == -1 && errno == EINTR)
		continue;
}

int
multi_wait(pid_t pid, int timeout_ms)
{
	int64_t until = multi_now_ms() + timeout_ms;
	int status;
	pid_t got;

	for (;;) {
		got = waitpid(pid, &status, WNOHANG);
		if (got == pid)
			return status;
		if (got == -1 && errno != EINTR)
			return -1;
		if (multi_now_ms() >= until)
			break;
		multi_sleep_ms(1);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return -1;
}

int
multi_run(int (*fn)(void *), void *arg, int timeout_ms)
{
	pid_t pid;
	int status;

	pid = multi_fork();
	if (pid == 0)
		_exit(fn(arg));
	status = multi_wait(pid, timeout_ms);
	if (status == -1)
		return 1000;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

static struct alone {
	_Atomic int state; /* 1 to be done, 2 done */
	int (*fn)(void *);
	int timeout_ms, status;
	char arg[4096] __attribute__((aligned(16)));
} * alone;

void
multi_alone_init(void)
{
	alone = multi_shared(sizeof(*alone));
	if (multi_fork() != 0)
		return;
	alarm(0); /* as long as its parent */
	for (;;) {
		while (alone->state != 1)
			usleep(200);
		alone->status = multi_run(alone->fn, alone->arg,
		    alone->timeout_ms);
		alone->state = 2;
	}
}

int
multi_alone(int (*fn)(void *), const void *arg, size_t len, int timeout_ms)
{
	if (len > sizeof(alone->arg))
		bail_out("an argument of %zu bytes", len);
	memcpy(alone->arg, arg, len);
	alone->fn = fn;
	alone->timeout_ms = timeout_ms;
	alone->state = 1;
	while (alone->state != 2)
		usleep(200);
	return alone->status;
}

int
multi_sanitized(void)
{
	const char *san = getenv("PDC_SAN");

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return 1;
#endif
	return san != NULL && *san != '\0';
}

pid_t
multi_holder(const char *dir)
{
	struct stxn x;
	struct pdc *p;
	int status;
	pid_t pid;

	pid = multi_fork();
	if (pid == 0) {
		p = multi_open(dir, 0);
		if (pdc_stxn_write(&x, p->store, 1000) < 0)
			_exit(2);
		pdc_stxn_put(&x, "Zstop", 5, "x", 1);
		raise(SIGSTOP);
		pdc_stxn_abort(&x);
		_exit(0);
	}
	if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
		bail_out("the holder of the lock did not stop");
	return pid;
}

int
multi_release(pid_t pid)
{
	kill(pid, SIGCONT);
	return multi_wait(pid, 5000);
}

int
multi_rings(const struct pdc *p)
{
	if (pdc_cells_now(p)->use > 0)
		return 1;
	skip("no rings without restartable sequences");
	return 0;
}

int
multi_lose(const char *dir)
{
	struct dirent *e;
	int n = 0;
	DIR *d;

	d = opendir(dir);
	if (d == NULL)
		return -1;
	while ((e = readdir(d)) != NULL)
		if (strncmp(e->d_name, "pdc-", 4) == 0)
			n += unlinkat(dirfd(d), e->d_name, 0) == 0;
	closedir(d);
	return n;
}

uint32_t
multi_random(uint64_t *state)
{
	*state = *state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)(*state >> 33);
}

struct pdc *
multi_open(const char *dir, unsigned flags)
{
	struct pdc_options o = { .flags = flags };
	struct pdc *p;

	if (pdc_open(&p, dir, &o) < 0)
		bail_out("pdc_open %s: %s", dir, pdc_error());
	return p;
}

struct pdc_family *
multi_declare(struct pdc *p, enum pdc_type type, const char *name,
    const char *label)
{
	const char *labels[] = { label, NULL };
	struct pdc_desc d = { .type = type, .name = name, .labels = labels };
	struct pdc_family *f;

	if (pdc_declare(&f, p, &d) < 0)
		bail_out("pdc_declare %s: %s", name, pdc_error());
	return f;
}

struct pdc_series *
multi_series(struct pdc_family *f, const char *value)
{
	const char *values[] = { value, NULL };
	struct pdc_series *s;

	return pdc_labels(&s, f, values) < 0 ? NULL : s;
}

char *
multi_page(struct pdc *p)
{
	char *text;
	size_t len;

	return pdc_render(p, NULL, &text, &len, NULL) < 0 ? NULL : text;
}

double
multi_sample(const char *page, const char *sample)
{
	size_t n = strlen(sample);
	const char *at;

	for (at = page; at != NULL && *at != '\0';
	     at = strchr(at, '\n'), at = at != NULL ? at + 1 : NULL)
		if (strncmp(at, sample, n) == 0 && at[n] == ' ')
			return strtod(at + n, NULL);
	return NAN;
}

double
multi_sum(const char *page, const char *name)
{
	size_t n = strlen(name);
	const char *at = page;
	double sum = 0;

	for (; at != NULL && *at != '\0'; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, name, n) == 0 && at[n] == '{')
			sum += strtod(strstr(at, "} ") + 1, NULL);
	}
	return sum;
}

double
multi_now(struct pdc *p, const char *sample)
{
	char *page = multi_page(p);
	double v = multi_sample(page, sample);

	pdc_free(page);
	return v;
}

double
multi_get(struct pdc *p, const char *metric, const char *suffix,
    const char *label, const char *value)
{
	struct pdc_label l = { label, value };
	struct pdc_key k = { metric, suffix, &l, label != NULL };
	struct pdc_txn *t;
	double v = NAN;

	if (pdc_begin(&t, p) < 0)
		return v;
	if (pdc_value_get(t, &k, &v) < 0)
		v = NAN;
	pdc_abort(t);
	return v;
}

int
multi_put(struct pdc *p, const char *op, const struct pdc_key *k, double v)
{
	struct pdc_txn *t;
	int ret;

	ret = pdc_begin(&t, p);
	if (ret < 0)
		return ret;
	if (*op == 'i')
		pdc_value_inc(t, k, v);
	else if (*op == 's')
		pdc_value_set(t, k, v);
	else
		pdc_value_observe(t, k, v);
	return pdc_commit(t);
}

/* The line at *at without its value, and the value; 0 at the end. */
static int
page_next(const char **at, char *sample, size_t len, double *v)
{
	const char *end, *space;

	for (; **at != '\0'; *at = *end == '\n' ? end + 1 : end) {
		end = strchrnul(*at, '\n');
		space = memrchr(*at, ' ', (size_t)(end - *at));
		if (**at == '#' || space == NULL ||
		    (size_t)(space - *at) >= len)
			continue;
		memcpy(sample, *at, (size_t)(space - *at));
		sample[space - *at] = '\0';
		*v = strtod(space, NULL);
		*at = *end == '\n' ? end + 1 : end;
		return 1;
	}
	return 0;
}

static int
page_rises(const char *sample)
{
	static const char *const ends[] = { "_total", "_bucket", "_count",
		"_sum" };
	size_t n = strcspn(sample, "{"), i, m;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		m = strlen(ends[i]);
		if (n > m && strncmp(sample + n - m, ends[i], m) == 0)
			return 1;
	}
	return 0;
}

/* Pages have one order, so the search goes on where it was. */
static double
page_find(const char **at, const char *page, const char *sample)
{
	char other[1024];
	const char *from = *at;
	double v;

	while (page_next(&from, other, sizeof(other), &v))
		if (strcmp(other, sample) == 0) {
			*at = from;
			return v;
		}
	return multi_sample(page, sample);
}

int
multi_backwards(const char *before, const char *after, char *words, size_t len)
{
	const char *at = before, *other = after;
	char sample[1024];
	double was, is;
	int n = 0;

	words[0] = '\0';
	while (page_next(&at, sample, sizeof(sample), &was)) {
		if (!page_rises(sample))
			continue;
		is = page_find(&other, after, sample);
		if (is >= was)
			continue;
		if (n++ == 0)
			snprintf(words, len, "%s was %.17g, is %.17g", sample,
			    was, is);
	}
	return n;
}

int
multi_unequal(const char *page, const char *name)
{
	double inf = NAN, sum = NAN, v;
	size_t n = strlen(name);
	char sample[1024];
	int bad = 0;

	while (page_next(&page, sample, sizeof(sample), &v)) {
		if (strncmp(sample, name, n) != 0)
			continue;
		if (strncmp(sample + n, "_bucket", 7) == 0)
			inf = strstr(sample, "le=\"+Inf\"") ? v : inf;
		else if (strncmp(sample + n, "_sum", 4) == 0)
			sum = v;
		else if (strncmp(sample + n, "_count", 6) == 0)
			bad += sum != v || (!isnan(inf) && inf != v);
	}
	return bad;
}

void
multi_pass(struct pdc *p, double seconds)
{
	p->clock.mono_skew_ns += (int64_t)(seconds * 1e9);
	p->clock.wall_skew_ns += (int64_t)(seconds * 1e9);
}

int
multi_records(struct pdc *p, char kind)
{
	struct scur c;
	struct stxn x;
	int got, n = 0;

	if (pdc_stxn_read(&x, p->store) < 0 || pdc_scur_open(&c, &x) < 0)
		bail_out("read: %s", pdc_error());
	for (got = pdc_scur_seek(&c, &kind, 1); got == 1 && c.key[0] == kind;
	     got = pdc_scur_next(&c))
		n++;
	pdc_scur_close(&c);
	pdc_stxn_abort(&x);
	return n;
}

uint64_t
multi_lines(struct pdc *p)
{
	struct journal_rec rec;
	uint64_t n = 0;
	struct stxn x;
	int i;

	if (pdc_stxn_read(&x, p->store) < 0)
		return UINT64_MAX;
	if (pdc_journal_rec(&x, &rec) < 0)
		n = UINT64_MAX;
	for (i = 0; i < NSTREAMS && n != UINT64_MAX; i++)
		n += rec.stream[i].nlines;
	pdc_stxn_abort(&x);
	return n;
}
