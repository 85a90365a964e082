/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Records are input: each is given cut off at every byte, with every byte
 * changed, and as garbage, right before memory that may not be read.
 */

#include <sys/mman.h>

#include <stdint.h>

#include "base/hash.h"
#include "help.h"
#include "store/family.h"
#include "store/series.h"
#include "store/value.h"

#define ROOM 65536
#define NGARBAGE 20000

static unsigned char *end; /* nothing may be read from here on */
static struct value value;
static uint64_t seed = 1;

static uint32_t
rnd(void)
{
	return help_random(&seed);
}

/* Use all that a parser says is there. */
static uint64_t
use(const void *mem, size_t len)
{
	return pdc_hash(mem, len, 1);
}

static int
parse_family(const void *val, size_t len)
{
	struct family f;
	uint32_t i;

	if (pdc_family_parse(&f, "name", 4, val, len) < 0)
		return 0;
	use(f.help, strlen(f.help));
	use(f.unit, strlen(f.unit));
	for (i = 0; i < f.r.nlabels; i++)
		use(f.labels[i], strlen(f.labels[i]));
	for (i = 0; i < f.r.nstates; i++)
		use(f.states[i], strlen(f.states[i]));
	use(f.bounds, f.r.nbounds * sizeof(double));
	if (f.r.zone > VALUE_GAUGE || f.r.width > BOUNDS_MAX + 1)
		return -1;
	return 1;
}

static int
parse_series(const void *val, size_t len)
{
	struct series_ref s;
	const char *p;
	int i;

	if (pdc_series_parse(&s, val, len, 2) < 0)
		return 0;
	for (p = s.values, i = 0; i < 2; i++)
		p += strlen(p) + 1;
	use(s.rendered, s.rendered_len);
	return p == s.values + s.values_len ? 1 : -1;
}

static int
parse_value(const void *val, size_t len)
{
	size_t n, size;

	if (pdc_block_parse(&value, val, len) < 0)
		return 0;
	/* What fold and salvage go through. */
	n = (size_t)value.h.k * value.h.width;
	size = value.h.zone == VALUE_PAIR ? 2 * sizeof(struct pair) :
	    value.h.zone == VALUE_ADD	  ? 2 * sizeof(double) :
					    sizeof(struct value_gauge);
	return n * size <= sizeof(value.body) ? 1 : -1;
}

static int
give(int (*parse)(const void *, size_t), const void *rec, size_t len)
{
	memmove(end - len, rec, len);
	return parse(end - len, len);
}

static void
test_record(int (*parse)(const void *, size_t), const void *rec, size_t len,
    const char *what)
{
	unsigned char copy[ROOM];
	int taken = 0, wrong = 0, ret;
	size_t i;
	int bit;

	is_int(give(parse, rec, len), 1, "%s: as it is", what);
	for (i = 0; i < len; i++)
		taken += give(parse, rec, i) != 0;
	is_int(taken, 0, "%s: cut off anywhere, refused", what);
	memcpy(copy, rec, len);
	for (i = 0; i < len; i++)
		for (bit = 0; bit < 9; bit++) {
			copy[i] = (unsigned char)(bit < 8 ?
				((const unsigned char *)rec)[i] ^ 1 << bit :
				0xff);
			ret = give(parse, copy, len);
			wrong += ret < 0;
			copy[i] = ((const unsigned char *)rec)[i];
		}
	is_int(wrong, 0, "%s: with any bit changed, no more than is there",
	    what);
	for (i = 0; i < NGARBAGE; i++) {
		bit = (int)(rnd() % (len + 9));
		memcpy(copy, rec, len);
		while (bit-- > 0)
			copy[rnd() % len] = (unsigned char)rnd();
		wrong += give(parse, copy, rnd() % 4 ? len : rnd() % len) < 0;
	}
	is_int(wrong, 0, "%s: garbage", what);
}

static void
test_families(void)
{
	static const char words[] = "help\0unit\0a\0b";
	const double bounds[] = { 1, 2, 3 };
	unsigned char rec[1024];
	struct family_rec r = { .id = 1,
		.incarnation = 1,
		.type = PDC_HISTOGRAM,
		.zone = VALUE_PAIR,
		.width = 4,
		.nlabels = 2,
		.nbounds = 3,
		.strings_len = sizeof(words) };

	memcpy(rec, &r, sizeof(r));
	memcpy(rec + sizeof(r), words, sizeof(words));
	memcpy(rec + sizeof(r) + sizeof(words), bounds, sizeof(bounds));
	test_record(parse_family, rec,
	    sizeof(r) + sizeof(words) + sizeof(bounds), "a family");
}

/* A stateset with these strings behind its help and unit. */
static int
stateset(const char *words, size_t len, uint8_t nlabels, uint8_t nstates)
{
	unsigned char rec[1024];
	struct family_rec r = { .id = 1,
		.type = PDC_STATESET,
		.zone = VALUE_GAUGE,
		.width = 1,
		.nlabels = nlabels,
		.nstates = nstates,
		.strings_len = (uint32_t)len };

	memcpy(rec, &r, sizeof(r));
	memcpy(rec + sizeof(r), words, len);
	return give(parse_family, rec, sizeof(r) + len);
}

#define STATESET(words, l, s) stateset(words, sizeof(words), l, s)

static void
test_statesets(void)
{
	is_int(STATESET("\0\0l\0a\0b", 1, 2), 1, "a stateset");
	is_int(STATESET("\0\0l\0a\0b", 1, 3), 0, "with one state too few");
	is_int(STATESET("\0\0l\0a\0b", 1, 0), 0, "without any");
	is_int(STATESET("\0\0l\0a\0a", 1, 2), 0, "with one state twice");
	is_int(STATESET("\0\0l\0a\0", 1, 2), 0, "with an empty one");
	is_int(STATESET("\0\0l\0a\0\377", 1, 2), 0, "with one not UTF-8");
	is_int(STATESET("\0\0name\0a\0b", 1, 2), 0,
	    "with a label called like it");
	is_int(STATESET("\0\0l\0a\0b", 1, 54), 0, "with more than can be");
	is_int(STATESET("\0\0l.\303\251\0a\0b", 1, 2), 1,
	    "with a label of all letters");
	is_int(STATESET("\0\0l\377\0a\0b", 1, 2), 0,
	    "with a label that is not UTF-8");
	is_int(STATESET("\0\0\0a\0b", 1, 2), 0, "with a label without name");
}

/* A gauge whose key is F and these bytes. */
static int
named(const char *name, size_t len)
{
	struct family f;
	unsigned char rec[sizeof(struct family_rec) + 2] = { 0 };
	struct family_rec r = { .id = 1,
		.type = PDC_GAUGE,
		.zone = VALUE_GAUGE,
		.width = 1,
		.strings_len = 2 };

	memcpy(rec, &r, sizeof(r));
	return pdc_family_parse(&f, name, len, rec, sizeof(rec));
}

static void
test_family_names(void)
{
	is_int(named("a.b", 3), 0, "a name of all letters");
	is_int(named("a\377", 2), PDC_EFORMAT, "a name that is not UTF-8");
	is_int(named("a\0b", 3), PDC_EFORMAT, "a name with a NUL");
	is_int(named("", 0), PDC_EFORMAT, "no name");
}

static void
test_series(void)
{
	static const char words[] = "x\0y\0a=\"x\",b=\"y\"";
	unsigned char rec[256];
	struct series_rec r = { .id = 1, .values_len = 4, .rendered_len = 11 };

	memcpy(rec, &r, sizeof(r));
	memcpy(rec + sizeof(r), words, sizeof(words));
	test_record(parse_series, rec, sizeof(r) + 15, "a series");
}

static void
test_values(void)
{
	static struct value v;

	v.h.k = 4;
	v.h.width = 1;
	v.h.zone = VALUE_ADD;
	test_record(parse_value, &v, pdc_block_size(&v.h), "counters");
	v.h.zone = VALUE_GAUGE;
	test_record(parse_value, &v, pdc_block_size(&v.h), "gauges");
	v.h.zone = VALUE_PAIR;
	v.h.width = 5;
	test_record(parse_value, &v, pdc_block_size(&v.h), "pairs");
}

int
main(void)
{
	unsigned char *map;
	int wrong = 0, i;

	map = mmap(NULL, ROOM + 65536, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED || mprotect(map + ROOM, 65536, PROT_NONE) == -1)
		bail_out("no memory");
	end = map + ROOM;
	test_families();
	test_statesets();
	test_family_names();
	test_series();
	test_values();
	for (i = 0; i < 100; i++)
		wrong += parse_value(end - i, (size_t)i) +
		    parse_series(end - i, (size_t)i) +
		    parse_family(end - i, (size_t)i);
	is_int(wrong, 0, "zeroes are no records");
	return tap_done();
}
