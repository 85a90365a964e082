/* SPDX-License-Identifier: ISC */
#ifndef PDC_BASE_NUM_H
#define PDC_BASE_NUM_H

#include <stddef.h>
#include <stdint.h>

/*
 * Numbers as text, and back.  A double is written with the fewest digits that
 * read back as the same double, and of these with the nearest.  No locale has
 * any influence and errno is kept.
 *
 * The writers put a NUL after the text, which their result does not count.
 */
#define NUM_SIZE 32 /* room for any of them */

/*
 * As Prometheus's own library writes text 0.0.4: 5, 0.5, 1e+06, NaN, +Inf.
 * The exponent form is used below 0.0001 and from 1e+06 on; -0 is 0.
 */
size_t pdc_num_go(char *out, double);

/* As OpenMetrics and every le and quantile have it: 5.0, 0.5, 1e+06. */
size_t pdc_num_om(char *out, double);

/*
 * As Python's json.dumps() writes a float: 5.0, 0.5, 1000000.0, 1e+16; what is
 * not finite is null.
 */
size_t pdc_num_json(char *out, double);

size_t pdc_num_u64(char *out, uint64_t);
size_t pdc_num_i64(char *out, int64_t);

/*
 * Read a number that takes up all of s: decimal with or without point and
 * exponent, and in any case of letters nan, inf and infinity, the last two with
 * or without sign.  No white space, no hexadecimal.  Too small becomes 0.
 *
 * Returns 0 or PDC_EINVAL, also for a number too large for a double.  Sets no
 * words.
 */
int pdc_num_parse(double *out, const char *s, size_t len);

#endif
