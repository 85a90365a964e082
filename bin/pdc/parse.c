/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "pdc/cmd.h"

/*
 * The words of the command line.  A name that needs quotes stands in braces:
 * {"my.metric","a.label"="x"}.  A name is read from left to right into one
 * block that is never longer than the word: each NUL has the room of a "{", a
 * "=", a closing quote or the end.
 */
struct scan {
	struct cmd *cmd;
	const char *word, *pos;
	char *out;
};

static int
scan_fail(const struct scan *scan, const char *what)
{
	return cmd_fail(scan->cmd, "%s at position %zu of '%.300s'", what,
	    (size_t)(scan->pos - scan->word) + 1, scan->word);
}

static void
scan_blanks(struct scan *scan)
{
	while (*scan->pos == ' ' || *scan->pos == '\t')
		scan->pos++;
}

/* Copy [a-zA-Z_][a-zA-Z0-9_]*, and the character extra too if it is not 0. */
static int
scan_ident(struct scan *scan, char extra, char **out, const char *what)
{
	unsigned char c = *scan->pos;

	if (!isalpha(c) && c != '_' && (c != extra || c == '\0'))
		return scan_fail(scan, what);
	*out = scan->out;
	while (isalnum(c) || c == '_' || (c == extra && c != '\0')) {
		*scan->out++ = c;
		c = *++scan->pos;
	}
	*scan->out++ = '\0';
	return CMD_YES;
}

/* The character that a backslash and c stand for, or 0. */
static char
scan_escape(char c)
{
	switch (c) {
	case '\\':
	case '"':
		return c;
	case 'n':
		return '\n';
	default:
		return '\0';
	}
}

static int
scan_value(struct scan *scan, const char **out)
{
	char c;

	if (*scan->pos != '"')
		return scan_fail(scan, "'\"' is missing");
	scan->pos++;
	*out = scan->out;
	while ((c = *scan->pos) != '"') {
		if (c == '\\')
			c = scan_escape(*++scan->pos);
		else if (c == '\0')
			return scan_fail(scan, "closing '\"' is missing");
		if (c == '\0')
			return scan_fail(scan,
			    "escape other than \\\\ \\\" \\n");
		*scan->out++ = c;
		scan->pos++;
	}
	scan->pos++;
	*scan->out++ = '\0';
	return CMD_YES;
}

/* A label's name, in quotes or not. */
static int
scan_label_name(struct scan *scan, const char **out)
{
	char *ident = NULL;
	int status;

	if (*scan->pos == '"')
		return scan_value(scan, out);
	status = scan_ident(scan, 0, &ident, "no label name");
	*out = ident;
	return status;
}

static int
scan_label(struct scan *scan, struct parse_name *name)
{
	struct pdc_label *label = &name->labels[name->nlabels];
	const struct scan start = *scan;
	const char *ident;
	size_t i;

	if (scan_label_name(scan, &ident) != CMD_YES)
		return CMD_TROUBLE;
	scan_blanks(scan);
	if (name->metric == NULL && *start.pos == '"' && *scan->pos != '=') {
		name->metric = start.out;
		return CMD_YES;
	}
	if (*scan->pos != '=')
		return scan_fail(scan, "'=' is missing");
	scan->pos++;
	scan_blanks(scan);
	label->name = ident;
	for (i = 0; i < name->nlabels; i++)
		if (strcmp(name->labels[i].name, ident) == 0)
			return scan_fail(&start, "label given twice");
	if (scan_value(scan, &label->value) != CMD_YES)
		return CMD_TROUBLE;
	name->nlabels++;
	return CMD_YES;
}

/* From after "{" to after "}". */
static int
scan_labels(struct scan *scan, struct parse_name *name)
{
	scan_blanks(scan);
	while (*scan->pos != '}') {
		if (scan_label(scan, name) != CMD_YES)
			return CMD_TROUBLE;
		scan_blanks(scan);
		if (*scan->pos == ',')
			scan->pos++;
		else if (*scan->pos != '}')
			return scan_fail(scan, "',' or '}' is missing");
		scan_blanks(scan);
	}
	scan->pos++;
	return CMD_YES;
}

static int
scan_name(struct scan *scan, struct parse_name *name)
{
	scan_blanks(scan);
	if (*scan->pos != '{' &&
	    scan_ident(scan, ':', &name->metric, "no metric name") != CMD_YES)
		return CMD_TROUBLE;
	scan_blanks(scan);
	if (*scan->pos == '{') {
		scan->pos++;
		if (scan_labels(scan, name) != CMD_YES)
			return CMD_TROUBLE;
		scan_blanks(scan);
	}
	if (name->metric == NULL)
		return scan_fail(scan, "no metric name");
	if (*scan->pos != '\0')
		return scan_fail(scan, "unexpected character");
	return CMD_YES;
}

int
parse_name(struct cmd *cmd, struct parse_name *name, const char *word)
{
	struct scan scan = { cmd, word, word, NULL };
	size_t room = 1;
	const char *pos;

	for (pos = word; *pos != '\0'; pos++)
		room += *pos == '=';
	memset(name, 0, sizeof(*name));
	name->mem = malloc((size_t)(pos - word) + 1);
	name->labels = calloc(room, sizeof(*name->labels));
	if (name->mem == NULL || name->labels == NULL) {
		parse_name_free(name);
		return cmd_fail(cmd, "no memory");
	}
	scan.out = name->mem;
	if (scan_name(&scan, name) != CMD_YES) {
		parse_name_free(name);
		return CMD_TROUBLE;
	}
	return CMD_YES;
}

void
parse_name_free(struct parse_name *name)
{
	free(name->mem);
	free(name->labels);
	memset(name, 0, sizeof(*name));
}

int
parse_number(struct cmd *cmd, const char *word, double *number)
{
	if (pdc_num_parse(number, word, strlen(word)) != 0)
		return cmd_fail(cmd, "not a number: '%.300s'", word);
	return CMD_YES;
}

int
parse_words(struct cmd *cmd, const char *list, char ***words)
{
	size_t len = strlen(list) + 1, n = 2, i = 0;
	const char *pos;
	char **block, *text;

	for (pos = list; *pos != '\0'; pos++)
		n += *pos == ',';
	block = malloc(n * sizeof(*block) + len);
	if (block == NULL)
		return cmd_fail(cmd, "no memory");
	text = memcpy(block + n, list, len);
	while (*list != '\0' && text != NULL) {
		block[i++] = text;
		text = strchr(text, ',');
		if (text != NULL)
			*text++ = '\0';
		if (block[i - 1][0] == '\0') {
			free(block);
			return cmd_fail(cmd, "empty word in '%.300s'", list);
		}
	}
	block[i] = NULL;
	*words = block;
	return CMD_YES;
}

int
parse_bounds(struct cmd *cmd, const char *list, double **bounds, size_t *n)
{
	char **words;
	double *block;
	size_t i;

	if (parse_words(cmd, list, &words) != CMD_YES)
		return CMD_TROUBLE;
	for (i = 0; words[i] != NULL; i++)
		;
	block = calloc(i + 1, sizeof(*block));
	if (block == NULL) {
		free(words);
		return cmd_fail(cmd, "no memory");
	}
	for (i = 0; words[i] != NULL; i++)
		if (parse_number(cmd, words[i], &block[i]) != CMD_YES)
			goto fail;
	if (i > 0 && isinf(block[i - 1]) && block[i - 1] > 0)
		i--;
	if (i == 0) {
		cmd_fail(cmd, "--buckets needs a finite bound");
		goto fail;
	}
	free(words);
	*bounds = block;
	*n = i;
	return CMD_YES;
fail:
	free(words);
	free(block);
	return CMD_TROUBLE;
}
