/* SPDX-License-Identifier: ISC */
#include "config.h"

/* The headers Accept and Accept-Encoding. */

#include "expo/expo.h"
#include "fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = fuzz_string(data, size);
	struct expo_how how = { .created = 1 }, again;
	enum expo_coding coding = pdc_accept_coding(s);

	pdc_accept_format(&how, s);
	FUZZ_MUST(how.media <= EXPO_PROTO && how.escape <= ESCAPE_NONE);
	FUZZ_MUST(how.created == 1);
	FUZZ_MUST(coding < NCODINGS && pdc_coding_word(coding) != NULL);
	/* Who is told a type and asks for it gets it. */
	pdc_accept_format(&again, pdc_expo_type(&how));
	FUZZ_MUST(again.media == how.media);
	FUZZ_MUST(!how.told || again.escape == how.escape);
	free(s);
	return 0;
}
