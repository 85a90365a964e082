/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The file of the old store, and the records of its pages that count.
 */

#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/wire.h"
#include "pdc.h"
#include "repair/book.h"

#define PUTS 50000 /* of one transaction */

static int
record_put(struct repair *r, const struct tree_node *nd)
{
	if (++r->puts % PUTS == 0)
		pdc_stxn_renew(&r->x);
	return pdc_stxn_put(&r->x, nd->key, nd->klen, nd->val, nd->len);
}

static int
record_meta(struct repair *r, const struct tree_node *nd)
{
	if (nd->len < sizeof(r->meta) ||
	    memcmp(nd->val, STORE_MAGIC, sizeof(r->meta.magic)) != 0)
		return 0;
	memcpy(&r->meta, nd->val, sizeof(r->meta));
	if (r->meta.version != STORE_VERSION)
		return pdc_stxn_fail(&r->x,
		    pdc_err_set(PDC_EVERSION,
			"%s/data.mdb: a store of format %u, expected %u",
			r->old->dir, r->meta.version, STORE_VERSION));
	r->meta.cells_dir[sizeof(r->meta.cells_dir) - 1] = '\0';
	r->meta.cells_name[sizeof(r->meta.cells_name) - 1] = '\0';
	return 0;
}

/* How far the rings of the latest epoch were taken. */
static int
record_taken(struct repair *r, const struct tree_node *nd)
{
	uint64_t epoch;

	if (nd->klen != 9)
		return 0;
	epoch = pdc_get_be64(nd->key + 1);
	if (epoch < r->taken_epoch)
		return 0;
	r->taken_epoch = epoch;
	pdc_buf_reset(&r->taken);
	pdc_buf_put(&r->taken, nd->val, nd->len);
	return pdc_stxn_fail(&r->x, r->taken.error);
}

static int
record_owed(struct repair *r, const struct tree_node *nd)
{
	struct owed *more;

	if (nd->len != sizeof(*more))
		return 0;
	more = reallocarray(r->owed, r->nowed + 1, sizeof(*more));
	if (more == NULL)
		return pdc_stxn_fail(&r->x,
		    pdc_err_set(PDC_ENOMEM, "repairing"));
	r->owed = more;
	memcpy(&more[r->nowed++], nd->val, sizeof(*more));
	return 0;
}

/* Records that are made anew, or that go with the cells, are not taken. */
static int
record_one(struct repair *r, const struct tree_node *nd)
{
	const unsigned char *k = nd->key;

	switch (k[0]) {
	case 'M':
		return nd->klen == 1 ? record_meta(r, nd) : 0;
	case 'E':
		if (nd->klen == 9)
			pdc_repair_live(r, pdc_get_be32(k + 1),
			    pdc_get_be32(k + 5), 1);
		return r->x.ret;
	case 'J':
		return nd->klen == JOURNAL_NAME_KEY_LEN ? 0 : record_put(r, nd);
	case 'O':
		return record_owed(r, nd);
	case 'R':
		return record_taken(r, nd);
	case 'F':
	case 'I':
	case 'L':
	case 'S':
	case 'V':
		return record_put(r, nd);
	default:
		return 0;
	}
}

static void
page_record(void *arg, const struct tree_node *nd)
{
	struct repair *r = arg;

	r->pages.stop = record_one(r, nd) < 0;
}

static void
page_wrong(void *arg, uint64_t pgno, const char *words)
{
	pdc_repair_left(arg, "page %" PRIu64 ": %s", pgno, words);
}

int
pdc_repair_pages(struct repair *r)
{
	uint64_t n;

	r->pages = (struct pages){ .t = &r->t,
		.record = page_record,
		.wrong = page_wrong,
		.arg = r };
	if (pdc_pages_begin(&r->pages) < 0)
		return pdc_err_set(PDC_ENOMEM, "repairing %s", r->old->dir);
	pdc_pages_walk(&r->pages);
	if (r->pages.lost > 0 && r->pages.have_free) {
		n = pdc_pages_lost(&r->pages);
		pdc_repair_left(r,
		    "of what was below, %" PRIu64 " pages were found", n);
	}
	return r->x.ret;
}

/* The newest state whose root is a page; the one before has its pages still. */
static int
open_meta(struct repair *r)
{
	struct tree t[TREE_METAS];
	uint32_t psize = 0;
	int good[TREE_METAS] = { 0 }, first, i, which;

	good[0] = pdc_tree_meta(&t[0], r->map, r->size, 0, 0) == 0;
	psize = t[0].psize != 0 ? t[0].psize : TREE_PAGE_MIN;
	t[1].psize = 0;
	for (; psize <= TREE_PAGE_MAX && t[1].psize == 0; psize *= 2) {
		good[1] = pdc_tree_meta(&t[1], r->map, r->size, 1, psize) == 0;
		if (t[0].psize != 0)
			break;
	}
	first = good[1] && (!good[0] || t[1].txn > t[0].txn);
	for (i = 0; i < TREE_METAS; i++) {
		which = first ^ i;
		if (!good[which] ||
		    (t[which].db[TREE_MAIN].depth > 0 &&
			pdc_tree_wrong(&t[which], TREE_MAIN,
			    t[which].db[TREE_MAIN].root,
			    t[which].db[TREE_MAIN].depth == 1) != NULL))
			continue;
		r->t = t[which];
		if (i > 0 || t[first ^ 1].psize == 0)
			pdc_repair_left(r,
			    "page %d: no state of the database%s", which ^ 1,
			    i > 0 ? "; the last transaction" : "");
		return 0;
	}
	if (!good[first])
		return pdc_err_set(PDC_EFORMAT,
		    "%s/data.mdb: neither of its first two pages tells where "
		    "anything is",
		    r->old->dir);
	r->t = t[first];
	return 0;
}

static int
open_data(struct repair *r)
{
	struct stat sb;

	r->fd = pdc_file_open(r->old, "data.mdb", O_RDONLY);
	if (r->fd == PDC_ENOENT)
		return pdc_err_set(PDC_ENOENT, "%s: no store there",
		    r->old->dir);
	if (r->fd < 0)
		return r->fd;
	if (fstat(r->fd, &sb) == -1)
		return pdc_err_sys("%s/data.mdb", r->old->dir);
	r->size = (uint64_t)sb.st_size;
	if (r->size == 0)
		return pdc_err_set(PDC_EFORMAT, "%s/data.mdb: empty",
		    r->old->dir);
	r->map = mmap(NULL, r->size, PROT_READ, MAP_PRIVATE, r->fd, 0);
	if (r->map == MAP_FAILED) {
		r->map = NULL;
		return pdc_err_sys("%s/data.mdb: mapping it", r->old->dir);
	}
	return 0;
}

/* Whether somebody maps its cells. */
static int
open_used(struct repair *r)
{
	struct flock fl = { .l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_len = 1 };
	int fd, used;

	fd = pdc_file_open(r->old, "use.lock", O_RDONLY);
	if (fd < 0)
		return 0; /* it is lost, too */
	used = fcntl(fd, F_OFD_GETLK, &fl) == 0 && fl.l_type != F_UNLCK;
	close(fd);
	return used;
}

static int
old_new(struct repair *r, const char *dir)
{
	static const struct clock clock;
	static const struct store_opts opts = { .rdonly = 1 };

	r->fd = -1;
	r->old = calloc(1, sizeof(*r->old));
	if (r->old == NULL)
		return pdc_err_set(PDC_ENOMEM, "repairing %s", dir);
	r->old->wlock.fd = -1;
	r->old->clock = &clock;
	if (strlen(dir) >= sizeof(r->old->dir))
		return pdc_err_set(PDC_EINVAL, "%s: too long a path", dir);
	strcpy(r->old->dir, dir);
	return pdc_file_dir(r->old, &opts);
}

int
pdc_repair_open(struct repair *r, const char *dir, unsigned flags)
{
	int ret = old_new(r, dir);

	if (ret == 0)
		ret = open_data(r);
	if (ret == 0 && !(flags & REPAIR_FORCE) && open_used(r))
		ret = pdc_err_set(PDC_EBUSY,
		    "%s: in use: end all that have it open, or say --force",
		    dir);
	return ret < 0 ? ret : open_meta(r);
}

void
pdc_repair_close(struct repair *r)
{
	if (r->map != NULL)
		munmap(r->map, r->size);
	if (r->fd >= 0)
		close(r->fd);
	pdc_pages_end(&r->pages);
	pdc_cells_close(r->cells);
	if (r->old != NULL)
		pdc_wlock_close(&r->old->wlock);
	free(r->old);
	free(r->owed);
}
