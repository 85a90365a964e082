/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "store/tree.h"

#include <string.h>

#include "pdc.h"

#define META_MAGIC 0xbeefc0deu
#define META_VERSION 1u

#define PAGE_BRANCH 1
#define PAGE_LEAF 2
#define PAGE_OVERFLOW 4
#define PAGE_META 8

#define NODE_BIG 1 /* the value has pages of its own */
#define NODE_HEAD 8
#define KEY_MAX 511

struct page_head {
	uint64_t pgno;
	uint16_t pad, flags;
	uint16_t lower, upper; /* or of a long value, its pages */
};

struct meta_db {
	uint32_t pad; /* of the first one, bytes of a page */
	uint16_t flags, depth;
	uint64_t branches, leaves, overflows, entries, root;
};

struct meta_page {
	struct page_head h;
	uint32_t magic, version;
	uint64_t address, mapsize;
	struct meta_db db[2];
	uint64_t last_pgno, txn;
};

struct node_head {
	uint16_t lo, hi, flags, klen;
};

int
pdc_tree_compare(const void *a, size_t alen, const void *b, size_t blen)
{
	int ret = memcmp(a, b, alen < blen ? alen : blen);

	if (ret != 0 || alen == blen)
		return ret;
	return alen < blen ? -1 : 1;
}

static int
meta_db(struct tree *t, enum tree_which which, const struct meta_db *m)
{
	struct tree_db *db = &t->db[which];

	*db = (struct tree_db){ .root = m->root,
		.depth = m->depth,
		.branches = m->branches,
		.leaves = m->leaves,
		.overflows = m->overflows,
		.entries = m->entries };
	/* Of free pages the keys are numbers: 8, MDB_INTEGERKEY. */
	if (m->flags != (which == TREE_FREE ? 8 : 0))
		return 0;
	if (m->root == TREE_NONE)
		return m->depth == 0;
	/* A branch page leads to two at least. */
	return m->root >= TREE_METAS && m->root < t->npages && m->depth > 0 &&
	    m->depth <= TREE_DEPTH && t->npages >> (m->depth - 1) > 0;
}

int
pdc_tree_meta(struct tree *t, const void *map, uint64_t size, int which,
    uint32_t psize)
{
	const unsigned char *at = map;
	struct meta_page m;

	t->psize = 0;
	if (size < sizeof(m) + (uint64_t)which * psize)
		return PDC_EFORMAT;
	memcpy(&m, at + (uint64_t)which * psize, sizeof(m));
	if (psize == 0)
		psize = m.db[TREE_FREE].pad;
	if (m.h.pgno != (uint64_t)which || m.h.flags != PAGE_META ||
	    m.magic != META_MAGIC)
		return PDC_EFORMAT;
	if (m.version != META_VERSION)
		return PDC_EVERSION;
	if (m.db[TREE_FREE].pad != psize || psize < TREE_PAGE_MIN ||
	    psize > TREE_PAGE_MAX || (psize & (psize - 1)) != 0 ||
	    size / psize < TREE_METAS ||
	    (m.txn != 0 && (m.txn & 1) != (uint64_t)which) ||
	    m.last_pgno < TREE_METAS - 1 || m.last_pgno >= TREE_NONE / psize)
		return PDC_EFORMAT;
	t->map = map;
	t->psize = psize;
	t->npages = m.last_pgno + 1;
	t->there = size / psize < t->npages ? size / psize : t->npages;
	t->txn = m.txn;
	return meta_db(t, TREE_FREE, &m.db[TREE_FREE]) &&
		meta_db(t, TREE_MAIN, &m.db[TREE_MAIN]) ?
	    0 :
	    PDC_EFORMAT;
}

/* The head of a page that is there. */
static int
page_head(const struct tree *t, uint64_t pgno, struct page_head *h)
{
	if (pgno < TREE_METAS || pgno >= t->there)
		return 0;
	memcpy(h, t->map + pgno * t->psize, sizeof(*h));
	return h->pgno == pgno;
}

int
pdc_tree_page(const struct tree *t, uint64_t pgno, int leaf,
    struct tree_page *p)
{
	struct page_head h;

	if (!page_head(t, pgno, &h) ||
	    h.flags != (leaf ? PAGE_LEAF : PAGE_BRANCH) ||
	    h.lower <= sizeof(h) || h.lower % 2 != 0 || h.lower > h.upper ||
	    h.upper > t->psize)
		return 0;
	p->at = t->map + pgno * t->psize;
	p->n = (uint32_t)(h.lower - sizeof(h)) / 2;
	p->upper = h.upper;
	p->leaf = leaf;
	return 1;
}

/* Its key, and where its value is or the page below. */
static int
page_node(const struct tree *t, const struct tree_page *p, uint32_t i,
    struct tree_node *nd, struct node_head *h)
{
	uint16_t at;

	memcpy(&at, p->at + sizeof(struct page_head) + i * sizeof(at),
	    sizeof(at));
	if (at < p->upper || at % 2 != 0 || at > t->psize - NODE_HEAD)
		return 0;
	memcpy(h, p->at + at, sizeof(*h));
	if (h->klen > t->psize - NODE_HEAD - at || h->klen > KEY_MAX)
		return 0;
	nd->key = p->at + at + NODE_HEAD;
	nd->klen = h->klen;
	return 1;
}

/* A value in pages of its own; more of them than it needs, if it was longer. */
static int
node_long(const struct tree *t, struct tree_node *nd)
{
	struct page_head h;
	uint32_t pages;
	uint64_t pgno;

	memcpy(&pgno, nd->val, sizeof(pgno));
	if (!page_head(t, pgno, &h) || h.flags != PAGE_OVERFLOW)
		return 0;
	memcpy(&pages, &h.lower, sizeof(pages));
	if (pages > t->there - pgno ||
	    nd->len + sizeof(h) > (uint64_t)pages * t->psize)
		return 0;
	nd->val = t->map + pgno * t->psize + sizeof(h);
	nd->over = pgno;
	nd->nover = pages;
	return 1;
}

/* Bytes of the value in the page itself; -1: it cannot be. */
static int64_t
node_inline(const struct tree *t, const struct tree_page *p,
    const struct tree_node *nd, const struct node_head *h)
{
	uint32_t len = h->lo | (uint32_t)h->hi << 16;
	size_t end = (size_t)(nd->key - p->at) + nd->klen;

	if (h->flags == NODE_BIG)
		len = sizeof(uint64_t);
	else if (h->flags != 0)
		return -1;
	return len <= t->psize - end ? (int64_t)len : -1;
}

int
pdc_tree_node(const struct tree *t, const struct tree_page *p, uint32_t i,
    struct tree_node *nd)
{
	struct node_head h;

	memset(nd, 0, sizeof(*nd));
	if (i >= p->n || !page_node(t, p, i, nd, &h))
		return 0;
	if (!p->leaf) {
		nd->child = h.lo | (uint64_t)h.hi << 16 |
		    (uint64_t)h.flags << 32;
		return 1;
	}
	if (node_inline(t, p, nd, &h) < 0)
		return 0;
	nd->val = nd->key + nd->klen;
	nd->len = h.lo | (uint32_t)h.hi << 16;
	return h.flags == NODE_BIG ? node_long(t, nd) : 1;
}

int
pdc_tree_freed(const struct tree *t, const struct tree_node *nd,
    uint64_t *before, uint64_t *n)
{
	uint64_t txn;

	if (nd->klen != sizeof(txn) || nd->len < sizeof(*n))
		return 0;
	memcpy(&txn, nd->key, sizeof(txn));
	memcpy(n, nd->val, sizeof(*n));
	if (txn <= *before)
		return 0;
	*before = txn;
	return *n <= nd->len / sizeof(*n) - 1 && *n < t->npages;
}

const char *
pdc_tree_unsafe(const struct tree *t, enum tree_which which, uint64_t pgno,
    int leaf)
{
	struct tree_node nd = { 0 };
	struct tree_page p;
	struct node_head h;
	uint32_t i, used = 0;
	int64_t len = 0;

	if (!pdc_tree_page(t, pgno, leaf, &p))
		return leaf ? "no leaf page" : "no branch page";
	if (!leaf && which == TREE_MAIN && p.n < 2)
		return "a branch page of one key";
	for (i = 0; i < p.n; i++) {
		if (!page_node(t, &p, i, &nd, &h))
			return "a node beyond its end";
		if (leaf)
			len = node_inline(t, &p, &nd, &h);
		if (len < 0 || (leaf && nd.klen == 0))
			return "a node that cannot be";
		used += (NODE_HEAD + (uint32_t)nd.klen + (uint32_t)len + 1) &
		    ~1u;
	}
	return used == t->psize - p.upper ? NULL : "nodes that overlap";
}

const char *
pdc_tree_wrong(const struct tree *t, enum tree_which which, uint64_t pgno,
    int leaf)
{
	const char *wrong = pdc_tree_unsafe(t, which, pgno, leaf);
	struct tree_node nd, before = { 0 };
	struct tree_page p;
	struct node_head h;
	uint32_t i;

	if (wrong != NULL || which == TREE_FREE ||
	    !pdc_tree_page(t, pgno, leaf, &p))
		return wrong;
	for (i = leaf ? 0 : 1; i < p.n; i++, before = nd) {
		if (!page_node(t, &p, i, &nd, &h))
			return "a node beyond its end";
		if (i > (leaf ? 0 : 1) &&
		    pdc_tree_compare(before.key, before.klen, nd.key,
			nd.klen) >= 0)
			return "keys that are not in order";
	}
	return NULL;
}

int64_t
pdc_tree_search(const struct tree *t, const struct tree_page *p,
    const void *key, size_t klen, int *exact)
{
	int64_t low = p->leaf ? 0 : 1, high = (int64_t)p->n - 1, i = low;
	struct tree_node nd;
	struct node_head h;
	int order = 0;

	*exact = 0;
	while (low <= high) {
		i = (low + high) / 2;
		if (!page_node(t, p, (uint32_t)i, &nd, &h))
			return -1;
		order = pdc_tree_compare(key, klen, nd.key, nd.klen);
		if (order == 0) {
			*exact = 1;
			return i;
		}
		if (order > 0)
			low = i + 1;
		else
			high = i - 1;
	}
	return order > 0 ? i + 1 : i;
}

int64_t
pdc_tree_child(const struct tree *t, const struct tree_page *p, const void *key,
    size_t klen)
{
	int64_t i;
	int exact;

	if (p->n < 2)
		return -1;
	i = pdc_tree_search(t, p, key, klen, &exact);
	return i < 0 || exact ? i : i - 1;
}

int
pdc_tree_get(const struct tree *t, const void *key, size_t klen,
    struct tree_node *nd)
{
	const struct tree_db *db = &t->db[TREE_MAIN];
	uint64_t pgno = db->root;
	struct tree_page p;
	uint32_t level;
	int64_t i;
	int exact;

	if (db->depth == 0)
		return 0;
	for (level = 1;; level++, pgno = nd->child) {
		if (!pdc_tree_page(t, pgno, level == db->depth, &p))
			return PDC_EFORMAT;
		if (p.leaf)
			break;
		i = pdc_tree_child(t, &p, key, klen);
		if (i < 0 || !pdc_tree_node(t, &p, (uint32_t)i, nd))
			return PDC_EFORMAT;
	}
	i = pdc_tree_search(t, &p, key, klen, &exact);
	if (i < 0)
		return PDC_EFORMAT;
	if (!exact)
		return 0;
	return pdc_tree_node(t, &p, (uint32_t)i, nd) ? 1 : PDC_EFORMAT;
}

void
pdc_tree_cur(struct tree_cur *c, const struct tree *t, enum tree_which which)
{
	c->t = t;
	c->db = &t->db[which];
	c->n = 0;
	c->last = NULL;
	c->damaged = 0;
}

/* One page further down, to be gone on from before or behind its nodes. */
static int
cur_push(struct tree_cur *c, uint64_t pgno, int behind)
{
	struct tree_at *at = &c->at[c->n];
	uint32_t i;

	for (i = 0; i < c->n && c->at[i].pgno != pgno; i++)
		continue;
	/* A page that leads to itself is no way down. */
	if (i < c->n ||
	    !pdc_tree_page(c->t, pgno, c->n + 1 == c->db->depth, &at->page)) {
		c->damaged++;
		return 0;
	}
	at->pgno = pgno;
	at->i = behind ? (int64_t)at->page.n : -1;
	c->n++;
	return 1;
}

/* A leaf that begins before what was read last is there twice, or astray. */
static int
cur_astray(const struct tree_cur *c, int by)
{
	int order;

	if (c->last == NULL || c->db == &c->t->db[TREE_FREE])
		return 0;
	order = pdc_tree_compare(c->node.key, c->node.klen, c->last, c->llen);
	return by > 0 ? order <= 0 : order >= 0;
}

/* What is at the node where the top is: 1 if it is a record. */
static int
cur_look(struct tree_cur *c, const struct tree_at *at, int by)
{
	const struct tree_page *p = &at->page;
	int64_t i = at->i;

	if (!pdc_tree_node(c->t, p, (uint32_t)i, &c->node)) {
		c->damaged++;
		return 0;
	}
	if (!p->leaf) {
		cur_push(c, c->node.child, by < 0);
		return 0;
	}
	if (i == (by > 0 ? 0 : p->n - 1) && cur_astray(c, by)) {
		c->damaged++;
		c->n--;
		return 0;
	}
	c->last = c->node.key;
	c->llen = c->node.klen;
	return 1;
}

/* One node on, up and down the tree as that wants; 1, or 0 at the end. */
static int
cur_step(struct tree_cur *c, int by)
{
	struct tree_at *at;

	while (c->n > 0) {
		at = &c->at[c->n - 1];
		at->i += by;
		if (at->i < 0 || at->i >= at->page.n)
			c->n--;
		else if (cur_look(c, at, by))
			return 1;
	}
	return 0;
}

int
pdc_tree_next(struct tree_cur *c)
{
	return cur_step(c, 1);
}

int
pdc_tree_prev(struct tree_cur *c)
{
	return cur_step(c, -1);
}

int
pdc_tree_last(struct tree_cur *c)
{
	c->n = 0;
	c->last = NULL;
	return c->db->depth > 0 && cur_push(c, c->db->root, 1) ?
	    cur_step(c, -1) :
	    0;
}

/* Where a key is in the page at the top; 0: it is damaged, and passed over. */
static int
cur_find(struct tree_cur *c, const void *key, size_t klen)
{
	struct tree_at *at = &c->at[c->n - 1];
	const struct tree_page *p = &at->page;
	int64_t i;
	int exact;

	i = p->leaf ? pdc_tree_search(c->t, p, key, klen, &exact) :
		      pdc_tree_child(c->t, p, key, klen);
	if (i < 0) {
		c->damaged++;
		c->n--;
		return 0;
	}
	at->i = p->leaf ? i - 1 : i;
	if (p->leaf)
		return 0;
	if (pdc_tree_node(c->t, p, (uint32_t)i, &c->node))
		return 1;
	c->damaged++;
	return 0;
}

int
pdc_tree_seek(struct tree_cur *c, const void *key, size_t klen)
{
	uint64_t pgno = c->db->root;
	int got;

	c->n = 0;
	c->last = NULL;
	if (c->db->depth == 0)
		return 0;
	while (cur_push(c, pgno, 0) && cur_find(c, key, klen))
		pgno = c->node.child;
	do
		got = cur_step(c, 1);
	while (
	    got && pdc_tree_compare(c->node.key, c->node.klen, key, klen) < 0);
	return got;
}
