/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Opening: what is made, what is refused and in which words, and who shares.
 */

#include <sys/resource.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <lmdb.h>

#include "help.h"
#include "metric/metric.h"

#define NOBODY 65534

static char *top;
static char dir[4000], path[4200];

/* A directory of the next case, not made. */
static void
next_dir(void)
{
	static int n;

	snprintf(dir, sizeof(dir), "%s/%d", top, n++);
}

static const char *
file(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

/* A store with a counter at 5. */
static void
make_store(void)
{
	struct pdc *p;

	next_dir();
	p = help_open(dir, 0);
	pdc_inc(help_series(help_family(p, PDC_COUNTER, "five", NULL), NULL),
	    5);
	pdc_checkpoint(p);
	pdc_close(p);
}

/* Opening gives this error, and words with this in them. */
static void
refused(int want, const char *words, const char *what)
{
	struct pdc *p = (struct pdc *)&want;
	int ret;

	ret = pdc_open(&p, dir, NULL);
	ok(ret == want && strstr(pdc_error(), words) != NULL,
	    "%s is refused: %d %s", what, ret, ret < 0 ? pdc_error() : "");
	ok(p == NULL, "and there is no handle");
	if (ret == 0)
		pdc_close(p);
}

static void
opens(double want, const char *what)
{
	struct pdc *p;
	int ret;

	ret = pdc_open(&p, dir, NULL);
	is_int(ret, 0, "%s: %s", what, ret < 0 ? pdc_error() : "opens");
	if (ret < 0)
		return;
	is_double(help_sample(p, "five_total"), want, "with what it had");
	pdc_close(p);
}

static void
test_modes(void)
{
	static const char *const names[] = { "data.mdb", "lock.mdb",
		"write.lock", "use.lock" };
	struct pdc_options o = { .perm = 0770 };
	struct stat sb;
	struct pdc *p;
	size_t i;

	next_dir();
	umask(077);
	is_int(pdc_open(&p, dir, &o), 0, "a store for a group, whatever umask");
	pdc_close(p);
	umask(022);
	is_int(stat(dir, &sb) == 0 ? sb.st_mode & 07777 : 0, 0770,
	    "the directory's mode");
	for (i = 0; i < 4; i++)
		is_int(stat(file(names[i]), &sb) == 0 ? sb.st_mode & 07777 : 0,
		    0660, "%s takes its mode from it", names[i]);
	for (i = 0; i < 4; i++) {
		chmod(file(names[i]), 0666);
		refused(PDC_EPERM, names[i], "a file wider than its directory");
		chmod(file(names[i]), 0660);
	}
	chmod(dir, 0777);
	refused(PDC_EPERM, "everybody", "a directory for everybody");
	chmod(dir, 01777);
	refused(PDC_EPERM, "everybody", "a sticky one too");
	chmod(dir, 0770);
	for (i = 0; i < 4; i++) {
		char real[4300];

		snprintf(real, sizeof(real), "%s/real", dir);
		rename(file(names[i]), real);
		if (symlink("real", path) == -1)
			bail_out("symlink");
		refused(PDC_EFORMAT, names[i], "a link in a file's place");
		unlink(file(names[i]));
		rename(real, path);
	}
	opens((double)NAN, "put back");
}

static void
test_no_directory(void)
{
	struct pdc_options o = { .flags = PDC_RDONLY };
	struct pdc *p;
	int fd, ret;

	next_dir();
	ret = pdc_open(&p, dir, &o);
	ok(ret < 0 && strstr(pdc_error(), dir) != NULL,
	    "nothing is made to look at it: %s", pdc_error());
	ok(access(dir, F_OK) == -1, "really nothing");
	fd = open(dir, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	close(fd);
	refused(PDC_EINVAL, "not a directory", "a file");
	unlink(dir);
	strcat(dir, "/deeper");
	refused(PDC_ESYS, dir, "a directory in none");
	memset(dir, 'x', sizeof(dir) - 1);
	ret = pdc_open(&p, dir, NULL);
	ok(ret < 0 && p == NULL, "a path too long: %s", pdc_error());
}

/* Change the database with LMDB alone. */
static void
raw_put(const char *key, const void *val, size_t len, size_t at)
{
	MDB_val k = { strlen(key), (void *)(uintptr_t)key }, v;
	char copy[8192];
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	if (mdb_env_create(&env) != 0 || mdb_env_open(env, dir, 0, 0600) != 0 ||
	    mdb_txn_begin(env, NULL, 0, &txn) != 0 ||
	    mdb_dbi_open(txn, NULL, 0, &dbi) != 0)
		bail_out("lmdb in %s", dir);
	if (mdb_get(txn, dbi, &k, &v) != 0) {
		v.mv_size = at + len;
		memset(copy, 0, sizeof(copy));
	} else {
		memcpy(copy, v.mv_data, v.mv_size);
	}
	memcpy(copy + at, val, len);
	v.mv_data = copy;
	if (mdb_put(txn, dbi, &k, &v, 0) != 0 || mdb_txn_commit(txn) != 0)
		bail_out("lmdb in %s", dir);
	mdb_env_close(env);
}

static void
test_formats(void)
{
	uint32_t version = 99;
	char block[65536];
	int fd;

	next_dir();
	mkdir(dir, 0700);
	raw_put("somebody", "else's", 6, 0);
	refused(PDC_EFORMAT, "data.mdb: not a pdc store",
	    "a database of somebody else");
	refused(PDC_EFORMAT, "data.mdb", "and again");

	next_dir();
	mkdir(dir, 0700);
	fd = open(file("data.mdb"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	memset(block, 'x', sizeof(block));
	if (write(fd, block, sizeof(block)) != sizeof(block))
		bail_out("write");
	close(fd);
	refused(PDC_EFORMAT, "data.mdb", "a file that is no database");

	make_store();
	raw_put("M", &version, sizeof(version), 8);
	refused(PDC_EVERSION, "format 99", "a newer format");
	ok(strstr(pdc_error(), "format 1") != NULL, "both are named");
	version = 1;
	raw_put("M", &version, sizeof(version), 8);
	opens(5, "the old format again");
	raw_put("M", "PDCSTORE", 8, 0);
	refused(PDC_EFORMAT, "not a pdc store", "another magic");
}

static int
child_opens(void *arg)
{
	struct pdc *p;
	char *text;
	size_t len;
	int ret;

	(void)arg;
	alarm(20);
	signal(SIGBUS, SIG_DFL);
	signal(SIGABRT, SIG_DFL);
	ret = pdc_open(&p, dir, NULL);
	if (ret < 0)
		return 1;
	ret = pdc_render(p, NULL, &text, &len, NULL);
	if (ret == 0)
		ret = pdc_checkpoint(p);
	pdc_close(p);
	return ret < 0 ? 2 : 0;
}

/* LMDB 0.9 has no checksums and reads what its pages say; we look before. */
static void
test_damaged_files(void)
{
	static const off_t sizes[] = { 1, 100, 4096, 8192, 12288, 16384 };
	char zero[4096] = { 0 };
	struct stat sb;
	int fd, status;
	size_t i;
	off_t at;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		make_store();
		if (truncate(file("data.mdb"), sizes[i]) == -1)
			bail_out("truncate");
		status = help_child(child_opens, NULL);
		if (sizes[i] <= 8192)
			is_int(status, 1, "cut to %d bytes, it is refused",
			    (int)sizes[i]);
		else
			ok(status <= 2, "cut to %d bytes: status %d",
			    (int)sizes[i], status);
	}
	make_store();
	fd = open(file("data.mdb"), O_RDWR | O_CLOEXEC);
	if (fstat(fd, &sb) == -1 || pwrite(fd, zero, 4096, 0) != 4096 ||
	    pwrite(fd, zero, 4096, 4096) != 4096)
		bail_out("pwrite");
	is_int(help_child(child_opens, NULL), 1, "without a head: refused");
	close(fd);
	for (at = 8192; at < sb.st_size; at += 4096) {
		make_store();
		fd = open(file("data.mdb"), O_RDWR | O_CLOEXEC);
		if (pwrite(fd, zero, 4096, at) != 4096)
			bail_out("pwrite");
		close(fd);
		status = help_child(child_opens, NULL);
		ok(status <= 2, "a page of zeroes at %d: status %d", (int)at,
		    status);
	}
}

struct user {
	unsigned flags;
	int want;
	const char *words;
};

static int
child_as_nobody(void *arg)
{
	const struct user *u = arg;
	struct pdc_options o = { .flags = u->flags };
	struct pdc *p;
	int ret;

	if (setgroups(0, NULL) == -1 || setgid(NOBODY) == -1 ||
	    setuid(NOBODY) == -1)
		return 100;
	ret = pdc_open(&p, dir, &o);
	if (ret != u->want ||
	    (ret < 0 && strstr(pdc_error(), u->words) == NULL)) {
		diag("%d: %s", ret, pdc_error());
		return 1;
	}
	if (ret == 0 && help_sample(p, "five_total") != 5)
		return 2;
	if (ret == 0 && (u->flags & PDC_RDONLY) &&
	    (pdc_checkpoint(p) != PDC_EPERM))
		return 3;
	pdc_close(p);
	return 0;
}

static void
test_users(void)
{
	struct user u = { 0, PDC_EPERM, dir };
	static const char *const locks[] = { "write.lock", "lock.mdb" };
	struct pdc_options o = { .perm = 0750 };
	struct pdc *p;
	int i;

	if (geteuid() != 0) {
		skip("other users: not root");
		return;
	}
	chmod(top, 0755);
	make_store();
	is_int(help_child(child_as_nobody, &u), 0, "0700 is for its owner");
	u.flags = PDC_RDONLY;
	is_int(help_child(child_as_nobody, &u), 0, "also to look at");

	next_dir();
	if (pdc_open(&p, dir, &o) < 0)
		bail_out("%s", pdc_error());
	pdc_inc(help_series(help_family(p, PDC_COUNTER, "five", NULL), NULL),
	    5);
	pdc_close(p);
	if (chown(dir, 0, NOBODY) == -1)
		bail_out("chown");
	for (i = 0; i < 2; i++)
		if (chown(file(locks[i]), 0, NOBODY) == -1)
			bail_out("chown");
	if (chown(file("data.mdb"), 0, NOBODY) == -1 ||
	    chown(file("use.lock"), 0, NOBODY) == -1)
		bail_out("chown");
	snprintf(path, sizeof(path), "chgrp -R %d %s", NOBODY, dir);
	if (system(path) != 0)
		bail_out("%s", path);
	u.words = "lock";
	is_int(help_child(child_as_nobody, &u), 0,
	    "who may only read is told which file he must write");
	for (i = 0; i < 2; i++)
		chmod(file(locks[i]), 0660);
	u.want = 0;
	is_int(help_child(child_as_nobody, &u), 0,
	    "with the two lock files he may look");
	opens(5, "and the owner may do everything");
	if (chown(file("data.mdb"), 1234, NOBODY) == -1)
		bail_out("chown");
	refused(PDC_EPERM, "belongs to user 1234", "a file of somebody else");
	chmod(top, 0700);
}

static void
test_registry(void)
{
	struct pdc_options ro = { .flags = PDC_RDONLY };
	char other[4300], link[4300];
	struct pdc *a, *b, *c, *d;

	make_store();
	a = help_open(dir, 0);
	snprintf(other, sizeof(other), "%s/../%s", dir, strrchr(dir, '/') + 1);
	b = help_open(other, 0);
	ok(a == b, "opened twice, one store");
	snprintf(link, sizeof(link), "%s.link", dir);
	if (symlink(dir, link) == -1)
		bail_out("symlink");
	c = help_open(link, PDC_RDONLY);
	ok(a == c, "by a link, too");
	pdc_close(b);
	pdc_close(c);
	is_double(help_sample(a, "five_total"), 5, "closed twice, still open");
	next_dir();
	d = help_open(dir, 0);
	ok(a != d, "another directory is another store");
	ok(isnan(help_sample(d, "five_total")), "with nothing of the first");
	pdc_close(a);
	pdc_close(d);
	make_store();
	is_int(pdc_open(&a, dir, &ro), 0, "opened to look");
	is_int(pdc_open(&b, dir, NULL), PDC_EBUSY, "then to write: %s",
	    pdc_error());
	is_int(pdc_checkpoint(a), PDC_EPERM, "looking writes nothing: %s",
	    pdc_error());
	pdc_close(a);
	opens(5, "closed");
}

static int
child_counts(void *arg)
{
	struct pdc *p = arg;
	struct pdc_series *s;

	s = help_series(help_family(p, PDC_COUNTER, "in_child", NULL), NULL);
	pdc_inc(s, 3);
	return pdc_checkpoint(p) == 0 ? 0 : 1;
}

/* As a daemon does: a relative path, then chdir("/"), then fork. */
static void
test_relative(void)
{
	char cwd[4000];
	struct pdc *p;

	next_dir();
	if (getcwd(cwd, sizeof(cwd)) == NULL || chdir(top) == -1)
		bail_out("chdir");
	p = help_open(strrchr(dir, '/') + 1, 0);
	if (chdir("/") == -1)
		bail_out("chdir");
	is_int(help_child(child_counts, p), 0,
	    "a relative path outlives chdir and fork");
	is_double(help_sample(p, "in_child_total"), 3, "in one store");
	pdc_close(p);
	if (chdir(cwd) == -1)
		bail_out("chdir");
	opens((double)NAN, "by its whole path");
}

static void
test_options(void)
{
	struct pdc_options o = { .flags = 64 };
	struct pdc *p;

	next_dir();
	is_int(pdc_open(NULL, dir, NULL), PDC_EINVAL, "nowhere to put it");
	is_int(pdc_open(&p, dir, &o), PDC_EINVAL, "%s", pdc_error());
	o = (struct pdc_options){ .reserved = { [7] = 1 } };
	is_int(pdc_open(&p, dir, &o), PDC_EINVAL, "%s", pdc_error());
	o = (struct pdc_options){ .ttl_s = -1 };
	is_int(pdc_open(&p, dir, &o), PDC_EINVAL, "%s", pdc_error());
	o = (struct pdc_options){ .max_cpus = 1 << 20 };
	is_int(pdc_open(&p, dir, &o), PDC_ERANGE, "%s", pdc_error());
	o = (struct pdc_options){ .perm = 1 << 15 };
	is_int(pdc_open(&p, dir, &o), PDC_EINVAL, "%s", pdc_error());
	o = (struct pdc_options){ .group = "no-such-group" };
	is_int(pdc_open(&p, dir, &o), PDC_EINVAL, "%s", pdc_error());
	ok(access(dir, F_OK) == -1, "none of them made anything");
	setenv("PDC_STORE", dir, 1);
	is_int(pdc_open(&p, NULL, NULL), 0, "the environment names a store");
	pdc_close(p);
	unsetenv("PDC_STORE");
	opens((double)NAN, "which is this one");
}

static int
child_small_files(void *arg)
{
	rlim_t size = *(rlim_t *)arg;
	struct rlimit rl = { size, size };
	struct pdc_desc d = { .type = PDC_GAUGE };
	struct pdc_family *f;
	char name[16];
	struct pdc *p;
	int i, ret;

	setrlimit(RLIMIT_FSIZE, &rl);
	ret = pdc_open(&p, dir, NULL);
	if (ret < 0)
		return ret == PDC_ENOSPC ? 1 : 2;
	for (i = 0; i < 5000 && ret == 0; i++) {
		snprintf(name, sizeof(name), "g%d", i);
		d.name = name;
		ret = pdc_declare(&f, p, &d);
	}
	if (ret != PDC_ENOSPC || strstr(pdc_error(), dir) == NULL) {
		diag("%d %s", ret, pdc_error());
		return 3;
	}
	if (isnan(help_sample(p, "five_total")))
		return 4;
	pdc_close(p);
	return 0;
}

/* Cells are made smaller until they may be. */
static int
child_small_cells(void *arg)
{
	struct rlimit rl = { 100 << 20, 100 << 20 };
	struct pdc *p;

	(void)arg;
	setrlimit(RLIMIT_FSIZE, &rl);
	if (pdc_open(&p, dir, NULL) < 0)
		return 1;
	pdc_inc(help_series(help_family(p, PDC_COUNTER, "c", NULL), NULL), 3);
	if (help_sample(p, "c_total") != 3)
		return 2;
	pdc_close(p);
	return 0;
}

/* RLIMIT_FSIZE: an error, never the SIGXFSZ that comes with it. */
static void
test_small_files(void)
{
	static const rlim_t sizes[] = { 0, 512, 4096, 65536, 200000 };
	rlim_t size;
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		next_dir();
		size = sizes[i];
		is_int(help_child(child_small_files, &size), 1,
		    "no store in files of %d bytes", (int)size);
	}
	next_dir();
	is_int(help_child(child_small_cells, NULL), 0,
	    "a store whose cells may not be as large as they would be");
	make_store();
	size = 300000;
	is_int(help_child(child_small_files, &size), 0,
	    "an old store can be read, and grows up to the limit");
	opens(5, "it");
}

int
main(void)
{
	top = tap_tmpdir();
	umask(022);
	test_modes();
	test_no_directory();
	test_formats();
	test_damaged_files();
	test_users();
	test_registry();
	test_relative();
	test_options();
	test_small_files();
	return tap_done();
}
