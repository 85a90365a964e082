/* SPDX-License-Identifier: ISC */
#ifndef PDC_BASE_ERR_H
#define PDC_BASE_ERR_H

#include "pdc.h" /* enum pdc_error */

/*
 * The words of this thread's last failure.  What fails first sets them and
 * returns the code; what passes the failure on may put words before them.
 * Words that do not fit in ERR_WORDS bytes are cut.  All keep errno,
 * and may be given pdc_err_words().
 *
 * Threads: each has words of its own.  Fork: the child has a copy of the words
 * of the thread that forked.  Not for signal handlers.
 */
#define ERR_WORDS 512

/* Set the words and return code. */
int pdc_err_set(int code, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Set the words, then ": " and what errno means.
 *
 * Returns PDC_EPERM for EACCES, EPERM and EROFS, PDC_ENOSPC for ENOSPC, EDQUOT
 * and EFBIG, PDC_ENOMEM for ENOMEM, and PDC_ESYS for any other errno.
 */
int pdc_err_sys(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Put words and ": " before the present words, if there are any. */
void pdc_err_prefix(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* How often this thread's words were set: as it was when nothing failed. */
unsigned pdc_err_count(void);

/* The words; "" when nothing failed.  Good until this thread sets others. */
const char *pdc_err_words(void);

/* What a code means, a static text; also for 0 and for what is no code. */
const char *pdc_err_name(int code);

#endif
