/* SPDX-License-Identifier: ISC */
#include "config.h"

/* Text of anybody's as it is written on pages. */

#include "base/buf.h"
#include "base/escape.h"
#include "fuzz/fuzz.h"

static void
eat_names(const char *s)
{
	enum escape_scheme scheme;
	struct buf b;

	if (!pdc_name_utf8(s))
		return;
	for (scheme = ESCAPE_UNDERSCORES; scheme < ESCAPE_NONE; scheme++) {
		pdc_buf_init(&b);
		pdc_escape_metric(&b, s, scheme);
		pdc_buf_chr(&b, '\0');
		FUZZ_MUST(b.error == 0 && pdc_name_metric(b.data));
		FUZZ_MUST(!pdc_name_metric(s) || scheme != ESCAPE_UNDERSCORES ||
		    strcmp(b.data, s) == 0);
		pdc_buf_reset(&b);
		pdc_escape_name(&b, s, scheme);
		pdc_buf_chr(&b, '\0');
		FUZZ_MUST(b.error == 0 && pdc_name_metric(b.data));
		pdc_buf_fini(&b);
	}
}

/* No line breaks, and what is quoted ends where it ends. */
static void
eat_values(const char *s, size_t len)
{
	struct buf b;
	size_t i;

	pdc_buf_init(&b);
	pdc_escape_label(&b, s, len);
	for (i = 0; i < b.len; i++) {
		FUZZ_MUST(b.data[i] != '\n' && b.data[i] != '"');
		if (b.data[i] == '\\')
			FUZZ_MUST(
			    ++i < b.len && strchr("\\\"n", b.data[i]) != NULL);
	}
	pdc_buf_reset(&b);
	pdc_escape_help(&b, s, len);
	for (i = 0; i < b.len; i++)
		FUZZ_MUST(b.data[i] != '\n');
	pdc_buf_reset(&b);
	pdc_escape_json(&b, s, len);
	for (i = 0; i < b.len; i++)
		FUZZ_MUST(b.data[i] >= ' ' && b.data[i] < 0x7f);
	FUZZ_MUST(b.error == 0);
	pdc_buf_fini(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = fuzz_string(data, size), *clean = malloc(3 * size + 1);
	size_t n;

	FUZZ_MUST(clean != NULL);
	n = pdc_utf8_clean(clean, s, size);
	FUZZ_MUST(n <= 3 * size && pdc_utf8_valid(clean, n));
	if (pdc_utf8_valid(s, size))
		FUZZ_MUST(n == size && memcmp(clean, s, size) == 0);
	eat_names(s);
	eat_values(s, size);
	eat_values(clean, n);
	free(clean);
	free(s);
	return 0;
}
