/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <string.h>

#include "checkpoint/checkpoint.h"

#define WALK_KEY_MAX 512
#define WALK_BATCH 256 /* writes of a transaction */

/*
 * The cursor is opened anew after each write: nothing is assumed of a cursor
 * beside puts and deletes.  fn returns 1 if it wrote, 0 if not.
 */
int
pdc_walk(struct stxn *x, const void *prefix, size_t plen, pdc_walk_fn *fn,
    void *arg)
{
	unsigned char key[WALK_KEY_MAX];
	size_t klen = plen;
	struct scur c;
	int got, ret = 0, writes = 0;

	memcpy(key, prefix, plen);
	while (ret >= 0) {
		ret = pdc_scur_open(&c, x);
		if (ret < 0)
			break;
		for (got = pdc_scur_seek(&c, key, klen); got == 1;
		     got = pdc_scur_next(&c)) {
			if (c.klen < plen || c.klen >= WALK_KEY_MAX ||
			    memcmp(c.key, prefix, plen) != 0)
				break;
			memcpy(key, c.key, c.klen);
			klen = c.klen;
			ret = fn(x, arg,
			    &(struct walk_rec){ key, klen, c.val, c.len });
			if (ret != 0)
				break;
		}
		pdc_scur_close(&c);
		if (ret != 1)
			return got < 0 ? got : ret;
		key[klen++] = 0; /* the next key after this one */
		if (++writes % WALK_BATCH == 0)
			ret = pdc_stxn_renew(x);
	}
	return ret;
}
