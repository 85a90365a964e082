/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Gauges of modes and lost cells: who has died while he still mapped the lost
 * file, what he left there comes later than others see him dead.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "multi/mode.h"

/* What somebody does who has never mapped the lost file, and then finds. */
struct stranger {
	char dir[512];
	int checkpoint;
	double sum, livesum;
};

/* Equal, or both not there. */
static int
same(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

static int
stranger(void *arg)
{
	const struct stranger *st = arg;
	struct pdc *q = multi_open(st->dir, 0);
	int bad = 0;

	if (st->checkpoint && pdc_checkpoint(q) < 0)
		return 4;
	bad |= !same(multi_now(q, "g_sum"), st->sum);
	bad |= !same(multi_now(q, "g_livesum"), st->livesum) << 1;
	pdc_close(q);
	return bad;
}

static void
stranger_finds(const char *dir, int checkpoint, double sum, double livesum,
    const char *what)
{
	struct stranger st = { .checkpoint = checkpoint,
		.sum = sum,
		.livesum = livesum };

	snprintf(st.dir, sizeof(st.dir), "%s", dir);
	is_int(multi_alone(stranger, &st, sizeof(st), 10000), 0, "%s", what);
}

/* A worker whose gauges are worth v, and then the file is lost. */
static struct worker
lose(const char *dir, double v)
{
	struct worker w;

	begin(dir, 0);
	w = worker_new();
	tell(&w, 'l', 0);
	tell(&w, 'w', v);
	checkpoint();
	multi_lose(dir);
	return w;
}

static void
test_late(void)
{
	char *dir = tap_tmpdir();
	struct worker w = lose(dir, 5);

	stranger_finds(dir, 1, 5, 5, "a new file is made");
	tell(&w, 'w', 7);
	end(&w);
	stranger_finds(dir, 1, 5, NAN,
	    "he has died, as far as is known with 5");
	stranger_finds(dir, 1, 5, NAN, "and that stays");
	checkpoint();
	is_mode(PDC_SUM, 7, "is what the lost file had at last");
	is_mode(PDC_MIN, 7, "too");
	is_mode(PDC_MAX, 7, "too");
	is_double(slot(PDC_ALL, 1), 7, "all too");
	is_mode(PDC_LIVESUM, NAN, "has nothing of it");
	checkpoint();
	is_mode(PDC_SUM, 7, "and stays so");
	finish();
}

/* The same when somebody has brought in a first part while he was alive. */
static void
test_twice(void)
{
	char *dir = tap_tmpdir();
	struct worker w = lose(dir, 5), other;

	other = worker_new();
	stranger_finds(dir, 1, 5, 5, "a new file is made");
	tell(&w, 'r', 0);
	tell(&w, 'w', 6);
	tell(&other, 'c', 0);
	is_mode(PDC_SUM, 6, "is what one of the old has brought in");
	if (multi_rings(p)) {
		tell(&w, 'w', 8);
		end(&other);
		end(&w);
		stranger_finds(dir, 1, 6, NAN, "he has died with 6");
		checkpoint();
		is_mode(PDC_SUM, 8, "is what another brings in then");
		is_mode(PDC_MIN, 8, "too");
	} else {
		end(&other);
		end(&w);
	}
	finish();
}

static void
test_slot(void)
{
	char *dir = tap_tmpdir();
	struct worker w = lose(dir, 5), next;

	stranger_finds(dir, 1, 5, 5, "a new file is made");
	end(&w);
	next = worker_new();
	tell(&next, 'w', 3);
	stranger_finds(dir, 0, 5, NAN, "he is dead, whoever has his slot now");
	end(&next);
	finish();
}

int
main(void)
{
	alarm(50);
	multi_alone_init();
	test_late();
	test_twice();
	test_slot();
	return tap_done();
}
