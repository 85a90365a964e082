/* SPDX-License-Identifier: ISC */

/* A user's program in C99, with nothing but the installed header. */

#include <pdc.h>

#include <stdio.h>

static int
count(struct pdc *pdc)
{
	static const char *const labels[] = { "way", NULL };
	static const char *const values[] = { "tried", NULL };
	struct pdc_desc desc = { .type = PDC_COUNTER,
		.name = "user_calls",
		.help = "Calls of a user.",
		.labels = labels };
	struct pdc_family *family;
	struct pdc_series *series;

	if (pdc_declare(&family, pdc, &desc) != 0)
		return -1;
	if (pdc_labels(&series, family, values) != 0)
		return -1;
	pdc_inc(series, 1);
	pdc_inc(series, 2);
	pdc_series_free(series);
	return 0;
}

int
main(int argc, char **argv)
{
	struct pdc *pdc;
	char *text;
	size_t len;

	if (argc != 2 || pdc_open(&pdc, argv[1], NULL) != 0 ||
	    count(pdc) != 0 || pdc_render(pdc, NULL, &text, &len, NULL) != 0) {
		fprintf(stderr, "%s\n", pdc_error());
		return 1;
	}
	fwrite(text, 1, len, stdout);
	pdc_free(text);
	pdc_close(pdc);
	return 0;
}
