/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "store/pages.h"

#include <stdlib.h>
#include <string.h>

#include "pdc.h"

/* What a key in a page may be; NULL: anything. */
struct bounds {
	const struct tree_node *low, *high;
};

static const struct bounds pages_any;

static int
bit_get(const unsigned char *bits, uint64_t i)
{
	return bits[i / 8] >> i % 8 & 1;
}

static void
bit_set(unsigned char *bits, uint64_t i)
{
	bits[i / 8] |= (unsigned char)(1 << i % 8);
}

/* Pages that are free, or read before, are none of these. */
static const char *
pages_take(struct pages *p, uint64_t pgno, uint64_t n)
{
	uint64_t i;

	for (i = pgno; i < pgno + n; i++) {
		if (bit_get(p->used, i))
			return "it is there twice";
		if (p->have_free && bit_get(p->freed, i))
			return "it is free";
	}
	for (i = pgno; i < pgno + n; i++)
		bit_set(p->used, i);
	return NULL;
}

/* The list of a transaction; its pages are marked. */
static int
free_list(struct pages *p, const struct tree_node *nd)
{
	uint64_t n, i, pgno;

	if (!pdc_tree_freed(p->t, nd, &p->list, &n))
		return 0;
	for (i = 1; i <= n; i++) {
		memcpy(&pgno, (const char *)nd->val + i * sizeof(pgno),
		    sizeof(pgno));
		if (pgno < TREE_METAS || pgno >= p->t->npages)
			return 0;
		if (pgno >= p->t->there)
			continue; /* it was never written */
		if (bit_get(p->freed, pgno))
			return 0;
		bit_set(p->freed, pgno);
	}
	return 1;
}

/* 1: this page and all below it count. */
static int
free_page(struct pages *p, uint64_t pgno, uint32_t level)
{
	int leaf = level == p->t->db[TREE_FREE].depth, good = 1;
	struct tree_node nd;
	struct tree_page page;
	const char *wrong;
	uint32_t i;

	wrong = pdc_tree_wrong(p->t, TREE_FREE, pgno, leaf);
	if (wrong == NULL)
		wrong = pages_take(p, pgno, 1);
	if (wrong == NULL && !pdc_tree_page(p->t, pgno, leaf, &page))
		wrong = "it changes";
	for (i = 0; wrong == NULL && i < page.n && good; i++) {
		if (!pdc_tree_node(p->t, &page, i, &nd))
			wrong = "a list of free pages that is not there";
		else if (!leaf)
			good = free_page(p, nd.child, level + 1);
		else if ((nd.nover > 0 &&
			     pages_take(p, nd.over, nd.nover) != NULL) ||
		    !free_list(p, &nd))
			wrong = "no list of free pages";
	}
	if (wrong != NULL)
		p->wrong(p->arg, pgno, wrong);
	return good && wrong == NULL;
}

int
pdc_pages_begin(struct pages *p)
{
	const struct tree_db *db = &p->t->db[TREE_FREE];
	size_t len = p->t->there / 8 + 1;

	p->used = calloc(1, len);
	p->freed = calloc(1, len);
	if (p->used == NULL || p->freed == NULL)
		return PDC_ENOMEM;
	p->list = 0;
	p->have_free = db->depth == 0 || free_page(p, db->root, 1);
	if (!p->have_free)
		memset(p->used, 0, len);
	return 0;
}

void
pdc_pages_end(struct pages *p)
{
	free(p->used);
	free(p->freed);
}

static void
leaf_records(struct pages *p, uint64_t pgno, const struct tree_page *page)
{
	struct tree_node nd;
	const char *wrong;
	uint32_t i;

	for (i = 0; i < page->n && !p->stop; i++) {
		wrong = NULL;
		if (!pdc_tree_node(p->t, page, i, &nd))
			wrong = "a value that is not where it should be";
		else if (nd.nover > 0)
			wrong = pages_take(p, nd.over, nd.nover);
		if (wrong != NULL) {
			p->wrong(p->arg, nd.nover > 0 ? nd.over : pgno, wrong);
			continue;
		}
		p->found.overflows += nd.nover;
		p->found.entries++;
		p->record(p->arg, &nd);
	}
}

static int
bounds_hold(const struct bounds *b, const struct tree_node *first,
    const struct tree_node *last)
{
	return (b->low == NULL ||
		   pdc_tree_compare(first->key, first->klen, b->low->key,
		       b->low->klen) >= 0) &&
	    (b->high == NULL ||
		pdc_tree_compare(last->key, last->klen, b->high->key,
		    b->high->klen) < 0);
}

/* NULL: the page counts, and is out. */
static const char *
page_wrong(struct pages *p, uint64_t pgno, int leaf, const struct bounds *b,
    struct tree_page *out)
{
	struct tree_node first, last;
	const char *wrong = pdc_tree_wrong(p->t, TREE_MAIN, pgno, leaf);

	if (wrong != NULL)
		return wrong;
	if (!pdc_tree_page(p->t, pgno, leaf, out))
		return "it changes";
	(void)pdc_tree_node(p->t, out, leaf ? 0 : 1, &first);
	(void)pdc_tree_node(p->t, out, out->n - 1, &last);
	if (!bounds_hold(b, &first, &last))
		return "it has keys of another page";
	return pages_take(p, pgno, 1);
}

static void
tree_page(struct pages *p, uint64_t pgno, uint32_t level,
    const struct bounds *b)
{
	int leaf = level == p->t->db[TREE_MAIN].depth;
	struct tree_node nd, next;
	struct bounds below;
	struct tree_page page;
	const char *wrong = page_wrong(p, pgno, leaf, b, &page);
	uint32_t i;

	if (wrong != NULL) {
		p->wrong(p->arg, pgno, wrong);
		p->lost += !leaf;
		return;
	}
	if (leaf) {
		p->found.leaves++;
		leaf_records(p, pgno, &page);
		return;
	}
	p->found.branches++;
	for (i = 0; i < page.n && !p->stop; i++) {
		(void)pdc_tree_node(p->t, &page, i, &nd);
		if (i + 1 < page.n)
			(void)pdc_tree_node(p->t, &page, i + 1, &next);
		below.low = i > 0 ? &nd : b->low;
		below.high = i + 1 < page.n ? &next : b->high;
		tree_page(p, nd.child, level + 1, &below);
	}
}

void
pdc_pages_walk(struct pages *p)
{
	const struct tree_db *db = &p->t->db[TREE_MAIN];

	if (db->depth > 0)
		tree_page(p, db->root, 1, &pages_any);
}

uint64_t
pdc_pages_lost(struct pages *p)
{
	struct tree_page page;
	uint64_t pgno, n = 0;

	for (pgno = TREE_METAS; pgno < p->t->there && !p->stop; pgno++) {
		if (bit_get(p->used, pgno) || bit_get(p->freed, pgno) ||
		    page_wrong(p, pgno, 1, &pages_any, &page) != NULL)
			continue;
		leaf_records(p, pgno, &page);
		n++;
	}
	return n;
}

uint64_t
pdc_pages_strays(const struct pages *p)
{
	uint64_t pgno, n = 0;

	for (pgno = TREE_METAS; pgno < p->t->there; pgno++)
		n += !bit_get(p->used, pgno) && !bit_get(p->freed, pgno);
	return n;
}
