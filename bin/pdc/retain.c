/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/page.h"
#include "api/retain.h"
#include "checkpoint/checkpoint.h"
#include "pdc/cmd.h"

/* retain: limits of the journal.  gc: what is beyond them goes now. */

static int
retain_print(struct cmd *cmd)
{
	struct journal_rec rec;
	struct stxn x;
	struct buf buf;
	int ret, status;

	if (cmd_open(cmd, PDC_RDONLY) != CMD_YES)
		return CMD_TROUBLE;
	ret = pdc_stxn_read(&x, cmd->pdc->store);
	if (ret == 0) {
		ret = pdc_journal_rec(&x, &rec);
		pdc_stxn_abort(&x);
	}
	if (ret < 0)
		return cmd_fail_pdc(cmd, ret);
	pdc_buf_init(&buf);
	pdc_retain_put(&buf, &rec);
	status = buf.error != 0 ? cmd_fail(cmd, "no memory") :
				  cmd_print(cmd, buf.data, buf.len);
	pdc_buf_fini(&buf);
	return status;
}

/* All or, if one of them makes no sense, none. */
int
cmd_retain(struct cmd *cmd)
{
	struct retain_spec *specs;
	int i, n = cmd->nwords - 1, ret = 0;

	if (n == 0)
		return retain_print(cmd);
	specs = calloc((size_t)n, sizeof(*specs));
	if (specs == NULL)
		return cmd_fail(cmd, "no memory");
	for (i = 0; i < n && ret == 0; i++)
		ret = pdc_retain_parse(&specs[i], cmd->words[i + 1]);
	if (ret == 0 && cmd_open(cmd, 0) != CMD_YES) {
		free(specs);
		return CMD_TROUBLE;
	}
	for (i = 0; i < n && ret == 0; i++)
		ret = pdc_retain_set(cmd->pdc, &specs[i]);
	free(specs);
	return ret < 0 ? cmd_fail_pdc(cmd, ret) : CMD_YES;
}

/* Of all streams. */
static int
gc_deleted(struct cmd *cmd, uint64_t *lines)
{
	struct pdc_stat *st = malloc(sizeof(*st));
	int i, ret;

	if (st == NULL)
		return cmd_fail(cmd, "no memory");
	*lines = 0;
	ret = pdc_stat_get(cmd->pdc, st);
	for (i = 0; i < NSTREAMS && ret == 0; i++)
		*lines += st->journal.stream[i].deleted;
	free(st);
	return ret < 0 ? cmd_fail_pdc(cmd, ret) : CMD_YES;
}

int
cmd_gc(struct cmd *cmd)
{
	uint64_t before, after;
	char words[64];
	int ret, len;

	if (cmd_open(cmd, 0) != CMD_YES || gc_deleted(cmd, &before) != CMD_YES)
		return CMD_TROUBLE;
	ret = pdc_maintain_run(cmd->pdc, cmd->pdc->store->wait_ms, INT_MAX);
	if (ret < 0)
		return cmd_fail_pdc(cmd, ret);
	if (gc_deleted(cmd, &after) != CMD_YES)
		return CMD_TROUBLE;
	len = snprintf(words, sizeof(words), "%" PRIu64 " lines deleted\n",
	    after - before);
	return cmd_print(cmd, words, (size_t)len);
}
