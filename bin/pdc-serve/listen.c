/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "pdc-serve/listen.h"

#include <sys/socket.h>
#include <sys/types.h>

#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LISTEN_BACKLOG 128
#define LISTEN_FIRST_FD 3 /* of those that are passed: systemd's rule */

struct listen_parts {
	char host[NI_MAXHOST]; /* "": all */
	const char *port; /* in the spec */
};

static int
listen_is_port(const char *s)
{
	size_t len = strspn(s, "0123456789");

	return s[len] == '\0' && len > 0 && len < 6 && atoi(s) <= 65535;
}

/* 0, or -1 when the spec is none. */
static int
listen_split(struct listen_parts *parts, const char *spec)
{
	const char *colon = strrchr(spec, ':'), *host = spec;
	size_t len;

	if (colon == NULL || !listen_is_port(colon + 1))
		return -1;
	len = (size_t)(colon - spec);
	if (len > 0 && *spec == '[') {
		if (len < 3 || spec[len - 1] != ']')
			return -1;
		host++;
		len -= 2;
	} else if (memchr(spec, ':', len) != NULL) {
		return -1;
	}
	if (len >= sizeof(parts->host))
		return -1;
	memcpy(parts->host, host, len);
	parts->host[len] = '\0';
	parts->port = colon + 1;
	return 0;
}

int
listen_check(const char *spec)
{
	struct listen_parts parts;

	return listen_split(&parts, spec);
}

/* A listening socket at the address, or -1 with errno. */
static int
listen_at(const struct addrinfo *ai, int dual)
{
	int fd, on = 1, off = 0, saved;

	fd = socket(ai->ai_family,
	    ai->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, ai->ai_protocol);
	if (fd == -1)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1)
		goto fail;
	if (ai->ai_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, dual ? &off : &on,
		sizeof(on)) == -1)
		goto fail;
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == -1 ||
	    listen(fd, LISTEN_BACKLOG) == -1)
		goto fail;
	return fd;
fail:
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static const struct addrinfo *
listen_family(const struct addrinfo *ai, int family)
{
	while (ai != NULL && ai->ai_family != family)
		ai = ai->ai_next;
	return ai;
}

/* All interfaces: one socket for both families, or IPv4 where that fails. */
static int
listen_choose(const struct addrinfo *list, int all)
{
	const struct addrinfo *v4 = listen_family(list, AF_INET);
	const struct addrinfo *v6 = listen_family(list, AF_INET6);
	int fd = -1;

	errno = EAFNOSUPPORT;
	if (all && v6 != NULL) {
		fd = listen_at(v6, 1);
		if (fd != -1 ||
		    (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL))
			return fd;
	}
	if (v4 != NULL)
		return listen_at(v4, 0);
	if (v6 != NULL && !all)
		return listen_at(v6, 0);
	return fd;
}

int
listen_open(const char *spec, char *words, size_t len)
{
	struct addrinfo hints, *list;
	struct listen_parts parts;
	int all, err, fd;

	if (listen_split(&parts, spec) < 0) {
		snprintf(words, len, "not HOST:PORT");
		return -1;
	}
	all = parts.host[0] == '\0';
	memset(&hints, 0, sizeof(hints));
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_PASSIVE;
	err = getaddrinfo(all ? NULL : parts.host, parts.port, &hints, &list);
	if (err != 0) {
		snprintf(words, len, "%s",
		    err == EAI_SYSTEM ? strerror(errno) : gai_strerror(err));
		return -1;
	}
	fd = listen_choose(list, all);
	if (fd == -1)
		snprintf(words, len, "%s", strerror(errno));
	freeaddrinfo(list);
	return fd;
}

/* A number of the environment, or -1. */
static long
listen_environment(const char *name)
{
	const char *value = getenv(name);
	char *end;
	long n;

	if (value == NULL)
		return -1;
	n = strtol(value, &end, 10);
	return end != value && *end == '\0' ? n : -1;
}

static int
listen_adopt(int fd)
{
	int on, type;
	socklen_t len = sizeof(on);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == -1 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == -1)
		return -1;
	if (type != SOCK_STREAM || !on) {
		errno = EPROTOTYPE;
		return -1;
	}
	return fcntl(fd, F_SETFD, FD_CLOEXEC) == -1 ||
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == -1 ?
	    -1 :
	    0;
}

int
listen_inherited(int *fds, int max, char *words, size_t len)
{
	long n = listen_environment("LISTEN_FDS");
	int i;

	if (listen_environment("LISTEN_PID") != getpid() || n < 1) {
		snprintf(words, len, "no socket was passed");
		return -1;
	}
	if (n > max) {
		snprintf(words, len, "%ld sockets were passed, %d at most", n,
		    max);
		return -1;
	}
	for (i = 0; i < n; i++) {
		fds[i] = LISTEN_FIRST_FD + i;
		if (listen_adopt(fds[i]) == -1) {
			snprintf(words, len, "descriptor %d: %s", fds[i],
			    strerror(errno));
			return -1;
		}
	}
	return (int)n;
}

void
listen_name(int fd, char *name, size_t len)
{
	struct sockaddr_storage ss;
	socklen_t sslen = sizeof(ss);
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (getsockname(fd, (struct sockaddr *)&ss, &sslen) == -1 ||
	    getnameinfo((struct sockaddr *)&ss, sslen, host, sizeof(host), port,
		sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		snprintf(name, len, "?");
	else if (ss.ss_family == AF_INET6)
		snprintf(name, len, "[%s]:%s", host, port);
	else
		snprintf(name, len, "%s:%s", host, port);
}
