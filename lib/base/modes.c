/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "base/modes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pdc.h"

static const struct mode {
	const char *word;
	enum mode_keeps keeps;
	enum mode_dead dead;
	enum mode_rule rule;
} modes[] = {
#define X(name, word, keeps, dead, rule) { #word, keeps, dead, rule },
	PDC_MODES(X)
#undef X
};

#define NMODES ((int)(sizeof(modes) / sizeof(modes[0])))

static const struct mode *
mode_of(int mode)
{
	return &modes[mode >= 0 && mode < NMODES ? mode : 0];
}

const char *
pdc_mode_word(int mode)
{
	return mode >= 0 && mode < NMODES ? modes[mode].word : "unknown";
}

int
pdc_mode_from_word(const char *word)
{
	int mode;

	for (mode = 0; mode < NMODES; mode++)
		if (strcmp(modes[mode].word, word) == 0)
			return mode;
	return -1;
}

enum mode_keeps
pdc_mode_keeps(int mode)
{
	return mode_of(mode)->keeps;
}

enum mode_dead
pdc_mode_dead(int mode)
{
	return mode_of(mode)->dead;
}

enum mode_rule
pdc_mode_rule(int mode)
{
	return mode_of(mode)->rule;
}

int
pdc_mode_stamped(int mode)
{
	return pdc_mode_keeps(mode) == KEEPS_EACH &&
	    pdc_mode_rule(mode) == RULE_LAST;
}

int
pdc_mode_only_set(int mode)
{
	/* The last value is not one to add to. */
	return mode == PDC_MOSTRECENT || mode == PDC_LIVEMOSTRECENT;
}

double
pdc_mode_merge(int mode, double was, double v)
{
	switch (mode_of(mode)->rule) {
	case RULE_MIN:
		return v < was || isnan(was) ? v : was;
	case RULE_MAX:
		return v > was || isnan(was) ? v : was;
	case RULE_SUM:
		return was + v;
	default:
		return v;
	}
}

size_t
pdc_ident_put(char *out, uint64_t ident)
{
	int n = 0;

	out[0] = '\0';
	if (ident != IDENT_NONE)
		n = snprintf(out, IDENT_MAX, "%u.%llx", ident_slot(ident),
		    (unsigned long long)ident_since(ident));
	return (size_t)n + 1;
}

int
pdc_ident_parse(uint64_t *ident, const char *text)
{
	unsigned long long slot = 0, since = 0;
	char again[IDENT_MAX], *end = NULL;

	if (strlen(text) >= IDENT_MAX)
		return 0;
	if (text[0] != '\0') {
		slot = strtoull(text, &end, 10);
		if (slot >= SLOTS_MAX || *end != '.')
			return 0;
		since = strtoull(end + 1, NULL, 16);
		if (since == 0 || since > IDENT_SINCE)
			return 0;
	}
	*ident = ident_of((uint32_t)slot, since);
	/* There is one way to write it. */
	pdc_ident_put(again, *ident);
	return strcmp(again, text) == 0;
}
