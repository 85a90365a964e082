/* SPDX-License-Identifier: ISC */
#include "config.h"

/*
 * A page in one of its formats, and what a family and its labels are called
 * there.
 */

#include <string.h>

#include "expo/expo.h"
#include "expo/form.h"
#include "pdc.h"

#define TYPE_TEXT "text/plain; version="
#define TYPE_OM "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define TYPE_PROTO \
	"application/vnd.google.protobuf; " \
	"proto=io.prometheus.client.MetricFamily; encoding=delimited"

#define TYPE_SCHEMES(type) \
	{ \
		[ESCAPE_UNDERSCORES] = type "; escaping=underscores", \
		[ESCAPE_DOTS] = type "; escaping=dots", \
		[ESCAPE_VALUES] = type "; escaping=values", \
		[ESCAPE_NONE] = type "; escaping=allow-utf-8", \
	}

const char *
pdc_expo_type(const struct expo_how *how)
{
	static const char *const text[] = TYPE_SCHEMES(
	    TYPE_TEXT "1.0.0; charset=utf-8");
	static const char *const om[] = TYPE_SCHEMES(TYPE_OM);
	static const char *const proto[] = TYPE_SCHEMES(TYPE_PROTO);

	switch (how->media) {
	case EXPO_OM_1_0_0:
		return how->told ? om[how->escape] : TYPE_OM;
	case EXPO_OM_0_0_1:
		return "application/openmetrics-text; version=0.0.1; "
		       "charset=utf-8";
	case EXPO_TEXT_1_0_0:
		return text[how->escape];
	case EXPO_PROTO:
		return how->told ? proto[how->escape] : TYPE_PROTO;
	default:
		return TYPE_TEXT "0.0.4; charset=utf-8";
	}
}

void
pdc_expo_init(struct expo *e, struct buf *out, const struct expo_how *how)
{
	memset(e, 0, sizeof(*e));
	e->out = out;
	e->how = *how;
	if (how->media == EXPO_OM_1_0_0 || how->media == EXPO_OM_0_0_1)
		e->form = &pdc_text_om;
	else if (how->media != EXPO_PROTO)
		e->form = &pdc_text_classic;
	pdc_buf_init(&e->base);
	pdc_buf_init(&e->names);
	pdc_buf_init(&e->labels);
	pdc_buf_init(&e->ends);
	pdc_buf_init(&e->end_at);
}

void
pdc_expo_fini(struct expo *e)
{
	pdc_buf_fini(&e->base);
	pdc_buf_fini(&e->names);
	pdc_buf_fini(&e->labels);
	pdc_buf_fini(&e->ends);
	pdc_buf_fini(&e->end_at);
}

/*
 * The suffix of a counter or an info belongs to the name that is escaped, where
 * its "_" has become two; the others are put behind what was escaped, as the
 * official libraries do.
 */
void
pdc_expo_base(struct buf *out, const struct expo_how *how, const char *name,
    int type)
{
	pdc_escape_metric(out, name, how->escape);
	if ((type == PDC_COUNTER || type == PDC_INFO) &&
	    (how->escape == ESCAPE_DOTS || how->escape == ESCAPE_VALUES) &&
	    !pdc_name_metric(name))
		pdc_buf_chr(out, '_');
}

static void
expo_nothing(struct expo *e, const struct collect_series *series)
{
	(void)e;
	(void)series;
}

static int
expo_relabels(const struct collect_family *f)
{
	uint32_t i;

	for (i = 0; i < f->nlabels; i++)
		if (!pdc_name_label(f->labels[i]))
			return 1;
	return 0;
}

static void
expo_open(struct expo *e, const struct collect_family *family, int alone)
{
	e->family = family;
	e->alone = alone;
	e->relabel = e->how.escape != ESCAPE_NONE && expo_relabels(family);
	pdc_buf_reset(&e->base);
	pdc_expo_base(&e->base, &e->how, family->name, family->type);
	pdc_buf_chr(&e->base, '\0');
	if (e->base.error < 0) {
		e->write = expo_nothing;
		e->out->error = e->base.error;
		return;
	}
	e->base.len--;
	if (e->how.media == EXPO_PROTO)
		pdc_proto_begin(e);
	else
		pdc_text_begin(e);
}

void
pdc_expo_begin(struct expo *e, const struct collect_family *family)
{
	expo_open(e, family, 0);
}

int
pdc_expo_has_created(const struct expo *e, const struct collect_family *f)
{
	return e->how.created && e->form != NULL && !e->form->beside &&
	    (f->type == PDC_COUNTER || f->type == PDC_SUMMARY ||
		f->type == PDC_HISTOGRAM);
}

void
pdc_expo_begin_created(struct expo *e, const struct collect_family *family)
{
	expo_open(e, family, 1);
}

void
pdc_expo_rest(struct expo *e, const struct collect_family *family)
{
	e->family = family;
	if (e->form == NULL)
		pdc_proto_begin(e);
}

void
pdc_expo_done(struct expo *e)
{
	if (e->form == NULL)
		pdc_proto_done(e);
}

void
pdc_expo_tail(struct expo *e)
{
	if (e->form != NULL)
		pdc_buf_str(e->out, e->form->tail);
}

const char *
pdc_expo_suffix(int type)
{
	switch (type) {
	case PDC_COUNTER:
		return "_total";
	case PDC_INFO:
		return "_info";
	default:
		return "";
	}
}

/* Whether it is one of the n names before it, or the name of names. */
static int
expo_twice(const char *names, const char *name)
{
	const char *p;

	if (strcmp(name, "__name__") == 0)
		return 1;
	for (p = names; p < name; p += strlen(p) + 1)
		if (strcmp(p, name) == 0)
			return 1;
	return 0;
}

int
pdc_expo_exemplar(const struct expo *e, const struct exemplar *ex)
{
	const char *s, *value, *end = ex->labels + ex->len;
	int same = 1, ret;
	struct buf b;

	for (s = ex->labels; s < end && same; s += strlen(s) + 1) {
		same = pdc_name_label(s);
		s += strlen(s) + 1;
	}
	if (same || e->how.escape == ESCAPE_NONE)
		return 1;
	pdc_buf_init(&b);
	for (s = ex->labels; s < end; s = value + strlen(value) + 1) {
		value = s + strlen(s) + 1;
		pdc_escape_name(&b, s, e->how.escape);
		pdc_buf_chr(&b, '\0');
		pdc_buf_put(&b, value, strlen(value) + 1);
	}
	ret = b.error == 0 && pdc_exemplar_sound(b.data, b.len);
	pdc_buf_fini(&b);
	return ret;
}

int
pdc_expo_labels_differ(const struct expo_how *how,
    const struct collect_family *f)
{
	size_t at = 0;
	struct buf b;
	uint32_t i;
	int ret = 1, relabels = expo_relabels(f);

	/* A stateset's name is that of a label, too. */
	if (how->escape == ESCAPE_NONE ||
	    (!relabels && f->type != PDC_STATESET))
		return 1;
	pdc_buf_init(&b);
	if (f->type == PDC_STATESET) {
		pdc_escape_name(&b, f->name, how->escape);
		pdc_buf_chr(&b, '\0');
	}
	for (i = 0; i < f->nlabels && ret && b.error == 0; i++) {
		at = b.len;
		pdc_escape_name(&b, f->labels[i],
		    relabels ? how->escape : ESCAPE_NONE);
		pdc_buf_chr(&b, '\0');
		ret = b.error < 0 || !expo_twice(b.data, b.data + at);
	}
	pdc_buf_fini(&b);
	return ret;
}
