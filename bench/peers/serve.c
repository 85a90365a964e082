/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Lines that are served: N of them to one reader, by
 *
 *	serve pdc	pdc-serve, /logs of a store
 *	serve nginx	nginx, a file
 *	serve cat	cat, a file, through a pipe
 *
 * An operation is one connection of HTTP/1.0 over the loopback device, or one
 * cat, up to the end.  The total is of the bytes that came, as lines.
 */

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pdc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "line.h"
#include "peer.h"

#define START_MS 10000

static char buf[65536];
static const char *target = "/lines";
static uint64_t nlines;
static uint16_t port;
static double page, bytes; /* of one page; of all that were asked for */

struct path {
	char text[128];
};

static struct path
in_dir(const char *name)
{
	struct path path;

	snprintf(path.text, sizeof(path.text), "%s/%s", peer_dir(), name);
	return path;
}

static int
file_open(const char *name, int flags)
{
	int fd = open(in_dir(name).text, flags | O_CLOEXEC, 0600);

	if (fd == -1)
		err(1, "%s", name);
	return fd;
}

/* --- reading --- */

static double
read_all(int fd)
{
	double sum = 0;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		sum += (double)n;
	if (n == -1)
		err(1, "read");
	return sum;
}

static int
server_connect(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		err(1, "socket");
	if (connect(fd, (const struct sockaddr *)&sin, sizeof(sin)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* The bytes behind the head of the answer, which is in the first ones. */
static double
server_get(void)
{
	int fd = server_connect();
	size_t len = 0;
	char *end = NULL;
	double sum;
	ssize_t n;

	if (fd == -1)
		err(1, "connect");
	len = (size_t)snprintf(buf, sizeof(buf), "GET %s HTTP/1.0\r\n\r\n",
	    target);
	if (peer_write(fd, buf, len) == -1)
		err(1, "write");
	for (len = 0; end == NULL; len += (size_t)n) {
		n = read(fd, buf + len, sizeof(buf) - 1 - len);
		if (n <= 0)
			errx(1, "no answer");
		buf[len + (size_t)n] = '\0';
		end = strstr(buf, "\r\n\r\n");
	}
	if (strncmp(buf + strlen("HTTP/1.1"), " 200 ", 5) != 0)
		errx(1, "%.*s", (int)strcspn(buf, "\r"), buf);
	sum = (double)(len - (size_t)(end + 4 - buf)) + read_all(fd);
	close(fd);
	return sum;
}

static void
run_server(uint64_t n)
{
	for (; n > 0; n--)
		bytes += server_get();
}

static double
total(void)
{
	return bytes / page * (double)nlines;
}

/* --- pdc-serve --- */

static void
store_fill(void)
{
	const struct pdc_field fields[] = {
		{ .name = "user", .kind = PDC_STRING, .text = LINE_USER },
		{ .name = "n", .kind = PDC_INTEGER, .integer = LINE_N },
	};
	struct pdc *pdc;
	uint64_t i;

	if (pdc_open(&pdc, in_dir("store").text, NULL) < 0)
		errx(1, "%s", pdc_error());
	for (i = 0; i < nlines; i++)
		if (pdc_log(pdc, PDC_LOG_INFO, LINE_MESSAGE, fields, 2) < 0)
			errx(1, "%s", pdc_error());
	if (pdc_checkpoint(pdc) < 0)
		errx(1, "%s", pdc_error());
	pdc_close(pdc);
}

static pid_t
start(const char *const *argv)
{
	int fd = file_open("log", O_WRONLY | O_CREAT);
	pid_t pid = peer_fork();

	if (pid == 0) {
		dup2(fd, 1);
		dup2(fd, 2);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(fd);
	return pid;
}

/* The port is in what it logs. */
static uint16_t
port_logged(void)
{
	int fd = file_open("log", O_RDONLY);
	ssize_t n = read(fd, buf, sizeof(buf) - 1);
	const char *at;

	close(fd);
	buf[n < 0 ? 0 : n] = '\0';
	at = strstr(buf, "listening");
	at = at != NULL ? strstr(at, "127.0.0.1:") : NULL;
	if (at == NULL || strchr(at, '\n') == NULL)
		return 0;
	return (uint16_t)strtoul(at + strlen("127.0.0.1:"), NULL, 10);
}

static int
pdc_listens(void)
{
	port = port_logged();
	return port != 0;
}

static int
nginx_listens(void)
{
	int fd = server_connect();

	if (fd != -1)
		close(fd);
	return fd != -1;
}

static void
start_wait(pid_t pid, int (*listens)(void), const char *missing)
{
	int ms, status;

	for (ms = 0; ms < START_MS; ms += 10) {
		if (listens())
			return;
		if (waitpid(pid, &status, WNOHANG) == pid)
			break;
		usleep(10000);
	}
	if (ms < START_MS && WIFEXITED(status) && WEXITSTATUS(status) == 127) {
		warnx("%s", missing);
		exit(PEER_MISSING);
	}
	errx(1, "the server does not listen");
}

/* Lines differ in length, by zeros at the end of their times. */
static void
setup_pdc(unsigned arg)
{
	const char *argv[] = { PDC_SERVE, "--store", NULL, "--web.logs",
		"--web.listen-address=127.0.0.1:0", NULL };

	struct path store = in_dir("store");

	nlines = arg;
	target = "/logs";
	store_fill();
	argv[2] = store.text;
	start_wait(start(argv), pdc_listens, "pdc-serve is not built");
	page = server_get();
	if (page < (double)(nlines * (LINE_LEN - 7)) ||
	    page > (double)(nlines * LINE_LEN))
		errx(1, "%.0f bytes of %u lines", page, arg);
}

/* --- a file --- */

static void
file_fill(unsigned arg)
{
	FILE *f = fdopen(file_open("lines", O_WRONLY | O_CREAT), "w");
	unsigned i;

	nlines = arg;
	page = (double)(nlines * LINE_LEN);
	if (f == NULL)
		err(1, "fdopen");
	for (i = 0; i < arg; i++)
		fputs(LINE_TEXT, f);
	if (fclose(f) != 0)
		err(1, "lines");
}

/* nginx does not tell which one it got: one that is free just now. */
static void
port_find(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || bind(fd, (const struct sockaddr *)&sin, len) == -1 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) == -1)
		err(1, "no free port");
	close(fd);
	port = ntohs(sin.sin_port);
}

static void
setup_nginx(unsigned arg)
{
	const char *argv[] = { "nginx", "-c", NULL, "-e", "stderr", NULL };
	FILE *f = fdopen(file_open("conf", O_WRONLY | O_CREAT), "w");
	const char *dir = peer_dir();
	struct path conf = in_dir("conf");

	if (f == NULL)
		err(1, "fdopen");
	port_find();
	file_fill(arg);
	fprintf(f,
	    "daemon off; master_process off; pid %s/pid; error_log stderr;\n"
	    "events {}\n"
	    "http {\n"
	    "access_log off; sendfile on; tcp_nopush on;\n"
	    "client_body_temp_path %s/body; proxy_temp_path %s/proxy;\n"
	    "fastcgi_temp_path %s/fastcgi; uwsgi_temp_path %s/uwsgi;\n"
	    "scgi_temp_path %s/scgi;\n"
	    "server { listen 127.0.0.1:%u; root %s; }\n"
	    "}\n",
	    dir, dir, dir, dir, dir, dir, (unsigned)port, dir);
	if (fclose(f) != 0)
		err(1, "conf");
	argv[2] = conf.text;
	if (setenv("PATH", "/usr/local/sbin:/usr/sbin:/usr/bin:/bin", 1) == -1)
		err(1, "setenv");
	start_wait(start(argv), nginx_listens,
	    "missing the Debian package nginx");
}

static void
cat_once(const char *path)
{
	int pair[2], status;
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) == -1)
		err(1, "pipe");
	pid = peer_fork();
	if (pid == 0) {
		dup2(pair[1], 1);
		execlp("cat", "cat", path, (char *)NULL);
		_exit(127);
	}
	close(pair[1]);
	bytes += read_all(pair[0]);
	close(pair[0]);
	if (waitpid(pid, &status, 0) == -1 || status != 0)
		errx(1, "cat failed");
}

static void
run_cat(uint64_t n)
{
	struct path lines = in_dir("lines");

	for (; n > 0; n--)
		cat_once(lines.text);
}

static const struct mode {
	const char *name;
	void (*setup)(unsigned arg);
	void (*run)(uint64_t n);
} modes[] = {
	{ "pdc", setup_pdc, run_server },
	{ "nginx", setup_nginx, run_server },
	{ "cat", file_fill, run_cat },
};

int
main(int argc, char **argv)
{
	struct peer_scenario scenarios[] = {
		{ .name = "serve", .form = PEER_SIZED, .total = total },
		{ .name = NULL },
	};
	size_t i;

	for (i = 0; argc > 1 && i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(modes[i].name, argv[1]) == 0) {
			scenarios[0].setup = modes[i].setup;
			scenarios[0].run = modes[i].run;
			return peer_main(argc - 1, argv + 1, scenarios);
		}
	fprintf(stderr, "usage: serve pdc|nginx|cat serve NUMBER\n");
	return 2;
}
