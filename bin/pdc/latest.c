/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <stddef.h>

#include "checkpoint/checkpoint.h"
#include "journal/latest.h"
#include "metric/metric.h"
#include "pdc/cmd.h"

/* measures --latest: of each name and labels the last value, for Prometheus. */

#define DRAIN_MS 100

static int
latest_all(struct cmd *cmd, struct latest *l)
{
	struct stxn x;
	int ret;

	do {
		ret = pdc_stxn_read(&x, cmd->pdc->store);
		if (ret < 0)
			return cmd_fail_pdc(cmd, ret);
		ret = pdc_latest_read(l, &x);
		pdc_stxn_abort(&x);
	} while (ret == 1);
	return ret < 0 ? cmd_fail_pdc(cmd, ret) : CMD_YES;
}

int
latest_print(struct cmd *cmd)
{
	struct latest *l;
	struct buf page;
	int opt, status;

	for (opt = 0; opt < NOPTS; opt++)
		if (cmd->opt[opt] != NULL && opt != OPT_STORE &&
		    opt != OPT_LATEST)
			return cmd_fail(cmd,
			    "--latest goes with no option --%s",
			    options_word((enum cmd_opt)opt));
	if (!cmd->pdc->store->rdonly)
		(void)pdc_drain_all(cmd->pdc, DRAIN_MS);
	l = pdc_latest_new();
	status = l == NULL ? cmd_fail(cmd, "no memory") : latest_all(cmd, l);
	pdc_buf_init(&page);
	if (status == CMD_YES)
		pdc_latest_put(l, &page);
	if (status == CMD_YES)
		status = page.error != 0 ? cmd_fail(cmd, "no memory") :
					   cmd_print(cmd, page.data, page.len);
	pdc_buf_fini(&page);
	pdc_latest_free(l);
	return status;
}
