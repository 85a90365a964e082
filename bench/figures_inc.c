/* SPDX-License-Identifier: ISC */
#include "config.h"

/* Latency of pdc_inc, alone and while another process makes pages. */

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <err.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "figures.h"
#include "tool.h"

#ifdef __x86_64__
#include <x86intrin.h>
#endif

#define SERIES 10000
#define TICKS (1 << 20) /* longer calls are in the last place */
#define TURNS_MAX 21
#define BATCH 4096 /* calls between two looks at the time */

enum what { CLOCK, ONE, ALL, NWHATS };

static const char *const words[NWHATS] = { "clock alone", "one series",
	"10000 series in turn" };

struct turn {
	double p50, p99, p999, max; /* ns */
};

static struct {
	struct pdc *pdc;
	struct pdc_series *series[SERIES];
	uint32_t *count; /* of calls that took so many ticks */
	uint64_t *pages; /* shared with who makes them */
	double tick_ns;
} l;

/* Nothing before it is left, and nothing behind it has begun. */
static inline uint64_t
ticks(void)
{
#ifdef __x86_64__
	uint64_t t;

	_mm_lfence();
	t = __rdtsc();
	_mm_lfence();
	return t;
#else
	return (uint64_t)tool_now_ns();
#endif
}

static void
calibrate(void)
{
	uint64_t began = ticks();
	double start = tool_now_ns();

	usleep(50000);
	l.tick_ns = (tool_now_ns() - start) / (double)(ticks() - began);
}

/* The first or the last CPU that we may use. */
static void
stay_on(int last)
{
	cpu_set_t may, on;
	int cpu, i;

	if (sched_getaffinity(0, sizeof(may), &may) == -1)
		return;
	for (cpu = -1, i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &may) && (cpu == -1 || last))
			cpu = i;
	CPU_ZERO(&on);
	CPU_SET(cpu, &on);
	sched_setaffinity(0, sizeof(on), &on);
}

/* The ns that so many of all calls are not above. */
static double
percentile(uint64_t all, double part)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < TICKS - 1; i++) {
		sum += l.count[i];
		if ((double)sum >= (double)all * part)
			break;
	}
	return i * l.tick_ns;
}

static inline uint64_t
one_call(enum what what, uint32_t i)
{
	uint64_t began, ended;

	began = ticks();
	if (what == ONE)
		pdc_inc(l.series[0], 1);
	else if (what == ALL)
		pdc_inc(l.series[i], 1);
	ended = ticks();
	return ended - began;
}

static inline void
calls(struct turn *t, enum what what, double ns)
{
	double end = tool_now_ns() + ns;
	uint64_t all = 0, max = 0, took;
	uint32_t i = 0, k;

	memset(l.count, 0, TICKS * sizeof(l.count[0]));
	do {
		for (k = 0; k < BATCH; k++) {
			took = one_call(what, i);
			i = i + 1 < SERIES ? i + 1 : 0;
			l.count[took < TICKS ? took : TICKS - 1]++;
			if (took > max)
				max = took;
		}
		all += BATCH;
	} while (tool_now_ns() < end);
	t->p50 = percentile(all, 0.5);
	t->p99 = percentile(all, 0.99);
	t->p999 = percentile(all, 0.999);
	t->max = (double)max * l.tick_ns;
}

/* A loop of its own for each, without a look at what. */
static void
turn(struct turn *t, enum what what, double ns)
{
	if (what == CLOCK)
		calls(t, CLOCK, ns);
	else if (what == ONE)
		calls(t, ONE, ns);
	else
		calls(t, ALL, ns);
}

static void
make_pages(void)
{
	char *text;
	size_t len;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	stay_on(1);
	for (;;) {
		tool_must(pdc_render(l.pdc, NULL, &text, &len, NULL));
		pdc_free(text);
		__atomic_add_fetch(l.pages, 1, __ATOMIC_RELAXED);
	}
}

/* The same while a child makes pages; the time of a page is returned. */
static double
turn_scraped(struct turn *t, enum what what, double ns)
{
	uint64_t before;
	double start;
	pid_t pid = fork();

	if (pid == -1)
		err(1, "fork");
	if (pid == 0)
		make_pages();
	before = *l.pages;
	while (__atomic_load_n(l.pages, __ATOMIC_RELAXED) == before) {
		usleep(1000);
		if (waitpid(pid, NULL, WNOHANG) != 0)
			errx(1, "no page was made");
	}
	before = __atomic_load_n(l.pages, __ATOMIC_RELAXED);
	start = tool_now_ns();
	turn(t, what, ns);
	ns = (tool_now_ns() - start) /
	    (double)(__atomic_load_n(l.pages, __ATOMIC_RELAXED) - before);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return ns;
}

static double
median_of(const struct turn *turns, size_t n, size_t offset)
{
	double v[TURNS_MAX];
	size_t i;

	for (i = 0; i < n; i++)
		v[i] = *(const double *)(const void *)((const char *)&turns[i] +
		    offset);
	return tool_median(v, n);
}

static double
tell(const struct turn *turns, size_t n, enum what what, const char *when)
{
	double max = 0, p999 = median_of(turns, n, offsetof(struct turn, p999));
	size_t i;

	for (i = 0; i < n; i++)
		max = turns[i].max > max ? turns[i].max : max;
	figure(median_of(turns, n, offsetof(struct turn, p50)), "ns",
	    "latency, %s%s, p50", words[what], when);
	figure(median_of(turns, n, offsetof(struct turn, p99)), "ns",
	    "latency, %s%s, p99", words[what], when);
	figure(p999, "ns", "latency, %s%s, p99.9", words[what], when);
	figure(max, "ns", "latency, %s%s, max", words[what], when);
	return p999;
}

static void
latency(enum what what, size_t n, double ns)
{
	struct turn alone[TURNS_MAX], scraped[TURNS_MAX];
	double page[TURNS_MAX], p999;
	size_t i;

	for (i = 0; i < n; i++) {
		turn(&alone[i], what, ns);
		page[i] = turn_scraped(&scraped[i], what, ns);
	}
	p999 = tell(alone, n, what, "");
	figure(tell(scraped, n, what, ", scraped") / p999, "ratio",
	    "latency, %s, p99.9 scraped to alone", words[what]);
	figure(tool_median(page, n) / 1e6, "ms",
	    "latency, %s, a page meanwhile", words[what]);
}

void
figures_latency(int full)
{
	size_t n = full ? 15 : 5;
	enum what what;
	cpu_set_t may;

	l.count = malloc(TICKS * sizeof(l.count[0]));
	l.pages = mmap(NULL, sizeof(*l.pages), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (l.count == NULL || l.pages == MAP_FAILED)
		err(1, "memory");
	sched_getaffinity(0, sizeof(may), &may);
	l.pdc = tool_open("latency", NULL);
	tool_fill(l.pdc, SERIES, l.series);
	calibrate();
	stay_on(0);
	for (what = CLOCK; what < NWHATS; what++)
		latency(what, n, full ? 3e8 : 1e8);
	sched_setaffinity(0, sizeof(may), &may);
	pdc_close(l.pdc);
	tool_remove("latency");
	munmap(l.pages, sizeof(*l.pages));
	free(l.count);
}
