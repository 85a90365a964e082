/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Places for exemplars: the newest is kept, and what a writer leaves behind who
 * was killed or stopped in the middle is never shown.
 *
 *	test_exemplar [SECONDS]
 */

#include <sys/wait.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lane/exemplar.h"
#include "lane/fixture.h"
#include "multi/multi.h"
#include "tap.h"

static struct cells *c;

static struct exemplar
made(int64_t time_ns, const char *name, const char *value)
{
	struct exemplar e = { .time_ns = time_ns, .value = (double)time_ns };

	e.len = (uint64_t)snprintf(e.labels, sizeof(e.labels), "%s%c%s", name,
		    '\0', value) +
	    1;
	return e;
}

static void
test_newest(void)
{
	struct exemplar e, got;

	e = made(1, "a", "x");
	is_int(pdc_exemplar_put(c, 7, 0, &e), -1,
	    "without places none is kept");
	is_int(pdc_exemplar_get(c, 7, 0, &got), 0, "nor found");
	is_int(pdc_cells_exemplars(c), 0, "places are had");
	is_int(pdc_exemplar_get(c, 7, 0, &got), 0, "there is none yet");
	is_int(pdc_exemplar_put(c, 7, 0, &e), 0, "one is kept");
	is_int(pdc_exemplar_get(c, 7, 0, &got), 1, "and found");
	is_int((long long)got.time_ns, 1, "with its time");
	is_str(got.labels + 2, "x", "and labels");
	is_int(pdc_exemplar_get(c, 7, 1, &got), 0, "not of another bucket");
	is_int(pdc_exemplar_get(c, 8, 0, &got), 0, "nor of another series");
	e = made(3, "a", "z");
	pdc_exemplar_put(c, 7, 0, &e);
	e = made(2, "a", "y");
	pdc_exemplar_put(c, 7, 0, &e);
	is_int(pdc_exemplar_get(c, 7, 0, &got), 1, "of three");
	is_int((long long)got.time_ns, 3, "the newest is told");
}

/* More than there is room for: none is wrong, and the last are there. */
static void
test_many(void)
{
	struct exemplar e, got;
	int64_t i, n = (int64_t)(4 * c->nexemplars), wrong = 0, there = 0;

	for (i = 1; i <= n; i++) {
		e = made(i, "n", "many");
		pdc_exemplar_put(c, (uint64_t)(1000 + i), 3, &e);
	}
	for (i = 1; i <= n; i++)
		if (pdc_exemplar_get(c, (uint64_t)(1000 + i), 3, &got)) {
			wrong += got.time_ns != i;
			there += i > n - 100;
		}
	is_int((long long)wrong, 0, "each has its own or none");
	ok(there >= 95, "most of the last 100 are there (%d)", (int)there);
}

#define NWRITERS 6
#define SHAPES 40

/* As long as its number says, all of one letter, with a value to match. */
static void
writer(uint64_t seed)
{
	char value[EXEMPLAR_LEN - 4];
	struct exemplar e;
	int64_t n;

	for (;;) {
		n = multi_random(&seed) % SHAPES;
		memset(value, 'a' + (int)(n % 26), sizeof(value));
		value[n * 10] = '\0';
		e = made(multi_now_ms() * 1000000, "w", value);
		e.value = (double)n;
		pdc_exemplar_put(c, 3, (uint32_t)(n % 2), &e);
	}
}

static int
torn(const struct exemplar *e)
{
	size_t n = (size_t)e->value, i, len = n * 10;

	if (e->len != 2 + len + 1 || strcmp(e->labels, "w") != 0)
		return 1;
	for (i = 0; i < len; i++)
		if (e->labels[2 + i] != 'a' + (int)(n % 26))
			return 1;
	return 0;
}

static void
test_killed(int seconds)
{
	int64_t until = multi_now_ms() + seconds * 1000, seen = 0, bad = 0;
	uint64_t seed = (uint64_t)multi_now_ms(), kills = 0;
	pid_t pid[NWRITERS] = { 0 };
	struct exemplar e;
	int i, status, stopped[NWRITERS] = { 0 };

	diag("seed %llu", (unsigned long long)seed);
	while (multi_now_ms() < until) {
		i = (int)(multi_random(&seed) % NWRITERS);
		if (pid[i] != 0) {
			kill(pid[i], stopped[i] ? SIGCONT : SIGSTOP);
			stopped[i] = !stopped[i];
			if (multi_random(&seed) % 2 == 0) {
				kill(pid[i], SIGKILL);
				waitpid(pid[i], &status, 0);
				pid[i] = 0;
				kills++;
			}
		}
		if (pid[i] == 0) {
			stopped[i] = 0;
			pid[i] = multi_fork();
			if (pid[i] == 0)
				writer(seed);
		}
		for (i = 0; i < 200; i++)
			if (pdc_exemplar_get(c, 3, (uint32_t)(i % 2), &e)) {
				seen++;
				bad += torn(&e);
			}
	}
	for (i = 0; i < NWRITERS; i++)
		if (pid[i] != 0) {
			kill(pid[i], SIGKILL);
			waitpid(pid[i], &status, 0);
		}
	diag("%llu killed, %lld seen", (unsigned long long)kills,
	    (long long)seen);
	ok(seen > 0, "exemplars are seen");
	is_int((long long)bad, 0, "none of which is torn");
}

/* Whoever was killed with both buffers claimed keeps nobody out for long. */
static void
test_claimed(void)
{
	_Atomic uint64_t *word = (_Atomic uint64_t *)c->exemplars;
	struct exemplar e = made(5, "a", "before"), got;
	uint64_t i, n = c->nexemplars * 1024 / 8, now;

	pdc_exemplar_put(c, 9, 0, &e);
	now = (uint64_t)multi_now_ms() * 1000000;
	for (i = 0; i < n; i += 128)
		if (word[i] == 9) {
			word[i + 2] = now | 1;
			word[i + 2 + 63] = now | 1;
		}
	e = made(6, "a", "after");
	pdc_exemplar_put(c, 9, 0, &e);
	is_int(pdc_exemplar_get(c, 9, 0, &got), 0,
	    "while others write nothing is shown");
	for (i = 0; i < n; i += 128)
		if (word[i] == 9)
			word[i + 2 + 63] = (now - 2000000000) | 1;
	pdc_exemplar_put(c, 9, 0, &e);
	is_int(pdc_exemplar_get(c, 9, 0, &got), 1,
	    "a claim of long ago is none");
	is_str(got.labels + 2, "after", "and gives way");
	for (i = 0; i < n; i += 128)
		if (word[i] == 9) {
			word[i + 2 + 5] ^= 1;
			word[i + 2 + 63 + 5] ^= 1;
		}
	is_int(pdc_exemplar_get(c, 9, 0, &got), 0,
	    "what two have written is not shown");
}

int
main(int argc, char **argv)
{
	char path[4096], *dir = fixture_dir(path, sizeof(path));

	alarm(120);
	c = fixture_new(dir, 1);
	test_newest();
	test_many();
	test_claimed();
	test_killed(argc > 1 ? atoi(argv[1]) : 1);
	fixture_delete(c, path);
	return tap_done();
}
