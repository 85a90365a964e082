/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 *	worker STORE
 *
 * A process that has a slot of a store; it says so, and is there until it is
 * killed, but no longer than a minute.
 */

#include <err.h>
#include <stdio.h>
#include <unistd.h>

#include "pdc.h"

int
main(int argc, char **argv)
{
	struct pdc_desc d = { .type = PDC_GAUGE,
		.mode = PDC_LIVESUM,
		.name = "workers",
		.help = "Workers that live." };
	struct pdc_family *f;
	struct pdc_series *s;
	struct pdc *p;

	if (argc != 2 || pdc_open(&p, argv[1], NULL) < 0 ||
	    pdc_declare(&f, p, &d) < 0 || pdc_labels(&s, f, NULL) < 0)
		errx(1, "%s", pdc_error());
	pdc_set(s, 1);
	puts("here");
	fflush(stdout);
	alarm(60);
	pause();
	return 0;
}
