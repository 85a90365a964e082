/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Content negotiation: the headers Accept and Accept-Encoding, of whoever asks.
 *
 * A header is a list of clauses; a clause is a word and parameters.  It is read
 * once, from left to right, and nothing is kept but the best clause so far: of
 * those that ask for something we have, the one with the highest q, and of
 * equal ones the first.
 */

#include <math.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "expo/expo.h"

/* A piece of the header; its end is behind it. */
struct accept_text {
	const char *s;
	size_t len;
};

struct accept_clause {
	struct accept_text word;
	struct accept_text version, escaping, proto, encoding;
	double q; /* 0 to 1 */
};

static int
accept_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Whether it is the word, in any case of letters. */
static int
accept_like(struct accept_text t, const char *word)
{
	return t.len == strlen(word) && strncasecmp(t.s, word, t.len) == 0;
}

static int
accept_is(struct accept_text t, const char *word)
{
	return t.len == strlen(word) && memcmp(t.s, word, t.len) == 0;
}

static const char *
accept_skip(const char *s)
{
	while (accept_blank(*s))
		s++;
	return s;
}

/*
 * Take a word up to one of ends, or in quotes.  What stands in the quotes is
 * taken as it is: nothing we know has a backslash.
 */
static const char *
accept_word(struct accept_text *t, const char *s, const char *ends)
{
	s = accept_skip(s);
	if (*s == '"') {
		t->s = ++s;
		while (*s != '\0' && *s != '"')
			s += *s == '\\' && s[1] != '\0' ? 2 : 1;
		t->len = (size_t)(s - t->s);
		if (*s == '"')
			s++;
		return s + strcspn(s, ends);
	}
	t->s = s;
	s += strcspn(s, ends);
	t->len = (size_t)(s - t->s);
	while (t->len > 0 && accept_blank(t->s[t->len - 1]))
		t->len--;
	return s;
}

/* What is no number is 1, as where there is none. */
static double
accept_q(struct accept_text t)
{
	double q;

	if (pdc_num_parse(&q, t.s, t.len) < 0 || isnan(q) || q > 1)
		return 1;
	return q > 0 ? q : 0;
}

/* Take one clause, of an Accept or Accept-Encoding; NULL: there is none. */
static const char *
accept_next(struct accept_clause *c, const char *s)
{
	struct accept_text name, value;

	while (*s == ',' || accept_blank(*s))
		s++;
	if (*s == '\0')
		return NULL;
	memset(c, 0, sizeof(*c));
	c->q = 1;
	s = accept_word(&c->word, s, ";,");
	while (*s == ';') {
		s = accept_word(&name, s + 1, "=;,");
		value.len = 0;
		value.s = s;
		if (*s == '=')
			s = accept_word(&value, s + 1, ";,");
		if (accept_like(name, "q"))
			c->q = accept_q(value);
		else if (accept_like(name, "version"))
			c->version = value;
		else if (accept_like(name, "escaping"))
			c->escaping = value;
		else if (accept_like(name, "proto"))
			c->proto = value;
		else if (accept_like(name, "encoding"))
			c->encoding = value;
	}
	return s;
}

static enum escape_scheme
accept_scheme(struct accept_text t)
{
	static const char *const words[] = {
		[ESCAPE_DOTS] = "dots",
		[ESCAPE_VALUES] = "values",
		[ESCAPE_NONE] = "allow-utf-8",
	};
	int i;

	for (i = ESCAPE_DOTS; i <= ESCAPE_NONE; i++)
		if (accept_is(t, words[i]))
			return (enum escape_scheme)i;
	return ESCAPE_UNDERSCORES;
}

/* The format a clause asks for; -1: none that we have. */
static int
accept_media(const struct accept_clause *c)
{
	if (accept_like(c->word, "application/openmetrics-text")) {
		if (c->version.s == NULL || accept_is(c->version, "1.0.0"))
			return EXPO_OM_1_0_0;
		return accept_is(c->version, "0.0.1") ? EXPO_OM_0_0_1 : -1;
	}
	if (accept_like(c->word, "text/plain")) {
		if (c->version.s == NULL || accept_is(c->version, "0.0.4"))
			return EXPO_TEXT_0_0_4;
		return accept_is(c->version, "1.0.0") ? EXPO_TEXT_1_0_0 : -1;
	}
	if (accept_like(c->word, "text/*") || accept_like(c->word, "*/*"))
		return EXPO_TEXT_0_0_4;
	if (accept_like(c->word, "application/vnd.google.protobuf") &&
	    accept_is(c->proto, "io.prometheus.client.MetricFamily") &&
	    accept_is(c->encoding, "delimited"))
		return EXPO_PROTO;
	return -1;
}

/* What a clause asks for, where the format knows of schemes. */
static void
accept_take(struct expo_how *how, const struct accept_clause *c,
    enum expo_media media)
{
	how->media = media;
	how->escape = ESCAPE_UNDERSCORES;
	how->told = 0;
	if (media == EXPO_TEXT_0_0_4 || media == EXPO_OM_0_0_1)
		return;
	how->told = c->escaping.s != NULL;
	how->escape = accept_scheme(c->escaping);
}

void
pdc_accept_format(struct expo_how *how, const char *accept)
{
	const char *s = accept != NULL ? accept : "";
	struct accept_clause c;
	double best = 0;
	int media;

	memset(&c, 0, sizeof(c));
	accept_take(how, &c, EXPO_TEXT_0_0_4);
	while ((s = accept_next(&c, s)) != NULL) {
		media = accept_media(&c);
		if (media < 0 || !(c.q > best))
			continue;
		best = c.q;
		accept_take(how, &c, (enum expo_media)media);
	}
}

static const char *const accept_codings[] = {
	[CODING_IDENTITY] = "identity",
	[CODING_GZIP] = "gzip",
	[CODING_ZSTD] = "zstd",
};

const char *
pdc_coding_word(enum expo_coding coding)
{
	return accept_codings[coding];
}

/*
 * A coding that is not named has the q of "*".  Without "*" it is not asked
 * for; identity is what remains then.
 */
enum expo_coding
pdc_accept_coding(const char *accept)
{
	const char *s = accept != NULL ? accept : "";
	double q[NCODINGS] = { -1, -1, -1 }, any = -1, best = 0;
	enum expo_coding coding = CODING_IDENTITY;
	struct accept_clause c;
	int i;

	while ((s = accept_next(&c, s)) != NULL) {
		if (accept_is(c.word, "*") && any < 0)
			any = c.q;
		for (i = 0; i < NCODINGS; i++)
			if (accept_like(c.word, accept_codings[i]) && q[i] < 0)
				q[i] = c.q;
	}
	for (i = 0; i < NCODINGS; i++) {
		if (q[i] < 0)
			q[i] = any;
		if (q[i] > best) {
			best = q[i];
			coding = (enum expo_coding)i;
		}
	}
	return coding;
}
