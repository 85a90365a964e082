/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Lines on a file system that is full: what was acknowledged waits in the rings
 * or is in the store, what finds no room is refused, readers go on, and with
 * space again all goes on.
 */

#include "checkpoint/checkpoint.h"
#include "journal.h"
#include "metric/metric.h"
#include "store/smallfs.h"

#define FS_BYTES (12UL << 20)
#define LINES_MAX 20000
#define LINES_FIRST 50
#define REFUSED_MAX 3

static char *mnt, dir[4200], pad[3000];
static unsigned char acked[LINES_MAX];

static int
put(struct pdc *p, int n)
{
	const struct pdc_field f = { .name = "pad",
		.kind = PDC_STRING,
		.text = pad };
	char words[32];

	snprintf(words, sizeof(words), "line %d.", n);
	return pdc_log(p, PDC_LOG_INFO, words, &f, 1);
}

/* Until nothing is taken any more; how many were. */
static int
fill(struct pdc *p, int *n)
{
	int refused = 0, odd = 0, taken = 0, ret;

	for (; *n < LINES_MAX - 1 && refused < REFUSED_MAX; ++*n) {
		ret = put(p, *n);
		acked[*n] = ret == 0;
		taken += ret == 0;
		refused += ret != 0;
		odd += ret != 0 && ret != PDC_EAGAIN && ret != PDC_ENOSPC;
	}
	is_int(refused, REFUSED_MAX, "lines are refused after %d", taken);
	is_int(odd, 0, "as there is no space");
	return taken;
}

static void
judge(struct pdc *p, int n)
{
	char *page = journal_all(p, JOURNAL_LOGS), *at = page;
	int i, last = -1, bad = 0, count = 0, nacked = 0;

	for (; (at = strstr(at, "\"line ")) != NULL; at++) {
		i = atoi(at + 6);
		bad += i <= last || i >= n || !acked[i];
		last = i;
		count++;
	}
	for (i = 0; i < n; i++)
		nacked += acked[i];
	is_int(bad, 0, "only lines that were acknowledged, in order");
	is_int(count, nacked, "and all of them");
	free(page);
}

static void
test(unsigned flags)
{
	struct pdc_options o = { .flags = flags, .wait_ms = 1000 };
	struct pdc_retention few = { .max_count = 10 };
	struct pdc *p;
	int n = 0, i;

	memset(acked, 0, sizeof(acked));
	if (pdc_open(&p, dir, &o) < 0)
		bail_out("open: %s", pdc_error());
	for (; n < LINES_FIRST; n++)
		acked[n] = put(p, n) == 0;
	if (pdc_drain_all(p, 1000) < 0)
		bail_out("drain: %s", pdc_error());
	smallfs_fill(mnt);
	(void)fill(p, &n);
	smallfs_free(mnt);
	is_int(put(p, n), 0, "with space again one is taken");
	acked[n++] = 1;
	judge(p, n);
	/* What is deleted makes room for others, also on a full disk. */
	is_int(pdc_retain(p, "logs", &few), 0, "a limit is set");
	is_int(pdc_maintain(p), 0, "and kept to");
	/* Pages are free for the second transaction after. */
	for (i = 0; i < 2; i++)
		if (put(p, n++) < 0 || pdc_drain_all(p, 1000) < 0)
			bail_out("log: %s", pdc_error());
	smallfs_fill(mnt);
	is_int(put(p, n++), 0, "then a line is taken on the full disk");
	is_int(pdc_drain_all(p, 1000), 0, "into the store");
	smallfs_free(mnt);
	pdc_close(p);
}

int
main(void)
{
	mnt = tap_tmpdir();
	memset(pad, 'p', sizeof(pad) - 1);
	smallfs_mount(mnt, FS_BYTES);
	snprintf(dir, sizeof(dir), "%s/rings", mnt);
	test(0);
	snprintf(dir, sizeof(dir), "%s/transactions", mnt);
	test(PDC_ATOMIC);
	return tap_done();
}
