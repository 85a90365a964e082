/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * What the check says of cells that do not fit their records, of what is owed
 * to them, and of what an epoch leaves behind; and who may check.
 */

#include "check/book.h"
#include "check/fixture.h"
#include "lane/lane.h"

static struct rec was, now;

static void
test_tags(struct pdc_series *s)
{
	struct cells *c = pdc_cells_now(p);
	uint64_t unit = atomic_load(&s->unit), id = atomic_load(&s->id);
	struct dying_rec d;
	char want[64];

	pdc_cells_tag(c, ZONE_ADD, unit, id + 1000);
	snprintf(want, sizeof(want),
	    "the tag of unit %llu is %llu, expected "
	    "%llu",
	    (unsigned long long)unit, (unsigned long long)id + 1000,
	    (unsigned long long)id);
	is_found(want, "the tag of another");
	pdc_cells_tag(c, ZONE_ADD, unit, 0);
	is_int(sound(p), 0, "a tag that was not set yet is fine");
	pdc_cells_tag(c, ZONE_ADD, unit, id);
	get('D', NULL, &was);
	memcpy(&d, was.val, sizeof(d));
	pdc_cells_tag(c, d.zone, d.unit, d.id);
	is_found(", expected 0, and no O owes it", "a dying run with its tag");
	pdc_cells_tag(c, d.zone, d.unit, 0);
}

/* What a process that was killed owes is no finding. */
static void
test_owed(void)
{
	struct owed o = { .op = OWED_UNTAG };
	struct cells *c = pdc_cells_now(p);
	struct dying_rec d;

	get('D', NULL, &was);
	memcpy(&d, was.val, sizeof(d));
	o.epoch = d.epoch;
	o.unit = d.unit;
	o.id = d.id;
	o.zone = d.zone;
	o.dying = pdc_get_be64(was.key + 1);
	pdc_cells_tag(c, d.zone, d.unit, d.id);
	memset(&now, 0, sizeof(now));
	now.key[0] = 'O';
	now.klen = 5;
	memcpy(now.val, &o, sizeof(o));
	now.len = sizeof(o);
	put(&now);
	is_int(sound(p), 0, "a tag whose clearing is owed is fine");
	now.val[offsetof(struct owed, op)] = 9;
	put(&now);
	is_found("op 9 make no sense", "an effect that is none");
	now.len--;
	put(&now);
	is_found("55 bytes, expected 56", "half an effect");
	del(&now);
	pdc_cells_tag(c, d.zone, d.unit, 0);
}

static void
test_head(void)
{
	struct cells_head *h = pdc_cells_now(p)->head;
	uint64_t reserved = atomic_load(&h->zone[1].reserved);

	h->epoch++;
	is_found("cells: epoch is ", "another epoch in the cells");
	h->epoch--;
	h->uuid[3] ^= 1;
	is_found("cells: uuid is not that of M", "the cells of another");
	h->uuid[3] ^= 1;
	h->magic[0] ^= 1;
	is_found("cells: the head has no magic", "no cells");
	h->magic[0] ^= 1;
	atomic_store(&h->zone[1].reserved, h->zone[1].capacity + 1);
	is_found(" units reserved, expected ", "too many units");
	atomic_store(&h->zone[1].reserved, reserved);
}

/* What a page leaves out, though what is stored is right. */
static void
test_worth(void)
{
	static const char *const names[] = { "a", "b", NULL };
	struct pdc_desc d = { .type = PDC_STATESET,
		.name = "worth",
		.states = names };
	struct cells *c = pdc_cells_now(p);
	struct pdc_family *f;
	struct pdc_series *s;

	if (pdc_declare(&f, p, &d) < 0 || pdc_labels(&s, f, NULL) < 0)
		bail_out("%s", pdc_error());
	pdc_set_state(s, 0, 1);
	pdc_checkpoint(p);
	pdc_lane_gauge_set(c, atomic_load(&s->unit), atomic_load(&s->id), 5.5);
	is_found("with its cells its value has other states", "a cell of none");
	pdc_lane_gauge_set(c, atomic_load(&s->unit), atomic_load(&s->id), 1);
	is_int(sound(p), 0, "put right, it is whole");
}

static void
test_rings(void)
{
	struct cells *c = pdc_cells_now(p);
	struct ring *r = (void *)c->rings;
	uint64_t tail, at;

	if (!multi_rings(p))
		return;
	tail = atomic_load(&r->tail);
	atomic_store(&r->tail, atomic_load(&r->head) + 8);
	is_found("position of ring 0 is ", "a hint beyond what was taken");
	atomic_store(&r->tail, tail);
	get('R', NULL, &was);
	now = was;
	memcpy(&at, now.val, sizeof(at));
	at = atomic_load(&r->head) + 8;
	memcpy(now.val, &at, sizeof(at));
	put(&now);
	is_found("position of ring 0 is ", "a position beyond the ring");
	now.len = was.len - 3;
	put(&now);
	is_found("bytes, expected 8 a ring", "half a position");
	now.len = was.len + 8;
	put(&now);
	is_found("bytes, expected ", "a ring too many");
	put(&was);
}

/* What an epoch leaves in the next one, while somebody maps its file. */
static void
test_epochs(void)
{
	char *dir = tap_tmpdir();
	pid_t pid;

	p = multi_open(dir, 0);
	count(PDC_COUNTER, "c", 7);
	pdc_checkpoint(p);
	pid = multi_fork();
	while (pid == 0)
		pause();
	multi_lose(dir);
	pdc_checkpoint(p);
	count(PDC_COUNTER, "c", 8);
	pdc_checkpoint(p);
	removed("c", "v1");
	is_int(sound(p), 0, "a store is whole after it lost its cells");
	p->clock.mono_skew_ns += DYING_GRACE_NS + 1;
	pdc_maintain(p);
	is_int(sound(p), 0, "and later");
	get('K', NULL, &was);
	now = was;
	now.len--;
	put(&now);
	is_found("that are no dying run", "K, half of it");
	put(&was);
	get('C', NULL, &was);
	now = was;
	now.val[0]++;
	put(&now);
	is_found("C 1 1 1 0: epoch is 2, expected 1", "C, another epoch");
	now.len -= 8;
	put(&now);
	is_found("that are no value block", "C, half of it");
	put(&was);
	key_add(now.key + 1, 8, 1);
	put(&now);
	is_found("the epoch is not closed", "C of the present epoch");
	del(&now);
	kill(pid, SIGKILL);
	multi_wait(pid, 5000);
	pdc_close(p);
}

/*
 * A creation that was killed left a tag where nobody has cells yet; who gives
 * them to a series that was there before dies before its tag is set.
 */
static void
test_left_tag(void)
{
	struct pdc_label l = { "l", "v0" };
	struct pdc_key k = help_key("c", "_total", &l);
	struct pdc_series *s;
	struct stxn x;

	p = multi_open(tap_tmpdir(), 0);
	count(PDC_COUNTER, "other", 1);
	help_family(p, PDC_COUNTER, "c", "l");
	help_by_name(p, pdc_value_inc, &k, 1);
	if (pdc_stxn_read(&x, p->store) < 0)
		bail_out("%s", pdc_error());
	pdc_stxn_abort(&x);
	pdc_cells_tag(pdc_cells_now(p), ZONE_ADD, x.meta.next_unit[ZONE_ADD],
	    1000);
	is_int(sound(p), 0, "a tag that a killed creation left is fine");
	p->store->done = NULL;
	s = count(PDC_COUNTER, "c", 1);
	is_int((long long)atomic_load(&s->unit),
	    (long long)x.meta.next_unit[ZONE_ADD], "the cells get an owner");
	is_int(sound(p), 0, "and do not keep it");
	p->store->done = pdc_owed_done;
	pdc_close(p);
}

/* Cells that have another owner since the snapshot are looked at again. */
static void
test_old_snapshot(void)
{
	struct check *c = aligned_alloc(_Alignof(struct check), sizeof(*c));
	const char *values[] = { "v0", NULL };
	struct pdc_family *f;

	p = multi_open(tap_tmpdir(), 0);
	count(PDC_COUNTER, "c", 3);
	if (c == NULL)
		bail_out("no memory");
	memset(c, 0, sizeof(*c));
	pdc_buf_init(&c->text);
	c->st = p->store;
	c->cells = pdc_cells_now(p);
	c->found = sound_found;
	if (pdc_stxn_read(&c->x, p->store) < 0)
		bail_out("%s", pdc_error());
	f = help_family(p, PDC_COUNTER, "c", "l");
	pdc_remove(f, values);
	p->clock.mono_skew_ns += DYING_GRACE_NS + 1;
	pdc_maintain(p);
	pdc_inc(help_series(f, "new"), 1); /* where v0 was */
	pdc_check_families(c);
	pdc_check_series(c);
	pdc_stxn_abort(&c->x);
	is_int((long long)c->doubts.n, 1, "an old snapshot gives a doubt");
	pdc_check_locked(c);
	is_int(c->nfound, 0, "which is none under the lock");
	pdc_buf_fini(&c->text);
	free(c->lives.at);
	free(c->numbers.at);
	free(c->extents.at);
	free(c->doubts.at);
	free(c);
	sound_close(p);
}

static void
test_empty(void)
{
	p = multi_open(tap_tmpdir(), 0);
	is_int(sound(p), 0, "an empty store is whole");
	pdc_close(p);
}

static void
test_rdonly(char *dir)
{
	struct store_stat before, after;

	p = help_open(dir, PDC_RDONLY);
	pdc_store_stat(p->store, &before);
	is_int(sound(p), 0, "checked by a process that only reads");
	pdc_store_stat(p->store, &after);
	ok(before.last_txn == after.last_txn, "nothing is written");
	pdc_close(p);
}

int
main(void)
{
	char *dir = tap_tmpdir();
	struct pdc_series *s;

	p = multi_open(dir, 0);
	s = fill();
	test_tags(s);
	test_owed();
	test_head();
	test_worth();
	test_rings();
	sound_close(p);
	test_rdonly(dir);
	test_epochs();
	test_left_tag();
	test_old_snapshot();
	test_empty();
	return tap_done();
}
