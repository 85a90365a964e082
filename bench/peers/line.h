/* SPDX-License-Identifier: ISC */
#ifndef BENCH_LINE_H
#define BENCH_LINE_H

/* The line of 200 bytes that all peers append, whole and in parts. */

#define LINE_TIME 1700000000.123456
#define LINE_LEVEL "INFO"
#define LINE_MESSAGE \
	"a request of 0.17 s was answered by 200, and 4711 bytes were sent " \
	"to 192.0.2.1:80"
#define LINE_USER "alice@example"
#define LINE_N 123456
#define LINE_ATTRIBUTES "{\"user\": \"alice@example\", \"n\": 123456}"
#define LINE_TEXT \
	"{\"timestamp\": 1700000000.123456, \"level\": \"" LINE_LEVEL \
	"\", \"message\": \"" LINE_MESSAGE \
	"\", \"attributes\": " LINE_ATTRIBUTES "}\n"
#define LINE_LEN (sizeof(LINE_TEXT) - 1)

_Static_assert(LINE_LEN == 200, "a line has 200 bytes");

#endif
