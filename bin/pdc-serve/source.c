/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "pdc-serve/source.h"

#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/page.h"
#include "pdc.h"
#include "pdc-serve/log.h"

/* For the lock, to know whether a store can be closed. */
#define SOURCE_PROBE_MS 20

struct source_file {
	char dir[PATH_MAX];
	int there;
	dev_t dev;
	ino_t ino;
};

/* The rule of pdc_open(), looked at afresh: /run/pdc may come later. */
static void
source_dir(const struct source *s, char *dir, size_t len)
{
	const char *env = getenv("PDC_STORE");

	if (s->dir != NULL)
		snprintf(dir, len, "%s", s->dir);
	else if (env != NULL && *env != '\0')
		snprintf(dir, len, "%s", env);
	else if (access("/run/pdc", F_OK) == 0)
		snprintf(dir, len, "/run/pdc");
	else
		snprintf(dir, len, "/dev/shm/pdc-%ju", (uintmax_t)geteuid());
}

static void
source_look(const struct source *s, struct source_file *file)
{
	char path[PATH_MAX + 16];
	struct stat st;

	source_dir(s, file->dir, sizeof(file->dir));
	snprintf(path, sizeof(path), "%s/data.mdb", file->dir);
	file->there = stat(path, &st) == 0;
	file->dev = file->there ? st.st_dev : 0;
	file->ino = file->there ? st.st_ino : 0;
}

/* Mutex held: does what the look found call for a change? */
static int
source_is_stale(const struct source *s, const struct source_file *file)
{
	if (s->state != SOURCE_OPEN)
		return s->state == SOURCE_FAILED || file->there;
	return s->reopen || !file->there || file->dev != s->dev ||
	    file->ino != s->ino;
}

/* Mutex held.  Words are logged when they are new. */
static void
source_fail(struct source *s, const struct source_file *file, int error,
    const char *why)
{
	int is_new = s->state != SOURCE_FAILED || strcmp(s->words, why) != 0;

	s->state = SOURCE_FAILED;
	s->error = error;
	snprintf(s->words, sizeof(s->words), "%s", why);
	if (is_new)
		log_msg(s->log, LEVEL_WARN, "cannot open store", "dir",
		    file->dir, "err", s->words, NULL);
}

/* Mutex held. */
static void
source_is_absent(struct source *s, const struct source_file *file)
{
	s->state = SOURCE_ABSENT;
	snprintf(s->words, sizeof(s->words), "there is no store in %.400s",
	    file->dir);
}

/* To checkpoint if that is allowed, else to look only. */
static int
source_open(struct pdc **pdcp, const char *dir, int *rdonly)
{
	struct pdc_options options;
	int ret;

	memset(&options, 0, sizeof(options));
	*rdonly = 0;
	ret = pdc_open(pdcp, dir, &options);
	if (ret != PDC_EPERM)
		return ret;
	*rdonly = 1;
	options.flags = PDC_RDONLY;
	return pdc_open(pdcp, dir, &options);
}

/*
 * A store cannot be closed well while somebody keeps its lock, and could not
 * be opened again.
 */
static int
source_is_locked(const struct source *s, const struct source_file *file,
    struct pdc *pdc)
{
	return file->there && file->dev == s->dev && file->ino == s->ino &&
	    pdc_page_maintain(pdc, SOURCE_PROBE_MS) == PDC_EBUSY;
}

/* Mutex held. */
static void
source_opened(struct source *s, const struct source_file *file, struct pdc *pdc,
    int rdonly)
{
	s->state = SOURCE_OPEN;
	s->pdc = pdc;
	s->rdonly = rdonly;
	s->dev = file->dev;
	s->ino = file->ino;
	log_msg(s->log, LEVEL_INFO, "store opened", "dir", file->dir, "mode",
	    rdonly ? "read-only" : "read-write", NULL);
}

/* Mutex held, but not while closing and opening; changing is set. */
static void
source_change(struct source *s, const struct source_file *file)
{
	struct pdc *old = s->pdc, *pdc = NULL;
	int locked, ret = 0, rdonly = 0;
	char why[SOURCE_WORDS];

	pthread_mutex_unlock(&s->mutex);
	locked = old != NULL && source_is_locked(s, file, old);
	if (old != NULL && !locked) {
		pdc_close(old);
		log_msg(s->log, LEVEL_INFO, "store closed", "dir", file->dir,
		    NULL);
	}
	if (file->there && !locked)
		ret = source_open(&pdc, s->dir, &rdonly);
	snprintf(why, sizeof(why), "%s", ret == 0 ? "" : pdc_error());
	pthread_mutex_lock(&s->mutex);
	if (locked)
		return;
	s->pdc = NULL;
	s->reopen = 0;
	if (!file->there)
		source_is_absent(s, file);
	else if (ret < 0)
		source_fail(s, file, ret, why);
	else
		source_opened(s, file, pdc, rdonly);
}

/* Mutex held: wait for a signal, no longer than to the deadline. */
static int
source_wait(struct source *s, int64_t deadline_ns)
{
	struct timespec ts = { (time_t)(deadline_ns / 1000000000),
		(long)(deadline_ns % 1000000000) };

	return pthread_cond_timedwait(&s->cond, &s->mutex, &ts);
}

/* Mutex held: have the state agree with the file; 0, or -1 when late. */
static int
source_settle(struct source *s, int64_t deadline_ns)
{
	struct source_file file;

	while (s->changing)
		if (source_wait(s, deadline_ns) == ETIMEDOUT && s->changing)
			return -1;
	source_look(s, &file);
	if (s->state == SOURCE_ABSENT)
		source_is_absent(s, &file);
	if (!source_is_stale(s, &file))
		return 0;
	s->changing = 1;
	while (s->users > 0)
		if (source_wait(s, deadline_ns) == ETIMEDOUT && s->users > 0)
			break;
	if (s->users == 0)
		source_change(s, &file);
	s->changing = 0;
	pthread_cond_broadcast(&s->cond);
	return s->users == 0 ? 0 : -1;
}

enum source_state
source_get(struct source *s, int64_t deadline_ns, struct source_use *use)
{
	memset(use, 0, sizeof(*use));
	pthread_mutex_lock(&s->mutex);
	if (source_settle(s, deadline_ns) < 0) {
		use->state = SOURCE_FAILED;
		use->error = PDC_EBUSY;
		snprintf(use->words, sizeof(use->words),
		    "the store is being opened anew");
	} else {
		use->state = s->state;
		use->pdc = s->pdc;
		use->rdonly = s->rdonly;
		use->error = s->state == SOURCE_FAILED ? s->error : 0;
		if (s->state != SOURCE_OPEN)
			memcpy(use->words, s->words, sizeof(use->words));
		else
			s->users++;
	}
	pthread_mutex_unlock(&s->mutex);
	return use->state;
}

void
source_put(struct source *s)
{
	pthread_mutex_lock(&s->mutex);
	if (--s->users == 0)
		pthread_cond_broadcast(&s->cond);
	pthread_mutex_unlock(&s->mutex);
}

void
source_reopen(struct source *s)
{
	pthread_mutex_lock(&s->mutex);
	s->reopen = 1;
	pthread_mutex_unlock(&s->mutex);
}

int
source_init(struct source *s, const struct log *log, const char *dir)
{
	pthread_condattr_t attr;

	memset(s, 0, sizeof(*s));
	s->log = log;
	s->dir = dir;
	s->state = SOURCE_ABSENT;
	errno = pthread_mutex_init(&s->mutex, NULL);
	if (errno != 0)
		return -1;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	errno = pthread_cond_init(&s->cond, &attr);
	pthread_condattr_destroy(&attr);
	return errno == 0 ? 0 : -1;
}

void
source_fini(struct source *s)
{
	if (s->pdc != NULL)
		pdc_close(s->pdc);
	s->pdc = NULL;
	pthread_cond_destroy(&s->cond);
	pthread_mutex_destroy(&s->mutex);
}
