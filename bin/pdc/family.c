/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "api/page.h"
#include "base/err.h"
#include "base/kinds.h"
#include "base/modes.h"
#include "metric/metric.h"
#include "pdc/cmd.h"

/* What the store knows by a name, and declare: telling it more. */

static const char *const family_words[] = {
#define X(name, word, text, om) [PDC_##name] = #word,
	PDC_KINDS(X)
#undef X
};

#define NWORDS ((int)(sizeof(family_words) / sizeof(family_words[0])))

const char *
family_word(int type)
{
	return type > 0 && type < NWORDS ? family_words[type] : "unknown";
}

int
family_from_word(const char *word)
{
	int type;

	for (type = 1; type < NWORDS; type++)
		if (strcmp(family_words[type], word) == 0)
			return type;
	return 0;
}

int
family_strip(char *name, const char *suffix)
{
	size_t len = strlen(name), cut = strlen(suffix);

	if (len <= cut || strcmp(name + len - cut, suffix) != 0)
		return 0;
	name[len - cut] = '\0';
	return 1;
}

int
family_find(struct cmd *cmd, char *name)
{
	static const struct {
		const char *suffix;
		int type;
	} cut[] = { { "_total", PDC_COUNTER }, { "_info", PDC_INFO } };
	int type = pdc_page_type(cmd->pdc, name);
	size_t len = strlen(name), i;

	for (i = 0; type == 0 && i < sizeof(cut) / sizeof(cut[0]); i++) {
		if (!family_strip(name, cut[i].suffix))
			continue;
		type = pdc_page_type(cmd->pdc, name);
		if (type != cut[i].type) {
			name[strlen(name)] = '_';
			name[len] = '\0';
			type = type > 0 ? 0 : type;
		}
	}
	return type;
}

static int
declare_mode(struct cmd *cmd, enum pdc_mode *mode)
{
	const char *word = cmd->opt[OPT_MODE];
	int found;

	if (word == NULL)
		return CMD_YES;
	found = pdc_mode_from_word(word);
	if (found < 0)
		return cmd_fail(cmd, "unknown mode '%.300s'", word);
	*mode = (enum pdc_mode)found;
	return CMD_YES;
}

/* What the lists of options made, to be freed. */
struct declare_lists {
	char **labels, **states;
	double *bounds;
};

static int
declare_options(struct cmd *cmd, struct pdc_desc *desc,
    struct declare_lists *lists)
{
	if (declare_mode(cmd, &desc->mode) != CMD_YES)
		return CMD_TROUBLE;
	if (cmd->opt[OPT_EXEMPLARS] != NULL)
		desc->flags |= PDC_EXEMPLARS;
	if (cmd->opt[OPT_TTL] != NULL &&
	    parse_number(cmd, cmd->opt[OPT_TTL], &desc->ttl_s) != CMD_YES)
		return CMD_TROUBLE;
	if (cmd->opt[OPT_IDLE] != NULL &&
	    parse_number(cmd, cmd->opt[OPT_IDLE], &desc->idle_s) != CMD_YES)
		return CMD_TROUBLE;
	if (cmd->opt[OPT_LABELS] != NULL &&
	    parse_words(cmd, cmd->opt[OPT_LABELS], &lists->labels) != CMD_YES)
		return CMD_TROUBLE;
	if (cmd->opt[OPT_STATES] != NULL &&
	    parse_words(cmd, cmd->opt[OPT_STATES], &lists->states) != CMD_YES)
		return CMD_TROUBLE;
	if (cmd->opt[OPT_BUCKETS] != NULL &&
	    parse_bounds(cmd, cmd->opt[OPT_BUCKETS], &lists->bounds,
		&desc->nbounds) != CMD_YES)
		return CMD_TROUBLE;
	desc->labels = (const char *const *)lists->labels;
	desc->states = (const char *const *)lists->states;
	desc->bounds = lists->bounds;
	return CMD_YES;
}

int
cmd_declare(struct cmd *cmd)
{
	struct pdc_desc desc = { .name = cmd->words[2],
		.help = cmd->opt[OPT_HELP],
		.unit = cmd->opt[OPT_UNIT] };
	struct pdc_family *family;
	struct declare_lists lists = { NULL, NULL, NULL };
	int type, ret, status = CMD_TROUBLE;

	type = family_from_word(cmd->words[1]);
	if (type == 0)
		return cmd_fail(cmd, "unknown type '%.300s'", cmd->words[1]);
	desc.type = (enum pdc_type)type;
	if (declare_options(cmd, &desc, &lists) != CMD_YES)
		goto out;
	if (cmd_open(cmd, 0) != CMD_YES)
		goto out;
	ret = pdc_declare(&family, cmd->pdc, &desc);
	status = ret == 0 ? CMD_YES : cmd_fail_pdc(cmd, ret);
out:
	free(lists.labels);
	free(lists.states);
	free(lists.bounds);
	return status;
}
