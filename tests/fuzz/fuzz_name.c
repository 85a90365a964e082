/* SPDX-License-Identifier: ISC */
#include "config.h"

/* What the command line takes: names with labels, numbers, lists. */

#include "base/buf.h"
#include "base/escape.h"
#include "base/num.h"
#include "fuzz/fuzz.h"
#include "pdc/cmd.h"

static struct cmd cmd;

/* In one form, which reads as the same again. */
static void
name_put(struct buf *b, const struct parse_name *name)
{
	size_t i;

	pdc_buf_init(b);
	pdc_buf_str(b, "{\"");
	pdc_escape_label(b, name->metric, strlen(name->metric));
	pdc_buf_chr(b, '"');
	for (i = 0; i < name->nlabels; i++) {
		pdc_buf_str(b, ",\"");
		pdc_escape_label(b, name->labels[i].name,
		    strlen(name->labels[i].name));
		pdc_buf_str(b, "\"=\"");
		pdc_escape_label(b, name->labels[i].value,
		    strlen(name->labels[i].value));
		pdc_buf_chr(b, '"');
	}
	pdc_buf_str(b, "}");
	pdc_buf_chr(b, '\0');
	FUZZ_MUST(b->error == 0);
}

static void
eat_name(const char *s)
{
	struct parse_name name, twice;
	struct buf a, b;

	if (parse_name(&cmd, &name, s) != CMD_YES)
		return;
	name_put(&a, &name);
	FUZZ_MUST(parse_name(&cmd, &twice, a.data) == CMD_YES);
	name_put(&b, &twice);
	FUZZ_MUST(strcmp(a.data, b.data) == 0);
	pdc_buf_fini(&a);
	pdc_buf_fini(&b);
	parse_name_free(&name);
	parse_name_free(&twice);
}

/* What is written of a number reads as the same number, but for -0. */
static void
eat_number(const char *s)
{
	char text[NUM_SIZE + 1];
	double v, w;

	if (pdc_num_parse(&v, s, strlen(s)) != 0)
		return;
	text[pdc_num_go(text, v)] = '\0';
	FUZZ_MUST(pdc_num_parse(&w, text, strlen(text)) == 0);
	FUZZ_MUST(v == w || (v != v && w != w));
	text[pdc_num_om(text, v)] = '\0';
	FUZZ_MUST(pdc_num_parse(&w, text, strlen(text)) == 0);
	FUZZ_MUST(v == w || (v != v && w != w));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = fuzz_string(data, size), **words;
	double *bounds;
	size_t n;

	eat_name(s);
	eat_number(s);
	if (parse_words(&cmd, s, &words) == CMD_YES)
		free(words);
	if (parse_bounds(&cmd, s, &bounds, &n) == CMD_YES)
		free(bounds);
	free(s);
	return 0;
}
