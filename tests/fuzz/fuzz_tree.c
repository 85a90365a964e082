/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * The pages of data.mdb: edits of a small one, each a page of one byte, an
 * offset of two, a length and so many bytes.  The first byte: 1, the head of an
 * edited page has its number again; 2, the file is cut off in the middle.
 */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "store/pages.h"
#include "store/store.h"

#define PAGE 4096

long fuzz_tries = 4000;

static const struct clock wall;
static unsigned char *good;
static size_t good_size;

static void
put(struct stxn *x, char kind, int n, size_t len)
{
	static const char bytes[20000];
	char key[64];

	snprintf(key, sizeof(key), "%c%08d", kind, n);
	FUZZ_MUST(pdc_stxn_put(x, key, strlen(key), bytes, len) == 0);
}

/* Three levels, long values, and pages that are free. */
static void
fill(struct store *st)
{
	struct stxn x;
	int i, j;

	for (j = 0; j < 3; j++) {
		FUZZ_MUST(pdc_stxn_write(&x, st, 1000) == 0);
		for (i = 0; i < 300; i++)
			put(&x, 'S', i, i == 7 ? 9000 : 20 + (size_t)j);
		FUZZ_MUST(pdc_stxn_commit(&x) == 0);
	}
}

static void
arrive(void)
{
	static const struct store_opts opts = { .wait_ms = 1000 };
	static const char *const files[] = { "data.mdb", "lock.mdb", "use.lock",
		"write.lock" };
	char dir[] = "/dev/shm/pdc-fuzz-XXXXXX", path[128];
	struct store *st;
	struct stat sb;
	size_t i;
	int fd;

	FUZZ_MUST(mkdtemp(dir) != NULL);
	FUZZ_MUST(pdc_store_open(&st, dir, &opts, &wall) == 0);
	fill(st);
	pdc_store_close(st);
	snprintf(path, sizeof(path), "%s/data.mdb", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	FUZZ_MUST(fd != -1 && fstat(fd, &sb) == 0);
	good_size = (size_t)sb.st_size;
	good = malloc(good_size);
	FUZZ_MUST(good != NULL &&
	    pread(fd, good, good_size, 0) == (ssize_t)good_size);
	close(fd);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	rmdir(dir);
}

static void
edit(unsigned char *b, const uint8_t *data, size_t size, int number)
{
	uint64_t pgno;
	size_t at, len;

	while (size > 4) {
		pgno = data[0] % (good_size / PAGE);
		at = (data[1] | (size_t)data[2] << 8) % PAGE;
		len = data[3];
		data += 4;
		size -= 4;
		if (len > size)
			len = size;
		if (len > PAGE - at)
			len = PAGE - at;
		memcpy(b + pgno * PAGE + at, data, len);
		if (number)
			memcpy(b + pgno * PAGE, &pgno, sizeof(pgno));
		data += len;
		size -= len;
	}
}

static unsigned total;

/* All that is said to be there is. */
static void
eat(const void *key, size_t klen, const void *val, size_t len)
{
	const unsigned char *k = key, *v = val;
	size_t i;

	for (i = 0; i < klen; i++)
		total += k[i];
	for (i = 0; i < len; i++)
		total += v[i];
}

static void
record(void *arg, const struct tree_node *nd)
{
	(void)arg;
	eat(nd->key, nd->klen, nd->val, nd->len);
}

static void
wrong(void *arg, uint64_t pgno, const char *words)
{
	(void)arg;
	(void)pgno;
	FUZZ_MUST(words[0] != '\0');
}

static void
walk(const struct tree *t)
{
	struct pages p = { .t = t, .record = record, .wrong = wrong };

	FUZZ_MUST(pdc_pages_begin(&p) == 0);
	pdc_pages_walk(&p);
	pdc_pages_lost(&p);
	pdc_pages_strays(&p);
	pdc_pages_end(&p);
}

static void
look(const struct tree *t)
{
	struct sure s = { 0 };
	struct tree_node nd;
	struct tree_cur c;
	char key[16];
	int got, i;

	pdc_tree_cur(&c, t, TREE_MAIN);
	for (got = pdc_tree_seek(&c, "S", 1); got; got = pdc_tree_next(&c))
		record(NULL, &c.node);
	for (got = pdc_tree_last(&c); got; got = pdc_tree_prev(&c))
		record(NULL, &c.node);
	if (pdc_sure_begin(&s, t) == 0)
		for (i = 0; i < 300; i += 7) {
			snprintf(key, sizeof(key), "S%08d", i);
			if (pdc_tree_get(t, key, 9, &nd) == 1)
				record(NULL, &nd);
			pdc_sure_key(&s, key, 9, (enum sure_use)(i % 6));
		}
	pdc_sure_free(&s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char *b;
	struct tree t;
	size_t n;
	int which;

	if (size == 0)
		return 0;
	if (good == NULL)
		arrive();
	/* So that sanitizers know where it ends. */
	n = data[0] & 2 ? good_size / 2 + data[0] : good_size;
	b = malloc(good_size);
	FUZZ_MUST(b != NULL);
	memcpy(b, good, good_size);
	edit(b, data + 1, size - 1, data[0] & 1);
	b = realloc(b, n);
	FUZZ_MUST(b != NULL);
	for (which = 0; which < TREE_METAS; which++)
		if (pdc_tree_meta(&t, b, n, which, PAGE) == 0) {
			look(&t);
			walk(&t);
		}
	free(b);
	return 0;
}
