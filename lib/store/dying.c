/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * D and K records as bytes.
 */

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/wire.h"
#include "pdc.h"
#include "store/dying.h"

void
pdc_dying_key(unsigned char *key, char kind, uint64_t number)
{
	key[0] = (unsigned char)kind;
	pdc_put_be64(key + 1, number);
}

int
pdc_dying_parse(struct dying *y, const void *val, size_t len)
{
	const char *p = val;
	size_t sums;

	if (len < sizeof(y->d))
		return 0;
	memcpy(&y->d, p, sizeof(y->d));
	if (y->d.zone > VALUE_GAUGE || y->d.width < 1 ||
	    y->d.width > BOUNDS_MAX + 1 ||
	    (y->d.zone != VALUE_PAIR && y->d.width != 1) ||
	    y->d.values_len > sizeof(y->values))
		return 0;
	sums = y->d.width * sizeof(y->sum0[0]);
	if (len != sizeof(y->d) + sums + y->d.values_len)
		return 0;
	memcpy(y->sum0, p + sizeof(y->d), sums);
	memcpy(y->values, p + sizeof(y->d) + sums, y->d.values_len);
	return 1;
}

int
pdc_dying_put(struct stxn *x, const unsigned char *key, const struct dying *y)
{
	struct buf b;

	pdc_buf_init(&b);
	pdc_buf_put(&b, &y->d, sizeof(y->d));
	pdc_buf_put(&b, y->sum0, y->d.width * sizeof(y->sum0[0]));
	pdc_buf_put(&b, y->values, y->d.values_len);
	if (b.error < 0)
		pdc_stxn_fail(x, pdc_err_set(PDC_ENOMEM, "a dying series"));
	else
		pdc_stxn_put(x, key, DYING_KEY_LEN, b.data, b.len);
	pdc_buf_fini(&b);
	return x->ret;
}

int
pdc_dying_since(struct stxn *x, uint64_t number, int64_t now)
{
	unsigned char key[DYING_KEY_LEN];
	struct dying *y;
	const void *val;
	size_t len;
	int ret;

	y = malloc(sizeof(*y));
	if (y == NULL)
		return pdc_stxn_fail(x,
		    pdc_err_set(PDC_ENOMEM, "a dying series"));
	pdc_dying_key(key, 'D', number);
	ret = pdc_stxn_get(x, key, sizeof(key), &val, &len);
	if (ret == 0 && pdc_dying_parse(y, val, len)) {
		y->d.since_mono_ns = now;
		pdc_dying_put(x, key, y);
	}
	free(y);
	return x->ret;
}
