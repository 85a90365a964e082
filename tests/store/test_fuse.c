/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * A file system of FUSE, like one of a network, cannot hold a store: other
 * machines would not see its locks and its memory.  bindfs shows a directory of
 * ours as one, in a mount namespace of this test.
 */

#include <sys/prctl.h>
#include <sys/vfs.h>

#include "smallfs.h"

#define FUSE_MAGIC 0x65735546
#define NTRIES 10000 /* with a nap of a millisecond */

static char *under, *mnt;
static pid_t maker, bindfs;

static void
stop(void)
{
	if (getpid() != maker)
		return;
	if (bindfs > 0) {
		kill(bindfs, SIGKILL);
		waitpid(bindfs, NULL, 0);
	}
	umount2(mnt, MNT_DETACH);
}

static int
child_bindfs(void *arg)
{
	(void)arg;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execlp("bindfs", "bindfs", "-f", under, mnt, (char *)NULL);
	return 127;
}

/* See under as mnt, by FUSE; skips the whole test if that is denied. */
static void
start(void)
{
	int i, status;
	struct statfs fs;

	maker = getpid();
	if (access("/dev/fuse", R_OK | W_OK) == -1 || smallfs_unshare() == -1)
		skip_all("no file system of our own by FUSE");
	atexit(stop);
	bindfs = help_fork(child_bindfs, NULL);
	for (i = 0; i < NTRIES; i++) {
		if (statfs(mnt, &fs) == 0 && fs.f_type == FUSE_MAGIC)
			return;
		if (waitpid(bindfs, &status, WNOHANG) == bindfs) {
			bindfs = 0;
			if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
				skip_all("bindfs is not installed");
			skip_all("no file system of our own by FUSE");
		}
		usleep(1000);
	}
	bail_out("bindfs does not begin");
}

static void
refused(const char *dir, unsigned flags, const char *words)
{
	struct pdc_options o = { .flags = flags };
	struct pdc *p;

	is_int(pdc_open(&p, dir, &o), PDC_ENOTSUP, "%s: refused", words);
	ok(p == NULL && strstr(pdc_error(), dir) != NULL &&
		strstr(pdc_error(), "FUSE") != NULL,
	    "with the directory and the reason: %s", pdc_error());
}

/* The command: trouble, one line. */
static void
command_refused(const char *dir, const char *args)
{
	const char *pdc = getenv("PDC");
	char command[4200], said[4200] = "";
	int status;
	FILE *f;

	snprintf(command, sizeof(command), "'%s' -s '%s' %s 2>&1",
	    pdc != NULL ? pdc : "bin/pdc/pdc", dir, args);
	f = popen(command, "r");
	if (f == NULL)
		bail_out("%s", command);
	said[fread(said, 1, sizeof(said) - 1, f)] = '\0';
	status = pclose(f);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 2, "pdc %s: trouble",
	    args);
	ok(strncmp(said, "pdc: ", 5) == 0 && strstr(said, dir) != NULL &&
		strstr(said, "FUSE") != NULL &&
		strchr(said, '\n') == said + strlen(said) - 1,
	    "with the directory and the reason: %s", said);
}

int
main(void)
{
	char sub[4200], real[4200];
	struct pdc *p;

	under = tap_tmpdir();
	mnt = tap_tmpdir();
	start();
	refused(mnt, 0, "an empty directory");
	snprintf(sub, sizeof(sub), "%s/store", mnt);
	snprintf(real, sizeof(real), "%s/store", under);
	refused(sub, 0, "one that is not there yet");
	command_refused(sub, "inc a_total");
	is_int(access(real, F_OK), -1, "nothing was made there");
	p = help_open(real, 0);
	pdc_inc(help_series(help_family(p, PDC_COUNTER, "a", NULL), NULL), 1);
	refused(sub, 0, "a store that is there");
	refused(sub, PDC_RDONLY, "only to read it");
	refused(sub, PDC_ATOMIC, "without restartable sequences");
	command_refused(sub, "inc a_total");
	is_double(help_sample(p, "a_total"), 1, "by its other name it works");
	pdc_close(p);
	return tap_done();
}
