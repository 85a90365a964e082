/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "base/buf.h"

#include <stdint.h>
#include <stdlib.h>

#include "pdc.h"

#include "base/fault.h"
#include "tap.h"

static int
holds(const struct buf *b, const char *want)
{
	return b->error == 0 && b->len == strlen(want) &&
	    memcmp(b->data, want, b->len) == 0;
}

static void
test_append(void)
{
	struct buf b;

	pdc_buf_init(&b);
	ok(b.len == 0 && b.error == 0, "a new buffer is empty");
	pdc_buf_put(&b, "", 0);
	ok(b.len == 0 && b.error == 0, "nothing may be put");
	pdc_buf_put(&b, "a\0b", 3);
	ok(b.len == 3 && memcmp(b.data, "a\0b", 3) == 0, "bytes are put");
	pdc_buf_reset(&b);
	pdc_buf_str(&b, "one");
	pdc_buf_chr(&b, ' ');
	pdc_buf_fmt(&b, "%d %s", 2, "three");
	pdc_buf_fmt(&b, "%s", "");
	ok(holds(&b, "one 2 three"), "the kinds of appending mix");
	pdc_buf_fini(&b);
	ok(b.data == NULL && b.len == 0, "a finished buffer is empty");
}

static void
test_grow(void)
{
	struct buf b;
	size_t i, wrong = 0;

	pdc_buf_init(&b);
	for (i = 0; i < 100000; i++)
		pdc_buf_chr(&b, (char)('a' + i % 26));
	for (i = 0; i < b.len; i++)
		wrong += b.data[i] != (char)('a' + i % 26);
	ok(b.len == 100000 && wrong == 0, "100000 single bytes are all there");
	pdc_buf_fini(&b);
}

/* Around the size of the first memory, where the NUL may not fit. */
static void
test_format_lengths(void)
{
	char big[1200];
	size_t i, wrong = 0;
	struct buf b;

	memset(big, 'x', sizeof(big));
	for (i = 0; i < sizeof(big); i++) {
		pdc_buf_init(&b);
		pdc_buf_chr(&b, '<');
		pdc_buf_fmt(&b, "%.*s", (int)i, big);
		pdc_buf_chr(&b, '>');
		wrong += b.error != 0 || b.len != i + 2 || b.data[0] != '<' ||
		    memcmp(b.data + 1, big, i) != 0 || b.data[i + 1] != '>';
		pdc_buf_fini(&b);
	}
	is_int(wrong, 0, "formatted texts of all lengths are whole");
}

static void
test_reserve(void)
{
	struct buf b;
	char *p;

	pdc_buf_init(&b);
	p = pdc_buf_reserve(&b, 1000);
	if (p == NULL)
		bail_out("no memory");
	memset(p, 'y', 1000);
	is_int(b.len, 0, "reserved room does not count");
	pdc_buf_commit(&b, 600);
	is_int(b.len, 600, "committed room does");
	p = b.data;
	pdc_buf_reset(&b);
	ok(b.data == p && b.cap >= 1000 && b.len == 0,
	    "a reset buffer keeps its memory");
	pdc_buf_fini(&b);
}

static void
test_sticky(void)
{
	struct buf b;

	pdc_buf_init(&b);
	pdc_buf_str(&b, "before");
	ok(pdc_buf_reserve(&b, SIZE_MAX - 2) == NULL, "too much is refused");
	is_int(b.error, PDC_ENOMEM, "the error is kept");
	pdc_buf_str(&b, "x");
	pdc_buf_chr(&b, 'x');
	pdc_buf_fmt(&b, "%s", "x");
	pdc_buf_commit(&b, 1);
	ok(pdc_buf_reserve(&b, 1) == NULL, "after an error there is no room");
	ok(b.len == 6 && memcmp(b.data, "before", 6) == 0,
	    "after an error nothing is appended");
	pdc_buf_reset(&b);
	pdc_buf_str(&b, "again");
	ok(holds(&b, "again"), "a reset buffer works again");
	pdc_buf_fini(&b);
}

#ifdef PDC_FAULTS
static void
test_no_memory(void)
{
	struct buf b;

	pdc_buf_init(&b);
	pdc_fault_arm(FAULT_BUF_GROW, 1);
	pdc_buf_chr(&b, 'x');
	ok(b.error == PDC_ENOMEM && b.len == 0 && b.data == NULL,
	    "no memory at first is an error");
	pdc_buf_reset(&b);
	pdc_buf_str(&b, "kept");
	pdc_fault_arm(FAULT_BUF_GROW, 1);
	pdc_buf_fmt(&b, "%5000d", 1);
	ok(b.error == PDC_ENOMEM && b.len == 4 &&
		memcmp(b.data, "kept", 4) == 0,
	    "no memory later keeps what is there");
	pdc_fault_disarm();
	pdc_buf_fini(&b);
}
#endif

int
main(void)
{
	test_append();
	test_grow();
	test_format_lengths();
	test_reserve();
	test_sticky();
#ifdef PDC_FAULTS
	test_no_memory();
#endif
	return tap_done();
}
