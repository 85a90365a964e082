/* SPDX-License-Identifier: ISC */

/*
 * fill DIR N: a store with N series of some 4 KB of labels each, which do not
 * get much smaller by any coding.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pdc.h"

static const char *const labels[] = { "name", NULL };

static int
fill_series(struct pdc_family *family, int i)
{
	char value[4000];
	const char *values[] = { value, NULL };
	struct pdc_series *series;
	uint32_t state = (uint32_t)i;
	size_t at;
	int ret;

	for (at = 0; at < sizeof(value) - 1; at++) {
		state = state * 1664525 + 1013904223;
		value[at] = (char)('a' + (state >> 24) % 26);
	}
	value[sizeof(value) - 1] = '\0';
	value[snprintf(value, sizeof(value), "%d", i)] = 'x';
	ret = pdc_labels(&series, family, values);
	if (ret < 0)
		return ret;
	pdc_inc(series, 1);
	pdc_series_free(series);
	return 0;
}

int
main(int argc, char **argv)
{
	struct pdc_desc desc = { .type = PDC_COUNTER,
		.name = "fill_total",
		.help = "Fills.",
		.labels = labels };
	struct pdc_family *family;
	struct pdc *pdc;
	int i, ret;

	if (argc != 3)
		return 2;
	ret = pdc_open(&pdc, argv[1], NULL);
	if (ret == 0)
		ret = pdc_declare(&family, pdc, &desc);
	for (i = 0; ret == 0 && i < atoi(argv[2]); i++)
		ret = fill_series(family, i);
	if (ret == 0)
		ret = pdc_checkpoint(pdc);
	if (ret < 0) {
		fprintf(stderr, "fill: %s\n", pdc_error());
		return 1;
	}
	pdc_close(pdc);
	return 0;
}
