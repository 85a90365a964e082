/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Records of a store: the first byte says which, the rest is the record; of a
 * family the name and a NUL first.
 */

#include "fuzz/fuzz.h"
#include "journal/journal.h"
#include "store/dying.h"
#include "store/family.h"
#include "store/series.h"
#include "store/value.h"

/* Whether a string ends within the bytes that it was made of. */
static int
within(const char *s, const char *data, size_t len)
{
	return s >= data && s < data + len &&
	    memchr(s, '\0', (size_t)(data + len - s)) != NULL;
}

static void
eat_family(const char *data, size_t len)
{
	const char *nul = memchr(data, '\0', len);
	struct family *f = malloc(sizeof(*f));
	size_t nlen = nul != NULL ? (size_t)(nul - data) : len;
	const char *val = data + nlen + (nul != NULL);
	size_t vlen = len - nlen - (nul != NULL);
	uint32_t i;

	FUZZ_MUST(f != NULL);
	if (pdc_family_parse(f, data, nlen, val, vlen) == 0) {
		FUZZ_MUST(strlen(f->name) == nlen);
		FUZZ_MUST(within(f->help, val, vlen));
		FUZZ_MUST(within(f->unit, val, vlen));
		FUZZ_MUST(f->r.nlabels <= LABELS_MAX);
		FUZZ_MUST(f->r.nstates <= STATES_MAX);
		FUZZ_MUST(f->r.nbounds <= BOUNDS_MAX);
		for (i = 0; i < f->r.nlabels; i++)
			FUZZ_MUST(strlen(f->labels[i]) < 256);
		for (i = 0; i < f->r.nstates; i++)
			FUZZ_MUST(within(f->states[i], val, vlen));
		for (i = 1; i < f->r.nbounds; i++)
			FUZZ_MUST(f->bounds[i - 1] < f->bounds[i]);
	}
	free(f);
}

static void
eat_series(const char *data, size_t len)
{
	struct series_ref s;
	uint32_t nlabels = len > 0 ? (unsigned char)data[0] % 5 : 0;

	if (len == 0 || pdc_series_parse(&s, data + 1, len - 1, nlabels) < 0)
		return;
	FUZZ_MUST(s.values >= data && s.values + s.values_len <= data + len);
	FUZZ_MUST(
	    s.rendered >= data && s.rendered + s.rendered_len <= data + len);
}

static void
eat_block(const char *data, size_t len)
{
	struct value *v = aligned_alloc(16, sizeof(*v));

	FUZZ_MUST(v != NULL);
	if (pdc_block_parse(v, data, len) == 0)
		FUZZ_MUST(pdc_block_size(&v->h) == len && len <= sizeof(*v));
	free(v);
}

static void
eat_dying(const char *data, size_t len)
{
	struct dying *y = malloc(sizeof(*y));

	FUZZ_MUST(y != NULL);
	if (pdc_dying_parse(y, data, len))
		FUZZ_MUST(y->d.width <= BOUNDS_MAX + 1 &&
		    y->d.values_len <= sizeof(y->values));
	free(y);
}

/* A block of lines of the journal. */
static void
eat_lines(const char *data, size_t len)
{
	struct journal_view v;
	struct journal_line l;
	uint32_t i, at = 0;

	if (pdc_journal_view(&v, data, len) < 0)
		return;
	FUZZ_MUST(v.h.nlines > 0);
	FUZZ_MUST(v.text + v.h.text_len == data + len);
	for (i = 0; i < v.h.nlines; i++, at = l.end) {
		l = pdc_journal_line(&v, i);
		FUZZ_MUST(l.end >= at && l.end <= v.h.text_len);
		(void)pdc_journal_is_line(v.text + at, l.end - at, i);
		(void)pdc_journal_name(v.text + at, l.end - at);
	}
	FUZZ_MUST(at == v.h.text_len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Each of its own length, so that sanitizers know where it ends. */
	char *s;

	if (size == 0)
		return 0;
	s = malloc(size > 1 ? size - 1 : 1);
	FUZZ_MUST(s != NULL);
	memcpy(s, data + 1, size - 1);
	switch (data[0]) {
	case 'F':
		eat_family(s, size - 1);
		break;
	case 'S':
		eat_series(s, size - 1);
		break;
	case 'V':
		eat_block(s, size - 1);
		break;
	case 'D':
		eat_dying(s, size - 1);
		break;
	case 'J':
		eat_lines(s, size - 1);
		break;
	}
	free(s);
	return 0;
}
