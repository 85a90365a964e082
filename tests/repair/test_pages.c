/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Pages of data.mdb that are damaged in ways that have to be known: what is
 * left out then, and what is not.
 */

#include <sys/stat.h>

#include <fcntl.h>

#include "repair/stores.h"

#define NSERIES 3000

static char *dir, from[4096], to[4096], path[8192];
static int nstores;
static struct tree tree; /* its newest state */
static unsigned char *bytes;
static off_t size;

/* A tree of three levels, and free pages. */
static void
make_store(void)
{
	struct pdc_family *f;
	char value[200];
	int i;

	snprintf(from, sizeof(from), "%s/from%d", dir, ++nstores);
	snprintf(to, sizeof(to), "%s/to%d", dir, nstores);
	snprintf(path, sizeof(path), "%s/data.mdb", from);
	p = multi_open(from, 0);
	f = help_family(p, PDC_COUNTER, "many", "l");
	for (i = 0; i < NSERIES; i++) {
		snprintf(value, sizeof(value), "%0150d", i);
		pdc_inc(help_series(f, value), 1);
	}
	pdc_logf(p, PDC_LOG_INFO, "one line");
	pdc_checkpoint(p);
	pdc_close(p);
}

static void
load(void)
{
	struct tree other;
	struct stat sb;
	int fd = open(path, O_RDONLY);

	free(bytes);
	if (fd == -1 || fstat(fd, &sb) == -1)
		bail_out("%s", path);
	size = sb.st_size;
	bytes = malloc((size_t)size);
	if (bytes == NULL || pread(fd, bytes, (size_t)size, 0) != size ||
	    pdc_tree_meta(&tree, bytes, (uint64_t)size, 0, 0) < 0 ||
	    pdc_tree_meta(&other, bytes, (uint64_t)size, 1, tree.psize) < 0)
		bail_out("%s", path);
	close(fd);
	if (other.txn > tree.txn)
		tree = other;
}

/* A byte of a page becomes another one. */
static void
spoil(uint64_t pgno, size_t off)
{
	int fd = open(path, O_WRONLY);

	bytes[pgno * tree.psize + off] ^= 0x40;
	if (pwrite(fd, bytes, (size_t)size, 0) != size)
		bail_out("%s", path);
	close(fd);
}

static uint64_t
child(uint64_t pgno, uint32_t i)
{
	struct tree_page page;
	struct tree_node nd;

	if (!pdc_tree_page(&tree, pgno, 0, &page) ||
	    !pdc_tree_node(&tree, &page, i, &nd))
		bail_out("page %llu is no branch", (unsigned long long)pgno);
	return nd.child;
}

static void
saves(uint64_t series, uint64_t lines, const char *want, const char *when)
{
	int ret = repair(from, to, 0);
	struct pdc *q;

	ok(ret == 0 && sums.series == series && sums.lines == lines,
	    "%s: %llu series and %llu lines are saved: %s", when,
	    (unsigned long long)sums.series, (unsigned long long)sums.lines,
	    ret < 0 ? pdc_error() : "");
	ok(strstr(words, want) != NULL, "%s: it is told", when);
	if (ret < 0)
		return;
	q = multi_open(to, 0);
	is_int(sound(q), 0, "%s: the new store is whole", when);
	pdc_close(q);
}

static void
check_says(const char *want, const char *when)
{
	p = multi_open(from, PDC_RDONLY);
	is_found(want, when);
	pdc_close(p);
}

static void
test_root(void)
{
	make_store();
	load();
	is_int(tree.db[TREE_MAIN].depth, 3, "a tree of three levels");
	spoil(tree.db[TREE_MAIN].root, 10);
	saves(NSERIES, 1, "the last transaction",
	    "the root, and the one before is taken");
}

static void
test_branch(void)
{
	uint64_t pgno;
	char want[64];

	make_store();
	load();
	pgno = child(tree.db[TREE_MAIN].root, 1);
	spoil(pgno, 12);
	snprintf(want, sizeof(want), "page %llu: a node beyond its end",
	    (unsigned long long)pgno);
	check_says(want, "a branch");
	saves(NSERIES, 1, "pages were found",
	    "a branch, whose leaves are free");
}

static void
test_branch_and_free(void)
{
	make_store();
	load();
	spoil(child(tree.db[TREE_MAIN].root, 1), 12);
	if (tree.db[TREE_FREE].depth == 0)
		bail_out("no page is free");
	spoil(tree.db[TREE_FREE].root, 12);
	is_int(repair(from, to, 0), 0, "a branch, and the free pages");
	ok(sums.series < NSERIES && sums.series > 0,
	    "%llu series are saved, for old pages may not be taken",
	    (unsigned long long)sums.series);
}

static void
test_other_leaf(void)
{
	uint64_t branch, leaf;
	int fd;

	make_store();
	load();
	branch = child(tree.db[TREE_MAIN].root, 1);
	leaf = child(branch, 1);
	/* One becomes the next one, but for its number. */
	fd = open(path, O_WRONLY);
	memcpy(bytes + leaf * tree.psize, bytes + child(branch, 2) * tree.psize,
	    tree.psize);
	memcpy(bytes + leaf * tree.psize, &leaf, sizeof(leaf));
	if (pwrite(fd, bytes, (size_t)size, 0) != size)
		bail_out("%s", path);
	close(fd);
	check_says("it has keys of another page", "a leaf twice");
	is_int(repair(from, to, 0), 0, "a leaf twice");
	ok(sums.series < NSERIES && sums.series > NSERIES / 2,
	    "%llu series are saved", (unsigned long long)sums.series);
}

static void
test_no_metas(void)
{
	make_store();
	load();
	spoil(0, 16);
	spoil(1, 16);
	is_int(repair(from, to, 0), PDC_EFORMAT, "without both heads: %s",
	    pdc_error());
	is_int(access(to, F_OK), -1, "there is no new store");
}

static void
test_one_meta(void)
{
	make_store();
	load();
	spoil((tree.txn & 1) ^ 1, 16);
	saves(NSERIES, 1, "no state of the database", "without the older head");
}

/* The key of the first list of free pages. */
static size_t
first_list(uint64_t *pgno)
{
	uint32_t level, depth = tree.db[TREE_FREE].depth;
	struct tree_page page;
	struct tree_node nd;

	*pgno = tree.db[TREE_FREE].root;
	for (level = 1;; level++, *pgno = nd.child)
		if (!pdc_tree_page(&tree, *pgno, level == depth, &page) ||
		    !pdc_tree_node(&tree, &page, 0, &nd))
			bail_out("no page is free");
		else if (level == depth)
			return (size_t)(nd.key - page.at);
}

/* LMDB has read a list of free pages, and will look for it once more. */
static void
test_changing(void)
{
	static char large[20000];
	struct stxn x;
	uint64_t pgno;
	size_t off;

	make_store();
	load();
	off = first_list(&pgno) + 2;
	p = multi_open(from, 0);
	if (pdc_stxn_write(&x, p->store, 1000) < 0 ||
	    pdc_stxn_put(&x, "X", 1, large, sizeof(large)) < 0)
		bail_out("%s", pdc_error());
	spoil(pgno, off);
	is_int(pdc_stxn_commit(&x), PDC_EFORMAT, "free pages that change: %s",
	    pdc_error());
	spoil(pgno, off);
	ok(pdc_logf(p, PDC_LOG_INFO, "one more") == 0 && pdc_checkpoint(p) == 0,
	    "what was put right is written");
	is_int(sound(p), 0, "and whole");
	pdc_close(p);
}

int
main(void)
{
	dir = tap_tmpdir();
	test_root();
	test_branch();
	test_branch_and_free();
	test_other_leaf();
	test_no_metas();
	test_one_meta();
	test_changing();
	return tap_done();
}
