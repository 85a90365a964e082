/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "base/wire.h"

#include "tap.h"

int
main(void)
{
	unsigned char out[16] = { 0 };

	pdc_put_be32(out + 1, 0x01020304);
	ok(memcmp(out, "\0\1\2\3\4\0", 6) == 0, "32 bits go highest first");
	ok(pdc_get_be32(out + 1) == 0x01020304, "32 bits come back");
	pdc_put_be64(out + 3, UINT64_C(0xf1f2f3f4f5f6f7f8));
	ok(memcmp(out + 3, "\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\0", 9) == 0,
	    "64 bits go highest first");
	ok(pdc_get_be64(out + 3) == UINT64_C(0xf1f2f3f4f5f6f7f8),
	    "64 bits come back");
	return tap_done();
}
