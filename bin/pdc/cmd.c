/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pdc/cmd.h"

/* Which command takes which options and how many operands, and what does it. */
struct cmd_verb {
	const char *name;
	int (*run)(struct cmd *);
	unsigned opts; /* a bit each, but for --store */
	int min, max; /* operands */
	const char *operands;
};

#define BIT(opt) (1u << OPT_##opt)
#define DECLARE_OPTS \
	(BIT(HELP) | BIT(UNIT) | BIT(LABELS) | BIT(BUCKETS) | BIT(STATES) | \
	    BIT(MODE) | BIT(TTL) | BIT(IDLE) | BIT(NATIVE) | BIT(EXEMPLARS))
#define LOGS_OPTS \
	(BIT(SINCE) | BIT(UNTIL) | BIT(LIMIT) | BIT(AFTER) | BIT(CURSORS) | \
	    BIT(FOLLOW) | BIT(FORMAT))
#define WORDS_MAX INT_MAX

static const struct cmd_verb cmd_verbs[] = {
	{ "declare", cmd_declare, DECLARE_OPTS, 2, 2, "TYPE NAME" },
	{ "inc", cmd_update, 0, 1, 2, "NAME [NUMBER]" },
	{ "dec", cmd_update, 0, 1, 2, "NAME [NUMBER]" },
	{ "set", cmd_update, 0, 2, 2, "NAME NUMBER" },
	{ "setnx", cmd_update, 0, 2, 2, "NAME NUMBER" },
	{ "observe", cmd_update, 0, 2, 2, "NAME NUMBER" },
	{ "get", cmd_get, 0, 1, 1, "NAME_WITH_SUFFIX" },
	{ "keys", cmd_keys, 0, 0, 1, "[METRIC]" },
	{ "show", cmd_show, BIT(FORMAT) | BIT(TEXTFILE), 0, 0, "no operand" },
	{ "stat", cmd_stat, BIT(WHO), 0, 0, "no operand" },
	{ "check", cmd_check, 0, 0, 0, "no operand" },
	{ "repair", cmd_repair, BIT(FORCE), 2, 2, "STORE NEWSTORE" },
	{ "compare", cmd_compare, BIT(TOLERANCE), 2, 2, "FILE|URL FILE|URL" },
	{ "reset", cmd_remove, 0, 1, 1, "NAME" },
	{ "remove", cmd_remove, 0, 1, 1, "NAME" },
	{ "clear", cmd_clear, 0, 0, 0, "no operand" },
	{ "log", cmd_log, 0, 2, WORDS_MAX, "LEVEL MESSAGE [NAME=VALUE ...]" },
	{ "event", cmd_log, 0, 1, WORDS_MAX, "NAME [NAME=VALUE ...]" },
	{ "measure", cmd_log, 0, 2, WORDS_MAX,
	    "NAME NUMBER [LABEL=VALUE ...]" },
	{ "logs", cmd_logs, LOGS_OPTS | BIT(LEVEL) | BIT(MIN_LEVEL), 0, 0,
	    "no operand" },
	{ "events", cmd_logs, LOGS_OPTS | BIT(NAME), 0, 0, "no operand" },
	{ "measures", cmd_logs, LOGS_OPTS | BIT(NAME) | BIT(LATEST), 0, 0,
	    "no operand" },
	{ "retain", cmd_retain, 0, 0, WORDS_MAX, "[WHAT:LIMITS ...]" },
	{ "gc", cmd_gc, 0, 0, 0, "no operand" },
};

int
cmd_fail(struct cmd *cmd, const char *fmt, ...)
{
	va_list ap;
	char *pos;

	va_start(ap, fmt);
	vsnprintf(cmd->error, sizeof(cmd->error), fmt, ap);
	va_end(ap);
	/* Words of the user may hold anything; the message is one line. */
	for (pos = cmd->error; *pos != '\0'; pos++)
		if ((unsigned char)*pos < ' ' || *pos == 0x7f)
			*pos = '?';
	return CMD_TROUBLE;
}

int
cmd_fail_pdc(struct cmd *cmd, int ret)
{
	const char *words = pdc_error();

	return cmd_fail(cmd, "%s", *words != '\0' ? words : pdc_strerror(ret));
}

int
cmd_write(int fd, const char *text, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, text, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

int
cmd_print(struct cmd *cmd, const char *text, size_t len)
{
	if (cmd_write(STDOUT_FILENO, text, len) == -1)
		return cmd_fail(cmd, "standard output: %s", strerror(errno));
	return CMD_YES;
}

int
cmd_open(struct cmd *cmd, unsigned flags)
{
	struct pdc_options options = { .flags = flags };
	int ret;

	ret = pdc_open(&cmd->pdc, cmd->opt[OPT_STORE], &options);
	return ret == 0 ? CMD_YES : cmd_fail_pdc(cmd, ret);
}

static const struct cmd_verb *
cmd_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(cmd_verbs) / sizeof(cmd_verbs[0]); i++)
		if (strcmp(cmd_verbs[i].name, name) == 0)
			return &cmd_verbs[i];
	return NULL;
}

/* The first option that this command does not take is an error. */
static int
cmd_check_options(struct cmd *cmd, const struct cmd_verb *verb)
{
	int opt;

	if (cmd->opt[OPT_STORE] != NULL && cmd->opt[OPT_STORE][0] == '\0')
		return cmd_fail(cmd, "the name of the store is empty");
	for (opt = 0; opt < NOPTS; opt++)
		if (opt != OPT_STORE && cmd->opt[opt] != NULL &&
		    (verb->opts & 1u << opt) == 0)
			return cmd_fail(cmd, "%s takes no option --%s",
			    cmd->verb, options_word(opt));
	return CMD_YES;
}

static int
cmd_bad_option(struct cmd *cmd)
{
	return cmd_fail(cmd, "unknown option '%.*s' (try pdc --help)",
	    (int)strcspn(cmd->bad, "="), cmd->bad);
}

int
cmd_run(struct cmd *cmd, int argc, char **argv)
{
	const struct cmd_verb *verb;
	int status;

	status = options_parse(cmd, argc, argv);
	if (status != CMD_YES || cmd->done)
		return status;
	if (cmd->nwords == 0 && cmd->bad != NULL)
		return cmd_bad_option(cmd);
	if (cmd->nwords == 0)
		return cmd_fail(cmd, "no command (try pdc --help)");
	cmd->verb = cmd->words[0];
	verb = cmd_find(cmd->verb);
	if (verb == NULL)
		return cmd_fail(cmd, "unknown command '%s' (try pdc --help)",
		    cmd->verb);
	if (cmd->bad != NULL)
		return cmd_bad_option(cmd);
	if (cmd_check_options(cmd, verb) != CMD_YES)
		return CMD_TROUBLE;
	if (cmd->nwords - 1 < verb->min || cmd->nwords - 1 > verb->max)
		return cmd_fail(cmd, "%s takes %s (try pdc --help)", verb->name,
		    verb->operands);
	status = verb->run(cmd);
	pdc_close(cmd->pdc);
	return status;
}
