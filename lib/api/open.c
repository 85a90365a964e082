/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Opening and closing stores, and the small functions of pdc.h.
 *
 * One struct pdc a store and process, found by the files of the store.  The
 * registry's lock holds the fork generation of its holder, so that a child does
 * not inherit it.
 */

#include <sys/stat.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/emit.h"
#include "api/remove.h"
#include "api/txn.h"
#include "base/err.h"
#include "base/fork.h"
#include "checkpoint/checkpoint.h"
#include "metric/metric.h"
#include "pdc.h"

#define WAIT_MS 1000
#define LEAVE_MS 50
#define LEAVE_SKIP_NS 1000000000
#define REGISTRY_NAP_NS 100000

static struct {
	_Atomic uint64_t lock;
	struct pdc *first;
} registry;

/* A thread cancelled in here would keep the lock for ever. */
static int
registry_lock(void)
{
	uint64_t gen = pdc_fork_gen(), owner;
	int cancel;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	for (;;) {
		owner = atomic_load(&registry.lock);
		if (owner != gen &&
		    atomic_compare_exchange_strong(&registry.lock, &owner, gen))
			return cancel;
		pdc_clock_sleep(REGISTRY_NAP_NS);
	}
}

static void
registry_unlock(int cancel)
{
	atomic_store(&registry.lock, 0);
	pthread_setcancelstate(cancel, NULL);
}

static int
open_default(char *dir, size_t len)
{
	const char *env = getenv("PDC_STORE");
	struct stat sb;

	if (env != NULL && env[0] != '\0') {
		if (strlen(env) >= len)
			return pdc_err_set(PDC_EINVAL,
			    "$PDC_STORE: longer than %zu bytes", len - 1);
		strcpy(dir, env);
		return 0;
	}
	if (stat("/run/pdc", &sb) == 0) {
		strcpy(dir, "/run/pdc");
		return 0;
	}
	/* Anybody could have made it in that directory. */
	snprintf(dir, len, "/dev/shm/pdc-%d", (int)geteuid());
	if (lstat(dir, &sb) == -1)
		return 0;
	if (!S_ISDIR(sb.st_mode) || sb.st_uid != geteuid())
		return pdc_err_set(PDC_EPERM,
		    "%s: not a directory of ours; name another store", dir);
	return 0;
}

static int
open_options(const struct pdc_options *o)
{
	size_t i;

	if (o->flags &
	    ~(unsigned)(PDC_RDONLY | PDC_ATOMIC | PDC_FRESH | PDC_REFRESH))
		return pdc_err_set(PDC_EINVAL, "open: unknown flags 0x%x",
		    o->flags);
	if ((o->flags & PDC_RDONLY) && (o->flags & PDC_FRESH))
		return pdc_err_set(PDC_EINVAL,
		    "open: PDC_RDONLY and PDC_FRESH exclude each other");
	for (i = 0; i < sizeof(o->reserved) / sizeof(o->reserved[0]); i++)
		if (o->reserved[i] != 0)
			return pdc_err_set(PDC_EINVAL,
			    "open: reserved fields have to be 0");
	if (!(o->ttl_s >= 0 && o->ttl_s <= TTL_MAX_S))
		return pdc_err_set(PDC_EINVAL,
		    "open: ttl_s is 0 to 3e9 seconds");
	if (o->max_cpus > CELLS_MAX_LANES || o->atomic_lanes > CELLS_MAX_LANES)
		return pdc_err_set(PDC_ERANGE, "open: at most %d lanes",
		    CELLS_MAX_LANES);
	if (o->perm & ~07777U)
		return pdc_err_set(PDC_EINVAL, "open: %o is no mode", o->perm);
	return 0;
}

/* The one that is open, or NULL: a second one would cost it its locks. */
static int
open_known(struct pdc **pp, const char *dir)
{
	struct pdc *p;
	int ret = 0;

	*pp = NULL;
	for (p = registry.first; p != NULL && ret == 0; p = p->next) {
		ret = pdc_store_is(p->store, dir);
		if (ret == 1)
			*pp = p;
	}
	return ret < 0 ? ret : 0;
}

static void
open_close_cells(struct cells *c)
{
	struct cells *older;

	for (; c != NULL; c = older) {
		older = c->older;
		pdc_cells_close(c);
	}
}

static void
open_free(struct pdc *p)
{
	struct pdc_family *f, *next;
	struct stat sb;

	pdc_pockets_close(p);
	for (f = atomic_load(&p->families); f != NULL; f = next) {
		next = f->next;
		pdc_family_free(f);
	}
	pdc_emit_free(p);
	pdc_txn_free(p);
	pdc_table_bury(p->dead_series, p->dead_tables);
	open_close_cells(atomic_load(&p->cells));
	open_close_cells(p->husks);
	if (p->use_fd != -1 && fstat(p->use_fd, &sb) == 0 &&
	    sb.st_dev == p->use_dev && sb.st_ino == p->use_ino)
		close(p->use_fd);
	pdc_store_close(p->store);
	free(p->cells_dir);
	free(p);
}

/* Map what is there (read-only), or see to it that something is. */
static int
open_cells(struct pdc *p)
{
	struct stxn x;
	int ret;

	if (p->store->rdonly) {
		ret = pdc_stxn_read(&x, p->store);
		if (ret < 0)
			return ret;
		pdc_stxn_abort(&x);
		ret = pdc_epoch_map(p, &x.meta);
		return ret == PDC_ENOENT ? 0 : ret;
	}
	p->store->hook = pdc_epoch_hook;
	p->store->done = pdc_owed_done;
	p->store->expire = pdc_expire_hook;
	p->store->hook_arg = p;
	ret = pdc_stxn_read(&x, p->store);
	if (ret < 0)
		return ret;
	pdc_stxn_abort(&x);
	if (x.meta.epoch != 0 && pdc_epoch_map(p, &x.meta) == 0)
		return 0;
	ret = pdc_stxn_write(&x, p->store, p->store->wait_ms);
	if (ret < 0)
		return ret;
	return pdc_stxn_commit(&x);
}

/* What the store does not say yet; 1 if there is anything. */
static int
open_say(struct meta *m, const struct pdc_options *o)
{
	struct meta was = *m;

	if (m->ttl_s == 0)
		m->ttl_s = o->ttl_s;
	if (m->max_series == 0)
		m->max_series = o->max_series;
	if (o->flags & PDC_REFRESH)
		m->flags |= META_REFRESH;
	return memcmp(&was, m, sizeof(was)) != 0;
}

/* The first one to say how a store is to be. */
static int
open_settings(struct pdc *p, const struct pdc_options *o)
{
	struct stxn x;
	int ret;

	if (p->store->rdonly)
		return 0;
	ret = pdc_stxn_read(&x, p->store);
	if (ret < 0)
		return ret;
	pdc_stxn_abort(&x);
	if (!open_say(&x.meta, o))
		return 0;
	ret = pdc_stxn_write(&x, p->store, p->store->wait_ms);
	if (ret < 0)
		return ret;
	open_say(&x.meta, o);
	return pdc_stxn_commit(&x);
}

static int
open_new(struct pdc **pp, const char *dir, const struct pdc_options *o)
{
	struct store_opts so = { .group = o->group,
		.perm = o->perm,
		.rdonly = (o->flags & PDC_RDONLY) != 0,
		.wait_ms = o->wait_ms ? o->wait_ms : WAIT_MS };
	struct pdc *p;
	int ret;

	p = aligned_alloc(_Alignof(struct pdc), sizeof(*p));
	if (p == NULL)
		return pdc_err_set(PDC_ENOMEM, "%s", dir);
	memset(p, 0, sizeof(*p));
	p->use_fd = -1;
	p->flags = o->flags;
	p->max_cpus = o->max_cpus;
	p->atomic_lanes = o->atomic_lanes;
	p->refs = 1;
	ret = pdc_clock_init(&p->clock);
	if (ret == 0 && o->cells_dir != NULL &&
	    (p->cells_dir = realpath(o->cells_dir, NULL)) == NULL)
		ret = pdc_err_sys("cells_dir %s", o->cells_dir);
	if (ret == 0)
		ret = pdc_store_open(&p->store, dir, &so, &p->clock);
	if (ret == 0)
		ret = open_cells(p);
	if (ret == 0)
		ret = open_settings(p, o);
	if (ret < 0) {
		open_free(p);
		return ret;
	}
	*pp = p;
	return 0;
}

/* The one of this process, counted; the registry is locked. */
static int
open_shared(struct pdc **pp, const char *dir, const struct pdc_options *o)
{
	int ret = open_known(pp, dir);

	if (ret < 0)
		return ret;
	if (*pp == NULL) {
		ret = open_new(pp, dir, o);
		if (ret == 0) {
			(*pp)->next = registry.first;
			registry.first = *pp;
		}
		return ret;
	}
	if ((*pp)->store->rdonly && !(o->flags & PDC_RDONLY))
		return pdc_err_set(PDC_EBUSY,
		    "%s: open read-only in this process; close that first",
		    dir);
	(*pp)->refs++;
	return 0;
}

int
pdc_open(struct pdc **pp, const char *dir, const struct pdc_options *options)
{
	static const struct pdc_options none;
	const struct pdc_options *o = options != NULL ? options : &none;
	char path[4000];
	struct pdc *p;
	int ret, cancel;

	if (pp == NULL)
		return pdc_err_set(PDC_EINVAL,
		    "open: nowhere to put the handle");
	*pp = NULL;
	ret = open_options(o);
	if (ret == 0 && dir == NULL) {
		ret = open_default(path, sizeof(path));
		dir = path;
	}
	if (ret < 0)
		return ret;
	cancel = registry_lock();
	ret = open_shared(&p, dir, o);
	registry_unlock(cancel);
	if (ret == 0 && (o->flags & PDC_FRESH)) {
		ret = pdc_clear(p);
		if (ret < 0)
			pdc_close(p);
	}
	if (ret == 0)
		*pp = p;
	return ret;
}

/* Lanes outlive the process, but not when their file was deleted. */
static int
close_last_chance(const struct cells *c)
{
	struct stat sb;

	return c->older != NULL || fstat(c->fd, &sb) == -1 ||
	    sb.st_dev != c->dev || sb.st_ino != c->ino || sb.st_nlink == 0;
}

/*
 * Carry into the store what was counted, unless that was just done; and where
 * there is nobody else to do it, a slice of the upkeep.
 */
static void
close_checkpoint(struct pdc *p)
{
	int64_t now = pdc_clock_mono(&p->clock), last;
	struct cells *c = pdc_cells_now(p);

	if (c == NULL || c->rdonly)
		return;
	last = atomic_load(&c->head->checkpoint_mono_ns);
	if (atomic_load(&p->pending) == 0 && last != 0 && last <= now &&
	    now - last < LEAVE_SKIP_NS && !close_last_chance(c))
		return;
	(void)pdc_maintain_run(p, LEAVE_MS, 1);
	if (atomic_load(&p->pending) != 0)
		pdc_pending_drop(p);
}

void
pdc_close(struct pdc *p)
{
	struct pdc **at;
	int cancel;

	if (p == NULL)
		return;
	cancel = registry_lock();
	if (--p->refs == 0) {
		for (at = &registry.first; *at != NULL; at = &(*at)->next)
			if (*at == p) {
				*at = p->next;
				break;
			}
		close_checkpoint(p);
		open_free(p);
	}
	registry_unlock(cancel);
}

const char *
pdc_version(void)
{
	return PACKAGE_VERSION;
}

const char *
pdc_strerror(int code)
{
	return pdc_err_name(code);
}

const char *
pdc_error(void)
{
	return pdc_err_words();
}

int
pdc_checkpoint(struct pdc *p)
{
	if (p == NULL)
		return pdc_err_set(PDC_EINVAL, "checkpoint: no store");
	return pdc_checkpoint_run(p, p->store->wait_ms);
}

int
pdc_maintain(struct pdc *p)
{
	if (p == NULL)
		return pdc_err_set(PDC_EINVAL, "maintain: no store");
	return pdc_maintain_run(p, p->store->wait_ms, MAINTAIN_SLICES);
}

void
pdc_free(void *mem)
{
	free(mem);
}
