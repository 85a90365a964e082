/* SPDX-License-Identifier: ISC */
#ifndef PDC_BASE_ESCAPE_H
#define PDC_BASE_ESCAPE_H

#include <stddef.h>

struct buf;

/*
 * Strings in the text forms, UTF-8, and what may be a name.
 *
 * UTF-8 is taken strictly: no overlong forms, no surrogates, nothing over
 * U+10FFFF; NUL is a character as others.  A sequence that breaks these rules
 * counts as one invalid character for each maximal subpart (Unicode 15, 3.9).
 */

/* A label's value, without the quotes: \\ \" \n. */
void pdc_escape_label(struct buf *, const char *s, size_t len);
/* The words of HELP: \\ \n. */
void pdc_escape_help(struct buf *, const char *s, size_t len);
/*
 * A JSON string without the quotes, all printable ASCII, byte for byte as
 * Python's json.dumps() writes it; invalid becomes \ufffd.
 */
void pdc_escape_json(struct buf *, const char *s, size_t len);
/*
 * The same of the first character: outlen of at most 12 bytes.  Returns how
 * many of s it was, with ESCAPE_INVALID if these were no character.
 */
#define ESCAPE_JSON_MAX 12
#define ESCAPE_INVALID ((size_t)256)
size_t pdc_escape_json_next(char *out, size_t *outlen, const char *s,
    size_t len);

/*
 * What a JSON string without its quotes stands for, in UTF-8; half of a pair of
 * surrogates is U+FFFD, and what is no escape stands for itself.
 */
void pdc_unescape_json(struct buf *, const char *s, size_t len);

/*
 * Copy with U+FFFD for what is invalid.  dst has room for 3 * len; no NUL is
 * added.  Returns the bytes written.
 */
size_t pdc_utf8_clean(char *dst, const char *src, size_t len);
int pdc_utf8_valid(const char *s, size_t len);

/*
 * How a name that is not of the old letters is written where only these are
 * understood; a name of the old letters stays as it is.
 */
enum escape_scheme {
	ESCAPE_UNDERSCORES, /* my_metric */
	ESCAPE_DOTS, /* my_dot_metric */
	ESCAPE_VALUES, /* U__my_2e_metric */
	ESCAPE_NONE /* "my.metric": all UTF-8 is understood, in quotes */
};

/* A name to be read by others, of a metric or label; without quotes. */
void pdc_escape_metric(struct buf *, const char *name, enum escape_scheme);
void pdc_escape_name(struct buf *, const char *name, enum escape_scheme);

/*
 * name="value", as it stands between the braces of a sample: the name by the
 * scheme, and in quotes if it needs them then.
 */
void pdc_escape_pair(struct buf *, const char *name, const char *value,
    enum escape_scheme);

/* What may be a name: UTF-8 and not empty. */
int pdc_name_utf8(const char *);
/* [a-zA-Z_:][a-zA-Z0-9_:]* */
int pdc_name_metric(const char *);
/* [a-zA-Z_][a-zA-Z0-9_]* */
int pdc_name_label(const char *);

#endif
