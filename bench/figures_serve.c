/* SPDX-License-Identifier: ISC */
#include "config.h"

/* Figures of pdc-serve: pages, codings, memory, and doing nothing. */

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "figures.h"
#include "tool.h"

#define ROUNDS_MAX 51
#define SAMPLE_NS 2e6 /* between two looks at its memory */

enum coding { PLAIN, GZIP, ZSTD, NCODINGS };

static const char *const codings[] = { "identity", "gzip", "zstd" };

static struct {
	pid_t pid;
	uint16_t port;
	double anon_max; /* KiB */
} s;

/* What the log says: 0 while it listens nowhere. */
static uint16_t
port_of(const char *log)
{
	char buf[4096];
	ssize_t n;
	int fd = open(log, O_RDONLY | O_CLOEXEC);
	const char *at;

	if (fd == -1)
		return 0;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[n < 0 ? 0 : n] = '\0';
	at = strstr(buf, "listening");
	at = at != NULL ? strstr(at, "127.0.0.1:") : NULL;
	if (at == NULL || strchr(at, '\n') == NULL)
		return 0;
	return (uint16_t)strtoul(at + strlen("127.0.0.1:"), NULL, 10);
}

static void
serve_exec(const char *log)
{
	const char *path = getenv("PDC_SERVE");
	char arg[160];
	int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fd == -1 || dup2(fd, 2) == -1 || dup2(fd, 1) == -1)
		_exit(1);
	snprintf(arg, sizeof(arg), "--store=%s", tool_path("serve"));
	path = path != NULL ? path : PDC_SERVE;
	execl(path, path, arg, "--web.listen-address=127.0.0.1:0",
	    "--web.disable-exporter-metrics", (char *)NULL);
	err(1, "%s", path);
}

static void
serve_start(void)
{
	char log[160];
	int tries;

	snprintf(log, sizeof(log), "%s", tool_path("log"));
	unlink(log);
	s.pid = fork();
	if (s.pid == -1)
		err(1, "fork");
	if (s.pid == 0)
		serve_exec(log);
	for (tries = 0; tries < 1000; tries++) {
		s.port = port_of(log);
		if (s.port != 0)
			return;
		if (waitpid(s.pid, NULL, WNOHANG) != 0)
			break;
		usleep(10000);
	}
	errx(1, "pdc-serve does not listen");
}

static void
serve_stop(void)
{
	kill(s.pid, SIGTERM);
	waitpid(s.pid, NULL, 0);
}

/* KiB of memory of its own, not of files and stores. */
static double
serve_anon(void)
{
	char line[256], path[64];
	double kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)s.pid);
	f = fopen(path, "re");
	if (f == NULL)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "RssAnon: %lf", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

static double
serve_cpu_ns(void)
{
	struct timespec ts;
	clockid_t clock;

	if (clock_getcpuclockid(s.pid, &clock) != 0 ||
	    clock_gettime(clock, &ts) == -1)
		errx(1, "no CPU clock of pdc-serve");
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static int
get_begin(enum coding coding)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(s.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	char ask[128];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), len;

	if (fd == -1 ||
	    connect(fd, (const struct sockaddr *)&to, sizeof(to)) == -1)
		err(1, "pdc-serve");
	len = snprintf(ask, sizeof(ask),
	    "GET /metrics HTTP/1.0\r\nAccept-Encoding: %s\r\n\r\n",
	    codings[coding]);
	if (write(fd, ask, (size_t)len) != len)
		err(1, "pdc-serve");
	return fd;
}

/* Bytes of the head; the page is to be one, and coded as it was wanted. */
static size_t
head_len(char *head, enum coding coding)
{
	char *end = strstr(head, "\r\n\r\n"), want[64];

	if (end == NULL || strncmp(strchr(head, ' '), " 200", 4) != 0)
		errx(1, "no page of pdc-serve");
	snprintf(want, sizeof(want), "Content-Encoding: %s", codings[coding]);
	if (coding != PLAIN && strcasestr(head, want) == NULL)
		errx(1, "no page in %s", codings[coding]);
	return (size_t)(end + 4 - head);
}

/* One page: its bytes are returned, the time it took is in *ns. */
static double
get_page(enum coding coding, double *ns)
{
	static char buf[1 << 18];
	double all = 0, head = 0, looked, start = tool_now_ns();
	int fd = get_begin(coding);
	ssize_t n;

	looked = start;
	while ((n = read(fd, buf, sizeof(buf) - 1)) > 0) {
		if (head == 0) {
			buf[n] = '\0';
			head = (double)head_len(buf, coding);
		}
		all += (double)n;
		if (s.anon_max >= 0 && tool_now_ns() - looked > SAMPLE_NS) {
			looked = tool_now_ns();
			if (serve_anon() > s.anon_max)
				s.anon_max = serve_anon();
		}
	}
	*ns = tool_now_ns() - start;
	if (n == -1 || all <= head)
		errx(1, "the page broke off");
	close(fd);
	return all - head;
}

static void
serve_store(uint32_t nseries)
{
	struct pdc *pdc = tool_open("serve", NULL);

	tool_fill(pdc, nseries, NULL);
	pdc_close(pdc);
}

void
figures_pages(int full)
{
	double bytes[NCODINGS], ns[NCODINGS][ROUNDS_MAX], min[NCODINGS],
	    mid[NCODINGS];
	int i, rounds = full ? ROUNDS_MAX : 21;
	enum coding c;

	serve_store(10000);
	serve_start();
	s.anon_max = -1;
	for (i = 0; i < rounds; i++)
		for (c = PLAIN; c < NCODINGS; c++)
			bytes[c] = get_page(c, &ns[c][i]);
	serve_stop();
	tool_remove("serve");
	for (c = PLAIN; c < NCODINGS; c++) {
		mid[c] = tool_median(ns[c], (size_t)rounds) / 1e6;
		min[c] = ns[c][0] / 1e6;
		figure(bytes[c], "bytes", "page, 10000 series, %s", codings[c]);
		figure(min[c], "ms", "page, 10000 series, %s, min", codings[c]);
		if (c == PLAIN)
			continue;
		figure(bytes[PLAIN] / bytes[c], "ratio",
		    "page, 10000 series, identity to %s", codings[c]);
		figure(min[c] - min[PLAIN], "ms",
		    "page, 10000 series, %s adds, of minima", codings[c]);
		figure(mid[c] - mid[PLAIN], "ms",
		    "page, 10000 series, %s adds, of medians", codings[c]);
	}
}

/* The most memory that pdc-serve ever had more than before its first page. */
static void
idle_page(uint32_t nseries)
{
	double before = serve_anon(), bytes, ns;

	s.anon_max = before;
	bytes = get_page(PLAIN, &ns);
	figure(bytes / 1e6, "MB", "page, %u series", nseries);
	figure(ns / 1e6, "ms", "page, %u series, first", nseries);
	get_page(PLAIN, &ns);
	figure(ns / 1e6, "ms", "page, %u series, second", nseries);
	figure((s.anon_max - before) / 1024, "MiB",
	    "page, %u series, extra memory", nseries);
}

void
figures_idle(uint32_t nseries, int seconds)
{
	double began, start;

	serve_store(nseries);
	figure(tool_cells_bytes("serve") / (1 << 20), "MiB",
	    "idle, %u series, shared memory", nseries);
	serve_start();
	sleep(2); /* its first checkpoint is made */
	start = tool_now_ns();
	began = serve_cpu_ns();
	sleep((unsigned)seconds);
	figure((serve_cpu_ns() - began) / (tool_now_ns() - start) * 100, "%",
	    "idle, %u series, CPU of pdc-serve", nseries);
	idle_page(nseries);
	serve_stop();
	tool_remove("serve");
}
