/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The records of a transaction as bytes: one by its key, or in order.
 *
 * To read only, they are read from the pages (tree.h), and so is one record of
 * a write transaction before its first write.  From then on that has pages of
 * its own that LMDB alone knows; those that it has not written yet are looked
 * at before LMDB uses them (sure.h).
 */

#include <inttypes.h>
#include <lmdb.h>
#include <string.h>

#include "base/err.h"
#include "base/fault.h"
#include "pdc.h"
#include "store/mdb.h"
#include "store/store.h"

int
pdc_stxn_unsure(struct stxn *x, const char *what)
{
	const struct sure *s = &x->st->sure;

	return pdc_err_set(PDC_EFORMAT,
	    "%s/data.mdb: %s: page %" PRIu64 " is damaged: %s", x->st->dir,
	    what, s->pgno, s->wrong);
}

static int
stxn_sure(struct stxn *x, const void *key, size_t klen, enum sure_use use)
{
	static const char *const what[] = { [SURE_KEY] = "reading",
		[SURE_PUT] = "writing",
		[SURE_SEEK] = "reading",
		[SURE_NEXT] = "reading",
		[SURE_PREV] = "reading",
		[SURE_DEL] = "deleting" };

	if (pdc_sure_key(&x->st->sure, key, klen, use) == 0)
		return 0;
	return pdc_stxn_unsure(x, what[use]);
}

static int
stxn_read(struct stxn *x, const void *key, size_t klen, const void **val,
    size_t *len)
{
	struct tree_node nd;

	switch (pdc_tree_get(&x->tree, key, klen, &nd)) {
	case 0:
		return PDC_ENOENT;
	case 1:
		*val = nd.val;
		*len = nd.len;
		return 0;
	default:
		return pdc_err_set(PDC_EFORMAT,
		    "%s/data.mdb: reading: a page is damaged", x->st->dir);
	}
}

int
pdc_stxn_get(struct stxn *x, const void *key, size_t klen, const void **val,
    size_t *len)
{
	MDB_val k = { klen, (void *)(uintptr_t)key }, v;
	int rc;

	if (x->ret < 0)
		return x->ret;
	if (!x->dirty)
		return stxn_read(x, key, klen, val, len);
	if (stxn_sure(x, key, klen, SURE_KEY) < 0)
		return PDC_EFORMAT;
	rc = mdb_get(x->txn, x->dbi, &k, &v);
	if (rc == MDB_NOTFOUND)
		return PDC_ENOENT;
	if (rc != 0)
		return pdc_stxn_fail(x, pdc_mdb_err(x->st, rc, "reading"));
	*val = v.mv_data;
	*len = v.mv_size;
	return 0;
}

int
pdc_stxn_put(struct stxn *x, const void *key, size_t klen, const void *val,
    size_t len)
{
	MDB_val k = { klen, (void *)(uintptr_t)key };
	MDB_val v = { len, (void *)(uintptr_t)val };
	int rc;

	if (x->ret < 0)
		return x->ret;
	if (stxn_sure(x, key, klen, SURE_PUT) < 0)
		return pdc_stxn_fail(x, PDC_EFORMAT);
	x->dirty = 1;
	rc = FAULT(STXN_PUT) ? MDB_MAP_FULL :
			       mdb_put(x->txn, x->dbi, &k, &v, 0);
	if (rc != 0)
		pdc_stxn_fail(x, pdc_mdb_err(x->st, rc, "writing"));
	return x->ret;
}

int
pdc_stxn_del(struct stxn *x, const void *key, size_t klen)
{
	MDB_val k = { klen, (void *)(uintptr_t)key };
	int rc;

	if (x->ret < 0)
		return x->ret;
	if (stxn_sure(x, key, klen, SURE_DEL) < 0)
		return pdc_stxn_fail(x, PDC_EFORMAT);
	x->dirty = 1;
	rc = mdb_del(x->txn, x->dbi, &k, NULL);
	if (rc != 0 && rc != MDB_NOTFOUND)
		pdc_stxn_fail(x, pdc_mdb_err(x->st, rc, "deleting"));
	return x->ret;
}

int
pdc_scur_open(struct scur *c, struct stxn *x)
{
	int rc;

	memset(c, 0, sizeof(*c));
	c->x = x;
	if (x->ret < 0)
		return x->ret;
	if (!x->write) {
		pdc_tree_cur(&c->tree, &x->tree, TREE_MAIN);
		return 0;
	}
	rc = mdb_cursor_open(x->txn, x->dbi, &c->cur);
	return pdc_stxn_fail(x, pdc_mdb_err(x->st, rc, "reading"));
}

void
pdc_scur_close(struct scur *c)
{
	if (c->cur != NULL)
		mdb_cursor_close(c->cur);
	c->cur = NULL;
}

/* What the cursor over pages has come to. */
static int
scur_read(struct scur *c, int got)
{
	c->x->damaged += c->tree.damaged;
	c->tree.damaged = 0;
	if (got != 1)
		return got;
	c->key = c->tree.node.key;
	c->klen = c->tree.node.klen;
	c->val = c->tree.node.val;
	c->len = c->tree.node.len;
	return 1;
}

static int
scur_get(struct scur *c, MDB_val *k, MDB_cursor_op op)
{
	MDB_val v;
	int rc;

	rc = mdb_cursor_get(c->cur, k, &v, op);
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc != 0)
		return pdc_stxn_fail(c->x,
		    pdc_mdb_err(c->x->st, rc, "reading"));
	/* Its value is looked at, and is where that says. */
	if (stxn_sure(c->x, k->mv_data, k->mv_size, SURE_KEY) < 0)
		return pdc_stxn_fail(c->x, PDC_EFORMAT);
	/* Whatever becomes of its page. */
	memcpy(c->at, k->mv_data, k->mv_size);
	c->key = k->mv_data;
	c->klen = k->mv_size;
	c->val = v.mv_data;
	c->len = v.mv_size;
	return 1;
}

int
pdc_scur_seek(struct scur *c, const void *key, size_t klen)
{
	MDB_val k = { klen, (void *)(uintptr_t)key };

	if (c->x->ret < 0)
		return c->x->ret;
	if (c->cur == NULL)
		return scur_read(c, pdc_tree_seek(&c->tree, key, klen));
	if (stxn_sure(c->x, key, klen, SURE_SEEK) < 0)
		return pdc_stxn_fail(c->x, PDC_EFORMAT);
	return scur_get(c, &k, MDB_SET_RANGE);
}

int
pdc_scur_put(struct scur *c, const void *key, size_t klen, const void *val)
{
	MDB_val k = { klen, (void *)(uintptr_t)key };
	MDB_val v = { c->len, (void *)(uintptr_t)val };
	int rc;

	if (c->x->ret < 0)
		return c->x->ret;
	c->x->dirty = 1;
	rc = FAULT(STXN_PUT) ? MDB_MAP_FULL :
			       mdb_cursor_put(c->cur, &k, &v, MDB_CURRENT);
	if (rc != 0)
		pdc_stxn_fail(c->x, pdc_mdb_err(c->x->st, rc, "writing"));
	return c->x->ret;
}

/* From the record that it is at, or to the last one of all. */
static int
scur_move(struct scur *c, enum sure_use use, MDB_cursor_op op)
{
	static const char end[] = { -1, -1 };
	MDB_val k;
	int ret;

	if (op == MDB_LAST)
		ret = stxn_sure(c->x, end, sizeof(end), use);
	else
		ret = stxn_sure(c->x, c->at, c->klen, use);
	return ret < 0 ? pdc_stxn_fail(c->x, ret) : scur_get(c, &k, op);
}

int
pdc_scur_next(struct scur *c)
{
	if (c->x->ret < 0)
		return c->x->ret;
	if (c->cur == NULL)
		return scur_read(c, pdc_tree_next(&c->tree));
	return scur_move(c, SURE_NEXT, MDB_NEXT);
}

int
pdc_scur_before(struct scur *c, const void *key, size_t klen)
{
	int got;

	got = pdc_scur_seek(c, key, klen);
	if (got < 0)
		return got;
	if (c->cur == NULL)
		return scur_read(c,
		    got == 1 ? pdc_tree_prev(&c->tree) :
			       pdc_tree_last(&c->tree));
	return got == 1 ? scur_move(c, SURE_PREV, MDB_PREV) :
			  scur_move(c, SURE_PUT, MDB_LAST);
}
