/* SPDX-License-Identifier: ISC */
/*
 * A counting HTTP client.
 *
 *	load [-g] [-c CONNECTIONS] [-t SECONDS] -p PORT
 *
 * One thread a connection, one request at a time on each, until SIGTERM or for
 * SECONDS; then each ends the request it has begun.  Prints once a second, and
 * last when all have ended:
 *
 *	answered	requests whose whole answer came
 *	cut	connections that ended after some of a request was sent and
 *		before the whole of its answer came
 *	wrong	of the answered: not with the status that was expected
 *
 * With -g the server is behind a gateway: what that answers by itself, 502 to
 * 504, says that the server's answer was cut.
 *
 * So a server that counts each request before it answers has counted at least
 * answered and at most answered + cut.  A connection that could not be made or
 * took nothing of a request is neither.  The method other than GET of a path
 * that does not exist leaves GET of such a path to another client.
 */
#include "config.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <err.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 256, WAIT_S = 20 };

struct load_request {
	const char *text;
	int status;
	int has_body; /* the answer */
};

static const struct load_request plain = {
	"GET / HTTP/1.1\r\nHost: demo\r\n\r\n",
	200,
	1,
};
static const struct load_request special[] = {
	{ "HEAD / HTTP/1.1\r\nHost: demo\r\n\r\n", 200, 0 },
	{ "HEAD /missing HTTP/1.1\r\nHost: demo\r\n\r\n", 404, 0 },
	{ "POST / HTTP/1.1\r\nHost: demo\r\nContent-Length: 5\r\n\r\nhello",
	    405, 1 },
	{ "BREW / HTTP/1.1\r\nHost: demo\r\n\r\n", 405, 1 },
};

static struct sockaddr_in server;
static atomic_ullong answered, cut, wrong;
static atomic_int ending;
static int gateway;

static void
load_report(void)
{
	printf("answered=%llu cut=%llu wrong=%llu\n", atomic_load(&answered),
	    atomic_load(&cut), atomic_load(&wrong));
	fflush(stdout);
}

/* A connection, or -1. */
static int
load_connect(void)
{
	const struct timeval limit = { .tv_sec = WAIT_S };
	const struct linger reset = { 1, 0 }; /* leave no TIME_WAIT behind */
	const int on = 1;
	int fd;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		err(1, "socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (struct sockaddr *)&server, sizeof(server)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Bytes of the whole answer of which buf has the beginning; 0: too early. */
static size_t
load_length(const char *buf, const struct load_request *request)
{
	static const char field[] = "\r\nContent-Length:";
	const char *end = strstr(buf, "\r\n\r\n"), *value;
	size_t body = 0;

	if (end == NULL)
		return 0;
	if (request->has_body) {
		value = strcasestr(buf, field);
		if (value == NULL || value > end)
			errx(1, "an answer without Content-Length");
		body = strtoul(value + sizeof(field) - 1, NULL, 10);
	}
	return (size_t)(end + 4 - buf) + body;
}

/* Send a request, a special one in two parts; returns what could be sent. */
static ssize_t
load_send(int fd, const struct load_request *request)
{
	const struct timespec pause = { 0, 1000000 };
	size_t len = strlen(request->text), part;
	ssize_t n;

	part = request == &plain ? len : len / 2;
	n = send(fd, request->text, part, MSG_NOSIGNAL);
	if (n > 0 && part < len) {
		nanosleep(&pause, NULL);
		send(fd, request->text + part, len - part, MSG_NOSIGNAL);
	}
	return n;
}

/* Send one request and take its answer; returns whether fd is still good. */
static int
load_exchange(int fd, const struct load_request *request)
{
	size_t got = 0, length = 0;
	char buf[4096];
	int status;
	ssize_t n;

	if (load_send(fd, request) <= 0)
		return 0;
	while (length == 0 || got < length) {
		n = recv(fd, buf + got, sizeof(buf) - 1 - got, 0);
		if (n <= 0) {
			atomic_fetch_add(&cut, 1);
			return 0;
		}
		got += (size_t)n;
		buf[got] = '\0';
		length = load_length(buf, request);
	}
	status = strncmp(buf, "HTTP/1.1 ", 9) == 0 ? atoi(buf + 9) : 0;
	if (gateway && status >= 502 && status <= 504) {
		atomic_fetch_add(&cut, 1);
	} else {
		if (status != request->status || got != length)
			atomic_fetch_add(&wrong, 1);
		atomic_fetch_add(&answered, 1);
	}
	return strcasestr(buf, "\r\nConnection: close") == NULL;
}

static void *
load_thread(void *arg)
{
	const struct timespec pause = { 0, 5000000 };
	const struct load_request *request;
	const unsigned nspecial = sizeof(special) / sizeof(special[0]);
	unsigned i = (unsigned)(size_t)arg;
	int fd = -1;

	while (!atomic_load(&ending)) {
		if (fd == -1 && (fd = load_connect()) == -1) {
			nanosleep(&pause, NULL);
			continue;
		}
		request = i % 16 < nspecial ? &special[i % 16] : &plain;
		if (!load_exchange(fd, request)) {
			close(fd);
			fd = -1;
		}
		i++;
	}
	if (fd != -1)
		close(fd);
	return NULL;
}

static void
load_run(int nconns, int seconds)
{
	const struct timespec second = { 1, 0 };
	pthread_t threads[MAX_CONNECTIONS];
	sigset_t term;
	int i, past = 0;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &term, NULL);
	for (i = 0; i < nconns; i++)
		if (pthread_create(&threads[i], NULL, load_thread,
			(void *)(size_t)i) != 0)
			errx(1, "no more threads");
	while ((seconds == 0 || past++ < seconds) &&
	    sigtimedwait(&term, NULL, &second) != SIGTERM)
		load_report();
	atomic_store(&ending, 1);
	for (i = 0; i < nconns; i++)
		pthread_join(threads[i], NULL);
	load_report();
}

int
main(int argc, char **argv)
{
	int c, nconns = 8, port = 0, seconds = 0;

	while ((c = getopt(argc, argv, "c:gp:t:")) != -1) {
		if (c == 'c')
			nconns = atoi(optarg);
		else if (c == 'g')
			gateway = 1;
		else if (c == 'p')
			port = atoi(optarg);
		else if (c == 't')
			seconds = atoi(optarg);
		else
			return 2;
	}
	if (port < 1 || port > 65535 || nconns < 1 || nconns > MAX_CONNECTIONS)
		errx(2,
		    "usage: load [-g] [-c CONNECTIONS] [-t SECONDS] -p PORT");
	server.sin_family = AF_INET;
	server.sin_port = htons((uint16_t)port);
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	load_run(nconns, seconds);
	return atomic_load(&wrong) != 0;
}
