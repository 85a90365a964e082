/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Rings and the forward table.  ring.h has the protocol, lane.c what may run
 * beside what.
 */

#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "lane/ring.h"
#include "lane/rseq.h"
#include "lane/shape.h"

#define NOTHING UINT64_MAX /* the stamp of a ring that has no record */

static struct ring *
ring_of(const struct cells *cells, uint32_t lane)
{
	return (struct ring *)(cells->rings + lane * cells->ring_stride);
}

uint64_t
pdc_ring_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

#ifdef PDC_RSEQ
/*
 * One try on this CPU.  The stamp is taken in each: it must be later than all
 * that this ring had when the room was looked for.
 */
static enum rseq_result
ring_try(const struct cells *cells, struct rseq_copy *copy, uint32_t cpu,
    struct ring_head *head)
{
	struct ring *r = ring_of(cells, cpu);
	uint64_t tail;

	copy->pos = atomic_load_explicit(&r->head, memory_order_relaxed);
	/* Pairs with the release in pdc_ring_done(). */
	tail = atomic_load_explicit(&r->tail, memory_order_acquire);
	if (copy->pos + head->len - tail > cells->ring_size)
		return RSEQ_STALE;
	copy->to = r->bytes + (copy->pos & (cells->ring_size - 1));
	copy->next = copy->pos + head->len;
	head->stamp = pdc_ring_clock();
	/* The last store pairs with the acquire in pdc_ring_begin(). */
	return rseq_publish(rseq_at(), cpu, &r->head, copy);
}

RSEQ_ALIGNED enum ring_result
pdc_ring_put(const struct cells *cells, struct ring_head *head, size_t head_len,
    const void *body, size_t body_len)
{
	struct rseq_copy copy = {
		.head = head,
		.head_len = head_len,
		.body = body,
		.body_len = body_len,
	};
	enum rseq_result result;
	uint32_t cpu;
	int i;

	if (body_len > RING_RECORD_MAX - head_len)
		return RING_NONE;
	head->len = (uint32_t)((head_len + body_len + 7) & ~(size_t)7);
	for (i = 0; i < RSEQ_TRIES; i++) {
		cpu = rseq_cpu(rseq_at());
		if (cpu >= cells->use)
			break;
		result = ring_try(cells, &copy, cpu, head);
		if (result == RSEQ_OK)
			return RING_OK;
		if (result == RSEQ_STALE)
			return RING_FULL;
	}
	return RING_NONE;
}
#else
enum ring_result
pdc_ring_put(const struct cells *cells, struct ring_head *head, size_t head_len,
    const void *body, size_t body_len)
{
	(void)cells;
	(void)head;
	(void)head_len;
	(void)body;
	(void)body_len;
	return RING_NONE;
}
#endif

/* Whether what the record says of its parts can be. */
static int
ring_sane(const struct ring_head *h)
{
	const struct ring_update *u = (const void *)h;
	const struct ring_line *l = (const void *)h;

	switch (h->kind) {
	case RING_UPDATE:
		return h->len >= sizeof(*u) &&
		    u->labels_len <= h->len - sizeof(*u);
	case RING_LINE:
		return h->len >= sizeof(*l) && l->len <= h->len - sizeof(*l) &&
		    l->at <= l->len;
	default:
		return 0;
	}
}

/* Copy the record at pos, if it makes sense. */
static int
ring_take(struct ring_drain *d, uint32_t lane)
{
	const struct cells *cells = d->cells;
	const struct ring *r = ring_of(cells, lane);
	const char *from = r->bytes + (d->pos[lane] & (cells->ring_size - 1));
	uint64_t left = d->heads[lane] - d->pos[lane];
	struct ring_head h;

	memcpy(&h, from, sizeof(h));
	if (h.len < sizeof(h) || h.len % 8 != 0 || h.len > RING_RECORD_MAX ||
	    h.len > left)
		return -1;
	memcpy(d->record, from, h.len);
	memcpy(d->record, &h, sizeof(h));
	return ring_sane((const struct ring_head *)d->record) ? 0 : -1;
}

static void
ring_skip(struct ring_drain *d, uint32_t lane)
{
	pdc_cells_drop(d->cells, DROP_DAMAGED);
	d->pos[lane] = d->heads[lane];
	d->stamps[lane] = NOTHING;
}

/* Note the stamp of the record at pos. */
static void
ring_look(struct ring_drain *d, uint32_t lane)
{
	const struct cells *cells = d->cells;
	const struct ring *r = ring_of(cells, lane);
	struct ring_head h;

	d->stamps[lane] = NOTHING;
	if (d->pos[lane] == d->heads[lane])
		return;
	if (d->heads[lane] - d->pos[lane] > cells->ring_size ||
	    d->heads[lane] % 8 != 0 || d->pos[lane] % 8 != 0) {
		ring_skip(d, lane);
		return;
	}
	memcpy(&h, r->bytes + (d->pos[lane] & (cells->ring_size - 1)),
	    sizeof(h));
	d->stamps[lane] = h.stamp > d->latest ? d->until - 1 : h.stamp;
}

void
pdc_ring_begin(struct ring_drain *d, const struct cells *cells, uint64_t *pos,
    int all)
{
	uint64_t now = pdc_ring_clock();
	uint32_t i;

	d->cells = cells;
	d->pos = pos;
	d->until = now > RING_MARGIN_NS ? now - RING_MARGIN_NS : 0;
	if (all)
		d->until = NOTHING;
	for (i = 0; i < cells->nlanes; i++)
		/* Pairs with the last store in ring_try(). */
		d->heads[i] = atomic_load_explicit(&ring_of(cells, i)->head,
		    memory_order_acquire);
	d->latest = pdc_ring_clock();
	for (i = 0; i < cells->nlanes; i++)
		ring_look(d, i);
}

const struct ring_head *
pdc_ring_next(struct ring_drain *d)
{
	const struct ring_head *h = (const struct ring_head *)d->record;
	uint32_t i, lane;

	for (;;) {
		lane = 0;
		for (i = 1; i < d->cells->nlanes; i++)
			if (d->stamps[i] < d->stamps[lane])
				lane = i;
		if (d->stamps[lane] >= d->until)
			return NULL;
		if (ring_take(d, lane) == 0)
			break;
		ring_skip(d, lane);
	}
	d->pos[lane] += h->len;
	ring_look(d, lane);
	return h;
}

void
pdc_ring_done(const struct cells *cells, const uint64_t *pos)
{
	uint32_t i;

	if (cells->rdonly)
		return;
	for (i = 0; i < cells->nlanes; i++)
		/* Pairs with the acquire in ring_try(). */
		atomic_store_explicit(&ring_of(cells, i)->tail, pos[i],
		    memory_order_release);
}

void
pdc_ring_ends(const struct cells *cells, uint32_t lane, uint64_t *head,
    uint64_t *tail)
{
	const struct ring *r = ring_of(cells, lane);

	*tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	/* Pairs with the last store in ring_try(). */
	*head = atomic_load_explicit(&r->head, memory_order_acquire);
}

uint64_t
pdc_ring_backlog(const struct cells *cells)
{
	const struct ring *r;
	uint64_t head, n, sum = 0, tail;
	uint32_t i;

	for (i = 0; i < cells->nlanes; i++) {
		r = ring_of(cells, i);
		tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
		head = atomic_load_explicit(&r->head, memory_order_relaxed);
		n = head - tail;
		sum += n <= cells->ring_size ? n : 0;
	}
	return sum;
}

/* Ids come in rows, with and without the top bit; spread them. */
static struct fwd_entry *
fwd_slot(const struct cells *cells, uint64_t id)
{
	id ^= id >> 32;
	id *= 0x9e3779b97f4a7c15;
	return &cells->fwd[(id >> 32) & (cells->nfwd - 1)];
}

void
pdc_fwd_put(struct cells *cells, uint64_t old_id, uint64_t new_id,
    uint64_t unit)
{
	struct fwd_entry *e = fwd_slot(cells, old_id);

	/* All of these pair with the acquires in pdc_fwd_get(). */
	atomic_store_explicit(&e->old_id, 0, memory_order_release);
	atomic_store_explicit(&e->new_id, new_id, memory_order_release);
	atomic_store_explicit(&e->unit, unit, memory_order_release);
	atomic_store_explicit(&e->old_id, old_id, memory_order_release);
}

int
pdc_fwd_get(const struct cells *cells, uint64_t old_id, uint64_t *new_id,
    uint64_t *unit)
{
	const struct fwd_entry *e = fwd_slot(cells, old_id);
	uint64_t id, where;

	/* All of these pair with the releases in pdc_fwd_put(). */
	if (old_id == 0 ||
	    atomic_load_explicit(&e->old_id, memory_order_acquire) != old_id)
		return 0;
	id = atomic_load_explicit(&e->new_id, memory_order_acquire);
	where = atomic_load_explicit(&e->unit, memory_order_acquire);
	if (atomic_load_explicit(&e->old_id, memory_order_acquire) != old_id)
		return 0;
	*new_id = id;
	*unit = where & ~FWD_BEYOND;
	return where & FWD_BEYOND ? 2 : 1;
}

uint64_t
pdc_fwd_new_id(const struct cells *cells)
{
	uint64_t n = 0;

	if (!cells->rdonly)
		n = atomic_fetch_add_explicit(&cells->head->next_unresolved, 1,
		    memory_order_relaxed);
	return FWD_FRESH | n;
}
