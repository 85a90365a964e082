/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "checkpoint/checkpoint.h"
#include "journal/read.h"
#include "journal/recode.h"
#include "metric/metric.h"
#include "pdc/cmd.h"
#include "pdc/text.h"

/* logs, events, measures: what the journal has, as it is or for people. */

#define PAGE_BYTES ((size_t)1 << 20)
#define FOLLOW_NS 200000000
#define DRAIN_MS 100
#define LINES_MAX 1e18
#define MINUTE_S 60
#define HOUR_S 3600
#define DAY_S 86400

struct logs {
	struct cmd *cmd;
	struct journal_query q;
	uint64_t left; /* lines */
	uint64_t told; /* the end of the last gap that was */
	int damaged; /* blocks are, and that was told */
	int text, colour;
	enum recode_form form; /* but for text */
	struct buf page, out;
};

/* Seconds since 1970, or a time before now: 5m, 2h, 1d, 30s. */
static int
logs_time(struct cmd *cmd, enum cmd_opt opt, double *out)
{
	const char *word = cmd->opt[opt];
	size_t len = word != NULL ? strlen(word) : 0;
	char number[64];
	double unit = 0;

	if (word == NULL)
		return CMD_YES;
	switch (len > 1 && len < sizeof(number) ? word[len - 1] : '0') {
	case 's':
		unit = 1;
		break;
	case 'm':
		unit = MINUTE_S;
		break;
	case 'h':
		unit = HOUR_S;
		break;
	case 'd':
		unit = DAY_S;
		break;
	}
	if (unit == 0)
		return parse_number(cmd, word, out);
	memcpy(number, word, len - 1);
	number[len - 1] = '\0';
	if (parse_number(cmd, number, out) != CMD_YES)
		return CMD_TROUBLE;
	*out = (double)time(NULL) - *out * unit;
	return CMD_YES;
}

/* a,b: a bit for each. */
static int
logs_levels(struct cmd *cmd, const char *list, unsigned *streams)
{
	char **words;
	int i, level, status = CMD_YES;

	if (parse_words(cmd, list, &words) != CMD_YES)
		return CMD_TROUBLE;
	*streams = 0;
	for (i = 0; words[i] != NULL && status == CMD_YES; i++) {
		level = pdc_level_parse(words[i]);
		if (level < 0)
			status = cmd_fail(cmd, "'%.300s' is no level",
			    words[i]);
		else
			*streams |= 1u << level;
	}
	free(words);
	return status;
}

static int
logs_streams(struct cmd *cmd, unsigned *streams)
{
	const char *min = cmd->opt[OPT_MIN_LEVEL];
	int level;

	if (strcmp(cmd->verb, "logs") != 0) {
		*streams = strcmp(cmd->verb, "events") == 0 ?
		    1u << STREAM_EVENTS :
		    1u << STREAM_MEASURES;
		return CMD_YES;
	}
	*streams = JOURNAL_LOGS;
	if (cmd->opt[OPT_LEVEL] != NULL &&
	    logs_levels(cmd, cmd->opt[OPT_LEVEL], streams) != CMD_YES)
		return CMD_TROUBLE;
	if (min == NULL)
		return CMD_YES;
	level = pdc_level_parse(min);
	if (level < 0)
		return cmd_fail(cmd, "'%.300s' is no level", min);
	*streams &= JOURNAL_LOGS << level;
	return CMD_YES;
}

static int
logs_query(struct logs *g)
{
	struct cmd *cmd = g->cmd;
	const char *limit = cmd->opt[OPT_LIMIT], *form = cmd->opt[OPT_FORMAT];
	double n = INFINITY;
	unsigned streams;

	if (logs_streams(cmd, &streams) != CMD_YES)
		return CMD_TROUBLE;
	pdc_journal_all(&g->q, streams);
	if (logs_time(cmd, OPT_SINCE, &g->q.since) != CMD_YES ||
	    logs_time(cmd, OPT_UNTIL, &g->q.until) != CMD_YES ||
	    (limit != NULL && parse_number(cmd, limit, &n) != CMD_YES))
		return CMD_TROUBLE;
	if (!(n >= 0) || (n < LINES_MAX && n != (double)(uint64_t)n))
		return cmd_fail(cmd, "--limit takes a number of lines");
	g->left = n < LINES_MAX ? (uint64_t)n : UINT64_MAX;
	g->text = isatty(STDOUT_FILENO);
	g->colour = g->text && getenv("NO_COLOR") == NULL;
	if (form != NULL)
		g->text = strcmp(form, "text") == 0;
	if (form != NULL && !g->text && pdc_recode_parse(&g->form, form) < 0)
		return cmd_fail(cmd, "unknown format '%.300s'", form);
	g->q.bytes = PAGE_BYTES;
	g->q.name = cmd->opt[OPT_NAME];
	g->q.cursors = cmd->opt[OPT_CURSORS] != NULL;
	return CMD_YES;
}

/* What is behind the cursor is not there any more. */
static void
logs_gap(struct logs *g, const struct journal_answer *a)
{
	if (a->gap_to <= g->told)
		return;
	g->told = a->gap_to;
	fprintf(stderr, "pdc: lines are gone between %llu and %llu\n",
	    (unsigned long long)a->gap_from, (unsigned long long)a->gap_to);
}

static int
logs_print(struct logs *g)
{
	size_t left = 0;

	if (!g->text && g->form == RECODE_NDJSON)
		return cmd_print(g->cmd, g->page.data, g->page.len);
	pdc_buf_reset(&g->out);
	if (g->text)
		text_lines(&g->out, g->page.data, g->page.len, g->colour);
	else
		left = pdc_recode_lines(&g->out, g->page.data, g->page.len,
		    g->form);
	if (left > 0)
		fprintf(stderr, "pdc: damaged lines left out: %zu\n", left);
	if (g->out.error)
		return cmd_fail(g->cmd, "no memory");
	return cmd_print(g->cmd, g->out.data, g->out.len);
}

/* A page; more is set if there is another one already. */
static int
logs_page(struct logs *g, int *more)
{
	struct store *st = g->cmd->pdc->store;
	struct journal_answer a;
	struct stxn x;
	int ret;

	g->q.limit = g->left;
	ret = pdc_stxn_read(&x, st);
	if (ret < 0)
		return cmd_fail_pdc(g->cmd, ret);
	pdc_buf_reset(&g->page);
	ret = pdc_journal_read(&x, &g->q, &g->page, &a);
	pdc_stxn_abort(&x);
	if (ret < 0)
		return cmd_fail_pdc(g->cmd, ret);
	if (a.beyond)
		return cmd_fail(g->cmd, "the cursor is behind the last line");
	logs_gap(g, &a);
	if (a.damaged > 0 && !g->damaged)
		fprintf(stderr, "pdc: damaged blocks left out: %llu\n",
		    (unsigned long long)a.damaged);
	g->damaged |= a.damaged > 0;
	g->q.after = a.next;
	g->q.resumes = 1;
	g->left -= a.nlines;
	*more = a.more && g->left > 0;
	return logs_print(g);
}

static int
logs_all(struct logs *g)
{
	int more = 1, status = CMD_YES;

	if (!g->cmd->pdc->store->rdonly)
		(void)pdc_drain_all(g->cmd->pdc, DRAIN_MS);
	while (status == CMD_YES && more)
		status = logs_page(g, &more);
	return status;
}

static int
logs_after(struct logs *g)
{
	const char *cursor = g->cmd->opt[OPT_AFTER];
	struct stxn x;
	int ret;

	if (cursor == NULL)
		return CMD_YES;
	ret = pdc_stxn_read(&x, g->cmd->pdc->store);
	if (ret < 0)
		return cmd_fail_pdc(g->cmd, ret);
	ret = pdc_cursor_parse(&g->q.after, &x.meta, cursor);
	pdc_stxn_abort(&x);
	g->q.resumes = 1;
	if (ret == PDC_ENOENT)
		return cmd_fail(g->cmd, "'%.300s' is of another store", cursor);
	return ret < 0 ? cmd_fail(g->cmd, "'%.300s' is no cursor", cursor) :
			 CMD_YES;
}

/* Who may write empties the rings first, so that what is shown is all. */
static int
logs_open(struct cmd *cmd)
{
	if (cmd_open(cmd, PDC_RDONLY) != CMD_YES)
		return CMD_TROUBLE;
	pdc_close(cmd->pdc);
	cmd->pdc = NULL;
	if (cmd_open(cmd, 0) == CMD_YES)
		return CMD_YES;
	return cmd_open(cmd, PDC_RDONLY);
}

int
cmd_logs(struct cmd *cmd)
{
	struct logs g = { .cmd = cmd };
	const struct store *store;
	int status;

	if (logs_query(&g) != CMD_YES || logs_open(cmd) != CMD_YES)
		return CMD_TROUBLE;
	store = cmd->pdc->store;
	if (cmd->opt[OPT_LATEST] != NULL)
		return latest_print(cmd);
	status = logs_after(&g);
	if (status == CMD_YES)
		status = logs_all(&g);
	while (
	    status == CMD_YES && cmd->opt[OPT_FOLLOW] != NULL && g.left > 0) {
		pdc_clock_sleep(FOLLOW_NS);
		status = logs_all(&g);
		if (status == CMD_YES && pdc_store_is(store, store->dir) == 0)
			status = cmd_fail(cmd, "%s: it is another store now",
			    store->dir);
	}
	pdc_buf_fini(&g.page);
	pdc_buf_fini(&g.out);
	return status;
}
