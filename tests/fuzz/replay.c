/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The main function of a fuzz target as a test.
 *
 *	fuzz_NAME [VARIATIONS [SEED]]
 */

#include <dirent.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "tap.h"

#define INPUT_MAX 65536

__attribute__((weak)) long fuzz_tries = 20000;

static uint8_t input[INPUT_MAX], other[INPUT_MAX];

static size_t
load(const char *dir, const char *name)
{
	char path[4096];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "rb");
	if (f == NULL)
		bail_out("%s", path);
	n = fread(input, 1, sizeof(input), f);
	fclose(f);
	return n;
}

static uint32_t
some(uint64_t *state, uint32_t below)
{
	*state = *state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)(*state >> 33) % below;
}

/* Cut, doubled, swapped, flipped: a handful of changes of the input. */
static size_t
vary(uint64_t *state, size_t n)
{
	static const char odd[] = "\0\"\\{}=,;#\n \xff\x80.0e+-";
	uint32_t times = 1 + some(state, 4), at, len;

	memcpy(other, input, n);
	for (; times > 0; times--) {
		at = some(state, (uint32_t)n + 1);
		len = some(state, 16);
		switch (some(state, 5)) {
		case 0:
			n = at;
			break;
		case 1:
			if (at < n)
				other[at] ^= (uint8_t)(1 << some(state, 8));
			break;
		case 2:
			if (at < n)
				other[at] = (uint8_t)
				    odd[some(state, sizeof(odd) - 1)];
			break;
		case 3:
			if (n + len <= INPUT_MAX && at + len <= n) {
				memmove(other + at + len, other + at, n - at);
				n += len;
			}
			break;
		default:
			if (at < n)
				other[at] = (uint8_t)some(state, 256);
		}
	}
	return n;
}

int
main(int argc, char **argv)
{
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) :
				   (uint64_t)time(NULL);
	long tries = argc > 1 ? atol(argv[1]) : fuzz_tries, i;
	const char *src = getenv("srcdir"), *name = strrchr(argv[0], '/');
	uint64_t state = seed;
	struct dirent *e;
	int files = 0;
	char dir[2048];
	size_t n;
	DIR *d;

	alarm(600);
	name = name != NULL ? name + 1 : argv[0];
	name += strncmp(name, "lt-", 3) == 0 ? 3 : 0;
	name += strncmp(name, "fuzz_", 5) == 0 ? 5 : 0;
	snprintf(dir, sizeof(dir), "%s/tests/fuzz/%s", src != NULL ? src : ".",
	    name);
	diag("seed %llu", (unsigned long long)seed);
	d = opendir(dir);
	if (d == NULL)
		bail_out("%s", dir);
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		n = load(dir, e->d_name);
		LLVMFuzzerTestOneInput(input, n);
		for (i = 0; i < tries; i++)
			LLVMFuzzerTestOneInput(other, vary(&state, n));
		files++;
	}
	closedir(d);
	ok(files > 0, "%s: %d inputs and %ld variations of each", name, files,
	    tries);
	return tap_done();
}
