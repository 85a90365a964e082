/* SPDX-License-Identifier: ISC */
/*
 * httpd [-n WORKERS] [-p PORT] [-s STORE]: a preforking server that counts with
 * libpdc, to be copied.  No process needs a clean-up for its metrics: what it
 * counted stays counted when it is killed.  Each request is counted before it
 * is answered, so the metrics never know of less than the clients do.
 */
#include <arpa/inet.h>
#include <err.h>
#include <pdc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { HELLO, MISSING, REFUSED, NPAGES };
static const char *const codes[] = { "200", "404", "405" };
static const char *const words[] = { "OK", "Not Found", "Not Allowed" };
enum { HEAD = 1, OTHER = 4, NMETHODS };
static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "other" };

static struct pdc_family *requests;
static struct pdc_series *seconds, *bytes, *request[NPAGES][NMETHODS];

static void
declare(const char *store)
{
	struct pdc_family *durations, *sizes;
	struct pdc *pdc;
	const struct pdc_desc counter = { .type = PDC_COUNTER,
		.name = "http_requests",
		.help = "Answered requests.",
		.labels = (const char *[]){ "code", "method", NULL } };
	const struct pdc_desc histogram = { .type = PDC_HISTOGRAM,
		.name = "http_request_duration_seconds",
		.help = "Time from a request to its answer." };
	const struct pdc_desc summary = { .type = PDC_SUMMARY,
		.name = "http_response_size_bytes",
		.help = "Sizes of answers, heads and bodies." };

	if (pdc_open(&pdc, store, NULL) < 0 ||
	    pdc_declare(&requests, pdc, &counter) < 0 ||
	    pdc_declare(&durations, pdc, &histogram) < 0 ||
	    pdc_declare(&sizes, pdc, &summary) < 0 ||
	    pdc_labels(&seconds, durations, NULL) < 0 ||
	    pdc_labels(&bytes, sizes, NULL) < 0)
		errx(1, "%s", pdc_error());
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
serve(int fd)
{
	char buf[4096] = "", out[512], method[16] = "", path[256] = "";
	size_t len = 0;
	ssize_t n;
	int m, p;
	double start;

	while (strstr(buf, "\r\n\r\n") == NULL) {
		n = recv(fd, buf + len, sizeof(buf) - 1 - len, 0);
		if (n <= 0) /* ended, too slow or too long */
			return;
		buf[len += (size_t)n] = '\0';
	}
	start = now();
	sscanf(buf, "%15s %255s", method, path);
	for (m = 0; m < OTHER && strcmp(method, methods[m]) != 0; m++)
		continue;
	p = m > HEAD ? REFUSED : (strcmp(path, "/") != 0 ? MISSING : HELLO);
	n = snprintf(out, sizeof(out),
	    "HTTP/1.1 %s %s\r\nConnection: close\r\n"
	    "Content-Length: %zu\r\n\r\n%s",
	    codes[p], words[p], strlen(words[p]), m == HEAD ? "" : words[p]);
	if (request[p][m] == NULL) /* the first of this worker */
		pdc_labels(&request[p][m], requests,
		    (const char *[]){ codes[p], methods[m], NULL });
	pdc_inc(request[p][m], 1);
	pdc_observe(seconds, now() - start);
	pdc_observe(bytes, (double)n);
	send(fd, out, (size_t)n, MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR); /* a body left unread would reset the answer */
	recv(fd, buf, sizeof(buf), MSG_WAITALL);
}

static void
spawn(int sock)
{
	const struct timeval limit = { .tv_sec = 5 };
	pid_t pid;
	int fd;

	while ((pid = fork()) == -1)
		sleep(1);
	if (pid != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGTERM); /* end with the parent */
	for (; (fd = accept(sock, NULL, NULL)) != -1; close(fd)) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		serve(fd);
	}
	err(1, "accept");
}

int
main(int argc, char **argv)
{
	struct sockaddr_in sin = { .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_family = AF_INET };
	int sock = socket(AF_INET, SOCK_STREAM, 0), c, on = 1, workers = 8;
	socklen_t len = sizeof(sin);
	const char *store = NULL;

	while ((c = getopt(argc, argv, "n:p:s:")) != -1) {
		if (c == 'n')
			workers = atoi(optarg);
		else if (c == 'p')
			sin.sin_port = htons((uint16_t)atoi(optarg));
		else if (c == 's')
			store = optarg;
		else
			return 2;
	}
	declare(store);
	if (setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    bind(sock, (struct sockaddr *)&sin, len) == -1 ||
	    listen(sock, SOMAXCONN) == -1 ||
	    getsockname(sock, (struct sockaddr *)&sin, &len) == -1)
		err(1, "port %d", ntohs(sin.sin_port));
	dprintf(1, "listening on 127.0.0.1:%d\n", ntohs(sin.sin_port));
	while (workers > 0 ? workers-- : wait(NULL) > 0)
		spawn(sock);
	err(1, "wait");
}
