/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Epochs: the life of one cells file.
 *
 * Everyone who maps a file has locks in use.lock (use.c).
 *
 * state of the store's file		what is done
 * there, this boot			map it
 * another boot, nobody holds use.lock	new epoch
 * gone, same directory as recorded	new epoch; old mappers salvage
 * gone, and deleted under ourselves	new epoch; old mappers salvage
 * gone, nobody holds use.lock		new epoch
 * gone or another boot, and held	refused: somebody sees another /dev/shm
 * none named (new, or a copy)		new epoch
 *
 * The new file is whole before the transaction that names it; what is not named
 * does not exist.
 */

#include <sys/random.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fault.h"
#include "checkpoint/checkpoint.h"
#include "pdc.h"

#define ATTACH_TRIES 4
#define UUID_IN_NAME 8 /* bytes of it */
#define PREFIX_LEN (4 + 2 * UUID_IN_NAME)

static const char *
epoch_dir(const struct pdc *p, const struct meta *m)
{
	return m->cells_dir[0] != '\0' ? m->cells_dir : p->store->dir;
}

/*
 * Make c the present mapping, unless another thread has mapped this epoch or a
 * later one; the mapping before stays for salvage.
 */
static void
epoch_swap(struct pdc *p, struct cells *c)
{
	struct cells *now;

	pdc_table_lock(p);
	now = atomic_load(&p->cells);
	if (now == NULL || now->epoch < c->epoch) {
		c->older = now;
		if (now != NULL && now->rdonly) /* it adds nothing */
			now->closed_ns = pdc_clock_mono(&p->clock);
		/* Pairs with the acquire in pdc_cells_now(). */
		atomic_store_explicit(&p->cells, c, memory_order_release);
		c = NULL;
	}
	pdc_table_unlock(p);
	pdc_cells_close(c);
}

/* Map the file under the lock of its epoch. */
static int
epoch_open(const struct pdc *p, struct cells **cp, const struct cells_make *mk)
{
	void *mark = NULL;
	int ret = 0;

	if (!p->store->rdonly)
		ret = pdc_use_enter(p, mk->epoch, &mark);
	if (ret == 0)
		ret = pdc_cells_open(cp, mk);
	if (ret == 0)
		(*cp)->mark = mark;
	else
		pdc_use_leave(mark);
	return ret;
}

int
pdc_epoch_map(struct pdc *p, const struct meta *m)
{
	struct cells_make mk = { .dir = epoch_dir(p, m),
		.name = m->cells_name,
		.uuid = m->uuid,
		.epoch = m->epoch,
		.flags = (p->store->rdonly ? CELLS_RDONLY : 0) |
		    (p->flags & PDC_ATOMIC ? CELLS_ATOMIC : 0) };
	struct cells *c = pdc_cells_now(p);
	int ret;

	if (c != NULL && c->epoch == m->epoch)
		return 0;
	if (m->cells_name[0] == '\0' ||
	    strcmp(m->boot_id, p->clock.boot_id) != 0)
		return PDC_ENOENT;
	ret = pdc_use_share(p);
	if (ret == 0)
		ret = epoch_open(p, &c, &mk);
	if (ret == 0 && (c->dev != m->cells_dev || c->ino != m->cells_ino)) {
		pdc_cells_close(c); /* somebody else's of that name */
		ret = PDC_ENOENT;
	}
	if (ret == 0)
		epoch_swap(p, c);
	if (ret == 0 && p->store->rdonly)
		pdc_closed_forget(p);
	return ret;
}

struct cells *
pdc_epoch_cells(struct pdc *p, uint32_t wait_ms)
{
	struct stxn x;

	if (pdc_stxn_read_in(&x, p->store, wait_ms) == 0) {
		pdc_stxn_abort(&x);
		(void)pdc_epoch_map(p, &x.meta);
	}
	return pdc_cells_now(p);
}

/*
 * It was deleted: it is not in the directory it was made in, or it is the one
 * we map and has no name.  The device alone does not tell two directories of
 * one tmpfs apart that two containers see under one name.
 */
static int
epoch_deleted(const struct pdc *p, const struct meta *m)
{
	const struct cells *c = pdc_cells_now(p);
	struct stat sb;

	if (c != NULL && c->epoch == m->epoch && fstat(c->fd, &sb) == 0 &&
	    sb.st_dev == c->dev && sb.st_ino == c->ino && sb.st_nlink == 0)
		return 1;
	return stat(epoch_dir(p, m), &sb) == 0 && sb.st_dev == m->cells_dev &&
	    (m->cells_dir_ino == 0 || sb.st_ino == m->cells_dir_ino);
}

/* Whether the recorded file may be given up; PDC_EPERM with words if not. */
static int
epoch_may_renew(struct pdc *p, const struct meta *m)
{
	const char *dir = epoch_dir(p, m);
	int same_boot = strcmp(m->boot_id, p->clock.boot_id) == 0, ret;

	if (m->cells_name[0] == '\0')
		return 0;
	if (same_boot && epoch_deleted(p, m))
		return 0;
	ret = pdc_use_alone(p);
	if (ret != 0)
		return ret < 0 ? ret : 0;
	(void)pdc_use_share(p); /* we may have a mapping ourselves */
	if (!same_boot)
		return pdc_err_set(PDC_EPERM,
		    "%s: in use by processes of another boot "
		    "(%s; this is %s): a store cannot be shared between "
		    "sandboxes or machines",
		    p->store->dir, m->boot_id, p->clock.boot_id);
	return pdc_err_set(PDC_EPERM,
	    "%s: its cells are in use in another %s, which is not the one "
	    "here: let the containers share it, or put the store on a shared "
	    "tmpfs",
	    p->store->dir, dir);
}

/* Where cells go: a file on a disk would stall its writers. */
static int
epoch_choose(const struct pdc *p, const char **dir)
{
	int ret;

	*dir = "";
	if (p->store->tmpfs)
		return 0;
	*dir = p->cells_dir != NULL ? p->cells_dir : "/dev/shm";
	ret = pdc_file_tmpfs(*dir);
	if (ret == 0)
		return pdc_err_set(PDC_ENOTSUP,
		    "%s: the cells want a tmpfs, which this is not", *dir);
	return ret < 0 ? ret : 0;
}

/* How cells of this store are called, before what is random. */
static void
epoch_prefix(const struct meta *m, char *name)
{
	int i;

	strcpy(name, "pdc-");
	for (i = 0; i < UUID_IN_NAME; i++)
		snprintf(name + 4 + 2 * i, 3, "%02x", m->uuid[i]);
}

static int
epoch_name(struct pdc *p, struct meta *m)
{
	const char *dir;
	uint64_t r;
	int ret;

	ret = epoch_choose(p, &dir);
	if (ret < 0)
		return ret;
	if (strlen(dir) >= sizeof(m->cells_dir))
		return pdc_err_set(PDC_EINVAL,
		    "cells_dir: longer than %zu bytes",
		    sizeof(m->cells_dir) - 1);
	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		return pdc_err_sys("getrandom");
	memset(m->cells_dir, 0, sizeof(m->cells_dir));
	memset(m->cells_name, 0, sizeof(m->cells_name));
	strcpy(m->cells_dir, dir);
	epoch_prefix(m, m->cells_name);
	snprintf(m->cells_name + PREFIX_LEN, sizeof(m->cells_name) - PREFIX_LEN,
	    "%016llx", (unsigned long long)r);
	return 0;
}

/*
 * Who was killed before the transaction that would have named his file has left
 * it behind.  Write lock held: nobody is making one.  What has the name of the
 * store's own may be anybody's.
 */
static void
epoch_clear(const struct pdc *p, const struct meta *was, const struct meta *m)
{
	char prefix[sizeof(m->cells_name)];
	struct dirent *e;
	DIR *d;

	d = opendir(epoch_dir(p, m));
	if (d == NULL)
		return;
	epoch_prefix(m, prefix);
	while ((e = readdir(d)) != NULL)
		if (strncmp(e->d_name, prefix, PREFIX_LEN) == 0 &&
		    strcmp(e->d_name, was->cells_name) != 0)
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
}

static int
epoch_make(struct pdc *p, const struct meta *m, struct cells **cp)
{
	struct cells_make mk = { .dir = epoch_dir(p, m),
		.name = m->cells_name,
		.uuid = m->uuid,
		.epoch = m->epoch,
		.boot_id = m->boot_id,
		.max_cpus = p->max_cpus,
		.atomic_lanes = p->atomic_lanes,
		.uid = p->store->owner.uid,
		.gid = p->store->owner.gid,
		.mode = p->store->owner.mode | 0600,
		.flags = p->flags & PDC_ATOMIC ? CELLS_ATOMIC : 0 };
	int ret;

	ret = pdc_cells_make(&mk);
	if (ret == 0)
		ret = epoch_open(p, cp, &mk);
	return ret;
}

static void
epoch_unlink(const struct pdc *p, const struct meta *m)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", epoch_dir(p, m), m->cells_name);
	unlink(path);
}

static int
epoch_new(struct pdc *p, struct stxn *x)
{
	struct meta *m = &x->meta, new;
	uint32_t commits = x->commits;
	struct cells *c = NULL;
	struct stat sb;
	int ret;

	/* A directory that was removed or replaced gets nothing of us. */
	ret = pdc_store_ours(p->store);
	if (ret == 0)
		ret = epoch_may_renew(p, m);
	new = *m;
	if (ret == 0)
		ret = epoch_name(p, &new);
	if (ret < 0)
		return ret;
	new.epoch++;
	if (strcmp(new.boot_id, p->clock.boot_id) != 0) {
		new.boot_epoch = new.epoch;
		memset(new.boot_id, 0, sizeof(new.boot_id));
		strcpy(new.boot_id, p->clock.boot_id);
		new.fold_from = 0;
	} else {
		new.fold_from = new.next_series;
	}
	new.epoch_series = new.next_series;
	memset(new.next_unit, 0, sizeof(new.next_unit));
	epoch_clear(p, m, &new);
	ret = epoch_make(p, &new, &c);
	if (ret < 0) {
		epoch_unlink(p, &new);
		return ret;
	}
	new.cells_dev = c->dev;
	new.cells_ino = c->ino;
	new.cells_dir_ino = stat(epoch_dir(p, &new), &sb) == 0 ? sb.st_ino : 0;
	*m = new;
	ret = pdc_use_share(p);
	if (ret == 0 && !FAULT(EPOCH_COMMIT))
		ret = pdc_stxn_renew(x);
	else if (ret == 0)
		ret = pdc_err_set(PDC_ENOSPC, "fault");
	if (ret < 0 && x->commits == commits) {
		pdc_cells_close(c);
		epoch_unlink(p, &new);
	} else {
		epoch_swap(p, c);
	}
	return ret;
}

/* The mapping is the store's, and the file has not been deleted under us. */
static int
epoch_current(struct pdc *p, const struct meta *m)
{
	struct cells *c = pdc_cells_now(p);
	char path[4096];
	struct stat sb;

	if (c == NULL || c->epoch != m->epoch ||
	    strcmp(m->boot_id, p->clock.boot_id) != 0)
		return 0;
	if (fstat(c->fd, &sb) == 0 && sb.st_dev == c->dev &&
	    sb.st_ino == c->ino)
		return sb.st_nlink > 0;
	/* Somebody closed all descriptors of the process. */
	snprintf(path, sizeof(path), "%s/%s", epoch_dir(p, m), m->cells_name);
	c->fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (c->fd == -1)
		return 0;
	if (fstat(c->fd, &sb) == 0 && sb.st_dev == c->dev &&
	    sb.st_ino == c->ino)
		return pdc_cells_enter(c) == 0 && pdc_use_share(p) == 0;
	close(c->fd);
	c->fd = -1;
	return 0;
}

/* The recorded file is there and is the one recorded. */
static int
epoch_there(const struct pdc *p, const struct meta *m)
{
	char path[4096];
	struct stat sb;

	snprintf(path, sizeof(path), "%s/%s", epoch_dir(p, m), m->cells_name);
	return m->cells_name[0] != '\0' && lstat(path, &sb) == 0 &&
	    sb.st_dev == m->cells_dev && sb.st_ino == m->cells_ino;
}

static int
epoch_attach(struct pdc *p, struct stxn *x)
{
	int ret = PDC_ENOENT, tries;

	if (strcmp(x->meta.boot_id, p->clock.boot_id) == 0 &&
	    epoch_there(p, &x->meta))
		ret = pdc_epoch_map(p, &x->meta);
	/* Again, should somebody delete the new file before we have it open. */
	for (tries = 0; tries < ATTACH_TRIES && ret == PDC_ENOENT; tries++)
		ret = epoch_new(p, x);
	return ret;
}

int
pdc_epoch_hook(void *arg, struct stxn *x)
{
	struct pdc *p = arg;
	int ret = 0;

	if (!epoch_current(p, &x->meta))
		ret = epoch_attach(p, x);
	if (ret == 0)
		pdc_slot_renew(&p->self, pdc_cells_now(p), p->store->wlock.fd);
	if (x->meta.fold_from > x->meta.next_series)
		x->meta.fold_from = x->meta.next_series;
	/* First: what salvage owes is written over these records. */
	if (ret == 0)
		ret = pdc_owed_redo(x, p);
	if (ret == 0 && pdc_salvage_wanted(p))
		ret = pdc_epoch_salvage(x, p);
	if (ret == 0)
		ret = pdc_pending_flush(x, p);
	return pdc_stxn_fail(x, ret);
}
