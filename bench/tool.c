/* SPDX-License-Identifier: ISC */
#include "config.h"

#include "tool.h"

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <dirent.h>
#include <err.h>
#include <ftw.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char dir[64] = "/dev/shm/pdc-bench-XXXXXX";
static volatile sig_atomic_t child;

double
tool_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

void
tool_must(int ret)
{
	if (ret < 0)
		errx(1, "%s", pdc_error());
}

int
tool_by_size(const void *p, const void *q)
{
	const double *x = p, *y = q;

	return (*x > *y) - (*x < *y);
}

double
tool_median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), tool_by_size);
	return v[n / 2];
}

static int
remove_one(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
	(void)sb;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void
pass_on(int sig)
{
	(void)sig;
	kill((pid_t)child, SIGKILL);
}

int
tool_run(int (*work)(void))
{
	struct sigaction sa = { .sa_handler = pass_on };
	pid_t parent = getpid(), pid;
	int status;

	if (mkdtemp(dir) == NULL)
		err(1, "%s", dir);
	pid = fork();
	if (pid == -1)
		err(1, "fork");
	if (pid == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 ||
		    getppid() != parent)
			_exit(1);
		exit(work());
	}
	child = pid;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	while (waitpid(pid, &status, 0) == -1)
		continue;
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

const char *
tool_path(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

struct pdc *
tool_open(const char *name, const struct pdc_options *options)
{
	struct pdc *pdc;

	tool_must(pdc_open(&pdc, tool_path(name), options));
	return pdc;
}

void
tool_remove(const char *name)
{
	if (nftw(tool_path(name), remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
		err(1, "%s", tool_path(name));
}

struct pdc_family *
tool_family(struct pdc *pdc, enum pdc_type type, const char *name,
    const char *const *labels)
{
	const struct pdc_desc desc = { .type = type,
		.name = name,
		.help = "Some words on it.",
		.labels = labels };
	struct pdc_family *family;

	tool_must(pdc_declare(&family, pdc, &desc));
	return family;
}

void
tool_fill(struct pdc *pdc, uint32_t n, struct pdc_series **all)
{
	static const char *const labels[] = { "method", "path", NULL };
	char name[32], path[32];
	const char *values[] = { "GET", path, NULL };
	struct pdc_family *family;
	struct pdc_series *series;
	uint32_t f, i;

	for (f = 0; f < 10; f++) {
		snprintf(name, sizeof(name), "family%u_total", f);
		family = tool_family(pdc, PDC_COUNTER, name, labels);
		for (i = 0; i < n / 10; i++) {
			snprintf(path, sizeof(path), "/some/path/%u", i);
			tool_must(pdc_labels(&series, family, values));
			pdc_inc(series, i + 1);
			if (all != NULL)
				all[f * (n / 10) + i] = series;
			else
				pdc_series_free(series);
		}
	}
	tool_must(pdc_checkpoint(pdc));
}

double
tool_cells_bytes(const char *name)
{
	double bytes = 0;
	struct dirent *entry;
	struct stat sb;
	DIR *d = opendir(tool_path(name));

	if (d == NULL)
		err(1, "%s", tool_path(name));
	while ((entry = readdir(d)) != NULL)
		if (strncmp(entry->d_name, "pdc-", 4) == 0 &&
		    fstatat(dirfd(d), entry->d_name, &sb, 0) == 0)
			bytes += (double)sb.st_blocks * 512;
	closedir(d);
	if (bytes == 0)
		errx(1, "%s: no cells file", tool_path(name));
	return bytes;
}

static void
must_mdb(int rc)
{
	if (rc != 0)
		errx(1, "lmdb: %s", mdb_strerror(rc));
}

void
tool_map(const char *name, struct tool_map *m)
{
	MDB_envinfo info;
	MDB_stat st;
	MDB_txn *txn;
	MDB_env *env;
	MDB_dbi dbi;

	must_mdb(mdb_env_create(&env));
	must_mdb(mdb_env_open(env, tool_path(name), MDB_RDONLY, 0));
	must_mdb(mdb_env_info(env, &info));
	must_mdb(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn));
	must_mdb(mdb_dbi_open(txn, NULL, 0, &dbi));
	must_mdb(mdb_stat(txn, dbi, &st));
	m->used = (double)(info.me_last_pgno + 1) * st.ms_psize;
	m->tree = (double)(st.ms_branch_pages + st.ms_leaf_pages +
		      st.ms_overflow_pages) *
	    st.ms_psize;
	m->entries = (double)st.ms_entries;
	mdb_txn_abort(txn);
	mdb_env_close(env);
}
