/* SPDX-License-Identifier: ISC */
#ifndef PDC_EXPO_EXPO_H
#define PDC_EXPO_EXPO_H

#include "base/buf.h"
#include "base/escape.h"
#include "collect/collect.h"

enum expo_media {
	EXPO_TEXT_0_0_4,
	EXPO_TEXT_1_0_0,
	EXPO_OM_0_0_1, /* OpenMetrics under its old number */
	EXPO_OM_1_0_0,
	EXPO_PROTO /* delimited io.prometheus.client.MetricFamily */
};

/* How a page is written. */
struct expo_how {
	enum expo_media media;
	enum escape_scheme escape;
	int told; /* Content-Type names the scheme */
	int created; /* the texts: with created times, which protobuf has */
};

/* The Content-Type of such a page; static. */
const char *pdc_expo_type(const struct expo_how *);

/*
 * What an HTTP Accept header asks for, of how but created; NULL: none.  What
 * is not known, or not there, is text 0.0.4.
 */
void pdc_accept_format(struct expo_how *, const char *accept);

/* The same of Accept-Encoding, in the order of the offers. */
enum expo_coding { CODING_IDENTITY, CODING_GZIP, CODING_ZSTD, NCODINGS };
enum expo_coding pdc_accept_coding(const char *accept);
/* As Content-Encoding has it. */
const char *pdc_coding_word(enum expo_coding);

/* A name in expo.names. */
struct expo_name {
	uint32_t at, len;
};

enum expo_part {
	PART_PLAIN,
	PART_TOTAL,
	PART_INFO,
	PART_BUCKET,
	PART_SUM,
	PART_COUNT,
	PART_CREATED,
	NPARTS
};

struct expo;
typedef void (*expo_write)(struct expo *, const struct collect_series *);

/*
 * A page being written: families, their series, and the end.  Nothing fails;
 * the caller checks buf.error at its end.  Who wants a family again cuts the
 * buffer to where it began and begins anew.
 */
struct expo {
	struct buf *out;
	struct expo_how how;
	const struct collect_family *family;
	const struct text_form *form; /* of the texts */
	struct buf base; /* the family's exposed name, without suffix */
	struct buf names; /* of its samples, in part[] */
	struct expo_name part[NPARTS];
	char open; /* what stands before the first label */
	int relabel; /* the labels as stored cannot be used */
	int alone; /* only created times */
	expo_write write, line, sample; /* see text.c */
	struct buf labels; /* of a series, if so */
	struct buf
	    ends; /* `le="0.5"} `, `NAME="open"} `: one after the other */
	struct buf end_at; /* uint32_t: where each ends */
	size_t mark; /* protobuf: where the family begins */
};

void pdc_expo_init(struct expo *, struct buf *, const struct expo_how *);
void pdc_expo_fini(struct expo *);

void pdc_expo_begin(struct expo *, const struct collect_family *);
static inline void
pdc_expo_series(struct expo *e, const struct collect_series *series)
{
	e->write(e, series);
}

/* Go on with a family of which a part is done, in a message of its own. */
void pdc_expo_rest(struct expo *, const struct collect_family *);
void pdc_expo_done(struct expo *);
/*
 * Text 0.0.4 and 1.0.0 have created times in a gauge NAME_created of their own:
 * whether this family has one to follow, and begin it with the same series.
 */
int pdc_expo_has_created(const struct expo *, const struct collect_family *);
void pdc_expo_begin_created(struct expo *, const struct collect_family *);

void pdc_expo_tail(struct expo *);

/* The suffix of the name that text 0.0.4 has for a family of this type. */
const char *pdc_expo_suffix(int type);
/*
 * The name of a family in such a page, up to the suffixes of kinds.h, and
 * without quotes.
 */
void pdc_expo_base(struct buf *, const struct expo_how *, const char *name,
    int type);
/*
 * Whether an exemplar may be shown: names that are escaped may have become the
 * same, or too long.
 */
int pdc_expo_exemplar(const struct expo *, const struct exemplar *);
/* Whether no two labels of its samples have one name then. */
int pdc_expo_labels_differ(const struct expo_how *,
    const struct collect_family *);

/*
 * One line a number, as `pdc keys` prints them:
 * http_requests  _total:{"method":"GET"}  5  expires never
 *
 * All series of the family, taken with pdc_collect_series() until it gives
 * something else than COLLECT_NEXT, which is returned.
 */
int pdc_expo_keys(struct buf *, const struct collect_family *,
    struct collect *);

#endif
