/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * A page taken apart, and whether it fits together in itself: count, sum and
 * buckets of a histogram, whole numbers everywhere.  Lines that begin with "#!"
 * are what the process that made the page adds: times of creation and drops.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/modes.h"
#include "model/model.h"

struct parse {
	struct view *v;
	int64_t cum[NFAMS][NSERS][NCOMPS];
	int64_t count[NFAMS][NSERS];
	double sum[NFAMS][NSERS];
	int states[NFAMS][NSERS];
};

static const char *const states[] = { "on", "up", "hot" };

static void
parse_wrong(struct parse *p, const char *line)
{
	if (p->v->wrong[0] == '\0')
		snprintf(p->v->wrong, sizeof(p->v->wrong), "%.*s",
		    (int)strcspn(line, "\n"), line);
}

/* The family whose name this begins with; what follows it. */
static int
parse_family(const char *line, size_t n, const char **rest)
{
	int f, found = -1;
	size_t len, best = 0;

	for (f = 0; f < NFAMS; f++) {
		len = strlen(shapes[f].name);
		if (len > n || len <= best ||
		    memcmp(line, shapes[f].name, len) != 0 ||
		    (len < n && line[len] != '_'))
			continue;
		found = f;
		best = len;
	}
	*rest = line + best;
	return found;
}

static int
parse_state(const char *labels, const char *end)
{
	const char *at = strstr(labels, ",m_b=\"");
	int i;

	if (at == NULL || at > end)
		return -1;
	for (i = 0; i < 3; i++)
		if (strncmp(at + 6, states[i], strlen(states[i])) == 0)
			return i;
	return -1;
}

static int
parse_bucket(const char *labels, const char *end)
{
	const char *at = strstr(labels, "le=\"");
	double le;

	if (at == NULL || at > end)
		return -1;
	le = strtod(at + 4, NULL);
	return le == 1 ? 0 : le == 2 ? 1 : isinf(le) ? 2 : -1;
}

/* The slot of a gauge that shows it, NSLOTS if that is none, else -1. */
static int
parse_slot(int f, const char *labels, const char *end)
{
	const char *at = strstr(labels, ",slot=\"");
	int slot;

	if (pdc_mode_keeps((int)shapes[f].mode) != KEEPS_SLOTS)
		return -1;
	if (at == NULL || at > end)
		return NSLOTS;
	slot = atoi(at + 7);
	return slot >= 0 && slot < NSLOTS ? slot : NSLOTS;
}

/* A number to its place, by the sample's suffix; 0 if there is none. */
static int
parse_put(struct parse *p, int f, int s, const char *suffix, size_t n,
    const char *labels, double v)
{
	struct view_series *vs = &p->v->s[f][s];
	const char *end = labels + strcspn(labels, "\n");
	int i;

#define IS(word) (n == sizeof(word) - 1 && memcmp(suffix, word, n) == 0)
	if (IS("_count")) {
		p->count[f][s] = (int64_t)v;
		vs->v.at[0] = shapes[f].type == PDC_SUMMARY ? (int64_t)v :
							      vs->v.at[0];
	} else if (IS("_sum")) {
		p->sum[f][s] = v;
	} else if (IS("_bucket")) {
		i = parse_bucket(labels, end);
		if (i < 0)
			return 0;
		p->cum[f][s][i] = (int64_t)v;
		if (f == F_X)
			p->v->other = 1;
	} else if (IS("_total") || IS("_info")) {
		vs->v.at[0] = (int64_t)v;
	} else if (n == 0 && f == F_B) {
		i = parse_state(labels, end);
		if (i < 0 || (v != 0 && v != 1))
			return 0;
		vs->v.at[0] |= (int64_t)v << i;
	} else if (n == 0) {
		i = parse_slot(f, labels, end);
		if (i == NSLOTS)
			return 0;
		if (i >= 0) {
			vs->slot_shown[i] = 1;
			vs->slots[i] = (int64_t)v;
		}
		vs->v.at[0] = (int64_t)v;
	} else {
		return 0;
	}
#undef IS
	vs->shown = 1;
	return 1;
}

static void
parse_sample(struct parse *p, const char *line)
{
	size_t n = strcspn(line, "{ \n"), len = strcspn(line, "\n");
	const char *rest, *labels = line + n, *space;
	int f, s = 0;
	double v;

	f = parse_family(line, n, &rest);
	space = memrchr(line, ' ', len);
	if (f < 0 || space == NULL) {
		if (strncmp(line, "pdc_", 4) != 0)
			parse_wrong(p, line);
		return;
	}
	v = strtod(space, NULL);
	if (strncmp(labels, "{overflow=\"true\"", 16) == 0) {
		s = OVER;
	} else if (shapes[f].nsers > 1) {
		if (strncmp(labels, "{l=\"v", 5) != 0) {
			parse_wrong(p, line);
			return;
		}
		s = atoi(labels + 5);
	}
	if (s < 0 || s > OVER ||
	    (strncmp(rest, "_sum", 4) != 0 && v != (double)(int64_t)v) ||
	    !parse_put(p, f, s, rest, (size_t)(line + n - rest), labels, v))
		parse_wrong(p, line);
}

static void
parse_note(struct parse *p, const char *line)
{
	unsigned long long n;
	long long ns;
	int a, b;

	if (sscanf(line, "#!created %d %d %lld", &a, &b, &ns) == 3)
		p->v->s[a][b].created_ns = ns;
	else if (sscanf(line, "#!drops %d %llu", &a, &n) == 2)
		p->v->drops[a] = n;
	else if (sscanf(line, "#!anomalies %llu", &n) == 1)
		p->v->anomalies = n;
}

/* Counts of buckets, and whether count and sum are theirs. */
static void
parse_sums(struct parse *p, int f, int s)
{
	struct view_series *v = &p->v->s[f][s];
	int hist = shape_of(f, p->v->other)->type == PDC_HISTOGRAM, c;
	double sum = 0;

	for (c = 0; hist && c < NCOMPS; c++)
		v->v.at[c] = p->cum[f][s][c] -
		    (c > 0 ? p->cum[f][s][c - 1] : 0);
	for (c = 0; c < NCOMPS; c++)
		sum += (double)v->v.at[c] * shape_seen[c];
	if ((hist || shapes[f].type == PDC_SUMMARY) &&
	    (sum != p->sum[f][s] ||
		p->count[f][s] != (hist ? p->cum[f][s][2] : v->v.at[0])) &&
	    p->v->wrong[0] == '\0')
		snprintf(p->v->wrong, sizeof(p->v->wrong),
		    "%s v%d: count %lld, sum %.17g, of %lld %lld %lld",
		    shapes[f].name, s, (long long)p->count[f][s], p->sum[f][s],
		    (long long)v->v.at[0], (long long)v->v.at[1],
		    (long long)v->v.at[2]);
	if (v->created_ns == 0 && p->v->wrong[0] == '\0' &&
	    pdc_mode_keeps((int)shapes[f].mode) == KEEPS_ONE)
		snprintf(p->v->wrong, sizeof(p->v->wrong),
		    "%s v%d has no created time", shapes[f].name, s);
}

int
view_parse(struct view *v, const char *page)
{
	struct parse p = { .v = v };
	const char *line;
	int f, s;

	memset(v, 0, sizeof(*v));
	for (line = page; *line != '\0'; line = strchrnul(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, "#!", 2) == 0)
			parse_note(&p, line);
		else if (*line != '#' && *line != '\0' && *line != '\n')
			parse_sample(&p, line);
	}
	for (f = 0; f < NFAMS; f++)
		for (s = 0; s < NSERS; s++)
			if (v->s[f][s].shown)
				parse_sums(&p, f, s);
	return v->wrong[0] == '\0';
}
