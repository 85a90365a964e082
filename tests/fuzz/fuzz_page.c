/* SPDX-License-Identifier: ISC */
#include "config.h"

/* A page of anybody's for pdc compare: it is refused, or the same as itself. */

#include <sys/mman.h>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "pdc/cmd.h"

/* Each is written and read. */
long fuzz_tries = 5000;

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64], verb[] = "compare", *words[] = { verb, path, path };
	struct cmd cmd = { .words = words, .nwords = 3 };
	int fd, null, out;

	fd = memfd_create("page", MFD_CLOEXEC);
	FUZZ_MUST(fd != -1 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fflush(stdout);
	out = dup(STDOUT_FILENO);
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	FUZZ_MUST(out != -1 && dup2(null, STDOUT_FILENO) != -1);
	FUZZ_MUST(cmd_compare(&cmd) != CMD_NO);
	FUZZ_MUST(dup2(out, STDOUT_FILENO) != -1);
	close(out);
	close(null);
	close(fd);
	return 0;
}
