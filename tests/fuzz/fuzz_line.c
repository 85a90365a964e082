/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Fields of anybody's in a line of the journal, with little room or much: one
 * line of printable ASCII that is JSON, spaced and escaped as it is to be, or a
 * field that is named as bad.
 *
 * The first byte has the stream, the second the room; then of each field its
 * kind and the lengths of name and text, a byte each, and these.
 */

#include "fuzz/fuzz.h"
#include "journal/json.h"
#include "journal/line.h"
#include "pdc.h"

#define FIELDS_MAX 40
#define ROOM_STEP 40

long fuzz_tries = 5000;

struct input {
	const uint8_t *data;
	size_t size;
};

static unsigned
byte(struct input *in)
{
	if (in->size == 0)
		return 0;
	in->size--;
	return *in->data++;
}

static char *
text(struct input *in, size_t len)
{
	char *s;

	if (len > in->size)
		len = in->size;
	s = fuzz_string(in->data, len);
	in->data += len;
	in->size -= len;
	return s;
}

/* NULL now and then, which no string may be. */
static void
field(struct input *in, struct pdc_field *f)
{
	unsigned kind = byte(in), name = byte(in), len = byte(in);

	f->kind = (enum pdc_kind)(kind % (PDC_JSON + 2));
	f->name = name == 255 ? NULL : text(in, name);
	f->text = len == 255 ? NULL : text(in, len);
	f->integer = (int64_t)((uint64_t)kind << 56) | len;
	f->number = len == 1 ? 0.0 / (name - name) : (double)f->integer / 3;
}

/* How deep its values are in each other. */
static int
depth(const struct line *l)
{
	int now = 0, most = 0, quoted = 0;
	size_t i;

	for (i = 0; i < l->len; i++) {
		if (l->data[i] == '\\')
			i++;
		else if (l->data[i] == '"')
			quoted = !quoted;
		else if (!quoted && strchr("[{", l->data[i]) != NULL)
			most = ++now > most ? now : most;
		else if (!quoted && strchr("]}", l->data[i]) != NULL)
			now--;
	}
	return most;
}

static void
judge(const struct line *l)
{
	struct line copy = { .data = malloc(l->room), .room = l->room };
	size_t i;

	FUZZ_MUST(
	    l->len > 2 && l->len <= l->room && l->at > 0 && l->at < l->len);
	for (i = 0; i + 1 < l->len; i++)
		FUZZ_MUST(l->data[i] >= ' ' && l->data[i] < 0x7f);
	FUZZ_MUST(l->data[l->len - 1] == '\n');
	l->data[l->len - 1] = '\0';
	if (depth(l) <= JSON_DEPTH) {
		FUZZ_MUST(pdc_json_copy(&copy, l->data, copy.room) == 0);
		FUZZ_MUST(copy.len == l->len - 1 &&
		    memcmp(copy.data, l->data, copy.len) == 0);
	}
	free(copy.data);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	unsigned stream = byte(&in) % NSTREAMS, i, n = 0;
	struct line l = { .room = LINE_MIN + byte(&in) * ROOM_STEP };
	struct pdc_field fields[FIELDS_MAX];
	char *words = text(&in, byte(&in));
	const double value = -2.5;

	l.data = malloc(l.room);
	FUZZ_MUST(l.data != NULL);
	while (in.size > 0 && n < FIELDS_MAX)
		field(&in, &fields[n++]);
	if (stream < STREAM_LOGS)
		pdc_line_log(&l, stream, words);
	else
		pdc_line_named(&l, words,
		    stream == STREAM_MEASURES ? &value : NULL);
	pdc_line_fields(&l, fields, n);
	pdc_line_end(&l);
	if (l.bad == NULL)
		judge(&l);
	for (i = 0; i < n; i++) {
		free((char *)(uintptr_t)fields[i].name);
		free((char *)(uintptr_t)fields[i].text);
	}
	free(words);
	free(l.data);
	return 0;
}
