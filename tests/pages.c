/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Pages that tests make are kept for tests/serve/test_pages.sh to judge: in
 * $PDC_PAGES, if that is set, each page once; large ones with PDC_PAGES_ALL=1
 * alone.  A test that calls pdc_render() gets the function here, by --wrap of
 * the linker.
 */

#include "tap.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "pdc.h"

#define PATH_SIZE 4096
#define LARGE ((size_t)64 << 10)

/* What the judge calls a page of this type. */
static const char *
page_form(const char *type)
{
	if (strstr(type, "allow-utf-8") != NULL)
		return strstr(type, "protobuf") != NULL ? "proto.utf8" : "utf8";
	if (strstr(type, "openmetrics") != NULL)
		return "om";
	return strstr(type, "protobuf") != NULL ? "proto" : "text";
}

/* Whole under its name, or not there: many processes make the same page. */
static void
page_write(const char *path, const char *data, size_t len)
{
	char part[PATH_SIZE + 32];
	int fd, bad;

	snprintf(part, sizeof(part), "%s.%ld.part", path, (long)gettid());
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd == -1)
		return;
	bad = write(fd, data, len) != (ssize_t)len;
	bad |= close(fd) == -1;
	if (bad || rename(part, path) == -1)
		unlink(part);
}

void
tap_page(const char *type, const char *data, size_t len)
{
	const char *dir = getenv("PDC_PAGES");
	char path[PATH_SIZE];

	if (dir == NULL || *dir == '\0' ||
	    (len > LARGE && getenv("PDC_PAGES_ALL") == NULL))
		return;
	if (mkdir(dir, 0777) == -1 && errno != EEXIST)
		return;
	snprintf(path, sizeof(path), "%s/%s-%016llx.%s", dir,
	    program_invocation_short_name,
	    (unsigned long long)pdc_hash(data, len, 0), page_form(type));
	if (access(path, F_OK) == -1)
		page_write(path, data, len);
}

int __real_pdc_render(struct pdc *, const char *accept, char **text,
    size_t *len, const char **type);
int __wrap_pdc_render(struct pdc *, const char *accept, char **text,
    size_t *len, const char **type);

int
__wrap_pdc_render(struct pdc *p, const char *accept, char **text, size_t *len,
    const char **type)
{
	int ret = __real_pdc_render(p, accept, text, len, type);

	if (ret == 0)
		tap_page(pdc_content_type(accept), *text, *len);
	return ret;
}
