/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "api/page.h"
#include "base/err.h"
#include "base/kinds.h"
#include "base/modes.h"
#include "base/num.h"
#include "metric/metric.h"
#include "pdc/cmd.h"

/* What the store knows by a name, and declare: telling it more. */

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

/* "max=1e6" if key is "max": the number. */
static int
native_number(struct cmd *cmd, const char *word, const char *key, double *v)
{
	size_t n = strlen(key);

	if (strncmp(word, key, n) != 0 || word[n] != '=')
		return CMD_NO;
	return parse_number(cmd, word + n + 1, v);
}

/* The same of an integer from min to max. */
static int
native_integer(struct cmd *cmd, const char *word, const char *key, double max,
    double *v)
{
	int ret = native_number(cmd, word, key, v);

	if (ret == CMD_YES && !(*v >= -max && *v <= max && *v == (int)*v))
		return cmd_fail(cmd, "--native: '%.300s' is no such integer",
		    word);
	return ret;
}

/* One word of --native. */
static int
native_word(struct cmd *cmd, struct pdc_desc *desc, const char *word)
{
	double v;
	int ret;

	if (strcmp(word, "negative") == 0) {
		desc->flags |= PDC_NEGATIVE;
		return CMD_YES;
	}
	if ((ret = native_number(cmd, word, "zero", &desc->native_zero)) !=
	    CMD_NO)
		return ret;
	if ((ret = native_number(cmd, word, "max", &desc->native_max)) !=
	    CMD_NO)
		return ret;
	ret = native_integer(cmd, word, "schema", 100, &v);
	if (ret == CMD_YES)
		desc->native_schema = (int32_t)v;
	if (ret != CMD_NO)
		return ret;
	ret = native_integer(cmd, word, "buckets", 1e6, &v);
	if (ret == CMD_YES && v < 1)
		return cmd_fail(cmd, "--native: '%.300s' is too few", word);
	if (ret == CMD_YES)
		desc->native_buckets = (uint32_t)v;
	if (ret != CMD_NO)
		return ret;
	if (pdc_num_parse(&desc->native_factor, word, strlen(word)) != 0)
		return cmd_fail(cmd,
		    "--native: '%.300s' is none of FACTOR, "
		    "schema=N, zero=N, max=N, buckets=N, negative",
		    word);
	return CMD_YES;
}

static int
declare_native(struct cmd *cmd, struct pdc_desc *desc)
{
	char **words;
	int i, ret = CMD_YES;

	if (cmd->opt[OPT_NATIVE] == NULL)
		return CMD_YES;
	desc->flags |= PDC_NATIVE;
	if (parse_words(cmd, cmd->opt[OPT_NATIVE], &words) != CMD_YES)
		return CMD_TROUBLE;
	for (i = 0; words[i] != NULL && ret == CMD_YES; i++)
		ret = native_word(cmd, desc, words[i]);
	free(words);
	return ret;
}

static int
declare_options(struct cmd *cmd, struct pdc_desc *desc,
    struct declare_lists *lists)
{
	if (declare_mode(cmd, &desc->mode) != CMD_YES)
		return CMD_TROUBLE;
	if (cmd->opt[OPT_EXEMPLARS] != NULL)
		desc->flags |= PDC_EXEMPLARS;
	if (declare_native(cmd, desc) != CMD_YES)
		return CMD_TROUBLE;
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

	type = pdc_kind_from_word(cmd->words[1]);
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
