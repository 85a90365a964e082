/* SPDX-License-Identifier: ISC */
#include "config.h"

/* Label values of every length, and what is no set of them. */

#include <sys/mman.h>

#include <math.h>

#include "help.h"
#include "metric/metric.h"
#include "sound.h"

#define LONGEST 40
#define NSETS 20000
#define LONG 1000000 /* bytes */

static struct pdc *p;
static char *edge; /* of what can be read */

/* A string that ends where nothing can be read any more. */
static const char *
at_edge(char c, size_t n)
{
	edge[-1] = '\0';
	return memset(edge - 1 - n, c, n);
}

static struct pdc_series *
series(struct pdc_family *f, const char *one, const char *two)
{
	const char *values[] = { one, two, NULL };
	struct pdc_series *s;

	if (pdc_labels(&s, f, values) < 0)
		bail_out("labels: %s", pdc_error());
	return s;
}

static int
is_clean(const struct pdc_series *s, const char *one, const char *two)
{
	size_t n = strlen(one) + 1;

	return s->values_len == n + strlen(two) + 1 &&
	    strcmp(s->values, one) == 0 && strcmp(s->values + n, two) == 0;
}

static void
test_lengths(void)
{
	static struct pdc_series *all[LONGEST][LONGEST];
	struct pdc_family *f = help_family(p, PDC_COUNTER, "c", "a,b");
	struct pdc_series *s;
	char one[LONGEST + 1], two[LONGEST + 1];
	int i, j, wrong = 0, differ = 0;

	for (i = 0; i < LONGEST; i++)
		for (j = 0; j < LONGEST; j++) {
			snprintf(one, sizeof(one), "%.*s", i,
			    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrst");
			snprintf(two, sizeof(two), "%.*s", j,
			    "bcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstu");
			all[i][j] = s = series(f, one, two);
			wrong += !is_clean(s, one, two) || s->refs != 1;
			one[i > 0 ? i - 1 : 0] = i > 0 ? '!' : '\0';
			s = series(f, one, two);
			differ += (s != all[i][j]) == (i > 0);
		}
	is_int(wrong, 0, "each length has its own handle with its values");
	is_int(differ, LONGEST * LONGEST, "the last letter tells them apart");
	for (i = 0, wrong = 0; i < LONGEST; i++) {
		s = series(f, at_edge('x', (size_t)i), "");
		memset(one, 'x', (size_t)i);
		one[i] = '\0';
		wrong += !is_clean(s, one, "") || series(f, one, "") != s;
	}
	is_int(wrong, 0, "nothing behind a value is read");
}

/* For their bytes as they are given. */
static void
refused(struct pdc_family *f, const char *const *values, const char *what)
{
	struct pdc_series *s;

	ok(pdc_labels(&s, f, values) == PDC_EINVAL && s == NULL &&
		strstr(pdc_error(), "more than 4096 bytes") != NULL &&
		strstr(pdc_error(), "UTF-8") == NULL,
	    "%s: %s", what, pdc_error());
}

static void
test_most(void)
{
	static char text[LABELS_MAX_LEN + 1];
	const char *values[] = { text, "", NULL };
	struct pdc_family *f = help_family(p, PDC_COUNTER, "most", "a,b");
	struct pdc_series *s, *again;
	size_t short_of;

	for (short_of = 2; short_of < 12; short_of++) {
		memset(text, 'y', LABELS_MAX_LEN);
		text[LABELS_MAX_LEN - short_of] = '\0';
		values[1] = &"zzzzzzzzzz"[12 - short_of];
		is_int(pdc_labels(&s, f, values), 0, "4096 bytes: %zu at last",
		    short_of - 1);
		again = series(f, text, values[1]);
		ok(again == s && is_clean(s, text, values[1]), "are found");
		values[1] = &"zzzzzzzzzzz"[12 - short_of];
		refused(f, values, "4097");
	}
	memset(text, 'y', LABELS_MAX_LEN);
	values[0] = "";
	values[1] = text;
	refused(f, values, "the last too long");
	values[1] = at_edge('y', LONG);
	refused(f, values, "far too long");
	values[1] = text;
	text[LABELS_MAX_LEN - 2] = '\0';
	values[0] = "1";
	refused(f, values, "one byte before it too many");
	values[0] = "";
	is_int(pdc_labels(&s, f, values), 0, "and as long as may be");
}

static void
test_how_many(void)
{
	const char *values[] = { "1", "2", "3", NULL };
	struct pdc_family *f = help_family(p, PDC_COUNTER, "many", "a,b");
	struct pdc_series *s;

	is_int(pdc_labels(&s, f, values), PDC_EINVAL, "%s", pdc_error());
	values[1] = NULL;
	is_int(pdc_labels(&s, f, values), PDC_EINVAL, "%s", pdc_error());
	is_int(pdc_labels(&s, f, NULL), PDC_EINVAL, "%s", pdc_error());
	ok(s == NULL, "and no handle");
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Of each number of low bits as many differ as of numbers drawn at random. */
static void
test_hashes(void)
{
	static uint64_t hash[NSETS], low[NSETS];
	struct pdc_family *f = help_family(p, PDC_COUNTER, "hash", "a,b");
	char code[16], path[32];
	struct pdc_series *s;
	int i, bits, n, least;

	atomic_store(&p->retry_ns, INT64_MAX);
	for (i = 0; i < NSETS; i++) {
		snprintf(code, sizeof(code), "%d", 100 + i % 500);
		snprintf(path, sizeof(path), "/path/%d", i / 500);
		s = series(f, code, path);
		hash[i] = s->hash;
		pdc_series_free(s);
	}
	atomic_store(&p->retry_ns, 0);
	for (bits = 12; bits <= 64; bits += 4) {
		for (i = 0; i < NSETS; i++)
			low[i] = bits < 64 ? hash[i] << (64 - bits) : hash[i];
		qsort(low, NSETS, sizeof(low[0]), compare);
		for (i = 1, n = 1; i < NSETS; i++)
			n += low[i] != low[i - 1];
		/* Expected: m (1 - e^(-NSETS / m)) of m = 2^bits. */
		least = (int)(0.97 * ldexp(1, bits) *
		    -expm1(-NSETS / ldexp(1, bits)));
		ok(n >= least, "%d bits of the hashes: %d differ, of %d", bits,
		    n, NSETS);
	}
}

int
main(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE),
	       len = (LONG / page + 2) * page;

	edge = mmap(NULL, len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (edge == MAP_FAILED ||
	    mprotect(edge + len - page, page, PROT_NONE) == -1)
		bail_out("no page");
	edge += len - page;
	p = help_open(tap_tmpdir(), 0);
	test_lengths();
	test_most();
	test_how_many();
	test_hashes();
	sound_close(p);
	return tap_done();
}
