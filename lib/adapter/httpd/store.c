/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The store of a server: opened, looked after and closed by the parent, as the
 * User its children run as, who own its files.
 */

#include <unixd.h>

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <unistd.h>

#include "mod_pdc.h"

#define GROUPS_MOST 1024

struct store store;

/* Files of the store belong to whom the children run as. */
struct identity {
	int changed, ngroups;
	gid_t groups[GROUPS_MOST];
	gid_t gid;
};

static int
identity_take(struct identity *was)
{
	was->changed = 0;
	if (geteuid() != 0 || ap_unixd_config.user_id == 0)
		return 0;
	was->gid = getegid();
	was->ngroups = getgroups(GROUPS_MOST, was->groups);
	if (was->ngroups < 0)
		return -1;
	was->changed = 1;
	if ((ap_unixd_config.user_name != NULL &&
		*ap_unixd_config.user_name != '#' &&
		initgroups(ap_unixd_config.user_name,
		    ap_unixd_config.group_id) != 0) ||
	    setegid(ap_unixd_config.group_id) != 0)
		return -1;
	return seteuid(ap_unixd_config.user_id);
}

/* Back to root; a parent that cannot must not go on as somebody else. */
static void
identity_give(const struct identity *was)
{
	int saved = errno;

	if (!was->changed)
		return;
	if (seteuid(0) != 0 || setegid(was->gid) != 0 ||
	    setgroups((size_t)was->ngroups, was->groups) != 0)
		abort();
	errno = saved;
}

/* Root makes the directory where the user may not. */
static void
store_directory(const char *dir)
{
	int fd;

	if (geteuid() != 0 || mkdir(dir, 0700) != 0)
		return;
	/* Not by its name, which somebody may have given away meanwhile. */
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return;
	if (fchown(fd, ap_unixd_config.user_id, ap_unixd_config.group_id) !=
		0 ||
	    fchmod(fd, 0750) != 0)
		(void)rmdir(dir);
	close(fd);
}

void
store_close(void)
{
	/* Threads of a child may count to its end; it has nothing to close. */
	if (store.p != NULL && store.opener == getpid()) {
		pdc_close(store.p);
		store.p = NULL;
	}
}

static int
store_declare(void)
{
	const char *const method_code[] = { "method", "code", NULL };
	const char *const method[] = { "method", NULL };
	struct pdc_desc total = { .type = PDC_COUNTER,
		.name = "http_requests_total",
		.help = "Requests that were answered or broken off.",
		.labels = method_code };
	struct pdc_desc seconds = { .type = PDC_HISTOGRAM,
		.name = "http_request_duration_seconds",
		.help = "From the request line to the end of the response.",
		.unit = "seconds",
		.labels = method };
	struct pdc_desc bytes = { .type = PDC_SUMMARY,
		.name = "http_response_size_bytes",
		.help = "Bodies of responses.",
		.unit = "bytes" };
	struct pdc_desc running = {
		.type = PDC_GAUGE,
		.mode = PDC_LIVESUM,
		.name = "http_requests_in_progress",
		.help = "Requests being answered now, by processes that live."
	};
	struct pdc_family *f;
	int ret;

	ret = pdc_declare(&store.total, store.p, &total);
	if (ret == 0)
		ret = pdc_declare(&store.seconds, store.p, &seconds);
	if (ret == 0)
		ret = pdc_declare(&store.running, store.p, &running);
	if (ret == 0)
		ret = pdc_declare(&f, store.p, &bytes);
	if (ret == 0)
		ret = pdc_labels(&store.bytes, f, NULL);
	return ret;
}

const char *
store_open(const char *dir)
{
	struct identity root;
	const char *wrong = NULL;

	store_directory(dir);
	if (identity_take(&root) != 0)
		wrong = "this process may not become the server's User";
	else if (pdc_open(&store.p, dir, NULL) < 0 || store_declare() < 0)
		wrong = pdc_error();
	store.opener = getpid();
	if (wrong != NULL)
		store_close();
	identity_give(&root);
	return wrong;
}

const char *
store_upkeep(void)
{
	struct identity root;
	int ret = 0;

	if (identity_take(&root) == 0)
		ret = pdc_maintain(store.p);
	identity_give(&root);
	return ret < 0 && ret != PDC_EBUSY ? pdc_error() : NULL;
}
