/* SPDX-License-Identifier: ISC */
#ifndef MOD_PDC_H
#define MOD_PDC_H

#include <sys/types.h>

#include "pdc.h"

/* Of the parent, and then of the child that inherits it. */
struct store {
	struct pdc *p; /* NULL: none, nothing is counted */
	pid_t opener;
	struct pdc_family *total, *seconds, *running;
	struct pdc_series *bytes, *now;
	int sick; /* upkeep failed, which was said */
};
extern struct store store;

/* These return NULL, or what is wrong. */
const char *store_open(const char *dir);
const char *store_upkeep(void);
void store_close(void);

#endif
