/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Exemplars that anybody wrote: the first byte says whether the rest lies where
 * the places are, or was put there by who keeps to the format and not to what a
 * handle would tell.  What is shown of it stays within its lines.
 */

#include "base/buf.h"
#include "base/escape.h"
#include "collect/collect.h"
#include "expo/expo.h"
#include "fuzz/fuzz.h"
#include "lane/exemplar.h"
#include "lane/shape.h"
#include "pdc.h"

static char places[EXEMPLARS_MIN * EXEMPLAR_PLACE]
    __attribute__((aligned(4096)));
static struct cells_head head;
static struct cells cells = {
	.head = &head,
	.exemplars = places,
	.nexemplars = EXEMPLARS_MIN,
};

static size_t
lines(const struct buf *b)
{
	size_t i, n = 0;

	for (i = 0; i < b->len; i++)
		n += b->data[i] == '\n';
	return n;
}

/* A counter's page, with exemplars or without. */
static void
show(struct buf *b, const struct cells *c, enum expo_media media)
{
	const struct expo_how how = { .media = media,
		.escape = ESCAPE_UNDERSCORES };
	const struct collect_series series = { .id = 1, .rendered = "" };
	const struct collect_family family = { .name = "c",
		.help = "",
		.unit = "",
		.type = PDC_COUNTER,
		.exemplars = c };
	struct expo e;

	pdc_buf_init(b);
	pdc_expo_init(&e, b, &how);
	pdc_expo_begin(&e, &family);
	pdc_expo_series(&e, &series);
	pdc_expo_done(&e);
	pdc_expo_fini(&e);
	FUZZ_MUST(b->error == 0);
}

static void
eat_pages(void)
{
	struct buf with, without;

	show(&with, &cells, EXPO_OM_1_0_0);
	show(&without, NULL, EXPO_OM_1_0_0);
	FUZZ_MUST(lines(&with) == lines(&without));
	FUZZ_MUST(pdc_utf8_valid(with.data, with.len));
	pdc_buf_fini(&with);
	pdc_buf_fini(&without);
	show(&with, &cells, EXPO_PROTO);
	pdc_buf_fini(&with);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct exemplar e, got;

	if (size == 0)
		return 0;
	memset(places, 0, sizeof(places));
	memset(&e, 0, sizeof(e));
	head.exemplars_ready = 1;
	FUZZ_MUST(pdc_exemplar_put(&cells, 1, 0, &e) == 0);
	if (data[0] % 2 != 0) {
		size = size - 1 < sizeof(e) ? size - 1 : sizeof(e);
		memcpy(&e, data + 1, size);
		pdc_exemplar_put(&cells, 1, 0, &e);
	} else {
		size = size - 1 < sizeof(places) ? size - 1 : sizeof(places);
		memcpy(places, data + 1, size);
	}
	if (pdc_exemplar_get(&cells, 1, 0, &got) == 1)
		FUZZ_MUST(got.len <= EXEMPLAR_LEN);
	eat_pages();
	return 0;
}
