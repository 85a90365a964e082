/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * figures [quick | full]: what is no time of an operation.  Lines
 *
 *	NAME <tab> VALUE <tab> UNIT
 *
 * and nothing else on standard output.  quick, the default, takes 20 seconds;
 * full some minutes, and has a million series, too.  The stores are in a
 * directory of their own on /dev/shm, which goes with the program; pdc-serve is
 * that of the build, or $PDC_SERVE.
 *
 * memory	blocks of the cells file for each series, by difference
 * disk		pages of data.mdb for each series: used, which includes those
 *		that are free to be used again, and those with records (tree).
 *		Label text is what a page has between the braces; two stores
 *		that differ in its length tell how many bytes a byte of it takes
 * workers	records of the map, and a page, before and after workers that
 *		counted and were killed; then the same where they also set
 *		gauges of which each has a value
 * latency	each call of pdc_inc between two reads of the clock, whose cost
 *		is in the figures and has figures of its own.  Alone and while
 *		another process makes pages, in turns; medians over the turns
 * page		of pdc-serve, by HTTP, in turns with each coding
 * idle		CPU time of pdc-serve while nobody counts
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "figures.h"
#include "tool.h"

#define MILLION 1000000

static int full;

void
figure(double value, const char *unit, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\t%.10g\t%s\n", value, unit);
	fflush(stdout);
}

static int
figures_all(void)
{
	figures_memory(full);
	figures_disk(full);
	figures_workers(full);
	figures_latency(full);
	figures_pages(full);
	figures_idle(10000, 3);
	if (full)
		figures_idle(MILLION, 20);
	return 0;
}

int
main(int argc, char **argv)
{
	full = argc == 2 && strcmp(argv[1], "full") == 0;
	if (argc > 2 || (argc == 2 && !full && strcmp(argv[1], "quick") != 0)) {
		fprintf(stderr, "usage: figures [quick | full]\n");
		return 2;
	}
	return tool_run(figures_all);
}
