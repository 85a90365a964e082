/* SPDX-License-Identifier: ISC */
#ifndef PDC_SERVE_PROCESS_H
#define PDC_SERVE_PROCESS_H

struct buf;
struct self;

/*
 * The process_ families that exporters have, from /proc/self; what cannot be
 * read is left out.
 */
void process_append(struct buf *, const struct self *);

#endif
