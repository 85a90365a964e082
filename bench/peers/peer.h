/* SPDX-License-Identifier: ISC */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

/*
 * What the peers in C share: a peer is a table of scenarios, and peer_main()
 * speaks the protocol of the driver with it.
 *
 *	PROGRAM SCENARIO [ARGUMENT]
 *
 * sets up and prints "ready".  For each line N of the input it makes N
 * operations and prints the nanoseconds they took; at the end of the input
 * "total T", the number of operations that can be read back from where they
 * were counted, or the bytes of a page.  Exit status 0; 1 after an error; 2
 * after bad usage; PEER_MISSING where the machine lacks what is needed.
 */

#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PEER_MISSING 77
#define PEER_WORKERS_MAX 256

enum peer_form {
	PEER_ALONE, /* no argument; run() is called in this process */
	PEER_SIZED, /* a number as argument, else the same */
	PEER_WORKERS, /* so many processes, forked after setup(), call run() */
	PEER_THREADS /* so many threads instead */
};

/* begin and before may be NULL, no other.  A name of NULL ends a table. */
struct peer_scenario {
	const char *name;
	enum peer_form form;
	void (*setup)(unsigned arg); /* once; 0 when there is no argument */
	void (*begin)(unsigned worker); /* once in each worker */
	void (*run)(uint64_t n); /* n operations; all that is timed */
	double (*total)(void); /* in this process, at last */
	void (*before)(void); /* or NULL: before each turn, not timed */
};

/* argv[0] is what usage calls the program. */
int peer_main(int argc, char **argv, const struct peer_scenario *scenarios);

/* The empty directory of this run; its length is less than 96. */
const char *peer_dir(void);

/* fork() of a child that is killed when the parent ends. */
pid_t peer_fork(void);

/* Read or write all, or return -1: end of file, too, is an error. */
int peer_read(int fd, void *p, size_t len);
int peer_write(int fd, const void *p, size_t len);

#ifdef __cplusplus
}
#endif

#endif
