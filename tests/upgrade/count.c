/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 *	count STORE
 *
 * A worker that counts and makes checkpoints until a byte or the end comes from
 * its standard input; then it prints how much it has counted.
 */

#include <err.h>
#include <poll.h>
#include <stdio.h>

#include "pdc.h"

int
main(int argc, char **argv)
{
	const struct pdc_desc d = { .type = PDC_COUNTER, .name = "worked" };
	struct pollfd in = { .fd = 0, .events = POLLIN };
	struct pdc_family *f;
	struct pdc_series *s;
	struct pdc *p;
	int n;

	if (argc != 2 || pdc_open(&p, argv[1], NULL) < 0 ||
	    pdc_declare(&f, p, &d) < 0 || pdc_labels(&s, f, NULL) < 0)
		errx(1, "%s", pdc_error());
	for (n = 0; poll(&in, 1, 1) == 0; n++) {
		pdc_inc(s, 1);
		if (pdc_checkpoint(p) < 0)
			errx(1, "%s", pdc_error());
	}
	pdc_close(p);
	printf("%d\n", n);
	return 0;
}
