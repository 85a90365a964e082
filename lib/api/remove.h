/* SPDX-License-Identifier: ISC */
#ifndef PDC_API_REMOVE_H
#define PDC_API_REMOVE_H

struct pdc;
struct pdc_key;

/*
 * By name, for the command: a series; or, of a family with labels and a key
 * without, all of them.  PDC_ENOENT if there is nothing.
 */
int pdc_name_remove(struct pdc *, const struct pdc_key *);
int pdc_name_reset(struct pdc *, const struct pdc_key *);

/* End all families. */
int pdc_clear(struct pdc *);

#endif
