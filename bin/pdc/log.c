/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "journal/read.h"
#include "pdc/cmd.h"

/* log, event, measure: a line of the journal. */

#define LEVELS_EACH 4

/* name=value is a string, name:=value JSON; word is cut into two. */
static int
log_field(struct cmd *cmd, struct pdc_field *f, char *word)
{
	char *equals = strchr(word, '=');

	if (equals == NULL || equals == word ||
	    (equals == word + 1 && *word == ':'))
		return cmd_fail(cmd, "'%.300s' is no NAME=VALUE", word);
	memset(f, 0, sizeof(*f));
	f->kind = equals[-1] == ':' ? PDC_JSON : PDC_STRING;
	f->name = word;
	f->text = equals + 1;
	equals[f->kind == PDC_JSON ? -1 : 0] = '\0';
	return CMD_YES;
}

static int
log_put(struct cmd *cmd, int level, double value, const struct pdc_field *f,
    size_t n)
{
	const char *first = cmd->words[1];
	int ret;

	if (level != 0)
		ret = pdc_log(cmd->pdc, level, cmd->words[2], f, n);
	else if (strcmp(cmd->verb, "event") == 0)
		ret = pdc_event(cmd->pdc, first, f, n);
	else
		ret = pdc_measure(cmd->pdc, first, value, f, n);
	return ret < 0 ? cmd_fail_pdc(cmd, ret) : CMD_YES;
}

int
cmd_log(struct cmd *cmd)
{
	int first = strcmp(cmd->verb, "event") == 0 ? 2 : 3, level = 0, i;
	int status = CMD_YES;
	struct pdc_field *f;
	double value = 0;
	size_t n = 0;

	if (strcmp(cmd->verb, "log") == 0) {
		level = pdc_level_parse(cmd->words[1]);
		if (level < 0)
			return cmd_fail(cmd, "'%.300s' is no level",
			    cmd->words[1]);
		level = level * LEVELS_EACH + PDC_LOG_TRACE;
	} else if (first == 3 &&
	    parse_number(cmd, cmd->words[2], &value) != CMD_YES) {
		return CMD_TROUBLE;
	}
	f = calloc((size_t)cmd->nwords, sizeof(*f));
	if (f == NULL)
		return cmd_fail(cmd, "no memory");
	for (i = first; i < cmd->nwords && status == CMD_YES; i++)
		status = log_field(cmd, &f[n++], cmd->words[i]);
	if (status == CMD_YES)
		status = cmd_open(cmd, 0);
	if (status == CMD_YES)
		status = log_put(cmd, level, value, f, n);
	free(f);
	return status;
}
