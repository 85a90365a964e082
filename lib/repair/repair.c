/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "repair/repair.h"

#include <sys/stat.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "pdc.h"
#include "repair/book.h"

#define LOCK_MS 1000
#define WORDS_MAX 1024

static const struct clock repair_clock;

void
pdc_repair_left(struct repair *r, const char *fmt, ...)
{
	char words[WORDS_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	r->sums->left++;
	r->left(r->arg, words);
}

int
pdc_repair_next(struct repair *r, struct repair_rec *rec, const void *prefix,
    size_t len)
{
	struct scur c;
	int got;

	if (pdc_scur_open(&c, &r->x) < 0)
		return r->x.ret;
	if (rec->klen == 0) {
		got = pdc_scur_seek(&c, prefix, len);
	} else {
		rec->key[rec->klen] = 0; /* the key after it */
		got = pdc_scur_seek(&c, rec->key, rec->klen + 1);
	}
	if (got == 1 && (c.klen < len || memcmp(c.key, prefix, len) != 0))
		got = 0;
	if (got == 1) {
		memcpy(rec->key, c.key, c.klen);
		rec->klen = c.klen;
		pdc_buf_reset(&rec->val);
		pdc_buf_put(&rec->val, c.val, c.len);
		if (rec->val.error < 0)
			got = pdc_stxn_fail(&r->x,
			    pdc_err_set(PDC_ENOMEM, "repairing"));
	}
	pdc_scur_close(&c);
	return got;
}

void
pdc_repair_live(struct repair *r, uint32_t family, uint32_t incarnation,
    int ended)
{
	struct repair_life *more;

	more = reallocarray(r->lives, r->nlives + 1, sizeof(*more));
	if (more == NULL) {
		pdc_stxn_fail(&r->x, pdc_err_set(PDC_ENOMEM, "repairing"));
		return;
	}
	r->lives = more;
	more[r->nlives++] = (struct repair_life){ family, incarnation, ended };
	if (family > r->max_family)
		r->max_family = family;
}

const struct repair_life *
pdc_repair_lives(const struct repair *r, uint32_t family, uint32_t incarnation)
{
	size_t i;

	for (i = 0; i < r->nlives; i++)
		if (r->lives[i].family == family &&
		    r->lives[i].incarnation == incarnation)
			return &r->lives[i];
	return NULL;
}

/* While nobody writes; signals wait until it is done. */
static int
repair_copy(struct repair *r, unsigned flags)
{
	sigset_t mask;
	int ret, locked;

	ret = pdc_wlock_open(&r->old->wlock, r->old);
	if (ret == 0)
		ret = pdc_wlock_take(&r->old->wlock, r->old, LOCK_MS, &mask);
	locked = ret == 0;
	if (ret == PDC_EBUSY && !(flags & REPAIR_FORCE))
		return ret;
	ret = pdc_repair_pages(r);
	if (ret == 0)
		ret = pdc_repair_cells(r);
	if (locked)
		pdc_wlock_give(&r->old->wlock, &mask);
	return ret;
}

/* What the new store is, but for what its records tell. */
static void
repair_meta(struct repair *r)
{
	const struct meta *was = &r->meta;
	struct meta *m = &r->x.meta;

	m->nseries = r->sums->series;
	m->next_series = r->sums->series + 1;
	m->next_family = r->max_family + 1;
	if (was->version == 0) {
		pdc_repair_left(r, "M: the settings of the store");
		return;
	}
	m->flags = was->flags & META_REFRESH;
	if (was->ttl_s >= 0 && was->ttl_s <= TTL_MAX_S)
		m->ttl_s = was->ttl_s;
	else
		pdc_repair_left(r, "M: its ttl_s is %g", was->ttl_s);
	m->max_series = was->max_series;
	if (was->last_created_ns > m->last_created_ns)
		m->last_created_ns = was->last_created_ns;
	if (was->next_family > m->next_family)
		m->next_family = was->next_family;
}

static int
repair_records(struct repair *r, unsigned flags)
{
	int ret;

	ret = pdc_stxn_write(&r->x, r->new, LOCK_MS);
	if (ret < 0)
		return ret;
	ret = repair_copy(r, flags);
	if (ret == 0)
		ret = pdc_stxn_renew(&r->x);
	if (ret == 0)
		ret = pdc_repair_families(r);
	if (ret == 0)
		ret = pdc_repair_journal(r);
	if (ret == 0)
		ret = pdc_repair_lines(r);
	if (ret == 0 && r->meta.version == 0 && r->nlives == 0 &&
	    r->sums->lines == 0)
		ret = pdc_err_set(PDC_EFORMAT,
		    "%s/data.mdb: nothing of a pdc store is there",
		    r->old->dir);
	if (ret == 0)
		repair_meta(r);
	pdc_stxn_fail(&r->x, ret);
	return pdc_stxn_commit(&r->x);
}

/* What it finds now, a repair has overlooked. */
static void
repair_wrong(void *arg, const char *words)
{
	struct repair *r = arg;

	pdc_repair_left(r, "the new store: %s", words);
}

static int
repair_new(struct repair *r, const char *to, unsigned flags)
{
	struct store_opts opts = { .wait_ms = LOCK_MS };
	struct stat sb;
	int ret;

	if (stat(r->old->dir, &sb) == 0)
		opts.perm = sb.st_mode & 0770;
	ret = pdc_store_open(&r->new, to, &opts, &repair_clock);
	if (ret == 0)
		ret = repair_records(r, flags);
	if (ret == 0)
		ret = pdc_check_run(r->new, NULL, repair_wrong, r);
	pdc_store_close(r->new);
	return ret < 0 ? ret : 0;
}

static void
repair_remove(const char *to)
{
	static const char *const files[] = { "write.lock", "use.lock",
		"lock.mdb", "data.mdb" };
	char path[4096];
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", to, files[i]);
		(void)unlink(path);
	}
	(void)rmdir(to);
}

static void
repair_free(struct repair *r)
{
	pdc_repair_close(r);
	pdc_buf_fini(&r->frec.val);
	pdc_buf_fini(&r->rec.val);
	pdc_buf_fini(&r->text);
	pdc_buf_fini(&r->taken);
	pdc_buf_fini(&r->lines);
	free(r->kept);
	free(r->lives);
	free(r);
}

int
pdc_repair_run(struct repair_sums *sums, const char *dir, const char *to,
    unsigned flags, check_found_fn *left, void *arg)
{
	struct repair *r;
	struct stat sb;
	int ret;

	memset(sums, 0, sizeof(*sums));
	if (lstat(to, &sb) == 0)
		return pdc_err_set(PDC_EEXIST, "%s: it is there already", to);
	r = aligned_alloc(_Alignof(struct repair), sizeof(*r));
	if (r == NULL)
		return pdc_err_set(PDC_ENOMEM, "repairing %s", dir);
	memset(r, 0, sizeof(*r));
	r->sums = sums;
	r->left = left;
	r->arg = arg;
	ret = pdc_repair_open(r, dir, flags);
	if (ret == 0) {
		ret = repair_new(r, to, flags);
		if (ret < 0)
			repair_remove(to);
	}
	repair_free(r);
	return ret;
}
