/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <string.h>

#include "api/remove.h"
#include "pdc/cmd.h"

/* reset, remove, clear. */

/* A counter may be named with _total, an info with _info. */
static int
remove_key(struct cmd *cmd, struct parse_name *name, struct pdc_key *key)
{
	if (parse_name(cmd, name, cmd->words[1]) != CMD_YES)
		return CMD_TROUBLE;
	if (family_find(cmd, name->metric) == 0)
		(void)family_strip(name->metric, "_total");
	key->metric = name->metric;
	key->suffix = NULL;
	key->labels = name->labels;
	key->nlabels = name->nlabels;
	return CMD_YES;
}

int
cmd_remove(struct cmd *cmd)
{
	int reset = strcmp(cmd->verb, "reset") == 0, ret;
	struct parse_name name = { 0 };
	struct pdc_key key;

	if (cmd_open(cmd, 0) != CMD_YES)
		return CMD_TROUBLE;
	if (remove_key(cmd, &name, &key) != CMD_YES) {
		parse_name_free(&name);
		return CMD_TROUBLE;
	}
	ret = reset ? pdc_name_reset(cmd->pdc, &key) :
		      pdc_name_remove(cmd->pdc, &key);
	parse_name_free(&name);
	return ret == 0 ? CMD_YES : cmd_fail_pdc(cmd, ret);
}

int
cmd_clear(struct cmd *cmd)
{
	int ret;

	if (cmd_open(cmd, 0) != CMD_YES)
		return CMD_TROUBLE;
	ret = pdc_clear(cmd->pdc);
	return ret == 0 ? CMD_YES : cmd_fail_pdc(cmd, ret);
}
