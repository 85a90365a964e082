/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "base/native.h"

#include <float.h>
#include <math.h>
#include <stddef.h>

#include "tap.h"

/* What the official Go library gives, and what the format's text says. */
static void
test_vectors(void)
{
	static const struct {
		int schema;
		double v;
		int32_t index;
	} vectors[] = {
		{ 0, 1, 0 },
		{ 0, 1.5, 1 },
		{ 0, 2, 1 },
		{ 0, 0.5, -1 },
		{ 0, 4, 2 },
		{ 0, 1e-9, -29 },
		{ 3, 1, 0 },
		{ 3, 1.09, 1 },
		{ 3, 1.1, 2 },
		{ 3, 2, 8 },
		{ 3, 10, 27 },
		{ 3, 0.001, -79 },
		{ -1, 1, 0 },
		{ -1, 2, 1 },
		{ -1, 4, 1 },
		{ -1, 5, 2 },
		{ -1, 17, 3 },
		{ -4, 65536, 1 },
		{ -4, 65537, 2 },
		{ 8, DBL_MAX, 262144 },
		{ 8, INFINITY, 262145 },
		{ -4, INFINITY, 65 },
	};
	static const struct {
		double factor;
		int schema;
	} factors[] = {
		{ 1.1, 3 },
		{ 2, 0 },
		{ 4, -1 },
		{ 1.5, 1 },
		{ 1.2, 2 },
		{ 1.05, 4 },
		{ 1.01, 7 },
		{ 65536, -4 },
		{ 1e9, -4 },
		{ 1.0001, 8 },
	};
	size_t i;

	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		is_int(pdc_native_index(vectors[i].schema, vectors[i].v),
		    vectors[i].index, "schema %d: the bucket of %g",
		    vectors[i].schema, vectors[i].v);
	for (i = 0; i < sizeof(factors) / sizeof(factors[0]); i++)
		is_int(pdc_native_schema(factors[i].factor), factors[i].schema,
		    "the schema of factor %g", factors[i].factor);
}

/* Within a power of two, against powers of 64 bits; and over all of them. */
static void
test_bounds(void)
{
	int32_t i;
	int bad = 0, s;

	for (i = 0; i < 256; i++)
		bad += pdc_native_bound(8, i) != (double)exp2l(i / 256.0L);
	is_int(bad, 0, "all 256 bounds of schema 8 are rounded to nearest");
	for (s = NATIVE_SCHEMA_MIN, bad = 0; s <= NATIVE_SCHEMA_MAX; s++) {
		bad += pdc_native_bound(s, 0) != 1;
		bad += pdc_native_bound(s, s < 0 ? 1 : 1 << s) !=
		    (s < 0 ? exp2(1 << -s) : 2);
	}
	is_int(bad, 0, "bucket 0 ends at 1, whatever the schema");
	is_int(isinf(pdc_native_bound(0, 1024)), 1, "beyond is infinity");
}

/* A bound is in its bucket, and what is above in the next. */
static void
test_sides(void)
{
	int32_t i, step, last;
	int s, bad = 0, n = 0;
	double b;

	for (s = NATIVE_SCHEMA_MIN; s <= NATIVE_SCHEMA_MAX; s++) {
		last = pdc_native_index(s, DBL_MAX);
		step = s > 3 ? 1 << (s - 3) : 1;
		for (i = pdc_native_index(s, DBL_MIN) + 1;
		     i<last; i += s> 3 ? step + 1 : 1) {
			b = pdc_native_bound(s, i);
			bad += pdc_native_index(s, b) != i;
			bad += pdc_native_index(s, nextafter(b, INFINITY)) !=
			    i + 1;
			n++;
		}
	}
	is_int(bad, 0, "each of %d bounds is the last in its bucket", n);
}

static void
test_coarser(void)
{
	static const double values[] = { 1e-9, 0.001, 0.3, 0.5, 1, 1.01, 2, 3,
		17, 1e6, 1e300, INFINITY };
	size_t i;
	int s, bad = 0;

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		for (s = NATIVE_SCHEMA_MIN; s < NATIVE_SCHEMA_MAX; s++)
			bad += native_coarser(
				   pdc_native_index(s + 1, values[i])) !=
			    pdc_native_index(s, values[i]);
	is_int(bad, 0, "two buckets make one of the next coarser schema");
}

int
main(void)
{
	test_vectors();
	test_bounds();
	test_sides();
	test_coarser();
	return tap_done();
}
