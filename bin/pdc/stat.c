/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/page.h"
#include "base/buf.h"
#include "pdc/cmd.h"

/* stat: the state of a store, a line each; bytes are plain numbers. */

#define STAT_KEY "%-22s"

static void
stat_word(struct buf *buf, const char *key, const char *word)
{
	pdc_buf_fmt(buf, STAT_KEY "%s\n", key, word);
}

static void
stat_number(struct buf *buf, const char *key, uint64_t number)
{
	pdc_buf_fmt(buf, STAT_KEY "%" PRIu64 "\n", key, number);
}

static void
stat_store(struct buf *buf, const struct pdc_stat *st)
{
	stat_word(buf, "store", st->dir);
	stat_word(buf, "uuid", st->uuid);
	stat_number(buf, "format version", st->version);
	stat_number(buf, "epoch", st->epoch);
	stat_word(buf, "boot", st->boot_id);
	stat_number(buf, "families", st->families);
	stat_number(buf, "series", st->series);
	stat_number(buf, "data used", st->data_bytes);
	stat_number(buf, "data map", st->map_bytes);
	stat_number(buf, "last transaction", st->last_txn);
	stat_number(buf, "readers", st->readers);
	stat_number(buf, "readers at most", st->max_readers);
}

static const char *
stat_rseq(int rseq)
{
	switch (rseq) {
	case CELLS_RSEQ_OK:
		return "ok";
	case CELLS_RSEQ_BROKEN:
		return "broken";
	default:
		return "unknown";
	}
}

static void
stat_cells(struct buf *buf, const struct pdc_stat *st)
{
	if (!st->cells_mapped) {
		stat_word(buf, "cells file", "none");
		return;
	}
	stat_word(buf, "cells file", st->cells_path);
	stat_number(buf, "cells bytes", st->cells_bytes);
	stat_number(buf, "cells budget", st->cells_budget);
	stat_number(buf, "bytes per counter", st->unit_cost[ZONE_ADD]);
	stat_number(buf, "bytes per bucket", st->unit_cost[ZONE_PAIR]);
	stat_number(buf, "bytes per gauge", st->unit_cost[ZONE_GAUGE]);
	stat_number(buf, "lanes", st->lanes);
	stat_number(buf, "atomic lanes", st->atomic_lanes);
	stat_word(buf, "rseq", stat_rseq(st->rseq));
	stat_word(buf, "rseq in this process", st->uses_rseq ? "yes" : "no");
	stat_number(buf, "bytes per ring", st->ring_bytes);
	stat_number(buf, "ring backlog", st->ring_backlog);
}

/* Numbers of lines: the last one, and in each stream the first that stays. */
static void
stat_journal(struct buf *buf, const struct pdc_stat *st)
{
	const struct journal_stream_rec *s;
	char key[64];
	int i;

	if (st->journal.next <= 1)
		return;
	stat_number(buf, "journal head", st->journal.next - 1);
	for (i = 0; i < NSTREAMS; i++) {
		s = &st->journal.stream[i];
		if (s->nlines == 0 && s->floor == 0)
			continue;
		snprintf(key, sizeof(key), "journal %s", pdc_scope_word(i));
		pdc_buf_fmt(buf,
		    STAT_KEY "%" PRIu64 " lines, %" PRIu64
			     " bytes, floor %" PRIu64 ", %" PRIu64 " deleted\n",
		    key, s->nlines, s->bytes, s->floor, s->deleted);
	}
}

static void
stat_health(struct buf *buf, const struct pdc_stat *st)
{
	char key[64];
	int i;

	for (i = 0; i < NDROPS; i++) {
		if (st->drops[i] == 0)
			continue;
		snprintf(key, sizeof(key), "dropped %s",
		    pdc_cells_drop_word((enum cells_drop)i));
		stat_number(buf, key, st->drops[i]);
	}
	stat_number(buf, "unresolved", st->unresolved);
	stat_number(buf, "overflowed", st->overflowed);
	stat_number(buf, "declared differently", st->differing);
	stat_number(buf, "anomalies", st->anomalies);
	stat_number(buf, "checkpoints", st->checkpoints);
	if (st->checkpoint_age_ns < 0)
		stat_word(buf, "last checkpoint", "none");
	else
		pdc_buf_fmt(buf, STAT_KEY "%" PRId64 ".%03" PRId64 " s ago\n",
		    "last checkpoint", st->checkpoint_age_ns / 1000000000,
		    st->checkpoint_age_ns / 1000000 % 1000);
}

static int
stat_print(struct cmd *cmd, struct pdc_stat *st)
{
	struct buf buf;
	int ret, status;

	ret = pdc_stat_get(cmd->pdc, st);
	if (ret != 0)
		return cmd_fail_pdc(cmd, ret);
	pdc_buf_init(&buf);
	stat_store(&buf, st);
	stat_cells(&buf, st);
	stat_journal(&buf, st);
	stat_health(&buf, st);
	if (buf.error != 0)
		status = cmd_fail(cmd, "no memory");
	else
		status = cmd_print(cmd, buf.data, buf.len);
	pdc_buf_fini(&buf);
	return status;
}

int
cmd_stat(struct cmd *cmd)
{
	struct pdc_stat *st;
	int status;

	if (cmd_open(cmd, PDC_RDONLY) != CMD_YES)
		return CMD_TROUBLE;
	if (cmd->opt[OPT_WHO] != NULL)
		return who_print(cmd);
	st = calloc(1, sizeof(*st));
	status = st == NULL ? cmd_fail(cmd, "no memory") : stat_print(cmd, st);
	free(st);
	return status;
}
