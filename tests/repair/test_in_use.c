/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Random damage to data.mdb while workers count, make series, log, make pages
 * and do the upkeep: none of them is killed or stops, whatever they are told.
 * Pages are changed through a mapping of the file, between the turns of the
 * workers: what changes after it was looked at, in the midst of a call, may
 * still meet an assertion of LMDB.
 *
 *	test_in_use [ROUNDS [SEED]]
 */

#include <sys/mman.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <stdatomic.h>

#include "repair/stores.h"

#define NWORKERS 3
#define PAGE 4096
#define ROUND_MS 100

static struct shared {
	_Atomic int stop, hold, busy;
	_Atomic uint64_t turns[NWORKERS], errors[NWORKERS];
} * sh;

static char from[4096], path[4200];
static unsigned char *good;
static size_t size;
static uint64_t rng;

static uint32_t
below(uint32_t n)
{
	return help_random(&rng) % n;
}

static void
worker_turn(int me, uint64_t turn)
{
	struct pdc_options o = { 0 };
	static const char *const labels[] = { "l", NULL };
	struct pdc_desc d = { .type = PDC_COUNTER,
		.name = "c",
		.labels = labels };
	char value[32], *text;
	const char *values[] = { value, NULL };
	struct pdc_family *f = NULL;
	struct pdc_series *s = NULL;
	struct pdc *q;
	size_t len;
	int bad = 0;

	if (pdc_open(&q, from, &o) < 0) {
		sh->errors[me]++;
		multi_sleep_ms(1);
		return;
	}
	snprintf(value, sizeof(value), "w%d-%d", me, (int)(turn % 20));
	bad += pdc_declare(&f, q, &d) < 0;
	if (f != NULL)
		bad += pdc_labels(&s, f, values) < 0;
	pdc_inc(s, 1);
	bad += pdc_log(q, PDC_LOG_INFO, value, NULL, 0) < 0;
	bad += pdc_checkpoint(q) < 0;
	if (turn % 5 == 0 && f != NULL)
		bad += pdc_remove(f, values) < 0;
	if (turn % 7 == 0)
		bad += pdc_maintain(q) < 0;
	if (pdc_render(q, NULL, &text, &len, NULL) == 0)
		pdc_free(text);
	else
		bad++;
	pdc_close(q);
	sh->errors[me] += (uint64_t)bad;
}

static void
worker(int me)
{
	while (!sh->stop) {
		sh->busy++;
		if (!sh->hold)
			worker_turn(me, ++sh->turns[me]);
		sh->busy--;
		if (sh->hold)
			usleep(20);
	}
}

/* Until no worker is in a turn; one that has died in it stays there. */
static void
hold(void)
{
	int64_t until = multi_now_ms() + 5000;

	sh->hold = 1;
	while (sh->busy > 0 && multi_now_ms() < until)
		usleep(20);
}

static unsigned char *
map_data(void)
{
	int fd = open(path, O_RDWR);
	unsigned char *map;

	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		bail_out("%s", path);
	return map;
}

static void
damage(unsigned char *map, size_t have)
{
	size_t pages = have / PAGE, at = below((uint32_t)have), n;
	size_t to = (size_t)below((uint32_t)pages) * PAGE;
	size_t of = (size_t)below((uint32_t)pages) * PAGE;

	switch (below(4)) {
	case 0:
		map[at] ^= (unsigned char)(1u << below(8));
		break;
	case 1:
		n = 1 + below(2 * PAGE);
		memset(map + at, 0, n < have - at ? n : have - at);
		break;
	case 2:
		memmove(map + to, map + of, PAGE);
		break;
	default:
		/* What is likely to be looked at. */
		map[to + below(64)] ^= (unsigned char)(1u << below(8));
	}
}

static size_t
file_size(void)
{
	struct stat sb;

	if (stat(path, &sb) == -1)
		bail_out("%s", path);
	return (size_t)sb.st_size;
}

/* Some damage for a while, and then the file as it was at first. */
static void
round_one(unsigned char *map)
{
	int64_t until = multi_now_ms() + ROUND_MS;
	size_t have;

	while (multi_now_ms() < until) {
		have = file_size();
		if (have > size)
			have = size;
		hold();
		if (have >= PAGE)
			damage(map, have);
		sh->hold = 0;
		multi_sleep_ms(below(4) == 0);
	}
	hold();
	memcpy(map, good, size);
	sh->hold = 0;
	multi_sleep_ms(5);
}

static int
alive(pid_t *pids)
{
	int i, status, n = 0;

	for (i = 0; i < NWORKERS; i++)
		if (waitpid(pids[i], &status, WNOHANG) == 0)
			n++;
		else
			diag("worker %d: status 0x%x", i, (unsigned)status);
	return n;
}

static uint64_t
turns(void)
{
	uint64_t n = 0;
	int i;

	for (i = 0; i < NWORKERS; i++)
		n += sh->turns[i];
	return n;
}

static void
setup(void)
{
	int fd;

	snprintf(from, sizeof(from), "%s/from", tap_tmpdir());
	fill_store(from);
	pdc_close(p);
	snprintf(path, sizeof(path), "%s/data.mdb", from);
	size = file_size() / PAGE * PAGE;
	good = malloc(size);
	fd = open(path, O_RDONLY);
	if (good == NULL || pread(fd, good, size, 0) != (ssize_t)size)
		bail_out("%s", path);
	close(fd);
}

int
main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 10, i, n = NWORKERS;
	pid_t pids[NWORKERS];
	unsigned char *map;
	uint64_t before;

	rng = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL);
	diag("seed %llu", (unsigned long long)rng);
	unsetenv("PDC_PAGES"); /* of these none is kept */
	setup();
	sh = multi_shared(sizeof(*sh));
	for (i = 0; i < NWORKERS; i++) {
		pids[i] = multi_fork();
		if (pids[i] == 0) {
			worker(i);
			_exit(0);
		}
	}
	map = map_data();
	for (i = 0; i < rounds && n == NWORKERS; i++) {
		round_one(map);
		n = alive(pids);
	}
	is_int(n, NWORKERS, "all workers are there");
	before = turns();
	multi_sleep_ms(50);
	ok(turns() > before, "and go on: %llu turns",
	    (unsigned long long)turns());
	diag("%llu calls failed",
	    (unsigned long long)(sh->errors[0] + sh->errors[1] +
		sh->errors[2]));
	sh->stop = 1;
	for (i = 0; i < NWORKERS; i++)
		if (n == NWORKERS)
			is_int(multi_wait(pids[i], 5000), 0, "one ends");
	return tap_done();
}
