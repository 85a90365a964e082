/* SPDX-License-Identifier: ISC */
#ifndef MODE_H
#define MODE_H

/*
 * A store with a gauge of each mode, and workers that are told what to do with
 * them.
 */

#include <sys/types.h>
#include <sys/wait.h>

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/modes.h"
#include "help.h"
#include "metric/metric.h"
#include "multi/multi.h"
#include "sound.h"
#include "tap.h"

#define NMODES (PDC_LIVEMOSTRECENT + 1)

static inline struct pdc_family *
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

static inline void
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
			(void)help_series(fam[m], NULL);
	if (o->what == 'r') /* no such call by itself: by rings */
		atomic_store(&p->retry_ns, INT64_MAX);
	if (o->what == 'c')
		(void)pdc_checkpoint(p);
}

static inline struct worker
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

static inline void
tell(const struct worker *w, char what, double v)
{
	struct order o = { what, v };
	char c;

	if (write(w->to, &o, sizeof(o)) != sizeof(o) ||
	    read(w->from, &c, 1) != 1)
		bail_out("a worker is gone");
}

static inline void
end(struct worker *w)
{
	int status;

	kill(w->pid, SIGKILL);
	waitpid(w->pid, &status, 0);
	close(w->to);
	close(w->from);
}

static inline void
checkpoint(void)
{
	if (pdc_checkpoint(p) < 0)
		bail_out("checkpoint: %s", pdc_error());
}

static inline void
maintain(void)
{
	if (pdc_maintain(p) < 0)
		bail_out("maintain: %s", pdc_error());
}

/* The end of a case: the store is sound. */
static inline void
finish(void)
{
	sound_close(p);
}

static inline double
now(int mode)
{
	char name[32];

	snprintf(name, sizeof(name), "g_%s", pdc_mode_word(mode));
	return multi_now(p, name);
}

static inline double
slot(int mode, int n)
{
	char name[64];

	snprintf(name, sizeof(name), "g_%s{slot=\"%d\"}", pdc_mode_word(mode),
	    n);
	return multi_now(p, name);
}

static inline void
begin(const char *dir, unsigned flags)
{
	char name[32];
	int m;

	p = multi_open(dir, flags);
	slow = pdc_cells_now(p)->use == 0;
	for (m = 0; m < NMODES; m++) {
		snprintf(name, sizeof(name), "g_%s", pdc_mode_word(m));
		fam[m] = declare(p, m, name, NULL);
		inherited[m] = help_series(fam[m], NULL);
	}
}

static inline void
is_mode(int mode, double want, const char *when)
{
	is_double(now(mode), want, "%s %s", pdc_mode_word(mode), when);
}

/* The modes that show one number. */
struct wants {
	double min, livemin, max, livemax, sum, livesum, recent, liverecent;
};

static inline void
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

#endif
