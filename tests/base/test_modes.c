/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <math.h>
#include <string.h>

#include "base/modes.h"
#include "pdc.h"
#include "tap.h"

static void
test_words(void)
{
	int m, bad = 0;

	for (m = PDC_SHARED; m <= PDC_LIVEMOSTRECENT; m++)
		bad += pdc_mode_from_word(pdc_mode_word(m)) != m;
	is_int(bad, 0, "each mode has a word of its own");
	is_str(pdc_mode_word(PDC_LIVEMIN), "livemin", "livemin is one");
	is_int(pdc_mode_from_word("live"), -1, "live is none");
	is_str(pdc_mode_word(PDC_LIVEMOSTRECENT + 1), "unknown",
	    "nor the next");
	for (m = PDC_SHARED; m <= PDC_LIVEMOSTRECENT; m++)
		bad += (pdc_mode_dead(m) == DEAD_GO) !=
		    (strncmp(pdc_mode_word(m), "live", 4) == 0);
	is_int(bad, 0, "the dead go in those called live");
}

static void
test_merge(void)
{
	is_double(pdc_mode_merge(PDC_MIN, 2, -1), -1, "min: the lesser");
	is_double(pdc_mode_merge(PDC_LIVEMIN, 2, 3), 2, "whichever is first");
	is_double(pdc_mode_merge(PDC_MAX, 2, 3), 3, "max: the greater");
	is_double(pdc_mode_merge(PDC_SUM, 2, 3), 5, "sum: both");
	is_double(pdc_mode_merge(PDC_ALL, 2, 3), 3, "all: the later");
	is_double(pdc_mode_merge(PDC_MIN, NAN, 3), 3, "a number for NaN");
	is_double(pdc_mode_merge(PDC_MAX, 3, NAN), 3, "and not NaN for it");
}

static void
is_ident(const char *text, uint64_t want)
{
	uint64_t ident = 0;
	char out[IDENT_MAX];

	ok(pdc_ident_parse(&ident, text) && ident == want, "\"%s\" is %llx",
	    text, (unsigned long long)want);
	is_int((long long)pdc_ident_put(out, want), (long long)strlen(text) + 1,
	    "of so many bytes");
	is_str(out, text, "and is written so");
}

static void
test_idents(void)
{
	static const char *const bad[] = { "1", "1.", "0.", ".1", "01.1",
		"1.01", "1.G", "1.1 ", " 1.1", "+1.1", "-1.1", "1.0", "1.0x1",
		"1.A", "4096.1", "1.8000000000000", "99999999999999999999.1",
		"0.ffffffffffffffffff" };
	uint64_t ident;
	size_t i;

	is_ident("", IDENT_NONE);
	is_ident("0.1", 1);
	is_ident("3.1f", ident_of(3, 31));
	is_ident("4095.7ffffffffffff", UINT64_MAX >> 1);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!pdc_ident_parse(&ident, bad[i]), "\"%s\" is none", bad[i]);
}

static void
test_none(void)
{
	ok(value_is_none(value_none()), "no value is known as such");
	ok(!value_is_none(NAN) && !value_is_none(-NAN) && !value_is_none(0),
	    "NaN and 0 are values");
}

int
main(void)
{
	test_words();
	test_merge();
	test_idents();
	test_none();
	return tap_done();
}
