/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "pdc/cmd.h"

/*
 * A store must never get descriptor 0, 1 or 2: what is printed would be written
 * into it.  Reading only, so that printing fails where nobody listens.
 */
static void
main_fill_stdio(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDONLY);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd == -1)
		err(CMD_TROUBLE, "/dev/null");
	close(fd);
}

int
main(int argc, char **argv)
{
	static struct cmd cmd;
	int status;

	main_fill_stdio();
	/* A closed pipe and a file grown too large are errors of write(2). */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	status = cmd_run(&cmd, argc, argv);
	if (status == CMD_TROUBLE)
		errx(CMD_TROUBLE, "%s", cmd.error);
	return status;
}
