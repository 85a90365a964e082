/* SPDX-License-Identifier: ISC */

/*
 * random DIR SEED N: N stores full of what is hard to write and to read, of the
 * seeds SEED, SEED + 1, ..., and their pages in all formats: DIR/SEED.FORMAT.
 */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pdc.h"

#define FAMILIES 30
#define SERIES 4
#define TEXT_MAX 64

static uint64_t state;

static uint32_t
random_next(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 33) % below;
}

/* Up to n pieces of UTF-8; odd: also what no old name has. */
static const char *
random_text(char *out, uint32_t n, int odd)
{
	static const char *const pieces[] = { "a", "b", "_", "x1", "total",
		"_total", "_sum", "_count", "_bucket", "_created", "_info",
		"seconds", "_seconds", ".", "-", " ", "\"", "\\", "\n", "\r",
		"\t", "{", "}", ",", "=", "#", ":", "9", "\xc3\xa9",
		"\xe2\x80\xa8", "\xf0\x9f\x98\xb1", "\xef\xbb\xbf", "\x7f",
		"\x01", "le", "__name__", "\\n", "# EOF\n", "NaN", "U__" };
	uint32_t i, len = random_next(n + 1);

	out[0] = '\0';
	for (i = 0; i < len; i++)
		strcat(out,
		    pieces[random_next(
			odd ? sizeof(pieces) / sizeof(*pieces) : 13)]);
	return out;
}

static double
random_double(void)
{
	uint64_t bits;
	double v;

	switch (random_next(6)) {
	case 0:
		return random_next(1000);
	case 1:
		return random_next(UINT32_MAX);
	case 2:
		return -(double)random_next(100000) / 8;
	case 3:
		return random_next(2) ? INFINITY : -INFINITY;
	case 4:
		return random_next(4) ? 0.1 : NAN;
	default:
		bits = (uint64_t)random_next(UINT32_MAX) << 32 |
		    random_next(UINT32_MAX);
		memcpy(&v, &bits, sizeof(v));
		return v;
	}
}

/* Mostly with an exemplar, where it is of a family that has them. */
static void
random_count(const struct pdc_desc *d, struct pdc_series *s, double v)
{
	char name[3][TEXT_MAX], value[3][TEXT_MAX * 4];
	struct pdc_label l[3];
	uint32_t i, n;

	if (d->type == PDC_COUNTER)
		v = isfinite(v) ? fabs(v) : 1;
	if ((d->flags & PDC_EXEMPLARS) == 0 || random_next(4) == 0) {
		if (d->type == PDC_COUNTER)
			pdc_inc(s, v);
		else
			pdc_observe(s, v);
		return;
	}
	n = random_next(4);
	for (i = 0; i < n; i++) {
		l[i].name = random_text(name[i], 3, random_next(2) == 0);
		l[i].value = random_text(value[i], 8, 1);
	}
	if (d->type == PDC_COUNTER)
		pdc_inc_exemplar(s, v, l, n);
	else
		pdc_observe_exemplar(s, v, l, n);
}

static void
random_update(const struct pdc_desc *d, struct pdc_series *s)
{
	double v = random_double();
	uint32_t i;

	switch (d->type) {
	case PDC_COUNTER:
		random_count(d, s, v);
		break;
	case PDC_SUMMARY:
	case PDC_HISTOGRAM:
		for (i = random_next(5); i > 0; i--)
			random_count(d, s, random_double());
		break;
	case PDC_STATESET:
		pdc_set_state(s, random_next(2), 1);
		break;
	default:
		pdc_set(s, v);
	}
}

static int
bound_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* What was declared, or refused as it may be. */
static struct pdc_family *
random_family(struct pdc *pdc, struct pdc_desc *d)
{
	static char name[TEXT_MAX * 8], help[TEXT_MAX * 8], unit[TEXT_MAX];
	static char label[4][TEXT_MAX * 4];
	static const char *labels[5],
	    *const states[] = { "a", "b\"\\\n", NULL };
	static double bounds[8];
	struct pdc_family *f;
	uint32_t i;

	memset(d, 0, sizeof(*d));
	d->type = (enum pdc_type)(1 + random_next(PDC_UNKNOWN));
	snprintf(name, sizeof(name), "%s",
	    random_text(help, 4, random_next(2) != 0));
	d->name = name;
	if (random_next(3) == 0) {
		d->unit = random_text(unit, 2, random_next(4) == 0);
		strcat(name, "_");
		strcat(name, unit);
	}
	d->help = random_text(help, 9, 1);
	memset(labels, 0, sizeof(labels));
	for (i = 0; i < random_next(5); i++)
		labels[i] = random_text(label[i], 3, random_next(3) == 0);
	d->labels = labels;
	if (d->type == PDC_STATESET)
		d->states = states;
	if (d->type == PDC_COUNTER || d->type == PDC_HISTOGRAM)
		d->flags = random_next(2) ? PDC_EXEMPLARS : 0;
	if (d->type == PDC_HISTOGRAM) {
		d->nbounds = 1 + random_next(8);
		for (i = 0; i < d->nbounds; i++)
			bounds[i] = random_next(4) ? random_next(1000000) :
						     random_double();
		qsort(bounds, d->nbounds, sizeof(double), bound_order);
		d->bounds = bounds;
		if (random_next(3) == 0) { /* with classic ones, or without */
			d->flags |= PDC_NATIVE |
			    (random_next(2) ? PDC_NEGATIVE : 0);
			d->native_schema = (int)random_next(7) - 4;
			d->native_buckets = 1 + (unsigned)random_next(20);
			if (random_next(2))
				d->bounds = NULL;
		}
	}
	return pdc_declare(&f, pdc, d) == 0 ? f : NULL;
}

static void
random_fill(struct pdc *pdc)
{
	char value[4][TEXT_MAX * 4];
	const char *values[5];
	struct pdc_family *f;
	struct pdc_series *s;
	struct pdc_desc d;
	int i, j, k;

	for (i = 0; i < FAMILIES;) {
		f = random_family(pdc, &d);
		if (f == NULL)
			continue;
		i++;
		for (j = random_next(SERIES); j >= 0; j--) {
			for (k = 0; d.labels[k] != NULL; k++)
				values[k] = random_text(value[k], 4, 1);
			values[k] = NULL;
			if (pdc_labels(&s, f, k > 0 ? values : NULL) < 0)
				continue;
			random_update(&d, s);
			pdc_series_free(s);
		}
	}
}

#define PROTO \
	"application/vnd.google.protobuf;encoding=delimited;" \
	"proto=io.prometheus.client.MetricFamily"

static int
random_page(struct pdc *pdc, const char *dir, const char *seed,
    const char *const *format)
{
	char path[4096], *text;
	size_t len;
	FILE *out;
	int ret;

	ret = pdc_render(pdc, format[1], &text, &len, NULL);
	if (ret < 0)
		return ret;
	snprintf(path, sizeof(path), "%s/%s.%s", dir, seed, format[0]);
	out = fopen(path, "w");
	if (out == NULL || fwrite(text, 1, len, out) != len || fclose(out) != 0)
		ret = PDC_ESYS;
	pdc_free(text);
	return ret;
}

static int
random_store(const char *dir, uint64_t seed)
{
	static const char *const formats[][2] = {
		{ "text", "text/plain" },
		{ "om", "application/openmetrics-text" },
		{ "proto", PROTO },
		{ "text.dots", "text/plain;version=1.0.0;escaping=dots" },
		{ "om.dots", "application/openmetrics-text;escaping=dots" },
		{ "proto.dots", PROTO ";escaping=dots" },
		{ "text.values", "text/plain;version=1.0.0;escaping=values" },
		{ "om.values", "application/openmetrics-text;escaping=values" },
		{ "proto.values", PROTO ";escaping=values" },
		{ "utf8", "text/plain;version=1.0.0;escaping=allow-utf-8" },
		{ "proto.utf8", PROTO ";escaping=allow-utf-8" },
	};
	char store[4096], word[32];
	struct pdc *pdc;
	size_t i;
	int ret;

	state = seed * 0x9e3779b97f4a7c15u + 1;
	snprintf(word, sizeof(word), "%llu", (unsigned long long)seed);
	snprintf(store, sizeof(store), "%s/store%s", dir, word);
	ret = pdc_open(&pdc, store, NULL);
	if (ret < 0)
		return ret;
	random_fill(pdc);
	for (i = 0; ret == 0 && i < sizeof(formats) / sizeof(formats[0]); i++)
		ret = random_page(pdc, dir, word, formats[i]);
	pdc_close(pdc);
	return ret;
}

int
main(int argc, char **argv)
{
	uint64_t seed, i, n;
	int ret = 0;

	if (argc != 4)
		return 2;
	seed = strtoull(argv[2], NULL, 10);
	n = strtoull(argv[3], NULL, 10);
	for (i = 0; ret == 0 && i < n; i++)
		ret = random_store(argv[1], seed + i);
	if (ret < 0)
		fprintf(stderr, "random: %s\n", pdc_error());
	return ret == 0 ? 0 : 1;
}
