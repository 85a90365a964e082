/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Appending lines:
 *
 *	journal pdc	pdc_log()
 *	journal write	write(2) of the ready line to a file with O_APPEND
 *	journal syslog	syslog(3), to who reads /dev/log
 *
 * The latter is a process of ours, in a mount namespace of our own, so that the
 * log of this machine does not get these lines: it reads one datagram after the
 * other and writes each to a file, as a syslog daemon does at least.
 *
 * The scenario "log" appends one line after the other, so what empties pdc's
 * ring is part of it.  "burst N" are N lines at once, and the ring is emptied
 * before, by somebody else as it were; an operation is then all N.
 */

#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <err.h>
#include <fcntl.h>
#include <pdc.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "line.h"
#include "peer.h"

#define READ_WAIT_US 10000000
#define WARM_UP 20 /* bursts */

static struct pdc *pdc;
static char store[128];
static unsigned burst = 1;
static int file;
static double before; /* lines that nobody asked for */
static uint64_t sent;
static _Atomic uint64_t *received;

static void
must(int ret)
{
	if (ret < 0)
		errx(1, "%s", pdc_error());
}

/* --- pdc --- */

static void
run_pdc(uint64_t n)
{
	const struct pdc_field fields[] = {
		{ .name = "user", .kind = PDC_STRING, .text = LINE_USER },
		{ .name = "n", .kind = PDC_INTEGER, .integer = LINE_N },
	};

	for (n *= burst; n > 0; n--)
		must(pdc_log(pdc, PDC_LOG_INFO, LINE_MESSAGE, fields, 2));
}

static void
empty_rings(void)
{
	must(pdc_checkpoint(pdc));
}

/* The memory of a ring is touched for the first time once only. */
static void
setup_pdc(unsigned arg)
{
	int i;

	snprintf(store, sizeof(store), "%s/store", peer_dir());
	must(pdc_open(&pdc, store, NULL));
	if (arg > 0)
		burst = arg;
	for (i = 0; arg > 0 && i < WARM_UP; i++) {
		run_pdc(1);
		empty_rings();
		before += burst;
	}
}

/* What the command reads. */
static double
total_pdc(void)
{
	char buf[65536], command[512];
	double lines = 0;
	size_t i, len;
	FILE *f;

	must(pdc_checkpoint(pdc));
	pdc_close(pdc);
	snprintf(command, sizeof(command), "%s -s %s logs --format=ndjson",
	    PDC_COMMAND, store);
	f = popen(command, "r");
	if (f == NULL)
		err(1, "%s", command);
	while ((len = fread(buf, 1, sizeof(buf), f)) > 0)
		for (i = 0; i < len; i++)
			lines += buf[i] == '\n';
	if (pclose(f) != 0)
		errx(1, "%s failed", command);
	return lines - before;
}

/* --- write(2) --- */

static void
file_open(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/lines", peer_dir());
	file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (file == -1)
		err(1, "%s", path);
}

static void
setup_write(unsigned arg)
{
	if (arg > 0)
		burst = arg;
	file_open();
}

static void
run_write(uint64_t n)
{
	for (n *= burst; n > 0; n--)
		if (write(file, LINE_TEXT, LINE_LEN) != (ssize_t)LINE_LEN)
			err(1, "write");
}

static double
total_write(void)
{
	struct stat sb;

	if (fstat(file, &sb) == -1)
		err(1, "fstat");
	return (double)sb.st_size / (double)LINE_LEN;
}

/* --- syslog(3) --- */

/* A /dev that nobody else sees, of which only the socket is needed. */
static int
own_dev(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	if (unshare(CLONE_NEWNS) == -1 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("none", "/dev", "tmpfs", 0, NULL) == -1)
		return -1;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	strcpy(sun.sun_path, "/dev/log");
	if (fd == -1 ||
	    bind(fd, (const struct sockaddr *)&sun, sizeof(sun)) == -1)
		err(1, "/dev/log");
	return fd;
}

static void
reader_main(int fd)
{
	char buf[8192];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf) - 1, 0)) > 0) {
		buf[n++] = '\n';
		if (write(file, buf, (size_t)n) != n)
			err(1, "write");
		atomic_fetch_add(received, 1);
	}
	err(1, "recv");
}

static void
setup_syslog(unsigned arg)
{
	int fd;

	if (arg > 0)
		burst = arg;
	file_open();
	received = mmap(NULL, sizeof(*received), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (received == MAP_FAILED)
		err(1, "mmap");
	fd = own_dev();
	if (fd == -1) {
		warn("a /dev of its own, which takes root");
		exit(PEER_MISSING);
	}
	if (peer_fork() == 0)
		reader_main(fd);
	close(fd);
	openlog("bench", LOG_NDELAY, LOG_USER);
}

/* It puts "<14>Nov 27 14:00:00 bench: " before. */
static void
run_syslog(uint64_t n)
{
	for (n *= burst, sent += n; n > 0; n--)
		syslog(LOG_INFO, "%s", &LINE_TEXT[27]);
}

static double
total_syslog(void)
{
	int us;

	for (us = 0; atomic_load(received) < sent && us < READ_WAIT_US;
	     us += 1000)
		usleep(1000);
	return (double)atomic_load(received);
}

static const struct mode {
	const char *name;
	void (*setup)(unsigned arg);
	void (*run)(uint64_t n);
	double (*total)(void);
	void (*empty)(void); /* before a burst */
} modes[] = {
	{ "pdc", setup_pdc, run_pdc, total_pdc, empty_rings },
	{ "write", setup_write, run_write, total_write, NULL },
	{ "syslog", setup_syslog, run_syslog, total_syslog, NULL },
};

static int
run_mode(const struct mode *m, int argc, char **argv)
{
	const struct peer_scenario scenarios[] = {
		{ "log", PEER_ALONE, m->setup, NULL, m->run, m->total, NULL },
		{ "burst", PEER_SIZED, m->setup, NULL, m->run, m->total,
		    m->empty },
		{ .name = NULL },
	};

	return peer_main(argc, argv, scenarios);
}

int
main(int argc, char **argv)
{
	size_t i;

	for (i = 0; argc > 1 && i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(modes[i].name, argv[1]) == 0)
			return run_mode(&modes[i], argc - 1, argv + 1);
	fprintf(stderr, "usage: journal pdc|write|syslog SCENARIO [NUMBER]\n");
	return 2;
}
