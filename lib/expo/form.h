/* SPDX-License-Identifier: ISC */
#ifndef PDC_EXPO_FORM_H
#define PDC_EXPO_FORM_H

/* The renderers behind expo.h: what a page calls by its format. */

#include "expo/expo.h"

/* What the text formats do differently. */
struct text_form {
	const char *const *words; /* of TYPE, by type */
	void (*head)(struct expo *, const char *suffix, const char *word);
	size_t (*number)(char *, double);
	int beside; /* created times stand beside their series */
	int exemplars; /* stand behind the number */
	int strict; /* a sum that may go down is left out, with its count */
	const char *tail;
};

extern const struct text_form pdc_text_classic, pdc_text_om;

void pdc_text_begin(struct expo *);
void pdc_text_writers(struct expo *);

void pdc_proto_begin(struct expo *);
void pdc_proto_done(struct expo *);

#endif
