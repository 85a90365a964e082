/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Handles that were given back leave nothing behind, and those in use stay.
 */

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "help.h"
#include "metric/metric.h"
#include "sound.h"

#define NSETS 20000
#define NTHREADS 4
#define NROUNDS 20000
#define KEPT 2048 /* idle handles that may stay, and more */

static struct pdc *p;

static uint32_t
handles(const struct pdc_family *f)
{
	const struct handle_table *t = atomic_load(&f->table);
	uint32_t i, n = 0;

	for (i = 0; t != NULL && i <= t->mask; i++)
		n += pdc_table_slot(t, i) != NULL;
	return n;
}

static size_t
in_use(void)
{
	return mallinfo2().uordblks;
}

static void
visit(struct pdc_family *f, int from, int to)
{
	char name[32];
	struct pdc_series *s;
	int i;

	for (i = from; i < to; i++) {
		snprintf(name, sizeof(name), "set %d", i);
		s = help_series(f, name);
		pdc_inc(s, 1);
		pdc_series_free(s);
	}
}

static void
test_given_back(void)
{
	struct pdc_series *kept, *again;
	struct pdc_family *f;
	size_t early, late;
	char *page;

	p = help_open(tap_tmpdir(), 0);
	f = help_family(p, PDC_COUNTER, "c", "l");
	kept = help_series(f, "kept");
	pdc_inc(kept, 1);
	visit(f, 0, NSETS / 2);
	early = in_use();
	visit(f, NSETS / 2, NSETS);
	late = in_use();
	ok(handles(f) <= KEPT, "%d label sets leave %u handles", NSETS,
	    handles(f));
	if (SANITIZED)
		skip("not with sanitizers: memory in use is not told");
	else
		ok(late < early + 200000, "and no memory: %zu, then %zu bytes",
		    early, late);
	pdc_inc(kept, 1);
	again = help_series(f, "kept");
	ok(again == kept, "the same values still give the handle in use");
	pdc_series_free(again);
	pdc_series_free(kept);
	pdc_series_free(kept);
	ok(1, "one given back too often does no harm");
	visit(f, 0, 100);
	page = help_page(p);
	is_double(help_on_page(page, "c_total{l=\"kept\"}"), 2, "it counted");
	is_double(help_on_page(page, "c_total{l=\"set 7\"}"), 2, "as others");
	is_double(help_on_page(page, "c_total{l=\"set 19999\"}"), 1, "did");
	pdc_free(page);
	sound_close(p);
}

/* What is given back with a sum of its own stays until that is credited. */
static void
test_pending_stays(void)
{
	struct pdc_family *f, *other;
	struct pdc_series *s;
	int i;
	char name[16];

	p = help_open(tap_tmpdir(), PDC_ATOMIC);
	f = help_family(p, PDC_COUNTER, "c", "l");
	other = help_family(p, PDC_COUNTER, "other", "l");
	atomic_store(&p->retry_ns, INT64_MAX);
	for (i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		s = help_series(f, name);
		pdc_inc(s, 1);
		pdc_series_free(s);
	}
	atomic_store(&p->retry_ns, 0);
	is_int(handles(f), 3000, "none that has something is given up");
	pdc_checkpoint(p);
	is_double(help_sample(p, "c_total{l=\"0\"}"), 1, "it is credited");
	is_double(help_sample(p, "c_total{l=\"2999\"}"), 1, "all of it");
	visit(f, 0, 1);
	visit(other, 0, 1);
	ok(handles(f) <= KEPT, "then %u are left", handles(f));
	sound_close(p);
}

static int nrounds = NROUNDS;

static void *
thread_churns(void *arg)
{
	struct pdc_family *f = arg;
	uint64_t state = (uintptr_t)&state | 1;
	char name[16];
	struct pdc_series *s;
	int i;

	for (i = 0; i < nrounds; i++) {
		state = state * 6364136223846793005 + 1442695040888963407;
		snprintf(name, sizeof(name), "%d", (int)(state >> 33) % 3000);
		s = help_series(f, name);
		pdc_inc(s, 1);
		pdc_series_free(s);
	}
	return NULL;
}

/* The sum over all series of the family. */
static double
total(void)
{
	char *page = help_page(p), *line, *rest = page;
	double sum = 0;

	while ((line = strsep(&rest, "\n")) != NULL)
		if (strncmp(line, "c_total{", 8) == 0)
			sum += strtod(strchr(line, '}') + 1, NULL);
	pdc_free(page);
	return sum;
}

/* What waits in a process goes with it; others may hold the lock for long. */
static int
child_checkpoint(void)
{
	int ret;

	do {
		ret = pdc_checkpoint(p);
	} while (ret == PDC_EBUSY);
	return ret;
}

static int
child_visits(void *arg)
{
	visit(arg, 0, 3000);
	if (child_checkpoint() < 0)
		return 2;
	visit(arg, 0, 1);
	if (handles(arg) > KEPT)
		return 1;
	return child_checkpoint() < 0 ? 2 : 0;
}

static int
child_checkpoints(void *arg)
{
	int i;

	for (i = 0; i < 100000; i++) {
		pdc_checkpoint(p);
		usleep(1000);
	}
	return arg != NULL;
}

static double
drops(void)
{
	return (double)atomic_load(
	    &pdc_cells_now(p)->head->drops[DROP_RING_FULL]);
}

static void
test_threads(void)
{
	pthread_t threads[NTHREADS];
	struct pdc_family *f;
	int i, status = 0, nforks = SANITIZED ? 0 : 8;
	pid_t pid;

	p = help_open(tap_tmpdir(), 0);
	f = help_family(p, PDC_COUNTER, "c", "l");
	pid = help_fork(child_checkpoints, NULL);
	for (i = 0; i < NTHREADS; i++)
		if (pthread_create(&threads[i], NULL, thread_churns, f) != 0)
			bail_out("no thread");
	for (i = 0; i < nforks; i++)
		status |= help_child(child_visits, f);
	for (i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	kill(pid, SIGKILL);
	help_wait(pid);
	is_int(status, 0, "children forked meanwhile go on with their copies");
	pdc_checkpoint(p);
	is_double(total() + drops(), NTHREADS * NROUNDS + nforks * 3001,
	    "all that threads counted is there, but for %g when rings were "
	    "full",
	    drops());
	ok(handles(f) <= KEPT, "with %u handles", handles(f));
	sound_close(p);
}

static atomic_int churning;

static void *
thread_checkpoints(void *arg)
{
	while (atomic_load(&churning))
		pdc_checkpoint(arg);
	return NULL;
}

/*
 * Handles that have a sum of this process, which a checkpoint takes, are given
 * up and had again by others all the time.  PDC_LONG=1: in as many rounds as
 * lost one in each eighth run.
 */
static void
test_waiting_threads(void)
{
	pthread_t threads[NTHREADS], checkpoints;
	struct pdc_family *f;
	int i;

	p = help_open(tap_tmpdir(), PDC_ATOMIC);
	f = help_family(p, PDC_COUNTER, "c", "l");
	atomic_store(&p->retry_ns, INT64_MAX);
	atomic_store(&churning, 1);
	if (getenv("PDC_LONG") == NULL)
		nrounds = NROUNDS / 5;
	pthread_create(&checkpoints, NULL, thread_checkpoints, p);
	for (i = 0; i < NTHREADS; i++)
		if (pthread_create(&threads[i], NULL, thread_churns, f) != 0)
			bail_out("no thread");
	for (i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&churning, 0);
	pthread_join(checkpoints, NULL);
	atomic_store(&p->retry_ns, 0);
	pdc_checkpoint(p);
	is_double(total(), NTHREADS * nrounds,
	    "nothing that waited in a handle goes with it");
	sound_close(p);
}

static int
resolved(const struct pdc_series *s)
{
	return pdc_cells_tag_get(pdc_cells_now(p), s->zone,
		   atomic_load(&s->unit)) == atomic_load(&s->id);
}

/* What is refused for good is no reason to let others wait. */
static void
test_refused(void)
{
	const char *x[] = { "x", NULL }, *none[] = { "none", NULL };
	char *dir = tap_tmpdir();
	struct pdc_family *f, *other;
	struct pdc_series *s;

	p = help_open(dir, 0);
	f = help_family(p, PDC_COUNTER, "f", "l");
	other = help_family(p, PDC_COUNTER, "other", "l");
	is_int(pdc_remove(f, NULL), 0, "a family is removed");
	help_family(p, PDC_GAUGE, "f", "l");
	is_int(pdc_labels(&s, f, x), PDC_EEXIST, "declared anew: %s",
	    pdc_error());
	ok(resolved(help_series(other, "x")), "another's series is made");
	is_int(pdc_labels(&s, f, x), PDC_EEXIST, "again: %s", pdc_error());
	pdc_close(p);
	p = help_open(dir, PDC_RDONLY);
	other = help_family(p, PDC_COUNTER, "other", "l");
	is_int(pdc_labels(&s, other, none), PDC_ENOENT, "read-only: %s",
	    pdc_error());
	is_int(pdc_labels(&s, other, none), PDC_ENOENT, "still: %s",
	    pdc_error());
	is_int(pdc_labels(&s, other, x), 0, "and what is there is found");
	pdc_close(p);
}

int
main(void)
{
	test_refused();
	test_given_back();
	test_pending_stays();
	test_threads();
	test_waiting_threads();
	return tap_done();
}
