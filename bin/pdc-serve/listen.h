/* SPDX-License-Identifier: ISC */
#ifndef PDC_SERVE_LISTEN_H
#define PDC_SERVE_LISTEN_H

/* Listening sockets from what --web.listen-address says. */

#include <stddef.h>

/* 0 if this has the form of an address that listen_open() takes, else -1. */
int listen_check(const char *spec);

/*
 * Listen on HOST:PORT, [ADDRESS]:PORT or :PORT, all interfaces, IPv6 ones too
 * where there are any.  PORT is a number and may be 0.  A host with several
 * addresses gives the first, of IPv4 if possible.
 *
 *	words	of len bytes, why it failed
 *
 * Returns a descriptor, non-blocking and closed on exec, or -1.
 */
int listen_open(const char *spec, char *words, size_t len);

/*
 * The listening sockets that systemd, or who does as it, has passed to this
 * process, made non-blocking and closed on exec.
 *
 *	fds	max of them
 *	words	of len bytes, what is wrong
 *
 * Returns how many there are, or -1.
 */
int listen_inherited(int *fds, int max, char *words, size_t len);

/* The address that the socket really has, as HOST:PORT or [ADDRESS]:PORT. */
void listen_name(int fd, char *name, size_t len);

#endif
