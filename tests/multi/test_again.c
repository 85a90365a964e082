/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Setting up again: several processes of two threads declare one name in
 * different shapes at once, for a name that never was, one whose family was
 * removed, and one that has expired, while handles of its last life go on
 * counting.  One shape wins, the others are told of both sides, and what was
 * counted is credited to the family it was counted for, or dropped and counted.
 *
 *	test_again [ROUNDS]
 */

#include <sys/wait.h>

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/page.h"
#include "api/remove.h"
#include "metric/metric.h"
#include "multi/multi.h"
#include "tap.h"

#define NPROCS 4
#define NTHREADS 2
#define NSLOTS (NPROCS * NTHREADS)
#define NOLD 30 /* updates by a handle of the last life */
#define NNEW 20
#define TTL 100
#define S INT64_C(1000000000)

static const double bounds[] = { 1, 2, 3 };
static const char *const label_l[] = { "l", NULL };
static const char *const label_lm[] = { "l", "m", NULL };

/* No more than NSLOTS, so that in each round somebody has each of them. */
static const struct shape {
	enum pdc_type type;
	const char *const *labels;
	size_t nbounds;
	const char *word, *sample;
} shapes[] = {
	{ PDC_COUNTER, label_l, 0, "counter", "%s_total{l=\"x\"}" },
	{ PDC_COUNTER, label_lm, 0, "counter", "%s_total{l=\"x\",m=\"y\"}" },
	{ PDC_GAUGE, label_l, 0, "gauge", "%s{l=\"x\"}" },
	{ PDC_SUMMARY, label_l, 0, "summary", "%s_count{l=\"x\"}" },
	{ PDC_HISTOGRAM, label_l, 2, "histogram", "%s_count{l=\"x\"}" },
	{ PDC_HISTOGRAM, label_l, 3, "histogram",
	    "%s_bucket{l=\"x\",le=\"3.0\"}" },
};
#define NSHAPES (sizeof(shapes) / sizeof(shapes[0]))

/* What a name was before a round. */
enum was { NEVER, REMOVED, EXPIRED, NWAS };
static const char *const was_words[] = { "never", "removed", "expired" };

/* What one thread did in a round. */
struct slot {
	int ret; /* of pdc_declare() */
	char words[300]; /* if it was not as it should be */
	int both; /* of a refusal: both sides were named */
	uint32_t id, old_id; /* 0: none */
	int summed; /* the old one's updates may be dropped as one */
};

static struct shared {
	pthread_barrier_t barrier;
	_Atomic int64_t skew_ns;
	_Atomic int stop;
	int round;
	char name[32];
	enum was was;
	struct slot slot[NSLOTS];
	_Atomic int bad;
} * sh;

static char *dir;
static struct pdc *p;

static void
meet(void)
{
	pthread_barrier_wait(&sh->barrier);
}

static void
clocks(void)
{
	p->clock.mono_skew_ns = p->clock.wall_skew_ns = atomic_load(
	    &sh->skew_ns);
}

static void
update(struct pdc_series *s, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (s->type == PDC_COUNTER || s->type == PDC_GAUGE)
			pdc_inc(s, 1);
		else
			pdc_observe(s, 1);
}

static int
declare(struct pdc_family **f, const struct shape *shape, const char *name)
{
	struct pdc_desc d = { .type = shape->type,
		.name = name,
		.labels = shape->labels,
		.bounds = shape->nbounds > 0 ? bounds : NULL,
		.nbounds = shape->nbounds,
		.ttl_s = sh->was == EXPIRED ? TTL : 0 };

	return pdc_declare(f, p, &d);
}

static struct pdc_series *
series(struct pdc_family *f)
{
	const char *xy[] = { "x", f->nlabels == 2 ? "y" : NULL, NULL };
	struct pdc_series *s;

	if (pdc_labels(&s, f, xy) < 0)
		return NULL;
	return s;
}

/* One thread's part of a round; last: its handle of the name's last life. */
static void
race(struct slot *slot, int n, struct pdc_series **last)
{
	const struct shape *shape = &shapes[(size_t)(n + sh->round) % NSHAPES];
	struct pdc_family *f;
	struct pdc_series *s;

	slot->id = slot->old_id = 0;
	if (*last != NULL) {
		slot->old_id = (*last)->family->id;
		slot->summed = (*last)->type == PDC_GAUGE &&
		    pdc_cells_now(p)->use == 0;
		update(*last, NOLD / 2);
	}
	slot->ret = declare(&f, shape, sh->name);
	if (*last != NULL)
		update(*last, NOLD / 2);
	if (slot->ret < 0) {
		slot->both = strstr(pdc_error(), " here, ") != NULL &&
		    strstr(pdc_error(), " in the store") != NULL;
		snprintf(slot->words, sizeof(slot->words), "%s", pdc_error());
		return;
	}
	s = series(f);
	if (s == NULL) {
		atomic_fetch_add(&sh->bad, 1);
		return;
	}
	slot->id = f->id;
	update(s, NNEW);
	*last = s;
}

static void *
racer(void *arg)
{
	struct slot *slot = arg;
	struct pdc_series *last[NWAS] = { NULL };
	int n = (int)(slot - sh->slot);

	for (;;) {
		meet(); /* the round is set up */
		if (atomic_load(&sh->stop))
			break;
		if (n % NTHREADS == 0)
			clocks();
		meet(); /* nobody waits by the old one */
		last[NEVER] = NULL;
		race(slot, n, &last[sh->was]);
		meet(); /* all have counted */
		/* A handle without rseq may have a sum of its own still. */
		while (n % NTHREADS == 0 && atomic_load(&p->pending) != 0)
			pdc_maintain(p);
		meet(); /* and it can be seen */
	}
	return NULL;
}

static int
process(int n, unsigned flags)
{
	pthread_t id[NTHREADS];
	int i;

	p = multi_open(dir, flags);
	for (i = 1; i < NTHREADS; i++)
		if (pthread_create(&id[i], NULL, racer,
			&sh->slot[n * NTHREADS + i]) != 0)
			return 2;
	racer(&sh->slot[n * NTHREADS]);
	for (i = 1; i < NTHREADS; i++)
		pthread_join(id[i], NULL);
	pdc_close(p);
	return 0;
}

/* A name that is to be had by anybody. */
static void
set_up(int round)
{
	struct pdc_key k = { .metric = sh->name };

	sh->round = round;
	sh->was = (enum was)(round % NWAS);
	strcpy(sh->name, was_words[sh->was]);
	if (sh->was == NEVER)
		snprintf(sh->name, sizeof(sh->name), "never_%d", round);
	else if (sh->was == REMOVED && round >= NWAS)
		atomic_fetch_add(&sh->bad, pdc_name_remove(p, &k) < 0);
	else if (sh->was == EXPIRED)
		atomic_fetch_add(&sh->skew_ns, 2 * TTL * S);
	clocks();
	atomic_fetch_add(&sh->bad, pdc_maintain(p) < 0);
}

/* How often the page says what type the family is; of this type. */
static int
types(const char *page, const char *name, const char *word)
{
	char line[64], other[64];
	const char *at = page;
	int n = 0;

	snprintf(line, sizeof(line), "# TYPE %s %s\n", name, word);
	snprintf(other, sizeof(other), "# TYPE %s_total %s\n", name, word);
	for (; (at = strstr(at, "# TYPE ")) != NULL; at++)
		n += strncmp(at, line, strlen(line)) == 0 ||
		    strncmp(at, other, strlen(other)) == 0;
	return n;
}

/* The shape the store has, from all that its page says; -1 if it is mixed. */
static int
shape_of(const char *page, double *value)
{
	char sample[64], le3[64];
	int found = -1;
	size_t i;

	snprintf(le3, sizeof(le3), shapes[5].sample, sh->name);
	for (i = 0; i < NSHAPES; i++) {
		snprintf(sample, sizeof(sample), shapes[i].sample, sh->name);
		if (isnan(multi_sample(page, sample)) ||
		    types(page, sh->name, shapes[i].word) == 0)
			continue;
		if (i == 4 && !isnan(multi_sample(page, le3)))
			continue;
		if (found != -1)
			return -1;
		found = (int)i;
		*value = multi_sample(page, sample);
	}
	for (i = 0; i < NSHAPES; i++)
		if (found != -1 &&
		    types(page, sh->name, shapes[i].word) !=
			(strcmp(shapes[i].word, shapes[found].word) == 0))
			return -1;
	return found;
}

static uint32_t
family_id(void)
{
	struct family *f = malloc(sizeof(*f));
	uint32_t id = 0;
	struct stxn x;

	if (f == NULL || pdc_stxn_read(&x, p->store) < 0)
		bail_out("read: %s", pdc_error());
	if (pdc_family_get(&x, sh->name, f) == 0)
		id = f->r.id;
	pdc_stxn_abort(&x);
	free(f);
	return id;
}

static uint64_t
dropped(void)
{
	return atomic_load(&pdc_cells_now(p)->head->drops[DROP_SHAPE]);
}

struct tally {
	int winners, refused, unnamed, others; /* of slots */
	double credit, drop, drop_max;
};

static struct tally
count(uint32_t id, int shape)
{
	struct tally t = { 0 };
	int i;

	for (i = 0; i < NSLOTS; i++) {
		const struct slot *s = &sh->slot[i];
		int mine = (int)((size_t)(i + sh->round) % NSHAPES);

		t.winners += s->ret == 0;
		t.refused += s->ret == PDC_EEXIST;
		t.unnamed += s->ret == PDC_EEXIST && !s->both;
		t.others += (s->ret == 0) != (mine == shape) ||
		    (s->ret == 0 && s->id != id) ||
		    (s->ret != 0 && s->ret != PDC_EEXIST);
		if (s->id != 0)
			t.credit += NNEW;
		if (s->ret < 0 && (s->ret != PDC_EEXIST || !s->both))
			diag("%s", s->words);
		if (s->old_id == id)
			t.credit += NOLD;
		else if (s->old_id != 0) {
			t.drop += s->summed ? 0 : NOLD;
			t.drop_max += NOLD;
		}
	}
	return t;
}

/*
 * 0 if all is right after a round.  Who is killed while he drains may count a
 * drop that his next has to do again.
 */
static int
judge(uint64_t drops, int killed, uint64_t *ndrops)
{
	uint32_t id = family_id();
	char *page = multi_page(p);
	double value = NAN, drop;
	struct tally t;
	int shape;

	shape = shape_of(page, &value);
	t = count(id, shape);
	drop = (double)(dropped() - drops);
	*ndrops += dropped() - drops;
	pdc_free(page);
	if (shape != -1 && t.winners > 0 && t.unnamed == 0 && t.others == 0 &&
	    t.winners + t.refused == NSLOTS && value == t.credit &&
	    drop >= t.drop && (drop <= t.drop_max || killed))
		return 0;
	diag("round %d, %s: shape %d, %d won, %d refused, %d without words, "
	     "%d odd; %.17g, not %.17g; %.17g dropped, not %.17g to %.17g",
	    sh->round, sh->name, shape, t.winners, t.refused, t.unnamed,
	    t.others, value, t.credit, drop, t.drop, t.drop_max);
	return 1;
}

/* Maintains the store until it is killed. */
static pid_t
killable(void)
{
	pid_t pid = multi_fork();

	if (pid != 0)
		return pid;
	for (;;)
		pdc_maintain(p);
}

static void
rounds(int n, int kills, const char *how)
{
	uint64_t seed = (uint64_t)getpid(), drops, ndrops = 0;
	int i, wrong = 0;
	pid_t pid = -1;

	for (i = 0; i < n && wrong < 5; i++) {
		set_up(i);
		drops = dropped();
		if (kills)
			pid = killable();
		meet();
		meet();
		if (kills) {
			usleep(multi_random(&seed) % 3000);
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
		}
		meet();
		meet();
		atomic_fetch_add(&sh->bad, pdc_maintain(p) < 0);
		wrong += judge(drops, kills, &ndrops);
	}
	is_int(wrong, 0, "%s: in each of %d rounds one shape of %d won", how, i,
	    (int)NSHAPES);
	ok(ndrops > 0, "%llu updates of what was before were dropped",
	    (unsigned long long)ndrops);
}

static void
test_races(int n, unsigned flags, int kills, const char *how)
{
	pthread_barrierattr_t attr;
	struct pdc_stat st;
	pid_t pids[NPROCS];
	int i, failed = 0;

	memset(sh, 0, sizeof(*sh));
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&sh->barrier, &attr, NSLOTS + 1);
	dir = tap_tmpdir();
	for (i = 0; i < NPROCS; i++) {
		pids[i] = multi_fork();
		if (pids[i] == 0)
			_exit(process(i, flags));
	}
	p = multi_open(dir, flags);
	rounds(n, kills, how);
	atomic_store(&sh->stop, 1);
	meet();
	for (i = 0; i < NPROCS; i++)
		failed += multi_wait(pids[i], 20000) != 0;
	is_int(failed + atomic_load(&sh->bad), 0, "nothing else failed");
	pdc_stat_get(p, &st);
	is_int((long long)(st.anomalies + st.drops[DROP_DAMAGED] +
		   st.drops[DROP_RING_FULL] + st.drops[DROP_PENDING]),
	    0, "nor was anything damaged or lost");
	pdc_close(p);
}

int
main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : tap_short() ? 30 : 90;

	sh = multi_shared(sizeof(*sh));
	test_races(n, 0, 0, "as it comes");
	test_races(n, PDC_ATOMIC, 0, "on atomic lanes");
	test_races(n, 0, 1, "a checkpoint is killed");
	test_races(n, PDC_ATOMIC, 1, "killed on atomic lanes");
	return tap_done();
}
