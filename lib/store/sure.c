/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "store/sure.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "pdc.h"

static int
sure_fail(struct sure *s, uint64_t pgno, const char *wrong)
{
	s->pgno = pgno;
	s->wrong = wrong;
	return PDC_EFORMAT;
}

static int
sure_page(struct sure *s, uint64_t pgno, uint32_t level)
{
	const char *wrong;

	if (pgno < s->tree.there && s->seen[pgno / 8] >> pgno % 8 & 1)
		return 0;
	wrong = pdc_tree_unsafe(&s->tree, TREE_MAIN, pgno,
	    level == s->tree.db[TREE_MAIN].depth);
	if (wrong != NULL)
		return sure_fail(s, pgno, wrong);
	s->seen[pgno / 8] |= (unsigned char)(1 << pgno % 8);
	return 0;
}

/* The pages that one transaction freed: they fall.  Their key alone, then. */
static int
free_list(struct sure *s, const struct tree_node *nd, int whole)
{
	uint64_t n, i, pgno, last = s->tree.npages;

	if (!pdc_tree_freed(&s->tree, nd, &s->list, &n))
		return 0;
	s->lists = pdc_hash(&s->list, sizeof(s->list), s->lists);
	for (i = 1; i <= n && whole; i++) {
		memcpy(&pgno, (const char *)nd->val + i * sizeof(pgno),
		    sizeof(pgno));
		if (pgno >= last || pgno < TREE_METAS)
			return 0;
		last = pgno;
	}
	return 1;
}

static int
free_page(struct sure *s, uint64_t pgno, uint32_t level, int whole)
{
	const struct tree *t = &s->tree;
	int leaf = level == t->db[TREE_FREE].depth;
	struct tree_page p;
	struct tree_node nd;
	const char *wrong;
	uint32_t i;
	int ret = 0;

	wrong = pdc_tree_unsafe(t, TREE_FREE, pgno, leaf);
	if (wrong == NULL && s->seen[pgno / 8] >> pgno % 8 & 1)
		wrong = "it is there twice";
	if (wrong != NULL)
		return sure_fail(s, pgno, wrong);
	s->seen[pgno / 8] |= (unsigned char)(1 << pgno % 8);
	if (!pdc_tree_page(t, pgno, leaf, &p))
		return sure_fail(s, pgno, "it changes");
	for (i = 0; i < p.n && ret == 0; i++) {
		if (!pdc_tree_node(t, &p, i, &nd) ||
		    (leaf && !free_list(s, &nd, whole)))
			return sure_fail(s, pgno, "no list of free pages");
		if (!leaf)
			ret = free_page(s, nd.child, level + 1, whole);
	}
	return ret;
}

static int
free_pages(struct sure *s, int whole)
{
	const struct tree_db *db = &s->tree.db[TREE_FREE];

	s->list = s->lists = 0;
	memset(s->seen, 0, s->tree.there / 8 + 1);
	return db->depth == 0 ? 0 : free_page(s, db->root, 1, whole);
}

int
pdc_sure_begin(struct sure *s, const struct tree *t)
{
	uint64_t n = t->there / 8 + 1;
	int ret;

	s->tree = *t;
	s->wrong = NULL;
	if (n > s->nseen) {
		free(s->seen);
		s->nseen = 0;
		s->seen = malloc(n);
		if (s->seen == NULL)
			return PDC_ENOMEM;
		s->nseen = n;
	}
	ret = free_pages(s, 1);
	memset(s->seen, 0, n);
	return ret;
}

int
pdc_sure_end(struct sure *s)
{
	uint64_t was = s->lists;
	int ret = free_pages(s, 0);

	if (ret == 0 && s->lists != was)
		ret = sure_fail(s, s->tree.db[TREE_FREE].root,
		    "it, or one below it, changes");
	return ret;
}

void
pdc_sure_free(struct sure *s)
{
	free(s->seen);
	s->seen = NULL;
	s->nseen = 0;
}

/* The page on this level before or behind a child of p, by the parents'. */
static uint64_t
sure_beside(const struct sure *s, const struct tree_page *p, int64_t i, int by,
    uint64_t parent)
{
	const struct tree *t = &s->tree;
	struct tree_page q;
	struct tree_node nd;

	if (i + by >= 0 && i + by < p->n)
		return pdc_tree_node(t, p, (uint32_t)(i + by), &nd) ? nd.child :
								      TREE_NONE;
	if (parent == TREE_NONE || !pdc_tree_page(t, parent, 0, &q) ||
	    !pdc_tree_node(t, &q, by > 0 ? 0 : q.n - 1, &nd))
		return TREE_NONE;
	return nd.child;
}

/* Whether the page before or behind that leaf is used, too. */
static int
sure_leaves(const struct sure *s, uint64_t pgno, const void *key, size_t klen,
    enum sure_use use, int by)
{
	struct tree_page p;
	int64_t i;
	int exact;

	if (use == SURE_DEL)
		return 1;
	if (use == SURE_PUT || (use == SURE_PREV) != (by < 0) ||
	    !pdc_tree_page(&s->tree, pgno, 1, &p))
		return 0;
	i = pdc_tree_search(&s->tree, &p, key, klen, &exact);
	if (use == SURE_PREV)
		return i <= 0;
	return i >= (use == SURE_SEEK ? p.n : p.n - 1);
}

/*
 * From the root down to the key, with those beside.  Of these only the leaves
 * are beside what is wanted, but on the way there all the others are used.
 */
static int
sure_beyond(struct sure *s, const void *key, size_t klen, int by)
{
	const struct tree *t = &s->tree;
	uint32_t depth = t->db[TREE_MAIN].depth, level;
	uint64_t pgno = t->db[TREE_MAIN].root, beside = TREE_NONE;
	struct tree_page p;
	struct tree_node nd;
	int64_t i;

	for (level = 1; level < depth; level++, pgno = nd.child) {
		if (!pdc_tree_page(t, pgno, 0, &p))
			return sure_fail(s, pgno, "it changes");
		i = pdc_tree_child(t, &p, key, klen);
		if (i < 0 || !pdc_tree_node(t, &p, (uint32_t)i, &nd))
			return sure_fail(s, pgno, "it changes");
		beside = sure_beside(s, &p, i, by, beside);
		if (beside != TREE_NONE && sure_page(s, beside, level + 1) < 0)
			return PDC_EFORMAT;
	}
	return 0;
}

/* The way to it, as far as LMDB looks at that, and where its value is. */
static int
sure_value(struct sure *s, const void *key, size_t klen)
{
	struct tree_node nd;

	if (pdc_tree_get(&s->tree, key, klen, &nd) >= 0)
		return 0;
	return sure_fail(s, s->tree.db[TREE_MAIN].root,
	    "it, or one below it, is not what it should be");
}

/* On the leaf it is, or would be, and where its value is. */
static int
sure_leaf(struct sure *s, uint64_t pgno, const void *key, size_t klen)
{
	struct tree_page p;
	struct tree_node nd;
	int64_t i;
	int exact;

	if (!pdc_tree_page(&s->tree, pgno, 1, &p))
		return sure_fail(s, pgno, "it changes");
	i = pdc_tree_search(&s->tree, &p, key, klen, &exact);
	if (i < 0)
		return sure_fail(s, pgno, "it changes");
	if (exact && !pdc_tree_node(&s->tree, &p, (uint32_t)i, &nd))
		return sure_fail(s, pgno, "a value that is not there");
	return 0;
}

int
pdc_sure_key(struct sure *s, const void *key, size_t klen, enum sure_use use)
{
	const struct tree *t = &s->tree;
	uint32_t depth = t->db[TREE_MAIN].depth, level;
	uint64_t pgno = t->db[TREE_MAIN].root;
	struct tree_page p;
	struct tree_node nd;
	int64_t i;
	int by;

	if (depth == 0)
		return 0;
	if (use == SURE_KEY)
		return sure_value(s, key, klen);
	for (level = 1;; level++, pgno = nd.child) {
		if (sure_page(s, pgno, level) < 0)
			return PDC_EFORMAT;
		if (level == depth)
			break;
		if (!pdc_tree_page(t, pgno, 0, &p))
			return sure_fail(s, pgno, "it changes");
		i = pdc_tree_child(t, &p, key, klen);
		if (i < 0 || !pdc_tree_node(t, &p, (uint32_t)i, &nd))
			return sure_fail(s, pgno, "it changes");
	}
	if (sure_leaf(s, pgno, key, klen) < 0)
		return PDC_EFORMAT;
	for (by = -1; by <= 1; by += 2)
		if (sure_leaves(s, pgno, key, klen, use, by) &&
		    sure_beyond(s, key, klen, by) < 0)
			return PDC_EFORMAT;
	return 0;
}
