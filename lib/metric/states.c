/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The states of a stateset: what a declaration says of them, and whether two
 * say the same.
 */

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/escape.h"
#include "metric/metric.h"
#include "pdc.h"

#define STATE_LEN 255

static int
states_one(const struct family *f, const char *state)
{
	size_t n = strlen(state);
	uint32_t i;

	if (n == 0 || n > STATE_LEN || !pdc_utf8_valid(state, n))
		return pdc_err_set(PDC_EINVAL,
		    "declare %s: state %u is not 1 to %d bytes of UTF-8",
		    f->name, f->r.nstates + 1U, STATE_LEN);
	for (i = 0; i < f->r.nstates; i++)
		if (strcmp(f->states[i], state) == 0)
			return pdc_err_set(PDC_EINVAL,
			    "declare %s: the state %s stands there twice",
			    f->name, state);
	return 0;
}

/* Each sample has a label that is called like the family. */
static int
states_name(const struct family *f)
{
	uint32_t i;

	if (strchr(f->name, ':') != NULL || strncmp(f->name, "__", 2) == 0)
		return pdc_err_set(PDC_EINVAL,
		    "declare %s: a stateset's name is that of a label, too, "
		    "and this one cannot be",
		    f->name);
	for (i = 0; i < f->r.nlabels; i++)
		if (strcmp(f->labels[i], f->name) == 0)
			return pdc_err_set(PDC_EINVAL,
			    "declare %s: the label %s is the one of its states",
			    f->name, f->name);
	return 0;
}

int
pdc_states_desc(struct family *f, const struct pdc_desc *d)
{
	size_t i;
	int ret;

	f->r.nstates = 0;
	if (d->type != PDC_STATESET)
		return d->states == NULL ?
		    0 :
		    pdc_err_set(PDC_EINVAL,
			"declare %s: states are for statesets", f->name);
	for (i = 0; d->states != NULL && d->states[i] != NULL; i++) {
		if (i == STATES_MAX)
			return pdc_err_set(PDC_EINVAL,
			    "declare %s: more than %d states", f->name,
			    STATES_MAX);
		ret = states_one(f, d->states[i]);
		if (ret < 0)
			return ret;
		f->states[f->r.nstates++] = d->states[i];
	}
	if (f->r.nstates == 0)
		return pdc_err_set(PDC_EINVAL,
		    "declare %s: a stateset has one state at least", f->name);
	return states_name(f);
}

const char *
pdc_words(const char *const *words, uint32_t n, char *out)
{
	size_t at = 0;
	uint32_t i;

	out[0] = '\0';
	for (i = 0; i < n; i++) {
		if (at + strlen(words[i]) + sizeof(",,...") > WORDS_LEN) {
			snprintf(out + at, WORDS_LEN - at, "%s...",
			    i > 0 ? "," : "");
			break;
		}
		at += (size_t)snprintf(out + at, WORDS_LEN - at, "%s%s",
		    i > 0 ? "," : "", words[i]);
	}
	return out;
}

uint32_t
pdc_words_first(const char *const *words, uint32_t differs)
{
	size_t len = 0;
	uint32_t i;

	for (i = 0; i < differs; i++)
		len += strlen(words[i]) + 1;
	return len < WORDS_LEN / 2 ? 0 : differs;
}

int
pdc_states_same(const struct family *old, const struct family *new)
{
	char a[WORDS_LEN], b[WORDS_LEN];
	uint32_t i, first;

	for (i = 0; i < new->r.nstates &&i < old->r.nstates; i++)
		if (strcmp(old->states[i], new->states[i]) != 0)
			break;
	if (i == new->r.nstates && i == old->r.nstates)
		return 0;
	first = pdc_words_first(new->states, i);
	return pdc_err_set(PDC_EEXIST,
	    "declare %s: states%s (%s) here, (%s) in the store", new->name,
	    first > 0 ? " from some on" : "",
	    pdc_words(new->states + first, new->r.nstates - first, a),
	    pdc_words(old->states + first, old->r.nstates - first, b));
}
