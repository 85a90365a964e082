/* SPDX-License-Identifier: ISC */
#include "config.h"

/* Stored lines of anybody's, in the forms that take them apart. */

#include "base/buf.h"
#include "fuzz/fuzz.h"
#include "journal/json.h"
#include "journal/recode.h"
#include "pdc/text.h"

long fuzz_tries = 10000;

static size_t
lines(const char *s, size_t len)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++)
		n += s[i] == '\n';
	return n;
}

/* Brackets deep in a line, if that is more than the checker takes. */
static int
deep(const char *s, size_t len)
{
	int quoted = 0, depth = 0, most = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		if (s[i] == '"')
			quoted = !quoted;
		else if (quoted && s[i] == '\\')
			i++;
		else if (!quoted && (s[i] == '{' || s[i] == '['))
			depth++;
		else if (!quoted && (s[i] == '}' || s[i] == ']'))
			depth--;
		most = depth > most ? depth : most;
	}
	FUZZ_MUST(depth == 0 && !quoted);
	return most > JSON_DEPTH + JSON_AROUND;
}

/* Each line of another form is JSON, spaced as those of the journal. */
static void
check(char *s, size_t len)
{
	char *stop, *room = malloc(len + 1);
	size_t i;

	FUZZ_MUST(room != NULL);
	for (; len > 0; len -= i + 1, s = stop + 1) {
		stop = memchr(s, '\n', len);
		FUZZ_MUST(stop != NULL);
		*stop = '\0';
		i = (size_t)(stop - s);
		FUZZ_MUST(*s == '{');
		FUZZ_MUST(deep(s, i) || pdc_json_is_line(s, i, room));
	}
	free(room);
}

static void
eat(const char *s, size_t size, enum recode_form form)
{
	size_t left, all = lines(s, size);
	struct buf b;

	all += size > 0 && s[size - 1] != '\n';
	pdc_buf_init(&b);
	left = pdc_recode_lines(&b, s, size, form);
	FUZZ_MUST(b.error == 0 && left + lines(b.data, b.len) == all);
	check(b.data, b.len);
	pdc_buf_fini(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = malloc(size > 0 ? size : 1);
	struct buf b;

	/* Nothing behind it, so that who reads there is found out. */
	FUZZ_MUST(s != NULL);
	if (size > 0)
		memcpy(s, data, size);
	eat(s, size, RECODE_OTEL);
	eat(s, size, RECODE_ECS);
	pdc_buf_init(&b);
	text_lines(&b, s, size, 1);
	FUZZ_MUST(b.error == 0);
	pdc_buf_fini(&b);
	free(s);
	return 0;
}
