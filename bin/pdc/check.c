/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <string.h>

#include "api/page.h"
#include "pdc/cmd.h"

/* check: verify the store, a line for each finding. */

void
check_found(void *arg, const char *words)
{
	struct buf *buf = arg;
	size_t at = buf->len;

	pdc_buf_str(buf, words);
	/* Names of a damaged store may hold anything; a finding is a line. */
	for (; at < buf->len; at++)
		if ((unsigned char)buf->data[at] < ' ' || buf->data[at] == 0x7f)
			buf->data[at] = '?';
	pdc_buf_chr(buf, '\n');
}

int
check_told(struct cmd *cmd, struct buf *buf, int ret)
{
	int status;

	if (buf->error != 0)
		status = cmd_fail(cmd, "no memory");
	else if (cmd_print(cmd, buf->data, buf->len) != CMD_YES)
		status = CMD_TROUBLE;
	else if (ret < 0)
		status = cmd_fail_pdc(cmd, ret);
	else
		status = ret > 0 ? CMD_NO : CMD_YES;
	pdc_buf_fini(buf);
	return status;
}

int
cmd_check(struct cmd *cmd)
{
	struct buf buf;
	int ret;

	if (cmd_open(cmd, PDC_RDONLY) != CMD_YES)
		return CMD_TROUBLE;
	pdc_buf_init(&buf);
	ret = pdc_page_check(cmd->pdc, check_found, &buf);
	return check_told(cmd, &buf, ret);
}
