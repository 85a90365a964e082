/* SPDX-License-Identifier: ISC */
#ifndef PDC_STORE_MDB_H
#define PDC_STORE_MDB_H

/* Between the files of lib/store that speak to LMDB. */

#define STORE_READERS 2048

struct store;
struct MDB_txn;

/* An LMDB or errno code to a PDC_E*, with words; MDB_NOTFOUND has none. */
int pdc_mdb_err(const struct store *, int rc, const char *what);
int pdc_mdb_guard(const struct store *);
/* Words for what the pages that LMDB would use have wrong; PDC_EFORMAT. */
struct stxn;
int pdc_stxn_unsure(struct stxn *, const char *what);
int pdc_mdb_reopen(struct store *);
void pdc_mdb_close(struct store *);

/*
 * Readers.  A new one takes a mutex of LMDB that all processes share and wait
 * for without end, so it is begun under the write lock alone; it is kept, and
 * begins again without any lock.
 */
void pdc_reader_give(struct store *, struct MDB_txn *);
/* End those that are kept; forget: they are a parent's, or of lost files. */
void pdc_reader_end(struct store *, int forget);

#endif
