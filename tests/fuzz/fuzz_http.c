/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Bytes that come over a connection to pdc-serve.  It goes on, and never says
 * that it was its fault.
 */

#include <sys/socket.h>

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "pdc-serve/http.h"
#include "pdc-serve/listen.h"
#include "pdc-serve/serve.h"
#include "pdc.h"

/* Each is a connection. */
long fuzz_tries = 200;

static char dir[64];
static struct options options = {
	.store = dir,
	.telemetry_path = "/metrics",
	.exporter_metrics = 1,
	.logs = 1,
	.log_level = LEVEL_ERROR,
};
static struct serve serve = { .options = &options,
	.log = { .level = LEVEL_ERROR } };
static struct http http;
static struct sockaddr_in at;

static void
leave(void)
{
	char command[128];

	http_quiesce(&http);
	http_stop(&http);
	checkpointer_stop(&serve.checkpointer);
	source_fini(&serve.source);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	FUZZ_MUST(system(command) == 0);
}

static void
fill(void)
{
	const struct pdc_desc c = { .type = PDC_COUNTER, .name = "c" },
			      h = { .type = PDC_HISTOGRAM, .name = "h" };
	struct pdc_family *f;
	struct pdc *p;
	int i;

	FUZZ_MUST(pdc_open(&p, dir, NULL) == 0);
	FUZZ_MUST(pdc_declare(&f, p, &c) == 0 && pdc_declare(&f, p, &h) == 0);
	for (i = 0; i < 20; i++) {
		FUZZ_MUST(pdc_logf(p, PDC_LOG_INFO + i % 3 * 4, "%d", i) == 0);
		FUZZ_MUST(pdc_event(p, "a\"b", NULL, 0) == 0);
		FUZZ_MUST(pdc_measure(p, "m", i, NULL, 0) == 0);
	}
	pdc_close(p);
}

static void
arrive(void)
{
	socklen_t len = sizeof(at);
	char words[256];
	int fd;

	signal(SIGPIPE, SIG_IGN);
	strcpy(dir, "/dev/shm/pdc-fuzz-XXXXXX");
	FUZZ_MUST(mkdtemp(dir) != NULL);
	fill();
	fd = listen_open("127.0.0.1:0", words, sizeof(words));
	FUZZ_MUST(fd != -1 && getsockname(fd, (void *)&at, &len) == 0);
	FUZZ_MUST(source_init(&serve.source, &serve.log, dir) == 0);
	FUZZ_MUST(checkpointer_start(&serve.checkpointer, &serve.source,
		      &serve.log, &options) == 0);
	FUZZ_MUST(http_start(&http, &serve, fd, 100) == 0);
	FUZZ_MUST(atexit(leave) == 0);
}

/* All of the answers into buf; what does not fit is let go. */
static size_t
take(int fd, char *buf, size_t cap)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	char more[4096];
	size_t len = 0;
	ssize_t n;

	for (;;) {
		/* A server that neither answers nor closes hangs. */
		FUZZ_MUST(poll(&wait, 1, 20000) == 1);
		n = recv(fd, more, sizeof(more), 0);
		if (n <= 0)
			return len;
		if ((size_t)n > cap - len)
			n = (ssize_t)(cap - len);
		memcpy(buf + len, more, (size_t)n);
		len += (size_t)n;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char answer[4096];
	size_t len;
	int fd;

	if (dir[0] == '\0')
		arrive();
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	FUZZ_MUST(fd != -1 && connect(fd, (void *)&at, sizeof(at)) == 0);
	if (send(fd, data, size, MSG_NOSIGNAL) == (ssize_t)size)
		shutdown(fd, SHUT_WR);
	len = take(fd, answer, sizeof(answer));
	close(fd);
	FUZZ_MUST(len == 0 ||
	    (len > 12 && memcmp(answer, "HTTP/1.", 7) == 0 &&
		memcmp(answer + 8, " 500", 4) != 0));
	return 0;
}
