/* SPDX-License-Identifier: ISC */
#ifndef PDC_SERVE_PROCESS_H
#define PDC_SERVE_PROCESS_H

struct self_list;

/*
 * The process_ families that exporters have, from /proc/self; what cannot be
 * read is left out.
 */
void process_add(struct self_list *);

#endif
