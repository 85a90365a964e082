/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Rings are shared memory, which anybody may have written: records that make
 * no sense are dropped and counted, the rest is credited.
 */

#include <float.h>
#include <math.h>

#include "base/wire.h"
#include "help.h"
#include "lane/shape.h"
#include "metric/metric.h"

static struct pdc *p;
static struct pdc_family *fc, *fg, *fh, *fm;

static struct ring_update
update(const struct pdc_family *f, enum ring_op op, double amount)
{
	struct ring_update u = { .h = { .kind = RING_UPDATE,
				     .op = (uint16_t)op },
		.id = UINT64_C(1) << 63 | 77,
		.family = f->id,
		.amount = amount };

	return u;
}

static uint64_t
drops(void)
{
	const struct cells_head *h = pdc_cells_now(p)->head;

	return atomic_load(&h->drops[DROP_DAMAGED]) +
	    atomic_load(&h->drops[DROP_SHAPE]) +
	    atomic_load(&h->drops[DROP_NAN]);
}

/* Put it in a ring, checkpoint; whether it was dropped, and all else is well */
static int
forge(struct ring_update u, const char *labels, size_t len, const char *what)
{
	uint64_t was = drops();
	struct ring_update good = update(fc, RING_ADD, 1);
	static double expected;
	double v;

	u.labels_len = (uint32_t)len;
	if (pdc_ring_put(pdc_cells_now(p), &u.h, sizeof(u), labels, len) !=
	    RING_OK)
		bail_out("no ring");
	good.labels_len = 5;
	if (pdc_ring_put(pdc_cells_now(p), &good.h, sizeof(good), "good", 5) !=
	    RING_OK)
		bail_out("no ring");
	expected++;
	ok(pdc_checkpoint(p) == 0 && drops() == was + 1, "%s: dropped", what);
	v = help_sample(p, "c_total{l=\"good\"}");
	return ok(v == expected, "%s: what follows counts", what);
}

static size_t
series(void)
{
	struct stxn x;
	size_t n;

	if (pdc_stxn_read(&x, p->store) < 0)
		bail_out("%s", pdc_error());
	n = x.meta.nseries;
	pdc_stxn_abort(&x);
	return n;
}

static void
test_forged(void)
{
	struct ring_update u;
	char large[5000];
	size_t n;

	forge(update(fc, RING_ADD, NAN), "good", 5, "NaN to a counter");
	n = series();
	u = update(fc, RING_ADD, 1);
	forge(u, "x", 1, "a value without its end");
	forge(u, "", 0, "no value");
	forge(u, "x\0y", 4, "a value too many");
	forge(u, "x\0y", 3, "and without its end");
	forge(u, "\xff\xfe", 3, "a value that is not UTF-8");
	memset(large, 'x', sizeof(large));
	large[sizeof(large) - 1] = '\0';
	forge(u, large, sizeof(large), "a value too long");
	u.family = 1000;
	forge(u, "x", 2, "an unknown family");
	u = update(fc, RING_ADD, 1);
	forge(update(fc, RING_ADD, -1), "good", 5, "less to a counter");
	forge(update(fc, RING_ADD, INFINITY), "good", 5, "infinity to it");
	forge(update(fc, RING_SET, 1), "good", 5, "a counter set");
	forge(update(fc, RING_OBSERVE, 1), "good", 5, "a counter observed");
	forge(update(fg, RING_OBSERVE, 1), "x", 2, "a gauge observed");
	forge(update(fg, 0, 1), "x", 2, "no operation");
	forge(update(fh, RING_ADD, 1), "x", 2, "a histogram added to");
	forge(update(fh, RING_OBSERVE, NAN), "x", 2, "NaN observed");
	u = update(fh, RING_OBSERVE, 1);
	u.bucket = 15;
	forge(u, "x", 2, "a bucket it has not");
	u.bucket = UINT32_MAX;
	forge(u, "x", 2, "nor this one");
	/* Its tag would be set where another zone has this unit. */
	u = update(fg, RING_SET, 1);
	u.id = 0;
	forge(u, "x", 2, "a gauge set by no handle");
	u = update(fg, RING_SET, 1);
	u.owner = 1;
	forge(u, "x", 2, "a gauge of all that is one's");
	u = update(fm, RING_SET, 1);
	forge(u, "x", 2, "a gauge of each that is nobody's");
	u.owner = ident_of(3, 0);
	forge(u, "x", 2, "or of the dead");
	u.owner = 1;
	forge(u, "x\0y", 4, "or has a value too many");
	is_int((long long)series(), (long long)n, "none of them made a series");
}

/* A good record, then no length any more: all that is in its ring is lost. */
static void
spoil(void)
{
	const struct cells *c = pdc_cells_now(p);
	struct ring_update u = update(fc, RING_ADD, 1);
	struct ring_head *h;
	struct ring *r;
	uint64_t tail;
	uint32_t i;

	u.labels_len = 5;
	if (pdc_ring_put(c, &u.h, sizeof(u), "good", 5) != RING_OK)
		bail_out("no ring");
	for (i = 0; i < c->nlanes; i++) {
		r = (struct ring *)(void *)(c->rings + i * c->ring_stride);
		tail = atomic_load(&r->tail);
		if (atomic_load(&r->head) == tail)
			continue;
		h = (void *)(r->bytes + (tail & (c->ring_size - 1)));
		h->len = 0;
	}
}

/* Whether the store knows that each ring was taken up to its head. */
static int
taken(void)
{
	const struct cells *c = pdc_cells_now(p);
	unsigned char key[9] = { 'R' };
	const struct ring *r;
	const void *val;
	uint64_t pos;
	struct stxn x;
	size_t len;
	uint32_t i;
	int good;

	pdc_put_be64(key + 1, c->epoch);
	if (pdc_stxn_read(&x, p->store) < 0)
		bail_out("%s", pdc_error());
	good = pdc_stxn_get(&x, key, sizeof(key), &val, &len) == 0 &&
	    len == c->nlanes * sizeof(pos);
	for (i = 0; i < c->nlanes && good; i++) {
		r = (void *)(c->rings + i * c->ring_stride);
		memcpy(&pos, (const char *)val + i * sizeof(pos), sizeof(pos));
		good = pos == atomic_load(&r->head);
	}
	pdc_stxn_abort(&x);
	return good;
}

static void
test_skipped(void)
{
	double good = help_sample(p, "c_total{l=\"good\"}");
	const struct cells *c = pdc_cells_now(p);
	struct ring_update u = update(fc, RING_ADD, 1);
	uint64_t was = drops();

	spoil();
	is_int(pdc_checkpoint(p), 0, "a ring that makes no sense is skipped");
	is_int((long long)(drops() - was), 1, "which is counted");
	ok(taken(), "the stored positions are behind it");
	is_int((long long)pdc_ring_backlog(c), 0, "its writers have room");
	is_int(pdc_checkpoint(p), 0, "another checkpoint");
	is_int((long long)(drops() - was), 1, "does not skip it again");
	u.labels_len = 5;
	if (pdc_ring_put(c, &u.h, sizeof(u), "good", 5) != RING_OK)
		bail_out("no ring");
	is_int(pdc_checkpoint(p), 0, "a good record, a checkpoint");
	is_double(help_sample(p, "c_total{l=\"good\"}"), good + 1,
	    "counts what came after");
}

int
main(void)
{
	const char *l[] = { "l", NULL };
	const struct pdc_desc mode = { .type = PDC_GAUGE,
		.mode = PDC_SUM,
		.name = "m",
		.labels = l };

	p = help_open(tap_tmpdir(), 0);
	fc = help_family(p, PDC_COUNTER, "c", "l");
	fg = help_family(p, PDC_GAUGE, "g", "l");
	fh = help_family(p, PDC_HISTOGRAM, "h", "l");
	if (pdc_declare(&fm, p, &mode) < 0)
		bail_out("declare: %s", pdc_error());
	if (pdc_cells_now(p)->use == 0) {
		skip("no rings without restartable sequences");
	} else {
		test_forged();
		test_skipped();
	}
	pdc_close(p);
	return tap_done();
}
