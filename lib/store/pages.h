/* SPDX-License-Identifier: ISC */
#ifndef PDC_STORE_PAGES_H
#define PDC_STORE_PAGES_H

/*
 * All pages of a state of the database.
 *
 * A page counts if it is right in itself, is reached once, is no free one, and
 * has keys between those of the branch that leads to it.  Each page is of the
 * tree of records, of that of free pages, or free; so those that are none of
 * these were below a branch that does not count.
 */

#include "store/tree.h"

struct pages {
	const struct tree *t;
	/* Each record of a page that counts; and each that does not. */
	void (*record)(void *arg, const struct tree_node *);
	void (*wrong)(void *arg, uint64_t pgno, const char *words);
	void *arg;
	int stop; /* set by these: no more of them */
	unsigned char *used, *freed; /* a bit for each page */
	int have_free; /* the free ones are all known */
	uint64_t list; /* of them, the last one that was looked at */
	int lost; /* branches that do not count */
	struct tree_db found; /* what is there of the records */
};

/* Look at the free pages: 0 or PDC_ENOMEM, without words. */
int pdc_pages_begin(struct pages *);
void pdc_pages_end(struct pages *);
/* All of the tree of records. */
void pdc_pages_walk(struct pages *);
/* Then: the records of leaves that are in no tree; of how many. */
uint64_t pdc_pages_lost(struct pages *);
/* Pages that are in no tree and not free. */
uint64_t pdc_pages_strays(const struct pages *);

#endif
