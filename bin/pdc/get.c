/* SPDX-License-Identifier: ISC */
#include "config.h"

#include <string.h>

#include "base/kinds.h"
#include "api/page.h"
#include "base/num.h"
#include "pdc/cmd.h"

/*
 * get: the value of one sample.  Its name may be a gauge, or a family and a
 * suffix that its type has; a counter goes without _total too, an info without
 * _info.
 */

#define TRIES 100
#define TYPE(type) (1u << PDC_##type)

static const struct get_suffix {
	const char *suffix;
	unsigned types;
} get_suffixes[] = {
	{ "_total", TYPE(COUNTER) },
	{ "_created", TYPE(COUNTER) | TYPE(SUMMARY) | TYPE(HISTOGRAM) },
	{ "_sum", TYPE(SUMMARY) | TYPE(HISTOGRAM) },
	{ "_count", TYPE(SUMMARY) | TYPE(HISTOGRAM) },
	{ "_bucket", TYPE(HISTOGRAM) },
	{ "_info", TYPE(INFO) },
};

/* Cut the suffix off the name if that leaves a family which has it. */
static int
get_try(struct cmd *cmd, char *name, const struct get_suffix *entry)
{
	size_t len = strlen(name);
	int type;

	if (!family_strip(name, entry->suffix))
		return 0;
	type = pdc_page_type(cmd->pdc, name);
	if (type < 0 || entry->types & 1u << type)
		return type;
	name[strlen(name)] = '_';
	name[len] = '\0';
	return 0;
}

/* Find the suffix; it stays NULL if there is no such sample. */
static int
get_resolve(struct cmd *cmd, char *name, const char **suffix)
{
	size_t i;
	int whole, type = 0;

	whole = pdc_page_type(cmd->pdc, name);
	if (whole < 0)
		return cmd_fail_pdc(cmd, whole);
	if (whole != 0 && whole != PDC_SUMMARY && whole != PDC_HISTOGRAM) {
		*suffix = whole == PDC_COUNTER ? "_total" :
		    whole == PDC_INFO	       ? "_info" :
						 "";
		return CMD_YES;
	}
	for (i = 0; i < sizeof(get_suffixes) / sizeof(get_suffixes[0]); i++) {
		type = get_try(cmd, name, &get_suffixes[i]);
		if (type != 0)
			break;
	}
	if (type < 0)
		return cmd_fail_pdc(cmd, type);
	if (type > 0)
		*suffix = get_suffixes[i].suffix;
	else if (whole != 0)
		return cmd_fail(cmd,
		    "%.300s is a %s; get needs a suffix: "
		    "_count, _sum%s or _created",
		    name, pdc_kind_word(whole),
		    whole == PDC_HISTOGRAM ? ", _bucket" : "");
	return CMD_YES;
}

static int
get_value(struct cmd *cmd, const struct pdc_key *key, double *value)
{
	struct pdc_txn *txn;
	int ret = PDC_EAGAIN, i;

	for (i = 0; i < TRIES && ret == PDC_EAGAIN; i++) {
		ret = pdc_begin(&txn, cmd->pdc);
		if (ret != 0)
			break;
		ret = pdc_value_get(txn, key, value);
		pdc_abort(txn);
	}
	return ret;
}

static int
get_print(struct cmd *cmd, const struct parse_name *name)
{
	struct pdc_key key = { .metric = name->metric,
		.labels = name->labels,
		.nlabels = name->nlabels };
	char text[NUM_SIZE + 1];
	double value;
	size_t len;
	int ret;

	if (get_resolve(cmd, name->metric, &key.suffix) != CMD_YES)
		return CMD_TROUBLE;
	if (key.suffix == NULL)
		return CMD_NO;
	ret = get_value(cmd, &key, &value);
	if (ret == PDC_ENOENT)
		return CMD_NO;
	if (ret != 0)
		return cmd_fail_pdc(cmd, ret);
	len = pdc_num_go(text, value);
	text[len++] = '\n';
	return cmd_print(cmd, text, len);
}

int
cmd_get(struct cmd *cmd)
{
	struct parse_name name;
	int status = CMD_TROUBLE;

	if (parse_name(cmd, &name, cmd->words[1]) != CMD_YES)
		return CMD_TROUBLE;
	if (cmd_open(cmd, PDC_RDONLY) == CMD_YES)
		status = get_print(cmd, &name);
	parse_name_free(&name);
	return status;
}
