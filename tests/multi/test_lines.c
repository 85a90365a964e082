/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Many threads of many workers write lines while workers, and who empties the
 * rings, are killed or stopped every few milliseconds.  Each line that was
 * acknowledged is in the journal once, none that was refused, and those of a
 * thread in their order; a reader who resumes by cursor sees the same.
 *
 *	test_lines [SECONDS [SEED]]
 */

#include <sys/time.h>
#include <sys/wait.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "journal/read.h"
#include "metric/metric.h"
#include "multi/multi.h"
#include "tap.h"

#define NWORKERS 16
#define NTHREADS 4
#define NLINES 40000 /* of a thread */
#define KILL_US 3000
#define SIGNAL_US 200
#define PAGE_MAX 20000

enum state { NONE, BEGUN, ACKED, REFUSED };

static struct shared {
	_Atomic int stop;
	_Atomic uint32_t next[NWORKERS][NTHREADS];
	_Atomic unsigned char state[NWORKERS][NTHREADS][NLINES];
} * sh;

static char pad[10000];
static char *dir;
static struct pdc *p;
static unsigned flags;
static int signals;
static uint64_t seed;

struct thread {
	int worker, n;
};

static void
noise(int sig)
{
	(void)sig;
}

/* A few long ones go by transaction. */
static int
put(int w, int t, uint32_t n)
{
	const struct pdc_field f = { .name = "pad",
		.kind = PDC_STRING,
		.text = pad };
	char words[64];

	snprintf(words, sizeof(words), "line %d %d %u.", w, t, n);
	return pdc_log(p, n % 2 ? PDC_LOG_INFO : PDC_LOG_ERROR, words, &f,
	    n % 500 == 499);
}

static void *
work(void *arg)
{
	const struct thread *me = arg;
	_Atomic uint32_t *next = &sh->next[me->worker][me->n];
	_Atomic unsigned char *state;
	uint32_t n;
	int ret;

	while (!atomic_load(&sh->stop) && (n = atomic_load(next)) < NLINES) {
		state = &sh->state[me->worker][me->n][n];
		atomic_store(state, BEGUN);
		atomic_store(next, n + 1);
		ret = put(me->worker, me->n, n);
		if (ret == 0)
			atomic_store(state, ACKED);
		else if (ret == PDC_EAGAIN || ret == PDC_EBUSY)
			atomic_store(state, REFUSED);
		if (n % 64 == 63)
			usleep(500);
	}
	return NULL;
}

static void
worker(int w)
{
	struct itimerval tick = { { 0, SIGNAL_US }, { 0, SIGNAL_US } };
	struct thread t[NTHREADS];
	pthread_t id[NTHREADS];
	int i;

	if (signals) {
		signal(SIGALRM, noise);
		setitimer(ITIMER_REAL, &tick, NULL);
	}
	for (i = 0; i < NTHREADS; i++) {
		t[i] = (struct thread){ w, i };
		if (pthread_create(&id[i], NULL, work, &t[i]) != 0)
			_exit(1);
	}
	for (i = 0; i < NTHREADS; i++)
		pthread_join(id[i], NULL);
	_exit(0);
}

/* The last one empties the rings. */
static pid_t
start(int w)
{
	pid_t pid = multi_fork();

	if (pid == 0 && w < NWORKERS)
		worker(w);
	while (pid == 0) {
		if (atomic_load(&sh->stop))
			_exit(0);
		pdc_maintain(p);
		usleep(1000);
	}
	return pid;
}

/* --- what a reader sees --- */

struct seen {
	uint32_t last[NWORKERS][NTHREADS]; /* number, and 1 */
	unsigned char count[NWORKERS][NTHREADS][NLINES];
	uint64_t lines, disorder, strange, pages, gaps;
	uint64_t after;
};

static void
see(struct seen *s, const char *line)
{
	const char *at = strstr(line, "\"line ");
	unsigned w, t, n;

	if (at == NULL || sscanf(at, "\"line %u %u %u.", &w, &t, &n) != 3 ||
	    w >= NWORKERS || t >= NTHREADS || n >= NLINES) {
		s->strange++;
		return;
	}
	s->lines++;
	s->disorder += n < s->last[w][t];
	s->last[w][t] = n + 1;
	s->count[w][t][n]++;
}

/* A page of at most so many bytes; 1 if there is more. */
static int
read_page(struct seen *s, size_t bytes)
{
	struct journal_answer a = { .next = s->after };
	struct journal_query q;
	struct buf page;
	struct stxn x;
	char *line, *end;

	pdc_journal_all(&q, JOURNAL_LOGS);
	q.after = s->after;
	q.resumes = s->after > 0;
	q.bytes = bytes;
	if (pdc_stxn_read(&x, p->store) < 0)
		return 0;
	pdc_buf_init(&page);
	s->strange += pdc_journal_read(&x, &q, &page, &a) < 0;
	pdc_stxn_abort(&x);
	s->gaps += a.gap_to != 0 || a.damaged != 0;
	for (line = page.data; line != NULL && line < page.data + page.len;
	     line = end + 1) {
		end = memchr(line, '\n', page.len - (size_t)(line - page.data));
		if (end == NULL) {
			s->strange++;
			break;
		}
		*end = '\0';
		see(s, line);
	}
	pdc_buf_fini(&page);
	s->after = a.next;
	s->pages++;
	return a.more;
}

static void
judge(const struct seen *s, const char *how, int nkills)
{
	uint64_t acked = 0, lost = 0, twice = 0, refused = 0, odd = 0;
	int w, t, n;

	for (w = 0; w < NWORKERS; w++)
		for (t = 0; t < NTHREADS; t++)
			for (n = 0; n < NLINES; n++) {
				int count = s->count[w][t][n];
				int state = atomic_load(&sh->state[w][t][n]);

				acked += state == ACKED;
				lost += state == ACKED && count == 0;
				twice += count > 1;
				refused += state == REFUSED;
				odd += count > 0 &&
				    (state == NONE || state == REFUSED);
			}
	diag("%llu lines, %llu acknowledged, %llu refused, %d kills, %llu "
	     "pages",
	    (unsigned long long)s->lines, (unsigned long long)acked,
	    (unsigned long long)refused, nkills, (unsigned long long)s->pages);
	is_int((long long)lost, 0, "%s: none that was acknowledged is lost",
	    how);
	is_int((long long)twice, 0, "none is there twice");
	is_int((long long)odd, 0, "nor one that was refused");
	is_int((long long)s->disorder, 0, "those of a thread are in order");
	is_int((long long)s->strange, 0, "and all are whole");
	is_int((long long)s->gaps, 0, "and nothing is missing between pages");
	ok(acked > 100, "there are many");
}

static int
storm(struct seen *reader, int64_t until, int kills)
{
	uint64_t random = seed;
	pid_t pid[NWORKERS + 1];
	int n = 0, w;

	for (w = 0; w <= NWORKERS; w++)
		pid[w] = start(w);
	while (multi_now_ms() < until) {
		usleep(KILL_US);
		read_page(reader, multi_random(&random) % PAGE_MAX);
		w = (int)(multi_random(&random) % (NWORKERS + 1));
		kill(pid[w], SIGSTOP);
		usleep(multi_random(&random) % KILL_US);
		kill(pid[w], SIGCONT);
		if (!kills)
			continue;
		kill(pid[w], SIGKILL);
		waitpid(pid[w], NULL, 0);
		pid[w] = start(w);
		n++;
	}
	atomic_store(&sh->stop, 1);
	for (w = 0; w <= NWORKERS; w++)
		multi_wait(pid[w], 20000);
	return n;
}

static void
test_storm(double seconds, unsigned how, int kills, const char *name)
{
	struct seen *reader = calloc(1, sizeof(*reader));
	struct seen *all = calloc(1, sizeof(*all));
	int n;

	memset(sh, 0, sizeof(*sh));
	flags = how;
	dir = tap_tmpdir();
	p = multi_open(dir, flags);
	n = storm(reader, multi_now_ms() + (int64_t)(seconds * 1000), kills);
	while (pdc_drain_all(p, 1000) < 0 ||
	    (pdc_ring_backlog(pdc_cells_now(p)) > 0 && !(flags & PDC_ATOMIC)))
		continue;
	while (read_page(reader, PAGE_MAX))
		continue;
	while (read_page(all, SIZE_MAX))
		continue;
	judge(all, name, n);
	ok(memcmp(reader->count, all->count, sizeof(all->count)) == 0 &&
		reader->disorder + reader->strange + reader->gaps == 0,
	    "a reader who resumes %llu times sees the same",
	    (unsigned long long)reader->pages);
	pdc_close(p);
	free(reader);
	free(all);
}

int
main(int argc, char **argv)
{
	double seconds = tap_short() ? .2 : .5;

	seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)getpid();
	if (argc > 1)
		seconds = atof(argv[1]);
	diag("seed %llu", (unsigned long long)seed);
	memset(pad, 'p', sizeof(pad) - 1);
	sh = multi_shared(sizeof(*sh));
	test_storm(seconds, 0, 0, "as it comes");
	test_storm(seconds, 0, 1, "with kills");
	test_storm(seconds, PDC_ATOMIC, 1, "by transactions, with kills");
	signals = 1;
	test_storm(seconds, 0, 1, "with kills and signals");
	return tap_done();
}
