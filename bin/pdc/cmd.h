/* SPDX-License-Identifier: ISC */
#ifndef PDC_CMD_H
#define PDC_CMD_H

/*
 * One run of the command: its options, its words, and what went wrong.
 *
 * Every function that can fail returns CMD_YES or CMD_TROUBLE and leaves one
 * line in cmd.error; a command may also answer CMD_NO.  These are the exit
 * statuses.
 */

#include <stddef.h>

#include "pdc.h"

#define CMD_YES 0
#define CMD_NO 1
#define CMD_TROUBLE 2

/* Options with a value; the second column is the name after "--". */
#define CMD_OPTS(X) \
	X(STORE, "store") \
	X(HELP, "help") \
	X(UNIT, "unit") \
	X(LABELS, "labels") \
	X(BUCKETS, "buckets") \
	X(STATES, "states") \
	X(MODE, "mode") \
	X(TTL, "ttl") \
	X(IDLE, "idle") \
	X(NATIVE, "native") \
	X(FORMAT, "format") \
	X(TOLERANCE, "tolerance") \
	X(TEXTFILE, "textfile") \
	X(SINCE, "since") \
	X(UNTIL, "until") \
	X(LEVEL, "level") \
	X(MIN_LEVEL, "min-level") \
	X(NAME, "name") \
	X(LIMIT, "limit") \
	X(AFTER, "after")

/* And without. */
#define CMD_FLAGS(X) \
	X(WHO, "who") \
	X(EXEMPLARS, "exemplars") \
	X(CURSORS, "cursors") \
	X(FOLLOW, "follow") \
	X(LATEST, "latest") \
	X(FORCE, "force")

enum cmd_opt {
#define X(name, word) OPT_##name,
	CMD_OPTS(X) CMD_FLAGS(X)
#undef X
	    NOPTS
};

#define OPT_IS_FLAG(opt) ((opt) >= OPT_WHO)

struct buf;

struct cmd {
	const char *opt[NOPTS]; /* NULL: not given; a flag: "" */
	const char *bad; /* the first option nobody knows */
	const char *verb; /* words[0] */
	char **words; /* command and operands */
	int nwords;
	int done; /* usage or version was printed */
	struct pdc *pdc;
	char error[1024];
};

/* main.c gives argv and prints error if the status is CMD_TROUBLE. */
int cmd_run(struct cmd *, int argc, char **argv);

/* Note what went wrong; returns CMD_TROUBLE. */
int cmd_fail(struct cmd *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The same with the library's words for the error ret. */
int cmd_fail_pdc(struct cmd *, int ret);
/* Write it all; -1 and errno. */
int cmd_write(int fd, const char *text, size_t len);
/* Write to standard output; a closed pipe or a full disk is CMD_TROUBLE. */
int cmd_print(struct cmd *, const char *text, size_t len);
/* Open the store into cmd->pdc; flags are enum pdc_flag. */
int cmd_open(struct cmd *, unsigned flags);

/* options.c: fill opt, bad, words; --help and --version print and set done. */
int options_parse(struct cmd *, int argc, char **argv);
const char *options_word(enum cmd_opt);

/*
 * parse.c.  A name with labels in the form of the exposition:
 * http_requests{method="GET",path="/"}; blanks and a last comma are allowed.
 */
struct parse_name {
	char *metric;
	struct pdc_label *labels; /* as written, each name once */
	size_t nlabels;
	char *mem;
};
int parse_name(struct cmd *, struct parse_name *, const char *word);
void parse_name_free(struct parse_name *);

/* A finite or infinite decimal number, or NaN. */
int parse_number(struct cmd *, const char *word, double *);

/* a,b,c: the NULL-terminated words, in one block to be freed. */
int parse_words(struct cmd *, const char *list, char ***);
/* 0.1,1,10[,+Inf]: the bounds without +Inf, in one block to be freed. */
int parse_bounds(struct cmd *, const char *list, double **, size_t *);

/* family.c: what the store knows by a name. */

/* Cut suffix off the end of name; 1 if it was there and something remains. */
int family_strip(char *name, const char *suffix);
/*
 * The type of a family, 0 if there is none, or an error.  A counter may be
 * named with _total and an info with _info, which is cut off then.
 */
int family_find(struct cmd *, char *name);

/* The commands. */
int cmd_declare(struct cmd *);
int cmd_update(struct cmd *); /* inc dec set setnx observe */
int cmd_get(struct cmd *);
int cmd_keys(struct cmd *);
int cmd_show(struct cmd *);
int cmd_stat(struct cmd *);
int cmd_check(struct cmd *);
void check_found(void *buf, const char *words); /* a line more */
/* Print and free them; NO where ret is more than 0, or its error. */
int check_told(struct cmd *, struct buf *, int ret);
int cmd_repair(struct cmd *);
int cmd_compare(struct cmd *);
int who_print(struct cmd *); /* stat --who */
int cmd_remove(struct cmd *); /* reset remove */
int cmd_clear(struct cmd *);
int cmd_log(struct cmd *); /* log event measure */
int cmd_logs(struct cmd *); /* logs events measures */
int latest_print(struct cmd *); /* measures --latest */
int cmd_retain(struct cmd *);
int cmd_gc(struct cmd *);

#endif
