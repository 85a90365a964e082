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

	if (!pdc_name_label(f->name) || strncmp(f->name, "__", 2) == 0)
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

/* "a,b,c" for an error, from the first on; what has no room is "...". */
static const char *
states_list(const struct family *f, uint32_t first, char *out, size_t len)
{
	size_t at = 0;
	uint32_t i;

	out[0] = '\0';
	for (i = first; i < f->r.nstates; i++) {
		if (at + strlen(f->states[i]) + sizeof(",,...") > len) {
			snprintf(out + at, len - at, "%s...",
			    i > first ? "," : "");
			break;
		}
		at += (size_t)snprintf(out + at, len - at, "%s%s",
		    i > first ? "," : "", f->states[i]);
	}
	return out;
}

int
pdc_states_same(const struct family *old, const struct family *new)
{
	char a[300], b[300];
	uint32_t i, first;

	for (i = 0; i < new->r.nstates &&i < old->r.nstates; i++)
		if (strcmp(old->states[i], new->states[i]) != 0)
			break;
	if (i == new->r.nstates && i == old->r.nstates)
		return 0;
	/* Of long lists the part that differs. */
	first = i < 8 ? 0 : i;
	return pdc_err_set(PDC_EEXIST,
	    "declare %s: states%s (%s) here, (%s) in the store", new->name,
	    first > 0 ? " from some on" : "",
	    states_list(new, first, a, sizeof(a)),
	    states_list(old, first, b, sizeof(b)));
}
