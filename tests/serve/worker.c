/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 *	worker STORE
 *
 * A process that has a slot of a store, and has counted with exemplars; it says
 * so, and is there until it is killed, but no longer than a minute.
 */

#include <err.h>
#include <stdio.h>
#include <unistd.h>

#include "pdc.h"

static struct pdc *p;

static struct pdc_series *
series(const struct pdc_desc *d)
{
	struct pdc_family *f;
	struct pdc_series *s;

	if (pdc_declare(&f, p, d) < 0 || pdc_labels(&s, f, NULL) < 0)
		errx(1, "%s", pdc_error());
	return s;
}

static void
count(void)
{
	const struct pdc_label first = { "trace_id", "abc" },
			       second = { "trace_id", "def" };
	const double bounds[] = { 0.5, 1 };
	const struct pdc_desc jobs = { .type = PDC_COUNTER,
		.name = "jobs",
		.help = "Jobs done.",
		.flags = PDC_EXEMPLARS },
			      took = { .type = PDC_HISTOGRAM,
				      .name = "took_seconds",
				      .help = "How long jobs took.",
				      .bounds = bounds,
				      .nbounds = 2,
				      .flags = PDC_EXEMPLARS };

	pdc_inc_exemplar(series(&jobs), 2, &first, 1);
	pdc_observe_exemplar(series(&took), 0.75, &second, 1);
}

int
main(int argc, char **argv)
{
	const struct pdc_desc d = { .type = PDC_GAUGE,
		.mode = PDC_LIVESUM,
		.name = "workers",
		.help = "Workers that live." };

	if (argc != 2 || pdc_open(&p, argv[1], NULL) < 0)
		errx(1, "%s", pdc_error());
	pdc_set(series(&d), 1);
	count();
	puts("here");
	fflush(stdout);
	alarm(60);
	pause();
	return 0;
}
