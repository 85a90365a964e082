/* SPDX-License-Identifier: ISC */
#ifndef PDC_EXPO_TAKEN_H
#define PDC_EXPO_TAKEN_H

#include <stddef.h>
#include <stdint.h>

/*
 * Names that stand on a page already: of the samples of families that are shown
 * under an escaped name.
 */
struct taken {
	char **table; /* open addressing; NULL: free */
	uint32_t n, mask;
};

#define TAKEN_EMPTY \
	{ \
		NULL, 0, 0 \
	}

void pdc_taken_fini(struct taken *);
int pdc_taken_has(const struct taken *, const char *name);
/* 0 or PDC_ENOMEM, without words. */
int pdc_taken_add(struct taken *, const char *name);

#endif
