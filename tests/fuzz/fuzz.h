/* SPDX-License-Identifier: ISC */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

/*
 * A target eats bytes of anybody's.  Built by clang with -fsanitize=fuzzer
 * (tests/fuzz/run.sh) it is given what a fuzzer makes up; else it is a test: it
 * eats what lies in tests/fuzz/NAME, and some variations of that.
 *
 * What must not be ends in abort(), here and in the sanitizers.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Variations of each file, if it is not 20000: for what takes longer. */
extern long fuzz_tries;

#define FUZZ_MUST(what) \
	do { \
		if (!(what)) \
			abort(); \
	} while (0)

/* The input as a string, to be freed. */
static inline char *
fuzz_string(const uint8_t *data, size_t size)
{
	char *s = malloc(size + 1);

	FUZZ_MUST(s != NULL);
	if (size > 0)
		memcpy(s, data, size);
	s[size] = '\0';
	return s;
}

#endif
