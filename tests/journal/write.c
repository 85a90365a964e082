/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * Writes lines to a store as its input says, for test_python.sh: each line is
 * words that are parted by blanks, texts in hexadecimal.
 *
 *	log LEVEL MESSAGE FIELD ...
 *	event NAME FIELD ...
 *	measure NAME VALUE FIELD ...
 *	raw STREAM TEXT
 *
 * A field is NAME:s:TEXT, NAME:i:INTEGER, NAME:d:NUMBER, NAME:b:0 or
 * NAME:j:TEXT.  What is raw may be any line of a stream that is damaged; its
 * time is put behind the first byte.
 *
 *	write STORE
 */

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/journal.h"
#include "metric/metric.h"
#include "pdc.h"

#define FIELDS_MAX 64
#define BASE_16 16

/* In place. */
static char *
text(char *hex)
{
	char *from = hex, *to = hex, two[3] = "";

	for (; from[0] != '\0' && from[1] != '\0'; from += 2) {
		memcpy(two, from, 2);
		*to++ = (char)strtol(two, NULL, BASE_16);
	}
	*to = '\0';
	return hex;
}

static void
field(struct pdc_field *f, char *word)
{
	char *kind = strchr(word, ':'), *value;

	if (kind == NULL || (value = strchr(kind + 1, ':')) == NULL)
		errx(1, "a field is NAME:KIND:VALUE: %s", word);
	*kind++ = '\0';
	*value++ = '\0';
	memset(f, 0, sizeof(*f));
	f->name = text(word);
	switch (*kind) {
	case 'i':
	case 'b':
		f->kind = *kind == 'i' ? PDC_INTEGER : PDC_BOOL;
		f->integer = strtoll(value, NULL, 10);
		break;
	case 'd':
		f->kind = PDC_NUMBER;
		f->number = strtod(value, NULL);
		break;
	default:
		f->kind = *kind == 'j' ? PDC_JSON : PDC_STRING;
		f->text = text(value);
	}
}

static int
raw(struct pdc *p, const char *stream, const char *s)
{
	struct journal_text t = { .text = s,
		.len = (uint32_t)strlen(s),
		.at = 1 };
	struct journal *j;
	struct stxn x;
	int ret;

	t.stream = (enum journal_stream)atoi(stream);
	ret = pdc_stxn_write(&x, p->store, 1000);
	if (ret < 0)
		return ret;
	j = pdc_journal_begin(&x);
	(void)pdc_journal_add(j, &t);
	(void)pdc_journal_end(j);
	return pdc_stxn_commit(&x);
}

static int
line(struct pdc *p, char **words, int n)
{
	struct pdc_field f[FIELDS_MAX];
	int first = strcmp(words[0], "event") == 0 ? 2 : 3, i;
	size_t nfields = 0;

	if (strcmp(words[0], "raw") == 0)
		return raw(p, words[1], text(words[2]));
	for (i = first; i < n; i++)
		field(&f[nfields++], words[i]);
	if (strcmp(words[0], "log") == 0)
		return pdc_log(p, atoi(words[1]), text(words[2] + 1), f,
		    nfields);
	if (strcmp(words[0], "event") == 0)
		return pdc_event(p, text(words[1] + 1), f, nfields);
	return pdc_measure(p, text(words[1] + 1), strtod(words[2], NULL), f,
	    nfields);
}

int
main(int argc, char **argv)
{
	char *words[FIELDS_MAX], *s = NULL, *word;
	size_t size = 0;
	struct pdc *p;
	int n;

	if (argc != 2)
		errx(2, "usage: write STORE");
	if (pdc_open(&p, argv[1], NULL) < 0)
		errx(1, "%s", pdc_error());
	while (getline(&s, &size, stdin) > 0) {
		s[strcspn(s, "\n")] = '\0';
		n = 0;
		for (word = strtok(s, " "); word != NULL && n < FIELDS_MAX;
		     word = strtok(NULL, " "))
			words[n++] = word;
		if (n < 2)
			errx(1, "what is '%s'?", s);
		if (line(p, words, n) < 0)
			errx(1, "%s", pdc_error());
	}
	pdc_close(p);
	free(s);
	return 0;
}
