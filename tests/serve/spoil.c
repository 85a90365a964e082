/* SPDX-License-Identifier: ISC */

/* spoil DIR: give a store a version that nobody knows, as damage might. */
#include "config.h"

#include <stdio.h>

#include "metric/metric.h"
#include "pdc.h"

int
main(int argc, char **argv)
{
	struct stxn x;
	struct pdc *pdc;
	int ret;

	if (argc != 2)
		return 2;
	ret = pdc_open(&pdc, argv[1], NULL);
	if (ret == 0)
		ret = pdc_stxn_write(&x, pdc->store, 1000);
	if (ret == 0) {
		x.meta.version = STORE_VERSION + 1;
		ret = pdc_stxn_commit(&x);
	}
	if (ret < 0)
		fprintf(stderr, "spoil: %s\n", pdc_error());
	return ret < 0;
}
