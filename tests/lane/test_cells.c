/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>

#include "fixture.h"
#include "lane/lane.h"
#include "lane/ring.h"

static char path[512];

static void
test_round_trip(const char *dir)
{
	struct cells *a = NULL, *b = NULL;
	struct stat st;

	is_int(fixture_make(dir), 0, "cells are made");
	is_int(fixture_make(dir), PDC_EEXIST, "cells are made once");
	ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600,
	    "they have the mode told");
	is_int(fixture_try(&a, dir, 0), 0, "cells are opened");
	is_int(fixture_try(&b, dir, 0), 0, "and once more");
	if (a == NULL || b == NULL)
		bail_out("%s", pdc_err_words());
	ok(a->dev == st.st_dev && a->ino == st.st_ino, "device and inode");
	is_int((long long)a->map_len, st.st_size, "the whole file is mapped");
	ok(st.st_blocks * 512 < 8 << 20, "most of it is a hole");
	is_int((long long)a->epoch, FIXTURE_EPOCH, "the epoch");
	is_str(a->head->boot_id, "a boot", "the boot");
	is_int(pdc_cells_reserve(a, ZONE_ADD, 1), 0, "a unit is reserved");
	pdc_cells_zero(a, ZONE_ADD, 0, 1);
	pdc_cells_tag(a, ZONE_ADD, 0, 42);
	ok(pdc_cells_tag_get(b, ZONE_ADD, 0) == 42, "one tag in both");
	is_int(pdc_lane_add(a, 0, 42, 1.5), LANE_OK, "an add in one");
	is_int(pdc_lane_add(b, 0, 42, 2), LANE_OK, "an add in the other");
	is_double(pdc_cells_sum(a, 0), 3.5, "one sum");
	is_int(pdc_lane_add(a, 0, 43, 1), LANE_STALE, "another id is stale");
	pdc_cells_untag_all(b);
	is_int(pdc_lane_add(a, 0, 42, 1), LANE_STALE, "untagged is stale");
	is_double(pdc_cells_sum(a, 0), 3.5, "stale adds nothing");
	pdc_cells_close(a);
	pdc_cells_close(b);
	pdc_cells_close(NULL);
	unlink(path);
}

static void
test_names(const char *dir)
{
	struct cells_make m = fixture_how(dir);
	unsigned char uuid[16] = { 0 };
	struct cells *cells = NULL;

	is_int(fixture_try(&cells, dir, 0), PDC_ENOENT, "no such cells");
	is_int(fixture_try(&cells, "/nonexistent", 0), PDC_ENOENT,
	    "no such directory");
	m.name = "a/b";
	is_int(pdc_cells_make(&m), PDC_EINVAL, "no slash in a name");
	m.name = "../x";
	is_int(pdc_cells_open(&cells, &m), PDC_EINVAL, "nor on opening");
	is_int(fixture_make(dir), 0, "made");
	m = fixture_how(dir);
	m.uuid = uuid;
	is_int(pdc_cells_open(&cells, &m), PDC_EFORMAT,
	    "cells of another store are refused");
	m = fixture_how(dir);
	m.epoch++;
	is_int(pdc_cells_open(&cells, &m), PDC_EFORMAT,
	    "another epoch is refused");
	ok(cells == NULL, "nothing was handed out");
	unlink(path);
}

#define HEAD ((struct cells_head *)0)
#define FIELD(name) #name, offsetof(struct cells_head, name), sizeof(HEAD->name)

static const struct field {
	const char *name;
	size_t off, len;
} fields[] = {
	{ FIELD(magic) },
	{ FIELD(version) },
	{ FIELD(head_size) },
	{ FIELD(uuid) },
	{ FIELD(epoch) },
	{ FIELD(boot_id) },
	{ FIELD(nlanes) },
	{ FIELD(natomic) },
	{ FIELD(rseq) },
	{ FIELD(file_size) },
	{ FIELD(fwd_off) },
	{ FIELD(nfwd) },
	{ FIELD(ring_off) },
	{ FIELD(ring_stride) },
	{ FIELD(ring_size) },
	{ FIELD(zone[1].tags_off) },
	{ FIELD(zone[1].lanes_off) },
	{ FIELD(zone[1].lane_stride) },
	{ FIELD(zone[1].atomic_off) },
	{ FIELD(zone[1].atomic_stride) },
	{ FIELD(zone[1].capacity) },
	{ FIELD(zone[1].reserved) },
	{ FIELD(zone[1].unit) },
	{ FIELD(zone[1].nlanes) },
	{ FIELD(zone[1].natomic) },
};

/* Whether a field of these bytes is refused, with the words and no cells. */
static int
field_refused(const char *dir, int fd, const struct field *f, const void *bytes)
{
	struct cells *cells = NULL;
	int ret;

	if (pwrite(fd, bytes, f->len, (off_t)f->off) != (ssize_t)f->len)
		bail_out("pwrite");
	ret = fixture_try(&cells, dir, 0);
	pdc_cells_close(cells);
	return (ret == PDC_EFORMAT || ret == PDC_EVERSION) && cells == NULL &&
	    strstr(pdc_err_words(), FIXTURE_NAME) != NULL;
}

static void
test_damaged_heads(const char *dir)
{
	unsigned char was[64], is[64];
	struct cells *cells = NULL;
	const struct field *f;
	size_t i;
	int bad, fd;

	fixture_make(dir);
	fd = open(path, O_RDWR);
	for (f = fields; f < fields + sizeof(fields) / sizeof(*f); f++) {
		if (pread(fd, was, f->len, (off_t)f->off) != (ssize_t)f->len)
			bail_out("pread");
		bad = 0;
		memset(is, 0xff, sizeof(is));
		bad += !field_refused(dir, fd, f, is);
		for (i = 0; i < f->len && strcmp(f->name, "boot_id"); i++) {
			memcpy(is, was, sizeof(is));
			is[i] ^= 0x81;
			/* Within the capacity, in steps: it may be so. */
			if (strstr(f->name, "reserved") != NULL && i == 2)
				continue;
			bad += !field_refused(dir, fd, f, is);
		}
		ok(bad == 0, "a wrong %s is refused", f->name);
		if (pwrite(fd, was, f->len, (off_t)f->off) != (ssize_t)f->len)
			bail_out("pwrite");
	}
	is_int(fixture_try(&cells, dir, 0), 0, "mended, it opens");
	pdc_cells_close(cells);
	cells = NULL;
	if (ftruncate(fd, 64 << 10) == -1)
		bail_out("ftruncate");
	is_int(fixture_try(&cells, dir, 0), PDC_EFORMAT, "a cut one not");
	if (ftruncate(fd, 100) == -1)
		bail_out("ftruncate");
	is_int(fixture_try(&cells, dir, 0), PDC_EFORMAT, "nor its begin");
	close(fd);
	unlink(path);
}

static int
open_as_other(void *dir)
{
	struct cells *cells = NULL;

	if (setgid(12345) == -1 || setuid(12345) == -1)
		return 2;
	return fixture_try(&cells, dir, 0) == PDC_EPERM ? 0 : 1;
}

static void
test_owners(const char *dir)
{
	struct cells *cells = NULL;

	if (geteuid() != 0) {
		skip("a foreign owner: not root");
		return;
	}
	chmod(dir, 0755);
	is_int(fixture_child(open_as_other, (void *)(uintptr_t)dir), 0,
	    "no right to open is PDC_EPERM");
	if (chown(path, 12345, 12345) == -1)
		bail_out("chown");
	is_int(fixture_try(&cells, dir, 0), PDC_EPERM,
	    "a foreign owner is refused");
	chmod(dir, 01755);
	is_int(fixture_try(&cells, dir, 0), 0, "not in a sticky directory");
	pdc_cells_close(cells);
	chmod(dir, 0700);
}

static void
test_distrust(const char *dir)
{
	struct cells *cells = NULL;
	char other[600];

	fixture_make(dir);
	chmod(path, 0620);
	is_int(fixture_try(&cells, dir, 0), PDC_EPERM,
	    "writable by a group the directory is not");
	ok(strstr(pdc_err_words(), "writable") != NULL, "with the reason");
	chmod(dir, 0770);
	is_int(fixture_try(&cells, dir, 0), 0, "as the directory is fine");
	pdc_cells_close(cells);
	chmod(dir, 0700);
	chmod(path, 0600);
	test_owners(dir);
	cells = NULL;
	snprintf(other, sizeof(other), "%s.moved", path);
	if (rename(path, other) == -1 || symlink(other, path) == -1)
		bail_out("symlink");
	is_int(fixture_try(&cells, dir, 0), PDC_EPERM, "a link is refused");
	unlink(path);
	unlink(other);
	if (mkfifo(path, 0600) == -1)
		bail_out("mkfifo");
	is_int(fixture_try(&cells, dir, CELLS_RDONLY), PDC_EPERM,
	    "a fifo is refused, without waiting");
	unlink(path);
	mkdir(path, 0700);
	ok(fixture_try(&cells, dir, CELLS_RDONLY) < 0, "so is a directory");
	rmdir(path);
	ok(cells == NULL, "nothing was handed out");
}

static long long
blocks_of(const struct cells *cells)
{
	struct stat st;

	if (fstat(cells->fd, &st) == -1)
		bail_out("fstat");
	return (long long)st.st_blocks * 512;
}

static void
test_reserve(const char *dir)
{
	struct cells *cells = fixture_new(dir, 1);
	struct cells_head *h = cells->head;
	uint64_t capacity = cells->zone[ZONE_PAIR].capacity, was;
	long long blocks;
	struct pair pairs[3];

	is_int((long long)h->zone[ZONE_PAIR].reserved, 512,
	    "the first unit reserves a page of tags");
	is_int(blocks_of(cells), (long long)h->allocated,
	    "what is allocated has blocks");
	is_int((long long)(h->zone[ZONE_ADD].lanes_off -
		   h->zone[ZONE_ADD].tags_off) %
		4096,
	    2048, "a tag and its cell are not at one place of their pages");
	is_int(pdc_cells_reserve(cells, ZONE_PAIR, 20000), 0, "20000 units");
	was = h->zone[ZONE_PAIR].reserved;
	ok(was >= 20000 && was % 512 == 0, "in whole pages");
	is_int(pdc_cells_reserve(cells, ZONE_PAIR, was + 1), 0, "one more");
	is_int((long long)(h->zone[ZONE_PAIR].reserved - was), 512,
	    "adds no more than a page of tags has");
	is_int(pdc_cells_reserve(cells, ZONE_PAIR, 10), 0, "fewer is fine");
	is_int(pdc_cells_reserve(cells, ZONE_PAIR, capacity + 1), PDC_EFULL,
	    "more than the capacity is not");
	blocks = blocks_of(cells);
	is_int(blocks, (long long)h->allocated, "and is accounted for");
	is_double(pdc_cells_sum(cells, capacity - 1), 0, "a hole is 0");
	is_int((long long)pdc_cells_sum_pair(cells, capacity - 1).count, 0,
	    "a hole of pairs too");
	is_int(pdc_cells_gauge(cells, UINT64_MAX).applied, 0, "and nowhere");
	was = h->zone[ZONE_PAIR].reserved;
	pairs[1] = pairs[2] = (struct pair){ 7, 7 };
	pdc_cells_sum_pairs(cells, was - 1, 3, pairs);
	ok(pairs[1].count == 0 && pairs[2].sum == 0, "the rest is a hole");
	ok(pdc_cells_tag_get(cells, ZONE_ADD, capacity + 5) == 0, "no tag");
	pdc_cells_zero(cells, ZONE_ADD, capacity - 1, 7);
	pdc_cells_tag(cells, ZONE_ADD, capacity - 1, 7);
	pdc_cells_bump(cells, ZONE_ADD, UINT64_MAX - 1, 7);
	is_int(blocks_of(cells), blocks, "a hole stays one");
	is_int(pdc_lane_add(cells, UINT64_MAX / 8, 0, 1), LANE_STALE,
	    "an add nowhere is stale");
	is_int(pdc_lane_pair(cells, 0, UINT32_MAX, 0, 1), LANE_STALE,
	    "a pair nowhere is stale");
	h->budget = h->allocated + 100;
	was = h->zone[ZONE_ADD].reserved;
	is_int(pdc_cells_reserve(cells, ZONE_ADD, was + 1), PDC_EFULL,
	    "the budget is a limit");
	h->budget = h->allocated + 512 * pdc_cells_unit_cost(cells, ZONE_ADD);
	is_int(pdc_cells_reserve(cells, ZONE_ADD, was + 1), 0,
	    "what fits in it is given");
	fixture_delete(cells, path);
}

static void
test_readonly(const char *dir)
{
	struct cells *cells = fixture_new(dir, 1), *ro = NULL;

	pdc_cells_zero(cells, ZONE_PAIR, 0, 1);
	pdc_cells_tag(cells, ZONE_PAIR, 0, 9);
	pdc_lane_pair(cells, 0, 0, 9, 2.5);
	is_int(fixture_try(&ro, dir, CELLS_RDONLY), 0, "opened to read");
	is_double(pdc_cells_sum_pair(ro, 0).sum, 2.5, "sums are read");
	ok(ro->use == 0 && ro->fd == -1, "it has no lanes and nothing to grow");
	pdc_cells_drop(ro, DROP_NAN);
	is_int((long long)cells->head->drops[DROP_NAN], 0, "nor drops");
	pdc_cells_drop(cells, DROP_NAN);
	is_int((long long)ro->head->drops[DROP_NAN], 1, "it sees others'");
	is_str(pdc_cells_drop_word(DROP_NAN), "nan", "which have a word");
	is_int(pdc_cells_reserve(ro, ZONE_ADD, 5000), PDC_EPERM,
	    "it cannot grow");
	pdc_cells_close(ro);
	fixture_delete(cells, path);
}

static void
test_lost_descriptor(const char *dir)
{
	struct cells *cells = fixture_new(dir, 1);
	struct stat st;
	int fd = cells->fd;

	close(fd);
	is_int(pdc_cells_reserve(cells, ZONE_ADD, 5000), PDC_ESYS,
	    "without its descriptor it cannot grow");
	if (dup2(1, fd) != fd)
		bail_out("dup2");
	is_int(pdc_cells_reserve(cells, ZONE_ADD, 5000), PDC_ESYS,
	    "nor with another's");
	pdc_cells_close(cells);
	ok(fstat(fd, &st) == 0, "another's is not closed");
	close(fd);
	unlink(path);
}

/* In a namespace of its own: 0, 77 for a skip, or the number of a failure. */
static int
fill_tmpfs(void *dir)
{
	static char junk[65536];
	struct cells *cells = NULL;
	char junkpath[600];
	uint64_t was;
	int fd, ret;

	if (unshare(CLONE_NEWNS) == -1 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("tmpfs", dir, "tmpfs", 0, "size=2m") == -1)
		return 77;
	if (fixture_make(dir) != 0 || fixture_try(&cells, dir, 0) != 0 ||
	    pdc_cells_reserve(cells, ZONE_PAIR, 1) != 0)
		return 1;
	was = cells->head->allocated;
	memset(junk, 'x', sizeof(junk));
	snprintf(junkpath, sizeof(junkpath), "%s/junk", (char *)dir);
	fd = open(junkpath, O_RDWR | O_CREAT, 0600);
	while (write(fd, junk, sizeof(junk)) > 0)
		;
	while (write(fd, junk, 4096) > 0)
		;
	ret = pdc_cells_reserve(cells, ZONE_PAIR, 513);
	if (ret != PDC_ENOSPC || cells->head->zone[ZONE_PAIR].reserved != 512 ||
	    cells->head->allocated != was)
		return 2;
	pdc_cells_tag(cells, ZONE_PAIR, 0, 5);
	if (pdc_lane_pair(cells, 0, 511, 5, 1) != LANE_OK)
		return 3;
	if (ftruncate(fd, 4096) == -1 ||
	    pdc_cells_reserve(cells, ZONE_PAIR, 513) != 0)
		return 4;
	pdc_cells_close(cells);
	unlink(path);
	while (write(fd, junk, 4096) > 0)
		;
	if (fixture_make(dir) != PDC_ENOSPC || access(path, F_OK) == 0)
		return 5;
	return 0;
}

static void
test_full(const char *dir)
{
	int ret = fixture_child(fill_tmpfs, (void *)(uintptr_t)dir);

	if (ret == 77)
		skip("a full file system: mounting is not allowed");
	else
		is_int(ret, 0, "a full file system is an error, then mends");
}

static int
little_space(void *dir)
{
	struct rlimit rl = { 700 << 20, 700 << 20 };
	struct cells *cells = NULL;

	if (setrlimit(RLIMIT_AS, &rl) == -1)
		return 77;
	if (fixture_make(dir) != 0 || fixture_try(&cells, dir, 0) != 0)
		return 1;
	return cells->map_len < (700 << 20) ? 0 : 2;
}

static int
small_files(void *dir)
{
	struct rlimit rl = { 64 << 20, 64 << 20 };
	struct cells *cells = NULL;

	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &rl) == -1)
		return 77;
	if (fixture_make(dir) != 0 || fixture_try(&cells, dir, 0) != 0)
		return 1;
	return pdc_cells_reserve(cells, ZONE_ADD, 1000) == 0 ? 0 : 2;
}

static int
locked_memory(void *dir)
{
	struct cells *cells = NULL;
	long long blocks;

	if (fixture_make(dir) != 0)
		return 1;
	if (mlockall(MCL_FUTURE) == -1 || fixture_try(&cells, dir, 0) != 0)
		return 77;
	blocks = blocks_of(cells);
	return blocks == (long long)cells->head->allocated ? 0 : 2;
}

static void
test_limit(const char *dir, int (*fn)(void *), const char *words)
{
	int ret;

	if (SANITIZED) {
		skip("%s: not with sanitizers", words);
		return;
	}
	ret = fixture_child(fn, (void *)(uintptr_t)dir);
	if (ret == 77)
		skip("%s: not allowed", words);
	else
		is_int(ret, 0, "%s", words);
	unlink(path);
}

static int
count_inherited(void *arg)
{
	return pdc_lane_add(arg, 3, 8, 1) == LANE_OK ? 0 : 1;
}

static void
test_fork(const char *dir)
{
	struct cells *cells = fixture_new(dir, 8);

	pdc_cells_tag(cells, ZONE_ADD, 3, 8);
	is_int(fixture_child(count_inherited, cells), 0,
	    "a child counts at once");
	is_double(pdc_cells_sum(cells, 3), 1, "and its parent sees it");
	fixture_delete(cells, path);
}

static void
test_lanes(const char *dir)
{
	struct cells_make m = fixture_how(dir);
	struct cells *cells;

	m.max_cpus = 1;
	m.atomic_lanes = 5;
	is_int(pdc_cells_make(&m), 0, "made for one CPU");
	cells = fixture_open(dir, 0);
	ok(cells->nlanes == 1 && cells->zone[ZONE_PAIR].nlanes == 1,
	    "it has one lane");
	ok(cells->zone[ZONE_ADD].natomic == 5, "and atomic lanes as told");
	ok(cells->zone[ZONE_GAUGE].natomic == 1, "but of gauges one");
	is_int((long long)cells->ring_size, 1 << 20, "and a ring of 1 MiB");
	is_int((long long)pdc_cells_unit_cost(cells, ZONE_PAIR),
	    8 + 16 + 5 * 16, "and a unit costs");
	fixture_delete(cells, path);
}

int
main(void)
{
	char *dir = fixture_dir(path, sizeof(path));

	test_round_trip(dir);
	test_names(dir);
	test_damaged_heads(dir);
	test_distrust(dir);
	test_reserve(dir);
	test_readonly(dir);
	test_lost_descriptor(dir);
	test_fork(dir);
	test_lanes(dir);
	test_limit(dir, little_space, "a small address space suffices");
	test_limit(dir, small_files, "small files suffice");
	test_limit(dir, locked_memory, "locked memory fills no hole");
	test_full(dir);
	return tap_done();
}
