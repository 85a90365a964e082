/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "pdc-serve/serve.h"

#include <sys/resource.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "pdc.h"
#include "pdc-serve/http.h"
#include "pdc-serve/listen.h"
#include "pdc-serve/now.h"

#define SERVE_CONNECTIONS 256
#define SERVE_SPARE_FDS 64 /* the store, /proc, stderr, sockets */
#define SERVE_NAME (1024 + 8)

/* Running requests are waited for so long when the server ends. */
#define SERVE_DRAIN_NS ((int64_t)10 * NOW_SECOND)
#define SERVE_DRAIN_STEP_NS 10000000

struct serve_sockets {
	struct http http[OPTIONS_MAX_LISTEN];
	size_t n;
};

/* Connections for each address, so that descriptors are left for the rest. */
static unsigned
serve_limit(size_t naddresses)
{
	struct rlimit limit;
	rlim_t n = SERVE_CONNECTIONS;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    limit.rlim_cur != RLIM_INFINITY) {
		n = limit.rlim_cur > SERVE_SPARE_FDS ?
		    limit.rlim_cur - SERVE_SPARE_FDS :
		    0;
		n = n / naddresses;
	}
	if (n > SERVE_CONNECTIONS)
		n = SERVE_CONNECTIONS;
	return n > 0 ? (unsigned)n : 1;
}

/* fd: one of n. */
static int
serve_socket(struct serve *serve, struct serve_sockets *sockets, int fd,
    size_t n)
{
	char name[SERVE_NAME];

	listen_name(fd, name, sizeof(name));
	if (http_start(&sockets->http[sockets->n], serve, fd, serve_limit(n)) <
	    0) {
		log_msg(&serve->log, LEVEL_ERROR, "cannot serve", "address",
		    name, NULL);
		return -1;
	}
	sockets->n++;
	log_msg(&serve->log, LEVEL_INFO, "listening", "address", name, NULL);
	return 0;
}

static int
serve_listen(struct serve *serve, struct serve_sockets *sockets,
    const char *spec)
{
	char words[256];
	int fd;

	fd = listen_open(spec, words, sizeof(words));
	if (fd == -1) {
		log_msg(&serve->log, LEVEL_ERROR, "cannot listen", "address",
		    spec, "err", words, NULL);
		return -1;
	}
	return serve_socket(serve, sockets, fd, serve->options->nlisten);
}

static int
serve_inherited(struct serve *serve, struct serve_sockets *sockets)
{
	int fds[OPTIONS_MAX_LISTEN], i, n, ret;
	char words[256];

	n = listen_inherited(fds, OPTIONS_MAX_LISTEN, words, sizeof(words));
	if (n == -1)
		log_msg(&serve->log, LEVEL_ERROR, "cannot listen", "err", words,
		    NULL);
	ret = n == -1 ? -1 : 0;
	for (i = 0; i < n && ret == 0; i++)
		ret = serve_socket(serve, sockets, fds[i], (size_t)n);
	return ret;
}

static int
serve_listen_all(struct serve *serve, struct serve_sockets *sockets)
{
	const struct options *o = serve->options;
	size_t i;
	int ret = 0;

	if (o->systemd_socket)
		return serve_inherited(serve, sockets);
	for (i = 0; i < o->nlisten && ret == 0; i++)
		ret = serve_listen(serve, sockets, o->listen[i]);
	return ret;
}

static void
serve_drain(struct serve *serve, struct serve_sockets *sockets)
{
	int64_t end = now_ns() + SERVE_DRAIN_NS;
	size_t i;

	atomic_store(&serve->ending, 1);
	for (i = 0; i < sockets->n; i++)
		http_quiesce(&sockets->http[i]);
	while (atomic_load(&serve->counts.in_flight) > 0 && now_ns() < end)
		pdc_clock_sleep(SERVE_DRAIN_STEP_NS);
	for (i = 0; i < sockets->n; i++)
		http_stop(&sockets->http[i]);
}

static void
serve_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
}

/* Until SIGINT or SIGTERM.  A second one ends the process as it is. */
static void
serve_wait(struct serve *serve, const sigset_t *set)
{
	struct source_use use;
	int sig;

	for (;;) {
		if (sigwait(set, &sig) != 0)
			continue;
		if (sig != SIGHUP)
			break;
		log_msg(&serve->log, LEVEL_INFO, "reopening", NULL);
		source_reopen(&serve->source);
		if (source_get(&serve->source, now_ns() + NOW_SECOND, &use) ==
		    SOURCE_OPEN)
			source_put(&serve->source);
	}
	log_msg(&serve->log, LEVEL_INFO, "ending", "signal",
	    sig == SIGINT ? "SIGINT" : "SIGTERM", NULL);
	pthread_sigmask(SIG_UNBLOCK, set, NULL);
}

/* With the parts started: listen, wait, end.  The exit status. */
static int
serve_loop(struct serve *serve, const sigset_t *set)
{
	struct serve_sockets sockets;
	int ret;

	sockets.n = 0;
	ret = serve_listen_all(serve, &sockets);
	if (ret == 0)
		serve_wait(serve, set);
	serve_drain(serve, &sockets);
	return ret == 0 ? 0 : 1;
}

int
serve_run(const struct options *options)
{
	struct serve serve;
	sigset_t set;
	int status = 1;

	memset(&serve, 0, sizeof(serve));
	serve.options = options;
	serve.log.level = options->log_level;
	serve.log.format = options->log_format;
	pthread_mutex_init(&serve.latest.mutex, NULL);
	signal(SIGPIPE, SIG_IGN);
	serve_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	log_msg(&serve.log, LEVEL_INFO, "starting", "version", pdc_version(),
	    NULL);
	if (source_init(&serve.source, &serve.log, options->store) < 0) {
		log_msg(&serve.log, LEVEL_ERROR, "cannot start", "err",
		    strerror(errno), NULL);
		return 1;
	}
	if (checkpointer_start(&serve.checkpointer, &serve.source, &serve.log,
		options) == 0) {
		status = serve_loop(&serve, &set);
		checkpointer_stop(&serve.checkpointer);
	} else {
		log_msg(&serve.log, LEVEL_ERROR, "cannot start", "err",
		    strerror(errno), NULL);
	}
	source_fini(&serve.source);
	latest_fini(&serve.latest);
	return status;
}
