/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <sched.h>
#include <stdio.h>

#include "fixture.h"
#include "lane/ring.h"

static struct ring_drain d;
static uint64_t pos[CELLS_MAX_LANES];
static char body[RING_RECORD_MAX];

static struct ring_update
record(uint64_t id, size_t labels_len)
{
	struct ring_update u;

	memset(&u, 0, sizeof(u));
	u.h.kind = RING_UPDATE;
	u.h.op = RING_ADD;
	u.id = id;
	u.amount = (double)id / 2;
	u.labels_len = (uint32_t)labels_len;
	return u;
}

static enum ring_result
put(const struct cells *cells, uint64_t id, size_t len)
{
	struct ring_update u = record(id, len);

	return pdc_ring_put(cells, &u.h, sizeof(u), body, len);
}

static const struct ring_update *
next(void)
{
	return (const struct ring_update *)pdc_ring_next(&d);
}

/* Take all; how many there were. */
static int
drain(const struct cells *cells, int all)
{
	int n = 0;

	pdc_ring_begin(&d, cells, pos, all);
	while (next() != NULL)
		n++;
	pdc_ring_done(cells, pos);
	return n;
}

static void
pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* The bytes of a ring, where a record would be. */
static char *
bytes(const struct cells *cells, uint32_t lane, uint64_t at)
{
	return cells->rings + lane * cells->ring_stride + 128 +
	    (at & (cells->ring_size - 1));
}

static void
test_lengths(const struct cells *cells)
{
	const struct ring_update *u;
	size_t i, len, most = RING_RECORD_MAX - sizeof(*u);
	int wrong = 0;

	for (i = 0; i < sizeof(body); i++)
		body[i] = (char)(i * 7);
	is_int(put(cells, 1, most + 1), RING_NONE, "too long is not taken");
	for (i = 0; i < 3000; i++) {
		len = i < 100 ? i : i * 37 % (most + 1);
		if (i == 2999)
			len = most;
		if (put(cells, i, len) != RING_OK) {
			wrong++;
			break;
		}
		pdc_ring_begin(&d, cells, pos, 1);
		u = next();
		if (u == NULL || u->id != i || u->labels_len != len ||
		    u->amount != (double)i / 2 || u->h.op != RING_ADD ||
		    u->h.len != ((sizeof(*u) + len + 7) & ~(size_t)7) ||
		    memcmp(u + 1, body, len) != 0 || next() != NULL)
			wrong++;
		pdc_ring_done(cells, pos);
	}
	is_int(wrong, 0, "records of all lengths come back, round the ring");
	is_int((long long)pdc_ring_backlog(cells), 0, "nothing is left");
}

static void
test_margin(const struct cells *cells)
{
	int again = 0, n;

	do {
		put(cells, 5, 0);
		pdc_ring_begin(&d, cells, pos, 0);
		n = next() != NULL;
	} while (n != 0 && again++ < 20);
	is_int(n, 0, "a fresh record waits");
	ok(pdc_ring_backlog(cells) > 0, "and is in the backlog");
	fixture_nap(0.003);
	ok(drain(cells, 0) >= 1, "until it is 1 ms old");
	put(cells, 5, 0);
	is_int(drain(cells, 1), 1, "or nobody writes any more");
}

static void
test_order(const struct cells *cells)
{
	const struct ring_update *u;
	uint64_t i, last = 0;
	int n = 0, wrong = 0;

	for (i = 1; i <= 500; i++) {
		if (i % 50 == 0)
			pin((int)(i / 50 % cells->nlanes));
		put(cells, i, i % 40);
	}
	pdc_ring_begin(&d, cells, pos, 1);
	for (; (u = next()) != NULL; n++) {
		wrong += u->id != last + 1;
		last = u->id;
	}
	pdc_ring_done(cells, pos);
	is_int(n, 500, "all records of a writer who moves are there");
	is_int(wrong, 0, "in his order");
	pin(0);
}

static void
test_full(const struct cells *cells)
{
	uint64_t i, n = 0;

	while (n < 10000 && put(cells, 1, 1000) == RING_OK)
		n++;
	ok(n * 1056 <= cells->ring_size && (n + 1) * 1056 > cells->ring_size,
	    "a full ring refuses (%llu records)", (unsigned long long)n);
	is_int(put(cells, 1, 1000), RING_FULL, "with RING_FULL");
	is_int(drain(cells, 1), (long long)n, "all that was taken is there");
	for (i = 0; i < 5; i++)
		is_int(put(cells, 1, 1000), RING_OK, "then it has room");
	drain(cells, 1);
}

static void
test_not_done(const struct cells *cells)
{
	uint64_t was = pos[0];

	put(cells, 3, 0);
	pdc_ring_begin(&d, cells, pos, 1);
	ok(next() != NULL, "a record is taken");
	pos[0] = was;
	is_int(drain(cells, 1), 1,
	    "what was not committed is taken again by its position");
}

/* Put three records, damage the second by writing there, drain. */
static void
test_damage(const struct cells *cells, size_t off, uint32_t value,
    const char *what)
{
	uint64_t drops = cells->head->drops[DROP_DAMAGED];

	put(cells, 1, 0);
	put(cells, 2, 0);
	put(cells, 3, 0);
	memcpy(bytes(cells, 0, pos[0] + sizeof(struct ring_update)) + off,
	    &value, sizeof(value));
	is_int(drain(cells, 1), 1, "%s: what is before it is taken", what);
	is_int((long long)(cells->head->drops[DROP_DAMAGED] - drops), 1,
	    "%s: it is counted", what);
	put(cells, 4, 0);
	is_int(drain(cells, 1), 1, "%s: and goes on", what);
}

static void
test_damages(const struct cells *cells)
{
	size_t len = offsetof(struct ring_head, len);
	uint64_t was;

	test_damage(cells, len, 0, "no length");
	test_damage(cells, len, 8, "a short length");
	test_damage(cells, len, 52, "an odd length");
	test_damage(cells, len, 8000, "a length over the head");
	test_damage(cells, len, UINT32_MAX & ~7u, "a huge length");
	test_damage(cells, len, 24, "an update cut short");
	test_damage(cells, offsetof(struct ring_head, kind), 77, "a kind");
	test_damage(cells, offsetof(struct ring_update, labels_len), 1,
	    "labels over its end");
	put(cells, 1, 0);
	was = pos[0];
	pos[0] += 4;
	is_int(drain(cells, 1), 0, "an odd position is damage");
	ok(pos[0] > was, "and is mended");
	pos[0] += 1 << 30;
	is_int(drain(cells, 1), 0, "so is one beyond the head");
	put(cells, 1, 0);
	is_int(drain(cells, 1), 1, "and mended too");
}

static void
test_future(const struct cells *cells)
{
	uint64_t stamp = UINT64_MAX / 2;

	put(cells, 1, 0);
	memcpy(bytes(cells, 0, pos[0]) + offsetof(struct ring_head, stamp),
	    &stamp, sizeof(stamp));
	is_int(drain(cells, 0), 1, "a stamp of another clock holds up nothing");
}

static void
test_no_ring(const char *dir)
{
	struct cells *cells = fixture_open(dir, CELLS_ATOMIC);

	is_int(put(cells, 1, 0), RING_NONE, "without rseq there is no ring");
	pdc_cells_close(cells);
	cells = fixture_open(dir, CELLS_RDONLY);
	is_int(put(cells, 1, 0), RING_NONE, "nor to read only");
	is_int((long long)pdc_ring_backlog(cells), 0, "but a backlog");
	pdc_cells_close(cells);
}

int
main(void)
{
	char *dir = tap_tmpdir();
	struct cells *cells = fixture_new(dir, 1);

	test_no_ring(dir);
	if (cells->use > 0) {
		pin(0);
		test_lengths(cells);
		test_margin(cells);
		test_order(cells);
		test_full(cells);
		test_not_done(cells);
		test_damages(cells);
		test_future(cells);
	} else
		skip("records: rseq is not usable");
	pdc_cells_close(cells);
	return tap_done();
}
