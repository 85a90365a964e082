/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * What stands in a ring: the first byte says in which, the second how far the
 * head lies off the end of the rest.  It is drained up to there, and the store
 * is sound after it.  Families 1 to 5 are there, of all kinds.
 */

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "api/page.h"
#include "checkpoint/checkpoint.h"
#include "fuzz/fuzz.h"
#include "lane/shape.h"
#include "metric/metric.h"
#include "pdc.h"

/* Each is a transaction. */
long fuzz_tries = 3000;

static char dir[64];
static struct pdc *p;
static unsigned ninputs;

static void
leave(void)
{
	char command[128];

	pdc_close(p);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	FUZZ_MUST(system(command) == 0);
}

static void
declare(struct pdc_desc d)
{
	const char *const labels[] = { "l", NULL };
	struct pdc_family *f;

	d.labels = labels;
	FUZZ_MUST(pdc_declare(&f, p, &d) == 0);
}

static void
arrive(void)
{
	const char *const states[] = { "a", "b", NULL };
	const struct pdc_options options = { .max_series = 32 };

	strcpy(dir, "/dev/shm/pdc-fuzz-XXXXXX");
	FUZZ_MUST(mkdtemp(dir) != NULL);
	FUZZ_MUST(pdc_open(&p, dir, &options) == 0 && atexit(leave) == 0);
	declare((struct pdc_desc){ .type = PDC_COUNTER, .name = "c" });
	declare((struct pdc_desc){ .type = PDC_GAUGE, .name = "g" });
	declare((struct pdc_desc){ .type = PDC_HISTOGRAM, .name = "h" });
	declare((struct pdc_desc){ .type = PDC_GAUGE,
	    .mode = PDC_MOSTRECENT,
	    .name = "m" });
	declare((struct pdc_desc){ .type = PDC_STATESET,
	    .name = "s",
	    .states = states });
}

static void
found(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "%s\n", line);
}

/* Up to the heads, as a checkpoint does. */
static void
drain(const struct cells *c)
{
	struct stxn x;
	int more;

	FUZZ_MUST(pdc_stxn_write(&x, p->store, 1000) == 0);
	do {
		more = pdc_drain(&x, p, c, 1);
		FUZZ_MUST(more >= 0 && pdc_stxn_renew(&x) == 0);
	} while (more);
	pdc_drain_hints(&x, c);
	pdc_stxn_abort(&x);
	FUZZ_MUST(pdc_ring_backlog(c) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct cells *c;
	struct ring *r;
	uint64_t head, i;

	if (size < 2)
		return 0;
	if (p == NULL)
		arrive();
	c = pdc_cells_now(p);
	r = (void *)(c->rings + data[0] % c->nlanes * c->ring_stride);
	head = atomic_load(&r->head);
	for (i = 0; i + 2 < size; i++)
		r->bytes[(head + i) & (c->ring_size - 1)] = (char)data[i + 2];
	atomic_store(&r->head, head + size - 2 + (uint64_t)(int8_t)data[1]);
	drain(c);
	/* The next one begins where records do. */
	atomic_store(&r->head, (atomic_load(&r->head) + 7) & ~(uint64_t)7);
	drain(c);
	if (ninputs++ % 256 != 0)
		return 0;
	FUZZ_MUST(pdc_checkpoint_run(p, 1000) == 0);
	FUZZ_MUST(pdc_page_check(p, found, NULL) == 0);
	return 0;
}
