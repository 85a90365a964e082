/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * A store with all kinds of things, and the one that pdc repair makes of it:
 * the same pages and lines, if nothing is damaged; else all but what is.
 */

#include "repair/stores.h"

static char *dir, from[4096], to[4096];
static int nstores;

static void
next_store(void)
{
	snprintf(from, sizeof(from), "%s/from%d", dir, ++nstores);
	snprintf(to, sizeof(to), "%s/to%d", dir, nstores);
}

static void
test_whole(void)
{
	char *page, *lines, *page2, *lines2;
	struct pdc *q;

	next_store();
	fill_store(from);
	pdc_close(p);
	p = multi_open(from, 0);
	page = all_page(p);
	lines = all_lines(p);
	pdc_close(p);
	is_int(repair(from, to, 0), 0, "a whole store: %s", pdc_error());
	is_int((long long)sums.left, 0, "nothing is left out");
	q = multi_open(to, 0);
	page2 = all_page(q);
	lines2 = all_lines(q);
	is_str(page2, page, "the page is the same");
	is_str(lines2, lines, "the lines are the same");
	ok(strstr(page, "mode_") != NULL && strlen(lines) > 1000,
	    "of %zu and %zu bytes", strlen(page), strlen(lines));
	pdc_free(page);
	pdc_free(page2);
	free(lines);
	free(lines2);
	sound_close(q);
}

enum op { FLIP, CUT, DEL };

/* To one record. */
struct damage {
	const char *what;
	char kind;
	const char *family;
	size_t off; /* of a byte of the value; cut: so many are cut off */
	enum op op;
	unsigned char bits; /* of it that change */
	const char *want; /* what is said; NULL: nothing is left out */
	const char *lost; /* a sample that is not there afterwards */
};

static const struct damage damages[] = {
	{ "half a family", 'F', "s", 1, CUT, 0, "F s: no family",
	    "s_count{l=\"v0\"}" },
	{ "a family with the id of another", 'F', "s", 0, FLIP, 1, NULL, NULL },
	{ "a family with the id of none", 'F', "s", 0, FLIP, 0x80, NULL, NULL },
	{ "an id that two have", 'I', "s", 0, FLIP, 'c' ^ 's',
	    "F s: no I has its name and id", "s_count{l=\"v0\"}" },
	{ "a family that is gone", 'F', "s", 0, DEL, 0, "3 series of no family",
	    "s_count{l=\"v0\"}" },
	{ "no name of an id", 'I', "s", 0, DEL, 0, NULL, NULL },
	{ "half a series", 'S', "s", 1, CUT, 0, ": no series",
	    "s_count{l=\"v0\"}" },
	{ "other values than are rendered", 'S', "s", sizeof(struct series_rec),
	    FLIP, 1, "its values are not those that are rendered",
	    "s_count{l=\"v0\"}" },
	{ "values that are no UTF-8", 'S', "s", sizeof(struct series_rec), FLIP,
	    0x81, "label values that cannot be", "s_count{l=\"v0\"}" },
	{ "other rendered than values", 'S', "s", sizeof(struct series_rec) + 7,
	    FLIP, 1, NULL, NULL },
	{ "another id", 'S', "s", 0, FLIP, 1, NULL, NULL },
	{ "no look-up", 'L', "s", 0, DEL, 0, NULL, NULL },
	{ "no block", 'V', "s", 0, DEL, 0, "its numbers are not there",
	    "s_count{l=\"v0\"}" },
	{ "half a block", 'V', "s", 8, CUT, 0, "its numbers are damaged",
	    "s_count{l=\"v0\"}" },
	{ "a counter below 0", 'V', "c", sizeof(struct value_head) + 7, FLIP,
	    0x81, "a counter that is below 0", "c_total{l=\"v0\"}" },
	{ "no free number", 'N', NULL, 0, DEL, 0, NULL, NULL },
	{ "no dying run", 'D', NULL, 0, DEL, 0, NULL, NULL },
};

static void
apply(const struct damage *d)
{
	struct rec r;

	get(d->kind, d->family, &r);
	if (d->op == DEL) {
		del(&r);
		return;
	}
	if (d->op == CUT)
		r.len -= d->off;
	else
		r.val[d->off] ^= d->bits;
	put(&r);
}

static void
test_damage(const struct damage *d)
{
	char *page, *page2;
	struct pdc *q;

	next_store();
	fill_store(from);
	pdc_close(p); /* and nothing of it lives */
	p = multi_open(from, 0);
	page = help_page(p);
	apply(d);
	if (repair(from, to, REPAIR_FORCE) < 0)
		bail_out("%s: %s", d->what, pdc_error());
	ok(d->want == NULL ? sums.left == 0 : strstr(words, d->want) != NULL,
	    "%s: %s", d->what, d->want != NULL ? "it is told" : "no matter");
	q = multi_open(to, 0);
	page2 = help_page(q);
	if (d->lost == NULL)
		ok(strcmp(page2, page) == 0, "%s: all is there", d->what);
	else
		ok(isnan(help_on_page(page2, d->lost)) &&
			help_on_page(page2, "h_count{l=\"v0\"}") ==
			    help_on_page(page, "h_count{l=\"v0\"}"),
		    "%s: it is not there, and the rest is", d->what);
	is_int(sound(q), 0, "%s: the new store is whole", d->what);
	pdc_free(page);
	pdc_free(page2);
	pdc_close(q);
	pdc_close(p);
}

static void
test_in_use(void)
{
	struct pdc *q;

	next_store();
	fill_store(from);
	is_int(repair(from, to, 0), PDC_EBUSY, "in use: %s", pdc_error());
	is_int(access(to, F_OK), -1, "no new store is there");
	pdc_inc(count(PDC_COUNTER, "c", 1), 40);
	is_int(repair(from, to, REPAIR_FORCE), 0, "with force: %s",
	    pdc_error());
	q = multi_open(to, 0);
	is_double(help_sample(q, "c_total{l=\"v0\"}"),
	    help_sample(p, "c_total{l=\"v0\"}"),
	    "what no checkpoint has seen is there, too");
	pdc_close(q);
	pdc_close(p);
}

int
main(void)
{
	size_t i;

	dir = tap_tmpdir();
	test_whole();
	test_in_use();
	for (i = 0; i < sizeof(damages) / sizeof(damages[0]); i++)
		test_damage(&damages[i]);
	return tap_done();
}
