/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * What an update costs, beside what else one could do: README.md has the
 * method.  All stores are in one directory on /dev/shm and are removed.
 *
 *	bench_update [ROUNDS]
 */

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <err.h>
#include <fcntl.h>
#include <ftw.h>
#include <lmdb.h>
#include <pdc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 21
#define ROUNDS_MAX 201
#define TURN_NS 4e6 /* of one case in one round */
#define SERIES 10000
#define FORK_ADDS 16000000
#define FORK_ROUNDS 15

static const char *const codes[] = { "200", "304", "404", "500" };

static struct {
	char dir[64];
	struct pdc *pdc, *many, *atomic;
	struct pdc_family *labelled;
	struct pdc_series *counter, *locked, *gauge, *histogram, *shared;
	struct pdc_series *series[SERIES];
	char idle[96]; /* a store nobody else has open */
	MDB_env *env;
	MDB_dbi dbi;
	uint64_t *word; /* shared memory */
	volatile double plain;
	volatile uint64_t sink;
	double values[1024]; /* to be observed */
} b;

static double
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void
must(int ret)
{
	if (ret < 0)
		errx(1, "%s", pdc_error());
}

static void
must_mdb(int rc)
{
	if (rc != 0)
		errx(1, "lmdb: %s", mdb_strerror(rc));
}

static void
run_plain(uint64_t n)
{
	for (; n > 0; n--)
		b.plain += 1;
}

/* The old value is used, or the compiler would take another instruction. */
static void
run_xadd(uint64_t n)
{
	uint64_t sum = 0;

	for (; n > 0; n--)
		sum += __atomic_fetch_add(b.word, 1, __ATOMIC_SEQ_CST);
	b.sink = sum;
}

static void
run_inc(uint64_t n)
{
	for (; n > 0; n--)
		pdc_inc(b.counter, 1);
}

static void
run_inc_atomic(uint64_t n)
{
	for (; n > 0; n--)
		pdc_inc(b.locked, 1);
}

static void
run_observe(uint64_t n)
{
	for (; n > 0; n--)
		pdc_observe(b.histogram, b.values[n % 1024]);
}

static void
run_set(uint64_t n)
{
	for (; n > 0; n--)
		pdc_set(b.gauge, (double)n);
}

static void
run_labels(uint64_t n)
{
	const char *values[] = { "GET", NULL, NULL };
	struct pdc_series *series;

	for (; n > 0; n--) {
		values[1] = codes[n % 4];
		must(pdc_labels(&series, b.labelled, values));
		pdc_inc(series, 1);
		pdc_series_free(series);
	}
}

static void
run_lmdb(uint64_t n)
{
	MDB_val key = { 4, (void *)(uintptr_t) "hits" }, val;
	MDB_txn *txn;
	double total;
	int rc;

	for (; n > 0; n--) {
		total = 0;
		must_mdb(mdb_txn_begin(b.env, NULL, 0, &txn));
		rc = mdb_get(txn, b.dbi, &key, &val);
		if (rc == 0)
			memcpy(&total, val.mv_data, sizeof(total));
		else if (rc != MDB_NOTFOUND)
			must_mdb(rc);
		total += 1;
		val = (MDB_val){ sizeof(total), &total };
		must_mdb(mdb_put(txn, b.dbi, &key, &val, 0));
		must_mdb(mdb_txn_commit(txn));
	}
}

static void
run_txn(uint64_t n)
{
	const struct pdc_label labels[] = { { "code", "200" },
		{ "method", "GET" } };
	const struct pdc_key key = { .metric = "labelled",
		.suffix = "_total",
		.labels = labels,
		.nlabels = 2 };
	struct pdc_txn *txn;

	for (; n > 0; n--) {
		must(pdc_begin(&txn, b.pdc));
		must(pdc_value_inc(txn, &key, 1));
		must(pdc_commit(txn));
	}
}

static void
run_open(uint64_t n)
{
	struct pdc *pdc;

	for (; n > 0; n--) {
		must(pdc_open(&pdc, b.idle, NULL));
		pdc_close(pdc);
	}
}

/* Not timed: all series have changed. */
static void
before_checkpoint(void)
{
	int i;

	for (i = 0; i < SERIES; i++)
		pdc_inc(b.series[i], 1);
}

static void
run_checkpoint(uint64_t n)
{
	(void)n;
	must(pdc_checkpoint(b.many));
}

static void
run_render(uint64_t n)
{
	char *text;
	size_t len;

	(void)n;
	must(pdc_render(b.many, NULL, &text, &len, NULL));
	pdc_free(text);
}

struct bench {
	const char *name;
	void (*run)(uint64_t n);
	void (*before)(void);
	uint64_t each; /* operations of one call that takes no n; else 0 */
	uint64_t n;
	double ns[ROUNDS_MAX];
};

static struct bench benches[] = {
	{ .name = "volatile double add", .run = run_plain },
	{ .name = "lock xadd, shared memory", .run = run_xadd },
	{ .name = "pdc_inc", .run = run_inc },
	{ .name = "pdc_inc, PDC_ATOMIC", .run = run_inc_atomic },
	{ .name = "pdc_observe, 15 buckets", .run = run_observe },
	{ .name = "pdc_set", .run = run_set },
	{ .name = "pdc_labels, _inc, _series_free; 2 labels",
	    .run = run_labels },
	{ .name = "LMDB transaction, bare, NOSYNC", .run = run_lmdb },
	{ .name = "pdc_begin, _value_inc, _commit", .run = run_txn },
	{ .name = "pdc_open, pdc_close", .run = run_open },
	{ .name = "pdc_checkpoint of 10000, each",
	    .run = run_checkpoint,
	    .before = before_checkpoint,
	    .each = SERIES },
	{ .name = "pdc_render of 10000, each",
	    .run = run_render,
	    .each = SERIES },
};

#define NBENCHES (sizeof(benches) / sizeof(benches[0]))

static struct pdc *
setup_open(const char *name, unsigned flags)
{
	const struct pdc_options options = { .flags = flags };
	char dir[96];
	struct pdc *pdc;

	snprintf(dir, sizeof(dir), "%s/%s", b.dir, name);
	must(pdc_open(&pdc, dir, &options));
	return pdc;
}

static struct pdc_family *
setup_family(struct pdc *pdc, enum pdc_type type, const char *name,
    const char *const *labels)
{
	const struct pdc_desc desc = { .type = type,
		.name = name,
		.labels = labels };
	struct pdc_family *family;

	must(pdc_declare(&family, pdc, &desc));
	return family;
}

static struct pdc_series *
setup_plain(struct pdc *pdc, enum pdc_type type, const char *name)
{
	struct pdc_series *series;

	must(pdc_labels(&series, setup_family(pdc, type, name, NULL), NULL));
	return series;
}

static void
setup_many(void)
{
	const char *const labels[] = { "number", "code", NULL };
	const char *values[] = { NULL, NULL, NULL };
	struct pdc_family *family;
	char number[16];
	int i;

	b.many = setup_open("many", 0);
	family = setup_family(b.many, PDC_COUNTER, "many", labels);
	for (i = 0; i < SERIES; i++) {
		snprintf(number, sizeof(number), "%d", i);
		values[0] = number;
		values[1] = codes[i % 4];
		must(pdc_labels(&b.series[i], family, values));
	}
}

static void
setup_lmdb(void)
{
	char dir[96];
	MDB_txn *txn;

	snprintf(dir, sizeof(dir), "%s/lmdb", b.dir);
	if (mkdir(dir, 0700) == -1)
		err(1, "%s", dir);
	must_mdb(mdb_env_create(&b.env));
	must_mdb(mdb_env_set_mapsize(b.env, 64 << 20));
	must_mdb(mdb_env_open(b.env, dir, MDB_NOSYNC | MDB_NOTLS, 0600));
	must_mdb(mdb_txn_begin(b.env, NULL, 0, &txn));
	must_mdb(mdb_dbi_open(txn, NULL, 0, &b.dbi));
	must_mdb(mdb_txn_commit(txn));
}

static void
setup(void)
{
	const char *const labels[] = { "method", "code", NULL };
	size_t i;

	b.word = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (b.word == MAP_FAILED)
		err(1, "mmap");
	for (i = 0; i < 1024; i++) /* the bounds are 0.005 to 10 */
		b.values[i] = 0.001 * (double)(i * 389 % 1024);
	b.pdc = setup_open("store", 0);
	b.counter = setup_plain(b.pdc, PDC_COUNTER, "hits");
	b.gauge = setup_plain(b.pdc, PDC_GAUGE, "level");
	b.histogram = setup_plain(b.pdc, PDC_HISTOGRAM, "seconds");
	b.labelled = setup_family(b.pdc, PDC_COUNTER, "labelled", labels);
	b.shared = setup_plain(b.pdc, PDC_COUNTER, "shared");
	b.atomic = setup_open("atomic", PDC_ATOMIC);
	b.locked = setup_plain(b.atomic, PDC_COUNTER, "hits");
	pdc_close(setup_open("idle", 0));
	snprintf(b.idle, sizeof(b.idle), "%s/idle", b.dir);
	setup_many();
	setup_lmdb();
}

static int
remove_one(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
	(void)sb;
	(void)type;
	(void)ftw;
	return remove(path);
}

static pid_t owner;

static void
cleanup(void)
{
	if (getpid() == owner && b.dir[0] != '\0')
		nftw(b.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* One turn: ns for each operation. */
static double
turn(struct bench *bench)
{
	double start;

	if (bench->before != NULL)
		bench->before();
	start = now_ns();
	bench->run(bench->n);
	return (now_ns() - start) /
	    (double)(bench->each > 0 ? bench->each : bench->n);
}

/* So many operations that a turn takes about TURN_NS; this warms up, too. */
static void
calibrate(struct bench *bench)
{
	double ns;

	bench->n = 1;
	ns = turn(bench);
	while (bench->each == 0 && ns * (double)bench->n < TURN_NS) {
		bench->n *= 2;
		ns = turn(bench);
	}
}

static int
by_size(const void *p, const void *q)
{
	const double *x = p, *y = q;

	return (*x > *y) - (*x < *y);
}

static void
print_ns(double ns)
{
	printf(" %10.*f", ns < 100 ? 2 : 0, ns);
}

static void
print_all(size_t rounds)
{
	struct bench *bench;
	double plain = 0;

	printf("%-42s %10s %10s %10s\n", "", "ns, min", "ns, median",
	    "plain adds");
	for (bench = benches; bench < benches + NBENCHES; bench++) {
		qsort(bench->ns, rounds, sizeof(bench->ns[0]), by_size);
		if (bench == benches)
			plain = bench->ns[0];
		printf("%-42s", bench->name);
		print_ns(bench->ns[0]);
		print_ns(bench->ns[rounds / 2]);
		printf(" %10.1f\n", bench->ns[0] / plain);
	}
}

static void
run_rounds(size_t rounds)
{
	size_t i, round;

	for (i = 0; i < NBENCHES; i++)
		calibrate(&benches[i]);
	for (round = 0; round < rounds; round++)
		for (i = 0; i < NBENCHES; i++)
			benches[i].ns[round] = turn(&benches[i]);
	print_all(rounds);
}

static double
shared_total(void)
{
	const struct pdc_key key = { .metric = "shared", .suffix = "_total" };
	struct pdc_txn *txn;
	double total;

	must(pdc_begin(&txn, b.pdc));
	must(pdc_value_get(txn, &key, &total));
	pdc_abort(txn);
	return total;
}

/* Tell that we are ready, wait until the gate is closed, count, and tell. */
static void
count_and_exit(int tell, int gate, uint64_t n)
{
	char c = 0;

	if (write(tell, &c, 1) != 1 || read(gate, &c, 1) != 0)
		_exit(1);
	for (; n > 0; n--)
		pdc_inc(b.shared, 1);
	_exit(write(tell, &c, 1) != 1);
}

/* Wait until so many have told. */
static void
hear(int fd, int nprocs)
{
	char c;

	for (; nprocs > 0; nprocs--)
		if (read(fd, &c, 1) != 1)
			errx(1, "a process failed");
}

/* The ns that nprocs processes take for n increments each. */
static double
time_processes(int nprocs, uint64_t n)
{
	int gate[2], i, tell[2];
	double start;

	if (pipe2(gate, O_CLOEXEC) == -1 || pipe2(tell, O_CLOEXEC) == -1)
		err(1, "pipe");
	for (i = 0; i < nprocs; i++)
		switch (fork()) {
		case -1:
			err(1, "fork");
		case 0:
			close(gate[1]);
			count_and_exit(tell[1], gate[0], n);
		}
	close(gate[0]);
	close(tell[1]);
	hear(tell[0], nprocs);
	start = now_ns();
	close(gate[1]);
	hear(tell[0], nprocs);
	start = now_ns() - start;
	close(tell[0]);
	while (wait(NULL) > 0)
		continue;
	return start;
}

/* Million increments a second; the total must be exact. */
static double
run_processes(int nprocs)
{
	uint64_t n = FORK_ADDS / (uint64_t)nprocs;
	double all = (double)(n * (uint64_t)nprocs), before, counted, ns;

	before = shared_total();
	ns = time_processes(nprocs, n);
	counted = shared_total() - before;
	if (counted != all)
		errx(1, "%d processes: %.0f counted, not %.0f", nprocs, counted,
		    all);
	return all / ns * 1e3;
}

static void
run_all_processes(void)
{
	static const int nprocs[] = { 1, 2, 4 };
	double rate[3][FORK_ROUNDS];
	int i, round;

	for (round = 0; round < FORK_ROUNDS; round++)
		for (i = 0; i < 3; i++)
			rate[i][round] = run_processes(nprocs[i]);
	printf("\n%-42s %10s %10s\n", "pdc_inc on one series, million a second",
	    "max", "median");
	for (i = 0; i < 3; i++) {
		qsort(rate[i], FORK_ROUNDS, sizeof(rate[i][0]), by_size);
		printf("%d process%-33s %10.0f %10.0f\n", nprocs[i],
		    nprocs[i] > 1 ? "es, total exact" : ", total exact",
		    rate[i][FORK_ROUNDS - 1], rate[i][FORK_ROUNDS / 2]);
	}
}

static void
print_machine(size_t rounds)
{
	char line[256], *model = NULL;
	FILE *f = fopen("/proc/cpuinfo", "re");

	while (f != NULL && model == NULL && fgets(line, sizeof(line), f))
		if (strncmp(line, "model name", 10) == 0)
			model = strchr(line, ':');
	if (model != NULL)
		model[strcspn(model, "\n")] = '\0';
	printf("%s, %ld CPUs; %zu rounds\n\n",
	    model != NULL ? model + 2 : "unknown CPU",
	    sysconf(_SC_NPROCESSORS_ONLN), rounds);
	if (f != NULL)
		fclose(f);
}

int
main(int argc, char **argv)
{
	size_t rounds = ROUNDS;

	if (argc > 1)
		rounds = strtoul(argv[1], NULL, 10);
	if (argc > 2 || rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: bench_update [ROUNDS]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	owner = getpid();
	strcpy(b.dir, "/dev/shm/pdc-bench-XXXXXX");
	if (mkdtemp(b.dir) == NULL) {
		b.dir[0] = '\0';
		err(1, "/dev/shm");
	}
	atexit(cleanup);
	setup();
	print_machine(rounds);
	run_rounds(rounds);
	run_all_processes();
	pdc_close(b.atomic);
	pdc_close(b.many);
	pdc_close(b.pdc);
	mdb_env_close(b.env);
	return 0;
}
