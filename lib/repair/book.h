/* SPDX-License-Identifier: ISC */
#ifndef PDC_REPAIR_BOOK_H
#define PDC_REPAIR_BOOK_H

/* What a repair knows, for lib/repair alone. */

#include "base/buf.h"
#include "journal/journal.h"
#include "lane/cells.h"
#include "repair/repair.h"
#include "store/pages.h"
#include "store/series.h"

/* A record of the new store, copied out. */
struct repair_rec {
	unsigned char key[512];
	size_t klen;
	struct buf val;
};

/* An incarnation: of a family that is saved, or that had ended. */
struct repair_life {
	uint32_t family, incarnation;
	int ended;
};

struct repair {
	struct repair_sums *sums;
	check_found_fn *left;
	void *arg;
	/* The old store. */
	struct store *old;
	int fd;
	void *map;
	uint64_t size;
	struct tree t;
	struct pages pages;
	struct meta meta; /* version 0: there was none */
	struct buf taken; /* R: positions of its rings, of this epoch */
	uint64_t taken_epoch;
	struct buf lines; /* what was in them: ring.c */
	struct owed *owed;
	size_t nowed;
	struct cells *cells; /* NULL: none of its epoch */
	/* The new one. */
	struct store *new;
	struct stxn x;
	uint64_t puts;
	struct repair_life *lives;
	size_t nlives;
	uint32_t max_family;
	struct family f; /* that is looked at, of frec */
	struct repair_rec frec, rec;
	struct buf text;
	struct journal_rec journal;
	struct value v; /* the block that is looked at */
	unsigned char *kept; /* of its series */
	uint32_t block;
	int have_block;
	uint32_t next_n; /* as the family says */
	struct pair pairs[BOUNDS_MAX + 1]; /* as its cells are */
	struct pair stored[BOUNDS_MAX + 1];
};

/* A line for what is left out. */
void pdc_repair_left(struct repair *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The next record behind rec's key that begins so: 1, 0 or an error. */
int pdc_repair_next(struct repair *, struct repair_rec *, const void *prefix,
    size_t len);
void pdc_repair_live(struct repair *, uint32_t family, uint32_t incarnation,
    int ended);
const struct repair_life *pdc_repair_lives(const struct repair *,
    uint32_t family, uint32_t incarnation);

/* Each opens or does its part; 0 or an error. */
int pdc_repair_open(struct repair *, const char *dir, unsigned flags);
void pdc_repair_close(struct repair *);
int pdc_repair_pages(struct repair *);
/* Cells, of which nothing is an error but want of memory. */
int pdc_repair_cells(struct repair *);
int pdc_repair_families(struct repair *);
int pdc_repair_series(struct repair *);
int pdc_repair_journal(struct repair *);
/* Copy the lines in rings; and append them. */
int pdc_repair_rings(struct repair *);
int pdc_repair_lines(struct repair *);

#endif
