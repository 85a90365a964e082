/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Random damage to the files of a store at rest, from a seed: bits are flipped,
 * ranges zeroed, pages swapped or copied over others, the file is cut off, or a
 * record on a good page is another.  Whatever it was: nobody is killed who
 * reads the store, writes to it or repairs it; what is served is what was
 * there, or pdc check has findings; and so is what a repair has saved.  Only a
 * number that was changed where nothing tells what it was may be wrong.
 *
 *	test_corrupt [ROUNDS [SEED]]
 */

#include <sys/mman.h>
#include <sys/stat.h>

#include <fcntl.h>

#include "journal/latest.h"
#include "repair/stores.h"

#define TEXT (4 << 20)
#define PAGE 4096

enum kind { FLIP, ZERO, SWAP, OVER, CUT, NKINDS };
static const char *const kinds[] = { "bits flipped", "bytes zeroed",
	"pages swapped", "a page over another", "cut off" };

/* What a child has seen. */
struct seen {
	int opened, checked, repaired;
	long long left;
	char page[TEXT], lines[TEXT];
	char page2[TEXT], lines2[TEXT]; /* of what a repair has saved */
};

/* A file by its pages that are no holes. */
struct file {
	char path[8192];
	off_t size, *at; /* of the file; of each page in it */
	unsigned char *bytes;
	size_t n;
	unsigned char *bare; /* pages whose number nothing tells */
};

static struct seen *seen;
static struct file data, cells;
static char from[4096], to[4096], kept[4096];
static char *page, *lines; /* as it was */
static uint64_t rng;
static char what[256];
static int untold, served, refused, killed, wrong, rounds_of[NKINDS];

static uint32_t
below(uint32_t n)
{
	return help_random(&rng) % n;
}

static void
file_page(struct file *f, int fd, off_t at)
{
	f->at = reallocarray(f->at, f->n + 1, sizeof(*f->at));
	f->bytes = reallocarray(f->bytes, f->n + 1, PAGE);
	if (f->at == NULL || f->bytes == NULL ||
	    pread(fd, f->bytes + f->n * PAGE, PAGE, at) != PAGE)
		bail_out("%s", f->path);
	f->at[f->n++] = at;
}

static void
file_load(struct file *f)
{
	int fd = open(f->path, O_RDONLY);
	struct stat sb;
	off_t at;

	if (fd == -1 || fstat(fd, &sb) == -1)
		bail_out("%s", f->path);
	f->size = sb.st_size / PAGE * PAGE;
	for (at = 0; at < f->size; at += PAGE) {
		at = lseek(fd, at, SEEK_DATA);
		if (at == -1)
			break;
		at = at / PAGE * PAGE;
		file_page(f, fd, at);
	}
	close(fd);
	f->bare = calloc(1, f->n);
	if (f->bare == NULL)
		bail_out("no memory");
}

/* It stays the same file, else it were a copy.  cut: -1, or the new end. */
static void
file_store(const struct file *f, const unsigned char *bytes, long cut)
{
	int fd = open(f->path, O_WRONLY);
	size_t i;

	if (fd == -1 || ftruncate(fd, 0) == -1 || ftruncate(fd, f->size) == -1)
		bail_out("%s", f->path);
	for (i = 0; i < f->n; i++)
		if (pwrite(fd, bytes + i * PAGE, PAGE, f->at[i]) != PAGE)
			bail_out("%s", f->path);
	if (cut >= 0 && ftruncate(fd, f->at[cut / PAGE] + cut % PAGE) == -1)
		bail_out("%s", f->path);
	close(fd);
}

/* Later pages of long values. */
static void
find_bare(struct file *f)
{
	struct tree t, u;
	struct tree_cur c;
	uint64_t i;
	int got;

	if (pdc_tree_meta(&t, f->bytes, (uint64_t)f->size, 0, 0) < 0 ||
	    pdc_tree_meta(&u, f->bytes, (uint64_t)f->size, 1, t.psize) < 0)
		bail_out("no meta pages");
	if (u.txn > t.txn)
		t = u;
	pdc_tree_cur(&c, &t, TREE_MAIN);
	for (got = pdc_tree_seek(&c, "", 0); got == 1; got = pdc_tree_next(&c))
		for (i = 1; i < c.node.nover; i++)
			f->bare[c.node.over + i] = 1;
}

/* Damage a copy; where it is cut off, or -1.  bare: nothing can tell. */
static long
damage(const struct file *f, unsigned char *b, enum kind kind, int *bare)
{
	size_t pages = f->n, size = pages * PAGE, n, at = below((uint32_t)size);
	uint32_t i, a = below((uint32_t)pages), z = below((uint32_t)pages);
	static unsigned char tmp[PAGE];

	*bare = kind == FLIP || kind == ZERO || f->bare[a] || f->bare[z];
	snprintf(what, sizeof(what), "%s, pages %u %u, byte %zu", kinds[kind],
	    a, z, at);
	switch (kind) {
	case FLIP:
		for (i = 1 + below(4); i > 0; i--)
			b[(at + below(64)) % size] ^= (unsigned char)(1u
			    << below(8));
		break;
	case ZERO:
		n = 1 + below(below(2) ? 16 : 2 * PAGE);
		memset(b + at, 0, n < size - at ? n : size - at);
		break;
	case SWAP:
		memcpy(tmp, b + (size_t)a * PAGE, PAGE);
		memcpy(b + (size_t)a * PAGE, b + (size_t)z * PAGE, PAGE);
		memcpy(b + (size_t)z * PAGE, tmp, PAGE);
		break;
	case OVER:
		memmove(b + (size_t)a * PAGE, b + (size_t)z * PAGE, PAGE);
		break;
	default:
		return (long)at;
	}
	return -1;
}

static int
keep(char *out, char *text)
{
	int fits = strlen(text) < TEXT;

	if (fits)
		strcpy(out, text);
	free(text);
	return fits ? 0 : 3;
}

static void
nothing(void *arg, const char *line)
{
	(void)arg;
	(void)line;
}

/* Pages of other forms, and the latest of what was measured. */
static void
read_more(void)
{
	static const char *const accepts[] = { OPENMETRICS, PROTOBUF };
	struct latest *l = pdc_latest_new();
	struct stxn x;
	struct buf b;
	char *text;
	size_t len, i;
	int ret = 1;

	for (i = 0; i < 2; i++)
		if (pdc_render(p, accepts[i], &text, &len, NULL) == 0)
			pdc_free(text);
	pdc_buf_init(&b);
	while (ret == 1 && pdc_stxn_read(&x, p->store) == 0) {
		ret = pdc_latest_read(l, &x);
		pdc_stxn_abort(&x);
	}
	pdc_latest_put(l, &b);
	pdc_buf_fini(&b);
	pdc_latest_free(l);
}

/* What a reader sees, and pdc check. */
static int
child_reads(void *arg)
{
	struct pdc_options o = { .flags = PDC_RDONLY };
	char *text;
	size_t len;

	(void)arg;
	alarm(60);
	if (pdc_open(&p, from, &o) < 0)
		return 0;
	seen->opened = 1;
	if (pdc_render(p, NULL, &text, &len, NULL) == 0 &&
	    keep(seen->page, text) != 0)
		return 3;
	text = all_lines_try(p);
	if (text != NULL && keep(seen->lines, text) != 0)
		return 3;
	read_more();
	seen->checked = pdc_page_check(p, nothing, NULL);
	pdc_close(p);
	return 0;
}

static int
child_repairs(void *arg)
{
	struct pdc_options o = { 0 };
	char *text;
	size_t len;

	(void)arg;
	alarm(60);
	seen->repaired = pdc_repair_run(&sums, from, to, 0, nothing, NULL);
	seen->left = (long long)sums.left;
	if (seen->repaired < 0)
		return 0;
	if (pdc_open(&p, to, &o) < 0 ||
	    pdc_render(p, NULL, &text, &len, NULL) < 0)
		return 4;
	if (keep(seen->page2, text) != 0 ||
	    keep(seen->lines2, all_lines(p)) != 0)
		return 3;
	if (pdc_page_check(p, nothing, NULL) != 0)
		return 5;
	pdc_close(p);
	return 0;
}

/* A worker that counts, makes series, logs and does the upkeep. */
static int
child_works(void *arg)
{
	static const char *const labels[] = { "l", NULL };
	struct pdc_options o = { 0 };
	struct pdc_desc d = { .type = PDC_COUNTER,
		.name = "c",
		.labels = labels };
	struct pdc_family *f = NULL;
	struct pdc_series *s = NULL;
	const char *values[] = { "new", NULL };
	const struct pdc_label l = { "l", "v3" };
	const struct pdc_key by_name = help_key("c", "_total", &l),
			     gauge = help_key("g", "", &l);
	const struct pdc_retention few = { .max_count = 5 };
	char *text;
	size_t len;

	(void)arg;
	alarm(60);
	if (pdc_open(&p, from, &o) < 0)
		return 0;
	pdc_declare(&f, p, &d);
	if (f != NULL)
		pdc_labels(&s, f, values);
	pdc_inc(s, 1);
	multi_put(p, "inc", &by_name, 1);
	multi_put(p, "set", &gauge, 1);
	pdc_log(p, PDC_LOG_INFO, "damaged?", NULL, 0);
	pdc_event(p, "started", NULL, 0);
	pdc_measure(p, "speed", 1, NULL, 0);
	pdc_retain(p, "logs", &few);
	pdc_checkpoint(p);
	pdc_maintain(p);
	if (f != NULL)
		pdc_remove(f, NULL);
	pdc_maintain(p);
	if (pdc_render(p, NULL, &text, &len, NULL) == 0)
		pdc_free(text);
	pdc_close(p);
	return 0;
}

/* The record of this number, of all; the last one if there are less. */
static void
nth_record(uint32_t n, struct rec *r)
{
	struct scur c;
	struct stxn x;
	int got;

	memset(r, 0, sizeof(*r));
	if (pdc_stxn_read(&x, p->store) < 0 || pdc_scur_open(&c, &x) < 0)
		bail_out("%s", pdc_error());
	for (got = pdc_scur_seek(&c, "", 0); got == 1 && n-- > 0;
	     got = pdc_scur_next(&c)) {
		memcpy(r->key, c.key, c.klen);
		r->klen = c.klen;
		r->len = c.len < sizeof(r->val) ? c.len : sizeof(r->val);
		memcpy(r->val, c.val, r->len);
	}
	pdc_scur_close(&c);
	pdc_stxn_abort(&x);
}

/* Change the record of a good page, or its key, or take it away. */
static int
child_edits(void *arg)
{
	uint64_t n = *(uint64_t *)arg, i;
	struct rec r, was;

	alarm(60);
	rng = n;
	p = multi_open(from, 0);
	nth_record(1 + below(900), &r);
	was = r;
	if (below(8) == 0)
		r.len = below((uint32_t)sizeof(r.val) / 8);
	for (i = below(6); i > 0 && r.len > 0; i--)
		r.val[below((uint32_t)r.len)] ^= (unsigned char)(1u
		    << below(8));
	if (below(4) == 0)
		r.key[below((uint32_t)r.klen)] ^= (unsigned char)(1u
		    << below(8));
	if (below(2) == 0)
		del(&was);
	if (below(4) != 0)
		put(&r);
	p->store->hook = NULL;
	_exit(0); /* closing it would do its upkeep */
}

static int
line_order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Lines of a text, sorted; the text is cut up. */
static size_t
cut_lines(char *text, char ***out)
{
	size_t n = 0, cap = 0;
	char **at = NULL, *end;

	for (; *text != '\0'; text = end + 1) {
		if (n == cap) {
			cap = cap > 0 ? 2 * cap : 1024;
			at = reallocarray(at, cap, sizeof(*at));
			if (at == NULL)
				bail_out("no memory");
		}
		at[n++] = text;
		end = strchr(text, '\n');
		if (end == NULL)
			break;
		*end = '\0';
	}
	if (n > 0)
		qsort(at, n, sizeof(*at), line_order);
	*out = at;
	return n;
}

/* How many lines of a text are none of another. */
static int
lines_beyond(char *text, const char *model)
{
	char *copy = strdup(model), **got, **want;
	size_t n = cut_lines(text, &got), m = cut_lines(copy, &want), i;
	int beyond = 0;

	for (i = 0; i < n; i++)
		if (bsearch(&got[i], want, m, sizeof(*want), line_order) ==
		    NULL) {
			if (beyond++ == 0)
				diag("%s: %s", what, got[i]);
		}
	free(got);
	free(want);
	free(copy);
	return beyond;
}

static void
ended(int status, const char *who)
{
	if (status != 0) {
		diag("%s: who %s ended with %d", what, who, status);
		killed++;
	}
}

/* What nothing could tell may be wrong, all else may not. */
static void
judge(int bare)
{
	int beyond, told = seen->checked != 0;

	served += seen->opened;
	refused += !seen->opened;
	beyond = lines_beyond(seen->page, page) +
	    lines_beyond(seen->lines, lines);
	if (beyond > 0 && !told) {
		if (bare)
			untold++;
		else
			wrong++;
	}
	beyond = lines_beyond(seen->page2, page) +
	    lines_beyond(seen->lines2, lines);
	if (beyond > 0 && !bare)
		wrong++;
}

static void
restore(void)
{
	/* A worker may have begun new ones. */
	multi_lose(from);
	if (link(kept, cells.path) == -1)
		bail_out("%s", cells.path);
	file_store(&data, data.bytes, -1);
	file_store(&cells, cells.bytes, -1);
}

/* Who reads it, repairs it and works with it; what they see. */
static void
users(int bare)
{
	memset(seen, 0, offsetof(struct seen, page));
	seen->page[0] = seen->lines[0] = 0;
	seen->page2[0] = seen->lines2[0] = 0;
	ended(help_child(child_reads, NULL), "reads");
	ended(help_child(child_repairs, NULL), "repairs");
	judge(bare);
	remove_store(to);
	ended(help_child(child_works, NULL), "works");
}

static void
round_pages(const struct file *f)
{
	unsigned char *bytes = malloc(f->n * PAGE);
	enum kind kind = (enum kind)below(NKINDS);
	long cut;
	int bare;

	memcpy(bytes, f->bytes, f->n * PAGE);
	cut = damage(f, bytes, kind, &bare);
	rounds_of[kind]++;
	restore();
	file_store(f, bytes, cut);
	free(bytes);
	users(bare || f == &cells);
}

static void
round_record(void)
{
	uint64_t n = below(UINT32_MAX);

	snprintf(what, sizeof(what), "record, seed %llu",
	    (unsigned long long)n);
	restore();
	ended(help_child(child_edits, &n), "edits");
	users(1);
}

static void
setup(void)
{
	static struct pdc_stat st;
	char *dir = tap_tmpdir();

	snprintf(from, sizeof(from), "%s/from", dir);
	snprintf(to, sizeof(to), "%s/to", dir);
	fill_store(from);
	pdc_close(p);
	p = multi_open(from, 0);
	page = help_page(p);
	lines = all_lines(p);
	is_int(sound(p), 0, "the store is whole");
	if (pdc_stat_get(p, &st) < 0)
		bail_out("%s", pdc_error());
	pdc_close(p);
	snprintf(cells.path, sizeof(cells.path), "%s", st.cells_path);
	file_load(&cells);
	snprintf(kept, sizeof(kept), "%s/kept", dir);
	if (link(cells.path, kept) == -1)
		bail_out("%s", kept);
	snprintf(data.path, sizeof(data.path), "%s/data.mdb", from);
	file_load(&data);
	find_bare(&data);
	seen = multi_shared(sizeof(*seen));
}

int
main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 40, i;

	rng = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL);
	diag("seed %llu", (unsigned long long)rng);
	unsetenv("PDC_PAGES"); /* of these none is kept */
	setup();
	for (i = 0; i < rounds; i++)
		if (i % 3 == 0)
			round_record();
		else
			round_pages(i % 4 == 3 ? &cells : &data);
	for (i = 0; i < NKINDS; i++)
		diag("%s: %d times", kinds[i], rounds_of[i]);
	diag("%zu pages of data.mdb, %zu of the cells", data.n, cells.n);
	diag("%d served, %d refused, %d wrong where nothing tells", served,
	    refused, untold);
	is_int(killed, 0, "nobody was killed");
	is_int(wrong, 0, "nothing wrong is told by nobody");
	return tap_done();
}
