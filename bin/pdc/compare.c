/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * compare: two pages, series by series, for who changes from another system.
 *
 * A page is read into a sorted list of lines, each with labels in one order and
 * one form of numbers in le and quantile, whatever wrote it.  Types are lines,
 * too; what the formats call differently has one name.
 */

#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/escape.h"
#include "base/num.h"
#include "pdc/cmd.h"

#define PAGE_MAX ((size_t)1 << 30)

struct line {
	char *key; /* name{a="b"}, or TYPE name */
	char *text; /* the value as written, or the type */
	double value; /* NaN for a type */
};

struct page {
	const char *from;
	char *text;
	struct line *lines;
	size_t n, cap;
	struct buf keys;
	size_t number; /* of the line that is read */
};

/* All of a descriptor, with a NUL. */
static int
compare_slurp(struct cmd *cmd, struct page *pg, int fd)
{
	struct buf b;
	ssize_t n = 1;
	char *room;

	pdc_buf_init(&b);
	while (n > 0 && b.error == 0 && b.len < PAGE_MAX) {
		room = pdc_buf_reserve(&b, 65536);
		if (room == NULL)
			break;
		n = read(fd, room, 65536);
		if (n > 0)
			pdc_buf_commit(&b, (size_t)n);
		else if (n == -1 && errno == EINTR)
			n = 1;
	}
	pdc_buf_chr(&b, '\0');
	if (n == 0 && b.error == 0) {
		pg->text = b.data;
		return CMD_YES;
	}
	pdc_buf_fini(&b);
	return cmd_fail(cmd, "%.300s: %s", pg->from,
	    n == -1	     ? strerror(errno) :
		b.error == 0 ? "more than a page can be" :
			       "no memory");
}

/* curl knows proxies, certificates and passwords; we need not. */
static int
compare_curl(struct cmd *cmd, struct page *pg)
{
	int to[2], status = 0, ret;
	pid_t pid;

	if (pipe(to) == -1)
		return cmd_fail(cmd, "%s", strerror(errno));
	pid = fork();
	if (pid == 0) {
		dup2(to[1], STDOUT_FILENO);
		close(to[0]);
		close(to[1]);
		execlp("curl", "curl", "-fsSL", "--max-time", "60", "-H",
		    "Accept: text/plain;version=0.0.4", "--", pg->from,
		    (char *)NULL);
		_exit(127);
	}
	close(to[1]);
	ret = pid == -1 ? cmd_fail(cmd, "%s", strerror(errno)) :
			  compare_slurp(cmd, pg, to[0]);
	close(to[0]);
	while (pid > 0 && waitpid(pid, &status, 0) == -1 && errno == EINTR)
		continue;
	if (ret != CMD_YES || status == 0)
		return ret;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return cmd_fail(cmd,
		    "%.300s: there is no curl to fetch it with; give a file",
		    pg->from);
	return cmd_fail(cmd, "%.300s: curl could not fetch it", pg->from);
}

static int
compare_fetch(struct cmd *cmd, struct page *pg)
{
	int fd, ret;

	if (strncmp(pg->from, "http://", 7) == 0 ||
	    strncmp(pg->from, "https://", 8) == 0)
		return compare_curl(cmd, pg);
	if (strcmp(pg->from, "-") == 0)
		return compare_slurp(cmd, pg, STDIN_FILENO);
	fd = open(pg->from, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return cmd_fail(cmd, "%.300s: %s", pg->from, strerror(errno));
	ret = compare_slurp(cmd, pg, fd);
	close(fd);
	return ret;
}

static int
page_fail(struct cmd *cmd, const struct page *pg, const char *what)
{
	char words[sizeof(cmd->error)];

	snprintf(words, sizeof(words), "%s", what);
	return cmd_fail(cmd, "%.300s: line %zu: %.500s", pg->from, pg->number,
	    words);
}

static int
page_add(struct cmd *cmd, struct page *pg, const char *key, char *text,
    double value)
{
	size_t cap = pg->cap != 0 ? 2 * pg->cap : 256;
	struct line *more;

	if (pg->n == pg->cap) {
		more = reallocarray(pg->lines, cap, sizeof(*more));
		if (more == NULL)
			return cmd_fail(cmd, "no memory");
		pg->lines = more;
		pg->cap = cap;
	}
	more = &pg->lines[pg->n];
	*more = (struct line){ strdup(key), text, value };
	if (more->key == NULL)
		return cmd_fail(cmd, "no memory");
	pg->n++;
	return CMD_YES;
}

static int
label_order(const void *a, const void *b)
{
	return strcmp(((const struct pdc_label *)a)->name,
	    ((const struct pdc_label *)b)->name);
}

static void
key_label(struct buf *b, const struct pdc_label *l)
{
	char number[NUM_SIZE + 1];
	const char *value = l->value;
	double v;

	if ((strcmp(l->name, "le") == 0 || strcmp(l->name, "quantile") == 0) &&
	    pdc_num_parse(&v, value, strlen(value)) == 0) {
		number[pdc_num_om(number, v)] = '\0';
		value = number;
	}
	pdc_escape_pair(b, l->name, value, ESCAPE_NONE);
}

/* NAME{LABELS} of a sample in one form; a label without a value is none. */
static int
page_key(struct cmd *cmd, struct page *pg, const char *word, struct buf *b)
{
	struct parse_name name;
	size_t i, n = 0;

	if (parse_name(cmd, &name, word) != CMD_YES)
		return page_fail(cmd, pg, cmd->error);
	if (name.nlabels > 0)
		qsort(name.labels, name.nlabels, sizeof(*name.labels),
		    label_order);
	pdc_buf_reset(b);
	pdc_buf_str(b, name.metric);
	for (i = 0; i < name.nlabels; i++) {
		if (name.labels[i].value[0] == '\0')
			continue;
		pdc_buf_chr(b, n++ == 0 ? '{' : ',');
		key_label(b, &name.labels[i]);
	}
	if (n > 0)
		pdc_buf_chr(b, '}');
	pdc_buf_chr(b, '\0');
	parse_name_free(&name);
	return b->error < 0 ? cmd_fail(cmd, "no memory") : CMD_YES;
}

/* Where NAME{LABELS} ends. */
static char *
sample_end(char *s)
{
	int quoted = 0, braces = 0;

	for (; *s != '\0'; s++) {
		if (quoted && *s == '\\' && s[1] != '\0')
			s++;
		else if (*s == '"')
			quoted = !quoted;
		else if (!quoted && *s == '{')
			braces = 1;
		else if (!quoted && *s == '}')
			return s + 1;
		else if (!quoted && !braces && (*s == ' ' || *s == '\t'))
			return s;
	}
	return s;
}

/* A time of creation says nothing of what was counted. */
static int
sample_created(const char *key)
{
	size_t n = strcspn(key, "{");

	return n > 8 && strncmp(key + n - 8, "_created", 8) == 0;
}

static int
page_sample(struct cmd *cmd, struct page *pg, char *line)
{
	char *end = sample_end(line), *text, *rest;
	double value;
	int status;
	char last;

	text = end + strspn(end, " \t");
	rest = text + strcspn(text, " \t");
	last = *end;
	*end = '\0';
	status = page_key(cmd, pg, line, &pg->keys);
	*end = last;
	if (status != CMD_YES)
		return status;
	*rest = '\0';
	if (parse_number(cmd, text, &value) != CMD_YES)
		return page_fail(cmd, pg, cmd->error);
	if (sample_created(pg->keys.data))
		return CMD_YES;
	return page_add(cmd, pg, pg->keys.data, text, value);
}

/* # TYPE name type; OpenMetrics names counters and infos without suffix. */
static int
page_type(struct cmd *cmd, struct page *pg, char *name)
{
	char *type = sample_end(name), key[1024];
	size_t len = (size_t)(type - name);
	const char *suffix = "";

	if (*type == '\0' || len == 0 || len > 900)
		return CMD_YES;
	*type++ = '\0';
	type[strcspn(type, " \t")] = '\0';
	if (strcmp(type, "counter") == 0)
		family_strip(name, "_total");
	if (strcmp(type, "info") == 0)
		suffix = "_info";
	if (strcmp(type, "info") == 0 || strcmp(type, "stateset") == 0)
		strcpy(type, "gauge");
	if (strcmp(type, "untyped") == 0)
		strcpy(type, "unknown");
	snprintf(key, sizeof(key), "TYPE %s%s", name, suffix);
	return page_add(cmd, pg, key, type, NAN);
}

static int
page_line(struct cmd *cmd, struct page *pg, char *line)
{
	line[strcspn(line, "\r")] = '\0';
	line += strspn(line, " \t");
	if (strncmp(line, "# TYPE ", 7) == 0)
		return page_type(cmd, pg, line + 7);
	if (*line == '\0' || *line == '#')
		return CMD_YES;
	return page_sample(cmd, pg, line);
}

static int
line_order(const void *a, const void *b)
{
	return strcmp(((const struct line *)a)->key,
	    ((const struct line *)b)->key);
}

static int
page_read(struct cmd *cmd, struct page *pg)
{
	char *line, *rest;
	size_t i;

	if (compare_fetch(cmd, pg) != CMD_YES)
		return CMD_TROUBLE;
	rest = pg->text;
	while ((line = strsep(&rest, "\n")) != NULL) {
		pg->number++;
		if (page_line(cmd, pg, line) != CMD_YES)
			return CMD_TROUBLE;
	}
	if (pg->n > 0)
		qsort(pg->lines, pg->n, sizeof(*pg->lines), line_order);
	for (i = 1; i < pg->n; i++)
		if (strcmp(pg->lines[i - 1].key, pg->lines[i].key) == 0)
			return cmd_fail(cmd, "%.300s: %.500s comes twice",
			    pg->from, pg->lines[i].key);
	return CMD_YES;
}

static void
page_free(struct page *pg)
{
	size_t i;

	for (i = 0; i < pg->n; i++)
		free(pg->lines[i].key);
	free(pg->lines);
	free(pg->text);
	pdc_buf_fini(&pg->keys);
}

static int
line_same(const struct line *a, const struct line *b, double tolerance)
{
	double x = fabs(a->value), y = fabs(b->value), most = x > y ? x : y;

	if (strcmp(a->text, b->text) == 0 || a->value == b->value)
		return 1;
	if (isnan(a->value) || isnan(b->value))
		return isnan(a->value) && isnan(b->value) &&
		    strncmp(a->key, "TYPE ", 5) != 0;
	return fabs(a->value - b->value) <= tolerance * most;
}

/* What one has, the other has, and both have differently. */
struct tally {
	size_t same, differ, first, second;
};

static void
compare_lines(struct buf *out, const struct page *a, const struct page *b,
    double tolerance, struct tally *t)
{
	const struct line *x, *y;
	size_t i = 0, j = 0;
	int order;

	while (i < a->n || j < b->n) {
		x = i < a->n ? &a->lines[i] : NULL;
		y = j < b->n ? &b->lines[j] : NULL;
		order = x == NULL ? 1 : y == NULL ? -1 : line_order(x, y);
		i += order <= 0;
		j += order >= 0;
		if (order < 0) {
			t->first++;
			pdc_buf_fmt(out, "< %s %s\n", x->key, x->text);
		} else if (order > 0) {
			t->second++;
			pdc_buf_fmt(out, "> %s %s\n", y->key, y->text);
		} else if (line_same(x, y, tolerance)) {
			t->same++;
		} else {
			t->differ++;
			pdc_buf_fmt(out, "! %s %s %s\n", x->key, x->text,
			    y->text);
		}
	}
}

static int
compare_pages(struct cmd *cmd, struct page *a, struct page *b)
{
	struct tally t = { 0, 0, 0, 0 };
	double tolerance = 0;
	struct buf out;
	int status;

	if (cmd->opt[OPT_TOLERANCE] != NULL &&
	    parse_number(cmd, cmd->opt[OPT_TOLERANCE], &tolerance) != CMD_YES)
		return CMD_TROUBLE;
	if (!(tolerance >= 0))
		return cmd_fail(cmd, "--tolerance is a part, from 0 up");
	if (page_read(cmd, a) != CMD_YES || page_read(cmd, b) != CMD_YES)
		return CMD_TROUBLE;
	pdc_buf_init(&out);
	compare_lines(&out, a, b, tolerance, &t);
	pdc_buf_fmt(&out,
	    "%zu equal, %zu different, %zu only in the first, %zu only in the "
	    "second\n",
	    t.same, t.differ, t.first, t.second);
	status = out.error < 0 ? cmd_fail(cmd, "no memory") :
				 cmd_print(cmd, out.data, out.len);
	pdc_buf_fini(&out);
	if (status != CMD_YES)
		return status;
	return t.differ + t.first + t.second > 0 ? CMD_NO : CMD_YES;
}

int
cmd_compare(struct cmd *cmd)
{
	struct page a = { .from = cmd->words[1] },
		    b = { .from = cmd->words[2] };
	int status;

	if (strcmp(a.from, "-") == 0 && strcmp(b.from, "-") == 0)
		return cmd_fail(cmd, "standard input is one page only");
	pdc_buf_init(&a.keys);
	pdc_buf_init(&b.keys);
	status = compare_pages(cmd, &a, &b);
	page_free(&a);
	page_free(&b);
	return status;
}
