/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * pdc-serve without memory: the nth allocation of a request fails.  It is
 * answered or not; the server stays, leaves nothing behind, and the next answer
 * is right.
 */

#include <sys/socket.h>

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "help.h"
#include "machine/memory.h"
#include "multi/multi.h"
#include "pdc-serve/http.h"
#include "pdc-serve/listen.h"
#include "pdc-serve/serve.h"

#define NTH_MAX 2000
#define ANSWER_MS 20000
#define SETTLE_MS 2000
#define COUNTED 7

static struct options options = {
	.telemetry_path = "/metrics",
	.exporter_metrics = 1,
	.logs = 1,
	.log_level = LEVEL_ERROR,
};
static struct serve serve = { .options = &options,
	.log = { .level = LEVEL_ERROR } };
static struct sockaddr_in at;
static char answer[1 << 20];

static void
fill(const char *dir)
{
	struct pdc *p = help_open(dir, 0);
	struct pdc_series *s;

	s = help_series(help_family(p, PDC_COUNTER, "c", NULL), NULL);
	pdc_inc(s, COUNTED);
	s = help_series(help_family(p, PDC_HISTOGRAM, "h", "l"), "x");
	pdc_observe(s, 1);
	pdc_log(p, PDC_LOG_INFO, "a line", NULL, 0);
	pdc_measure(p, "m", 1, NULL, 0);
	pdc_close(p);
}

static void
run(int fd)
{
	struct http http;

	signal(SIGPIPE, SIG_IGN);
	if (source_init(&serve.source, &serve.log, options.store) < 0 ||
	    checkpointer_start(&serve.checkpointer, &serve.source, &serve.log,
		&options) < 0 ||
	    http_start(&http, &serve, fd, 100) < 0)
		_exit(1);
	for (;;)
		pause();
}

/* All that comes until the end. */
static void
take(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0) {
		if (poll(&wait, 1, ANSWER_MS) != 1)
			bail_out("the server neither answers nor closes");
		n = recv(fd, answer + len, sizeof(answer) - 1 - len, 0);
		len += n > 0 ? (size_t)n : 0;
	}
	answer[len] = '\0';
}

/* The status, or 0 if there is no answer. */
static int
ask(const char *path)
{
	char request[256];
	int fd, code = 0;

	snprintf(request, sizeof(request),
	    "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
	    "Accept-Encoding: gzip;q=0.5, identity\r\n\r\n",
	    path);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1 || connect(fd, (void *)&at, sizeof(at)) == -1)
		bail_out("the server is not there");
	(void)send(fd, request, strlen(request), MSG_NOSIGNAL);
	take(fd);
	close(fd);
	(void)sscanf(answer, "HTTP/1.%*d %d", &code);
	return code;
}

/* Threads of a connection end a little after it. */
static long
settled(long want)
{
	int i;

	for (i = 0; i < SETTLE_MS && atomic_load(&memory->live) != want; i++)
		multi_sleep_ms(1);
	return atomic_load(&memory->live) - want;
}

static int
right(const char *path, const char *words)
{
	int code = ask(path);

	if (code == 200 && strstr(answer, words) != NULL)
		return 1;
	diag("%s: %d without \"%s\"", path, code, words);
	return 0;
}

static void
test(const char *path, const char *words)
{
	int bad = 0, failed = 1, code = 200;
	long nth, left;

	for (nth = 0; nth < 3; nth++)
		(void)ask(path);
	multi_sleep_ms(50);
	for (nth = 1; failed && !bad && nth < NTH_MAX; nth++) {
		left = atomic_load(&memory->live);
		memory_arm(nth, 0);
		code = ask(path);
		failed = memory_disarm();
		/* Two threads at once would leave a stack more for others. */
		(void)settled(left);
		bad = (code != 0 && code != 200 && code / 100 != 5) ||
		    (code == 200 && strstr(answer, words) == NULL) ||
		    !right(path, words);
		left = settled(left);
		if (left != 0)
			bad++;
		if (bad)
			diag("%s, when the %ldth fails: %d, %ld left behind",
			    path, nth, code, left);
	}
	is_int(bad, 0, "%s: %ld allocations fail", path, nth - 2);
}

int
main(void)
{
	socklen_t len = sizeof(at);
	char words[256];
	pid_t pid;
	int fd;

	if (!memory_counted())
		skip_all("the allocator is another's");
	memory = multi_shared(sizeof(*memory));
	options.store = tap_tmpdir();
	fill(options.store);
	fd = listen_open("127.0.0.1:0", words, sizeof(words));
	if (fd == -1 || getsockname(fd, (void *)&at, &len) == -1)
		bail_out("listen: %s", words);
	pid = multi_fork();
	if (pid == 0)
		run(fd);
	close(fd);
	test("/metrics", "\nc_total 7");
	test("/logs", "a line");
	test("/measures/latest", "m");
	test("/-/ready", "Ready");
	test("/", "pdc");
	ok(kill(pid, 0) == 0, "the server is there");
	kill(pid, SIGKILL);
	multi_wait(pid, 5000);
	return tap_done();
}
