/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The floors: what the instructions alone cost that count in memory.
 *
 *	floor plain	an add to a volatile double, for one thread
 *	floor xadd	lock xadd on a word of shared memory
 *	floor cas	a double in shared memory, by compare-and-swap
 *	floor cas16	a pair of a double and a count, by one of 16 bytes
 *
 * Each takes a scenario of peer.h as its argument.  The numbers of "own" are
 * two cache lines apart: CPUs fetch lines by pairs.
 */

#include <sys/mman.h>

#include <err.h>
#include <stdio.h>
#include <string.h>

#include "peer.h"

struct pair {
	double value;
	uint64_t count;
} __attribute__((aligned(16)));

/* Zero is zero for all three. */
struct cell {
	union {
		uint64_t word;
		double value;
		struct pair pair;
	};
} __attribute__((aligned(128)));

static volatile double plain;
static struct cell *cells; /* shared memory */
static struct cell *cell; /* of this process */
static volatile uint64_t sink;

static void
setup_plain(unsigned arg)
{
	(void)arg;
}

static void
run_plain(uint64_t n)
{
	for (; n > 0; n--)
		plain += 1;
}

static double
total_plain(void)
{
	return plain;
}

static void
setup_cells(unsigned arg)
{
	(void)arg;
	cells = mmap(NULL, PEER_WORKERS_MAX * sizeof(cells[0]),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (cells == MAP_FAILED)
		err(1, "mmap");
	cell = cells;
}

static void
begin_own(unsigned worker)
{
	cell = cells + worker;
}

/* The old value is used, or the compiler would take another instruction. */
static void
run_xadd(uint64_t n)
{
	uint64_t sum = 0, *word = &cell->word;

	for (; n > 0; n--)
		sum += __atomic_fetch_add(word, 1, __ATOMIC_SEQ_CST);
	sink = sum;
}

static double
total_word(void)
{
	double total = 0;
	int i;

	for (i = 0; i < PEER_WORKERS_MAX; i++)
		total += (double)cells[i].word;
	return total;
}

static void
run_cas(uint64_t n)
{
	double *p = &cell->value, now, then;

	for (; n > 0; n--) {
		__atomic_load(p, &then, __ATOMIC_RELAXED);
		do {
			now = then + 1;
		} while (!__atomic_compare_exchange(p, &then, &now, 0,
		    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	}
}

static double
total_value(void)
{
	double total = 0;
	int i;

	for (i = 0; i < PEER_WORKERS_MAX; i++)
		total += cells[i].value;
	return total;
}

/* No builtin: that of clang and of gcc is a call to a library. */
#ifdef __x86_64__
static inline int
cas16(struct pair *p, struct pair *old, const struct pair *want)
{
	uint64_t old_value, value;
	int same;

	memcpy(&old_value, &old->value, sizeof(old_value));
	memcpy(&value, &want->value, sizeof(value));
	__asm__ volatile("lock cmpxchg16b %1"
			 : "=@ccz"(same), "+m"(*p), "+a"(old_value),
			 "+d"(old->count)
			 : "b"(value), "c"(want->count)
			 : "memory");
	memcpy(&old->value, &old_value, sizeof(old_value));
	return same;
}

/* If the two loads are not of one time, the swap fails. */
static void
run_cas16(uint64_t n)
{
	struct pair *p = &cell->pair, now, then;

	for (; n > 0; n--) {
		__atomic_load(&p->value, &then.value, __ATOMIC_RELAXED);
		__atomic_load(&p->count, &then.count, __ATOMIC_RELAXED);
		do {
			now.value = then.value + 1;
			now.count = then.count + 1;
		} while (!cas16(p, &then, &now));
	}
}

static double
total_pair(void)
{
	double total = 0;
	int i;

	for (i = 0; i < PEER_WORKERS_MAX; i++) {
		if (cells[i].pair.value != (double)cells[i].pair.count)
			errx(1, "a pair is torn");
		total += cells[i].pair.value;
	}
	return total;
}

#define RUN_CAS16 run_cas16
#define TOTAL_PAIR total_pair
#else
#define RUN_CAS16 NULL
#define TOTAL_PAIR NULL
#endif

static const struct floor {
	const char *name;
	void (*setup)(unsigned arg);
	void (*run)(uint64_t n); /* NULL: this machine has it not */
	double (*total)(void);
} floors[] = {
	{ "plain", setup_plain, run_plain, total_plain },
	{ "xadd", setup_cells, run_xadd, total_word },
	{ "cas", setup_cells, run_cas, total_value },
	{ "cas16", setup_cells, RUN_CAS16, TOTAL_PAIR },
};

#define NFLOORS (sizeof(floors) / sizeof(floors[0]))

static int
floor_main(const struct floor *f, int argc, char **argv)
{
	const struct peer_scenario shared[] = {
		{ .name = "inc",
		    .form = PEER_ALONE,
		    .setup = f->setup,
		    .run = f->run,
		    .total = f->total },
		{ .name = "same",
		    .form = PEER_WORKERS,
		    .setup = f->setup,
		    .run = f->run,
		    .total = f->total },
		{ .name = "own",
		    .form = PEER_WORKERS,
		    .setup = f->setup,
		    .begin = begin_own,
		    .run = f->run,
		    .total = f->total },
		{ .name = NULL },
	};
	const struct peer_scenario alone[] = { shared[0], { .name = NULL } };
	char name[32];

	snprintf(name, sizeof(name), "floor %s", f->name);
	argv[0] = name;
	return peer_main(argc, argv, f->setup == setup_plain ? alone : shared);
}

int
main(int argc, char **argv)
{
	size_t i;

	for (i = 0; argc > 1 && i < NFLOORS; i++) {
		if (strcmp(argv[1], floors[i].name) != 0)
			continue;
		if (floors[i].run == NULL)
			errx(PEER_MISSING, "%s is not for this machine",
			    floors[i].name);
		return floor_main(&floors[i], argc - 1, argv + 1);
	}
	fprintf(stderr, "usage: floor plain|xadd|cas|cas16 SCENARIO\n");
	return 2;
}
