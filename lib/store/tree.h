/* SPDX-License-Identifier: ISC */
#ifndef PDC_STORE_TREE_H
#define PDC_STORE_TREE_H

/*
 * The pages of data.mdb, read without LMDB.
 *
 * LMDB trusts what it finds: a damaged page makes it read behind the end of the
 * file, or call abort().  So records are read here, where each offset is looked
 * at before it is used; and before LMDB changes a page, that is looked at, too.
 * The format is that of LMDB 0.9, data version 1, which meta pages tell:
 *
 *	page 0 1	meta pages; a transaction writes that of its parity
 *	branch		keys and pages; that of the first key is of all below
 *	leaf		keys and values, or the page where a long value is
 *	overflow	a long value, in as many pages as it needs
 *
 * Each page but the later ones of a long value begins with its own number.
 * There are two trees: of the records, and of pages that are free, with a list
 * for each transaction that freed some.
 *
 * What is read may change at any time, by nobody who is allowed to.
 */

#include <stddef.h>
#include <stdint.h>

#define TREE_DEPTH 32 /* LMDB's own limit */
#define TREE_NONE UINT64_MAX /* no page */
#define TREE_METAS 2
#define TREE_PAGE_MIN 512 /* bytes */
#define TREE_PAGE_MAX 32768

enum tree_which { TREE_FREE, TREE_MAIN };

struct tree_db {
	uint64_t root;
	uint32_t depth; /* levels; 0: it is empty */
	uint64_t branches, leaves, overflows, entries; /* as it says */
};

/* A state of the database. */
struct tree {
	const unsigned char *map;
	uint64_t npages, txn;
	uint64_t there; /* of these pages, those that the file has */
	uint32_t psize;
	struct tree_db db[2];
};

struct tree_page {
	const unsigned char *at;
	uint32_t n, upper;
	int leaf;
};

struct tree_node {
	const unsigned char *key;
	size_t klen;
	uint64_t child; /* of a branch */
	const void *val; /* of a leaf */
	size_t len;
	uint64_t over, nover; /* pages of a long value; else 0 */
};

struct tree_cur {
	const struct tree *t;
	const struct tree_db *db;
	uint32_t n; /* pages from the root on; 0: at no record */
	struct tree_at {
		uint64_t pgno;
		struct tree_page page; /* as it was come to */
		int64_t i;
	} at[TREE_DEPTH];
	struct tree_node node;
	const unsigned char *last; /* key of the record before, or NULL */
	size_t llen;
	uint64_t damaged; /* pages and values that were passed over */
};

/*
 * The state that a meta page tells of; map has size bytes, of which none may
 * go.  0, or PDC_EFORMAT or PDC_EVERSION without words.  psize: of the pages;
 * of page 0 it may be 0: as it says.  txn and psize are set, and this is not 0,
 * where all but the trees is right: a commit that failed leaves such an older
 * one.
 */
int pdc_tree_meta(struct tree *, const void *map, uint64_t size, int which,
    uint32_t psize);

/* A page as it should be at this place: 1 or 0.  And one of its nodes. */
int pdc_tree_page(const struct tree *, uint64_t pgno, int leaf,
    struct tree_page *);
int pdc_tree_node(const struct tree *, const struct tree_page *, uint32_t i,
    struct tree_node *);
/*
 * The first node of a page, of a branch but for the first of all, whose key is
 * not before this one; n: none.  The node of a branch that leads to it.  -1:
 * damaged.  They look at the nodes that LMDB would look at, and no others.
 */
int64_t pdc_tree_search(const struct tree *, const struct tree_page *,
    const void *key, size_t klen, int *exact);
int64_t pdc_tree_child(const struct tree *, const struct tree_page *,
    const void *key, size_t klen);
/*
 * What is wrong with a page, in itself, in words; NULL: nothing.  Values in
 * pages of their own are not looked at.  Unsafe is what LMDB would stumble
 * over; wrong is also an order of keys in which it would not find them.
 */
const char *pdc_tree_unsafe(const struct tree *, enum tree_which, uint64_t pgno,
    int leaf);
const char *pdc_tree_wrong(const struct tree *, enum tree_which, uint64_t pgno,
    int leaf);

/*
 * Whether a record of the free pages has a list, of a later transaction than
 * the one before; how many pages are in it, in numbers of 8 bytes behind that
 * one.
 */
int pdc_tree_freed(const struct tree *, const struct tree_node *,
    uint64_t *before, uint64_t *n);

/* 1, 0: it is not there, or PDC_EFORMAT, without words: a page is damaged. */
int pdc_tree_get(const struct tree *, const void *key, size_t klen,
    struct tree_node *);

void pdc_tree_cur(struct tree_cur *, const struct tree *, enum tree_which);
/*
 * 1, or 0: there is none.  What is damaged is passed over and counted.  At or
 * after a key; the last one; the next; the one before.
 * Keys rise, or fall, from leaf to leaf.
 */
int pdc_tree_seek(struct tree_cur *, const void *key, size_t klen);
int pdc_tree_last(struct tree_cur *);
int pdc_tree_next(struct tree_cur *);
int pdc_tree_prev(struct tree_cur *);

int pdc_tree_compare(const void *a, size_t alen, const void *b, size_t blen);

#endif
