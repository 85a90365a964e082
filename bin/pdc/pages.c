/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/page.h"
#include "pdc/cmd.h"

/* keys and show: pages of the store. */

static int
pages_out(void *arg, const void *data, size_t len)
{
	const int *fd = arg;

	return cmd_write(*fd, data, len);
}

/* The page to fd, which name is of. */
static int
pages_write(struct cmd *cmd, const struct page_opts *opts, int fd,
    const char *name)
{
	int ret;

	ret = pdc_page_write(cmd->pdc, opts, pages_out, &fd, NULL);
	if (ret == PDC_ECANCELED)
		return cmd_fail(cmd, "%.300s: %s", name, strerror(errno));
	if (ret == PDC_ENOENT)
		return CMD_NO;
	return ret < 0 ? cmd_fail_pdc(cmd, ret) : CMD_YES;
}

static int
pages_print(struct cmd *cmd, const struct page_opts *opts)
{
	return pages_write(cmd, opts, STDOUT_FILENO, "standard output");
}

/*
 * A reader of the file sees the old page or the new one, also after a crash:
 * a file beside it gets the page, is synced, and takes its name.
 */
static int
pages_save(struct cmd *cmd, const struct page_opts *opts)
{
	const char *path = cmd->opt[OPT_TEXTFILE];
	size_t room = strlen(path) + sizeof(".XXXXXX");
	char *temp;
	int fd, status;

	temp = malloc(room);
	if (temp == NULL)
		return cmd_fail(cmd, "no memory");
	snprintf(temp, room, "%s.XXXXXX", path);
	fd = mkstemp(temp);
	if (fd == -1) {
		status = cmd_fail(cmd, "%.300s: %s", path, strerror(errno));
		free(temp);
		return status;
	}
	status = pages_write(cmd, opts, fd, path);
	if (status == CMD_YES &&
	    (fchmod(fd, 0644) == -1 || fsync(fd) == -1 ||
		rename(temp, path) == -1))
		status = cmd_fail(cmd, "%.300s: %s", path, strerror(errno));
	if (status != CMD_YES)
		unlink(temp);
	close(fd);
	free(temp);
	return status;
}

/* The words of --format, and what an Accept header says for them. */
static const struct show_format {
	const char *word, *accept;
} show_formats[] = {
	{ "text", "text/plain;version=0.0.4" },
	{ "text1", "text/plain;version=1.0.0;escaping=allow-utf-8" },
	{ "openmetrics", "application/openmetrics-text;version=1.0.0" },
	{ "protobuf",
	    "application/vnd.google.protobuf;encoding=delimited;"
	    "proto=io.prometheus.client.MetricFamily" },
};

static int
show_format(struct cmd *cmd, struct expo_how *how)
{
	const char *word = cmd->opt[OPT_FORMAT];
	size_t i;

	if (word == NULL)
		word = "text";
	for (i = 0; i < sizeof(show_formats) / sizeof(show_formats[0]); i++)
		if (strcmp(show_formats[i].word, word) == 0) {
			pdc_accept_format(how, show_formats[i].accept);
			return CMD_YES;
		}
	return cmd_fail(cmd, "unknown format '%.300s'", word);
}

int
cmd_show(struct cmd *cmd)
{
	const char *path = cmd->opt[OPT_TEXTFILE];
	struct page_opts opts = { .format = PAGE_METRICS };

	if (show_format(cmd, &opts.how) != CMD_YES)
		return CMD_TROUBLE;
	if (path != NULL && *path == '\0')
		return cmd_fail(cmd, "--textfile needs a path");
	if (cmd_open(cmd, PDC_RDONLY) != CMD_YES)
		return CMD_TROUBLE;
	return path != NULL ? pages_save(cmd, &opts) : pages_print(cmd, &opts);
}

/* The stored name of the one family asked for. */
static int
keys_resolve(struct cmd *cmd, char *name, struct page_opts *opts)
{
	int type = family_find(cmd, name);

	if (type < 0)
		return cmd_fail_pdc(cmd, type);
	opts->family = name;
	return type == 0 ? CMD_NO : CMD_YES;
}

int
cmd_keys(struct cmd *cmd)
{
	struct page_opts opts = { .format = PAGE_KEYS };
	struct parse_name name = { 0 };
	int status = CMD_YES;

	if (cmd->words[1] != NULL &&
	    parse_name(cmd, &name, cmd->words[1]) != CMD_YES)
		return CMD_TROUBLE;
	if (name.nlabels > 0)
		status = cmd_fail(cmd, "keys takes a metric without labels");
	else if (cmd_open(cmd, PDC_RDONLY) != CMD_YES)
		status = CMD_TROUBLE;
	else if (name.metric != NULL)
		status = keys_resolve(cmd, name.metric, &opts);
	if (status == CMD_YES)
		status = pages_print(cmd, &opts);
	parse_name_free(&name);
	return status;
}
