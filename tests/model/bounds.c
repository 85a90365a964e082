/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * What a store has when nothing is under way and what was given up has had its
 * time: a record for each series, none of what is dying or has ended, and no
 * more of the rest, nor of cells, than so many series can need.
 */

#include "model/drive.h"
#include "model/modes.h"

#define GRACE (INT64_C(61) * 1000000000)
#define GRACES 3
#define GRACES_MAX 40
#define RECORDS_MAX 20000
#define DATA_MAX (16 << 20)
#define CELLS_MAX (8 << 20)

static void
bounds_series(const struct model *m, uint64_t *lo, uint64_t *hi)
{
	int f, i;

	*lo = *hi = 0;
	for (f = 0; f < NFAMS; f++)
		for (i = 0; i < ALL; i++)
			if (mode_family(m, f)) {
				mode_count(m, f, i, lo, hi);
			} else {
				*lo += m->f[f].s[i].present == YES;
				*hi += m->f[f].s[i].present == YES;
			}
}

/* Whether anything will end by itself. */
static int
bounds_ends(const struct model *m)
{
	int f, i, any = 0;

	for (f = 0; f < NFAMS; f++) {
		any |= m->f[f].due_hi != 0;
		for (i = 0; i < NSERS; i++)
			any |= model_idle_hi(m, f, i) != 0;
	}
	return any;
}

static void
bounds_check(struct drive *d, const struct order *o)
{
	uint64_t lo, hi, n = o->counts['S'], sum = 0;
	int i;

	for (i = 0; i < 128; i++)
		sum += o->counts[i];
	bounds_series(&d->m, &lo, &hi);
	if (n != o->counts['L'] || n < lo || n > hi)
		drive_fail(d, "%llu S and %llu L records for %llu to %llu",
		    (unsigned long long)n, (unsigned long long)o->counts['L'],
		    (unsigned long long)lo, (unsigned long long)hi);
	if (o->counts['D'] + o->counts['E'] != 0)
		drive_fail(d, "%llu D and %llu E records after their time",
		    (unsigned long long)o->counts['D'],
		    (unsigned long long)o->counts['E']);
	if (sum > RECORDS_MAX || o->data > DATA_MAX || o->cells > CELLS_MAX)
		drive_fail(d, "%llu records, %llu bytes, %llu of cells",
		    (unsigned long long)sum, (unsigned long long)o->data,
		    (unsigned long long)o->cells);
	drive_note(d, "records", (long long)sum);
	drive_note(d, "bytes of cells", (long long)o->cells);
	drive_note(d, "bytes of data.mdb", (long long)o->data);
}

void
drive_bounds(struct drive *d)
{
	struct order *o;
	int i, n, p;

	/* What ends by its time meanwhile has its grace, too. */
	d->quiet = 1;
	for (i = n = 0; i < GRACES && n < GRACES_MAX; i++, n++) {
		if (bounds_ends(&d->m))
			i = 0;
		drive_time(d, GRACE);
		drive_settle(d);
		drive_settle(d);
	}
	d->quiet = 0;
	p = drive_some(d);
	drive_look(d, p);
	o = drive_order(d, p, ORDER_STAT);
	if (drive_do(d, p) == 1)
		bounds_check(d, o);
}
