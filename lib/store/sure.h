/* SPDX-License-Identifier: ISC */
#ifndef PDC_STORE_SURE_H
#define PDC_STORE_SURE_H

/*
 * The pages that LMDB is about to use in a write transaction, looked at before:
 * those of the state that it began with, each once.  What it makes itself in
 * between is right then.
 */

#include "store/tree.h"

enum sure_use {
	SURE_KEY, /* it is read */
	SURE_PUT,
	SURE_SEEK, /* it is read, or the next one behind it */
	SURE_NEXT, /* the one behind it is read */
	SURE_PREV, /* the one before it */
	SURE_DEL /* it is deleted, and pages are joined */
};

struct sure {
	struct tree tree;
	unsigned char *seen; /* a bit for each page */
	uint64_t nseen;
	uint64_t list; /* of free pages, the last one that was looked at */
	uint64_t lists; /* and what all of them are known again by */
	const char *wrong; /* of the first page that was */
	uint64_t pgno;
};

/*
 * Begin with the state that a meta page tells of; its list of free pages is
 * looked at.  0, PDC_ENOMEM or PDC_EFORMAT, without words.
 */
int pdc_sure_begin(struct sure *, const struct tree *);
/* Before the commit: 0, or PDC_EFORMAT: the list is another one by now. */
int pdc_sure_end(struct sure *);
void pdc_sure_free(struct sure *);
/* 0, or PDC_EFORMAT without words: wrong and pgno have them. */
int pdc_sure_key(struct sure *, const void *key, size_t klen, enum sure_use);

#endif
