/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/kinds.h"
#include "pdc/cmd.h"

/* inc, dec, set, setnx, observe: one number, one transaction. */

#define TRIES 100 /* of a transaction that others disturbed */
#define TYPE(type) (1u << PDC_##type)

struct update {
	const struct update_verb *verb;
	struct parse_name name;
	double amount;
	int type; /* enum pdc_type; 0: the store has none */
	int was_set;
};

struct update_verb {
	const char *name;
	int declares; /* enum pdc_type for an unknown name, or 0 */
	unsigned types; /* it works on */
	const char *needs;
	int (*call)(struct update *, struct pdc_txn *, const struct pdc_key *);
};

static int
update_inc(struct update *up, struct pdc_txn *txn, const struct pdc_key *key)
{
	return pdc_value_inc(txn, key, up->amount);
}

static int
update_dec(struct update *up, struct pdc_txn *txn, const struct pdc_key *key)
{
	return pdc_value_inc(txn, key, -up->amount);
}

static int
update_set(struct update *up, struct pdc_txn *txn, const struct pdc_key *key)
{
	return pdc_value_set(txn, key, up->amount);
}

static int
update_setnx(struct update *up, struct pdc_txn *txn, const struct pdc_key *key)
{
	return pdc_value_setnx(txn, key, up->amount, &up->was_set);
}

static int
update_observe(struct update *up, struct pdc_txn *txn,
    const struct pdc_key *key)
{
	return pdc_value_observe(txn, key, up->amount);
}

static const struct update_verb update_verbs[] = {
	{ "inc", PDC_COUNTER, TYPE(COUNTER) | TYPE(GAUGE) | TYPE(UNKNOWN),
	    "a counter or gauge", update_inc },
	{ "dec", PDC_GAUGE, TYPE(GAUGE) | TYPE(UNKNOWN), "a gauge",
	    update_dec },
	{ "set", PDC_GAUGE,
	    TYPE(COUNTER) | TYPE(GAUGE) | TYPE(INFO) | TYPE(STATESET) |
		TYPE(UNKNOWN),
	    "a counter, gauge, info or stateset", update_set },
	{ "setnx", PDC_GAUGE,
	    TYPE(COUNTER) | TYPE(GAUGE) | TYPE(INFO) | TYPE(UNKNOWN),
	    "a counter, gauge or info", update_setnx },
	{ "observe", 0, TYPE(SUMMARY) | TYPE(HISTOGRAM),
	    "a histogram or summary", update_observe },
};

static const struct update_verb *
update_find(const char *name)
{
	const struct update_verb *verb = update_verbs;

	while (strcmp(verb->name, name) != 0)
		verb++;
	return verb;
}

static int
update_resolve(struct cmd *cmd, struct update *up)
{
	up->type = family_find(cmd, up->name.metric);
	return up->type >= 0 ? CMD_YES : cmd_fail_pdc(cmd, up->type);
}

static int
update_check(struct cmd *cmd, const struct update *up)
{
	const struct update_verb *verb = up->verb;
	int type = up->type != 0 ? up->type : verb->declares;

	if (type == 0)
		return cmd_fail(cmd,
		    "%.300s is not declared; %s needs %s: "
		    "pdc declare TYPE NAME",
		    up->name.metric, verb->name, verb->needs);
	if ((verb->types & 1u << type) == 0)
		return cmd_fail(cmd, "%.300s is a %s; %s needs %s",
		    up->name.metric, pdc_kind_word(type), verb->name,
		    verb->needs);
	/* Before the declaration, which would stay. */
	if (type == PDC_COUNTER && !(up->amount >= 0 && isfinite(up->amount)))
		return cmd_fail(cmd,
		    "%.300s is a counter; %s needs a finite "
		    "number not below 0",
		    up->name.metric, verb->name);
	return CMD_YES;
}

/* The store does not know the name: declare it with the labels at hand. */
static int
update_declare(struct cmd *cmd, struct update *up)
{
	struct pdc_desc desc = { .name = up->name.metric };
	struct pdc_family *family;
	const char **labels;
	size_t i;
	int ret;

	labels = calloc(up->name.nlabels + 1, sizeof(*labels));
	if (labels == NULL)
		return cmd_fail(cmd, "no memory");
	for (i = 0; i < up->name.nlabels; i++)
		labels[i] = up->name.labels[i].name;
	desc.type = (enum pdc_type)up->verb->declares;
	desc.labels = labels;
	ret = pdc_declare(&family, cmd->pdc, &desc);
	free(labels);
	if (ret != 0)
		return cmd_fail_pdc(cmd, ret);
	up->type = up->verb->declares;
	if (up->type == PDC_COUNTER)
		family_strip(up->name.metric, "_total");
	return CMD_YES;
}

static int
update_once(struct cmd *cmd, struct update *up, const struct pdc_key *key)
{
	struct pdc_txn *txn;
	int ret;

	ret = pdc_begin(&txn, cmd->pdc);
	if (ret != 0)
		return ret;
	ret = up->verb->call(up, txn, key);
	if (ret == 0)
		return pdc_commit(txn);
	pdc_abort(txn);
	return ret;
}

static int
update_commit(struct cmd *cmd, struct update *up)
{
	struct pdc_key key = { .metric = up->name.metric,
		.labels = up->name.labels,
		.nlabels = up->name.nlabels };
	int ret = PDC_EAGAIN, i;

	key.suffix = up->type == PDC_COUNTER ? "_total" :
	    up->type == PDC_INFO	     ? "_info" :
					       "";
	for (i = 0; i < TRIES && ret == PDC_EAGAIN; i++)
		ret = update_once(cmd, up, &key);
	if (ret != 0)
		return cmd_fail_pdc(cmd, ret);
	return up->was_set ? CMD_YES : CMD_NO;
}

int
cmd_update(struct cmd *cmd)
{
	struct update up = { .verb = update_find(cmd->verb),
		.amount = 1,
		.was_set = 1 };
	int status = CMD_TROUBLE;

	if (cmd->words[2] != NULL &&
	    parse_number(cmd, cmd->words[2], &up.amount) != CMD_YES)
		return CMD_TROUBLE;
	if (parse_name(cmd, &up.name, cmd->words[1]) != CMD_YES)
		return CMD_TROUBLE;
	if (cmd_open(cmd, 0) != CMD_YES ||
	    update_resolve(cmd, &up) != CMD_YES ||
	    update_check(cmd, &up) != CMD_YES)
		goto out;
	if (up.type == 0 && update_declare(cmd, &up) != CMD_YES)
		goto out;
	status = update_commit(cmd, &up);
out:
	parse_name_free(&up.name);
	return status;
}
