/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "pdc/cmd.h"

/*
 * The command line: options stand anywhere before "--", none is abbreviated,
 * and what looks like a negative number is an operand.
 */

static const char options_usage[] =
    "usage: pdc [-s STORE] COMMAND ...\n"
    "\n"
    "  declare TYPE NAME [--help=TEXT] [--unit=U] [--labels=a,b]\n"
    "          [--buckets=N,N] [--states=a,b] [--mode=sum] [--ttl=SECONDS]\n"
    "          [--idle=SECONDS] [--exemplars]\n"
    "          [--native=FACTOR[,zero=N][,max=N][,buckets=N][,negative]]\n"
    "  inc|dec NAME[{label=\"value\",...}] [NUMBER]\n"
    "  set|setnx|observe NAME[{label=\"value\",...}] NUMBER\n"
    "  get NAME_WITH_SUFFIX[{label=\"value\",...}]\n"
    "  reset|remove NAME[{label=\"value\",...}]\n"
    "  clear\n"
    "  keys [METRIC]\n"
    "  show [--format=text] [--textfile=PATH]\n"
    "  log LEVEL MESSAGE [NAME=VALUE|NAME:=JSON ...]\n"
    "  event NAME [NAME=VALUE|NAME:=JSON ...]\n"
    "  measure NAME NUMBER [LABEL=VALUE ...]\n"
    "  logs|events|measures [--since=T] [--until=T] [--limit=N] [--follow]\n"
    "          [--after=CURSOR] [--cursors] [--format=ndjson|text|otel|ecs]\n"
    "          logs: [--level=L,L] [--min-level=L]; others: [--name=NAME]\n"
    "          measures: --latest\n"
    "  retain [WHAT:max_age=7d,max_count=N,max_bytes=1G|none|default ...]\n"
    "          WHAT: logs, a level, default, events, measures\n"
    "  gc\n"
    "  stat [--who]\n"
    "  check\n"
    "  repair STORE NEWSTORE [--force]\n"
    "  compare FILE|URL FILE|URL [--tolerance=PART]\n"
    "\n"
    "  -s, --store=STORE  the store; default: $PDC_STORE, or the system's\n"
    "  -h, --help         this text\n"
    "      --version      the version\n"
    "\n"
    "status: 0 yes; 1 no (get: absent, setnx: already set,\n"
    "        check: findings, compare: differences,\n"
    "        repair: something was left out); 2 trouble\n";

static const char *const options_words[NOPTS] = {
#define X(name, word) word,
	CMD_OPTS(X) CMD_FLAGS(X)
#undef X
};

const char *
options_word(enum cmd_opt opt)
{
	return options_words[opt];
}

/* -5, -.5, -Inf, -NaN: an operand. */
static int
options_is_number(const char *word)
{
	const char *rest = word + 1;

	if (*rest == '.')
		rest++;
	return isdigit((unsigned char)*rest) || strcasecmp(rest, "inf") == 0 ||
	    strcasecmp(rest, "infinity") == 0 || strcasecmp(rest, "nan") == 0;
}

static int
options_help(struct cmd *cmd)
{
	cmd->done = 1;
	return cmd_print(cmd, options_usage, sizeof(options_usage) - 1);
}

static int
options_version(struct cmd *cmd)
{
	const char *version = pdc_version();

	cmd->done = 1;
	if (cmd_print(cmd, "pdc ", 4) != CMD_YES ||
	    cmd_print(cmd, version, strlen(version)) != CMD_YES)
		return CMD_TROUBLE;
	return cmd_print(cmd, "\n", 1);
}

/* Take the value from after "=", or from the next word. */
static int
options_value(struct cmd *cmd, int opt, const char *value, char ***next)
{
	if (OPT_IS_FLAG(opt) && value != NULL)
		return cmd_fail(cmd, "option --%s takes no value",
		    options_words[opt]);
	if (OPT_IS_FLAG(opt))
		value = "";
	if (value == NULL && (value = **next) != NULL)
		(*next)++;
	if (value == NULL)
		return cmd_fail(cmd, "option --%s needs a value",
		    options_words[opt]);
	cmd->opt[opt] = value;
	return CMD_YES;
}

static int
options_long(struct cmd *cmd, const char *word, char ***next)
{
	const char *name = word + 2, *value = strchr(name, '=');
	size_t len = value == NULL ? strlen(name) : (size_t)(value - name);
	int opt;

	if (value != NULL)
		value++;
	if (strcmp(name, "help") == 0)
		return options_help(cmd);
	if (strcmp(name, "version") == 0)
		return options_version(cmd);
	for (opt = 0; opt < NOPTS; opt++)
		if (strlen(options_words[opt]) == len &&
		    memcmp(options_words[opt], name, len) == 0)
			return options_value(cmd, opt, value, next);
	if (cmd->bad == NULL)
		cmd->bad = word;
	return CMD_YES;
}

static int
options_short(struct cmd *cmd, const char *word, char ***next)
{
	if (strcmp(word, "-h") == 0)
		return options_help(cmd);
	if (word[1] == 's')
		return options_value(cmd, OPT_STORE,
		    word[2] != '\0' ? word + 2 : NULL, next);
	if (cmd->bad == NULL)
		cmd->bad = word;
	return CMD_YES;
}

int
options_parse(struct cmd *cmd, int argc, char **argv)
{
	char **next = argv + (argc > 0), *word;
	int status = CMD_YES;

	/* Operands move to the front of argv, which has room for them. */
	cmd->words = argv;
	while (status == CMD_YES && !cmd->done && (word = *next) != NULL) {
		next++;
		if (strcmp(word, "--") == 0)
			break;
		if (word[0] != '-' || word[1] == '\0' ||
		    options_is_number(word))
			cmd->words[cmd->nwords++] = word;
		else if (word[1] == '-')
			status = options_long(cmd, word, &next);
		else
			status = options_short(cmd, word, &next);
	}
	if (status != CMD_YES || cmd->done)
		return status;
	while (*next != NULL)
		cmd->words[cmd->nwords++] = *next++;
	cmd->words[cmd->nwords] = NULL;
	return CMD_YES;
}
