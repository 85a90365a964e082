/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The state of a store in numbers.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/page.h"
#include "base/err.h"
#include "checkpoint/checkpoint.h"
#include "metric/metric.h"
#include "pdc.h"

static void
stat_uuid(char *out, size_t len, const unsigned char *u)
{
	snprintf(out, len,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x"
	    "%02x%02x",
	    u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10],
	    u[11], u[12], u[13], u[14], u[15]);
}

static void
stat_cells(struct pdc *p, struct pdc_stat *s, const struct cells *c)
{
	int64_t last = atomic_load(&c->head->checkpoint_mono_ns);
	int i;

	s->checkpoint_wall_ns = atomic_load(&c->head->checkpoint_wall_ns);
	s->checkpoints = atomic_load(&c->head->checkpoints);
	if (last != 0)
		s->checkpoint_age_ns = pdc_clock_mono(&p->clock) - last;

	s->cells_mapped = 1;
	s->cells_bytes = atomic_load(&c->head->allocated);
	s->cells_budget = c->head->budget;
	for (i = 0; i < NZONES; i++)
		s->unit_cost[i] = pdc_cells_unit_cost(c, i);
	s->lanes = c->head->nlanes;
	s->atomic_lanes = c->head->natomic;
	s->rseq = (int)atomic_load(&c->head->rseq);
	s->uses_rseq = s->rseq == CELLS_RSEQ_OK && !(p->flags & PDC_ATOMIC) &&
	    pdc_rseq_usable();
	s->ring_bytes = c->head->ring_size;
	s->ring_backlog = pdc_ring_backlog(c);
	s->anomalies = atomic_load(&c->head->anomalies);
	s->unresolved = atomic_load(&c->head->unresolved);
	s->overflowed = atomic_load(&c->head->overflowed);
	s->differing = atomic_load(&c->head->differing);
	for (i = 0; i < NDROPS; i++)
		s->drops[i] = atomic_load(&c->head->drops[i]);
}

static void
stat_meta(struct pdc *p, struct pdc_stat *s, const struct meta *m)
{
	snprintf(s->dir, sizeof(s->dir), "%s", p->store->dir);
	if (m->cells_name[0] != '\0')
		snprintf(s->cells_path, sizeof(s->cells_path), "%s/%s",
		    m->cells_dir[0] ? m->cells_dir : p->store->dir,
		    m->cells_name);
	stat_uuid(s->uuid, sizeof(s->uuid), m->uuid);
	snprintf(s->boot_id, sizeof(s->boot_id), "%s", m->boot_id);
	s->version = m->version;
	s->epoch = m->epoch;
	s->families = m->nfamilies;
	s->series = m->nseries;
	s->checkpoint_age_ns = -1;
}

int
pdc_stat_get(struct pdc *p, struct pdc_stat *s)
{
	const struct cells *c = pdc_epoch_cells(p, p->store->wait_ms);
	struct store_stat ss;
	struct stxn x;
	int ret;

	ret = pdc_stxn_read(&x, p->store);
	if (ret < 0)
		return ret;
	memset(s, 0, sizeof(*s));
	ret = pdc_store_stat(p->store, &ss);
	/* One that makes no sense is told by a check. */
	if (ret == 0 && pdc_journal_rec(&x, &s->journal) < 0)
		memset(&s->journal, 0, sizeof(s->journal));
	pdc_stxn_abort(&x);
	if (ret < 0)
		return ret;
	stat_meta(p, s, &x.meta);
	s->data_bytes = ss.data_bytes;
	s->map_bytes = ss.map_bytes;
	s->last_txn = ss.last_txn;
	s->readers = ss.readers;
	s->max_readers = ss.max_readers;
	if (c != NULL)
		stat_cells(p, s, c);
	return 0;
}

size_t
pdc_stat_slots(struct pdc *p, struct pdc_slot *out, size_t max)
{
	int fd = pdc_wlock_fd(&p->store->wlock);
	struct slots *slots;
	size_t n = 0;
	uint32_t i;

	slots = malloc(sizeof(*slots));
	if (slots == NULL)
		return 0;
	pdc_slots_look(slots, &p->self, fd);
	for (i = 0; i < SLOTS_MAX && n < max; i++) {
		if (slots->since[i] == 0)
			continue;
		out[n].slot = i;
		out[n].pid = pdc_slot_pid(fd, i);
		out[n++].since_wall_ns = slots->since[i] == SLOT_CLAIMED ?
		    0 :
		    (int64_t)(slots->since[i] + IDENT_FROM_US) * 1000;
	}
	free(slots);
	return n;
}

int
pdc_stat_cells(struct pdc *p, dev_t *dev, ino_t *ino)
{
	const struct cells *c = pdc_epoch_cells(p, p->store->wait_ms);

	if (c == NULL)
		return pdc_err_set(PDC_ENOENT, "%s: no cells are there",
		    p->store->dir);
	*dev = c->dev;
	*ino = c->ino;
	return 0;
}
