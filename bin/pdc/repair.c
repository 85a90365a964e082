/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "pdc/cmd.h"
#include "repair/repair.h"

/*
 * repair: save what can be proved right into a new store, a line for each thing
 * that is left out.
 */

static void
repair_summary(struct buf *buf, const struct repair_sums *sums)
{
	char line[160];

	snprintf(line, sizeof(line),
	    "saved %" PRIu64 " families, %" PRIu64 " series, %" PRIu64
	    " lines; left out %" PRIu64 "\n",
	    sums->families, sums->series, sums->lines, sums->left);
	pdc_buf_str(buf, line);
}

int
cmd_repair(struct cmd *cmd)
{
	unsigned flags = cmd->opt[OPT_FORCE] != NULL ? REPAIR_FORCE : 0;
	struct repair_sums sums;
	struct buf buf;
	int ret;

	if (cmd->opt[OPT_STORE] != NULL)
		return cmd_fail(cmd, "repair takes no option --store");
	pdc_buf_init(&buf);
	ret = pdc_repair_run(&sums, cmd->words[1], cmd->words[2], flags,
	    check_found, &buf);
	if (ret == 0)
		repair_summary(&buf, &sums);
	return check_told(cmd, &buf, ret < 0 ? ret : sums.left > 0);
}
