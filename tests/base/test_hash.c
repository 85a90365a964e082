/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define NKEYS 200000
#define NBUCKETS 1024

/* Pinned: hashes are stored. */
static void
test_vectors(void)
{
	static const struct {
		const char *s;
		uint64_t with0, with1;
	} vectors[] = {
		{ "", 0x0091f1834d7d4cae, 0x4aff10fa8f5fcea0 },
		{ "a", 0x3cf21804e7d83de8, 0x5e166718c3b85a31 },
		{ "abc", 0xcf7925a09fc1aeab, 0xcf9635d16725ca1e },
		{ "pdc!", 0x1b7cc637c9b03476, 0x3495eff068593366 },
		{ "message", 0xf659d7e6e11fc611, 0x1f7bf3bf35d95c89 },
		{ "12345678", 0x335ba4b82a30beea, 0x27abeb7dad26a3b7 },
		{ "http_requests_to", 0xb0cfc1523b263d92, 0xddd5bbd2de10e0a8 },
		{ "http_requests_tot", 0xed494f516672f4d5, 0xb97c5b9b3bd179f0 },
		{ "http_requests_total{method=\"GET\",code=\"200\"}",
		    0x1202330338aed219, 0x2206dc548ca924d3 },
	};
	uint64_t out[2];
	size_t i, len;

	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		len = strlen(vectors[i].s);
		ok(pdc_hash(vectors[i].s, len, 0) == vectors[i].with0 &&
			pdc_hash(vectors[i].s, len, 1) == vectors[i].with1,
		    "the hash of \"%s\" stays", vectors[i].s);
	}
	pdc_hash128(out, "http_requests_total", 19);
	ok(out[0] == 0xae707f85561803c5 && out[1] == 0x9030f08957fd8e44,
	    "the hash of 128 bits stays");
}

static void
test_alignment(void)
{
	unsigned char copy[64 + 8];
	size_t len, off;
	int wrong = 0;

	for (len = 0; len <= 64; len++) {
		for (off = 0; off < 8; off++) {
			memset(copy, 0xff, sizeof(copy));
			memset(copy + off, 'x', len);
			wrong += pdc_hash(copy + off, len, 7) !=
			    pdc_hash(memset(copy, 'x', len), len, 7);
		}
	}
	is_int(wrong, 0, "neither alignment nor what is around counts");
}

/* The mean share of result bits that change with one bit of the string. */
static double
avalanche(size_t len, size_t bit)
{
	unsigned char s[64];
	int changed = 0, i;
	uint64_t h;

	for (i = 0; i < 200; i++) {
		memset(s, 0, sizeof(s));
		memcpy(s, &i, len < sizeof(i) ? len : sizeof(i));
		h = pdc_hash(s, len, 0);
		s[bit / 8] ^= (unsigned char)(1 << bit % 8);
		changed += __builtin_popcountll(h ^ pdc_hash(s, len, 0));
	}
	return changed / 200.0 / 64;
}

static void
test_avalanche(void)
{
	double share, low = 1, high = 0;
	size_t len, bit;

	for (len = 1; len <= 48; len++) {
		for (bit = 0; bit < len * 8; bit++) {
			share = avalanche(len, bit);
			low = share < low ? share : low;
			high = share > high ? share : high;
		}
	}
	ok(low > 0.45 && high < 0.55,
	    "each bit changes half of the hash (%.3f to %.3f)", low, high);
}

static int
compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Pearson's chi-squared of the hashes, by some of their bits. */
static double
unevenness(const uint64_t *h, int shift)
{
	static unsigned counts[NBUCKETS];
	double sum = 0, want = (double)NKEYS / NBUCKETS;
	size_t i;

	memset(counts, 0, sizeof(counts));
	for (i = 0; i < NKEYS; i++)
		counts[h[i] >> shift & (NBUCKETS - 1)]++;
	for (i = 0; i < NBUCKETS; i++)
		sum += (counts[i] - want) * (counts[i] - want) / want;
	return sum;
}

static void
test_spread(void)
{
	uint64_t *h = calloc(NKEYS, sizeof(*h));
	int shift, uneven = 0, equal = 0;
	char key[64];
	size_t i;

	if (h == NULL)
		bail_out("no memory");
	for (i = 0; i < NKEYS; i++) {
		snprintf(key, sizeof(key), "requests_total{worker=\"%zu\"}", i);
		h[i] = pdc_hash(key, strlen(key), 0);
	}
	/* 1023 expected, deviation 45 */
	for (shift = 0; shift <= 54; shift++)
		uneven += unevenness(h, shift) > 1023 + 6 * 45;
	is_int(uneven, 0, "like names spread evenly, whatever bits are taken");
	qsort(h, NKEYS, sizeof(*h), compare_u64);
	for (i = 1; i < NKEYS; i++)
		equal += h[i] == h[i - 1];
	is_int(equal, 0, "no two of %d like names have the same hash", NKEYS);
	free(h);
}

static void
test_differences(void)
{
	static const char zeros[64];
	uint64_t h[65], a, b;
	unsigned char s[32];
	int equal = 0;
	size_t i, j;

	for (i = 0; i <= 64; i++) {
		h[i] = pdc_hash(zeros, i, 0);
		for (j = 0; j < i; j++)
			equal += h[i] == h[j];
	}
	is_int(equal, 0, "strings of zeros differ by their length");

	/* The first word that makes a factor 0 in the first step. */
	memset(s, 0, sizeof(s));
	memcpy(s, "\x3b\xa7\xca\x84\x85\xae\x67\xbb", 8);
	a = pdc_hash(s, sizeof(s), 0);
	s[8] = 1;
	b = pdc_hash(s, sizeof(s), 0);
	ok(a != b, "no word swallows the next one");
}

int
main(void)
{
	test_vectors();
	test_alignment();
	test_avalanche();
	test_spread();
	test_differences();
	return tap_done();
}
