/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "pdc-serve/workers.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/page.h"
#include "lane/slot.h"
#include "pdc.h"
#include "pdc-serve/process.h"
#include "pdc-serve/self.h"
#include "pdc-serve/source.h"

struct worker {
	uint32_t slot;
	struct process process;
};

struct workers {
	struct worker *list;
	size_t n;
};

/* One family: of each worker the number that is known. */
static void
workers_samples(struct expo *e, const struct self_family *f,
    const struct self_list *list, double (*number)(const struct process *))
{
	const char *const names[] = { "slot" };
	const char *values[1];
	char slot[16];
	double v;
	size_t i;

	(void)f;
	values[0] = slot;
	for (i = 0; i < list->workers->n; i++) {
		snprintf(slot, sizeof(slot), "%u", list->workers->list[i].slot);
		v = number(&list->workers->list[i].process);
		if (v >= 0)
			self_sample(e, names, values, 1, v);
	}
}

/* X(field, name after pdc_worker_, type, help) */
#define WORKERS(X) \
	X(cpu_seconds, "cpu_seconds", PDC_COUNTER, \
	    "User and system CPU time of a worker.") \
	X(resident_bytes, "resident_memory_bytes", PDC_GAUGE, \
	    "Resident memory of a worker.") \
	X(virtual_bytes, "virtual_memory_bytes", PDC_GAUGE, \
	    "Virtual memory of a worker.") \
	X(open_fds, "open_fds", PDC_GAUGE, \
	    "Open file descriptors of a worker.") \
	X(start_seconds, "start_time_seconds", PDC_GAUGE, \
	    "Start time of a worker since unix epoch in seconds.")

#define X(field, name, type, help) \
	static double number_##field(const struct process *p) \
	{ \
		return p->field; \
	} \
	static void samples_##field(struct expo *e, \
	    const struct self_family *f, const struct self_list *list) \
	{ \
		workers_samples(e, f, list, number_##field); \
	}
WORKERS(X)
#undef X

void
workers_add(struct self_list *list)
{
	static const struct self_family families[] = {
#define X(field, name, type, help) \
	{ "pdc_worker_" name, help, type, 0, samples_##field },
		WORKERS(X)
#undef X
	};
	struct pdc_slot *slots = calloc(SLOTS_MAX, sizeof(*slots));
	struct workers *w = calloc(1, sizeof(*w));
	double btime = process_btime();
	size_t i, n = 0;
	char pid[24];

	if (slots != NULL && w != NULL)
		n = pdc_stat_slots(list->self->use->pdc, slots, SLOTS_MAX);
	if (n > 0)
		w->list = calloc(n, sizeof(*w->list));
	for (i = 0; n > 0 && w->list != NULL && i < n; i++) {
		snprintf(pid, sizeof(pid), "%ld", (long)slots[i].pid);
		w->list[w->n].slot = slots[i].slot;
		if (slots[i].pid > 0 &&
		    process_look(&w->list[w->n].process, pid, btime) == 0)
			w->n++;
	}
	free(slots);
	list->workers = w;
	for (i = 0; w != NULL && i < sizeof(families) / sizeof(families[0]);
	     i++)
		self_add(list, &families[i]);
}

void
workers_free(struct self_list *list)
{
	if (list->workers != NULL)
		free(list->workers->list);
	free(list->workers);
	list->workers = NULL;
}
