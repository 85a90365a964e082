/* SPDX-License-Identifier: ISC */
#ifndef PDC_STORE_MDB_H
#define PDC_STORE_MDB_H

/* Between the files of lib/store that speak to LMDB. */

struct store;

/* An LMDB or errno code to a PDC_E*, with words; MDB_NOTFOUND has none. */
int pdc_mdb_err(const struct store *, int rc, const char *what);
int pdc_mdb_guard(const struct store *);
int pdc_mdb_reopen(struct store *);

#endif
