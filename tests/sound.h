/* SPDX-License-Identifier: ISC */
#ifndef SOUND_H
#define SOUND_H

/* For tests that end, or go on, with a store that has to be whole. */

#include "api/page.h"
#include "pdc.h"
#include "tap.h"

static inline void
sound_found(void *arg, const char *words)
{
	(void)arg;
	diag("%s", words);
}

/* How many findings there are, which are told; or a PDC_E*. */
static inline int
sound(struct pdc *p)
{
	int ret = pdc_page_check(p, sound_found, NULL);

	if (ret < 0)
		diag("the store cannot be checked: %s", pdc_error());
	return ret;
}

/* A case, and the end of a store; for who has opened it once. */
static inline void
sound_close(struct pdc *p)
{
	is_int(sound(p), 0, "the store is whole");
	pdc_close(p);
}

#endif
